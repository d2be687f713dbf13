//! The composition root: settings, broker, listeners, the ready line, and the drain at the end.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::access::Permissions;
use crate::allocator;
use crate::authentication::{self, AuthenticationError};
use crate::base::SystemClock;
use crate::broker::policy::QueueType;
use crate::broker::{Accounts, Broker, BrokerSettings, Existing, Interceptors, Seeds};
use crate::config::{
    self, ConfigError, DefaultUser, Durability, Loaded, Logging, OtherCommand, Settings, Storage,
    load, perf_arguments, start_logging,
};
use crate::control::{Beginning, Control};
use crate::ctl::{self, ServerCall};
use crate::definitions;
use crate::listeners::{self, ListenError};
use crate::management::{self, AmqpAddresses, ManagementError, OpenManagement};
use crate::net::{Listener, TokioScheduler, run_notices, run_timers};
use crate::notices;
use crate::perf;
use crate::pid_file::PidFile;
use crate::properties::{edit_properties, hash_property, list_properties};
use crate::protocol;
use crate::reload::{self, LiveConfig, Origin, Running};
use crate::seeds;
use crate::service_manager::{Life, ServiceManager};
use crate::shutdown::Shutdown;
use crate::storage::{self, OpenStorage, StorageError};
use crate::wire::{headers_of, published_again};

/// The process did what it was asked to.
const EXIT_OK: u8 = 0;

/// The process could not start or could not go on.
const EXIT_FAILED: u8 = 1;

