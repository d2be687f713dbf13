//! The firehose (rabbitmq: firehose.md): every message that comes into a virtual host and every one that goes
//! out of it is copied to `amq.rabbitmq.trace`, with where it came from and went to in the headers.
//!
//! It is on or off for a virtual host, and off after a start. While it is on no publisher keeps a route, so
//! that each publish comes through the look-up, which is where it is copied; while it is off a publish costs
//! nothing, and a turn of deliveries one load. Copies are made by the connection whose message it is and go
//! into the batch of its turn: they come in its order, and what they cost is that connection's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::messages::{table, text};
use crate::base::{
    Body, ChannelId, ExchangeName, FieldTable, FieldValue, Message, MessageHeader, QueueName,
};
use crate::broker::facts::{MessageFacts, Numbers};
use crate::broker::sender_selected::{self, Selected};
use crate::broker::{Cell, HeaderParser, Peer, Vhost};
use crate::routing::{Routed, Table};

/// The exchange that copies go to.
const TRACE_EXCHANGE: &str = "amq.rabbitmq.trace";

/// Properties that say nothing, as they stand in a content header.
const NO_PROPERTIES: &[u8] = b"\0\0";

/// What stands for the name of a connection that is none: the management API publishes and fetches.
const NO_CONNECTION: &str = "management";

/// What happens to a message that is copied.
pub(in crate::broker) enum Traced<'a> {
    /// It comes in, by these routing keys, and goes into these queues.
    Published { keys: &'a [&'a [u8]], queues: Vec<QueueName> },
    /// It is handed out from a queue.
    Delivered { queue: &'a QueueName, redelivered: bool },
}

/// Makes copies for one connection.
#[derive(Default)]
pub(in crate::broker) struct Tracer {
    /// The name of the connection, once it is known.
    name: Option<String>,
    numbers: Numbers,
    routed: Routed<Arc<Cell>>,
}

impl Vhost {
    /// Whether messages are copied to the firehose.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.tracing.load(Ordering::Relaxed)
    }

    /// Turns the firehose on or off.
    pub(in crate::broker) fn set_tracing(&self, on: bool) {
        if self.is_traced() == on {
            return;
        }
        // Under the table's lock: whoever keeps a route has seen what was on at its generation.
        self.change(|table| {
            self.tracing.store(on, Ordering::Relaxed);
            Table::touch(table);
        });
        tracing::info!(vhost = %self.name, tracing = on, "the firehose was turned on or off");
    }
}

impl Tracer {
    /// The copy and the queues that it goes to; `None` when nobody gets it, and for a copy itself.
    #[cold]
    pub(in crate::broker) fn copy(
        &mut self,
        vhost: &Vhost,
        peer: &Peer,
        channel: ChannelId,
        message: &Message,
        traced: &Traced<'_>,
    ) -> Option<(Message, &[Arc<Cell>])> {
        if message.exchange() == TRACE_EXCHANGE {
            return None;
        }
        let key = match traced {
            Traced::Published { .. } => format!("publish.{}", message.exchange()),
            Traced::Delivered { queue, .. } => format!("deliver.{queue}"),
        };
        let copied = self.message(vhost, peer, channel, message, (&key, traced))?;
        self.routed.clear();
        let (common, numbers) = (&*vhost.common, &mut self.numbers);
        let mut facts = MessageFacts { common, message: &copied, numbers, windows: None };
        let keys = [copied.routing_key()];
        let table = vhost.table();
        table.route_keys(TRACE_EXCHANGE, &keys, &mut facts, &mut self.routed).ok()?;
        drop(table);
        let queues = self.routed.queues();
        (!queues.is_empty()).then_some((copied, queues))
    }

    fn message(
        &mut self,
        vhost: &Vhost,
        peer: &Peer,
        channel: ChannelId,
        message: &Message,
        (key, traced): (&str, &Traced<'_>),
    ) -> Option<Message> {
        let common = &vhost.common;
        let name = self.name.get_or_insert_with(|| {
            let found = common.connections.find(peer.connection);
            found.map_or_else(|| NO_CONNECTION.to_owned(), |info| info.name())
        });
        let keys = match traced {
            Traced::Published { keys, .. } => keys.iter().map(|key| bytes_value(key)).collect(),
            Traced::Delivered { .. } => delivered_keys(common.parse_headers, message),
        };
        let mut headers = vec![
            ("exchange_name", text(message.exchange())),
            ("routing_keys", FieldValue::Array(keys)),
            ("properties", FieldValue::Table((common.list_properties)(message.properties()))),
            ("node", text(&common.notices.homes.places().node)),
            ("vhost", text(vhost.name.as_str())),
            ("connection", text(name)),
            ("channel", FieldValue::I32(i32::from(channel.0))),
            ("user", text(peer.user.as_str())),
        ];
        headers.push(match traced {
            Traced::Published { queues, .. } => {
                let names = queues.iter().map(|name| text(name.as_str()));
                ("routed_queues", FieldValue::Array(names.collect()))
            }
            Traced::Delivered { redelivered, .. } => {
                ("redelivered", FieldValue::I32(i32::from(*redelivered)))
            }
        });
        let headers: FieldTable = table(headers);
        let properties = (common.write_headers)(NO_PROPERTIES, &headers);
        let exchange = ExchangeName::try_from(TRACE_EXCHANGE).ok()?;
        let header = MessageHeader { has_headers: true, ..MessageHeader::default() };
        let key = cut(key.as_bytes());
        let body: Body = message.body().to_body();
        Some(Message::new(&exchange, key, &properties, body, header))
    }
}

/// The routing keys that a message still says it had.
fn delivered_keys(parse: HeaderParser, message: &Message) -> Vec<FieldValue> {
    let mut keys = vec![bytes_value(message.routing_key())];
    if sender_selected::may_select(message)
        && let Ok(selected) = Selected::read(&parse(message.properties()))
    {
        keys.extend(selected.keys.into_iter().map(FieldValue::LongString));
    }
    keys
}

fn bytes_value(bytes: &[u8]) -> FieldValue {
    FieldValue::LongString(bytes::Bytes::copy_from_slice(bytes))
}

/// A routing key has 255 bytes at most, and a name with a word before it may have more.
fn cut(key: &[u8]) -> &[u8] {
    const SHORT_STRING_BYTES_MAX: usize = 255;
    key.get(..SHORT_STRING_BYTES_MAX).unwrap_or(key)
}
