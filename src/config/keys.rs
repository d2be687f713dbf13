//! Every key, once: its name, its default, what it expects, what it means, and where it goes.

use crate::base::{UserName, VhostName, limits};

use super::draft::{Assignment, DEFAULT_LISTENER, Draft};
use super::settings::Password;
use super::value;

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The dotted name; a last part `*` stands for any name.
    pub name: &'static str,
    /// The default as it would be written; `None` when there is none.
    pub default: Option<&'static str>,
    /// What a value must be, as the end of a sentence that begins with "expected".
    pub expects: &'static str,
    /// A whole line.
    pub example: &'static str,
    /// One line that says what the key means.
    pub doc: &'static str,
    /// Whether the value is hidden wherever it would be shown.
    pub secret: bool,
    /// Checks the value and puts it where it belongs; `None` when it is not what is expected.
    pub(super) set: fn(&mut Draft, Assignment<'_>) -> Option<()>,
}

impl Key {
    /// The key that a dotted name belongs to, and the part that stands for its `*`.
    #[must_use]
    pub fn find(name: &str) -> Option<(&'static Self, String)> {
        if let Some(exact) = KEYS.iter().find(|key| key.name == name) {
            return Some((exact, String::new()));
        }
        KEYS.iter().find_map(|key| {
            let part = name.strip_prefix(key.name.strip_suffix('*')?)?;
            let part = part.replace("\\.", "\0");
            let one_part = !part.is_empty() && !part.contains('.');
            one_part.then(|| (key, part.replace('\0', ".")))
        })
    }

    /// The environment variable of the key: `HAREMQ_`, then the name in upper case with `_` for each
    /// dot, without a leading `haremq.`.
    #[must_use]
    pub fn variable(&self) -> String {
        let name = self.name.strip_prefix("haremq.").unwrap_or(self.name);
        format!("HAREMQ_{}", name.replace('.', "_").to_uppercase())
    }
}

const PORT: &str = "a port from 0 to 65535 (0 takes any free one), or an address and a port such as \
                    127.0.0.1:5672 or [::1]:5672";
const SWITCH: &str = "true or false";
const DURABILITY: &str = "fsync or os";
const NAME: &str = "a name of 1 to 255 bytes without control characters";
const LEVEL: &str = "one of none, critical, error, warning, info, debug, trace";
const OVERWRITE: &str = "true to overwrite a value that is there, or false to keep it";
const REGEX: &str = "a regular expression, or '' for nothing";
const PATH: &str = "a path";

