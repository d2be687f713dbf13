//! Faults that hold something back: publishers, and the disk.

use std::time::Duration;

use haremq::base::Stopwatch;
use serde_json::json;

use super::Faulty;
use crate::support::methods::{DURABLE, basic, confirm, queue};
use crate::support::{RawClient, content_header, frame, id};

fn expect_blocked(client: &mut RawClient, reason: &str) {
    let mut blocked = client.expect(0, id::CONNECTION_BLOCKED);
    assert_eq!(blocked.short_string(), reason);
    blocked.end();
}

#[test]
fn publishers_are_told_and_held_back_until_the_fault_is_withdrawn() {
    let faulty = Faulty::start();
    let mut publisher = faulty.queue("q");
    publisher.publish(1, "", "q", "before");
    publisher.expect_counts(1, "q", (1, 0));
    let mut reader = faulty.client();
    let fault = faulty.order(&json!({ "kind": "block", "reason": "out of cake" }));
    expect_blocked(&mut publisher, "out of cake");
    publisher.publish(1, "", "q", "held back");
    // Who does not publish is not held back, also when it comes now.
    assert_eq!(reader.get(1, "q").expect("a message").text(), "before");
    let mut late = faulty.client();
    late.expect_counts(1, "q", (0, 0));
    late.publish(1, "", "q", "its first");
    expect_blocked(&mut late, "out of cake");
    let why = faulty.why_not("queue/%2F/q");
    assert_eq!(why["findings"][0]["name"], "fault", "{why:#}");
    for name in faulty.connections() {
        let why = faulty.why_not(&format!("connection/{name}"));
        assert!(
            why["summary"].as_str().is_some_and(|text| text.contains("out of cake")),
            "{why:#}"
        );
    }
    faulty.withdraw(fault);
    publisher.expect(0, id::CONNECTION_UNBLOCKED).end();
    late.expect(0, id::CONNECTION_UNBLOCKED).end();
    publisher.expect_counts(1, "q", (2, 0));
    faulty.is_well();
}

#[test]
fn a_block_of_one_virtual_host_leaves_the_others_alone() {
    let faulty = Faulty::start();
    faulty.order(&json!({ "kind": "block", "vhost": "other" }));
    faulty.is_well();
}

#[test]
fn a_slow_disk_keeps_confirms_waiting_and_goes_on_when_it_is_withdrawn() {
    let faulty = Faulty::on_disk();
    let mut client = faulty.client();
    client.declare(1, &queue::declare("q").with(DURABLE));
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    let publish = |client: &mut RawClient| {
        client.send_publish(1, &basic::publish("", "q"), b"\x10\x00\x02", "kept");
    };
    let slow = faulty.order(&json!({ "kind": "slow_disk", "ms": 100, "times": 1 }));
    let began = Stopwatch::start();
    publish(&mut client);
    assert_eq!(client.expect_ack(1), (1, false));
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(faulty.hits(slow), 1);
    faulty.withdraw(slow);
    let minute = faulty.order(&json!({ "kind": "slow_disk", "ms": 60_000 }));
    publish(&mut client);
    while faulty.hits(minute) == 0 {}
    faulty.withdraw(minute);
    assert_eq!(client.expect_ack(1), (2, false), "F6");
    faulty.is_well();
}

/// W2: `LOG_ROOM_BYTES` is shared by what is left of it. The disk stands still until the fault is withdrawn.
#[test]
fn who_fills_a_slow_disk_waits_for_it_and_a_neighbour_goes_on() {
    const BYTES_MAX: usize = 64 * 1024 * 1024;
    let faulty = Faulty::on_disk();
    let (mut neighbour, own) = faulty.confirming();
    let is_served = |neighbour: &mut RawClient, number: u64| {
        neighbour.publish(1, "", &own, "light");
        assert_eq!(neighbour.expect_ack(1), (number, false));
        assert_eq!(neighbour.get(1, &own).expect("a message").text(), "light");
    };
    is_served(&mut neighbour, 1);
    let mut heavy = faulty.client();
    heavy.declare(1, &queue::declare("q").with(DURABLE));
    let minute = faulty.order(&json!({ "kind": "slow_disk", "ms": 60_000 }));
    let mut one = basic::publish("", "q").frame(1);
    one.extend(frame(2, 1, &content_header(60, 16_000, b"\x10\x00\x02")));
    one.extend(frame(3, 1, &[b'x'; 16_000]));
    let taken = heavy.sender().send_until_stalled(&one, BYTES_MAX);
    assert!(taken < BYTES_MAX, "it is not held back");
    for number in 2..20 {
        is_served(&mut neighbour, number);
    }
    faulty.withdraw(minute);
    heavy.send_bytes(&one[taken % one.len()..]);
    let messages = u32::try_from(taken / one.len() + 1).expect("some thousands");
    heavy.expect_counts(1, "q", (messages, 0));
    faulty.is_well();
}

#[test]
fn a_broker_that_keeps_nothing_has_no_disk_to_slow_down() {
    let faulty = Faulty::start();
    let reason = faulty.refusal(&json!({ "kind": "slow_disk", "ms": 5 }));
    assert_eq!(reason, "slow_disk needs a disk: this broker keeps nothing (--ephemeral)");
}
