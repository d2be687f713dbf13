//! A broker that runs inside a process: from settings to listeners, timers, notices and the management API, and to
//! its end. It touches nothing that belongs to the process (T1): no signal, no log, no exit, no standard output and no
//! files but those of its data folder. The program ([`crate::server`]) and the fixture for tests ([`crate::test`]) are
//! built on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinHandle};

use crate::access::Permissions;
use crate::authentication::{self, AuthenticationError};
use crate::base::{Clock, SystemClock, TurnedClock};
use crate::broker::policy::QueueType;
use crate::broker::{Accounts, Broker, BrokerSettings, Existing, Interceptors, Seeds, Spans};
use crate::config::{ConfigError, DefaultUser, Loaded, Logging, Settings};
use crate::control::{Beginning, Control};
use crate::definitions;
use crate::listeners::{self, ListenError};
use crate::management::{self, AmqpAddresses, ManagementError, OpenManagement, RunningManagement};
use crate::net::{ClockTurner, Listener, Tls, TokioScheduler, blocking, run_notices, run_timers};
use crate::notices;
use crate::properties::{edit_properties, hash_property, list_properties};
use crate::protocol;
use crate::reload::{self, LiveConfig, Origin, Running};
use crate::seeds;
use crate::shutdown::Shutdown;
use crate::spans::{self, OpenSpans, RunningSpans, SpansError};
use crate::storage::{self, OpenStorage, StorageError};
use crate::wire::{headers_of, published_again};

