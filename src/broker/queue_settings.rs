//! What the arguments of a queue ask of its machine, and where its dead letters go.

use super::arguments::queue_type;
use super::pages::{ENTRY_BYTES, PAGING};
use crate::base::limits::{DEAD_LETTERS_DEPARTING_MAX, QUORUM_DELIVERY_LIMIT_DEFAULT};
use crate::base::{ExchangeName, FieldTable, FieldValue, ShortStr};
use crate::queue::{Attempt, DeadLetter, DelayedRetry, LogMode, Overflow, QueueConfig, WhenDue};

/// What is in force for a queue.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct QueueSettings {
    /// The machine's share.
    pub(super) machine: QueueConfig,
    /// Where dead letters go; there exactly when the machine hands them out.
    pub(super) dead_letter: Option<DeadLetterTarget>,
    /// Whether deliveries carry `x-acquired-count` and `x-delivery-count` (rabbitmq: quorum-queues.md, poison messages).
    pub(super) counts_deliveries: bool,
}

/// Where the dead letters of a queue go.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct DeadLetterTarget {
    /// `x-dead-letter-exchange`.
    pub(super) exchange: ExchangeName,
    /// `x-dead-letter-routing-key`; without it a message keeps its own.
    pub(super) routing_key: Option<ShortStr>,
    /// Whether a letter that no queue takes is sent again and again.
    pub(super) until_taken: bool,
}

impl QueueSettings {
    /// Of arguments that were checked when the queue was declared.
    pub(super) fn of(arguments: &FieldTable, auto_delete: bool, stored: bool) -> Self {
        let number = |key: &str| integer(arguments, key);
        let is_quorum = queue_type(arguments) == "quorum";
        let overflow = match text(arguments, "x-overflow") {
            Some("reject-publish") => Overflow::RejectPublish,
            Some("reject-publish-dlx") => Overflow::RejectPublishDlx,
            _ => Overflow::DropHead,
        };
        // rabbitmq: quorum-queues.md, at-least-once dead lettering: a queue that drops its head instead of
        // refusing publishes could not keep what waits to be sent, so it falls back.
        let until_taken = is_quorum
            && text(arguments, "x-dead-letter-strategy") == Some("at-least-once")
            && overflow == Overflow::RejectPublish;
        let dead_letter = target(arguments, until_taken);
        let delivery_limit = match number("x-delivery-limit") {
            None => is_quorum.then_some(QUORUM_DELIVERY_LIMIT_DEFAULT),
            Some(limit) => limit_of(limit),
        };
        let machine = QueueConfig {
            log: if stored { LogMode::Logged } else { LogMode::Volatile },
            auto_delete,
            paging: stored.then_some(PAGING),
            dead_letter: match (&dead_letter, until_taken) {
                (None, _) => DeadLetter::Drop,
                (Some(_), false) => DeadLetter::AtMostOnce,
                (Some(_), true) => {
                    DeadLetter::AtLeastOnce { departing_max: DEAD_LETTERS_DEPARTING_MAX }
                }
            },
            message_ttl: number("x-message-ttl").and_then(fitting),
            max_length: number("x-max-length").and_then(fitting),
            max_length_bytes: number("x-max-length-bytes").and_then(fitting),
            bytes_beside: ENTRY_BYTES,
            overflow,
            expires: number("x-expires").and_then(fitting),
            consumer_timeout: number("x-consumer-timeout").and_then(fitting),
            single_active: flag(arguments, "x-single-active-consumer"),
            delivery_limit,
            delayed_retry: delayed_retry(arguments),
            max_priority: number("x-max-priority").and_then(fitting).filter(|levels| *levels > 0),
            due: WhenDue::Ignored,
        };
        let counts_deliveries = is_quorum || delivery_limit.is_some();
        Self { machine, dead_letter, counts_deliveries }
    }
}

fn target(arguments: &FieldTable, until_taken: bool) -> Option<DeadLetterTarget> {
    let exchange = text(arguments, "x-dead-letter-exchange")?;
    let exchange = ExchangeName::try_from(exchange).ok()?;
    let routing_key = text(arguments, "x-dead-letter-routing-key");
    let routing_key = routing_key.and_then(|key| ShortStr::try_from(key).ok());
    Some(DeadLetterTarget { exchange, routing_key, until_taken })
}

/// How long what came back waits; the longest time is no shorter than the shortest.
fn delayed_retry(arguments: &FieldTable) -> Option<DelayedRetry> {
    let only = match text(arguments, "x-delayed-retry-type")? {
        "all" => None,
        "failed" => Some(Attempt::Failed),
        "returned" => Some(Attempt::Returned),
        _ => return None,
    };
    let timer = |key| integer(arguments, key).map(|ms| u32::try_from(ms).unwrap_or(u32::MAX));
    let min = timer("x-delayed-retry-min").unwrap_or(0);
    let max = timer("x-delayed-retry-max").unwrap_or(u32::MAX).max(min);
    Some(DelayedRetry { only, min, max })
}

