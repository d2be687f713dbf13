//! Health checks, the node, feature flags, and what is there for tools that ask for it.

use serde_json::json;

use super::{broker, expect, guest, nobody, user_with};
use crate::support::unique;

#[test]
fn a_broker_that_runs_passes_every_check() {
    for check in [
        "alarms",
        "local-alarms",
        "virtual-hosts",
        "certificate-expiration/1/months",
        "node-is-quorum-critical",
        "node-is-mirror-sync-critical",
        "quorum-queues-without-elected-leaders/all-vhosts",
        "quorum-queues-without-elected-leaders/all-vhosts/pattern/x",
        "quorum-queues-without-elected-leaders/vhost/%2F",
        "quorum-queues-without-elected-leaders/vhost/%2F/pattern/x",
        "metadata-store/initialized",
        "metadata-store/initialized/with-data",
        "protocol-listener/amqp,http",
        "protocol-listener/amqp091",
    ] {
        let path = format!("/api/health/checks/{check}");
        let answer = guest().get(&path);
        expect(&answer, 200);
        assert_eq!(answer.json()["status"], "ok", "{check}");
        expect(&nobody().get(&path), 401);
    }
}

#[test]
fn probes_need_no_login() {
    for check in [
        "is-in-service",
        "ready-to-serve-clients",
        "below-node-connection-limit",
        "reached-target-cluster-size",
    ] {
        let answer = nobody().get(&format!("/api/health/checks/{check}"));
        expect(&answer, 200);
        assert_eq!(answer.json()["status"], "ok", "{check}");
    }
}

#[test]
fn a_port_or_protocol_that_is_not_there_fails() {
    let port = broker().port();
    let check = |which: &str| guest().get(&format!("/api/health/checks/{which}"));
    let good = check(&format!("port-listener/{port}"));
    assert_eq!((good.status, good.json()), (200, json!({ "status": "ok", "port": port })));
    let bad = check("port-listener/1");
    expect(&bad, 503);
    assert_eq!((&bad.json()["status"], &bad.json()["missing"]), (&json!("failed"), &json!(1)));
    assert!(bad.json()["ports"].as_array().expect("a list").contains(&json!(port)));
    expect(&check("port-listener/x"), 400);
    let bad = check("protocol-listener/amqp,mqtt");
    expect(&bad, 503);
    assert_eq!(bad.json()["missing"], "mqtt");
    expect(&check("certificate-expiration/1/moons"), 400);
    expect(&check("certificate-expiration/0/days"), 400);
    expect(&check("quorum-queues-without-elected-leaders/vhost/none"), 404);
}

#[test]
fn old_probes_are_answered() {
    assert_eq!(guest().get("/api/aliveness-test/%2F").json(), json!({ "status": "ok" }));
    expect(&guest().get("/api/aliveness-test/none"), 404);
    expect(&guest().get("/api/healthchecks/node"), 200);
    expect(&guest().get("/api/healthchecks/node/none"), 404);
}

#[test]
fn the_node_says_what_exporters_look_for() {
    let nodes = guest().get("/api/nodes").json();
    let node = &nodes[0];
    let name = node["name"].as_str().expect("a name");
    for number in [
        "mem_used",
        "mem_limit",
        "disk_free",
        "disk_free_limit",
        "fd_used",
        "fd_total",
        "sockets_used",
        "sockets_total",
        "uptime",
        "run_queue",
        "processors",
        "proc_total",
    ] {
        assert!(node[number].is_u64(), "{number}: {}", node[number]);
    }
    assert!(node["mem_used"].as_u64() > Some(0) && node["fd_used"].as_u64() > Some(0));
    for truth in ["running", "mem_alarm", "disk_free_alarm", "being_drained"] {
        assert!(node[truth].is_boolean(), "{truth}");
    }
    assert!(node["os_pid"].is_string() && node["partitions"] == json!([]));
    let one = guest().get(&format!("/api/nodes/{name}?memory=true")).json();
    assert!(one["memory"]["total"]["rss"].is_u64());
    let memory = guest().get(&format!("/api/nodes/{name}/memory"));
    assert!(memory.json()["memory"]["total"]["rss"].is_u64());
    expect(&guest().get(&format!("/api/nodes/{name}/memory/relative")), 200);
    expect(&guest().get("/api/nodes/none"), 404);
    expect(&guest().get("/api/nodes/none/memory"), 404);
    expect(&guest().post(&format!("/api/vhosts/%2F/start/{name}"), &json!({})), 204);
    expect(&guest().post("/api/vhosts/%2F/start/none", &json!({})), 404);
}

#[test]
fn feature_flags_are_on_and_stay_on() {
    let flags = guest().get("/api/feature-flags").json();
    for flag in flags.as_array().expect("a list") {
        assert_eq!(flag["state"], "enabled");
        let name = flag["name"].as_str().expect("a name");
        expect(&guest().put(&format!("/api/feature-flags/{name}/enable"), &json!({})), 204);
    }
    expect(&guest().put("/api/feature-flags/all/enable", &json!({})), 204);
    expect(&guest().put("/api/feature-flags/none/enable", &json!({})), 400);
    let user = user_with(&unique("flags"), "monitoring");
    expect(&user.put("/api/feature-flags/all/enable", &json!({})), 401);
    assert_eq!(guest().get("/api/deprecated-features").json(), json!([]));
    assert_eq!(guest().get("/api/deprecated-features/used").json(), json!([]));
}

#[test]
fn what_plugins_would_answer_is_empty() {
    let node = guest().get("/api/overview").json()["node"].as_str().expect("a name").to_owned();
    for list in ["shovels", "shovels/%2F", "federation-links", "federation-links/%2F"] {
        assert_eq!(guest().get(&format!("/api/{list}")).json(), json!([]), "{list}");
    }
    expect(&guest().get("/api/shovels/none"), 404);
    expect(&guest().get(&format!("/api/auth/attempts/{node}")), 200);
    expect(&guest().delete(&format!("/api/auth/attempts/{node}/source")), 204);
    expect(&guest().post("/api/rebalance/queues", &json!({})), 204);
    expect(&guest().delete("/api/reset"), 204);
    let user = user_with(&unique("stubs"), "monitoring");
    expect(&user.delete("/api/reset"), 401);
}
