//! A client at its end of a pipe, and the session at the other.
//!
//! It publishes with confirms on channel 1 and consumes on channel 2. What it writes arrives when the scheduler says so,
//! and so does what it reads.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use bytes::Bytes;
use haremq::base::{ConsumerTag, FieldTable, VhostName};
use haremq::broker::Broker;
use haremq::net::serve_stream;
use haremq::protocol::Settings;
use haremq::wire::{BasicConsume, Method, PROTOCOL_HEADER};

use super::frames::{Heard, method_frame, take_frames};
use super::pipe::Pipe;
use super::queues::{QUEUES, declares, queue_name, short};

/// Turns that a session may need for one thing.
const TURNS_MAX: usize = 1000;

/// How a client consumes.
#[derive(Clone, Debug, Default)]
pub(super) struct Habits {
    /// The queues.
    pub(super) queues: Vec<usize>,
    /// Messages that may be unsettled; 0 for any number.
    pub(super) prefetch: u16,
    /// Whether that is for all consumers together.
    pub(super) global: bool,
}

/// A delivery that is not settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) message: u64,
    pub(super) queue: usize,
}

/// What the broker said to a client.
pub(super) enum Word {
    Confirmed { tag: u64, multiple: bool },
    Refused { tag: u64, multiple: bool },
    Delivery { queue: usize, tag: u64, redelivered: bool, body: Vec<u8> },
    Counted { queue: usize, messages: u32, consumers: u32 },
}

/// See the module.
pub(super) struct Client {
    /// Unique in the world.
    pub(super) serial: u64,
    pub(super) habits: Habits,
    pipe: Pipe,
    session: Option<Pin<Box<dyn Future<Output = ()>>>>,
    woken: Arc<Woken>,
    waker: Waker,
    /// Bytes that it has written and that have not arrived.
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    /// A delivery whose content is not complete.
    coming: Option<Coming>,
    pub(super) published: u64,
    /// Publishes without an answer, by their numbers on the channel.
    pub(super) unanswered: BTreeMap<u64, u64>,
    /// By delivery tag.
    pub(super) held: BTreeMap<u64, Held>,
}

struct Coming {
    queue: usize,
    tag: u64,
    redelivered: bool,
    body_bytes: Option<u64>,
    body: Vec<u8>,
}

