//! The machine of one connection with a world that answers it, and what must hold of what it writes and asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amq_protocol::frame::parse_frame;
use bytes::{Bytes, BytesMut};
use haremq::base::{
    Body, ChannelId, ExchangeName, HolderId, Message, MessageHeader, MessageId, Millis,
    PublishSequence, QueueId, ReplyCode,
};
use haremq::protocol::{
    Action, Answer, Ask, Connection, Credentials, Delivery, Got, Refusal, Request, Settings,
};
use haremq::wire::{Decoder, FrameKind, Frames, Method, MethodId, PROTOCOL_HEADER, decode_method};

/// More than any run takes; a machine that asks for ever is a finding.
const ROUNDS_MAX: usize = 100_000;

/// How the world answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mood {
    /// Everything is done.
    Kind,
    /// With a refusal of this code.
    Refusing(ReplyCode),
}

pub(super) struct Peer {
    pub(super) machine: Connection,
    pub(super) now: Millis,
    pub(super) mood: Mood,
    /// Publishes on confirming channels that nobody has answered.
    pub(super) owed: Vec<(HolderId, PublishSequence)>,
    /// The channels that the machine says are open.
    pub(super) open: BTreeMap<HolderId, ChannelId>,
    input: BytesMut,
    /// Every holder there ever was: none comes twice.
    holders: BTreeSet<HolderId>,
    /// Messages that the client holds, by holder.
    held: BTreeMap<HolderId, BTreeSet<(QueueId, MessageId)>>,
    next_message: u64,
    pub(super) written: Vec<u8>,
    checked: usize,
    pub(super) actions: Vec<String>,
    disconnected: bool,
    frame_max: u32,
}

impl Peer {
    pub(super) fn new(settings: Settings) -> Self {
        let mut next = 0;
        let holders = Box::new(move || {
            next += 1;
            HolderId(next)
        });
        let now = Millis(1_000_000);
        let frame_max = settings.frame_max;
        Self {
            machine: Connection::new(Arc::new(settings), holders, now),
            now,
            mood: Mood::Kind,
            owed: Vec::new(),
            open: BTreeMap::new(),
            input: BytesMut::new(),
            holders: BTreeSet::new(),
            held: BTreeMap::new(),
            next_message: 0,
            written: Vec::new(),
            checked: 0,
            actions: Vec::new(),
            disconnected: false,
            frame_max,
        }
    }

