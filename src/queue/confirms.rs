//! Publishes that wait for the disk, and runs of confirms.

use std::collections::VecDeque;

use crate::base::{MessageId, PublishSequence};

use super::{Effect, Effects, PublishRef};

/// Publishes whose message is appended and not yet on disk, in order of the ids (Q6).
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Waiting {
    /// The publish is `None` when it was confirmed already because its message is gone. The first one
    /// is never `None`.
    list: VecDeque<(MessageId, Option<PublishRef>)>,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self { list: VecDeque::new() }
    }

    /// The publish of a new message waits.
    pub(super) fn push(&mut self, id: MessageId, publish: PublishRef) {
        self.list.push_back((id, Some(publish)));
    }

    /// The message is gone: its publish, if it still waits, waits no longer.
    #[inline]
    pub(super) fn take(&mut self, id: MessageId) -> Option<PublishRef> {
        let &(first, _) = self.list.front()?;
        if first == id {
            let (_, publish) = self.list.pop_front()?;
            self.skip_taken();
            return publish;
        }
        let at = self.list.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.list[at].1.take()
    }

    /// The next publish whose message has an id up to this one.
    pub(super) fn pop_up_to(&mut self, up_to: MessageId) -> Option<PublishRef> {
        let &(first, _) = self.list.front()?;
        if first > up_to {
            return None;
        }
        let (_, publish) = self.list.pop_front()?;
        self.skip_taken();
        publish
    }

    /// The oldest message for which a publish waits.
    pub(super) fn first(&self) -> Option<MessageId> {
        self.list.front().map(|(id, _)| *id)
    }

    /// How many publishes wait, and of those that do not any more the ones behind the first.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The publishes that wait.
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, PublishRef)> {
        self.list.iter().filter_map(|(id, publish)| Some((*id, (*publish)?)))
    }

    fn skip_taken(&mut self) {
        while let Some((_, None)) = self.list.front() {
            self.list.pop_front();
        }
        let capacity = self.list.capacity();
        if capacity > KEPT_ENTRIES_MAX && self.list.len() < capacity / 8 {
            self.list.shrink_to(capacity / 2);
        }
    }
}

/// Collects confirms and emits them as runs of consecutive sequences of one channel.
///
/// A run holds only publishes that were confirmed here, each exactly once; between the runs of one
/// channel there is no order. A transient message is confirmed before a persistent one that came
/// earlier, and one that was settled before the disk had it before one that still waits; whoever needs
/// "everything up to" counts for itself, as a channel must anyway whose publishes go to many queues.
#[derive(Debug)]
pub(super) struct ConfirmRun {
    open: Option<(PublishRef, PublishSequence)>,
}

impl ConfirmRun {
    pub(super) fn new() -> Self {
        Self { open: None }
    }

    #[inline]
    pub(super) fn add<P>(&mut self, publish: PublishRef, effects: &mut Effects<P>) {
        if let Some((first, last)) = &mut self.open
            && first.holder == publish.holder
            && last.0 + 1 == publish.sequence.0
        {
            *last = publish.sequence;
            return;
        }
        self.emit(effects);
        self.open = Some((publish, publish.sequence));
    }

    /// Emits what is still open; whoever collects must call this at the end.
    #[inline]
    pub(super) fn emit<P>(&mut self, effects: &mut Effects<P>) {
        if let Some((first, last)) = self.open.take() {
            effects.push(Effect::Confirm { first, last });
        }
    }
}

/// Room for this many waiting publishes is kept for ever; more is given back.
const KEPT_ENTRIES_MAX: usize = 16 * 1024;