/// Why a broker does not run. Shown as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    #[error("{0}")]
    Listen(#[from] ListenError),
    #[error("{0}")]
    Management(#[from] ManagementError),
    #[error("{0}")]
    Authentication(#[from] AuthenticationError),
    #[error("{0}")]
    Spans(#[from] SpansError),
    #[error("cannot open the data folder: {0}")]
    Storage(#[from] StorageError),
    #[error("stopped, but {0}")]
    Close(StorageError),
    #[error("{0}")]
    Definitions(#[from] definitions::LoadError),
    #[error("cannot start: {0}")]
    Start(String),
}

/// What a broker is made of.
pub(crate) struct NodeParts {
    pub(crate) loaded: Loaded,
    /// Of these settings, as [`read_seeds`] gives them.
    pub(crate) seeds: Seeds,
    /// Where the settings come from.
    pub(crate) origin: Origin,
    pub(crate) logging: Logging,
    pub(crate) shutdown: Shutdown,
}

/// A broker that is bound everywhere and serves nobody yet.
pub(crate) struct Node {
    broker: Arc<Broker>,
    config: Arc<LiveConfig>,
    turner: Option<Arc<ClockTurner>>,
    shutdown: Shutdown,
    storage: Option<OpenStorage>,
    timers: JoinHandle<()>,
    telling: JoinHandle<()>,
    tracing: Option<RunningSpans>,
    listeners: Vec<Listener>,
    tls: Vec<Arc<Tls>>,
    management: OpenManagement,
}

/// A broker that serves.
pub(crate) struct RunningNode {
    broker: Arc<Broker>,
    storage: Option<OpenStorage>,
    timers: JoinHandle<()>,
    telling: JoinHandle<()>,
    tracing: Option<RunningSpans>,
    listeners: Vec<JoinHandle<()>>,
    managing: RunningManagement,
}

/// How long a stop waits for dead letters to arrive; most take one sync of the disk.
const LETTERS_PATIENCE_MS: u64 = 500;

/// How often it looks.
const LETTERS_PAUSE_MS: u64 = 5;

/// How often the end without a farewell lets tasks that were told to end do so.
const CUT_TURNS_MAX: usize = 1000;

/// What new virtual hosts are given by these settings, whose patterns are checked with it. Patterns are compiled by
/// the layer that uses them; a wrong one is told with the place where it stands.
pub(crate) fn read_seeds(loaded: &Loaded) -> Result<Seeds, ConfigError> {
    let user = &loaded.settings.default_user;
    for (key, pattern) in [
        ("default_permissions.configure", &user.configure),
        ("default_permissions.write", &user.write),
        ("default_permissions.read", &user.read),
    ] {
        if let Err(error) = Permissions::parse(pattern, "", "") {
            return Err(loaded.refuse(key, format!("a regular expression: {error}")));
        }
    }
    seeds::read(loaded)
}

impl Node {
    /// Opens everything that the settings ask for. To be called on the runtime that it is to run on.
    ///
    /// # Errors
    /// [`NodeError`]; then nothing of it is left but tasks that end with the runtime.
    pub(crate) fn open(parts: NodeParts) -> Result<Self, NodeError> {
        let storage = storage::open(&parts.loaded.settings)?;
        let stores = storage.as_ref().map(|storage| storage.stores.clone());
        let opened = Self::open_with(parts, storage);
        if let (Err(_), Some(stores)) = (&opened, stores) {
            // What stopped the start is the error to tell.
            let _ = stores.log.close();
            let _ = stores.metadata.close();
        }
        opened
    }

    fn open_with(parts: NodeParts, storage: Option<OpenStorage>) -> Result<Self, NodeError> {
        let NodeParts { loaded, seeds, origin, logging, shutdown } = parts;
        let settings = loaded.settings.clone();
        let by_hand = settings.management.test_api.then(|| Arc::new(TurnedClock::new()));
        let clock: Arc<dyn Clock> = match &by_hand {
            None => Arc::new(SystemClock::new()),
            Some(clock) => Arc::<TurnedClock>::clone(clock),
        };
        let spans = spans::open(&settings, &clock)?;
        let traced = spans.as_ref().map(|open| Arc::clone(&open.spans));
        let broker = broker(&settings, (clock, traced), seeds, storage.as_ref())?;
        let backends = authentication::backends(&settings.authentication, broker.clock())?;
        broker.set_login_backends(backends);
        broker.set_node_limits(reload::node_limits(&settings));
        notices::open(&settings, &broker, &logging);
        if let Some(storage) = &storage {
            storage.attach(&broker);
        }
        if let Some(path) = &settings.definitions.path {
            let skip = settings.definitions.skip_if_unchanged;
            // Nobody is served yet, so the start may wait for the disk.
            blocking(|| definitions::load(&broker, path, skip))?;
        }
        let timers = tokio::spawn(run_timers(Arc::clone(&broker)));
        let telling = tokio::spawn(run_notices(Arc::clone(&broker)));
        let tracing = spans.map(OpenSpans::run);
        let opened = listeners::open(&settings, &broker, protocol_settings(&settings))?;
        let listeners = opened.listeners;
        let (amqp, files) = (amqp_addresses(&listeners), loaded.files.clone());
        let disk = storage.as_ref().map(|storage| Arc::clone(&storage.alarm));
        let running = Running { logging, broker: Arc::clone(&broker), disk };
        let config = LiveConfig::new(origin, loaded, running);
        let gates = listeners.iter().map(Listener::gate).collect();
        let turner = by_hand.map(|clock| Arc::new(ClockTurner::new(Arc::clone(&broker), clock)));
        let beginning = Beginning {
            default_user: settings.default_user.clone(),
            definitions: settings.definitions.clone(),
            turner: turner.clone(),
        };
        let control = Control::new(&broker, gates, &config, &shutdown, beginning);
        let management = management::open(&settings, &files, amqp, &broker, control)?;
        let tls = opened.tls.into_iter().chain(management.tls()).collect();
        Ok(Self {
            broker,
            config,
            turner,
            shutdown,
            storage,
            timers,
            telling,
            tracing,
            listeners,
            tls,
            management,
        })
    }

    pub(crate) fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// The configuration, for whoever reads it again.
    pub(crate) fn config(&self) -> &Arc<LiveConfig> {
        &self.config
    }

    /// The certificates, for whoever reads them again.
    pub(crate) fn tls(&self) -> Vec<Arc<Tls>> {
        self.tls.clone()
    }

    /// Tasks that end with the broker only.
    pub(crate) fn tasks(&self) -> Vec<AbortHandle> {
        vec![self.timers.abort_handle(), self.telling.abort_handle()]
    }

    /// There with the test API: the clock may be turned.
    pub(crate) fn turner(&self) -> Option<&Arc<ClockTurner>> {
        self.turner.as_ref()
    }

    /// Where AMQP is spoken.
    pub(crate) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Where the management API and the metrics are served.
    pub(crate) fn management(&self) -> &OpenManagement {
        &self.management
    }

    /// Serves from now on.
    pub(crate) fn run(self) -> RunningNode {
        let Self {
            broker, shutdown, storage, timers, telling, tracing, listeners, management, ..
        } = self;
        let managing = management.run(&shutdown);
        let run = |listener: Listener| tokio::spawn(listener.run(shutdown.clone().wait()));
        let listeners = listeners.into_iter().map(run).collect();
        RunningNode { broker, storage, timers, telling, tracing, listeners, managing }
    }
}

impl RunningNode {
    /// Serves until the shutdown is there, and takes leave of everybody.
    ///
    /// # Errors
    /// [`NodeError`] when a listener broke down or the data folder was not closed; everything else has ended too.
    pub(crate) async fn end(self) -> Result<(), NodeError> {
        let mut broken = None;
        for listener in self.listeners {
            if let Err(error) = listener.await {
                broken = Some(start(&error));
            }
        }
        self.managing.end().await;
        self.telling.abort();
        notices::tell_the_rest(&self.broker);
        // What is due from now on is due after a restart.
        self.timers.abort();
        // Their confirms come to inboxes that nobody waits at, and only here somebody wants to know.
        let mut patience = LETTERS_PATIENCE_MS / LETTERS_PAUSE_MS;
        while self.broker.letters_under_way() > 0 && patience > 0 {
            tokio::time::sleep(Duration::from_millis(LETTERS_PAUSE_MS)).await;
            patience -= 1;
        }
        spans::end(self.tracing).await;
        close(self.storage.as_ref())?;
        broken.map_or(Ok(()), Err)
    }

    /// Ends at once: every socket is closed without a word. What lies in the data folder is whole.
    ///
    /// # Errors
    /// [`NodeError::Close`] when it is not.
    pub(crate) async fn cut(self) -> Result<(), NodeError> {
        for listener in &self.listeners {
            listener.abort();
        }
        self.timers.abort();
        self.telling.abort();
        self.managing.cut().await;
        spans::cut(self.tracing).await;
        for listener in self.listeners {
            // It was told to end, or has broken down before.
            let _ = listener.await;
        }
        for _ in 0..CUT_TURNS_MAX {
            if self.broker.connections() == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        close(self.storage.as_ref())
    }
}

fn close(storage: Option<&OpenStorage>) -> Result<(), NodeError> {
    storage.map_or(Ok(()), |storage| blocking(|| storage.close())).map_err(NodeError::Close)
}

fn amqp_addresses(listeners: &[Listener]) -> AmqpAddresses {
    let of = |has_tls: bool| {
        let listeners = listeners.iter().filter(move |listener| listener.has_tls() == has_tls);
        listeners.filter_map(|listener| listener.address().socket()).collect()
    };
    AmqpAddresses { plain: of(false), tls: of(true) }
}

fn broker(
    settings: &Settings,
    (clock, spans): (Arc<dyn Clock>, Option<Arc<Spans>>),
    seeds: Seeds,
    storage: Option<&OpenStorage>,
) -> Result<Arc<Broker>, NodeError> {
    let mut accounts = match storage {
        Some(storage) => storage.accounts(&settings.default_user)?,
        None => passing_accounts(&settings.default_user)?,
    };
    accounts.restrict_to_loopback(settings.loopback_users.iter().cloned());
    Ok(Broker::new(BrokerSettings {
        clock,
        scheduler: Arc::new(TokioScheduler::new(tokio::runtime::Handle::current())),
        accounts,
        default_vhost: settings.default_user.vhost.clone(),
        seeds,
        memory_watermark_bytes: settings.memory_watermark_bytes,
        parse_headers: headers_of,
        write_headers: published_again,
        hash_property,
        list_properties,
        edit_properties,
        interceptors: Interceptors {
            timestamp: settings.intercept_timestamp.map(existing),
            routing_node: settings.intercept_routing_node.map(existing),
            node: settings.cluster_name.clone(),
        },
        default_queue_type: settings.default_queue_type.as_deref().and_then(QueueType::parse),
        consumer_timeout_ms: settings.consumer_timeout_ms,
        storage: storage.map(|storage| storage.stores.clone()),
        spans,
    }))
}

fn existing(overwrite: bool) -> Existing {
    if overwrite { Existing::Overwritten } else { Existing::Kept }
}

/// Of a broker that keeps nothing.
fn passing_accounts(user: &DefaultUser) -> Result<Accounts, NodeError> {
    let mut accounts = Accounts::default();
    storage::say_default(user);
    for change in storage::default_user(user)? {
        accounts.apply(change).map_err(|error| start(&error))?;
    }
    Ok(accounts)
}

fn protocol_settings(settings: &Settings) -> protocol::Settings {
    protocol::Settings {
        frame_max: settings.frame_max,
        channel_max: settings.channel_max,
        heartbeat_s: settings.heartbeat_s,
        message_bytes_max: settings.message_bytes_max,
        handshake_timeout_ms: settings.handshake_timeout_ms,
        server_properties: protocol::server_properties(
            &settings.product,
            &settings.product_version,
            &settings.cluster_name,
        ),
        ..protocol::Settings::default()
    }
}

fn start(error: &dyn std::fmt::Display) -> NodeError {
    NodeError::Start(error.to_string())
}
