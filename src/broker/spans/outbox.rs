//! Spans that wait to be sent: a bounded list, and who sleeps until there is something in it.
//!
//! Nobody who ends a span waits here. What does not fit is dropped and counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Span;
use crate::base::limits::SPANS_WAITING_MAX;

/// See the module.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Span>,
    /// Those that did not fit, from the start of the process.
    dropped: u64,
    sleeper: Option<(usize, Waker)>,
}

impl Outbox {
    pub(super) fn push(&self, span: Span) {
        let sleeper = {
            let mut state = self.lock();
            if state.waiting.len() >= SPANS_WAITING_MAX {
                state.dropped += 1;
                return;
            }
            state.waiting.push_back(span);
            let waiting = state.waiting.len();
            state.sleeper.take_if(|(least, _)| waiting >= *least)
        };
        if let Some((_, waker)) = sleeper {
            waker.wake();
        }
    }

    /// Those that wait longest, at most so many.
    pub(super) fn take(&self, most: usize) -> Vec<Span> {
        let mut state = self.lock();
        let count = state.waiting.len().min(most);
        state.waiting.drain(..count).collect()
    }

    /// Ready when so many wait; else the task is woken when that becomes so.
    pub(super) fn poll(&self, least: usize, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.waiting.len() >= least {
            return Poll::Ready(());
        }
        state.sleeper = Some((least, context.waker().clone()));
        Poll::Pending
    }

    /// How many wait, and how many were dropped.
    pub(super) fn counts(&self) -> (usize, u64) {
        let state = self.lock();
        (state.waiting.len(), state.dropped)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // One operation of a list each time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
