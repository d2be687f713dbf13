//! Which queue wants to be driven when: one ordered set for all queues. Who sleeps until then is not
//! decided here; a test turns its clock and asks [`super::Broker::due`].
//!
//! A queue has at most one entry, and a queue without a deadline never has one. The set is a leaf lock. Beside the
//! queues stand the confirms that a fault holds back, which a test's clock moves as well (F4 in `faults/`).

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use super::Cell;
use super::faults::{FaultId, LateConfirm, LateConfirms};
use super::sync::{Mutex, MutexGuard};
use crate::base::{Millis, QueueId};

/// See the module.
#[derive(Default)]
pub(super) struct Timers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A queue that is gone before its time costs its entry until then.
    entries: BTreeMap<(Millis, QueueId), Weak<Cell>>,
    late: LateConfirms,
    /// Who sleeps until the first of them.
    sleeper: Option<Waker>,
    /// Somebody turned the clock since the sleeper looked.
    clock_turned: bool,
}

impl Timers {
    /// The queue wants to be driven at `at`, and no longer at `before`.
    pub(super) fn set(&self, id: QueueId, cell: Weak<Cell>, before: Option<Millis>, at: Millis) {
        let sleeper = {
            let mut state = self.lock();
            if let Some(before) = before {
                state.entries.remove(&(before, id));
            }
            let is_first = state.first().is_none_or(|first| at < first);
            state.entries.insert((at, id), cell);
            if is_first { state.sleeper.take() } else { None }
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Holds a confirm back; says whether there was room for it.
    pub(super) fn hold(&self, at: Millis, confirm: LateConfirm) -> bool {
        let sleeper = {
            let mut state = self.lock();
            if !state.late.has_room() {
                return false;
            }
            let is_first = state.first().is_none_or(|first| at < first);
            state.late.add(at, confirm);
            if is_first { state.sleeper.take() } else { None }
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
        true
    }

    /// Takes out the confirms whose moment has come.
    pub(super) fn take_late(&self, now: Millis) -> Vec<LateConfirm> {
        let mut state = self.lock();
        // Who has none does not pay for it.
        if state.late.first().is_none_or(|first| first > now) {
            return Vec::new();
        }
        state.late.take_due(now)
    }

    /// Takes out the confirms that a fault holds back.
    pub(super) fn let_go(&self, fault: FaultId) -> Vec<LateConfirm> {
        self.lock().late.take_of(fault)
    }

    /// Takes out queues whose moment has come, at most so many, those that wait longest first.
    pub(super) fn take_due(&self, now: Millis, most: usize) -> Vec<Arc<Cell>> {
        let mut state = self.lock();
        let mut due = Vec::new();
        while due.len() < most
            && let Some(entry) = state.entries.first_entry()
            && entry.key().0 <= now
        {
            due.extend(entry.remove().upgrade());
        }
        due
    }

    /// The next moment at which something is due.
    pub(super) fn next(&self) -> Option<Millis> {
        self.lock().first()
    }

    /// The clock shows another time than who sleeps reckoned with.
    pub(super) fn clock_turned(&self) {
        let sleeper = {
            let mut state = self.lock();
            state.clock_turned = true;
            state.sleeper.take()
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Ready when something is due before `than`, or the clock was turned since it was ready last; else the task is
    /// woken when that becomes so.
    pub(super) fn poll_earlier(&self, than: Option<Millis>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if std::mem::take(&mut state.clock_turned) {
            return Poll::Ready(());
        }
        if state.first().is_some_and(|first| than.is_none_or(|than| first < than)) {
            return Poll::Ready(());
        }
        state.sleeper = Some(context.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock leaves the set half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn first(&self) -> Option<Millis> {
        let queue = self.entries.first_key_value().map(|((at, _), _)| *at);
        queue.into_iter().chain(self.late.first()).min()
    }
}
