//! All fourteen properties of a content as values (spec: 1.8 basic), for whoever needs more than the
//! raw bytes: the headers exchange, the management pages, tests.

use bytes::Bytes;

use crate::base::{FieldTable, FieldValue, ShortStr};

use super::content_header::{Fields, flag};
use super::error::WireError;
use super::reader::{Fault, Reader};
use super::table;
use super::writer::put_short_string;

/// The properties of the basic class.
#[derive(Clone, PartialEq, Debug, Default)]
#[expect(missing_docs, reason = "names and meaning of the fields are those of the specification")]
pub struct Properties {
    pub content_type: Option<ShortStr>,
    pub content_encoding: Option<ShortStr>,
    pub headers: Option<FieldTable>,
    pub delivery_mode: Option<u8>,
    pub priority: Option<u8>,
    pub correlation_id: Option<ShortStr>,
    pub reply_to: Option<ShortStr>,
    pub expiration: Option<ShortStr>,
    pub message_id: Option<ShortStr>,
    pub timestamp: Option<u64>,
    /// The property `type`.
    pub kind: Option<ShortStr>,
    pub user_id: Option<ShortStr>,
    pub app_id: Option<ShortStr>,
    pub cluster_id: Option<ShortStr>,
}

impl Properties {
    /// Decodes a content header from its property flags on.
    pub fn decode(properties: &[u8]) -> Result<Self, WireError> {
        Self::read(properties).map_err(|fault| WireError::in_header(fault, properties))
    }

    fn read(properties: &[u8]) -> Result<Self, Fault> {
        // The scan refuses everything that the fields below do not account for.
        Fields::scan(properties)?;
        let mut reader = Reader::new(properties);
        let flags = reader.u16()?;
        let text = |reader: &mut Reader<'_>, flag| {
            if flags & flag == 0 {
                return Ok(None);
            }
            table::short(reader.short_string()?).map(Some)
        };
        Ok(Self {
            content_type: text(&mut reader, flag::CONTENT_TYPE)?,
            content_encoding: text(&mut reader, flag::CONTENT_ENCODING)?,
            headers: match flags & flag::HEADERS {
                0 => None,
                _ => Some(table::read_table(reader.long_string()?)?),
            },
            delivery_mode: octet(&mut reader, flags & flag::DELIVERY_MODE)?,
            priority: octet(&mut reader, flags & flag::PRIORITY)?,
            correlation_id: text(&mut reader, flag::CORRELATION_ID)?,
            reply_to: text(&mut reader, flag::REPLY_TO)?,
            expiration: text(&mut reader, flag::EXPIRATION)?,
            message_id: text(&mut reader, flag::MESSAGE_ID)?,
            timestamp: match flags & flag::TIMESTAMP {
                0 => None,
                _ => Some(reader.u64()?),
            },
            kind: text(&mut reader, flag::TYPE)?,
            user_id: text(&mut reader, flag::USER_ID)?,
            app_id: text(&mut reader, flag::APP_ID)?,
            cluster_id: text(&mut reader, flag::CLUSTER_ID)?,
        })
    }

    /// The content header from its property flags on.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut values = Vec::new();
        let mut flags = 0;
        let mut text = |value: &Option<ShortStr>, flag, values: &mut Vec<u8>| {
            if let Some(value) = value {
                flags |= flag;
                put_short_string(value.as_bytes(), values);
            }
        };
        values.extend_from_slice(&[0; 2]);
        text(&self.content_type, flag::CONTENT_TYPE, &mut values);
        text(&self.content_encoding, flag::CONTENT_ENCODING, &mut values);
        if let Some(headers) = &self.headers {
            table::encode_table(headers, &mut values);
        }
        values.extend(self.delivery_mode);
        values.extend(self.priority);
        text(&self.correlation_id, flag::CORRELATION_ID, &mut values);
        text(&self.reply_to, flag::REPLY_TO, &mut values);
        text(&self.expiration, flag::EXPIRATION, &mut values);
        text(&self.message_id, flag::MESSAGE_ID, &mut values);
        if let Some(timestamp) = self.timestamp {
            values.extend_from_slice(&timestamp.to_be_bytes());
        }
        text(&self.kind, flag::TYPE, &mut values);
        text(&self.user_id, flag::USER_ID, &mut values);
        text(&self.app_id, flag::APP_ID, &mut values);
        text(&self.cluster_id, flag::CLUSTER_ID, &mut values);
        flags |= when(self.headers.is_some(), flag::HEADERS)
            | when(self.delivery_mode.is_some(), flag::DELIVERY_MODE)
            | when(self.priority.is_some(), flag::PRIORITY)
            | when(self.timestamp.is_some(), flag::TIMESTAMP);
        if let Some(place) = values.first_chunk_mut::<2>() {
            *place = flags.to_be_bytes();
        }
        Bytes::from(values)
    }
}

fn octet(reader: &mut Reader<'_>, flag: u16) -> Result<Option<u8>, Fault> {
    if flag == 0 { Ok(None) } else { reader.u8().map(Some) }
}

fn when(given: bool, flag: u16) -> u16 {
    if given { flag } else { 0 }
}

/// A content header from its property flags on, with these `headers` instead of its own and without an
/// `expiration`: what a message has that is published again. Bytes that are no properties stay as they are.
#[must_use]
pub fn published_again(properties: &[u8], headers: &FieldTable) -> Vec<u8> {
    let Ok(decoded) = Properties::decode(properties) else { return properties.to_vec() };
    let headers = Some(headers.clone());
    Properties { headers, expiration: None, ..decoded }.encode().to_vec()
}

/// A content header from its property flags on, with one more header behind its own, in the place of one
/// of that name. Bytes that are no properties stay as they are.
#[must_use]
pub fn with_header(properties: &[u8], name: ShortStr, value: FieldValue) -> Vec<u8> {
    let Ok(decoded) = Properties::decode(properties) else { return properties.to_vec() };
    let headers = decoded.headers.unwrap_or_default();
    let others = headers.iter().filter(|(key, _)| **key != name);
    let others = others.map(|(key, value)| (key.clone(), value.clone()));
    let mut headers: FieldTable = others.collect();
    headers.push(name, value);
    Properties { headers: Some(headers), ..decoded }.encode().to_vec()
}

/// The properties with another `reply-to` in the place of the one they have, and every other byte as it
/// was; unchanged when they have none.
#[must_use]
pub fn with_reply_to(properties: &[u8], reply_to: &ShortStr) -> Vec<u8> {
    let Ok(Fields { reply_to: Some(old), .. }) = Fields::scan(properties) else {
        return properties.to_vec();
    };
    // What was scanned is a slice of the properties, and its octet of length stands before it.
    let start = old.as_ptr().addr() - properties.as_ptr().addr();
    let (before, behind) = (&properties[..start - 1], &properties[start + old.len()..]);
    let mut changed = before.to_vec();
    put_short_string(reply_to.as_bytes(), &mut changed);
    changed.extend_from_slice(behind);
    changed
}

/// The `headers` of a content header from its property flags on; empty when there are none.
///
/// This is what a headers exchange looks at. The bytes were scanned when they were received, so bytes
/// that are no properties have no headers either.
#[must_use]
pub fn headers_of(properties: &[u8]) -> FieldTable {
    Fields::scan(properties)
        .ok()
        .and_then(|fields| table::read_table(fields.headers?).ok())
        .unwrap_or_default()
}
