//! What waits for the writer: a bounded list that never blocks who adds to it.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Done, MetadataStatus};
use crate::base::limits::METADATA_WAITING_BYTES_MAX;
use crate::store::definitions::Encoded;
use crate::store::{Definitions, StoreError};

/// One call of `apply`.
pub(super) struct Request {
    pub(super) changes: Vec<Encoded>,
    pub(super) done: Done,
}

/// What the writer does next.
pub(super) enum Turn {
    /// Stores these, in this order.
    Group(Vec<Request>),
    /// Nothing came for as long as was asked.
    Idle,
    /// Ends.
    Close,
}

/// Shared by callers and the writer.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    definitions: Mutex<Definitions>,
    directory: PathBuf,
}

struct State {
    requests: Vec<Request>,
    bytes: usize,
    phase: Phase,
    mirror_error: Option<StoreError>,
}

/// ```text
/// Running -> Closing -> Closed
///    |          |
///    +----------+--> Stopped      a write or sync failed
/// ```
enum Phase {
    Running,
    Closing,
    Closed,
    Stopped(StoreError),
}

impl Queue {
    pub(super) fn new(directory: &Path, definitions: Definitions) -> Self {
        let state =
            State { requests: Vec::new(), bytes: 0, phase: Phase::Running, mirror_error: None };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            definitions: Mutex::new(definitions),
            directory: directory.to_path_buf(),
        }
    }

    /// Adds a request, or answers it at once when it cannot be taken. What waits is bounded by
    /// [`METADATA_WAITING_BYTES_MAX`]; a request that finds nothing waiting is taken whatever its size.
    pub(super) fn push(&self, request: Request) {
        let bytes = request.changes.iter().map(Encoded::waiting_bytes).sum::<usize>();
        let bytes = bytes + size_of::<Request>();
        let mut state = self.state();
        let refusal = match &state.phase {
            Phase::Stopped(error) => Some(error.stopped()),
            Phase::Closing | Phase::Closed => {
                Some(StoreError::Closed { path: self.directory.clone() })
            }
            Phase::Running
                if state.bytes > 0 && state.bytes + bytes > METADATA_WAITING_BYTES_MAX =>
            {
                let path = self.directory.clone();
                Some(StoreError::Full { path, waiting_bytes: state.bytes })
            }
            Phase::Running => None,
        };
        match refusal {
            None => {
                state.bytes += bytes;
                state.requests.push(request);
                drop(state);
                self.wake.notify_one();
            }
            Some(error) => {
                drop(state);
                (request.done)(Err(error));
            }
        }
    }

    /// Waits for requests, at most this long when given, and takes all of them.
    pub(super) fn next(&self, idle: Option<Duration>) -> Turn {
        let mut state = self.state();
        loop {
            if !state.requests.is_empty() {
                state.bytes = 0;
                return Turn::Group(mem::take(&mut state.requests));
            }
            if !matches!(state.phase, Phase::Running) {
                return Turn::Close;
            }
            state = match idle {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(idle) => {
                    let (state, waited) =
                        self.wake.wait_timeout(state, idle).unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && state.requests.is_empty() {
                        return Turn::Idle;
                    }
                    state
                }
            };
        }
    }

    /// Takes no more requests; what waits is still stored.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Running) {
            state.phase = Phase::Closing;
        }
        drop(state);
        self.wake.notify_one();
    }

    /// The writer has ended in good order.
    pub(super) fn closed(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Running | Phase::Closing) {
            state.phase = Phase::Closed;
        }
    }

    /// A write or sync failed: everything that waits is told, and everything that comes.
    pub(super) fn stop(&self, error: &StoreError) {
        let mut state = self.state();
        if !matches!(state.phase, Phase::Stopped(_)) {
            state.phase = Phase::Stopped(error.stopped());
        }
        state.bytes = 0;
        let waiting = mem::take(&mut state.requests);
        drop(state);
        for request in waiting {
            answer(request.done, Err(error.stopped()));
        }
    }

    /// Whether the last attempt to write the mirror succeeded.
    pub(super) fn mirror_written(&self, result: Result<(), StoreError>) {
        self.state().mirror_error = result.err();
    }

    pub(super) fn status(&self) -> MetadataStatus {
        let state = self.state();
        match &state.phase {
            Phase::Running | Phase::Closing => {
                MetadataStatus::Running { mirror_error: state.mirror_error.clone() }
            }
            Phase::Closed => MetadataStatus::Closed,
            Phase::Stopped(error) => MetadataStatus::Stopped(error.clone()),
        }
    }

    /// The definitions that were acknowledged. Held for memory work only.
    pub(super) fn definitions(&self) -> MutexGuard<'_, Definitions> {
        // Whole records are there even if a panic came between two of a group.
        self.definitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code under this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells somebody; a listener that panics must not take the others' answers with it.
pub(super) fn answer(done: Done, result: Result<(), StoreError>) {
    // The panic was already reported by the hook, and belongs to whoever made the closure.
    let _ = super::guard::caught(|| done(result));
}
