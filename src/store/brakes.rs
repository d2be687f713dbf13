//! Makes the writer thread of the message log wait before it writes, when a test wants a slow disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Brake, Submission};

/// The brake, if there is one. Whoever changes it lets go of the thread that waits at the one before.
#[derive(Default)]
pub(super) struct Brakes {
    is_on: AtomicBool,
    brake: Mutex<Option<Brake>>,
    changed: Condvar,
}

impl Brakes {
    pub(super) fn set(&self, brake: Option<Brake>) {
        let mut current = self.lock();
        self.is_on.store(brake.is_some(), Ordering::Release);
        *current = brake;
        drop(current);
        self.changed.notify_all();
    }

    /// Waits before a group is written.
    pub(super) fn wait(&self, group: &[Submission]) {
        if !self.is_on.load(Ordering::Acquire) || group.is_empty() {
            return;
        }
        let Some(brake) = self.lock().clone() else { return };
        // Asked without the lock: it may need others.
        let pause = Duration::from_millis(brake());
        let is_same = |current: &mut Option<Brake>| {
            current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &brake))
        };
        // Time over or let go: either way the group is written now.
        drop(self.changed.wait_timeout_while(self.lock(), pause, is_same));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Brake>> {
        // One pointer is exchanged.
        self.brake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn group() -> Vec<Submission> {
        vec![Submission { entries: Vec::new(), durable: false, atomic: false, done: None }]
    }

    #[test]
    fn whoever_waits_at_a_brake_goes_on_when_it_is_taken_off() {
        let brakes = Arc::new(Brakes::default());
        brakes.wait(&group());
        let (tell, told) = channel();
        brakes.set(Some(Arc::new(move || {
            tell.send(()).expect("the test waits");
            60_000
        })));
        brakes.wait(&[]);
        assert!(told.try_recv().is_err(), "there is nothing to write");
        let waiting = Arc::clone(&brakes);
        let waiter = std::thread::spawn(move || waiting.wait(&group()));
        told.recv().expect("the brake is asked");
        brakes.set(None);
        waiter.join().expect("it goes on");
    }
}
