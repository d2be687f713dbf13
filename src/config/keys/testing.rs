//! What is for tests of programs that use a broker.

use super::super::parts::ParentWatch;
use super::super::value;
use super::expects::{PATH, SWITCH, path};
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "haremq.test_api",
        Some("false"),
        SWITCH,
        [
            "haremq.test_api = true",
            "Whether administrators may turn the clock, order faults and roll back virtual hosts.",
        ],
        |draft, given| {
            draft.plain.management.test_api = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "haremq.exit_with_parent",
        Some("false"),
        "true, false or the number of a process",
        [
            "haremq.exit_with_parent = true",
            "The broker stops when the process that started it, or this one, has ended.",
        ],
        |draft, given| {
            draft.plain.exit_with_parent = match value::switch(given.value) {
                Some(true) => Some(ParentWatch::Parent),
                Some(false) => None,
                None => Some(ParentWatch::Process(process(given.value)?)),
            };
            Some(())
        },
    ),
    key(
        "haremq.ports_file",
        None,
        PATH,
        [
            "haremq.ports_file = /run/haremq/ports.json",
            "A file that is given the ports of all listeners, as JSON, once the broker is ready.",
        ],
        |draft, given| {
            draft.plain.ports_file = Some(path(given.value)?);
            Some(())
        },
    ),
];

/// The number of a process: no system has negative ones or none at all.
fn process(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number > 0 && i32::try_from(number).is_ok()).then_some(number)
}
