//! Field tables: bytes to [`FieldTable`] and back (spec: 4.2.5.5, with RabbitMQ's type tags).
//!
//! A table is always scanned before it is read: the scan is iterative, allocates nothing and refuses
//! what is malformed or nested too deep, so that the recursive reader behind it has a floor.

use bytes::Bytes;

use crate::base::limits::TABLE_DEPTH_MAX;
use crate::base::{FieldTable, FieldValue, ShortStr};

use super::error::WireError;
use super::method::MethodId;
use super::reader::{Fault, Reader};
use super::writer::{put_long_string, put_short_string, put_with_length};

/// Decodes the contents of a table, without the four octets of length before it.
///
/// Every byte is copied, so that a kept table does not keep a read buffer alive. Order and duplicate
/// keys survive.
pub fn decode_table(contents: &[u8]) -> Result<FieldTable, WireError> {
    read_table(contents).map_err(|fault| match fault {
        Fault::Malformed | Fault::NotUtf8 => WireError::CannotDecodeTable,
        Fault::TooDeep => WireError::TableTooDeep { id: MethodId::default() },
    })
}

/// Appends a table with the four octets of length before it.
pub fn encode_table(table: &FieldTable, into: &mut Vec<u8>) {
    put_with_length(into, |into| {
        for (key, value) in table.iter() {
            put_short_string(key.as_bytes(), into);
            put_value(value, into);
        }
    });
}

/// The first value under a key of a table's contents; only that value is read.
///
/// `None` too when the contents are no table.
#[must_use]
pub fn table_value(contents: &[u8], key: &[u8]) -> Option<FieldValue> {
    scan(contents).ok()?;
    let mut reader = Reader::new(contents);
    while !reader.is_empty() {
        if reader.short_string().ok()? == key {
            return value(&mut reader).ok();
        }
        skip_value(&mut reader).ok()?;
    }
    None
}

/// Scans and then reads.
pub(super) fn read_table(contents: &[u8]) -> Result<FieldTable, Fault> {
    scan(contents)?;
    entries(contents)
}

/// The contents of the tables and arrays that are open, outermost first.
///
/// Of each only its end is remembered, as an offset into the whole, and one bit says which are
/// arrays.
struct Open {
    ends: [usize; TABLE_DEPTH_MAX],
    arrays: u64,
    depth: usize,
}

impl Open {
    /// Goes one level in.
    fn push(&mut self, end: usize, is_array: bool) -> Result<(), Fault> {
        *self.ends.get_mut(self.depth).ok_or(Fault::TooDeep)? = end;
        self.arrays = self.arrays << 1 | u64::from(is_array);
        self.depth += 1;
        Ok(())
    }

    /// Leaves the innermost level and tells the end of the one around it.
    fn pop(&mut self) -> Option<usize> {
        self.arrays >>= 1;
        self.depth = self.depth.checked_sub(1)?;
        self.ends.get(self.depth.checked_sub(1)?).copied()
    }

    fn in_array(&self) -> bool {
        self.arrays & 1 == 1
    }
}

const _: () = assert!(TABLE_DEPTH_MAX <= 64, "one bit per level");

/// Checks that the contents are a table of known types that fills its bytes exactly, and is nested no
/// deeper than [`TABLE_DEPTH_MAX`]. Allocates nothing and does not recurse.
pub(super) fn scan(contents: &[u8]) -> Result<(), Fault> {
    if contents.is_empty() {
        return Ok(());
    }
    let mut open = Open { ends: [0; TABLE_DEPTH_MAX], arrays: 0, depth: 0 };
    let mut end = contents.len();
    open.push(end, false)?;
    let mut reader = Reader::new(contents);
    loop {
        let at = contents.len() - reader.rest().len();
        if at >= end {
            if at > end {
                return Err(Fault::Malformed);
            }
            match open.pop() {
                Some(around) => end = around,
                None => return Ok(()),
            }
            continue;
        }
        if !open.in_array() {
            reader.short_string()?;
        }
        let tag = reader.u8()?;
        if let b'A' | b'F' = tag {
            let len = reader.u32()? as usize;
            let start = contents.len() - reader.rest().len();
            end = start.checked_add(len).filter(|inner| *inner <= end).ok_or(Fault::Malformed)?;
            open.push(end, tag == b'A')?;
        } else {
            skip_plain(tag, &mut reader)?;
        }
    }
}

/// Steps over a value that holds no other values.
fn skip_plain(tag: u8, reader: &mut Reader<'_>) -> Result<(), Fault> {
    let len = match tag {
        b'V' => 0,
        b't' | b'b' | b'B' => 1,
        b's' | b'u' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'l' | b'L' | b'd' | b'T' => 8,
        b'S' | b'x' => {
            reader.long_string()?;
            return Ok(());
        }
        _ => return Err(Fault::Malformed),
    };
    reader.take(len)?;
    Ok(())
}

