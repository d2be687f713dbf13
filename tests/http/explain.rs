//! Why queues and connections do not move, and alarms with their reason: in the API, and in the words of the tools.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{broker, encoded, expect, guest, named, user_with};
use crate::support::methods::{basic, queue};
use crate::support::{Broker, Http, Id, Login, Process, RawClient, Refusal, id, tool, unique};

/// 128 KiB.
static BODY: [u8; 128 * 1024] = [b'x'; 128 * 1024];

/// 64 KiB.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

fn explain_queue(http: &Http, name: &str) -> Value {
    let answer = http.get(&format!("/api/haremq/explain/queue/%2F/{}", encoded(name)));
    expect(&answer, 200);
    answer.json()
}

fn explain_connection(http: &Http, name: &str) -> Value {
    let answer = http.get(&format!("/api/haremq/explain/connection/{}", encoded(name)));
    expect(&answer, 200);
    answer.json()
}

#[track_caller]
fn finding<'a>(told: &'a Value, name: &str) -> &'a Value {
    named(&told["findings"], name).unwrap_or_else(|| panic!("no {name} in {told:#}"))
}

/// A connection of a new user, with channel 1; its name.
fn connect(broker: &Broker, http: &Http) -> (RawClient, String) {
    let before = names(http);
    let client = RawClient::with_channel_on(broker);
    let name = names(http).into_iter().find(|name| !before.contains(name));
    (client, name.expect("it is in the list"))
}

