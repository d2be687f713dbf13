//! Bugs that a test puts into the broker, to see that the simulation (`tests/sim`) finds them.
//!
//! They are there in builds with debug assertions only: everywhere else [`planted`] is the constant `false`, so a
//! release knows none of them. A bug belongs to the thread that planted it, so tests do not disturb each other.

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// A publish is confirmed when its message was handed to the log, not when it is on disk.
    ConfirmBeforeFlush,
    /// Of the messages that came back, the youngest is handed out first.
    RequeueAtWrongEnd,
    /// A message that is given back keeps its consumer's credit.
    CreditLeak,
    /// A record counts as whole when its header is.
    TornRecord,
    /// The log hears that a dead letter is gone when it sets out, not when another queue has it.
    DeadLetterLetGo,
    /// What is rolled back goes out with the next commit.
    RollbackKeeps,
}

#[cfg(debug_assertions)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Plant>> = const { std::cell::Cell::new(None) };
}

/// Puts a bug into everything that this thread does from now on, or takes it out.
#[cfg(debug_assertions)]
pub fn plant(bug: Option<Plant>) {
    PLANTED.set(bug);
}

/// Whether this bug was planted.
#[cfg(debug_assertions)]
#[inline]
#[must_use]
pub fn planted(bug: Plant) -> bool {
    PLANTED.get() == Some(bug)
}

/// Never: this is no build for tests.
#[cfg(not(debug_assertions))]
#[inline]
#[must_use]
pub const fn planted(_: Plant) -> bool {
    false
}
