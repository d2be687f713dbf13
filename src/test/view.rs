//! What a test sees of a broker.

use std::time::Duration;

use crate::base::{ConnectionId, FieldTable, FieldValue, Message, Millis};
use crate::broker::{ConnectionInfo, ConsumerReport, PeekedMessage};
use crate::routing::{Binding, Destination, Exchange};
use crate::wire::Properties;

/// A queue at one moment.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct QueueView {
    /// Its name.
    pub name: String,
    /// Whether it survives a restart.
    pub durable: bool,
    /// Whether it belongs to one connection.
    pub exclusive: bool,
    /// Whether it goes with its last consumer.
    pub auto_delete: bool,
    /// The `x-…` arguments, as declared.
    pub arguments: FieldTable,
    /// How many messages wait.
    pub ready: u64,
    /// How many were handed out and not acknowledged.
    pub unacked: u64,
    /// Who consumes.
    pub consumers: Vec<ConsumerView>,
    /// The messages that wait, in their order: at most
    /// [`QUEUE_VIEW_MESSAGES_MAX`](crate::base::limits::QUEUE_VIEW_MESSAGES_MAX) of them.
    pub messages: Vec<MessageView>,
    /// The messages that were handed out and not acknowledged, in their order, with the same bound.
    pub unacked_messages: Vec<MessageView>,
}

/// A consumer of a queue.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct ConsumerView {
    /// Its tag.
    pub tag: String,
    /// Its channel.
    pub channel: u16,
    /// The name of its connection, as in [`ConnectionView::name`]; empty when it has just ended.
    pub connection: String,
    /// How many messages it may hold; 0 for no limit.
    pub prefetch: u32,
    /// How many it holds.
    pub unacked: u32,
    /// Whether what it is given must be acknowledged.
    pub ack_required: bool,
    /// Whether it is given messages: not when another one is the single active consumer.
    pub active: bool,
}

/// A message.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct MessageView {
    /// The exchange that it was published to; empty for the default exchange.
    pub exchange: String,
    /// Its routing key.
    pub routing_key: String,
    /// Its properties, headers among them.
    pub properties: Properties,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether it was handed out before.
    pub redelivered: bool,
    /// When it expires, from this moment on by the broker's clock; `None` for never, and while it is held.
    pub expires_in: Option<Duration>,
}

/// An exchange.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct ExchangeView {
    /// Its name; empty for the default exchange.
    pub name: String,
    /// Its type: `direct`, `fanout`, `topic`, `headers`, or that of a plugin.
    pub kind: String,
    /// Whether it survives a restart.
    pub durable: bool,
    /// Whether it goes with its last binding.
    pub auto_delete: bool,
    /// Whether clients cannot publish to it.
    pub internal: bool,
    /// Its arguments, as declared.
    pub arguments: FieldTable,
}

/// A binding.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct BindingView {
    /// The exchange that messages come from.
    pub source: String,
    /// The queue or exchange that they go to.
    pub destination: String,
    /// Whether the destination is a queue; else it is an exchange.
    pub to_queue: bool,
    /// The key or pattern.
    pub routing_key: String,
    /// Its arguments.
    pub arguments: FieldTable,
}

/// A connection of a client.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct ConnectionView {
    /// RabbitMQ's name of it: `127.0.0.1:50000 -> 127.0.0.1:5672`.
    pub name: String,
    /// The name that the client gave it.
    pub client_name: Option<String>,
    /// The user.
    pub user: String,
    /// The virtual host.
    pub vhost: String,
}

impl MessageView {
    pub(super) fn of(message: &Message, redelivered: bool, expires_in: Option<Duration>) -> Self {
        let mut body = Vec::with_capacity(message.body().len());
        message.body().pieces().for_each(|piece| body.extend_from_slice(piece));
        Self {
            exchange: message.exchange().to_owned(),
            routing_key: String::from_utf8_lossy(message.routing_key()).into_owned(),
            // They were checked when they came in.
            properties: Properties::decode(message.properties()).unwrap_or_default(),
            body,
            redelivered,
            expires_in,
        }
    }

    pub(super) fn waiting(one: &PeekedMessage, now: Millis) -> Self {
        let expires_in = one.expires.map(|at| Duration::from_millis(at.since(now)));
        Self::of(&one.message, one.acquired_count > 0, expires_in)
    }

    /// The body as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&FieldValue> {
        self.properties.headers.as_ref()?.get(name.as_bytes())
    }
}

impl ConsumerView {
    pub(super) fn of(
        report: &ConsumerReport,
        connection: impl Fn(ConnectionId) -> Option<String>,
    ) -> Self {
        Self {
            tag: report.tag.to_string(),
            channel: report.channel.0,
            connection: connection(report.connection).unwrap_or_default(),
            prefetch: report.prefetch,
            unacked: report.unacknowledged,
            ack_required: report.ack_required,
            active: report.active,
        }
    }
}

impl ExchangeView {
    pub(super) fn of(exchange: &Exchange) -> Self {
        Self {
            name: exchange.name.to_string(),
            kind: exchange.kind.as_str().to_owned(),
            durable: exchange.durable,
            auto_delete: exchange.auto_delete,
            internal: exchange.internal,
            arguments: exchange.arguments.clone(),
        }
    }
}

impl BindingView {
    pub(super) fn of(binding: &Binding) -> Self {
        let (destination, to_queue) = match &binding.destination {
            Destination::Queue(name) => (name.to_string(), true),
            Destination::Exchange(name) => (name.to_string(), false),
        };
        Self {
            source: binding.source.to_string(),
            destination,
            to_queue,
            routing_key: String::from_utf8_lossy(binding.routing_key.as_bytes()).into_owned(),
            arguments: binding.arguments.clone(),
        }
    }
}

impl ConnectionView {
    pub(super) fn of(info: &ConnectionInfo) -> Self {
        Self {
            name: info.name(),
            client_name: info.user_provided_name().map(str::to_owned),
            user: info.user.to_string(),
            vhost: info.vhost.to_string(),
        }
    }
}
