//! Field tables as values (spec: 4.2.5.5 Field Tables, with RabbitMQ's errata for the type tags).
//!
//! The bytes are `wire`'s business; here stands what they mean. Order and duplicate keys are kept, so
//! that a table that is decoded and encoded again is the same.

use bytes::Bytes;

use super::ShortStr;

/// One value of a field table. The variant names say the width that came over the wire.
#[derive(Clone, PartialEq, Debug)]
pub enum FieldValue {
    /// `t`
    Boolean(bool),
    /// `b`
    I8(i8),
    /// `B`
    U8(u8),
    /// `s` (RabbitMQ's errata: signed 16 bits)
    I16(i16),
    /// `u`
    U16(u16),
    /// `I`
    I32(i32),
    /// `i`
    U32(u32),
    /// `l` (RabbitMQ's errata: signed 64 bits) and `L`
    I64(i64),
    /// `f`, kept as bits so that every NaN survives
    F32(u32),
    /// `d`, kept as bits so that every NaN survives
    F64(u64),
    /// `D`: `value / 10^scale`
    Decimal {
        /// Number of decimal digits after the point.
        scale: u8,
        /// The digits.
        value: u32,
    },
    /// `S`: any bytes
    LongString(Bytes),
    /// `A`
    Array(Vec<FieldValue>),
    /// `T`: seconds since 1970
    Timestamp(u64),
    /// `F`
    Table(FieldTable),
    /// `x`
    ByteArray(Bytes),
    /// `V`
    Void,
}

impl FieldValue {
    /// A long string from text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::LongString(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// The value as an integer, whatever its width; `None` for anything else.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        match self {
            Self::I8(n) => Some(i128::from(*n)),
            Self::U8(n) => Some(i128::from(*n)),
            Self::I16(n) => Some(i128::from(*n)),
            Self::U16(n) => Some(i128::from(*n)),
            Self::I32(n) => Some(i128::from(*n)),
            Self::U32(n) => Some(i128::from(*n)),
            Self::I64(n) => Some(i128::from(*n)),
            Self::Boolean(_)
            | Self::F32(_)
            | Self::F64(_)
            | Self::Decimal { .. }
            | Self::LongString(_)
            | Self::Array(_)
            | Self::Timestamp(_)
            | Self::Table(_)
            | Self::ByteArray(_)
            | Self::Void => None,
        }
    }

    /// The value as text; `None` when it is no long string or not UTF-8.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::LongString(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// About how many bytes of RAM it takes.
    #[must_use]
    pub fn ram_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::LongString(bytes) | Self::ByteArray(bytes) => bytes.len(),
                Self::Array(values) => values.iter().map(Self::ram_bytes).sum(),
                Self::Table(table) => table.ram_bytes(),
                _ => 0,
            }
    }

    /// RabbitMQ's word for the type, as it stands in error texts.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "bool",
            Self::I8(_) => "byte",
            Self::U8(_) => "unsignedbyte",
            Self::I16(_) => "short",
            Self::U16(_) => "unsignedshort",
            Self::I32(_) => "signedint",
            Self::U32(_) => "unsignedint",
            Self::I64(_) => "long",
            Self::F32(_) => "float",
            Self::F64(_) => "double",
            Self::Decimal { .. } => "decimal",
            Self::LongString(_) => "longstr",
            Self::Array(_) => "array",
            Self::Timestamp(_) => "timestamp",
            Self::Table(_) => "table",
            Self::ByteArray(_) => "binary",
            Self::Void => "void",
        }
    }
}

/// Key and value pairs in the order in which they came.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FieldTable(Vec<(ShortStr, FieldValue)>);

impl FieldTable {
    /// A table without entries.
    pub const EMPTY: Self = Self(Vec::new());

    /// A table of these entries, in this order.
    #[must_use]
    pub fn new(entries: Vec<(ShortStr, FieldValue)>) -> Self {
        Self(entries)
    }

    /// The first value under this key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&FieldValue> {
        self.0.iter().find(|(name, _)| name.as_bytes() == key).map(|(_, value)| value)
    }

    /// Puts an entry at the end.
    pub fn push(&mut self, key: ShortStr, value: FieldValue) {
        self.0.push((key, value));
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ShortStr, &FieldValue)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// About how many bytes of RAM it takes.
    #[must_use]
    pub fn ram_bytes(&self) -> usize {
        let entry = |(name, value): &(ShortStr, FieldValue)| {
            size_of::<ShortStr>() + name.as_bytes().len() + value.ram_bytes()
        };
        self.0.iter().map(entry).sum()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(ShortStr, FieldValue)> for FieldTable {
    fn from_iter<I: IntoIterator<Item = (ShortStr, FieldValue)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}
