//! What a message is when it becomes a dead letter: its new address, its history in `x-death`, and when
//! it has gone in a circle for long enough (rabbitmq: dlx.md).

use bytes::Bytes;

use super::HeaderWriter;
use super::queue_settings::DeadLetterTarget;
use crate::base::{FieldTable, FieldValue, Message, MessageHeader, QueueName, ShortStr};
use crate::queue::Reason;

/// The history: one table for each queue and reason, the last death first.
const DEATHS: &str = "x-death";

/// More routing keys, which a publisher put into the headers (rabbitmq: sender-selected.md).
const MORE_KEYS: &str = "CC";

/// Where, when and why a message was given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death<'a> {
    pub(super) queue: &'a QueueName,
    pub(super) reason: Reason,
    /// Since 1970.
    pub(super) unix_seconds: u64,
}

/// A message on its way to a dead-letter exchange.
#[derive(Debug)]
pub(super) struct DeadMessage {
    pub(super) message: Message,
    headers: FieldTable,
    by_consumer: bool,
}

impl DeadMessage {
    /// The message as it is published again.
    pub(super) fn new(
        message: &Message,
        headers: &FieldTable,
        death: Death<'_>,
        target: &DeadLetterTarget,
        write: HeaderWriter,
    ) -> Self {
        let keeps_keys = target.routing_key.is_none();
        let headers = headers_after(headers, message, death, keeps_keys);
        let header = MessageHeader { expiration_ms: None, has_headers: true, ..message.header() };
        let key = target.routing_key.as_ref().map_or(message.routing_key(), ShortStr::as_bytes);
        let properties = write(message.properties(), &headers);
        let message =
            Message::new(&target.exchange, key, &properties, message.body().to_body(), header);
        Self { message, headers, by_consumer: death.reason == Reason::Rejected }
    }

    /// The keys by which it is routed.
    pub(super) fn keys(&self) -> Vec<Bytes> {
        let own = Bytes::copy_from_slice(self.message.routing_key());
        [own].into_iter().chain(more_keys(&self.headers)).collect()
    }

    /// Its headers.
    pub(super) fn headers(&self) -> &FieldTable {
        &self.headers
    }

    /// Whether it was in this queue before and came here again without anybody's doing: no consumer
    /// rejected it on the whole way. Such a message would go round for ever.
    pub(super) fn is_circling(&self, queue: &QueueName) -> bool {
        if self.by_consumer {
            return false;
        }
        let deaths = deaths(&self.headers);
        let last_here = deaths.iter().position(|entry| has(entry, "queue", queue.as_str()));
        last_here.is_some_and(|last| {
            deaths.iter().take(last + 1).all(|entry| !has(entry, "reason", name(Reason::Rejected)))
        })
    }
}

/// The word for it in `x-death`.
fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Rejected => "rejected",
        Reason::Expired => "expired",
        Reason::MaxLen => "maxlen",
        Reason::DeliveryLimit => "delivery_limit",
        // What was only held back until now has no death; no queue of this kind can be declared.
        Reason::Due => "due",
    }
}

fn headers_after(
    before: &FieldTable,
    message: &Message,
    death: Death<'_>,
    keeps_keys: bool,
) -> FieldTable {
    let mut history = deaths(before).to_vec();
    let is_same = |entry: &FieldValue| {
        has(entry, "queue", death.queue.as_str()) && has(entry, "reason", name(death.reason))
    };
    let entry = match history.iter().position(is_same) {
        Some(place) => counted_up(history.remove(place)),
        None => entry(before, message, death),
    };
    history.insert(0, entry);
    let mut headers = before.clone();
    if !keeps_keys {
        headers = without(&headers, MORE_KEYS);
    }
    set(&mut headers, DEATHS, FieldValue::Array(history));
    let facts = [
        ("reason", name(death.reason)),
        ("queue", death.queue.as_str()),
        ("exchange", message.exchange()),
    ];
    for (what, value) in facts {
        let first = format!("x-first-death-{what}");
        if headers.get(first.as_bytes()).is_none() {
            set(&mut headers, &first, FieldValue::text(value));
        }
        set(&mut headers, &format!("x-last-death-{what}"), FieldValue::text(value));
    }
    headers
}

/// The first death of a message in this queue for this reason.
fn entry(headers: &FieldTable, message: &Message, death: Death<'_>) -> FieldValue {
    let own = Bytes::copy_from_slice(message.routing_key());
    let keys = [own].into_iter().chain(more_keys(headers)).map(FieldValue::LongString).collect();
    let mut table = FieldTable::EMPTY;
    set(&mut table, "count", FieldValue::I64(1));
    set(&mut table, "reason", FieldValue::text(name(death.reason)));
    set(&mut table, "queue", FieldValue::text(death.queue.as_str()));
    set(&mut table, "time", FieldValue::Timestamp(death.unix_seconds));
    set(&mut table, "exchange", FieldValue::text(message.exchange()));
    set(&mut table, "routing-keys", FieldValue::Array(keys));
    if let Some(expiration_ms) = message.header().expiration_ms {
        let expiration = FieldValue::text(&expiration_ms.to_string());
        set(&mut table, "original-expiration", expiration);
    }
    FieldValue::Table(table)
}

/// One more death like this. The rest of the entry says how it was the first time.
fn counted_up(entry: FieldValue) -> FieldValue {
    let FieldValue::Table(mut table) = entry else { return entry };
    let count = table.get(b"count").and_then(FieldValue::as_integer).unwrap_or(0);
    let count = i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1);
    set(&mut table, "count", FieldValue::I64(count));
    FieldValue::Table(table)
}

fn deaths(headers: &FieldTable) -> &[FieldValue] {
    match headers.get(DEATHS.as_bytes()) {
        Some(FieldValue::Array(deaths)) => deaths,
        _ => &[],
    }
}

fn more_keys(headers: &FieldTable) -> impl Iterator<Item = Bytes> + '_ {
    let keys: &[FieldValue] = match headers.get(MORE_KEYS.as_bytes()) {
        Some(FieldValue::Array(keys)) => keys,
        _ => &[],
    };
    keys.iter().filter_map(|key| match key {
        FieldValue::LongString(key) => Some(key.clone()),
        _ => None,
    })
}

fn has(entry: &FieldValue, key: &str, value: &str) -> bool {
    let FieldValue::Table(table) = entry else { return false };
    matches!(table.get(key.as_bytes()), Some(FieldValue::LongString(text)) if text == value)
}

/// Puts a value in the place of the one that is there, or at the end.
fn set(table: &mut FieldTable, key: &str, value: FieldValue) {
    if table.get(key.as_bytes()).is_none() {
        let key = ShortStr::try_from(key).expect("the names of these headers are short");
        return table.push(key, value);
    }
    let mut value = Some(value);
    let entries = std::mem::take(table);
    let replace = |(name, old): (&ShortStr, &FieldValue)| {
        let is_it = name.as_bytes() == key.as_bytes();
        let new = if is_it { value.take() } else { None };
        (name.clone(), new.unwrap_or_else(|| old.clone()))
    };
    *table = entries.iter().map(replace).collect();
}

fn without(table: &FieldTable, key: &str) -> FieldTable {
    let others = table.iter().filter(|(name, _)| name.as_bytes() != key.as_bytes());
    others.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests;
