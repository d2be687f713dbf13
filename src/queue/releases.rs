//! Messages that leave the queue in one step: their confirms and their releases, in runs.

use crate::base::MessageId;

use super::confirms::{ConfirmRun, Waiting};
use super::entry::Facts;
use super::{Effect, Effects, Span};

/// Collects what leaves in one step. Neighbours go as one [`Span`], whichever of them goes first.
#[derive(Debug)]
pub(super) struct Leaving {
    confirms: ConfirmRun,
    open: Option<Span>,
    /// Bytes of those whose handle said only where they lie.
    disk_bytes: u64,
    /// Those that would have expired.
    expiring: Vec<MessageId>,
}

/// What is to be put right after messages left.
#[derive(Debug)]
pub(super) struct Left {
    /// Bytes that left the disk's share.
    pub(super) disk_bytes: u64,
    /// Messages that would have expired.
    pub(super) expiring: Vec<MessageId>,
}

impl Leaving {
    pub(super) fn new() -> Self {
        Self { confirms: ConfirmRun::new(), open: None, disk_bytes: 0, expiring: Vec::new() }
    }

    /// The message is gone (Q1), and nobody needs to wait for the disk any longer (Q6).
    #[inline]
    pub(super) fn let_go<P>(
        &mut self,
        waiting: &mut Waiting,
        id: MessageId,
        facts: Facts,
        effects: &mut Effects<P>,
    ) {
        if facts.leaves_traces() {
            return self.let_go_with_traces(waiting, id, facts, effects);
        }
        let span = Span { first: id, last: id, messages: 1, bytes: facts.bytes, appended: 0 };
        self.add(span, effects);
    }

    /// As [`Self::let_go`], for one that is known in other places.
    #[inline(never)]
    fn let_go_with_traces<P>(
        &mut self,
        waiting: &mut Waiting,
        id: MessageId,
        facts: Facts,
        effects: &mut Effects<P>,
    ) {
        if facts.appended()
            && let Some(publish) = waiting.take(id)
        {
            self.confirms.add(publish, effects);
        }
        self.disk_bytes += facts.disk_bytes();
        if facts.expires() {
            self.expiring.push(id);
        }
        let appended = u64::from(facts.appended());
        let span = Span { first: id, last: id, messages: 1, bytes: facts.bytes, appended };
        self.add(span, effects);
    }

    /// What was away is gone; nobody waits for it.
    pub(super) fn let_go_away<P>(&mut self, away: Span, effects: &mut Effects<P>) {
        self.disk_bytes += away.bytes;
        self.add(away, effects);
    }

    /// Emits what is still open; whoever collects must call this at the end.
    #[must_use]
    pub(super) fn finish<P>(mut self, effects: &mut Effects<P>) -> Left {
        if let Some(span) = self.open.take() {
            effects.push(Effect::Release(span));
        }
        self.confirms.emit(effects);
        Left { disk_bytes: self.disk_bytes, expiring: self.expiring }
    }

    #[inline]
    fn add<P>(&mut self, span: Span, effects: &mut Effects<P>) {
        if let Some(open) = &mut self.open {
            if open.last.next() == span.first {
                open.last = span.last;
            } else if span.last.next() == open.first {
                open.first = span.first;
            } else {
                effects.push(Effect::Release(*open));
                *open = span;
                return;
            }
            open.messages += span.messages;
            open.bytes += span.bytes;
            open.appended += span.appended;
        } else {
            self.open = Some(span);
        }
    }
}
