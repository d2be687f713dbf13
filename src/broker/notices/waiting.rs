//! What waits to be told: a bounded list, and who sleeps until there is something in it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Deleters, Homes, Told};
use crate::base::limits::NOTICES_WAITING_BYTES_MAX;

/// Something to be told.
#[derive(Debug)]
pub(in crate::broker) enum Notice {
    Event(Box<Told>),
    Line(LogLine),
}

/// A line of the log.
#[derive(Debug)]
pub(in crate::broker) struct LogLine {
    /// RabbitMQ's name of its level.
    pub(in crate::broker) level: &'static str,
    pub(in crate::broker) text: String,
    /// Since 1970.
    pub(in crate::broker) at_ms: u64,
}

/// See the module.
#[derive(Default)]
pub(in crate::broker) struct Notices {
    /// Somebody is bound to the exchange of events.
    pub(super) events_wanted: AtomicBool,
    /// Somebody is bound to the exchange of the log.
    pub(super) lines_wanted: AtomicBool,
    pub(super) homes: Homes,
    pub(in crate::broker) deleters: Deleters,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Notice, usize)>,
    bytes: usize,
    /// Those that did not fit, from the start of the process.
    dropped_events: u64,
    dropped_lines: u64,
    /// How many of them were said in the log.
    said: u64,
    /// Who makes messages of them.
    sleeper: Option<Waker>,
}

impl Notices {
    /// Whether somebody wants to hear of what happens. The one thing that an occurrence costs when nobody
    /// does.
    pub(in crate::broker) fn wants_events(&self) -> bool {
        self.events_wanted.load(Ordering::Relaxed)
    }

    /// Whether somebody wants lines of the log.
    pub(super) fn wants_lines(&self) -> bool {
        self.lines_wanted.load(Ordering::Relaxed)
    }

    /// Puts something in, if it fits. A leaf: whoever calls may hold any lock.
    pub(super) fn push(&self, notice: Notice) {
        let bytes = notice.bytes();
        let sleeper = {
            let mut state = self.lock();
            if state.bytes + bytes > NOTICES_WAITING_BYTES_MAX {
                match notice {
                    Notice::Event(_) => state.dropped_events += 1,
                    Notice::Line(_) => state.dropped_lines += 1,
                }
                return;
            }
            state.bytes += bytes;
            state.waiting.push_back((notice, bytes));
            state.sleeper.take()
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// So many events are not even put in.
    pub(super) fn drop_events(&self, events: u64) {
        self.lock().dropped_events += events;
    }

    /// Takes out what waits longest, at most so many.
    pub(super) fn take(&self, most: usize) -> Vec<Notice> {
        let mut state = self.lock();
        let count = state.waiting.len().min(most);
        let taken: Vec<_> = state.waiting.drain(..count).collect();
        state.bytes -= taken.iter().map(|(_, bytes)| bytes).sum::<usize>();
        taken.into_iter().map(|(notice, _)| notice).collect()
    }

    /// Ready when something waits; else the task is woken when that becomes so.
    pub(super) fn poll_waiting(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if !state.waiting.is_empty() {
            return Poll::Ready(());
        }
        state.sleeper = Some(context.waker().clone());
        Poll::Pending
    }

    /// How many events and how many lines were dropped.
    pub(super) fn dropped(&self) -> (u64, u64) {
        let state = self.lock();
        (state.dropped_events, state.dropped_lines)
    }

    /// How many were dropped that the log has not heard of yet.
    pub(super) fn take_unsaid(&self) -> u64 {
        let mut state = self.lock();
        let dropped = state.dropped_events + state.dropped_lines;
        let unsaid = dropped - state.said;
        state.said = dropped;
        unsaid
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock leaves list and sum apart.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notice {
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Event(told) => size_of::<Told>() + told.what.bytes(),
                Self::Line(line) => line.text.len(),
            }
    }
}
