//! What is held goes back to its queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::limits::OUTSTANDING_LOOKED_AT_MAX;
use crate::base::{HolderId, MessageId};
use crate::broker::{Cell, Envelope};
use crate::queue::{Attempt, Command, Settlement};

impl Cell {
    /// Gives the messages back that somebody holds now and that `strikes` says yes to; looks at a bounded number of
    /// them. Their holders may still settle them, which changes nothing (I5) unless they hold them again.
    pub(super) fn give_all_back(self: &Arc<Self>, mut strikes: impl FnMut() -> bool) {
        let mut held: Vec<(HolderId, MessageId)> = Vec::new();
        self.look(|core| {
            core.machine.outstanding(|one| {
                held.push((one.holder, one.id));
                held.len() < OUTSTANDING_LOOKED_AT_MAX
            });
        });
        held.sort_unstable();
        let mut runs: BTreeMap<HolderId, Vec<(MessageId, MessageId)>> = BTreeMap::new();
        for (holder, id) in held.into_iter().filter(|_| strikes()) {
            let runs = runs.entry(holder).or_default();
            match runs.last_mut() {
                Some((_, last)) if last.next() == id => *last = id,
                _ => runs.push((id, id)),
            }
        }
        for (holder, messages) in runs {
            let settlement = Settlement::Requeue(Attempt::Returned);
            self.enqueue(Envelope::Tell(Command::Settle { holder, settlement, messages }));
        }
        self.drive(self.common().clock.now());
    }
}
