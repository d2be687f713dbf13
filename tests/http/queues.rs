//! Queues: declared, seen, emptied, deleted, fetched from.

use serde_json::{Value, json};

use super::{broker, encoded, expect, guest, named, nobody, user_with};
use crate::support::methods::{basic, queue};
use crate::support::{Http, RawClient, unique};

/// The path of a queue in `/`, as a browser writes it.
fn path(name: &str) -> String {
    format!("/api/queues/%2F/{}", encoded(name))
}

/// A new queue; its path.
fn new_queue(name: &str, arguments: &Value) -> String {
    let path = path(name);
    expect(&guest().put(&path, &json!({ "durable": true, "arguments": arguments })), 201);
    path
}

fn publish(key: &str, payload: &str) {
    let body = json!({
        "routing_key": key, "payload": payload, "payload_encoding": "string", "properties": {},
    });
    let answer = guest().post("/api/exchanges/%2F/amq.default/publish", &body);
    expect(&answer, 200);
    assert_eq!(answer.json(), json!({ "routed": true }));
}

fn fetch(path: &str, ackmode: &str, count: u64) -> Value {
    let body = json!({ "ackmode": ackmode, "count": count, "encoding": "auto" });
    let answer = guest().post(&format!("{path}/get"), &body);
    expect(&answer, 200);
    answer.json()
}

fn payloads(fetched: &Value) -> Vec<(&str, bool)> {
    let fetched = fetched.as_array().expect("a list").iter();
    fetched
        .map(|one| {
            let redelivered = one["redelivered"].as_bool().expect("a truth value");
            (one["payload"].as_str().expect("text"), redelivered)
        })
        .collect()
}

#[test]
fn a_queue_of_any_name_is_declared_seen_and_deleted() {
    for name in [unique("订单"), unique("a/b c%2F+?#~"), unique("plain")] {
        let arguments = json!({
            "x-max-length": 10, "x-overflow": "reject-publish", "flag": true, "half": 0.5,
            "list": [1, "二", { "deep": {} }],
        });
        let path = new_queue(&name, &arguments);
        let shown = guest().get(&path).json();
        for (key, value) in [
            ("name", json!(name)),
            ("vhost", json!("/")),
            ("type", json!("classic")),
            ("durable", json!(true)),
            ("auto_delete", json!(false)),
            ("exclusive", json!(false)),
            ("state", json!("running")),
            ("arguments", arguments.clone()),
            ("messages", json!(0)),
            ("effective_policy_definition", json!({})),
            ("consumer_details", json!([])),
        ] {
            assert_eq!(shown[key], value, "{key}");
        }
        for all in ["/api/queues", "/api/queues/%2F", "/api/queues/detailed"] {
            assert!(named(&guest().get(all).json(), &name).is_some(), "{all}");
        }
        let again = json!({ "durable": "true", "arguments": arguments });
        expect(&guest().put(&path, &again), 204);
        expect(&guest().delete(&path), 204);
        expect(&guest().get(&path), 404);
        expect(&guest().delete(&path), 404);
    }
}

#[test]
fn a_second_declare_must_say_the_same_and_arguments_must_be_good() {
    let name = unique("same");
    let path = new_queue(&name, &json!({}));
    let other = guest().put(&path, &json!({ "durable": false }));
    expect(&other, 400);
    assert_eq!(
        other.reason(),
        format!(
            "inequivalent arg 'durable' for queue '{name}' in vhost '/': received 'false' but \
             current is 'true'"
        )
    );
    for wrong in [
        json!({ "arguments": { "x-message-ttl": -1 } }),
        json!({ "arguments": { "x": null } }),
        json!({ "arguments": "x" }),
        json!({ "durable": 1 }),
        json!([]),
    ] {
        expect(&guest().put(&format!("/api/queues/%2F/{}", unique("wrong")), &wrong), 400);
    }
    expect(&guest().send("PUT", &path, &[], "{"), 400);
    expect(&guest().put("/api/queues/none/q", &json!({})), 404);
    expect(&guest().put("/api/queues/%2F/amq.mine", &json!({})), 401);
    expect(&guest().delete(&path), 204);
}

