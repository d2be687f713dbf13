//! The life of channels.

use super::pair::{Pair, Received, body_frame, close, frame, header_frame, publish_frames};
use crate::base::limits::TURN_CHANNELS_MAX;
use crate::base::{ChannelId, HolderId, ReplyCode};
use crate::protocol::ChannelFailure;
use crate::protocol::{Action, Refusal, Settings};
use crate::wire::{Method, MethodId};

fn refusal(code: ReplyCode, text: &str) -> Refusal {
    Refusal { code, text: text.to_owned(), failed: MethodId::BASIC_PUBLISH }
}

fn opened(channel: u16, holder: u64) -> Action {
    Action::ChannelOpened { channel: ChannelId(channel), holder: HolderId(holder) }
}

fn closed(channel: u16, holder: u64) -> Action {
    Action::ChannelClosed { channel: ChannelId(channel), holder: HolderId(holder) }
}

#[test]
fn every_opening_of_a_number_has_a_holder_of_its_own() {
    let mut pair = Pair::channel();
    assert_eq!(pair.send(2, &Method::ChannelOpen), vec![opened(2, 2)]);
    let bye = Method::ChannelClose(close(200, "bye", MethodId::default()));
    assert_eq!(pair.send(1, &bye), vec![closed(1, 1)]);
    assert_eq!(pair.received().last(), Some(&Received::Method(1, Method::ChannelCloseOk)));
    assert_eq!(pair.send(1, &Method::ChannelOpen), vec![opened(1, 3)]);
    assert_eq!(pair.server.open_channels(), 2);
    assert!(!pair.server.is_open(ChannelId(1), HolderId(1)));
    assert!(pair.server.is_open(ChannelId(1), HolderId(3)));
}

#[test]
fn channel_max_bounds_how_many_are_open_and_not_their_numbers() {
    let mut pair = Pair::open_with(Settings { channel_max: 2, ..Settings::default() }, &[], 0);
    assert_eq!(pair.send(65_535, &Method::ChannelOpen), vec![opened(65_535, 1)]);
    assert_eq!(pair.send(6, &Method::ChannelOpen), vec![opened(6, 2)]);
    let actions = pair.send(7, &Method::ChannelOpen);
    let text =
        "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)";
    pair.expect_connection_close(&actions, (530, text, MethodId::default()));
    assert!(actions.contains(&closed(6, 2)) && actions.contains(&closed(65_535, 1)));
}

/// Thousands of them fit into one read, and others wait for the end of a turn.
#[test]
fn channels_that_come_in_one_read_are_opened_in_several_turns() {
    let mut pair = Pair::open();
    let first = u16::try_from(TURN_CHANNELS_MAX).expect("a number of a channel") + 1;
    for channel in 1..2 * first {
        pair.input.extend_from_slice(&frame(1, channel, &[0, 20, 0, 10, 0]));
    }
    let mut turns = Vec::new();
    while pair.server.open_channels() + 1 < 2 * usize::from(first) {
        turns.push(pair.recv_once().len());
    }
    assert_eq!(turns, [TURN_CHANNELS_MAX, TURN_CHANNELS_MAX, 1]);
}

#[test]
fn a_flood_of_channel_open_ends_at_channel_max() {
    let mut pair = Pair::open();
    let mut flood = Vec::new();
    for channel in 1..=u16::MAX {
        flood.extend(frame(1, channel, &[0, 20, 0, 10, 0]));
    }
    let actions = pair.write(&flood);
    let count = |wanted: fn(&Action) -> bool| actions.iter().filter(|a| wanted(a)).count();
    assert_eq!(count(|action| matches!(action, Action::ChannelOpened { .. })), 2047);
    assert_eq!(count(|action| matches!(action, Action::ChannelClosed { .. })), 2047);
    assert_eq!(pair.server.state(), "closing");
}

