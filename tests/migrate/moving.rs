//! What arrives is what was there.

use serde_json::json;

use super::program::{World, bodies, client_in, declare, jobs, make_vhost, totals};
use crate::support::methods::{basic, exchange, queue};
use crate::support::{RawClient, Table, id};

/// Every type a field can have, in an order and with values that a decoder would change.
fn every_field_type() -> Table {
    Table::new()
        .raw("zz", b"t\x01")
        .raw("bool that is 2", b"t\x02")
        .raw("b", b"b\x80")
        .raw("B", b"B\xff")
        .raw("s", b"s\x80\x00")
        .raw("u", b"u\xff\xff")
        .raw("I", b"I\x80\x00\x00\x00")
        .raw("i", b"i\xff\xff\xff\xff")
        .raw("l", b"l\x80\x00\x00\x00\x00\x00\x00\x00")
        .raw("f", b"f\x7f\xc0\x00\x01")
        .raw("d", b"d\x7f\xf8\x00\x00\x00\x00\x00\x01")
        .raw("D", b"D\x05\xff\xff\xff\xff")
        .raw("S", b"S\x00\x00\x00\x03\xff\x00\xfe")
        .raw("A", b"A\x00\x00\x00\x0eI\x00\x00\x00\x01S\x00\x00\x00\x01xt\x00V")
        .raw("T", b"T\xff\xff\xff\xff\xff\xff\xff\xff")
        .table("F", &Table::new().text("k", "v").table("inner", &Table::new()))
        .raw("x", b"x\x00\x00\x00\x02\x00\xff")
        .raw("V", b"V")
        .raw("twice", b"t\x00")
        .raw("twice", b"t\x01")
        .raw("", b"V")
}

/// All fourteen properties.
fn every_property() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xfc];
    bytes.extend_from_slice(b"\x10application/json\x05UTF-8");
    bytes.extend(every_field_type().with_length());
    bytes.extend_from_slice(b"\x02\x09\x04c-id\x08reply-to\x0660000\x30\x02id");
    bytes.extend_from_slice(&[0, 0, 0, 0, 0x65, 0x01, 0x02, 0x03]);
    bytes.extend_from_slice(b"\x04type\x05guest\x03app\x07cluster");
    bytes
}

/// Headers only.
fn with_headers(headers: &Table) -> Vec<u8> {
    [&[0x20, 0x00], &headers.with_length()[..]].concat()
}

/// M4
#[test]
fn properties_bodies_and_keys_arrive_byte_for_byte_and_in_order() {
    let world = World::new();
    let mut client = RawClient::with_channel_on(&world.source);
    declare(&mut client, "orders");
    client.call(1, &exchange::declare("events", "topic").with(2), id::EXCHANGE_DECLARE_OK);
    client.call(1, &queue::bind("orders", "events", "eu.#"), id::QUEUE_BIND_OK);
    let large = "x".repeat(1 << 20);
    let contents: [(&[u8], &str); 4] =
        [(&every_property(), "whole"), (&[0, 0], ""), (&[0x10, 0, 2], &large), (&[0, 0], "last")];
    for (properties, body) in contents {
        for (exchange, key) in [("events", "eu.Größe"), ("", "orders")] {
            client.send(1, &basic::publish(exchange, key));
            client.send_header(1, body.len() as u64, properties);
            // What fits into a frame with RabbitMQ's default size.
            body.as_bytes().chunks(131_064).for_each(|part| client.send_body(1, part));
        }
    }
    client.expect_counts(1, "orders", (8, 0));
    let report = world.migrate(&[]).expect_good();
    assert_eq!(totals(&report), (8, 0, 0));
    let mut client = RawClient::with_channel_on(&world.target);
    for (properties, body) in contents {
        for (key, from_default) in [("eu.Größe", false), ("orders", true)] {
            let found = client.get_with(1, &basic::get_no_ack("orders")).expect("a message");
            assert_eq!(found.properties, properties);
            assert!(found.body == body.as_bytes(), "{} bytes came", found.body.len());
            assert_eq!(found.routing_key, key.as_bytes());
            assert_eq!(found.exchange.is_empty(), from_default, "{}", found.exchange);
        }
    }
    assert_eq!(client.get(1, "orders"), None);
    assert!(world.left("orders").is_empty());
}

#[test]
fn headers_that_name_further_queues_take_a_message_there_once() {
    let world = World::new();
    let mut client = RawClient::with_channel_on(&world.source);
    declare(&mut client, "first");
    declare(&mut client, "second");
    let headers = Table::new().raw("CC", b"A\x00\x00\x00\x0bS\x00\x00\x00\x06second");
    client.send_publish(1, &basic::publish("", "first"), &with_headers(&headers), b"both");
    client.expect_counts(1, "second", (1, 0));
    world.migrate(&[]).expect_good();
    assert_eq!(world.arrived("first"), ["both"]);
    assert_eq!(world.arrived("second"), ["both"]);
}

