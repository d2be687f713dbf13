//! The program: commands, settings, the log, signals, the ready line. The broker itself is [`crate::node`].

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use crate::allocator;
use crate::broker::{Broker, Seeds};
use crate::config::{
    self, Durability, Loaded, Logging, OtherCommand, Settings, Storage, migrate_arguments,
    perf_arguments, start_logging,
};
use crate::ctl::{self, ServerCall};
use crate::descriptors;
use crate::management::OpenManagement;
use crate::migrate;
use crate::net::Listener;
use crate::node::{self, Node, NodeError, NodeParts};
use crate::parent;
use crate::perf;
use crate::pid_file::PidFile;
use crate::ports_file;
use crate::reload::{self, Origin};
use crate::service_manager::{Life, ServiceManager};
use crate::shutdown::Shutdown;
use crate::start_pages;

/// The process did what it was asked to.
const EXIT_OK: u8 = 0;

/// The process could not start or could not go on.
const EXIT_FAILED: u8 = 1;

/// Why the server does not run. Shown as one line.
#[derive(Debug, thiserror::Error)]
enum ServerError {
    #[error("{0}")]
    Node(#[from] NodeError),
    #[error("cannot write the port file {path}: {error}")]
    PortFile { path: String, error: io::Error },
    #[error("cannot write the ports file {path}: {error}")]
    PortsFile { path: String, error: io::Error },
    #[error("cannot write the pid file {path}: {error}")]
    PidFile { path: String, error: io::Error },
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
    if let Some(arguments) = migrate_arguments(&arguments) {
        return migrate::run_on_terminal(arguments, &environment);
    }
    match OtherCommand::parse(&arguments) {
        Ok(Some(command)) => return run_other(command, environment),
        Ok(None) => {}
        Err(error) => return error.report(),
    }
    let origin = Origin::Process { arguments, environment };
    let loaded = origin.load(&[]);
    let read = loaded.and_then(|loaded| {
        let seeds = node::read_seeds(&loaded)?;
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
    // These read their own arguments, and are described where they do.
    let program = || {
        config::command_line()
            .mut_subcommand("perf", |_| perf::command_line())
            .mut_subcommand("migrate", |_| migrate::command_line())
    };
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

fn run(loaded: Loaded, seeds: Seeds, origin: Origin) -> Result<(), ServerError> {
    descriptors::make_room();
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
    parent::follow(settings.exit_with_parent, &shutdown).map_err(|error| start(&error))?;
    let manager = match &origin {
        Origin::Process { environment, .. } => ServiceManager::of(environment),
        Origin::Given(_) => ServiceManager::default(),
    };
    let stopping = shutdown.clone();
    let parts = NodeParts { loaded, seeds, origin, logging, shutdown };
    let node = Node::open(parts)?;
    allocator::look_after(node.broker());
    let first_port = node.listeners().iter().find_map(|listener| listener.address().port());
    if let (Some(path), Some(port)) = (&settings.port_file, first_port) {
        write_port(path, port)?;
    }
    let ready_line = announce(node.listeners(), node.management(), &settings)?;
    manager.ready(&ready_line);
    manager.follow(stopping, Life { look: a_look(node.broker()), tasks: node.tasks() });
    start_pages::let_go_soon();
    let signals = reload::on_signals(hangups, Arc::clone(node.config()), node.tls(), manager);
    let reloading = tokio::spawn(signals);
    let ended = node.run().end().await;
    reloading.abort();
    ended?;
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

/// The ports file, and then the ready line on standard output. It comes when every listener is bound, because
/// scripts wait for it.
/// Before it stands, for each port with TLS, the line that scripts made for RabbitMQ wait for.
/// The result is what the ready line says of the broker.
fn announce(
    listeners: &[Listener],
    management: &OpenManagement,
    settings: &Settings,
) -> Result<String, ServerError> {
    if let Some(path) = &settings.ports_file {
        let named = |error| ServerError::PortsFile { path: path.display().to_string(), error };
        ports_file::write(path, listeners, management).map_err(named)?;
    }
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
    let metrics = match management.metrics_addresses() {
        addresses if addresses.is_empty() => "no metrics".to_owned(),
        addresses => format!("metrics on {}", addresses.join(", ")),
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

fn start(error: &dyn std::fmt::Display) -> ServerError {
    ServerError::Start(error.to_string())
}
