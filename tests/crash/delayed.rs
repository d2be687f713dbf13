//! Messages that an exchange holds back, after a kill.

use tempfile::TempDir;

use super::client::{Client, Incoming};
use super::server::Server;
use super::steps::declare_durable;
use crate::support::methods::{DURABLE, exchange, queue};
use crate::support::{Table, id};

const EXCHANGE: &str = "later";

/// Properties of a persistent message with a delay.
fn delayed(ms: i32) -> Vec<u8> {
    let headers = Table::new().int("x-delay", ms).with_length();
    [&[0x30, 0][..], &headers, &[2]].concat()
}

/// Publishes these bodies with these delays and waits until all are confirmed.
fn publish(client: &mut Client, messages: &[(u32, i32)]) {
    for (number, ms) in messages {
        client.put_content(1, (EXCHANGE, "k"), &delayed(*ms), &number.to_be_bytes());
    }
    client.flush().expect("it runs");
    let mut confirmed = 0;
    while confirmed < messages.len() as u64 {
        match client.next().expect("it runs") {
            Incoming::Settled(settled) if settled.ok && settled.multiple => confirmed = settled.tag,
            Incoming::Settled(settled) if settled.ok => confirmed += 1,
            other => panic!("{other:?}"),
        }
    }
}

/// I9, L1, L4.
#[test]
fn delayed_messages_come_when_they_are_due_after_a_kill() {
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_confirming(1).expect("a channel");
    let declare = exchange::declare(EXCHANGE, "x-delayed-message").with(DURABLE);
    let declare = declare.arguments(Table::new().text("x-delayed-type", "direct"));
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK).expect("an exchange");
    declare_durable(&mut client, 1, "q").expect("a queue");
    client.call(1, &queue::bind("q", EXCHANGE, "k"), id::QUEUE_BIND_OK).expect("a binding");
    // The last one is due when all this is over.
    let mut messages: Vec<(u32, i32)> = (0..50).map(|number| (number, 1500)).collect();
    messages.extend((50..100).map(|number| (number, 2500)));
    messages.push((100, 3_600_000));
    publish(&mut client, &messages);
    server.kill();

    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    client.consume(1, "q", 0).expect("a consumer");
    let mut numbers = Vec::new();
    while numbers.len() < 100 {
        let delivery = client.delivery().expect("a message");
        assert!(!delivery.redelivered, "nobody was given it before");
        numbers.push(u32::from_be_bytes(delivery.body.try_into().expect("a number")));
    }
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    server.kill();

    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    let delete = exchange::delete(EXCHANGE);
    client.call(1, &delete, id::EXCHANGE_DELETE_OK).expect("it is there");
    let stderr = server.stop();
    let what = "the one that is due in an hour went with it, and it is said";
    assert!(stderr.contains("the messages that it delayed"), "{what}: {stderr}");
}
