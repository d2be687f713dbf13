//! One connection to a broker, with one socket that never blocks.
//!
//! [`Client::call`] is for what is rare: it encodes a method, waits for the answer, and knows every
//! refusal. A load takes the pieces: it writes bytes that were encoded before, and scans what was read.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{PerfError, Uri};
use crate::base::{FieldTable, FieldValue, ShortStr, Stopwatch, VhostName};
use crate::wire::{
    Close, FRAME_END, FRAME_HEADER_BYTES, Method, MethodId, PROTOCOL_HEADER, decode_method,
    encode_method,
};

/// The channel that everything happens on.
pub(crate) const CHANNEL: u16 = 1;

/// How long an answer may take: a broker under load takes its time, a broken one is not waited for.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What is asked of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interest {
    Read,
    ReadAndWrite,
}

/// An open connection with heartbeats turned off.
pub(crate) struct Client {
    stream: TcpStream,
    input: Input,
    frame_max: u32,
    server: Server,
}

/// Who answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Server {
    pub(crate) product: String,
    pub(crate) version: String,
}

impl Client {
    /// Connects, logs in and opens the channel.
    pub(crate) fn open(uri: &Uri) -> Result<Self, PerfError> {
        Self::open_as(uri, NAME)
    }

    /// The same for another command, whose name the broker is told.
    pub(crate) fn open_as(uri: &Uri, name: &str) -> Result<Self, PerfError> {
        let mut client = Self::log_in_as(uri, name)?;
        client.open_channel(CHANNEL)?;
        Ok(client)
    }

