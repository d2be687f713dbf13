//! Queues, exchanges and bindings without end.

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::methods::{PASSIVE, exchange, queue};
use crate::support::{Broker, RawClient, Table, id, refusal};

#[test]
fn many_bindings_come_and_go_with_their_exchange() {
    const BINDINGS: usize = 10_000;
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::with_channel_on(&broker);
    let name = client.exclusive_queue(1);
    for kind in ["topic", "direct", "headers"] {
        client.call(1, &exchange::declare("crowded", kind), id::EXCHANGE_DECLARE_OK);
        let binds: Vec<Vec<u8>> = (0..BINDINGS)
            .map(|number| {
                let key = format!("a.{number}.*.b{}.#", number % 97);
                let wanted = i32::try_from(number).expect("small");
                let bind = queue::bind(&name, "crowded", key).with(1);
                bind.arguments(Table::new().int("n", wanted)).frame(1)
            })
            .collect();
        for some in binds.chunks(BINDINGS / 20) {
            client.send_bytes(&some.concat());
            neighbour.is_served(1);
        }
        client.expect_counts(1, &name, (0, 0));
        client.publish(1, "crowded", "a.7.x.b7.y", "one of ten thousand");
        let wanted = u32::from(kind == "topic");
        client.expect_counts(1, &name, (wanted, 0));
        client.call(1, &queue::purge(&name), id::QUEUE_PURGE_OK);
        client.call(1, &exchange::delete("crowded"), id::EXCHANGE_DELETE_OK);
    }
    client.close();
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// When the deletion is answered all bindings are gone, and nobody is left waiting.
#[test]
fn a_queue_with_many_bindings_goes_while_others_publish() {
    const BINDINGS: usize = 5_000;
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::with_channel_on(&broker);
    client.call(1, &exchange::declare("left", "topic"), id::EXCHANGE_DECLARE_OK);
    for _ in 0..2 {
        let name = client.exclusive_queue(1);
        let binds = (0..BINDINGS).map(|number| queue::bind(&name, "left", format!("a.{number}")));
        client.send_bytes(&binds.flat_map(|bind| bind.with(1).frame(1)).collect::<Vec<u8>>());
        client.expect_counts(1, &name, (0, 0));
        client.publish(1, "left", "a.4999", "bound");
        client.expect_counts(1, &name, (1, 0));
        client.send(1, &queue::delete(&name));
        neighbour.is_served(10);
        client.expect(1, id::QUEUE_DELETE_OK);
        // `if-unused`: no binding from it is left.
        let delete = exchange::delete("left").with(exchange::IF_UNUSED);
        client.call(1, &delete, id::EXCHANGE_DELETE_OK);
        client.call(1, &exchange::declare("left", "topic"), id::EXCHANGE_DECLARE_OK);
    }
    client.close();
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// `QUEUES_MAX` where nobody says less; here `cluster_queue_limit` says it.
#[test]
fn tiny_queues_are_refused_beyond_the_limit_and_leave_with_their_connection() {
    const LIMIT: usize = 1_000;
    let broker = Broker::start(&[&format!("cluster_queue_limit = {LIMIT}")]);
    let mut neighbour = Neighbour::of(&broker);
    for _ in 0..2 {
        let mut client = RawClient::with_channel_on(&broker);
        let tiny = |number: usize| {
            queue::declare(format!("tiny-{number}")).with(queue::EXCLUSIVE | queue::NOWAIT)
        };
        let declares: Vec<u8> = (1..LIMIT).flat_map(|number| tiny(number).frame(1)).collect();
        client.send_bytes(&declares);
        neighbour.is_served(5);
        client.expect_counts(1, "tiny-999", (0, 0));
        let text = format!(
            "PRECONDITION_FAILED - cannot declare queue 'tiny-{LIMIT}' in vhost '/': queue limit \
             in cluster ({LIMIT}) is reached"
        );
        client.refused(1, &tiny(LIMIT), &refusal(406, text, id::QUEUE_DECLARE));
        neighbour.is_served(5);
        client.close();
        // The queues go while the connection does.
        neighbour.is_served(5);
        let mut other = RawClient::with_channel_on(&broker);
        let text = "NOT_FOUND - no queue 'tiny-1' in vhost '/'";
        other.refused(
            1,
            &queue::declare("tiny-1").with(PASSIVE),
            &refusal(404, text, id::QUEUE_DECLARE),
        );
    }
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

#[test]
fn declaring_and_deleting_without_a_pause_leaves_nothing() {
    const TIMES: usize = 1_000;
    let broker = Broker::start(&["cluster_queue_limit = 10", "cluster_exchange_limit = 20"]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::with_channel_on(&broker);
    let once = [
        queue::declare("brief").with(queue::NOWAIT).frame(1),
        exchange::declare("brief", "topic").with(exchange::NOWAIT).frame(1),
        queue::bind("brief", "brief", "#").with(1).frame(1),
        queue::delete("brief").with(4).frame(1),
        exchange::delete("brief").with(2).frame(1),
    ];
    let some = once.concat().repeat(TIMES / 20);
    for _ in 0..20 {
        client.send_bytes(&some);
        neighbour.is_served(2);
    }
    let text = "NOT_FOUND - no queue 'brief' in vhost '/'";
    client.refused(
        1,
        &queue::declare("brief").with(PASSIVE),
        &refusal(404, text, id::QUEUE_DECLARE),
    );
    client.close();
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
