//! Who is at the other end of a connection, as far as its socket knows.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::broker::TlsInfo;

/// The address of a peer, where it came in, and the name in its certificate.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) address: CallerAddress,
    /// Our end of its socket; `None` when that has no address.
    pub(super) local: Option<SocketAddr>,
    pub(super) certified: Certified,
    /// What was agreed on with TLS, when it is spoken.
    pub(super) tls: Option<Arc<TlsInfo>>,
}

/// Where a peer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallerAddress {
    /// At the other end of a TCP connection, or where a proxy says it is.
    Inet(SocketAddr),
    /// On this machine, behind a Unix socket.
    Unix,
}

/// What a client certificate says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Certified {
    /// There is no TLS.
    NoTls,
    /// The client has shown none.
    NoCertificate,
    /// It holds no name of the kind that names users.
    NoName,
    /// The name of a user.
    Name(String),
}

impl Caller {
    /// A peer without TLS.
    pub(super) fn plain(address: CallerAddress) -> Self {
        Self { address, local: None, certified: Certified::NoTls, tls: None }
    }

    /// A TCP peer of which no more is known yet.
    pub(super) fn tcp(peer: SocketAddr, local: Option<SocketAddr>) -> Self {
        Self { local: local.map(canonical), ..Self::plain(CallerAddress::inet(peer)) }
    }
}

impl CallerAddress {
    /// A TCP peer. A listener of both families shows an IPv4 peer as an IPv6 one, and 127.0.0.1 as a
    /// stranger.
    pub(super) fn inet(peer: SocketAddr) -> Self {
        Self::Inet(canonical(peer))
    }

    /// The address by which a login is judged.
    pub(super) fn ip(self) -> IpAddr {
        self.socket_address().ip()
    }

    /// As an address of the network: a Unix socket is of this machine and has no port.
    pub(super) fn socket_address(self) -> SocketAddr {
        match self {
            Self::Inet(peer) => peer,
            Self::Unix => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl fmt::Display for CallerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(peer) => peer.fmt(f),
            Self::Unix => f.write_str("unix socket"),
        }
    }
}
