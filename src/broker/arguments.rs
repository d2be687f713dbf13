//! Queue arguments: which values are good, and when a second declare says the same as the first.

use super::{DeclareQueue, QueueInfo, Refused, refuse};
use crate::base::limits::{DEDUPLICATION_KEYS_MAX, EXPIRY_MS_MAX};
use crate::base::{FieldTable, FieldValue, QueueName, ReplyCode, VhostName};

/// How a value is checked.
#[derive(Clone, Copy)]
enum Rule {
    /// An integer from 0.
    NotNegative,
    /// An integer from 1.
    Positive,
    /// An integer from -1.
    NotNegativeOrOff,
    /// An integer from 1 to 255.
    PriorityLevels,
    /// A boolean.
    Boolean,
    /// A string.
    Text,
    /// `drop-head`, `reject-publish` or `reject-publish-dlx`.
    Overflow,
    /// `at-most-once` or `at-least-once`.
    DeadLetterStrategy,
    /// `disabled`, `all`, `failed` or `returned`.
    DelayedRetryType,
    /// `classic` or `quorum`.
    QueueType,
    /// 1 or 2.
    Version,
    /// An integer from 1 to as many keys as a window may have.
    Keys,
    /// `memory` or `disk`.
    Persistence,
}

/// The arguments that RabbitMQ knows for classic and quorum queues. All others are kept and ignored.
const KNOWN: &[(&str, Rule)] = &[
    ("x-queue-type", Rule::QueueType),
    ("x-message-ttl", Rule::NotNegative),
    ("x-expires", Rule::Positive),
    ("x-max-length", Rule::NotNegative),
    ("x-max-length-bytes", Rule::NotNegative),
    ("x-overflow", Rule::Overflow),
    ("x-dead-letter-exchange", Rule::Text),
    ("x-dead-letter-routing-key", Rule::Text),
    ("x-dead-letter-strategy", Rule::DeadLetterStrategy),
    ("x-max-priority", Rule::PriorityLevels),
    ("x-single-active-consumer", Rule::Boolean),
    ("x-delivery-limit", Rule::NotNegativeOrOff),
    ("x-consumer-timeout", Rule::NotNegative),
    ("x-delayed-retry-type", Rule::DelayedRetryType),
    ("x-delayed-retry-min", Rule::NotNegative),
    ("x-delayed-retry-max", Rule::NotNegative),
    ("x-queue-mode", Rule::Text),
    ("x-queue-version", Rule::Version),
    ("x-queue-master-locator", Rule::Text),
    ("x-queue-leader-locator", Rule::Text),
    ("x-message-deduplication", Rule::Boolean),
    ("x-cache-size", Rule::Keys),
    ("x-cache-ttl", Rule::Positive),
    ("x-cache-persistence", Rule::Persistence),
    ("x-deduplication-header", Rule::Text),
];

/// Refuses what a new queue cannot be.
pub(super) fn check(
    name: &QueueName,
    vhost: &VhostName,
    declare: &DeclareQueue,
) -> Result<(), Refused> {
    for (key, rule) in KNOWN {
        let Some(value) = declare.arguments.get(key.as_bytes()) else { continue };
        if let Err(reason) = rule.check(key, value) {
            let text = if *key == "x-dead-letter-exchange" {
                format!(
                    "invalid type '{}' for arg 'x-dead-letter-exchange' in queue '{name}' in vhost '{vhost}'",
                    value.type_name()
                )
            } else {
                format!("invalid arg '{key}' for queue '{name}' in vhost '{vhost}': {reason}")
            };
            return refuse(ReplyCode::PreconditionFailed, text);
        }
    }
    let has = |key: &[u8]| declare.arguments.get(key).is_some();
    if has(b"x-dead-letter-routing-key") && !has(b"x-dead-letter-exchange") {
        return refuse(
            ReplyCode::PreconditionFailed,
            format!(
                "invalid arg 'x-dead-letter-routing-key' for queue '{name}' in vhost '{vhost}': \
                 routing_key_but_no_dlx_defined"
            ),
        );
    }
    if queue_type(&declare.arguments) == "quorum" {
        check_quorum(name, vhost, declare)?;
        if has(b"x-max-priority") {
            return refuse(
                ReplyCode::PreconditionFailed,
                format!(
                    "invalid arg 'x-max-priority' for queue '{name}' in vhost '{vhost}' of queue \
                     type rabbit_quorum_queue"
                ),
            );
        }
    }
    Ok(())
}

