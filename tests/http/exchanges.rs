//! Exchanges, what is published to them, and bindings.

use serde_json::{Value, json};

use super::{broker, encoded, expect, guest, named};
use crate::support::methods::queue;
use crate::support::{Broker, Http, RawClient, unique};

fn publish(exchange: &str, key: &str) -> crate::support::Answer {
    let body = json!({
        "routing_key": key, "payload": "x", "payload_encoding": "string", "properties": [],
    });
    guest().post(&format!("/api/exchanges/%2F/{exchange}/publish"), &body)
}

/// A new exchange of this type.
fn new_exchange(kind: &str) -> String {
    let name = unique(kind);
    expect(&guest().put(&format!("/api/exchanges/%2F/{name}"), &json!({ "type": kind })), 201);
    name
}

fn new_queue() -> String {
    let name = unique("bound");
    expect(&guest().put(&format!("/api/queues/%2F/{name}"), &json!({})), 201);
    name
}

fn clean_up(exchanges: &[&str], queues: &[&str]) {
    for exchange in exchanges {
        expect(&guest().delete(&format!("/api/exchanges/%2F/{exchange}")), 204);
    }
    for queue in queues {
        expect(&guest().delete(&format!("/api/queues/%2F/{queue}")), 204);
    }
}

#[test]
fn an_exchange_is_declared_seen_and_deleted() {
    let name = unique("交换");
    let path = format!("/api/exchanges/%2F/{}", encoded(&name));
    let body = json!({
        "type": "topic", "durable": true, "auto_delete": false, "internal": "false",
        "arguments": { "alternate-exchange": "amq.fanout" },
    });
    expect(&guest().put(&path, &body), 201);
    expect(&guest().put(&path, &body), 204);
    let shown = guest().get(&path).json();
    assert_eq!(
        shown,
        json!({
            "name": name, "vhost": "/", "type": "topic", "durable": true, "auto_delete": false,
            "internal": false, "arguments": { "alternate-exchange": "amq.fanout" },
            "incoming": [], "outgoing": [],
        })
    );
    assert!(named(&guest().get("/api/exchanges").json(), &name).is_some());
    let other = guest().put(&path, &json!({ "type": "direct", "durable": true }));
    expect(&other, 400);
    assert!(other.reason().starts_with("inequivalent arg 'type' for exchange"));
    expect(&guest().put(&path, &json!({ "type": "none" })), 400);
    expect(&guest().delete(&path), 204);
    expect(&guest().get(&path), 404);
    expect(&guest().delete(&path), 404);
    let system = guest().delete("/api/exchanges/%2F/amq.direct");
    expect(&system, 401);
    assert!(system.reason().contains("system exchange 'amq.direct'"), "{}", system.reason());
}

#[test]
fn predeclared_exchanges_are_there_and_the_default_one_has_a_name_for_paths() {
    let all = guest().get("/api/exchanges/%2F").json();
    for name in ["", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"] {
        let found = named(&all, name).expect(name);
        assert_eq!(found["user_who_performed_action"], "rmq-internal");
    }
    assert_eq!(guest().get("/api/exchanges/%2F/amq.default").json()["name"], "");
    expect(&guest().put("/api/exchanges/%2F/amq.default", &json!({ "type": "direct" })), 401);
}

#[test]
fn a_publish_says_whether_it_was_routed() {
    let (exchange, queue) = (new_exchange("direct"), new_queue());
    let unrouted = publish(&exchange, "k");
    expect(&unrouted, 200);
    assert_eq!(unrouted.json(), json!({ "routed": false }));
    let bind = format!("/api/bindings/%2F/e/{exchange}/q/{queue}");
    expect(&guest().post(&bind, &json!({ "routing_key": "k" })), 201);
    assert_eq!(publish(&exchange, "k").json(), json!({ "routed": true }));
    assert_eq!(publish("amq.default", &queue).json(), json!({ "routed": true }));
    expect(&publish("none", "k"), 404);
    let internal = unique("internal");
    let declare = json!({ "type": "fanout", "internal": true });
    expect(&guest().put(&format!("/api/exchanges/%2F/{internal}"), &declare), 201);
    let refused = publish(&internal, "k");
    expect(&refused, 401);
    assert!(refused.reason().starts_with("ACCESS_REFUSED - cannot publish to internal exchange"));
    clean_up(&[&exchange, &internal], &[&queue]);
}