/// What most keys have: no secret, and an example that is found by its name.
const fn key(
    name: &'static str,
    default: Option<&'static str>,
    expects: &'static str,
    [example, doc]: [&'static str; 2],
    set: fn(&mut Draft, Assignment<'_>) -> Option<()>,
) -> Key {
    Key { name, default, expects, example, doc, secret: false, set }
}

/// All keys, in the order of the sample file.
pub const KEYS: &[Key] = &[
    key(
        "listeners.tcp.default",
        Some("5672"),
        PORT,
        ["listeners.tcp.default = 127.0.0.1:5672", "Where AMQP is spoken without TLS."],
        |draft, given| {
            let address = value::listen_address(given.value)?;
            draft.listeners.set(DEFAULT_LISTENER, given.rank, address);
            Some(())
        },
    ),
    key(
        "listeners.tcp.*",
        None,
        PORT,
        [
            "listeners.tcp.lan = 192.168.1.10:5672",
            "A listener of any name; the built-in default gives way to it.",
        ],
        |draft, given| {
            let address = value::listen_address(given.value)?;
            draft.listeners.set(given.part, given.rank, address);
            Some(())
        },
    ),
    key(
        "listeners.tcp",
        None,
        "none",
        ["listeners.tcp = none", "No listener at all without TLS."],
        |draft, given| (given.value == "none").then(|| draft.listeners.set_none(given.rank)),
    ),
    key(
        "tcp_listen_options.backlog",
        Some("1024"),
        "a number from 1 to 65535",
        [
            "tcp_listen_options.backlog = 4096",
            "Connections that the system holds until they are accepted.",
        ],
        |draft, given| {
            let backlog = value::number::<u16>(given.value).filter(|backlog| *backlog > 0)?;
            draft.plain.tcp_backlog = u32::from(backlog);
            Some(())
        },
    ),
    key(
        "tcp_listen_options.nodelay",
        Some("true"),
        SWITCH,
        ["tcp_listen_options.nodelay = false", "Small writes go out at once (TCP_NODELAY)."],
        |draft, given| {
            draft.plain.tcp_nodelay = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "heartbeat",
        Some("60"),
        "seconds from 0 to 65535, such as 60 or 30s (0 turns heartbeats off)",
        ["heartbeat = 30s", "The heartbeat that is proposed to clients, in seconds."],
        |draft, given| {
            let ms = value::duration_ms(given.value, 1000).filter(|ms| ms % 1000 == 0)?;
            draft.plain.heartbeat_s = u16::try_from(ms / 1000).ok()?;
            Some(())
        },
    ),
    key(
        "frame_max",
        Some("131072"),
        "bytes from 4096 to 512MiB (0 takes the largest)",
        ["frame_max = 256KiB", "The largest frame that is proposed to clients, in bytes."],
        |draft, given| {
            let bytes = value::bytes(given.value)?;
            // RabbitMQ takes 0 for "no limit"; nothing here is without one.
            let bytes = if bytes == 0 { limits::MESSAGE_BYTES_MAX_HARD } else { bytes };
            let allowed = u64::from(limits::FRAME_MAX_MIN)..=limits::MESSAGE_BYTES_MAX_HARD;
            let bytes = allowed.contains(&bytes).then_some(bytes)?;
            draft.plain.frame_max = u32::try_from(bytes).ok()?;
            Some(())
        },
    ),
    key(
        "channel_max",
        Some("2047"),
        "a number from 0 to 65535 (0 takes the largest)",
        ["channel_max = 128", "Channels of one connection, as it is proposed to clients."],
        |draft, given| {
            let channels = value::number(given.value)?;
            draft.plain.channel_max = if channels == 0 { u16::MAX } else { channels };
            Some(())
        },
    ),
    key(
        "handshake_timeout",
        Some("10000"),
        "a time of at least 1ms, such as 10000 (milliseconds) or 10s",
        ["handshake_timeout = 5s", "Time from connect to connection.open, in milliseconds."],
        |draft, given| {
            let ms = value::duration_ms(given.value, 1).filter(|ms| *ms > 0)?;
            draft.plain.handshake_timeout_ms = ms;
            Some(())
        },
    ),
    key(
        "max_message_size",
        Some("128MiB"),
        "bytes from 1 to 512MiB, such as 16777216 or 16MiB",
        ["max_message_size = 16MiB", "The largest message body; a larger one is refused (406)."],
        |draft, given| {
            let allowed = 1..=limits::MESSAGE_BYTES_MAX_HARD;
            let bytes = value::bytes(given.value).filter(|bytes| allowed.contains(bytes))?;
            draft.plain.message_bytes_max = bytes;
            Some(())
        },
    ),
    key(
        "default_queue_type",
        None,
        "classic or quorum",
        [
            "default_queue_type = quorum",
            "The type of queues that are declared without one, where the virtual host says none.",
        ],
        |draft, given| {
            let known = ["classic", "quorum"].contains(&given.value);
            known.then(|| draft.plain.default_queue_type = Some(given.value.to_owned()))
        },
    ),
    key(
        "message_interceptors.incoming.set_header_timestamp.overwrite",
        None,
        OVERWRITE,
        [
            "message_interceptors.incoming.set_header_timestamp.overwrite = true",
            "Writes into every message when it came in: timestamp and the header timestamp_in_ms.",
        ],
        |draft, given| {
            draft.plain.intercept_timestamp = Some(value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "message_interceptors.incoming.set_header_routing_node.overwrite",
        None,
        OVERWRITE,
        [
            "message_interceptors.incoming.set_header_routing_node.overwrite = false",
            "Writes into every message which node it came to: the header x-routed-by.",
        ],
        |draft, given| {
            draft.plain.intercept_routing_node = Some(value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "default_user",
        Some("guest"),
        NAME,
        ["default_user = admin", "The user that a broker without any user is given."],
        |draft, given| {
            let name = value::name(given.value)?;
            draft.plain.default_user.name = UserName::parse(name.as_bytes()).ok()?;
            Some(())
        },
    ),
    Key {
        name: "default_pass",
        default: Some("guest"),
        expects: "a password of 1 to 4096 bytes",
        example: "default_pass = 'kept#secret'",
        doc: "The password of that user; one that holds a # stands in single quotes.",
        secret: true,
        set: |draft, given| {
            let allowed = 1..=PASSWORD_BYTES_MAX;
            let password = Password(given.value.to_owned());
            draft.plain.default_user.password =
                allowed.contains(&given.value.len()).then_some(password)?;
            Some(())
        },
    },
    key(
        "default_vhost",
        Some("/"),
        NAME,
        ["default_vhost = /orders", "The virtual host that a broker without any is given."],
        |draft, given| {
            let name = value::name(given.value)?;
            draft.plain.default_user.vhost = VhostName::parse(name.as_bytes()).ok()?;
            Some(())
        },
    ),
    key(
        "default_permissions.configure",
        Some(".*"),
        REGEX,
        [
            "default_permissions.configure = ^orders",
            "Names that the default user may declare and delete.",
        ],
        |draft, given| {
            given.value.clone_into(&mut draft.plain.default_user.configure);
            Some(())
        },
    ),
    key(
        "default_permissions.read",
        Some(".*"),
        REGEX,
        ["default_permissions.read = ^orders", "Names that the default user may take from."],
        |draft, given| {
            given.value.clone_into(&mut draft.plain.default_user.read);
            Some(())
        },
    ),
    key(
        "default_permissions.write",
        Some(".*"),
        REGEX,
        ["default_permissions.write = ^orders", "Names that the default user may publish to."],
        |draft, given| {
            given.value.clone_into(&mut draft.plain.default_user.write);
            Some(())
        },
    ),
    key(
        "default_user_tags.administrator",
        Some("true"),
        SWITCH,
        ["default_user_tags.administrator = false", "The default user administers the broker."],
        |draft, given| {
            draft.tags.set("administrator", given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "default_user_tags.*",
        None,
        SWITCH,
        [
            "default_user_tags.monitoring = true",
            "Another tag of the default user; the built-in one gives way to it.",
        ],
        |draft, given| {
            draft.tags.set(value::name(given.part)?, given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "loopback_users.guest",
        Some("true"),
        SWITCH,
        ["loopback_users.guest = false", "The user guest may connect from this machine only."],
        |draft, given| {
            draft.loopback_users.set("guest", given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "loopback_users.*",
        None,
        SWITCH,
        [
            "loopback_users.admin = true",
            "The user of this name may connect from this machine only.",
        ],
        |draft, given| {
            let name = value::name(given.part)?;
            draft.loopback_users.set(name, given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "loopback_users",
        None,
        "none",
        ["loopback_users = none", "Every user may connect from everywhere."],
        |draft, given| (given.value == "none").then(|| draft.loopback_users.set_none(given.rank)),
    ),
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
    ),
    key(
        "vm_memory_high_watermark.absolute",
        None,
        "bytes, such as 1073741824 or 1GiB",
        ["vm_memory_high_watermark.absolute = 2GiB", "The same in bytes; wins over the share."],
        |draft, given| {
            draft.memory_bytes = Some((given.rank, value::bytes(given.value)?));
            Some(())
        },
    ),
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
    key(
        "cluster_name",
        Some("haremq"),
        NAME,
        ["cluster_name = orders-eu", "The name of the cluster, which clients and pages show."],
        |draft, given| {
            value::name(given.value)?.clone_into(&mut draft.plain.cluster_name);
            Some(())
        },
    ),
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
        DURABILITY,
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

fn path(text: &str) -> Option<std::path::PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| text.into())
}

/// Longer than what password managers make, shorter than what fits a frame before login.
const PASSWORD_BYTES_MAX: usize = 4096;

/// More threads than any machine has cores for.
const THREADS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_variables_are_unique() {
        let names: BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
        let variables: BTreeSet<_> = KEYS.iter().map(Key::variable).collect();
        assert_eq!((names.len(), variables.len()), (KEYS.len(), KEYS.len()));
        assert!(variables.contains("HAREMQ_LOG_CONSOLE_LEVEL"));
        assert!(variables.contains("HAREMQ_DATA_DIR"));
    }

    #[test]
    fn an_exact_name_goes_before_a_pattern_and_a_pattern_takes_one_part() {
        let found = |name| Key::find(name).map(|(key, part)| (key.name, part));
        assert_eq!(found("heartbeat"), Some(("heartbeat", String::new())));
        assert_eq!(found("loopback_users.guest"), Some(("loopback_users.guest", String::new())));
        assert_eq!(found("loopback_users.eve"), Some(("loopback_users.*", "eve".to_owned())));
        assert_eq!(found(r"loopback_users.a\.b"), Some(("loopback_users.*", "a.b".to_owned())));
        for name in ["loopback_users.", "loopback_users.a.b", "heartbeat.x", "", "*"] {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn every_example_is_a_line_of_its_key_with_a_good_value() {
        for key in KEYS {
            let lines = super::super::parse(key.example).expect(key.name);
            let (found, part) = Key::find(&lines[0].key).expect(key.name);
            assert_eq!(found.name, key.name);
            let value = lines[0].value.as_str();
            assert_ne!(key.default, Some(value), "{}: the example shows the default", key.name);
            let given = Assignment { value, part: &part, rank: super::super::source::Rank::File };
            assert_eq!((key.set)(&mut Draft::new(), given), Some(()), "{}", key.name);
        }
    }
}