/// Refuses a second declare that says something else than the first.
pub(super) fn check_equivalent(
    info: &QueueInfo,
    vhost: &VhostName,
    declare: &DeclareQueue,
) -> Result<(), Refused> {
    let different = |key: &str, received: String, current: String| {
        refuse(
            ReplyCode::PreconditionFailed,
            format!(
                "inequivalent arg '{key}' for queue '{}' in vhost '{vhost}': received {received} \
                 but current is {current}",
                info.name
            ),
        )
    };
    if info.durable != declare.is_durable() {
        return different("durable", quoted(declare.is_durable()), quoted(info.durable));
    }
    if info.auto_delete != declare.auto_delete {
        return different("auto_delete", quoted(declare.auto_delete), quoted(info.auto_delete));
    }
    for (key, _) in KNOWN {
        let received = declare.arguments.get(key.as_bytes());
        let current = info.arguments.get(key.as_bytes());
        let same = match (received, current) {
            (None, None) => true,
            (Some(a), Some(b)) => same_value(a, b),
            (Some(only), None) | (None, Some(only)) => {
                *key == "x-queue-type" && only.as_text() == Some("classic")
            }
        };
        if !same {
            // RabbitMQ names the type only when one side has no value.
            return match (received, current) {
                (Some(received), Some(current)) => different(
                    key,
                    format!("'{}'", shown(received)),
                    format!("'{}'", shown(current)),
                ),
                _ => different(key, described(received), described(current)),
            };
        }
    }
    Ok(())
}

/// What `basic.consume` asks for in its arguments.
pub(super) fn consume(
    queue: &QueueName,
    vhost: &VhostName,
    arguments: &FieldTable,
) -> Result<ConsumeArguments, Refused> {
    // rabbitmq: rabbit_amqqueue.erl, consume_args.
    let number = |key: &str| {
        let value = arguments.get(key.as_bytes()).map(integer).transpose();
        value.or_else(|reason| {
            refuse(
                ReplyCode::PreconditionFailed,
                format!("invalid arg '{key}' for queue '{queue}' in vhost '{vhost}': {reason}"),
            )
        })
    };
    let priority = number("x-priority")?.unwrap_or(0);
    let bounded = priority.clamp(i32::MIN.into(), i32::MAX.into());
    let timeout = number("x-consumer-timeout")?;
    Ok(ConsumeArguments {
        priority: i32::try_from(bounded).unwrap_or(0),
        timeout: timeout.and_then(|timeout| u64::try_from(timeout).ok()),
    })
}

/// See [`consume`].
pub(super) struct ConsumeArguments {
    /// `x-priority`.
    pub(super) priority: i32,
    /// `x-consumer-timeout`, in ms.
    pub(super) timeout: Option<u64>,
}

fn check_quorum(
    name: &QueueName,
    vhost: &VhostName,
    declare: &DeclareQueue,
) -> Result<(), Refused> {
    let bad = if declare.queue.is_empty() {
        return refuse(
            ReplyCode::PreconditionFailed,
            "Cannot declare a server-named queue for type rabbit_quorum_queue",
        );
    } else if declare.auto_delete {
        "auto-delete"
    } else if declare.exclusive {
        "exclusive-owner"
    } else if declare.durable {
        return Ok(());
    } else {
        "non-durable"
    };
    refuse(
        ReplyCode::PreconditionFailed,
        format!("invalid property '{bad}' for queue '{name}' in vhost '{vhost}'"),
    )
}

