//! All keys, by concept, in the order of the sample file.

use super::key::Key;
use super::{
    agreed, auth_backends, auth_http, auth_oauth2, definitions, disk, events, first_user, log,
    logins, loopback, management, management_tls, memory, name, node_limits, otel, own, prometheus,
    prometheus_tls, seeds, sockets, testing, tls, ways_in,
};

/// Keys that belong together, under the heading that the sample file and the documentation have.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// The keys, in order.
    pub keys: &'static [Key],
}

/// Every group, in order.
pub const GROUPS: &[Group] = &[
    Group { title: "Listeners and sockets", keys: sockets::KEYS },
    Group { title: "TLS", keys: tls::KEYS },
    Group { title: "Logins by certificate, and without a name", keys: logins::KEYS },
    Group { title: "Who is asked about logins", keys: auth_backends::KEYS },
    Group { title: "Logins with tokens (OAuth 2)", keys: auth_oauth2::KEYS },
    Group { title: "Logins that an HTTP service answers", keys: auth_http::KEYS },
    Group { title: "Proxies and the Unix socket", keys: ways_in::KEYS },
    Group { title: "What is agreed with clients", keys: agreed::KEYS },
    Group { title: "The first user", keys: first_user::KEYS },
    Group { title: "Users of this machine only", keys: loopback::KEYS },
    Group { title: "What a new virtual host is given", keys: seeds::KEYS },
    Group { title: "Memory", keys: memory::KEYS },
    Group { title: "Disk", keys: disk::KEYS },
    Group { title: "Limits of the node", keys: node_limits::KEYS },
    Group { title: "Log", keys: log::KEYS },
    Group { title: "Events", keys: events::KEYS },
    Group { title: "Definitions", keys: definitions::KEYS },
    Group { title: "Management", keys: management::KEYS },
    Group { title: "Management with TLS", keys: management_tls::KEYS },
    Group { title: "Metrics", keys: prometheus::KEYS },
    Group { title: "Metrics with TLS", keys: prometheus_tls::KEYS },
    Group { title: "Traces", keys: otel::KEYS },
    Group { title: "Name", keys: name::KEYS },
    Group { title: "HareMQ's own", keys: own::KEYS },
    Group { title: "For tests", keys: testing::KEYS },
];

/// Every key, in order.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    GROUPS.iter().flat_map(|group| group.keys)
}
