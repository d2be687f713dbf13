//! Why a connection does not move.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{answering, faults, queue};
use crate::base::limits::{
    DESCRIBE_TIMEOUT_MS, OUTPUT_HIGH_WATER_BYTES, OUTPUT_STOP_READING_BYTES,
};
use crate::base::{ConsumerId, Millis, QueueName};
use crate::broker::{ConnectionInfo, ConnectionInsight, ConnectionReport};
use crate::explain::{ChannelFailure, ConnectionFacts, Consuming, explain_connection};
use crate::http::alarms;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::route::Answering;
use crate::net::blocking;

/// From which on deliveries wait, and from which on nothing is read.
const UNWRITTEN_BYTES_MAX: (u64, u64) =
    (OUTPUT_HIGH_WATER_BYTES as u64, OUTPUT_STOP_READING_BYTES as u64);

pub(super) fn one(call: Call) -> Answering {
    Box::pin(async move {
        let connection = call.connection()?;
        let (tell, told) = oneshot::channel();
        // Who does not wait any more has hung up.
        call.broker().examine_connection(connection.id, move |report| drop(tell.send(report)));
        let told = timeout(Duration::from_millis(DESCRIBE_TIMEOUT_MS), told).await;
        let report = told.ok().and_then(Result::ok);
        // The queues of its consumers are looked at, which may wait for a turn of each.
        blocking(|| Ok(Answer::object(explained(&call, &connection, report))))
    })
}

fn explained(call: &Call, connection: &ConnectionInfo, report: Option<ConnectionReport>) -> Value {
    let now = call.broker().clock().now();
    let facts = facts(call, now, connection, report.as_ref());
    let findings = explain_connection(now, &facts);
    let about = json!({
        "kind": "connection",
        "vhost": connection.vhost.as_str(),
        "name": connection.name(),
        "facts": {
            "state": report.map(|report| report.state),
            "unwritten_bytes": facts.unwritten_bytes,
            "last_received_age_ms": facts.received_at.map(|at| now.since(at)),
            "last_written_age_ms": facts.wrote_at.map(|at| now.since(at)),
            "unconfirmed": facts.unconfirmed,
            "consumers": facts.consumers.len() + facts.consumers_left_out,
        },
    });
    answering::answer(call, now, &findings, about)
}

fn facts(
    call: &Call,
    now: Millis,
    connection: &ConnectionInfo,
    report: Option<&ConnectionReport>,
) -> ConnectionFacts {
    let broker = alarms::facts(&call.broker().alarm_report());
    let faults = faults::of_connection(call, connection);
    let Some((report, insight)) =
        report.and_then(|report| Some((report, report.insight.as_ref()?)))
    else {
        let choked = call.broker().choked_connection(connection.id);
        return ConnectionFacts {
            broker,
            faults,
            unwritten_bytes: choked.map_or(0, |choked| choked.unwritten_bytes),
            unwritten_bytes_max: UNWRITTEN_BYTES_MAX,
            wrote_at: choked.map(|choked| choked.wrote_at),
            choked_since: choked.map(|choked| choked.since),
            ..ConnectionFacts::default()
        };
    };
    let sum = |number: fn(&crate::broker::ChannelReport) -> usize| {
        report.channels.iter().map(|channel| number(channel) as u64).sum()
    };
    let failures = insight.channel_failures.iter().map(|(channel, at, reason)| ChannelFailure {
        channel: channel.0,
        at: *at,
        reason: reason.clone(),
    });
    ConnectionFacts {
        broker,
        faults,
        answered: true,
        is_closing: report.state == "closing",
        has_published: insight.has_published,
        blocked_since: insight.blocked_since,
        waits_for_log: insight.waits_for_log,
        unwritten_bytes: insight.unwritten_bytes,
        unwritten_bytes_max: UNWRITTEN_BYTES_MAX,
        choked_since: None,
        wrote_at: Some(insight.wrote_at),
        received_at: Some(insight.received_at),
        heartbeat_s: connection.heartbeat_s,
        asked: insight.asked.clone(),
        channel_failures: failures.collect(),
        unconfirmed: sum(|channel| channel.unconfirmed),
        uncommitted: sum(|channel| channel.uncommitted + channel.acks_uncommitted),
        consumers: consumers(call, now, connection, insight),
        consumers_left_out: insight.consumers_left_out,
    }
}

/// Its consumers, each as its queue knows it. A queue with several of them is looked at once.
fn consumers(
    call: &Call,
    now: Millis,
    connection: &ConnectionInfo,
    insight: &ConnectionInsight,
) -> Vec<Consuming> {
    let Some(vhost) = call.broker().vhost(&connection.vhost) else { return Vec::new() };
    let mut wanted: Vec<(&QueueName, ConsumerId)> =
        insight.consumers.iter().map(|(id, queue)| (queue, *id)).collect();
    wanted.sort_unstable();
    let mut all = Vec::new();
    for group in wanted.chunk_by(|a, b| a.0 == b.0) {
        let Some((name, _)) = group.first() else { continue };
        let Some(found) = vhost.queue_of(name) else { continue };
        let looked = Arc::clone(&found).insight(now);
        for one in &looked.consumers {
            if group.iter().any(|(_, id)| *id == one.report.id) {
                let (queue, consumer) = (name.to_string(), queue::consumer(call, one));
                all.push(Consuming { queue, ready: looked.ready, consumer });
            }
        }
    }
    all
}
