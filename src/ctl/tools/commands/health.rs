//! Health checks: exit code 0 when all is well, 69 when not.

use std::net::TcpStream;
use std::net::ToSocketAddrs as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::facts::{self, Listening};
use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::call::Call;
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::place::Place;
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::{CommandSpec, Flag, Section::Monitoring};
use crate::ctl::tools::tool::Tool::{self, Diagnostics, Queues, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("ping", Monitoring, "Checks that the broker's process answers", ping)
        .tools(&[Rabbitmqctl, Diagnostics])
        .says(|call| {
            let (node, ms) = (&call.node, call.timeout_s().saturating_mul(1000));
            format!(
                "Will ping {node}. This only checks if the OS process is running. Timeout: {ms} ms."
            )
        }),
    CommandSpec::new(
        "check_running",
        Monitoring,
        "Checks that the broker is started and takes clients",
        check_running,
    )
    .also(&["is_running"])
    .tools(CHECKS)
    .says(|call| format!("Checking if RabbitMQ is running on node {} ...", call.node)),
    CommandSpec::new("is_booting", Monitoring, "Says whether the broker still starts", is_booting)
        .tools(CHECKS)
        .says(|call| format!("Asking node {} for its boot status ...", call.node)),
    CommandSpec::new(
        "check_local_alarms",
        Monitoring,
        "Checks that no alarm of this node is in effect",
        check_alarms,
    )
    .tools(CHECKS)
    .says(|call| format!("Asking node {} to report any local resource alarms ...", call.node)),
    CommandSpec::new("check_alarms", Monitoring, "Checks that no alarm is in effect", check_alarms)
        .tools(CHECKS)
        .says(|call| format!("Asking node {} to report any resource alarms ...", call.node)),
    CommandSpec::new("alarms", Monitoring, "Lists the alarms in effect", alarms)
        .tools(CHECKS)
        .says(|call| format!("Asking node {} to report any known resource alarms ...", call.node)),
    CommandSpec::new(
        "check_port_connectivity",
        Monitoring,
        "Connects to every port that is listened on",
        check_connectivity,
    )
    .flags(&[Flag::text("address", "address", "Connect to this address instead")])
    .tools(CHECKS)
    .says(|call| {
        format!("Testing TCP connections to all active listeners on node {} ...", call.node)
    }),
    CommandSpec::new(
        "check_port_listener",
        Monitoring,
        "Checks that a port is listened on",
        check_port,
    )
    .takes("<port>")
    .checks(|call| positive(call).map(|_| ()))
    .tools(CHECKS)
    .says(|call| {
        let (node, port) = (&call.node, call.argument(0));
        format!("Asking node {node} if there's an active listener on port {port} ...")
    }),
    CommandSpec::new(
        "check_protocol_listener",
        Monitoring,
        "Checks that a protocol is spoken",
        check_protocol,
    )
    .takes("<protocol>")
    .tools(CHECKS)
    .says(|call| {
        let (node, protocol) = (&call.node, call.argument(0));
        format!("Asking node {node} if there's an active listener for protocol {protocol} ...")
    }),
    CommandSpec::new(
        "check_virtual_hosts",
        Monitoring,
        "Checks that every virtual host runs",
        check_vhosts,
    )
    .tools(CHECKS)
    .says(|call| format!("Checking if all vhosts are running on node {} ...", call.node)),
    CommandSpec::new(
        "check_certificate_expiration",
        Monitoring,
        "Checks that no certificate ends soon",
        check_certificates,
    )
    .flags(&[
        Flag::number("within", "number", "How soon (default 4)"),
        Flag::text("unit", "unit", "days, weeks, months or years (default weeks)"),
    ])
    .tools(CHECKS)
    .says(|call| format!("Checking certificate expiration on node {} ...", call.node)),
    CommandSpec::new(
        "check_if_node_is_quorum_critical",
        Monitoring,
        "Checks that quorum queues live on without this node",
        check_quorum,
    )
    .tools(&[Diagnostics, Queues])
    .says(|call| {
        format!("Checking if node {} is critical for quorum of any quorum queues ...", call.node)
    }),
    CommandSpec::new(
        "check_if_node_is_mirror_sync_critical",
        Monitoring,
        "Always passes: there are no mirrored queues",
        check_quorum,
    )
    .tools(&[Diagnostics, Queues])
    .says(|call| {
        format!(
            "Checking if node {} is critical for data safety of any classic mirrored queues ...",
            call.node
        )
    }),
    CommandSpec::new(
        "node_health_check",
        Monitoring,
        "As check_running and check_local_alarms together",
        node_health_check,
    )
    .tools(&[Rabbitmqctl, Diagnostics])
    .within_s(70)
    .says(|call| {
        let (seconds, node) = (call.timeout_s(), &call.node);
        format!("Timeout: {seconds} seconds ...\nChecking health of node {node} ...")
    }),
    CommandSpec::new("listeners", Monitoring, "Lists what is listened on", listeners)
        .tools(CHECKS)
        .says(|call| format!("Asking node {} to report its protocol listeners ...", call.node)),
    CommandSpec::new(
        "server_version",
        Monitoring,
        "Shows the version that clients are told",
        server_version,
    )
    .tools(CHECKS)
    .says(|call| format!("Asking node {} for its RabbitMQ version...", call.node)),
    CommandSpec::new("log_location", Monitoring, "Shows where the log goes", log_location)
        .tools(CHECKS)
        .says(|call| format!("Log file location(s) on node {} ...", call.node)),
];

