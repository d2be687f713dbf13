//! An exchange: its type, its properties, and when a second declaration is the same.

use crate::base::{ExchangeName, FieldTable, FieldValue};

use super::deduplication::DEDUPLICATION;
use super::{RoutingError, checks, value};

/// The argument that names where unroutable messages of an exchange go (rabbitmq: ae.md).
pub const ALTERNATE_EXCHANGE: &str = "alternate-exchange";

/// The type of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ExchangeKind {
    /// Routing key and binding key are the same bytes.
    Direct,
    /// Every binding takes every message.
    Fanout,
    /// Binding keys are patterns of words.
    Topic,
    /// Binding arguments are compared with the message's headers.
    Headers,
    /// One binding takes a message, by a hash; binding keys are weights.
    ConsistentHash,
    /// One of the bound things takes a message, at random.
    Random,
    /// The same among the queues of this node, which are all.
    LocalRandom,
    /// One of the bound things takes a message, by the hash of its routing key.
    ModulusHash,
    /// As fanout, and what is bound later gets the last messages.
    RecentHistory,
    /// As fanout, and duplicates are dropped.
    Deduplication,
    /// Holds messages back, and then routes as another type ([`Exchange::routes_as`]).
    Delayed,
}

/// Every type and its name.
const NAMES: [(ExchangeKind, &str); 11] = [
    (ExchangeKind::Direct, "direct"),
    (ExchangeKind::Fanout, "fanout"),
    (ExchangeKind::Topic, "topic"),
    (ExchangeKind::Headers, "headers"),
    (ExchangeKind::ConsistentHash, "x-consistent-hash"),
    (ExchangeKind::Random, "x-random"),
    (ExchangeKind::LocalRandom, "x-local-random"),
    (ExchangeKind::ModulusHash, "x-modulus-hash"),
    (ExchangeKind::RecentHistory, "x-recent-history"),
    (ExchangeKind::Deduplication, DEDUPLICATION),
    (ExchangeKind::Delayed, "x-delayed-message"),
];

impl ExchangeKind {
    /// The type of this name, as it stands in `exchange.declare`.
    pub fn parse(name: &[u8]) -> Result<Self, RoutingError> {
        let found = NAMES.iter().find(|(_, known)| known.as_bytes() == name);
        let unknown = || RoutingError::UnknownType(String::from_utf8_lossy(name).into_owned());
        found.map(|(kind, _)| *kind).ok_or_else(unknown)
    }

    /// The name of the type.
    pub fn as_str(self) -> &'static str {
        NAMES[self as usize].1
    }
}

/// A declared exchange.
#[derive(Clone, PartialEq, Debug)]
pub struct Exchange {
    /// Unique in its virtual host; empty for the default exchange.
    pub name: ExchangeName,
    /// How it routes.
    pub kind: ExchangeKind,
    /// Survives a restart.
    pub durable: bool,
    /// Goes when the last binding from it goes.
    pub auto_delete: bool,
    /// Takes messages from other exchanges only.
    pub internal: bool,
    /// As declared; `alternate-exchange` has a meaning for all, others for one type.
    pub arguments: FieldTable,
}

impl Exchange {
    /// An exchange that is neither durable, auto-delete nor internal, without arguments.
    pub fn new(name: ExchangeName, kind: ExchangeKind) -> Self {
        let arguments = FieldTable::EMPTY;
        Self { name, kind, durable: false, auto_delete: false, internal: false, arguments }
    }

    /// The name in the argument `alternate-exchange`, as bytes: a name that is no UTF-8 names an
    /// exchange that cannot exist.
    pub fn alternate(&self) -> Option<&[u8]> {
        match self.arguments.get(ALTERNATE_EXCHANGE.as_bytes()) {
            Some(FieldValue::LongString(name)) => Some(name),
            _ => None,
        }
    }

    /// Refuses arguments that no new exchange may have.
    pub(super) fn check_arguments(&self) -> Result<(), RoutingError> {
        match self.arguments.get(ALTERNATE_EXCHANGE.as_bytes()) {
            None | Some(FieldValue::LongString(_)) => {
                checks::check_exchange(self)?;
                self.check_deduplication()
            }
            Some(other) => Err(RoutingError::InvalidArgumentType {
                argument: ALTERNATE_EXCHANGE,
                type_name: other.type_name(),
            }),
        }
    }

    /// Refuses a declaration that differs from the exchange that is there, naming the first
    /// difference in RabbitMQ's order. Arguments without a meaning here may differ.
    pub(super) fn check_equivalent(&self, received: &Self) -> Result<(), RoutingError> {
        check("type", received.kind.as_str(), self.kind.as_str())?;
        check("durable", word(received.durable), word(self.durable))?;
        check("auto_delete", word(received.auto_delete), word(self.auto_delete))?;
        check("internal", word(received.internal), word(self.internal))?;
        let check_argument = |name: &'static str| {
            let key = name.as_bytes();
            check_argument(name, received.arguments.get(key), self.arguments.get(key))
        };
        check_argument(ALTERNATE_EXCHANGE)?;
        self.deduplication_arguments().iter().try_for_each(|name| check_argument(name))
    }
}

