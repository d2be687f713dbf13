//! Declaring and deleting exchanges (docs/reply-codes.md, exchanges).

use crate::support::methods::exchange::{AUTO_DELETE, IF_UNUSED, INTERNAL, NOWAIT};
use crate::support::methods::{DURABLE, PASSIVE, exchange, queue};
use crate::support::{Call, Id, RawClient, Table, id, refusal, unique};

const ON_DEFAULT: &str = "ACCESS_REFUSED - operation not permitted on the default exchange";

/// A new exchange of this type, that goes when the channel's test is over.
fn declared(client: &mut RawClient, word: &str, kind: &str, flags: u8) -> String {
    let name = unique(word);
    client.call(1, &exchange::declare(&name, kind).with(flags), id::EXCHANGE_DECLARE_OK).end();
    name
}

fn delete(client: &mut RawClient, name: &str) {
    client.call(1, &exchange::delete(name), id::EXCHANGE_DELETE_OK).end();
}

fn is_refused(call: &Call, code: u16, text: impl Into<String>, failed: Id) {
    let mut client = RawClient::with_channel();
    client.refused(1, call, &refusal(code, text, failed));
    client.open_channel(1);
}

#[test]
fn every_type_can_be_declared_and_declared_again() {
    let mut client = RawClient::with_channel();
    for kind in ["direct", "fanout", "topic", "headers"] {
        for flags in [0, DURABLE, AUTO_DELETE, INTERNAL] {
            let name = declared(&mut client, kind, kind, flags);
            let again = exchange::declare(&name, kind).with(flags);
            client.call(1, &again, id::EXCHANGE_DECLARE_OK).end();
            delete(&mut client, &name);
        }
    }
}

#[test]
fn the_built_in_exchanges_can_be_declared_as_they_are() {
    let mut client = RawClient::with_channel();
    for (name, kind) in [
        ("amq.direct", "direct"),
        ("amq.fanout", "fanout"),
        ("amq.topic", "topic"),
        ("amq.headers", "headers"),
        ("amq.match", "headers"),
    ] {
        let declare = exchange::declare(name, kind);
        client.call(1, &declare.clone().with(DURABLE), id::EXCHANGE_DECLARE_OK).end();
        client.call(1, &declare.with(PASSIVE), id::EXCHANGE_DECLARE_OK).end();
    }
}

#[test]
fn a_passive_declare_looks_at_the_name_only() {
    let mut client = RawClient::with_channel();
    let name = declared(&mut client, "passive", "direct", DURABLE);
    for kind in ["direct", "topic", "", "x-nonsense"] {
        let passive = exchange::declare(&name, kind).with(PASSIVE);
        client.call(1, &passive, id::EXCHANGE_DECLARE_OK).end();
    }
    delete(&mut client, &name);
}

#[test]
fn a_passive_declare_of_a_missing_exchange_is_refused() {
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    is_refused(
        &exchange::declare("missing", "direct").with(PASSIVE),
        404,
        text,
        id::EXCHANGE_DECLARE,
    );
}

#[test]
fn nowait_gives_no_answer() {
    let mut client = RawClient::with_channel();
    let name = unique("nowait");
    client.send(1, &exchange::declare(&name, "direct").with(NOWAIT));
    client.call(1, &exchange::declare(&name, "direct").with(PASSIVE), id::EXCHANGE_DECLARE_OK);
    client.send(1, &exchange::delete(&name).with(2));
    let text = format!("NOT_FOUND - no exchange '{name}' in vhost '/'");
    let passive = exchange::declare(&name, "direct").with(PASSIVE);
    client.refused(1, &passive, &refusal(404, text, id::EXCHANGE_DECLARE));
}

#[test]
fn nowait_is_refused_all_the_same() {
    let text = "ACCESS_REFUSED - exchange name 'amq.new' contains reserved prefix 'amq.*'";
    let call = exchange::declare("amq.new", "direct").with(NOWAIT);
    is_refused(&call, 403, text, id::EXCHANGE_DECLARE);
}

#[test]
fn the_default_exchange_cannot_be_touched() {
    let declare = exchange::declare("", "direct");
    is_refused(&declare, 403, ON_DEFAULT, id::EXCHANGE_DECLARE);
    is_refused(&declare.with(PASSIVE), 403, ON_DEFAULT, id::EXCHANGE_DECLARE);
    is_refused(&exchange::delete(""), 403, ON_DEFAULT, id::EXCHANGE_DELETE);
}

