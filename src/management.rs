//! Opens the management API, its port and its socket file, and the port of the metrics.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::config::{ListenAddress, Settings, Storage};
use crate::http::{Facts, HttpListener, Management, UnixListener};
use crate::shutdown::Shutdown;

/// The socket file in the data folder.
const SOCKET_FILE: &str = "management.sock";

/// Why the management API is not served. Shown as one line.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve {what} on {address}: {error}{hint}")]
pub(crate) struct ManagementError {
    what: &'static str,
    address: SocketAddr,
    error: io::Error,
    hint: String,
}

/// Bound, and not serving yet.
pub(crate) struct OpenManagement {
    port: Option<HttpListener>,
    metrics: Option<HttpListener>,
    socket: Option<UnixListener>,
    management: Arc<Management>,
}

/// The tasks that serve.
pub(crate) struct RunningManagement {
    listeners: Vec<JoinHandle<()>>,
    samples: JoinHandle<()>,
}

/// Binds everything.
///
/// # Errors
/// [`ManagementError`] when the port cannot be had. Without the socket file the start goes on.
pub(crate) fn open(
    settings: &Settings,
    config_files: &[PathBuf],
    amqp: Vec<SocketAddr>,
    broker: &Arc<Broker>,
) -> Result<OpenManagement, ManagementError> {
    let bind_to = |listener: Option<ListenAddress>, served: &Served| {
        listener.map(|address| bind(address, served)).transpose()
    };
    let port = bind_to(settings.management.listener, &MANAGEMENT)?;
    let metrics = bind_to(settings.prometheus.listener, &METRICS)?;
    let data_folder = match &settings.storage {
        Storage::Directory(folder) => Some(folder.clone()),
        Storage::Ephemeral => None,
    };
    let socket = data_folder.as_ref().and_then(|folder| bind_file(&folder.join(SOCKET_FILE)));
    let facts = Facts {
        node: settings.node_name.clone(),
        cluster_name: settings.cluster_name.clone(),
        product: settings.product.clone(),
        rabbitmq_version: settings.product_version.clone(),
        amqp,
        management: port.iter().map(HttpListener::address).collect(),
        metrics: metrics.iter().map(HttpListener::address).collect(),
        data_folder,
        config_files: config_files.to_vec(),
        default_queue_type: settings.default_queue_type.clone().unwrap_or("classic".to_owned()),
        memory_watermark_bytes: settings.memory_watermark_bytes,
        disk_free_bytes_min: settings.disk.free_bytes_min,
        started: broker.clock().now(),
    };
    let (of_api, of_metrics) = (settings.management.clone(), settings.prometheus.clone());
    let management = Management::new(Arc::clone(broker), facts, of_api, of_metrics);
    Ok(OpenManagement { port, metrics, socket, management })
}

impl OpenManagement {
    /// Where HTTP is spoken; `None` when it is spoken over the socket file at most.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.port.as_ref().map(HttpListener::address)
    }

    /// Where the metrics are served.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(HttpListener::address)
    }

    /// Serves from now on.
    pub(crate) fn run(self, shutdown: &Shutdown) -> RunningManagement {
        let Self { port, metrics, socket, management } = self;
        let samples = tokio::spawn(Arc::clone(&management).take_samples());
        let mut listeners = Vec::new();
        if let Some(socket) = socket {
            let run = socket.run(Arc::clone(&management), shutdown.clone().wait());
            listeners.push(tokio::spawn(run));
        }
        if let Some(metrics) = metrics {
            let run = metrics.run_metrics(Arc::clone(&management), shutdown.clone().wait());
            listeners.push(tokio::spawn(run));
        }
        if let Some(port) = port {
            listeners.push(tokio::spawn(port.run(management, shutdown.clone().wait())));
        }
        RunningManagement { listeners, samples }
    }
}

impl RunningManagement {
    /// Waits until requests that were being answered are, which the listeners bound.
    pub(crate) async fn end(self) {
        self.samples.abort();
        for listener in self.listeners {
            if let Err(error) = listener.await {
                tracing::error!(error = %error, "a listener of the management API broke down");
            }
        }
    }
}

/// What is served, and the flag that chooses its port.
struct Served {
    what: &'static str,
    flag: &'static str,
}

const MANAGEMENT: Served = Served { what: "the management API", flag: "--management-port" };

const METRICS: Served = Served { what: "the metrics", flag: "--prometheus-port" };

fn bind(address: ListenAddress, served: &Served) -> Result<HttpListener, ManagementError> {
    match address.ip {
        Some(ip) => bind_to(ip, address.port, served),
        // The IPv6 wildcard takes IPv4 as well; a machine without IPv6 has only the other.
        None => {
            bind_to(IpAddr::V6(Ipv6Addr::UNSPECIFIED), address.port, served).or_else(|refused| {
                if refused.error.kind() == io::ErrorKind::AddrInUse {
                    Err(refused)
                } else {
                    bind_to(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port, served)
                }
            })
        }
    }
}

fn bind_to(ip: IpAddr, port: u16, served: &Served) -> Result<HttpListener, ManagementError> {
    let address = SocketAddr::new(ip, port);
    HttpListener::bind(address).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "; another process has the port: stop it, or choose another with {}",
                served.flag
            ),
            _ => String::new(),
        };
        ManagementError { what: served.what, address, error, hint }
    })
}

fn bind_file(path: &Path) -> Option<UnixListener> {
    match UnixListener::bind(path) {
        Ok(socket) => Some(socket),
        Err(error) => {
            tracing::warn!(path = %path.display(), error = %error, "there is no management socket file");
            None
        }
    }
}
