//! What is in force for a queue or an exchange: arguments, policy and operator policy together.

use super::definition::Definition;
use super::matching::{Matched, PolicySet, Subject};
use super::settings::{
    DeadLetterStrategy, DelayedRetry, DelayedRetryKind, Origin, Overflow, QueueType, Setting,
};
use crate::base::limits::{EXPIRY_MS_MAX, QUORUM_DELIVERY_LIMIT_DEFAULT};
use crate::base::{ExchangeName, FieldTable, FieldValue, PolicyName, ShortStr};

/// Everything about a queue that arguments and policies say together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueEffective {
    /// The policy in force.
    pub policy: Option<PolicyName>,
    /// The operator policy in force.
    pub operator_policy: Option<PolicyName>,
    /// Its type; an argument only.
    pub queue_type: QueueType,
    /// How long a message may wait, in ms.
    pub message_ttl_ms: Setting<Option<u64>>,
    /// How long the queue may be unused, in ms, from 1 on.
    pub expires_ms: Setting<Option<u64>>,
    /// Ready messages at most.
    pub max_length: Setting<Option<u64>>,
    /// Bytes of ready messages at most.
    pub max_length_bytes: Setting<Option<u64>>,
    /// What happens at those two.
    pub overflow: Setting<Overflow>,
    /// Where dead letters go.
    pub dead_letter_exchange: Setting<Option<ExchangeName>>,
    /// With which routing key; `None`: with their own.
    pub dead_letter_routing_key: Setting<Option<ShortStr>>,
    /// When they leave.
    pub dead_letter_strategy: Setting<DeadLetterStrategy>,
    /// How often a message may come back.
    pub delivery_limit: Setting<Option<u32>>,
    /// How long a delivery may stay unsettled, in ms; `None`: what the broker says.
    pub consumer_timeout_ms: Setting<Option<u64>>,
    /// How long a message that came back waits. Its origin is that of the kind.
    pub delayed_retry: Setting<DelayedRetry>,
    /// Priorities of messages; an argument only.
    pub max_priority: Option<u8>,
    /// Only one consumer gets messages; an argument only.
    pub single_active_consumer: bool,
}

/// Everything about an exchange that arguments and policies say together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeEffective {
    /// The policy in force.
    pub policy: Option<PolicyName>,
    /// The operator policy in force.
    pub operator_policy: Option<PolicyName>,
    /// Where messages go that have nowhere to go.
    pub alternate_exchange: Setting<Option<ExchangeName>>,
}

impl QueueEffective {
    /// For the queue of this name with these arguments.
    #[must_use]
    pub fn new(policies: &PolicySet, name: &str, arguments: &FieldTable) -> Self {
        let queue_type = text_argument(arguments, "x-queue-type").and_then(QueueType::parse);
        let queue_type = queue_type.unwrap_or(QueueType::Classic);
        let matched = policies.matching(Subject::Queue(name, queue_type));
        let sources = Sources::new(arguments, &matched);
        Self {
            queue_type,
            message_ttl_ms: sources.lowest("message-ttl").map(|n| n.map(expiry)),
            expires_ms: sources.lowest("expires").map(|n| n.map(expiry)),
            max_length: sources.lowest("max-length").map(|n| n.map(count)),
            max_length_bytes: sources.lowest("max-length-bytes").map(|n| n.map(count)),
            overflow: sources.word("overflow", Overflow::parse, Overflow::DropHead),
            dead_letter_exchange: sources
                .text("dead-letter-exchange")
                .map(|text| text.and_then(|name| ExchangeName::try_from(name).ok())),
            dead_letter_routing_key: sources
                .text("dead-letter-routing-key")
                .map(|text| text.and_then(|key| ShortStr::try_from(key).ok())),
            dead_letter_strategy: sources.word(
                "dead-letter-strategy",
                DeadLetterStrategy::parse,
                DeadLetterStrategy::AtMostOnce,
            ),
            delivery_limit: sources.delivery_limit(queue_type),
            consumer_timeout_ms: sources.lowest("consumer-timeout").map(|n| n.map(count)),
            delayed_retry: sources.delayed_retry(),
            max_priority: integer_argument(arguments, "x-max-priority")
                .and_then(|levels| u8::try_from(levels).ok())
                .filter(|levels| *levels > 0),
            single_active_consumer: matches!(
                arguments.get(b"x-single-active-consumer"),
                Some(FieldValue::Boolean(true))
            ),
            policy: matched.policy.map(|policy| policy.name.clone()),
            operator_policy: matched.operator_policy.map(|policy| policy.name.clone()),
        }
    }
}

impl ExchangeEffective {
    /// For the exchange of this name with these arguments.
    #[must_use]
    pub fn new(policies: &PolicySet, name: &str, arguments: &FieldTable) -> Self {
        let matched = policies.matching(Subject::Exchange(name));
        let sources = Sources { prefix: "", ..Sources::new(arguments, &matched) };
        Self {
            alternate_exchange: sources
                .text("alternate-exchange")
                .map(|text| text.and_then(|name| ExchangeName::try_from(name).ok())),
            policy: matched.policy.map(|policy| policy.name.clone()),
            operator_policy: matched.operator_policy.map(|policy| policy.name.clone()),
        }
    }

