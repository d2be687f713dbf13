//! What the management API does to queues and exchanges on behalf of a user, and the permissions that it
//! takes: those of the method of AMQP.

use serde_json::{Value, json};

use super::{Needs, Place, Right};
use crate::support::on_oracle;
use Needs::All;
use Right::{Configure, Read, Write};

/// A row.
pub(super) struct Request {
    /// As the page names it: the method and the path below `/api`.
    pub(super) what: &'static str,
    pub(super) needs: Needs,
    body: fn() -> Value,
    done: u16,
}

const QUEUE: &str = "queue";
const EXCHANGE: &str = "exchange";

pub(super) const REQUESTS: &[Request] = &[
    Request {
        what: "PUT /queues/{vhost}/new",
        needs: All(&[(Configure, QUEUE, "new")]),
        body: || json!({}),
        done: 201,
    },
    Request {
        what: "DELETE /queues/{vhost}/q",
        needs: All(&[(Configure, QUEUE, "q")]),
        body: || Value::Null,
        done: 204,
    },
    Request {
        what: "DELETE /queues/{vhost}/q/contents",
        needs: All(&[(Read, QUEUE, "q")]),
        body: || Value::Null,
        done: 204,
    },
    Request {
        what: "POST /queues/{vhost}/q/get",
        needs: All(&[(Read, QUEUE, "q")]),
        body: || json!({ "count": 1, "ackmode": "ack_requeue_true", "encoding": "auto" }),
        done: 200,
    },
    Request {
        what: "PUT /exchanges/{vhost}/new",
        needs: All(&[(Configure, EXCHANGE, "new")]),
        body: || json!({ "type": "direct" }),
        done: 201,
    },
    Request {
        what: "DELETE /exchanges/{vhost}/x",
        needs: All(&[(Configure, EXCHANGE, "x")]),
        body: || Value::Null,
        done: 204,
    },
    Request {
        what: "POST /exchanges/{vhost}/x/publish",
        needs: All(&[(Write, EXCHANGE, "x")]),
        body: message,
        done: 200,
    },
    Request {
        what: "POST /exchanges/{vhost}/amq.default/publish",
        needs: All(&[(Write, EXCHANGE, "amq.default")]),
        body: message,
        done: 200,
    },
    Request {
        what: "POST /bindings/{vhost}/e/x/q/q",
        needs: All(&[(Write, QUEUE, "q"), (Read, EXCHANGE, "x")]),
        body: || json!({ "routing_key": "n", "arguments": {} }),
        done: 201,
    },
    Request {
        what: "DELETE /bindings/{vhost}/e/x/q/q/k",
        needs: All(&[(Write, QUEUE, "q"), (Read, EXCHANGE, "x")]),
        body: || Value::Null,
        done: 204,
    },
    Request {
        what: "POST /bindings/{vhost}/e/x/e/y",
        needs: All(&[(Write, EXCHANGE, "y"), (Read, EXCHANGE, "x")]),
        body: || json!({ "routing_key": "n", "arguments": {} }),
        done: 201,
    },
    Request {
        what: "DELETE /bindings/{vhost}/e/x/e/y/k",
        needs: All(&[(Write, EXCHANGE, "y"), (Read, EXCHANGE, "x")]),
        body: || Value::Null,
        done: 204,
    },
];

fn message() -> Value {
    json!({
        "routing_key": "q", "properties": {}, "payload": "body", "payload_encoding": "string"
    })
}

impl Request {
    /// Makes it as the user of this place; the status and the reason.
    fn make(&self, place: &Place) -> (u16, String) {
        let (method, path) = self.what.split_once(' ').expect("a method and a path");
        let path = format!("/api{}", path.replace("{vhost}", &place.vhost));
        let body = (self.body)();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = place.http().send(method, &path, &[], &body);
        let reason = if answer.status < 400 { String::new() } else { answer.reason() };
        (answer.status, reason)
    }
}

#[test]
fn each_request_is_allowed_with_what_it_needs_and_nothing_else() {
    for request in REQUESTS {
        for patterns in request.needs.enough() {
            let place = Place::new(&patterns, "management");
            assert_eq!(request.make(&place), (request.done, String::new()), "{}", request.what);
        }
    }
}

#[test]
fn each_request_is_refused_when_one_of_its_permissions_is_missing() {
    for request in REQUESTS {
        for (patterns, need) in request.needs.too_little() {
            let place = Place::new(&patterns, "administrator");
            let (status, reason) = request.make(&place);
            // RabbitMQ says of most that access is refused and not which, and calls a publish or a fetch that
            // is refused a bad request.
            if on_oracle() {
                assert!([400, 401].contains(&status), "{}: {status} {reason}", request.what);
            } else {
                assert_eq!(status, 401, "{}: {reason}", request.what);
                let reason = reason.trim_start_matches("ACCESS_REFUSED - ");
                assert_eq!(reason, place.lacks(&need), "{}", request.what);
            }
        }
    }
}

#[test]
fn each_request_is_refused_without_the_virtual_host() {
    let open = Place::open();
    let (user, http) = super::place::user_with("administrator");
    let stranger = open.seen_by(user, http);
    for request in REQUESTS {
        let (status, reason) = request.make(&stranger);
        assert_eq!(status, 401, "{}", request.what);
        if !on_oracle() {
            let expected = "User not authorised to access virtual host";
            assert_eq!(reason, expected, "{}", request.what);
        }
    }
}
