//! `throughput`: every message is counted once at each station.

use std::process::Command;

use serde_json::Value;

use super::program::{Run, start, uri};
use crate::support::methods::{PASSIVE, queue};
use crate::support::{Broker, RawClient, id, refusal, unique};

fn figures(arguments: &[&str]) -> Value {
    Run::figures(Broker::shared(), &[&["throughput"], arguments].concat())
}

/// A run of its own name, so that tests do not meet in a queue.
fn named(arguments: &[&str]) -> (String, Value) {
    let name = unique("perf");
    let value = figures(&[arguments, &["--queue-pattern", &name]].concat());
    (name, value)
}

fn expect_counts(value: &Value, counts: &[(&str, u64)]) {
    for (name, count) in counts {
        assert_eq!(value[name], *count, "{name} in {value}");
    }
    assert_eq!(value["ended"], "complete");
}

fn expect_no_queue(name: &str) {
    let queue = format!("{name}-1");
    let text = format!("NOT_FOUND - no queue '{queue}' in vhost '/'");
    let passive = queue::declare(&queue).with(PASSIVE);
    RawClient::with_channel().refused(1, &passive, &refusal(404, &text, id::QUEUE_DECLARE));
}

#[test]
fn every_message_is_published_confirmed_delivered_and_acked_once() {
    let options = ["--messages", "503", "--size", "100", "--persistent", "--confirm", "50"];
    let acks = ["--prefetch", "20", "--ack-every", "7"];
    let (name, value) = named(&[&options[..], &acks].concat());
    let all = ["published", "confirmed", "delivered", "acked"].map(|name| (name, 503));
    expect_counts(&value, &all);
    expect_counts(&value, &[("returned", 0), ("refused", 0), ("redelivered", 0)]);
    assert!(value["published_per_s"].as_f64().is_some_and(|rate| rate > 0.0), "{value}");
    assert!(value["latency_us"]["samples"].as_u64().is_some_and(|samples| samples > 0), "{value}");
    assert!(value["confirm_latency_us"]["p99"].as_f64().is_some_and(|p99| p99 > 0.0), "{value}");
    assert_eq!(value["options"]["durable"], true);
    expect_no_queue(&name);
}

#[test]
fn many_connections_and_queues_share_the_messages() {
    let connections = ["--producers", "3", "--consumers", "2", "--queues", "4"];
    let (_, value) = named(&[&connections[..], &["--messages", "100", "--auto-ack"]].concat());
    expect_counts(&value, &[("published", 100), ("delivered", 100), ("acked", 0)]);
}

#[test]
fn a_fanout_brings_every_message_to_every_queue() {
    let fanout = ["--exchange", "fanout", "--queues", "3", "--consumers", "2"];
    let (_, value) = named(&[&fanout[..], &["--messages", "50"]].concat());
    expect_counts(&value, &[("published", 50), ("delivered", 150), ("acked", 150)]);
}

#[test]
fn every_kind_of_exchange_brings_each_message_to_one_queue() {
    for kind in ["direct", "topic", "headers"] {
        let bindings = ["--exchange", kind, "--queues", "2", "--bindings", "9", "--mandatory"];
        let (_, value) = named(&[&bindings[..], &["--messages", "40"]].concat());
        expect_counts(&value, &[("published", 40), ("delivered", 40), ("returned", 0)]);
    }
}

#[test]
fn a_body_of_many_frames_arrives_and_an_empty_one_does() {
    for size in ["0", "7", "300000"] {
        let (_, value) = named(&["--messages", "5", "--size", size, "--confirm", "1"]);
        expect_counts(&value, &[("confirmed", 5), ("delivered", 5), ("acked", 5)]);
    }
}

#[test]
fn a_queue_that_was_kept_can_be_consumed_and_stays() {
    let (name, value) = named(&["--messages", "30", "--consumers", "0", "--keep"]);
    expect_counts(&value, &[("published", 30), ("delivered", 0)]);
    let consume = ["--producers", "0", "--messages", "30", "--queue-pattern", &name];
    expect_counts(&figures(&consume), &[("published", 0), ("delivered", 30), ("acked", 30)]);
    let mut client = RawClient::with_channel();
    client.expect_counts(1, &format!("{name}-1"), (0, 0));
    client.call(1, &queue::delete(&format!("{name}-1")), id::QUEUE_DELETE_OK).long();
}

#[test]
fn a_rate_is_kept() {
    let (_, value) = named(&["--rate", "2000", "--messages", "200", "--producers", "2"]);
    expect_counts(&value, &[("published", 200), ("delivered", 200)]);
    // Two producers with 100 messages each: the last is due after 49.5 ms, however fast the machine is.
    assert!(value["elapsed_s"].as_f64().is_some_and(|seconds| seconds >= 0.049), "{value}");
}

#[test]
fn ctrl_c_ends_a_run_with_its_figures_and_its_clean_up() {
    let broker = Broker::shared();
    let (name, uri) = (unique("perf"), uri(broker));
    let endless = ["throughput", "--duration", "0", "--rate", "100", "--json"];
    let child = start(&[&endless[..], &["--uri", &uri, "--queue-pattern", &name]].concat());
    let queue = format!("{name}-1");
    let declare = queue::declare(&queue);
    let mut client = RawClient::with_channel();
    // A consumer is there, so the run is on its way.
    while client.declare(1, &declare).1 == 0 {}
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill starts").success());
    let run = Run::ended(child.wait_with_output().expect("it ends"));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.json()["ended"], "interrupted");
    // This test may have declared the queue first, and then it is not the run's to delete.
    client.call(1, &queue::delete(&queue), id::QUEUE_DELETE_OK).long();
}

#[test]
fn a_blocked_publisher_is_said_and_the_run_ends() {
    let Some(broker) = Broker::own(&["vm_memory_high_watermark.absolute = 8MiB"]) else { return };
    let options = ["throughput", "--consumers", "0", "--size", "65536", "--duration", "0.5"];
    let value = Run::figures(&broker, &options);
    assert!(value["blocked_s"].as_f64().is_some_and(|seconds| seconds > 0.0), "{value}");
    assert_eq!(value["ended"], "duration");
}
