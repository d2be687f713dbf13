//! The payload of a content header frame (spec: 4.2.6.1 The Content Header), checked and left raw.
//!
//! ```text
//! 0          2          4           12               14
//! +----------+----------+-----------+----------------+------------------+
//! | class id |  weight  | body size | property flags | properties …     |
//! +----------+----------+-----------+----------------+------------------+
//! ```
//!
//! The properties of a publish are forwarded as they came. So what a consumer could not read must be
//! refused here: every length is checked, a headers table is scanned, and flags that stand for no
//! property (the lowest two bits, of which one says that more flags follow) are refused.

use crate::base::{FieldValue, MessageHeader};

use super::error::{Snippet, WireError};
use super::expiration;
use super::frame::FrameKind;
use super::reader::{Fault, Reader};
use super::table;

/// A content header, borrowed from its frame. Nothing was allocated for it.
#[derive(Clone, Copy, Debug)]
pub struct ContentHeader<'a> {
    /// The class of the method before; 60 for every method that carries a content.
    pub class_id: u16,
    /// Unused, and whatever the peer sent.
    pub weight: u16,
    /// Bytes of the body that follows.
    pub body_size: u64,
    /// From the property flags on, as received.
    pub properties: &'a [u8],
    fields: Fields<'a>,
}

impl<'a> ContentHeader<'a> {
    /// Reads and checks the payload of a content header frame.
    #[inline]
    pub fn scan(payload: &'a [u8]) -> Result<Self, WireError> {
        Self::read(&mut Reader::new(payload)).map_err(|fault| Self::error(fault, payload))
    }

    #[cold]
    fn error(fault: Fault, payload: &[u8]) -> WireError {
        match payload.get(Self::BYTES_BEFORE_PROPERTIES..) {
            Some(properties) => WireError::in_header(fault, properties),
            // rabbitmq: a content header without its fixed octets is a frame of no known kind.
            None => WireError::UnknownFrame {
                kind: FrameKind::Header.number(),
                snippet: Snippet::of(payload),
            },
        }
    }

    /// Octets before the property flags: class id, weight, body size.
    pub const BYTES_BEFORE_PROPERTIES: usize = 12;

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let class_id = reader.u16()?;
        let weight = reader.u16()?;
        let body_size = reader.u64()?;
        let properties = reader.rest();
        let fields = Fields::scan(properties)?;
        Ok(Self { class_id, weight, body_size, properties, fields })
    }

    /// The size of the body and what the broker needs to know of the properties, for a content header as most
    /// publishers send it: of class basic, and without a property but perhaps the delivery mode. `None` for every
    /// other one, good or bad.
    #[must_use]
    #[inline]
    pub fn plain(payload: &[u8]) -> Option<(u64, MessageHeader)> {
        let (fixed, properties) = payload.split_first_chunk()?;
        let [0, 60, 0, 0, s0, s1, s2, s3, s4, s5, s6, s7] = *fixed else { return None };
        let persistent = match properties {
            [0, 0] => false,
            [0x10, 0, mode] => *mode == 2,
            _ => return None,
        };
        let body_size = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        Some((body_size, MessageHeader { persistent, ..MessageHeader::default() }))
    }

    /// What the broker needs to know of the properties.
    ///
    /// The error is [`WireError::InvalidExpiration`], which ends the channel and not the connection.
    #[inline]
    pub fn message_header(&self) -> Result<MessageHeader, WireError> {
        Ok(MessageHeader {
            persistent: self.fields.delivery_mode == Some(2),
            priority: self.fields.priority,
            expiration_ms: self.fields.expiration.map(expiration::parse).transpose()?,
            has_headers: self.fields.headers.is_some(),
        })
    }

    /// The `user-id` property, when given.
    #[must_use]
    pub fn user_id(&self) -> Option<&'a [u8]> {
        self.fields.user_id
    }

    /// The `reply-to` property, when given.
    #[must_use]
    pub fn reply_to(&self) -> Option<&'a [u8]> {
        self.fields.reply_to
    }

    /// The contents of the `headers` table, when given; for [`super::decode_table`].
    #[must_use]
    pub fn headers(&self) -> Option<&'a [u8]> {
        self.fields.headers
    }

    /// One value of the `headers` table; only that value is read.
    #[must_use]
    pub fn header_value(&self, key: &[u8]) -> Option<FieldValue> {
        table::table_value(self.fields.headers?, key)
    }
}

