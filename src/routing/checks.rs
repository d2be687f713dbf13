//! What the types of RabbitMQ's plug-ins ask of an exchange's arguments and of a binding.

use crate::base::{FieldTable, FieldValue};

use super::consistent_hash::{self, HASH_HEADER, HASH_ON, HASH_PROPERTY, NoWeight};
use super::facts::HashProperty;
use super::target::Target;
use super::{Exchange, ExchangeKind, RoutingError, delay, headers, value};

/// How many messages a recent history exchange remembers.
const HISTORY_LENGTH: &str = "x-recent-history-length";

/// How many they are when nothing is said (rabbitmq: the recent history exchange plug-in).
const HISTORY_LENGTH_DEFAULT: usize = 20;

/// Refuses a new exchange whose type cannot have these arguments.
pub(super) fn check_exchange(exchange: &Exchange) -> Result<(), RoutingError> {
    let arguments = &exchange.arguments;
    match delay::check_type(exchange)? {
        ExchangeKind::ConsistentHash => check_hash(arguments),
        ExchangeKind::RecentHistory => match arguments.get(HISTORY_LENGTH.as_bytes()) {
            Some(given) if length(given).is_none() => {
                Err(RoutingError::HistoryLength(value::term(given)))
            }
            _ => Ok(()),
        },
        ExchangeKind::Direct
        | ExchangeKind::Fanout
        | ExchangeKind::Topic
        | ExchangeKind::Headers
        | ExchangeKind::Random
        | ExchangeKind::LocalRandom
        | ExchangeKind::ModulusHash
        | ExchangeKind::Deduplication => Ok(()),
        ExchangeKind::Delayed => Err(RoutingError::DelayedType),
    }
}

/// Refuses a binding that an exchange of this type cannot have.
pub(super) fn check_binding(
    kind: ExchangeKind,
    key: &[u8],
    arguments: &FieldTable,
    target: Target,
) -> Result<(), RoutingError> {
    match kind {
        ExchangeKind::Headers => headers::check_arguments(arguments),
        ExchangeKind::ConsistentHash => match consistent_hash::weight(key) {
            Ok(_) => Ok(()),
            Err(NoWeight::NoInteger) => {
                let key = FieldValue::LongString(key.to_vec().into());
                Err(RoutingError::WeightNoInteger(value::term(&key)))
            }
            Err(NoWeight::NotPositive) => Err(RoutingError::WeightNotPositive),
            Err(NoWeight::TooLarge) => Err(RoutingError::WeightTooLarge),
        },
        ExchangeKind::LocalRandom if !key.is_empty() => {
            Err(RoutingError::KeyNotPermitted(String::from_utf8_lossy(key).into_owned()))
        }
        ExchangeKind::LocalRandom if matches!(target, Target::Exchange(_)) => {
            Err(RoutingError::NoDestination)
        }
        ExchangeKind::LocalRandom
        | ExchangeKind::Direct
        | ExchangeKind::Fanout
        | ExchangeKind::Topic
        | ExchangeKind::Random
        | ExchangeKind::ModulusHash
        | ExchangeKind::RecentHistory
        | ExchangeKind::Deduplication
        | ExchangeKind::Delayed => Ok(()),
    }
}

impl Exchange {
    /// How many messages it remembers for queues that are bound later; `None` unless it is a recent
    /// history exchange.
    #[must_use]
    pub fn history_length(&self) -> Option<usize> {
        if self.routes_as() != ExchangeKind::RecentHistory {
            return None;
        }
        let given = self.arguments.get(HISTORY_LENGTH.as_bytes()).and_then(length);
        Some(given.unwrap_or(HISTORY_LENGTH_DEFAULT))
    }
}

fn length(value: &FieldValue) -> Option<usize> {
    value.as_integer().filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok())
}

fn check_hash(arguments: &FieldTable) -> Result<(), RoutingError> {
    for argument in [HASH_HEADER, HASH_PROPERTY, HASH_ON] {
        if let Some(given) = arguments.get(argument.as_bytes())
            && value::long_string(given).is_none()
        {
            return Err(RoutingError::InvalidArgumentType {
                argument,
                type_name: given.type_name(),
            });
        }
    }
    let has = |argument: &str| arguments.get(argument.as_bytes()).is_some();
    match arguments.get(HASH_PROPERTY.as_bytes()).and_then(value::long_string) {
        Some(_) if has(HASH_HEADER) || has(HASH_ON) => Err(RoutingError::HeaderAndProperty),
        Some(name) if HashProperty::parse(name).is_none() => {
            Err(RoutingError::UnsupportedProperty(String::from_utf8_lossy(name).into_owned()))
        }
        _ => Ok(()),
    }
}
