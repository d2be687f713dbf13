//! Opens the management API: its port and its socket file.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::config::{ListenAddress, Settings, Storage};
use crate::http::{
    Facts, HttpListener, MANAGEMENT_PORT, Management, ManagementSettings, UnixListener,
};
use crate::shutdown::Shutdown;

/// The socket file in the data folder.
const SOCKET_FILE: &str = "management.sock";

/// Why the management API is not served. Shown as one line.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve the management API on {address}: {error}{hint}")]
pub(crate) struct ManagementError {
    address: SocketAddr,
    error: io::Error,
    hint: &'static str,
}

/// Bound, and not serving yet.
pub(crate) struct OpenManagement {
    port: HttpListener,
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
    amqp: Vec<SocketAddr>,
    broker: &Arc<Broker>,
) -> Result<OpenManagement, ManagementError> {
    let address = address(settings);
    let port = match address.ip {
        Some(ip) => bind(ip, address.port),
        // The IPv6 wildcard takes IPv4 as well; a machine without IPv6 has only the other.
        None => bind(IpAddr::V6(Ipv6Addr::UNSPECIFIED), address.port).or_else(|refused| {
            if refused.error.kind() == io::ErrorKind::AddrInUse {
                Err(refused)
            } else {
                bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port)
            }
        }),
    }?;
    let data_folder = match &settings.storage {
        Storage::Directory(folder) => Some(folder.clone()),
        Storage::Ephemeral => None,
    };
    let path = data_folder.as_ref().map(|folder| folder.join(SOCKET_FILE));
    let socket = path.as_ref().and_then(|path| match UnixListener::bind(path) {
        Ok(socket) => Some(socket),
        Err(error) => {
            tracing::warn!(path = %path.display(), error = %error, "there is no management socket file");
            None
        }
    });
    let facts = Facts {
        node: format!("rabbit@{}", host_name()),
        cluster_name: settings.cluster_name.clone(),
        product: settings.product.clone(),
        rabbitmq_version: settings.product_version.clone(),
        amqp,
        management: vec![port.address()],
        data_folder,
        config_files: Vec::new(),
        default_queue_type: settings.default_queue_type.clone().unwrap_or("classic".to_owned()),
        memory_watermark_bytes: settings.memory_watermark_bytes,
        started: broker.clock().now(),
    };
    let settings =
        ManagementSettings { listener: Some(address), socket: path, ..Default::default() };
    let management = Management::new(Arc::clone(broker), facts, settings);
    Ok(OpenManagement { port, socket, management })
}

impl OpenManagement {
    /// Where HTTP is spoken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Serves from now on.
    pub(crate) fn run(self, shutdown: &Shutdown) -> RunningManagement {
        let Self { port, socket, management } = self;
        let samples = tokio::spawn(Arc::clone(&management).take_samples());
        let mut listeners = Vec::new();
        if let Some(socket) = socket {
            let run = socket.run(Arc::clone(&management), shutdown.clone().wait());
            listeners.push(tokio::spawn(run));
        }
        listeners.push(tokio::spawn(port.run(management, shutdown.clone().wait())));
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

/// Where the API is served: at the one address that AMQP is bound to, when there is one; on a free port when AMQP
/// is, so that a second broker beside this one is no more trouble than it was.
fn address(settings: &Settings) -> ListenAddress {
    let first = settings.listeners.first();
    let ip = first.and_then(|address| address.ip);
    let ip = ip.filter(|_| settings.listeners.iter().all(|address| address.ip == ip));
    let any_port = first.is_some_and(|address| address.port == 0);
    let port = if any_port { 0 } else { MANAGEMENT_PORT };
    ListenAddress { ip, port: settings.management_port.unwrap_or(port) }
}

fn bind(ip: IpAddr, port: u16) -> Result<HttpListener, ManagementError> {
    let address = SocketAddr::new(ip, port);
    HttpListener::bind(address).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; another process has the port: stop it, or choose another with --management-port"
            }
            _ => "",
        };
        ManagementError { address, error, hint }
    })
}

/// The name of this machine without its domain, as RabbitMQ names nodes.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim().split('.').next() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => "localhost".to_owned(),
    }
}
