//! Messages that were handed out and are not settled, by holder (Q3).
//!
//! A holder is known here while it has a consumer on the queue or holds a message of it. A consumer
//! keeps the key of its holder's record, so handing out does not search; settling searches once per run.

use std::collections::BTreeMap;

use crate::base::{HolderId, MessageId, Millis};

use super::entry::{Entry, Facts, Handed};
use super::held::Held;
use super::slab::{Key, Slab};

/// The unsettled messages of one queue.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Unsettled<P> {
    holders: Slab<Held<P>>,
    by_id: BTreeMap<HolderId, Key>,
    len: u64,
    bytes: u64,
}

impl<P> Unsettled<P> {
    pub(super) fn new() -> Self {
        Self { holders: Slab::new(), by_id: BTreeMap::new(), len: 0, bytes: 0 }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes that its messages cost.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A consumer of this holder is attached; gives the key for [`Self::hold`].
    pub(super) fn join(&mut self, holder: HolderId) -> Key {
        let key = self.key_of(holder);
        if let Some(held) = self.holders.get_mut(key) {
            held.consumers += 1;
        }
        key
    }

    /// A consumer of the holder with this key is detached. What it was given stays.
    pub(super) fn leave(&mut self, key: Key) {
        let Some(held) = self.holders.get_mut(key) else {
            panic!("the record of a holder goes after its consumers (Q3)");
        };
        held.consumers -= 1;
        self.forget_if_idle(key);
    }

    /// The holder with this key holds one more message.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as a call it costs half as much again, in registers saved and words moved"
    )]
    pub(super) fn hold(
        &mut self,
        key: Key,
        id: MessageId,
        payload: P,
        facts: Facts,
        consumer: Option<Key>,
        now: Millis,
    ) {
        self.len += 1;
        self.bytes += facts.bytes;
        let Some(held) = self.holders.get_mut(key) else {
            panic!("the record of a holder goes after its consumers (Q3)");
        };
        held.insert(id, payload, facts, consumer, now);
    }

    /// A holder holds one more message that no consumer was given (`basic.get`).
    pub(super) fn hold_without_consumer(
        &mut self,
        holder: HolderId,
        id: MessageId,
        Entry { payload, facts }: Entry<P>,
        now: Millis,
    ) {
        let key = self.key_of(holder);
        self.hold(key, id, payload, facts, None, now);
    }

    /// Takes out what this holder holds in a run of ids, both ends included.
    #[inline]
    pub(super) fn take_run(
        &mut self,
        holder: HolderId,
        (first, last): (MessageId, MessageId),
        mut each: impl FnMut(MessageId, P, Facts, Option<Key>),
    ) {
        let Some(&key) = self.by_id.get(&holder) else { return };
        let Some(held) = self.holders.get_mut(key) else { return };
        let (len, bytes) = (&mut self.len, &mut self.bytes);
        held.take_run(first, last, |id, payload, facts, consumer| {
            *len -= 1;
            *bytes -= facts.bytes;
            each(id, payload, facts, consumer);
        });
        self.forget_if_idle(key);
    }

    /// Takes out all that this holder holds.
    pub(super) fn take_holder(
        &mut self,
        holder: HolderId,
        each: impl FnMut(MessageId, P, Facts, Option<Key>),
    ) {
        self.take_run(holder, (MessageId(0), MessageId(u64::MAX)), each);
    }

    /// Takes out what a consumer of this holder was given.
    pub(super) fn take_of_consumer(
        &mut self,
        holder: HolderId,
        consumer: Key,
        mut each: impl FnMut(MessageId, Entry<P>),
    ) {
        let Some(held) = self.by_id.get(&holder).and_then(|key| self.holders.get_mut(*key)) else {
            return;
        };
        let (len, bytes) = (&mut self.len, &mut self.bytes);
        held.take_of_consumer(consumer, |id, entry| {
            *len -= 1;
            *bytes -= entry.facts.bytes;
            each(id, entry);
        });
    }

    /// What consumers were given, and when, in no order.
    pub(super) fn each_of_consumers(&self, mut each: impl FnMut(Key, Millis)) {
        for held in self.by_id.values().filter_map(|key| self.holders.get(*key)) {
            held.each_of_consumers(&mut each);
        }
    }

    /// Shows everything, holder by holder, until `each` says that it has seen enough.
    pub(super) fn each(&self, mut each: impl FnMut(HolderId, MessageId, &Handed<P>) -> bool) {
        for held in self.by_id.values().filter_map(|key| self.holders.get(*key)) {
            for (id, handed) in held.iter() {
                if !each(held.holder, id, handed) {
                    return;
                }
            }
        }
    }

    /// When the first of them was handed out.
    pub(super) fn oldest_at(&self) -> Option<Millis> {
        let holders = self.by_id.values().filter_map(|key| self.holders.get(*key));
        holders.filter_map(Held::oldest_at).min()
    }

    /// Takes out everything, holder by holder.
    pub(super) fn take_all(&mut self, mut each: impl FnMut(MessageId, P, Facts, Option<Key>)) {
        let holders: Vec<HolderId> = self.by_id.keys().copied().collect();
        for holder in holders {
            self.take_holder(holder, &mut each);
        }
        assert!(self.len == 0 && self.bytes == 0, "every unsettled message has a holder (Q3)");
    }

    /// Looks at the messages of a run of ids, both ends included, holder by holder.
    pub(super) fn visit(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, &mut Entry<P>),
    ) {
        for key in self.by_id.values() {
            if let Some(held) = self.holders.get_mut(*key) {
                held.visit(first, last, each);
            }
        }
    }

    /// The records of the holders.
    #[cfg(test)]
    pub(super) fn holders(&self) -> impl Iterator<Item = &Held<P>> {
        assert_eq!(self.holders.len(), self.by_id.len());
        self.by_id.values().filter_map(|key| self.holders.get(*key))
    }

    fn key_of(&mut self, holder: HolderId) -> Key {
        *self.by_id.entry(holder).or_insert_with(|| self.holders.insert(Held::new(holder)))
    }

    #[inline]
    fn forget_if_idle(&mut self, key: Key) {
        if let Some(held) = self.holders.get(key)
            && held.consumers == 0
            && held.is_empty()
        {
            self.by_id.remove(&held.holder);
            self.holders.remove(key);
        }
    }
}
