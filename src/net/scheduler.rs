//! Goes on with long turns of queues on the runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::base::limits::{PARTING_PAUSE_MS, SWEEP_PAUSE_MS};
use crate::broker::{
    Cell, DeadLetters, PageQuestion, Parting, Scheduler, Sweeping, Unneeded, WorkCounts,
};

/// Runs each asked-for turn as a task of its own, so that the runtime shares it out fairly.
pub struct TokioScheduler {
    handle: Handle,
    work: Arc<Work>,
}

/// What was asked for without a pause, and what is done of it.
#[derive(Default)]
struct Work {
    begun: AtomicU64,
    done: AtomicU64,
}

/// One piece of it, which is done when this is dropped.
struct Piece(Arc<Work>);

impl Work {
    fn begin(self: &Arc<Self>) -> Piece {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Piece(Arc::clone(self))
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::SeqCst);
    }
}

impl TokioScheduler {
    /// On this runtime.
    #[must_use]
    pub fn new(handle: Handle) -> Self {
        Self { handle, work: Arc::default() }
    }
}

impl Scheduler for TokioScheduler {
    fn resume(&self, cell: Arc<Cell>) {
        let piece = self.work.begin();
        // The task ends with its turn; at shutdown the runtime drops what has not begun, and the
        // commands it would have applied belong to connections that are gone by then.
        drop(self.handle.spawn(async move {
            cell.resume();
            drop(piece);
        }));
    }

    fn page_in(&self, cell: Arc<Cell>, question: PageQuestion, pause_ms: u64) {
        // As above: whoever waited for these messages is gone when the runtime is.
        let handle = self.handle.clone();
        if pause_ms == 0 {
            let piece = self.work.begin();
            drop(handle.spawn_blocking(move || {
                cell.page_in(question);
                drop(piece);
            }));
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
        let piece = (pause_ms == 0).then(|| self.work.begin());
        drop(self.handle.spawn(async move {
            if pause_ms > 0 {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            let is_cold = letters.is_cold();
            let send = move || {
                cell.send_dead_letters(letters);
                drop(piece);
            };
            if is_cold {
                drop(handle.spawn_blocking(send));
            } else {
                send();
            }
        }));
    }

    fn sweep(&self, sweeping: Sweeping) {
        // What a runtime that ends leaves behind goes with the process.
        let handle = self.handle.clone();
        drop(self.handle.spawn(async move {
            while let Some(rubble) = sweeping.step() {
                if rubble.is_large() {
                    drop(handle.spawn_blocking(move || drop(rubble)));
                } else {
                    drop(rubble);
                }
                // The table's lock is not fair: without a pause those who publish or declare would not get it.
                tokio::time::sleep(Duration::from_millis(SWEEP_PAUSE_MS)).await;
            }
        }));
    }

    fn part(&self, mut parting: Parting) {
        // A runtime that ends takes the queues with it. The pause is the others': a task that is always ready would have
        // half of its thread's time until all is done.
        drop(self.handle.spawn(async move {
            while parting.step() {
                tokio::time::sleep(Duration::from_millis(PARTING_PAUSE_MS)).await;
            }
        }));
    }

    fn let_go(&self, unneeded: Unneeded) {
        // A runtime that ends lets go at once.
        drop(self.handle.spawn_blocking(move || drop(unneeded)));
    }

    fn work(&self) -> WorkCounts {
        let done = self.work.done.load(Ordering::SeqCst);
        WorkCounts { begun: self.work.begun.load(Ordering::SeqCst), done }
    }
}
