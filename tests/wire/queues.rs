//! Declaring, purging and deleting queues (docs/reply-codes.md, queues).

use crate::support::methods::queue::{AUTO_DELETE, EXCLUSIVE, IF_EMPTY, IF_UNUSED, NOWAIT};
use crate::support::methods::{DURABLE, PASSIVE, basic, queue};
use crate::support::{RawClient, id, refusal, unique};

fn is_missing(client: &mut RawClient, name: &str) {
    let text = format!("NOT_FOUND - no queue '{name}' in vhost '/'");
    let passive = queue::declare(name).with(PASSIVE);
    client.refused(1, &passive, &refusal(404, text, id::QUEUE_DECLARE));
    client.open_channel(1);
}

/// How many messages `queue.delete` or `queue.purge` has thrown away.
fn thrown_away(client: &mut RawClient, call: &crate::support::Call) -> u32 {
    let purge = call.payload()[2..4] == [0, 30];
    let answer = if purge { id::QUEUE_PURGE_OK } else { id::QUEUE_DELETE_OK };
    let mut answer = client.call(1, call, answer);
    let count = answer.long();
    answer.end();
    count
}

#[test]
fn declare_ok_names_the_queue_and_counts() {
    let mut client = RawClient::with_channel();
    let name = unique("counts");
    let declare = queue::declare(&name).with(EXCLUSIVE);
    let mut answer = client.call(1, &declare, id::QUEUE_DECLARE_OK);
    assert_eq!(answer.short_string(), name);
    assert_eq!((answer.long(), answer.long()), (0, 0));
    answer.end();
    for body in ["a", "b", "c"] {
        client.publish(1, "", &name, body);
    }
    client.expect_counts(1, &name, (3, 0));
    client.get(1, &name).expect("a");
    client.expect_counts(1, &name, (2, 0));
    client.consume(1, &basic::consume(&name, ""));
    client.expect_deliveries(1, &["b", "c"]);
    client.expect_counts(1, &name, (0, 1));
    assert_eq!(client.declare(1, &declare), (0, 1), "an active declare counts as well");
}

#[test]
fn an_empty_name_gets_one_from_the_server() {
    let mut client = RawClient::with_channel();
    let names = [client.exclusive_queue(1), client.exclusive_queue(1)];
    assert_ne!(names[0], names[1]);
    for name in &names {
        assert!(name.starts_with("amq.gen-"), "{name}");
        client.expect_counts(1, name, (0, 0));
    }
}

/// An exclusive queue goes with its connection, so it is never durable.
#[test]
fn durable_makes_no_difference_to_an_exclusive_queue() {
    let mut client = RawClient::with_channel();
    let name = unique("exclusive");
    client.declare(1, &queue::declare(&name).with(EXCLUSIVE));
    client.declare(1, &queue::declare(&name).with(EXCLUSIVE | DURABLE));
}

#[test]
fn the_default_exchange_reaches_every_queue_by_name() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    client.publish(1, "", &queue, "by name");
    let delivery = client.get(1, &queue).expect("the message");
    assert_eq!((delivery.exchange.as_str(), delivery.routing_key), ("", queue.into_bytes()));
}

#[test]
fn a_passive_declare_of_a_missing_queue_is_refused() {
    is_missing(&mut RawClient::with_channel(), "missing");
}

#[test]
fn a_passive_declare_looks_at_the_name_only() {
    let mut client = RawClient::with_channel();
    let name = client.exclusive_queue(1);
    for flags in [0, DURABLE, AUTO_DELETE, EXCLUSIVE] {
        client.declare(1, &queue::declare(&name).with(PASSIVE | flags));
    }
}

#[test]
fn a_passive_declare_without_a_name_is_refused() {
    let text = "NOT_FOUND - no queue '' in vhost '/'";
    let mut client = RawClient::with_channel();
    let passive = queue::declare("").with(PASSIVE);
    client.refused(1, &passive, &refusal(404, text, id::QUEUE_DECLARE));
}

#[test]
fn nowait_gives_no_answer() {
    let mut client = RawClient::with_channel();
    let name = unique("nowait");
    client.send(1, &queue::declare(&name).with(EXCLUSIVE | NOWAIT));
    client.send(1, &queue::bind(&name, "amq.direct", &name).with(1));
    client.publish(1, "amq.direct", &name, "hello");
    client.expect_counts(1, &name, (1, 0));
    client.send(1, &queue::purge(&name).with(1));
    client.expect_counts(1, &name, (0, 0));
    client.send(1, &queue::delete(&name).with(4));
    is_missing(&mut client, &name);
}

#[test]
fn a_new_name_with_the_reserved_prefix_is_refused() {
    let text = "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'";
    let mut client = RawClient::with_channel();
    let declare = queue::declare("amq.mine");
    client.refused(1, &declare, &refusal(403, text, id::QUEUE_DECLARE));
}

#[test]
fn using_a_missing_queue_is_refused() {
    let cases = [
        (queue::purge("missing"), id::QUEUE_PURGE),
        (basic::get("missing"), id::BASIC_GET),
        (basic::consume("missing", ""), id::BASIC_CONSUME),
    ];
    let mut client = RawClient::with_channel();
    for (call, failed) in cases {
        let text = "NOT_FOUND - no queue 'missing' in vhost '/'";
        client.refused(1, &call, &refusal(404, text, failed));
        client.open_channel(1);
    }
}

#[test]
fn deleting_a_missing_queue_is_fine() {
    let mut client = RawClient::with_channel();
    for flags in [0, IF_UNUSED, IF_EMPTY] {
        assert_eq!(thrown_away(&mut client, &queue::delete("missing").with(flags)), 0);
    }
}

