//! Queues as they are seen.
//!
//! A list is arranged with what it is ordered by, and only what is on the page is described: a page of many
//! thousand queues costs little more than one of few. What is no page is written queue by queue.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::model::{
    BasicQueue, ConnectionDetails, ConsumerModel, FullQueue, QueueStats, QueueTotals, QuorumFields,
    Stats, table_to_json,
};
use super::paging;
use super::route::Run::Now;
use super::route::{Needs, Route};
use super::samples::{QUEUE, QUEUE_LEVELS, QueueSample, Ranges, rfc3339};
use crate::base::{FieldTable, FieldValue};
use crate::broker::policy::{Definition, PolicyKind, QueueEffective, QueueType};
use crate::broker::{Cell, ConsumerReport, QueueReport, Vhost};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/queues", Needs::Management, "Queues", Now(list)),
    Route::get("/queues/detailed", Needs::Management, "Queues with everything", Now(detailed)),
    Route::get("/queues/{vhost}", Needs::Management, "Queues of a virtual host", Now(list)),
    Route::get("/queues/{vhost}/{queue}", Needs::Management, "A queue", Now(one)),
];

/// How much of a queue is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Detail {
    /// What it was declared to be.
    Basic,
    /// And how many messages it has.
    Totals,
    /// And everything else but its consumers.
    Stats,
    /// Everything.
    Full,
}

impl Detail {
    fn of_list(call: &Call) -> Self {
        if !call.query.is_true("disable_stats") {
            Self::Stats
        } else if call.query.is_true("enable_queue_totals") {
            Self::Totals
        } else {
            Self::Basic
        }
    }
}

type Row = (Arc<Vhost>, Arc<Cell>);

fn list(call: &Call) -> Result<Answer, ApiError> {
    answer_list(call, Detail::of_list(call))
}

fn detailed(call: &Call) -> Result<Answer, ApiError> {
    answer_list(call, Detail::Full)
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let queue = call.queue(&vhost)?;
    let disabled = call.query.is_true("disable_stats");
    let detail = if disabled { Detail::of_list(call) } else { Detail::Full };
    let seen = Seen { detail, ranges: Ranges::of(&call.query)? };
    Ok(Answer::object(value(&describe(call, &vhost, &queue, seen))))
}

fn answer_list(call: &Call, detail: Detail) -> Result<Answer, ApiError> {
    let seen = Seen { detail, ranges: Ranges::of(&call.query)? };
    let mut rows: Vec<Row> = Vec::new();
    for vhost in call.listed_vhosts()? {
        let mut cells = vhost.list_queues();
        cells.sort_by(|a, b| a.info().name.cmp(&b.info().name));
        rows.extend(cells.into_iter().map(|queue| (Arc::clone(&vhost), queue)));
    }
    let key = call.query.get("sort").unwrap_or_default();
    let light = rows.iter().enumerate().map(|(place, row)| {
        let mut light = nested(key, sort_value(call, row, seen, key));
        light["name"] = Value::from(row.1.info().name.as_str());
        light[PLACE] = Value::from(place);
        light
    });
    let mut arranged = paging::arrange(&call.query, light.collect())?;
    if let Value::Array(all) = &arranged {
        let all = all.iter().filter_map(|light| placed(&rows, light));
        return Ok(Answer::other("application/json", written(call, all, seen)));
    }
    paging::each_item(&mut arranged, |light| match placed(&rows, &light) {
        Some(row) => paging::columns(&call.query, value(&describe(call, &row.0, &row.1, seen))),
        None => Value::Null,
    });
    Ok(Answer::arranged(arranged))
}

/// Where a row of an arranged list stands among all of them.
const PLACE: &str = "#";

/// The row that was given this place.
fn placed<'a>(rows: &'a [Row], light: &Value) -> Option<&'a Row> {
    rows.get(usize::try_from(light[PLACE].as_u64()?).ok()?)
}

/// `{"a": {"b": value}}` for `a.b`.
fn nested(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, part| json!({ part: inner }))
}

