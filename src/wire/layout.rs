//! The order of the fields of every method that the bridge hands on (spec: 1.3 to 1.8).
//!
//! With it the arguments are checked before amq-protocol sees them: every length, UTF-8, and where the
//! one table of a method stands, so that the table can be taken out.

use std::ops::Range;

use super::method::MethodId;
use super::reader::{Fault, Reader};

/// A field on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    /// An octet, or up to eight flags in one.
    Octet,
    /// Two octets.
    Short,
    /// Four octets.
    Long,
    /// A short string; for the methods of this table always UTF-8.
    ShortString,
    /// A long string.
    LongString,
    /// A field table.
    Table,
}

use Field::{Long, LongString, Octet, Short, ShortString, Table};

/// The fields of a method that the bridge hands on; `None` for all others.
pub(super) fn of(id: MethodId) -> Option<&'static [Field]> {
    Some(match id {
        MethodId::CONNECTION_START => &[Octet, Octet, Table, LongString, LongString],
        MethodId::CONNECTION_START_OK => &[Table, ShortString, LongString, ShortString],
        MethodId::CONNECTION_SECURE | MethodId::CONNECTION_SECURE_OK => &[LongString],
        MethodId::CONNECTION_TUNE | MethodId::CONNECTION_TUNE_OK => &[Short, Long, Short],
        MethodId::CONNECTION_OPEN => &[ShortString, ShortString, Octet],
        MethodId::CONNECTION_OPEN_OK | MethodId::CONNECTION_BLOCKED => &[ShortString],
        MethodId::CONNECTION_CLOSE | MethodId::CHANNEL_CLOSE => &[Short, ShortString, Short, Short],
        MethodId::CONNECTION_UPDATE_SECRET => &[LongString, ShortString],
        MethodId::CHANNEL_OPEN => &[ShortString],
        MethodId::CHANNEL_OPEN_OK => &[LongString],
        MethodId::CHANNEL_FLOW | MethodId::CHANNEL_FLOW_OK => &[Octet],
        MethodId::ACCESS_REQUEST => &[ShortString, Octet],
        MethodId::EXCHANGE_DECLARE => &[Short, ShortString, ShortString, Octet, Table],
        MethodId::EXCHANGE_DELETE
        | MethodId::QUEUE_PURGE
        | MethodId::QUEUE_DELETE
        | MethodId::BASIC_GET => &[Short, ShortString, Octet],
        MethodId::QUEUE_DECLARE => &[Short, ShortString, Octet, Table],
        MethodId::QUEUE_DECLARE_OK => &[ShortString, Long, Long],
        MethodId::QUEUE_PURGE_OK | MethodId::QUEUE_DELETE_OK => &[Long],
        MethodId::BASIC_CONSUME => &[Short, ShortString, ShortString, Octet, Table],
        MethodId::BASIC_CONSUME_OK | MethodId::BASIC_CANCEL_OK | MethodId::BASIC_GET_EMPTY => {
            &[ShortString]
        }
        MethodId::BASIC_CANCEL => &[ShortString, Octet],
        MethodId::BASIC_RECOVER_ASYNC | MethodId::BASIC_RECOVER | MethodId::CONFIRM_SELECT => {
            &[Octet]
        }
        MethodId::CONNECTION_CLOSE_OK
        | MethodId::CONNECTION_UNBLOCKED
        | MethodId::CONNECTION_UPDATE_SECRET_OK
        | MethodId::CHANNEL_CLOSE_OK
        | MethodId::EXCHANGE_DECLARE_OK
        | MethodId::EXCHANGE_DELETE_OK
        | MethodId::EXCHANGE_BIND_OK
        | MethodId::EXCHANGE_UNBIND_OK
        | MethodId::QUEUE_BIND_OK
        | MethodId::QUEUE_UNBIND_OK
        | MethodId::BASIC_QOS_OK
        | MethodId::BASIC_RECOVER_OK
        | MethodId::CONFIRM_SELECT_OK
        | MethodId::TX_SELECT
        | MethodId::TX_SELECT_OK
        | MethodId::TX_COMMIT
        | MethodId::TX_COMMIT_OK
        | MethodId::TX_ROLLBACK
        | MethodId::TX_ROLLBACK_OK => &[],
        _ => return None,
    })
}

/// Checks the arguments against the layout, to the last byte, and finds the contents of the table.
///
/// The table itself is not looked into.
pub(super) fn check(layout: &[Field], arguments: &[u8]) -> Result<Option<Range<usize>>, Fault> {
    let mut reader = Reader::new(arguments);
    let mut table = None;
    for field in layout {
        match field {
            Octet => reader.take(1).map(|_| ())?,
            Short => reader.take(2).map(|_| ())?,
            Long => reader.take(4).map(|_| ())?,
            LongString => reader.long_string().map(|_| ())?,
            ShortString => {
                let bytes = reader.short_string()?;
                std::str::from_utf8(bytes).map_err(|_| Fault::NotUtf8)?;
            }
            Table => {
                let contents = reader.long_string()?;
                let end = arguments.len() - reader.rest().len();
                table = Some(end - contents.len()..end);
            }
        }
    }
    reader.end()?;
    Ok(table)
}
