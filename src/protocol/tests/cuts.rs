//! Whatever the bytes are and however they are cut: the same outcome, and never a panic.

use proptest::prelude::*;

use super::pair::{
    NO_PROPERTIES, Pair, Received, body_frame, delivery, frame, header_frame, method_frame,
    publish_frames, start_ok, vhost,
};
use super::samples::samples;
use crate::base::{ChannelId, DeliveryTag, HolderId, ReplyCode};
use crate::protocol::{Action, Answer, Ask, Got, Refusal, Request, Settings};
use crate::wire::{Method, MethodId, PROTOCOL_HEADER};

/// An answer that fits.
fn fitting(request: &Request) -> Answer {
    match request {
        Request::Authenticate(_) => Answer::Authenticated,
        Request::QueueDeclare(declare) => Answer::QueueDeclared {
            queue: declare.queue.clone(),
            message_count: 0,
            consumer_count: 0,
        },
        Request::QueuePurge(_) | Request::QueueDelete { .. } => Answer::Messages(0),
        Request::Consume { consume, .. } => Answer::Consuming(consume.consumer_tag.clone()),
        Request::ConsumeReplies(tag) => Answer::ConsumingReplies {
            consumer_tag: tag.clone(),
            address: "amq.rabbitmq.reply-to.token".try_into().expect("short"),
        },
        Request::Get { .. } => {
            Answer::Got(Box::new(Got { delivery: delivery(7, 1), message_count: 0 }))
        }
        Request::OpenVhost(_)
        | Request::UpdateSecret(_)
        | Request::ExchangeDeclare(_)
        | Request::ExchangeDelete { .. }
        | Request::ExchangeBind(_)
        | Request::ExchangeUnbind(_)
        | Request::QueueBind(_)
        | Request::QueueUnbind(_)
        | Request::Cancel(_)
        | Request::CheckPublish { .. }
        | Request::Barrier => Answer::Done,
    }
}

/// Answers as a broker would, and confirms every publish, until the machine wants input again.
fn broker(pair: &mut Pair, actions: Vec<Action>, log: &mut Vec<Action>) {
    let mut open = actions;
    while !open.is_empty() {
        let mut more = Vec::new();
        for action in open {
            match &action {
                Action::Ask(ask) => {
                    let answer = fitting(&ask.request);
                    pair.server.answer(pair.now, ask.channel, ask.holder, answer, &mut more);
                }
                Action::Publish(publish) => {
                    if let Some(sequence) = publish.sequence {
                        pair.server.published(publish.holder, sequence, 1);
                        pair.server.confirmed(publish.holder, sequence, sequence);
                    }
                }
                _ => {}
            }
            log.push(action);
        }
        pair.server.flush_confirms(&mut more);
        more.extend(pair.recv());
        open = more;
    }
}

/// What stays of actions when their grouping is forgotten: settlements one by one, no barriers.
fn ungrouped(actions: &[Action]) -> Vec<String> {
    let mut lines = Vec::new();
    for action in actions {
        match action {
            Action::Ask(ask) if ask.request == Request::Barrier => {}
            Action::Settle(settle) => {
                for (first, last) in &settle.messages {
                    for id in first.0..=last.0 {
                        lines.push(format!("{} {:?} {id}", settle.queue, settle.outcome));
                    }
                }
            }
            other => lines.push(format!("{other:?}")),
        }
    }
    lines
}

fn ack(tag: u64, multiple: bool) -> Method {
    Method::BasicAck { delivery_tag: DeliveryTag(tag), multiple }
}

/// A session from the header to the close that touches every part of the machine.
fn script() -> Vec<u8> {
    let mut bytes = PROTOCOL_HEADER.to_vec();
    let mut send = |channel, method: Method| bytes.extend(method_frame(channel, &method));
    send(0, start_ok(&[]));
    send(0, Method::ConnectionTuneOk { channel_max: 2047, frame_max: 131_072, heartbeat_s: 0 });
    send(0, Method::ConnectionOpen { vhost: vhost() });
    send(1, Method::ChannelOpen);
    send(2, Method::ChannelOpen);
    send(2, Method::ConfirmSelect { nowait: false });
    for _ in 0..6 {
        send(1, Method::BasicGet { queue: "q".try_into().expect("short"), no_ack: false });
    }
    for tag in [1, 2, 4] {
        send(1, ack(tag, false));
    }
    send(1, ack(5, true));
    bytes.extend(publish_frames(2, b"one"));
    bytes.extend(publish_frames(1, b""));
    bytes.extend(method_frame(2, &super::pair::publish_method(false)));
    bytes.extend(publish_frames(1, b"between"));
    bytes.extend(header_frame(2, 4, NO_PROPERTIES));
    bytes.extend(body_frame(2, b"ab"));
    bytes.extend(frame(8, 0, b""));
    bytes.extend(body_frame(2, b"cd"));
    let mut send = |channel, method: Method| bytes.extend(method_frame(channel, &method));
    send(2, Method::ChannelFlow { active: true });
    send(1, Method::TxSelect);
    send(1, ack(6, false));
    bytes.extend(publish_frames(1, b"held"));
    let mut send = |channel, method: Method| bytes.extend(method_frame(channel, &method));
    send(1, Method::TxCommit);
    send(1, ack(77, false));
    send(1, Method::ChannelCloseOk);
    let bye = super::pair::close(200, "bye", MethodId::default());
    send(0, Method::ConnectionClose(bye));
    bytes
}

