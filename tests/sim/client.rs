//! A client at its end of a pipe, and the session at the other.
//!
//! It publishes with confirms on channel 1, consumes, fetches and asks for things on channel 2, and publishes and acks in
//! transactions on channel 3. What it writes arrives when the scheduler says so, and so does what it reads.

mod listening;

use std::collections::{BTreeMap, VecDeque};
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

use super::frames::method_frame;
use super::pipe::Pipe;
use super::queues::{QUEUES, declares, queue_name, short};
use listening::Coming;
pub(super) use listening::{Answered, Given, Word};

/// The channel with confirms.
pub(super) const CONFIRMS: u16 = 1;

/// The channel with consumers.
pub(super) const CONSUMES: u16 = 2;

/// The channel with transactions.
pub(super) const TRANSACTS: u16 = 3;

/// Turns that a session may need for one thing.
const TURNS_MAX: usize = 1000;

/// How a client consumes at first.
#[derive(Clone, Debug, Default)]
pub(super) struct Habits {
    /// The queues, and whether a delivery from them is acked by being sent.
    pub(super) queues: Vec<(usize, bool)>,
    /// Messages that may be unsettled; 0 for any number.
    pub(super) prefetch: u16,
    /// Whether that is for all consumers together.
    pub(super) global: bool,
}

/// A consumer of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    pub(super) queue: usize,
    /// Whether a delivery is acked by being sent.
    pub(super) auto: bool,
    /// It was cancelled, and that was not answered yet.
    pub(super) leaving: bool,
}

/// Who is given a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Receiver {
    pub(super) connection: u64,
    pub(super) channel: u16,
    /// The consumer; `None` when the message was fetched.
    pub(super) subscription: Option<u64>,
    pub(super) queue: usize,
    /// Whether it was acked by being sent.
    pub(super) auto: bool,
}

/// A delivery that is not settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) message: u64,
    pub(super) queue: usize,
    pub(super) subscription: Option<u64>,
}

/// What becomes of what was held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Ack,
    GiveBack,
    /// It is given up: dropped, or a dead letter.
    Reject,
}

/// What one transaction has in it.
#[derive(Clone, Default, Debug)]
pub(super) struct Transaction {
    pub(super) publishes: Vec<u64>,
    pub(super) settled: Vec<(u64, Held, Outcome)>,
}

/// A question whose answer does not say what was asked. Those of one channel are answered in order.
#[derive(Clone, Debug)]
pub(super) enum Question {
    Fetch { queue: usize, auto: bool },
    Purge { queue: usize },
    Delete { queue: usize },
    Recover,
    Commit { publishes: Vec<u64> },
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
    /// Deliveries whose content is not complete, by channel.
    coming: BTreeMap<u16, Coming>,
    pub(super) published: u64,
    /// Publishes without an answer, by their numbers on the channel with confirms.
    pub(super) unanswered: BTreeMap<u64, u64>,
    /// By channel and delivery tag.
    pub(super) held: BTreeMap<(u16, u64), Held>,
    /// Its consumers; the number is the tag.
    pub(super) subscriptions: BTreeMap<u64, Subscription>,
    subscribed: u64,
    /// By channel.
    pub(super) asked: BTreeMap<u16, VecDeque<Question>>,
    /// The transaction that goes on.
    pub(super) transaction: Transaction,
    /// A queue that it has deleted and that is declared again by its next declare.
    pub(super) redeclares: Option<usize>,
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
            coming: BTreeMap::new(),
            published: 0,
            unanswered: BTreeMap::new(),
            held: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            subscribed: 0,
            asked: BTreeMap::new(),
            transaction: Transaction::default(),
            redeclares: None,
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
        for channel in [CONFIRMS, CONSUMES, TRANSACTS] {
            self.write(&method_frame(channel, &Method::ChannelOpen));
        }
        Ok(())
    }

    fn set_up(&mut self) {
        self.write(&method_frame(CONFIRMS, &Method::ConfirmSelect { nowait: false }));
        self.write(&method_frame(TRANSACTS, &Method::TxSelect));
        for method in declares() {
            self.write(&method_frame(CONSUMES, &method));
        }
        let Habits { queues, prefetch, global } = self.habits.clone();
        let qos = Method::BasicQos { prefetch_size: 0, prefetch_count: prefetch, global };
        self.write(&method_frame(CONSUMES, &qos));
        for (queue, auto) in queues {
            self.subscribe(queue, auto);
        }
    }

    /// A new consumer; gives its tag.
    pub(super) fn subscribe(&mut self, queue: usize, auto: bool) -> u64 {
        self.subscribed += 1;
        let tag = self.subscribed;
        self.subscriptions.insert(tag, Subscription { queue, auto, leaving: false });
        let consume = BasicConsume {
            queue: queue_name(QUEUES[queue].name),
            consumer_tag: consumer_tag(tag),
            no_local: false,
            no_ack: auto,
            exclusive: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        };
        self.write(&method_frame(CONSUMES, &Method::BasicConsume(consume)));
        tag
    }

    /// Asks something whose answer does not say what was asked.
    pub(super) fn ask(&mut self, channel: u16, question: Question, method: &Method) {
        self.asked.entry(channel).or_default().push_back(question);
        self.write(&method_frame(channel, method));
    }

    /// Whether it has asked for anything like this and waits for the answer.
    pub(super) fn waits_for(&self, what: impl Fn(&Question) -> bool) -> bool {
        self.asked.values().flatten().any(what)
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
}

/// What a consumer is called.
pub(super) fn consumer_tag(number: u64) -> ConsumerTag {
    ConsumerTag::try_from(number.to_string().as_str()).expect("a short tag")
}