#[test]
fn a_new_name_with_the_reserved_prefix_is_refused() {
    let text = "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'";
    is_refused(&exchange::declare("amq.mine", "direct"), 403, text, id::EXCHANGE_DECLARE);
}

#[test]
fn a_built_in_exchange_cannot_be_deleted() {
    for name in ["amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"] {
        let text = format!(
            "ACCESS_REFUSED - deletion of system exchange '{name}' in vhost '/' not allowed"
        );
        is_refused(&exchange::delete(name), 403, text, id::EXCHANGE_DELETE);
    }
}

#[test]
fn deleting_a_missing_exchange_is_fine() {
    let mut client = RawClient::with_channel();
    delete(&mut client, "missing");
    client.call(1, &exchange::delete("missing").with(IF_UNUSED), id::EXCHANGE_DELETE_OK).end();
}

#[test]
fn an_exchange_in_use_is_not_deleted_if_unused_was_asked() {
    let mut client = RawClient::with_channel();
    let name = declared(&mut client, "used", "fanout", 0);
    let queue = client.exclusive_queue(1);
    client.call(1, &queue::bind(&queue, &name, ""), id::QUEUE_BIND_OK);
    let text = format!("PRECONDITION_FAILED - exchange '{name}' in vhost '/' in use");
    let delete_unused = exchange::delete(&name).with(IF_UNUSED);
    client.refused(1, &delete_unused, &refusal(406, text, id::EXCHANGE_DELETE));
    client.open_channel(1);
    client.call(1, &queue::unbind(&queue, &name, ""), id::QUEUE_UNBIND_OK);
    client.call(1, &delete_unused, id::EXCHANGE_DELETE_OK);
    client.refused(
        1,
        &exchange::declare(&name, "fanout").with(PASSIVE),
        &refusal(
            404,
            format!("NOT_FOUND - no exchange '{name}' in vhost '/'"),
            id::EXCHANGE_DECLARE,
        ),
    );
}

#[test]
fn an_exchange_in_use_is_deleted_and_its_bindings_with_it() {
    let mut client = RawClient::with_channel();
    let name = declared(&mut client, "used", "fanout", 0);
    let queue = client.exclusive_queue(1);
    client.call(1, &queue::bind(&queue, &name, ""), id::QUEUE_BIND_OK);
    delete(&mut client, &name);
    client.call(1, &exchange::declare(&name, "fanout"), id::EXCHANGE_DECLARE_OK);
    client.publish(1, &name, "", "to nobody");
    assert_eq!(client.get(1, &queue), None);
    delete(&mut client, &name);
}

#[test]
fn a_declare_that_says_something_else_is_refused() {
    let mut client = RawClient::with_channel();
    let name = declared(&mut client, "other", "direct", 0);
    let cases = [
        (exchange::declare(&name, "fanout"), "type", "'fanout'", "'direct'"),
        (exchange::declare(&name, "direct").with(DURABLE), "durable", "'true'", "'false'"),
        (exchange::declare(&name, "direct").with(AUTO_DELETE), "auto_delete", "'true'", "'false'"),
        (exchange::declare(&name, "direct").with(INTERNAL), "internal", "'true'", "'false'"),
        (
            exchange::declare(&name, "direct")
                .arguments(Table::new().text("alternate-exchange", "amq.fanout")),
            "alternate-exchange",
            "the value 'amq.fanout' of type 'longstr'",
            "none",
        ),
    ];
    for (call, argument, received, current) in cases {
        let text = format!(
            "PRECONDITION_FAILED - inequivalent arg '{argument}' for exchange '{name}' in vhost \
             '/': received {received} but current is {current}"
        );
        client.refused(1, &call, &refusal(406, text, id::EXCHANGE_DECLARE));
        client.open_channel(1);
    }
    delete(&mut client, &name);
}

