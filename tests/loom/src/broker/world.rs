//! Queues with their scheduler, their timers, and a clock that is turned.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use shuttle::sync::atomic::AtomicU64;
use shuttle::sync::{Condvar, Mutex};

use super::cell::Cell;
use super::hands::Hands;
use crate::base::{Millis, QueueId};
use crate::net::scheduler::TokioScheduler;
use crate::runtime::Handle;

/// Queues that are driven at once when their moment comes, at most.
const DUE_MAX: usize = 2;

/// What the broker does with its timers.
pub(super) trait Timing: Send + Sync {
    fn set(&self, id: QueueId, cell: Weak<Cell>, before: Option<Millis>, at: Millis);
    fn take_due(&self, now: Millis, most: usize) -> Vec<Arc<Cell>>;
    fn next(&self) -> Option<Millis>;
    fn clock_turned(&self);
    fn poll_earlier(&self, than: Option<Millis>, context: &mut Context<'_>) -> Poll<()>;
}

/// Gives the timers of a module that face.
macro_rules! timing {
    ($module:path) => {
        use $module as of;

        use super::*;

        pub(in crate::broker) fn make() -> Box<dyn Timing> {
            Box::new(of::Timers::default())
        }

        impl Timing for of::Timers {
            fn set(&self, id: QueueId, cell: Weak<Cell>, before: Option<Millis>, at: Millis) {
                of::Timers::set(self, id, cell, before, at);
            }

            fn take_due(&self, now: Millis, most: usize) -> Vec<Arc<Cell>> {
                of::Timers::take_due(self, now, most)
            }

            fn next(&self) -> Option<Millis> {
                of::Timers::next(self)
            }

            fn clock_turned(&self) {
                of::Timers::clock_turned(self);
            }

            fn poll_earlier(&self, than: Option<Millis>, context: &mut Context<'_>) -> Poll<()> {
                of::Timers::poll_earlier(self, than, context)
            }
        }
    };
}

/// The broker's own.
pub(super) mod own {
    timing!(crate::broker::timers);
}

macro_rules! plant {
    ($name:ident) => {
        #[allow(warnings, clippy::all, reason = "a copy with a mistake in it")]
        pub(super) mod $name {
            use crate::broker::{Cell, faults, sync};

            mod planted {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));
            }
            timing!(self::planted);
        }
    };
}

plant!(new_deadline_wakes_nobody);
plant!(turn_is_forgotten);

/// The clock.
#[derive(Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    /// It stands until somebody turns it.
    pub(crate) fn real_ms_until(&self, _: Millis) -> Option<u64> {
        None
    }
}

/// See the module.
pub(crate) struct Broker {
    pub(super) cells: Vec<Arc<Cell>>,
    pub(super) scheduler: TokioScheduler,
    pub(super) timers: Box<dyn Timing>,
    clock: Clock,
    /// Deadlines that queues have had, and those that have come.
    deadlines: Mutex<(usize, usize)>,
    came: Condvar,
}

impl Broker {
    /// With so many queues.
    pub(super) fn new(
        cells: u64,
        hands: fn(usize) -> Box<dyn Hands>,
        timing: fn() -> Box<dyn Timing>,
        runtime: Handle,
    ) -> Arc<Self> {
        Arc::new_cyclic(|broker: &Weak<Self>| Self {
            cells: (0..cells).map(|id| Cell::new(id, hands(3), broker.clone())).collect(),
            scheduler: TokioScheduler::new(runtime),
            timers: timing(),
            clock: Clock::default(),
            deadlines: Mutex::default(),
            came: Condvar::new(),
        })
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn turn_clock(&self) {
        self.clock.0.fetch_add(1, Ordering::SeqCst);
        self.timers.clock_turned();
    }

    pub(super) fn wants(&self, deadlines: usize) {
        self.deadlines.lock().expect("nobody panics here").0 += deadlines;
    }

    pub(super) fn woke(&self, deadlines: usize) {
        self.deadlines.lock().expect("nobody panics here").1 += deadlines;
        self.came.notify_all();
    }

    /// Waits until so many deadlines were there and have come. When one never does, everybody waits, which shuttle
    /// reports.
    pub(super) fn wait_for(&self, deadlines: usize) {
        let mut state = self.deadlines.lock().expect("nobody panics here");
        while *state != (deadlines, deadlines) {
            state = self.came.wait(state).expect("nobody panics here");
        }
    }

    pub(crate) fn due(&self, now: Millis) -> bool {
        let due = self.timers.take_due(now, DUE_MAX);
        due.iter().for_each(Cell::timer_went_off);
        due.len() == DUE_MAX
    }

    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.timers.next()
    }

    pub(crate) fn poll_earlier_deadline(
        &self,
        than: Option<Millis>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        self.timers.poll_earlier(than, context)
    }
}
