//! Exchanges that drop duplicates: what their arguments say, and what of a message is its key.
//!
//! Two forms ask for it. The exchange type `x-message-deduplication` of the community plug-in routes as
//! fanout; LavinMQ's argument of the same name goes with any type. What was seen is the broker's business
//! ([`super::Facts::is_duplicate`]).

use crate::base::limits::{DEDUPLICATION_KEYS_DEFAULT, DEDUPLICATION_KEYS_MAX};
use crate::base::{FieldTable, FieldValue};

use super::{Exchange, ExchangeKind, RoutingError, value};

/// The argument that asks for it, and the type's name.
pub const DEDUPLICATION: &str = "x-message-deduplication";
/// How many keys are remembered.
pub const CACHE_SIZE: &str = "x-cache-size";
/// For how long, in ms; in a message's headers: its own key.
pub const CACHE_TTL: &str = "x-cache-ttl";
/// `memory` or `disk`.
const CACHE_PERSISTENCE: &str = "x-cache-persistence";
/// The header that holds the key; as an argument: the name of that header.
const DEDUPLICATION_HEADER: &str = "x-deduplication-header";

/// The arguments that have a meaning for an exchange that drops duplicates.
const ARGUMENTS: [&str; 5] =
    [DEDUPLICATION, CACHE_SIZE, CACHE_TTL, CACHE_PERSISTENCE, DEDUPLICATION_HEADER];

/// What is remembered, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deduplication {
    /// Keys at most, from 1.
    pub keys_max: usize,
    /// How long a key is remembered that says nothing itself, in ms.
    pub ttl_ms: Option<u64>,
    /// The header that holds the key.
    pub header: Box<[u8]>,
    /// Whether a restart is to bring it back, if the exchange itself comes back.
    pub persistent: bool,
}

impl Deduplication {
    /// As arguments say it that were checked.
    #[must_use]
    pub fn from_arguments(arguments: &FieldTable) -> Self {
        let number = |key: &str| arguments.get(key.as_bytes()).and_then(positive);
        let keys_max = number(CACHE_SIZE).and_then(|size| usize::try_from(size).ok());
        let header = arguments.get(DEDUPLICATION_HEADER.as_bytes()).and_then(value::long_string);
        let persistence = arguments.get(CACHE_PERSISTENCE.as_bytes());
        Self {
            keys_max: keys_max.unwrap_or(DEDUPLICATION_KEYS_DEFAULT),
            ttl_ms: number(CACHE_TTL),
            header: header.unwrap_or(DEDUPLICATION_HEADER.as_bytes()).into(),
            persistent: persistence.and_then(FieldValue::as_text) != Some("memory"),
        }
    }

    /// The key of a message with these headers, and how long it says that it is remembered, in ms.
    #[must_use]
    pub fn key(&self, headers: &FieldTable) -> Option<(Box<[u8]>, Option<u64>)> {
        let key = key(headers.get(&self.header)?)?;
        Some((key, headers.get(CACHE_TTL.as_bytes()).and_then(not_negative)))
    }
}

/// Bytes that are the same for two values exactly when they are the same key: integers of every width are
/// numbers, and a number is no text. Void, arrays and tables are no keys.
fn key(given: &FieldValue) -> Option<Box<[u8]>> {
    let mut key = Vec::new();
    match given {
        FieldValue::Void | FieldValue::Array(_) | FieldValue::Table(_) => return None,
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => {
            key.push(b'S');
            key.extend_from_slice(bytes);
        }
        other => value::comparable(other, &mut key),
    }
    Some(key.into_boxed_slice())
}

impl Exchange {
    /// How it looks for duplicates; `None` when it does not.
    #[must_use]
    pub fn deduplication(&self) -> Option<Deduplication> {
        self.deduplicates().then(|| Deduplication::from_arguments(&self.arguments))
    }

    /// Whether it drops duplicates.
    pub(super) fn deduplicates(&self) -> bool {
        let asked = self.arguments.get(DEDUPLICATION.as_bytes());
        self.kind == ExchangeKind::Deduplication || asked == Some(&FieldValue::Boolean(true))
    }

