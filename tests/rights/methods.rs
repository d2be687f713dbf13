//! The methods of AMQP and the permissions that each of them takes.

use super::place::{access, open_channel};
use super::{Needs, Place, Right};
use crate::support::methods::{PASSIVE, basic, exchange, queue};
use crate::support::{Call, Id, RawClient, Table, id, refusal};
use Needs::{All, Any};
use Right::{Configure, Read, Write};

/// A row.
pub(super) struct Method {
    /// As the page names it.
    pub(super) what: &'static str,
    pub(super) needs: Needs,
    attempt: fn() -> Attempt,
}

enum Attempt {
    /// A method, its number, and what it is answered with.
    Call(Call, Id, Id),
    /// A message to this exchange with this key, which is confirmed.
    Publish(&'static str, &'static str),
}

impl Attempt {
    fn method(&self) -> Id {
        match self {
            Self::Call(_, method, _) => *method,
            Self::Publish(..) => id::BASIC_PUBLISH,
        }
    }

    fn send(&self, client: &mut RawClient) {
        match self {
            Self::Call(call, ..) => client.send(1, call),
            Self::Publish(exchange, key) => client.publish(1, exchange, key, "body"),
        }
    }

    fn expect_done(&self, client: &mut RawClient) {
        match self {
            Self::Call(_, _, answer) => _ = client.expect(1, *answer),
            Self::Publish(..) => assert_eq!(client.expect_ack(1), (1, false)),
        }
    }
}

const QUEUE: &str = "queue";
const EXCHANGE: &str = "exchange";

fn declare_queue(name: &'static str) -> Attempt {
    Attempt::Call(queue::declare(name), id::QUEUE_DECLARE, id::QUEUE_DECLARE_OK)
}

fn dead_lettering(name: &'static str) -> Attempt {
    let arguments = Table::new().text("x-dead-letter-exchange", "dead");
    let call = queue::declare(name).arguments(arguments);
    Attempt::Call(call, id::QUEUE_DECLARE, id::QUEUE_DECLARE_OK)
}

fn declare_exchange(name: &'static str) -> Attempt {
    let call = exchange::declare(name, "direct");
    Attempt::Call(call, id::EXCHANGE_DECLARE, id::EXCHANGE_DECLARE_OK)
}

fn with_alternate(name: &'static str) -> Attempt {
    let arguments = Table::new().text("alternate-exchange", "alt");
    let call = exchange::declare(name, "direct").arguments(arguments);
    Attempt::Call(call, id::EXCHANGE_DECLARE, id::EXCHANGE_DECLARE_OK)
}

