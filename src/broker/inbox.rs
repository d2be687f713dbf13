//! The inbox of one connection: where cells put events, and where its session sleeps.
//!
//! A leaf lock: nothing else is locked while it is held. It is bounded by holding back: above
//! [`INBOX_HIGH_WATER_BYTES`] of undrained deliveries the pushing cell is told to hold the consumers it
//! has here, and the session opens them again after it has drained. Direct replies come from no queue that
//! could hold them: they are counted apart, and dropped above a bound of their own (D3 in `direct_reply.rs`).

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use super::direct_reply::WaitingReplies;
use super::sync::{Mutex, MutexGuard};
use super::{Cell, Event};
use crate::base::limits::INBOX_HIGH_WATER_BYTES;
use crate::base::{ConsumerId, Millis};

/// Whether the inbox takes more deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Load {
    /// It does.
    Normal,
    /// It does not: the consumers are to be held.
    High,
}

/// See the module.
#[derive(Default)]
pub struct Inbox {
    state: Mutex<State>,
    choked: Mutex<Option<Choked>>,
    replies: WaitingReplies,
}

/// A connection whose client does not take what is written to it: it looks into its inbox again only when the
/// client has, so it cannot be asked, and says this by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choked {
    /// Since when.
    pub since: Millis,
    /// When the client took something last.
    pub wrote_at: Millis,
    /// Bytes that wait for it.
    pub unwritten_bytes: u64,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    delivery_bytes: usize,
    held: Vec<(Arc<Cell>, ConsumerId)>,
    waker: Option<Waker>,
}

impl Inbox {
    /// An empty inbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts events in, in order, and wakes the session.
    pub fn push(&self, events: impl IntoIterator<Item = Event>) {
        let waker = {
            let mut state = self.lock();
            state.events.extend(events);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// As [`Self::push`], for a cell's turn: `delivery_bytes` of them are deliveries to `consumers`.
    /// When the answer is [`Load::High`], the caller holds those consumers; they are noted here under
    /// the same lock, so that the session's next drain opens them again.
    pub fn push_deliveries(
        &self,
        events: &mut Vec<Event>,
        delivery_bytes: usize,
        cell: &Arc<Cell>,
        consumers: &[ConsumerId],
    ) -> Load {
        let (waker, load) = {
            let mut state = self.lock();
            if state.events.is_empty() {
                // Nothing is moved, and both lists keep their room.
                std::mem::swap(&mut state.events, events);
            } else {
                state.events.append(events);
            }
            state.delivery_bytes += delivery_bytes;
            let load = if state.delivery_bytes > INBOX_HIGH_WATER_BYTES {
                state.held.extend(consumers.iter().map(|id| (Arc::clone(cell), *id)));
                Load::High
            } else {
                Load::Normal
            };
            (state.waker.take(), load)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        load
    }

    /// Takes everything out. `events` must be empty; its room is kept for the next push. `held` gets
    /// the consumers that may be opened again.
    pub fn take(&self, events: &mut Vec<Event>, held: &mut Vec<(Arc<Cell>, ConsumerId)>) {
        debug_assert!(events.is_empty(), "what was taken before has been worked off");
        let mut state = self.lock();
        std::mem::swap(&mut state.events, events);
        state.delivery_bytes = 0;
        held.append(&mut state.held);
    }

    /// The direct replies among the events, which have a bound of their own.
    pub(super) fn replies(&self) -> &WaitingReplies {
        &self.replies
    }

    /// The session says that it is choked, or is not any more.
    pub fn set_choked(&self, wrote_at: Millis, unwritten_bytes: Option<u64>) {
        let mut choked = self.choked.lock().unwrap_or_else(PoisonError::into_inner);
        let since = choked.map_or(wrote_at, |before| before.since);
        *choked =
            unwritten_bytes.map(|unwritten_bytes| Choked { since, wrote_at, unwritten_bytes });
    }

    /// Whether its session is choked.
    #[must_use]
    pub fn choked(&self) -> Option<Choked> {
        *self.choked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().events.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ready when something is in; else the task is woken when something comes.
    pub fn poll_filled(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if !state.events.is_empty() || !state.held.is_empty() {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock leaves the state half changed, so a panic elsewhere does no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
