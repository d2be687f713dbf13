//! The walks of ARCHITECTURE §3, each as stages that can be looked at one by one.

use haremq::wire::Method;

use super::client::Client;
use super::frames::{acks, publishes};
use super::world::World;

/// What is walked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Walk {
    /// As it stands in tables.
    pub(crate) name: &'static str,
    /// Whether the publisher's channel confirms.
    confirms: bool,
    /// Whether the consumers ack each message.
    acks: bool,
    /// Each with one consumer, all of one connection.
    queues: u32,
}

/// One to one first; the others differ from it in one thing each.
pub(crate) const WALKS: [Walk; 4] = [
    Walk { name: "auto-ack", confirms: false, acks: false, queues: 1 },
    Walk { name: "confirms", confirms: true, acks: false, queues: 1 },
    Walk { name: "acks", confirms: false, acks: true, queues: 1 },
    Walk { name: "fanout to 10", confirms: false, acks: false, queues: 10 },
];

/// A part of a walk that runs without the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// The publisher's session: read, route, enqueue, drive the queues, write confirms.
    Publish,
    /// The consumer's session: inbox to written output.
    Deliver,
    /// The consumer's session: acks are read, the queues settle.
    Ack,
}

/// A walk that is under way: two connections and what they write.
pub(crate) struct Running {
    world: World,
    publisher: Client,
    consumer: Client,
    written: Vec<u8>,
    acks: Vec<u8>,
    next_tag: u64,
    walk: Walk,
    batch: usize,
}

impl Walk {
    /// Messages of `body_bytes` come `batch` at a time.
    pub(crate) fn start(self, body_bytes: usize, batch: usize) -> Running {
        let world = World::new();
        let (mut publisher, mut consumer) = (world.connect(), world.connect());
        let exchange = if self.queues == 1 { "" } else { "amq.fanout" };
        for number in 0..self.queues {
            let queue = format!("walk-{number}");
            consumer.declare(&queue, exchange);
            consumer.consume(&queue, !self.acks);
        }
        if self.confirms {
            publisher.call(1, &Method::ConfirmSelect { nowait: false });
        }
        let written = publishes(exchange, "walk-0", body_bytes, batch);
        let acks = Vec::new();
        Running { world, publisher, consumer, written, acks, next_tag: 1, walk: self, batch }
    }
}

impl Running {
    /// One batch goes the whole way. `around` is called with each stage and must call what it is given:
    /// only that is the broker's work, everything outside of it is the client's.
    pub(crate) fn round(&mut self, mut around: impl FnMut(Stage, &mut dyn FnMut())) {
        self.publisher.send(&self.written);
        around(Stage::Publish, &mut || {
            self.publisher.turn();
        });
        assert_eq!(self.publisher.received() > 0, self.walk.confirms, "only confirms come back");
        around(Stage::Deliver, &mut || {
            while self.consumer.turn() || self.world.resume() {}
        });
        let delivered = self.batch * self.walk.queues as usize;
        let received = self.consumer.received();
        assert!(
            received > delivered * 16,
            "{}: {received} bytes are no {delivered} messages",
            self.walk.name
        );
        if self.walk.acks {
            self.acks = acks(self.next_tag, delivered);
            self.next_tag += delivered as u64;
            self.consumer.send(&self.acks);
            around(Stage::Ack, &mut || {
                self.consumer.turn();
            });
            assert_eq!(self.consumer.received(), 0, "acks are not answered");
        }
    }
}
