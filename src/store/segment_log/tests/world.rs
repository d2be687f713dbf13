//! A log on a simulated disk, and an oracle that knows what every ticket promised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::base::{Body, ExchangeName, Message, MessageHeader, MessageId, Millis};
use crate::store::segment_log::{Engine, message_of};
use crate::store::{
    CrashImage, EnqueueOptions, Entry, LogError, LogOptions, QueueNumber, Recovered,
    SimulatedLayer, Stored, Submission, recovery,
};

/// A message as the oracle knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) body: Vec<u8>,
    /// Somebody was told that it is safe.
    confirmed: bool,
    settle_asked: bool,
    /// Somebody was told that the settle is safe.
    settle_confirmed: bool,
}

type Name = (u64, u64);

/// An atomic submission of which nobody has heard yet.
#[derive(Clone, Debug)]
struct Atomic {
    enqueued: Vec<Name>,
    settled: Vec<Name>,
    confirmed: bool,
}

#[derive(Default)]
struct Told {
    confirmed: BTreeSet<usize>,
    refused: Vec<LogError>,
}

/// What one submission asked for.
#[derive(Default)]
struct Asked {
    enqueued: Vec<Name>,
    settled: Vec<Name>,
    durable: bool,
    atomic: bool,
}

pub(super) struct World {
    pub(super) layer: SimulatedLayer,
    pub(super) options: LogOptions,
    pub(super) engine: Engine,
    pub(super) recovered: Recovered,
    pub(super) known: BTreeMap<Name, Known>,
    next: BTreeMap<u64, u64>,
    atomics: Vec<Atomic>,
    asked: Vec<Asked>,
    told: Arc<Mutex<Told>>,
    dropped: BTreeSet<u64>,
    /// What was handed out: should it come back, it comes back marked.
    handed_out: BTreeSet<Name>,
}

pub(super) fn small_options() -> LogOptions {
    LogOptions { segment_bytes: 64 * 1024, index_ram_bytes: 16 * 1024, ..LogOptions::with_salt(42) }
}