fn play(pieces: &[&[u8]]) -> (Vec<Action>, Vec<Received>) {
    let mut pair = Pair::accepted(Settings::default());
    let mut log = Vec::new();
    for piece in pieces {
        let actions = pair.write(piece);
        broker(&mut pair, actions, &mut log);
    }
    (log, pair.received())
}

/// Confirms are grouped by turns, so only what they cover is compared.
fn without_acks(received: Vec<Received>) -> Vec<Received> {
    let is_ack =
        |received: &Received| matches!(received, Received::Method(_, Method::BasicAck { .. }));
    received.into_iter().filter(|received| !is_ack(received)).collect()
}

#[test]
fn a_script_byte_by_byte_is_the_script_in_one_piece() {
    let script = script();
    let (whole, received) = play(&[&script]);
    assert!(matches!(whole.last(), Some(Action::Disconnect { pause_ms: 0 })), "{whole:?}");
    let octets: Vec<&[u8]> = script.chunks(1).collect();
    let (cut, received_cut) = play(&octets);
    assert_eq!(ungrouped(&cut), ungrouped(&whole));
    assert_eq!(without_acks(received_cut), without_acks(received));
}

/// P13, and what P12 says of actions.
fn check_actions(actions: &[Action]) -> Result<(), TestCaseError> {
    let mut open = Vec::new();
    for (at, action) in actions.iter().enumerate() {
        match action {
            Action::ChannelOpened { channel, holder } => open.push((*channel, *holder)),
            Action::ChannelClosed { channel, holder } => {
                let place = open.iter().position(|opening| *opening == (*channel, *holder));
                prop_assert!(place.is_some(), "{:?} closed twice or never opened", holder);
                place.map(|place| open.swap_remove(place));
            }
            Action::Disconnect { .. } => {
                prop_assert_eq!(at + 1, actions.len(), "actions after the end");
                prop_assert!(open.is_empty(), "channels left open: {:?}", open);
            }
            _ => {}
        }
    }
    Ok(())
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let methods = samples();
    let channel = || prop_oneof![6 => Just(1u16), 2 => Just(2), 1 => Just(0), 1 => any::<u16>()];
    let small = || prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        8 => (prop::sample::select(methods.clone()), channel())
            .prop_map(|(method, channel)| method_frame(channel, &method)),
        4 => (channel(), small()).prop_map(|(channel, body)| publish_frames(channel, &body)),
        2 => (channel(), 0..8u64)
            .prop_map(|(channel, size)| header_frame(channel, size, NO_PROPERTIES)),
        2 => (channel(), small()).prop_map(|(channel, body)| body_frame(channel, &body)),
        1 => (0..10u8, channel(), small()).prop_map(|(kind, channel, body)| frame(kind, channel, &body)),
        2 => (prop::sample::select(methods), channel(), any::<usize>(), any::<u8>()).prop_map(
            |(method, channel, at, octet)| {
                let mut bytes = method_frame(channel, &method);
                let at = at % bytes.len();
                bytes[at] = octet;
                bytes
            }
        ),
    ]
}

/// What the world does between two writes.
#[derive(Clone, Debug)]
enum World {
    Frame(Vec<u8>),
    AnswerDone,
    AnswerFitting,
    Refuse(bool),
    Deliver(u64),
    Confirm(u64),
    Fail,
    Tick(u64),
    Block(bool),
    CancelConsumer,
}

fn any_world() -> impl Strategy<Value = World> {
    prop_oneof![
        12 => any_frame().prop_map(World::Frame),
        1 => Just(World::AnswerDone),
        8 => Just(World::AnswerFitting),
        1 => any::<bool>().prop_map(World::Refuse),
        3 => (1..50u64).prop_map(World::Deliver),
        2 => (1..10u64).prop_map(World::Confirm),
        1 => Just(World::Fail),
        1 => (0..3_000u64).prop_map(World::Tick),
        1 => any::<bool>().prop_map(World::Block),
        1 => Just(World::CancelConsumer),
    ]
}