/// Whether the session is to be polled.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Client {
    /// Logged in, with its declares and its consumers on their way.
    pub(super) fn connect(
        serial: u64,
        broker: &Arc<Broker>,
        settings: &Arc<Settings>,
        habits: Habits,
    ) -> Result<Self, String> {
        let pipe = Pipe::default();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (broker, settings) = (Arc::clone(broker), Arc::clone(settings));
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let session = Box::pin(serve_stream(pipe.clone(), peer, broker, settings));
        let mut client = Self {
            serial,
            habits,
            pipe,
            session: Some(session),
            woken,
            waker,
            outgoing: PROTOCOL_HEADER.to_vec(),
            incoming: Vec::new(),
            coming: None,
            published: 0,
            unanswered: BTreeMap::new(),
            held: BTreeMap::new(),
        };
        client.log_in()?;
        client.set_up();
        Ok(client)
    }

    fn log_in(&mut self) -> Result<(), String> {
        let vhost = VhostName::try_from("/").expect("a short name");
        let (channel_max, frame_max, heartbeat_s) = (2047, 131_072, 0);
        let steps = [
            Method::ConnectionStartOk {
                client_properties: FieldTable::EMPTY,
                mechanism: short("PLAIN"),
                response: Bytes::from_static(b"\0guest\0guest"),
                locale: short("en_US"),
            },
            Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s },
            Method::ConnectionOpen { vhost },
        ];
        for step in &steps {
            self.arrive(usize::MAX);
            self.turns()?;
            self.write(&method_frame(0, step));
        }
        self.arrive(usize::MAX);
        self.turns()?;
        self.read(usize::MAX)?;
        self.write(&method_frame(1, &Method::ChannelOpen));
        self.write(&method_frame(2, &Method::ChannelOpen));
        Ok(())
    }

    fn set_up(&mut self) {
        self.write(&method_frame(1, &Method::ConfirmSelect { nowait: false }));
        for method in declares() {
            self.write(&method_frame(2, &method));
        }
        let Habits { queues, prefetch, global } = self.habits.clone();
        let qos = Method::BasicQos { prefetch_size: 0, prefetch_count: prefetch, global };
        self.write(&method_frame(2, &qos));
        for queue in queues {
            let name = QUEUES[queue].name;
            let consume = BasicConsume {
                queue: queue_name(name),
                consumer_tag: ConsumerTag::try_from(name).expect("a short tag"),
                no_local: false,
                no_ack: false,
                exclusive: false,
                nowait: false,
                arguments: FieldTable::EMPTY,
            };
            self.write(&method_frame(2, &Method::BasicConsume(consume)));
        }
    }

    /// Writes something that will arrive.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// How many bytes are under way to the broker.
    pub(super) fn unsent(&self) -> usize {
        self.outgoing.len()
    }

    /// How many bytes the client could read.
    pub(super) fn unread(&self) -> usize {
        self.pipe.waiting()
    }

    /// So many bytes arrive at the session, or all that there are.
    pub(super) fn arrive(&mut self, bytes: usize) {
        let count = bytes.min(self.outgoing.len());
        self.pipe.arrive(self.outgoing.drain(..count));
        self.woken.wake_by_ref();
    }

    /// Whether the session has something to do.
    pub(super) fn is_awake(&self) -> bool {
        self.session.is_some() && self.woken.0.load(Ordering::Acquire)
    }

    /// Polls the session once.
    pub(super) fn turn(&mut self) -> Result<(), String> {
        let Some(session) = &mut self.session else { return Ok(()) };
        self.woken.0.store(false, Ordering::Release);
        if session.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready() {
            self.session = None;
            return Err(format!("the broker ended connection {}", self.serial));
        }
        Ok(())
    }

    /// Polls the session until it sleeps.
    fn turns(&mut self) -> Result<(), String> {
        for _ in 0..TURNS_MAX {
            if !self.is_awake() {
                return Ok(());
            }
            self.turn()?;
        }
        Err(format!("the session of connection {} never sleeps", self.serial))
    }

    /// The connection breaks; the session learns it.
    pub(super) fn cut(mut self) {
        self.pipe.cut();
        if let Some(session) = &mut self.session {
            for _ in 0..TURNS_MAX {
                if session.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready() {
                    return;
                }
            }
        }
    }

    /// Reads up to so many bytes and understands whole frames; gives the bytes too, for the trace.
    pub(super) fn read(&mut self, most: usize) -> Result<(Vec<Word>, Vec<u8>), String> {
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
                    let coming = self.coming.as_mut().ok_or("a header without a delivery")?;
                    coming.body_bytes = Some(body_bytes);
                    words.extend(self.complete());
                }
                Heard::Body(body) => {
                    seen.extend_from_slice(&body);
                    let coming = self.coming.as_mut().ok_or("a body without a delivery")?;
                    coming.body.extend_from_slice(&body);
                    words.extend(self.complete());
                }
            }
        }
        if self.pipe.is_closed() {
            return Err(format!("the broker closed connection {}", self.serial));
        }
        Ok((words, seen))
    }

    fn understand(&mut self, channel: u16, method: Method) -> Result<Option<Word>, String> {
        Ok(match method {
            Method::BasicAck { delivery_tag, multiple } => {
                Some(Word::Confirmed { tag: delivery_tag.0, multiple })
            }
            Method::BasicNack { delivery_tag, multiple, .. } => {
                Some(Word::Refused { tag: delivery_tag.0, multiple })
            }
            Method::BasicDeliver { consumer_tag, delivery_tag, redelivered, .. } => {
                let queue = super::queues::by_name(consumer_tag.as_str());
                let queue = queue.ok_or("a delivery to a consumer that nobody is")?;
                let (tag, body_bytes, body) = (delivery_tag.0, None, Vec::new());
                self.coming = Some(Coming { queue, tag, redelivered, body_bytes, body });
                None
            }
            Method::QueueDeclareOk { queue, message_count, consumer_count } => {
                let queue = super::queues::by_name(queue.as_str()).ok_or("an unknown queue")?;
                Some(Word::Counted { queue, messages: message_count, consumers: consumer_count })
            }
            Method::ConnectionClose(close) | Method::ChannelClose(close) => {
                let (serial, code) = (self.serial, close.reply_code);
                let text = String::from_utf8_lossy(close.reply_text.as_bytes()).into_owned();
                return Err(format!(
                    "the broker closed channel {channel} of connection {serial}: {code} {text}"
                ));
            }
            _ => None,
        })
    }

    /// The delivery, when all of it has come.
    fn complete(&mut self) -> Option<Word> {
        let coming = self.coming.take()?;
        if coming.body_bytes != Some(coming.body.len() as u64) {
            self.coming = Some(coming);
            return None;
        }
        let Coming { queue, tag, redelivered, body, .. } = coming;
        Some(Word::Delivery { queue, tag, redelivered, body })
    }
}
