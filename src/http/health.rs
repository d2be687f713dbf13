//! Checks for probes: 200 when all is well, 503 with what is not.

use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};
use crate::base::limits::CONNECTIONS_MAX;

pub(super) const ROUTES: &[Route] = &[
    check("/health/checks/alarms", "No alarm is on", Now(alarms)),
    check("/health/checks/local-alarms", "No alarm is on at this node", Now(alarms)),
    check("/health/checks/port-listener/{port}", "A port is listened on", Now(port_listener)),
    check(
        "/health/checks/protocol-listener/{protocol}",
        "A protocol is spoken; of several, with commas, each",
        Now(protocol_listener),
    ),
    check("/health/checks/virtual-hosts", "All virtual hosts run", Plain(ok)),
    check(
        "/health/checks/certificate-expiration/{within}/{unit}",
        "No certificate expires soon",
        Now(certificates),
    ),
    check(
        "/health/checks/node-is-quorum-critical",
        "No quorum queue needs this node",
        Plain(single_node),
    ),
    check(
        "/health/checks/node-is-mirror-sync-critical",
        "No mirrored queue needs this node",
        Plain(single_node),
    ),
    check(
        "/health/checks/quorum-queues-without-elected-leaders/all-vhosts",
        "All quorum queues have leaders",
        Plain(ok),
    ),
    check(
        "/health/checks/quorum-queues-without-elected-leaders/all-vhosts/pattern/{pattern}",
        "All of these quorum queues have leaders",
        Plain(ok),
    ),
    check(
        "/health/checks/quorum-queues-without-elected-leaders/vhost/{vhost}",
        "All quorum queues of a virtual host have leaders",
        Now(vhost_ok),
    ),
    check(
        "/health/checks/quorum-queues-without-elected-leaders/vhost/{vhost}/pattern/{pattern}",
        "All of these quorum queues of a virtual host have leaders",
        Now(vhost_ok),
    ),
    check("/health/checks/metadata-store/initialized", "The definitions are there", Plain(ok)),
    check(
        "/health/checks/metadata-store/initialized/with-data",
        "The definitions are there and hold something",
        Plain(ok),
    ),
    open("/health/checks/is-in-service", "The application is not stopped", Now(in_service)),
    open("/health/checks/ready-to-serve-clients", "New clients are served", Now(ready)),
    open(
        "/health/checks/below-node-connection-limit",
        "There may be more connections",
        Now(connections),
    ),
    open(
        "/health/checks/reached-target-cluster-size",
        "All nodes are there: there is one",
        Plain(ok),
    ),
    Route::get(
        "/aliveness-test/{vhost}",
        Needs::Management,
        "A virtual host is there",
        Now(aliveness),
    ),
    Route::get("/healthchecks/node", Needs::Management, "This node runs", Now(in_service)),
    Route::get("/healthchecks/node/{node}", Needs::Management, "A node runs", Now(node)),
];

const fn check(path: &'static str, summary: &'static str, run: super::route::Run) -> Route {
    Route::get(path, Needs::Management, summary, run)
}

/// Load balancers and start-up probes have no login.
const fn open(path: &'static str, summary: &'static str, run: super::route::Run) -> Route {
    Route::get(path, Needs::Nothing, summary, run)
}

fn ok(_: &Call) -> Answer {
    Answer::object(json!({ "status": "ok" }))
}

fn single_node(_: &Call) -> Answer {
    Answer::object(json!({ "status": "ok", "reason": "single node cluster" }))
}

fn failed(reason: &str, more: &Value) -> ApiError {
    let mut body = json!({ "status": "failed", "reason": reason });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    ApiError::failed_check(body)
}

fn alarms(call: &Call) -> Result<Answer, ApiError> {
    let on = super::alarms::list(call);
    if on.is_empty() {
        return Ok(ok(call));
    }
    Err(failed("There are alarms in effect in the cluster", &json!({ "alarms": on })))
}

fn in_service(call: &Call) -> Result<Answer, ApiError> {
    if call.management.control.state().app_runs {
        Ok(ok(call))
    } else {
        Err(failed("the application of this node is stopped", &json!({})))
    }
}

fn ready(call: &Call) -> Result<Answer, ApiError> {
    in_service(call)?;
    if call.management.control.state().listens {
        Ok(ok(call))
    } else {
        Err(failed("the listeners of this node are suspended", &json!({})))
    }
}

