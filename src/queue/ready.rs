//! Messages that wait to be handed out, in order of their ids.
//!
//! Three parts. *Fresh* messages came last: their ids are consecutive up to the newest, so only the
//! newest is stored. *Returned* ones were handed out, and are therefore older than all that never were
//! (Q2): an ordered map that is consumed first puts each back at its old place without touching the
//! rest. Between them stands the [`Backlog`], when the list is so long that a part of it is paged out;
//! a list that never pages has none, and never looks for it.

use std::collections::BTreeMap;

use crate::base::{MessageId, Plant, planted};

use super::backlog::{Backlog, TakenBack};
use super::chunks::Chunks;
use super::entry::{Entry, Facts};
use super::expiry::Expiries;
use super::levels::Levels;
use super::{Paged, Paging, QueueConfig, Span, WhenDue};

/// The ready messages of one queue. It also gives the ids.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Ready<P> {
    fresh: Chunks<Entry<P>>,
    backlog: Backlog<P>,
    returned: BTreeMap<MessageId, Entry<P>>,
    /// In the place of all these, where a message may come to any place. They count as older.
    levels: Option<Box<Levels<P>>>,
    /// Messages that are older than the fresh ones: returned, or in the backlog.
    older: u64,
    /// The id of the next message to come.
    next: MessageId,
    bytes: u64,
}

impl<P> Ready<P> {
    pub(super) fn new(config: &QueueConfig) -> Self {
        Self::recover(config, MessageId(1), None)
    }

    /// A list whose messages are all away, and the id of the next message to come.
    pub(super) fn recover(config: &QueueConfig, next: MessageId, away: Option<Span>) -> Self {
        let levelled = config.max_priority.is_some() || config.due != WhenDue::Ignored;
        assert!(away.is_none_or(|away| away.last < next), "ids are never used again (Q1)");
        Self {
            fresh: Chunks::new(),
            backlog: Backlog::new(away),
            returned: BTreeMap::new(),
            levels: levelled.then(|| Box::new(Levels::new())),
            older: away.map_or(0, |away| away.messages),
            next,
            bytes: away.map_or(0, |away| away.bytes),
        }
    }

    /// Takes a new message and gives it its id. Not where a message may come to any place: there it is
    /// [`Self::push_levelled`].
    #[inline]
    pub(super) fn push(&mut self, entry: Entry<P>) -> MessageId {
        debug_assert!(!self.is_levelled(), "levels keep their own ids");
        let id = self.next;
        self.next = id.next();
        self.bytes += entry.facts.bytes;
        self.fresh.push_back(entry);
        id
    }

    /// As [`Self::push`], wherever messages are kept.
    #[inline(never)]
    pub(super) fn push_levelled(&mut self, entry: Entry<P>) -> MessageId {
        let Some(levels) = &mut self.levels else { return self.push(entry) };
        let id = self.next;
        self.next = id.next();
        self.bytes += entry.facts.bytes;
        self.older += 1;
        levels.insert(id, entry);
        id
    }

    /// Whether a message may come to any place here.
    pub(super) fn is_levelled(&self) -> bool {
        self.levels.is_some()
    }

    /// The id of the next message to come.
    pub(super) fn next_id(&self) -> MessageId {
        self.next
    }

    /// Gives an id to a message that is not ready yet; it comes with [`Self::put_back`].
    pub(super) fn reserve(&mut self) -> MessageId {
        assert!(self.is_levelled(), "fresh messages have consecutive ids");
        let id = self.next;
        self.next = id.next();
        id
    }

    /// What came back from away goes to its place, or out, with those that are not ready yet.
    pub(super) fn sort_in(
        &mut self,
        mut is_ready: impl FnMut(MessageId) -> bool,
    ) -> Vec<(MessageId, Entry<P>)> {
        let mut out = Vec::new();
        let Some(levels) = &mut self.levels else { return out };
        while let Some((id, entry)) = self.backlog.pop() {
            if is_ready(id) {
                levels.insert(id, entry);
            } else {
                self.older -= 1;
                self.bytes -= entry.facts.bytes;
                out.push((id, entry));
            }
        }
        out
    }

    /// Bytes of the places of messages that are not paged out.
    pub(super) fn place_bytes(&self) -> u64 {
        self.levels.as_ref().map_or(0, |levels| levels.bytes())
    }

    /// Takes the oldest message out; `None` when there is none, or when it is away.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for `Chunks::push_back`")]
    pub(super) fn pop(&mut self) -> Option<(MessageId, Entry<P>)> {
        if self.older > 0 {
            return self.pop_older();
        }
        let id = self.first_fresh();
        let entry = self.fresh.pop_front()?;
        self.bytes -= entry.facts.bytes;
        Some((id, entry))
    }

