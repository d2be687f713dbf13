//! How much memory messages may take.

use super::super::value;
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "vm_memory_high_watermark.relative",
        Some("0.6"),
        "a share from 0 to 1 such as 0.6, or a percentage such as 60%",
        [
            "vm_memory_high_watermark.relative = 0.4",
            "Share of the memory at which publishers are held back.",
        ],
        |draft, given| {
            draft.memory_millionths = (given.rank, value::millionths(given.value)?);
            Some(())
        },
    )
    .live(),
    key(
        "vm_memory_high_watermark.absolute",
        None,
        "bytes, such as 1073741824 or 1GiB",
        ["vm_memory_high_watermark.absolute = 2GiB", "The same in bytes; wins over the share."],
        |draft, given| {
            draft.memory_bytes = Some((given.rank, value::bytes(given.value)?));
            Some(())
        },
    )
    .live(),
    key(
        "total_memory_available_override_value",
        None,
        "bytes of at least 1, such as 8589934592 or 8GiB",
        [
            "total_memory_available_override_value = 8GiB",
            "The memory that shares are of, instead of what machine and container say.",
        ],
        |draft, given| {
            let bytes = value::bytes(given.value).filter(|bytes| *bytes > 0)?;
            draft.memory_total_bytes = Some(bytes);
            Some(())
        },
    ),
];
