//! One AMQP connection to one side, with whole messages on it.

use std::collections::VecDeque;
use std::time::Duration;

use super::error::{MigrateError, Of, Side};
use super::message::{Arrived, Arriving, Message, What};
use crate::base::limits::MIGRATE_SILENCE_MS;
use crate::base::{FieldTable, QueueName, ShortStr, Stopwatch};
use crate::perf::{
    CHANNEL, Client, Interest, PerfError, ScanError, Uri, notice, put_method, unexpected,
};
use crate::wire::{FRAME_END, FRAME_HEADER_BYTES, Method, MethodId, QueueDeclare, decode_method};

/// An open connection with one channel.
pub(super) struct Link {
    client: Client,
    side: Side,
    place: String,
    /// The queue that is moved, for errors.
    pub(super) about: Of,
    arriving: Arriving,
    arrived: VecDeque<Message>,
    /// Why the first message that came back did.
    pub(super) returned: Option<String>,
    /// Since when the broker takes no publishes: then an answer may take as long as it likes.
    is_blocked: bool,
}

/// What a passive declare tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Depth {
    pub(super) ready: u64,
    pub(super) consumers: u64,
}

impl Link {
    /// Connects to a virtual host.
    pub(super) fn open(side: Side, uri: &Uri, vhost: &str) -> Result<Self, MigrateError> {
        let uri = Uri { vhost: vhost.to_owned(), ..uri.clone() };
        let place = uri.to_string();
        let opened = Client::open_as(&uri, "haremq migrate");
        let mut client =
            opened.map_err(|error| MigrateError::amqp(side, &place, Of::default(), error))?;
        client.expect_load();
        Ok(Self {
            client,
            side,
            place,
            about: Of::default(),
            arriving: Arriving::default(),
            arrived: VecDeque::new(),
            returned: None,
            is_blocked: false,
        })
    }

    /// The largest payload of a frame.
    pub(super) fn frame_max(&self) -> usize {
        self.client.frame_payload_max()
    }

    /// Messages that came and were not taken.
    pub(super) fn waiting(&self) -> usize {
        self.arrived.len()
    }

    /// Takes what came.
    pub(super) fn take(&mut self, most: usize) -> Vec<Message> {
        let most = most.min(self.arrived.len());
        self.arrived.drain(..most).collect()
    }

    /// Sends bytes.
    pub(super) fn send(&mut self, bytes: &[u8], doing: &'static str) -> Result<(), MigrateError> {
        let sent = self.client.send(bytes, doing);
        sent.map_err(|error| self.failed(error))
    }

    /// Sends a method that has no answer.
    pub(super) fn tell(
        &mut self,
        method: &Method,
        doing: &'static str,
    ) -> Result<(), MigrateError> {
        let mut bytes = Vec::new();
        put_method(CHANNEL, method, &mut bytes);
        self.send(&bytes, doing)
    }

    /// Sends a method and waits for its answer; what else comes is kept.
    pub(super) fn call(
        &mut self,
        method: &Method,
        doing: &'static str,
    ) -> Result<Method, MigrateError> {
        self.tell(method, doing)?;
        self.answer(doing)
    }

    /// The same for a method with one possible answer.
    pub(super) fn ask(
        &mut self,
        method: &Method,
        answer: MethodId,
        doing: &'static str,
    ) -> Result<(), MigrateError> {
        match self.call(method, doing)? {
            good if good.id() == answer => Ok(()),
            other => Err(self.failed(unexpected(&other))),
        }
    }

    /// How many messages are ready in a queue. Everything that was sent before has been worked off then.
    pub(super) fn depth(&mut self, queue: &QueueName) -> Result<Depth, MigrateError> {
        let declare = Method::QueueDeclare(QueueDeclare {
            queue: queue.clone(),
            passive: true,
            durable: false,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        });
        match self.call(&declare, "asking for the depth of the queue")? {
            Method::QueueDeclareOk { message_count, consumer_count, .. } => {
                Ok(Depth { ready: message_count.into(), consumers: consumer_count.into() })
            }
            other => Err(self.failed(unexpected(&other))),
        }
    }

    /// The answer to what was sent.
    pub(super) fn answer(&mut self, doing: &'static str) -> Result<Method, MigrateError> {
        let mut watch = Stopwatch::start();
        loop {
            if let Some(method) = self.next().map_err(|error| self.failed(error))? {
                return Ok(method);
            }
            if self.is_blocked {
                watch = Stopwatch::start();
            }
            if watch.elapsed() > SILENCE {
                let seconds = SILENCE.as_secs();
                return Err(self.failed(PerfError::Silent { seconds, doing }));
            }
            self.read(POLL, doing)?;
        }
    }