pub(super) const METHODS: &[Method] = &[
    Method {
        what: "queue.declare of a new one",
        needs: All(&[(Configure, QUEUE, "new")]),
        attempt: || declare_queue("new"),
    },
    Method {
        what: "queue.declare of one that is there",
        needs: All(&[(Configure, QUEUE, "q")]),
        attempt: || declare_queue("q"),
    },
    Method {
        what: "queue.declare of a new one with x-dead-letter-exchange",
        needs: All(&[(Configure, QUEUE, "new"), (Read, QUEUE, "new"), (Write, EXCHANGE, "dead")]),
        attempt: || dead_lettering("new"),
    },
    Method {
        what: "queue.declare of one that is there with x-dead-letter-exchange",
        needs: All(&[(Configure, QUEUE, "q-with-dead")]),
        attempt: || dead_lettering("q-with-dead"),
    },
    Method {
        what: "queue.declare, passive",
        needs: Any(QUEUE, "q"),
        attempt: || {
            let call = queue::declare("q").with(PASSIVE);
            Attempt::Call(call, id::QUEUE_DECLARE, id::QUEUE_DECLARE_OK)
        },
    },
    Method {
        what: "queue.delete",
        needs: All(&[(Configure, QUEUE, "q")]),
        attempt: || Attempt::Call(queue::delete("q"), id::QUEUE_DELETE, id::QUEUE_DELETE_OK),
    },
    Method {
        what: "queue.delete of none",
        needs: All(&[(Configure, QUEUE, "none")]),
        attempt: || Attempt::Call(queue::delete("none"), id::QUEUE_DELETE, id::QUEUE_DELETE_OK),
    },
    Method {
        what: "queue.bind",
        needs: All(&[(Write, QUEUE, "q"), (Read, EXCHANGE, "x")]),
        attempt: || Attempt::Call(queue::bind("q", "x", "n"), id::QUEUE_BIND, id::QUEUE_BIND_OK),
    },
    Method {
        what: "queue.unbind",
        needs: All(&[(Write, QUEUE, "q"), (Read, EXCHANGE, "x")]),
        attempt: || {
            Attempt::Call(queue::unbind("q", "x", "k"), id::QUEUE_UNBIND, id::QUEUE_UNBIND_OK)
        },
    },
    Method {
        what: "queue.purge",
        needs: All(&[(Read, QUEUE, "q")]),
        attempt: || Attempt::Call(queue::purge("q"), id::QUEUE_PURGE, id::QUEUE_PURGE_OK),
    },
    Method {
        what: "exchange.declare of a new one",
        needs: All(&[(Configure, EXCHANGE, "new")]),
        attempt: || declare_exchange("new"),
    },
    Method {
        what: "exchange.declare of one that is there",
        needs: All(&[(Configure, EXCHANGE, "x")]),
        attempt: || declare_exchange("x"),
    },
    Method {
        what: "exchange.declare of a new one with alternate-exchange",
        needs: All(&[
            (Configure, EXCHANGE, "new"),
            (Read, EXCHANGE, "new"),
            (Write, EXCHANGE, "alt"),
        ]),
        attempt: || with_alternate("new"),
    },
    Method {
        what: "exchange.declare of one that is there with alternate-exchange",
        needs: All(&[(Configure, EXCHANGE, "x-with-alt")]),
        attempt: || with_alternate("x-with-alt"),
    },
    Method {
        what: "exchange.declare, passive",
        needs: Any(EXCHANGE, "x"),
        attempt: || {
            let call = exchange::declare("x", "direct").with(PASSIVE);
            Attempt::Call(call, id::EXCHANGE_DECLARE, id::EXCHANGE_DECLARE_OK)
        },
    },
    Method {
        what: "exchange.delete",
        needs: All(&[(Configure, EXCHANGE, "x")]),
        attempt: || {
            Attempt::Call(exchange::delete("x"), id::EXCHANGE_DELETE, id::EXCHANGE_DELETE_OK)
        },
    },
    Method {
        what: "exchange.bind",
        needs: All(&[(Write, EXCHANGE, "y"), (Read, EXCHANGE, "x")]),
        attempt: || {
            Attempt::Call(exchange::bind("y", "x", "n"), id::EXCHANGE_BIND, id::EXCHANGE_BIND_OK)
        },
    },
    Method {
        what: "exchange.unbind",
        needs: All(&[(Write, EXCHANGE, "y"), (Read, EXCHANGE, "x")]),
        attempt: || {
            let call = exchange::unbind("y", "x", "k");
            Attempt::Call(call, id::EXCHANGE_UNBIND, id::EXCHANGE_UNBIND_OK)
        },
    },
    Method {
        what: "basic.publish",
        needs: All(&[(Write, EXCHANGE, "x")]),
        attempt: || Attempt::Publish("x", "k"),
    },
    Method {
        what: "basic.publish to the default exchange",
        needs: All(&[(Write, EXCHANGE, "amq.default")]),
        attempt: || Attempt::Publish("", "q"),
    },
    Method {
        what: "basic.consume",
        needs: All(&[(Read, QUEUE, "q")]),
        attempt: || Attempt::Call(basic::consume("q", ""), id::BASIC_CONSUME, id::BASIC_CONSUME_OK),
    },
    Method {
        what: "basic.consume of amq.rabbitmq.reply-to",
        needs: All(&[]),
        attempt: || {
            let call = basic::consume("amq.rabbitmq.reply-to", "").with(basic::NO_ACK);
            Attempt::Call(call, id::BASIC_CONSUME, id::BASIC_CONSUME_OK)
        },
    },
    Method {
        what: "basic.get",
        needs: All(&[(Read, QUEUE, "q")]),
        attempt: || Attempt::Call(basic::get("q"), id::BASIC_GET, id::BASIC_GET_EMPTY),
    },
    Method {
        what: "basic.qos",
        needs: All(&[]),
        attempt: || Attempt::Call(basic::qos(1), id::BASIC_QOS, id::BASIC_QOS_OK),
    },
    Method {
        what: "basic.recover",
        needs: All(&[]),
        attempt: || Attempt::Call(basic::recover(true), id::BASIC_RECOVER, id::BASIC_RECOVER_OK),
    },
];

#[test]
fn each_method_is_allowed_with_what_it_needs_and_nothing_else() {
    for method in METHODS {
        for patterns in method.needs.enough() {
            let place = Place::new(&patterns, "");
            let mut client = place.connect();
            let attempt = (method.attempt)();
            attempt.send(&mut client);
            attempt.expect_done(&mut client);
            client.close();
        }
    }
}

#[test]
fn each_method_is_refused_when_one_of_its_permissions_is_missing() {
    for method in METHODS {
        for (patterns, need) in method.needs.too_little() {
            let place = Place::new(&patterns, "administrator");
            let mut client = place.connect();
            let attempt = (method.attempt)();
            attempt.send(&mut client);
            let text = format!("ACCESS_REFUSED - {}", place.lacks(&need));
            client.expect_refusal(1, &refusal(403, text, attempt.method()));
            // The refusal is the channel's: with the permission the next one goes through.
            place.permit(&[(); 3].map(|()| ".*".to_owned()));
            open_channel(&mut client);
            attempt.send(&mut client);
            attempt.expect_done(&mut client);
            client.close();
        }
    }
}

