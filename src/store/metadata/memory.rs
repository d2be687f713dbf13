//! Definitions in memory, for brokers that keep nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Done, MetadataStatus, MetadataStore};
use crate::store::definitions::Encoded;
use crate::store::{Change, Definitions, StoreError};

/// A store that forgets everything at its end and refuses what the one on disk would refuse.
#[derive(Debug, Default)]
pub struct MemoryMetadata {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    definitions: Definitions,
    closed: bool,
}

impl MemoryMetadata {
    /// A store without definitions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics half-way; if something did, whole records are still there.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetadataStore for MemoryMetadata {
    fn load(&self) -> Definitions {
        self.state().definitions.clone()
    }

    fn apply(&self, changes: Vec<Change>, done: Done) {
        let encoded: Result<Vec<_>, _> = changes.into_iter().map(Encoded::new).collect();
        let result = encoded.and_then(|changes| {
            let mut state = self.state();
            if state.closed {
                return Err(StoreError::Closed { path: "the store in memory".into() });
            }
            for encoded in changes {
                state.definitions.apply(encoded.change);
            }
            Ok(())
        });
        done(result);
    }

    fn status(&self) -> MetadataStatus {
        if self.state().closed {
            MetadataStatus::Closed
        } else {
            MetadataStatus::Running { mirror_error: None, full: None }
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        self.state().closed = true;
        Ok(())
    }
}
