//! A queue that drops duplicates.
//!
//! With `x-message-deduplication` alone a message is refused entry while one with its key is in the queue,
//! ready or unsettled (the community plug-in). With `x-cache-size` or `x-cache-ttl` the queue remembers the
//! last keys instead, whether their messages are still there or not (LavinMQ).
//!
//! ```text
//!             taken                    the log has it            it leaves, expires, is the oldest
//!   unknown ---------> open (waits) -------------------> known ---------------------------------> unknown
//!      ^                 |                                 ^
//!      +-----------------+ refused by the queue            | not persistent: known at once, in RAM only
//! ```
//!
//! * **D1** The record of a key is in the log when its message is: they are one submission. While keys are
//!   those of the messages that are there, the messages themselves are the records.
//! * **D2** A publish is confirmed, original or duplicate, when the original and its key are as safe as a
//!   confirm promises; while a key is open its publishes wait here and not in the machine.
//! * **D3** A message that was refused, or lost on disk, leaves no key. Nor does one that departs as a dead
//!   letter leave one that is looked for among the messages: it may come back before it is gone.
//! * **D4** What comes back as a dead letter (`x-death` names this queue) is no duplicate of itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::broker::Common;
use super::cell::{Cell, Core, QueueInfo};
use super::dedup::DeduplicationWindow;
use super::envelope::Envelope;
use super::payload::Payload;
use super::{Inbox, key_log};
use crate::base::limits::{
    DEDUPLICATION_KEY_BYTES_MAX, DEDUPLICATION_KEYS_MAX, DEDUPLICATION_WINDOW_BYTES_MAX,
};
use crate::base::{FieldTable, FieldValue, MessageId, Millis};
use crate::queue::{Command, Effect, Incoming, PublishRef};
use crate::routing::{CACHE_SIZE, CACHE_TTL, DEDUPLICATION, Deduplication};
use crate::store::{Entry, QueueNumber, RecoveredQueue, Submission};

/// What the log has of a queue from before.
#[derive(Clone, Copy, Default)]
pub(super) struct FromLog {
    /// Its messages.
    pub(super) messages: Option<RecoveredQueue>,
    /// The keys it remembers.
    pub(super) keys: Option<RecoveredQueue>,
}

/// See the module.
pub(super) struct Unique {
    settings: Deduplication,
    keys: Keys,
    /// Messages that are on their way to the disk.
    open: BTreeMap<MessageId, Open>,
    open_keys: BTreeMap<Box<[u8]>, MessageId>,
}

enum Keys {
    /// Those of the messages that are there.
    Present(Present),
    /// The last ones, and where their records go.
    Last(DeduplicationWindow, Option<Records>),
}

#[derive(Default)]
struct Present {
    ids: BTreeMap<Box<[u8]>, MessageId>,
    keys: BTreeMap<MessageId, Box<[u8]>>,
    bytes: usize,
    is_full: bool,
}

struct Records {
    number: QueueNumber,
    next: MessageId,
}

/// A message that the log does not have yet.
struct Open {
    key: Box<[u8]>,
    /// Its publish, and those of its duplicates.
    publishes: Vec<PublishRef>,
}

/// What a message is.
enum Verdict {
    /// Nothing is looked for.
    Any,
    New(Box<[u8]>, Option<u64>),
    /// Of a message that is open, or of one that is as safe as it will be.
    Duplicate(Option<MessageId>),
}

impl Unique {
    /// For a queue that was declared so; `None` for others. Reads what it remembers from the log, which
    /// blocks, at a restart only.
    pub(super) fn new(info: &QueueInfo, common: &Common, recovered: FromLog) -> Option<Box<Self>> {
        let get = |key: &str| info.arguments.get(key.as_bytes());
        if get(DEDUPLICATION) != Some(&FieldValue::Boolean(true)) {
            return None;
        }
        let settings = Deduplication::from_arguments(&info.arguments);
        let is_kept = info.is_stored() && common.log.is_some();
        let keys = if get(CACHE_SIZE).is_none() && get(CACHE_TTL).is_none() {
            Keys::Present(Present::default())
        } else {
            let records = (is_kept && settings.persistent).then(|| Records {
                number: info.number.keys(),
                next: recovered.keys.map_or(MessageId(1), |keys| keys.next_id),
            });
            Keys::Last(DeduplicationWindow::new(settings.keys_max, settings.ttl_ms), records)
        };
        let (open, open_keys) = (BTreeMap::new(), BTreeMap::new());
        let mut unique = Box::new(Self { settings, keys, open, open_keys });
        unique.recover(common, recovered);
        Some(unique)
    }