pub(super) fn open(
    layer: &SimulatedLayer,
    options: LogOptions,
) -> Result<(Engine, Recovered), LogError> {
    recovery::open(Arc::new(layer.clone()), options, Box::new(|_| {}))
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(SimulatedLayer::new(), small_options())
    }

    pub(super) fn with(layer: SimulatedLayer, options: LogOptions) -> Self {
        let (engine, recovered) = open(&layer, options).expect("a new folder opens");
        Self {
            layer,
            options,
            engine,
            recovered,
            known: BTreeMap::new(),
            next: BTreeMap::new(),
            atomics: Vec::new(),
            asked: Vec::new(),
            told: Arc::default(),
            dropped: BTreeSet::new(),
            handed_out: BTreeSet::new(),
        }
    }

    /// A message for these queues; its bytes can be told from those of every other.
    pub(super) fn message(&mut self, queues: &[u64], bytes: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut message: Option<Message> = None;
        for &queue in queues {
            let next = self.next.entry(queue).or_insert(1);
            let id = *next;
            *next += 1;
            let message = message.get_or_insert_with(|| {
                let seed = queue * 1_000_003 + id;
                let body: Vec<u8> =
                    (0..bytes as u64).map(|at| ((seed + at * 7) % 251) as u8).collect();
                message_with(&body)
            });
            let body = message.body().to_vec();
            self.known.insert((queue, id), Known { body, ..Known::default() });
            let options = EnqueueOptions::default();
            let (queue, id) = (QueueNumber(queue), MessageId(id));
            entries.push(Entry::Enqueue { queue, id, message: message.clone(), options });
        }
        entries
    }

    /// Messages that nobody asked to settle, oldest first.
    pub(super) fn waiting(&self, queue: u64) -> Vec<u64> {
        let of_queue = self.known.range((queue, 0)..(queue + 1, 0));
        of_queue.filter(|(_, known)| !known.settle_asked).map(|((_, id), _)| *id).collect()
    }

    pub(super) fn settle(queue: u64, ids: &[u64]) -> Entry {
        let runs = ids.iter().map(|id| (MessageId(*id), MessageId(*id))).collect();
        Entry::Settle { queue: QueueNumber(queue), runs }
    }

    /// Submits facts with a ticket.
    pub(super) fn submission(
        &mut self,
        entries: Vec<Entry>,
        durable: bool,
        atomic: bool,
    ) -> Submission {
        let mut asked = Asked { durable, atomic, ..Asked::default() };
        for entry in &entries {
            match entry {
                Entry::Enqueue { queue, id, .. } => asked.enqueued.push((queue.0, id.0)),
                Entry::Settle { queue, runs } => {
                    for (first, last) in runs {
                        let names: Vec<Name> = self
                            .known
                            .range((queue.0, first.0)..=(queue.0, last.0))
                            .map(|(name, _)| *name)
                            .collect();
                        asked.settled.extend(names);
                    }
                }
                Entry::Delivered { .. } => {}
                Entry::DropQueue { queue } => {
                    self.dropped.insert(queue.0);
                    let all = self.known.range((queue.0, 0)..(queue.0 + 1, 0));
                    asked.settled.extend(all.map(|(name, _)| *name));
                }
            }
        }
        for name in &asked.settled {
            if let Some(known) = self.known.get_mut(name) {
                known.settle_asked = true;
            }
        }
        let number = self.asked.len();
        self.asked.push(asked);
        let told = Arc::clone(&self.told);
        let done: crate::store::LogDone = Box::new(move |result| {
            let mut told = told.lock().expect("no test panics while it holds this");
            match result {
                Ok(_) => assert!(told.confirmed.insert(number), "a ticket is completed once"),
                Err(error) => told.refused.push(error),
            }
        });
        Submission { entries, durable, atomic, done: Some(done) }
    }

    /// Submits one group and lets the engine do its housekeeping.
    pub(super) fn run(&mut self, submissions: Vec<Submission>) {
        for entry in submissions.iter().flat_map(|submission| &submission.entries) {
            if let Entry::Delivered { queue, runs, .. } = entry {
                for (first, last) in runs {
                    let names = self.known.range((queue.0, first.0)..=(queue.0, last.0));
                    let waiting = names.filter(|(_, known)| !known.settle_asked);
                    self.handed_out.extend(waiting.map(|(name, _)| *name));
                }
            }
        }
        self.engine.run(submissions);
        let mut turns = 0;
        while self.engine.work() {
            turns += 1;
            assert!(turns < 10_000, "housekeeping comes to an end");
        }
        self.hear();
    }

    pub(super) fn submit(&mut self, entries: Vec<Entry>) {
        let submission = self.submission(entries, true, false);
        self.run(vec![submission]);
    }

    pub(super) fn publish(&mut self, queue: u64, count: usize, bytes: usize) {
        let entries = (0..count).flat_map(|_| self.message(&[queue], bytes)).collect();
        self.submit(entries);
    }

    pub(super) fn tick(&mut self, now: u64) {
        self.engine.tick(Millis(now));
        while self.engine.work() {}
        self.hear();
    }

    /// Takes in what the tickets said.
    fn hear(&mut self) {
        let confirmed = std::mem::take(&mut self.told.lock().expect("as above").confirmed);
        for number in confirmed {
            let asked = std::mem::take(&mut self.asked[number]);
            for name in asked.enqueued.iter().filter(|_| asked.durable) {
                if let Some(known) = self.known.get_mut(name) {
                    known.confirmed = true;
                }
            }
            for name in asked.settled.iter().filter(|_| asked.durable) {
                if let Some(known) = self.known.get_mut(name) {
                    known.settle_confirmed = true;
                }
            }
            if asked.atomic {
                let (enqueued, settled) = (asked.enqueued, asked.settled);
                self.atomics.push(Atomic { enqueued, settled, confirmed: true });
            }
        }
    }

    pub(super) fn refusals(&self) -> usize {
        self.told.lock().expect("as above").refused.len()
    }

    pub(super) fn confirmed(&self) -> usize {
        self.known.values().filter(|known| known.confirmed).count()
    }

    /// Atomic submissions without an answer: after a crash they are there as a whole or not at all.
    fn open_atomics(&self) -> impl Iterator<Item = Atomic> {
        let open = self.asked.iter().filter(|asked| asked.atomic);
        let open = open.map(|asked| Atomic {
            enqueued: asked.enqueued.clone(),
            settled: asked.settled.clone(),
            confirmed: false,
        });
        open.collect::<Vec<_>>().into_iter()
    }

    /// What the engine has, read back.
    pub(super) fn found(&self) -> BTreeMap<Name, Vec<u8>> {
        read_all(&self.engine)
    }

    /// Compares an engine with what was promised.
    pub(super) fn verify(&self, engine: &Engine, context: &str) {
        let found = read_all(engine);
        for (name, body) in &found {
            let Some(known) = self.known.get(name) else {
                panic!("{context}: message {name:?} was never submitted")
            };
            assert!(known.body == *body, "{context}: message {name:?} has another body");
            assert!(!known.settle_confirmed, "{context}: message {name:?} was settled for good");
        }
        for (name, known) in &self.known {
            if known.confirmed && !known.settle_asked {
                assert!(found.contains_key(name), "{context}: message {name:?} is missing");
            }
        }
        for atomic in self.open_atomics().chain(self.atomics.iter().cloned()) {
            self.verify_atomic(&found, &atomic, context);
        }
    }

    /// I10: what was handed out and comes back is marked redelivered, also when the log never heard of it.
    fn verify_marks(&self, engine: &Engine, context: &str) {
        let files = &engine.shared.files;
        let queues = engine.shared.index().summaries();
        for queue in queues {
            let (from, all) = (MessageId(0), usize::MAX);
            let entries = engine.shared.index().entries(files, queue.number, from, all);
            for entry in entries.expect("the index can be read") {
                let name = (queue.number.0, entry.id.0);
                let came_unmarked = self.handed_out.contains(&name) && !entry.redelivered();
                assert!(!came_unmarked, "{context}: message {name:?} comes back unmarked");
            }
        }
    }

    /// All of it or nothing, as far as nobody else settled something of it.
    fn verify_atomic(&self, found: &BTreeMap<Name, Vec<u8>>, atomic: &Atomic, context: &str) {
        let settled_by_others =
            |name: &Name| self.known.get(name).is_none_or(|known| known.settle_asked);
        let mut signs: Vec<bool> = atomic
            .enqueued
            .iter()
            .filter(|name| !settled_by_others(name))
            .map(|name| found.contains_key(name))
            .collect();
        // What it settles was confirmed before, so it is there exactly when the submission is not.
        signs.extend(
            atomic
                .settled
                .iter()
                .filter(|name| self.known.get(name).is_some_and(|known| known.confirmed))
                .map(|name| !found.contains_key(name)),
        );
        let all = signs.iter().all(|sign| *sign);
        let none = signs.iter().all(|sign| !*sign);
        assert!(all || (none && !atomic.confirmed), "{context}: half of {atomic:?}: {signs:?}");
    }

    /// The folder after a crash, opened again and compared.
    pub(super) fn reopen_after(
        &self,
        image: CrashImage,
        context: &str,
    ) -> (SimulatedLayer, Engine) {
        let layer = self.layer.after_crash(image);
        let (engine, recovered) = match open(&layer, self.options) {
            Ok(opened) => opened,
            Err(error) => panic!("{context}: {error}"),
        };
        assert!(recovered.damages.is_empty(), "{context}: {:?}", recovered.damages);
        assert_eq!(recovered.lost_messages, 0, "{context}");
        self.verify(&engine, context);
        self.verify_marks(&engine, context);
        (layer, engine)
    }

    /// Goes on with the folder as it is found after a crash.
    pub(super) fn crash(&mut self, image: CrashImage, context: &str) {
        let (layer, engine) = self.reopen_after(image, context);
        (self.layer, self.engine) = (layer, engine);
        self.settle_the_unknown();
    }

    /// After a restart: what is found is the truth from now on, and nobody waits for a ticket.
    fn settle_the_unknown(&mut self) {
        let found = self.found();
        self.known.retain(|name, _| found.contains_key(name));
        self.handed_out.retain(|name| found.contains_key(name));
        for known in self.known.values_mut() {
            known.confirmed = true;
            known.settle_asked = false;
        }
        self.asked.clear();
        self.atomics.clear();
        self.told = Arc::default();
        for queue in self.engine.shared.index().summaries() {
            let next = self.next.entry(queue.number.0).or_insert(1);
            *next = (*next).max(queue.next_id.0);
        }
    }

    /// A clean stop and a start.
    pub(super) fn restart(&mut self) {
        self.engine.close().expect("it can be closed");
        self.hear();
        let (engine, recovered) = open(&self.layer, self.options).expect("it opens again");
        self.verify(&engine, "after a clean stop");
        self.verify_marks(&engine, "after a clean stop");
        (self.engine, self.recovered) = (engine, recovered);
        self.settle_the_unknown();
    }

    pub(super) fn segments(&self) -> usize {
        use crate::store::FileLayer as _;
        let names = self.layer.list().expect("it can be listed");
        names.iter().filter(|name| name.ends_with(".segment")).count()
    }
}

