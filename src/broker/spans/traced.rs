//! What the spans of one message say of it, whatever happens to it.

use std::sync::Arc;

use super::spans::TraceOf;
use super::{Span, SpanId, SpanKind, SpanValue, TraceId};
use crate::base::{FieldTable, FieldValue, Message};

/// See the module.
#[derive(Debug)]
pub(super) struct TracedMessage {
    trace: TraceId,
    state: Arc<str>,
    vhost: Arc<str>,
    exchange: Arc<str>,
    routing_key: Arc<str>,
    body_bytes: u64,
    id: Option<Arc<str>>,
    conversation: Option<Arc<str>>,
}

/// A span that has ended, before its message is looked at.
pub(super) struct Ended<'a> {
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) kind: SpanKind,
    /// The word before the name of what it was done to.
    pub(super) operation: &'static str,
    /// `messaging.operation.type`, where OpenTelemetry has a word for it.
    pub(super) operation_type: Option<&'static str>,
    /// The queue, for what happens in one.
    pub(super) queue: Option<&'a Arc<str>>,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) outcome: &'static str,
    pub(super) more: Vec<(&'static str, SpanValue)>,
    pub(super) error: Option<String>,
}

impl TracedMessage {
    /// `properties` are what the message has, by RabbitMQ's names.
    pub(super) fn new(
        of: TraceOf,
        vhost: &str,
        message: &Message,
        properties: &FieldTable,
    ) -> Arc<Self> {
        let property = |name: &[u8]| match properties.get(name)? {
            FieldValue::LongString(bytes) => Some(Arc::from(String::from_utf8_lossy(bytes))),
            _ => None,
        };
        Arc::new(Self {
            trace: of.trace,
            state: of.state,
            vhost: Arc::from(vhost),
            exchange: Arc::from(message.exchange()),
            routing_key: Arc::from(String::from_utf8_lossy(message.routing_key())),
            body_bytes: message.body().len() as u64,
            id: property(b"message_id"),
            conversation: property(b"correlation_id"),
        })
    }

    /// The same trace, for whoever publishes the message anew.
    pub(super) fn again(&self, parent: SpanId) -> TraceOf {
        TraceOf { trace: self.trace, parent: Some(parent), state: Arc::clone(&self.state) }
    }

    pub(super) fn span(&self, ended: Ended<'_>) -> Span {
        let Ended { id, parent, kind, operation, operation_type, queue, .. } = ended;
        let named = match queue {
            Some(queue) => &**queue,
            None if self.exchange.is_empty() => DEFAULT_EXCHANGE,
            None => &*self.exchange,
        };
        let text = |text: &Arc<str>| SpanValue::Text(Arc::clone(text));
        let mut attributes = vec![
            ("messaging.system", SpanValue::Word("rabbitmq")),
            ("messaging.operation.name", SpanValue::Word(operation)),
            ("messaging.destination.name", SpanValue::Text(self.destination(queue))),
            ("messaging.message.body.size", SpanValue::Number(self.body_bytes)),
            ("haremq.vhost", text(&self.vhost)),
            ("haremq.outcome", SpanValue::Word(ended.outcome)),
        ];
        let key = Some(&self.routing_key).filter(|key| !key.is_empty());
        let optional = [
            ("messaging.operation.type", operation_type.map(SpanValue::Word)),
            ("messaging.rabbitmq.destination.routing_key", key.map(text)),
            ("messaging.message.id", self.id.as_ref().map(text)),
            ("messaging.message.conversation_id", self.conversation.as_ref().map(text)),
            ("haremq.queue", queue.map(text)),
        ];
        attributes.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        attributes.extend(ended.more);
        Span {
            trace: self.trace,
            id,
            parent,
            state: Arc::clone(&self.state),
            name: format!("{operation} {named}"),
            kind,
            start_ns: ended.start_ns,
            end_ns: ended.end_ns.max(ended.start_ns),
            attributes,
            error: ended.error,
        }
    }

    /// OpenTelemetry, semantic conventions for RabbitMQ: exchange, routing key and queue with colons between them,
    /// without what is empty, and the queue only where it is not the routing key.
    fn destination(&self, queue: Option<&Arc<str>>) -> Arc<str> {
        let queue = queue.filter(|queue| ***queue != *self.routing_key);
        let parts = [Some(&self.exchange), Some(&self.routing_key), queue];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        let parts: Vec<&str> = parts.map(|part| &**part).collect();
        if parts.is_empty() { DEFAULT_EXCHANGE.into() } else { parts.join(":").into() }
    }
}

/// What the exchange without a name is called where nothing else is there.
const DEFAULT_EXCHANGE: &str = "amq.default";
