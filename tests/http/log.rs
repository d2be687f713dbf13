//! The last lines of the log. Each test has a broker of its own.

use serde_json::{Value, json};

use super::{expect, guest, user_with};
use crate::support::{Broker, Http, unique};

const REFUSED: &str = "a login to the management API was refused";

fn start(lines: &[&str]) -> (Broker, Http) {
    let broker = Broker::start(lines);
    let guest = Http::new(broker.management()).login("guest", "guest");
    (broker, guest)
}

fn ask(http: &Http, query: &str) -> Value {
    let answer = http.get(&format!("/api/haremq/log?{query}"));
    expect(&answer, 200);
    answer.json()
}

fn lines(document: &Value) -> Vec<Value> {
    document["lines"].as_array().expect("a list").clone()
}

/// Something that is warned of.
fn refuse_a_login(guest: &Http, name: &str) {
    expect(&guest.login(name, "a-secret-of-somebody").get("/api/whoami"), 401);
}

#[test]
fn a_refused_login_is_a_line_and_its_password_is_not() {
    let (_broker, guest) = start(&["log.console.level = debug"]);
    refuse_a_login(&guest, "mallory");
    let document = ask(&guest, "level=warning&text=LOGIN+to+the");
    let found = lines(&document);
    assert_eq!(found.len(), 1, "{document}");
    assert_eq!(found[0]["level"], "warning");
    assert_eq!(found[0]["target"], "haremq::http::authentication");
    let text = found[0]["text"].as_str().expect("a text");
    assert!(text.starts_with(REFUSED) && text.contains("peer=127.0.0.1"), "{text}");
    assert!(found[0]["time"].as_str().is_some_and(|time| time.ends_with("+00:00")), "{document}");
    let all = ask(&guest, "count=4096").to_string();
    for secret in ["a-secret-of-somebody", "\"password\"", "Basic "] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[test]
fn whoever_goes_on_gets_what_came_since_and_nothing_twice() {
    let (_broker, guest) = start(&["log.console.level = warning"]);
    refuse_a_login(&guest, "one");
    let first = ask(&guest, "");
    let next = first["next"].as_u64().expect("a number");
    assert_eq!(lines(&first).last().expect("a line")["number"], next);
    assert_eq!(lines(&ask(&guest, &format!("after={next}"))), Vec::<Value>::new());
    refuse_a_login(&guest, "two");
    refuse_a_login(&guest, "three");
    let second = ask(&guest, &format!("after={next}&count=1"));
    let numbers = |document: &Value| -> Vec<u64> {
        lines(document).iter().map(|line| line["number"].as_u64().expect("a number")).collect()
    };
    assert_eq!(numbers(&second), [next + 1]);
    assert_eq!((&second["more"], &second["missed"]), (&json!(true), &json!(0)));
    let third = ask(&guest, &format!("after={}", second["next"]));
    assert_eq!(numbers(&third), [next + 2]);
    // A number of an earlier life: everything is new.
    let anew = ask(&guest, "after=1000000");
    assert_eq!((&anew["next"], &anew["started"]), (&third["next"], &first["started"]));
    assert_eq!(*numbers(&anew).last().expect("a line"), next + 2);
}

#[test]
fn what_the_configuration_leaves_out_is_not_there_until_it_is_asked_for() {
    let (_broker, guest) = start(&[]);
    let set = |level: &str| {
        expect(&guest.put("/api/haremq/settings", &json!({ "log.console.level": level })), 204);
    };
    let said_of = |name: &str| lines(&ask(&guest, &format!("text='{name}'"))).len();
    set("error");
    refuse_a_login(&guest, "unheard");
    set("warning");
    refuse_a_login(&guest, "heard");
    assert_eq!((said_of("unheard"), said_of("heard")), (0, 1));
    set("none");
    let before = ask(&guest, "")["next"].clone();
    refuse_a_login(&guest, "late");
    assert_eq!(ask(&guest, "")["next"], before);
}

#[test]
fn a_broker_without_a_log_has_no_lines() {
    let (_broker, guest) = start(&["log.console = false"]);
    refuse_a_login(&guest, "unheard");
    assert_eq!(ask(&guest, "")["next"], 0);
}

#[test]
fn only_administrators_read_the_log_and_wrong_questions_are_refused() {
    let monitoring = user_with(&unique("monitoring"), "monitoring");
    expect(&monitoring.get("/api/haremq/log"), 401);
    for query in ["level=loud", "count=4097", "count=-1", "after=x"] {
        expect(&guest().get(&format!("/api/haremq/log?{query}")), 400);
    }
}
