//! The management API of the real program, spoken to in HTTP.

mod accounts;
mod checks;
mod common;
mod connections;
mod definitions;
mod events;
mod exchanges;
mod explain;
mod inspect;
mod limits;
mod log;
mod metrics;
mod metrics_levels;
mod node;
mod outside;
mod pages;
mod policies;
mod queues;
mod rubbish;
mod samples;
mod seeds;
mod sessions;
mod vhosts;

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{Answer, Broker, Http};

/// The broker of all these tests.
fn broker() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(|| Broker::start(&[]))
}

/// As nobody.
fn nobody() -> Http {
    Http::new(broker().management())
}

/// As an administrator with permissions in `/`.
fn guest() -> Http {
    nobody().login("guest", "guest")
}

/// A user with these tags, who may do everything in `/`.
fn user_with(name: &str, tags: &str) -> Http {
    let user = format!("/api/users/{name}");
    expect(&guest().put(&user, &json!({ "password": "secret", "tags": tags })), 201);
    let permissions = json!({ "configure": ".*", "write": ".*", "read": ".*" });
    expect(&guest().put(&format!("/api/permissions/%2F/{name}"), &permissions), 201);
    nobody().login(name, "secret")
}

/// A name as a part of a path.
fn encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |path, byte| path + &format!("%{byte:02X}"))
}

#[track_caller]
fn expect(answer: &Answer, status: u16) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{body}");
}

/// The entry of a list with this `name`.
fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array().expect("a list").iter().find(|entry| entry["name"] == name)
}
