//! Strings between amq-protocol's types and ours.

use amq_protocol::types::{LongString, ShortString};
use bytes::Bytes;

use crate::base::ShortStr;
use crate::wire::reader::Fault;
use crate::wire::table::short;

/// The longest short string.
const SHORT_STRING_BYTES_MAX: usize = 255;

/// Text as the crate's short string, which is UTF-8 and at most 255 bytes long: longer text is cut
/// between two characters, so that the crate's constructor has nothing to refuse.
pub(super) fn to_short(text: &str) -> ShortString {
    let mut len = text.len().min(SHORT_STRING_BYTES_MAX);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    let cut = text.get(..len).unwrap_or_default();
    ShortString::try_new(cut).unwrap_or_default()
}

/// Bytes as the crate's short string; what is not UTF-8 is replaced.
pub(super) fn bytes_to_short(bytes: &ShortStr) -> ShortString {
    to_short(&bytes.to_text())
}

pub(super) fn from_short(text: &ShortString) -> Result<ShortStr, Fault> {
    short(text.as_str().as_bytes())
}

pub(super) fn to_long(bytes: &Bytes) -> LongString {
    LongString::from(bytes.as_ref())
}

pub(super) fn from_long(bytes: &LongString) -> Bytes {
    Bytes::copy_from_slice(bytes.as_bytes())
}
