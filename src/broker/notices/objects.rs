//! Queues, exchanges, bindings, connections, channels, consumers and logins as events.

use std::net::SocketAddr;

use super::messages::{EventMessage, integer, text};
use super::occurrence::{Consumed, LoginAttempt, Occurrence};
use crate::base::{ChannelId, ConnectionId, FieldValue, HolderId};
use crate::broker::{Binding, ConnectionInfo, Destination, Exchange, QueueInfo};

/// RabbitMQ's print of the protocol's version.
const PROTOCOL: &str = "{0,9,1}";

type Headers = Vec<(&'static str, FieldValue)>;

pub(super) fn tell(what: &Occurrence, node: &str, out: &mut Vec<EventMessage>) {
    let in_vhost =
        |name: &str, vhost: &str| -> Headers { vec![("name", text(name)), ("vhost", text(vhost))] };
    match what {
        Occurrence::QueueCreated { vhost, queue } => {
            let mut headers = in_vhost(queue.name.as_str(), vhost.as_str());
            headers.extend(of_queue(queue));
            out.push(("queue.created", headers));
        }
        Occurrence::QueueDeleted { vhost, queue } => {
            out.push(("queue.deleted", in_vhost(queue.as_str(), vhost.as_str())));
        }
        Occurrence::ExchangeCreated { vhost, exchange } => {
            let mut headers = in_vhost(exchange.name.as_str(), vhost.as_str());
            headers.extend(of_exchange(exchange));
            out.push(("exchange.created", headers));
        }
        Occurrence::ExchangeDeleted { vhost, exchange } => {
            out.push(("exchange.deleted", in_vhost(exchange.as_str(), vhost.as_str())));
        }
        Occurrence::BindingCreated { vhost, binding } => {
            out.push(("binding.created", of_binding(vhost.as_str(), binding)));
        }
        Occurrence::BindingDeleted { vhost, binding } => {
            out.push(("binding.deleted", of_binding(vhost.as_str(), binding)));
        }
        other => connections(other, node, out),
    }
}

fn connections(what: &Occurrence, node: &str, out: &mut Vec<EventMessage>) {
    match what {
        Occurrence::ConnectionCreated(info) => {
            out.push(("connection.created", connection(info, node)));
        }
        Occurrence::ConnectionClosed(info) => {
            let mut headers = named(info);
            headers.push(("pid", connection_pid(info.id)));
            headers.push(("node", text(node)));
            headers.push(("client_properties", properties(info)));
            out.push(("connection.closed", headers));
        }
        Occurrence::ChannelCreated { of, channel, holder } => {
            let mut headers = of_channel(of, *channel, *holder);
            headers.push(("connection", connection_pid(of.id)));
            headers.push(("number", integer(channel.0)));
            headers.push(("user", text(of.user.as_str())));
            headers.push(("vhost", text(of.vhost.as_str())));
            out.push(("channel.created", headers));
        }
        Occurrence::ChannelClosed { of, channel, holder } => {
            out.push(("channel.closed", of_channel(of, *channel, *holder)));
        }
        Occurrence::ConsumerCreated(consumed) => out.push(("consumer.created", consumer(consumed))),
        Occurrence::ConsumerDeleted { vhost, queue, tag, holder } => {
            let headers = vec![
                ("consumer_tag", text(tag.as_str())),
                ("channel", channel_pid(*holder)),
                ("queue", text(queue.as_str())),
                ("vhost", text(vhost.as_str())),
            ];
            out.push(("consumer.deleted", headers));
        }
        Occurrence::LoggedIn(login) => {
            out.push(("user.authentication.success", of_login(login)));
        }
        Occurrence::LoginRefused { login, error } => {
            let mut headers = of_login(login);
            headers.push(("error", text(error)));
            out.push(("user.authentication.failure", headers));
        }
        _ => {}
    }
}

fn of_queue(queue: &QueueInfo) -> Headers {
    vec![
        ("durable", FieldValue::Boolean(queue.durable)),
        ("auto_delete", FieldValue::Boolean(queue.auto_delete)),
        ("arguments", FieldValue::Table(queue.arguments.clone())),
        ("owner_pid", queue.exclusive.map_or_else(|| text(""), connection_pid)),
        ("exclusive", FieldValue::Boolean(queue.exclusive.is_some())),
    ]
}

fn of_exchange(exchange: &Exchange) -> Headers {
    vec![
        ("type", text(exchange.kind.as_str())),
        ("durable", FieldValue::Boolean(exchange.durable)),
        ("auto_delete", FieldValue::Boolean(exchange.auto_delete)),
        ("internal", FieldValue::Boolean(exchange.internal)),
        ("arguments", FieldValue::Table(exchange.arguments.clone())),
        ("policy", text("")),
    ]
}

fn of_binding(vhost: &str, binding: &Binding) -> Headers {
    let (name, kind) = match &binding.destination {
        Destination::Queue(name) => (name.as_str(), "queue"),
        Destination::Exchange(name) => (name.as_str(), "exchange"),
    };
    let key = bytes::Bytes::copy_from_slice(binding.routing_key.as_bytes());
    vec![
        ("source_name", text(binding.source.as_str())),
        ("source_kind", text("exchange")),
        ("destination_name", text(name)),
        ("destination_kind", text(kind)),
        ("routing_key", FieldValue::LongString(key)),
        ("arguments", FieldValue::Table(binding.arguments.clone())),
        ("vhost", text(vhost)),
    ]
}

fn named(info: &ConnectionInfo) -> Headers {
    let provided = info.user_provided_name().unwrap_or_default();
    vec![("name", text(&info.name())), ("user_provided_name", text(provided))]
}

fn properties(info: &ConnectionInfo) -> FieldValue {
    FieldValue::Table(info.client_properties.clone())
}

fn connection(info: &ConnectionInfo, node: &str) -> Headers {
    let mut headers = named(info);
    headers.extend([
        ("pid", connection_pid(info.id)),
        ("node", text(node)),
        ("type", text("network")),
        ("user", text(info.user.as_str())),
        ("vhost", text(info.vhost.as_str())),
        ("protocol", text(PROTOCOL)),
        ("auth_mechanism", text(&info.mechanism)),
        ("client_properties", properties(info)),
        ("channel_max", integer(info.channel_max)),
        ("frame_max", integer(info.frame_max)),
        ("timeout", integer(info.heartbeat_s)),
        ("connected_at", integer(info.connected_at_ms)),
    ]);
    addresses(info.peer, info.local, &mut headers);
    headers
}

fn addresses(peer: SocketAddr, local: Option<SocketAddr>, headers: &mut Headers) {
    headers.push(("peer_host", text(&peer.ip().to_string())));
    headers.push(("peer_port", integer(peer.port())));
    if let Some(local) = local {
        headers.push(("host", text(&local.ip().to_string())));
        headers.push(("port", integer(local.port())));
    }
}

fn of_channel(of: &ConnectionInfo, channel: ChannelId, holder: HolderId) -> Headers {
    vec![("pid", channel_pid(holder)), ("name", text(&format!("{} ({channel})", of.name())))]
}

fn consumer(consumed: &Consumed) -> Headers {
    vec![
        ("consumer_tag", text(consumed.tag.as_str())),
        ("exclusive", FieldValue::Boolean(consumed.exclusive)),
        ("ack_required", FieldValue::Boolean(consumed.ack_required)),
        ("channel", channel_pid(consumed.holder)),
        ("queue", text(consumed.queue.as_str())),
        ("vhost", text(consumed.vhost.as_str())),
        ("prefetch_count", integer(consumed.prefetch)),
        ("arguments", FieldValue::Table(consumed.arguments.clone())),
    ]
}

fn of_login(login: &LoginAttempt) -> Headers {
    let local = login.local.map_or_else(|| "-".to_owned(), |local| local.to_string());
    let mut headers = vec![
        ("name", text(&login.name)),
        ("connection_name", text(&format!("{} -> {local}", login.peer))),
        ("connection_type", text("network")),
        ("protocol", text(PROTOCOL)),
        ("auth_mechanism", text(&login.mechanism)),
        ("ssl", FieldValue::Boolean(login.tls)),
    ];
    addresses(login.peer, login.local, &mut headers);
    headers
}

/// What stands where RabbitMQ names the process of a connection: the same in every event of one.
fn connection_pid(id: ConnectionId) -> FieldValue {
    text(&format!("connection-{id}"))
}

/// The same of one opening of a channel.
fn channel_pid(holder: HolderId) -> FieldValue {
    text(&format!("channel-{holder}"))
}