fn names(http: &Http) -> Vec<String> {
    let all = http.get("/api/connections").json();
    let all = all.as_array().expect("a list").iter();
    all.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

/// A connection of a user of its own on the shared broker.
fn connect_shared() -> (RawClient, String) {
    let user = unique("explained");
    user_with(&user, "");
    let mut client = RawClient::login(broker(), &Login::guest().user(&user, "secret"));
    client.open_channel(1);
    let of_user = guest().get(&format!("/api/connections/username/{user}")).json();
    (client, of_user[0]["name"].as_str().expect("a name").to_owned())
}

#[test]
fn a_queue_that_grows_says_why_as_its_consumers_come() {
    let (mut client, connection) = connect_shared();
    let name = unique("订单");
    client.declare(1, &queue::declare(&name));
    for _ in 0..3 {
        client.send_publish(1, &basic::publish("", &name), &[0, 0], b"m");
    }
    client.call(1, &basic::qos(1), id::BASIC_QOS_OK);
    let told = explain_queue(&guest(), &name);
    let found = finding(&told, "no-consumer");
    assert!(found["cause"].as_str().expect("text").starts_with("3 messages wait"), "{found}");
    assert_eq!((&told["status"], &told["name"]), (&json!("warning"), &json!(name)));
    assert!(found["since"].as_str().expect("a moment").starts_with("20"), "{found}");
    assert_eq!(told["facts"]["messages_ready"], 3);
    client.consume(1, &basic::consume(&name, "slow"));
    let delivered = client.expect_delivery(1);
    let told = explain_queue(&guest(), &name);
    let found = finding(&told, "all-at-prefetch");
    let cause = found["cause"].as_str().expect("text");
    assert!(cause.contains(&format!("'slow' ({connection} (1)) holds 1 of 1")), "{cause}");
    let told = explain_connection(&guest(), &connection);
    let cause = finding(&told, "consumer-at-prefetch")["cause"].as_str().expect("text");
    assert!(cause.contains("prefetch is full") && cause.contains(&name), "{cause}");
    client.send(1, &basic::ack_up_to(delivered.tag));
    client.expect_delivery(1);
    client.close();
}

#[test]
fn messages_that_vanish_are_told_by_their_reason() {
    let name = unique("vanishing");
    let path = format!("/api/queues/%2F/{name}");
    let arguments = json!({ "x-max-length": 1 });
    expect(&guest().put(&path, &json!({ "arguments": arguments })), 201);
    for _ in 0..3 {
        let body = json!({
            "routing_key": name, "payload": "m", "payload_encoding": "string", "properties": {},
        });
        expect(&guest().post("/api/exchanges/%2F/amq.default/publish", &body), 200);
    }
    let told = explain_queue(&guest(), &name);
    let found = finding(&told, "dropped-max-length");
    let cause = found["cause"].as_str().expect("text");
    assert_eq!(
        cause,
        "2 messages were dropped from the head because the queue was full (max-length 1)"
    );
    expect(&guest().delete(&path), 204);
}

#[test]
fn a_channel_that_was_closed_is_told_with_what_the_client_was_told() {
    let (mut client, name) = connect_shared();
    assert_eq!(explain_connection(&guest(), &name)["status"], "ok");
    let refusal = Refusal {
        code: 404,
        text: "NOT_FOUND - no queue 'nobody' in vhost '/'".to_owned(),
        failed: Id(50, 30),
    };
    client.refused(1, &queue::purge("nobody"), &refusal);
    let told = explain_connection(&guest(), &name);
    let cause = finding(&told, "channel-closed")["cause"].as_str().expect("text").to_owned();
    assert!(cause.ends_with("404 NOT_FOUND - no queue 'nobody' in vhost '/'"), "{cause}");
    client.close();
}

#[test]
fn a_client_that_does_not_read_is_told() {
    let (mut client, name) = connect_shared();
    let queue_name = unique("unread");
    client.declare(1, &queue::declare(&queue_name));
    client.consume(1, &basic::consume(&queue_name, "deaf"));
    let mut other = RawClient::with_channel_on(broker());
    // More than both sockets and the output hold.
    for _ in 0..256 {
        other.send_publish(1, &basic::publish("", &queue_name), &[0, 0], BODY);
    }
    other.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    let told = explain_connection(&guest(), &name);
    let found = finding(&told, "client-not-reading");
    let path = format!("/api/connections/{}", encoded(&name));
    assert_eq!(guest().get(&path).json()["state"], "flow");
    assert!(found["cause"].as_str().expect("text").contains("wait for its socket"), "{found}");
    other.close();
    drop(client);
    expect(&guest().delete(&format!("/api/queues/%2F/{queue_name}")), 204);
}

#[test]
fn who_may_not_look_is_not_told() {
    let name = unique("private");
    let path = format!("/api/queues/%2F/{name}");
    expect(&guest().put(&path, &json!({})), 201);
    let stranger = unique("stranger");
    let user = format!("/api/users/{stranger}");
    expect(&guest().put(&user, &json!({ "password": "secret", "tags": "management" })), 201);
    let http = Http::new(broker().management()).login(&stranger, "secret");
    expect(&http.get(&format!("/api/haremq/explain/queue/%2F/{name}")), 401);
    let (client, connection) = connect_shared();
    let of_other = format!("/api/haremq/explain/connection/{}", encoded(&connection));
    expect(&http.get(&of_other), 401);
    client.close();
    expect(&guest().get("/api/haremq/explain/queue/%2F/none"), 404);
    expect(&guest().get("/api/haremq/explain/connection/none"), 404);
    expect(&guest().delete(&path), 204);
}

/// A broker with a data folder and these lines in its configuration.
struct Kept {
    folder: TempDir,
    port: u16,
    _process: Process,
}

fn kept(lines: &[&str]) -> Kept {
    let folder = TempDir::new().expect("a folder");
    let (config, port_file) = (folder.path().join("haremq.conf"), folder.path().join("port"));
    fs::write(&config, lines.join("\n") + "\n").expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    let flags = ["--bind", "127.0.0.1", "--port", "0", "--management-port", "0"];
    command.args(flags).args(["--log-level", "warn", "--data-dir"]).arg(folder.path());
    command.arg("--config").arg(&config).arg("--port-file").arg(&port_file);
    let process = Process::spawn(command);
    process.wait_until_ready();
    let port = fs::read_to_string(&port_file).expect("the port").trim().parse().expect("a port");
    Kept { folder, port, _process: process }
}

impl Kept {
    fn http(&self) -> Http {
        Http::over_file(&self.folder.path().join("management.sock"))
    }

    fn says(&self, line: &[&str]) -> (u8, String) {
        let said = tool(self.folder.path(), line);
        (said.code, format!("{}{}", said.output, said.errors))
    }
}

/// What API and tools say of an alarm that is on.
fn check_alarm(kept: &Kept, resource: &str, flag: &str, words: &str, reason: &str) {
    let http = kept.http();
    for check in ["alarms", "local-alarms"] {
        let answer = http.get(&format!("/api/health/checks/{check}"));
        expect(&answer, 503);
        let told = answer.json();
        assert_eq!(told["status"], "failed");
        let alarm = &told["alarms"][0];
        assert_eq!(
            (&alarm["resource"], told["alarms"].as_array().map(Vec::len)),
            (&json!(resource), Some(1))
        );
        assert!(alarm["reason"].as_str().expect("text").contains(reason), "{alarm}");
        assert!(alarm["since"].is_string() && alarm["figures"].is_object(), "{alarm}");
    }
    let node = &http.get("/api/nodes").json()[0];
    assert_eq!((&node[flag], &node["alarms"][0]["resource"]), (&json!(true), &json!(resource)));
    for line in [
        &["rabbitmq-diagnostics", "-q", "check_local_alarms"][..],
        &["rabbitmq-diagnostics", "-q", "check_alarms"],
    ] {
        let (code, text) = kept.says(line);
        assert_eq!(code, 69, "{text}");
        assert!(text.contains(words) && text.contains(reason), "{text}");
    }
    for line in [&["rabbitmq-diagnostics", "-q", "alarms"][..], &["rabbitmqctl", "-q", "status"]] {
        let (code, text) = kept.says(line);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(words) && text.contains(reason), "{text}");
    }
}