    fn recover(&mut self, common: &Common, recovered: FromLog) {
        let (Some(log), clock) = (&common.log, &*common.clock) else { return };
        match (&mut self.keys, recovered) {
            (Keys::Present(present), FromLog { messages: Some(messages), .. }) => {
                let settings = &self.settings;
                key_log::each_message(log, messages.number, |id, message, _| {
                    if message.header().has_headers {
                        let headers = (common.parse_headers)(message.properties());
                        if let Some((key, _)) = settings.key(&headers) {
                            present.add(key, id);
                        }
                    }
                });
            }
            (Keys::Last(window, Some(records)), FromLog { keys: Some(keys), .. }) => {
                let Deduplication { keys_max, ttl_ms, .. } = self.settings;
                let entries = key_log::read(log, keys, clock);
                *window = DeduplicationWindow::rebuild(keys_max, ttl_ms, entries, clock.now());
                let entries = key_log::obsolete(records.number, window.take_obsolete());
                let entries: Vec<Entry> = entries.into_iter().collect();
                log.submit(Submission { entries, durable: false, atomic: false, done: None });
            }
            _ => {}
        }
        common.memory.change(self.ram_bytes(), 0);
    }

    /// What the keys cost in RAM, about, in bytes.
    pub(super) fn ram_bytes(&self) -> u64 {
        match &self.keys {
            Keys::Present(present) => 2 * (present.bytes + 60 * present.ids.len()) as u64,
            Keys::Last(window, _) => window.ram_bytes(),
        }
    }

    /// The queue of the log that has the keys.
    pub(super) fn number(&self) -> Option<QueueNumber> {
        match &self.keys {
            Keys::Last(_, Some(records)) => Some(records.number),
            _ => None,
        }
    }

    /// Publishes that wait for the log.
    pub(super) fn waiting(&self) -> impl Iterator<Item = PublishRef> + '_ {
        self.open.values().flat_map(|open| open.publishes.iter().copied())
    }

    /// The queue is gone: nobody needs to wait any longer.
    fn end(&mut self) -> Vec<PublishRef> {
        let waiting = self.waiting().collect();
        self.open.clear();
        self.open_keys.clear();
        match &mut self.keys {
            Keys::Present(present) => *present = Present::default(),
            Keys::Last(window, _) => *window = DeduplicationWindow::new(1, None),
        }
        waiting
    }

    /// Looks at what becomes of the messages. Gives the publishes that need to wait no longer.
    pub(super) fn see<P>(&mut self, effect: &Effect<P>) -> Vec<PublishRef> {
        match (effect, &mut self.keys) {
            (Effect::Deleted, _) => return self.end(),
            (Effect::Release(span), Keys::Present(present)) => {
                present.remove(span.first, span.last);
            }
            (Effect::DeadLetter { id, .. }, Keys::Present(present)) => present.remove(*id, *id),
            // Nobody knows which: rather a duplicate than a message that can never be sent again.
            (Effect::Lost { .. }, Keys::Present(present)) => *present = Present::default(),
            _ => {}
        }
        Vec::new()
    }

    fn judge(&mut self, headers: &FieldTable, queue: &str, now: Millis) -> Verdict {
        let Some((key, ttl_ms)) = self.settings.key(headers) else { return Verdict::Any };
        if key.len() > DEDUPLICATION_KEY_BYTES_MAX {
            tracing::debug!(queue, bytes = key.len(), "a key is too long to be looked for");
            return Verdict::Any;
        }
        let is_known = match &mut self.keys {
            Keys::Present(present) => present.ids.contains_key(&key),
            Keys::Last(window, _) => window.contains(&key, now),
        };
        if !is_known {
            return Verdict::New(key, ttl_ms);
        }
        if matches!(self.keys, Keys::Last(..)) && was_here(headers, queue) {
            return Verdict::Any;
        }
        Verdict::Duplicate(self.open_keys.get(&key).copied())
    }

    /// A message was taken. `waits` when it goes to the log as one that outlives the process.
    fn taken(&mut self, new: &New, id: MessageId, common: &Common, now: Millis) -> Option<Entry> {
        if new.waits {
            let publishes = new.publish.into_iter().collect();
            self.open.insert(id, Open { key: new.key.clone(), publishes });
            self.open_keys.insert(new.key.clone(), id);
        }
        match &mut self.keys {
            Keys::Present(present) => {
                present.add(new.key.clone(), id);
                None
            }
            Keys::Last(window, records) => {
                let expires = window.expiry(new.ttl_ms, now);
                window.insert(&new.key, new.ttl_ms, now);
                let records = records.as_mut().filter(|_| new.waits)?;
                if !window.set_record(&new.key, records.next) {
                    return None;
                }
                let record = records.next;
                records.next = record.next();
                Some(key_log::record(records.number, record, &new.key, expires, &*common.clock))
            }
        }
    }

    /// Records that are no longer needed.
    fn obsolete(&mut self) -> Option<Entry> {
        let Keys::Last(window, records) = &mut self.keys else { return None };
        let ids = window.take_obsolete();
        key_log::obsolete(records.as_ref()?.number, ids)
    }

    /// The log has everything up to this id.
    fn written(&mut self, up_to: MessageId) -> Vec<PublishRef> {
        let later = self.open.split_off(&up_to.next());
        let written = std::mem::replace(&mut self.open, later);
        let mut publishes = Vec::new();
        for (id, open) in written {
            if self.open_keys.get(&open.key) == Some(&id) {
                self.open_keys.remove(&open.key);
            }
            publishes.extend(open.publishes);
        }
        publishes
    }
}

