//! A whole connection: a script of methods, contents, broken frames, deliveries, confirms and time.

use haremq::base::{ChannelId, ConsumerTag, DeliveryTag, HolderId, Millis, ReplyCode};
use haremq::protocol::Settings;
use haremq::wire::{Method, MethodId, Output};

use super::super::harness::Script;
use super::grammar::{content, handshake, method};
use super::memory::allocates_at_most;
use super::peer::{Mood, Peer, refusal};

/// Bounds that scripts reach.
const MESSAGE_BYTES_MAX: u64 = 64 * 1024;
const TX_ENTRIES_MAX: usize = 16;
const CHANNEL_MAX: u16 = 8;

/// The most that one connection may hold of what a script of this length can bring about: every step is a
/// delivery of at most 5 KB, or a few hundred octets of a method, which the oracle keeps as text and as bytes.
const BYTES_MAX: u64 = 48 * 1024 * 1024;

/// The most steps of a script.
const STEPS_MAX: usize = 512;

/// The input chooses each step.
pub(super) fn run(input: &[u8]) {
    allocates_at_most(BYTES_MAX, || {
        let mut script = Script::new(input);
        let settings = Settings {
            channel_max: CHANNEL_MAX,
            message_bytes_max: MESSAGE_BYTES_MAX,
            tx_entries_max: TX_ENTRIES_MAX,
            tx_bytes_max: MESSAGE_BYTES_MAX,
            ..Settings::default()
        };
        let mut peer = Peer::new(settings);
        handshake(&mut script, &mut |bytes| peer.write(bytes));
        for _ in 0..STEPS_MAX {
            if script.is_empty() {
                break;
            }
            step(&mut script, &mut peer);
            bounds(&mut peer);
        }
        peer.end();
    });
}

fn step(script: &mut Script<'_>, peer: &mut Peer) {
    let channel = channel(script);
    match script.below(16) {
        0..=6 => {
            let method = method(script);
            peer.write(&framed(channel, &method));
        }
        7 | 8 => {
            let bytes = content(script, channel);
            peer.write(&bytes);
        }
        9 => {
            let bytes = script.take(24);
            peer.write(bytes);
        }
        10 => deliver(script, peer),
        11 | 12 => confirm(script, peer),
        13 => {
            let ms = u64::from(script.word());
            tick(peer, ms);
        }
        14 => mood(script, peer),
        _ => from_outside(script, peer),
    }
}

fn channel(script: &mut Script<'_>) -> ChannelId {
    ChannelId(script.pick(&[1, 1, 1, 1, 2, 2, 3, 0, 8, 9, u16::MAX]))
}

pub(super) fn framed(channel: ChannelId, method: &Method) -> Vec<u8> {
    let mut output = Output::new();
    output.method(channel, method);
    output.slices().flatten().copied().collect()
}

fn some_holder(script: &mut Script<'_>, peer: &Peer) -> (HolderId, ChannelId) {
    let open: Vec<_> = peer.open.iter().map(|(holder, channel)| (*holder, *channel)).collect();
    if open.is_empty() || script.below(8) == 0 {
        // One that is not there: it is to be passed over.
        return (HolderId(1_000_000), ChannelId(1));
    }
    script.pick(&open)
}

fn deliver(script: &mut Script<'_>, peer: &mut Peer) {
    let (holder, channel) = some_holder(script, peer);
    let tag = ConsumerTag::try_from(script.pick(&["c", "", "d"])).expect("short");
    let acknowledge = script.flag();
    if !peer.open.contains_key(&holder) {
        let delivery = peer.delivery(holder, false);
        peer.machine.deliver(channel, holder, &tag, acknowledge, &delivery);
    } else if script.below(8) == 0 {
        let message = peer.delivery(holder, false).message;
        peer.machine.deliver_reply(channel, holder, &tag, &message);
    } else {
        let delivery = peer.delivery(holder, acknowledge);
        peer.machine.deliver(channel, holder, &tag, acknowledge, &delivery);
    }
    peer.turn(Vec::new());
}

/// Some of what is owed is confirmed or refused, in any order.
fn confirm(script: &mut Script<'_>, peer: &mut Peer) {
    for _ in 0..=script.below(8) {
        if peer.owed.is_empty() {
            break;
        }
        let at = script.below(peer.owed.len().min(256));
        let (holder, sequence) = peer.owed.swap_remove(at);
        if script.below(5) == 0 {
            peer.machine.refused(holder, sequence);
        } else {
            peer.machine.confirmed(holder, sequence, sequence);
        }
    }
    peer.turn(Vec::new());
}

fn tick(peer: &mut Peer, ms: u64) {
    peer.now = Millis(peer.now.0 + ms);
    let mut actions = Vec::new();
    peer.machine.tick(peer.now, &mut actions);
    peer.turn(actions);
    if let Some(deadline) = peer.machine.next_deadline() {
        assert!(
            deadline > peer.now || peer.machine.state() == "running",
            "a deadline is not missed"
        );
    }
}

fn mood(script: &mut Script<'_>, peer: &mut Peer) {
    let code = script.pick(&[
        ReplyCode::NotFound,
        ReplyCode::AccessRefused,
        ReplyCode::PreconditionFailed,
        ReplyCode::ResourceLocked,
        ReplyCode::NotAllowed,
        ReplyCode::InternalError,
    ]);
    peer.mood = if script.below(4) == 0 { Mood::Refusing(code) } else { Mood::Kind };
}

/// What the broker does by itself.
fn from_outside(script: &mut Script<'_>, peer: &mut Peer) {
    let (holder, channel) = some_holder(script, peer);
    let mut actions = Vec::new();
    match script.below(6) {
        0 => peer.machine.block(Some("memory")),
        1 => peer.machine.block(None),
        2 => {
            let tag = ConsumerTag::try_from(script.pick(&["c", "d", ""])).expect("short");
            peer.machine.cancel_consumer(channel, holder, &tag);
        }
        3 | 4 => {
            let refused = refusal(ReplyCode::NotFound, MethodId::BASIC_PUBLISH);
            peer.machine.fail(peer.now, channel, holder, refused, &mut actions);
        }
        _ => {
            let refused = refusal(ReplyCode::ConnectionForced, MethodId::default());
            peer.machine.close(peer.now, refused, &mut actions);
        }
    }
    peer.turn(actions);
}

/// What is counted never exceeds what was set.
fn bounds(peer: &mut Peer) {
    assert!(peer.machine.open_channels() <= usize::from(CHANNEL_MAX));
    let infos: Vec<_> = peer.machine.channels().collect();
    assert_eq!(infos.len(), peer.machine.open_channels());
    for info in infos {
        assert!(info.uncommitted + info.acks_uncommitted <= TX_ENTRIES_MAX, "{info:?}");
        assert_eq!(peer.open.get(&info.holder), Some(&info.channel));
    }
}

/// A tag near those that were given.
pub(super) fn delivery_tag(script: &mut Script<'_>) -> DeliveryTag {
    DeliveryTag(match script.below(16) {
        15 => u64::MAX,
        near => near as u64,
    })
}
