//! Heartbeats, and the holding back of publishers.

use super::pair::{CAPABILITIES, Pair, Received, short};
use crate::protocol::{Action, Answer, Settings};
use crate::wire::Method;

fn beating() -> Pair {
    let mut pair = Pair::open_with(Settings::default(), &CAPABILITIES, 10);
    pair.send(1, &Method::ChannelOpen);
    pair.received();
    pair
}

fn missed(actions: &[Action]) -> bool {
    let line = "missed heartbeats from client, timeout: 10s".to_owned();
    actions.first() == Some(&Action::Log(line))
        && actions.last() == Some(&Action::Disconnect { pause_ms: 0 })
}

#[test]
fn a_heartbeat_is_sent_when_nothing_was_written_for_half_an_interval() {
    let mut pair = beating();
    assert_eq!(pair.server.next_deadline(), Some(pair.now.after(5_000)));
    assert_eq!(pair.advance(4_999), vec![]);
    assert_eq!(pair.received(), vec![]);
    assert_eq!(pair.advance(1), vec![]);
    assert_eq!(pair.received(), vec![Received::Heartbeat]);
    assert_eq!(pair.server.next_deadline(), Some(pair.now.after(5_000)));
}

#[test]
fn heartbeats_do_not_pile_up_behind_bytes_that_nobody_reads() {
    let mut pair = beating();
    pair.send(1, &Method::ChannelFlow { active: true });
    pair.advance(5_000);
    pair.advance(5_000);
    assert_eq!(pair.only_method(1), Method::ChannelFlowOk { active: true });
}

#[test]
fn a_silent_client_is_dropped_after_two_intervals() {
    let mut pair = beating();
    assert_eq!(pair.advance(19_999), vec![]);
    let actions = pair.advance(1);
    assert!(missed(&actions), "{actions:?}");
    assert!(actions.iter().any(|action| matches!(action, Action::ChannelClosed { .. })));
    pair.received();
    assert_eq!(pair.advance(100_000), vec![]);
}

#[test]
fn any_octets_count_as_a_sign_of_life() {
    let mut pair = beating();
    pair.advance(15_000);
    assert_eq!(pair.write(&[8]), vec![]);
    assert_eq!(pair.advance(15_000), vec![]);
    // Looking again at the same octets is no sign of life.
    assert_eq!(pair.recv(), vec![]);
    assert!(missed(&pair.advance(5_000)));
}

#[test]
fn silence_means_nothing_while_the_machine_waits_for_an_answer() {
    let mut pair = beating();
    pair.asks(1, &Method::QueuePurge { queue: "q".try_into().expect("short"), nowait: false });
    for _ in 0..10 {
        assert_eq!(pair.advance(5_000), vec![]);
        assert_eq!(pair.received(), vec![Received::Heartbeat]);
    }
    pair.answer(Answer::Messages(1));
    pair.received();
    assert_eq!(pair.advance(19_999), vec![]);
    assert!(missed(&pair.advance(1)));
}

#[test]
fn a_publisher_is_told_of_an_alarm_once_and_of_its_end() {
    let mut pair = beating();
    pair.publish(1, b"x");
    pair.server.block(Some("low on memory"));
    let blocked = Method::ConnectionBlocked { reason: short("low on memory") };
    assert_eq!(pair.only_method(0), blocked);
    assert_eq!(pair.server.state(), "blocked");
    pair.server.block(Some("low on memory & disk"));
    assert_eq!(pair.received(), vec![]);
    pair.server.block(None);
    assert_eq!(pair.only_method(0), Method::ConnectionUnblocked);
    assert_eq!(pair.server.state(), "running");
    pair.server.block(None);
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn a_client_without_the_capability_is_not_told_of_alarms() {
    let mut pair = Pair::open_with(Settings::default(), &[], 0);
    pair.server.block(Some("low on disk"));
    pair.server.block(None);
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn the_silence_of_a_blocked_publisher_means_nothing() {
    let mut pair = beating();
    pair.publish(1, b"x");
    pair.server.block(Some("low on disk"));
    pair.advance(60_000);
    pair.received();
    pair.server.block(None);
    assert_eq!(pair.advance(19_999), vec![]);
    assert!(missed(&pair.advance(1)));
}

#[test]
fn a_consumer_stays_watched_during_an_alarm() {
    let mut pair = beating();
    pair.server.block(Some("low on disk"));
    assert_eq!(pair.server.state(), "blocking");
    assert!(!pair.server.has_published());
    assert!(missed(&pair.advance(20_000)));
}