/// Nobody knows the name before.
#[test]
fn a_queue_that_the_server_names_needs_configure_on_its_name() {
    let place = Place::new(&["^amq\\.gen-".to_owned(), String::new(), String::new()], "");
    let mut client = place.connect();
    let (declare, method) = (queue::declare("").with(queue::EXCLUSIVE), id::QUEUE_DECLARE);
    client.call(1, &declare, id::QUEUE_DECLARE_OK);
    place.permit(&["^(?!amq\\.gen-).*".to_owned(), ".*".to_owned(), ".*".to_owned()]);
    // RabbitMQ remembers what a channel was allowed.
    client.open_channel(2);
    client.send(2, &declare);
    let mut close = client.expect(2, id::CHANNEL_CLOSE);
    assert_eq!(close.short(), 403);
    let text = close.short_string();
    let start = format!("ACCESS_REFUSED - {} to queue 'amq.gen-", access("configure"));
    let end = format!("' in vhost '{}' refused for user '{}'", place.vhost, place.user);
    assert!(text.starts_with(&start) && text.ends_with(&end), "{text}");
    assert_eq!(Id(close.short(), close.short()), method);
}

#[test]
fn what_nobody_may_do_is_refused_whatever_the_permissions_are() {
    let place = Place::open();
    let default = "ACCESS_REFUSED - operation not permitted on the default exchange".to_owned();
    let reserved = |kind: &str| {
        format!("ACCESS_REFUSED - {kind} name 'amq.own' contains reserved prefix 'amq.*'")
    };
    let vhost = &place.vhost;
    let system = format!(
        "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '{vhost}' not allowed"
    );
    let cases = [
        (exchange::declare("", "direct"), id::EXCHANGE_DECLARE, default.clone()),
        (exchange::delete(""), id::EXCHANGE_DELETE, default.clone()),
        (queue::bind("q", "", "k"), id::QUEUE_BIND, default.clone()),
        (queue::unbind("q", "", "k"), id::QUEUE_UNBIND, default.clone()),
        (exchange::bind("", "x", "k"), id::EXCHANGE_BIND, default.clone()),
        (exchange::bind("x", "", "k"), id::EXCHANGE_BIND, default),
        (queue::declare("amq.own"), id::QUEUE_DECLARE, reserved("queue")),
        (exchange::declare("amq.own", "direct"), id::EXCHANGE_DECLARE, reserved("exchange")),
        (exchange::delete("amq.topic"), id::EXCHANGE_DELETE, system),
    ];
    let mut client = place.connect();
    for (call, method, text) in cases {
        client.refused(1, &call, &refusal(403, text, method));
        client.open_channel(1);
    }
    let internal =
        format!("ACCESS_REFUSED - cannot publish to internal exchange 'inside' in vhost '{vhost}'");
    client.publish(1, "inside", "k", "body");
    client.expect_refusal(1, &refusal(403, internal, id::BASIC_PUBLISH));
}

/// The first thing that stands against a method is told (rabbitmq: `rabbit_channel`, the order there).
#[test]
fn of_two_reasons_to_refuse_the_first_is_told() {
    let place = Place::new(&[(); 3].map(|()| "^(?!(q|y|x|new|none)$).*".to_owned()), "");
    let lacks =
        |right, kind, name| format!("ACCESS_REFUSED - {}", place.lacks(&(right, kind, name)));
    let vhost = &place.vhost;
    let cases = [
        // Who may not write to the queue is not told about the exchange.
        (queue::bind("q", "", "k"), id::QUEUE_BIND, lacks(Write, QUEUE, "q")),
        (queue::bind("q", "x", "k"), id::QUEUE_BIND, lacks(Write, QUEUE, "q")),
        (exchange::bind("y", "", "k"), id::EXCHANGE_BIND, lacks(Write, EXCHANGE, "y")),
        // Nobody is told whether it is there without a permission on it.
        (queue::bind("none", "x", "k"), id::QUEUE_BIND, lacks(Write, QUEUE, "none")),
        (basic::get("none"), id::BASIC_GET, lacks(Read, QUEUE, "none")),
        (queue::purge("none"), id::QUEUE_PURGE, lacks(Read, QUEUE, "none")),
        (
            exchange::delete("amq.topic"),
            id::EXCHANGE_DELETE,
            format!(
                "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '{vhost}' not allowed"
            ),
        ),
    ];
    let mut client = place.connect();
    for (call, method, text) in cases {
        client.refused(1, &call, &refusal(403, text, method));
        client.open_channel(1);
    }
    client.publish(1, "none", "k", "body");
    client.expect_refusal(1, &refusal(403, lacks(Write, EXCHANGE, "none"), id::BASIC_PUBLISH));
}
