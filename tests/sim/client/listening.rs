//! What a client reads, and what it understands of it.

use std::task::Wake as _;

use haremq::wire::Method;

use super::{CONFIRMS, CONSUMES, Client, Question, Receiver};
use crate::sim::frames::{Heard, take_frames};
use crate::sim::queues::by_name;

/// What the broker said to a client.
pub(in crate::sim) enum Word {
    Confirmed { tag: u64, multiple: bool },
    Refused { tag: u64, multiple: bool },
    Given(Given),
    Counted { queue: usize, messages: u32, consumers: u32 },
    Cancelled { subscription: u64 },
    Answered(Answered),
}

/// The answer to a [`Question`].
pub(in crate::sim) enum Answered {
    Empty { queue: usize, auto: bool },
    Purged { queue: usize, messages: u32 },
    Deleted { queue: usize },
    Recovered,
    Committed { publishes: Vec<u64> },
}

/// A message.
pub(in crate::sim) struct Given {
    pub(in crate::sim) receiver: Receiver,
    pub(in crate::sim) tag: u64,
    pub(in crate::sim) redelivered: bool,
    /// The broker sent it before it heard that everything is to come again.
    pub(in crate::sim) comes_again: bool,
    pub(in crate::sim) body: Vec<u8>,
}

/// A message whose content is not complete.
pub(super) struct Coming {
    given: Given,
    body_bytes: Option<u64>,
}

impl Client {
    /// Reads up to so many bytes and understands whole frames; gives the bytes too, for the trace.
    pub(in crate::sim) fn read(&mut self, most: usize) -> Result<(Vec<Word>, Vec<u8>), String> {
        let bytes = self.pipe.read(most);
        self.woken.wake_by_ref();
        self.incoming.extend_from_slice(&bytes);
        let mut words = Vec::new();
        let mut seen = Vec::new();
        for (channel, heard) in take_frames(&mut self.incoming)? {
            // What the broker says of itself on channel 0 is not the same in every run.
            if channel > 0 {
                seen.extend(channel.to_be_bytes());
            }
            match heard {
                Heard::Method(method) => words.extend(self.understand(channel, *method)?),
                Heard::Header { body_bytes } => {
                    let coming = self.coming.get_mut(&channel).ok_or("a header of nothing")?;
                    coming.body_bytes = Some(body_bytes);
                    words.extend(self.complete(channel));
                }
                Heard::Body(body) => {
                    seen.extend_from_slice(&body);
                    let coming = self.coming.get_mut(&channel).ok_or("a body of nothing")?;
                    coming.given.body.extend_from_slice(&body);
                    words.extend(self.complete(channel));
                }
            }
        }
        if self.pipe.is_closed() {
            return Err(format!("the broker closed connection {}", self.serial));
        }
        Ok((words, seen))
    }

    fn understand(&mut self, channel: u16, method: Method) -> Result<Option<Word>, String> {
        Ok(Some(match method {
            Method::BasicAck { delivery_tag, multiple } if channel == CONFIRMS => {
                Word::Confirmed { tag: delivery_tag.0, multiple }
            }
            Method::BasicNack { delivery_tag, multiple, .. } if channel == CONFIRMS => {
                Word::Refused { tag: delivery_tag.0, multiple }
            }
            Method::BasicDeliver { consumer_tag, delivery_tag, redelivered, .. } => {
                let tag = consumer_tag.as_str().parse::<u64>().ok();
                let subscription =
                    tag.and_then(|tag| Some((tag, self.subscriptions.get(&tag).copied()?)));
                let (tag, of) = subscription.ok_or("a delivery to a consumer that nobody is")?;
                let receiver = self.receiver(CONSUMES, Some(tag), of.queue, of.auto);
                self.comes(channel, receiver, delivery_tag.0, redelivered);
                return Ok(None);
            }
            Method::BasicGetOk { delivery_tag, redelivered, .. } => {
                let Some(Question::Fetch { queue, auto }) = self.answered(channel) else {
                    return Err("a message was fetched, and nobody asked for it".to_owned());
                };
                let receiver = self.receiver(channel, None, queue, auto);
                self.comes(channel, receiver, delivery_tag.0, redelivered);
                return Ok(None);
            }
            Method::QueueDeclareOk { queue, message_count, consumer_count } => {
                let queue = by_name(queue.as_str()).ok_or("an unknown queue")?;
                Word::Counted { queue, messages: message_count, consumers: consumer_count }
            }
            Method::BasicCancelOk { consumer_tag } => {
                let subscription = consumer_tag.as_str().parse().map_err(|_| "an unknown tag")?;
                Word::Cancelled { subscription }
            }
            Method::BasicGetEmpty
            | Method::QueuePurgeOk { .. }
            | Method::QueueDeleteOk { .. }
            | Method::BasicRecoverOk
            | Method::TxCommitOk => Word::Answered(self.answer(channel, &method)?),
            Method::ConnectionClose(close) | Method::ChannelClose(close) => {
                let (serial, code) = (self.serial, close.reply_code);
                let text = String::from_utf8_lossy(close.reply_text.as_bytes()).into_owned();
                return Err(format!(
                    "the broker closed channel {channel} of connection {serial}: {code} {text}"
                ));
            }
            _ => return Ok(None),
        }))
    }

    /// Holds an answer to the question that was asked first.
    fn answer(&mut self, channel: u16, method: &Method) -> Result<Answered, String> {
        let question = self.answered(channel);
        Ok(match (method, question) {
            (Method::BasicGetEmpty, Some(Question::Fetch { queue, auto })) => {
                Answered::Empty { queue, auto }
            }
            (Method::QueuePurgeOk { message_count }, Some(Question::Purge { queue })) => {
                Answered::Purged { queue, messages: *message_count }
            }
            (Method::QueueDeleteOk { .. }, Some(Question::Delete { queue })) => {
                Answered::Deleted { queue }
            }
            (Method::BasicRecoverOk, Some(Question::Recover)) => Answered::Recovered,
            (Method::TxCommitOk, Some(Question::Commit { publishes })) => {
                Answered::Committed { publishes }
            }
            (method, question) => {
                return Err(format!(
                    "connection {} hears {method:?} and has asked {question:?}",
                    self.serial
                ));
            }
        })
    }

    fn answered(&mut self, channel: u16) -> Option<Question> {
        self.asked.get_mut(&channel)?.pop_front()
    }

    fn receiver(
        &self,
        channel: u16,
        subscription: Option<u64>,
        queue: usize,
        auto: bool,
    ) -> Receiver {
        Receiver { connection: self.serial, channel, subscription, queue, auto }
    }

    fn comes(&mut self, channel: u16, receiver: Receiver, tag: u64, redelivered: bool) {
        let (comes_again, body) = (false, Vec::new());
        let given = Given { receiver, tag, redelivered, comes_again, body };
        self.coming.insert(channel, Coming { given, body_bytes: None });
    }

    /// The message, when all of it has come.
    fn complete(&mut self, channel: u16) -> Option<Word> {
        let coming = self.coming.get(&channel)?;
        if coming.body_bytes != Some(coming.given.body.len() as u64) {
            return None;
        }
        let asked = self.asked.get(&channel);
        let recovers =
            asked.is_some_and(|all| all.iter().any(|of| matches!(of, Question::Recover)));
        let mut given = self.coming.remove(&channel)?.given;
        given.comes_again = recovers && !given.receiver.auto;
        Some(Word::Given(given))
    }
}