#[test]
fn anything_on_a_channel_that_is_not_open_is_refused() {
    let text = "CHANNEL_ERROR - expected 'channel.open'";
    let cases = [
        (Method::QueueUnbindOk, MethodId::QUEUE_UNBIND_OK),
        (Method::ChannelCloseOk, MethodId::CHANNEL_CLOSE_OK),
        (super::pair::publish_method(false), MethodId::BASIC_PUBLISH),
    ];
    for (method, failed) in cases {
        let mut pair = Pair::channel();
        let actions = pair.send(2, &method);
        pair.expect_connection_close(&actions, (504, text, failed));
    }
    for bytes in [header_frame(2, 1, &[0, 0]), body_frame(2, b"x")] {
        let mut pair = Pair::channel();
        let actions = pair.write(&bytes);
        let text = "UNEXPECTED_FRAME - expected method frame, got non method frame instead";
        pair.expect_connection_close(&actions, (505, text, MethodId::default()));
    }
}

#[test]
fn a_second_channel_open_is_refused() {
    let mut pair = Pair::channel();
    let actions = pair.send(1, &Method::ChannelOpen);
    let text = "CHANNEL_ERROR - second 'channel.open' seen";
    pair.expect_connection_close(&actions, (504, text, MethodId::CHANNEL_OPEN));
}

#[test]
fn channel_open_before_close_ok_is_refused() {
    let mut pair = Pair::channel();
    let mut actions = Vec::new();
    let (channel, holder) = (ChannelId(1), HolderId(1));
    let missing = refusal(ReplyCode::NotFound, "no queue 'q' in vhost '/'");
    pair.server.fail(pair.now, channel, holder, missing, &mut actions);
    let actions = pair.send(1, &Method::ChannelOpen);
    let text = "CHANNEL_ERROR - second 'channel.open' seen";
    pair.expect_connection_close(&actions, (504, text, MethodId::CHANNEL_OPEN));
}

#[test]
fn flow_can_be_switched_on_and_not_off() {
    let mut pair = Pair::channel();
    let flow = Method::ChannelFlow { active: true };
    assert_eq!(pair.call(1, &flow), Method::ChannelFlowOk { active: true });
    let actions = pair.send(1, &Method::ChannelFlow { active: false });
    let text = "NOT_IMPLEMENTED - active=false";
    pair.expect_connection_close(&actions, (540, text, MethodId::CHANNEL_FLOW));
}

#[test]
fn an_access_request_gets_ticket_1() {
    let mut pair = Pair::channel();
    let request = Method::AccessRequest { realm: super::pair::short("/data") };
    assert_eq!(pair.call(1, &request), Method::AccessRequestOk { ticket: 1 });
}

#[test]
fn methods_that_no_client_may_send_are_not_implemented() {
    let methods = [
        Method::BasicGetEmpty,
        Method::BasicCancelOk { consumer_tag: "t".try_into().expect("short") },
        Method::QueueBindOk,
        Method::ChannelFlowOk { active: true },
        Method::ChannelOpenOk,
        Method::ChannelCloseOk,
        Method::ConnectionCloseOk,
        Method::ConnectionOpen { vhost: super::pair::vhost() },
        Method::TxCommitOk,
    ];
    for method in methods {
        let mut pair = Pair::channel();
        let actions = pair.send(1, &method);
        let text = "COMMAND_INVALID - unimplemented method";
        pair.expect_connection_close(&actions, (503, text, method.id()));
    }
}

#[test]
fn methods_of_a_channel_are_unexpected_on_channel_0() {
    for method in [Method::ChannelOpen, Method::TxSelect, super::pair::publish_method(false)] {
        let mut pair = Pair::channel();
        let actions = pair.send(0, &method);
        let text = "CHANNEL_ERROR - unexpected method in connection state running";
        pair.expect_connection_close(&actions, (504, text, method.id()));
    }
}

