//! What the configuration gives to new virtual hosts, and how many of everything it allows.

use serde_json::json;
use tempfile::TempDir;

use super::expect;
use crate::support::methods::{DURABLE, exchange};
use crate::support::{Broker, Http, Login, RawClient, id, refusal, run_to_its_end};

fn guest(broker: &Broker) -> Http {
    Http::new(broker.management()).login("guest", "guest")
}

#[test]
fn new_virtual_hosts_are_given_what_the_configuration_says() {
    let broker = Broker::start(&[
        "default_users.ops.vhost_pattern = ^eu-",
        "default_users.ops.password = kept-secret",
        "default_users.ops.tags = monitoring,management",
        "default_users.ops.configure = ^ops",
        "default_policies.operator.cap.vhost_pattern = ^eu-",
        "default_policies.operator.cap.queue_pattern = ^t",
        "default_policies.operator.cap.apply_to = classic_queues",
        "default_policies.operator.cap.max_length = 100",
        "default_policies.operator.cap.expires = 1h",
        "default_limits.vhosts.10.max_queues = 10",
        "default_limits.vhosts.2.pattern = ^eu-",
        "default_limits.vhosts.2.max_queues = 2",
        "default_limits.vhosts.2.max_connections = -1",
    ]);
    let guest = guest(&broker);
    expect(&guest.put("/api/vhosts/eu-1", &json!({})), 201);
    let limits = |vhost: &str| guest.get(&format!("/api/vhost-limits/{vhost}")).json();
    let of = |vhost: &str, most: u8| json!([{ "vhost": vhost, "value": { "max-queues": most } }]);
    assert_eq!(limits("eu-1"), of("eu-1", 2), "2 comes before 10");
    assert_eq!(limits("%2F"), of("/", 10), "the first virtual host is new, too");
    let policies = guest.get("/api/operator-policies/eu-1").json();
    let policy = json!([{
        "vhost": "eu-1",
        "name": "cap",
        "pattern": "^t",
        "apply-to": "classic_queues",
        "priority": 0,
        "definition": { "max-length": 100, "expires": 3_600_000 },
    }]);
    assert_eq!(policies, policy);
    assert_eq!(guest.get("/api/operator-policies/%2F").json(), json!([]));
    let permission = guest.get("/api/permissions/eu-1/ops").json();
    let three = ["configure", "write", "read"].map(|which| permission[which].clone());
    assert_eq!(three, ["^ops", ".*", ".*"]);
    let ops = Http::new(broker.management()).login("ops", "kept-secret");
    assert_eq!(ops.get("/api/whoami").json()["tags"], json!(["monitoring", "management"]));
    let changed = json!({ "password": "changed", "tags": "" });
    expect(&guest.put("/api/users/ops", &changed), 204);
    expect(&guest.put("/api/vhosts/eu-2", &json!({})), 201);
    expect(&guest.get("/api/permissions/eu-2/ops"), 200);
    let ops = Http::new(broker.management()).login("ops", "changed");
    expect(&ops.get("/api/whoami"), 200);
    broker.stop();
}

#[test]
fn a_virtual_host_or_an_exchange_too_many_is_refused_with_rabbitmqs_text() {
    let broker = Broker::start(&["vhost_max = 2", "cluster_exchange_limit = 1"]);
    let guest = guest(&broker);
    expect(&guest.put("/api/vhosts/one", &json!({})), 201);
    let refused = guest.put("/api/vhosts/two", &json!({}));
    expect(&refused, 400);
    assert_eq!(refused.reason(), "cannot create vhost 'two': vhost limit of 2 is reached");
    expect(&guest.put("/api/vhosts/one", &json!({})), 204);
    let mut client = RawClient::login(&broker, &Login::guest());
    client.open_channel(1);
    let text = "PRECONDITION_FAILED - cannot declare exchange 'x' in vhost '/': exchange limit of 1 is \
                reached";
    let refused = refusal(406, text, id::EXCHANGE_DECLARE);
    client.refused(1, &exchange::declare("x", "fanout"), &refused);
    client.open_channel(1);
    client.call(
        1,
        &exchange::declare("amq.direct", "direct").with(DURABLE),
        id::EXCHANGE_DECLARE_OK,
    );
    expect(&guest.put("/api/exchanges/%2F/x", &json!({ "type": "fanout" })), 400);
    broker.stop();
}

#[test]
fn seeds_that_cannot_be_used_stop_the_start_with_file_and_line() {
    let folder = TempDir::new().expect("a folder");
    let config = folder.path().join("haremq.conf");
    let said = |line: &str| {
        std::fs::write(&config, format!("# first\n{line}\n")).expect("a file");
        let path = config.to_str().expect("UTF-8");
        let (code, stderr) = run_to_its_end(&["--port", "0", "--config", path]);
        assert_eq!(code, Some(78), "{line}: {stderr}");
        assert!(stderr.contains(&format!("{path}:2: ")), "{stderr}");
        stderr
    };
    for line in [
        "default_users.ops.vhost_pattern = (",
        "default_users.ops.read = (",
        "default_policies.operator.cap.queue_pattern = (",
        "default_limits.vhosts.1.pattern = (",
    ] {
        assert!(said(line).contains("a regular expression: "), "{line}");
    }
    let text = said("default_policies.operator.cap.queue_pattern = ^a");
    assert!(text.contains("an operator policy that sets one of max_length"), "{text}");
    assert!(text.contains("no policy provided"), "{text}");
    let text = said("default_policies.operator.cap.apply_to = exchanges");
    assert!(text.contains("expected all, queues, classic_queues"), "{text}");
    said("default_limits.vhosts.1.max_queues = -2");
    said("vhost_max = -1");
}
