//! Opens every listener that the settings ask for: TCP, TLS, the Unix socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use crate::broker::Broker;
use crate::config::{ListenAddress, Settings};
use crate::net::{Listener, ListenerSettings, Tls, UnixListenerSettings};
use crate::protocol::{self, Mechanism, Secret};
use crate::tls_settings::{self, TlsSettingsError};

/// Why a listener is not there. Shown as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error("cannot listen on {address}: {error}{hint}")]
    Inet { address: SocketAddr, error: io::Error, hint: &'static str },
    #[error("cannot listen on haremq.unix_socket = {path}: {error}")]
    Unix { path: String, error: io::Error },
    #[error("the settings leave no listener: set listeners.tcp.default or --port")]
    Nowhere,
    #[error("{0}")]
    Tls(#[from] TlsSettingsError),
}

/// Every listener, and what its certificates are read anew with.
pub(crate) struct Opened {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Binds all of them; nothing is accepted yet.
pub(crate) fn open(
    settings: &Settings,
    broker: &Arc<Broker>,
    protocol: protocol::Settings,
) -> Result<Opened, ListenError> {
    let transport = &settings.transport;
    let protocol = with_mechanisms(settings, protocol);
    // EXTERNAL is the user of a certificate: it is offered where there can be one, as by RabbitMQ.
    let mut plain = protocol.clone();
    plain.mechanisms.retain(|mechanism| *mechanism != Mechanism::External);
    let (plain, over_tls) = (Arc::new(plain), Arc::new(protocol));
    let tls = if transport.tls_listeners.is_empty() {
        None
    } else {
        Some(Arc::new(tls_settings::of_amqp(settings)?))
    };
    let mut listeners = Vec::new();
    for address in &settings.listeners {
        listeners.push(listen(*address, settings, None, broker, &plain)?);
    }
    for address in &transport.tls_listeners {
        listeners.push(listen(*address, settings, tls.as_ref(), broker, &over_tls)?);
    }
    if let Some(path) = &transport.unix_socket {
        let (mode, backlog) = (transport.unix_socket_mode, settings.tcp_backlog);
        let unix = UnixListenerSettings { path: path.clone(), mode, backlog };
        let bound = Listener::bind_unix(&unix, Arc::clone(broker), plain);
        let path = path.display().to_string();
        listeners.push(bound.map_err(|error| ListenError::Unix { path, error })?);
    }
    if listeners.is_empty() { Err(ListenError::Nowhere) } else { Ok(Opened { listeners, tls }) }
}

fn with_mechanisms(settings: &Settings, protocol: protocol::Settings) -> protocol::Settings {
    let transport = &settings.transport;
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let password = transport.anonymous_password.as_ref().map_or("", |password| &password.0);
    let user = transport.anonymous_user.as_deref();
    let anonymous = user.map(|user| (bytes(user), Secret(bytes(password))));
    let chosen = transport.mechanisms.iter().filter_map(|name| Mechanism::parse(name)).collect();
    let mechanisms = if transport.mechanisms.is_empty() { protocol.mechanisms } else { chosen };
    protocol::Settings { mechanisms, anonymous, ..protocol }
}

fn listen(
    address: ListenAddress,
    settings: &Settings,
    tls: Option<&Arc<Tls>>,
    broker: &Arc<Broker>,
    protocol: &Arc<protocol::Settings>,
) -> Result<Listener, ListenError> {
    let bind = |ip: IpAddr| {
        let address = SocketAddr::new(ip, address.port);
        let listener = ListenerSettings {
            address,
            backlog: settings.tcp_backlog,
            nodelay: settings.tcp_nodelay,
            keepalive: settings.tcp_keepalive,
            proxy_protocol: settings.transport.proxy_protocol,
            tls: tls.map(Arc::clone),
        };
        Listener::bind(listener, Arc::clone(broker), Arc::clone(protocol))
            .map_err(|error| (address, error))
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
        let hint = match (error.kind(), tls) {
            (io::ErrorKind::AddrInUse, None) => {
                "; another process has the port: stop it, or choose another with --port"
            }
            (io::ErrorKind::AddrInUse, Some(_)) => {
                "; another process has the port: stop it, or choose another with --tls-port"
            }
            (io::ErrorKind::PermissionDenied, _) => {
                "; ports below 1024 need privileges: choose another with --port"
            }
            (io::ErrorKind::AddrNotAvailable, _) => "; this machine does not have that address",
            _ => "",
        };
        ListenError::Inet { address, error, hint }
    })
}
