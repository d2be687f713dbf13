//! De-duplication: the community plug-in's exchange type, and LavinMQ's arguments (docs/deduplication.md). An
//! oracle needs the plug-in.

use crate::support::methods::exchange::AUTO_DELETE;
use crate::support::methods::{basic, confirm, exchange, queue, tx};
use crate::support::{RawClient, Table, id, on_oracle, refusal, unique};

const TYPE: &str = "x-message-deduplication";

fn confirming() -> RawClient {
    let mut client = RawClient::with_channel();
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    client
}

fn keyed(table: &Table) -> Vec<u8> {
    [&[0x20, 0][..], &table.with_length()].concat()
}

fn key(key: &str) -> Vec<u8> {
    keyed(&Table::new().text("x-deduplication-header", key))
}

/// An exchange that drops duplicates, and a queue behind it.
fn deduplicating(client: &mut RawClient) -> (String, String) {
    let name = unique("seen");
    let arguments = Table::new().int("x-cache-size", 10);
    let declare = exchange::declare(&name, TYPE).with(AUTO_DELETE).arguments(arguments);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK).end();
    let queue = client.exclusive_queue(1);
    client.call(1, &queue::bind(&queue, &name, "any"), id::QUEUE_BIND_OK).end();
    (name, queue)
}

fn exclusive(client: &mut RawClient, arguments: Table) -> String {
    let name = unique("once");
    let declare = queue::declare(&name).with(queue::EXCLUSIVE).arguments(arguments);
    client.declare(1, &declare);
    name
}

#[test]
fn an_exchange_of_the_type_drops_duplicates_and_confirms_them() {
    let mut client = confirming();
    let (exchange, queue) = deduplicating(&mut client);
    for name in ["a", "b", "a"] {
        client.send_publish(1, &basic::publish(&exchange, "other"), &key(name), name);
    }
    client.publish(1, &exchange, "", "no key");
    client.publish(1, &exchange, "", "no key");
    client.expect_acks_up_to(1, 5);
    client.expect_counts(1, &queue, (4, 0));
}

#[test]
fn a_mandatory_duplicate_comes_back_before_its_confirm() {
    let mut client = confirming();
    let (exchange, _) = deduplicating(&mut client);
    let mandatory = basic::publish(&exchange, "k").with(basic::MANDATORY);
    client.send_publish(1, &mandatory, &key("a"), "first");
    assert_eq!(client.expect_ack(1), (1, false));
    client.send_publish(1, &mandatory, &key("a"), "second");
    assert_eq!(client.expect_return(1).text(), "second");
    assert_eq!(client.expect_ack(1), (2, false));
}

#[test]
fn a_transaction_that_is_rolled_back_leaves_no_key() {
    let mut client = RawClient::with_channel();
    let (exchange, queue) = deduplicating(&mut client);
    client.call(1, &tx::select(), id::TX_SELECT_OK).end();
    let publish = basic::publish(&exchange, "k");
    client.send_publish(1, &publish, &key("a"), "back");
    client.call(1, &tx::rollback(), id::TX_ROLLBACK_OK).end();
    for body in ["one", "two"] {
        client.send_publish(1, &publish, &key("a"), body);
    }
    client.call(1, &tx::commit(), id::TX_COMMIT_OK).end();
    client.expect_counts(1, &queue, (1, 0));
}

#[test]
fn a_queue_takes_a_key_once_until_its_message_is_acked() {
    let mut client = confirming();
    let queue = exclusive(&mut client, Table::new().bool(TYPE, true));
    let publish = basic::publish("", &queue);
    for _ in 0..3 {
        client.send_publish(1, &publish, &key("a"), "m");
    }
    client.expect_acks_up_to(1, 3);
    client.expect_counts(1, &queue, (1, 0));
    let delivery = client.get(1, &queue).expect("there is one");
    client.send_publish(1, &publish, &key("a"), "m");
    assert_eq!(client.expect_ack(1), (4, false));
    client.expect_counts(1, &queue, (0, 0));
    client.send(1, &basic::ack(delivery.tag));
    client.send_publish(1, &publish, &key("a"), "m");
    assert_eq!(client.expect_ack(1), (5, false));
    client.expect_counts(1, &queue, (1, 0));
}

#[test]
fn a_queue_with_a_window_looks_at_the_header_it_was_told() {
    if on_oracle() {
        return;
    }
    let mut client = confirming();
    let arguments = Table::new().bool(TYPE, true).int("x-cache-size", 1);
    let queue = exclusive(&mut client, arguments.text("x-deduplication-header", "id"));
    for id in [7, 7, 8, 7] {
        let properties = keyed(&Table::new().int("id", id));
        client.send_publish(1, &basic::publish("", &queue), &properties, "m");
    }
    client.expect_acks_up_to(1, 4);
    client.expect_counts(1, &queue, (3, 0));
}

#[test]
fn arguments_of_de_duplication_are_checked() {
    let is_refused = |kind: &str, arguments: Table, text: &str| {
        let mut client = RawClient::with_channel();
        let declare = exchange::declare(unique("bad"), kind).arguments(arguments);
        let text = format!("PRECONDITION_FAILED - {text}");
        client.refused(1, &declare, &refusal(406, text, id::EXCHANGE_DECLARE));
    };
    if on_oracle() {
        return;
    }
    let size = "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0";
    is_refused(TYPE, Table::new(), size);
    is_refused(TYPE, Table::new().int("x-cache-size", 0), size);
    let of = || Table::new().text("x-cache-size", "10");
    let ttl = "Invalid argument, 'x-cache-ttl' must be an integer greater than 0";
    is_refused(TYPE, of().int("x-cache-ttl", 0), ttl);
    let persistence = "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'";
    is_refused(TYPE, of().text("x-cache-persistence", "tape"), persistence);
    let beyond = Table::new().int("x-cache-size", 1_048_577);
    is_refused(TYPE, beyond, "Invalid argument, 'x-cache-size' must not exceed 1048576");
    let mut client = RawClient::with_channel();
    let name = unique("bad");
    let declare = exchange::declare(&name, "direct").arguments(Table::new().int(TYPE, 1));
    let text = format!(
        "PRECONDITION_FAILED - invalid type 'signedint' for arg '{TYPE}' in exchange '{name}' in vhost '/'"
    );
    client.refused(1, &declare, &refusal(406, text, id::EXCHANGE_DECLARE));
}

#[test]
fn a_second_declare_says_the_same_about_duplicates() {
    if on_oracle() {
        return;
    }
    let mut client = confirming();
    let (exchange, _) = deduplicating(&mut client);
    let arguments = Table::new().int("x-cache-size", 11);
    let declare = exchange::declare(&exchange, TYPE).with(AUTO_DELETE).arguments(arguments);
    let text = format!(
        "PRECONDITION_FAILED - inequivalent arg 'x-cache-size' for exchange '{exchange}' in vhost \
         '/': received '11' but current is '10'"
    );
    client.refused(1, &declare, &refusal(406, text, id::EXCHANGE_DECLARE));
}
