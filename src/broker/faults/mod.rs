//! Faults on demand: what a broker does to those who use it because a test has ordered it (docs/testing-faults.md).
//!
//! ```text
//!           order                 an occasion comes: it is the every-th one
//! (nothing) -----> in wait <------------------------------------------------+
//!                    |    \_________________ strikes (hits + 1) ___________/|
//!                    |                                                      | hits = times
//!                    +------ withdraw ------> (nothing) <---- withdraw --- spent
//! ```
//!
//! An *occasion* of a fault is what it could strike: a publish, a settled message, a delivery, a declare, an open
//! connection, a message that somebody holds, a group that is written to the log. A fault counts the occasions that
//! match what it is narrowed to, and nothing else. Some faults find all their occasions when they are ordered
//! (`redeliver`, and `cut` and `connection_close` without `on`); they stand in the list afterwards for their hits.
//!
//! - F1: without a fault nothing is struck, and what asks whether there is one costs a session one load each turn.
//! - F2: an occasion is struck by one fault at most, the one that was ordered first of those that would; faults
//!   behind it do not count that occasion.
//! - F3: a fault strikes at most `times` times, however many sessions meet it at once.
//! - F4: a confirm that is delayed comes once: when its moment has come by the broker's clock, or when the fault is
//!   withdrawn, and never before the queues have the message (I7). One that is dropped never comes.
//! - F5: what a fault ends gives back what it holds, as an end of any other cause does (I6).
//! - F6: when a fault is withdrawn, what it holds back goes on: delayed confirms, blocked publishers, the disk.
//!
//! Sessions ask at the edge (`net/conversation/faulty.rs`), so no machine of a channel or a queue knows of faults.
//! There are at most [`crate::base::limits::FAULTS_MAX`] of them, and at most
//! [`crate::base::limits::LATE_CONFIRMS_MAX`] delayed confirms; a publish beyond that is confirmed as usual.

mod brake;
mod fault;
mod handle;
mod late;
mod leads;
mod narrowed;
mod redeliver;
mod registry;
mod scene;

pub use fault::{Fault, FaultError, FaultKind, On};
pub use handle::Faults;
pub use narrowed::Narrowed;
pub use registry::{FaultId, OrderedFault};
pub use scene::{Blow, PublishBlow, Scene};

pub(super) use late::{LateConfirm, LateConfirms};
pub(super) use registry::Registry;
