//! Settings while they are put together: with the strength of each source where two keys contend.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::base::{UserName, VhostName};

use super::parts::{
    AuthenticationDraft, AuthenticationSettings, DefinitionsSettings, DiskSettings, HttpTls,
    LogCategory, LogLevel, LogLevels, LogSettings, ManagementSettings, NodeLimitSettings,
    OtelSettings, PrometheusSettings, SeedSettings,
};
use super::settings::{DefaultUser, Durability, ListenAddress, Password, Settings, Storage};
use super::source::Rank;
use super::transport::{TlsVersion, TransportDraft, TransportSettings};

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
    pub disk_bytes: Ranked<u64>,
    pub disk_millionths: Option<Ranked<u64>>,
    pub memory_total_bytes: Option<u64>,
    pub log: LogDraft,
    pub management: HttpDraft,
    pub management_tls: TlsDraft,
    pub prometheus: HttpDraft,
    /// How strong it was said that the metrics are served without TLS, and that they are not.
    pub prometheus_port: Rank,
    pub prometheus_none: Option<Rank>,
    pub prometheus_tls: TlsDraft,
    pub cors_origins: Named<String>,
    pub otel_headers: Named<Password>,
    pub definitions_path: Option<Ranked<PathBuf>>,
    pub data_dir: Ranked<PathBuf>,
    pub ephemeral: Ranked<bool>,
    pub transport: TransportDraft,
    pub authentication: AuthenticationDraft,
}

/// An address whose parts are keys of their own.
#[derive(Debug, Default)]
pub(super) struct HttpDraft {
    /// `None`: no listener.
    pub port: Option<u16>,
    pub ip: Option<IpAddr>,
}

/// HTTPS of the management API or the metrics; there when its port is.
#[derive(Debug, Default)]
pub(super) struct TlsDraft {
    pub address: HttpDraft,
    /// What one key decides alone.
    pub plain: HttpTls,
    pub versions: Named<TlsVersion>,
}

/// What is said about the log.
#[derive(Debug)]
pub(super) struct LogDraft {
    pub console: bool,
    pub categories: BTreeMap<LogCategory, LogLevel>,
    pub console_level: Ranked<LogLevel>,
    pub file_level: Option<Ranked<LogLevel>>,
    pub default_level: Option<Ranked<LogLevel>>,
    /// As it was written; a path that is not absolute lies below `folder`.
    pub file: Option<PathBuf>,
    pub folder: PathBuf,
    pub exchange: bool,
    pub exchange_level: Option<Ranked<LogLevel>>,
}

/// A value and the strength of its source.
pub(super) type Ranked<T> = (Rank, T);