    /// Refuses arguments that an exchange that drops duplicates cannot have.
    pub(super) fn check_deduplication(&self) -> Result<(), RoutingError> {
        let get = |key: &str| self.arguments.get(key.as_bytes());
        let wrong_type = |argument: &'static str, given: &FieldValue| {
            Err(RoutingError::InvalidArgumentType { argument, type_name: given.type_name() })
        };
        if let Some(given) = get(DEDUPLICATION)
            && !matches!(given, FieldValue::Boolean(_))
        {
            return wrong_type(DEDUPLICATION, given);
        }
        if !self.deduplicates() {
            return Ok(());
        }
        match get(CACHE_SIZE) {
            None if self.kind == ExchangeKind::Deduplication => {
                return Err(RoutingError::CacheSize);
            }
            Some(given) => match positive(given).map(usize::try_from) {
                None => return Err(RoutingError::CacheSize),
                Some(Ok(keys)) if keys <= DEDUPLICATION_KEYS_MAX => {}
                Some(_) => return Err(RoutingError::CacheTooLarge(DEDUPLICATION_KEYS_MAX)),
            },
            None => {}
        }
        if get(CACHE_TTL).is_some_and(|given| positive(given).is_none()) {
            return Err(RoutingError::CacheTtl);
        }
        if let Some(given) = get(CACHE_PERSISTENCE)
            && !matches!(given.as_text(), Some("disk" | "memory"))
        {
            return Err(RoutingError::CachePersistence);
        }
        match get(DEDUPLICATION_HEADER) {
            Some(given) if value::long_string(given).is_none() => {
                wrong_type(DEDUPLICATION_HEADER, given)
            }
            _ => Ok(()),
        }
    }

    /// The arguments that a second declaration must have as well.
    pub(super) fn deduplication_arguments(&self) -> &'static [&'static str] {
        if self.deduplicates() { &ARGUMENTS } else { &ARGUMENTS[..1] }
    }
}

/// A number from 1 on; also as text, which clients of the plug-in send.
fn positive(given: &FieldValue) -> Option<u64> {
    number(given).filter(|number| *number > 0)
}

fn not_negative(given: &FieldValue) -> Option<u64> {
    number(given)
}

