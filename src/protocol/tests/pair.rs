//! A client for the machine: it encodes what a test sends, decodes what the machine writes, and holds
//! the clock.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::base::{
    Body, ChannelId, ExchangeName, FieldTable, FieldValue, HolderId, Message, MessageHeader,
    MessageId, Millis, QueueId, ShortStr, VhostName,
};
use crate::protocol::{
    Action, Answer, Connection, Delivery, Outcome, Publish, Request, Settings, Settle,
};
use crate::wire::{
    Close, ContentHeader, Decoder, FrameKind, Frames, Method, MethodId, Output, PROTOCOL_HEADER,
    decode_method,
};

/// What the machine wrote.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Received {
    Method(u16, Method),
    Header { channel: u16, size: u64, properties: Bytes },
    Body(u16, Bytes),
    Heartbeat,
    ProtocolHeader,
}

/// A connection and its client.
pub(super) struct Pair {
    pub(super) server: Connection,
    pub(super) now: Millis,
    /// Bytes that the machine has left in the buffer.
    pub(super) input: BytesMut,
}

impl Pair {
    /// A socket that was just accepted.
    pub(super) fn accepted(settings: Settings) -> Self {
        let mut next = 0;
        let holders = Box::new(move || {
            next += 1;
            HolderId(next)
        });
        let now = Millis(1_000_000);
        let server = Connection::new(Arc::new(settings), holders, now);
        Self { server, now, input: BytesMut::new() }
    }

    /// A socket whose handshake went as far as `connection.start`.
    pub(super) fn started() -> Self {
        let mut pair = Self::accepted(Settings::default());
        assert_eq!(pair.write(&PROTOCOL_HEADER), vec![]);
        assert!(matches!(
            pair.received()[..],
            [Received::Method(0, Method::ConnectionStart { .. })]
        ));
        pair
    }

    /// As far as `connection.tune`.
    pub(super) fn tuning(settings: Settings) -> Self {
        let mut pair = Self::accepted(settings);
        pair.write(&PROTOCOL_HEADER);
        pair.send(0, &start_ok(&[]));
        assert_eq!(pair.answer(Answer::Authenticated), vec![]);
        pair.received();
        pair
    }

    /// An open connection of a client with all capabilities.
    pub(super) fn open() -> Self {
        Self::open_with(Settings::default(), &CAPABILITIES, 0)
    }