/// The values of a key that ends in `*`, by name, and the strength of a `none` for all of them.
#[derive(Debug)]
pub(super) struct Named<T> {
    entries: BTreeMap<String, Ranked<T>>,
    none: Option<Rank>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Named<T> {
    pub(super) fn new() -> Self {
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
    pub(super) fn in_force(&self) -> impl Iterator<Item = (&str, &T)> {
        let none = self.none;
        self.entries
            .iter()
            .filter(move |(_, (rank, _))| none.is_none_or(|none| *rank > none))
            .map(|(name, (_, value))| (name.as_str(), value))
    }

    /// Changes every value.
    pub(super) fn change(&mut self, change: impl Fn(&mut T)) {
        self.entries.values_mut().for_each(|(_, value)| change(value));
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
            disk_bytes: (Rank::Default, 0),
            disk_millionths: None,
            memory_total_bytes: None,
            log: LogDraft {
                console: true,
                categories: BTreeMap::new(),
                console_level: (Rank::Default, LogLevel::Info),
                file_level: None,
                default_level: None,
                file: None,
                folder: PathBuf::new(),
                exchange: false,
                exchange_level: None,
            },
            management: HttpDraft::default(),
            management_tls: TlsDraft::default(),
            prometheus: HttpDraft::default(),
            prometheus_port: Rank::Default,
            prometheus_none: None,
            prometheus_tls: TlsDraft::default(),
            cors_origins: Named::new(),
            otel_headers: Named::new(),
            definitions_path: None,
            data_dir: (Rank::Default, PathBuf::new()),
            ephemeral: (Rank::Default, false),
            transport: TransportDraft::new(),
            authentication: AuthenticationDraft::new(),
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
        let machine_bytes = self.memory_total_bytes.unwrap_or(machine_bytes);
        settings.memory_watermark_bytes = self.memory_watermark_bytes(machine_bytes);
        settings.disk.free_bytes_min = self.disk_free_bytes(machine_bytes);
        self.log.finish(&mut settings.log);
        settings.management.listener = self.management.finish();
        settings.management.cors_origins =
            self.cors_origins.in_force().map(|(_, origin)| origin.clone()).collect();
        let is_served = self.prometheus_none.is_none_or(|none| self.prometheus_port > none);
        settings.prometheus.listener = self.prometheus.finish().filter(|_| is_served);
        settings.prometheus.tls = self.prometheus_tls.finish();
        let headers = self.otel_headers.in_force();
        settings.otel.headers =
            headers.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        settings.definitions.path = self.definitions_path.map(|(_, path)| path);
        settings.management.tls = self.management_tls.finish();
        settings.transport = self.transport.finish();
        settings.authentication = self.authentication.finish();
        let in_memory = self.ephemeral.1 && self.ephemeral.0 >= self.data_dir.0;
        settings.storage = if in_memory {
            Storage::Ephemeral
        } else {
            Storage::Directory(self.data_dir.1.clone())
        };
        settings
    }

    fn disk_free_bytes(&self, machine_bytes: u64) -> u64 {
        match self.disk_millionths {
            // As in RabbitMQ the bytes win where both are given in one place.
            Some((rank, millionths)) if rank > self.disk_bytes.0 => {
                share(machine_bytes, millionths)
            }
            Some(_) | None => self.disk_bytes.1,
        }
    }

    fn memory_watermark_bytes(&self, machine_bytes: u64) -> u64 {
        let (relative_rank, millionths) = self.memory_millionths;
        match self.memory_bytes {
            // A mark above the memory that there is would never be reached.
            Some((rank, bytes)) if rank >= relative_rank => bytes.min(machine_bytes),
            Some(_) | None => share(machine_bytes, u64::from(millionths)),
        }
    }
}

impl HttpDraft {
    fn finish(&self) -> Option<ListenAddress> {
        self.port.map(|port| ListenAddress { ip: self.ip, port })
    }
}

impl TlsDraft {
    fn finish(self) -> Option<HttpTls> {
        let versions = self.versions.in_force().map(|(_, version)| *version).collect();
        let plain = self.plain;
        self.address.finish().map(|listener| HttpTls { listener, versions, ..plain })
    }
}

impl LogDraft {
    /// Of two keys that are given in one place the closer one decides.
    fn finish(&self, log: &mut LogSettings) {
        let default = self.default_level.unwrap_or((Rank::Default, LogLevel::Info));
        let levels = |of_its_own: Ranked<LogLevel>| {
            let level = if default.0 > of_its_own.0 { default.1 } else { of_its_own.1 };
            // A level that was asked for bounds the categories as well (rabbitmq: logging.md).
            let most = if of_its_own.0 > Rank::Default { level } else { LogLevel::Trace };
            let categories = self.categories.iter();
            let categories = categories.map(|(category, level)| (*category, (*level).min(most)));
            LogLevels { level, categories: categories.collect() }
        };
        log.console = self.console.then(|| levels(self.console_level));
        log.file_levels = levels(self.file_level.unwrap_or((Rank::Default, default.1)));
        let of_exchange = self.exchange_level.unwrap_or((Rank::Default, default.1));
        log.exchange = self.exchange.then(|| levels(of_exchange));
        log.file = self.file.as_ref().map(|file| self.folder.join(file));
    }
}

fn share(bytes: u64, millionths: u64) -> u64 {
    let share = u128::from(bytes) * u128::from(millionths) / 1_000_000;
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// The name of the listener that is there without being asked for.
pub(super) const DEFAULT_LISTENER: &str = "default";

/// Nothing said yet. The defaults stand in the table of keys and are applied like everything else.
fn blank() -> Settings {
    Settings {
        listeners: Vec::new(),
        tcp_backlog: 0,
        tcp_nodelay: false,
        tcp_keepalive: false,
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
        authentication: AuthenticationSettings::default(),
        loopback_users: std::collections::BTreeSet::new(),
        memory_watermark_bytes: 0,
        disk: DiskSettings::default(),
        limits: NodeLimitSettings::default(),
        consumer_timeout_ms: None,
        event_vhost: None,
        log: LogSettings::default(),
        management: ManagementSettings::default(),
        prometheus: PrometheusSettings::default(),
        otel: OtelSettings::default(),
        definitions: DefinitionsSettings::default(),
        seeds: SeedSettings::default(),
        node_name: String::new(),
        cluster_name: String::new(),
        product: String::new(),
        product_version: String::new(),
        worker_threads: None,
        durability: Durability::Fsync,
        default_queue_type: None,
        intercept_timestamp: None,
        intercept_routing_node: None,
        storage: Storage::Ephemeral,
        pid_file: None,
        port_file: None,
        ports_file: None,
        exit_with_parent: None,
        transport: TransportSettings::default(),
    }
}