/// Steps over a value of a table that was scanned.
fn skip_value(reader: &mut Reader<'_>) -> Result<(), Fault> {
    match reader.u8()? {
        b'A' | b'F' => reader.long_string().map(|_| ()),
        tag => skip_plain(tag, reader),
    }
}

/// Reads the entries of a table that was scanned: its depth is bounded.
fn entries(contents: &[u8]) -> Result<FieldTable, Fault> {
    let mut reader = Reader::new(contents);
    let mut table = FieldTable::EMPTY;
    while !reader.is_empty() {
        let key = short(reader.short_string()?)?;
        table.push(key, value(&mut reader)?);
    }
    Ok(table)
}

/// Reads one value of a table that was scanned.
fn value(reader: &mut Reader<'_>) -> Result<FieldValue, Fault> {
    Ok(match reader.u8()? {
        b't' => FieldValue::Boolean(reader.u8()? != 0),
        b'b' => FieldValue::I8(i8::from_be_bytes([reader.u8()?])),
        b'B' => FieldValue::U8(reader.u8()?),
        b's' => FieldValue::I16(i16::from_be_bytes(reader.u16()?.to_be_bytes())),
        b'u' => FieldValue::U16(reader.u16()?),
        b'I' => FieldValue::I32(i32::from_be_bytes(reader.u32()?.to_be_bytes())),
        b'i' => FieldValue::U32(reader.u32()?),
        b'l' | b'L' => FieldValue::I64(i64::from_be_bytes(reader.u64()?.to_be_bytes())),
        b'f' => FieldValue::F32(reader.u32()?),
        b'd' => FieldValue::F64(reader.u64()?),
        b'D' => FieldValue::Decimal { scale: reader.u8()?, value: reader.u32()? },
        b'S' => FieldValue::LongString(Bytes::copy_from_slice(reader.long_string()?)),
        b'A' => {
            let mut inner = Reader::new(reader.long_string()?);
            let mut values = Vec::new();
            while !inner.is_empty() {
                values.push(value(&mut inner)?);
            }
            FieldValue::Array(values)
        }
        b'T' => FieldValue::Timestamp(reader.u64()?),
        b'F' => FieldValue::Table(entries(reader.long_string()?)?),
        b'x' => FieldValue::ByteArray(Bytes::copy_from_slice(reader.long_string()?)),
        b'V' => FieldValue::Void,
        _ => return Err(Fault::Malformed),
    })
}

/// A short string of any bytes, copied.
pub(super) fn short(bytes: &[u8]) -> Result<ShortStr, Fault> {
    ShortStr::copy_from(bytes).map_err(|_| Fault::Malformed)
}

fn put_value(value: &FieldValue, into: &mut Vec<u8>) {
    match value {
        FieldValue::Boolean(b) => into.extend_from_slice(&[b't', u8::from(*b)]),
        FieldValue::I8(n) => put_fixed(b'b', &n.to_be_bytes(), into),
        FieldValue::U8(n) => put_fixed(b'B', &n.to_be_bytes(), into),
        FieldValue::I16(n) => put_fixed(b's', &n.to_be_bytes(), into),
        FieldValue::U16(n) => put_fixed(b'u', &n.to_be_bytes(), into),
        FieldValue::I32(n) => put_fixed(b'I', &n.to_be_bytes(), into),
        FieldValue::U32(n) => put_fixed(b'i', &n.to_be_bytes(), into),
        FieldValue::I64(n) => put_fixed(b'l', &n.to_be_bytes(), into),
        FieldValue::F32(bits) => put_fixed(b'f', &bits.to_be_bytes(), into),
        FieldValue::F64(bits) => put_fixed(b'd', &bits.to_be_bytes(), into),
        FieldValue::Decimal { scale, value } => {
            put_fixed(b'D', &[*scale], into);
            into.extend_from_slice(&value.to_be_bytes());
        }
        FieldValue::LongString(bytes) => {
            into.push(b'S');
            put_long_string(bytes, into);
        }
        FieldValue::Array(values) => {
            into.push(b'A');
            put_with_length(into, |into| values.iter().for_each(|value| put_value(value, into)));
        }
        FieldValue::Timestamp(seconds) => put_fixed(b'T', &seconds.to_be_bytes(), into),
        FieldValue::Table(table) => {
            into.push(b'F');
            encode_table(table, into);
        }
        FieldValue::ByteArray(bytes) => {
            into.push(b'x');
            put_long_string(bytes, into);
        }
        FieldValue::Void => into.push(b'V'),
    }
}

fn put_fixed(tag: u8, octets: &[u8], into: &mut Vec<u8>) {
    into.push(tag);
    into.extend_from_slice(octets);
}