#[test]
fn delete_says_how_many_ready_messages_are_gone() {
    let mut client = RawClient::with_channel();
    let name = client.exclusive_queue(1);
    for body in ["a", "b", "c"] {
        client.publish(1, "", &name, body);
    }
    client.get(1, &name).expect("a");
    client.expect_counts(1, &name, (2, 0));
    assert_eq!(thrown_away(&mut client, &queue::delete(&name)), 2);
    is_missing(&mut client, &name);
}

#[test]
fn purge_throws_away_ready_messages_only() {
    let mut client = RawClient::with_channel();
    let name = client.exclusive_queue(1);
    for body in ["a", "b", "c"] {
        client.publish(1, "", &name, body);
    }
    let first = client.get(1, &name).expect("a");
    client.expect_counts(1, &name, (2, 0));
    assert_eq!(thrown_away(&mut client, &queue::purge(&name)), 2);
    assert_eq!(client.get(1, &name), None);
    client.send(1, &basic::reject(first.tag, true));
    assert_eq!(client.get(1, &name).expect("a again").text(), "a");
}

#[test]
fn a_queue_with_consumers_is_not_deleted_if_unused_was_asked() {
    let mut client = RawClient::with_channel();
    let name = client.exclusive_queue(1);
    let tag = client.consume(1, &basic::consume(&name, ""));
    let text = format!("PRECONDITION_FAILED - queue '{name}' in vhost '/' in use");
    client.open_channel(2);
    let delete = queue::delete(&name).with(IF_UNUSED);
    client.refused(2, &delete, &refusal(406, text, id::QUEUE_DELETE));
    client.call(1, &basic::cancel(&tag), id::BASIC_CANCEL_OK);
    assert_eq!(thrown_away(&mut client, &delete), 0);
}

#[test]
fn a_queue_with_messages_is_not_deleted_if_empty_was_asked() {
    let mut client = RawClient::with_channel();
    let name = client.exclusive_queue(1);
    client.publish(1, "", &name, "body");
    client.expect_counts(1, &name, (1, 0));
    let text = format!("PRECONDITION_FAILED - queue '{name}' in vhost '/' not empty");
    let delete = queue::delete(&name).with(IF_EMPTY);
    client.refused(1, &delete, &refusal(406, text, id::QUEUE_DELETE));
    client.open_channel(1);
    assert_eq!(thrown_away(&mut client, &queue::purge(&name)), 1);
    assert_eq!(thrown_away(&mut client, &delete), 0);
    is_missing(&mut client, &name);
}

#[test]
fn a_declare_that_says_something_else_is_refused() {
    let mut client = RawClient::with_channel();
    let name = unique("other");
    client.declare(1, &queue::declare(&name));
    for (flag, argument) in [(DURABLE, "durable"), (AUTO_DELETE, "auto_delete")] {
        let text = format!(
            "PRECONDITION_FAILED - inequivalent arg '{argument}' for queue '{name}' in vhost '/': \
             received 'true' but current is 'false'"
        );
        let declare = queue::declare(&name).with(flag);
        client.refused(1, &declare, &refusal(406, text, id::QUEUE_DECLARE));
        client.open_channel(1);
    }
    assert_eq!(thrown_away(&mut client, &queue::delete(&name)), 0);
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer() {
    let mut client = RawClient::with_channel();
    client.open_channel(2);
    let name = unique("auto");
    client.declare(1, &queue::declare(&name).with(AUTO_DELETE));
    let first = client.consume(1, &basic::consume(&name, ""));
    client.consume(2, &basic::consume(&name, ""));
    client.call(1, &basic::cancel(&first), id::BASIC_CANCEL_OK);
    client.expect_counts(1, &name, (0, 1));
    client.close_channel(2);
    is_missing(&mut client, &name);
}

#[test]
fn an_auto_delete_queue_that_never_had_a_consumer_stays() {
    let mut client = RawClient::with_channel();
    let name = unique("auto");
    client.declare(1, &queue::declare(&name).with(AUTO_DELETE));
    client.close();
    let mut other = RawClient::with_channel();
    other.expect_counts(1, &name, (0, 0));
    assert_eq!(thrown_away(&mut other, &queue::delete(&name)), 0);
}

#[test]
fn a_queue_outlives_its_connection() {
    let name = unique("outlives");
    let mut client = RawClient::with_channel();
    client.declare(1, &queue::declare(&name).with(DURABLE));
    client.publish(1, "", &name, "for later");
    client.expect_counts(1, &name, (1, 0));
    client.close();
    let mut later = RawClient::with_channel();
    assert_eq!(later.get(1, &name).expect("the message").text(), "for later");
    assert_eq!(thrown_away(&mut later, &queue::delete(&name)), 0);
}

#[test]
fn a_queue_can_be_declared_again_after_its_end() {
    let mut client = RawClient::with_channel();
    let name = unique("again");
    for flags in [0, DURABLE, AUTO_DELETE, EXCLUSIVE] {
        client.declare(1, &queue::declare(&name).with(flags));
        client.publish(1, "", &name, "gone with it");
        client.call(1, &queue::delete(&name), id::QUEUE_DELETE_OK);
    }
    assert_eq!(client.declare(1, &queue::declare(&name).with(EXCLUSIVE)), (0, 0));
}

#[test]
fn line_breaks_in_a_queue_name_are_taken_out() {
    let mut client = RawClient::with_channel();
    let name = unique("lines");
    let (start, end) = name.split_at(3);
    let declare = queue::declare(format!("\n{start}\r\n{end}\r")).with(EXCLUSIVE);
    let mut answer = client.call(1, &declare, id::QUEUE_DECLARE_OK);
    assert_eq!(answer.short_string(), name);
    client.expect_counts(1, &name, (0, 0));
}
