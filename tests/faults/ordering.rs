//! The resource: who may order what, and what is refused.

use serde_json::{Value, json};

use super::{FAULTS, Faulty, expect, plain};
use crate::support::{Broker, Http};

#[test]
fn without_the_flag_every_path_is_not_there_and_says_how_to_switch_it_on() {
    let broker = Broker::shared();
    let guest = Http::new(broker.management()).login("guest", "guest");
    for path in [FAULTS, "/api/haremq/test", "/api/haremq/test/none", "/api/haremq/test/faults/1"] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = guest.send(method, path, &[], "{}");
            if answer.status == 405 {
                continue;
            }
            expect(&answer, 404);
            let reason = answer.json()["reason"].as_str().unwrap_or_default().to_owned();
            assert!(reason.contains("--test-api"), "{method} {path}: {reason}");
        }
    }
}

#[test]
fn each_start_warns_and_twice_where_messages_arekept() {
    let broker = Broker::start(&["haremq.test_api = true"]);
    broker.wait_for_log("the test API is on: administrators may");
    let faulty = Faulty::on_disk();
    let process = &faulty.kept.as_ref().expect("a process of its own").0;
    process.wait_for_stderr("this is no broker for anything but tests");
}

#[test]
fn only_administrators_order() {
    let faulty = Faulty::start();
    let nobody = Http::new(faulty.broker.management());
    expect(&nobody.get(FAULTS), 401);
    let user = json!({ "password": "secret", "tags": "monitoring" });
    expect(&faulty.http.put("/api/users/watcher", &user), 201);
    expect(&nobody.login("watcher", "secret").post(FAULTS, &plain("nack")), 401);
    assert_eq!(faulty.list(), Vec::<Value>::new());
}

#[test]
fn orders_are_listed_with_their_hits_and_gone_when_they_are_withdrawn() {
    let faulty = Faulty::start();
    let one = faulty.order(&json!({ "kind": "confirm_delay", "ms": 500, "queue": "q" }));
    let two = faulty.order(&json!({ "kind": "cut", "on": "ack", "every": 3, "times": 4 }));
    let expected = [
        json!({
            "id": one, "kind": "confirm_delay", "ms": 500, "queue": "q", "every": 1,
            "times": null, "hits": 0,
        }),
        json!({ "id": two, "kind": "cut", "on": "ack", "every": 3, "times": 4, "hits": 0 }),
    ];
    assert_eq!(faulty.list(), expected);
    faulty.withdraw(one);
    assert_eq!(faulty.list(), expected[1..]);
    for gone in [one.to_string(), "x".to_owned(), "-1".to_owned()] {
        expect(&faulty.http.delete(&format!("{FAULTS}/{gone}")), 404);
    }
    faulty.withdraw_all();
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let faulty = Faulty::start();
    for (order, expected) in [
        (json!({ "kind": "nack", "evry": 2 }), "'evry' is no field of this: kind, vhost,"),
        (json!({ "kind": "flood" }), "'kind' is 'flood': one of confirm_delay,"),
        (json!({ "kind": "nack", "times": -1 }), "'times' is -1: a whole number from 0 on"),
        (json!({ "kind": "redeliver" }), "'queue' is missing"),
        (json!([]), "the body is not what it should be"),
    ] {
        let reason = faulty.refusal(&order);
        assert!(reason.contains(expected), "{order}: {reason}");
    }
    assert_eq!(faulty.list(), Vec::<Value>::new());
    // `base::limits::FAULTS_MAX`.
    for _ in 0..100 {
        faulty.order(&plain("confirm_drop"));
    }
    let reason = faulty.refusal(&plain("confirm_drop"));
    assert!(reason.starts_with("100 faults are ordered already"), "{reason}");
    faulty.withdraw_all();
    faulty.is_well();
}
