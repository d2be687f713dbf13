//! Metrics of how channels stand, and of what became of messages that queues gave up.

use serde_json::json;

use super::metrics::Scraped;
use crate::support::methods::{DURABLE, basic, confirm, queue, tx};
use crate::support::{Broker, Http, RawClient, Table, id};

/// Name of the gauge, and RabbitMQ's field of the API that says the same.
const GAUGES: &[(&str, &str)] = &[
    ("channel_consumers", "consumer_count"),
    ("channel_messages_unacked", "messages_unacknowledged"),
    ("channel_messages_unconfirmed", "messages_unconfirmed"),
    ("channel_messages_uncommitted", "messages_uncommitted"),
    ("channel_acks_uncommitted", "acks_uncommitted"),
    ("channel_prefetch", "prefetch_count"),
    ("channel_global_prefetch", "global_prefetch_count"),
];

/// The gauges of the channel with this number.
fn gauges(page: &Scraped, number: u16) -> Vec<f64> {
    let value = |name: &str| {
        let name = format!("rabbitmq_detailed_{name}{{channel=\"");
        let of_it =
            |key: &&String| key.starts_with(&name) && key.contains(&format!(" ({number})\","));
        page.values.keys().find(of_it).map_or(-1.0, |key| page.values[key])
    };
    GAUGES.iter().map(|(name, _)| value(name)).collect()
}

/// Three channels in the middle of things: one consumes, one has a transaction, one confirms.
fn busy(broker: &Broker) -> RawClient {
    let mut client = RawClient::with_channel_on(broker);
    client.open_channel(2);
    client.open_channel(3);
    client.declare(1, &queue::declare("q"));
    client.declare(1, &queue::declare("r"));
    client.call(1, &basic::qos(5), id::BASIC_QOS_OK);
    client.call(1, &basic::qos_of(0, 7, true), id::BASIC_QOS_OK);
    client.consume(1, &basic::consume("q", "c"));
    for queue in ["q", "q", "q", "q", "r"] {
        client.publish(1, "", queue, "x");
    }
    let tags = client.expect_deliveries(1, &["x", "x", "x", "x"]);
    client.send(1, &basic::ack(tags[0]));
    client.send(1, &basic::reject(tags[1], false));
    client.call(2, &tx::select(), id::TX_SELECT_OK);
    client.publish(2, "", "r", "x");
    client.publish(2, "", "r", "x");
    let got = client.get(2, "r").expect("it is there");
    client.send(2, &basic::ack(got.tag));
    client.call(3, &confirm::select(), id::CONFIRM_SELECT_OK);
    client.publish(3, "", "nowhere", "x");
    assert_eq!(client.expect_ack(3).0, 1);
    client
}