    /// The first message of a queue, unacked; nothing when it is empty. Only for a link that consumes nothing.
    pub(super) fn get(&mut self, queue: &QueueName) -> Result<Option<Message>, MigrateError> {
        let doing = "looking for a claim";
        self.tell(&Method::BasicGet { queue: queue.clone(), no_ack: false }, doing)?;
        let watch = Stopwatch::start();
        while watch.elapsed() < SILENCE {
            match self.next().map_err(|error| self.failed(error))? {
                Some(Method::BasicGetEmpty) => return Ok(None),
                Some(other) => return Err(self.failed(unexpected(&other))),
                None => {}
            }
            if let Some(message) = self.arrived.pop_front() {
                return Ok(Some(message));
            }
            self.read(POLL, doing)?;
        }
        let seconds = SILENCE.as_secs();
        Err(self.failed(PerfError::Silent { seconds, doing }))
    }

    /// Waits for one more message than there are, at most so long; whether it came.
    pub(super) fn one_more(&mut self, patience: Duration) -> Result<bool, MigrateError> {
        let (before, watch) = (self.arrived.len(), Stopwatch::start());
        loop {
            if let Some(method) = self.next().map_err(|error| self.failed(error))? {
                return Err(self.failed(unexpected(&method)));
            }
            if self.arrived.len() > before {
                return Ok(true);
            }
            let Some(left) = patience.checked_sub(watch.elapsed()) else { return Ok(false) };
            self.read(left, "waiting for messages")?;
        }
    }

    /// Says goodbye.
    pub(super) fn close(self) {
        self.client.close();
    }

    fn read(&mut self, wait: Duration, doing: &'static str) -> Result<(), MigrateError> {
        let done = self.client.wait(Interest::Read, wait).and_then(|()| self.client.read(doing));
        done.map(|_| ()).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: PerfError) -> MigrateError {
        MigrateError::amqp(self.side, &self.place, self.about.clone(), error)
    }

    /// The next answer of what was read; messages are put aside on the way.
    fn next(&mut self) -> Result<Option<Method>, PerfError> {
        loop {
            let unread = self.client.unread();
            let Some((header, rest)) = unread.split_first_chunk::<FRAME_HEADER_BYTES>() else {
                return Ok(None);
            };
            let [kind, _, _, s0, s1, s2, s3] = *header;
            let (bytes, max) =
                (u32::from_be_bytes([s0, s1, s2, s3]) as usize, self.client.frame_payload_max());
            if bytes > max {
                return Err(ScanError::FrameTooLarge { bytes, max }.into());
            }
            let Some(end) = rest.get(bytes) else { return Ok(None) };
            if *end != FRAME_END {
                return Err(ScanError::FrameEnd(*end).into());
            }
            let payload = &rest[..bytes];
            let mut answer = None;
            let arrived = match kind {
                1 => {
                    answer = Self::method(payload, &mut self.arriving, &mut self.is_blocked)?;
                    None
                }
                2 => self.arriving.header(payload)?,
                3 => self.arriving.body(payload),
                _ => None,
            };
            self.client.consume(FRAME_HEADER_BYTES + bytes + 1);
            match arrived {
                Some(Arrived::Message(message)) => self.arrived.push_back(message),
                Some(Arrived::Returned(reason)) => {
                    self.returned.get_or_insert(reason);
                }
                None => {}
            }
            if answer.is_some() {
                return Ok(answer);
            }
        }
    }

    /// What is no answer is taken note of.
    fn method(
        payload: &[u8],
        arriving: &mut Arriving,
        is_blocked: &mut bool,
    ) -> Result<Option<Method>, PerfError> {
        let text = |key: &ShortStr| key.to_text().into_owned();
        match decode_method(payload)? {
            Method::BasicDeliver { delivery_tag, redelivered, exchange, routing_key, .. } => {
                arriving.begin(What::Delivery {
                    tag: delivery_tag.0,
                    redelivered,
                    exchange,
                    routing_key,
                });
            }
            Method::BasicGetOk { delivery_tag, redelivered, exchange, routing_key, .. } => {
                arriving.begin(What::Delivery {
                    tag: delivery_tag.0,
                    redelivered,
                    exchange,
                    routing_key,
                });
                // The content belongs to the answer; whoever asked finds it among what arrived.
            }
            Method::BasicReturn { reply_code, reply_text, .. } => {
                arriving.begin(What::Return(format!("{reply_code} {}", text(&reply_text))));
            }
            Method::ConnectionBlocked { .. } => *is_blocked = true,
            Method::ConnectionUnblocked => *is_blocked = false,
            Method::ConnectionClose(_) | Method::ChannelClose(_) | Method::BasicCancel { .. } => {
                notice(payload)?;
            }
            answer => return Ok(Some(answer)),
        }
        Ok(None)
    }
}

/// How often it is looked whether the time is over.
const POLL: Duration = Duration::from_millis(500);

const SILENCE: Duration = Duration::from_millis(MIGRATE_SILENCE_MS);