#[test]
fn messages_go_back_or_are_gone_as_the_ackmode_says() {
    let name = unique("fetched");
    let path = new_queue(&name, &json!({}));
    publish(&name, "a");
    publish(&name, "b");
    for mode in ["ack_requeue_true", "reject_requeue_true"] {
        assert_eq!(fetch(&path, mode, 9).as_array().map(Vec::len), Some(2));
        assert_eq!(guest().get(&path).json()["messages_ready"], 2);
    }
    assert_eq!(payloads(&fetch(&path, "reject_requeue_false", 1)), [("a", true)]);
    assert_eq!(payloads(&fetch(&path, "ack_requeue_false", 9)), [("b", true)]);
    assert_eq!(fetch(&path, "ack_requeue_false", 9), json!([]));
    let shown = guest().get(&path).json();
    assert_eq!((&shown["messages"], &shown["message_stats"]["publish"]), (&json!(0), &json!(2)));
    assert!(shown["message_stats"]["deliver_get_details"]["rate"].is_number());
    expect(&guest().delete(&path), 204);
}

#[test]
fn a_message_is_shown_with_everything_that_it_carries() {
    let name = unique("shown");
    let path = new_queue(&name, &json!({}));
    let properties = json!({
        "content_type": "text/plain", "delivery_mode": 2, "priority": 3, "timestamp": 1_700_000_000,
        "correlation_id": "c", "reply_to": "r", "expiration": "60000", "message_id": "m",
        "type": "t", "user_id": "guest", "app_id": "a",
        "headers": { "n": 1, "s": "二", "l": [true, { "x": 1.5 }] },
    });
    let publish = |payload: &str, encoding: &str| {
        let body = json!({
            "routing_key": name, "payload": payload, "payload_encoding": encoding,
            "properties": properties,
        });
        expect(&guest().post("/api/exchanges/%2F/amq.default/publish", &body), 200);
    };
    publish("二", "string");
    publish("/wA=", "base64");
    let all = fetch(&path, "ack_requeue_true", 9);
    let expected = |payload, encoding, bytes, left| {
        json!({
            "payload": payload, "payload_encoding": encoding, "payload_bytes": bytes,
            "message_count": left, "exchange": "", "routing_key": name, "redelivered": false,
            "properties": properties,
        })
    };
    assert_eq!(all, json!([expected("二", "string", 3, 1), expected("/wA=", "base64", 2, 0)]));
    let cut = json!({
        "ackmode": "ack_requeue_false", "count": 1, "encoding": "base64", "truncate": 1,
    });
    let cut = guest().post(&format!("{path}/get"), &cut).json();
    let shown = (&cut[0]["payload"], &cut[0]["payload_bytes"], &cut[0]["payload_encoding"]);
    assert_eq!(shown, (&json!("5A=="), &json!(3), &json!("base64")));
    expect(&guest().delete(&path), 204);
}

#[test]
fn wrong_questions_for_messages_are_refused() {
    let name = unique("asked");
    let path = new_queue(&name, &json!({}));
    for wrong in [
        json!({ "count": 1, "encoding": "auto" }),
        json!({ "ackmode": "maybe", "count": 1, "encoding": "auto" }),
        json!({ "ackmode": "ack_requeue_true", "encoding": "auto" }),
        json!({ "ackmode": "ack_requeue_true", "count": -1, "encoding": "auto" }),
        json!({ "ackmode": "ack_requeue_true", "count": 1, "encoding": "rot13" }),
    ] {
        expect(&guest().post(&format!("{path}/get"), &wrong), 400);
    }
    let good = json!({ "ackmode": "ack_requeue_true", "count": "1", "encoding": "auto" });
    expect(&guest().post("/api/queues/%2F/none/get", &good), 404);
    expect(&guest().post(&format!("{path}/get"), &good), 200);
    expect(&guest().delete(&path), 204);
}