    /// The alternate exchange, when it is not the argument's: the routing table knows that one itself.
    #[must_use]
    pub fn alternate_by_policy(&self) -> Option<&ExchangeName> {
        let by_argument = self.alternate_exchange.origin == Origin::Argument;
        self.alternate_exchange.value.as_ref().filter(|_| !by_argument)
    }
}

/// Where values are looked for.
#[derive(Clone, Copy)]
struct Sources<'a> {
    arguments: &'a FieldTable,
    /// What stands before a key in the arguments.
    prefix: &'static str,
    policy: Option<&'a Definition>,
    operator: Option<&'a Definition>,
}

impl<'a> Sources<'a> {
    fn new(arguments: &'a FieldTable, matched: &'a Matched) -> Self {
        let definition = |policy: &'a Option<std::sync::Arc<super::Policy>>| {
            policy.as_ref().map(|policy| &policy.definition)
        };
        let (policy, operator) =
            (definition(&matched.policy), definition(&matched.operator_policy));
        Self { arguments, prefix: "x-", policy, operator }
    }

    fn argument(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Every number that somebody set.
    fn integers(&self, key: &str) -> impl Iterator<Item = Setting<i128>> {
        let found = [
            (integer_argument(self.arguments, &self.argument(key)), Origin::Argument),
            (self.policy.and_then(|policy| policy.integer(key)), Origin::Policy),
            (self.operator.and_then(|policy| policy.integer(key)), Origin::OperatorPolicy),
        ];
        found.into_iter().filter_map(|(value, origin)| value.map(|value| Setting { value, origin }))
    }

    /// The lowest number that somebody set. Of equal ones the argument's, then the policy's.
    fn lowest(&self, key: &str) -> Setting<Option<i128>> {
        let lowest = self.integers(key).min_by_key(|setting| setting.value);
        lowest.map_or(Setting::default_of(None), |setting| setting.map(Some))
    }

    /// The text of the argument, else the operator's, else the policy's.
    fn text(&self, key: &str) -> Setting<Option<&'a str>> {
        let found = [
            (text_argument(self.arguments, &self.argument(key)), Origin::Argument),
            (self.operator.and_then(|policy| policy.text(key)), Origin::OperatorPolicy),
            (self.policy.and_then(|policy| policy.text(key)), Origin::Policy),
        ];
        let first = found.into_iter().find(|(value, _)| value.is_some());
        first.map_or(Setting::default_of(None), |(value, origin)| Setting { value, origin })
    }

    fn word<T>(&self, key: &str, parse: fn(&str) -> Option<T>, default: T) -> Setting<T> {
        let text = self.text(key);
        match text.value.and_then(parse) {
            Some(value) => Setting { value, origin: text.origin },
            None => Setting::default_of(default),
        }
    }

    /// A negative number is no limit, and every limit is lower than that (rabbitmq: quorum-queues.md).
    fn delivery_limit(&self, queue_type: QueueType) -> Setting<Option<u32>> {
        let height = |setting: &Setting<i128>| match setting.value {
            ..0 => i128::MAX,
            limit => limit,
        };
        let limit = |value: i128| (value >= 0).then(|| timer(value));
        match self.integers("delivery-limit").min_by_key(height) {
            Some(lowest) => lowest.map(limit),
            None => Setting::default_of(match queue_type {
                QueueType::Classic => None,
                QueueType::Quorum => Some(QUORUM_DELIVERY_LIMIT_DEFAULT),
            }),
        }
    }

    fn delayed_retry(&self) -> Setting<DelayedRetry> {
        let kind = DelayedRetryKind::parse;
        let kind = self.word("delayed-retry-type", kind, DelayedRetryKind::Disabled);
        let min_ms = self.first("delayed-retry-min").map_or(0, timer);
        let max_ms = self.first("delayed-retry-max").map_or(u32::MAX, timer).max(min_ms);
        kind.map(|kind| DelayedRetry { kind, min_ms, max_ms })
    }

    fn first(&self, key: &str) -> Option<i128> {
        self.integers(key).next().map(|setting| setting.value)
    }
}

fn integer_argument(arguments: &FieldTable, key: &str) -> Option<i128> {
    arguments.get(key.as_bytes())?.as_integer()
}

fn text_argument<'a>(arguments: &'a FieldTable, key: &str) -> Option<&'a str> {
    arguments.get(key.as_bytes())?.as_text()
}

/// As many milliseconds as timers have, 49 days, which is as good as for ever.
fn timer(value: i128) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// No longer than what an argument may say.
fn expiry(value: i128) -> u64 {
    count(value).min(EXPIRY_MS_MAX)
}

fn count(value: i128) -> u64 {
    u64::try_from(value.max(0)).unwrap_or(u64::MAX)
}
