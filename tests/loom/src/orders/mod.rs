//! The files of the broker under test, and what they name beside themselves.

#[path = "../../../../src/broker/handover.rs"]
mod handover;
#[path = "../../../../src/broker/inbox.rs"]
mod inbox;

#[cfg(test)]
mod handover_models;
#[cfg(test)]
mod inbox_models;

mod sync;

mod direct_reply {
    /// Has a lock of its own in the broker, which no model takes.
    #[derive(Default)]
    pub(super) struct WaitingReplies;
}

/// A queue, as an inbox knows it: by its handle.
pub struct Cell;

/// What a queue tells a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event(u32);

/// Runs a model that must fail in a process of its own, because loom ends the process that finds a deadlock. `test` is
/// the path of the test that calls this.
#[cfg(test)]
fn fails_apart(test: &str, model: impl FnOnce()) {
    const APART: &str = "HAREMQ_LOOM_APART";
    if std::env::var_os(APART).is_some() {
        return model();
    }
    let name = test.split_once("::").expect("the crate stands in front").1;
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name])
        .env(APART, "1")
        .output()
        .expect("this program runs again");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "no test `{name}`: {said}");
    assert!(!output.status.success(), "the model does not find the planted mistake");
}