    /// Connects and logs in.
    fn log_in_as(uri: &Uri, name: &str) -> Result<Self, PerfError> {
        let mut client = Self::connect(uri)?;
        client.send(&PROTOCOL_HEADER, DURING_LOGIN)?;
        let Method::ConnectionStart { server_properties, .. } = client.answer(0, DURING_LOGIN)?
        else {
            return Err(PerfError::Unexpected("another method than connection.start".to_owned()));
        };
        let text = |key: &[u8]| {
            server_properties.get(key).and_then(FieldValue::as_text).unwrap_or_default().to_owned()
        };
        client.server = Server { product: text(b"product"), version: text(b"version") };
        let response = format!("\0{}\0{}", uri.user, uri.password);
        let tune = client.call_on(
            0,
            &Method::ConnectionStartOk {
                client_properties: properties(name)?,
                mechanism: ShortStr::try_from("PLAIN")?,
                response: Bytes::from(response),
                locale: ShortStr::try_from("en_US")?,
            },
            DURING_LOGIN,
        )?;
        let Method::ConnectionTune { channel_max, frame_max, .. } = tune else {
            return Err(unexpected(&tune));
        };
        client.frame_max = if frame_max == 0 { FRAME_MAX } else { frame_max.min(FRAME_MAX) };
        let frame_max = client.frame_max;
        let vhost = VhostName::try_from(uri.vhost.as_str())?;
        // `tune-ok` has no answer, so `open` need not wait for anything.
        let mut output =
            frame_of(0, &Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s: 0 });
        put_method(0, &Method::ConnectionOpen { vhost }, &mut output);
        client.send(&output, DURING_LOGIN)?;
        match client.answer(0, DURING_LOGIN)? {
            Method::ConnectionOpenOk => Ok(client),
            other => Err(unexpected(&other)),
        }
    }

    fn connect(uri: &Uri) -> Result<Self, PerfError> {
        let place = (uri.host.as_str(), uri.port);
        let failed =
            |error| PerfError::Connect { place: format!("{}:{}", uri.host, uri.port), error };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in place.to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(failed)?;
                    stream.set_nonblocking(true).map_err(failed)?;
                    let (input, server) = (Input::new(LOGIN_INPUT_BYTES), Server::default());
                    return Ok(Self { stream, input, frame_max: FRAME_MAX, server });
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// Who answered.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The largest payload of a frame in either direction.
    pub(crate) fn frame_payload_max(&self) -> usize {
        self.frame_max as usize - FRAME_HEADER_BYTES - 1
    }

    /// Room for the reads of a load; until then a connection costs little memory.
    pub(crate) fn expect_load(&mut self) {
        self.input.reserve(LOAD_INPUT_BYTES.max(2 * self.frame_max as usize));
    }

    /// Opens a channel.
    pub(crate) fn open_channel(&mut self, channel: u16) -> Result<(), PerfError> {
        match self.call_on(channel, &Method::ChannelOpen, "opening a channel")? {
            Method::ChannelOpenOk => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Closes a channel.
    pub(crate) fn close_channel(&mut self, channel: u16) -> Result<(), PerfError> {
        match self.call_on(channel, &Method::ChannelClose(goodbye()), "closing a channel")? {
            Method::ChannelCloseOk => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends a method on [`CHANNEL`] and waits for its answer.
    pub(crate) fn call(
        &mut self,
        method: &Method,
        doing: &'static str,
    ) -> Result<Method, PerfError> {
        self.call_on(CHANNEL, method, doing)
    }

    fn call_on(
        &mut self,
        channel: u16,
        method: &Method,
        doing: &'static str,
    ) -> Result<Method, PerfError> {
        self.send(&frame_of(channel, method), doing)?;
        self.answer(channel, doing)
    }

    /// Sends everything. Only for a connection that has no load: nothing is read meanwhile.
    pub(crate) fn send(&mut self, mut bytes: &[u8], doing: &'static str) -> Result<(), PerfError> {
        let watch = Stopwatch::start();
        while !bytes.is_empty() {
            let written = self.write(bytes, doing)?;
            bytes = &bytes[written..];
            if written == 0 {
                let left = left_of(ANSWER_TIMEOUT, watch, doing)?;
                self.wait(Interest::ReadAndWrite, left)?;
            }
        }
        Ok(())
    }

    /// The next method of a channel, or of the connection when that closes.
    fn answer(&mut self, channel: u16, doing: &'static str) -> Result<Method, PerfError> {
        let watch = Stopwatch::start();
        loop {
            while let Some((on, method)) = self.next_method()? {
                match method {
                    Method::ConnectionClose(close) => {
                        return Err(PerfError::closed("connection", &close));
                    }
                    Method::ChannelClose(close) => {
                        // The broker waits for it before it forgets the channel.
                        self.send(&frame_of(on, &Method::ChannelCloseOk), doing)?;
                        return Err(PerfError::closed("channel", &close));
                    }
                    Method::ConnectionBlocked { .. } | Method::ConnectionUnblocked => {}
                    answer if on == channel => return Ok(answer),
                    // Deliveries, and answers of a channel that nobody waits for.
                    _ => {}
                }
            }
            // An answer is never there yet: a read before the wait would be a system call for nothing.
            let left = left_of(ANSWER_TIMEOUT, watch, doing)?;
            self.wait(Interest::Read, left)?;
            self.read(doing)?;
        }
    }

    /// The next whole method frame of what was read; content and heartbeats are passed over.
    fn next_method(&mut self) -> Result<Option<(u16, Method)>, PerfError> {
        loop {
            let unread = self.input.unread();
            let Some((header, rest)) = unread.split_first_chunk::<FRAME_HEADER_BYTES>() else {
                return Ok(None);
            };
            let [kind, c0, c1, s0, s1, s2, s3] = *header;
            let bytes = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
            let max = self.frame_payload_max();
            if bytes > max {
                return Err(super::scanner::ScanError::FrameTooLarge { bytes, max }.into());
            }
            let Some(end) = rest.get(bytes) else { return Ok(None) };
            if *end != FRAME_END {
                return Err(super::scanner::ScanError::FrameEnd(*end).into());
            }
            let method = if kind == 1 { Some(decode_method(&rest[..bytes])?) } else { None };
            self.input.consume(FRAME_HEADER_BYTES + bytes + 1);
            if let Some(method) = method {
                return Ok(Some((u16::from_be_bytes([c0, c1]), method)));
            }
        }
    }

    /// Reads what is there; 0 when nothing is.
    pub(crate) fn read(&mut self, doing: &'static str) -> Result<usize, PerfError> {
        match self.stream.read(self.input.room()) {
            Ok(0) => {
                let error = io::ErrorKind::UnexpectedEof.into();
                Err(PerfError::Lost { doing, error })
            }
            Ok(read) => {
                self.input.filled(read);
                Ok(read)
            }
            Err(error) if is_not_now(&error) => Ok(0),
            Err(error) => Err(PerfError::Lost { doing, error }),
        }
    }

    /// Writes what the socket takes; 0 when it is full.
    pub(crate) fn write(&mut self, bytes: &[u8], doing: &'static str) -> Result<usize, PerfError> {
        match self.stream.write(bytes) {
            Ok(written) => Ok(written),
            Err(error) if is_not_now(&error) => Ok(0),
            // What the broker said before it closed the socket is worth more than the bare error.
            Err(error) => Err(self.last_words().unwrap_or(PerfError::Lost { doing, error })),
        }
    }

    fn last_words(&mut self) -> Option<PerfError> {
        while self.read("closing").is_ok_and(|read| read > 0) {
            while let Ok(Some((_, method))) = self.next_method() {
                match method {
                    Method::ConnectionClose(close) => {
                        return Some(PerfError::closed("connection", &close));
                    }
                    Method::ChannelClose(close) => {
                        return Some(PerfError::closed("channel", &close));
                    }
                    _ => {}
                }
            }
        }
        None
    }

    /// Waits until the socket can do what is asked, or the time is over.
    pub(crate) fn wait(&self, interest: Interest, time: Duration) -> Result<(), PerfError> {
        let flags = match interest {
            Interest::Read => PollFlags::IN,
            Interest::ReadAndWrite => PollFlags::IN | PollFlags::OUT,
        };
        let time = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&self.stream, flags)], Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => {
                Err(PerfError::System { doing: "waiting for a socket", error: error.into() })
            }
        }
    }

    /// What was read and not yet consumed.
    pub(crate) fn unread(&self) -> &[u8] {
        self.input.unread()
    }

    /// Drops the whole frames of what was read.
    pub(crate) fn pass_over(&mut self) -> Result<(), PerfError> {
        while self.next_method()?.is_some() {}
        Ok(())
    }

    /// Takes bytes from the front of [`Self::unread`].
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
    }

    /// Says goodbye and waits for the answer, for a short time: what was measured is over.
    pub(crate) fn close(mut self) {
        let frame = frame_of(0, &Method::ConnectionClose(goodbye()));
        let watch = Stopwatch::start();
        // Whatever goes wrong, the socket is closed by the drop.
        let Ok(written) = self.write(&frame, "closing") else { return };
        if written < frame.len() {
            return;
        }
        while let Some(left) = CLOSE_TIMEOUT.checked_sub(watch.elapsed()) {
            loop {
                match self.next_method() {
                    Ok(Some((0, Method::ConnectionCloseOk))) | Err(_) => return,
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                }
            }
            if self.wait(Interest::Read, left).is_err() || self.read("closing").is_err() {
                return;
            }
        }
    }
}

