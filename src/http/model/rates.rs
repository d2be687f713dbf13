//! Counters with how fast they grow.

use serde::Serialize;

/// `x_details` of a counter `x`.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Details {
    /// By the second.
    pub rate: f64,
}

/// What went through something.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's; each has its rate behind it")]
pub struct MessageStats {
    pub publish: u64,
    pub publish_details: Details,
    pub deliver: u64,
    pub deliver_details: Details,
    pub deliver_no_ack: u64,
    pub deliver_no_ack_details: Details,
    pub deliver_get: u64,
    pub deliver_get_details: Details,
    pub get: u64,
    pub get_details: Details,
    pub get_no_ack: u64,
    pub get_no_ack_details: Details,
    pub get_empty: u64,
    pub get_empty_details: Details,
    pub redeliver: u64,
    pub redeliver_details: Details,
    pub ack: u64,
    pub ack_details: Details,
}

/// Bytes of a connection, both ways.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct OctetDetails {
    pub recv_oct: u64,
    pub recv_oct_details: Details,
    pub send_oct: u64,
    pub send_oct_details: Details,
}
