//! Opens the management API, its port and its socket file, and the port of the metrics.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::config::{ListenAddress, Settings, Storage};
use crate::control::Control;
use crate::http::{Facts, HttpListener, Management, UnixListener};
use crate::net::Tls;
use crate::shutdown::Shutdown;
use crate::tls_settings::{self, TlsSettingsError};

/// The socket file in the data folder.
const SOCKET_FILE: &str = "management.sock";

/// Why the management API is not served. Shown as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManagementError {
    #[error("cannot serve {what} on {address}: {error}{hint}")]
    Bind { what: &'static str, address: SocketAddr, error: io::Error, hint: String },
    #[error("{0}")]
    Tls(#[from] TlsSettingsError),
}

/// Where AMQP is spoken.
pub(crate) struct AmqpAddresses {
    pub(crate) plain: Vec<SocketAddr>,
    pub(crate) tls: Vec<SocketAddr>,
}

/// Bound, and not serving yet.
pub(crate) struct OpenManagement {
    ports: Vec<HttpListener>,
    tls: Option<Arc<Tls>>,
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
/// [`ManagementError`] when a port or a certificate cannot be had. Without the socket file the start goes on.
pub(crate) fn open(
    settings: &Settings,
    config_files: &[PathBuf],
    amqp: AmqpAddresses,
    broker: &Arc<Broker>,
    control: Arc<Control>,
) -> Result<OpenManagement, ManagementError> {
    let mut ports = Vec::new();
    if let Some(address) = settings.management.listener {
        ports.push(bind(address, &MANAGEMENT, None)?);
    }
    let mut tls = None;
    if let Some(https) = &settings.management.tls {
        let loaded = Arc::new(tls_settings::of_management(settings, https)?);
        ports.push(bind(https.listener, &MANAGEMENT_TLS, Some(&loaded))?);
        tls = Some(loaded);
    }
    let of = |has_tls: bool| {
        let ports = ports.iter().filter(move |port| port.has_tls() == has_tls);
        ports.map(HttpListener::address).collect()
    };
    let metrics = settings.prometheus.listener;
    let metrics = metrics.map(|address| bind(address, &METRICS, None)).transpose()?;
    let data_folder = match &settings.storage {
        Storage::Directory(folder) => Some(folder.clone()),
        Storage::Ephemeral => None,
    };
    let socket = data_folder.as_ref().and_then(|folder| bind_file(&folder.join(SOCKET_FILE)));
    if settings.management.test_api && (!ports.is_empty() || socket.is_some()) {
        warn_of_test_api(&settings.storage);
    }
    let facts = Facts {
        node: settings.node_name.clone(),
        cluster_name: settings.cluster_name.clone(),
        product: settings.product.clone(),
        rabbitmq_version: settings.product_version.clone(),
        amqp: amqp.plain,
        amqp_tls: amqp.tls,
        management: of(false),
        management_tls: of(true),
        metrics: metrics.iter().map(HttpListener::address).collect(),
        data_folder,
        config_files: config_files.to_vec(),
        default_queue_type: settings.default_queue_type.clone().unwrap_or("classic".to_owned()),
        started: broker.clock().now(),
    };
    let (of_api, of_metrics) = (settings.management.clone(), settings.prometheus.clone());
    let management = Management::new(Arc::clone(broker), facts, of_api, of_metrics, control);
    Ok(OpenManagement { ports, tls, metrics, socket, management })
}

impl OpenManagement {
    /// Where HTTP is spoken, for the ready line; none when it is spoken over the socket file at most.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let shown = |port: &HttpListener| {
            let mark = if port.has_tls() { " (HTTPS)" } else { "" };
            format!("{}{mark}", port.address())
        };
        self.ports.iter().map(shown).collect()
    }

    /// Where HTTP without TLS is spoken over a port.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.ports.iter().find(|port| !port.has_tls()).map(HttpListener::address)
    }

    /// What its certificates are read anew with.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// The port of the first listener with or without TLS.
    pub(crate) fn port(&self, has_tls: bool) -> Option<u16> {
        let port = self.ports.iter().find(|port| port.has_tls() == has_tls);
        port.map(|port| port.address().port())
    }

    /// Where the metrics are served.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(HttpListener::address)
    }

    /// Serves from now on.
    pub(crate) fn run(self, shutdown: &Shutdown) -> RunningManagement {
        let Self { ports, metrics, socket, management, .. } = self;
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
        for port in ports {
            let run = port.run(Arc::clone(&management), shutdown.clone().wait());
            listeners.push(tokio::spawn(run));
        }
        RunningManagement { listeners, samples }
    }
}

impl RunningManagement {
    /// Ends at once; connections are closed without an answer.
    pub(crate) async fn cut(self) {
        self.samples.abort();
        for listener in &self.listeners {
            listener.abort();
        }
        for listener in self.listeners {
            // It was told to end, or has broken down before.
            let _ = listener.await;
        }
    }

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

/// Nobody shall have it open without knowing.
fn warn_of_test_api(storage: &Storage) {
    tracing::warn!(
        "the test API is on: administrators may turn the clock, order faults and roll back virtual hosts"
    );
    if let Storage::Directory(folder) = storage {
        tracing::warn!(
            path = %folder.display(),
            "the test API is on, and messages are kept: this is no broker for anything but tests"
        );
    }
}

/// What is served, and what chooses its port.
struct Served {
    what: &'static str,
    chosen_by: &'static str,
}

const MANAGEMENT: Served = Served { what: "the management API", chosen_by: "--management-port" };

const MANAGEMENT_TLS: Served =
    Served { what: "the management API", chosen_by: "management.ssl.port" };

const METRICS: Served = Served { what: "the metrics", chosen_by: "--prometheus-port" };

fn bind(
    address: ListenAddress,
    served: &Served,
    tls: Option<&Arc<Tls>>,
) -> Result<HttpListener, ManagementError> {
    let bind = |ip: IpAddr| {
        let address = SocketAddr::new(ip, address.port);
        HttpListener::bind(address, tls.cloned()).map_err(|error| (address, error))
    };
    let bound = match address.ip {
        Some(ip) => bind(ip),
        // The IPv6 wildcard takes IPv4 as well; a machine without IPv6 has only the other.
        None => bind(IpAddr::V6(Ipv6Addr::UNSPECIFIED)).or_else(|(address, error)| {
            if error.kind() == io::ErrorKind::AddrInUse {
                Err((address, error))
            } else {
                bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
            }
        }),
    };
    bound.map_err(|(address, error)| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "; another process has the port: stop it, or choose another with {}",
                served.chosen_by
            ),
            _ => String::new(),
        };
        ManagementError::Bind { what: served.what, address, error, hint }
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
