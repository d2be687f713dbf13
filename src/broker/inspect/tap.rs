//! Taps: who watches what is published to a queue. Nothing is taken from it.
//!
//! A queue that nobody watches pays one look at a number for each batch that comes. A tap keeps as much as it has
//! room for until somebody takes it; what comes meanwhile is counted and dropped, so a watcher never holds up a
//! publisher. A leaf lock under the queue's core.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Filter;
use crate::base::Message;
use crate::base::limits::{TAP_BYTES_MAX, TAP_MESSAGES_MAX};
use crate::broker::Cell;
use crate::broker::payload::Payload;
use crate::queue::Incoming;

/// The taps of one queue.
#[derive(Default)]
pub(in crate::broker) struct Taps {
    count: AtomicUsize,
    all: Mutex<Vec<Arc<Mutex<Kept>>>>,
}

/// What a tap has and nobody took.
#[derive(Default)]
struct Kept {
    /// One in so many is kept, from 1.
    sample: u64,
    messages: VecDeque<Message>,
    bytes: u64,
    seen: u64,
    dropped: u64,
}

/// A tap; it is gone when it is dropped.
pub struct Tap {
    cell: Arc<Cell>,
    kept: Arc<Mutex<Kept>>,
}

/// What a tap gives.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tapped {
    /// The messages since the last time, in order.
    pub messages: Vec<Message>,
    /// How many came in since the tap is there, sampled or not.
    pub seen: u64,
    /// How many of the sampled ones were dropped because nobody took them in time.
    pub dropped: u64,
}

impl Taps {
    /// Messages come in.
    #[inline]
    pub(in crate::broker) fn see(&self, messages: &[Incoming<Payload>]) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.show(messages);
        }
    }

    #[cold]
    fn show(&self, messages: &[Incoming<Payload>]) {
        for tap in lock(&self.all).iter() {
            let mut kept = lock(tap);
            for message in messages.iter().filter_map(|incoming| incoming.payload.message()) {
                kept.see(message);
            }
        }
    }
}

impl Kept {
    fn see(&mut self, message: &Message) {
        self.seen += 1;
        if !self.seen.is_multiple_of(self.sample) {
            return;
        }
        if self.messages.len() >= TAP_MESSAGES_MAX || self.bytes >= TAP_BYTES_MAX {
            self.dropped += 1;
            return;
        }
        self.bytes += message.content_bytes();
        self.messages.push_back(message.clone());
    }
}

impl Cell {
    /// Watches what is published to the queue from now on, one message in `sample`.
    #[must_use]
    pub fn tap(self: &Arc<Self>, sample: u64) -> Tap {
        let kept = Kept { sample: sample.max(1), ..Kept::default() };
        let kept = Arc::new(Mutex::new(kept));
        let mut all = lock(&self.taps.all);
        all.push(Arc::clone(&kept));
        self.taps.count.store(all.len(), Ordering::Relaxed);
        Tap { cell: Arc::clone(self), kept }
    }
}

impl Tap {
    /// What came since the last time and is wanted.
    #[must_use]
    pub fn take(&self, filter: &Filter) -> Tapped {
        let (taken, seen, dropped) = {
            let mut kept = lock(&self.kept);
            kept.bytes = 0;
            (std::mem::take(&mut kept.messages), kept.seen, kept.dropped)
        };
        let parse = self.cell.common().parse_headers;
        let wanted = taken.into_iter().filter(|message| filter.takes(message, parse));
        Tapped { messages: wanted.collect(), seen, dropped }
    }

    /// The queue.
    #[must_use]
    pub fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let mut all = lock(&self.cell.taps.all);
        all.retain(|kept| !Arc::ptr_eq(kept, &self.kept));
        self.cell.taps.count.store(all.len(), Ordering::Relaxed);
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // One operation of a list each time.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