/// A method as a whole frame.
pub(crate) fn frame_of(channel: u16, method: &Method) -> Vec<u8> {
    let mut frame = Vec::with_capacity(64);
    put_method(channel, method, &mut frame);
    frame
}

/// Appends a method as a whole frame.
pub(crate) fn put_method(channel: u16, method: &Method, into: &mut Vec<u8>) {
    let at = into.len();
    into.push(1);
    into.extend_from_slice(&channel.to_be_bytes());
    into.extend_from_slice(&[0; 4]);
    encode_method(method, into);
    let bytes = into.len() - at - FRAME_HEADER_BYTES;
    // Names are short strings; only a table could be longer, and nobody gives megabytes of options.
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    into[at + 3..at + 7].copy_from_slice(&bytes.to_be_bytes());
    into.push(FRAME_END);
}

/// The error for an answer of another kind.
pub(crate) fn unexpected(method: &Method) -> PerfError {
    PerfError::Unexpected(method.id().name().unwrap_or("an unknown method").to_owned())
}

/// What the broker may say at any time: an error when that ends the run, otherwise whether it blocked or
/// unblocked the connection.
pub(crate) fn notice(payload: &[u8]) -> Result<Option<Blocked>, PerfError> {
    match decode_method(payload)? {
        Method::ConnectionClose(close) => Err(PerfError::closed("connection", &close)),
        Method::ChannelClose(close) => Err(PerfError::closed("channel", &close)),
        Method::BasicCancel { consumer_tag, .. } => {
            Err(PerfError::Cancelled(consumer_tag.to_string()))
        }
        Method::ConnectionBlocked { reason } => Ok(Some(Blocked::Since(reason.to_text().into()))),
        Method::ConnectionUnblocked => Ok(Some(Blocked::NoLonger)),
        other => Err(unexpected(&other)),
    }
}

/// `connection.blocked` and its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Blocked {
    /// With the broker's reason.
    Since(String),
    NoLonger,
}

fn left_of(time: Duration, watch: Stopwatch, doing: &'static str) -> Result<Duration, PerfError> {
    let seconds = time.as_secs();
    time.checked_sub(watch.elapsed()).ok_or(PerfError::Silent { seconds, doing })
}

fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn goodbye() -> Close {
    Close {
        reply_code: 200,
        reply_text: ShortStr::try_from("Goodbye").unwrap_or_default(),
        failed: MethodId::default(),
    }
}

/// What a broker wants to know, and the extensions that this client understands.
fn properties(name: &str) -> Result<FieldTable, PerfError> {
    let capabilities = [
        "publisher_confirms",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "authentication_failure_close",
    ];
    let mut table = FieldTable::EMPTY;
    for name in capabilities {
        table.push(ShortStr::try_from(name)?, FieldValue::Boolean(true));
    }
    Ok(FieldTable::new(vec![
        (ShortStr::try_from("product")?, FieldValue::text(name)),
        (ShortStr::try_from("version")?, FieldValue::text(env!("CARGO_PKG_VERSION"))),
        (ShortStr::try_from("connection_name")?, FieldValue::text(name)),
        (ShortStr::try_from("capabilities")?, FieldValue::Table(table)),
    ]))
}

/// Bytes that were read: filled at the back, consumed at the front.
struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    fn new(bytes: usize) -> Self {
        Self { bytes: vec![0; bytes], start: 0, end: 0 }
    }

    /// At least this much room; a whole frame must fit, or nothing is ever scanned.
    fn reserve(&mut self, bytes: usize) {
        if self.bytes.len() < bytes {
            self.bytes.resize(bytes, 0);
        }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        &mut self.bytes[self.end..]
    }

    fn filled(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.bytes.len());
    }
}

/// What the broker is told of this client.
const NAME: &str = "haremq perf";

const DURING_LOGIN: &str = "logging in";

/// The largest frame that is agreed on, and RabbitMQ's default.
const FRAME_MAX: u32 = 131_072;

/// Room for answers: methods with short arguments, and the broker's properties.
const LOGIN_INPUT_BYTES: usize = 16 * 1024;

/// Room for reads of a load: many messages per system call.
const LOAD_INPUT_BYTES: usize = 256 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a goodbye is waited for.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