    pub(super) fn open_with(settings: Settings, capabilities: &[&str], heartbeat_s: u16) -> Self {
        let (frame_max, channel_max) = (settings.frame_max, settings.channel_max);
        let mut pair = Self::accepted(settings);
        pair.write(&PROTOCOL_HEADER);
        pair.send(0, &start_ok(capabilities));
        pair.answer(Answer::Authenticated);
        pair.send(0, &Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s });
        pair.send(0, &Method::ConnectionOpen { vhost: vhost() });
        pair.answer(Answer::Done);
        pair.received();
        assert_eq!(pair.server.state(), "running");
        pair
    }

    /// An open connection with channel 1 open, whose holder is 1.
    pub(super) fn channel() -> Self {
        let mut pair = Self::open();
        let (channel, holder) = (ChannelId(1), HolderId(1));
        let opened = pair.send(1, &Method::ChannelOpen);
        assert_eq!(opened, vec![Action::ChannelOpened { channel, holder }]);
        assert_eq!(pair.received(), vec![Received::Method(1, Method::ChannelOpenOk)]);
        pair
    }

    /// As [`Self::channel`], after `confirm.select`.
    pub(super) fn confirming() -> Self {
        let mut pair = Self::channel();
        assert_eq!(pair.call(1, &Method::ConfirmSelect { nowait: false }), Method::ConfirmSelectOk);
        pair
    }

    /// Bytes arrive.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Vec<Action> {
        self.input.extend_from_slice(bytes);
        self.recv()
    }

    /// The machine looks at its input, until that changes nothing.
    pub(super) fn recv(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        loop {
            let turn = self.recv_once();
            if turn.is_empty() {
                return actions;
            }
            actions.extend(turn);
        }
    }

    /// The machine looks at its input once.
    pub(super) fn recv_once(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        self.server.recv(self.now, &mut self.input, &mut actions);
        actions
    }

    pub(super) fn send(&mut self, channel: u16, method: &Method) -> Vec<Action> {
        self.write(&method_frame(channel, method))
    }

    /// Sends a method that is answered without a question, and returns the answer.
    pub(super) fn call(&mut self, channel: u16, method: &Method) -> Method {
        assert_eq!(self.send(channel, method), vec![]);
        self.only_method(channel)
    }

    /// Sends a method that becomes a question, and returns it.
    pub(super) fn asks(&mut self, channel: u16, method: &Method) -> Request {
        let mut actions = self.send(channel, method);
        assert!(self.server.is_waiting(), "{actions:?}");
        match (actions.pop(), actions.is_empty()) {
            (Some(Action::Ask(ask)), true) => {
                assert_eq!(ask.channel, ChannelId(channel));
                ask.request
            }
            other => panic!("one question was expected: {other:?}"),
        }
    }

    /// Answers the question of channel 1 (or of the connection, when it has none), and lets the
    /// machine go on.
    pub(super) fn answer(&mut self, answer: Answer) -> Vec<Action> {
        let key = if self.server.open_channels() == 0 { (0, 0) } else { (1, 1) };
        self.answer_to(key, answer)
    }

    pub(super) fn answer_to(&mut self, key: (u16, u64), answer: Answer) -> Vec<Action> {
        let mut actions = Vec::new();
        let (channel, holder) = (ChannelId(key.0), HolderId(key.1));
        self.server.answer(self.now, channel, holder, answer, &mut actions);
        actions.extend(self.recv());
        actions
    }

    /// Everything that was written since the last call.
    pub(super) fn received(&mut self) -> Vec<Received> {
        let output = self.server.output();
        let written: Vec<u8> = output.slices().flatten().copied().collect();
        output.advance(written.len());
        if !written.is_empty() {
            self.server.wrote(self.now);
        }
        decode(&written)
    }

    /// The one method that was written.
    pub(super) fn only_method(&mut self, channel: u16) -> Method {
        match &self.received()[..] {
            [Received::Method(on, method)] if *on == channel => method.clone(),
            other => panic!("one method on channel {channel} was expected: {other:?}"),
        }
    }

    /// Publishes to `exchange` with key `key` in one write.
    pub(super) fn publish(&mut self, channel: u16, body: &[u8]) -> Vec<Action> {
        let bytes = publish_frames(channel, body);
        self.write(&bytes)
    }

    /// The queue of the tests hands a message to the client.
    pub(super) fn deliver(&mut self, id: u64) {
        let delivery = delivery(QUEUE, id);
        let tag = "tag".try_into().expect("a short tag");
        self.server.deliver(ChannelId(1), HolderId(1), &tag, true, &delivery);
    }

    pub(super) fn flush_confirms(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        self.server.flush_confirms(&mut actions);
        actions
    }

    pub(super) fn advance(&mut self, ms: u64) -> Vec<Action> {
        self.now = self.now.after(ms);
        let mut actions = Vec::new();
        self.server.tick(self.now, &mut actions);
        actions
    }

    /// Checks that channel 1 was closed by the machine with this error, and what was told beside.
    #[track_caller]
    pub(super) fn expect_channel_close(
        &mut self,
        actions: &[Action],
        (code, text, failed): (u16, &str, MethodId),
    ) {
        let closed = Action::ChannelClosed { channel: ChannelId(1), holder: HolderId(1) };
        assert!(actions.contains(&closed), "{actions:?}");
        let close = Method::ChannelClose(close(code, text, failed));
        assert_eq!(self.received().last(), Some(&Received::Method(1, close)));
        assert_eq!(self.server.state(), "running");
        self.close_ok_frees_the_number();
    }

    fn close_ok_frees_the_number(&mut self) {
        assert_eq!(self.publish(1, b"ignored"), vec![]);
        assert_eq!(self.send(1, &Method::ChannelCloseOk), vec![]);
        assert_eq!(self.received(), vec![]);
        let reopened = self.send(1, &Method::ChannelOpen);
        assert!(matches!(reopened[..], [Action::ChannelOpened { .. }]), "{reopened:?}");
        assert_eq!(self.only_method(1), Method::ChannelOpenOk);
    }

    /// Checks that the connection was closed by the machine with this error.
    #[track_caller]
    pub(super) fn expect_connection_close(
        &mut self,
        actions: &[Action],
        (code, text, failed): (u16, &str, MethodId),
    ) {
        let close = Method::ConnectionClose(close(code, text, failed));
        assert_eq!(self.received().last(), Some(&Received::Method(0, close)), "{actions:?}");
        assert_eq!(self.server.open_channels(), 0);
        if self.server.state() == "closed" {
            assert_eq!(actions.last(), Some(&Action::Disconnect { pause_ms: 3000 }));
            return;
        }
        assert_eq!(self.server.state(), "closing");
        assert_eq!(self.publish(1, b"ignored"), vec![]);
        let ended = self.send(0, &Method::ConnectionCloseOk);
        assert_eq!(ended, vec![Action::Disconnect { pause_ms: 0 }]);
        assert_eq!(self.received(), vec![]);
    }

    /// Checks that the socket was ended without a frame, with a pause and this log line.
    #[track_caller]
    pub(super) fn expect_silent_end(&mut self, actions: &[Action], log: &str) {
        let expected = [Action::Log(log.to_owned()), Action::Disconnect { pause_ms: 3000 }];
        assert_eq!(actions, expected);
        assert_eq!(self.received(), vec![]);
        assert_eq!(self.server.state(), "closed");
    }
}

/// Every capability that the machine looks at.
pub(super) const CAPABILITIES: [&str; 3] =
    ["authentication_failure_close", "consumer_cancel_notify", "connection.blocked"];

