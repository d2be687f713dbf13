//! Sessions without a socket: how much of one another has to wait for, counted in reads and turns.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};

use super::super::caller::{Caller, CallerAddress};
use super::{Conversation, Parts, Session};
use crate::base::FieldTable;
use crate::base::limits::TURN_EVENTS_MAX;
use crate::broker::{Broker, Cell, DeadLetters, Event, PageQuestion, Scheduler, open_broker};
use crate::protocol::Settings;
use crate::wire::{FRAME_END, FrameKind, Method, PROTOCOL_HEADER, encode_method};

/// No queue of these tests is long enough for a task of its own.
struct NoTasks;

impl Scheduler for NoTasks {
    fn resume(&self, _: Arc<Cell>) {}

    fn page_in(&self, _: Arc<Cell>, _: PageQuestion, _: u64) {}

    fn send_dead_letters(&self, _: Arc<Cell>, _: DeadLetters, _: u64) {}
}

fn broker() -> Arc<Broker> {
    open_broker(Arc::new(NoTasks))
}

fn caller() -> Caller {
    let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    Caller::plain(CallerAddress::inet(peer))
}

fn session<S: AsyncRead + AsyncWrite + Unpin>(broker: &Arc<Broker>, stream: S) -> Session<S> {
    Session::new(Parts {
        stream,
        caller: caller(),
        id: broker.next_connection_id(),
        broker: Arc::clone(broker),
        settings: Arc::new(Settings::default()),
    })
}

fn frame(kind: FrameKind, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![kind.number()];
    out.extend(channel.to_be_bytes());
    out.extend(u32::try_from(payload.len()).expect("small").to_be_bytes());
    out.extend(payload);
    out.push(FRAME_END);
    out
}

fn method(channel: u16, method: &Method) -> Vec<u8> {
    let mut payload = Vec::new();
    encode_method(method, &mut payload);
    frame(FrameKind::Method, channel, &payload)
}

/// Everything up to an open channel, without waiting for an answer.
fn prelude() -> Vec<u8> {
    let start_ok = Method::ConnectionStartOk {
        client_properties: FieldTable::EMPTY,
        mechanism: "PLAIN".try_into().expect("short"),
        response: bytes::Bytes::from_static(b"\0guest\0guest"),
        locale: "en_US".try_into().expect("short"),
    };
    let tune_ok =
        Method::ConnectionTuneOk { channel_max: 2047, frame_max: 131_072, heartbeat_s: 0 };
    let open = Method::ConnectionOpen { vhost: "/".try_into().expect("short") };
    let mut out = PROTOCOL_HEADER.to_vec();
    out.extend([method(0, &start_ok), method(0, &tune_ok), method(0, &open)].concat());
    out.extend(method(1, &Method::ChannelOpen));
    out
}

/// A publish that no queue takes.
fn publish() -> Vec<u8> {
    let publish = Method::BasicPublish {
        exchange: "".try_into().expect("short"),
        routing_key: "nowhere".try_into().expect("short"),
        mandatory: false,
        immediate: false,
    };
    let header = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    [method(1, &publish), frame(FrameKind::Header, 1, &header)].concat()
}

/// A peer whose next bytes are always there already, up to so many reads, and who takes everything.
struct Flood {
    prelude: Option<Vec<u8>>,
    publish: Vec<u8>,
    reads: Arc<AtomicUsize>,
}

const FLOOD_READS: usize = 2_000;

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(prelude) = self.prelude.take() {
            into.put_slice(&prelude);
        } else if self.reads.fetch_add(1, Ordering::Relaxed) < FLOOD_READS {
            while into.remaining() >= self.publish.len() {
                into.put_slice(&self.publish);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_connection_that_never_runs_dry_gives_way_after_one_turn() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime without sockets").block_on(async {
        let broker = broker();
        let reads = Arc::new(AtomicUsize::new(0));
        let hot = Flood { prelude: Some(prelude()), publish: publish(), reads: Arc::clone(&reads) };
        let hot = tokio::spawn(session(&broker, hot).run());
        let (mut light, server) = duplex(64 * 1024);
        tokio::spawn(session(&broker, server).run());
        light.write_all(&prelude()).await.expect("the session reads");
        let mut answers = BytesMut::new();
        // connection.start, tune, open-ok, channel.open-ok
        read_frames(&mut light, &mut answers, 4).await;
        assert_ne!(reads.load(Ordering::Relaxed), 0, "the other one is at it already");
        for channel in 2..20 {
            let before = reads.load(Ordering::Relaxed);
            light.write_all(&method(channel, &Method::ChannelOpen)).await.expect("it reads");
            read_frames(&mut light, &mut answers, 1).await;
            let waited = reads.load(Ordering::Relaxed) - before;
            // One turn while the request is on its way, one while the answer is; a read that fills
            // its buffer to the last publish may end just below the bound of a turn.
            assert!(waited <= 4, "an answer took {waited} reads of another connection");
        }
        assert!(reads.load(Ordering::Relaxed) < FLOOD_READS, "the flood went on all the time");
        hot.abort();
    });
}

