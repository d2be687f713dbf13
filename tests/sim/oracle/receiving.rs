//! Whether a client may be given what it is given.

use super::{Answer, Oracle, index, number_of};
use crate::sim::client::{Held, Receiver};
use crate::sim::queues::{QUEUES, SINGLE, gets_letters, source_of};

impl Oracle {
    /// A client sees a message.
    pub(in crate::sim) fn delivered(
        &mut self,
        receiver: Receiver,
        redelivered: bool,
        body: &[u8],
    ) -> Result<Held, String> {
        let Receiver { connection, queue, subscription, auto, .. } = receiver;
        let number = self.identify(queue, body)?;
        self.check_copy(receiver, number, redelivered)?;
        self.check_source(queue, number)?;
        self.check_order(receiver, number, redelivered)?;
        self.check_active(receiver)?;
        let since = self.next_moment();
        let crashes = self.crashes;
        if let Some(copy) = self.copies.get_mut(&(number, queue)) {
            copy.delivered = Some(crashes);
            copy.settled_by = None;
            copy.holder = Some((connection, since)).filter(|_| !auto);
            copy.gone |= auto;
            copy.waived |= auto;
        }
        Ok(Held { message: number, queue, subscription })
    }

    /// A client sees a message that the broker has taken back meanwhile: somebody else may have it by now.
    pub(in crate::sim) fn saw(&mut self, queue: usize, body: &[u8]) -> Result<u64, String> {
        let number = self.identify(queue, body)?;
        self.check_published(queue, number)?;
        if let Some(copy) = self.copies.get_mut(&(number, queue)) {
            copy.delivered = Some(self.crashes);
        }
        Ok(number)
    }

    /// Which message it is.
    fn identify(&self, queue: usize, body: &[u8]) -> Result<u64, String> {
        let name = QUEUES[queue].name;
        let number = number_of(body).filter(|number| index(*number) < self.messages.len());
        let Some(number) = number else {
            return Err(format!("{name} delivered {} bytes that nobody published", body.len()));
        };
        if self.messages[index(number)].body != body {
            return Err(format!("{name} delivered message {number} with another body"));
        }
        Ok(number)
    }

    fn check_published(&self, queue: usize, number: u64) -> Result<(), String> {
        let name = QUEUES[queue].name;
        let wrong = match self.messages[index(number)].answer {
            _ if !self.copies.contains_key(&(number, queue)) => "went elsewhere",
            Answer::Refused => "was refused or rolled back",
            Answer::Uncommitted => "was never committed",
            Answer::Confirmed | Answer::Unknown => return Ok(()),
        };
        Err(format!("{name} delivered message {number}, which {wrong}"))
    }

    fn check_copy(&self, receiver: Receiver, number: u64, redelivered: bool) -> Result<(), String> {
        let Receiver { connection, queue, auto, .. } = receiver;
        self.check_published(queue, number)?;
        let copy = &self.copies[&(number, queue)];
        if copy.repeats {
            return Ok(());
        }
        let name = QUEUES[queue].name;
        let context = format!("{name} gave {connection} message {number} ({copy:?})");
        // What needs no ack is settled before it is read.
        if copy.gone || (copy.is_settled() && !auto) {
            return Err(format!("{context}, which was gone for good"));
        }
        if copy.is_held(&self.open) {
            return Err(format!("{context}, which somebody else has"));
        }
        if copy.settled_by.is_some_and(|by| self.open.contains(&by)) {
            return Err(format!("{context}, which was settled on a connection that is open"));
        }
        if copy.delivered.is_some() && !redelivered {
            return Err(format!("{context} once more, without the mark"));
        }
        Ok(())
    }

    /// A dead letter has left the queue that it comes from.
    fn check_source(&mut self, queue: usize, number: u64) -> Result<(), String> {
        let repeats = self.copies.get(&(number, queue)).is_some_and(|copy| copy.repeats);
        let Some(source) = source_of(queue).filter(|_| !repeats) else { return Ok(()) };
        let Some(copy) = self.copies.get_mut(&(number, source)) else { return Ok(()) };
        if copy.is_held(&self.open) {
            let (letters, from) = (QUEUES[queue].name, QUEUES[source].name);
            return Err(format!("{letters} delivered {number}, which {from} has lent to somebody"));
        }
        copy.gone = true;
        Ok(())
    }

    /// What one channel published to one queue with one priority comes in that order.
    fn check_order(
        &mut self,
        receiver: Receiver,
        number: u64,
        redelivered: bool,
    ) -> Result<(), String> {
        if redelivered || gets_letters(receiver.queue) {
            return Ok(());
        }
        let line = self.line(number);
        let youngest = self.youngest.entry((receiver, line)).or_insert(0);
        if *youngest > number {
            let name = QUEUES[receiver.queue].name;
            return Err(format!("{name} delivered {number} after {youngest} of the same channel"));
        }
        *youngest = number;
        Ok(())
    }

    /// Of the consumers of a queue with a single active one, another is active only when that one has left.
    fn check_active(&mut self, receiver: Receiver) -> Result<(), String> {
        let Receiver { connection, queue, subscription: Some(subscription), .. } = receiver else {
            return Ok(());
        };
        let who = (connection, subscription);
        if queue != SINGLE || self.left.contains(&who) {
            return Ok(());
        }
        let before = self.active.replace(who).filter(|before| *before != who);
        match before.filter(|before| self.open.contains(&before.0) && !self.left.contains(before)) {
            Some((other, tag)) => Err(format!(
                "{connection} is given a message of {}, whose active consumer is {tag} of {other}",
                QUEUES[queue].name
            )),
            None => Ok(()),
        }
    }

    /// A client cancels a consumer.
    pub(in crate::sim) fn leaves(&mut self, connection: u64, subscription: u64) {
        self.left.insert((connection, subscription));
    }
}
