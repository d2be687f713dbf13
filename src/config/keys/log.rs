//! What the log shows.

use super::super::value;
use super::key::{Key, key};

const LEVEL: &str = "one of none, critical, error, warning, info, debug, trace";

pub(super) const KEYS: &[Key] = &[
    key(
        "log.console.level",
        Some("info"),
        LEVEL,
        ["log.console.level = warning", "The least serious level that is logged."],
        |draft, given| {
            draft.console_level = (given.rank, value::log_level(given.value)?);
            Some(())
        },
    ),
    key(
        "log.default.level",
        None,
        LEVEL,
        ["log.default.level = debug", "The same; log.console.level wins over it."],
        |draft, given| {
            draft.default_level = Some((given.rank, value::log_level(given.value)?));
            Some(())
        },
    ),
];
