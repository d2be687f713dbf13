//! Which messages somebody wants to see. Pure.

use crate::base::{FieldTable, FieldValue, Message};
use crate::broker::HeaderParser;

/// What a message must have; an empty filter takes every message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// A header.
    pub header: Option<HeaderFilter>,
    /// These bytes somewhere in its routing key.
    pub routing_key: Option<Vec<u8>>,
    /// These bytes somewhere in its body.
    pub text: Option<Vec<u8>>,
}

/// A header that must be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeaderFilter {
    /// Its name.
    pub name: String,
    /// Its value as text; `None` for any.
    pub value: Option<String>,
}

impl HeaderFilter {
    /// `name` or `name=value`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        Self { name: name.to_owned(), value }
    }

    fn holds(&self, headers: &FieldTable) -> bool {
        let found = headers.get(self.name.as_bytes());
        found.is_some_and(|found| self.value.as_ref().is_none_or(|value| is_written(found, value)))
    }
}

impl Filter {
    /// Whether every message is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this message is wanted.
    #[must_use]
    pub fn takes(&self, message: &Message, parse: HeaderParser) -> bool {
        let key = |wanted: &Vec<u8>| contains(message.routing_key(), wanted);
        let header = |wanted: &HeaderFilter| {
            message.header().has_headers && wanted.holds(&parse(message.properties()))
        };
        let text = |wanted: &Vec<u8>| {
            let body = message.body();
            let mut pieces = body.pieces();
            match (pieces.next(), pieces.next()) {
                (None, _) => wanted.is_empty(),
                (Some(whole), None) => contains(whole, wanted),
                // It may stand across two pieces.
                _ => contains(&body.to_vec(), wanted),
            }
        };
        self.routing_key.as_ref().is_none_or(key)
            && self.header.as_ref().is_none_or(header)
            && self.text.as_ref().is_none_or(text)
    }
}

fn contains(within: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return true };
    // Looking for one byte first is many times as fast as comparing at each place.
    let mut rest = within;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(wanted) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// Whether a value is this text, as a person would write it.
fn is_written(value: &FieldValue, text: &str) -> bool {
    match value {
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => bytes == text.as_bytes(),
        FieldValue::Boolean(flag) => text == if *flag { "true" } else { "false" },
        FieldValue::Timestamp(seconds) => text.parse() == Ok(*seconds),
        FieldValue::F32(bits) => text.parse() == Ok(f32::from_bits(*bits)),
        FieldValue::F64(bits) => text.parse() == Ok(f64::from_bits(*bits)),
        FieldValue::Void => text.is_empty(),
        other => other.as_integer().is_some_and(|number| text.parse() == Ok(number)),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::{Body, ExchangeName, MessageHeader, ShortStr};

    fn parse(_: &[u8]) -> FieldTable {
        let short = |name: &str| ShortStr::try_from(name).expect("short");
        [
            (short("kind"), FieldValue::text("new")),
            (short("n"), FieldValue::I16(7)),
            (short("half"), FieldValue::F64(0.5_f64.to_bits())),
            (short("yes"), FieldValue::Boolean(true)),
        ]
        .into_iter()
        .collect()
    }

    fn message(body: Body) -> Message {
        let exchange = ExchangeName::try_from("x").expect("short");
        let header = MessageHeader { has_headers: true, ..MessageHeader::default() };
        Message::new(&exchange, b"order.eu", b"\0\0", body, header)
    }

    fn takes(filter: &Filter, body: Body) -> bool {
        filter.takes(&message(body), parse)
    }

    fn body() -> Body {
        Body::One(Bytes::from_static(b"the aab is here"))
    }

    #[test]
    fn a_header_is_looked_for_by_name_and_by_value_as_it_is_written() {
        for (text, taken) in [
            ("kind", true),
            ("kind=new", true),
            ("kind=old", false),
            ("other", false),
            ("n=7", true),
            ("n=8", false),
            ("half=0.5", true),
            ("yes=true", true),
            ("yes=false", false),
            ("kind=", false),
        ] {
            let filter = Filter { header: Some(HeaderFilter::parse(text)), ..Filter::default() };
            assert_eq!(takes(&filter, body()), taken, "{text}");
        }
    }

    #[test]
    fn key_and_body_are_searched_and_everything_must_hold() {
        let filter = |key: Option<&str>, text: Option<&str>| Filter {
            header: None,
            routing_key: key.map(|key| key.as_bytes().to_vec()),
            text: text.map(|text| text.as_bytes().to_vec()),
        };
        assert!(takes(&filter(None, None), body()) && filter(None, None).is_empty());
        assert!(takes(&filter(Some(".eu"), Some("ab is")), body()));
        assert!(!takes(&filter(Some(".us"), Some("aab")), body()));
        assert!(!takes(&filter(Some("eu"), Some("aaab")), body()));
        assert!(takes(&filter(None, Some("aab is here")), body()));
        let pieces = vec![Bytes::from(vec![b'x'; 70_000]), Bytes::from_static(b"yz")];
        assert!(takes(&filter(None, Some("xyz")), Body::Many(pieces)), "across two pieces");
        assert!(!takes(&filter(None, Some("x")), Body::One(Bytes::new())));
    }
}
