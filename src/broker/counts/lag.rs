//! How far behind a queue is, in time: what its arrivals (`broker/inspect/arrivals.rs`) and its machine tell.

use std::sync::Arc;

use super::super::Cell;
use crate::base::Millis;

/// How long messages of a queue wait, in ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lag {
    /// Since the oldest message that waits came, if there is one. At most: up to a second too long, and more in a
    /// queue whose backlog lasts for very long. Of what was there before the broker began to look: since then.
    pub oldest_ready_ms: Option<u64>,
    /// Since the unsettled message that was handed out first was, if there is one.
    pub oldest_unacknowledged_ms: Option<u64>,
}

impl Cell {
    /// How long messages wait here. Waits for a turn of the queue to end, unless nothing is in it.
    #[must_use]
    pub fn lag(self: &Arc<Self>, now: Millis) -> Lag {
        let levels = self.numbers().levels;
        if levels.ready + levels.unacknowledged == 0 {
            return Lag::default();
        }
        self.look(|core| {
            let first = core.machine.oldest_ready();
            let handed_out = core.machine.oldest_unsettled_at();
            Lag {
                oldest_ready_ms: first
                    .and_then(|first| core.arrivals.of(first))
                    .map(|arrival| now.since(arrival.at)),
                oldest_unacknowledged_ms: handed_out.map(|at| now.since(at)),
            }
        })
    }
}
