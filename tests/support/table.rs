//! Field tables, put together entry by entry (spec: 4.2.5.5, with RabbitMQ's type tags).

use std::collections::BTreeMap;

use super::bytes::Arguments;

/// The contents of a table.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Table(Vec<u8>);

impl Table {
    /// A table without entries.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Any value: its type tag and its bytes.
    pub(crate) fn raw(mut self, key: &str, value: &[u8]) -> Self {
        self.0.push(u8::try_from(key.len()).expect("a short key"));
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(value);
        self
    }

    /// `t`
    pub(crate) fn bool(self, key: &str, value: bool) -> Self {
        self.raw(key, &[b't', u8::from(value)])
    }

    /// `I`
    pub(crate) fn int(self, key: &str, value: i32) -> Self {
        let [a, b, c, d] = value.to_be_bytes();
        self.raw(key, &[b'I', a, b, c, d])
    }

    /// `l`
    pub(crate) fn long(self, key: &str, value: i64) -> Self {
        self.raw(key, &[&b"l"[..], &value.to_be_bytes()].concat())
    }

    /// `S`
    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, &[&b"S"[..], &with_length(value.as_bytes())].concat())
    }

    /// `F`
    pub(crate) fn table(self, key: &str, value: &Self) -> Self {
        self.raw(key, &[&b"F"[..], &value.with_length()].concat())
    }

    /// Tables within each other, so many levels deep.
    pub(crate) fn nested(levels: usize) -> Self {
        // Built from the outside in: the lengths are known beforehand, seven octets for each level.
        let mut bytes = Vec::with_capacity(levels * 7);
        for level in 1..=levels {
            let inner = u32::try_from((levels - level) * 7).expect("a small table");
            bytes.extend_from_slice(b"\x01kF");
            bytes.extend_from_slice(&inner.to_be_bytes());
        }
        Self(bytes)
    }

    /// The entries only.
    pub(crate) fn contents(&self) -> &[u8] {
        &self.0
    }

    /// As a field on the wire.
    pub(crate) fn with_length(&self) -> Vec<u8> {
        with_length(&self.0)
    }
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).expect("below 4 GiB");
    [&len.to_be_bytes()[..], bytes].concat()
}

/// The entries of a table's contents: each value with its type tag before it.
pub(crate) fn entries(contents: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut fields = Arguments::of(contents);
    let mut entries = BTreeMap::new();
    while !fields.is_empty() {
        let key = fields.short_string();
        let tag = fields.octet();
        let value = match tag {
            b'V' => Vec::new(),
            b't' | b'b' | b'B' => fields.bytes(1),
            b's' | b'u' => fields.bytes(2),
            b'I' | b'i' | b'f' => fields.bytes(4),
            b'D' => fields.bytes(5),
            b'l' | b'L' | b'd' | b'T' => fields.bytes(8),
            b'S' | b'x' | b'A' | b'F' => fields.long_bytes(),
            other => panic!("no such type tag: {other}"),
        };
        entries.insert(key, [&[tag][..], &value].concat());
    }
    entries
}
