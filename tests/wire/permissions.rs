//! What a user without permission is told (docs/reply-codes.md, permissions).
//!
//! The user may configure names that begin with `c`, write to names with a `w` and read from names
//! with an `r` in the part before the hyphen: `cwr-q` is his own, `wr-q` he cannot declare.

use std::sync::OnceLock;

use crate::support::methods::queue::EXCLUSIVE;
use crate::support::methods::{PASSIVE, basic, exchange, queue};
use crate::support::{Broker, Call, Id, RawClient, Refusal, Table, id, on_oracle, refusal};

/// One broker for all tests here; `None` on RabbitMQ.
fn broker() -> Option<&'static Broker> {
    static RESTRICTED: OnceLock<Broker> = OnceLock::new();
    let start = || {
        Broker::start(&[
            r"default_permissions.configure = ^c",
            r"default_permissions.write = ^[^-]*w",
            r"default_permissions.read = ^[^-]*r",
        ])
    };
    (!on_oracle()).then(|| RESTRICTED.get_or_init(start))
}

fn refused(action: &str, resource: &str, failed: Id) -> Refusal {
    let text = format!(
        "ACCESS_REFUSED - {action} access to {resource} in vhost '/' refused for user 'guest'"
    );
    refusal(403, text, failed)
}

/// Each of these calls is refused for want of one permission.
fn are_refused(cases: &[(Call, Id, &str, &str)]) {
    let Some(broker) = broker() else { return };
    let mut client = RawClient::with_channel_on(broker);
    for (call, failed, action, resource) in cases {
        client.refused(1, call, &refused(action, resource, *failed));
        client.open_channel(1);
    }
}

#[test]
fn declaring_and_deleting_need_configure() {
    are_refused(&[
        (queue::declare("wr-q"), id::QUEUE_DECLARE, "configure", "queue 'wr-q'"),
        (queue::delete("wr-q"), id::QUEUE_DELETE, "configure", "queue 'wr-q'"),
        (exchange::declare("wr-e", "direct"), id::EXCHANGE_DECLARE, "configure", "exchange 'wr-e'"),
        (exchange::delete("wr-e"), id::EXCHANGE_DELETE, "configure", "exchange 'wr-e'"),
    ]);
}

#[test]
fn binding_needs_write_on_the_destination_and_read_on_the_source() {
    are_refused(&[
        (queue::bind("cr-q", "r-e", ""), id::QUEUE_BIND, "write", "queue 'cr-q'"),
        (queue::bind("cw-q", "w-e", ""), id::QUEUE_BIND, "read", "exchange 'w-e'"),
        (queue::unbind("cr-q", "r-e", ""), id::QUEUE_UNBIND, "write", "queue 'cr-q'"),
        (queue::unbind("cw-q", "w-e", ""), id::QUEUE_UNBIND, "read", "exchange 'w-e'"),
        (exchange::bind("r-a", "r-b", ""), id::EXCHANGE_BIND, "write", "exchange 'r-a'"),
        (exchange::bind("w-a", "w-b", ""), id::EXCHANGE_BIND, "read", "exchange 'w-b'"),
        (exchange::unbind("r-a", "r-b", ""), id::EXCHANGE_UNBIND, "write", "exchange 'r-a'"),
        (exchange::unbind("w-a", "w-b", ""), id::EXCHANGE_UNBIND, "read", "exchange 'w-b'"),
    ]);
}

#[test]
fn taking_from_a_queue_needs_read() {
    are_refused(&[
        (basic::consume("cw-q", ""), id::BASIC_CONSUME, "read", "queue 'cw-q'"),
        (basic::get("cw-q"), id::BASIC_GET, "read", "queue 'cw-q'"),
        (queue::purge("cw-q"), id::QUEUE_PURGE, "read", "queue 'cw-q'"),
    ]);
}

#[test]
fn publishing_needs_write_on_the_exchange() {
    let Some(broker) = broker() else { return };
    let mut client = RawClient::with_channel_on(broker);
    for (exchange, shown) in [("cr-e", "exchange 'cr-e'"), ("amq.topic", "exchange 'amq.topic'")] {
        client.publish(1, exchange, "k", "body");
        client.expect_refusal(1, &refused("write", shown, id::BASIC_PUBLISH));
        client.open_channel(1);
    }
}

#[test]
fn the_default_exchange_is_shown_by_its_other_name() {
    let Some(broker) = broker() else { return };
    let mut client = RawClient::with_channel_on(broker);
    client.publish(1, "", "k", "body");
    client.expect_refusal(1, &refused("write", "exchange 'amq.default'", id::BASIC_PUBLISH));
}

#[test]
fn dead_lettering_needs_read_on_the_queue_and_write_on_the_exchange() {
    let to = |name| Table::new().text("x-dead-letter-exchange", name);
    are_refused(&[
        (queue::declare("cw-q").arguments(to("w-e")), id::QUEUE_DECLARE, "read", "queue 'cw-q'"),
        (queue::declare("cr-q").arguments(to("r-e")), id::QUEUE_DECLARE, "write", "exchange 'r-e'"),
    ]);
}

#[test]
fn an_alternate_exchange_needs_read_on_the_exchange_and_write_on_the_alternate() {
    let to = |name| Table::new().text("alternate-exchange", name);
    are_refused(&[
        (
            exchange::declare("cw-e", "direct").arguments(to("w-e")),
            id::EXCHANGE_DECLARE,
            "read",
            "exchange 'cw-e'",
        ),
        (
            exchange::declare("cr-e", "direct").arguments(to("r-e")),
            id::EXCHANGE_DECLARE,
            "write",
            "exchange 'r-e'",
        ),
    ]);
}

#[test]
fn a_passive_declare_needs_any_permission() {
    are_refused(&[(
        queue::declare("none-q").with(PASSIVE),
        id::QUEUE_DECLARE,
        "configure",
        "queue 'none-q'",
    )]);
    let Some(broker) = broker() else { return };
    let mut client = RawClient::with_channel_on(broker);
    for name in ["c-q", "w-q", "r-q"] {
        let text = format!("NOT_FOUND - no queue '{name}' in vhost '/'");
        let passive = queue::declare(name).with(PASSIVE);
        client.refused(1, &passive, &refusal(404, text, id::QUEUE_DECLARE));
        client.open_channel(1);
    }
}

#[test]
fn what_is_permitted_works() {
    let Some(broker) = broker() else { return };
    let mut client = RawClient::with_channel_on(broker);
    let declare = exchange::declare("cwr-e", "fanout").with(exchange::AUTO_DELETE);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK);
    client.declare(1, &queue::declare("cwr-own").with(EXCLUSIVE));
    client.call(1, &queue::bind("cwr-own", "cwr-e", ""), id::QUEUE_BIND_OK);
    client.publish(1, "cwr-e", "", "hello");
    assert_eq!(client.get(1, "cwr-own").expect("the message").text(), "hello");
    client.call(1, &queue::delete("cwr-own"), id::QUEUE_DELETE_OK);
}
