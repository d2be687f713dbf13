//! What the broker said at one moment, read from the JSON of its API. What is missing there is missing
//! here: versions and rights differ.

use serde_json::{Value, json};

use super::column::{Column, Kind, View};
use super::number;
use super::query::Named;

/// One look.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Look {
    pub header: Header,
    pub page: Page,
}

/// The broker as a whole.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Header {
    pub node: String,
    pub cluster: String,
    pub uptime_ms: Option<u64>,
    /// Per second.
    pub published: f64,
    pub delivered: f64,
    pub acknowledged: f64,
    pub ready: u64,
    pub unacknowledged: u64,
    pub messages: u64,
    pub queues: u64,
    pub connections: u64,
    pub channels: u64,
    pub consumers: u64,
    /// Of the process, in bytes.
    pub memory: Option<u64>,
    /// Bytes of messages in RAM at which publishers are held back.
    pub watermark: Option<u64>,
    pub disk_free: Option<u64>,
    /// What the alarm is about, and why it is on.
    pub alarms: Vec<(String, String)>,
}

/// A page of a list.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Page {
    pub view: View,
    /// From 1 on.
    pub number: usize,
    pub pages: usize,
    pub size: usize,
    /// Entries of all pages.
    pub filtered: usize,
    /// And without the filter.
    pub total: usize,
    pub rows: Vec<Row>,
}

/// A line of the table.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Row {
    pub named: Named,
    /// As the API has it, with the columns only.
    item: Value,
}

impl Look {
    pub(super) fn of(view: View, overview: &Value, nodes: &Value, list: &Value) -> Self {
        let node = nodes.get(0).unwrap_or(&Value::Null);
        Self { header: Header::of(overview, node), page: Page::of(view, list) }
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        let (header, page) = (&self.header, &self.page);
        json!({
            "node": header.node,
            "cluster_name": header.cluster,
            "uptime_ms": header.uptime_ms,
            "rates": {
                "publish": header.published,
                "deliver_get": header.delivered,
                "ack": header.acknowledged,
            },
            "totals": {
                "messages": header.messages,
                "messages_ready": header.ready,
                "messages_unacknowledged": header.unacknowledged,
                "queues": header.queues,
                "connections": header.connections,
                "channels": header.channels,
                "consumers": header.consumers,
            },
            "mem_used": header.memory,
            "mem_limit": header.watermark,
            "disk_free": header.disk_free,
            "alarms": header.alarms.iter().map(|(resource, reason)| {
                json!({ "resource": resource, "reason": reason })
            }).collect::<Vec<_>>(),
            "view": page.view.noun(),
            "total_count": page.total,
            "filtered_count": page.filtered,
            "items": page.rows.iter().map(|row| row.item.clone()).collect::<Vec<_>>(),
        })
    }
}

impl Header {
    fn of(overview: &Value, node: &Value) -> Self {
        let rate = |name: &str| float(overview, &format!("message_stats.{name}_details.rate"));
        let total = |name: &str| whole(overview, &format!("queue_totals.{name}")).unwrap_or(0);
        let object = |name: &str| whole(overview, &format!("object_totals.{name}")).unwrap_or(0);
        Self {
            node: text(overview, "node"),
            cluster: text(overview, "cluster_name"),
            uptime_ms: whole(node, "uptime"),
            published: rate("publish"),
            delivered: rate("deliver_get"),
            acknowledged: rate("ack"),
            ready: total("messages_ready"),
            unacknowledged: total("messages_unacknowledged"),
            messages: total("messages"),
            queues: object("queues"),
            connections: object("connections"),
            channels: object("channels"),
            consumers: object("consumers"),
            memory: whole(node, "mem_used"),
            watermark: whole(node, "mem_limit"),
            disk_free: whole(node, "disk_free"),
            alarms: alarms(node),
        }
    }
}

/// The alarms with their reasons; the bare switches where there are no reasons, as in RabbitMQ.
fn alarms(node: &Value) -> Vec<(String, String)> {
    let known = node["alarms"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !known.is_empty() {
        return known
            .iter()
            .map(|alarm| (text(alarm, "resource"), text(alarm, "reason")))
            .collect();
    }
    let is_on = |(field, _): &(&str, &str)| node[*field] == Value::Bool(true);
    let switches = [("mem_alarm", "memory"), ("disk_free_alarm", "disk")];
    switches.into_iter().filter(is_on).map(|(_, name)| (name.to_owned(), String::new())).collect()
}

impl Page {
    fn of(view: View, list: &Value) -> Self {
        let items = list.get("items").unwrap_or(list);
        let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<Row> = items.iter().map(|item| Row::of(view, item)).collect();
        let number = |name: &str| whole(list, name).and_then(|number| usize::try_from(number).ok());
        Self {
            view,
            number: number("page").unwrap_or(1),
            pages: number("page_count").unwrap_or(1),
            size: number("page_size").unwrap_or(rows.len()),
            filtered: number("filtered_count").unwrap_or(rows.len()),
            total: number("total_count").unwrap_or(rows.len()),
            rows,
        }
    }
}

impl Row {
    fn of(view: View, item: &Value) -> Self {
        let named = Named { view, vhost: text(item, "vhost"), name: text(item, "name") };
        Self { named, item: item.clone() }
    }

    /// What stands in a column; a dash where the broker says nothing.
    pub(super) fn cell(&self, column: &Column) -> String {
        let Some(value) = at(&self.item, column.from).filter(|value| !value.is_null()) else {
            return "-".to_owned();
        };
        match column.kind {
            Kind::Text => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            Kind::Count => value.as_u64().map_or_else(|| "-".to_owned(), number::count),
            Kind::Rate => number::rate(value.as_f64().unwrap_or(0.0)),
            Kind::Bytes => number::bytes(rounded(value.as_f64().unwrap_or(0.0))),
            Kind::Age => value.as_u64().map_or_else(|| "-".to_owned(), number::age),
        }
    }

    /// Whether a person should look at it.
    pub(super) fn is_in_trouble(&self) -> bool {
        let calm = ["running", "idle", "starting", "tuning", "opening", "-", ""];
        !calm.contains(&text(&self.item, "state").as_str())
    }
}

/// The value at `a.b.c`.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, part| value.get(part))
}

fn text(value: &Value, path: &str) -> String {
    at(value, path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn whole(value: &Value, path: &str) -> Option<u64> {
    at(value, path).and_then(Value::as_u64)
}

fn float(value: &Value, path: &str) -> f64 {
    at(value, path).and_then(Value::as_f64).unwrap_or(0.0)
}

/// A float becomes the nearest whole number there is for it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}
