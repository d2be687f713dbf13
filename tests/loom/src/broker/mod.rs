//! Queues, as the scheduler and the timers know them, around the broker's own hand-over.

mod cell;
#[path = "../../../../src/broker/handover.rs"]
mod handover;
mod hands;
#[cfg(test)]
mod random_models;
mod sync;
#[path = "../../../../src/broker/timers.rs"]
mod timers;
mod world;

mod faults {
    //! Confirms that a fault holds back; here none is.

    use crate::base::Millis;

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct FaultId;

    pub(super) struct LateConfirm;

    #[derive(Default)]
    pub(super) struct LateConfirms;

    impl LateConfirms {
        pub(super) fn has_room(&self) -> bool {
            false
        }

        pub(super) fn add(&mut self, _: Millis, _: LateConfirm) {}

        pub(super) fn first(&self) -> Option<Millis> {
            None
        }

        pub(super) fn take_due(&mut self, _: Millis) -> Vec<LateConfirm> {
            Vec::new()
        }

        pub(super) fn take_of(&mut self, _: FaultId) -> Vec<LateConfirm> {
            Vec::new()
        }
    }
}

pub(crate) use cell::Cell;
pub(crate) use world::Broker;

/// What the broker asks of its runtime.
pub(crate) trait Scheduler: Send + Sync {
    fn resume(&self, cell: std::sync::Arc<Cell>);
    fn page_in(&self, cell: std::sync::Arc<Cell>, question: PageQuestion, pause_ms: u64);
    fn send_dead_letters(&self, cell: std::sync::Arc<Cell>, letters: DeadLetters, pause_ms: u64);
    fn sweep(&self, sweeping: Sweeping);
    fn part(&self, parting: Parting);
    fn let_go(&self, unneeded: Unneeded);
    fn work(&self) -> WorkCounts;
}

/// How much was asked for, and how much of that is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct WorkCounts {
    pub(crate) begun: u64,
    pub(crate) done: u64,
}

/// A page that is read on a thread that may block; here a command that comes by that way.
pub(crate) struct PageQuestion(pub(crate) cell::Command);

/// Dead letters on their way; here commands for another queue.
pub(crate) struct DeadLetters {
    pub(crate) to: std::sync::Arc<Cell>,
    pub(crate) command: cell::Command,
    pub(crate) cold: bool,
}

impl DeadLetters {
    pub(crate) fn is_cold(&self) -> bool {
        self.cold
    }
}

/// What a routing table has to be swept of; here there is no table.
pub(crate) struct Sweeping;

impl Sweeping {
    pub(crate) fn step(&self) -> Option<Rubble> {
        None
    }
}

/// What is left to do for a connection that has ended; here there are none.
pub(crate) struct Parting;

impl Parting {
    pub(crate) fn step(&mut self) -> bool {
        false
    }
}

/// Large messages that nobody needs; here there are none.
pub(crate) struct Unneeded;

/// What was swept up.
pub(crate) struct Rubble;

impl Rubble {
    pub(crate) fn is_large(&self) -> bool {
        false
    }
}