#[test]
fn channels_stand_in_the_metrics_as_in_the_api() {
    let broker = Broker::start(&[]);
    let mut client = busy(&broker);
    // The client was answered on every channel behind what it did there.
    client.call(1, &basic::qos_of(0, 7, true), id::BASIC_QOS_OK);
    client.declare(2, &queue::declare("r"));
    let path = "/metrics/detailed?family=channel_metrics";
    let page = Scraped::of(&broker, path);
    assert_eq!(gauges(&page, 1), [1.0, 2.0, 0.0, 0.0, 0.0, 5.0, 7.0]);
    assert_eq!(gauges(&page, 2), [0.0, 0.0, 0.0, 2.0, 1.0, 0.0, 0.0]);
    assert_eq!(gauges(&page, 3), [0.0; 7]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    let channels = guest.get("/api/channels").json();
    for channel in channels.as_array().expect("a list") {
        let number = channel["number"].as_u64().expect("a number");
        let fields = GAUGES.iter().map(|(_, field)| channel[*field].as_f64().expect("a number"));
        let number = u16::try_from(number).expect("a channel");
        assert_eq!(gauges(&page, number), fields.collect::<Vec<_>>(), "{number}");
    }
    assert_eq!(channels.as_array().map(Vec::len), Some(3));
    let sums = Scraped::of(&broker, "/metrics");
    assert!((sums.sum("rabbitmq_channel_messages_unacked") - 2.0).abs() < 0.5);
    client.call(2, &tx::rollback(), id::TX_ROLLBACK_OK);
    client.call(1, &basic::cancel("c"), id::BASIC_CANCEL_OK);
    let page = Scraped::of(&broker, path);
    assert_eq!(gauges(&page, 1), [0.0, 2.0, 0.0, 0.0, 0.0, 5.0, 7.0]);
    assert_eq!(
        gauges(&page, 2),
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "it is not settled after all"
    );
    client.close_channel(1);
    let sums = Scraped::of(&broker, "/metrics");
    let unacked = sums.sum("rabbitmq_channel_messages_unacked");
    assert!((unacked - 1.0).abs() < 0.5, "a channel that is gone stands no more: {unacked}");
    client.close();
}

/// The counters of dead letters, by reason, of queues of this type with this strategy.
fn dead(page: &Scraped, queue_type: &str, strategy: &str) -> Vec<f64> {
    let value = |reason: &str| {
        let key = format!(
            "rabbitmq_global_messages_dead_lettered_{reason}_total{{queue_type=\"rabbit_{queue_type}_queue\",dead_letter_strategy=\"{strategy}\"}}"
        );
        page.values.get(&key).copied().unwrap_or(-1.0)
    };
    ["maxlen", "expired", "rejected", "delivery_limit", "confirmed"]
        .into_iter()
        .map(value)
        .collect()
}

#[test]
fn messages_that_queues_give_up_are_counted_by_reason_and_strategy() {
    let broker = Broker::start(&[]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("dead"));
    let to_dead = || {
        Table::new().text("x-dead-letter-exchange", "").text("x-dead-letter-routing-key", "dead")
    };
    client.declare(1, &queue::declare("short").arguments(Table::new().int("x-max-length", 1)));
    client.declare(1, &queue::declare("brief").arguments(to_dead().int("x-message-ttl", 0)));
    let keeps = to_dead()
        .text("x-queue-type", "quorum")
        .text("x-overflow", "reject-publish")
        .text("x-dead-letter-strategy", "at-least-once")
        .int("x-delivery-limit", 0);
    client.declare(1, &queue::declare("kept").with(DURABLE).arguments(keeps));
    for _ in 0..3 {
        client.publish(1, "", "short", "x");
    }
    client.publish(1, "", "brief", "x");
    client.publish(1, "", "kept", "x");
    client.publish(1, "", "kept", "x");
    client.consume(1, &basic::consume("kept", "c"));
    let tags = client.expect_deliveries(1, &["x", "x"]);
    client.send(1, &basic::reject(tags[0], false));
    client.send(1, &basic::reject(tags[1], true));
    // They are confirmed, and then counted so, when they have arrived.
    while client.declare(1, &queue::declare("dead")).0 < 3 {}
    let page = loop {
        let page = Scraped::of(&broker, "/metrics");
        if dead(&page, "quorum", "at_least_once")[4] > 1.5 {
            break page;
        }
    };
    assert_eq!(dead(&page, "classic", "disabled"), [2.0, 0.0, 0.0, 0.0, -1.0]);
    assert_eq!(dead(&page, "classic", "at_most_once"), [0.0, 1.0, 0.0, 0.0, -1.0]);
    assert_eq!(dead(&page, "classic", "at_least_once"), [-1.0; 5], "there is no such thing");
    assert_eq!(dead(&page, "quorum", "disabled"), [0.0, 0.0, 0.0, 0.0, -1.0]);
    assert_eq!(dead(&page, "quorum", "at_least_once"), [0.0, 0.0, 1.0, 1.0, 2.0]);
    let policy =
        json!({ "pattern": "^short$", "definition": { "dead-letter-exchange": "nowhere" } });
    assert_eq!(guest.put("/api/policies/%2F/p", &policy).status, 201);
    client.publish(1, "", "short", "x");
    client.expect_counts(1, "short", (1, 0));
    client.call(1, &queue::delete("short"), id::QUEUE_DELETE_OK);
    let page = Scraped::of(&broker, "/metrics");
    assert_eq!(dead(&page, "classic", "disabled")[..1], [2.0], "they stay counted");
    assert_eq!(dead(&page, "classic", "at_most_once")[..1], [1.0], "the policy is in force");
    client.close();
}
