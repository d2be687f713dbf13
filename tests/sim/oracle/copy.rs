//! A message in one queue.

use std::collections::BTreeSet;

/// What is known of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Copy {
    /// A client has seen it, and after how many crashes.
    pub(super) delivered: Option<usize>,
    /// The connection that has it and has not settled it, and since when.
    pub(super) holder: Option<(u64, u64)>,
    /// The connection that has settled it.
    pub(super) settled_by: Option<u64>,
    /// Nobody is promised any more that it comes.
    pub(super) waived: bool,
    /// Nothing can bring it back but a crash, if that.
    pub(super) gone: bool,
    /// A crash came while it was on its way as a dead letter, so that it may come more than once.
    pub(super) repeats: bool,
    /// What the log was told of it. A dead letter can be there twice.
    pub(super) kept: Vec<Kept>,
}

/// A message as the log has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// The queue's number and the message's id there.
    pub(super) name: (u64, u64),
    /// Which submission brought it to the log, and which one settled it.
    pub(super) enqueued: u64,
    pub(super) settled: Option<u64>,
}

impl Copy {
    pub(super) fn is_held(&self, open: &BTreeSet<u64>) -> bool {
        self.holder.is_some_and(|(holder, _)| open.contains(&holder))
    }

    /// Whether the log was told that it is gone.
    pub(super) fn is_settled(&self) -> bool {
        !self.kept.is_empty() && self.kept.iter().all(|kept| kept.settled.is_some())
    }

    /// Whether it is on disk, or need not be any more.
    pub(super) fn is_safe(&self, on_disk: u64) -> bool {
        self.kept.iter().any(|kept| kept.enqueued <= on_disk || kept.settled.is_some())
    }

    /// The machine went down; `survives` says whether the message can outlive that. What was not on disk is open again.
    pub(super) fn crashed(&mut self, on_disk: u64, survives: bool) {
        self.holder = None;
        self.settled_by = None;
        // Of a message that never came to the log this holds, too: it cannot come out of it.
        let is_over =
            self.kept.iter().all(|kept| kept.settled.is_some_and(|settled| settled <= on_disk));
        self.gone = !survives || is_over;
        self.waived |= !survives;
        for kept in &mut self.kept {
            kept.settled = kept.settled.filter(|settled| *settled <= on_disk);
        }
        self.repeats |= self.kept.iter().filter(|kept| kept.settled.is_none()).count() > 1;
    }
}
