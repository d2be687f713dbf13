//! A client that sends and reads bytes, and decides nothing by itself.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Arguments;
use super::broker::{Broker, on_oracle};
use super::bytes::{FRAME_END, Frame, frame};
use super::call::Call;
use super::ids::{Id, id};
use super::login::{Login, Tune};
use super::methods::{PASSIVE, basic, channel, connection, queue};
use super::refusal::Refusal;
use super::stream::ClientStream;

/// What opens an AMQP 0-9-1 connection.
const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\x00\x00\x09\x01";

/// Property flags of a content without properties.
const NO_PROPERTIES: [u8; 2] = [0, 0];

/// One connection, seen from the client.
pub(crate) struct RawClient {
    stream: ClientStream,
    /// Read from the socket, not yet handed out.
    unread: Vec<u8>,
    heartbeats: usize,
}

/// A content: properties from the property flags on, and the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Content {
    pub(crate) properties: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// `basic.deliver`, `basic.get-ok` or `basic.return` with its content; what a method does not have is
/// empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) consumer_tag: String,
    pub(crate) tag: u64,
    pub(crate) redelivered: bool,
    pub(crate) exchange: String,
    pub(crate) routing_key: Vec<u8>,
    pub(crate) message_count: u32,
    pub(crate) properties: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Delivery {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }
}

impl RawClient {
    /// A TCP connection; nothing was said yet.
    pub(crate) fn connect(broker: &Broker) -> Self {
        Self::over(ClientStream::Tcp(broker.connect()))
    }

    /// The same over a stream that is there already.
    pub(crate) fn over(stream: ClientStream) -> Self {
        Self { stream, unread: Vec::new(), heartbeats: 0 }
    }

    /// A connection of `guest` to the shared broker.
    pub(crate) fn shared() -> Self {
        Self::login(Broker::shared(), &Login::guest())
    }

    /// [`Self::shared`] with channel 1 open.
    pub(crate) fn with_channel() -> Self {
        Self::with_channel_on(Broker::shared())
    }

    /// A connection of `guest` with channel 1 open.
    pub(crate) fn with_channel_on(broker: &Broker) -> Self {
        let mut client = Self::login(broker, &Login::guest());
        client.open_channel(1);
        client
    }

    /// A connection that is open.
    pub(crate) fn login(broker: &Broker, login: &Login) -> Self {
        let mut client = Self::connect(broker);
        client.handshake(login);
        client
    }

    /// From the protocol header to `connection.open-ok`.
    pub(crate) fn handshake(&mut self, login: &Login) -> Tune {
        let proposed = self.authenticate(login);
        self.send(0, &login.tune_ok(proposed));
        self.call(0, &login.open(), id::CONNECTION_OPEN_OK);
        proposed
    }

    /// From the protocol header to `connection.tune`.
    pub(crate) fn authenticate(&mut self, login: &Login) -> Tune {
        self.send_start_ok(login);
        let mut tune = self.expect(0, id::CONNECTION_TUNE);
        let (channel_max, frame_max) = (tune.short(), tune.long());
        let proposed = Tune { channel_max, frame_max, heartbeat_s: tune.short() };
        tune.end();
        proposed
    }

    /// From the protocol header to `connection.start-ok`.
    pub(crate) fn send_start_ok(&mut self, login: &Login) {
        self.send_bytes(&PROTOCOL_HEADER);
        self.expect(0, id::CONNECTION_START);
        self.send(0, &login.start_ok());
    }

    pub(crate) fn open_channel(&mut self, number: u16) {
        let mut arguments = self.call(number, &channel::open(), id::CHANNEL_OPEN_OK);
        assert_eq!(arguments.long_bytes(), b"", "channel.open-ok carries an empty long string");
        arguments.end();
    }

    /// `channel.close` and its answer.
    pub(crate) fn close_channel(&mut self, number: u16) {
        self.call(number, &channel::close(), id::CHANNEL_CLOSE_OK).end();
    }

