//! Queues as they are seen.
//!
//! A page is chosen by what queues were declared to be wherever the order allows it, and only the queues on it are
//! looked at: a page of many thousand queues costs no more than one of few.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::model::{
    BasicQueue, ConnectionDetails, ConsumerModel, FullQueue, QueueStats, QueueTotals, QuorumFields,
    table_to_json,
};
use super::paging;
use super::queue_samples::rfc3339;
use super::route::Run::Now;
use super::route::{Needs, Route};
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

/// Columns by which queues can be ordered without a look at them.
const DECLARED: [&str; 6] = ["name", "vhost", "durable", "auto_delete", "exclusive", "type"];

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
    Ok(Answer::object(describe(call, &vhost, &queue, detail)))
}

fn answer_list(call: &Call, detail: Detail) -> Result<Answer, ApiError> {
    let mut rows: Vec<Row> = Vec::new();
    for vhost in call.listed_vhosts()? {
        let mut cells = vhost.list_queues();
        cells.sort_by(|a, b| a.info().name.cmp(&b.info().name));
        rows.extend(cells.into_iter().map(|queue| (Arc::clone(&vhost), queue)));
    }
    arranged(call, &rows, detail).map(Answer::arranged)
}

fn arranged(call: &Call, rows: &[Row], detail: Detail) -> Result<Value, ApiError> {
    let full = |(vhost, queue): &Row| describe(call, vhost, queue, detail);
    let by_declaration =
        call.query.get("sort").is_none_or(|key| key.is_empty() || DECLARED.contains(&key));
    if !by_declaration || call.query.get("page").is_none() {
        return paging::list(&call.query, rows.iter().map(full).collect());
    }
    let key = call.query.get("sort").unwrap_or_default();
    let light = rows.iter().enumerate().map(|(place, (vhost, queue))| {
        let info = queue.info();
        let mut row = json!({ "name": info.name.as_str(), PLACE: place });
        let value = match key {
            "vhost" => Value::from(vhost.name().as_str()),
            "durable" => Value::from(info.durable),
            "auto_delete" => Value::from(info.auto_delete),
            "exclusive" => Value::from(info.exclusive.is_some()),
            "type" => Value::from(queue.effective().queue_type.as_str()),
            _ => return row,
        };
        row[key] = value;
        row
    });
    let mut page = paging::arrange(&call.query, light.collect())?;
    paging::each_item(&mut page, |row| {
        let place = row[PLACE].as_u64().and_then(|place| usize::try_from(place).ok());
        let row = place.and_then(|place| rows.get(place));
        // Every row of the page is one of these rows.
        row.map_or(Value::Null, |row| paging::columns(&call.query, full(row)))
    });
    Ok(page)
}

/// Where a row of a page stands among all of them.
const PLACE: &str = "#";

fn describe(call: &Call, vhost: &Vhost, queue: &Arc<Cell>, detail: Detail) -> Value {
    let node = &call.management.facts.node;
    let effective = queue.effective();
    let (info, kind) = (queue.info(), effective.queue_type);
    let basic = BasicQueue::new(node, vhost.name(), info, kind, queue.is_crashed());
    if detail == Detail::Basic {
        return json(&FullQueue { basic, totals: None, stats: None, consumer_details: None });
    }
    let report = queue.report();
    let totals = Some(QueueTotals {
        messages: report.ready + report.unacknowledged,
        messages_ready: report.ready,
        messages_unacknowledged: report.unacknowledged,
    });
    if detail == Detail::Totals {
        return json(&FullQueue { basic, totals, stats: None, consumer_details: None });
    }
    let stats = Some(stats(call, vhost, queue, &effective, &report));
    let consumer_details = (detail == Detail::Full).then(|| consumers(call, vhost, queue, &report));
    json(&FullQueue { basic, totals, stats, consumer_details })
}

fn json(queue: &FullQueue) -> Value {
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

fn stats(
    call: &Call,
    vhost: &Vhost,
    queue: &Cell,
    effective: &QueueEffective,
    report: &QueueReport,
) -> QueueStats {
    let management = &call.management;
    let (id, now) = (queue.info().id, call.broker().clock().now());
    let rates = management.queue_samples.rates(now, id, report);
    let tag = |wanted: fn(&&ConsumerReport) -> bool| {
        report.consumers.iter().find(wanted).map(|consumer| consumer.tag.to_string())
    };
    let owner = queue.info().exclusive.and_then(|owner| call.broker().open_connection(owner));
    let single = effective.single_active_consumer;
    let is_quorum = effective.queue_type == QueueType::Quorum;
    QueueStats {
        messages_details: rates.messages,
        messages_ready_details: rates.ready,
        messages_unacknowledged_details: rates.unacknowledged,
        message_bytes: report.ready_bytes + report.unacknowledged_bytes,
        message_bytes_ready: report.ready_bytes,
        message_bytes_unacknowledged: report.unacknowledged_bytes,
        message_bytes_ram: report.ram_bytes,
        memory: report.ram_bytes,
        consumers: report.consumers.len(),
        messages_lost: queue.lost_messages(),
        policy: effective.policy.as_ref().map(ToString::to_string),
        operator_policy: effective.operator_policy.as_ref().map(ToString::to_string),
        effective_policy_definition: effective_policy(vhost, effective),
        exclusive_consumer_tag: tag(|consumer| consumer.exclusive),
        single_active_consumer_tag: if single { tag(|consumer| consumer.active) } else { None },
        owner_pid_details: owner.map(|owner| ConnectionDetails::new(&owner)),
        idle_since: rates.idle_since_unix_ms.map(rfc3339),
        delivery_limit: effective.delivery_limit.value.filter(|_| is_quorum),
        quorum: is_quorum.then(|| QuorumFields::new(&management.facts.node)),
        message_stats: rates.stats,
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
