//! How connections end.

use super::pair::{Pair, Received, close, method_frame, publish_frames, vhost};
use crate::base::{ChannelId, HolderId, ReplyCode};
use crate::protocol::{Action, Answer, Initiator, Refusal, Request, Secret, Settings};
use crate::wire::{Method, MethodId};

fn shutdown() -> Refusal {
    Refusal {
        code: ReplyCode::ConnectionForced,
        text: "broker forced connection closure with reason 'shutdown'".to_owned(),
        failed: MethodId::default(),
    }
}

const SHUTDOWN: &str =
    "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'";

fn closed(channel: u16) -> Action {
    Action::ChannelClosed { channel: ChannelId(channel), holder: HolderId(u64::from(channel)) }
}

#[test]
fn a_client_closes_its_connection() {
    let mut pair = Pair::channel();
    pair.send(2, &Method::ChannelOpen);
    pair.received();
    let bye = Method::ConnectionClose(close(200, "bye", MethodId::default()));
    let actions = pair.send(0, &bye);
    assert_eq!(actions, vec![closed(1), closed(2), Action::Disconnect { pause_ms: 0 }]);
    assert_eq!(pair.only_method(0), Method::ConnectionCloseOk);
    assert_eq!(pair.server.ended_by(), Some(Initiator::Client));
    assert_eq!(pair.publish(1, b"late"), vec![]);
    assert_eq!((pair.received(), pair.input.len()), (vec![], 0));
}

#[test]
fn publishes_before_a_close_are_executed_before_it() {
    let mut pair = Pair::channel();
    let mut bytes = publish_frames(1, b"last");
    let bye = Method::ConnectionClose(close(200, "bye", MethodId::default()));
    bytes.extend(method_frame(0, &bye));
    let actions = pair.write(&bytes);
    assert!(matches!(actions[..], [Action::Publish(_), Action::Ask(_)]), "{actions:?}");
    let actions = pair.answer_to((0, 0), Answer::Done);
    assert_eq!(actions, vec![closed(1), Action::Disconnect { pause_ms: 0 }]);
}

#[test]
fn the_broker_closes_a_connection_and_waits_for_the_answer() {
    let mut pair = Pair::channel();
    let mut actions = Vec::new();
    pair.server.close(pair.now, shutdown(), &mut actions);
    assert_eq!(pair.server.ended_by(), Some(Initiator::Server));
    pair.expect_connection_close(&actions, (320, SHUTDOWN, MethodId::default()));
}

#[test]
fn the_broker_drops_a_connection_that_is_not_open_yet() {
    let mut pair = Pair::started();
    let mut actions = Vec::new();
    pair.server.close(pair.now, shutdown(), &mut actions);
    assert_eq!(actions, vec![Action::Disconnect { pause_ms: 0 }]);
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn a_peer_that_never_answers_a_close_is_dropped() {
    for (heartbeat_s, wait_ms) in [(0, 30_000), (60, 30_000), (5, 5_000)] {
        let mut pair = Pair::open_with(Settings::default(), &[], heartbeat_s);
        let mut actions = Vec::new();
        pair.server.close(pair.now, shutdown(), &mut actions);
        assert_eq!(pair.server.next_deadline(), Some(pair.now.after(wait_ms)));
        assert_eq!(pair.advance(wait_ms - 1), vec![]);
        assert_eq!(pair.advance(1), vec![Action::Disconnect { pause_ms: 0 }]);
        assert_eq!(pair.advance(100_000), vec![]);
    }
}

#[test]
fn a_close_that_crosses_ours_is_answered() {
    let mut pair = Pair::channel();
    let mut actions = Vec::new();
    pair.server.close(pair.now, shutdown(), &mut actions);
    pair.received();
    let bye = Method::ConnectionClose(close(200, "bye", MethodId::default()));
    assert_eq!(pair.call(0, &bye), Method::ConnectionCloseOk);
    assert_eq!(pair.server.state(), "closing");
    let ended = pair.send(0, &Method::ConnectionCloseOk);
    assert_eq!(ended, vec![Action::Disconnect { pause_ms: 0 }]);
}

#[test]
fn a_closing_connection_reads_on_through_garbage_until_sync_is_lost() {
    let mut pair = Pair::channel();
    let mut actions = Vec::new();
    pair.server.close(pair.now, shutdown(), &mut actions);
    pair.received();
    assert_eq!(pair.write(&super::pair::frame(1, 9, b"nonsense")), vec![]);
    assert_eq!(pair.write(&super::pair::frame(3, 0, b"nonsense")), vec![]);
    assert_eq!(pair.send(0, &Method::ConnectionOpen { vhost: vhost() }), vec![]);
    let ended = pair.write(&super::pair::frame(77, 0, b""));
    assert_eq!(ended, vec![Action::Disconnect { pause_ms: 0 }]);
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn every_opened_channel_is_closed_once_when_the_socket_goes() {
    let mut pair = Pair::channel();
    pair.send(2, &Method::ChannelOpen);
    let mut actions = Vec::new();
    pair.server.peer_closed(&mut actions);
    pair.server.peer_closed(&mut actions);
    assert_eq!(actions, vec![closed(1), closed(2)]);
    assert_eq!(pair.server.ended_by(), Some(Initiator::Client));
}

#[test]
fn a_late_answer_to_a_closed_connection_is_ignored() {
    let mut pair = Pair::channel();
    pair.asks(1, &Method::QueuePurge { queue: "q".try_into().expect("short"), nowait: false });
    let mut actions = Vec::new();
    pair.server.close(pair.now, shutdown(), &mut actions);
    pair.received();
    assert!(!pair.server.is_waiting(), "close-ok must be read");
    assert_eq!(pair.answer_to((1, 1), Answer::Messages(3)), vec![]);
    assert_eq!(pair.received(), vec![]);
}

#[test]
fn a_secret_is_updated_or_refused() {
    let update = Method::ConnectionUpdateSecret {
        new_secret: bytes::Bytes::from_static(b"token"),
        reason: super::pair::short("expires"),
    };
    let mut pair = Pair::open();
    let request = pair.asks(0, &update);
    assert_eq!(request, Request::UpdateSecret(Secret(bytes::Bytes::from_static(b"token"))));
    assert_eq!(format!("{request:?}"), "UpdateSecret([hidden])");
    pair.answer(Answer::Done);
    assert_eq!(pair.only_method(0), Method::ConnectionUpdateSecretOk);

    pair.asks(0, &update);
    let refusal = Refusal {
        code: ReplyCode::NotAllowed,
        text: "New secret was refused by one of the backends".to_owned(),
        failed: MethodId::default(),
    };
    let actions = pair.answer(Answer::Refused(refusal));
    let text = "NOT_ALLOWED - New secret was refused by one of the backends";
    pair.expect_connection_close(&actions, (530, text, MethodId::CONNECTION_UPDATE_SECRET));
}

#[test]
fn channels_are_closed_in_the_log_as_rabbitmq_says_it() {
    let mut pair = Pair::channel();
    let actions = pair.send(1, &Method::ChannelOpen);
    let log = "operation channel.open caused a connection exception channel_error: \
               \"second 'channel.open' seen\"";
    assert_eq!(actions, vec![Action::Log(log.to_owned()), closed(1)]);
    assert!(matches!(pair.received()[..], [Received::Method(0, Method::ConnectionClose(_))]));
}
