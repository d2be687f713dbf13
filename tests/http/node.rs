//! The node: its connections, its settings, its beginning and its end. Each test has a broker of its own.

use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{expect, guest, named, user_with};
use crate::support::methods::queue;
use crate::support::{Broker, Http, Process, RawClient, id, refusal, unique};

const SHUTDOWN: &str =
    "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'";

fn start() -> (Broker, Http) {
    let broker = Broker::start(&[]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    (broker, guest)
}

#[track_caller]
fn act(http: &Http, action: &str) {
    expect(&http.post(&format!("/api/haremq/node/{action}"), &json!({})), 204);
}

fn is_refused(broker: &Broker) -> bool {
    TcpStream::connect(("127.0.0.1", broker.port())).is_err()
}

/// Every check that says whether this node is there for clients.
const CHECKS: &[&str] = &[
    "/api/health/checks/ready-to-serve-clients",
    "/api/health/checks/is-in-service",
    "/api/health/checks/protocol-listener/amqp",
    "/api/healthchecks/node",
    "/api/aliveness-test/%2F",
];

#[test]
fn a_stopped_application_closes_its_connections_and_takes_no_others() {
    let (broker, guest) = start();
    let mut client = RawClient::with_channel_on(&broker);
    let mut closing = std::thread::scope(|scope| {
        let stopping = scope.spawn(|| act(&guest, "stop_app"));
        client.expect_connection_close(&refusal(320, SHUTDOWN, id::NONE));
        stopping.join().expect("stopped");
        client
    });
    closing.expect_end();
    act(&guest, "stop_app");
    assert!(is_refused(&broker));
    for check in CHECKS {
        expect(&guest.get(check), 503);
    }
    assert_eq!(guest.get("/api/nodes").json()[0]["being_drained"], true);
    expect(&guest.get("/api/overview"), 200);
    expect(&guest.put("/api/queues/%2F/meanwhile", &json!({ "durable": true })), 201);
    // Listeners that are resumed wait for the application.
    act(&guest, "resume_listeners");
    assert!(is_refused(&broker));
    for _ in 0..2 {
        act(&guest, "start_app");
        RawClient::with_channel_on(&broker).close();
    }
    for check in CHECKS {
        expect(&guest.get(check), 200);
    }
    broker.stop();
}

#[test]
fn suspended_listeners_keep_the_connections_that_are_there() {
    let (broker, guest) = start();
    let mut client = RawClient::with_channel_on(&broker);
    for _ in 0..2 {
        act(&guest, "suspend_listeners");
        assert!(is_refused(&broker));
    }
    client.declare(1, &queue::declare("still"));
    expect(&guest.get("/api/health/checks/ready-to-serve-clients"), 503);
    expect(&guest.get("/api/health/checks/is-in-service"), 200);
    for _ in 0..2 {
        act(&guest, "resume_listeners");
        RawClient::with_channel_on(&broker).close();
    }
    client.close();
    expect(&guest.get("/api/health/checks/ready-to-serve-clients"), 200);
}

#[test]
fn a_port_that_somebody_else_has_taken_is_told_and_tried_again() {
    let (broker, guest) = start();
    act(&guest, "stop_app");
    let taken = std::net::TcpListener::bind(("127.0.0.1", broker.port())).expect("it is free");
    let refused = guest.post("/api/haremq/node/start_app", &json!({}));
    expect(&refused, 503);
    assert!(refused.reason().contains("cannot be opened again"), "{}", refused.reason());
    expect(&guest.get("/api/health/checks/is-in-service"), 503);
    drop(taken);
    act(&guest, "start_app");
    RawClient::with_channel_on(&broker).close();
}

#[test]
fn a_reset_leaves_what_a_fresh_broker_has() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("first.json");
    let loaded = json!({ "vhosts": [{ "name": "loaded" }] });
    std::fs::write(&file, loaded.to_string()).expect("a file");
    let broker = Broker::start(&[&format!("load_definitions = {}", file.display())]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    let fresh = lists(&guest);
    expect(&guest.put("/api/vhosts/shop", &json!({ "protected_from_deletion": true })), 201);
    expect(&guest.put("/api/queues/shop/q", &json!({ "durable": true })), 201);
    expect(&guest.put("/api/queues/%2F/q", &json!({ "durable": true })), 201);
    let publish = json!({ "routing_key": "q", "payload": "m", "payload_encoding": "string", "properties": {} });
    expect(&guest.post("/api/exchanges/%2F/amq.default/publish", &publish), 200);
    let user = json!({ "password": "secret", "tags": "administrator" });
    expect(&guest.put("/api/users/ann", &user), 201);
    expect(&guest.put("/api/users/guest", &user), 204);
    let guest = Http::new(broker.management()).login("guest", "secret");
    expect(&guest.put("/api/cluster-name", &json!({ "name": "shops" })), 204);
    let ann = Http::new(broker.management()).login("ann", "secret");
    let early = ann.post("/api/haremq/node/reset", &json!({}));
    expect(&early, 409);
    assert_eq!(early.json()["error"], "conflict");

    act(&ann, "stop_app");
    act(&ann, "reset");
    expect(&ann.get("/api/whoami"), 401);
    let guest = Http::new(broker.management()).login("guest", "guest");
    assert_eq!(lists(&guest), fresh);
    act(&guest, "reset");
    assert_eq!(lists(&guest), fresh);
    assert_ne!(guest.get("/api/cluster-name").json()["name"], "shops");
    act(&guest, "start_app");
    let mut client = RawClient::with_channel_on(&broker);
    assert_eq!(client.declare(1, &queue::declare("q")), (0, 0));
}

/// What an export says; the salt of a password is another one each time.
fn lists(http: &Http) -> Value {
    let mut document = http.get("/api/definitions").json();
    let object = document.as_object_mut().expect("an object");
    object.retain(|_, value| value.is_array());
    for user in object["users"].as_array_mut().expect("users") {
        user["password_hash"] = Value::Null;
    }
    document
}

#[test]
fn settings_are_changed_until_the_next_start_and_shown_with_their_source() {
    let (_broker, guest) = start();
    let effective = |key: &str| guest.get("/api/config/effective").json()[key].clone();
    let at_start = json!({ "value": "0.6", "source": "default" });
    assert_eq!(effective("vm_memory_high_watermark.relative"), at_start);
    assert_eq!(effective("default_pass")["value"], "[hidden]");
    let set = |settings: Value| guest.put("/api/haremq/settings", &settings);
    let limit = || guest.get("/api/nodes").json()[0]["mem_limit"].as_u64().expect("a number");
    let before = limit();
    expect(&set(json!({ "vm_memory_high_watermark.absolute": "1MB" })), 204);
    assert_eq!(limit(), 1_000_000);
    expect(&set(json!({ "vm_memory_high_watermark.relative": 0.6 })), 204);
    assert_eq!(limit(), before, "the last word counts");
    assert_eq!(effective("vm_memory_high_watermark.relative")["source"], "request");
    expect(&set(json!({ "disk_free_limit.absolute": "7", "log.default.level": "error" })), 204);
    assert_eq!(guest.get("/api/nodes").json()[0]["disk_free_limit"], 7);
    assert_eq!(effective("log.default.level"), json!({ "value": "error", "source": "request" }));

    for (wrong, part) in [
        (json!({ "heartbeat": "5" }), "cannot be changed while the broker runs"),
        (json!({ "hartbeat": "5" }), "unknown key 'hartbeat'"),
        (json!({ "log.default.level": "loud" }), "expected one of none, critical"),
        (json!({ "log.default.level": ["info"] }), "log.default.level"),
        (json!({ "disk_free_limit.absolute": "9", "log.default.level": "loud" }), "loud"),
    ] {
        let refused = set(wrong);
        expect(&refused, 400);
        assert!(refused.reason().contains(part), "{}", refused.reason());
    }
    assert_eq!(guest.get("/api/nodes").json()[0]["disk_free_limit"], 7, "all or nothing");
    expect(&set(json!({})), 204);
}

#[test]
fn a_watermark_of_nothing_holds_publishers_back_at_once() {
    let (broker, guest) = start();
    let set = |value: &str| {
        let settings = json!({ "vm_memory_high_watermark.relative": value });
        expect(&guest.put("/api/haremq/settings", &settings), 204);
        guest.get("/api/nodes").json()[0]["mem_alarm"].clone()
    };
    assert_eq!(set("0"), true);
    expect(&guest.get("/api/health/checks/alarms"), 503);
    assert_eq!(set("0.5"), false);
    broker.wait_for_log("memory alarm");
}

#[test]
fn passwords_are_tried_whoever_may_come_from_where() {
    let guest = guest();
    let name = unique("tried");
    user_with(&name, "");
    let tried = |name: &str, password: &str| {
        let body = json!({ "username": name, "password": password });
        let answer = guest.post("/api/haremq/authenticate", &body);
        expect(&answer, 200);
        answer.json()
    };
    let wrong = json!({ "authenticated": false, "reason": "invalid credentials" });
    assert_eq!(tried(&name, "secret"), json!({ "authenticated": true }));
    assert_eq!(tried(&name, "other"), wrong);
    assert_eq!(tried(&unique("nobody"), "secret"), wrong);
    expect(&guest.post("/api/haremq/authenticate", &json!({ "username": name })), 400);
    expect(&guest.post("/api/haremq/authenticate", &json!([])), 400);
}

#[test]
fn memory_is_accounted_for_and_given_back() {
    let guest = guest();
    let memory = guest.get("/api/haremq/memory").json();
    let total = memory["total_bytes"].as_u64().expect("a number");
    let parts = memory["parts"].as_array().expect("parts");
    let sum: u64 = parts.iter().map(|part| part["bytes"].as_u64().expect("a number")).sum();
    assert!(total > 0 && sum == total, "{memory}");
    assert!(named(&memory["parts"], "message bytes").is_some());
    act(&guest, "trim_memory");
}

#[test]
fn only_administrators_touch_the_node() {
    let monitoring = user_with(&unique("monitoring"), "monitoring");
    for action in [
        "stop",
        "stop_app",
        "start_app",
        "reset",
        "suspend_listeners",
        "resume_listeners",
        "trim_memory",
    ] {
        expect(&monitoring.post(&format!("/api/haremq/node/{action}"), &json!({})), 401);
    }
    expect(&monitoring.put("/api/haremq/settings", &json!({})), 401);
    expect(&monitoring.post("/api/haremq/authenticate", &json!({})), 401);
    for path in ["/api/haremq/memory", "/api/config/effective"] {
        expect(&monitoring.get(path), 401);
    }
    expect(&guest().post("/api/haremq/node/explode", &json!({})), 404);
}

#[test]
fn the_process_ends_when_it_is_asked_to() {
    let (mut broker, guest) = start();
    expect(&guest.post("/api/haremq/node/stop", &json!({})), 202);
    assert_eq!(broker.wait(), "");
}

/// A broker with a data folder.
fn kept(folder: &TempDir) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["--bind", "127.0.0.1", "--port", "0", "--log-level", "warn", "--data-dir"]);
    command.arg(folder.path()).arg("--port-file").arg(folder.path().join("port"));
    command.env("HAREMQ_CONFIG_FOLDER", "/nowhere").env("HAREMQ_URL", "http://elsewhere");
    let process = Process::spawn(command);
    process.wait_until_ready();
    process
}

