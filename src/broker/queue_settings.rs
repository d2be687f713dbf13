//! What the settings of a queue ask of its machine, and where its dead letters go.

use super::pages::{ENTRY_BYTES, PAGING};
use super::policy::{self, DeadLetterStrategy, DelayedRetryKind, QueueEffective, QueueType};
use crate::base::limits::DEAD_LETTERS_DEPARTING_MAX;
use crate::base::{ExchangeName, ShortStr};
use crate::queue::{Attempt, DeadLetter, DelayedRetry, LogMode, Overflow, QueueConfig, WhenDue};

/// What is in force for a queue.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct QueueSettings {
    /// Where the rest comes from.
    pub(super) effective: QueueEffective,
    /// The machine's share.
    pub(super) machine: QueueConfig,
    /// Where dead letters go; there exactly when the machine hands them out.
    pub(super) dead_letter: Option<DeadLetterTarget>,
    /// The time-out of consumers in a queue that says nothing about it, in ms.
    pub(super) consumer_timeout_default: Option<u64>,
    /// Whether deliveries carry `x-acquired-count` and `x-delivery-count` (rabbitmq: quorum-queues.md,
    /// poison messages).
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
    /// Of a queue that is kept in the log or not.
    pub(super) fn new(
        effective: QueueEffective,
        auto_delete: bool,
        stored: bool,
        consumer_timeout_default: Option<u64>,
    ) -> Self {
        let is_quorum = effective.queue_type == QueueType::Quorum;
        let overflow = match effective.overflow.value {
            policy::Overflow::DropHead => Overflow::DropHead,
            policy::Overflow::RejectPublish => Overflow::RejectPublish,
            policy::Overflow::RejectPublishDlx => Overflow::RejectPublishDlx,
        };
        // rabbitmq: quorum-queues.md, at-least-once dead lettering: a queue that drops its head instead of
        // refusing publishes could not keep what waits to be sent, so it falls back.
        let until_taken = is_quorum
            && effective.dead_letter_strategy.value == DeadLetterStrategy::AtLeastOnce
            && overflow == Overflow::RejectPublish;
        let dead_letter = effective.dead_letter_exchange.value.clone().map(|exchange| {
            let routing_key = effective.dead_letter_routing_key.value.clone();
            DeadLetterTarget { exchange, routing_key, until_taken }
        });
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
            message_ttl: effective.message_ttl_ms.value,
            max_length: effective.max_length.value,
            max_length_bytes: effective.max_length_bytes.value,
            bytes_beside: ENTRY_BYTES,
            overflow,
            expires: effective.expires_ms.value,
            consumer_timeout: effective.consumer_timeout_ms.value.or(consumer_timeout_default),
            single_active: effective.single_active_consumer,
            delivery_limit: effective.delivery_limit.value,
            delayed_retry: delayed_retry(effective.delayed_retry.value),
            max_priority: effective.max_priority,
            due: WhenDue::Ignored,
            keeps_failures: false,
        };
        let counts_deliveries = is_quorum || machine.delivery_limit.is_some();
        let keeps_failures = counts_deliveries || machine.delayed_retry.is_some();
        let machine = QueueConfig { keeps_failures, ..machine };
        Self { effective, machine, dead_letter, consumer_timeout_default, counts_deliveries }
    }

    /// Of the queue behind an exchange that delays: it knows nothing but when its messages are due, and
    /// sends them on to what the exchange leads to then. As many are on their way at a time as of a queue
    /// that sends dead letters until they are taken.
    pub(super) fn delaying(
        effective: QueueEffective,
        exchange: &ExchangeName,
        stored: bool,
    ) -> Self {
        let plain = Self::new(effective, false, stored, None);
        let (exchange, routing_key) = (exchange.clone(), None);
        let departing = DeadLetter::AtLeastOnce { departing_max: DEAD_LETTERS_DEPARTING_MAX };
        Self {
            machine: QueueConfig { dead_letter: departing, due: WhenDue::Forward, ..plain.machine },
            dead_letter: Some(DeadLetterTarget { exchange, routing_key, until_taken: false }),
            ..plain
        }
    }

    /// Whether dead letters are kept until a queue has taken them.
    pub(super) fn until_taken(&self) -> bool {
        self.dead_letter.as_ref().is_some_and(|target| target.until_taken)
    }

    /// The same queue with something else in force.
    pub(super) fn with(&self, effective: QueueEffective) -> Self {
        let stored = self.machine.log == LogMode::Logged;
        Self::new(effective, self.machine.auto_delete, stored, self.consumer_timeout_default)
    }
}

fn delayed_retry(retry: policy::DelayedRetry) -> Option<DelayedRetry> {
    let only = match retry.kind {
        DelayedRetryKind::Disabled => return None,
        DelayedRetryKind::All => None,
        DelayedRetryKind::Failed => Some(Attempt::Failed),
        DelayedRetryKind::Returned => Some(Attempt::Returned),
    };
    Some(DelayedRetry { only, min: retry.min_ms, max: retry.max_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{FieldTable, FieldValue};
    use crate::broker::policy::PolicySet;

    fn settings(arguments: &[(&str, FieldValue)]) -> QueueSettings {
        let entry = |(key, value): &(&str, FieldValue)| {
            (ShortStr::try_from(*key).expect("short"), value.clone())
        };
        let arguments: FieldTable = arguments.iter().map(entry).collect();
        let effective = QueueEffective::new(&PolicySet::default(), "q", &arguments);
        QueueSettings::new(effective, false, false, None)
    }

    #[test]
    fn the_time_out_of_the_broker_is_for_queues_that_say_none() {
        let timeout = |arguments: &FieldTable| {
            let effective = QueueEffective::new(&PolicySet::default(), "q", arguments);
            let settings = QueueSettings::new(effective.clone(), false, false, Some(5));
            let (first, later) = (settings.machine, settings.with(effective).machine);
            assert_eq!(first.consumer_timeout, later.consumer_timeout);
            first.consumer_timeout
        };
        assert_eq!(timeout(&FieldTable::EMPTY), Some(5));
        let key = ShortStr::try_from("x-consumer-timeout").expect("short");
        let own: FieldTable = [(key, FieldValue::I32(9))].into_iter().collect();
        assert_eq!(timeout(&own), Some(9), "also a longer one");
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
            keeps_failures: true,
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
