//! Keys that RabbitMQ does not have.

use super::super::value;
use super::expects::{NAME, PATH, SWITCH, path};
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "haremq.product",
        Some("RabbitMQ"),
        NAME,
        ["haremq.product = HareMQ", "What clients are told as product; some branch on it."],
        |draft, given| {
            value::name(given.value)?.clone_into(&mut draft.plain.product);
            Some(())
        },
    ),
    key(
        "haremq.product_version",
        Some("3.13.7"),
        "a version of three numbers, such as 3.13.7",
        [
            "haremq.product_version = 4.2.0",
            "What clients are told as version: the RabbitMQ that is stood in for.",
        ],
        |draft, given| {
            value::version(given.value)?.clone_into(&mut draft.plain.product_version);
            Some(())
        },
    ),
    key(
        "haremq.worker_threads",
        Some("auto"),
        "a number from 1 to 1024, or auto",
        ["haremq.worker_threads = 4", "Threads that serve connections; auto: one for each core."],
        |draft, given| {
            if given.value == "auto" {
                draft.plain.worker_threads = None;
                return Some(());
            }
            let threads = value::number(given.value).filter(|threads| *threads <= THREADS_MAX)?;
            draft.plain.worker_threads = Some(std::num::NonZeroUsize::new(threads)?);
            Some(())
        },
    ),
    key(
        "haremq.data_dir",
        Some("/var/lib/haremq"),
        PATH,
        ["haremq.data_dir = /srv/haremq", "The folder for messages and definitions."],
        |draft, given| {
            draft.data_dir = (given.rank, path(given.value)?);
            Some(())
        },
    ),
    key(
        "haremq.ephemeral",
        Some("false"),
        SWITCH,
        ["haremq.ephemeral = true", "Everything stays in memory; the folder is not touched."],
        |draft, given| {
            draft.ephemeral = (given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "haremq.durability",
        Some("fsync"),
        "fsync or os",
        [
            "haremq.durability = os",
            "What a confirm of a persistent message waits for: the disk, or the operating system.",
        ],
        |draft, given| {
            draft.plain.durability = value::durability(given.value)?;
            Some(())
        },
    ),
    key(
        "haremq.pid_file",
        None,
        PATH,
        [
            "haremq.pid_file = /run/haremq/pid",
            "A file that is given the number of the process, and is gone when it ends.",
        ],
        |draft, given| {
            draft.plain.pid_file = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "haremq.port_file",
        None,
        PATH,
        [
            "haremq.port_file = /run/haremq/port",
            "A file that is given the port of the first listener once the broker is ready.",
        ],
        |draft, given| {
            draft.plain.port_file = Some(path(given.value)?);
            Some(())
        },
    ),
];

/// More threads than any machine has cores for.
const THREADS_MAX: usize = 1024;
