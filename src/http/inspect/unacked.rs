//! Messages that were handed out and not settled, by who holds them.

use serde_json::{Value, json};

use super::request::{count, readable_queue};
use super::shown::shown;
use crate::base::limits::{
    EXAMINED_CONNECTIONS_MAX, HELD_SHOWN_DEFAULT, HELD_SHOWN_MAX, PEEK_BODY_BYTES_DEFAULT,
    PEEK_BODY_BYTES_MAX,
};
use crate::base::{HolderId, Millis};
use crate::broker::{Holding, HoldingMessage};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::connections::Told;
use crate::http::model::ChannelDetails;
use crate::http::route::Run::Later;
use crate::http::route::{Answering, Needs, Route};
use crate::net::blocking;

pub(in crate::http) const ROUTES: &[Route] = &[Route::get(
    "/haremq/queues/{vhost}/{queue}/unacked",
    Needs::Management,
    "Messages that consumers hold unacknowledged, with their age",
    Later(unacked),
)];

fn unacked(call: Call) -> Answering {
    Box::pin(async move {
        let (vhost, queue) = readable_queue(&call)?;
        let most = count(&call, "count", HELD_SHOWN_DEFAULT, HELD_SHOWN_MAX)?;
        let body_bytes = count(&call, "truncate", PEEK_BODY_BYTES_DEFAULT, PEEK_BODY_BYTES_MAX)?;
        let held = blocking(|| queue.holdings(most));
        // Who fetched a message is known to its connection only.
        let is_known = held.holders.iter().all(|one| one.consumer.is_some());
        let mut told = Vec::new();
        if !is_known {
            let mut connections = call.broker().open_connections();
            connections.retain(|one| one.vhost == *vhost.name());
            connections.truncate(EXAMINED_CONNECTIONS_MAX);
            told = call.ask(connections).await;
        }
        let now = call.broker().clock().now();
        let holders: Vec<Value> =
            held.holders.iter().map(|one| describe(&call, now, one, &told, body_bytes)).collect();
        Ok(Answer::object(json!({
            "vhost": vhost.name().as_str(),
            "queue": queue.info().name.as_str(),
            "messages_unacknowledged": queue.report().unacknowledged,
            "is_complete": !held.is_cut,
            "holders": holders,
        })))
    })
}

fn describe(call: &Call, now: Millis, one: &Holding, told: &[Told], body_bytes: usize) -> Value {
    let node = &call.management.facts.node;
    let channel = match &one.consumer {
        Some(consumer) => call
            .broker()
            .open_connection(consumer.connection)
            .map(|connection| ChannelDetails::new(node, &connection, consumer.channel.0)),
        None => holder(node, one.holder, told),
    };
    let messages: Vec<Value> =
        one.messages.iter().map(|message| describe_message(now, message, body_bytes)).collect();
    let oldest = one.messages.first().map(|message| now.since(message.at));
    json!({
        "consumer_tag": one.consumer.as_ref().map(|consumer| consumer.tag.to_string()),
        "channel_details": channel.unwrap_or_default(),
        "prefetch_count": one.consumer.as_ref().map(|consumer| consumer.prefetch),
        "messages_unacknowledged": one.count,
        "oldest_age_ms": oldest,
        "messages": messages,
    })
}

fn holder(node: &str, holder: HolderId, told: &[Told]) -> Option<ChannelDetails> {
    told.iter().find_map(|(info, report)| {
        let mut channels = report.iter().flat_map(|report| &report.channels);
        let channel = channels.find(|channel| channel.holder == holder)?;
        Some(ChannelDetails::new(node, info, channel.channel.0))
    })
}

fn describe_message(now: Millis, one: &HoldingMessage, body_bytes: usize) -> Value {
    let mut value = match &one.message {
        Some(message) => shown(message, body_bytes),
        None => json!({ "unreadable": true }),
    };
    value["id"] = Value::from(one.id.0);
    value["age_ms"] = Value::from(now.since(one.at));
    value["redelivered"] = Value::from(one.acquired_count > 0);
    value
}
