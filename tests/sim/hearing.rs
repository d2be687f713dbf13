//! What clients hear, and what the oracle says to it.

use super::client::{Answered, Given, Word};
use super::client::{Habits, Receiver};
use super::oracle::{Answer, Taking};
use super::queues::QUEUES;
use super::world::World;

impl World {
    /// The client at this place reads up to so many bytes, and the oracle looks at what they say.
    pub(super) fn read(&mut self, at: usize, bytes: usize) -> Result<(), String> {
        self.observe();
        let Some(client) = &mut self.clients[at] else { return Ok(()) };
        let (words, seen) = client.read(bytes)?;
        self.trace.mix(&seen);
        for word in words {
            self.hear(at, word)?;
        }
        Ok(())
    }

    fn hear(&mut self, at: usize, word: Word) -> Result<(), String> {
        let Some(client) = &mut self.clients[at] else { return Ok(()) };
        let serial = client.serial;
        match word {
            Word::Confirmed { tag, multiple } => {
                self.trace.say(&format!("{serial} hears ack {tag} {multiple}"));
                self.answer(at, tag, multiple, Answer::Confirmed)?;
            }
            Word::Refused { tag, multiple } => {
                self.trace.say(&format!("{serial} hears nack {tag} {multiple}"));
                self.answer(at, tag, multiple, Answer::Refused)?;
            }
            Word::Given(given) => self.given(at, &given)?,
            Word::Counted { queue, messages, consumers } => {
                if client.redeclares == Some(queue) {
                    client.redeclares = None;
                    self.oracle.has_taken(serial, queue, Taking::Delete);
                }
                self.counted.insert(queue, (messages, consumers));
            }
            Word::Cancelled { subscription } => {
                if let Some(of) = client.subscriptions.remove(&subscription) {
                    self.oracle.has_taken(serial, of.queue, Taking::Consumer(subscription));
                }
            }
            Word::Answered(answered) => self.answered(at, answered)?,
        }
        Ok(())
    }

    fn given(&mut self, at: usize, given: &Given) -> Result<(), String> {
        let Some(client) = &mut self.clients[at] else { return Ok(()) };
        let Given { receiver, tag, redelivered, comes_again, ref body } = *given;
        let Receiver { connection, channel, subscription, queue, auto } = receiver;
        if comes_again {
            let message = self.oracle.saw(queue, body)?;
            self.trace.say(&format!("{connection} gets {message}, which comes again"));
            return Ok(());
        }
        let held = self.oracle.delivered(receiver, redelivered, body)?;
        let (message, name) = (held.message, QUEUES[queue].name);
        let mark = if redelivered { " again" } else { "" };
        let how = match (subscription, auto) {
            (Some(of), _) => format!("to {of}"),
            (None, _) => format!("fetched on {channel}"),
        };
        self.trace.say(&format!("{connection} gets {message} of {name}{mark}, {how}, tag {tag}"));
        self.taken.push((queue, message));
        if auto {
            if subscription.is_none() {
                self.oracle.has_taken(connection, queue, Taking::Fetch);
            }
            return Ok(());
        }
        client.held.insert((channel, tag), held);
        let Habits { prefetch, global, .. } = client.habits;
        let consumed = client.held.values().filter(|of| of.subscription.is_some());
        let unsettled = consumed.filter(|of| global || of.subscription == subscription).count();
        if subscription.is_some() && prefetch > 0 && unsettled > prefetch.into() {
            return Err(format!(
                "{connection} has {unsettled} unsettled messages, and its prefetch is {prefetch}"
            ));
        }
        Ok(())
    }

    fn answered(&mut self, at: usize, answered: Answered) -> Result<(), String> {
        let Some(client) = &mut self.clients[at] else { return Ok(()) };
        let serial = client.serial;
        match answered {
            Answered::Empty { queue, auto } => {
                if auto {
                    self.oracle.has_taken(serial, queue, Taking::Fetch);
                }
            }
            Answered::Purged { queue, messages } => {
                self.trace.say(&format!("{serial} has purged {messages}"));
                self.oracle.has_taken(serial, queue, Taking::Purge);
            }
            Answered::Deleted { queue } => {
                self.trace.say(&format!("{serial} has deleted {}", QUEUES[queue].name));
                client.redeclares = Some(queue);
            }
            Answered::Recovered => {
                self.trace.say(&format!("{serial} hears that everything comes again"));
            }
            Answered::Committed { publishes } => {
                self.trace.say(&format!("{serial} has committed {publishes:?}"));
                for number in publishes {
                    self.oracle.answered(number, Answer::Confirmed)?;
                }
            }
        }
        Ok(())
    }

    fn answer(
        &mut self,
        at: usize,
        tag: u64,
        multiple: bool,
        answer: Answer,
    ) -> Result<(), String> {
        let Some(client) = &mut self.clients[at] else { return Ok(()) };
        let first = if multiple { 0 } else { tag };
        let answered: Vec<(u64, u64)> =
            client.unanswered.range(first..=tag).map(|(tag, number)| (*tag, *number)).collect();
        if answered.last().is_none_or(|(last, _)| *last != tag) {
            return Err(format!(
                "publish {tag} of {} was answered twice or never made",
                client.serial
            ));
        }
        for (tag, number) in answered {
            client.unanswered.remove(&tag);
            self.oracle.answered(number, answer)?;
        }
        Ok(())
    }
}