    /// `connection.close`, its answer, and the end of the socket.
    pub(crate) fn close(mut self) {
        self.call(0, &connection::close(), id::CONNECTION_CLOSE_OK).end();
        self.expect_end_after_close_ok();
    }

    /// `connection.close-ok` came. RabbitMQ leaves it to the client to end the socket first.
    pub(crate) fn expect_end_after_close_ok(&mut self) {
        self.close_sending_side();
        self.expect_end();
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the broker takes bytes");
    }

    /// Sends what the broker may have no ears for any more.
    pub(crate) fn send_bytes_in_vain(&mut self, bytes: &[u8]) {
        // A broken pipe is one of the good outcomes.
        let _ = self.stream.write_all(bytes);
    }

    /// Another hand on the same socket, for a thread that only publishes.
    pub(crate) fn sender(&self) -> Sender {
        Sender(self.stream.another_hand())
    }

    /// Says that nothing more will be sent, and still reads.
    pub(crate) fn close_sending_side(&mut self) {
        self.stream.close_sending_side();
    }

    pub(crate) fn send(&mut self, channel: u16, call: &Call) {
        self.send_bytes(&call.frame(channel));
    }

    pub(crate) fn send_frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        self.send_bytes(&frame(kind, channel, payload));
    }

    /// A content header of the basic class. `properties` begins with the property flags.
    pub(crate) fn send_header(&mut self, channel: u16, body_size: u64, properties: &[u8]) {
        self.send_frame(2, channel, &content_header(60, body_size, properties));
    }

    pub(crate) fn send_body(&mut self, channel: u16, body: &[u8]) {
        self.send_frame(3, channel, body);
    }

    /// A message without properties, in one body frame.
    pub(crate) fn publish(
        &mut self,
        channel: u16,
        exchange: &str,
        key: impl AsRef<[u8]>,
        body: &str,
    ) {
        self.send_publish(channel, &basic::publish(exchange, key), &NO_PROPERTIES, body);
    }

    /// A message whose method is given.
    pub(crate) fn send_publish(
        &mut self,
        channel: u16,
        publish: &Call,
        properties: &[u8],
        body: impl AsRef<[u8]>,
    ) {
        let body = body.as_ref();
        let mut bytes = publish.frame(channel);
        bytes.extend(frame(2, channel, &content_header(60, body.len() as u64, properties)));
        if !body.is_empty() {
            bytes.extend(frame(3, channel, body));
        }
        self.send_bytes(&bytes);
    }

    /// The next frame; heartbeats are counted and left out.
    pub(crate) fn next_frame(&mut self) -> Frame {
        self.next_frame_or_end().expect("a frame, and not the end of the connection")
    }

    /// The next frame; `None` when the broker has closed the socket.
    pub(crate) fn next_frame_or_end(&mut self) -> Option<Frame> {
        loop {
            let frame = self.next_frame_of_any_kind()?;
            if frame.kind != 8 {
                return Some(frame);
            }
            assert_eq!(frame, Frame { kind: 8, channel: 0, payload: Vec::new() });
            self.heartbeats += 1;
        }
    }

    /// The next frame, heartbeats included.
    pub(crate) fn next_frame_of_any_kind(&mut self) -> Option<Frame> {
        while self.unread.len() < 7 {
            if !self.read_more() {
                assert!(self.unread.is_empty(), "half a frame: {:?}", self.unread);
                return None;
            }
        }
        let mut head = Arguments::of(&self.unread[..7]);
        let (kind, channel, size) = (head.octet(), head.short(), head.long() as usize);
        while self.unread.len() < size + 8 {
            assert!(self.read_more(), "the connection ended within a frame");
        }
        let mut bytes: Vec<u8> = self.unread.drain(..size + 8).collect();
        assert_eq!(bytes.pop(), Some(FRAME_END), "the end octet");
        Some(Frame { kind, channel, payload: bytes.split_off(7) })
    }

    /// Exactly these bytes come next.
    pub(crate) fn expect_bytes(&mut self, expected: &[u8]) {
        while self.unread.len() < expected.len() {
            assert!(self.read_more(), "ended after {:?}", self.unread);
        }
        let got: Vec<u8> = self.unread.drain(..expected.len()).collect();
        assert_eq!(got, expected);
    }

    /// The broker closes the socket, and says nothing before.
    pub(crate) fn expect_end(&mut self) {
        if let Some(frame) = self.next_frame_or_end() {
            panic!("the end of the connection was expected, not {frame:?}");
        }
    }

    /// This method comes next on this channel; its arguments.
    pub(crate) fn expect(&mut self, channel: u16, expected: Id) -> Arguments {
        let frame = self.next_frame();
        let right = frame.method() == Some(expected) && frame.channel == channel;
        assert!(right, "{} on channel {channel} was expected, not {frame:?}", expected.name());
        frame.arguments()
    }

    /// Sends a method and waits for its answer.
    pub(crate) fn call(&mut self, channel: u16, call: &Call, answer: Id) -> Arguments {
        self.send(channel, call);
        self.expect(channel, answer)
    }

    /// A content header and all its bodies come next.
    pub(crate) fn expect_content(&mut self, channel: u16) -> Content {
        let header = self.next_frame();
        assert_eq!((header.kind, header.channel), (2, channel), "a content header: {header:?}");
        let mut fields = Arguments::of(&header.payload);
        assert_eq!((fields.short(), fields.short()), (60, 0), "class and weight");
        let size = usize::try_from(fields.long_long()).expect("a size that fits");
        let properties = header.payload[12..].to_vec();
        let mut body = Vec::new();
        while body.len() < size {
            let frame = self.next_frame();
            assert_eq!((frame.kind, frame.channel), (3, channel), "a body: {frame:?}");
            assert!(!frame.payload.is_empty(), "a body frame has bytes");
            body.extend(frame.payload);
        }
        assert_eq!(body.len(), size, "the bodies add up to the announced size");
        Content { properties, body }
    }

    /// `basic.deliver` comes next.
    pub(crate) fn expect_delivery(&mut self, channel: u16) -> Delivery {
        let method = self.expect(channel, id::BASIC_DELIVER);
        self.delivery(channel, method)
    }

    /// `basic.deliver` comes next, or this method, and then it is over.
    pub(crate) fn delivery_or(&mut self, channel: u16, end: Id) -> Option<Delivery> {
        let frame = self.next_frame();
        assert_eq!(frame.channel, channel, "{frame:?}");
        if frame.method() == Some(end) {
            return None;
        }
        assert_eq!(frame.method(), Some(id::BASIC_DELIVER), "{frame:?}");
        Some(self.delivery(channel, frame.arguments()))
    }

    /// This method and deliveries with these bodies come next, the method anywhere among them.
    pub(crate) fn expect_ok_and_deliveries(&mut self, channel: u16, ok: Id, bodies: &[&str]) {
        let mut got = Vec::new();
        while let Some(delivery) = self.delivery_or(channel, ok) {
            got.push(delivery);
        }
        while got.len() < bodies.len() {
            got.push(self.expect_delivery(channel));
        }
        let got: Vec<_> = got.iter().map(Delivery::text).collect();
        assert_eq!(got, bodies);
    }

    fn delivery(&mut self, channel: u16, mut method: Arguments) -> Delivery {
        let consumer_tag = method.short_string();
        let (tag, redelivered) = (method.long_long(), method.octet() == 1);
        let (exchange, routing_key) = (method.short_string(), method.short_bytes());
        method.end();
        let Content { properties, body } = self.expect_content(channel);
        Delivery {
            consumer_tag,
            tag,
            redelivered,
            exchange,
            routing_key,
            message_count: 0,
            properties,
            body,
        }
    }

    /// Deliveries with these bodies come next; their tags.
    pub(crate) fn expect_deliveries(&mut self, channel: u16, bodies: &[&str]) -> Vec<u64> {
        let deliveries: Vec<_> = bodies.iter().map(|_| self.expect_delivery(channel)).collect();
        let got: Vec<_> = deliveries.iter().map(Delivery::text).collect();
        assert_eq!(got, bodies);
        deliveries.iter().map(|delivery| delivery.tag).collect()
    }

    /// `basic.return` comes next: code 312, text `NO_ROUTE`.
    pub(crate) fn expect_return(&mut self, channel: u16) -> Delivery {
        let mut method = self.expect(channel, id::BASIC_RETURN);
        assert_eq!((method.short(), method.short_string().as_str()), (312, "NO_ROUTE"));
        let (exchange, routing_key) = (method.short_string(), method.short_bytes());
        method.end();
        let Content { properties, body } = self.expect_content(channel);
        Delivery { exchange, routing_key, properties, body, ..Delivery::default() }
    }

    /// `basic.ack` comes next: tag and whether it is for all up to it.
    pub(crate) fn expect_ack(&mut self, channel: u16) -> (u64, bool) {
        let mut method = self.expect(channel, id::BASIC_ACK);
        let ack = (method.long_long(), method.octet() == 1);
        method.end();
        ack
    }

    /// Confirms come until everything up to `last` is confirmed.
    pub(crate) fn expect_acks_up_to(&mut self, channel: u16, last: u64) {
        let mut open: std::collections::BTreeSet<u64> = (1..=last).collect();
        while open.contains(&last) || !open.is_empty() {
            let (tag, multiple) = self.expect_ack(channel);
            assert!(open.contains(&tag), "{tag} is confirmed twice");
            if multiple { open.retain(|open| *open > tag) } else { assert!(open.remove(&tag)) }
        }
    }

    /// `basic.get`: the message, or nothing.
    pub(crate) fn get(&mut self, channel: u16, queue: &str) -> Option<Delivery> {
        self.get_with(channel, &basic::get(queue))
    }

    pub(crate) fn get_with(&mut self, channel: u16, get: &Call) -> Option<Delivery> {
        self.send(channel, get);
        let answer = self.next_frame();
        assert_eq!(answer.channel, channel, "{answer:?}");
        if answer.method() == Some(id::BASIC_GET_EMPTY) {
            return None;
        }
        assert_eq!(answer.method(), Some(id::BASIC_GET_OK), "{answer:?}");
        let mut method = answer.arguments();
        let (tag, redelivered) = (method.long_long(), method.octet() == 1);
        let (exchange, routing_key) = (method.short_string(), method.short_bytes());
        let message_count = method.long();
        method.end();
        let Content { properties, body } = self.expect_content(channel);
        Some(Delivery {
            tag,
            redelivered,
            exchange,
            routing_key,
            message_count,
            properties,
            body,
            ..Delivery::default()
        })
    }

    /// Declares a queue of this connection; its name.
    pub(crate) fn exclusive_queue(&mut self, channel: u16) -> String {
        let declare = queue::declare("").with(queue::EXCLUSIVE);
        let mut answer = self.call(channel, &declare, id::QUEUE_DECLARE_OK);
        let name = answer.short_string();
        assert_eq!((answer.long(), answer.long()), (0, 0), "a new queue is empty");
        answer.end();
        name
    }

    /// Declares a queue that goes with this connection's last consumer, or with the broker.
    pub(crate) fn declare(&mut self, channel: u16, call: &Call) -> (u32, u32) {
        let mut answer = self.call(channel, call, id::QUEUE_DECLARE_OK);
        answer.short_string();
        let counts = (answer.long(), answer.long());
        answer.end();
        counts
    }

    /// The queue has so many ready messages and consumers.
    ///
    /// The answer comes after everything that the queue was told before, and has effects on this
    /// connection: so this also proves that nothing else came. RabbitMQ lets the question overtake
    /// publishes that are under way, so it may ask again.
    pub(crate) fn expect_counts(&mut self, channel: u16, name: &str, expected: (u32, u32)) {
        let ask = queue::declare(name).with(PASSIVE);
        let tries = if on_oracle() { 2000 } else { 1 };
        let mut got = (0, 0);
        for _ in 0..tries {
            got = self.declare(channel, &ask);
            if got == expected {
                return;
            }
        }
        assert_eq!(got, expected, "ready messages and consumers of '{name}'");
    }

    /// `basic.consume`; the consumer's tag.
    pub(crate) fn consume(&mut self, channel: u16, call: &Call) -> String {
        let mut answer = self.call(channel, call, id::BASIC_CONSUME_OK);
        let tag = answer.short_string();
        answer.end();
        tag
    }

    /// `connection.close` or `channel.close` comes next, as the code demands, and is answered. After
    /// `connection.close` the socket ends.
    pub(crate) fn expect_refusal(&mut self, channel: u16, expected: &Refusal) {
        if expected.is_hard() {
            self.expect_connection_close(expected);
        } else {
            let got = self.expect(channel, id::CHANNEL_CLOSE);
            assert_eq!(&reason(got), expected);
            self.send(channel, &channel::close_ok());
        }
    }

    /// `connection.close` comes next. Nothing is answered.
    pub(crate) fn expect_connection_close_only(&mut self, expected: &Refusal) {
        let got = self.expect(0, id::CONNECTION_CLOSE);
        assert_eq!(&reason(got), expected);
    }

    /// `connection.close` comes next and is answered; then the socket ends.
    pub(crate) fn expect_connection_close(&mut self, expected: &Refusal) {
        self.expect_connection_close_only(expected);
        self.send_bytes_in_vain(&connection::close_ok().frame(0));
        self.expect_end();
    }

    /// Sends a method and is refused.
    pub(crate) fn refused(&mut self, channel: u16, call: &Call, expected: &Refusal) {
        self.send(channel, call);
        self.expect_refusal(channel, expected);
    }

    /// Heartbeats that came so far.
    pub(crate) fn heartbeats(&self) -> usize {
        self.heartbeats
    }

    /// False when the socket is closed.
    fn read_more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(len) => {
                self.unread.extend_from_slice(&piece[..len]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("nothing to read: {error}; so far {:?}", self.unread),
        }
    }
}