/// One connection is held back, one that has not published is not; a second one would be.
fn check_blocked(kept: &Kept, publisher: &str, reader: &str, name: &str, reason: &str) {
    let http = kept.http();
    let state = |name: &str| {
        http.get(&format!("/api/connections/{}", encoded(name))).json()["state"].clone()
    };
    assert_eq!((state(publisher), state(reader)), (json!("blocked"), json!("blocking")));
    let told = explain_connection(&http, publisher);
    let cause = finding(&told, name)["cause"].as_str().expect("text").to_owned();
    assert!(cause.starts_with("publishing is blocked: ") && cause.contains(reason), "{cause}");
    assert_eq!(told["status"], "critical");
    assert_eq!(finding(&explain_connection(&http, reader), "would-block")["severity"], "info");
    let (code, text) = kept.says(&["rabbitmqctl", "-q", "explain", "connection", publisher]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("severity\tname\tsince\tcause\tfix\n"), "{text}");
    assert!(text.contains(&format!("critical\t{name}\t")), "{text}");
    let line = ["haremq", "ctl", "explain", "connection", publisher, "--formatter", "json"];
    let (code, text) = kept.says(&line);
    assert_eq!(code, 0, "{text}");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(finding(&told, name)["severity"], "critical");
}

#[test]
fn a_memory_alarm_is_seen_everywhere_with_its_figures() {
    let kept = kept(&["vm_memory_high_watermark.absolute = 4MiB"]);
    let (broker, http) = (Broker::at(kept.port), kept.http());
    let (mut publisher, publisher_name) = connect(&broker, &http);
    let (mut reader, reader_name) = connect(&broker, &http);
    expect(&http.get("/api/health/checks/local-alarms"), 200);
    reader.declare(1, &queue::declare("filled"));
    // Little more than the watermark: what is not read fits into the sockets.
    for _ in 0..72 {
        publisher.send_publish(1, &basic::publish("", "filled"), &[0, 0], PIECE);
    }
    publisher.expect(0, id::CONNECTION_BLOCKED);
    let reason = "the watermark is 4.1 MB";
    check_alarm(&kept, "memory", "mem_alarm", "Memory alarm on node", reason);
    check_blocked(&kept, &publisher_name, &reader_name, "memory-alarm", reason);
    finding(&explain_queue(&http, "filled"), "memory-alarm");
    let (code, text) = kept.says(&["rabbitmqctl", "-q", "explain", "queue", "filled"]);
    assert!(code == 0 && text.contains("memory-alarm"), "{text}");
}

#[test]
fn a_disk_alarm_is_seen_everywhere_with_its_figures() {
    let kept = kept(&["disk_free_limit.absolute = 900TB"]);
    let (broker, http) = (Broker::at(kept.port), kept.http());
    let (mut publisher, publisher_name) = connect(&broker, &http);
    let (reader, reader_name) = connect(&broker, &http);
    publisher.send_publish(1, &basic::publish("", "nobody"), &[0, 0], b"m");
    let mut blocked = publisher.expect(0, id::CONNECTION_BLOCKED);
    assert_eq!(blocked.short_string(), "low on disk");
    let reason = "disk_free_limit is 900.0 TB";
    check_alarm(&kept, "disk", "disk_free_alarm", "Free disk space alarm on node", reason);
    check_blocked(&kept, &publisher_name, &reader_name, "disk-alarm", reason);
    reader.close();
}

#[test]
fn the_tool_explains_queues_and_says_what_is_not_there() {
    let kept = kept(&[]);
    let mut client = RawClient::with_channel_on(&Broker::at(kept.port));
    client.declare(1, &queue::declare("idle"));
    let (code, text) = kept.says(&["rabbitmqctl", "explain", "queue", "idle"]);
    assert_eq!(
        (code, text.as_str()),
        (0, "Explaining queue 'idle' in vhost '/' ...\nnothing is the matter\n")
    );
    let (code, text) = kept.says(&["rabbitmqctl", "-q", "explain", "queue", "none"]);
    assert_eq!((code, text.as_str()), (69, "Error:\nthere is no queue 'none' in vhost '/'\n"));
    let (code, text) = kept.says(&["rabbitmqctl", "-q", "explain", "connection", "none"]);
    assert_eq!(code, 69, "{text}");
    let (code, text) = kept.says(&["rabbitmqctl", "-q", "explain", "broker", "none"]);
    assert_eq!(code, 65, "{text}");
    assert!(
        text.contains("'broker' cannot be explained: queue or connection is expected"),
        "{text}"
    );
    client.close();
}