#[test]
fn a_queue_is_emptied_and_deleted_only_as_was_asked() {
    let name = unique("emptied");
    let path = new_queue(&name, &json!({}));
    publish(&name, "x");
    let full = guest().delete(&format!("{path}?if-empty=true"));
    expect(&full, 400);
    assert_eq!(full.reason(), format!("queue '{name}' in vhost '/' not empty"));
    expect(&guest().delete(&format!("{path}/contents")), 204);
    let mut client = RawClient::with_channel_on(broker());
    client.consume(1, &basic::consume(&name, "c"));
    let used = guest().delete(&format!("{path}?if-unused=true&if-empty=true"));
    expect(&used, 400);
    assert_eq!(used.reason(), format!("queue '{name}' in vhost '/' in use"));
    client.close();
    expect(&guest().delete(&format!("{path}?if-empty=true")), 204);
    expect(&guest().delete(&format!("{path}/contents")), 404);
}

#[test]
fn a_queue_of_a_connection_is_that_connections() {
    let mut client = RawClient::with_channel_on(broker());
    let name = client.exclusive_queue(1);
    let shown = guest().get(&path(&name)).json();
    assert_eq!(shown["exclusive"], true);
    let owner = shown["owner_pid_details"]["name"].as_str().expect("a name").to_owned();
    assert!(owner.ends_with(&format!(" -> 127.0.0.1:{}", broker().port())), "{owner}");
    let locked = guest().delete(&format!("{}/contents", path(&name)));
    expect(&locked, 400);
    assert!(locked.reason().starts_with("cannot obtain exclusive access to locked queue"));
    client.declare(1, &queue::declare(&name).with(1));
    client.close();
}

#[test]
fn consumers_are_seen_in_their_queue_and_in_lists() {
    let name = unique("consumed");
    let path = new_queue(&name, &json!({}));
    let mut client = RawClient::with_channel_on(broker());
    client.call(1, &basic::qos(7), crate::support::id::BASIC_QOS_OK).end();
    client.consume(1, &basic::consume(&name, "the-tag"));
    let shown = guest().get(&path).json();
    assert_eq!(shown["consumers"], 1);
    let consumer = &shown["consumer_details"][0];
    for (key, value) in [
        ("consumer_tag", json!("the-tag")),
        ("queue", json!({ "name": name, "vhost": "/" })),
        ("ack_required", json!(true)),
        ("exclusive", json!(false)),
        ("active", json!(true)),
        ("activity_status", json!("up")),
        ("prefetch_count", json!(7)),
        ("arguments", json!({})),
    ] {
        assert_eq!(consumer[key], value, "{key}");
    }
    assert_eq!(consumer["channel_details"]["number"], 1);
    assert_eq!(consumer["channel_details"]["user"], "guest");
    for list in ["/api/consumers", "/api/consumers/%2F"] {
        let all = guest().get(list).json();
        assert!(all.as_array().expect("a list").contains(consumer), "{list}");
    }
    client.close();
    expect(&guest().delete(&path), 204);
}

