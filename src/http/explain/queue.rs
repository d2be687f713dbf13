//! Why a queue does not move.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{answering, faults};

use crate::base::Millis;
use crate::broker::policy::QueueEffective;
use crate::broker::{Cell, ConsumerInsight, QueueInsight, Restraint};
use crate::explain::{
    ConsumerFacts, Held, OldestReady, QueueFacts, Rates, VanishedFacts, explain_queue,
};
use crate::http::alarms;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::model::ChannelDetails;
use crate::http::queues::numbers;
use crate::http::samples::Ranges;

pub(super) fn one(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let queue = call.queue(&vhost)?;
    let now = call.broker().clock().now();
    let insight = queue.insight(now);
    let faults = faults::of_queue(call, vhost.name(), &queue.info().name);
    let facts = QueueFacts { faults, ..facts(call, &queue, &insight) };
    let findings = explain_queue(now, &facts);
    let about = json!({
        "kind": "queue",
        "vhost": vhost.name().as_str(),
        "name": queue.info().name.as_str(),
        "facts": figures(now, &insight),
    });
    Ok(Answer::object(answering::answer(call, now, &findings, about)))
}

/// What a page shows beside the words.
fn figures(now: Millis, insight: &QueueInsight) -> Value {
    let age = |at: Option<Millis>| at.map(|at| now.since(at));
    json!({
        "messages_ready": insight.ready,
        "messages_unacknowledged": insight.unacknowledged,
        "messages_delayed": insight.delayed,
        "messages_departing": insight.departing,
        "messages_on_disk_only": insight.depths.away,
        "message_bytes_on_disk_only": insight.depths.disk_bytes,
        "message_bytes_ram": insight.ram_bytes,
        "oldest_ready_age_ms": age(insight.oldest_ready.map(|oldest| oldest.at)),
        "oldest_ready_age_is_at_least": insight.oldest_ready.is_some_and(|oldest| oldest.or_before),
        "oldest_unacknowledged_age_ms": age(insight.oldest_unacknowledged),
        "consumers": insight.consumers.len(),
    })
}

fn facts(call: &Call, queue: &Arc<Cell>, insight: &QueueInsight) -> QueueFacts {
    let (info, effective) = (queue.info(), queue.effective());
    let consumers = insight.consumers.iter().map(|one| consumer(call, one));
    QueueFacts {
        broker: alarms::facts(&call.broker().alarm_report()),
        faults: Vec::new(),
        ready: insight.ready,
        unacknowledged: insight.unacknowledged,
        oldest_ready: insight
            .oldest_ready
            .map(|oldest| OldestReady { at: oldest.at, or_before: oldest.or_before }),
        head_expires: insight.depths.head_expires,
        delayed: (insight.delayed > 0).then_some((insight.delayed, insight.depths.next_due)),
        departing: insight.departing,
        consumers: consumers.collect(),
        unowned: insight.unowned,
        single_active: effective.single_active_consumer,
        is_exclusive: info.exclusive.is_some(),
        rates: rates(call, queue),
        timed_out: insight.timed_out,
        away: insight.depths.away,
        disk_bytes: insight.depths.disk_bytes,
        ram_bytes: insight.ram_bytes,
        waiting_for_disk: insight.depths.waiting_for_disk,
        waits_for_page: insight.depths.waits_for_page,
        vanished: vanished(queue, insight, &effective),
        is_crashed: insight.is_crashed,
    }
}

/// A consumer as explanations want to know it.
pub(super) fn consumer(call: &Call, insight: &ConsumerInsight) -> ConsumerFacts {
    let report = &insight.report;
    let connection = call.broker().open_connection(report.connection);
    let node = &call.management.facts.node;
    let channel = connection
        .and_then(|connection| ChannelDetails::new(node, &connection, report.channel.0).name);
    ConsumerFacts {
        tag: report.tag.to_string(),
        channel: channel.unwrap_or_default(),
        ack_required: report.ack_required,
        prefetch: report.prefetch,
        unacknowledged: report.unacknowledged,
        oldest_at: insight.oldest_at,
        newest_at: insight.newest_at,
        active: report.active,
        exclusive: report.exclusive,
        held: match insight.restraint {
            Restraint::None => Held::No,
            Restraint::Connection => Held::Connection,
            Restraint::SharedPrefetch(limit) => Held::SharedPrefetch(limit),
        },
        timeout_ms: insight.timeout_ms,
    }
}

fn rates(call: &Call, queue: &Arc<Cell>) -> Option<Rates> {
    let (stats, levels, _) = numbers(call, queue, Ranges::default());
    let rate = |path| stats.at(path).unwrap_or_default();
    let found = Rates {
        publish: rate("publish_details.rate"),
        deliver: rate("deliver_get_details.rate"),
        ack: rate("ack_details.rate") + rate("deliver_no_ack_details.rate"),
        growth: levels.at("messages_ready_details.rate").unwrap_or_default(),
    };
    (found != Rates::default()).then_some(found)
}

fn vanished(queue: &Cell, insight: &QueueInsight, effective: &QueueEffective) -> VanishedFacts {
    let (losses, letters) = (insight.losses, insight.dead_letter_losses);
    let limits = [
        ("max-length", effective.max_length.value),
        ("max-length-bytes", effective.max_length_bytes.value),
    ];
    let limits =
        limits.iter().filter_map(|(name, limit)| limit.map(|limit| format!("{name} {limit}")));
    VanishedFacts {
        expired: losses.expired,
        max_length: losses.max_len,
        rejected: losses.rejected,
        delivery_limit: losses.delivery_limit,
        refused: losses.refused,
        lost: insight.lost,
        duplicates: queue.dropped_duplicates(),
        dead_letter_exchange: effective
            .dead_letter_exchange
            .value
            .as_ref()
            .map(ToString::to_string),
        no_exchange: letters.no_exchange,
        unroutable: letters.unroutable,
        circling: letters.circling,
        not_taken: letters.refused,
        unreadable: letters.unreadable,
        ttl_ms: effective.message_ttl_ms.value,
        limits: limits.collect::<Vec<_>>().join(", "),
    }
}
