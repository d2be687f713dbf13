//! Samples of what is counted, for how fast it grows and for charts.
//!
//! One walk takes them all ([`walk`]): of each queue, exchange, channel and connection, of each virtual host, of
//! everything together and of the process. A [`history`] keeps the last two samples of a thing, for its rates, and,
//! where there is room, rings of samples further back, in RabbitMQ's steps. A [`book`] keeps the histories of all
//! things of one kind, of a bounded number. [`range`] reads what a request wants to see of them.

mod book;
mod calendar;
mod history;
mod range;
mod table;
mod walk;

pub(super) use calendar::rfc3339;
pub(super) use history::Moment;
pub(super) use range::Ranges;
pub(super) use table::{
    CHANNEL, CHURN, CONNECTION, EXCHANGE, NODE, NodeSample, QUEUE, QUEUE_LEVELS, QueueSample,
    VHOST, VHOST_LEVELS, VHOST_OCTETS, VhostSample,
};
pub(super) use walk::{Samples, run, vhost_samples};
