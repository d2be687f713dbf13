//! Opens every listener that the settings ask for: TCP, TLS, the Unix socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::broker::Broker;
use crate::config::{CertLoginFrom, CertSanType, ListenAddress, Settings, TlsVersion};
use crate::net::{
    ClientCertificates, Listener, ListenerSettings, LoginFrom, SanKind, Tls, TlsError, TlsSettings,
    TlsVersions, UnixListenerSettings,
};
use crate::protocol::{self, Mechanism, Secret};

/// Why a listener is not there. Shown as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error("cannot listen on {address}: {error}{hint}")]
    Inet { address: SocketAddr, error: io::Error, hint: &'static str },
    #[error("cannot listen on haremq.unix_socket = {path}: {error}")]
    Unix { path: String, error: io::Error },
    #[error("the settings leave no listener: set listeners.tcp.default or --port")]
    Nowhere,
    #[error(
        "a listener with TLS needs a certificate: set ssl_options.certfile and ssl_options.keyfile, or \
         take listeners.ssl.* and --tls-port away"
    )]
    NoCertificate,
    #[error(
        "ssl_options.fail_if_no_peer_cert = true asks for client certificates, and ssl_options.verify = \
         verify_none does not look at them: set ssl_options.verify = verify_peer"
    )]
    NobodyLooks,
    #[error(
        "ssl_options.versions leaves no version that is spoken: write tlsv1.3 or tlsv1.2, or take the \
         key away for both"
    )]
    NoVersion,
    #[error("{0}")]
    Tls(#[from] TlsError),
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
        Some(Arc::new(Tls::load(tls_settings(settings)?)?))
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

fn tls_settings(settings: &Settings) -> Result<TlsSettings, ListenError> {
    let transport = &settings.transport;
    let certfile: PathBuf = transport.certfile.clone().ok_or(ListenError::NoCertificate)?;
    let clients = match (transport.verify_peer, transport.fail_if_no_peer_cert) {
        (true, true) => ClientCertificates::Required,
        (true, false) => ClientCertificates::Optional,
        (false, false) => ClientCertificates::NotAsked,
        (false, true) => return Err(ListenError::NobodyLooks),
    };
    let login_from = match transport.cert_login_from {
        CertLoginFrom::DistinguishedName => LoginFrom::DistinguishedName,
        CertLoginFrom::CommonName => LoginFrom::CommonName,
        CertLoginFrom::SubjectAlternativeName => LoginFrom::SubjectAlternativeName {
            kind: match transport.cert_login_san_type {
                CertSanType::Dns => SanKind::Dns,
                CertSanType::Ip => SanKind::Ip,
                CertSanType::Email => SanKind::Email,
                CertSanType::Uri => SanKind::Uri,
            },
            index: usize::from(transport.cert_login_san_index),
        },
    };
    Ok(TlsSettings {
        keyfile: transport.keyfile.clone().unwrap_or_else(|| certfile.clone()),
        certfile,
        cacertfile: transport.cacertfile.clone(),
        clients,
        depth: usize::from(transport.depth),
        versions: versions(&transport.tls_versions)?,
        handshake_timeout_ms: transport.tls_handshake_timeout_ms,
        login_from,
    })
}

fn versions(chosen: &[TlsVersion]) -> Result<TlsVersions, ListenError> {
    let has = |version| chosen.contains(&version);
    if has(TlsVersion::Older) {
        tracing::warn!("ssl_options.versions names tlsv1.1 or tlsv1, which are not spoken");
    }
    match (has(TlsVersion::Tls12), has(TlsVersion::Tls13)) {
        (true, true) => Ok(TlsVersions::Both),
        (true, false) => Ok(TlsVersions::Tls12),
        (false, true) => Ok(TlsVersions::Tls13),
        (false, false) if chosen.is_empty() => Ok(TlsVersions::Both),
        (false, false) => Err(ListenError::NoVersion),
    }
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
