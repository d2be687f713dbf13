//! What happens to messages, as trees of spans.

use super::collector::{Collector, said};
use super::{PRODUCER, TRACE, properties, traced};
use crate::support::methods::{basic, confirm, queue};
use crate::support::{RawClient, Table, id};

fn publish(client: &mut RawClient, exchange: &str, key: &str) {
    client.send_publish(1, &basic::publish(exchange, key), &properties(), "body");
}

#[test]
fn a_trace_goes_from_the_producer_through_the_broker() {
    let collector = Collector::start();
    let (_broker, mut client) = traced(
        &collector,
        &["haremq.otel.service_name = shop", "haremq.otel.headers.x-team = secret"],
    );
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    client.declare(1, &queue::declare("orders"));
    publish(&mut client, "", "orders");
    client.expect_ack(1);
    client.consume(1, &basic::consume("orders", "worker"));
    let delivery = client.expect_delivery(1);
    assert_eq!(delivery.properties, properties(), "clients find the headers of each other");
    client.send(1, &basic::ack(delivery.tag));
    assert_eq!(
        collector.tree(4),
        [
            "publish amq.default: confirmed",
            "  queue orders: delivered",
            "    deliver orders: acked",
            "      ack orders: acked",
        ]
    );
    let requests = collector.requests().clone();
    let head = &requests[0].head;
    for line in ["post /v1/traces http/1.1", "content-type: application/json", "x-team: secret"] {
        assert!(head.contains(line), "{head}");
    }
    let resource = &requests[0].body["resourceSpans"][0]["resource"];
    assert_eq!(said(resource, "service.name"), "shop");
    for span in collector.spans(4) {
        assert_eq!(span["traceId"], TRACE);
        assert_eq!(span["traceState"], "shop=1");
        let is_publish = span["name"] == "publish amq.default";
        assert_eq!(span["parentSpanId"] == PRODUCER, is_publish, "{span}");
        let [start, end] = ["startTimeUnixNano", "endTimeUnixNano"].map(|field| {
            span[field].as_str().and_then(|text| text.parse::<u64>().ok()).expect("a number")
        });
        assert!(start > 1_700_000_000_000_000_000 && end >= start, "{span}");
        if span["name"] == "deliver orders" {
            assert_eq!(said(&span, "haremq.consumer.tag"), "worker");
        }
    }
}

#[test]
fn fanout_get_and_deliveries_without_acks() {
    let collector = Collector::start();
    let (_broker, mut client) = traced(&collector, &[]);
    for name in ["a", "b"] {
        client.declare(1, &queue::declare(name));
        client.call(1, &queue::bind(name, "amq.fanout", ""), id::QUEUE_BIND_OK);
    }
    publish(&mut client, "amq.fanout", "k");
    client.get(1, "a").expect("it is there");
    client.send(1, &basic::ack(1));
    client.consume(1, &basic::consume("b", "c").with(basic::NO_ACK));
    client.expect_delivery(1);
    assert_eq!(
        collector.tree(6),
        [
            "publish amq.fanout: routed",
            "  queue a: delivered",
            "    get a: acked",
            "      ack a: acked",
            "  queue b: delivered",
            "    deliver b: auto_acked",
        ]
    );
}

#[test]
fn a_message_that_is_given_back_and_one_that_expires() {
    let collector = Collector::start();
    let (_broker, mut client) = traced(&collector, &[]);
    client.declare(1, &queue::declare("dead"));
    let target = Table::new()
        .int("x-message-ttl", 50)
        .text("x-dead-letter-exchange", "")
        .text("x-dead-letter-routing-key", "dead");
    client.declare(1, &queue::declare("work").arguments(target));
    client.consume(1, &basic::consume("work", "worker"));
    publish(&mut client, "", "work");
    let delivery = client.expect_delivery(1);
    client.call(1, &basic::cancel("worker"), id::BASIC_CANCEL_OK);
    client.send(1, &basic::nack(delivery.tag, 2));
    client.consume(1, &basic::consume("dead", "undertaker"));
    let dead = client.expect_delivery(1);
    client.send(1, &basic::reject(dead.tag, false));
    assert_eq!(
        collector.tree(9),
        [
            "publish amq.default: routed",
            "  queue work: delivered",
            "    deliver work: requeued",
            "      requeue work: requeued",
            "  queue work: dead_lettered",
            "    dead-letter amq.default: confirmed",
            "      queue dead: delivered",
            "        deliver dead: rejected",
            "          reject dead: rejected",
        ]
    );
}

#[test]
fn publishes_that_reach_nobody() {
    let collector = Collector::start();
    let (_broker, mut client) = traced(&collector, &[]);
    publish(&mut client, "", "nowhere");
    let mandatory = basic::publish("", "nowhere").with(basic::MANDATORY);
    client.send_publish(1, &mandatory, &properties(), "body");
    client.expect_return(1);
    publish(&mut client, "missing", "k");
    client.expect(1, id::CHANNEL_CLOSE);
    assert_eq!(
        collector.tree(3),
        [
            "publish amq.default: unroutable",
            "publish amq.default: returned",
            "publish missing: refused",
        ]
    );
    let spans = collector.spans(3);
    let failed = spans.iter().find(|span| span["name"] == "publish missing").expect("there");
    assert_eq!(failed["status"]["code"], 2);
    assert_eq!(failed["status"]["message"], "NOT_FOUND - no exchange 'missing' in vhost '/'");
}

#[test]
fn what_nobody_traces_begins_a_trace_only_by_the_ratio() {
    let collector = Collector::start();
    let (broker, mut client) = traced(&collector, &["haremq.otel.sample_ratio = 100%"]);
    client.declare(1, &queue::declare("q"));
    client.publish(1, "", "q", "m");
    let spans = {
        client.get_with(1, &basic::get_no_ack("q")).expect("it is there");
        collector.spans(3)
    };
    assert!(spans.iter().all(|span| span["traceId"] != TRACE), "{spans:?}");
    let root = spans.iter().find(|span| span["name"] == "publish amq.default").expect("there");
    assert_eq!(root.get("parentSpanId"), None);
    drop(client);
    broker.stop();
    let quiet = Collector::start();
    let (broker, mut client) = traced(&quiet, &[]);
    client.declare(1, &queue::declare("q"));
    client.publish(1, "", "q", "m");
    client.get_with(1, &basic::get_no_ack("q")).expect("it is there");
    client.close();
    // A stop sends what there is.
    broker.stop();
    assert_eq!(quiet.requests().len(), 0);
}
