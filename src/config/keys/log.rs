//! What the log shows, and where.

use super::super::draft::{Assignment, Draft};
use super::super::parts::LogCategory;
use super::super::value;
use super::expects::{PATH, SWITCH, path};
use super::key::{Key, key};

const LEVEL: &str = "one of none, critical, error, warning, info, debug, trace";

pub(super) const KEYS: &[Key] = &[
    key(
        "log.console",
        Some("true"),
        SWITCH,
        ["log.console = false", "The log goes to standard error."],
        |draft, given| {
            draft.log.console = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "log.console.level",
        Some("info"),
        LEVEL,
        ["log.console.level = warning", "The least serious level that the console shows."],
        |draft, given| {
            draft.log.console_level = (given.rank, value::log_level(given.value)?);
            Some(())
        },
    )
    .live(),
    key(
        "log.file",
        Some("false"),
        "the path of a file, or false for none",
        ["log.file = haremq.log", "A file that the log is appended to, beside the console."],
        |draft, given| {
            let none = matches!(given.value, "false" | "off" | "no");
            draft.log.file = if none { None } else { Some(path(given.value)?) };
            Some(())
        },
    ),
    key(
        "log.file.level",
        None,
        LEVEL,
        ["log.file.level = debug", "The least serious level that the file shows."],
        |draft, given| {
            draft.log.file_level = Some((given.rank, value::log_level(given.value)?));
            Some(())
        },
    )
    .live(),
    key(
        "log.dir",
        Some("/var/log/haremq"),
        PATH,
        ["log.dir = /srv/log", "The folder of a log file whose path is not absolute."],
        |draft, given| {
            draft.log.folder = path(given.value)?;
            Some(())
        },
    ),
    key(
        "log.exchange",
        Some("false"),
        SWITCH,
        ["log.exchange = true", "The log also goes to the exchange amq.rabbitmq.log of the first virtual host."],
        |draft, given| {
            draft.log.exchange = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "log.exchange.level",
        None,
        LEVEL,
        ["log.exchange.level = warning", "The least serious level that the exchange is sent."],
        |draft, given| {
            draft.log.exchange_level = Some((given.rank, value::log_level(given.value)?));
            Some(())
        },
    )
    .live(),
    key(
        "log.default.level",
        None,
        LEVEL,
        ["log.default.level = debug", "Both levels, where they are not said themselves."],
        |draft, given| {
            draft.log.default_level = Some((given.rank, value::log_level(given.value)?));
            Some(())
        },
    )
    .live(),
    key(
        "log.connection.level",
        None,
        LEVEL,
        ["log.connection.level = error", "The same for listeners and connections."],
        |draft, given| category(draft, LogCategory::Connection, given),
    )
    .live(),
    key(
        "log.channel.level",
        None,
        LEVEL,
        ["log.channel.level = debug", "The same for what happens on channels."],
        |draft, given| category(draft, LogCategory::Channel, given),
    )
    .live(),
    key(
        "log.queue.level",
        None,
        LEVEL,
        ["log.queue.level = debug", "The same for queues, exchanges and virtual hosts."],
        |draft, given| category(draft, LogCategory::Queue, given),
    )
    .live(),
    key(
        "haremq.log.audit.level",
        None,
        LEVEL,
        [
            "haremq.log.audit.level = none",
            "The same for the audit: who changed users, permissions, policies and the like (level info).",
        ],
        |draft, given| category(draft, LogCategory::Audit, given),
    )
    .live(),
];

fn category(draft: &mut Draft, category: LogCategory, given: Assignment<'_>) -> Option<()> {
    draft.log.categories.insert(category, value::log_level(given.value)?);
    Some(())
}
