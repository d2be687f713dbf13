//! TLS, client certificates, proxies and the Unix socket, with certificates made on the spot.

pub(crate) mod authority;
mod external;
mod handshake;
mod https;
mod metrics;
mod proxied;
mod reload;
mod shown;
mod starting;
mod unix_socket;
pub(crate) mod world;
