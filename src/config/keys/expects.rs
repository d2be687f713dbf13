//! What values must be, where more than one group of keys says it: ends of a sentence that begins with
//! "expected", and the checks that are no matter of one value type.

use std::path::PathBuf;

pub(super) const SWITCH: &str = "true or false";
pub(super) const NAME: &str = "a name of 1 to 255 bytes without control characters";
pub(super) const PATH: &str = "a path";

pub(super) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| text.into())
}
