//! Where a message would go, without one.

use std::sync::Arc;

use crate::base::limits::{EXPLAIN_BINDINGS_MAX, EXPLAIN_EXCHANGES_MAX, EXPLAIN_QUEUES_MAX};
use crate::base::{ExchangeName, FieldTable, FieldValue};
use crate::broker::{Cell, Explanation, HashProperty, Vhost};
use crate::routing::{ExplainBounds, Facts};

/// A message as exchanges see it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RouteMessage {
    /// Its routing key.
    pub routing_key: Vec<u8>,
    /// Its headers. `CC` and `BCC` in them are more routing keys.
    pub headers: FieldTable,
    /// `message-id`, `correlation-id`, and `timestamp` as digits, for exchanges that hash one of them.
    pub message_id: Option<Vec<u8>>,
    /// See `message_id`.
    pub correlation_id: Option<Vec<u8>>,
    /// See `message_id`.
    pub timestamp: Option<Vec<u8>>,
    /// What an exchange picks by that picks at random.
    pub number: u64,
}

impl Facts for RouteMessage {
    fn headers(&mut self) -> FieldTable {
        self.headers.clone()
    }

    fn property(&mut self, property: HashProperty) -> Option<Vec<u8>> {
        match property {
            HashProperty::MessageId => self.message_id.clone(),
            HashProperty::CorrelationId => self.correlation_id.clone(),
            HashProperty::Timestamp => self.timestamp.clone(),
        }
    }

    fn number(&mut self) -> u64 {
        self.number
    }
}

impl RouteMessage {
    /// Its own key and those that its headers select.
    fn keys(&self) -> Vec<Vec<u8>> {
        let selected = ["CC", "BCC"].into_iter().filter_map(|name| {
            match self.headers.get(name.as_bytes())? {
                FieldValue::Array(values) => Some(values),
                _ => None,
            }
        });
        let selected = selected.flatten().filter_map(|value| match value {
            FieldValue::LongString(key) => Some(key.to_vec()),
            _ => None,
        });
        std::iter::once(self.routing_key.clone()).chain(selected).collect()
    }
}

impl Vhost {
    /// Tells where a message would go that is published to this exchange; `None` when it is not there. Nothing
    /// is published, and exchanges that look for duplicates do not look.
    #[must_use]
    pub fn explain_route(
        &self,
        exchange: &ExchangeName,
        message: &RouteMessage,
    ) -> Option<Explanation<Arc<Cell>>> {
        let bounds = ExplainBounds {
            exchanges: EXPLAIN_EXCHANGES_MAX,
            bindings: EXPLAIN_BINDINGS_MAX,
            queues: EXPLAIN_QUEUES_MAX,
        };
        let (keys, mut facts) = (message.keys(), message.clone());
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let table = self.table();
        table.explain(exchange.as_str(), &keys, &message.headers, &mut facts, bounds).ok()
    }
}
