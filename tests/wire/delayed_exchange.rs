//! Exchanges that hold messages back. An oracle needs the delayed message exchange plug-in enabled.

use crate::support::methods::exchange::AUTO_DELETE;
use crate::support::methods::{basic, confirm, exchange, queue};
use crate::support::{RawClient, Table, id, on_oracle, refusal, unique};

/// Properties that are nothing but these headers.
fn delay(table: &Table) -> Vec<u8> {
    [&[0x20, 0][..], &table.with_length()].concat()
}

fn delay_of(ms: i32) -> Vec<u8> {
    delay(&Table::new().int("x-delay", ms))
}

fn declared(client: &mut RawClient, kind: &str, arguments: Table) -> String {
    let name = unique(kind);
    let declare = exchange::declare(&name, kind).with(AUTO_DELETE).arguments(arguments);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK).end();
    name
}

/// A consumer of a queue that is bound to the exchange.
fn consumer(client: &mut RawClient, exchange: &str, key: &str) {
    let queue = client.exclusive_queue(1);
    client.call(1, &queue::bind(&queue, exchange, key), id::QUEUE_BIND_OK).end();
    client.consume(1, &basic::consume(&queue, "c").with(basic::NO_ACK));
}

#[test]
fn a_delayed_message_is_confirmed_at_once_and_comes_later_with_its_delay_negated() {
    let mut client = RawClient::with_channel();
    let routed = Table::new().text("x-delayed-type", "topic");
    let exchange = declared(&mut client, "x-delayed-message", routed);
    consumer(&mut client, &exchange, "a.*");
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    client.send_publish(1, &basic::publish(&exchange, "a.b"), &delay_of(1000), "later");
    assert_eq!(client.expect_ack(1), (1, false));
    client.send_publish(1, &basic::publish(&exchange, "a.b"), &delay_of(-1), "now");
    let first = (client.expect_delivery(1), client.expect_ack(1));
    assert_eq!((first.0.text(), &first.0.properties), ("now", &delay_of(-1)));
    let second = client.expect_delivery(1);
    assert_eq!((second.text(), &second.properties), ("later", &delay_of(-1000)));
    assert_eq!(
        (second.exchange.as_str(), second.routing_key.as_slice()),
        (&*exchange, &b"a.b"[..])
    );
    assert!(!second.redelivered);
}

#[test]
fn the_shorter_delay_comes_first() {
    let mut client = RawClient::with_channel();
    let routed = Table::new().text("x-delayed-type", "fanout");
    let exchange = declared(&mut client, "x-delayed-message", routed);
    consumer(&mut client, &exchange, "");
    for (body, ms) in [("c", 1200), ("a", 1), ("b", 600)] {
        client.send_publish(1, &basic::publish(&exchange, "any"), &delay_of(ms), body);
    }
    for body in ["a", "b", "c"] {
        assert_eq!(client.expect_delivery(1).text(), body);
    }
}

/// The plug-in returns every delayed message that is mandatory, and delivers it all the same.
#[test]
fn a_mandatory_message_is_not_returned_while_it_waits() {
    if on_oracle() {
        return;
    }
    let mut client = RawClient::with_channel();
    let routed = Table::new().text("x-delayed-type", "direct");
    let exchange = declared(&mut client, "x-delayed-message", routed);
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    let publish = |exchange: &str| basic::publish(exchange, "k").with(basic::MANDATORY);
    client.send_publish(1, &publish(&exchange), &delay_of(60_000), "later");
    assert_eq!(client.expect_ack(1), (1, false));
    client.send_publish(1, &publish(&exchange), &delay_of(0), "now");
    assert_eq!(client.expect_return(1).text(), "now");
    assert_eq!(client.expect_ack(1), (2, false));
}

#[test]
fn other_exchanges_delay_when_they_are_declared_to() {
    if on_oracle() {
        return;
    }
    let mut client = RawClient::with_channel();
    let delaying = Table::new().bool("x-delayed-exchange", true);
    let exchange = declared(&mut client, "direct", delaying);
    consumer(&mut client, &exchange, "k");
    let text = delay(&Table::new().text("x-delay", "1000"));
    client.send_publish(1, &basic::publish(&exchange, "k"), &text, "later");
    client.publish(1, &exchange, "k", "now");
    assert_eq!(client.expect_delivery(1).text(), "now");
    let later = client.expect_delivery(1);
    assert_eq!((later.text(), &later.properties), ("later", &delay_of(-1000)));
}

#[test]
fn an_exchange_that_delays_says_how_it_routes() {
    let refused = |arguments, text: &str| {
        let mut client = RawClient::with_channel();
        let declare = exchange::declare(unique("bad"), "x-delayed-message").arguments(arguments);
        let text = format!("PRECONDITION_FAILED - {text}");
        client.refused(1, &declare, &refusal(406, text, id::EXCHANGE_DECLARE));
    };
    let must = "Invalid argument, 'x-delayed-type' must be an existing exchange type";
    refused(Table::new(), must);
    refused(Table::new().int("x-delayed-type", 1), must);
    if !on_oracle() {
        let named = |name| Table::new().text("x-delayed-type", name);
        refused(named("x-nothing"), "unknown exchange type 'x-nothing'");
        refused(named("x-delayed-message"), must);
    }
}
