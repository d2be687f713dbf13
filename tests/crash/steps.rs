//! What most of these tests do: fill a queue with confirmed messages, look at it, drain it.

use std::io;
use std::ops::RangeInclusive;

use super::body::{self, Name, body};
use super::client::{Client, Confirms, Incoming, Mode};
use crate::support::id;
use crate::support::methods::{DURABLE, basic, channel, queue};

/// Bytes that are put together before they are sent.
const SEND_BYTES: usize = 64 * 1024;

/// Messages that one ack settles while a queue is drained.
const ACK_EVERY: u64 = 500;

/// What a queue gave.
pub(super) type Drained = Vec<(Name, bool)>;

/// Messages to be published: of one source, to one queue.
pub(super) struct Fill<'a> {
    pub(super) queue: &'a str,
    pub(super) source: u32,
    pub(super) sequences: RangeInclusive<u64>,
    pub(super) bytes: usize,
    pub(super) mode: Mode,
    /// Confirms that may be waited for.
    pub(super) window: usize,
}

impl<'a> Fill<'a> {
    /// Persistent messages of 100 bytes.
    pub(super) fn new(queue: &'a str, source: u32, sequences: RangeInclusive<u64>) -> Self {
        Self { queue, source, sequences, bytes: 100, mode: Mode::Persistent, window: 2_000 }
    }

    /// Publishes all of it on a channel of its own, and waits for every confirm.
    pub(super) fn run(self, client: &mut Client, number: u16) -> io::Result<()> {
        client.open_confirming(number)?;
        let mut confirms = Confirms::default();
        for sequence in self.sequences {
            let body = body((self.source, sequence), self.bytes);
            client.put_message(number, ("", self.queue), self.mode, &body);
            confirms.sent();
            let full = confirms.open() >= self.window;
            if full || client.pending() >= SEND_BYTES {
                client.flush()?;
            }
            while confirms.open() >= self.window {
                settle(client, &mut confirms)?;
            }
        }
        client.flush()?;
        while confirms.open() > 0 {
            settle(client, &mut confirms)?;
        }
        close_channel(client, number)
    }
}

fn settle(client: &mut Client, confirms: &mut Confirms) -> io::Result<()> {
    match client.next()? {
        Incoming::Settled(settled) if settled.ok => {
            confirms.settle(settled);
            Ok(())
        }
        other => Err(io::Error::other(format!("a confirm was expected, not {other:?}"))),
    }
}

/// Declares a durable queue on a channel that is open.
pub(super) fn declare_durable(client: &mut Client, number: u16, name: &str) -> io::Result<()> {
    let declare = queue::declare(name).with(DURABLE);
    client.call(number, &declare, id::QUEUE_DECLARE_OK).map(|_| ())
}

/// Takes and acks `count` messages on a channel of its own; the broker has read the acks.
pub(super) fn drain(
    client: &mut Client,
    number: u16,
    queue: &str,
    count: u64,
) -> io::Result<Drained> {
    let mut drained = Vec::new();
    drain_into(client, number, queue, count, |name, redelivered| {
        drained.push((name, redelivered));
    })?;
    Ok(drained)
}

/// [`drain`] for more messages than anybody wants to keep.
pub(super) fn drain_into(
    client: &mut Client,
    number: u16,
    queue: &str,
    count: u64,
    mut each: impl FnMut(Name, bool),
) -> io::Result<()> {
    client.open_channel(number)?;
    client.consume(number, queue, 2_000)?;
    for taken in 1..=count {
        let delivery = client.delivery()?;
        each(body::read(&delivery.body).map_err(io::Error::other)?, delivery.redelivered);
        if taken % ACK_EVERY == 0 || taken == count {
            client.put(number, &basic::ack_up_to(delivery.tag));
            client.flush()?;
        }
    }
    client.call(number, &basic::cancel("c"), id::BASIC_CANCEL_OK)?;
    close_channel(client, number)
}

/// Takes `count` messages on a channel and keeps them unacked; the tag of each.
pub(super) fn hold(
    client: &mut Client,
    number: u16,
    queue: &str,
    count: u16,
) -> io::Result<Vec<(Name, u64)>> {
    client.open_channel(number)?;
    client.consume(number, queue, count)?;
    let mut held = Vec::new();
    for _ in 0..count {
        let delivery = client.delivery()?;
        held.push((body::read(&delivery.body).map_err(io::Error::other)?, delivery.tag));
    }
    Ok(held)
}

/// The names of one source, and that nothing of them is marked redelivered.
pub(super) fn fresh(source: u32, sequences: RangeInclusive<u64>) -> Drained {
    sequences.map(|sequence| ((source, sequence), false)).collect()
}

pub(super) fn close_channel(client: &mut Client, number: u16) -> io::Result<()> {
    client.call(number, &channel::close(), id::CHANNEL_CLOSE_OK).map(|_| ())
}
