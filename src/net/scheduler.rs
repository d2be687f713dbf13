//! Goes on with long turns of queues on the runtime.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::base::MessageId;
use crate::broker::{Cell, Scheduler};

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

    fn page_in(&self, cell: Arc<Cell>, from: MessageId, count: u32) {
        // As above: whoever waited for these messages is gone when the runtime is.
        drop(self.handle.spawn_blocking(move || cell.page_in(from, count)));
    }
}
