//! Definitions that are loaded at the start.

use super::super::draft::{Assignment, Draft};
use super::super::value;
use super::expects::{SWITCH, path};
use super::key::{Key, key};

const FILE_OR_FOLDER: &str = "the path of a JSON file, or of a folder of such files";

pub(super) const KEYS: &[Key] = &[
    key(
        "load_definitions",
        None,
        FILE_OR_FOLDER,
        [
            "load_definitions = /etc/rabbitmq/definitions.json",
            "Virtual hosts, users, exchanges, queues, bindings and policies to make at the start.",
        ],
        set_path,
    ),
    key(
        "management.load_definitions",
        None,
        FILE_OR_FOLDER,
        [
            "management.load_definitions = /etc/rabbitmq/definitions.json",
            "The same by RabbitMQ's older name.",
        ],
        set_path,
    ),
    key(
        "definitions.local.path",
        None,
        FILE_OR_FOLDER,
        [
            "definitions.local.path = /etc/rabbitmq/definitions.d",
            "The same by RabbitMQ's newer name.",
        ],
        set_path,
    ),
    key(
        "definitions.skip_if_unchanged",
        Some("false"),
        SWITCH,
        [
            "definitions.skip_if_unchanged = true",
            "A file that is as it was when it was loaded last is passed over.",
        ],
        |draft, given| {
            draft.plain.definitions.skip_if_unchanged = value::switch(given.value)?;
            Some(())
        },
    ),
];

/// Three names for one thing: of one source the last one counts.
fn set_path(draft: &mut Draft, given: Assignment<'_>) -> Option<()> {
    let path = path(given.value)?;
    if draft.definitions_path.as_ref().is_none_or(|(rank, _)| given.rank >= *rank) {
        draft.definitions_path = Some((given.rank, path));
    }
    Some(())
}