const CHECKS: &[Tool] = &[Diagnostics];

/// A broker that refuses the login is there all the same.
fn ping(session: &mut Session<'_>) -> Result<Answer, Failure> {
    if session.answers()? {
        return Ok(Answer::Text("Ping succeeded".to_owned()));
    }
    let (node, ms) = (&session.call.node, session.call.timeout_s().saturating_mul(1000));
    let text = format!("Failed to connect and authenticate to {node} in {ms} ms");
    Err(Failure::told(code::UNAVAILABLE, text))
}

fn check_running(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let node = session.call.node.clone();
    let path = &["health", "checks", "ready-to-serve-clients"];
    match session.get(path) {
        Ok(Ok(_)) => {
            Ok(Answer::Text(format!("RabbitMQ on node {node} is fully booted and running")))
        }
        Ok(Err(ApiError::Refused { .. })) | Err(Failure::Plain { code: code::UNAVAILABLE, .. }) => {
            let text = format!(
                "RabbitMQ on node {node} is not running or has not fully booted yet (check with is_booting)"
            );
            Err(Failure::told(code::UNAVAILABLE, text))
        }
        Ok(Err(error)) => Err(refused(error)),
        Err(failure) => Err(failure),
    }
}

/// The API is there when the broker is.
fn is_booting(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let path = &["health", "checks", "ready-to-serve-clients"];
    let node = session.call.node.clone();
    let text = match session.get(path)? {
        Err(ApiError::Refused { .. }) => format!("RabbitMQ on node {node} is booting"),
        _ => format!(
            "RabbitMQ on node {node} is fully booted (check with is_running), stopped or has not \
             started booting yet"
        ),
    };
    Ok(Answer::Text(text))
}

fn check_alarms(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = session.call.node.clone();
    let found = facts::alarms(&facts::node(session)?, &name);
    if found.is_empty() {
        return Ok(Answer::Text(format!("Node {name} reported no local alarms")));
    }
    Err(Failure::told(code::UNAVAILABLE, found.join("\n")))
}

fn alarms(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = session.call.node.clone();
    let found = facts::alarms(&facts::node(session)?, &name);
    let document = json!({ "node": name, "result": "ok", "local": found, "global": found });
    let text = if found.is_empty() {
        format!("Node {name} reported no alarms, local or clusterwide")
    } else {
        found.join("\n")
    };
    Ok(Answer::Document { document, text })
}

fn listening(session: &mut Session<'_>) -> Result<Vec<Listening>, Failure> {
    Ok(facts::listeners(&session.expect(&["overview"])?))
}

fn ports_of(listeners: &[Listening]) -> Vec<u64> {
    let mut ports: Vec<u64> = listeners.iter().map(|listener| listener.port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn joined(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

fn check_connectivity(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let listeners = listening(session)?;
    let node = session.call.node.clone();
    let remote = match session.place()? {
        Place::Address(address) => Some(address.host),
        Place::Socket(_) => None,
    };
    let other = session.call.flag("address").map(str::to_owned).or(remote);
    let limit = Duration::from_secs(session.call.timeout_s());
    let closed: Vec<String> = listeners
        .iter()
        .filter(|listener| !connects(listener, other.as_deref(), limit))
        .map(Listening::line)
        .collect();
    if closed.is_empty() {
        let ports = joined(&ports_of(&listeners));
        let text = format!("Successfully connected to ports {ports} on node {node}.");
        return Ok(Answer::Text(text));
    }
    let text = format!(
        "Connection to ports of the following listeners on node {node} failed: \n{}",
        closed.join("\n")
    );
    Err(Failure::told(code::UNAVAILABLE, text))
}

fn connects(listener: &Listening, other: Option<&str>, limit: Duration) -> bool {
    let bound = listener.interface.trim_start_matches('[').trim_end_matches(']');
    let host = match (other, bound) {
        (Some(other), _) => other.trim_start_matches('[').trim_end_matches(']'),
        // The address for all of them is none to connect to.
        (None, "0.0.0.0" | "::") => "localhost",
        (None, bound) => bound,
    };
    let Ok(port) = u16::try_from(listener.port) else { return false };
    let addresses = (host, port).to_socket_addrs().into_iter().flatten();
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, limit).is_ok())
}

fn check_port(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let port = positive(session.call)?;
    let found = ports_of(&listening(session)?);
    let node = &session.call.node;
    if found.contains(&port) {
        let text = format!("A listener for port {port} is running on node {node}.");
        return Ok(Answer::Text(text));
    }
    let text = format!(
        "No listener for port {port} is active on node {node}. Found listeners that use the \
         following ports: {}",
        joined(&found)
    );
    Err(Failure::told(code::UNAVAILABLE, text))
}

/// The one argument.
pub(super) fn positive(call: &Call) -> Result<u64, Failure> {
    let number = call.argument(0).parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Failure::argument("Argument must be a positive integer"))
}

