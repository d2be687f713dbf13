//! Faults of publishes: confirms that come late or never, and publishes that are refused.

use serde_json::json;

use super::{Faulty, plain};
use crate::support::methods::{basic, exchange, queue, tx};
use crate::support::{RawClient, id};

const HOUR_MS: u64 = 3_600_000;

fn expect_nack(client: &mut RawClient) -> (u64, bool) {
    let mut method = client.expect(1, id::BASIC_NACK);
    let nack = (method.long_long(), method.octet() & 1 == 1);
    method.end();
    nack
}

#[test]
fn a_delayed_confirm_comes_after_its_message_is_there_and_at_the_latest_with_the_end_of_the_fault()
{
    let faulty = Faulty::start();
    let (mut client, name) = faulty.confirming();
    let fault = faulty.order(&json!({ "kind": "confirm_delay", "ms": HOUR_MS, "times": 1 }));
    client.publish(1, "", &name, "late");
    client.publish(1, "", &name, "in time");
    assert_eq!(client.expect_ack(1), (2, false), "the second one does not wait");
    client.expect_counts(1, &name, (2, 0));
    assert_eq!(faulty.hits(fault), 1);
    faulty.withdraw(fault);
    assert_eq!(client.expect_ack(1), (1, false));
    faulty.is_well();
}

#[test]
fn a_delayed_confirm_comes_by_itself_when_its_time_has_come() {
    let faulty = Faulty::start();
    let (mut client, name) = faulty.confirming();
    faulty.order(&json!({ "kind": "confirm_delay", "ms": 30 }));
    for _ in 0..3 {
        client.publish(1, "", &name, "late");
    }
    client.expect_acks_up_to(1, 3);
}

#[test]
fn a_commit_waits_for_the_confirm_that_is_delayed() {
    let faulty = Faulty::start();
    let mut client = faulty.client();
    let name = client.exclusive_queue(1);
    client.call(1, &tx::select(), id::TX_SELECT_OK);
    let fault = faulty.order(&json!({ "kind": "confirm_delay", "ms": HOUR_MS }));
    client.publish(1, "", &name, "late");
    client.send(1, &tx::commit());
    let mut other = faulty.client();
    other.call(1, &basic::qos(0), id::BASIC_QOS_OK);
    while faulty.hits(fault) == 0 {}
    faulty.withdraw(fault);
    client.expect(1, id::TX_COMMIT_OK);
}

#[test]
fn a_dropped_confirm_never_comes_and_the_message_is_there() {
    let faulty = Faulty::start();
    let (mut client, name) = faulty.confirming();
    let drop = json!({ "kind": "confirm_drop", "every": 2, "queue": name });
    let fault = faulty.order(&drop);
    for n in ["one", "two", "three", "four"] {
        client.publish(1, "", &name, n);
    }
    assert_eq!(client.expect_ack(1), (1, false));
    assert_eq!(client.expect_ack(1), (3, false), "what is behind it is confirmed by itself");
    client.expect_counts(1, &name, (4, 0));
    assert_eq!(faulty.hits(fault), 2);
    faulty.withdraw_all();
    client.publish(1, "", &name, "five");
    assert_eq!(client.expect_ack(1), (5, false), "and the dropped ones stay so");
    client.close();
    faulty.is_well();
}

#[test]
fn each_third_publish_is_nacked_and_in_no_queue() {
    let faulty = Faulty::start();
    let (mut client, name) = faulty.confirming();
    let fault = faulty.order(&json!({ "kind": "nack", "every": 3, "times": 2 }));
    for n in 1..=9 {
        client.publish(1, "", &name, &n.to_string());
        if n == 3 || n == 6 {
            assert_eq!(expect_nack(&mut client), (n, false));
        } else {
            assert_eq!(client.expect_ack(1), (n, false));
        }
    }
    assert_eq!(faulty.hits(fault), 2);
    for n in [1, 2, 4, 5, 7, 8, 9] {
        assert_eq!(client.get(1, &name).expect("a message").text(), n.to_string());
    }
    assert_eq!(client.get(1, &name), None);
    faulty.is_well();
}

#[test]
fn a_publish_that_nobody_wants_confirmed_is_no_occasion_of_a_nack() {
    let faulty = Faulty::start();
    let mut client = faulty.client();
    let name = client.exclusive_queue(1);
    let fault = faulty.order(&plain("nack"));
    client.publish(1, "", &name, "taken");
    client.expect_counts(1, &name, (1, 0));
    assert_eq!(faulty.hits(fault), 0);
}

#[test]
fn faults_of_a_queue_strike_what_is_routed_there_by_whatever_exchange() {
    let faulty = Faulty::start();
    let (mut client, name) = faulty.confirming();
    let other = client.exclusive_queue(1);
    client.call(1, &exchange::declare("e", "topic"), id::EXCHANGE_DECLARE_OK);
    client.call(1, &queue::bind(&name, "e", "a.#"), id::QUEUE_BIND_OK);
    client.call(1, &queue::bind(&other, "e", "#"), id::QUEUE_BIND_OK);
    faulty.order(&json!({ "kind": "nack", "queue": name }));
    client.publish(1, "e", "a.b", "for both");
    assert_eq!(expect_nack(&mut client), (1, false));
    client.publish(1, "e", "b", "for the other");
    assert_eq!(client.expect_ack(1), (2, false));
    client.expect_counts(1, &other, (1, 0));
    faulty.withdraw_all();
    faulty.order(&json!({ "kind": "nack", "exchange": "" }));
    client.publish(1, "e", "a.b", "of another exchange");
    assert_eq!(client.expect_ack(1), (3, false));
    client.publish(1, "", &name, "of the default exchange");
    assert_eq!(expect_nack(&mut client), (4, false));
}

#[test]
fn a_publish_that_is_wrong_by_itself_is_refused_for_that() {
    let faulty = Faulty::start();
    let (mut client, _) = faulty.confirming();
    let fault = faulty.order(&plain("nack"));
    client.publish(1, "missing", "k", "refused");
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    client.expect_refusal(1, &crate::support::refusal(404, text, id::BASIC_PUBLISH));
    assert_eq!(faulty.hits(fault), 0);
}

#[test]
fn another_connection_is_left_alone() {
    let faulty = Faulty::start();
    let (mut client, name) = faulty.confirming();
    let answer = faulty.http.get("/api/connections");
    let known = answer.json()[0]["name"].as_str().expect("a name").to_owned();
    faulty.order(&json!({ "kind": "nack", "connection": known, "vhost": "/" }));
    faulty.is_well();
    client.publish(1, "", &name, "struck");
    assert_eq!(expect_nack(&mut client), (1, false));
}
