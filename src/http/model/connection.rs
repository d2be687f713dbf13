//! Connections.

use std::net::SocketAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Stats, table_to_json};
use crate::broker::ConnectionInfo;

/// A connection. What only the connection itself knows is left out when it did not say it in time.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct ConnectionModel {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_provided_name: Option<String>,
    pub node: String,
    pub vhost: String,
    pub user: String,
    pub user_who_performed_action: String,
    pub protocol: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    pub peer_host: String,
    pub peer_port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    pub channel_max: u16,
    /// In bytes.
    pub frame_max: u32,
    /// Between heartbeats, in seconds.
    pub timeout: u16,
    /// In ms since 1970.
    pub connected_at: u64,
    pub client_properties: Map<String, Value>,
    pub auth_mechanism: String,
    pub ssl: bool,
    pub ssl_protocol: Option<&'static str>,
    pub ssl_key_exchange: Option<&'static str>,
    pub ssl_cipher: Option<&'static str>,
    pub ssl_hash: Option<&'static str>,
    pub peer_cert_subject: Option<String>,
    pub peer_cert_issuer: Option<String>,
    pub peer_cert_validity: Option<String>,
    /// Bytes and packets, both ways.
    #[serde(flatten)]
    pub octets: Stats,
    /// What its channels did, those that are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_stats: Option<Stats>,
}

impl ConnectionModel {
    /// What is known of a connection without asking it.
    #[must_use]
    pub fn new(node: &str, info: &ConnectionInfo) -> Self {
        let tls = info.tls.as_deref();
        let peer = tls.and_then(|tls| tls.peer.as_ref());
        Self {
            name: info.name(),
            user_provided_name: info.user_provided_name().map(str::to_owned),
            node: node.to_owned(),
            vhost: info.vhost.to_string(),
            user: info.user.to_string(),
            user_who_performed_action: info.user.to_string(),
            protocol: "AMQP 0-9-1",
            kind: "network",
            state: None,
            host: info.local.map(peer_host),
            port: info.local.map(|local| local.port()),
            peer_host: peer_host(info.peer),
            peer_port: info.peer.port(),
            channels: None,
            channel_max: info.channel_max,
            frame_max: info.frame_max,
            timeout: info.heartbeat_s,
            connected_at: info.connected_at_ms,
            client_properties: table_to_json(&info.client_properties),
            auth_mechanism: info.mechanism.clone(),
            ssl: tls.is_some(),
            ssl_protocol: tls.map(|tls| tls.protocol),
            ssl_key_exchange: tls.map(|tls| tls.key_exchange),
            ssl_cipher: tls.map(|tls| tls.cipher),
            ssl_hash: tls.map(|tls| tls.hash),
            peer_cert_subject: peer.map(|peer| peer.subject.clone()),
            peer_cert_issuer: peer.map(|peer| peer.issuer.clone()),
            peer_cert_validity: peer.map(|peer| peer.validity.clone()),
            octets: Stats::default(),
            message_stats: None,
        }
    }
}

/// The address without its port; an IPv4 one that came over IPv6 as what it is.
#[must_use]
pub fn peer_host(address: SocketAddr) -> String {
    address.ip().to_canonical().to_string()
}