/// The queue that hands out messages in tests.
pub(super) const QUEUE: u64 = 7;

pub(super) fn vhost() -> VhostName {
    "/".try_into().expect("a short name")
}

pub(super) fn exchange(name: &str) -> ExchangeName {
    name.try_into().expect("a short name")
}

pub(super) fn short(text: &str) -> ShortStr {
    text.try_into().expect("a short string")
}

pub(super) fn close(code: u16, text: &str, failed: MethodId) -> Close {
    Close { reply_code: code, reply_text: short(text), failed }
}

pub(super) fn client_properties(capabilities: &[&str]) -> FieldTable {
    let capabilities =
        capabilities.iter().map(|name| (short(name), FieldValue::Boolean(true))).collect();
    FieldTable::new(vec![(short("capabilities"), FieldValue::Table(capabilities))])
}

pub(super) fn start_ok(capabilities: &[&str]) -> Method {
    Method::ConnectionStartOk {
        client_properties: client_properties(capabilities),
        mechanism: short("PLAIN"),
        response: Bytes::from_static(b"\0guest\0secret"),
        locale: short("en_US"),
    }
}

pub(super) fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend_from_slice(&channel.to_be_bytes());
    frame.extend_from_slice(&u32::try_from(payload.len()).expect("a short frame").to_be_bytes());
    frame.extend_from_slice(payload);
    frame.push(206);
    frame
}

pub(super) fn method_frame(channel: u16, method: &Method) -> Vec<u8> {
    let mut output = Output::new();
    output.method(ChannelId(channel), method);
    output.slices().flatten().copied().collect()
}

/// A content header of class 60 with these raw properties, their flags included.
pub(super) fn header_frame(channel: u16, size: u64, properties: &[u8]) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0];
    payload.extend_from_slice(&size.to_be_bytes());
    payload.extend_from_slice(properties);
    frame(2, channel, &payload)
}

pub(super) fn body_frame(channel: u16, body: &[u8]) -> Vec<u8> {
    frame(3, channel, body)
}

pub(super) fn publish_method(immediate: bool) -> Method {
    Method::BasicPublish {
        exchange: exchange("logs"),
        routing_key: short("key"),
        mandatory: false,
        immediate,
    }
}

/// `basic.publish` with its content in three frames (two for an empty body).
pub(super) fn publish_frames(channel: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = method_frame(channel, &publish_method(false));
    bytes.extend(header_frame(channel, body.len() as u64, NO_PROPERTIES));
    if !body.is_empty() {
        bytes.extend(body_frame(channel, body));
    }
    bytes
}

/// Property flags that say that there are none.
pub(super) const NO_PROPERTIES: &[u8] = &[0, 0];

pub(super) fn message(body: &[u8]) -> Message {
    Message::new(
        &exchange("logs"),
        b"key",
        NO_PROPERTIES,
        Body::One(Bytes::copy_from_slice(body)),
        MessageHeader::default(),
    )
}

pub(super) fn delivery(queue: u64, id: u64) -> Delivery {
    Delivery {
        queue: QueueId(queue),
        id: MessageId(id),
        message: message(b"m"),
        redelivered: false,
    }
}

/// The action that [`Pair::publish`] on channel 1 becomes.
pub(super) fn published(body: &[u8], sequence: Option<u64>) -> Action {
    Action::Publish(Publish {
        channel: ChannelId(1),
        holder: HolderId(1),
        message: message(body),
        mandatory: false,
        sequence: sequence.map(crate::base::PublishSequence),
    })
}

/// The action that settles runs of the test queue's messages.
pub(super) fn settled(outcome: Outcome, runs: &[(u64, u64)]) -> Action {
    let messages = runs.iter().map(|(a, b)| (MessageId(*a), MessageId(*b))).collect();
    Action::Settle(Settle { holder: HolderId(1), queue: QueueId(QUEUE), outcome, messages })
}

fn decode(written: &[u8]) -> Vec<Received> {
    let mut received = Vec::new();
    let mut chunk = Bytes::copy_from_slice(written);
    if chunk.starts_with(&PROTOCOL_HEADER) {
        received.push(Received::ProtocolHeader);
        chunk = chunk.slice(PROTOCOL_HEADER.len()..);
    }
    let mut decoder = Decoder::new();
    decoder.set_frame_max(0);
    assert_eq!(decoder.complete_prefix(&chunk), (chunk.len(), None), "whole frames are written");
    received.extend(Frames::new(&chunk).map(|frame| {
        let ChannelId(channel) = frame.channel;
        match frame.kind {
            FrameKind::Method => {
                Received::Method(channel, decode_method(frame.payload).expect("a method"))
            }
            FrameKind::Header => {
                let header = ContentHeader::scan(frame.payload).expect("a content header");
                let properties = Bytes::copy_from_slice(header.properties);
                Received::Header { channel, size: header.body_size, properties }
            }
            FrameKind::Body => Received::Body(channel, frame.payload_bytes()),
            FrameKind::Heartbeat => Received::Heartbeat,
        }
    }));
    received
}