    /// The oldest message, if it is there.
    pub(super) fn first(&self) -> Option<(MessageId, Facts)> {
        if self.older == 0 {
            return Some((self.first_fresh(), self.fresh.front()?.facts));
        }
        if let Some(levels) = &self.levels {
            return if self.backlog.away().is_none() { levels.first() } else { None };
        }
        let returned = self.returned.first_key_value().map(|(id, entry)| (*id, entry.facts));
        returned.or_else(|| self.backlog.front())
    }

    /// Whether the oldest message is away, and nobody has asked for it.
    pub(super) fn is_stalled(&self) -> bool {
        self.older > 0 && !self.has_first() && !self.backlog.is_asked()
    }

    /// Puts a message that was handed out back to its old place.
    pub(super) fn put_back(&mut self, id: MessageId, entry: Entry<P>) {
        if let Some(levels) = &mut self.levels {
            self.bytes += entry.facts.bytes;
            self.older += 1;
            return levels.insert(id, entry);
        }
        let first = self.backlog.first().unwrap_or(self.first_fresh());
        assert!(id < first, "a returned message is older than all that never was (Q2)");
        self.bytes += entry.facts.bytes;
        self.older += 1;
        let twin = self.returned.insert(id, entry);
        assert!(twin.is_none(), "a message is in one place only (Q1)");
    }

