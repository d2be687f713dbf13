//! What happens in the broker, told to those who want to know: as messages of `amq.rabbitmq.event`
//! (rabbitmq: event-exchange.md), as lines of the audit in the log, and lines of the log as messages of
//! `amq.rabbitmq.log` (rabbitmq: logging.md). One [`Occurrence`] is where all of them have their facts from.
//! Beside it stands the firehose (rabbitmq: firehose.md), which copies messages.
//!
//! Whoever causes something never waits for those who hear of it: what is to be told goes into a bounded list
//! under a leaf lock, and a task of its own makes messages of it. What does not fit is counted and logged.
//! While nobody is bound to the exchange, an occurrence costs one load.
//!
//! * **N1** What was told is published in the order in which it was told.
//! * **N2** The list holds at most [`NOTICES_WAITING_BYTES_MAX`](crate::base::limits::NOTICES_WAITING_BYTES_MAX).
//! * **N3** What is told while messages are made of the list is no line of the log exchange: a message
//!   about a message would not end.

mod actor;
mod audit;
mod clients;
mod deleters;
mod firehose;
mod homes;
mod messages;
mod objects;
mod occurrence;
mod of_changes;
mod publishing;
mod removed;
mod waiting;

pub use actor::{Actor, Via};
pub(super) use audit::write as audit;
pub(super) use deleters::Deleters;
pub(super) use firehose::{Traced, Tracer};
pub(super) use homes::{EVENT_EXCHANGE, Homes, home_exchange};
pub use occurrence::LoginAttempt;
pub(super) use occurrence::{Consumed, Occurrence, Told};
pub(super) use of_changes::occurrences_of;
pub use publishing::NoticeLosses;
pub(super) use removed::Asked;
pub(super) use waiting::{LogLine, Notice, Notices};
