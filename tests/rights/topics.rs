//! Topic permissions: which routing keys of a topic exchange a user may use.

use super::Place;
use super::place::access;
use crate::support::methods::{basic, exchange, queue};
use crate::support::{Call, Id, RawClient, Refusal, Table, id, on_oracle, refusal};

/// A row: what is done with a routing key, and which of the two patterns is asked.
pub(super) struct Topic {
    /// As the page names it.
    pub(super) what: &'static str,
    /// `write` or `read`.
    pub(super) right: &'static str,
    attempt: fn(&'static str) -> Attempt,
}

enum Attempt {
    Call(Call, Id, Id),
    Publish(&'static str),
    /// A message whose own key is `k.good`, and this one in its header `CC`.
    Copy(&'static str),
}

impl Attempt {
    fn send(&self, client: &mut RawClient) -> Id {
        match self {
            Self::Call(call, method, _) => {
                client.send(1, call);
                *method
            }
            Self::Publish(key) => {
                client.publish(1, "t", key, "body");
                id::BASIC_PUBLISH
            }
            Self::Copy(key) => {
                // An array of one long string.
                let mut entry = b"S".to_vec();
                entry.extend_from_slice(&u32::try_from(key.len()).expect("short").to_be_bytes());
                entry.extend_from_slice(key.as_bytes());
                let mut array = b"A".to_vec();
                array.extend_from_slice(&u32::try_from(entry.len()).expect("short").to_be_bytes());
                array.extend(entry);
                let headers = Table::new().raw("CC", &array);
                let mut properties = 0x2000_u16.to_be_bytes().to_vec();
                properties.extend(headers.with_length());
                let publish = basic::publish("t", "k.good");
                client.send_publish(1, &publish, &properties, b"body");
                id::BASIC_PUBLISH
            }
        }
    }

    fn expect_done(&self, client: &mut RawClient, publishes: u64) {
        match self {
            Self::Call(_, _, answer) => _ = client.expect(1, *answer),
            Self::Publish(_) | Self::Copy(_) => {
                assert_eq!(client.expect_ack(1), (publishes, false));
            }
        }
    }
}

pub(super) const TOPICS: &[Topic] = &[
    Topic { what: "basic.publish", right: "write", attempt: Attempt::Publish },
    Topic { what: "basic.publish with CC or BCC", right: "write", attempt: Attempt::Copy },
    Topic {
        what: "queue.bind",
        right: "read",
        attempt: |key| Attempt::Call(queue::bind("q", "t", key), id::QUEUE_BIND, id::QUEUE_BIND_OK),
    },
    Topic {
        what: "queue.unbind",
        right: "read",
        attempt: |key| {
            Attempt::Call(queue::unbind("q", "t", key), id::QUEUE_UNBIND, id::QUEUE_UNBIND_OK)
        },
    },
    Topic {
        what: "exchange.bind",
        right: "read",
        attempt: |key| {
            Attempt::Call(exchange::bind("y", "t", key), id::EXCHANGE_BIND, id::EXCHANGE_BIND_OK)
        },
    },
    Topic {
        what: "exchange.unbind",
        right: "read",
        attempt: |key| {
            let call = exchange::unbind("y", "t", key);
            Attempt::Call(call, id::EXCHANGE_UNBIND, id::EXCHANGE_UNBIND_OK)
        },
    },
];

fn lacks(place: &Place, right: &str, key: &str, failed: Id) -> Refusal {
    let text = format!(
        "ACCESS_REFUSED - {} to topic '{key}' in exchange 't' in vhost '{}' refused for user \
         '{}'",
        access(right),
        place.vhost,
        place.user
    );
    refusal(403, text, failed)
}

#[test]
fn each_use_of_a_topic_is_allowed_by_its_own_pattern_and_refused_without() {
    for topic in TOPICS {
        // RabbitMQ 3.10 looks at the first key only.
        if on_oracle() && topic.what.contains("CC") {
            continue;
        }
        let place = Place::open();
        let good = "^k\\.good$";
        let (enough, too_little) = match topic.right {
            "write" => ((good, ""), ("^k\\.go{2}d$", ".*")),
            _ => (("", good), (".*", "^k\\.good$")),
        };
        let mut client = place.connect();
        place.permit_topics(enough.0, enough.1);
        let attempt = (topic.attempt)("k.good");
        attempt.send(&mut client);
        attempt.expect_done(&mut client, 1);
        place.permit_topics(too_little.0, too_little.1);
        let failed = (topic.attempt)("k.bad").send(&mut client);
        client.expect_refusal(1, &lacks(&place, topic.right, "k.bad", failed));
    }
}

#[test]
fn who_has_no_topic_permissions_may_use_every_key() {
    let place = Place::open();
    let mut client = place.connect();
    for topic in TOPICS {
        let attempt = (topic.attempt)("any.key");
        attempt.send(&mut client);
        let publishes = TOPICS.iter().take_while(|other| other.what != topic.what);
        let publishes = publishes.filter(|other| other.right == "write").count() as u64;
        attempt.expect_done(&mut client, publishes + 1);
    }
}

#[test]
fn exchanges_of_other_types_are_asked_for_no_topic() {
    let place = Place::open();
    place.permit_topics("", "");
    let mut client = place.connect();
    client.publish(1, "x", "k", "body");
    assert_eq!(client.expect_ack(1), (1, false));
    client.call(1, &queue::bind("q", "x", "other"), id::QUEUE_BIND_OK);
}

#[test]
fn a_pattern_may_hold_the_names_of_user_and_virtual_host() {
    let place = Place::open();
    place.permit_topics("^{username}\\.{vhost}\\.", "^{client_id}$");
    let mut client = place.connect();
    let own = format!("{}.{}.k", place.user, place.vhost);
    client.publish(1, "t", &own, "body");
    assert_eq!(client.expect_ack(1), (1, false));
    // Only protocols whose clients have identifiers know this one.
    client.call(1, &queue::bind("q", "t", "{client_id}"), id::QUEUE_BIND_OK);
    client.publish(1, "t", "somebody.k", "body");
    client.expect_refusal(1, &lacks(&place, "write", "somebody.k", id::BASIC_PUBLISH));
}

#[test]
fn permissions_on_the_exchange_are_asked_before_those_on_its_topics() {
    let place = Place::new(&[".*", "^(?!t$).*", "^(?!t$).*"].map(str::to_owned), "");
    place.permit_topics("", "");
    let mut client = place.connect();
    let (vhost, user) = (&place.vhost, &place.user);
    let text = |right| {
        let access = access(right);
        format!(
            "ACCESS_REFUSED - {access} to exchange 't' in vhost '{vhost}' refused for user '{user}'"
        )
    };
    client.publish(1, "t", "k", "body");
    client.expect_refusal(1, &refusal(403, text("write"), id::BASIC_PUBLISH));
    client.open_channel(1);
    client.refused(1, &queue::bind("q", "t", "k"), &refusal(403, text("read"), id::QUEUE_BIND));
}