/// The column by which rows are ordered; what is declared is known without a look at the queue.
fn sort_value(call: &Call, (vhost, queue): &Row, seen: Seen, key: &str) -> Value {
    let info = queue.info();
    let levels = queue.numbers().levels;
    match key {
        "" | "name" => Value::Null,
        "vhost" => Value::from(vhost.name().as_str()),
        "durable" => Value::from(info.durable),
        "auto_delete" => Value::from(info.auto_delete),
        "exclusive" => Value::from(info.exclusive.is_some()),
        "type" => Value::from(queue.effective().queue_type.as_str()),
        "messages" => Value::from(levels.ready + levels.unacknowledged),
        "messages_ready" => Value::from(levels.ready),
        "messages_unacknowledged" => Value::from(levels.unacknowledged),
        "message_bytes" => Value::from(levels.ready_bytes + levels.unacknowledged_bytes),
        "memory" | "message_bytes_ram" => Value::from(levels.ram_bytes),
        "consumers" => Value::from(levels.consumers),
        other => {
            if let Some(number) = other.strip_prefix("message_stats.") {
                let (stats, ..) = numbers(call, queue, Ranges::default());
                return stats.at(number).map_or(Value::Null, Value::from);
            }
            let all = value(&describe(call, vhost, queue, seen));
            other
                .split('.')
                .try_fold(&all, |value, part| value.get(part))
                .cloned()
                .unwrap_or_default()
        }
    }
}

/// A list as JSON, written one by one: as JSON values many thousand queues would be many times as large.
fn written<'a>(call: &Call, rows: impl Iterator<Item = &'a Row>, seen: Seen) -> Vec<u8> {
    let has_columns = call.query.get("columns").is_some_and(|columns| !columns.is_empty());
    let mut out = b"[".to_vec();
    for (vhost, queue) in rows {
        if out.len() > 1 {
            out.push(b',');
        }
        let full = describe(call, vhost, queue, seen);
        let written = if has_columns {
            serde_json::to_writer(&mut out, &paging::columns(&call.query, value(&full)))
        } else {
            serde_json::to_writer(&mut out, &full)
        };
        written.expect("a list of bytes takes everything, and field names are text");
    }
    out.push(b']');
    out
}

fn describe(call: &Call, vhost: &Vhost, queue: &Arc<Cell>, seen: Seen) -> FullQueue {
    let detail = seen.detail;
    let node = &call.management.facts.node;
    let effective = queue.effective();
    let (info, kind) = (queue.info(), effective.queue_type);
    let basic = BasicQueue::new(node, vhost.name(), info, kind, queue.is_crashed());
    if detail == Detail::Basic {
        return FullQueue { basic, totals: None, stats: None, consumer_details: None };
    }
    let levels = queue.numbers().levels;
    let totals = Some(QueueTotals {
        messages: levels.ready + levels.unacknowledged,
        messages_ready: levels.ready,
        messages_unacknowledged: levels.unacknowledged,
    });
    if detail == Detail::Totals {
        return FullQueue { basic, totals, stats: None, consumer_details: None };
    }
    let report = queue.report();
    let stats = Some(stats(call, vhost, queue, &effective, &report, seen.ranges));
    let consumer_details = (detail == Detail::Full).then(|| consumers(call, vhost, queue, &report));
    FullQueue { basic, totals, stats, consumer_details }
}

fn value(queue: &FullQueue) -> Value {
    // Field names are text and numbers are finite.
    serde_json::to_value(queue).unwrap_or_default()
}

/// The consumers of a queue.
pub(super) fn consumers(
    call: &Call,
    vhost: &Vhost,
    queue: &Cell,
    report: &QueueReport,
) -> Vec<ConsumerModel> {
    let node = &call.management.facts.node;
    let model = |consumer: &ConsumerReport| {
        let connection = call.broker().open_connection(consumer.connection);
        ConsumerModel::new(node, vhost.name(), queue.info(), consumer, connection.as_deref())
    };
    report.consumers.iter().map(model).collect()
}

/// How much of a queue is seen, and of its past.
#[derive(Clone, Copy)]
struct Seen {
    detail: Detail,
    ranges: Ranges,
}