#[test]
fn a_page_holds_what_was_asked_for_in_its_order() {
    let word = unique("paged");
    let names: Vec<String> = (0..7).map(|number| format!("{word}-{number}")).collect();
    for name in &names {
        new_queue(name, &json!({}));
    }
    publish(&names[3], "x");
    let page = |query: &str| -> Value {
        let answer = guest().get(&format!("/api/queues/%2F?page=1&name={word}&{query}"));
        expect(&answer, 200);
        answer.json()
    };
    let names_of = |page: &Value| -> Vec<Value> {
        let items = page["items"].as_array().expect("items").iter();
        items.map(|item| item["name"].clone()).collect()
    };
    let first = page("page_size=3");
    assert_eq!(names_of(&first), names[..3]);
    assert_eq!((&first["filtered_count"], &first["page_count"]), (&json!(7), &json!(3)));
    assert!(first["items"][0]["message_stats"].is_object(), "described as in a list");
    assert_eq!(names_of(&page("page_size=2&sort=name&sort_reverse=true")), [&*names[6], &names[5]]);
    for column in ["messages", "messages_ready", "message_stats.publish"] {
        let by = page(&format!("page_size=1&sort={column}&sort_reverse=true&columns=name"));
        assert_eq!(by["items"], json!([{ "name": names[3] }]), "{column}");
    }
    let bare = guest().get("/api/queues/%2F?columns=name,messages&sort=name").json();
    assert_eq!(named(&bare, &names[3]), Some(&json!({ "name": names[3], "messages": 1 })));
    let basic = guest().get("/api/queues/%2F?disable_stats=true").json();
    assert_eq!(named(&basic, &names[3]).map(|queue| queue["messages"].clone()), Some(Value::Null));
    let totals = guest().get("/api/queues/%2F?disable_stats=true&enable_queue_totals=true").json();
    assert_eq!(named(&totals, &names[3]).map(|queue| queue["messages"].clone()), Some(json!(1)));
    for name in &names {
        expect(&guest().delete(&path(name)), 204);
    }
}

#[test]
fn a_queue_tells_the_policies_that_are_in_force() {
    let name = unique("ruled");
    let path = new_queue(&name, &json!({}));
    let policy = |definition: Value| json!({ "pattern": format!("^{name}$"), "definition": definition, "apply-to": "queues" });
    let user = policy(json!({ "max-length": 10, "expires": 90_000, "overflow": "reject-publish" }));
    expect(&guest().put(&format!("/api/policies/%2F/{name}"), &user), 201);
    let operator = policy(json!({ "max-length": 5, "expires": 99_000 }));
    expect(&guest().put(&format!("/api/operator-policies/%2F/{name}"), &operator), 201);
    let shown = guest().get(&path).json();
    assert_eq!((&shown["policy"], &shown["operator_policy"]), (&json!(name), &json!(name)));
    assert_eq!(
        shown["effective_policy_definition"],
        json!({ "max-length": 5, "expires": 90_000, "overflow": "reject-publish" })
    );
    for kind in ["policies", "operator-policies"] {
        expect(&guest().delete(&format!("/api/{kind}/%2F/{name}")), 204);
    }
    expect(&guest().delete(&path), 204);
}

#[test]
fn a_user_sees_and_does_what_it_may() {
    let (name, user) = (unique("private"), unique("user"));
    let path = new_queue(&name, &json!({}));
    let own = user_with(&user, "management");
    let nothing = json!({ "configure": "^$", "write": "^$", "read": "^$" });
    expect(&guest().put(&format!("/api/permissions/%2F/{user}"), &nothing), 204);
    expect(&own.get(&path), 200);
    let refused = own.put(&format!("/api/queues/%2F/{}", unique("new")), &json!({}));
    expect(&refused, 401);
    assert!(refused.reason().starts_with("configure access to queue"), "{}", refused.reason());
    expect(&own.delete(&path), 401);
    expect(&own.delete(&format!("{path}/contents")), 401);
    let get = json!({ "ackmode": "ack_requeue_true", "count": 1, "encoding": "auto" });
    let refused = own.post(&format!("{path}/get"), &get);
    expect(&refused, 401);
    assert!(refused.reason().starts_with("ACCESS_REFUSED - read access to queue"));
    expect(&guest().delete(&format!("/api/permissions/%2F/{user}")), 204);
    let unseen = |http: &Http, path: &str| expect(&http.get(path), 401);
    unseen(&own, &path);
    unseen(&own, "/api/queues/%2F");
    assert_eq!(own.get("/api/queues").json(), json!([]));
    unseen(&nobody(), "/api/queues");
    expect(&guest().delete(&path), 204);
}

#[test]
fn mirrors_that_are_not_there_need_no_action() {
    let path = new_queue(&unique("mirrored"), &json!({}));
    let act = |action: &str| guest().post(&format!("{path}/actions"), &json!({ "action": action }));
    expect(&act("sync"), 204);
    expect(&act("explode"), 400);
    expect(&guest().delete(&path), 204);
}