fn number(given: &FieldValue) -> Option<u64> {
    match given.as_integer() {
        Some(number) => u64::try_from(number).ok(),
        None => given.as_text()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ExchangeName, ShortStr};

    fn table(entries: &[(&str, FieldValue)]) -> FieldTable {
        let entry = |(key, value): &(&str, FieldValue)| {
            (ShortStr::try_from(*key).expect("short"), value.clone())
        };
        entries.iter().map(entry).collect()
    }

    fn exchange(kind: ExchangeKind, entries: &[(&str, FieldValue)]) -> Exchange {
        let name = ExchangeName::try_from("x").expect("short");
        Exchange { arguments: table(entries), ..Exchange::new(name, kind) }
    }

    #[test]
    fn the_type_needs_a_size_and_the_argument_has_a_default() {
        let size = |value| [(CACHE_SIZE, value)];
        let typed = |value| exchange(ExchangeKind::Deduplication, &size(value));
        let text = "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0";
        let refused = |exchange: &Exchange| {
            exchange.check_deduplication().expect_err("not a size").to_string()
        };
        assert_eq!(refused(&exchange(ExchangeKind::Deduplication, &[])), text);
        for bad in [FieldValue::I32(0), FieldValue::I32(-1), FieldValue::text("many")] {
            assert_eq!(refused(&typed(bad)), text);
        }
        let beyond = i64::try_from(DEDUPLICATION_KEYS_MAX).expect("small") + 1;
        assert_eq!(
            refused(&typed(FieldValue::I64(beyond))),
            "Invalid argument, 'x-cache-size' must not exceed 1048576"
        );
        for good in [FieldValue::I32(5), FieldValue::text("5")] {
            let exchange = typed(good);
            assert_eq!(exchange.check_deduplication(), Ok(()));
            assert_eq!(exchange.deduplication().expect("it does").keys_max, 5);
        }
        let asked = exchange(ExchangeKind::Topic, &[(DEDUPLICATION, FieldValue::Boolean(true))]);
        assert_eq!(asked.check_deduplication(), Ok(()));
        let settings = asked.deduplication().expect("it does");
        assert_eq!((settings.keys_max, settings.ttl_ms, settings.persistent), (128, None, true));
        assert_eq!(&*settings.header, b"x-deduplication-header");
    }

    #[test]
    fn other_arguments_are_checked_when_duplicates_are_dropped() {
        let on = (DEDUPLICATION, FieldValue::Boolean(true));
        let refused = |entry: (&'static str, FieldValue)| {
            let exchange = exchange(ExchangeKind::Fanout, &[on.clone(), entry]);
            exchange.check_deduplication().expect_err("no good").to_string()
        };
        let ttl = "Invalid argument, 'x-cache-ttl' must be an integer greater than 0";
        assert_eq!(refused((CACHE_TTL, FieldValue::I32(0))), ttl);
        assert_eq!(
            refused((CACHE_PERSISTENCE, FieldValue::text("tape"))),
            "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'"
        );
        assert_eq!(
            refused((DEDUPLICATION_HEADER, FieldValue::I32(1))),
            "invalid type 'signedint' for arg 'x-deduplication-header'"
        );
        let off = [(DEDUPLICATION, FieldValue::Boolean(false)), (CACHE_TTL, FieldValue::I32(0))];
        let off = exchange(ExchangeKind::Fanout, &off);
        assert_eq!((off.check_deduplication(), off.deduplication()), (Ok(()), None));
        let no_flag = exchange(ExchangeKind::Fanout, &[(DEDUPLICATION, FieldValue::text("true"))]);
        assert_eq!(
            no_flag.check_deduplication().expect_err("no boolean").to_string(),
            "invalid type 'longstr' for arg 'x-message-deduplication'"
        );
    }

    #[test]
    fn a_key_is_a_value_and_not_its_width() {
        let settings = Deduplication::from_arguments(&FieldTable::EMPTY);
        let of = |value| settings.key(&table(&[(DEDUPLICATION_HEADER, value)])).map(|key| key.0);
        assert_eq!(of(FieldValue::I32(7)), of(FieldValue::I64(7)));
        assert_ne!(of(FieldValue::I32(7)), of(FieldValue::text("7")));
        assert_ne!(of(FieldValue::text("a")), of(FieldValue::text("b")));
        assert_eq!(of(FieldValue::text("")).as_deref(), Some(&b"S"[..]));
        for no_key in [FieldValue::Void, FieldValue::Array(Vec::new())] {
            assert_eq!(of(no_key), None);
        }
        let own = table(&[
            (DEDUPLICATION_HEADER, FieldValue::text("k")),
            (CACHE_TTL, FieldValue::I32(50)),
        ]);
        assert_eq!(settings.key(&own).expect("there").1, Some(50));
        assert_eq!(settings.key(&FieldTable::EMPTY), None);
    }

    #[test]
    fn a_second_declaration_says_the_same_about_duplicates() {
        let with = |entries: &[(&str, FieldValue)]| exchange(ExchangeKind::Direct, entries);
        let on = (DEDUPLICATION, FieldValue::Boolean(true));
        let current = with(&[on.clone(), (CACHE_SIZE, FieldValue::I32(5))]);
        assert_eq!(current.check_equivalent(&current.clone()), Ok(()));
        let wider = with(&[on.clone(), (CACHE_SIZE, FieldValue::I64(5))]);
        assert_eq!(current.check_equivalent(&wider), Ok(()));
        let other = with(&[on, (CACHE_SIZE, FieldValue::I32(6))]);
        assert_eq!(
            current.check_equivalent(&other).expect_err("another size").to_string(),
            "inequivalent arg 'x-cache-size': received '6' but current is '5'"
        );
        let plain = with(&[]);
        for (one, two) in [(&current, &plain), (&plain, &current)] {
            let text = one.check_equivalent(two).expect_err("one drops duplicates").to_string();
            assert!(text.starts_with("inequivalent arg 'x-message-deduplication': "), "{text}");
        }
    }
}