#[test]
fn a_publish_that_cannot_be_is_refused_with_its_reason() {
    let post = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({
            "routing_key": "k", "payload": "x", "payload_encoding": "string", "properties": {},
        });
        change(&mut body);
        guest().post("/api/exchanges/%2F/amq.direct/publish", &body)
    };
    expect(&post(&|_| {}), 200);
    for key in ["routing_key", "payload", "payload_encoding", "properties"] {
        let missing = post(&|body| drop(body.as_object_mut().expect("an object").remove(key)));
        expect(&missing, 400);
        assert!(missing.reason().contains(key), "{}", missing.reason());
    }
    expect(&post(&|body| body["payload_encoding"] = json!("hex")), 400);
    expect(&post(&|body| body["payload"] = json!(1)), 400);
    expect(&post(&|body| body["routing_key"] = json!("k".repeat(256))), 400);
    expect(&post(&|body| body["properties"] = json!({ "expiration": "soon" })), 400);
    expect(&post(&|body| body["properties"] = json!({ "delivery_mode": "2" })), 400);
    let other = post(&|body| body["properties"] = json!({ "user_id": "somebody" }));
    expect(&other, 400);
    assert_eq!(
        other.reason(),
        "406 PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was \
         'guest'"
    );
    let queue = unique("full");
    let arguments = json!({ "x-max-length": 0, "x-overflow": "reject-publish" });
    let declare = json!({ "arguments": arguments });
    expect(&guest().put(&format!("/api/queues/%2F/{queue}"), &declare), 201);
    let rejected = publish("amq.default", &queue);
    expect(&rejected, 400);
    assert_eq!(rejected.reason(), "rejected Unable to publish message. Check queue limits.");
    clean_up(&[], &[&queue]);
}

#[test]
fn a_binding_is_made_found_by_its_key_and_taken_away() {
    let (exchange, queue) = (new_exchange("topic"), new_queue());
    let between = format!("/api/bindings/%2F/e/{exchange}/q/{queue}");
    for (key, arguments) in [
        ("", json!({})),
        ("a.b", json!({})),
        ("二 ~/+%41", json!({})),
        ("a.b", json!({ "x": 1, "t": { "in": [1, 2] } })),
        ("", json!({ "x": 2 })),
    ] {
        let body = json!({ "routing_key": key, "arguments": arguments });
        let made = guest().post(&between, &body);
        expect(&made, 201);
        let location = made.header("location").expect("it says where").to_owned();
        let encoded_key = location.strip_prefix(&format!("{queue}/")).expect("beside the queue");
        let one = guest().get(&format!("{between}/{encoded_key}"));
        expect(&one, 200);
        let one = one.json();
        assert_eq!((&one["routing_key"], &one["arguments"]), (&json!(key), &arguments));
        assert_eq!((&one["source"], &one["destination"]), (&json!(exchange), &json!(queue)));
        assert_eq!((&one["destination_type"], &one["vhost"]), (&json!("queue"), &json!("/")));
        for list in [
            between.clone(),
            "/api/bindings".to_owned(),
            "/api/bindings/%2F".to_owned(),
            format!("/api/exchanges/%2F/{exchange}/bindings/source"),
            format!("/api/queues/%2F/{queue}/bindings"),
        ] {
            let all = guest().get(&list).json();
            assert!(all.as_array().expect("a list").contains(&one), "{list}");
        }
        expect(&guest().post(&between, &body), 201);
        expect(&guest().delete(&format!("{between}/{encoded_key}")), 204);
        expect(&guest().delete(&format!("{between}/{encoded_key}")), 404);
    }
    assert_eq!(guest().get(&between).json(), json!([]));
    assert_eq!(guest().get(&format!("/api/queues/%2F/{queue}/bindings")).json(), implied(&queue));
    clean_up(&[&exchange], &[&queue]);
}

