//! What is left to do for a connection that has ended and had to do with many queues.
//!
//! All of it at once would keep the other connections of its thread waiting: 100,000 exclusive queues take a third
//! of a second.

use std::sync::Arc;
use std::vec::IntoIter;

use super::{Cell, Envelope, Vhost};
use crate::base::Clock;
use crate::base::limits::PARTING_STEP_QUEUES;
use crate::queue::{Command, DeleteCondition};

/// Queues that have commands waiting, and queues that go with the connection.
pub struct Parting {
    clock: Arc<dyn Clock>,
    told: IntoIter<Arc<Cell>>,
    exclusive: IntoIter<Arc<Cell>>,
}

impl Parting {
    /// Has it done, unless there is nothing to do.
    pub(super) fn begin(vhost: &Vhost, told: Vec<Arc<Cell>>, exclusive: IntoIter<Arc<Cell>>) {
        if told.is_empty() && exclusive.len() == 0 {
            return;
        }
        let clock = Arc::clone(&vhost.common.clock);
        let parting = Self { clock, told: told.into_iter(), exclusive };
        vhost.common.scheduler.part(parting);
    }

    /// Sees to [`PARTING_STEP_QUEUES`] of them; gives whether others are left.
    #[must_use]
    pub fn step(&mut self) -> bool {
        let now = self.clock.now();
        for _ in 0..PARTING_STEP_QUEUES {
            let Some(cell) = self.told.next().or_else(|| {
                let cell = self.exclusive.next()?;
                cell.enqueue(deletion());
                Some(cell)
            }) else {
                return false;
            };
            cell.drive(now);
        }
        self.told.len() + self.exclusive.len() > 0
    }

    /// All steps, without a pause.
    pub fn run(mut self) {
        while self.step() {}
    }
}

/// The end of an exclusive queue: whatever is in it, and nobody waits for an answer.
pub(super) fn deletion() -> Envelope {
    Envelope::Tell(Command::Delete { condition: DeleteCondition::default(), request: None })
}