/// A bound that does not fit is one that is never reached.
fn fitting<T: TryFrom<i128>>(value: i128) -> Option<T> {
    T::try_from(value).ok()
}

/// -1 is no limit.
fn limit_of(value: i128) -> Option<u32> {
    (value >= 0).then(|| u32::try_from(value).unwrap_or(u32::MAX))
}

fn integer(arguments: &FieldTable, key: &str) -> Option<i128> {
    arguments.get(key.as_bytes())?.as_integer()
}

fn text<'a>(arguments: &'a FieldTable, key: &str) -> Option<&'a str> {
    arguments.get(key.as_bytes())?.as_text()
}

fn flag(arguments: &FieldTable, key: &str) -> bool {
    arguments.get(key.as_bytes()) == Some(&FieldValue::Boolean(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[(&str, FieldValue)]) -> QueueSettings {
        let entry = |(key, value): &(&str, FieldValue)| {
            (ShortStr::try_from(*key).expect("short"), value.clone())
        };
        QueueSettings::of(&arguments.iter().map(entry).collect(), false, false)
    }

    #[test]
    fn a_queue_without_arguments_has_no_feature() {
        let plain = settings(&[("x-queue-type", FieldValue::text("classic"))]);
        let bytes_beside = ENTRY_BYTES;
        assert_eq!(plain.machine, QueueConfig { bytes_beside, ..QueueConfig::default() });
        assert_eq!((plain.dead_letter, plain.counts_deliveries), (None, false));
    }

    #[test]
    fn every_argument_reaches_the_machine() {
        let number = FieldValue::I32;
        let machine = settings(&[
            ("x-message-ttl", number(1)),
            ("x-expires", number(2)),
            ("x-max-length", number(3)),
            ("x-max-length-bytes", number(4)),
            ("x-overflow", FieldValue::text("reject-publish-dlx")),
            ("x-dead-letter-exchange", FieldValue::text("dlx")),
            ("x-single-active-consumer", FieldValue::Boolean(true)),
            ("x-delivery-limit", number(5)),
            ("x-consumer-timeout", number(6)),
            ("x-max-priority", number(7)),
            ("x-delayed-retry-type", FieldValue::text("failed")),
            ("x-delayed-retry-min", number(9)),
            ("x-delayed-retry-max", number(8)),
        ])
        .machine;
        let expected = QueueConfig {
            message_ttl: Some(1),
            expires: Some(2),
            max_length: Some(3),
            max_length_bytes: Some(4),
            overflow: Overflow::RejectPublishDlx,
            dead_letter: DeadLetter::AtMostOnce,
            single_active: true,
            bytes_beside: ENTRY_BYTES,
            delivery_limit: Some(5),
            consumer_timeout: Some(6),
            max_priority: Some(7),
            delayed_retry: Some(DelayedRetry { only: Some(Attempt::Failed), min: 9, max: 9 }),
            ..QueueConfig::default()
        };
        assert_eq!(machine, expected);
    }

    #[test]
    fn a_quorum_queue_limits_deliveries_unless_it_is_told_not_to() {
        let quorum = ("x-queue-type", FieldValue::text("quorum"));
        let limit = |limit: Option<i32>| {
            let limit = limit.map(|limit| ("x-delivery-limit", FieldValue::I32(limit)));
            let arguments: Vec<_> = [quorum.clone()].into_iter().chain(limit).collect();
            settings(&arguments).machine.delivery_limit
        };
        assert_eq!([limit(None), limit(Some(3)), limit(Some(-1))], [Some(20), Some(3), None]);
    }

    #[test]
    fn letters_are_sent_until_taken_only_by_a_quorum_queue_that_refuses_when_it_is_full() {
        let arguments = |queue_type, overflow| {
            [
                ("x-queue-type", FieldValue::text(queue_type)),
                ("x-overflow", FieldValue::text(overflow)),
                ("x-dead-letter-exchange", FieldValue::text("dlx")),
                ("x-dead-letter-strategy", FieldValue::text("at-least-once")),
            ]
        };
        for (queue_type, overflow, expected) in [
            ("quorum", "reject-publish", true),
            ("quorum", "drop-head", false),
            ("classic", "reject-publish", false),
        ] {
            let settings = settings(&arguments(queue_type, overflow));
            let until_taken = settings.dead_letter.expect("there is an exchange").until_taken;
            assert_eq!(until_taken, expected, "{queue_type} {overflow}");
            let strategy = settings.machine.dead_letter;
            assert_eq!(matches!(strategy, DeadLetter::AtLeastOnce { .. }), expected);
        }
    }
}
