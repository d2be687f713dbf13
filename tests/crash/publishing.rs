//! A publisher that listens to the broker: it stops when it is told `connection.blocked`.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use super::body::{Name, body};
use super::client::{Client, Confirms, Incoming, Mode};
use super::server::Server;

/// Confirms that may be waited for: less than what sockets hold, so that no send ever hangs.
const WINDOW: usize = 50;

/// One connection with one confirming channel that publishes persistent messages to one queue.
pub(super) struct Publisher {
    client: Client,
    queue: &'static str,
    source: u32,
    bytes: usize,
    confirms: Confirms,
    pub(super) confirmed: BTreeSet<Name>,
    /// Why it may not publish.
    pub(super) blocked: Option<String>,
}

impl Publisher {
    pub(super) fn new(server: &Server, queue: &'static str, source: u32, bytes: usize) -> Self {
        let mut client = server.client();
        client.open_confirming(1).expect("a channel");
        let (confirms, confirmed) = (Confirms::default(), BTreeSet::new());
        Self { client, queue, source, bytes, confirms, confirmed, blocked: None }
    }

    /// Messages that were sent and not answered.
    pub(super) fn open(&self) -> usize {
        self.confirms.open()
    }

    /// Publishes until the broker says that it takes no more, or ends the connection.
    pub(super) fn until_blocked(&mut self) -> io::Result<()> {
        while self.blocked.is_none() {
            self.send(WINDOW - self.open())?;
            self.hear_one()?;
        }
        Ok(())
    }

    /// Waits until the broker says that it takes no more, and sends nothing.
    pub(super) fn until_told_blocked(&mut self) -> io::Result<()> {
        while self.blocked.is_none() {
            self.hear_one()?;
        }
        Ok(())
    }

    /// Sends so many messages.
    pub(super) fn send(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            let name = (self.source, self.confirms.sent());
            let body = body(name, self.bytes);
            self.client.put_message(1, ("", self.queue), Mode::Persistent, &body);
        }
        self.client.flush()
    }

    /// Waits until the broker takes messages again.
    pub(super) fn until_unblocked(&mut self) -> io::Result<()> {
        while self.blocked.is_some() {
            self.hear_one()?;
        }
        Ok(())
    }

    /// Waits until everything that was sent is confirmed.
    pub(super) fn until_confirmed(&mut self) -> io::Result<()> {
        while self.open() > 0 {
            self.hear_one()?;
        }
        Ok(())
    }

    /// Listens until nothing came for this long; whether the connection is still there.
    pub(super) fn until_silent(&mut self, silence: Duration) -> io::Result<()> {
        while let Some(heard) = self.client.next_within(silence)? {
            self.hear(heard);
        }
        Ok(())
    }

    fn hear_one(&mut self) -> io::Result<()> {
        let heard = self.client.next()?;
        self.hear(heard);
        Ok(())
    }

    fn hear(&mut self, heard: Incoming) {
        match heard {
            Incoming::Settled(settled) => {
                let numbers = self.confirms.settle(settled);
                if settled.ok {
                    self.confirmed.extend(numbers.iter().map(|number| (self.source, *number)));
                }
            }
            Incoming::Blocked(reason) => self.blocked = Some(reason),
            Incoming::Unblocked => self.blocked = None,
            other => panic!("a publisher hears {other:?}"),
        }
    }
}
