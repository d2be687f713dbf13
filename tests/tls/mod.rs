//! TLS, client certificates, proxies and the Unix socket, with certificates made on the spot.

mod authority;
mod external;
mod handshake;
mod https;
mod metrics;
mod proxied;
mod reload;
mod shown;
mod starting;
mod unix_socket;
mod world;
