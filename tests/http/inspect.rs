//! Looks into queues and exchanges: peek, what is held, move, where a message would go, settings, preview.

use serde_json::{Value, json};

use super::{broker, encoded, expect, guest, nobody, user_with};
use crate::support::methods::{basic, queue};
use crate::support::{Http, RawClient, unique};

fn queue_path(name: &str) -> String {
    format!("/api/queues/%2F/{}", encoded(name))
}

fn look_path(name: &str, what: &str) -> String {
    format!("/api/haremq/queues/%2F/{}/{what}", encoded(name))
}

fn declare(name: &str, arguments: &Value) {
    let body = json!({ "durable": true, "arguments": arguments });
    expect(&guest().put(&queue_path(name), &body), 201);
}

fn publish(key: &str, payload: &str, headers: &Value) {
    let body = json!({
        "routing_key": key, "payload": payload, "payload_encoding": "string",
        "properties": { "headers": headers },
    });
    let answer = guest().post("/api/exchanges/%2F/amq.default/publish", &body);
    expect(&answer, 200);
}

fn get(path: &str) -> Value {
    let answer = guest().get(path);
    expect(&answer, 200);
    answer.json()
}

fn payloads(page: &Value) -> Vec<&str> {
    let all = page["messages"].as_array().expect("a list").iter();
    all.map(|one| one["payload"].as_str().expect("text")).collect()
}

#[test]
fn waiting_messages_are_paged_through_and_filtered_and_stay() {
    let name = unique("订单/peek");
    declare(&name, &json!({}));
    for (number, kind) in [(1, "old"), (2, "new"), (3, "old"), (4, "new")] {
        publish(&name, &format!("消息 {number}"), &json!({ "kind": kind }));
    }
    let path = look_path(&name, "messages");
    let page = get(&format!("{path}?count=3"));
    assert_eq!(payloads(&page), ["消息 1", "消息 2", "消息 3"]);
    let first = &page["messages"][0];
    assert_eq!((&first["redelivered"], &first["routing_key"]), (&json!(false), &json!(name)));
    assert_eq!(first["properties"]["headers"], json!({ "kind": "old" }));
    assert!(first["age_ms"].is_u64() && first["payload_bytes"] == 8, "{first}");
    let next = page["next_offset"].as_u64().expect("there is more");
    let rest = get(&format!("{path}?offset={next}"));
    assert_eq!((payloads(&rest), &rest["next_offset"]), (vec!["消息 4"], &Value::Null));
    assert_eq!(payloads(&get(&format!("{path}?header=kind=new"))), ["消息 2", "消息 4"]);
    assert_eq!(payloads(&get(&format!("{path}?text={}", encoded("息 3")))), ["消息 3"]);
    assert_eq!(payloads(&get(&format!("{path}?routing_key=nothing"))), Vec::<&str>::new());
    let cut = get(&format!("{path}?count=1&truncate=4"));
    assert_eq!(
        (payloads(&cut), &cut["messages"][0]["payload_truncated"]),
        (vec!["消"], &json!(true))
    );
    for wrong in ["count=501", "count=x", "offset=-1", "truncate=65537", "offset=99999999999999999"]
    {
        expect(&guest().get(&format!("{path}?{wrong}")), 400);
    }
    let fetch = json!({ "ackmode": "ack_requeue_false", "count": 9, "encoding": "auto" });
    let fetched = guest().post(&format!("{}/get", queue_path(&name)), &fetch).json();
    let fetched = fetched.as_array().expect("a list");
    assert_eq!(fetched.len(), 4, "nobody took any");
    assert!(fetched.iter().all(|one| one["redelivered"] == false), "and nobody can tell");
    expect(&guest().delete(&queue_path(&name)), 204);
}