#[test]
fn priorities_are_kept() {
    let world = World::new();
    let mut client = RawClient::with_channel_on(&world.source);
    let arguments = Table::new().int("x-max-priority", 5);
    client.declare(1, &queue::declare("urgent").with(2).arguments(arguments));
    for priority in [1, 5, 3] {
        let body = format!("priority {priority}");
        client.send_publish(
            1,
            &basic::publish("", "urgent"),
            &[0x08, 0, priority],
            body.as_bytes(),
        );
    }
    client.expect_counts(1, "urgent", (3, 0));
    world.migrate(&["--batch", "1"]).expect_good();
    // Something that comes later and is more important than two of them.
    let mut client = RawClient::with_channel_on(&world.target);
    client.send_publish(1, &basic::publish("", "urgent"), &[0x08, 0, 4], b"priority 4");
    let wanted = ["priority 5", "priority 4", "priority 3", "priority 1"];
    assert_eq!(bodies(&mut client, "urgent"), wanted);
}

#[test]
fn names_may_hold_anything() {
    let world = World::new();
    let (vhost, name) = ("a/b ü%?#", "q /ü\t?%41");
    make_vhost(&world.at_source(), "a%2Fb%20%C3%BC%25%3F%23");
    let mut client = client_in(&world.source, vhost);
    declare(&mut client, name);
    client.publish(1, "", name, "hello");
    client.expect_counts(1, name, (1, 0));
    world.fill("elsewhere", jobs(1));
    let report = world.migrate(&["--vhost", vhost]).expect_good();
    assert_eq!(report["queues"].as_array().map(Vec::len), Some(1), "{report:#}");
    assert_eq!(bodies(&mut client_in(&world.target, vhost), name), ["hello"]);
    assert_eq!(world.left("elsewhere"), jobs(1), "another virtual host");
}

#[test]
fn what_is_not_moved_is_said_and_stays() {
    let world = World::new();
    let mut client = RawClient::with_channel_on(&world.source);
    for (name, flags) in
        [("exclusive", queue::EXCLUSIVE), ("passing", 0), ("leaving", 2 | queue::AUTO_DELETE)]
    {
        client.declare(1, &queue::declare(name).with(flags));
        client.publish(1, "", name, "stays");
        client.expect_counts(1, name, (1, 0));
    }
    world.fill("other", jobs(1));
    let report = world.migrate(&["--queue", "^[elp]"]).expect_good();
    let skipped = report["skipped"].as_array().expect("a list");
    let mut names: Vec<_> = skipped.iter().filter_map(|one| one["queue"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["exclusive", "leaving", "passing"]);
    assert_eq!(client.get(1, "passing").expect("it stays").text(), "stays");
    assert_eq!(world.left("other"), jobs(1));
}

#[test]
fn what_a_consumer_of_the_source_holds_is_reported_as_left() {
    let world = World::new();
    world.fill("jobs", jobs(3));
    let mut client = RawClient::with_channel_on(&world.source);
    assert_eq!(client.get(1, "jobs").expect("a message").text(), "job 0");
    let report = world.migrate(&[]).expect_failed(1);
    assert_eq!(report["queues"][0]["unacked_at_source"], 1, "{report:#}");
    assert_eq!(world.arrived("jobs"), ["job 1", "job 2"]);
    client.close();
    // It came back, and a second run takes it.
    let report = world.migrate(&[]).expect_good();
    assert_eq!(totals(&report).0, 3);
    assert_eq!(report["queues"][0]["found_at_target"], json!(1), "{report:#}");
    assert_eq!(world.arrived("jobs"), ["job 0"]);
}

#[test]
fn many_queues_move_at_a_time_and_nothing_helps_at_the_target_afterwards() {
    let world = World::new();
    for n in 0..10 {
        world.fill(&format!("queue {n}"), jobs(20 + n));
    }
    let report = world.migrate(&["--batch", "7", "--parallel", "3"]).expect_good();
    assert_eq!(totals(&report), (245, 0, 0));
    for n in 0..10 {
        assert_eq!(world.arrived(&format!("queue {n}")), jobs(20 + n));
    }
    let queues = world.at_target().get("/api/queues").json();
    assert_eq!(queues.as_array().map(Vec::len), Some(10));
    let exchanges = world.at_target().get("/api/exchanges").json().to_string();
    assert!(!exchanges.contains("haremq.migrate"), "{exchanges}");
    assert!(!world.state().to_string().contains("guest"), "no account in the state");
}