/// The binding to the default exchange, as a list.
fn implied(queue: &str) -> Value {
    json!([{
        "source": "", "vhost": "/", "destination": queue, "destination_type": "queue",
        "routing_key": queue, "arguments": {}, "properties_key": queue,
    }])
}

#[test]
fn exchanges_are_bound_to_exchanges() {
    let (from, to) = (new_exchange("fanout"), new_exchange("direct"));
    let between = format!("/api/bindings/%2F/e/{from}/e/{to}");
    let made = guest().post(&between, &json!({}));
    expect(&made, 201);
    assert_eq!(made.header("location"), Some(&*format!("{to}/~")));
    let all = guest().get(&between).json();
    assert_eq!(all[0]["destination_type"], "exchange");
    assert_eq!(all[0]["properties_key"], "~");
    let seen = guest().get(&format!("/api/exchanges/%2F/{to}/bindings/destination")).json();
    assert_eq!(seen, all);
    expect(&guest().delete(&format!("{between}/~")), 204);
    clean_up(&[&from, &to], &[]);
}

#[test]
fn a_binding_needs_its_ends_and_the_default_exchange_has_its_own() {
    let queue = new_queue();
    let post = |path: String| guest().post(&path, &json!({ "routing_key": "k" }));
    let no_source = post(format!("/api/bindings/%2F/e/none/q/{queue}"));
    expect(&no_source, 404);
    assert_eq!(no_source.reason(), "no exchange 'none' in vhost '/'");
    expect(&post("/api/bindings/%2F/e/amq.direct/q/none".to_owned()), 404);
    expect(&post(format!("/api/bindings/%2F/e/amq.default/q/{queue}")), 401);
    let own = guest().get(&format!("/api/bindings/%2F/e/amq.default/q/{queue}"));
    assert_eq!(own.json(), implied(&queue));
    expect(&guest().get(&format!("/api/bindings/%2F/e/amq.direct/q/{queue}/a~b~c")), 400);
    clean_up(&[], &[&queue]);
}

#[test]
fn what_amqp_bound_with_any_bytes_can_be_unbound() {
    let (exchange, name) = (new_exchange("direct"), new_queue());
    let mut client = RawClient::with_channel_on(broker());
    let bind = queue::bind(&name, &exchange, [0xff, 0x00, b'~']);
    client.call(1, &bind, crate::support::id::QUEUE_BIND_OK).end();
    let between = format!("/api/bindings/%2F/e/{exchange}/q/{name}");
    let all = guest().get(&between).json();
    assert_eq!(all[0]["routing_key"], "Not UTF-8, base64 is: /wB+");
    let key = all[0]["properties_key"].as_str().expect("a key").replace('%', "%25");
    expect(&guest().delete(&format!("{between}/{key}")), 204);
    assert_eq!(guest().get(&between).json(), json!([]));
    client.close();
    clean_up(&[&exchange], &[&name]);
}

#[test]
fn publishing_counts_as_a_connection_of_its_user() {
    let broker = Broker::start(&[]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    let limit = guest.put("/api/user-limits/guest/max-connections", &json!({ "value": 0 }));
    expect(&limit, 204);
    let body = json!({
        "routing_key": "", "payload": "", "payload_encoding": "string", "properties": {},
    });
    let refused = guest.post("/api/exchanges/%2F/amq.fanout/publish", &body);
    expect(&refused, 401);
    assert_eq!(
        refused.reason(),
        "NOT_ALLOWED - connection refused for user 'guest': user connection limit (0) is reached"
    );
    expect(&guest.put("/api/queues/%2F/q", &json!({})), 201);
}
