//! Settings while they are put together: with the strength of each source where two keys contend.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::{UserName, VhostName};

use super::settings::{
    DefaultUser, Durability, ListenAddress, LogLevel, Password, Settings, Storage,
};
use super::source::Rank;

/// A value on its way into the draft.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assignment<'a> {
    /// The text.
    pub value: &'a str,
    /// What stands for `*` in the key.
    pub part: &'a str,
    /// The strength of its source.
    pub rank: Rank,
}

/// Settings that are not finished. Setters of the table of keys write to it.
#[derive(Debug)]
pub(super) struct Draft {
    /// Settings that one key decides alone.
    pub plain: Settings,
    pub listeners: Named<ListenAddress>,
    pub loopback_users: Named<bool>,
    pub tags: Named<bool>,
    pub memory_millionths: Ranked<u32>,
    pub memory_bytes: Option<Ranked<u64>>,
    pub console_level: Ranked<LogLevel>,
    pub default_level: Option<Ranked<LogLevel>>,
    pub data_dir: Ranked<PathBuf>,
    pub ephemeral: Ranked<bool>,
}

/// A value and the strength of its source.
pub(super) type Ranked<T> = (Rank, T);

/// The values of a key that ends in `*`, by name, and the strength of a `none` for all of them.
#[derive(Debug)]
pub(super) struct Named<T> {
    entries: BTreeMap<String, Ranked<T>>,
    none: Option<Rank>,
}

impl<T> Named<T> {
    fn new() -> Self {
        Self { entries: BTreeMap::new(), none: None }
    }

    /// One more, or another value for a name.
    pub(super) fn set(&mut self, name: &str, rank: Rank, value: T) {
        self.entries.insert(name.to_owned(), (rank, value));
    }

    /// `none`: nothing of this source and of weaker ones, in whatever order the lines stand.
    pub(super) fn set_none(&mut self, rank: Rank) {
        self.none = self.none.max(Some(rank));
    }

    /// What is in force, by name.
    fn in_force(&self) -> impl Iterator<Item = (&str, &T)> {
        let none = self.none;
        self.entries
            .iter()
            .filter(move |(_, (rank, _))| none.is_none_or(|none| *rank > none))
            .map(|(name, (_, value))| (name.as_str(), value))
    }

    /// The built-in entries give way as soon as there is any other, as in RabbitMQ.
    fn drop_defaults_if_chosen(&mut self) {
        if self.entries.values().any(|(rank, _)| *rank > Rank::Default) {
            self.entries.retain(|_, (rank, _)| *rank > Rank::Default);
        }
    }
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            plain: blank(),
            listeners: Named::new(),
            loopback_users: Named::new(),
            tags: Named::new(),
            memory_millionths: (Rank::Default, 0),
            memory_bytes: None,
            console_level: (Rank::Default, LogLevel::Info),
            default_level: None,
            data_dir: (Rank::Default, PathBuf::new()),
            ephemeral: (Rank::Default, false),
        }
    }

    /// The address of `listeners.tcp.default` as it is now.
    pub(super) fn default_listener(&self) -> Option<ListenAddress> {
        self.listeners.entries.get(DEFAULT_LISTENER).map(|(_, address)| *address)
    }

    /// One listener and no other: what `--port` means, whatever stands in a file.
    pub(super) fn listen_only(&mut self, address: ListenAddress, rank: Rank) {
        self.listeners = Named::new();
        self.listeners.set(DEFAULT_LISTENER, rank, address);
    }

    /// The settings, for a machine with this much memory.
    pub(super) fn finish(mut self, machine_bytes: u64) -> Settings {
        self.listeners.drop_defaults_if_chosen();
        self.tags.drop_defaults_if_chosen();
        let mut settings = self.plain.clone();
        settings.listeners = self.listeners.in_force().map(|(_, address)| *address).collect();
        // RabbitMQ frees guest when another user is restricted. Here it stays at home until it is
        // freed by its own name: nobody who restricts one user means to open another.
        settings.loopback_users = self
            .loopback_users
            .in_force()
            .filter(|(_, restricted)| **restricted)
            .filter_map(|(name, _)| UserName::parse(name.as_bytes()).ok())
            .collect();
        settings.default_user.tags = self
            .tags
            .in_force()
            .filter(|(_, carried)| **carried)
            .map(|(name, _)| name.to_owned())
            .collect();
        settings.memory_watermark_bytes = self.memory_watermark_bytes(machine_bytes);
        settings.log_level = match self.default_level {
            // Of two keys that are given in one place the closer one decides.
            Some((rank, level)) if rank > self.console_level.0 => level,
            Some(_) | None => self.console_level.1,
        };
        let in_memory = self.ephemeral.1 && self.ephemeral.0 >= self.data_dir.0;
        settings.storage = if in_memory {
            Storage::Ephemeral
        } else {
            Storage::Directory(self.data_dir.1.clone())
        };
        settings
    }

    fn memory_watermark_bytes(&self, machine_bytes: u64) -> u64 {
        let (relative_rank, millionths) = self.memory_millionths;
        match self.memory_bytes {
            // A mark above the memory that there is would never be reached.
            Some((rank, bytes)) if rank >= relative_rank => bytes.min(machine_bytes),
            Some(_) | None => {
                let share = u128::from(machine_bytes) * u128::from(millionths) / 1_000_000;
                u64::try_from(share).unwrap_or(machine_bytes)
            }
        }
    }
}

/// The name of the listener that is there without being asked for.
pub(super) const DEFAULT_LISTENER: &str = "default";

/// Nothing said yet. The defaults stand in the table of keys and are applied like everything else.
fn blank() -> Settings {
    Settings {
        listeners: Vec::new(),
        tcp_backlog: 0,
        tcp_nodelay: false,
        heartbeat_s: 0,
        frame_max: 0,
        channel_max: 0,
        handshake_timeout_ms: 0,
        message_bytes_max: 0,
        default_user: DefaultUser {
            name: UserName::parse(b"").expect("the empty name is short and UTF-8"),
            password: Password(String::new()),
            tags: Vec::new(),
            vhost: VhostName::parse(b"").expect("the empty name is short and UTF-8"),
            configure: String::new(),
            write: String::new(),
            read: String::new(),
        },
        loopback_users: std::collections::BTreeSet::new(),
        memory_watermark_bytes: 0,
        log_level: LogLevel::Info,
        cluster_name: String::new(),
        product: String::new(),
        product_version: String::new(),
        worker_threads: None,
        durability: Durability::Fsync,
        default_queue_type: None,
        intercept_timestamp: None,
        intercept_routing_node: None,
        storage: Storage::Ephemeral,
        port_file: None,
    }
}
