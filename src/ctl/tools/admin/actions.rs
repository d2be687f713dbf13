//! What is done with the words.

use std::fs;

use hyper::Method;
use serde_json::{Value, json};

use super::command_line::{Line, pairs};
use super::{objects, shown};
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::Failure;
use crate::ctl::tools::path::path;
use crate::ctl::tools::session::{Session, items};

/// What can be listed: its name, its path, whether it is one of a virtual host, its columns.
type Listed = (&'static str, &'static str, bool, &'static [&'static str]);

const LISTED: &[Listed] = &[
    ("users", "users", false, &["name", "hashing_algorithm", "password_hash", "tags"]),
    ("vhosts", "vhosts", false, &["name", "messages"]),
    ("connections", "connections", false, &["name", "user", "channels"]),
    ("exchanges", "exchanges", true, &["name", "type"]),
    ("bindings", "bindings", true, &["source", "destination", "routing_key"]),
    ("permissions", "permissions", false, &["configure", "read", "user", "vhost", "write"]),
    ("channels", "channels", false, &["name", "user"]),
    ("consumers", "consumers", true, &["consumer_tag", "queue.name", "channel_details.name"]),
    ("parameters", "parameters", false, &["component", "name", "value", "vhost"]),
    ("queues", "queues", true, &["name", "messages"]),
    (
        "policies",
        "policies",
        true,
        &["apply-to", "definition", "name", "pattern", "priority", "vhost"],
    ),
    ("operator_policies", "operator-policies", true, &["definition", "name", "pattern", "vhost"]),
    ("nodes", "nodes", false, &["name", "type", "mem_used"]),
    ("vhost_limits", "vhost-limits", false, &["vhost", "value"]),
];

/// Does it; what is printed.
pub(super) fn act(line: &Line, session: &mut Session<'_>) -> Result<String, Failure> {
    let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
    let rest = |from: usize| line.words.get(from..).unwrap_or_default();
    let vhost = line.option("vhost").unwrap_or("/");
    match words.as_slice() {
        ["declare", kind, ..] => {
            let request = objects::declare(kind, rest(2), vhost).map_err(usage)?;
            ask(session, &request.method, &request.path, request.body.as_ref())?;
            Ok(format!("{kind} declared"))
        }
        ["delete", kind, ..] => {
            let request = objects::delete(kind, rest(2), vhost).map_err(usage)?;
            ask(session, &request.method, &request.path, None)?;
            Ok(format!("{kind} deleted"))
        }
        ["list", kind, ..] => list(line, session, kind, &words[2..]),
        ["show", "overview", columns @ ..] => {
            let overview = ask(session, &Method::GET, &path(&["overview"]), None)?;
            let default = &[
                "rabbitmq_version",
                "cluster_name",
                "queue_totals.messages",
                "object_totals.queues",
            ];
            let columns = if columns.is_empty() { default.as_slice() } else { columns };
            shown::list(columns, &[overview], line.option("format")).map_err(usage)
        }
        ["publish", ..] => publish(session, vhost, rest(1)),
        ["get", ..] => get(line, session, vhost, rest(1)),
        ["purge", "queue", ..] => {
            let given = pairs(rest(2)).map_err(usage)?;
            let address = path(&["queues", vhost, needed(&given, "name")?, "contents"]);
            ask(session, &Method::DELETE, &address, None)?;
            Ok("queue purged".to_owned())
        }
        ["close", "connection", ..] => {
            let given = pairs(rest(2)).map_err(usage)?;
            let address = path(&["connections", needed(&given, "name")?]);
            ask(session, &Method::DELETE, &address, None)?;
            Ok("connection closed".to_owned())
        }
        ["export", file] => export(line, session, file),
        ["import", file] => import(line, session, file),
        [] => Err(usage("no subcommand given".to_owned())),
        other => {
            Err(usage(format!("'{}' is not known: see rabbitmqadmin --help", other.join(" "))))
        }
    }
}

fn list(
    line: &Line,
    session: &mut Session<'_>,
    kind: &str,
    columns: &[&str],
) -> Result<String, Failure> {
    let known = || LISTED.iter().map(|listed| listed.0).collect::<Vec<_>>().join(", ");
    let found = LISTED.iter().find(|listed| listed.0 == kind);
    let (_, of, has_vhost, default) =
        found.ok_or_else(|| usage(format!("{kind} cannot be listed: expected {}", known())))?;
    let address = match line.option("vhost") {
        Some(vhost) if *has_vhost => path(&[of, vhost]),
        _ => path(&[of]),
    };
    let mut found = items(ask(session, &Method::GET, &address, None)?)?;
    if let Some(by) = line.option("sort") {
        let key = |item: &Value| item.get(by).map(Value::to_string).unwrap_or_default();
        found.sort_by_key(key);
        if line.has("sort-reverse") {
            found.reverse();
        }
    }
    let columns = if columns.is_empty() { default } else { columns };
    shown::list(columns, &found, line.option("format")).map_err(usage)
}

