//! The part of a long ready list that is older than what came last: its head in RAM, and behind that
//! what is away ([`super::Paging`]).
//!
//! Empty as long as nothing is paged. Everything in it is older than the fresh messages and younger
//! than the returned ones.

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::base::MessageId;

use super::entry::{Entry, Facts};
use super::expiry::Expiries;
use super::{Paged, Paging, Span};

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Backlog<P> {
    head: VecDeque<(MessageId, Entry<P>)>,
    head_bytes: u64,
    /// Never of no messages.
    away: Option<Span>,
    /// Messages of `away` that nobody knows to be there: 1 after more came back than should have, as
    /// long as the index may have more; else 0.
    presumed: u64,
    /// The open question: what was away when it was put. Its answer says nothing of what went away
    /// since.
    asked: Option<Span>,
}

/// What an answer brought and changed.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct TakenBack {
    /// Messages that are in RAM now, and their bytes.
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Bytes of all that came whose handle says only where they lie.
    pub(super) disk_bytes: u64,
    /// What was away before, as messages and bytes.
    pub(super) away_before: (u64, u64),
    /// What is away now.
    pub(super) away_after: (u64, u64),
    /// What came damaged, and is gone by that.
    pub(super) damaged: Vec<(MessageId, Facts)>,
    /// Messages that should have come and are not there.
    pub(super) lost: u64,
}

impl<P> Backlog<P> {
    /// Nothing in RAM.
    pub(super) fn new(away: Option<Span>) -> Self {
        Self { head: VecDeque::new(), head_bytes: 0, away, presumed: 0, asked: None }
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
        self.head_bytes -= first.as_ref().map_or(0, |(_, entry)| entry.facts.bytes);
        if self.head.is_empty() && self.away.is_none() {
            self.head = VecDeque::new();
        }
        first
    }

    /// A message that is younger than all in the head, while nothing is away.
    pub(super) fn push_head(&mut self, id: MessageId, entry: Entry<P>) {
        self.head_bytes += entry.facts.bytes;
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

    /// What to ask for now, if anything, and how many of it: the head is half empty, and no question is
    /// open.
    pub(super) fn ask(&mut self, paging: Paging) -> Option<(Span, u32)> {
        let away = self.away?;
        let window = paging.window as usize;
        let is_full = self.head.len() > window / 2 || self.head_bytes > paging.window_bytes / 2;
        if self.asked.is_some() || is_full {
            return None;
        }
        let room = (window - self.head.len()) as u64;
        let count = u32::try_from(away.messages.min(room)).unwrap_or(paging.window);
        self.asked = Some(away);
        Some((away, count))
    }

    /// The answer to a question; `None` when it is forgotten. What the index says is taken as it is,
    /// and the sums are made to fit it.
    pub(super) fn take_back(
        &mut self,
        from: MessageId,
        messages: Vec<Paged<P>>,
        more: bool,
        expiries: &mut Expiries,
    ) -> Option<TakenBack> {
        let (away, of) = (self.away?, self.asked?);
        if of.first != from {
            return None;
        }
        self.asked = None;
        let mut back =
            TakenBack { away_before: (away.messages, away.bytes), ..TakenBack::default() };
        let came = Span { messages: 0, bytes: 0, appended: 0, ..of };
        let (came, is_end) = self.take_messages(came, messages, expiries, &mut back);
        let left = self.left_of(of, came, is_end || !more, &mut back);
        self.away = Span {
            messages: away.messages - of.messages + left.messages,
            bytes: away.bytes - of.bytes + left.bytes,
            appended: away.appended - of.appended + left.appended,
            first: left.first,
            last: away.last,
        }
        .unless_empty();
        back.away_after = self.away.map_or((0, 0), |away| (away.messages, away.bytes));
        Some(back)
    }

    /// Takes what lies in the run of `came`; gives what came, beginning with the id behind it, and
    /// whether the index has come to the end of the run.
    fn take_messages(
        &mut self,
        mut came: Span,
        messages: Vec<Paged<P>>,
        expiries: &mut Expiries,
        back: &mut TakenBack,
    ) -> (Span, bool) {
        let mut passed_end = false;
        for message in messages {
            let Paged { id, payload, bytes, acquired_count, appended, residence, .. } = message;
            passed_end |= id > came.last;
            if id < came.first || came.last < id {
                continue;
            }
            let mut facts = Facts::known(bytes, acquired_count, appended, residence);
            facts.set_delivery_count(message.delivery_count);
            facts.set_priority(message.priority);
            came.first = id.next();
            came.messages += 1;
            came.bytes += bytes;
            came.appended += u64::from(appended);
            back.disk_bytes += facts.disk_bytes();
            if message.damaged {
                back.damaged.push((id, facts));
            } else {
                back.messages += 1;
                back.bytes += bytes;
                if let Some(at) = message.expires {
                    facts.set_expires(true);
                    expiries.insert(id, at);
                }
                self.push_head(id, Entry { payload, facts });
            }
        }
        // Whoever answers with nothing of use is not asked again and again.
        (came, passed_end || came.messages == 0 || came.first > came.last)
    }

    /// What is still away of the run that was asked for; notes what is lost of it.
    fn left_of(&mut self, of: Span, came: Span, is_end: bool, back: &mut TakenBack) -> Span {
        let mut left = Span { first: of.last.next(), messages: 0, bytes: 0, appended: 0, ..of };
        if !is_end {
            left.first = came.first;
            let room = of.last.0 - came.first.0 + 1;
            left.messages = of.messages.saturating_sub(came.messages).clamp(1, room);
            left.bytes = of.bytes.saturating_sub(came.bytes);
            left.appended = of.appended.saturating_sub(came.appended).min(left.messages);
        }
        let accounted = came.messages + left.messages;
        back.lost = of.messages.saturating_sub(accounted).saturating_sub(self.presumed);
        self.presumed = match of.messages.cmp(&accounted) {
            _ if is_end => 0,
            Ordering::Less => 1,
            Ordering::Equal => self.presumed,
            Ordering::Greater => 0,
        };
        left
    }

    /// Forgets what is away, and that it was asked for.
    pub(super) fn drop_away(&mut self) -> Option<Span> {
        self.asked = None;
        self.presumed = 0;
        self.away.take()
    }

    /// What is in RAM from an id on.
    pub(super) fn from(&self, first: MessageId) -> impl Iterator<Item = (MessageId, &Entry<P>)> {
        let start = self.head.partition_point(|(id, _)| *id < first);
        self.head.range(start..).map(|(id, entry)| (*id, entry))
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
        let bytes: u64 = self.head.iter().map(|(_, entry)| entry.facts.bytes).sum();
        assert_eq!(self.head_bytes, bytes, "Q8: bytes of the head");
        if let Some(of) = self.asked {
            assert!(self.away.is_some_and(|away| of.messages <= away.messages));
        }
        self.head.iter().map(|(id, entry)| (*id, entry))
    }
}
