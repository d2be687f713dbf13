//! The part of a long ready list that is older than what came last: its head in RAM, and behind that
//! what is away ([`super::Paging`]).
//!
//! Empty as long as nothing is paged. Everything in it is older than the fresh messages and younger
//! than the returned ones.

use std::collections::VecDeque;

use crate::base::MessageId;

use super::entry::{Entry, Facts};
use super::expiry::Expiries;
use super::{Paged, Paging, Span};

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Backlog<P> {
    head: VecDeque<(MessageId, Entry<P>)>,
    /// Never of no messages.
    away: Option<Span>,
    /// The open question: its first id and its count. Never more than is away.
    asked: Option<(MessageId, u32)>,
}

impl<P> Backlog<P> {
    /// Nothing in RAM.
    pub(super) fn new(away: Option<Span>) -> Self {
        Self { head: VecDeque::new(), away, asked: None }
    }

    /// Messages in RAM.
    pub(super) fn head_len(&self) -> usize {
        self.head.len()
    }

    /// What is away.
    pub(super) fn away(&self) -> Option<Span> {
        self.away
    }

    /// The lowest id that may be here.
    pub(super) fn first(&self) -> Option<MessageId> {
        let in_head = self.head.front().map(|(id, _)| *id);
        in_head.or_else(|| self.away.map(|away| away.first))
    }

    /// The oldest message in RAM.
    pub(super) fn front(&self) -> Option<(MessageId, Facts)> {
        self.head.front().map(|(id, entry)| (*id, entry.facts))
    }

    /// Whether something that is away is on its way.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Takes the oldest message out; `None` when it is away.
    pub(super) fn pop(&mut self) -> Option<(MessageId, Entry<P>)> {
        let first = self.head.pop_front();
        if self.head.is_empty() && self.away.is_none() {
            self.head = VecDeque::new();
        }
        first
    }

    /// A message that is younger than all in the head, while nothing is away.
    pub(super) fn push_head(&mut self, id: MessageId, entry: Entry<P>) {
        self.head.push_back((id, entry));
    }

    /// Messages that are younger than all here go away.
    pub(super) fn send_away(&mut self, span: Span) {
        let away = self.away.get_or_insert(Span { messages: 0, bytes: 0, appended: 0, ..span });
        away.last = span.last;
        away.messages += span.messages;
        away.bytes += span.bytes;
        away.appended += span.appended;
    }

    /// What to ask for now, if anything: the head is half empty, and no question is open.
    pub(super) fn ask(&mut self, paging: Paging) -> Option<(MessageId, u32)> {
        let away = self.away?;
        let window = paging.window as usize;
        if self.asked.is_some() || self.head.len() > window / 2 {
            return None;
        }
        let room = (window - self.head.len()) as u64;
        let count = u32::try_from(away.messages.min(room)).unwrap_or(paging.window);
        self.asked = Some((away.first, count));
        self.asked
    }

    /// The answer to a question; gives the bytes of those whose handle keeps them in RAM.
    pub(super) fn take_back(
        &mut self,
        from: MessageId,
        messages: Vec<Paged<P>>,
        expiries: &mut Expiries,
    ) -> u64 {
        let (Some(mut away), Some((first, count))) = (self.away, self.asked) else { return 0 };
        if first != from {
            return 0;
        }
        assert!(messages.len() == count as usize, "as many come back as were asked for");
        let mut in_ram = 0;
        for message in messages {
            let Paged { id, payload, bytes, delivery_count, appended, residence, expires, .. } =
                message;
            assert!(away.first <= id && id <= away.last, "what was away comes back in order (Q2)");
            let mut facts = Facts::known(bytes, delivery_count, appended, residence);
            facts.set_priority(message.priority);
            if let Some(at) = expires {
                facts.set_expires(true);
                expiries.insert(id, at);
            }
            assert!(away.bytes >= bytes, "what comes back is what went away (Q8)");
            away.first = id.next();
            away.messages -= 1;
            away.bytes -= bytes;
            away.appended = away.appended.saturating_sub(u64::from(appended));
            in_ram += bytes - facts.disk_bytes();
            self.head.push_back((id, Entry { payload, facts }));
        }
        assert!(away.messages > 0 || away.bytes == 0, "what comes back is what went away (Q8)");
        self.asked = None;
        self.away = (away.messages > 0).then_some(away);
        in_ram
    }

    /// Forgets what is away, and that it was asked for.
    pub(super) fn drop_away(&mut self) -> Option<Span> {
        self.asked = None;
        self.away.take()
    }

    /// Looks at what is in RAM of a run of ids, both ends included.
    pub(super) fn visit(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, &mut Entry<P>),
    ) {
        let start = self.head.partition_point(|(id, _)| *id < first);
        for (id, entry) in self.head.range_mut(start..) {
            if *id > last {
                break;
            }
            each(*id, entry);
        }
    }

    /// Bytes that its list takes up, used or not.
    #[cfg(test)]
    pub(super) fn ram_cost(&self) -> usize {
        self.head.capacity() * size_of::<(MessageId, Entry<P>)>()
    }

    /// What is in RAM, the oldest first.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, &Entry<P>)> {
        if let Some((_, count)) = self.asked {
            assert!(self.away.is_some_and(|away| u64::from(count) <= away.messages));
        }
        self.head.iter().map(|(id, entry)| (*id, entry))
    }
}