#[test]
fn an_alternate_exchange_that_changes_is_refused() {
    let mut client = RawClient::with_channel();
    let name = unique("alternate");
    let to = |other| {
        exchange::declare(&name, "direct").arguments(Table::new().text("alternate-exchange", other))
    };
    client.call(1, &to("amq.fanout"), id::EXCHANGE_DECLARE_OK);
    client.call(1, &to("amq.fanout"), id::EXCHANGE_DECLARE_OK);
    let text = format!(
        "PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange '{name}' in \
         vhost '/': received 'amq.topic' but current is 'amq.fanout'"
    );
    client.refused(1, &to("amq.topic"), &refusal(406, text, id::EXCHANGE_DECLARE));
    client.open_channel(1);
    let text = format!(
        "PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange '{name}' in \
         vhost '/': received none but current is the value 'amq.fanout' of type 'longstr'"
    );
    let without = exchange::declare(&name, "direct");
    client.refused(1, &without, &refusal(406, text, id::EXCHANGE_DECLARE));
    client.open_channel(1);
    delete(&mut client, &name);
}

#[test]
fn an_alternate_exchange_that_is_no_string_is_refused() {
    let call =
        exchange::declare("never", "direct").arguments(Table::new().int("alternate-exchange", 1));
    let text = "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in \
                exchange 'never' in vhost '/'";
    is_refused(&call, 406, text, id::EXCHANGE_DECLARE);
}

#[test]
fn unknown_arguments_of_an_exchange_make_no_difference() {
    let mut client = RawClient::with_channel();
    let name = unique("unknown-arguments");
    let with = |n| exchange::declare(&name, "direct").arguments(Table::new().int("x-mine", n));
    client.call(1, &with(1), id::EXCHANGE_DECLARE_OK);
    client.call(1, &with(2), id::EXCHANGE_DECLARE_OK);
    client.call(1, &exchange::declare(&name, "direct"), id::EXCHANGE_DECLARE_OK);
    delete(&mut client, &name);
}

#[test]
fn an_unknown_type_is_refused() {
    for kind in ["Direct", "x-delayed-message-not-there", "订单"] {
        let mut client = RawClient::with_channel();
        let expected = refusal(
            406,
            format!("PRECONDITION_FAILED - unknown exchange type '{kind}'"),
            id::EXCHANGE_DECLARE,
        )
        .or_oracle(503, format!("COMMAND_INVALID - unknown exchange type '{kind}'"));
        client.refused(1, &exchange::declare("never", kind), &expected);
    }
}

#[test]
fn an_auto_delete_exchange_goes_with_its_last_binding() {
    let mut client = RawClient::with_channel();
    let name = declared(&mut client, "auto", "fanout", AUTO_DELETE);
    let passive = exchange::declare(&name, "fanout").with(PASSIVE);
    client.call(1, &passive, id::EXCHANGE_DECLARE_OK);
    let queues = [client.exclusive_queue(1), client.exclusive_queue(1)];
    for queue in &queues {
        client.call(1, &queue::bind(queue, &name, ""), id::QUEUE_BIND_OK);
    }
    client.call(1, &queue::unbind(&queues[0], &name, ""), id::QUEUE_UNBIND_OK);
    client.call(1, &passive, id::EXCHANGE_DECLARE_OK);
    client.call(1, &queue::delete(&queues[1]), id::QUEUE_DELETE_OK);
    let text = format!("NOT_FOUND - no exchange '{name}' in vhost '/'");
    client.refused(1, &passive, &refusal(404, text, id::EXCHANGE_DECLARE));
}

#[test]
fn publishing_to_an_internal_exchange_is_refused() {
    let mut client = RawClient::with_channel();
    let name = declared(&mut client, "internal", "fanout", INTERNAL);
    client.publish(1, &name, "", "body");
    let text =
        format!("ACCESS_REFUSED - cannot publish to internal exchange '{name}' in vhost '/'");
    client.expect_refusal(1, &refusal(403, text, id::BASIC_PUBLISH));
    client.open_channel(1);
    delete(&mut client, &name);
}

#[test]
fn line_breaks_in_an_exchange_name_are_taken_out() {
    let mut client = RawClient::with_channel();
    let name = unique("lines");
    let (start, end) = name.split_at(3);
    let broken = format!("{start}\r\n{end}\n");
    client.call(1, &exchange::declare(&broken, "direct"), id::EXCHANGE_DECLARE_OK);
    client.call(1, &exchange::declare(&name, "direct").with(PASSIVE), id::EXCHANGE_DECLARE_OK);
    delete(&mut client, &name);
}