/// What is spoken, and on which ports, now.
fn listeners(call: &Call) -> Vec<(&'static str, u16)> {
    let listens = call.management.control.state().listens;
    let all = call.management.facts.listeners();
    let open = all.filter(|(protocol, _)| listens || !protocol.starts_with("amqp"));
    open.map(|(protocol, address)| (protocol, address.port())).collect()
}

fn port_listener(call: &Call) -> Result<Answer, ApiError> {
    let text = call.segment("port");
    let port: u16 = text.parse().map_err(|_| {
        ApiError::bad_request(format!("'{text}' is no port: a number from 0 to 65535 is expected"))
    })?;
    let ports: Vec<u16> = listeners(call).into_iter().map(|(_, port)| port).collect();
    if ports.contains(&port) {
        return Ok(Answer::object(json!({ "status": "ok", "port": port })));
    }
    Err(failed("No active listener", &json!({ "missing": port, "ports": ports })))
}

fn protocol_listener(call: &Call) -> Result<Answer, ApiError> {
    let spoken: Vec<&str> = listeners(call).into_iter().map(|(protocol, _)| protocol).collect();
    let wanted: Vec<&str> = call.segment("protocol").split(',').collect();
    let missing = wanted.iter().find(|wanted| !spoken.contains(&protocol(wanted).as_str()));
    match (missing, wanted.as_slice()) {
        (Some(missing), _) => {
            let more = json!({ "missing": protocol(missing), "protocols": spoken });
            Err(failed("No active listener", &more))
        }
        (None, [one]) => Ok(Answer::object(json!({ "status": "ok", "protocol": protocol(one) }))),
        (None, several) => {
            let several: Vec<String> = several.iter().map(|one| protocol(one)).collect();
            Ok(Answer::object(json!({ "status": "ok", "protocols": several })))
        }
    }
}

/// The protocol that is meant by one of its names.
fn protocol(name: &str) -> String {
    let name = name.trim().to_lowercase();
    match name.as_str() {
        "amqp091" | "amqp0.9.1" | "amqp0-9-1" | "amqp0_9_1" => "amqp".to_owned(),
        "amqps" => "amqp/ssl".to_owned(),
        "prometheus" | "http_prometheus" => "http/prometheus".to_owned(),
        "http1" | "http1.1" | "http_api" | "management" | "management_ui" | "ui" => {
            "http".to_owned()
        }
        // AMQP 1.0 has a port with 0-9-1 in RabbitMQ, and is not spoken here.
        _ => name,
    }
}

fn certificates(call: &Call) -> Result<Answer, ApiError> {
    let (within, unit) = (call.segment("within"), call.segment("unit"));
    if !within.parse::<u64>().is_ok_and(|within| within > 0) {
        let reason = format!("'{within}' is no number from 1 on");
        return Err(ApiError::bad_request(reason));
    }
    match unit {
        "days" | "weeks" | "months" | "years" => Ok(ok(call)),
        _ => Err(ApiError::bad_request(format!(
            "Time unit not recognised: '{unit}', and days, weeks, months or years is expected"
        ))),
    }
}

fn vhost_ok(call: &Call) -> Result<Answer, ApiError> {
    call.visible_vhost()?;
    Ok(ok(call))
}

fn connections(call: &Call) -> Result<Answer, ApiError> {
    let open = call.broker().connections();
    let numbers = json!({ "limit": CONNECTIONS_MAX, "connections": open });
    if open >= CONNECTIONS_MAX {
        return Err(failed("node connection limit is reached", &numbers));
    }
    let (limit, connections) = (&numbers["limit"], &numbers["connections"]);
    Ok(Answer::object(json!({ "status": "ok", "limit": limit, "connections": connections })))
}

fn aliveness(call: &Call) -> Result<Answer, ApiError> {
    call.visible_vhost()?;
    in_service(call)
}

fn node(call: &Call) -> Result<Answer, ApiError> {
    if call.segment("node") == call.management.facts.node {
        in_service(call)
    } else {
        Err(ApiError::not_found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_have_several_names() {
        for (name, meant) in
            [("AMQP091", "amqp"), ("management", "http"), ("amqps", "amqp/ssl"), ("mqtt", "mqtt")]
        {
            assert_eq!(protocol(name), meant);
        }
    }
}
