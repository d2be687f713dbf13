//! Work that the broker wants done later, in a list from which the dice choose.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use haremq::broker::{Cell, DeadLetters, PageQuestion, Scheduler};

/// A piece of it.
enum Job {
    Resume(Arc<Cell>),
    PageIn(Arc<Cell>, PageQuestion),
    DeadLetters(Arc<Cell>, DeadLetters),
}

/// The list.
#[derive(Default)]
pub(super) struct Jobs(Mutex<Vec<Job>>);

impl Jobs {
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Does one of them; there is one with this number.
    pub(super) fn run(&self, number: usize) {
        let job = self.lock().remove(number);
        match job {
            Job::Resume(cell) => cell.resume(),
            Job::PageIn(cell, question) => cell.page_in(question),
            Job::DeadLetters(cell, letters) => cell.send_dead_letters(letters),
        }
    }

    fn add(&self, job: Job) {
        self.lock().push(job);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scheduler for Jobs {
    fn resume(&self, cell: Arc<Cell>) {
        self.add(Job::Resume(cell));
    }

    fn page_in(&self, cell: Arc<Cell>, question: PageQuestion, _pause_ms: u64) {
        self.add(Job::PageIn(cell, question));
    }

    fn send_dead_letters(&self, cell: Arc<Cell>, letters: DeadLetters, _pause_ms: u64) {
        self.add(Job::DeadLetters(cell, letters));
    }
}
