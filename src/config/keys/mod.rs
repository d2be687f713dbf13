//! Every key, once, in one list per concept; [`keys`] walks them all.
//!
//! A new key is an entry in the list of its concept, a new concept a file with a list and a line in
//! `groups.rs`. A key puts its checked value into the draft and does nothing else.

mod agreed;
mod auth_backends;
mod auth_http;
mod auth_oauth2;
mod definitions;
mod disk;
mod events;
mod expects;
mod first_user;
mod groups;
mod key;
mod log;
mod logins;
mod loopback;
mod management;
mod management_tls;
mod memory;
mod name;
mod node_limits;
mod otel;
mod own;
mod prometheus;
mod prometheus_tls;
mod seeds;
mod sockets;
mod testing;
mod tls;
mod ways_in;

pub use groups::{GROUPS, Group, keys};
pub use key::Key;
