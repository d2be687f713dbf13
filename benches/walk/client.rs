//! A client at its end of a pipe, and the session at the other.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use bytes::Bytes;
use haremq::base::{ConsumerTag, ExchangeName, FieldTable, QueueName, ShortStr, VhostName};
use haremq::broker::Broker;
use haremq::net::serve_stream;
use haremq::protocol::Settings;
use haremq::wire::{BasicConsume, Method, PROTOCOL_HEADER, QueueBind, QueueDeclare};

use super::frames::method_frame;
use super::pipe::Pipe;

/// See the module.
pub(crate) struct Client {
    pipe: Pipe,
    session: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
    waker: Waker,
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
    pub(super) fn connect(broker: &Arc<Broker>, settings: &Arc<Settings>) -> Self {
        let pipe = Pipe::default();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (broker, settings) = (Arc::clone(broker), Arc::clone(settings));
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let session = Box::pin(serve_stream(pipe.clone(), peer, broker, settings));
        let mut client = Self { pipe, session, woken, waker };
        client.send(&PROTOCOL_HEADER);
        client.call(
            0,
            &Method::ConnectionStartOk {
                client_properties: FieldTable::EMPTY,
                mechanism: short("PLAIN"),
                response: Bytes::from_static(b"\0guest\0guest"),
                locale: short("en_US"),
            },
        );
        let (channel_max, frame_max, heartbeat_s) = (2047, 131_072, 0);
        client.send(&method_frame(
            0,
            &Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s },
        ));
        let vhost = VhostName::try_from("/").expect("a short name");
        client.call(0, &Method::ConnectionOpen { vhost });
        client.call(1, &Method::ChannelOpen);
        client
    }

    /// Writes; the session sees it with its next turn.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.pipe.send(bytes);
        self.woken.0.store(true, Ordering::Release);
    }

    /// Polls the session until it sleeps; says whether it was awake.
    pub(crate) fn turn(&mut self) -> bool {
        let mut was_awake = false;
        let mut context = Context::from_waker(&self.waker);
        while self.woken.0.swap(false, Ordering::AcqRel) {
            was_awake = true;
            let running = self.session.as_mut().poll(&mut context).is_pending();
            assert!(running, "the broker has closed the connection");
        }
        was_awake
    }

    /// How many bytes have come; they are read with that.
    pub(crate) fn received(&mut self) -> usize {
        self.pipe.receive(<[u8]>::len)
    }

    /// Writes a method and waits for its answer.
    pub(crate) fn call(&mut self, channel: u16, method: &Method) {
        self.turn();
        self.received();
        self.send(&method_frame(channel, method));
        self.turn();
        assert!(self.received() > 0, "no answer to {method:?}");
    }

    /// A transient queue; bound to this exchange, unless it is the default one.
    pub(crate) fn declare(&mut self, queue: &str, exchange: &str) {
        let name = QueueName::try_from(queue).expect("a short name");
        self.call(
            1,
            &Method::QueueDeclare(QueueDeclare {
                queue: name.clone(),
                passive: false,
                durable: false,
                exclusive: false,
                auto_delete: false,
                nowait: false,
                arguments: FieldTable::EMPTY,
            }),
        );
        if !exchange.is_empty() {
            let exchange = ExchangeName::try_from(exchange).expect("a short name");
            let (routing_key, arguments) = (short(queue), FieldTable::EMPTY);
            let bind = QueueBind { queue: name, exchange, routing_key, nowait: false, arguments };
            self.call(1, &Method::QueueBind(bind));
        }
    }

    /// A consumer with the queue's name for its tag.
    pub(crate) fn consume(&mut self, queue: &str, no_ack: bool) {
        self.call(
            1,
            &Method::BasicConsume(BasicConsume {
                queue: QueueName::try_from(queue).expect("a short name"),
                consumer_tag: ConsumerTag::try_from(queue).expect("a short tag"),
                no_local: false,
                no_ack,
                exclusive: false,
                nowait: false,
                arguments: FieldTable::EMPTY,
            }),
        );
    }
}

fn short(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("a short string")
}
