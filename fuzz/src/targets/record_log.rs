//! Recovery of the message log from files that somebody has changed.
//!
//! A log is written once, in several images; each input changes one of them. What comes back must be what was
//! published, to the last octet; what is missing must be reported; and a log that was mended stays as it is.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::{Arc, OnceLock, mpsc};

use bytes::Bytes;
use haremq::base::{Body, ExchangeName, Message, MessageHeader, MessageId};
use haremq::store::{
    CrashImage, EnqueueOptions, Entry, FileLayer, LogOptions, MessageLog, QueueNumber, Recovered,
    SegmentLog, SimulatedLayer, Stored, Submission, check,
};

use super::super::harness::Script;
use super::memory::allocates_at_most;

/// What a check of the small images may hold; a length that is believed would be far more.
const CHECK_BYTES_MAX: u64 = 4 * 1024 * 1024;

const QUEUES: u64 = 3;

type Name = (u64, u64);

/// A folder and what must be in it.
struct Image {
    layer: SimulatedLayer,
    waiting: BTreeMap<Name, Vec<u8>>,
}

/// Every message that was ever published, and the images in the order of their making.
struct World {
    published: BTreeMap<Name, Vec<u8>>,
    images: Vec<Image>,
}

/// The first octet chooses the image, the others what becomes of it.
pub(super) fn run(input: &[u8]) {
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(World::new);
    let mut script = Script::new(input);
    let image = &world.images[script.below(world.images.len())];
    let layer = image.layer.after_crash(CrashImage::Kept);
    let only_small = damage(&mut script, &layer);
    let checked = allocates_at_most(CHECK_BYTES_MAX, || {
        check(Arc::new(layer.after_crash(CrashImage::Kept)), &mut |_, done, all| {
            assert!(done <= all);
        })
    });
    let Ok((found, recovered)) = recover(&layer) else { return };
    for (name, body) in &found {
        assert_eq!(Some(body), world.published.get(name), "{name:?} is not what was published");
    }
    let missing = image.waiting.keys().filter(|name| !found.contains_key(name)).count();
    let report = checked.expect("what can be opened can be checked");
    let told = !recovered.damages.is_empty()
        || recovered.cut.is_some()
        || recovered.lost_messages > 0
        || !report.damages.is_empty()
        || report.cut.is_some();
    assert!(!only_small || missing == 0 || told, "{missing} messages are gone without a word");
    let (again, second) = recover(&layer).expect("a mended log opens");
    assert_eq!(again, found, "mending is done once: {:?}", second.damages);
    assert_eq!(second.cut, None, "what was cut stays cut");
}

/// Changes files; true when only a few octets of records were written over, which a checksum must notice.
fn damage(script: &mut Script<'_>, layer: &SimulatedLayer) -> bool {
    let mut only_small = true;
    for _ in 0..=script.below(4) {
        let Ok(mut names) = layer.list() else { break };
        names.sort();
        if names.is_empty() {
            break;
        }
        let name = names[script.below(names.len())].clone();
        let Ok(file) = layer.open(&name) else { continue };
        let length = file.length().unwrap_or(0);
        let at = u64::from(script.word()) * 8 % length.max(1) + script.below(8) as u64;
        let done = match script.below(10) {
            0..=5 => {
                let bytes = script.take(4);
                let room = usize::try_from(length.saturating_sub(at)).unwrap_or(0);
                file.write_at(&mut [IoSlice::new(&bytes[..bytes.len().min(room)])], at)
            }
            6 => {
                only_small = false;
                file.resize(at)
            }
            7 => {
                only_small = false;
                let mut piece = vec![0; usize::from(script.word()) % 4096];
                let from = u64::from(script.word()) * 8 % length.max(1);
                let read = file.read_at(&mut piece, from).unwrap_or(0);
                piece.truncate(read);
                file.write_at(&mut [IoSlice::new(&piece)], at)
            }
            8 => {
                only_small = false;
                let zeros = vec![0; usize::from(script.word()) % 4096];
                file.write_at(&mut [IoSlice::new(&zeros)], at)
            }
            _ => {
                only_small = false;
                let other = names[script.below(names.len())].clone();
                if script.flag() { layer.remove(&name) } else { layer.rename(&name, &other) }
            }
        };
        done.expect("the simulated disk takes it");
    }
    only_small
}

