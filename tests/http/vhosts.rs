//! Virtual hosts, the overview and the name of the cluster.

use serde_json::json;

use super::{broker, expect, guest, named, nobody, user_with};
use crate::support::{Login, RawClient, unique};

#[test]
fn a_vhost_is_made_changed_and_deleted() {
    let name = unique("vhost");
    let path = format!("/api/vhosts/{name}");
    let body = json!({ "description": "of ann", "tags": "a,b", "default_queue_type": "quorum" });
    expect(&guest().put(&path, &body), 201);
    expect(&guest().put(&path, &json!({ "tracing": true })), 204);
    let made = guest().get(&path);
    expect(&made, 200);
    let made = made.json();
    assert_eq!(made["description"], "of ann", "what is not said stays");
    assert_eq!((&made["tags"], &made["tracing"]), (&json!(["a", "b"]), &json!(true)));
    assert_eq!(made["metadata"]["default_queue_type"], "quorum");
    assert!(named(&guest().get("/api/vhosts").json(), &name).is_some());
    expect(&guest().delete(&path), 204);
    let gone = guest().get(&path);
    expect(&gone, 404);
    assert_eq!(gone.reason(), "vhost_not_found");
    expect(&guest().delete(&path), 404);
}

#[test]
fn a_vhost_with_a_wrong_description_is_not_made() {
    let path = format!("/api/vhosts/{}", unique("wrong"));
    for wrong in [
        json!({ "default_queue_type": "none" }),
        json!({ "tracing": 1 }),
        json!({ "tags": { "a": 1 } }),
    ] {
        expect(&guest().put(&path, &wrong), 400);
    }
    expect(&guest().get(&path), 404);
    let long = format!("/api/vhosts/{}", "x".repeat(256));
    expect(&guest().put(&long, &json!({})), 400);
}

#[test]
fn a_protected_vhost_is_not_deleted() {
    let path = format!("/api/vhosts/{}", unique("protected"));
    expect(&guest().put(&path, &json!({})), 201);
    let protection = format!("{path}/deletion/protection");
    expect(&guest().post(&protection, &json!({})), 204);
    assert_eq!(guest().get(&protection).json(), json!({ "protected_from_deletion": true }));
    expect(&guest().delete(&path), 412);
    expect(&guest().delete(&protection), 204);
    expect(&guest().delete(&path), 204);
    expect(&guest().post(&protection, &json!({})), 404);
}

#[test]
fn who_has_no_permissions_in_a_vhost_does_not_see_it() {
    let (vhost, name) = (unique("unseen"), unique("user"));
    let path = format!("/api/vhosts/{vhost}");
    let user = user_with(&name, "management");
    expect(&guest().put(&path, &json!({})), 201);
    let refused = user.get(&path);
    expect(&refused, 401);
    assert_eq!(refused.reason(), "User not authorised to access virtual host");
    assert!(named(&user.get("/api/vhosts").json(), &vhost).is_none());
    expect(&user.put(&path, &json!({})), 401);
    expect(&user.delete(&path), 401);
    let watching = user_with(&unique("watching"), "monitoring");
    expect(&watching.get(&path), 200);
    expect(&guest().delete(&path), 204);
}

#[test]
fn the_overview_says_what_clients_look_for() {
    let overview = guest().get("/api/overview").json();
    for text in ["rabbitmq_version", "erlang_version", "product_name", "node", "cluster_name"] {
        assert!(overview[text].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    for number in ["connections", "channels", "queues", "consumers", "exchanges"] {
        assert!(overview["object_totals"][number].is_u64(), "{number}");
    }
    assert!(overview["message_stats"]["publish_details"]["rate"].is_number());
    assert!(overview["queue_totals"]["messages_ready"].is_u64());
    let amqp = overview["listeners"].as_array().expect("a list");
    let amqp = amqp.iter().find(|listener| listener["protocol"] == "amqp").expect("AMQP");
    assert_eq!(amqp["port"], broker().port());
    assert_eq!(nobody().get("/api/version").json(), overview["rabbitmq_version"]);
    assert_eq!(guest().get("/api/extensions").json(), json!([]));
}

#[test]
fn messages_are_counted_for_their_vhost() {
    let name = unique("counted");
    let path = format!("/api/vhosts/{name}");
    expect(&guest().put(&path, &json!({})), 201);
    let permission = guest().get(&format!("/api/permissions/{name}/guest"));
    assert_eq!(permission.json()["configure"], ".*", "who creates it may do everything in it");
    let mut client = RawClient::login(broker(), &Login::guest().vhost(&name));
    client.open_channel(1);
    let queue = client.exclusive_queue(1);
    client.publish(1, "", &queue, "one");
    client.expect_counts(1, &queue, (1, 0));
    let shown = guest().get(&path).json();
    assert_eq!((&shown["messages"], &shown["messages_ready"]), (&json!(1), &json!(1)));
    assert_eq!(shown["message_stats"]["publish"], 1);
    let totals = guest().get("/api/overview").json()["object_totals"].clone();
    for number in ["connections", "channels", "queues"] {
        assert!(totals[number].as_u64() >= Some(1), "{number}: {totals}");
    }
    let churn = guest().get("/api/overview").json()["churn_rates"].clone();
    for number in ["connection_created", "channel_created", "queue_declared", "queue_created"] {
        assert!(churn[number].as_u64() >= Some(1), "{number}: {churn}");
    }
    client.close();
    expect(&guest().delete(&path), 204);
}

#[test]
fn the_cluster_is_named() {
    let before = guest().get("/api/cluster-name").json();
    assert!(before["name"].is_string());
    let user = user_with(&unique("naming"), "monitoring");
    expect(&user.put("/api/cluster-name", &json!({ "name": "other" })), 401);
    expect(&guest().put("/api/cluster-name", &json!({ "name": 7 })), 400);
    expect(&guest().put("/api/cluster-name", &json!({ "name": "orders-eu" })), 204);
    assert_eq!(guest().get("/api/cluster-name").json(), json!({ "name": "orders-eu" }));
    assert_eq!(guest().get("/api/overview").json()["cluster_name"], "orders-eu");
}
