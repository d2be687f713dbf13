//! A small AMQP client that lives with a broker which may die at any moment: everything ends with an
//! error instead of a panic, deliveries and confirms may come at any time, and it is fast.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::server::PATIENCE;
use crate::support::methods::{basic, channel, confirm, connection};
use crate::support::{Arguments, Call, Id, Login, Tune, content_header, frame, id};

/// Bytes of bodies in one frame: below any frame-max that a broker proposes.
const PIECE_BYTES: usize = 100_000;

/// A content without properties but delivery-mode 2.
const PERSISTENT: [u8; 3] = [0x10, 0x00, 2];

/// A content without properties.
const TRANSIENT: [u8; 2] = [0, 0];

/// What may come at any time.
#[derive(Debug)]
pub(super) enum Incoming {
    Delivery(Delivery),
    Settled(Settled),
    Blocked(String),
    Unblocked,
    /// Any other method.
    Method(u16, Id, Arguments),
}

/// `basic.deliver` with its content.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) channel: u16,
    pub(super) tag: u64,
    pub(super) redelivered: bool,
    pub(super) body: Vec<u8>,
}

/// `basic.ack` or `basic.nack` from the broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) channel: u16,
    pub(super) tag: u64,
    pub(super) multiple: bool,
    /// Not nack.
    pub(super) ok: bool,
}

/// How a message is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Persistent,
    Transient,
}

/// One connection of `guest`.
pub(super) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
    /// How much of `unread` was handed out.
    at: usize,
    out: Vec<u8>,
    /// What came while an answer was waited for.
    early: VecDeque<Incoming>,
}

