//! Every method in every state of a connection and of a channel: allowed and refused moves in full.

use super::pair::{Pair, Received, method_frame};
use super::samples::samples;
use crate::base::{ChannelId, HolderId, ReplyCode};
use crate::protocol::{Action, Refusal, Settings};
use crate::wire::{Method, MethodId};

fn opening() -> Pair {
    let mut pair = Pair::tuning(Settings::default());
    pair.send(
        0,
        &Method::ConnectionTuneOk { channel_max: 2047, frame_max: 131_072, heartbeat_s: 0 },
    );
    pair
}

fn shut(mut pair: Pair) -> Pair {
    let refusal = Refusal {
        code: ReplyCode::ConnectionForced,
        text: "x".to_owned(),
        failed: MethodId::default(),
    };
    pair.server.close(pair.now, refusal, &mut Vec::new());
    pair.received();
    pair
}

fn closed() -> Pair {
    let mut pair = Pair::channel();
    pair.server.peer_closed(&mut Vec::new());
    pair
}

/// A connection whose channel 1 waits for `close-ok`.
fn channel_closing() -> Pair {
    let mut pair = Pair::channel();
    let refusal =
        Refusal { code: ReplyCode::NotFound, text: "x".to_owned(), failed: MethodId::default() };
    pair.server.fail(pair.now, ChannelId(1), HolderId(1), refusal, &mut Vec::new());
    pair.received();
    pair
}

/// What a method leads to, in a few words.
fn outcome(mut pair: Pair, channel: u16, method: &Method) -> String {
    let actions = pair.write(&method_frame(channel, method));
    let received = pair.received();
    let replies = received.iter().map(|received| match received {
        Received::Method(_, Method::ConnectionClose(close)) => {
            format!("ends connection {}", close.reply_code)
        }
        Received::Method(_, Method::ChannelClose(close)) => {
            format!("ends channel {}", close.reply_code)
        }
        Received::Method(_, method) => method.id().name().unwrap_or_default().to_owned(),
        other => format!("{other:?}"),
    });
    let done = actions.iter().filter_map(|action| match action {
        Action::Ask(_) => Some("asks".to_owned()),
        Action::Disconnect { pause_ms } => Some(format!("drops socket after {pause_ms} ms")),
        Action::ChannelOpened { .. } => Some("opens".to_owned()),
        _ => None,
    });
    let words: Vec<String> = done.chain(replies).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// Compares the outcome of every method in a state: those that are listed, and the rest.
#[track_caller]
fn table(state: fn() -> Pair, channel: u16, listed: &[(&str, &str)], rest: &str) {
    let mut wrong = Vec::new();
    let mut found = 0;
    for method in samples() {
        let name = method.id().name().unwrap_or_default();
        let line = listed.iter().find(|(listed, _)| *listed == name);
        found += usize::from(line.is_some());
        let expected = line.map_or(rest, |(_, expected)| expected);
        let outcome = outcome(state(), channel, &method);
        if outcome != expected {
            wrong.push(format!("{name}: {outcome}, and not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(found, listed.len(), "a listed method does not exist");
}

const SILENT: &str = "drops socket after 3000 ms";

#[test]
fn every_method_while_starting() {
    table(Pair::started, 0, &[("connection.start-ok", "asks")], SILENT);
    table(Pair::started, 1, &[], SILENT);
}

#[test]
fn every_method_while_tuning() {
    let state = || Pair::tuning(Settings::default());
    table(state, 0, &[("connection.tune-ok", "nothing")], SILENT);
    table(state, 1, &[], SILENT);
}

#[test]
fn every_method_while_opening() {
    table(opening, 0, &[("connection.open", "asks")], "ends connection 504");
    table(opening, 1, &[], "ends connection 505");
}

#[test]
fn every_method_on_channel_0_of_an_open_connection() {
    let listed = [
        ("connection.close", "drops socket after 0 ms, connection.close-ok"),
        ("connection.update-secret", "asks"),
    ];
    table(Pair::channel, 0, &listed, "ends connection 504");
}

#[test]
fn every_method_while_closing_and_closed() {
    let closing = || shut(Pair::channel());
    let listed = [
        ("connection.close", "connection.close-ok"),
        ("connection.close-ok", "drops socket after 0 ms"),
    ];
    table(closing, 0, &listed, "nothing");
    table(closing, 1, &[], "nothing");
    for channel in [0, 1] {
        table(closed, channel, &[], "nothing");
    }
}

#[test]
fn every_method_on_a_channel_that_is_not_open() {
    let listed = [("channel.open", "opens, channel.open-ok")];
    table(Pair::open, 1, &listed, "ends connection 504");
}

#[test]
fn every_method_on_a_channel_that_is_closing() {
    let listed = [("channel.close", "channel.close-ok"), ("channel.open", "ends connection 504")];
    table(channel_closing, 1, &listed, "nothing");
}

#[test]
fn every_method_on_an_open_channel() {
    let listed = [
        ("channel.open", "ends connection 504"),
        ("channel.flow", "channel.flow-ok"),
        ("channel.close", "channel.close-ok"),
        ("access.request", "access.request-ok"),
        ("exchange.declare", "asks"),
        ("exchange.delete", "asks"),
        ("exchange.bind", "asks"),
        ("exchange.unbind", "asks"),
        ("queue.declare", "asks"),
        ("queue.bind", "asks"),
        ("queue.unbind", "asks"),
        ("queue.purge", "asks"),
        ("queue.delete", "asks"),
        ("basic.qos", "basic.qos-ok"),
        ("basic.consume", "asks"),
        ("basic.cancel", "basic.cancel-ok"),
        ("basic.publish", "nothing"),
        ("basic.get", "asks"),
        ("basic.ack", "nothing"),
        ("basic.nack", "nothing"),
        ("basic.reject", "ends channel 406"),
        ("basic.recover-async", "nothing"),
        ("basic.recover", "basic.recover-ok"),
        ("confirm.select", "confirm.select-ok"),
        ("tx.select", "tx.select-ok"),
        ("tx.commit", "ends channel 406"),
        ("tx.rollback", "ends channel 406"),
    ];
    table(Pair::channel, 1, &listed, "ends connection 503");
}

#[test]
fn every_method_where_content_is_due() {
    let expecting = || {
        let mut pair = Pair::channel();
        pair.send(1, &super::pair::publish_method(false));
        pair
    };
    table(expecting, 1, &[], "ends connection 505");
}
