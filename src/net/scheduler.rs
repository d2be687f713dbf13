//! Goes on with long turns of queues on the runtime.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::broker::{Cell, DeadLetters, PageQuestion, Scheduler};

/// Runs each asked-for turn as a task of its own, so that the runtime shares it out fairly.
pub struct TokioScheduler {
    handle: Handle,
}

impl TokioScheduler {
    /// On this runtime.
    #[must_use]
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

impl Scheduler for TokioScheduler {
    fn resume(&self, cell: Arc<Cell>) {
        // The task ends with its turn; at shutdown the runtime drops what has not begun, and the
        // commands it would have applied belong to connections that are gone by then.
        drop(self.handle.spawn(async move { cell.resume() }));
    }

    fn page_in(&self, cell: Arc<Cell>, question: PageQuestion, pause_ms: u64) {
        // As above: whoever waited for these messages is gone when the runtime is.
        let handle = self.handle.clone();
        if pause_ms == 0 {
            drop(handle.spawn_blocking(move || cell.page_in(question)));
            return;
        }
        drop(self.handle.spawn(async move {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            drop(handle.spawn_blocking(move || cell.page_in(question)));
        }));
    }

    fn send_dead_letters(&self, cell: Arc<Cell>, letters: DeadLetters, pause_ms: u64) {
        // What a runtime that ends drops is still departing: it is ready again after a restart.
        let handle = self.handle.clone();
        drop(self.handle.spawn(async move {
            if pause_ms > 0 {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            if letters.is_cold() {
                drop(handle.spawn_blocking(move || cell.send_dead_letters(letters)));
            } else {
                cell.send_dead_letters(letters);
            }
        }));
    }
}