/// Sends on the socket of a [`RawClient`], and waits as long as the broker does not take anything.
pub(crate) struct Sender(TcpStream);

impl Sender {
    /// A message to a queue, in one body frame.
    pub(crate) fn publish(&mut self, channel: u16, queue: &str, body: &[u8]) {
        let mut bytes = basic::publish("", queue).frame(channel);
        bytes.extend(frame(2, channel, &content_header(60, body.len() as u64, &NO_PROPERTIES)));
        bytes.extend(frame(3, channel, body));
        self.0.write_all(&bytes).expect("the broker takes bytes");
    }

    /// Sends these bytes again and again until the broker takes no more for a while; how many it has
    /// taken, at most `bytes_max`.
    pub(crate) fn send_until_stalled(&mut self, bytes: &[u8], bytes_max: usize) -> usize {
        self.0.set_write_timeout(Some(Duration::from_millis(500))).expect("above zero");
        let mut taken = 0;
        while taken < bytes_max {
            match self.0.write(&bytes[taken % bytes.len()..]) {
                Ok(len) => taken += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("the broker ends the connection: {error}"),
            }
        }
        taken
    }
}

fn reason(mut close: Arguments) -> Refusal {
    let (code, text) = (close.short(), close.short_string());
    let failed = Id(close.short(), close.short());
    close.end();
    Refusal { code, text, failed }
}

/// The payload of a header frame.
pub(crate) fn content_header(class: u16, body_size: u64, properties: &[u8]) -> Vec<u8> {
    let mut payload = class.to_be_bytes().to_vec();
    payload.extend_from_slice(&[0, 0]);
    payload.extend_from_slice(&body_size.to_be_bytes());
    payload.extend_from_slice(properties);
    payload
}
