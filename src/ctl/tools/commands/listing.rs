//! Lists of what is declared and of who is connected, with the columns that are asked for.

use serde_json::Value;

use crate::ctl::tools::answer::{Answer, Table};
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::Failure;
use crate::ctl::tools::path::path;
use crate::ctl::tools::session::{Session, items, refused};
use crate::ctl::tools::spec::ColumnKind::Arguments;
use crate::ctl::tools::spec::{Column, CommandSpec, Flag, Section::Monitoring};
use crate::ctl::tools::tool::Tool::{self, Diagnostics, Queues, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("list_queues", Monitoring, "Lists the queues of a virtual host", queues)
        .lists(QUEUES, &["name", "messages"])
        .flags(WHERE)
        .tools(&[Rabbitmqctl, Diagnostics, Queues])
        .says(|call| {
            let (seconds, vhost) = (call.timeout_s(), call.vhost());
            format!("Timeout: {seconds}.0 seconds ...\nListing queues for vhost {vhost} ...")
        }),
    CommandSpec::new(
        "list_exchanges",
        Monitoring,
        "Lists the exchanges of a virtual host",
        exchanges,
    )
    .lists(EXCHANGES, &["name", "type"])
    .tools(READERS)
    .says(|call| format!("Listing exchanges for vhost {} ...", call.vhost())),
    CommandSpec::new("list_bindings", Monitoring, "Lists the bindings of a virtual host", bindings)
        .lists(
            BINDINGS,
            &[
                "source_name",
                "source_kind",
                "destination_name",
                "destination_kind",
                "routing_key",
                "arguments",
            ],
        )
        .tools(READERS)
        .says(|call| format!("Listing bindings for vhost {}...", call.vhost())),
    CommandSpec::new("list_connections", Monitoring, "Lists the open connections", connections)
        .lists(CONNECTIONS, &["user", "peer_host", "peer_port", "state"])
        .tools(READERS)
        .says(|_| "Listing connections ...".to_owned()),
    CommandSpec::new("list_channels", Monitoring, "Lists the open channels", channels)
        .lists(CHANNELS, &["pid", "user", "consumer_count", "messages_unacknowledged"])
        .tools(READERS)
        .says(|_| "Listing channels ...".to_owned()),
    CommandSpec::new(
        "list_consumers",
        Monitoring,
        "Lists the consumers of a virtual host",
        consumers,
    )
    .lists(
        CONSUMERS,
        &[
            "queue_name",
            "channel_pid",
            "consumer_tag",
            "ack_required",
            "prefetch_count",
            "active",
            "arguments",
        ],
    )
    .tools(READERS)
    .says(|call| format!("Listing consumers in vhost {} ...", call.vhost())),
    CommandSpec::new(
        "list_unresponsive_queues",
        Monitoring,
        "Lists queues that do not answer; here every queue does",
        unresponsive,
    )
    .lists(QUEUES, &["name"])
    .flags(WHERE)
    .tools(READERS)
    .says(|call| format!("Listing unresponsive queues for vhost {} ...", call.vhost())),
];

const READERS: &[Tool] = &[Rabbitmqctl, Diagnostics];

const WHERE: &[Flag] = &[
    Flag::switch("online", "Queues of nodes that are there: all"),
    Flag::switch("offline", "Queues of nodes that are gone: none"),
    Flag::switch("local", "Queues of this node: all"),
];

const QUEUES: &[Column] = &[
    Column::same("name"),
    Column::same("durable"),
    Column::same("auto_delete"),
    Column::same("exclusive"),
    Column::same("arguments").of(Arguments),
    Column::same("policy"),
    Column::same("operator_policy"),
    Column::same("effective_policy_definition").of(Arguments),
    Column::new("pid", "node"),
    Column::new("owner_pid", "owner_pid_details.name"),
    Column::new("exclusive_consumer_pid", ""),
    Column::same("exclusive_consumer_tag"),
    Column::same("single_active_consumer_tag"),
    Column::same("messages_ready"),
    Column::same("messages_unacknowledged"),
    Column::same("messages"),
    Column::same("messages_ready_ram"),
    Column::same("messages_unacknowledged_ram"),
    Column::same("messages_ram"),
    Column::same("messages_persistent"),
    Column::same("message_bytes"),
    Column::same("message_bytes_ready"),
    Column::same("message_bytes_unacknowledged"),
    Column::same("message_bytes_ram"),
    Column::same("message_bytes_persistent"),
    Column::same("head_message_timestamp"),
    Column::same("disk_reads"),
    Column::same("disk_writes"),
    Column::same("consumers"),
    Column::same("consumer_utilisation"),
    Column::same("consumer_capacity"),
    Column::same("memory"),
    Column::new("slave_pids", ""),
    Column::new("synchronised_slave_pids", ""),
    Column::same("state"),
    Column::same("type"),
    Column::same("leader"),
    Column::same("members"),
    Column::same("online"),
    Column::same("idle_since"),
];

