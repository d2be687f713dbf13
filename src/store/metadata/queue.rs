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

impl Request {
    fn bytes(&self) -> usize {
        let changes = self.changes.iter().map(Encoded::waiting_bytes).sum::<usize>();
        changes + size_of::<Self>()
    }
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
    /// Why the last group was given back, until one is stored.
    full: Option<StoreError>,
    /// Whether the next look at the disk is worth a pause.
    paused: bool,
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
        let state = State {
            requests: Vec::new(),
            bytes: 0,
            phase: Phase::Running,
            mirror_error: None,
            full: None,
            paused: false,
        };
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
        let bytes = request.bytes();
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

    /// A group found no room on the disk: it comes first the next time, after a pause. Not while the
    /// store is closing: then nobody looks again, and it comes back.
    pub(super) fn give_back(
        &self,
        requests: Vec<Request>,
        full: &StoreError,
    ) -> Result<(), Vec<Request>> {
        let mut state = self.state();
        if !matches!(state.phase, Phase::Running) {
            return Err(requests);
        }
        if state.full.is_none() {
            tracing::error!(
                error = %full,
                "the disk is full: changes of definitions wait until there is room"
            );
        }
        state.full = Some(full.clone());
        state.paused = true;
        state.bytes += requests.iter().map(Request::bytes).sum::<usize>();
        state.requests.splice(0..0, requests);
        Ok(())
    }

    /// A group was stored.
    pub(super) fn has_room(&self) {
        if self.state().full.take().is_some() {
            tracing::info!("the disk takes changes of definitions again");
        }
    }

    /// Waits for requests, at most this long when given, and takes all of them; after a full disk, `retry`
    /// has passed before.
    pub(super) fn next(&self, idle: Option<Duration>, retry: Duration) -> Turn {
        let mut state = self.state();
        if mem::take(&mut state.paused) {
            let is_running = |state: &mut State| matches!(state.phase, Phase::Running);
            let waited = self.wake.wait_timeout_while(state, retry, is_running);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
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
                let (mirror_error, full) = (state.mirror_error.clone(), state.full.clone());
                MetadataStatus::Running { mirror_error, full }
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