#[test]
fn what_is_held_is_shown_with_who_holds_it_and_for_how_long() {
    let name = unique("held");
    let mut client = RawClient::with_channel_on(broker());
    client.declare(1, &queue::declare(&name));
    for body in ["a", "b", "c"] {
        client.send_publish(1, &basic::publish("", &name), &[0, 0], body.as_bytes());
    }
    client.call(1, &basic::qos(2), crate::support::id::BASIC_QOS_OK);
    client.consume(1, &basic::consume(&name, "tag"));
    client.expect_deliveries(1, &["a", "b"]);
    client.open_channel(2);
    client.get(2, &name).expect("it is there");
    let held = get(&format!("{}?count=1", look_path(&name, "unacked")));
    assert_eq!((&held["messages_unacknowledged"], &held["is_complete"]), (&json!(3), &json!(true)));
    let holders = held["holders"].as_array().expect("a list");
    let of = |tag: &Value| holders.iter().find(|one| one["consumer_tag"] == *tag).expect("there");
    let consumer = of(&json!("tag"));
    assert_eq!(
        (&consumer["messages_unacknowledged"], &consumer["prefetch_count"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(consumer["channel_details"]["number"], 1);
    assert_eq!((payloads(consumer), consumer["messages"][0]["age_ms"].is_u64()), (vec!["a"], true));
    let fetched = of(&Value::Null);
    assert_eq!((payloads(fetched), &fetched["channel_details"]["number"]), (vec!["c"], &json!(2)));
    client.close();
}

#[test]
fn messages_are_moved_and_nothing_is_lost_on_the_way() {
    let (from, to) = (unique("from"), unique("to"));
    declare(&from, &json!({}));
    declare(&to, &json!({}));
    for number in 0..5 {
        publish(&from, &format!("{number}"), &json!({ "even": number % 2 == 0 }));
    }
    let path = look_path(&from, "move");
    let order = |body: Value| {
        let answer = guest().post(&path, &body);
        expect(&answer, 200);
        answer.json()
    };
    let moved = order(json!({ "to_queue": to, "header": "even=true", "count": 2 }));
    assert_eq!((&moved["moved"], &moved["messages_ready"]), (&json!(2), &json!(3)));
    assert_eq!(payloads(&get(&look_path(&to, "messages"))), ["0", "2"]);
    assert_eq!(payloads(&get(&look_path(&from, "messages"))), ["1", "3", "4"]);
    let moved = order(json!({ "to_exchange": "amq.default", "to_routing_key": to }));
    assert_eq!((&moved["moved"], &moved["complete"]), (&json!(3), &json!(true)));
    assert_eq!(get(&queue_path(&from))["messages"], 0);
    for (body, status) in [
        (json!({}), 400),
        (json!({ "to_queue": "a", "to_exchange": "b" }), 400),
        (json!({ "to_queue": from }), 400),
        (json!({ "to_queue": unique("none") }), 404),
        (json!({ "to_queue": to, "count": -1 }), 400),
    ] {
        expect(&guest().post(&path, &body), status);
    }
    for name in [from, to] {
        expect(&guest().delete(&queue_path(&name)), 204);
    }
}

/// Of the vhost `/`: configure, write and read.
fn reader_of(read: &str, write: &str) -> Http {
    let name = unique("limited");
    user_with(&name, "management");
    let permissions = json!({ "configure": "", "write": write, "read": read });
    expect(&guest().put(&format!("/api/permissions/%2F/{name}"), &permissions), 204);
    nobody().login(&name, "secret")
}

#[test]
fn who_may_not_read_a_queue_sees_no_message_of_it() {
    let (name, other) = (unique("secret"), unique("other"));
    declare(&name, &json!({}));
    declare(&other, &json!({}));
    publish(&name, "secret", &json!({}));
    let blind = reader_of("^nothing$", ".*");
    for what in ["messages", "unacked"] {
        let answer = blind.get(&look_path(&name, what));
        expect(&answer, 401);
        assert!(answer.reason().contains("read access to queue"), "{}", answer.reason());
        expect(&nobody().get(&look_path(&name, what)), 401);
        expect(&guest().get(&look_path("none", what)), 404);
    }
    let to = json!({ "to_queue": other });
    expect(&blind.post(&look_path(&name, "move"), &to), 401);
    let mute = reader_of(".*", "^nothing$");
    expect(&mute.get(&look_path(&name, "messages")), 200);
    expect(&mute.post(&look_path(&name, "move"), &to), 401);
    assert_eq!(get(&queue_path(&name))["messages"], 1);
    let route = "/api/haremq/exchanges/%2F/amq.default/route";
    let told = mute.post(route, &json!({ "routing_key": name })).json();
    assert!(told["refused"].as_str().expect("text").contains("write access"), "{told}");
    for name in [name, other] {
        expect(&guest().delete(&queue_path(&name)), 204);
    }
}

#[test]
fn a_route_is_explained_by_its_path_and_by_what_the_other_bindings_miss() {
    let (topic, direct, hit) = (unique("topic"), unique("direct"), unique("hit"));
    let (missed, rest) = (unique("missed"), unique("rest"));
    for (name, kind) in [(&topic, "topic"), (&direct, "headers")] {
        let body = json!({ "type": kind });
        expect(&guest().put(&format!("/api/exchanges/%2F/{name}"), &body), 201);
    }
    for name in [&hit, &missed, &rest] {
        declare(name, &json!({}));
    }
    let bind = |kind: &str, source: &str, to: &str, body: Value| {
        let path = format!("/api/bindings/%2F/e/{source}/{kind}/{to}");
        expect(&guest().post(&path, &body), 201);
    };
    bind("e", &topic, &direct, json!({ "routing_key": "order.*" }));
    bind("q", &topic, &rest, json!({ "routing_key": "invoice.#" }));
    bind("q", &direct, &hit, json!({ "arguments": { "region": "eu" } }));
    bind("q", &direct, &missed, json!({ "arguments": { "region": "us" } }));
    let route = |body: Value| {
        let answer = guest().post(&format!("/api/haremq/exchanges/%2F/{topic}/route"), &body);
        expect(&answer, 200);
        answer.json()
    };
    let told = route(json!({ "routing_key": "order.new", "headers": { "region": "eu" } }));
    assert_eq!((&told["routed"], &told["queues_total"]), (&json!(true), &json!(1)));
    let path = &told["queues"][0]["path"];
    let to: Vec<_> = path.as_array().expect("a list").iter().map(|hop| hop["to"].clone()).collect();
    assert_eq!(to, [json!(topic), json!(direct), json!(hit)]);
    assert_eq!(path[1]["by"]["routing_key"], "order.*");
    let why = |step: usize| told["steps"][step]["unmatched"][0]["why"].as_str().expect("text");
    assert_eq!(why(0), "word 1 of the key is 'order', and the pattern wants 'invoice'");
    assert!(why(1).starts_with("header 'region' is"), "{}", why(1));
    let told = route(json!({ "routing_key": "other" }));
    assert_eq!(
        (&told["routed"], &told["steps"][0]["outcome"]),
        (&json!(false), &json!("unrouted"))
    );
    expect(&guest().post("/api/haremq/exchanges/%2F/none/route", &json!({})), 404);
    let wrong = json!({ "headers": 1 });
    expect(&guest().post("/api/haremq/exchanges/%2F/amq.topic/route", &wrong), 400);
    for name in [&hit, &missed, &rest] {
        expect(&guest().delete(&queue_path(name)), 204);
    }
    for name in [&topic, &direct] {
        expect(&guest().delete(&format!("/api/exchanges/%2F/{name}")), 204);
    }
}

#[test]
fn each_setting_of_a_queue_says_who_set_it() {
    let name = unique("settings");
    let (policy, operator) = (unique("policy"), unique("operator"));
    declare(&name, &json!({ "x-max-length": 100, "x-queue-type": "classic" }));
    let pattern = format!("^{name}$");
    let body = json!({
        "pattern": pattern, "definition": { "max-length": 50, "message-ttl": 1000 }, "apply-to": "queues",
    });
    expect(&guest().put(&format!("/api/policies/%2F/{policy}"), &body), 201);
    let body =
        json!({ "pattern": pattern, "definition": { "max-length": 10 }, "apply-to": "queues" });
    expect(&guest().put(&format!("/api/operator-policies/%2F/{operator}"), &body), 201);
    let told = get(&look_path(&name, "settings"));
    let all = told["settings"].as_array().expect("a list");
    let of = |key: &str| all.iter().find(|one| one["key"] == key).expect("it is there");
    let length = of("max-length");
    assert_eq!((&length["value"], &length["origin"]), (&json!(10), &json!("operator_policy")));
    assert_eq!(length["policy"], json!(operator));
    let said: Vec<_> =
        length["said"].as_array().expect("a list").iter().map(|one| one["value"].clone()).collect();
    assert_eq!(said, [json!(100), json!(50), json!(10)]);
    assert_eq!(
        (&of("message-ttl")["value"], &of("message-ttl")["policy"]),
        (&json!(1000), &json!(policy))
    );
    assert_eq!(of("queue-type")["origin"], "argument");
    assert_eq!(
        (&of("overflow")["value"], &of("overflow")["origin"]),
        (&json!("drop-head"), &json!("default"))
    );
    expect(&guest().delete(&format!("/api/policies/%2F/{policy}")), 204);
    expect(&guest().delete(&format!("/api/operator-policies/%2F/{operator}")), 204);
    expect(&guest().delete(&queue_path(&name)), 204);
}

#[test]
fn a_policy_is_previewed_with_what_it_would_be_in_force_for() {
    let prefix = unique("preview");
    let (one, two, policy) = (format!("{prefix}-a"), format!("{prefix}-b"), unique("stronger"));
    declare(&one, &json!({}));
    declare(&two, &json!({}));
    let body = json!({
        "pattern": format!("^{two}$"), "definition": { "max-length": 1 }, "priority": 5, "apply-to": "queues",
    });
    expect(&guest().put(&format!("/api/policies/%2F/{policy}"), &body), 201);
    let preview = |body: Value| {
        let answer = guest().post("/api/haremq/policies/preview", &body);
        expect(&answer, 200);
        answer.json()
    };
    let pattern = format!("^{prefix}");
    let told = preview(json!({ "vhost": "/", "pattern": pattern, "apply-to": "all" }));
    assert_eq!((&told["queues"]["total"], &told["queues"]["in_force"]), (&json!(2), &json!(1)));
    let names = &told["queues"]["names"];
    assert_eq!(names[0], json!({ "name": one, "in_force": true, "instead": null }));
    assert_eq!(names[1], json!({ "name": two, "in_force": false, "instead": policy }));
    assert_eq!(told["exchanges"]["total"], 0);
    let told =
        preview(json!({ "vhost": "/", "pattern": pattern, "priority": 9, "apply-to": "queues" }));
    assert_eq!(told["queues"]["in_force"], 2);
    let told = preview(json!({ "vhost": "/", "pattern": "^amq\\.", "apply-to": "exchanges" }));
    assert!(told["exchanges"]["total"].as_u64() >= Some(6), "{told}");
    for (body, status) in [
        (json!({ "vhost": "/", "pattern": "(" }), 400),
        (json!({ "pattern": "x" }), 400),
        (json!({ "vhost": "none", "pattern": "x" }), 404),
    ] {
        expect(&guest().post("/api/haremq/policies/preview", &body), status);
    }
    expect(&guest().delete(&format!("/api/policies/%2F/{policy}")), 204);
    for name in [one, two] {
        expect(&guest().delete(&queue_path(&name)), 204);
    }
}

/// Events of a tail that has begun, until one of them holds this text.
struct Tailed {
    stream: std::net::TcpStream,
    text: String,
}

impl Tailed {
    fn open(path: &str) -> Self {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(broker().management()).expect("it listens");
        stream.set_read_timeout(Some(crate::support::GUARD)).expect("above zero");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: b\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut tailed = Self { stream, text: String::new() };
        tailed.wait_for("event: counts");
        tailed
    }

    fn wait_for(&mut self, words: &str) {
        use std::io::Read as _;
        let mut piece = [0; 4096];
        while !self.text.contains(words) {
            let len = self.stream.read(&mut piece).expect("it comes in time");
            assert!(len > 0, "it ended without {words}: {}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&piece[..len]));
        }
    }
}

#[test]
fn what_is_published_to_a_queue_is_followed_without_taking_it() {
    let name = unique("tailed");
    declare(&name, &json!({}));
    let mut tailed = Tailed::open(&format!("/api/haremq/tail/queue/%2F/{name}?header=kind=new"));
    assert!(tailed.text.contains("content-type: text/event-stream"), "{}", tailed.text);
    publish(&name, "old one", &json!({ "kind": "old" }));
    publish(&name, "消息", &json!({ "kind": "new" }));
    tailed.wait_for("\"payload\":\"消息\"");
    tailed.wait_for("\"seen\":2");
    assert!(!tailed.text.contains("old one"), "{}", tailed.text);
    assert_eq!(get(&queue_path(&name))["messages"], 2, "nothing was taken");
    expect(&guest().delete(&queue_path(&name)), 204);
    tailed.wait_for("event: end");
}

#[test]
fn what_is_published_to_an_exchange_is_followed_by_a_queue_that_goes_with_the_page() {
    let name = unique("tailed");
    let path = format!("/api/exchanges/%2F/{name}");
    expect(&guest().put(&path, &json!({ "type": "topic" })), 201);
    let bindings = || get(&format!("{path}/bindings/source")).as_array().map(Vec::len);
    let mut tailed = Tailed::open(&format!("/api/haremq/tail/exchange/%2F/{name}?key=a.%23"));
    assert_eq!(bindings(), Some(1));
    for key in ["b.x", "a.x"] {
        let body = json!({
            "routing_key": key, "payload": key, "payload_encoding": "string", "properties": {},
        });
        expect(&guest().post(&format!("{path}/publish"), &body), 200);
    }
    tailed.wait_for("\"payload\":\"a.x\"");
    assert!(!tailed.text.contains("b.x"), "{}", tailed.text);
    expect(&guest().delete(&path), 204);
    tailed.wait_for("event: end");
}

#[test]
fn a_tail_that_would_change_where_messages_go_is_refused() {
    let tail = |name: &str| guest().get(&format!("/api/haremq/tail/exchange/%2F/{name}"));
    for (kind, more) in [
        ("x-consistent-hash", json!({})),
        ("x-random", json!({})),
        ("direct", json!({})),
        ("fanout", json!({ "auto_delete": true })),
        ("topic", json!({ "arguments": { "alternate-exchange": "amq.fanout" } })),
    ] {
        let name = unique("untailed");
        let mut body = more;
        body["type"] = json!(kind);
        expect(&guest().put(&format!("/api/exchanges/%2F/{name}"), &body), 201);
        let answer = tail(&name);
        expect(&answer, 400);
        assert!(answer.reason().contains("cannot be tailed"), "{kind}: {}", answer.reason());
        expect(&guest().delete(&format!("/api/exchanges/%2F/{name}")), 204);
    }
    expect(&tail("amq.default"), 400);
    expect(&tail("none"), 404);
    let blind = reader_of("^nothing$", ".*");
    expect(&blind.get("/api/haremq/tail/exchange/%2F/amq.topic"), 401);
}
