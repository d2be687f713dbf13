//! Who is at the other end of a connection, as far as its socket knows.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The address of a peer and the name in its certificate.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) address: CallerAddress,
    pub(super) certified: Certified,
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
        Self { address, certified: Certified::NoTls }
    }
}

impl CallerAddress {
    /// A TCP peer. A listener of both families shows an IPv4 peer as an IPv6 one, and 127.0.0.1 as a
    /// stranger.
    pub(super) fn inet(peer: SocketAddr) -> Self {
        Self::Inet(SocketAddr::new(peer.ip().to_canonical(), peer.port()))
    }

    /// The address by which a login is judged: a Unix socket is of this machine.
    pub(super) fn ip(self) -> IpAddr {
        match self {
            Self::Inet(peer) => peer.ip(),
            Self::Unix => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

impl fmt::Display for CallerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(peer) => peer.fmt(f),
            Self::Unix => f.write_str("unix socket"),
        }
    }
}