pub(super) fn message_with(body: &[u8]) -> Message {
    Message::new(
        &ExchangeName::try_from("logs").expect("a short name"),
        b"key",
        b"\x10\x00\x02",
        Body::One(bytes::Bytes::copy_from_slice(body)),
        MessageHeader { persistent: true, ..MessageHeader::default() },
    )
}

fn read_all(engine: &Engine) -> BTreeMap<Name, Vec<u8>> {
    let mut found = BTreeMap::new();
    let files = &engine.shared.files;
    let queues = engine.shared.index().summaries();
    for queue in queues {
        let entries = engine.shared.index().entries(files, queue.number, MessageId(0), usize::MAX);
        let entries = entries.expect("the index can be read");
        assert!(entries.is_sorted_by(|one, next| one.id < next.id));
        assert_eq!(entries.len() as u64, queue.messages);
        assert_eq!(entries.iter().map(|entry| entry.bytes).sum::<u64>(), queue.bytes);
        for entry in entries {
            assert!(entry.id < queue.next_id);
            let (header, record) = files.record(entry.position).expect("it can be read");
            let stored = Stored { queue: queue.number, id: entry.id, position: entry.position };
            let message = message_of(&header, &record, &stored).expect("it is that message");
            assert_eq!(entry.bytes, message.content_bytes());
            found.insert((queue.number.0, entry.id.0), message.body().to_vec());
        }
    }
    found
}