async fn read_frames(from: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut, frames: usize) {
    for _ in 0..frames {
        loop {
            let length = buffer.get(3..7).and_then(|length| length.try_into().ok());
            let whole = length.map(|length| u32::from_be_bytes(length) as usize + 8);
            if let Some(whole) = whole
                && buffer.len() >= whole
            {
                drop(buffer.split_to(whole));
                break;
            }
            assert_ne!(from.read_buf(buffer).await.expect("a pipe"), 0, "the session ended");
        }
    }
}

#[test]
fn a_turn_takes_a_bounded_part_of_a_full_inbox() {
    let broker = broker();
    let id = broker.next_connection_id();
    let mut conversation =
        Conversation::new(caller(), id, Arc::clone(&broker), Arc::new(Settings::default()));
    let events = 10 * TURN_EVENTS_MAX + 1;
    conversation.inbox().push((0..events).map(|_| Event::Alarm { reason: None }));
    let (now, mut turns) = (conversation.now(), 0);
    while conversation.turn(now, &mut BytesMut::new()) {
        turns += 1;
        assert!(turns < events, "the inbox is never empty");
    }
    assert_eq!(turns, 11);
    assert!(conversation.inbox().is_empty());
}

#[test]
fn a_blocked_publisher_is_heard_when_the_broker_closes_the_connection() {
    let broker = broker();
    let id = broker.next_connection_id();
    let settings = Arc::new(Settings::default());
    let mut conversation = Conversation::new(caller(), id, Arc::clone(&broker), settings);
    let now = conversation.now();
    let hear = |conversation: &mut Conversation, bytes: &[u8]| {
        let mut input = BytesMut::from(bytes);
        while conversation.turn(now, &mut input) {}
    };
    hear(&mut conversation, &[prelude(), publish()].concat());
    conversation.inbox().push([Event::Alarm { reason: Some("low on memory") }]);
    hear(&mut conversation, b"");
    assert!(!conversation.interest().read, "a publisher is held back");
    conversation.inbox().push([Event::Close { text: "shutdown".to_owned() }]);
    hear(&mut conversation, b"");
    assert!(conversation.interest().read, "its answer is waited for");
    hear(&mut conversation, &[publish(), method(0, &Method::ConnectionCloseOk)].concat());
    let written = conversation.output().len();
    conversation.output().advance(written);
    assert!(conversation.is_over(now));
}

/// A stream that passes on what it took when it is flushed, as TLS may when its socket is full.
struct Holding {
    inner: DuplexStream,
    held: Vec<u8>,
}

impl AsyncRead for Holding {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl AsyncWrite for Holding {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.held.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { inner, held } = &mut *self;
        while !held.is_empty() {
            let written = std::task::ready!(Pin::new(&mut *inner).poll_write(context, held))?;
            held.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// `connection.start`, `tune`, `open-ok` and `channel.open-ok` do not fit the pipe at once.
#[tokio::test]
async fn what_a_stream_holds_back_is_flushed_even_when_nothing_more_happens() {
    let broker = broker();
    let (mut client, inner) = duplex(64);
    let served = tokio::spawn(session(&broker, Holding { inner, held: Vec::new() }).run());
    let asking = async {
        client.write_all(&prelude()).await.expect("the session reads");
        let mut buffer = BytesMut::new();
        read_frames(&mut client, &mut buffer, 4).await;
    };
    let answered = tokio::time::timeout(tokio::time::Duration::from_secs(10), asking).await;
    served.abort();
    assert!(answered.is_ok(), "an answer stays in the stream");
}
