//! What may become of each message, and whether what was seen may be.
//!
//! A publish is confirmed, refused, or nobody knows (the connection or the machine went before the answer). A *copy* is a
//! message in one queue. The oracle says of each copy whether it must be there, may be there, or is gone for good.

use std::collections::BTreeMap;

use super::client::Held;
use super::queues::QUEUES;
use super::watched_log::{Fact, Seen};

/// What the publisher heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Confirmed,
    Refused,
    Unknown,
}

struct Message {
    body: Vec<u8>,
    persistent: bool,
    /// The connection that published it; all on one channel.
    publisher: u64,
    answer: Answer,
    queues: Vec<usize>,
}

/// A message in one queue.
#[derive(Clone, Debug, Default)]
struct Copy {
    /// A client has seen it.
    delivered: bool,
    /// The connection that has it and has not settled it.
    holder: Option<u64>,
    /// The connection that sent the ack.
    acked_by: Option<u64>,
    /// An ack was sent at some time, so nobody is promised that it comes again.
    ack_sent: bool,
    /// Nothing can bring it back but a crash, if that.
    gone: bool,
    /// Which submission brought it to the log, and which one settled it.
    enqueued: Option<u64>,
    settled: Option<u64>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Oracle {
    messages: Vec<Message>,
    copies: BTreeMap<(u64, usize), Copy>,
    /// Names of copies in the log: number of the queue and id there.
    names: BTreeMap<(u64, u64), (u64, usize)>,
    /// The youngest message of a publisher that a consumer was given for the first time, by consumer's connection and
    /// queue.
    youngest: BTreeMap<(u64, usize, u64), u64>,
    /// Connections that are open.
    open: std::collections::BTreeSet<u64>,
    on_disk: u64,
}

/// The number that a body begins with.
pub(super) fn number_of(body: &[u8]) -> Option<u64> {
    body.first_chunk().map(|first| u64::from_be_bytes(*first))
}

impl Oracle {
    /// A new message, and its body: its number, then bytes that no other has at that place.
    pub(super) fn publish(
        &mut self,
        publisher: u64,
        queues: &[usize],
        persistent: bool,
        body_bytes: usize,
    ) -> (u64, Vec<u8>) {
        let number = self.messages.len() as u64;
        let mut body = number.to_be_bytes().to_vec();
        body.extend((0..body_bytes as u64).map(|at| ((number * 31 + at) % 251) as u8 | 1));
        self.messages.push(Message {
            body: body.clone(),
            persistent,
            publisher,
            answer: Answer::Unknown,
            queues: queues.to_vec(),
        });
        for queue in queues {
            self.copies.insert((number, *queue), Copy::default());
        }
        (number, body)
    }

    pub(super) fn connected(&mut self, connection: u64) {
        self.open.insert(connection);
    }

    /// What it held is the queue's again; what it did not get an answer for, nobody knows.
    pub(super) fn disconnected(&mut self, connection: u64) {
        self.open.remove(&connection);
        for copy in self.copies.values_mut() {
            if copy.holder == Some(connection) {
                copy.holder = None;
            }
        }
    }

    /// Takes in what the log was told; `numbers` are those of the queues there.
    pub(super) fn read_along(&mut self, seen: &mut Seen, numbers: &BTreeMap<u64, usize>) {
        self.on_disk = seen.on_disk;
        for fact in std::mem::take(&mut seen.facts) {
            match fact {
                Fact::Enqueued { queue, id, message, at } => {
                    let Some(&place) = numbers.get(&queue) else { continue };
                    self.names.insert((queue, id), (message, place));
                    if let Some(copy) = self.copies.get_mut(&(message, place)) {
                        copy.enqueued = Some(at);
                    }
                }
                Fact::Settled { queue, first, last, at } => {
                    let names = self.names.range((queue, first)..=(queue, last));
                    for (_, name) in names {
                        if let Some(copy) = self.copies.get_mut(name) {
                            copy.settled.get_or_insert(at);
                        }
                    }
                }
            }
        }
    }

    /// A publisher hears of its publish.
    pub(super) fn answered(&mut self, number: u64, answer: Answer) -> Result<(), String> {
        let message = &mut self.messages[index(number)];
        message.answer = answer;
        if answer != Answer::Confirmed || !message.persistent {
            return Ok(());
        }
        for queue in message.queues.iter().filter(|queue| QUEUES[**queue].durable) {
            let copy = &self.copies[&(number, *queue)];
            // What was settled before it was written need not be.
            let safe = copy.enqueued.is_some_and(|at| at <= self.on_disk) || copy.settled.is_some();
            if !safe && !copy.ack_sent && !QUEUES[*queue].forgets {
                let name = QUEUES[*queue].name;
                return Err(format!("message {number} was confirmed before {name} had it on disk"));
            }
        }
        Ok(())
    }