/// What went through a queue and what is in it, and since when it is idle.
pub(super) fn numbers(call: &Call, queue: &Cell, ranges: Ranges) -> (Stats, Stats, Option<u64>) {
    let at = call.management.moment();
    let sample = QueueSample::from(queue.numbers());
    call.management.samples.queues.look(at.now, [queue.info().id].iter(), |series| {
        (
            series.stats(QUEUE, &sample, ranges.msg_rates, at.unix_ms),
            series.stats(QUEUE_LEVELS, &sample, ranges.lengths, at.unix_ms),
            series.idle_since_unix_ms(&sample),
        )
    })
}

fn stats(
    call: &Call,
    vhost: &Vhost,
    queue: &Arc<Cell>,
    effective: &QueueEffective,
    report: &QueueReport,
    ranges: Ranges,
) -> QueueStats {
    let management = &call.management;
    let (message_stats, levels, idle_since) = numbers(call, queue, ranges);
    let mut levels = levels.0.into_iter().map(|number| number.details);
    let mut next = || levels.next().unwrap_or_default();
    let lag = queue.lag(call.broker().clock().now());
    let tag = |wanted: fn(&&ConsumerReport) -> bool| {
        report.consumers.iter().find(wanted).map(|consumer| consumer.tag.to_string())
    };
    let owner = queue.info().exclusive.and_then(|owner| call.broker().open_connection(owner));
    let single = effective.single_active_consumer;
    let is_quorum = effective.queue_type == QueueType::Quorum;
    QueueStats {
        messages_details: next(),
        messages_ready_details: next(),
        messages_unacknowledged_details: next(),
        message_bytes: report.ready_bytes + report.unacknowledged_bytes,
        message_bytes_ready: report.ready_bytes,
        message_bytes_unacknowledged: report.unacknowledged_bytes,
        message_bytes_ram: report.ram_bytes,
        memory: report.ram_bytes,
        consumers: report.consumers.len(),
        messages_lost: queue.lost_messages(),
        oldest_ready_age_ms: lag.oldest_ready_ms,
        oldest_unacknowledged_age_ms: lag.oldest_unacknowledged_ms,
        policy: effective.policy.as_ref().map(ToString::to_string),
        operator_policy: effective.operator_policy.as_ref().map(ToString::to_string),
        effective_policy_definition: effective_policy(vhost, effective),
        exclusive_consumer_tag: tag(|consumer| consumer.exclusive),
        single_active_consumer_tag: if single { tag(|consumer| consumer.active) } else { None },
        owner_pid_details: owner.map(|owner| ConnectionDetails::new(&owner)),
        idle_since: idle_since.map(rfc3339),
        delivery_limit: effective.delivery_limit.value.filter(|_| is_quorum),
        quorum: is_quorum.then(|| QuorumFields::new(&management.facts.node)),
        message_stats,
    }
}

/// What policy and operator policy say together: of what both say, the lower number, and the operator's word.
fn effective_policy(vhost: &Vhost, effective: &QueueEffective) -> Map<String, Value> {
    let policies = vhost.policies();
    let definition = |kind, name: &Option<_>| {
        let policy = name.as_ref().and_then(|name| policies.get(kind, name));
        policy.map(|policy| policy.definition.clone())
    };
    let user = definition(PolicyKind::User, &effective.policy);
    let operator = definition(PolicyKind::Operator, &effective.operator_policy);
    table_to_json(&together(user.as_ref(), operator.as_ref()))
}

fn together(user: Option<&Definition>, operator: Option<&Definition>) -> FieldTable {
    let entries =
        |of: Option<&Definition>| of.map(Definition::settings).cloned().unwrap_or_default();
    let (user, operator) = (entries(user), entries(operator));
    let lower = |a: &FieldValue, b: &FieldValue| match (a.as_integer(), b.as_integer()) {
        (Some(first), Some(second)) if first < second => a.clone(),
        _ => b.clone(),
    };
    let of_user = user.iter().map(|(key, value)| {
        let other = operator.get(key.as_bytes());
        (key.clone(), other.map_or_else(|| value.clone(), |other| lower(value, other)))
    });
    let of_operator = operator.iter().filter(|(key, _)| user.get(key.as_bytes()).is_none());
    of_user.chain(of_operator.map(|(key, value)| (key.clone(), value.clone()))).collect()
}
