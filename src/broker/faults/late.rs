//! Confirms that are held back until their moment.

use std::collections::BTreeMap;
use std::sync::Weak;

use super::FaultId;
use crate::base::limits::LATE_CONFIRMS_MAX;
use crate::base::{HolderId, Millis, PublishSequence};
use crate::broker::{Event, Inbox};

/// A confirm that is held back.
pub(in crate::broker) struct LateConfirm {
    /// By whose order.
    pub(in crate::broker) fault: FaultId,
    /// Whose session waits; one that is gone does not.
    pub(in crate::broker) inbox: Weak<Inbox>,
    pub(in crate::broker) holder: HolderId,
    pub(in crate::broker) sequence: PublishSequence,
}

/// All of them by their moments, those of one moment in the order in which they came.
#[derive(Default)]
pub(in crate::broker) struct LateConfirms {
    by_moment: BTreeMap<(Millis, u64), LateConfirm>,
    last: u64,
}

impl LateConfirm {
    /// Lets it go.
    pub(in crate::broker) fn tell(&self) {
        if let Some(inbox) = self.inbox.upgrade() {
            let (holder, sequence) = (self.holder, self.sequence);
            inbox.push([Event::Confirm { holder, first: sequence, last: sequence }]);
        }
    }
}

impl LateConfirms {
    pub(in crate::broker) fn has_room(&self) -> bool {
        self.by_moment.len() < LATE_CONFIRMS_MAX
    }

    pub(in crate::broker) fn add(&mut self, at: Millis, confirm: LateConfirm) {
        self.last += 1;
        self.by_moment.insert((at, self.last), confirm);
    }

    pub(in crate::broker) fn first(&self) -> Option<Millis> {
        self.by_moment.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes out those whose moment has come.
    pub(in crate::broker) fn take_due(&mut self, now: Millis) -> Vec<LateConfirm> {
        let later = self.by_moment.split_off(&(now.after(1), 0));
        std::mem::replace(&mut self.by_moment, later).into_values().collect()
    }

    /// Takes out those of a fault.
    pub(in crate::broker) fn take_of(&mut self, fault: FaultId) -> Vec<LateConfirm> {
        let all = std::mem::take(&mut self.by_moment);
        let (gone, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(_, confirm)| confirm.fault == fault);
        self.by_moment = kept;
        gone.into_values().collect()
    }
}
