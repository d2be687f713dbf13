//! Messages that expire (rabbitmq: ttl.md).
//!
//! Only the head of a queue expires: a message whose time is over waits behind an older one whose time
//! is not, as in RabbitMQ's classic queues, and is never handed out. A moment is as long as a
//! millisecond: at the moment of its expiry a message is still handed out by [`Machine::deliver`], and
//! what nobody takes is given up then. So a message with a TTL of 0 reaches a consumer that waits, and
//! nobody else.

use std::collections::{BTreeMap, VecDeque};

use crate::base::limits::QUEUE_STEP_MESSAGES_MAX;
use crate::base::{MessageId, Millis};

use super::entry::Entry;
use super::releases::Leaving;
use super::{Effects, Machine, Reason};

/// When messages expire: of those that carry the mark in their facts, and only of them. Empty for a
/// queue without such messages.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Expiries {
    /// Of fresh messages ([`super::ready`]), in runs: the last id that may belong to a run, and the
    /// moment. Messages of one batch mostly share it.
    fresh: VecDeque<(MessageId, Millis)>,
    /// Of all others in RAM.
    others: BTreeMap<MessageId, Millis>,
}

impl Expiries {
    pub(super) fn new() -> Self {
        Self { fresh: VecDeque::new(), others: BTreeMap::new() }
    }

    /// Of a message that just became the newest fresh one.
    pub(super) fn push_fresh(&mut self, id: MessageId, at: Millis) {
        match self.fresh.back_mut() {
            Some((last, moment)) if *moment == at => *last = id,
            _ => self.fresh.push_back((id, at)),
        }
    }

    /// Of a message that is in RAM and not fresh.
    pub(super) fn insert(&mut self, id: MessageId, at: Millis) {
        self.others.insert(id, at);
    }

    /// Of the first fresh message or of one that is not fresh; it carries the mark.
    pub(super) fn of(&self, id: MessageId) -> Option<Millis> {
        if let Some(at) = self.others.get(&id) {
            return Some(*at);
        }
        self.fresh.iter().find(|(last, _)| *last >= id).map(|(_, at)| *at)
    }

    /// Takes out that of the first fresh message, or of one that is not fresh.
    pub(super) fn take(&mut self, id: MessageId) -> Option<Millis> {
        if let Some(at) = self.others.remove(&id) {
            return Some(at);
        }
        while let Some(&(last, at)) = self.fresh.front() {
            if last <= id {
                self.fresh.pop_front();
            }
            if last >= id {
                return Some(at);
            }
        }
        None
    }

    /// Of a message that is gone, and was not fresh.
    pub(super) fn forget(&mut self, id: MessageId) {
        self.others.remove(&id);
    }

    /// There are no fresh messages any more.
    pub(super) fn forget_fresh(&mut self) {
        self.fresh = VecDeque::new();
    }

    /// Everything that is known of messages that are not fresh.
    #[cfg(test)]
    pub(super) fn others(&self) -> impl Iterator<Item = MessageId> {
        self.others.keys().copied()
    }

    /// Bytes that its runs take up, used or not.
    #[cfg(test)]
    pub(super) fn ram_cost(&self) -> usize {
        self.fresh.capacity() * size_of::<(MessageId, Millis)>() + self.others.len() * 16
    }
}

/// What [`Machine::deliver`] finds at the head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Head {
    /// A message that may be handed out.
    Fit,
    /// Something that had expired; it is given up, and there is another head or none.
    Changed,
    /// More that has expired than fits in one call.
    Later,
    /// One that has expired and cannot be given up now.
    Stuck,
}

impl<P: Clone> Machine<P> {
    /// When a message that comes now expires: the smaller of the queue's TTL and its own counts.
    pub(super) fn expiry(&self, now: Millis, own: Option<u64>) -> Option<Millis> {
        let ttl = match (self.config.message_ttl, own) {
            (Some(queue), Some(own)) => queue.min(own),
            (Some(ttl), None) | (None, Some(ttl)) => ttl,
            (None, None) => return None,
        };
        Some(now.after(ttl))
    }

    /// When the head expires, if it is in RAM and does.
    pub(super) fn head_expiry(&self) -> Option<Millis> {
        let (id, facts) = self.ready.first()?;
        if facts.expires() { self.expiries.of(id) } else { None }
    }

    /// Whether the head expired at this moment or before, and may not be handed out any more.
    pub(super) fn head_expired(&self, by: Millis) -> bool {
        self.head_expiry().is_some_and(|at| at <= by)
    }

    /// Takes the first message out and forgets when it expires.
    pub(super) fn take_head(&mut self) -> Option<(MessageId, Entry<P>)> {
        let (id, entry) = self.ready.pop()?;
        if entry.facts.expires() {
            self.expiries.take(id);
        }
        Some((id, entry))
    }

    /// Gives up what has expired at the head, as much as fits in one call.
    pub(super) fn expire(&mut self, by: Millis, effects: &mut Effects<P>) {
        let mut leaving = Leaving::new();
        for _ in 0..QUEUE_STEP_MESSAGES_MAX {
            if !self.head_expired(by) || self.holds_back() {
                break;
            }
            let Some((id, entry)) = self.take_head() else { break };
            self.give_up(Reason::Expired, id, entry, &mut leaving, effects);
        }
        self.finish(leaving, effects);
    }

    /// Looks at the head before it is handed out.
    #[cold]
    #[inline(never)]
    pub(super) fn look_at_head(&mut self, now: Millis, effects: &mut Effects<P>) -> Head {
        let Some(by) = before(now) else { return Head::Fit };
        if !self.head_expired(by) {
            return Head::Fit;
        }
        self.expire(by, effects);
        match (self.head_expired(by), self.holds_back()) {
            (false, _) => Head::Changed,
            (true, false) => Head::Later,
            (true, true) => Head::Stuck,
        }
    }

    /// A message is handed out: what is known of it goes where it is found when the message returns.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_expiry(&mut self, id: MessageId, held: bool) {
        if let Some(at) = self.expiries.take(id)
            && held
        {
            self.expiries.insert(id, at);
        }
    }
}

/// The last moment before this one.
pub(super) fn before(now: Millis) -> Option<Millis> {
    now.0.checked_sub(1).map(Millis)
}