pub(super) fn queue_type(arguments: &FieldTable) -> &str {
    arguments.get(b"x-queue-type").and_then(FieldValue::as_text).unwrap_or("classic")
}

/// Integers of different width are the same value (behaviours: equivalence).
fn same_value(a: &FieldValue, b: &FieldValue) -> bool {
    match (a.as_integer(), b.as_integer()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn quoted(value: bool) -> String {
    format!("'{value}'")
}

fn described(value: Option<&FieldValue>) -> String {
    let Some(value) = value else { return "none".to_owned() };
    format!("the value '{}' of type '{}'", shown(value), value.type_name())
}

fn shown(value: &FieldValue) -> String {
    match value {
        FieldValue::LongString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        FieldValue::Boolean(flag) => flag.to_string(),
        other => other.as_integer().map_or_else(|| format!("{other:?}"), |n| n.to_string()),
    }
}

impl Rule {
    /// RabbitMQ's reason when the value is not good.
    fn check(self, key: &str, value: &FieldValue) -> Result<(), String> {
        match self {
            Self::NotNegative => {
                let timer = key == "x-message-ttl";
                integer(value).and_then(|n| at_least(n, 0)).and_then(|n| below(n, timer))
            }
            Self::Positive => match integer(value)? {
                0 => Err("{value_zero,0}".to_owned()),
                n => at_least(n, 1).and_then(|n| below(n, true)),
            },
            Self::NotNegativeOrOff => integer(value).and_then(|n| at_least(n, -1)).map(|_| ()),
            Self::PriorityLevels => match at_least(integer(value)?, 0)? {
                n if n > 255 => Err(format!("{{max_value_exceeded,{n}}}")),
                _ => Ok(()),
            },
            Self::Boolean => match value {
                FieldValue::Boolean(_) => Ok(()),
                other => Err(unacceptable(other)),
            },
            Self::Text => text(value).map(|_| ()),
            Self::Overflow => match text(value)? {
                "drop-head" | "reject-publish" | "reject-publish-dlx" => Ok(()),
                _ => Err("invalid_overflow".to_owned()),
            },
            Self::DeadLetterStrategy => match text(value)? {
                "at-most-once" | "at-least-once" => Ok(()),
                _ => Err("invalid_dlx_strategy".to_owned()),
            },
            Self::DelayedRetryType => match text(value)? {
                "disabled" | "all" | "failed" | "returned" => Ok(()),
                _ => Err("invalid_delayed_retry_type".to_owned()),
            },
            Self::QueueType => match text(value)? {
                "classic" | "quorum" => Ok(()),
                other => Err(format!("\"unsupported queue type '{other}'\"")),
            },
            Self::Keys => match integer(value)? {
                0 => Err("{value_zero,0}".to_owned()),
                n if n > DEDUPLICATION_KEYS_MAX as i128 => {
                    Err(format!("{{max_value_exceeded,{n}}}"))
                }
                _ => Ok(()),
            },
            Self::Persistence => match text(value)? {
                "memory" | "disk" => Ok(()),
                _ => Err("invalid_cache_persistence".to_owned()),
            },
            Self::Version => match value.as_integer() {
                Some(1 | 2) => Ok(()),
                Some(n) => Err(format!("\"unsupported queue version '{n}'\"")),
                None => Err(not_integer(value)),
            },
        }
    }
}

fn integer(value: &FieldValue) -> Result<i128, String> {
    value.as_integer().ok_or_else(|| not_integer(value))
}

fn text(value: &FieldValue) -> Result<&str, String> {
    value.as_text().ok_or_else(|| unacceptable(value))
}

fn not_integer(value: &FieldValue) -> String {
    format!("\"expected integer, got {}\"", value.type_name())
}

fn unacceptable(value: &FieldValue) -> String {
    format!("{{unacceptable_type,{}}}", value.type_name())
}

fn at_least(n: i128, least: i128) -> Result<i128, String> {
    if n < least { Err(format!("{{value_negative,{n}}}")) } else { Ok(n) }
}

fn below(n: i128, timer: bool) -> Result<(), String> {
    let is_far = timer && n > i128::from(EXPIRY_MS_MAX);
    if is_far { Err(format!("{{value_too_large,{n}}}")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ShortStr;

    fn declare(arguments: &[(&str, FieldValue)]) -> DeclareQueue {
        DeclareQueue {
            queue: QueueName::try_from("q").expect("short"),
            passive: false,
            durable: true,
            exclusive: false,
            auto_delete: false,
            arguments: arguments
                .iter()
                .map(|(key, value)| (ShortStr::try_from(*key).expect("short"), value.clone()))
                .collect(),
        }
    }

    fn checked(arguments: &[(&str, FieldValue)]) -> Result<(), String> {
        let declare = declare(arguments);
        let vhost = VhostName::try_from("/").expect("short");
        check(&declare.queue, &vhost, &declare).map_err(|refused| refused.text)
    }

    #[test]
    fn a_bad_argument_value_is_refused_with_rabbitmqs_reason() {
        let cases: &[(&str, FieldValue, &str)] = &[
            ("x-message-ttl", FieldValue::text("soon"), "\"expected integer, got longstr\""),
            ("x-overflow", FieldValue::I32(1), "{unacceptable_type,signedint}"),
            ("x-message-ttl", FieldValue::I32(-1), "{value_negative,-1}"),
            ("x-expires", FieldValue::I32(0), "{value_zero,0}"),
            ("x-expires", FieldValue::I64(315_360_000_001), "{value_too_large,315360000001}"),
            ("x-message-ttl", FieldValue::I64(315_360_000_001), "{value_too_large,315360000001}"),
            ("x-max-priority", FieldValue::I32(256), "{max_value_exceeded,256}"),
            ("x-overflow", FieldValue::text("spill"), "invalid_overflow"),
            ("x-dead-letter-strategy", FieldValue::text("never"), "invalid_dlx_strategy"),
            ("x-queue-type", FieldValue::text("heap"), "\"unsupported queue type 'heap'\""),
            ("x-message-deduplication", FieldValue::text("true"), "{unacceptable_type,longstr}"),
            ("x-cache-size", FieldValue::I32(0), "{value_zero,0}"),
            ("x-cache-size", FieldValue::I32(1_048_577), "{max_value_exceeded,1048577}"),
            ("x-cache-ttl", FieldValue::I32(0), "{value_zero,0}"),
            ("x-cache-persistence", FieldValue::text("tape"), "invalid_cache_persistence"),
            ("x-queue-version", FieldValue::I32(3), "\"unsupported queue version '3'\""),
            ("x-dead-letter-routing-key", FieldValue::text("k"), "routing_key_but_no_dlx_defined"),
        ];
        for (key, value, reason) in cases {
            let expected = format!("invalid arg '{key}' for queue 'q' in vhost '/': {reason}");
            assert_eq!(checked(&[(key, value.clone())]), Err(expected));
        }
    }

    #[test]
    fn a_dead_letter_exchange_that_is_no_string_is_refused_by_type() {
        assert_eq!(
            checked(&[("x-dead-letter-exchange", FieldValue::I32(1))]),
            Err("invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'"
                .to_owned())
        );
    }

    #[test]
    fn a_quorum_queue_has_no_priorities_by_argument() {
        let quorum = ("x-queue-type", FieldValue::text("quorum"));
        assert_eq!(
            checked(&[quorum, ("x-max-priority", FieldValue::I32(5))]),
            Err("invalid arg 'x-max-priority' for queue 'q' in vhost '/' of queue type \
                 rabbit_quorum_queue"
                .to_owned())
        );
    }

    #[test]
    fn the_width_of_an_integer_makes_no_difference() {
        assert!(same_value(&FieldValue::I32(7), &FieldValue::I64(7)));
        assert!(!same_value(&FieldValue::I32(7), &FieldValue::text("7")));
    }
}