#[test]
fn the_name_of_the_cluster_is_told_to_new_connections_and_survives_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let told = |name: &str| {
        let port = std::fs::read_to_string(folder.path().join("port")).expect("a port");
        let broker = Broker::at(port.trim().parse().expect("a number"));
        let mut client = RawClient::connect(&broker);
        client.send_bytes(b"AMQP\x00\x00\x09\x01");
        let mut start = client.expect(0, id::CONNECTION_START);
        let (_, _) = (start.octet(), start.octet());
        let properties = start.long_bytes();
        let long = u32::try_from(name.len()).expect("short").to_be_bytes();
        let entry = [&b"\x0ccluster_nameS"[..], &long, name.as_bytes()].concat();
        properties.windows(entry.len()).any(|window| window == entry)
    };
    let mut process = kept(&folder);
    let http = Http::over_file(&folder.path().join("management.sock"));
    let configured = http.get("/api/cluster-name").json()["name"].clone();
    assert!(told(configured.as_str().expect("a text")));
    expect(&http.put("/api/cluster-name", &json!({ "name": "orders-eu" })), 204);
    assert!(told("orders-eu"));
    process.signal("TERM");
    assert_eq!(process.wait_for_end(), Some(0));
    let stderr = process.stderr();
    assert!(!stderr.contains("HAREMQ_URL"), "it is the tools' variable: {stderr}");
    let _process = kept(&folder);
    assert!(told("orders-eu"));
    assert_eq!(http.get("/api/cluster-name").json()["name"], "orders-eu");
}