/// Why the server does not run. Shown as one line.
#[derive(Debug, thiserror::Error)]
enum ServerError {
    #[error("{0}")]
    Listen(#[from] ListenError),
    #[error("cannot write the port file {path}: {error}")]
    PortFile { path: String, error: io::Error },
    #[error("{0}")]
    Management(#[from] ManagementError),
    #[error("cannot write the pid file {path}: {error}")]
    PidFile { path: String, error: io::Error },
    #[error("{0}")]
    Authentication(#[from] AuthenticationError),
    #[error("cannot open the data folder: {0}")]
    Storage(#[from] StorageError),
    #[error("stopped, but {0}")]
    Close(StorageError),
    #[error("{0}")]
    Definitions(#[from] definitions::LoadError),
    #[error("cannot start: {0}")]
    Start(String),
}

/// Runs the program: a command, or the server until it is told to stop. Returns the exit code.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let environment: Vec<(OsString, OsString)> = environment.into_iter().collect();
    if let Some(code) = ctl::run_tool_on_terminal(&arguments, &environment) {
        return code;
    }
    let (call, left_out) = ctl::as_rabbitmq_server(arguments);
    for word in left_out {
        // A closed standard error does not stop a broker.
        let _ = writeln!(io::stderr(), "haremq: {} is for Erlang: left out", word.display());
    }
    let arguments = match call {
        ServerCall::Here(arguments) => arguments,
        ServerCall::Detached(arguments) => {
            return ctl::start_detached(&arguments, &environment, &mut io::stderr());
        }
    };
    if let Some(arguments) = perf_arguments(&arguments) {
        return perf::run_on_terminal(arguments);
    }
    match OtherCommand::parse(&arguments) {
        Ok(Some(command)) => return run_other(command, environment),
        Ok(None) => {}
        Err(error) => return error.report(),
    }
    let origin = Origin { arguments, environment };
    let loaded = load(origin.arguments.iter().cloned(), origin.environment.iter().cloned());
    let read = loaded.and_then(|loaded| {
        check_patterns(&loaded)?;
        let seeds = seeds::read(&loaded)?;
        Ok((loaded, seeds))
    });
    let (loaded, seeds) = match read {
        Ok(read) => read,
        Err(error) => return error.report(),
    };
    match run(loaded, seeds, origin) {
        Ok(()) => EXIT_OK,
        Err(error) => {
            // A closed standard error leaves the exit code to say it.
            let _ = writeln!(io::stderr(), "haremq: {error}");
            EXIT_FAILED
        }
    }
}

/// Everything that is not the broker and reads its arguments as the broker does.
fn run_other(command: OtherCommand, environment: Vec<(OsString, OsString)>) -> u8 {
    // `perf` reads its own arguments, and is described where it does.
    let program = || config::command_line().mut_subcommand("perf", |_| perf::command_line());
    match command {
        OtherCommand::Store(command) => ctl::run_on_terminal(&command),
        OtherCommand::Config(command) => ctl::run_config_on_terminal(&command, environment),
        OtherCommand::Definitions(command) => ctl::run_definitions_on_terminal(&command),
        OtherCommand::Service(command) => ctl::run_service_on_terminal(&command, &environment),
        OtherCommand::Completions(arguments) => {
            ctl::run_completions_on_terminal(&arguments, program())
        }
        OtherCommand::Man(folder) => ctl::run_man_on_terminal(&folder, program()),
    }
}

/// Patterns are compiled by the layer that uses them; a wrong one is told with the place where it stands.
fn check_patterns(loaded: &Loaded) -> Result<(), ConfigError> {
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
    Ok(())
}

fn run(loaded: Loaded, seeds: Seeds, origin: Origin) -> Result<(), ServerError> {
    let logging = start_logging(&loaded.settings.log).map_err(|error| start(&error))?;
    for file in &loaded.files {
        tracing::info!(path = %file.display(), "configuration file read");
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = loaded.settings.worker_threads {
        runtime.worker_threads(threads.get());
    }
    let runtime = runtime.enable_all().build().map_err(|error| start(&error))?;
    runtime.block_on(serve(loaded, seeds, origin, logging))
}

/// How long a stop waits for dead letters to arrive; most take one sync of the disk.
const LETTERS_PATIENCE_MS: u64 = 500;

/// How often it looks.
const LETTERS_PAUSE_MS: u64 = 5;

async fn serve(
    loaded: Loaded,
    seeds: Seeds,
    origin: Origin,
    logging: Logging,
) -> Result<(), ServerError> {
    let settings = loaded.settings.clone();
    let pid_file = settings.pid_file.as_deref().map(write_pid).transpose()?;
    let hangups = reload::signals().map_err(|error| start(&error))?;
    let shutdown = Shutdown::on_signals().map_err(|error| start(&error))?;
    let storage = storage::open(&settings)?;
    let broker = broker(&settings, seeds, storage.as_ref())?;
    broker.set_login_backends(authentication::backends(&settings.authentication, broker.clock())?);
    broker.set_node_limits(reload::node_limits(&settings));
    notices::open(&settings, &broker, &logging);
    if let Some(storage) = &storage {
        storage.attach(&broker);
    }
    if let Some(path) = &settings.definitions.path {
        let skip = settings.definitions.skip_if_unchanged;
        // Nobody is served yet, so the start may wait for the disk.
        tokio::task::block_in_place(|| definitions::load(&broker, path, skip))?;
    }
    let timers = tokio::spawn(run_timers(Arc::clone(&broker)));
    let telling = tokio::spawn(run_notices(Arc::clone(&broker)));
    allocator::look_after(&broker);
    let opened = listeners::open(&settings, &broker, protocol_settings(&settings))?;
    let listeners = opened.listeners;
    let first_port = listeners.iter().find_map(|listener| listener.address().port());
    if let (Some(path), Some(port)) = (&settings.port_file, first_port) {
        write_port(path, port)?;
    }
    let amqp = amqp_addresses(&listeners);
    let files = loaded.files.clone();
    let disk = storage.as_ref().map(|storage| Arc::clone(&storage.alarm));
    let running = Running { logging, broker: Arc::clone(&broker), disk };
    let manager = ServiceManager::of(&origin.environment);
    let config = LiveConfig::new(origin, loaded, running);
    let gates = listeners.iter().map(Listener::gate).collect();
    let beginning = Beginning {
        default_user: settings.default_user.clone(),
        definitions: settings.definitions.clone(),
    };
    let control = Control::new(&broker, gates, &config, &shutdown, beginning);
    let management = management::open(&settings, &files, amqp, &broker, control)?;
    let ready_line = announce(&listeners, &management, &settings)?;
    manager.ready(&ready_line);
    let tasks = vec![timers.abort_handle(), telling.abort_handle()];
    manager.follow(shutdown.clone(), Life { look: a_look(&broker), tasks });
    let tls = opened.tls.into_iter().chain(management.tls()).collect();
    let managing = management.run(&shutdown);
    let reloading = tokio::spawn(reload::on_signals(hangups, config, tls, manager));
    let running: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(listener.run(shutdown.clone().wait())))
        .collect();
    for listener in running {
        listener.await.map_err(|error| start(&error))?;
    }
    managing.end().await;
    telling.abort();
    notices::tell_the_rest(&broker);
    // What is due from now on is due after a restart.
    timers.abort();
    // Their confirms come to inboxes that nobody waits at, and only here somebody wants to know.
    let mut patience = LETTERS_PATIENCE_MS / LETTERS_PAUSE_MS;
    while broker.letters_under_way() > 0 && patience > 0 {
        tokio::time::sleep(Duration::from_millis(LETTERS_PAUSE_MS)).await;
        patience -= 1;
    }
    reloading.abort();
    if let Some(storage) = &storage {
        tokio::task::block_in_place(|| storage.close()).map_err(ServerError::Close)?;
    }
    drop(pid_file);
    tracing::info!("stopped");
    Ok(())
}

/// What shows the service manager that the broker can be asked: its virtual hosts are counted.
fn a_look(broker: &Arc<Broker>) -> Arc<dyn Fn() + Send + Sync> {
    let broker = Arc::clone(broker);
    Arc::new(move || {
        let _ = broker.vhost_count();
    })
}

fn amqp_addresses(listeners: &[Listener]) -> AmqpAddresses {
    let of = |has_tls: bool| {
        let listeners = listeners.iter().filter(move |listener| listener.has_tls() == has_tls);
        listeners.filter_map(|listener| listener.address().socket()).collect()
    };
    AmqpAddresses { plain: of(false), tls: of(true) }
}

/// The ready line on standard output. It comes when every listener is bound, because scripts wait for it.
/// Before it stands, for each port with TLS, the line that scripts made for RabbitMQ wait for. The result is what
/// the ready line says of the broker.
fn announce(
    listeners: &[Listener],
    management: &OpenManagement,
    settings: &Settings,
) -> Result<String, ServerError> {
    let mut stdout = io::stdout().lock();
    let mut addresses = Vec::new();
    for listener in listeners {
        let address = listener.address();
        if listener.has_tls() {
            writeln!(stdout, "started TLS (SSL) listener on {address}")
                .map_err(|error| start(&error))?;
            addresses.push(format!("{address} (TLS)"));
        } else {
            addresses.push(address.to_string());
        }
    }
    let kept = match (&settings.storage, settings.durability) {
        (Storage::Ephemeral, _) => "nothing is kept".to_owned(),
        (Storage::Directory(folder), Durability::Fsync) => {
            format!("data in {}, confirms after fsync", folder.display())
        }
        (Storage::Directory(folder), Durability::Os) => {
            format!("data in {}, confirms before fsync (haremq.durability = os)", folder.display())
        }
    };
    let managed = match management.addresses() {
        addresses if addresses.is_empty() => "no management port".to_owned(),
        addresses => format!("management on {}", addresses.join(", ")),
    };
    let metrics = match management.metrics_address() {
        Some(address) => format!("metrics on {address}"),
        None => "no metrics".to_owned(),
    };
    let said = format!("AMQP on {}; {managed}; {metrics}; {kept}", addresses.join(", "));
    writeln!(stdout, "HareMQ {} Server startup complete; {said}", env!("CARGO_PKG_VERSION"))
        .and_then(|()| stdout.flush())
        .map_err(|error| start(&error))?;
    Ok(said)
}

fn write_pid(path: &Path) -> Result<PidFile, ServerError> {
    PidFile::write(path)
        .map_err(|error| ServerError::PidFile { path: path.display().to_string(), error })
}

/// Written whole or not at all: whoever waits for the file must not read half a number.
fn write_port(path: &Path, port: u16) -> Result<(), ServerError> {
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, format!("{port}\n"))
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| ServerError::PortFile { path: path.display().to_string(), error })
}

fn broker(
    settings: &Settings,
    seeds: Seeds,
    storage: Option<&OpenStorage>,
) -> Result<Arc<Broker>, ServerError> {
    let mut accounts = match storage {
        Some(storage) => storage.accounts(&settings.default_user)?,
        None => passing_accounts(&settings.default_user)?,
    };
    accounts.restrict_to_loopback(settings.loopback_users.iter().cloned());
    Ok(Broker::new(BrokerSettings {
        clock: Arc::new(SystemClock::new()),
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
    }))
}

fn existing(overwrite: bool) -> Existing {
    if overwrite { Existing::Overwritten } else { Existing::Kept }
}

/// Of a broker that keeps nothing.
fn passing_accounts(user: &DefaultUser) -> Result<Accounts, ServerError> {
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

fn start(error: &dyn std::fmt::Display) -> ServerError {
    ServerError::Start(error.to_string())
}