fn check_protocol(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let listeners = listening(session)?;
    let (protocol, node) = (session.call.argument(0), &session.call.node);
    let wanted = canonical(protocol);
    let mut found: Vec<&str> =
        listeners.iter().map(|listener| listener.protocol.as_str()).collect();
    found.sort_unstable();
    found.dedup();
    if found.iter().any(|protocol| canonical(protocol) == wanted) {
        let text = format!("A listener for protocol {protocol} is running on node {node}.");
        return Ok(Answer::Text(text));
    }
    let text = format!(
        "No listener for protocol {protocol} is active on node {node}. Found listeners for the \
         following protocols: {}",
        found.join(", ")
    );
    Err(Failure::told(code::UNAVAILABLE, text))
}

/// The names that scripts use for one protocol.
fn canonical(protocol: &str) -> String {
    let name = protocol.to_lowercase();
    match name.as_str() {
        "amqp091" | "amqp0.9.1" | "amqp0-9-1" | "amqp0_9_1" | "amqp 0-9-1" | "amqp-0-9-1" => {
            "amqp".to_owned()
        }
        "amqps" | "amqp/tls" => "amqp/ssl".to_owned(),
        "http_prometheus" | "prometheus" => "http/prometheus".to_owned(),
        _ => name,
    }
}

fn check_vhosts(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let node = session.call.node.clone();
    match session.get(&["health", "checks", "virtual-hosts"])? {
        Ok(_) => Ok(Answer::Text(format!("Node {node} reported all vhosts as running"))),
        Err(ApiError::Refused { body, .. }) => {
            let down = body["virtual-hosts"].as_array().cloned().unwrap_or_default();
            let names: Vec<&str> = down.iter().filter_map(Value::as_str).collect();
            let text = format!("Some virtual hosts on node {node} are down:\n{}", names.join("\n"));
            Err(Failure::told(code::UNAVAILABLE, text))
        }
        Err(error) => Err(refused(error)),
    }
}

fn check_certificates(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let within = session.call.number("within").unwrap_or(4);
    let unit = session.call.flag("unit").unwrap_or("weeks").to_lowercase();
    if !["days", "weeks", "months", "years"].contains(&unit.as_str()) {
        let reason = format!("unit '{unit}' should be days, weeks, months or years");
        return Err(Failure::argument(reason));
    }
    let number = within.to_string();
    let path = ["health", "checks", "certificate-expiration", &number, &unit];
    match session.get(&path)? {
        Ok(_) => Ok(Answer::Text(format!("No certificates are expiring within {within} {unit}."))),
        Err(ApiError::Refused { reason, body, .. }) => {
            let expired = body.get("expired").map(Value::to_string).unwrap_or_default();
            Err(Failure::told(code::UNAVAILABLE, format!("{reason}\n{expired}")))
        }
        Err(error) => Err(refused(error)),
    }
}

fn check_quorum(session: &mut Session<'_>) -> Result<Answer, Failure> {
    session.expect(&["overview"])?;
    let node = &session.call.node;
    Ok(Answer::Text(format!(
        "Node {node} seems to be the only one in a single node cluster, the check does not apply"
    )))
}

fn node_health_check(session: &mut Session<'_>) -> Result<Answer, Failure> {
    check_running(session)?;
    let name = session.call.node.clone();
    let found = facts::alarms(&facts::node(session)?, &name);
    if found.is_empty() {
        return Ok(Answer::Text("Health check passed".to_owned()));
    }
    let text = format!(
        "Error: health check failed. Message: resource alarm(s) in effect:[{}]",
        found.join(", ")
    );
    Err(Failure::told(code::SOFTWARE, text))
}

fn listeners(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = listening(session)?;
    let node = &session.call.node;
    let documents: Vec<Value> = found.iter().map(|listener| listener.document(node)).collect();
    let lines: Vec<String> = found.iter().map(Listening::line).collect();
    let document = json!({ "node": node, "result": "ok", "listeners": documents });
    Ok(Answer::Document { document, text: lines.join("\n") })
}

fn server_version(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let overview = session.expect(&["overview"])?;
    let version = overview["rabbitmq_version"].as_str().unwrap_or_default();
    Ok(Answer::Text(version.to_owned()))
}

fn log_location(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let node = facts::node(session)?;
    let files = node["log_files"].as_array().cloned().unwrap_or_default();
    let files: Vec<&str> = files.iter().filter_map(Value::as_str).collect();
    Ok(Answer::Text(if files.is_empty() { "<stdout>".to_owned() } else { files.join("\n") }))
}