fn word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

fn check(argument: &'static str, received: &str, current: &str) -> Result<(), RoutingError> {
    if received == current {
        return Ok(());
    }
    let (received, current) = (format!("'{received}'"), format!("'{current}'"));
    Err(RoutingError::Inequivalent { argument, received, current })
}

/// RabbitMQ names the types only when one side is absent.
fn check_argument(
    argument: &'static str,
    received: Option<&FieldValue>,
    current: Option<&FieldValue>,
) -> Result<(), RoutingError> {
    let typed = |value: Option<&FieldValue>| {
        value.map_or_else(
            || "none".to_owned(),
            |v| format!("the value '{}' of type '{}'", value::plain_text(v), v.type_name()),
        )
    };
    match (received, current) {
        (None, None) => Ok(()),
        (Some(received), Some(current)) if value::is_equal(received, current) => Ok(()),
        (Some(received), Some(current)) => {
            check(argument, &value::plain_text(received), &value::plain_text(current))
        }
        (received, current) => Err(RoutingError::Inequivalent {
            argument,
            received: typed(received),
            current: typed(current),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ShortStr;

    fn exchange(kind: ExchangeKind) -> Exchange {
        Exchange::new(ExchangeName::try_from("x").expect("a short name"), kind)
    }

    fn with_alternate(value: FieldValue) -> Exchange {
        let mut exchange = exchange(ExchangeKind::Direct);
        let key = ShortStr::try_from(ALTERNATE_EXCHANGE).expect("a short key");
        exchange.arguments.push(key, value);
        exchange
    }

    fn difference(current: &Exchange, received: &Exchange) -> String {
        let error = current.check_equivalent(received).expect_err("they differ");
        error.to_string()
    }

    #[test]
    fn the_types_are_known_by_name_and_no_other_is() {
        for (kind, name) in NAMES {
            assert_eq!(ExchangeKind::parse(name.as_bytes()), Ok(kind));
            assert_eq!(kind.as_str(), name);
        }
        let error = ExchangeKind::parse(b"Direct").expect_err("names are compared exactly");
        assert_eq!(error.to_string(), "unknown exchange type 'Direct'");
    }

    #[test]
    fn a_second_declaration_differs_in_type_first() {
        let current = exchange(ExchangeKind::Direct);
        let mut received = exchange(ExchangeKind::Topic);
        received.durable = true;
        assert_eq!(
            difference(&current, &received),
            "inequivalent arg 'type': received 'topic' but current is 'direct'"
        );
    }

    #[test]
    fn a_second_declaration_differs_in_each_flag() {
        let current = exchange(ExchangeKind::Direct);
        let expect = |name: &str, change: fn(&mut Exchange)| {
            let mut received = current.clone();
            change(&mut received);
            assert_eq!(
                difference(&current, &received),
                format!("inequivalent arg '{name}': received 'true' but current is 'false'")
            );
        };
        expect("durable", |x| x.durable = true);
        expect("auto_delete", |x| x.auto_delete = true);
        expect("internal", |x| x.internal = true);
    }

    #[test]
    fn a_missing_alternate_exchange_is_none_and_the_other_names_its_type() {
        let with = with_alternate(FieldValue::text("ae"));
        let without = exchange(ExchangeKind::Direct);
        assert_eq!(
            difference(&with, &without),
            "inequivalent arg 'alternate-exchange': received none but current is the value 'ae' \
             of type 'longstr'"
        );
        assert_eq!(
            difference(&without, &with),
            "inequivalent arg 'alternate-exchange': received the value 'ae' of type 'longstr' \
             but current is none"
        );
    }

    #[test]
    fn two_alternate_exchanges_are_compared_by_value() {
        let a = with_alternate(FieldValue::text("a"));
        assert_eq!(a.check_equivalent(&a.clone()), Ok(()));
        assert_eq!(
            difference(&a, &with_alternate(FieldValue::text("b"))),
            "inequivalent arg 'alternate-exchange': received 'b' but current is 'a'"
        );
        assert_eq!(
            difference(&a, &with_alternate(FieldValue::I32(5))),
            "inequivalent arg 'alternate-exchange': received '5' but current is 'a'"
        );
    }

    #[test]
    fn other_arguments_may_differ() {
        let current = exchange(ExchangeKind::Direct);
        let mut received = current.clone();
        let key = ShortStr::try_from("x-anything").expect("a short key");
        received.arguments.push(key, FieldValue::Boolean(true));
        assert_eq!(current.check_equivalent(&received), Ok(()));
    }

    #[test]
    fn an_alternate_exchange_must_be_a_string() {
        assert_eq!(with_alternate(FieldValue::text("ae")).check_arguments(), Ok(()));
        let error = with_alternate(FieldValue::I32(5)).check_arguments().expect_err("no string");
        assert_eq!(error.to_string(), "invalid type 'signedint' for arg 'alternate-exchange'");
    }
}
