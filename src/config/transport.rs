//! Settings of how clients come in: TLS, mechanisms of login, proxies, the Unix socket.

use std::net::IpAddr;
use std::path::PathBuf;

use super::draft::{DEFAULT_LISTENER, Named};
use super::settings::{ListenAddress, Password};
use super::source::Rank;

/// How clients come in. Each field says which key it comes from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransportSettings {
    /// Where AMQP is spoken over TLS. `listeners.ssl.*`.
    pub tls_listeners: Vec<ListenAddress>,
    /// The server's certificate. `ssl_options.certfile`.
    pub certfile: Option<PathBuf>,
    /// Its key; `None`: in the same file. `ssl_options.keyfile`.
    pub keyfile: Option<PathBuf>,
    /// Authorities. `ssl_options.cacertfile`.
    pub cacertfile: Option<PathBuf>,
    /// The password of the key. `ssl_options.password`.
    pub key_password: Option<Password>,
    /// Clients are asked for a certificate. `ssl_options.verify`.
    pub verify_peer: bool,
    /// They must have one. `ssl_options.fail_if_no_peer_cert`.
    pub fail_if_no_peer_cert: bool,
    /// Intermediate certificates of a client, at most. `ssl_options.depth`.
    pub depth: u8,
    /// Versions; empty: all that there are. `ssl_options.versions.*`.
    pub tls_versions: Vec<TlsVersion>,
    /// How long a TLS handshake may take. `ssl_handshake_timeout`.
    pub tls_handshake_timeout_ms: u64,
    /// Where the user name stands in a client certificate. `ssl_cert_login_from`.
    pub cert_login_from: CertLoginFrom,
    /// The kind of alternative name. `ssl_cert_login_san_type`.
    pub cert_login_san_type: CertSanType,
    /// Which of that kind, from 0. `ssl_cert_login_san_index`.
    pub cert_login_san_index: u8,
    /// Mechanisms that are offered, in order; empty: the usual ones. `auth_mechanisms.*`.
    pub mechanisms: Vec<&'static str>,
    /// The user of ANONYMOUS; `None` takes nobody in. `anonymous_login_user`.
    pub anonymous_user: Option<String>,
    /// The password of that user. `anonymous_login_pass`.
    pub anonymous_password: Option<Password>,
    /// Every TCP connection begins with the header of a proxy. `proxy_protocol`.
    pub proxy_protocol: bool,
    /// A Unix socket to listen on. `haremq.unix_socket`.
    pub unix_socket: Option<PathBuf>,
    /// The rights of its file. `haremq.unix_socket_mode`.
    pub unix_socket_mode: u32,
}

/// A version of TLS that RabbitMQ knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsVersion {
    /// 1.3.
    Tls13,
    /// 1.2.
    Tls12,
    /// 1.1 or 1.0, which are not spoken here.
    Older,
}

impl TlsVersion {
    /// RabbitMQ's name of it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "tlsv1.3" => Some(Self::Tls13),
            "tlsv1.2" => Some(Self::Tls12),
            "tlsv1.1" | "tlsv1" => Some(Self::Older),
            _ => None,
        }
    }
}

/// Where the user name stands in a client certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CertLoginFrom {
    /// The whole subject.
    #[default]
    DistinguishedName,
    /// Its common name.
    CommonName,
    /// An alternative name.
    SubjectAlternativeName,
}

/// The kind of an alternative name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CertSanType {
    /// A host name.
    #[default]
    Dns,
    /// An IP address.
    Ip,
    /// A mail address.
    Email,
    /// A URI.
    Uri,
}

/// [`TransportSettings`] that are not finished.
#[derive(Debug)]
pub(super) struct TransportDraft {
    /// Settings that one key decides alone.
    pub plain: TransportSettings,
    pub listeners: Named<ListenAddress>,
    pub versions: Named<TlsVersion>,
    pub mechanisms: Named<&'static str>,
}

impl TransportDraft {
    pub(super) fn new() -> Self {
        let plain = TransportSettings::default();
        let (listeners, versions, mechanisms) = (Named::new(), Named::new(), Named::new());
        Self { plain, listeners, versions, mechanisms }
    }

    /// One listener and no other.
    pub(super) fn listen_only(&mut self, address: ListenAddress, rank: Rank) {
        self.listeners = Named::new();
        self.listeners.set(DEFAULT_LISTENER, rank, address);
    }

    /// Every listener on this address.
    pub(super) fn bind_all(&mut self, ip: IpAddr) {
        self.listeners.change(|listener| listener.ip = Some(ip));
    }

    pub(super) fn finish(self) -> TransportSettings {
        let tls_listeners = self.listeners.in_force().map(|(_, address)| *address).collect();
        let tls_versions = self.versions.in_force().map(|(_, version)| *version).collect();
        let mut mechanisms: Vec<_> = self.mechanisms.in_force().collect();
        // RabbitMQ's files number them: 10 comes behind 9.
        mechanisms.sort_by_key(|(name, _)| (name.parse().unwrap_or(u32::MAX), *name));
        let mechanisms = mechanisms.into_iter().map(|(_, mechanism)| *mechanism).collect();
        TransportSettings { tls_listeners, tls_versions, mechanisms, ..self.plain }
    }
}