const EXCHANGES: &[Column] = &[
    Column::same("name"),
    Column::same("type"),
    Column::same("durable"),
    Column::same("auto_delete"),
    Column::same("internal"),
    Column::same("arguments").of(Arguments),
    Column::same("policy"),
];

const BINDINGS: &[Column] = &[
    Column::new("source_name", "source"),
    Column::same("source_kind"),
    Column::new("destination_name", "destination"),
    Column::new("destination_kind", "destination_type"),
    Column::same("routing_key"),
    Column::same("arguments").of(Arguments),
];

const CONNECTIONS: &[Column] = &[
    Column::new("pid", "name"),
    Column::same("name"),
    Column::same("user_provided_name"),
    Column::same("port"),
    Column::same("host"),
    Column::same("peer_port"),
    Column::same("peer_host"),
    Column::same("ssl"),
    Column::same("ssl_protocol"),
    Column::same("ssl_key_exchange"),
    Column::same("ssl_cipher"),
    Column::same("ssl_hash"),
    Column::same("peer_cert_subject"),
    Column::same("peer_cert_issuer"),
    Column::same("peer_cert_validity"),
    Column::same("state"),
    Column::same("channels"),
    Column::same("protocol"),
    Column::same("auth_mechanism"),
    Column::same("user"),
    Column::same("vhost"),
    Column::same("timeout"),
    Column::same("frame_max"),
    Column::same("channel_max"),
    Column::same("client_properties").of(Arguments),
    Column::same("recv_oct"),
    Column::same("recv_cnt"),
    Column::same("send_oct"),
    Column::same("send_cnt"),
    Column::same("send_pend"),
    Column::same("connected_at"),
];

const CHANNELS: &[Column] = &[
    Column::new("pid", "name"),
    Column::new("connection", "connection_details.name"),
    Column::same("name"),
    Column::same("number"),
    Column::same("user"),
    Column::same("vhost"),
    Column::same("transactional"),
    Column::same("confirm"),
    Column::same("consumer_count"),
    Column::same("messages_unacknowledged"),
    Column::same("messages_uncommitted"),
    Column::same("acks_uncommitted"),
    Column::same("messages_unconfirmed"),
    Column::same("prefetch_count"),
    Column::same("global_prefetch_count"),
    Column::same("state"),
];

const CONSUMERS: &[Column] = &[
    Column::new("queue_name", "queue.name"),
    Column::new("channel_pid", "channel_details.name"),
    Column::same("consumer_tag"),
    Column::same("ack_required"),
    Column::same("prefetch_count"),
    Column::same("active"),
    Column::same("activity_status"),
    Column::same("arguments").of(Arguments),
];

fn queues(session: &mut Session<'_>) -> Result<Answer, Failure> {
    if session.call.has("offline") {
        return table(session, &[]);
    }
    // Which fields are worked out is said, because statistics of many queues are many.
    of_vhost(session, "queues", true)
}

fn exchanges(session: &mut Session<'_>) -> Result<Answer, Failure> {
    of_vhost(session, "exchanges", false)
}

fn bindings(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.vhost();
    let mut found = listed(session, &path(&["bindings", vhost]))?;
    for binding in &mut found {
        if let Some(binding) = binding.as_object_mut() {
            binding.insert("source_kind".to_owned(), Value::from("exchange"));
        }
    }
    table(session, &found)
}

fn connections(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = listed(session, &path(&["connections"]))?;
    table(session, &found)
}

fn channels(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = listed(session, &path(&["channels"]))?;
    table(session, &found)
}

/// The columns come in the order of the table, whatever order they are asked for in, as from RabbitMQ.
fn consumers(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let wanted = session.call.columns()?;
    let columns: Vec<Column> =
        CONSUMERS.iter().filter(|column| wanted.contains(column)).copied().collect();
    let found = listed(session, &path(&["consumers", session.call.vhost()]))?;
    Ok(Answer::Table(Table::of(&columns, &found)))
}

fn unresponsive(session: &mut Session<'_>) -> Result<Answer, Failure> {
    session.expect(&["overview"])?;
    table(session, &[])
}

fn of_vhost(session: &mut Session<'_>, kind: &str, narrow: bool) -> Result<Answer, Failure> {
    let mut address = path(&[kind, session.call.vhost()]);
    if narrow {
        let columns = session.call.columns()?;
        let from: Vec<&str> =
            columns.iter().map(|column| column.from).filter(|from| !from.is_empty()).collect();
        address.push_str("?columns=");
        address.push_str(&from.join(","));
    }
    let found = listed(session, &address)?;
    table(session, &found)
}

/// A virtual host that is not there has nothing in it, as for `rabbitmqctl`.
fn listed(session: &mut Session<'_>, address: &str) -> Result<Vec<Value>, Failure> {
    match session.ask(&hyper::Method::GET, address, None)? {
        Ok(reply) => items(reply.body),
        Err(ApiError::Missing(_)) => Ok(Vec::new()),
        Err(error) => Err(refused(error)),
    }
}

fn table(session: &Session<'_>, found: &[Value]) -> Result<Answer, Failure> {
    Ok(Answer::Table(Table::of(&session.call.columns()?, found)))
}