/// A message whose key is new.
struct New {
    key: Box<[u8]>,
    ttl_ms: Option<u64>,
    waits: bool,
    publish: Option<PublishRef>,
}

impl Present {
    /// A key that came later is that of its last message.
    fn add(&mut self, key: Box<[u8]>, id: MessageId) {
        while self.ids.len() >= DEDUPLICATION_KEYS_MAX
            || self.bytes + key.len() > DEDUPLICATION_WINDOW_BYTES_MAX
        {
            let Some((oldest, _)) = self.keys.first_key_value().map(|(id, key)| (*id, key)) else {
                break;
            };
            if !self.is_full {
                self.is_full = true;
                tracing::warn!(
                    keys = self.ids.len(),
                    "a queue holds more keys than are looked through: duplicates of its oldest messages are not found"
                );
            }
            self.remove(oldest, oldest);
        }
        if let Some(before) = self.ids.insert(key.clone(), id) {
            self.keys.remove(&before);
        } else {
            self.bytes += key.len();
        }
        self.keys.insert(id, key);
    }

    fn remove(&mut self, first: MessageId, last: MessageId) {
        while let Some((id, _)) = self.keys.range(first..=last).next() {
            let id = *id;
            let Some(key) = self.keys.remove(&id) else { return };
            self.bytes -= key.len();
            self.ids.remove(&key);
        }
    }
}

/// Whether a message was in this queue before and comes back as a dead letter.
fn was_here(headers: &FieldTable, queue: &str) -> bool {
    let Some(FieldValue::Array(deaths)) = headers.get(b"x-death") else { return false };
    deaths.iter().any(|death| match death {
        FieldValue::Table(death) => {
            death.get(b"queue").and_then(FieldValue::as_text) == Some(queue)
        }
        _ => false,
    })
}

impl Cell {
    /// Messages that were dropped because the queue had them, or one with their key, before.
    #[must_use]
    pub fn dropped_duplicates(&self) -> u64 {
        self.duplicates.load(Ordering::Relaxed)
    }
}

impl Core {
    /// The next thing to be done. In a queue that drops duplicates nothing is put into a machine that
    /// waits for a page: a message that it keeps back has no id yet.
    pub(super) fn next_envelope(&mut self) -> Option<Envelope> {
        if self.executor.unique.is_none() {
            return self.taken.pop_front();
        }
        let waits = self.machine.is_waiting();
        if !waits && let Some(envelope) = self.behind.pop_front() {
            return Some(envelope);
        }
        while let Some(envelope) = self.taken.pop_front() {
            let is_answer = matches!(
                envelope,
                Envelope::Written { .. }
                    | Envelope::Tell(
                        Command::PagedIn { .. } | Command::Departed { .. } | Command::Tick
                    )
            );
            if is_answer || !waits {
                return Some(envelope);
            }
            self.behind.push_back(envelope);
        }
        None
    }