/// The properties that matter to the broker, found in one pass over all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) headers: Option<&'a [u8]>,
    pub(super) delivery_mode: Option<u8>,
    pub(super) priority: Option<u8>,
    pub(super) reply_to: Option<&'a [u8]>,
    pub(super) expiration: Option<&'a [u8]>,
    pub(super) user_id: Option<&'a [u8]>,
}

/// Flags of a content header from the highest bit down (spec: 1.8 basic, in order of declaration).
pub(super) mod flag {
    pub(in crate::wire) const CONTENT_TYPE: u16 = 1 << 15;
    pub(in crate::wire) const CONTENT_ENCODING: u16 = 1 << 14;
    pub(in crate::wire) const HEADERS: u16 = 1 << 13;
    pub(in crate::wire) const DELIVERY_MODE: u16 = 1 << 12;
    pub(in crate::wire) const PRIORITY: u16 = 1 << 11;
    pub(in crate::wire) const CORRELATION_ID: u16 = 1 << 10;
    pub(in crate::wire) const REPLY_TO: u16 = 1 << 9;
    pub(in crate::wire) const EXPIRATION: u16 = 1 << 8;
    pub(in crate::wire) const MESSAGE_ID: u16 = 1 << 7;
    pub(in crate::wire) const TIMESTAMP: u16 = 1 << 6;
    pub(in crate::wire) const TYPE: u16 = 1 << 5;
    pub(in crate::wire) const USER_ID: u16 = 1 << 4;
    pub(in crate::wire) const APP_ID: u16 = 1 << 3;
    pub(in crate::wire) const CLUSTER_ID: u16 = 1 << 2;
    /// One bit that stands for nothing and one that says that more flags follow.
    pub(in crate::wire) const UNKNOWN: u16 = 0b11;
}

impl<'a> Fields<'a> {
    /// Checks the properties from their flags on, to the last byte.
    #[inline]
    pub(super) fn scan(properties: &'a [u8]) -> Result<Self, Fault> {
        // Most publishers give no property, or the delivery mode only.
        match properties {
            [0, 0] => Ok(Self::default()),
            [0x10, 0, mode] => Ok(Self { delivery_mode: Some(*mode), ..Self::default() }),
            _ => Self::scan_any(properties),
        }
    }

    fn scan_any(properties: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(properties);
        let flags = reader.u16()?;
        let mut fields = Self::default();
        let mut left = flags;
        while left != 0 {
            let highest = 0x8000 >> left.leading_zeros();
            left &= !highest;
            match highest {
                flag::HEADERS => {
                    let contents = reader.long_string()?;
                    table::scan(contents)?;
                    fields.headers = Some(contents);
                }
                flag::DELIVERY_MODE => fields.delivery_mode = Some(reader.u8()?),
                flag::PRIORITY => fields.priority = Some(reader.u8()?),
                flag::TIMESTAMP => {
                    reader.u64()?;
                }
                flag::REPLY_TO => fields.reply_to = Some(reader.short_string()?),
                flag::EXPIRATION => fields.expiration = Some(reader.short_string()?),
                flag::USER_ID => fields.user_id = Some(reader.short_string()?),
                other if other & flag::UNKNOWN != 0 => return Err(Fault::Malformed),
                _ => {
                    reader.short_string()?;
                }
            }
        }
        reader.end()?;
        Ok(fields)
    }
}
