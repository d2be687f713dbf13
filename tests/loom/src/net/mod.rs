//! The files of `net` that go on with what queues ask for.

#[path = "../../../../src/net/scheduler.rs"]
pub(crate) mod scheduler;
#[path = "../../../../src/net/timers.rs"]
pub(crate) mod timers;
