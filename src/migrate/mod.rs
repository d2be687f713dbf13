//! Moves definitions and messages from a running RabbitMQ to a running HareMQ: `haremq migrate`.
//!
//! It is a client of both sides, over the management API and AMQP, and knows nothing of the broker in this
//! program. The walk: `args` reads the command line, `definitions` copies what the source is told to be,
//! `survey` decides which queues are moved, `mover` moves one queue (`run` lets several move at a time, each
//! on a thread of its own), `report` says what came of it. `state` is the file that a resumed run begins with.
//!
//! A queue is moved in batches. The states of a batch:
//!
//! ```text
//! taken --commit at the target--> stored --ack at the source--> acked --note at the target--> done
//! ```
//!
//! * *taken*: consumed from the source and not acked. The consumer is cancelled when the batch is full, so
//!   that the source hands out nothing that is not in it.
//! * *stored*: published in one transaction of the target, together with a *claim* (`claim`): a message in a
//!   queue beside the moved one that says which messages are stored, by their digests, and is not yet known
//!   to be acked.
//! * *acked*: the source has worked the ack off; it has answered a question that came behind it.
//! * *done*: the claim at the target says so. Only then is the next batch taken.
//!
//! Whatever ends this command, the claim tells the next run what happened, because a transaction that was
//! not committed when its connection ends is forgotten by the target, and a committed one is whole.
//!
//! * **M1** A message is acked at the source only after the target's commit-ok for it.
//! * **M2** A message that the source gives back (redelivered) and that an unacked claim names is stored: it
//!   is acked without being published again.
//! * **M3** When a claim is no proof, the message is published again and counted as possibly double. That is:
//!   the claim was acked (so the source forgot the ack), the target was started anew since (its commit may be
//!   half), the target's queue may refuse messages (a commit may have been refused in part), or the
//!   message had been redelivered already when the claim was made (so its mark proves nothing).
//! * **M4** Properties, headers and body are forwarded as bytes; the routing key is kept.
//!
//! Every double therefore is a message that came redelivered, and those are counted as well.

mod api;
mod args;
mod claim;
mod command;
mod definitions;
mod error;
mod link;
mod message;
mod mover;
mod places;
mod report;
mod run;
mod state;
mod survey;

pub use args::command_line;
pub use command::run_on_terminal;