impl Client {
    pub(super) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let (unread, out, early) = (Vec::new(), Vec::new(), VecDeque::new());
        let mut client = Self { stream, unread, at: 0, out, early };
        client.out.extend_from_slice(b"AMQP\x00\x00\x09\x01");
        client.flush()?;
        client.answer(id::CONNECTION_START)?;
        let login = Login::guest();
        let mut tune = client.call(0, &login.start_ok(), id::CONNECTION_TUNE)?;
        let (channel_max, frame_max, heartbeat_s) = (tune.short(), tune.long(), tune.short());
        client.put(0, &login.tune_ok(Tune { channel_max, frame_max, heartbeat_s }));
        client.call(0, &login.open(), id::CONNECTION_OPEN_OK)?;
        Ok(client)
    }

    pub(super) fn open_channel(&mut self, number: u16) -> io::Result<()> {
        self.call(number, &channel::open(), id::CHANNEL_OPEN_OK).map(|_| ())
    }

    /// Opens a channel whose publishes are confirmed.
    pub(super) fn open_confirming(&mut self, number: u16) -> io::Result<()> {
        self.open_channel(number)?;
        self.call(number, &confirm::select(), id::CONFIRM_SELECT_OK).map(|_| ())
    }

    /// Starts a consumer. A prefetch of 0 is no bound.
    pub(super) fn consume(&mut self, number: u16, queue: &str, prefetch: u16) -> io::Result<()> {
        self.call(number, &basic::qos(prefetch), id::BASIC_QOS_OK)?;
        self.call(number, &basic::consume(queue, "c"), id::BASIC_CONSUME_OK).map(|_| ())
    }

    /// Ready messages of a queue that is there.
    pub(super) fn ready(&mut self, number: u16, queue: &str) -> io::Result<u32> {
        let declare =
            crate::support::methods::queue::declare(queue).with(crate::support::methods::PASSIVE);
        let mut answer = self.call(number, &declare, id::QUEUE_DECLARE_OK)?;
        answer.short_string();
        Ok(answer.long())
    }

    /// Puts a method into the output.
    pub(super) fn put(&mut self, channel: u16, call: &Call) {
        self.out.extend(call.frame(channel));
    }

    /// Puts a message into the output.
    pub(super) fn put_message(
        &mut self,
        channel: u16,
        (exchange, key): (&str, &str),
        mode: Mode,
        body: &[u8],
    ) {
        let properties: &[u8] = match mode {
            Mode::Persistent => &PERSISTENT,
            Mode::Transient => &TRANSIENT,
        };
        self.put_content(channel, (exchange, key), properties, body);
    }

    /// Puts a message with these properties into the output.
    pub(super) fn put_content(
        &mut self,
        channel: u16,
        (exchange, key): (&str, &str),
        properties: &[u8],
        body: &[u8],
    ) {
        self.put(channel, &basic::publish(exchange, key));
        let header = content_header(60, body.len() as u64, properties);
        self.out.extend(frame(2, channel, &header));
        for piece in body.chunks(PIECE_BYTES) {
            self.out.extend(frame(3, channel, piece));
        }
    }

    /// Bytes in the output.
    pub(super) fn pending(&self) -> usize {
        self.out.len()
    }

    /// Sends the output.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let sent = self.stream.write_all(&self.out);
        self.out.clear();
        sent
    }

    /// Sends a method and waits for its answer.
    pub(super) fn call(&mut self, channel: u16, call: &Call, answer: Id) -> io::Result<Arguments> {
        self.put(channel, call);
        self.flush()?;
        self.answer(answer)
    }

    /// Waits for an answer; deliveries and the like that come before it are kept.
    pub(super) fn answer(&mut self, wanted: Id) -> io::Result<Arguments> {
        loop {
            match self.read()? {
                Incoming::Method(_, id, arguments) if id == wanted => return Ok(arguments),
                Incoming::Method(channel, id, _) => {
                    let (id, wanted) = (id.name(), wanted.name());
                    let text = format!("{id} on channel {channel} instead of {wanted}");
                    return Err(io::Error::other(text));
                }
                other => self.early.push_back(other),
            }
        }
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> io::Result<Incoming> {
        match self.early.pop_front() {
            Some(early) => Ok(early),
            None => self.read(),
        }
    }

    /// What comes next within this time.
    pub(super) fn next_within(&mut self, limit: Duration) -> io::Result<Option<Incoming>> {
        self.stream.set_read_timeout(Some(limit))?;
        let next = self.next();
        self.stream.set_read_timeout(Some(PATIENCE))?;
        match next {
            Ok(next) => Ok(Some(next)),
            Err(error) if is_time_out(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next delivery; anything else is an error.
    pub(super) fn delivery(&mut self) -> io::Result<Delivery> {
        match self.next()? {
            Incoming::Delivery(delivery) => Ok(delivery),
            other => Err(io::Error::other(format!("a delivery was expected, not {other:?}"))),
        }
    }

    /// Ends the connection with the words for it.
    pub(super) fn close(mut self) -> io::Result<()> {
        self.put(0, &connection::close());
        self.flush()?;
        loop {
            if let Incoming::Method(0, id::CONNECTION_CLOSE_OK, _) = self.next()? {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> io::Result<Incoming> {
        loop {
            let (kind, channel, payload) = self.frame()?;
            match kind {
                1 => {
                    if let Some(incoming) = self.method(channel, &payload)? {
                        return Ok(incoming);
                    }
                }
                8 => {}
                other => return Err(io::Error::other(format!("a frame of type {other}"))),
            }
        }
    }

    fn method(&mut self, channel: u16, payload: &[u8]) -> io::Result<Option<Incoming>> {
        let mut fields = Arguments::of(payload);
        let id = Id(fields.short(), fields.short());
        Ok(Some(match id {
            id::BASIC_DELIVER => {
                fields.short_string();
                let (tag, redelivered) = (fields.long_long(), fields.octet() == 1);
                let body = self.content()?;
                Incoming::Delivery(Delivery { channel, tag, redelivered, body })
            }
            id::BASIC_ACK | id::BASIC_NACK => {
                let (tag, flags) = (fields.long_long(), fields.octet());
                let (multiple, ok) = (flags & 1 == 1, id == id::BASIC_ACK);
                Incoming::Settled(Settled { channel, tag, multiple, ok })
            }
            id::CONNECTION_BLOCKED => Incoming::Blocked(fields.short_string()),
            id::CONNECTION_UNBLOCKED => Incoming::Unblocked,
            id::CONNECTION_CLOSE | id::CHANNEL_CLOSE => {
                let (code, text) = (fields.short(), fields.short_string());
                if id == id::CONNECTION_CLOSE {
                    self.put(0, &connection::close_ok());
                    // The broker may be gone already; its words count.
                    let _ = self.flush();
                }
                return Err(io::Error::other(format!("{} {code} {text}", id.name())));
            }
            id => Incoming::Method(channel, id, fields),
        }))
    }

    /// The content after a method.
    fn content(&mut self) -> io::Result<Vec<u8>> {
        let (kind, _, header) = self.frame()?;
        if kind != 2 {
            return Err(io::Error::other("no content header after a delivery"));
        }
        let mut fields = Arguments::of(&header[4..]);
        let size = usize::try_from(fields.long_long()).expect("a size that fits");
        let mut body = Vec::with_capacity(size);
        while body.len() < size {
            let (kind, _, piece) = self.frame()?;
            if kind != 3 {
                return Err(io::Error::other("no body after a content header"));
            }
            body.extend(piece);
        }
        Ok(body)
    }

    fn frame(&mut self) -> io::Result<(u8, u16, Vec<u8>)> {
        loop {
            let unread = &self.unread[self.at..];
            if let Some((head, rest)) = unread.split_first_chunk::<7>() {
                let [kind, c0, c1, s0, s1, s2, s3] = *head;
                let size = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
                if let Some(payload) = rest.get(..size)
                    && let Some(end) = rest.get(size)
                {
                    assert_eq!(*end, 0xCE, "the end octet");
                    let frame = (kind, u16::from_be_bytes([c0, c1]), payload.to_vec());
                    self.at += size + 8;
                    return Ok(frame);
                }
            }
            self.unread.drain(..self.at);
            self.at = 0;
            let len = self.unread.len();
            self.unread.resize(len + 65_536, 0);
            let read = self.stream.read(&mut self.unread[len..]);
            self.unread.truncate(len + read.as_ref().copied().unwrap_or(0));
            if read? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Whether the broker is gone, or said that it goes, and not wrong or silent.
pub(super) fn is_end_of_broker(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset};
    let gone = [BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset];
    gone.contains(&error.kind())
        || error.kind() == ErrorKind::UnexpectedEof
        || error.to_string().contains("CONNECTION_FORCED")
}

pub(super) fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// What a confirming channel waits for.
#[derive(Default)]
pub(super) struct Confirms {
    next: u64,
    open: BTreeSet<u64>,
}

impl Confirms {
    /// A message is sent; its number.
    pub(super) fn sent(&mut self) -> u64 {
        self.next += 1;
        self.open.insert(self.next);
        self.next
    }

    /// How many are waited for.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// The numbers that this settles. A number that was not open is a mistake of the broker.
    pub(super) fn settle(&mut self, settled: Settled) -> Vec<u64> {
        let Settled { tag, multiple, .. } = settled;
        assert!(self.open.contains(&tag), "{settled:?} of a publish that does not wait");
        if !multiple {
            self.open.remove(&tag);
            return vec![tag];
        }
        let later = self.open.split_off(&(tag + 1));
        std::mem::replace(&mut self.open, later).into_iter().collect()
    }
}
