//! What a clock that is turned asks of the broker: to do what is due, to say when nothing more follows from it,
//! and to sleep by what the clock shows by now.

use super::Broker;
use crate::base::Millis;
use crate::base::limits::DUE_QUEUES_MAX;

impl Broker {
    /// As [`Self::due`], and waits for whoever is at one of the queues: when it returns, each of them has had a
    /// turn that began at this moment or after it, or is counted by [`super::Scheduler::work`].
    pub fn drive_due(&self, now: Millis) -> bool {
        let due = self.common().timers.take_due(now, DUE_QUEUES_MAX);
        for cell in &due {
            cell.timer_went_off(now);
            cell.look(|_| ());
        }
        for confirm in self.common().timers.take_late(now) {
            confirm.tell();
        }
        due.len() == DUE_QUEUES_MAX
    }

    /// Whether nothing follows any more from what happened so far, without anybody's doing: no turn of a queue
    /// waits to go on, no page is being read, and every dead letter and due message that was sent on has arrived.
    /// What waits for a pause after a failed try does not count.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let scheduler = &self.common().scheduler;
        let before = scheduler.work();
        // A letter that arrives goes on as work, and work sends letters; so both are looked at without a change
        // of the one in between.
        let letters = self.letters_under_way();
        let after = scheduler.work();
        before == after && after.begun == after.done && letters == 0
    }

    /// The clock was turned: whoever sleeps until something is due looks again.
    pub fn clock_turned(&self) {
        self.common().timers.clock_turned();
    }
}
