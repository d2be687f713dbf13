//! What is in a virtual host, in one answer, for assertions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::waiting::waiting;
use crate::base::limits::{PEEK_BODY_BYTES_MAX, QUEUE_VIEW_BYTES_MAX, QUEUE_VIEW_MESSAGES_MAX};
use crate::base::{Message, Millis};
use crate::broker::{Cell, ConsumerReport, Filter, PeekBounds, Place, Vhost};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::inspect::shown;
use crate::http::management::Management;
use crate::http::model::{BindingModel, ConnectionModel, ExchangeModel, table_to_json};
use crate::http::route::Run::Later;
use crate::http::route::{Answering, Needs, Route};

pub(super) const ROUTES: &[Route] = &[Route::get(
    "/haremq/test/vhosts/{vhost}/contents",
    Needs::Administrator,
    "Queues with their messages, exchanges, bindings and connections; with `--test-api` only",
    Later(contents),
)];

fn contents(call: Call) -> Answering {
    Box::pin(async move {
        let (vhost, management) = (call.vhost()?, Arc::clone(&call.management));
        let seen = waiting(move || Ok(described(&management, &vhost)));
        Ok(Answer::object(seen.await?))
    })
}

/// What may still be shown.
struct Left {
    messages: usize,
    bytes: u64,
}

fn described(management: &Management, vhost: &Vhost) -> Value {
    let mut cells = vhost.list_queues();
    cells.sort_by(|one, other| one.info().name.cmp(&other.info().name));
    let mut left = Left { messages: QUEUE_VIEW_MESSAGES_MAX, bytes: QUEUE_VIEW_BYTES_MAX };
    let now = management.broker.clock().now();
    let queues: Vec<Value> = cells.iter().map(|cell| queue(cell, now, &mut left)).collect();
    let mut exchanges = vhost.list_exchanges();
    exchanges.sort_by(|one, other| one.name.cmp(&other.name));
    let exchanges = exchanges.iter().map(|one| ExchangeModel::new(vhost.name(), one, None));
    let mut bindings: Vec<_> = vhost.list_bindings();
    bindings.sort_by(|one, other| {
        let key = |one: &crate::broker::Binding| {
            (one.source.clone(), one.destination.clone(), one.routing_key.clone())
        };
        key(one).cmp(&key(other))
    });
    let bindings = bindings.iter().map(|one| BindingModel::new(vhost.name(), one));
    let connections = management.broker.open_connections();
    let connections = connections.iter().filter(|one| one.vhost == *vhost.name());
    let connections = connections.map(|one| ConnectionModel::new(&management.facts.node, one));
    json!({
        "vhost": vhost.name().as_str(),
        "queues": queues,
        "exchanges": exchanges.collect::<Vec<_>>(),
        "bindings": bindings.collect::<Vec<_>>(),
        "connections": connections.collect::<Vec<_>>(),
    })
}

fn queue(cell: &Arc<Cell>, now: Millis, left: &mut Left) -> Value {
    let bounds = PeekBounds { shown: left.messages, looked_at: left.messages, bytes: left.bytes };
    // What cannot be read from disk is not shown, and the numbers show that it is there.
    let page = cell.peek(Place::HEAD, &Filter::default(), bounds).unwrap_or_default();
    left.messages -= page.messages.len();
    left.bytes = left.bytes.saturating_sub(page.bytes);
    let waiting = page.messages.iter().map(|one| {
        let mut value = message(&one.message, one.acquired_count > 0);
        value["expires_in_ms"] = Value::from(one.expires.map(|at| at.since(now)));
        value
    });
    let held = cell.holdings(left.messages);
    let mut held: Vec<_> = held.holders.into_iter().flat_map(|one| one.messages).collect();
    held.sort_by_key(|one| one.id);
    held.truncate(left.messages);
    left.messages -= held.len();
    let held = held.iter().filter_map(|one| {
        let content = one.message.as_ref()?;
        left.bytes = left.bytes.saturating_sub(content.content_bytes());
        Some(message(content, one.acquired_count > 0))
    });
    let (held, waiting) = (held.collect::<Vec<_>>(), waiting.collect::<Vec<_>>());
    let (info, report) = (cell.info(), cell.report());
    json!({
        "name": info.name.as_str(),
        "durable": info.durable,
        "exclusive": info.exclusive.is_some(),
        "auto_delete": info.auto_delete,
        "arguments": table_to_json(&info.arguments),
        "messages_ready": report.ready,
        "messages_unacknowledged": report.unacknowledged,
        "consumers": report.consumers.iter().map(consumer).collect::<Vec<_>>(),
        "messages": waiting,
        "unacknowledged": held,
    })
}

fn message(message: &Message, redelivered: bool) -> Value {
    let mut value = shown(message, PEEK_BODY_BYTES_MAX);
    value["redelivered"] = Value::from(redelivered);
    value
}

fn consumer(report: &ConsumerReport) -> Value {
    json!({
        "consumer_tag": report.tag.to_string(),
        "channel": report.channel.0,
        "prefetch_count": report.prefetch,
        "ack_required": report.ack_required,
        "exclusive": report.exclusive,
        "active": report.active,
        "messages_unacknowledged": report.unacknowledged,
    })
}
