//! Bindings, and the key by which one of them is named in a path.
//!
//! A properties key is `~` for no routing key and no arguments, else the routing key with what a URL cannot
//! have encoded (`~` among it), and with arguments `~` and a hash of them behind it. The hash is nobody's
//! business but ours: it is looked for among the bindings that are there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{table_to_json, text};
use crate::base::{FieldTable, VhostName};
use crate::broker::{Binding, Destination};
use crate::wire::encode_table;

/// A binding.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct BindingModel {
    pub source: String,
    pub vhost: String,
    pub destination: String,
    pub destination_type: &'static str,
    pub routing_key: String,
    pub arguments: Map<String, Value>,
    pub properties_key: String,
}

impl BindingModel {
    /// Of a binding.
    #[must_use]
    pub fn new(vhost: &VhostName, binding: &Binding) -> Self {
        let (destination, destination_type) = match &binding.destination {
            Destination::Queue(name) => (name.to_string(), "queue"),
            Destination::Exchange(name) => (name.to_string(), "exchange"),
        };
        let key = binding.routing_key.as_bytes();
        Self {
            source: binding.source.to_string(),
            vhost: vhost.to_string(),
            destination,
            destination_type,
            routing_key: text(key),
            arguments: table_to_json(&binding.arguments),
            properties_key: properties_key(key, &binding.arguments),
        }
    }
}

/// The properties key of a binding with this routing key and these arguments.
#[must_use]
pub fn properties_key(routing_key: &[u8], arguments: &FieldTable) -> String {
    let key = quote_plus(routing_key).replace('~', "%7E");
    match (key.is_empty(), arguments.is_empty()) {
        (true, true) => "~".to_owned(),
        (false, true) => key,
        (_, false) => format!("{key}~{}", hash(arguments)),
    }
}

/// Half of a SHA-256 of the arguments, in the order of their keys: two that meet would have to be sought.
fn hash(arguments: &FieldTable) -> String {
    let mut entries: Vec<_> = arguments.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let sorted = entries.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut bytes = Vec::new();
    encode_table(&sorted, &mut bytes);
    URL_SAFE_NO_PAD.encode(&Sha256::digest(&bytes)[..16])
}

/// What a properties key says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PropertiesKey {
    /// The routing key.
    pub routing_key: Vec<u8>,
    /// The hash of the arguments; `None` without arguments.
    hash: Option<String>,
}

/// A properties key that names nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no properties key: take it from a list of bindings")]
pub struct PropertiesKeyError(String);

impl PropertiesKey {
    /// Reads a key as it stands in a path, once decoded.
    ///
    /// # Errors
    /// [`PropertiesKeyError`].
    pub fn parse(key: &str) -> Result<Self, PropertiesKeyError> {
        let (routing_key, hash) = key.split_once('~').unwrap_or((key, ""));
        if hash.contains('~') {
            return Err(PropertiesKeyError(key.to_owned()));
        }
        let hash = (!hash.is_empty()).then(|| hash.to_owned());
        Ok(Self { routing_key: unquote_plus(routing_key), hash })
    }

    /// Whether it names this binding, of those between the same two things.
    #[must_use]
    pub fn names(&self, binding: &Binding) -> bool {
        let arguments = &binding.arguments;
        let same_arguments = match &self.hash {
            None => arguments.is_empty(),
            Some(wanted) => !arguments.is_empty() && hash(arguments) == *wanted,
        };
        same_arguments && binding.routing_key.as_bytes() == self.routing_key
    }
}

/// The bytes as a part of a URL, a space as `+`; letters, digits and `-._~` stay.
#[must_use]
pub fn quote_plus(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push('+'),
            other => {
                let digit = |value: u8| char::from(b"0123456789ABCDEF"[usize::from(value)]);
                out.extend(['%', digit(other >> 4), digit(other & 15)]);
            }
        }
    }
    out
}

/// The way back. A `%` without two digits behind it stands for itself.
fn unquote_plus(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let (decoded, used) = match (byte, digit(at + 1), digit(at + 2)) {
            (b'+', ..) => (b' ', 1),
            // Two digits are a byte.
            (b'%', Some(high), Some(low)) => (u8::try_from(high * 16 + low).unwrap_or(b'%'), 3),
            (byte, ..) => (*byte, 1),
        };
        out.push(decoded);
        at += used;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ExchangeName, FieldValue, QueueName, ShortStr};

    fn arguments(value: i64) -> FieldTable {
        FieldTable::new(vec![(ShortStr::try_from("x").expect("short"), FieldValue::I64(value))])
    }

    fn binding(key: &[u8], arguments: FieldTable) -> Binding {
        Binding {
            source: ExchangeName::try_from("e").expect("short"),
            destination: Destination::Queue(QueueName::try_from("q").expect("short")),
            routing_key: ShortStr::copy_from(key).expect("short"),
            arguments,
        }
    }

    #[test]
    fn the_key_is_rabbitmqs_where_there_are_no_arguments() {
        let none = FieldTable::EMPTY;
        for (key, expected) in [
            ("", "~"),
            ("routing", "routing"),
            ("a b/c", "a+b%2Fc"),
            ("~", "%7E"),
            ("a.*.#", "a.%2A.%23"),
            ("é", "%C3%A9"),
        ] {
            assert_eq!(properties_key(key.as_bytes(), &none), expected);
        }
        let hashed = properties_key(b"k", &arguments(1));
        assert!(hashed.starts_with("k~") && hashed.len() == 2 + 22, "{hashed}");
        assert!(properties_key(b"", &arguments(1)).starts_with('~'));
    }

    #[test]
    fn a_key_names_its_binding_and_no_other() {
        let keys: [&[u8]; 7] =
            [b"", b"~", b"a~b", b"a b+c%", b"%7E", "订单".as_bytes(), b"\xff\x00"];
        let mut all = Vec::new();
        for key in keys {
            for arguments in [FieldTable::EMPTY, arguments(1), arguments(2)] {
                all.push(binding(key, arguments));
            }
        }
        for wanted in &all {
            let key = properties_key(wanted.routing_key.as_bytes(), &wanted.arguments);
            let parsed = PropertiesKey::parse(&key).expect("one of ours");
            let named: Vec<_> = all.iter().filter(|binding| parsed.names(binding)).collect();
            assert_eq!(named, [wanted], "{key}");
        }
        assert!(PropertiesKey::parse("a~b~c").is_err());
    }

    #[test]
    fn the_order_of_arguments_is_not_in_the_hash() {
        let entry = |key: &str| (ShortStr::try_from(key).expect("short"), FieldValue::Void);
        let [a, b] = [["a", "b"], ["b", "a"]].map(|keys| FieldTable::new(keys.map(entry).into()));
        assert_eq!(properties_key(b"", &a), properties_key(b"", &b));
    }
}
