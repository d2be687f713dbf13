//! How much room the disk must have.

use super::super::value;
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "disk_free_limit.absolute",
        Some("50MB"),
        "bytes, such as 50000000 or 2GB (0: the disk is not looked at)",
        [
            "disk_free_limit.absolute = 2GB",
            "Free space of the data folder's disk below which publishers are held back.",
        ],
        |draft, given| {
            draft.disk_bytes = (given.rank, value::bytes(given.value)?);
            Some(())
        },
    )
    .live(),
    key(
        "disk_free_limit.relative",
        None,
        "a factor such as 1.5, or a percentage such as 150%",
        [
            "disk_free_limit.relative = 1.5",
            "The same as a multiple of the memory; the bytes of the same source win.",
        ],
        |draft, given| {
            draft.disk_millionths = Some((given.rank, value::factor_millionths(given.value)?));
            Some(())
        },
    )
    .live(),
];
