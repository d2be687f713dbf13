//! Somebody who only wants to work.

use crate::support::methods::{basic, confirm};
use crate::support::{Broker, Login, RawClient, id};

/// A publisher with confirms that is its own consumer, on one connection that is never opened again.
pub(super) struct Neighbour {
    client: RawClient,
    queue: String,
    served: u64,
}

impl Neighbour {
    pub(super) fn of(broker: &Broker) -> Self {
        // Not told when publishers are held back: it waits, as most programs do.
        let mut client = RawClient::login(broker, &Login::guest().without_capabilities());
        client.open_channel(1);
        client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
        let queue = client.exclusive_queue(1);
        client.consume(1, &basic::consume(&queue, "neighbour"));
        let mut neighbour = Self { client, queue, served: 0 };
        neighbour.is_served(3);
        neighbour
    }

    /// So many messages go there and back, each with its confirm.
    pub(super) fn is_served(&mut self, times: u64) {
        for _ in 0..times {
            self.served += 1;
            let body = format!("message {}", self.served);
            self.client.publish(1, "", &self.queue, &body);
            self.client.expect_ok_and_deliveries(1, id::BASIC_ACK, &[&body]);
            self.client.send(1, &basic::ack(self.served));
        }
    }

    /// The attack is over: the same connection still serves, takes its leave in peace, and a new one is let in.
    pub(super) fn outlives_it(mut self, broker: &Broker) {
        self.is_served(3);
        self.client.close();
        let mut new = RawClient::with_channel_on(broker);
        new.exclusive_queue(1);
        new.close();
    }
}

/// Nobody fell over.
#[track_caller]
pub(super) fn stops_in_peace(broker: Broker) {
    let log = broker.stop();
    assert!(!log.contains("panicked") && !log.contains("invariant"), "{log}");
}
