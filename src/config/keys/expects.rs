//! What values must be, where more than one group of keys says it: ends of a sentence that begins with
//! "expected", and the checks that are no matter of one value type.

use std::path::PathBuf;

use super::super::settings::Password;

pub(super) const SWITCH: &str = "true or false";
pub(super) const NAME: &str = "a name of 1 to 255 bytes without control characters";
pub(super) const PASSWORD: &str = "a password of 1 to 4096 bytes, which is not encrypted";
pub(super) const PATH: &str = "a path";
pub(super) const FILE: &str = "the path of a file";

pub(super) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| text.into())
}

/// One that RabbitMQ's tool has encrypted (`encrypted:…`) would be another password here.
pub(super) fn password(text: &str) -> Option<Password> {
    let sound = (1..=PASSWORD_BYTES_MAX).contains(&text.len()) && !text.starts_with("encrypted:");
    sound.then(|| Password(text.to_owned()))
}

/// Longer than what password managers make, shorter than what fits a frame before login.
const PASSWORD_BYTES_MAX: usize = 4096;