    /// A client sees a message; `first` says whether it is not marked redelivered.
    pub(super) fn delivered(
        &mut self,
        connection: u64,
        queue: usize,
        redelivered: bool,
        body: &[u8],
    ) -> Result<Held, String> {
        let name = QUEUES[queue].name;
        let number = number_of(body).filter(|number| index(*number) < self.messages.len());
        let Some(number) = number else {
            return Err(format!("{name} delivered {} bytes that nobody published", body.len()));
        };
        let message = &self.messages[index(number)];
        if message.body != body {
            return Err(format!("{name} delivered message {number} with another body"));
        }
        let Some(copy) = self.copies.get_mut(&(number, queue)) else {
            return Err(format!("{name} delivered message {number}, which went elsewhere"));
        };
        let context = format!("{name} delivered message {number} ({copy:?})");
        if message.answer == Answer::Refused {
            return Err(format!("{context}, whose publish was refused"));
        }
        if copy.gone || copy.settled.is_some() {
            return Err(format!("{context}, which was gone for good"));
        }
        if copy.holder.is_some_and(|holder| self.open.contains(&holder)) {
            return Err(format!("{context}, which somebody else has"));
        }
        if copy.acked_by.is_some_and(|by| self.open.contains(&by)) {
            return Err(format!("{context}, which was acked on a connection that is open"));
        }
        if copy.delivered && !redelivered {
            return Err(format!("{context} once more, without the mark"));
        }
        if !redelivered {
            let youngest = self.youngest.entry((connection, queue, message.publisher)).or_insert(0);
            if *youngest > number {
                return Err(format!("{context} after {youngest} of the same channel"));
            }
            *youngest = number;
        }
        copy.delivered = true;
        copy.holder = Some(connection);
        copy.acked_by = None;
        Ok(Held { message: number, queue })
    }

    /// A client acks.
    pub(super) fn acked(&mut self, connection: u64, held: Held) {
        if let Some(copy) = self.copies.get_mut(&(held.message, held.queue)) {
            (copy.holder, copy.acked_by, copy.ack_sent) = (None, Some(connection), true);
        }
    }

    /// A client gives back.
    pub(super) fn returned(&mut self, held: Held) {
        if let Some(copy) = self.copies.get_mut(&(held.message, held.queue)) {
            copy.holder = None;
        }
    }

    /// The world stands still: every ack that was sent on a connection that is open has been heard.
    pub(super) fn heard_everything(&mut self) {
        for copy in self.copies.values_mut() {
            copy.gone |= copy.acked_by.is_some_and(|by| self.open.contains(&by));
        }
    }

    /// Copies of a queue that must come to whoever takes everything out of it.
    pub(super) fn must_come(&self, queue: usize) -> Vec<u64> {
        let must = self.copies.iter().filter(|((number, place), copy)| {
            *place == queue
                && !copy.gone
                && !copy.ack_sent
                && !QUEUES[queue].forgets
                && self.messages[index(*number)].answer == Answer::Confirmed
        });
        must.map(|((number, _), _)| *number).collect()
    }

    /// Who published it.
    pub(super) fn publisher(&self, number: u64) -> u64 {
        self.messages[index(number)].publisher
    }

    /// Everything that was there has come and was acked: nothing comes any more, whatever was unknown.
    pub(super) fn drained(&mut self) {
        for copy in self.copies.values_mut() {
            copy.gone = true;
        }
    }

    /// The machine went down. What was not on disk is open again.
    pub(super) fn crashed(&mut self) {
        self.open.clear();
        let on_disk = self.on_disk;
        for ((number, queue), copy) in &mut self.copies {
            let message = &self.messages[index(*number)];
            copy.holder = None;
            copy.acked_by = None;
            let survives = QUEUES[*queue].durable && message.persistent;
            let settled_for_good = copy.settled.is_some_and(|at| at <= on_disk);
            // What never came to the log cannot come out of it.
            let unwritten = copy.enqueued.is_none();
            copy.gone = !survives || settled_for_good || unwritten;
            if !settled_for_good {
                copy.settled = None;
            }
        }
    }

    /// How many messages there were, and of those that were confirmed.
    pub(super) fn counts(&self) -> (usize, usize) {
        let confirmed = self.messages.iter().filter(|of| of.answer == Answer::Confirmed).count();
        (self.messages.len(), confirmed)
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