#[test]
fn a_closing_channel_ignores_everything_until_close_ok() {
    let mut pair = Pair::channel();
    let mut actions = Vec::new();
    let (channel, holder) = (ChannelId(1), HolderId(1));
    let missing = refusal(ReplyCode::NotFound, "no exchange 'logs' in vhost '/'");
    pair.server.fail(pair.now, channel, holder, missing, &mut actions);
    let log = "operation basic.publish caused a channel exception not_found: \
               no exchange 'logs' in vhost '/'";
    assert_eq!(actions, vec![Action::Log(log.to_owned()), closed(1, 1)]);
    let failures: Vec<_> = pair.server.channel_failures().cloned().collect();
    let reason = "404 NOT_FOUND - no exchange 'logs' in vhost '/'".to_owned();
    assert_eq!(failures, [ChannelFailure { channel, at: pair.now, reason }]);

    assert_eq!(pair.publish(1, b"ignored"), vec![]);
    assert_eq!(pair.send(1, &Method::TxSelect), vec![]);
    assert_eq!(pair.write(&frame(1, 1, b"\0\x14\0\x14garbage")), vec![]);
    let text = "NOT_FOUND - no exchange 'logs' in vhost '/'";
    pair.expect_channel_close(&[closed(1, 1)], (404, text, MethodId::BASIC_PUBLISH));
}

#[test]
fn closes_that_cross_are_both_answered() {
    let mut pair = Pair::channel();
    let mut actions = Vec::new();
    let (channel, holder) = (ChannelId(1), HolderId(1));
    let timeout = refusal(ReplyCode::PreconditionFailed, "timed out");
    pair.server.fail(pair.now, channel, holder, timeout, &mut actions);
    pair.received();
    let bye = Method::ChannelClose(close(200, "bye", MethodId::default()));
    assert_eq!(pair.call(1, &bye), Method::ChannelCloseOk);
    assert_eq!(pair.send(1, &Method::ChannelCloseOk), vec![]);
    assert_eq!(pair.send(1, &Method::ChannelOpen), vec![opened(1, 2)]);
}

#[test]
fn a_refusal_for_a_former_opening_hits_nobody() {
    let mut pair = Pair::channel();
    let bye = Method::ChannelClose(close(200, "bye", MethodId::default()));
    pair.send(1, &bye);
    pair.send(1, &Method::ChannelOpen);
    pair.received();
    let mut actions = Vec::new();
    let late = refusal(ReplyCode::NotFound, "late");
    pair.server.fail(pair.now, ChannelId(1), HolderId(1), late, &mut actions);
    assert_eq!((actions, pair.received()), (vec![], vec![]));
}

#[test]
fn a_hard_refusal_of_one_channel_ends_the_connection() {
    let mut pair = Pair::channel();
    let mut actions = Vec::new();
    let hard = refusal(ReplyCode::NotImplemented, "immediate=true");
    pair.server.fail(pair.now, ChannelId(1), HolderId(1), hard, &mut actions);
    let text = "NOT_IMPLEMENTED - immediate=true";
    pair.expect_connection_close(&actions, (540, text, MethodId::BASIC_PUBLISH));
}

/// P9: without the barrier, the client would see its close answered and never the error.
#[test]
fn what_the_broker_says_of_a_publish_comes_before_a_close_sent_behind_it() {
    let mut pair = Pair::channel();
    let mut bytes = publish_frames(1, b"lost");
    let bye = Method::ChannelClose(close(200, "bye", MethodId::default()));
    bytes.extend(super::pair::method_frame(1, &bye));
    let actions = pair.write(&bytes);
    assert!(
        matches!(
            &actions[..],
            [Action::Publish(_), Action::Ask(ask)] if ask.request == crate::protocol::Request::Barrier
        ),
        "{actions:?}"
    );
    let mut actions = Vec::new();
    let missing = refusal(ReplyCode::NotFound, "no exchange 'logs' in vhost '/'");
    pair.server.fail(pair.now, ChannelId(1), HolderId(1), missing, &mut actions);
    assert!(!pair.server.is_waiting(), "its question went with the channel");
    assert_eq!(pair.recv(), vec![]);
    let failed = MethodId::BASIC_PUBLISH;
    let text = "NOT_FOUND - no exchange 'logs' in vhost '/'";
    let expected = [
        Received::Method(1, Method::ChannelClose(close(404, text, failed))),
        Received::Method(1, Method::ChannelCloseOk),
    ];
    assert_eq!(pair.received(), expected);
}