fn publish(session: &mut Session<'_>, vhost: &str, words: &[String]) -> Result<String, Failure> {
    let given = pairs(words).map_err(usage)?;
    let or = |name: &str, default: &'static str| {
        given.get(name).map_or(default, |value| *value).to_owned()
    };
    let properties: Value = serde_json::from_str(&or("properties", "{}"))
        .map_err(|error| usage(format!("argument \"properties\" is no JSON: {error}")))?;
    let payload = if let Some(payload) = given.get("payload") {
        (*payload).to_owned()
    } else {
        let mut text = String::new();
        // What cannot be read is not there.
        let _ = session.input.read_to_string(&mut text);
        text
    };
    let body = json!({
        "routing_key": needed(&given, "routing_key")?,
        "payload": payload,
        "payload_encoding": or("payload_encoding", "string"),
        "properties": properties,
    });
    let exchange = or("exchange", "amq.default");
    let answer = ask(
        session,
        &Method::POST,
        &path(&["exchanges", vhost, &exchange, "publish"]),
        Some(&body),
    )?;
    Ok(match answer["routed"].as_bool() {
        Some(true) => "Message published".to_owned(),
        _ => "Message published but NOT routed".to_owned(),
    })
}

fn get(
    line: &Line,
    session: &mut Session<'_>,
    vhost: &str,
    words: &[String],
) -> Result<String, Failure> {
    let given = pairs(words).map_err(usage)?;
    let or = |name: &str, default: &'static str| {
        given.get(name).map_or(default, |value| *value).to_owned()
    };
    let count = or("count", "1");
    let count: u64 =
        count.parse().map_err(|_| usage(format!("argument \"count\" is no number: {count}")))?;
    let body = json!({
        "count": count,
        "ackmode": or("ackmode", "ack_requeue_true"),
        "encoding": or("encoding", "auto"),
    });
    let address = path(&["queues", vhost, needed(&given, "queue")?, "get"]);
    let found = items(ask(session, &Method::POST, &address, Some(&body))?)?;
    let columns = [
        "routing_key",
        "exchange",
        "message_count",
        "payload",
        "payload_bytes",
        "payload_encoding",
        "redelivered",
    ];
    shown::list(&columns, &found, line.option("format")).map_err(usage)
}

fn of_definitions(line: &Line) -> String {
    match line.option("vhost") {
        Some(vhost) => path(&["definitions", vhost]),
        None => path(&["definitions"]),
    }
}

fn export(line: &Line, session: &mut Session<'_>, file: &str) -> Result<String, Failure> {
    let document = ask(session, &Method::GET, &of_definitions(line), None)?;
    fs::write(file, document.to_string())
        .map_err(|error| wrong(format!("Could not write to '{file}': {error}")))?;
    Ok(format!("Exported definitions to \"{file}\""))
}

fn import(line: &Line, session: &mut Session<'_>, file: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| wrong(format!("Could not open '{file}': {error}")))?;
    let document: Value = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("'{file}' is no JSON: {error}")))?;
    ask(session, &Method::POST, &of_definitions(line), Some(&document))?;
    Ok(format!("Uploaded definitions from \"{file}\""))
}

fn needed<'a>(
    given: &std::collections::BTreeMap<&str, &'a str>,
    name: &str,
) -> Result<&'a str, Failure> {
    let found = given.get(name).copied();
    found.ok_or_else(|| usage(format!("mandatory argument \"{name}\" required")))
}

fn ask(
    session: &mut Session<'_>,
    method: &Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    match session.ask(method, path, body)? {
        Ok(reply) => Ok(reply.body),
        Err(ApiError::Missing(_)) => Err(wrong(format!("Not found: {path}"))),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn usage(reason: impl std::fmt::Display) -> Failure {
    Failure::plain(EXIT_FAILED, format!("ERROR: {reason}"))
}

fn wrong(reason: impl std::fmt::Display) -> Failure {
    Failure::plain(EXIT_FAILED, format!("*** {reason}"))
}

/// RabbitMQ's program has one code for everything that goes wrong.
const EXIT_FAILED: u8 = 1;