fn options() -> LogOptions {
    LogOptions { segment_bytes: 64 * 1024, index_ram_bytes: 16 * 1024, ..LogOptions::with_salt(42) }
}

type Found = (BTreeMap<Name, Vec<u8>>, Recovered);

/// Opens the log, reads every message that it can, and leaves as a killed process does.
fn recover(layer: &SimulatedLayer) -> Result<Found, haremq::store::LogError> {
    let (log, recovered) = SegmentLog::open(Arc::new(layer.clone()), options(), Box::new(|_| ()))?;
    let mut found = BTreeMap::new();
    for queue in &recovered.queues {
        let mut from = MessageId(0);
        while let Ok(entries) = log.entries(queue.number, from, 256) {
            for entry in &entries {
                let wanted = Stored { queue: queue.number, id: entry.id, position: entry.position };
                if let Ok(message) = log.read(&wanted) {
                    found.insert((queue.number.0, entry.id.0), message.body().to_vec());
                }
            }
            let Some(last) = entries.last() else { break };
            assert!(last.id >= from, "ids go up");
            from = MessageId(last.id.0 + 1);
        }
    }
    Ok((found, recovered))
}

impl World {
    fn new() -> Self {
        let layer = SimulatedLayer::new();
        let mut world = Self { published: BTreeMap::new(), images: Vec::new() };
        let mut waiting = BTreeMap::new();
        for part in 0..4u64 {
            let opened = SegmentLog::open(Arc::new(layer.clone()), options(), Box::new(|_| ()));
            let (log, _) = opened.expect("it opens");
            for id in part * 20 + 1..=part * 20 + 20 {
                let queue = id % QUEUES + 1;
                let bytes = match id % 7 % 3 {
                    0 => 20,
                    1 => 300,
                    _ => 3000,
                };
                let body = vec![id.to_le_bytes()[0]; bytes];
                submit(&log, vec![enqueue(queue, id, &body)]);
                world.published.insert((queue, id), body.clone());
                waiting.insert((queue, id), body);
                if id % 4 == 0 {
                    let (queue, gone) = (QueueNumber((id - 1) % QUEUES + 1), MessageId(id - 1));
                    submit(&log, vec![Entry::Settle { queue, runs: vec![(gone, gone)] }]);
                    waiting.remove(&(queue.0, gone.0));
                }
            }
            world.keep(&layer, &waiting);
            if part % 2 == 0 {
                log.close().expect("it closes");
                world.keep(&layer, &waiting);
            }
        }
        world
    }

    fn keep(&mut self, layer: &SimulatedLayer, waiting: &BTreeMap<Name, Vec<u8>>) {
        let layer = layer.after_crash(CrashImage::Kept);
        self.images.push(Image { layer, waiting: waiting.clone() });
    }
}

fn enqueue(queue: u64, id: u64, body: &[u8]) -> Entry {
    let exchange = ExchangeName::try_from("e").expect("short");
    let body = Body::One(Bytes::copy_from_slice(body));
    let header = MessageHeader { persistent: true, ..MessageHeader::default() };
    let message = Message::new(&exchange, b"key", &[0, 0], body, header);
    let options = EnqueueOptions::default();
    Entry::Enqueue { queue: QueueNumber(queue), id: MessageId(id), message, options }
}

/// Hands facts in and waits until they are on the disk.
fn submit(log: &SegmentLog, entries: Vec<Entry>) {
    let (tell, told) = mpsc::channel();
    let done = Box::new(move |written| drop(tell.send(written)));
    log.submit(Submission { entries, durable: true, atomic: false, done: Some(done) });
    told.recv().expect("the ticket is answered").expect("it is written");
}
