//! The broker at a glance.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Stored};
use super::call::Call;
use super::error::ApiError;
use super::facts::{Facts, is_tls};
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};
use super::samples::{CHURN, NodeSample, Ranges, VHOST, VHOST_LEVELS, VhostSample, vhost_samples};
use crate::broker::Broker;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/overview", Needs::Management, "The broker at a glance", Now(overview)),
    Route::get(
        "/version",
        Needs::Nothing,
        "The version of RabbitMQ whose place is taken",
        Plain(version),
    ),
    Route::get(
        "/cluster-name",
        Needs::Management,
        "The name of the cluster",
        Plain(show_cluster_name),
    ),
    Route::put("/cluster-name", Needs::Administrator, "Name the cluster", Now(name_cluster)),
    Route::get("/extensions", Needs::Management, "Extensions of the pages", Plain(extensions)),
];

/// The Erlang release that clients and dashboards are told, for those that check it. Nothing here is Erlang.
pub(super) const ERLANG_VERSION: &str = "27.3";

/// RabbitMQ's exchange types that are here as well, and what they are said to be.
const EXCHANGE_TYPES: &[(&str, &str)] = &[
    ("direct", "AMQP direct exchange, as per the AMQP specification"),
    ("fanout", "AMQP fanout exchange, as per the AMQP specification"),
    ("headers", "AMQP headers exchange, as per the AMQP specification"),
    ("topic", "AMQP topic exchange, as per the AMQP specification"),
    ("x-consistent-hash", "Consistent hashing exchange"),
    ("x-delayed-message", "Delayed Message Exchange"),
    ("x-local-random", "Picks one random local binding to route via."),
    ("x-modulus-hash", "Modulus hashing exchange"),
    ("x-random", "Random exchange"),
    ("x-recent-history", "Recent history exchange"),
];

/// `exchange_types`.
pub(super) fn exchange_types() -> Value {
    EXCHANGE_TYPES
        .iter()
        .map(|(name, description)| json!({ "name": name, "description": description, "enabled": true }))
        .collect()
}

fn overview(call: &Call) -> Result<Answer, ApiError> {
    let ranges = Ranges::of(&call.query)?;
    let facts = &call.management.facts;
    let vhosts = call.visible_vhosts();
    let samples = vhost_samples(call.broker(), &vhosts);
    // Who watches the broker sees what was in virtual hosts that are gone as well.
    let watches = call.caller.is_monitoring();
    let keys: Vec<_> = samples.keys().filter(|key| key.is_none() == watches).cloned().collect();
    let mut sums = VhostSample::default();
    for one in keys.iter().filter_map(|key| samples.get(key)) {
        sums += *one;
    }
    let exchanges: usize = vhosts.iter().map(|vhost| vhost.counts().exchanges).sum();
    let broker = call.broker();
    let (connections, channels) = (broker.connections(), broker.open_channels());
    let (at, kept) = (call.management.moment(), &call.management.samples);
    let [stats, levels] = kept.vhosts.look(at.now, keys.iter(), |series| {
        [
            series.stats(VHOST, &sums, ranges.msg_rates, at.unix_ms),
            series.stats(VHOST_LEVELS, &sums, ranges.lengths, at.unix_ms),
        ]
    });
    let node = NodeSample { churn: broker.churn(), ..NodeSample::default() };
    let churn = kept.node.look(at.now, [()].iter(), |series| {
        series.stats(CHURN, &node, ranges.msg_rates, at.unix_ms)
    });
    let mut answer = about(facts, &cluster_name_of(call), call.management.settings.disable_stats);
    answer.extend([
        ("message_stats".to_owned(), Value::Object(stats.into_map())),
        ("queue_totals".to_owned(), Value::Object(levels.into_map())),
        ("churn_rates".to_owned(), Value::Object(churn.into_map())),
        (
            "object_totals".to_owned(),
            json!({
                "channels": channels,
                "connections": connections,
                "consumers": sums.consumers,
                "exchanges": exchanges,
                "queues": sums.queues,
            }),
        ),
    ]);
    Ok(Answer::object(Value::Object(answer)))
}

/// What does not change while the process runs.
fn about(facts: &Facts, cluster_name: &str, disable_stats: bool) -> Map<String, Value> {
    let about = json!({
        "management_version": facts.rabbitmq_version,
        "rates_mode": "basic",
        "sample_retention_policies": {
            "global": [600, 3600, 28_800, 86_400], "basic": [600, 3600, 86_400], "detailed": [],
        },
        "exchange_types": exchange_types(),
        "product_name": facts.product,
        "product_version": facts.rabbitmq_version,
        "rabbitmq_version": facts.rabbitmq_version,
        "cluster_name": cluster_name,
        "cluster_tags": {},
        "node_tags": {},
        "erlang_version": ERLANG_VERSION,
        "erlang_full_version": format!("Erlang/OTP {ERLANG_VERSION} (HareMQ {})", env!("CARGO_PKG_VERSION")),
        "crypto_lib_version": "",
        "disable_stats": disable_stats,
        "enable_queue_totals": false,
        "default_queue_type": facts.default_queue_type,
        "is_op_policy_updating_enabled": true,
        "statistics_db_event_queue": 0,
        "node": facts.node,
        "listeners": listeners(facts),
        "contexts": contexts(facts),
    });
    match about {
        Value::Object(about) => about,
        _ => Map::new(),
    }
}

fn listeners(facts: &Facts) -> Value {
    let listener = |(protocol, address): (&str, &SocketAddr)| {
        json!({
            "node": facts.node,
            "protocol": protocol,
            "ip_address": address.ip().to_string(),
            "port": address.port(),
            "socket_opts": {},
            "tls": is_tls(protocol),
        })
    };
    facts.listeners().map(listener).collect()
}

/// `contexts`, of the broker and of its node.
pub(super) fn contexts(facts: &Facts) -> Value {
    let context = |(protocol, address): (&str, &SocketAddr)| {
        json!({
            "node": facts.node,
            "description": "RabbitMQ Management",
            "path": "/",
            "ip": address.ip().to_string(),
            "port": address.port(),
            "protocol": protocol,
            "ssl_opts": [],
        })
    };
    let served = facts.listeners().filter(|(protocol, _)| protocol.starts_with("http"));
    served.map(context).collect()
}

fn version(call: &Call) -> Answer {
    Answer::object(Value::from(call.management.facts.rabbitmq_version.as_str()))
}

fn extensions(_: &Call) -> Answer {
    Answer::object(json!([]))
}

/// The name of the cluster: the one that somebody gave it, or the configured one.
pub(super) fn cluster_name_of(call: &Call) -> String {
    cluster_name(call.broker(), &call.management.facts)
}

/// As [`cluster_name_of`].
pub(super) fn cluster_name(broker: &Broker, facts: &Facts) -> String {
    broker.cluster_name().unwrap_or_else(|| facts.cluster_name.clone())
}

fn show_cluster_name(call: &Call) -> Answer {
    Answer::object(json!({ "name": cluster_name_of(call) }))
}

fn name_cluster(call: &Call) -> Result<Answer, ApiError> {
    let body = call.object()?;
    let Some(name) = body.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
    else {
        return Err(ApiError::bad_request("name is missing: the new name of the cluster, a text"));
    };
    let (done, stored) = Stored::pair();
    call.broker().set_cluster_name(&call.actor(), name, done)?;
    Ok(Answer::no_content().once(stored))
}
