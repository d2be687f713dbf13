//! The list of cases. Inputs are fixed, and nothing measured hashes with a random seed.

use super::walk::walks::{WALKS, Walk};
use super::{codec, machines, routes, written};

/// One thing that is counted.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// As it stands in the record.
    pub(crate) name: &'static str,
    /// How many operations (messages, mostly) one iteration does.
    pub(crate) operations: u64,
    /// How many iterations are counted: enough that what the start does at random (where memory lies,
    /// the salt of a password) disappears in them.
    pub(crate) iterations: u64,
    /// Gets ready and gives one iteration.
    pub(crate) prepare: fn() -> Work,
}

/// One iteration, to be called again and again.
pub(crate) type Work = Box<dyn FnMut()>;

/// Messages in the samples of codec and queue.
pub(crate) const MESSAGES: u64 = 100;

/// A read of 64 KiB has about so many publishes of 16 bytes.
const READ: usize = 900;

/// Every case, in the order of the table.
pub(crate) fn cases() -> Vec<Case> {
    let case =
        |name, operations, iterations, prepare| Case { name, operations, iterations, prepare };
    vec![
        case(
            "codec: decode publish, 16 B",
            MESSAGES,
            200,
            codec::decode_publish_16 as fn() -> Work,
        ),
        case("codec: decode publish, 1 KiB", MESSAGES, 200, codec::decode_publish_1024),
        case("codec: encode deliver, 16 B", MESSAGES, 200, codec::encode_deliver),
        case("codec: decode ack", MESSAGES, 400, codec::decode_ack),
        case("codec: scan content header", MESSAGES, 400, codec::scan_header),
        case("confirms: publish 100, confirm one run", MESSAGES, 200, machines::confirm_run),
        case(
            "connection: recv 64 KiB of 16 B publishes",
            READ as u64,
            20,
            machines::recv_publishes,
        ),
        case("connection: deliver 100 x 16 B to bytes", 100, 200, machines::deliver_to_bytes),
        case("routing: topic, 1,000 bindings", MESSAGES, 100, routes::topic),
        case("routing: direct, 1,000 bindings", MESSAGES, 200, routes::direct),
        case("routing: fanout to 10", MESSAGES, 100, routes::fanout),
        case("queue: enqueue 100, deliver, auto-ack", MESSAGES, 200, machines::queue_automatic),
        case("queue: enqueue 100, deliver, ack", MESSAGES, 200, machines::queue_acknowledged),
        case("log: 60 x 1 KiB in a group, then settled", 60, 200, written::group),
        case("walk: auto-ack, 900 x 16 B", READ as u64, 20, || walk(&WALKS[0], 16, READ)),
        case("walk: auto-ack, one message of 16 B", 1, 2000, || walk(&WALKS[0], 16, 1)),
        case("walk: auto-ack, 60 x 1 KiB", 60, 200, || walk(&WALKS[0], 1024, 60)),
        case("walk: confirms, 900 x 16 B", READ as u64, 20, || walk(&WALKS[1], 16, READ)),
        case("walk: acks, 900 x 16 B", READ as u64, 20, || walk(&WALKS[2], 16, READ)),
        case("walk: fanout to 10, 900 x 16 B", READ as u64, 5, || walk(&WALKS[3], 16, READ)),
    ]
}

/// The whole way of a batch, with its pipes; see the walk's own module.
fn walk(walk: &Walk, body_bytes: usize, batch: usize) -> Work {
    let mut running = walk.start(body_bytes, batch);
    Box::new(move || running.round(|_, work| work()))
}