fn refusal(hard: bool) -> Refusal {
    let code = if hard { ReplyCode::NotAllowed } else { ReplyCode::NotFound };
    Refusal { code, text: "x".to_owned(), failed: MethodId::default() }
}

/// One step; the last question is remembered until it is answered.
fn step(pair: &mut Pair, world: &World, asked: &mut Option<Ask>, actions: &mut Vec<Action>) {
    let (channel, holder) = (ChannelId(1), HolderId(1));
    let now = pair.now;
    let answer = match world {
        World::AnswerDone => asked.take().map(|ask| (ask.channel, ask.holder, Answer::Done)),
        World::AnswerFitting => {
            asked.take().map(|ask| (ask.channel, ask.holder, fitting(&ask.request)))
        }
        World::Refuse(hard) => {
            asked.take().map(|ask| (ask.channel, ask.holder, Answer::Refused(refusal(*hard))))
        }
        _ => None,
    };
    if let Some((channel, holder, answer)) = answer {
        pair.server.answer(now, channel, holder, answer, actions);
    }
    match world {
        World::Frame(bytes) => actions.extend(pair.write(bytes)),
        World::Deliver(id) => pair.deliver(*id),
        World::Confirm(sequence) => {
            let sequence = crate::base::PublishSequence(*sequence);
            pair.server.published(holder, sequence, 1);
            pair.server.confirmed(holder, sequence, sequence);
            pair.server.flush_confirms(actions);
        }
        World::Fail => pair.server.fail(now, channel, holder, refusal(false), actions),
        World::Tick(ms) => actions.extend(pair.advance(*ms)),
        World::Block(on) => pair.server.block(on.then_some("low on memory")),
        World::CancelConsumer => {
            let tag = "tag".try_into().expect("short");
            pair.server.cancel_consumer(channel, holder, &tag);
        }
        World::AnswerDone | World::AnswerFitting | World::Refuse(_) => {}
    }
    actions.extend(pair.recv());
}

proptest! {
    /// P15
    #[test]
    fn random_cuts_change_nothing(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let script = script();
        let (whole, received) = play(&[&script]);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(script.len())).collect();
        at.sort_unstable();
        let mut pieces = Vec::new();
        let mut rest = &script[..];
        let mut done = 0;
        for cut in at {
            let (piece, after) = rest.split_at(cut - done);
            pieces.push(piece);
            (rest, done) = (after, cut);
        }
        pieces.push(rest);
        let (cut, received_cut) = play(&pieces);
        prop_assert_eq!(ungrouped(&cut), ungrouped(&whole));
        prop_assert_eq!(without_acks(received_cut), without_acks(received));
    }

    #[test]
    fn random_bytes_never_panic(
        stage in 0..4u8,
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..6),
    ) {
        let mut pair = match stage {
            0 => Pair::accepted(Settings::default()),
            1 => Pair::started(),
            2 => Pair::tuning(Settings::default()),
            _ => Pair::channel(),
        };
        let mut actions = Vec::new();
        for piece in pieces {
            actions.extend(pair.write(&piece));
            pair.received();
        }
        pair.server.peer_closed(&mut actions);
        let ends = actions.iter().filter(|action| matches!(action, Action::Disconnect { .. }));
        prop_assert!(ends.count() <= 1);
    }

    /// P12 and P13, whatever clients and the world do.
    #[test]
    fn random_frames_and_events_keep_the_invariants(
        worlds in prop::collection::vec(any_world(), 1..60),
    ) {
        let mut pair = Pair::open_with(Settings::default(), &super::pair::CAPABILITIES, 5);
        let mut actions = pair.send(1, &Method::ChannelOpen);
        let mut asked = None;
        for world in &worlds {
            let before = actions.len();
            step(&mut pair, world, &mut asked, &mut actions);
            for action in &actions[before..] {
                if let Action::Ask(ask) = action {
                    asked = Some(Ask::clone(ask));
                }
            }
            // Whatever is written can be read.
            let received = pair.received();
            if pair.server.state() == "closed" && before == actions.len() {
                prop_assert!(received.is_empty(), "written after the end: {:?}", received);
            }
        }
        pair.server.peer_closed(&mut actions);
        check_actions(&actions)?;
        prop_assert_eq!(pair.server.open_channels(), 0);
    }
}