    /// Whether there is no message, here or away.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.older == 0 && self.fresh.len() == 0
    }

    /// Whether the oldest message is there and can be taken.
    #[inline]
    pub(super) fn has_first(&self) -> bool {
        if self.older == 0 { self.fresh.len() > 0 } else { self.has_first_older() }
    }

    pub(super) fn len(&self) -> u64 {
        self.older + self.fresh.len() as u64
    }

    /// The bytes that its messages cost.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the piece out that goes away next, if the list is long enough for one and `safe` says so
    /// of its last message. The head window is filled before anything goes away.
    pub(super) fn page_out(
        &mut self,
        paging: Paging,
        expiries: &mut Expiries,
        safe: impl FnOnce(MessageId) -> bool,
    ) -> Option<(Span, Vec<Paged<P>>)> {
        if self.is_levelled() {
            return None;
        }
        let (window, piece) = (paging.window as usize, paging.piece as usize);
        let head_room = match self.backlog.away() {
            Some(_) => 0,
            None => window.saturating_sub(self.backlog.head_len()),
        };
        let first_id = self.first_fresh().0 + head_room as u64;
        let (first, last) = (MessageId(first_id), MessageId(first_id + piece as u64 - 1));
        if self.fresh.len() < head_room + piece + window || !safe(last) {
            return None;
        }
        for _ in 0..head_room {
            let (id, entry) = self.take_fresh()?;
            if entry.facts.expires()
                && let Some(at) = expiries.take(id)
            {
                expiries.insert(id, at);
            }
            self.backlog.push_head(id, entry);
        }
        let mut span = Span { first, last, messages: piece as u64, bytes: 0, appended: 0 };
        let mut messages = Vec::with_capacity(piece);
        for _ in 0..piece {
            let (id, Entry { payload, facts }) = self.take_fresh()?;
            span.bytes += facts.bytes;
            span.appended += u64::from(facts.appended());
            let moment = if facts.expires() { expiries.take(id) } else { None };
            messages.push(Paged::new(id, payload, facts, moment));
        }
        self.backlog.send_away(span);
        Some((span, messages))
    }

    /// What to ask for now, if anything, when somebody takes messages.
    pub(super) fn page_in(&mut self, paging: Paging) -> Option<(Span, u32)> {
        self.backlog.ask(paging)
    }

    /// The answer to a question; `None` when it is forgotten.
    pub(super) fn take_back(
        &mut self,
        from: MessageId,
        messages: Vec<Paged<P>>,
        more: bool,
        expiries: &mut Expiries,
    ) -> Option<TakenBack> {
        let back = self.backlog.take_back(from, messages, more, expiries)?;
        self.older = self.older - back.away_before.0 + back.messages + back.away_after.0;
        self.bytes = self.bytes - back.away_before.1 + back.bytes + back.away_after.1;
        Some(back)
    }

    /// Whether a part of the list is away.
    pub(super) fn is_paged(&self) -> bool {
        self.backlog.away().is_some()
    }

    /// Drops what is away.
    pub(super) fn drop_away(&mut self) -> Option<Span> {
        let away = self.backlog.drop_away()?;
        self.older -= away.messages;
        self.bytes -= away.bytes;
        Some(away)
    }

    /// Looks at the messages of a run of ids (both ends included) that are in RAM.
    pub(super) fn visit(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, &mut Entry<P>),
    ) {
        for (id, entry) in self.returned.range_mut(first..=last) {
            each(*id, entry);
        }
        self.backlog.visit(first, last, each);
        if let Some(levels) = &mut self.levels {
            levels.visit(first, last, each);
        }
        let fresh = self.first_fresh().0;
        let place = |id: u64| usize::try_from(id.saturating_sub(fresh)).unwrap_or(usize::MAX);
        self.fresh.visit(place(first.0)..place(last.0.saturating_add(1)), |place, entry| {
            each(MessageId(fresh + place as u64), entry);
        });
    }

    /// What is in RAM, the oldest first; what is away comes behind the backlog's head.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, &Entry<P>)> {
        let returned = self.returned.iter().map(|(id, entry)| (*id, entry));
        let ids = (self.first_fresh().0..).map(MessageId);
        let levels = self.levels.iter().flat_map(|levels| levels.iter());
        returned.chain(self.backlog.iter()).chain(levels).chain(ids.zip(self.fresh.iter()))
    }

    /// What is away, and how many of the messages of [`Self::iter`] come before it.
    #[cfg(test)]
    pub(super) fn away(&self) -> Option<(usize, Span)> {
        let before = self.returned.len() + self.backlog.head_len();
        Some((before, self.backlog.away()?))
    }

    /// Bytes that its lists take up, used or not.
    #[cfg(test)]
    pub(super) fn ram_cost(&self) -> usize {
        let returned = self.returned.len() * size_of::<(MessageId, Entry<P>)>();
        self.fresh.ram_cost() + self.backlog.ram_cost() + returned
    }

    #[inline(never)]
    fn pop_older(&mut self) -> Option<(MessageId, Entry<P>)> {
        let (id, entry) = match &mut self.levels {
            Some(_) if self.backlog.away().is_some() => return None,
            Some(levels) => levels.pop()?,
            None if planted(Plant::RequeueAtWrongEnd) => {
                self.returned.pop_last().or_else(|| self.backlog.pop())?
            }
            None => self.returned.pop_first().or_else(|| self.backlog.pop())?,
        };
        self.older -= 1;
        self.bytes -= entry.facts.bytes;
        Some((id, entry))
    }

    #[inline(never)]
    fn has_first_older(&self) -> bool {
        match &self.levels {
            Some(levels) => levels.len() > 0 && self.backlog.away().is_none(),
            None => !self.returned.is_empty() || self.backlog.head_len() > 0,
        }
    }

    /// Takes the first fresh message out, to where older ones are.
    fn take_fresh(&mut self) -> Option<(MessageId, Entry<P>)> {
        let id = self.first_fresh();
        let entry = self.fresh.pop_front()?;
        self.older += 1;
        Some((id, entry))
    }

    /// For looks at the list that change nothing.
    pub(super) fn fresh(&self) -> &Chunks<Entry<P>> {
        &self.fresh
    }

    /// As [`Self::fresh`].
    pub(super) fn backlog(&self) -> &Backlog<P> {
        &self.backlog
    }

    /// As [`Self::fresh`].
    pub(super) fn returned(&self) -> &BTreeMap<MessageId, Entry<P>> {
        &self.returned
    }

    /// As [`Self::fresh`].
    pub(super) fn levels(&self) -> Option<&Levels<P>> {
        self.levels.as_deref()
    }

    /// As [`Self::fresh`]; of the next to come when there is none.
    pub(super) fn first_fresh_id(&self) -> MessageId {
        self.first_fresh()
    }

    /// The id of the first fresh message; of the next to come when there is none.
    #[inline]
    fn first_fresh(&self) -> MessageId {
        MessageId(self.next.0 - self.fresh.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(payload: u64) -> Entry<u64> {
        Entry { payload, facts: Facts::new(payload, false) }
    }

    fn drained(ready: &mut Ready<u64>) -> Vec<u64> {
        std::iter::from_fn(|| ready.pop()).map(|(id, _)| id.0).collect()
    }

    /// Q2.
    #[test]
    fn a_returned_message_comes_before_younger_ones_whatever_the_order_of_return() {
        let mut ready = Ready::new(&QueueConfig::default());
        for payload in 1..=5 {
            ready.push(entry(payload));
        }
        let mut out: Vec<_> = (0..4).filter_map(|_| ready.pop()).collect();
        for index in [2, 0, 0] {
            let (id, entry) = out.remove(index);
            ready.put_back(id, entry);
        }
        assert_eq!(ready.bytes(), 3 + 1 + 2 + 5);
        assert_eq!(ready.len(), 4);
        assert_eq!(drained(&mut ready), [1, 2, 3, 5]);
        assert_eq!(ready.bytes(), 0);
        assert_eq!(ready.push(entry(0)), MessageId(6), "ids are never used again");
    }

    #[test]
    fn a_waiting_message_costs_24_bytes_with_a_handle_of_8() {
        assert_eq!(size_of::<Entry<u64>>(), 24);
    }
}
