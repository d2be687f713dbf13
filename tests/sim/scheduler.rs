//! Work that the broker wants done later, in a list from which the dice choose.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use haremq::broker::{Cell, DeadLetters, PageQuestion, Scheduler};

/// A piece of it.
enum Job {
    Resume(Arc<Cell>),
    PageIn(Arc<Cell>, PageQuestion),
    DeadLetters(Arc<Cell>, DeadLetters),
}

/// The list, and beside it what waits for a pause after a try in vain.
#[derive(Default)]
pub(super) struct Jobs {
    ready: Mutex<Vec<Job>>,
    paused: Mutex<Vec<Job>>,
}

impl Jobs {
    pub(super) fn len(&self) -> usize {
        lock(&self.ready).len()
    }

    /// How many wait for a pause.
    pub(super) fn paused(&self) -> usize {
        lock(&self.paused).len()
    }

    /// All pauses are over.
    pub(super) fn wake(&self) {
        let woken = std::mem::take(&mut *lock(&self.paused));
        lock(&self.ready).extend(woken);
    }

    /// Does one of them; there is one with this number.
    pub(super) fn run(&self, number: usize) {
        let job = lock(&self.ready).remove(number);
        match job {
            Job::Resume(cell) => cell.resume(),
            Job::PageIn(cell, question) => cell.page_in(question),
            Job::DeadLetters(cell, letters) => cell.send_dead_letters(letters),
        }
    }

    fn add(&self, job: Job, pause_ms: u64) {
        lock(if pause_ms > 0 { &self.paused } else { &self.ready }).push(job);
    }
}

fn lock(jobs: &Mutex<Vec<Job>>) -> MutexGuard<'_, Vec<Job>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler for Jobs {
    fn resume(&self, cell: Arc<Cell>) {
        self.add(Job::Resume(cell), 0);
    }

    fn page_in(&self, cell: Arc<Cell>, question: PageQuestion, pause_ms: u64) {
        self.add(Job::PageIn(cell, question), pause_ms);
    }

    fn send_dead_letters(&self, cell: Arc<Cell>, letters: DeadLetters, pause_ms: u64) {
        self.add(Job::DeadLetters(cell, letters), pause_ms);
    }
}