    /// Bytes arrive, and the world answers until the machine wants more.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.disconnected {
            return;
        }
        self.input.extend_from_slice(bytes);
        self.turn(Vec::new());
    }

    /// Carries actions out, and lets the machine go on until it has nothing more to say: it keeps whole frames that
    /// wait for an answer to itself.
    pub(super) fn turn(&mut self, actions: Vec<Action>) {
        let mut due = actions;
        for round in 0.. {
            assert!(round < ROUNDS_MAX, "the machine asks without end");
            self.machine.recv(self.now, &mut self.input, &mut due);
            self.machine.flush_confirms(&mut due);
            self.collect();
            if due.is_empty() {
                break;
            }
            let mut more = Vec::new();
            for action in std::mem::take(&mut due) {
                self.carry_out(&action, &mut more);
                self.note(&action);
            }
            due = more;
        }
        self.check();
    }

    fn carry_out(&mut self, action: &Action, more: &mut Vec<Action>) {
        assert!(!self.disconnected, "nothing comes after the end: {action:?}");
        match action {
            Action::Ask(ask) => self.answer(ask, more),
            Action::Publish(publish) => {
                assert_eq!(self.open.get(&publish.holder), Some(&publish.channel), "it is open");
                match (self.mood, publish.sequence) {
                    (Mood::Refusing(code), _) => {
                        let refusal = refusal(code, MethodId::BASIC_PUBLISH);
                        let (now, channel) = (self.now, publish.channel);
                        self.machine.fail(now, channel, publish.holder, refusal, more);
                    }
                    (Mood::Kind, Some(sequence)) => {
                        self.machine.published(publish.holder, sequence, 1);
                        self.owed.push((publish.holder, sequence));
                    }
                    (Mood::Kind, None) => {}
                }
            }
            Action::Settle(settle) => {
                let held = self.held.entry(settle.holder).or_default();
                for (first, last) in &settle.messages {
                    assert!(first <= last, "a run of ids goes up");
                    for id in first.0..=last.0 {
                        let known = held.remove(&(settle.queue, MessageId(id)));
                        assert!(known, "{id} is settled once, by whom it was given to");
                    }
                }
            }
            Action::ChannelOpened { channel, holder } => {
                assert!(self.holders.insert(*holder), "{holder:?} comes once");
                assert!(channel.0 > 0 && !self.open.values().any(|open| open == channel));
                self.open.insert(*holder, *channel);
            }
            Action::ChannelClosed { channel, holder } => {
                assert_eq!(self.open.remove(holder), Some(*channel), "what closes was open");
                self.held.remove(holder);
                self.owed.retain(|(of, _)| of != holder);
            }
            Action::ShareCredit { holder, .. } | Action::ReturnCredit { holder, .. } => {
                assert!(self.open.contains_key(holder), "credit is of an open channel");
            }
            Action::Log(line) => assert!(!line.is_empty()),
            Action::Disconnect { .. } => {
                assert!(self.open.is_empty(), "all channels end before the connection");
                self.disconnected = true;
            }
        }
    }

    /// Without the grouping that the cuts of reads make: settlements one by one.
    fn note(&mut self, action: &Action) {
        if let Action::Settle(settle) = action {
            for id in settle.messages.iter().flat_map(|(first, last)| first.0..=last.0) {
                self.actions.push(format!("{} {:?} {id}", settle.queue, settle.outcome));
            }
            return;
        }
        if self.actions.len() < 4096 {
            self.actions.push(format!("{action:?}"));
        }
    }

    fn answer(&mut self, ask: &Ask, more: &mut Vec<Action>) {
        let is_void = if ask.channel == ChannelId(0) {
            matches!(self.machine.state(), "closing" | "closed")
        } else {
            !self.machine.is_open(ask.channel, ask.holder)
        };
        if is_void {
            // What the broker refused before this question ended who asked it.
            return;
        }
        assert!(self.machine.is_waiting(), "nobody waits for {ask:?}");
        let answer = match (&self.mood, &ask.request) {
            (_, Request::Barrier) => Answer::Done,
            (Mood::Refusing(_), Request::Authenticate(_)) => Answer::LoginRefused("no".to_owned()),
            (Mood::Refusing(code), _) => Answer::Refused(refusal(*code, MethodId::default())),
            (Mood::Kind, request) => self.kind_answer(ask.holder, request),
        };
        self.machine.answer(self.now, ask.channel, ask.holder, answer, more);
    }

    fn kind_answer(&mut self, holder: HolderId, request: &Request) -> Answer {
        match request {
            Request::Authenticate(credentials) => {
                let Credentials { user, password, .. } = credentials;
                assert!(user.len() + password.0.len() <= 1 << 17, "no longer than a frame");
                Answer::Authenticated
            }
            Request::QueueDeclare(declare) => Answer::QueueDeclared {
                queue: declare.queue.clone(),
                message_count: 1,
                consumer_count: 0,
            },
            Request::QueuePurge(_) | Request::QueueDelete { .. } => Answer::Messages(3),
            Request::Consume { consume, .. } => Answer::Consuming(consume.consumer_tag.clone()),
            Request::ConsumeReplies(tag) => Answer::ConsumingReplies {
                consumer_tag: tag.clone(),
                address: "amq.rabbitmq.reply-to.token".try_into().expect("short"),
            },
            Request::Get { no_ack, .. } => {
                let delivery = self.delivery(holder, !no_ack);
                Answer::Got(Box::new(Got { delivery, message_count: 2 }))
            }
            _ => Answer::Done,
        }
    }

    /// A message for this holder; remembered when it is to be settled.
    pub(super) fn delivery(&mut self, holder: HolderId, acknowledge: bool) -> Delivery {
        self.next_message += 1;
        let (queue, id) = (QueueId(1 + self.next_message % 3), MessageId(self.next_message));
        if acknowledge {
            self.held.entry(holder).or_default().insert((queue, id));
        }
        let exchange = ExchangeName::try_from("e").expect("short");
        let bytes = usize::try_from(1 + self.next_message * 97 % 5000).expect("small");
        let body = Body::One(Bytes::from(vec![7; bytes]));
        let header = MessageHeader::default();
        let message = Message::new(&exchange, b"key", &[0, 0], body, header);
        Delivery { queue, id, message, redelivered: false }
    }

    fn collect(&mut self) {
        let output = self.machine.output();
        let bytes: Vec<u8> = output.slices().flatten().copied().collect();
        output.advance(bytes.len());
        if !bytes.is_empty() {
            self.machine.wrote(self.now);
        }
        self.written.extend(bytes);
    }

    /// What was written is frames that both readers know, none larger than was agreed on.
    fn check(&mut self) {
        assert_eq!(self.machine.open_channels(), self.open.len());
        if let Some(agreed) = self.machine.negotiated() {
            self.frame_max = agreed.frame_max;
        }
        let fresh = Bytes::copy_from_slice(&self.written[self.checked..]);
        self.checked = self.written.len();
        let mut rest = fresh;
        if rest.starts_with(&PROTOCOL_HEADER) {
            rest = rest.slice(PROTOCOL_HEADER.len()..);
        }
        let mut decoder = Decoder::new();
        decoder.set_frame_max(self.frame_max.max(4096));
        assert_eq!(decoder.complete_prefix(&rest), (rest.len(), None), "whole frames are written");
        let mut at = 0;
        let mut frames = Frames::new(&rest);
        while let Some(frame) = frames.next() {
            let bytes = &rest[at..frames.consumed()];
            at = frames.consumed();
            assert!(self.frame_max == 0 || bytes.len() <= self.frame_max.max(4096) as usize);
            let (left, _) = parse_frame(bytes).expect("amq-protocol reads what the machine writes");
            assert!(left.is_empty());
            if frame.kind == FrameKind::Method {
                let method = decode_method(frame.payload).expect("our own method");
                assert!(
                    !matches!(method, Method::BasicPublish { .. }),
                    "a server does not publish"
                );
            }
        }
    }

    /// The socket goes: every channel is given back.
    pub(super) fn end(&mut self) {
        let mut actions = Vec::new();
        self.machine.peer_closed(&mut actions);
        let mut more = Vec::new();
        for action in &actions {
            self.carry_out(action, &mut more);
        }
        assert!(self.open.is_empty(), "no channel outlives its connection: {:?}", self.open);
        assert_eq!(self.machine.open_channels(), 0);
        assert_eq!(self.machine.state(), "closed");
    }
}

pub(super) fn refusal(code: ReplyCode, failed: MethodId) -> Refusal {
    Refusal { code, text: "of the fuzzer".to_owned(), failed }
}
