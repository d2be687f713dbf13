//! What the real program tells of itself: events, copies of messages, lines of the log, and the audit.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::expect;
use crate::support::methods::{basic, queue};
use crate::support::{Broker, Http, RawClient, id};

fn guest_of(broker: &Broker) -> Http {
    Http::new(broker.management()).login("guest", "guest")
}

/// A client with a queue that is bound to this exchange by every key, and consumes from it.
fn listener(broker: &Broker, exchange: &str) -> RawClient {
    let mut client = RawClient::with_channel_on(broker);
    client.declare(1, &queue::declare("heard").with(queue::EXCLUSIVE));
    client.call(1, &queue::bind("heard", exchange, "#"), id::QUEUE_BIND_OK).end();
    client.consume(1, &basic::consume("heard", "c").with(basic::NO_ACK));
    client
}

/// The next message with this key, and the messages before it are passed over.
fn heard(client: &mut RawClient, key: &str) -> crate::support::Delivery {
    loop {
        let delivery = client.expect_delivery(1);
        if delivery.routing_key == key.as_bytes() {
            return delivery;
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn events_come_with_their_key_and_headers() {
    let broker = Broker::start(&[]);
    let mut events = listener(&broker, "amq.rabbitmq.event");
    let created = heard(&mut events, "binding.created");
    assert_eq!(created.exchange, "amq.rabbitmq.event");
    // Headers, delivery mode and timestamp; no body.
    assert_eq!(created.properties[..2], [0x30, 0x40]);
    assert!(created.body.is_empty());
    let source = b"\x0bsource_nameS\0\0\0\x12amq.rabbitmq.event";
    assert!(contains(&created.properties, source), "{:?}", created.properties);
    assert!(contains(&created.properties, b"\x19user_who_performed_actionS\0\0\0\x05guest"));
    assert!(contains(&created.properties, b"\x0ftimestamp_in_msl\0\0\x01"));
    let other = RawClient::with_channel_on(&broker);
    heard(&mut events, "user.authentication.success");
    let opened = heard(&mut events, "connection.created");
    assert!(contains(&opened.properties, b"\x0eauth_mechanismS\0\0\0"));
    heard(&mut events, "channel.created");
    other.close();
    heard(&mut events, "channel.closed");
    heard(&mut events, "connection.closed");
    let body = json!({ "password": "s3cret", "tags": "monitoring" });
    expect(&guest_of(&broker).put("/api/users/ann", &body), 201);
    let user = heard(&mut events, "user.created");
    assert!(contains(&user.properties, b"\x04nameS\0\0\0\x03ann"));
    assert!(!contains(&user.properties, b"s3cret"));
    heard(&mut events, "user.tags.set");
}

#[test]
fn the_exchange_of_events_is_where_the_configuration_says() {
    let broker = Broker::start(&["event_exchange.vhost = operations"]);
    let http = guest_of(&broker);
    let path = "/api/exchanges/operations/amq.rabbitmq.event";
    expect(&http.get(path), 404);
    expect(&http.put("/api/vhosts/operations", &json!({})), 201);
    let found = http.get(path);
    expect(&found, 200);
    let found = found.json();
    assert_eq!((&found["type"], &found["internal"]), (&json!("topic"), &json!(true)));
    expect(&http.get("/api/exchanges/%2F/amq.rabbitmq.event"), 404);
}

#[test]
fn the_firehose_copies_what_comes_and_what_goes() {
    let broker = Broker::start(&[]);
    let http = guest_of(&broker);
    let mut copies = listener(&broker, "amq.rabbitmq.trace");
    let mut client = RawClient::with_channel_on(&broker);
    let work = client.exclusive_queue(1);
    client.publish(1, "", &work, "before");
    client.expect_counts(1, &work, (1, 0));
    expect(&http.put("/api/vhosts/%2F", &json!({ "tracing": true })), 204);
    assert_eq!(http.get("/api/vhosts/%2F").json()["tracing"], true);
    client.publish(1, "", &work, "after");
    let copy = copies.expect_delivery(1);
    assert_eq!((&copy.routing_key[..], copy.text()), (&b"publish."[..], "after"));
    // Headers and nothing else.
    assert_eq!(copy.properties[..2], [0x20, 0]);
    assert!(contains(&copy.properties, b"\x07channelI\0\0\0\x01"));
    assert_eq!(client.get(1, &work).expect("a message").text(), "before");
    let got = copies.expect_delivery(1);
    assert_eq!(got.routing_key, format!("deliver.{work}").as_bytes());
    assert!(contains(&got.properties, b"\x0bredeliveredI\0\0\0\0"));
    client.consume(1, &basic::consume(&work, "c").with(basic::NO_ACK));
    assert_eq!(client.expect_delivery(1).text(), "after");
    assert_eq!(copies.expect_delivery(1).text(), "after");
    expect(&http.put("/api/vhosts/%2F", &json!({ "tracing": false })), 204);
    client.publish(1, "", &work, "untraced");
    assert_eq!(client.expect_delivery(1).text(), "untraced");
    copies.expect_counts(1, "heard", (0, 1));
}

#[test]
fn lines_of_the_log_come_to_who_is_bound() {
    let broker = Broker::start(&["log.exchange = true", "log.exchange.level = info"]);
    let mut lines = listener(&broker, "amq.rabbitmq.log");
    expect(&guest_of(&broker).put("/api/vhosts/orders", &json!({})), 201);
    let line = heard(&mut lines, "info");
    // Content type, headers and timestamp.
    assert_eq!(line.properties[..2], [0xA0, 0x40]);
    assert!(contains(&line.properties, b"\x0atext/plain"));
    let mut seen = vec![line.text().to_owned()];
    while !seen.iter().any(|line| line.contains("virtual host created: name=\"orders\"")) {
        seen.push(heard(&mut lines, "info").text().to_owned());
    }
}

/// The log of a broker in a file.
struct LogFile(TempDir);

impl LogFile {
    fn path(&self) -> PathBuf {
        self.0.path().join("haremq.log")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("the broker wrote its log")
    }
}

fn broker_with_a_file(lines: &[&str]) -> (Broker, LogFile) {
    let file = LogFile(TempDir::new().expect("a folder for the log"));
    let log_file = format!("log.file = {}", file.path().display());
    let lines: Vec<&str> =
        lines.iter().copied().chain([log_file.as_str(), "log.file.level = info"]).collect();
    (Broker::start(&lines), file)
}

fn permissions(all: &str) -> Value {
    json!({ "configure": all, "write": all, "read": all })
}

/// Each operation on the management API, and how the line of the audit begins that it leaves.
#[test]
fn each_operation_of_the_api_leaves_its_line_of_the_audit() {
    let (broker, file) = broker_with_a_file(&[]);
    let http = guest_of(&broker);
    let policy = json!({ "pattern": "^a", "definition": { "max-length": 3 } });
    let parameter = json!({ "value": { "uri": "amqp://a:s3cret@b" } });
    let topic = json!({ "exchange": "amq.topic", "write": "a", "read": "b" });
    let secret = json!({ "password": "s3cret", "tags": "monitoring" });
    let nothing = json!({});
    let steps: Vec<(&str, &str, &Value, &str)> = vec![
        ("PUT", "/api/users/ann", &secret, r#"user created: name="ann" password="set""#),
        ("PUT", "/api/users/ann", &secret, r#"user changed: name="ann" password="set""#),
        ("PUT", "/api/topic-permissions/%2F/ann", &topic, "topic permissions set:"),
        ("DELETE", "/api/topic-permissions/%2F/ann", &nothing, "topic permissions cleared:"),
        ("PUT", "/api/policies/%2F/p", &policy, r#"policy set: vhost="/" name="p""#),
        ("DELETE", "/api/policies/%2F/p", &nothing, "policy cleared:"),
        ("PUT", "/api/operator-policies/%2F/p", &policy, "operator policy set:"),
        ("DELETE", "/api/operator-policies/%2F/p", &nothing, "operator policy cleared:"),
        ("PUT", "/api/parameters/x/%2F/n", &parameter, r#"parameter set: vhost="/""#),
        ("DELETE", "/api/parameters/x/%2F/n", &nothing, "parameter cleared:"),
        ("PUT", "/api/global-parameters/n", &parameter, "global parameter set:"),
        ("DELETE", "/api/global-parameters/n", &nothing, "global parameter cleared:"),
        ("DELETE", "/api/connections/username/ann", &nothing, "connections closed:"),
        ("DELETE", "/api/users/ann", &nothing, r#"user deleted: name="ann""#),
    ];
    for (method, path, body, _) in &steps {
        let answer = http.send(method, path, &[], &body.to_string());
        assert!(answer.status < 300, "{method} {path}: {}", answer.status);
    }
    // What is refused changes nothing.
    expect(&http.delete("/api/users/ann"), 404);
    // What a limit and a permission are for is made first.
    expect(&http.put("/api/vhosts/orders", &nothing), 201);
    expect(&http.put("/api/permissions/orders/guest", &permissions("^o")), 204);
    let limit = json!({ "value": 5 });
    expect(&http.put("/api/vhost-limits/orders/max-queues", &limit), 204);
    expect(&http.put("/api/user-limits/guest/max-channels", &limit), 204);
    expect(&http.delete("/api/permissions/orders/guest"), 204);
    expect(&http.delete("/api/vhosts/orders"), 204);
    broker.stop();
    let log = file.text();
    let mut lines = log.lines().filter(|line| line.contains("audit: "));
    let more = [
        r#"virtual host created: name="orders""#,
        r#"permissions set: of="guest" vhost="orders" configure=".*""#,
        r#"permissions set: of="guest" vhost="orders" configure="^o""#,
        r#"virtual host limits set: vhost="orders" max-connections="none" max-queues="5""#,
        r#"user limits set: of="guest""#,
        r#"permissions cleared: of="guest" vhost="orders""#,
        r#"virtual host deleted: name="orders""#,
    ];
    for begins in steps.iter().map(|(.., begins)| *begins).chain(more) {
        let line = lines.next().expect(begins);
        assert!(line.contains(&format!("audit: {begins}")), "{begins}: {line}");
        assert!(line.ends_with(r#"user="guest" from=127.0.0.1 (management)"#), "{line}");
    }
    assert_eq!(lines.next(), None);
    assert!(!log.contains("s3cret"));
}

#[test]
fn the_audit_can_be_turned_off() {
    let (broker, file) = broker_with_a_file(&["haremq.log.audit.level = none"]);
    expect(&guest_of(&broker).put("/api/vhosts/orders", &json!({})), 201);
    broker.stop();
    let log = file.text();
    assert!(!log.contains("audit: "), "{log}");
    assert!(log.contains("INFO stopped"), "the rest is there: {log}");
}
