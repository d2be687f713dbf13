//! Fences around code that may panic or never come back when a file is damaged.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// What became of work that was not trusted.
pub(super) enum Escaped {
    /// It panicked, saying this.
    Panicked(String),
    /// It had not come back after the time-out; its thread is left to itself.
    TimedOut,
}

/// Runs work on a thread of its own and waits for it no longer than this.
pub(super) fn within<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Escaped> {
    let (sender, receiver) = sync_channel(1);
    let spawned = thread::Builder::new().name("definitions-open".to_owned()).spawn(move || {
        // The receiver is gone when the time-out passed; then the result is dropped here.
        let _ = sender.send(caught(work));
    });
    if let Err(error) = spawned {
        return Err(Escaped::Panicked(format!("no thread could be started: {error}")));
    }
    match receiver.recv_timeout(timeout) {
        Ok(result) => result.map_err(Escaped::Panicked),
        Err(RecvTimeoutError::Timeout) => Err(Escaped::TimedOut),
        Err(RecvTimeoutError::Disconnected) => {
            Err(Escaped::Panicked("its thread ended without an answer".to_owned()))
        }
    }
}

/// Runs work here and turns a panic into its message.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Whatever a panic leaves half-done is thrown away by every caller: a database is dropped, and a
    // writer stops for ever.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_a_hang_come_back_as_values() {
        let panicked = within(Duration::from_secs(10), || panic!("as asked")).err();
        assert!(matches!(panicked, Some(Escaped::Panicked(text)) if text == "as asked"));
        let (release, wait) = sync_channel::<()>(0);
        let hung = within(Duration::from_millis(1), move || wait.recv()).err();
        assert!(matches!(hung, Some(Escaped::TimedOut)));
        drop(release);
    }
}
