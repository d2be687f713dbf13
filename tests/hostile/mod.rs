//! Peers that mean harm, against the real program: each attack meets its bound, is told so, and a well-behaved
//! neighbour on its own connection gets its confirms and deliveries before, during and after it.
//!
//! Small sizes, counts and reply codes. What the same attacks do to memory and to the neighbour's latency in
//! full size is measured by `make hostile`.

mod channels;
mod connections;
mod consumers;
mod contents;
mod handshakes;
mod http;
mod logins;
mod neighbour;
mod paths;
mod storms;
mod tls;
mod topology;

use neighbour::Neighbour;