    /// Takes what a queue that drops duplicates has to look at; gives the rest back.
    pub(super) fn look_for_duplicates(
        &mut self,
        cell: &Arc<Cell>,
        now: Millis,
        envelope: Envelope,
    ) -> Option<Envelope> {
        let Some(unique) = &mut self.executor.unique else { return Some(envelope) };
        match envelope {
            Envelope::Publish { messages, publisher } => {
                self.enqueue_unique(cell, messages, publisher, now);
                None
            }
            Envelope::Written { ids, positions } => {
                if let Some(last) = ids.last() {
                    for publish in unique.written(*last) {
                        confirm(&mut self.effects, publish);
                    }
                }
                Some(Envelope::Written { ids, positions })
            }
            other => Some(other),
        }
    }

    fn enqueue_unique(
        &mut self,
        cell: &Arc<Cell>,
        messages: Vec<Incoming<Payload>>,
        publisher: Arc<Inbox>,
        now: Millis,
    ) {
        self.executor.admit_publisher(&messages, publisher);
        // rabbitmq: what was routed to a queue is its `publish`, whatever the queue does with it.
        cell.counters.publish.add(messages.len() as u64);
        let common = cell.common();
        let mut seen = 0;
        for message in messages {
            self.see_since(seen);
            seen = self.effects.len();
            let headers = message.payload.message().filter(|m| m.header().has_headers);
            let headers = headers.map(|m| (common.parse_headers)(m.properties()));
            let queue = cell.info().name.as_str();
            let verdict = match (&mut self.executor.unique, &headers) {
                (Some(unique), Some(headers)) => unique.judge(headers, queue, now),
                _ => Verdict::Any,
            };
            match verdict {
                Verdict::Any => self.enqueue_one(message, now),
                Verdict::New(key, ttl_ms) => self.enqueue_new(key, ttl_ms, message, common, now),
                Verdict::Duplicate(of) => {
                    cell.duplicates.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(queue, "a duplicate was dropped");
                    let Some(publish) = message.publish else { continue };
                    let unique = self.executor.unique.as_mut();
                    match of.and_then(|id| unique?.open.get_mut(&id)) {
                        Some(open) => open.publishes.push(publish),
                        None => confirm(&mut self.effects, publish),
                    }
                }
            }
        }
        let obsolete = self.executor.unique.as_mut().and_then(|unique| unique.obsolete());
        self.executor.keep_keys(obsolete);
    }

    /// What left the queue in this turn is no original any more, executed or not.
    fn see_since(&mut self, seen: usize) {
        let Self { effects, executor, .. } = self;
        let Some(unique) = &mut executor.unique else { return };
        let ended: Vec<_> =
            effects.iter().skip(seen).flat_map(|effect| unique.see(effect)).collect();
        for publish in ended {
            confirm(effects, publish);
        }
    }

    fn enqueue_new(
        &mut self,
        key: Box<[u8]>,
        ttl_ms: Option<u64>,
        mut message: Incoming<Payload>,
        common: &Common,
        now: Millis,
    ) {
        let waits = message.persistent && self.executor.keeps_messages();
        let publish = if waits { message.publish.take() } else { None };
        let id = self.machine.next_id();
        self.enqueue_one(message, now);
        if self.machine.next_id() > id {
            let new = New { key, ttl_ms, waits, publish };
            let unique = self.executor.unique.as_mut();
            let entry = unique.and_then(|unique| unique.taken(&new, id, common, now));
            self.executor.keep_keys(entry);
        } else if let Some(publish) = publish {
            // rabbitmq: confirms.md, a publish that races with a delete is confirmed.
            if self.machine.is_deleted() {
                confirm(&mut self.effects, publish);
            } else {
                self.effects.push(Effect::Refuse { publish });
            }
        }
    }

    fn enqueue_one(&mut self, message: Incoming<Payload>, now: Millis) {
        self.enqueue_followed(now, message);
    }
}

fn confirm(effects: &mut crate::queue::Effects<Payload>, publish: PublishRef) {
    effects.push(Effect::Confirm { first: publish, last: publish.sequence });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Box<[u8]> {
        Box::from([n])
    }

    #[test]
    fn a_key_is_there_as_long_as_its_message() {
        let mut present = Present::default();
        for n in 1..=4 {
            present.add(key(n), MessageId(n.into()));
        }
        present.remove(MessageId(2), MessageId(3));
        assert_eq!(present.ids.keys().cloned().collect::<Vec<_>>(), [key(1), key(4)]);
        present.add(key(4), MessageId(9));
        present.remove(MessageId(4), MessageId(4));
        assert!(present.ids.contains_key(&key(4)), "the later message of this key is there");
        present.remove(MessageId(1), MessageId(9));
        assert_eq!((present.ids.len(), present.keys.len(), present.bytes), (0, 0, 0));
    }
}
