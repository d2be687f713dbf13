//! Replies without a queue.

use super::world::{Hand, World, guest_may, message, queue};
use crate::base::limits::DIRECT_REPLY_WAITING_BYTES_MAX;
use crate::base::{
    ChannelId, ConsumerId, ConsumerTag, DIRECT_REPLY_TO, FieldTable, HolderId, Message,
    PublishSequence, ShortStr,
};
use crate::broker::{Answered, Binding, Destination, DirectReplyLosses, Event, Step};

fn tag(text: &str) -> ConsumerTag {
    ConsumerTag::try_from(text).expect("short")
}

/// A requester's consumer, whose tag is `r`; its address.
fn consume(hand: &mut Hand) -> String {
    consume_on(hand, hand.holder)
}

fn consume_on(hand: &mut Hand, holder: HolderId) -> String {
    match hand.client.consume_replies(holder, tag("r")) {
        Ok(Step::Answered(Answered::ConsumingReplies { tag: given, address })) => {
            assert_eq!(given, tag("r"));
            address.to_text().into_owned()
        }
        other => panic!("{other:?}"),
    }
}

/// The replies of a connection, as its session takes them: channel, and body.
fn replies(hand: &mut Hand) -> Vec<(u16, Vec<u8>)> {
    let mut got = Vec::new();
    for event in hand.events() {
        let Event::DirectReply { holder, consumer, reply } = event else { continue };
        if let Some((channel, to)) = hand.client.reply_arrived(holder, consumer, &reply) {
            assert_eq!(*to, tag("r"));
            got.push((channel.0, reply.body().to_vec()));
        }
    }
    got
}

fn declared(hand: &mut Hand, name: &str) -> Result<Answered, String> {
    hand.declare_with(name, |declare| declare.passive = true)
}

fn losses(hand: &Hand) -> DirectReplyLosses {
    hand.client.vhost().direct_reply_losses()
}

/// R1 and R2.
#[test]
fn replies_reach_the_consumer_of_their_address_in_order() {
    let world = World::new();
    let (mut one, mut two, mut responder) = (world.connect(), world.connect(), world.connect());
    let second = HolderId(1_000_000);
    one.client.channel_opened(second, ChannelId(2)).expect("no limit");
    let to = [consume(&mut one), consume_on(&mut one, second), consume(&mut two)];
    for name in &to {
        assert!(name.starts_with("amq.rabbitmq.reply-to."), "{name}");
        assert_eq!(name.len(), 44, "the token has 128 bits");
    }
    assert!(to[0] != to[1] && to[1] != to[2] && to[0] != to[2], "{to:?}");
    for (key, body) in [(0, "1"), (1, "2"), (0, "3"), (0, "4"), (2, "5"), (1, "6")] {
        assert_eq!(responder.publish(&to[key], body.as_bytes()), Ok(1));
    }
    assert_eq!(replies(&mut one), [], "they go out with the turn");
    responder.flush();
    let got = replies(&mut one);
    let on = |channel| {
        let of = got.iter().filter(move |(on, _)| *on == channel);
        of.map(|(_, body)| body.as_slice()).collect::<Vec<_>>()
    };
    assert_eq!((on(1), on(2)), (vec![&b"1"[..], b"3", b"4"], vec![&b"2"[..], b"6"]));
    assert_eq!(replies(&mut two), [(1, b"5".to_vec())]);
    assert_eq!(losses(&responder), DirectReplyLosses::default());
}

#[test]
fn a_reply_is_confirmed_when_the_requester_s_inbox_has_it() {
    let world = World::new();
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    assert_eq!(responder.publish(&to, b"1"), Ok(1));
    assert_eq!(responder.publish(&to, b"2"), Ok(1));
    responder.flush();
    let holder = responder.holder;
    let confirmed = [1, 2].map(|sequence| {
        let sequence = PublishSequence(sequence);
        Event::Confirm { holder, first: sequence, last: sequence }
    });
    assert_eq!(responder.events(), confirmed);
}

#[test]
fn a_requester_may_reply_to_itself() {
    let world = World::new();
    let mut hand = world.connect();
    let to = consume(&mut hand);
    assert_eq!(hand.publish(&to, b"odd"), Ok(1));
    hand.flush();
    assert_eq!(replies(&mut hand), [(1, b"odd".to_vec())]);
}

#[test]
fn the_address_of_nobody_is_unroutable() {
    let world = World::new();
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    let other = to.replace("amq.rabbitmq", "amq.Rabbitmq");
    let mut cut = to.clone();
    cut.pop();
    for nobody in [DIRECT_REPLY_TO, "amq.rabbitmq.reply-to.", &other, &cut, &(to.clone() + "x")] {
        assert_eq!(responder.publish(nobody, b"lost"), Ok(0), "{nobody}");
    }
    assert_eq!(responder.publish_message(message("amq.direct", &to, b"lost")), Ok(0));
    responder.flush();
    assert_eq!(replies(&mut requester), []);
}

#[test]
fn an_address_ends_with_its_consumer_and_is_not_given_again() {
    let world = World::new();
    let mut responder = world.connect();
    let mut requester = world.connect();
    let holder = requester.holder;

    let first = consume(&mut requester);
    assert_eq!(requester.client.cancel(holder, &tag("r")), Step::Answered(Answered::Done));
    assert_eq!(responder.publish(&first, b"late"), Ok(0));
    let second = consume(&mut requester);
    assert_ne!(first, second);

    requester.client.channel_closed(holder);
    assert_eq!(responder.publish(&second, b"late"), Ok(0));
    requester.client.channel_opened(holder, ChannelId(1)).expect("no limit");
    let third = consume(&mut requester);
    assert_eq!(responder.publish(&third, b"in time"), Ok(1));
    drop(requester);
    assert_eq!(responder.publish(&third, b"late"), Ok(0));
}

#[test]
fn a_cancel_of_another_tag_leaves_the_address() {
    let world = World::new();
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    let holder = requester.holder;
    assert_eq!(requester.client.cancel(holder, &tag("c")), Step::Answered(Answered::Done));
    assert_eq!(responder.publish(&to, b"reply"), Ok(1));
}

#[test]
fn replies_that_lose_their_consumer_on_the_way_are_counted() {
    let world = World::new();
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    assert_eq!(responder.publish(&to, b"1"), Ok(1));
    responder.flush();
    let holder = requester.holder;
    requester.client.cancel(holder, &tag("r"));
    let other = consume(&mut requester);
    assert_eq!(replies(&mut requester), [], "the next consumer does not get it");
    assert_eq!(losses(&responder), DirectReplyLosses { full: 0, late: 1 });

    assert_eq!(responder.publish(&other, b"2"), Ok(1));
    assert_eq!(responder.publish(&other, b"3"), Ok(1));
    responder.flush();
    drop(requester);
    assert_eq!(losses(&responder), DirectReplyLosses { full: 0, late: 3 });
}

fn is_refusal(event: &Event) -> bool {
    matches!(event, Event::Refuse { .. })
}

/// R3 and R4.
#[test]
fn what_waits_for_a_requester_is_bounded_and_its_responder_hears_of_it() {
    let world = World::new();
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    let body = vec![0; 1024 * 1024];
    let reply: Message = message("", &to, &body);
    let bytes = reply.ram_bytes();
    let room = DIRECT_REPLY_WAITING_BYTES_MAX / bytes + 1;
    for _ in 0..room {
        assert_eq!(responder.publish_message(reply.clone()), Ok(1));
    }
    responder.flush();
    assert!(!responder.events().iter().any(is_refusal), "there was room");

    // Whoever waits for a confirm is refused; without one it is as if there was nobody.
    assert_eq!(responder.publish_message(reply.clone()), Ok(1));
    responder.flush();
    assert!(matches!(responder.events()[..], [Event::Refuse { .. }]));
    let (holder, channel) = (responder.holder, ChannelId(1));
    let outcome = responder.client.publish(channel, holder, reply.clone(), None);
    assert_eq!(outcome.map(|outcome| outcome.queues), Ok(0));
    assert_eq!(losses(&responder), DirectReplyLosses { full: 2, late: 0 });

    // Other requesters are served.
    let mut other = world.connect();
    let other_to = consume(&mut other);
    assert_eq!(responder.publish(&other_to, b"reply"), Ok(1));
    responder.flush();
    assert_eq!(replies(&mut other).len(), 1);

    // It reads, and everything that was taken is there; then there is room again.
    assert_eq!(replies(&mut requester).len() as u64, room);
    assert_eq!(responder.publish_message(reply), Ok(1));
    responder.flush();
    assert!(!responder.events().iter().any(is_refusal), "there is room");
    assert_eq!(replies(&mut requester).len(), 1);
}

#[test]
fn a_single_reply_may_be_larger_than_the_bound() {
    let world = World::new();
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    let large = usize::try_from(DIRECT_REPLY_WAITING_BYTES_MAX + 1).expect("16 MiB");
    assert_eq!(responder.publish(&to, &vec![0; large]), Ok(1));
    responder.flush();
    assert!(matches!(responder.events()[..], [Event::Confirm { .. }]));
    assert_eq!(responder.publish(&to, b"small"), Ok(1));
    responder.flush();
    assert!(matches!(responder.events()[..], [Event::Refuse { .. }]));
}

#[test]
fn every_declare_of_such_a_name_only_asks() {
    let world = World::with(&[guest_may("^$", "^$", "^$")], u64::MAX);
    let (mut requester, mut other) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    for name in [DIRECT_REPLY_TO, &to] {
        let expected = Ok(Answered::Declared { queue: queue(name), messages: 0, consumers: 1 });
        assert_eq!(declared(&mut other, name), expected);
        let created = other.declare_with(name, |declare| {
            (declare.durable, declare.exclusive, declare.auto_delete) = (true, true, true);
        });
        assert_eq!(created, expected);
    }
    let holder = requester.holder;
    requester.client.cancel(holder, &tag("r"));
    for name in ["amq.rabbitmq.reply-to.", "amq.rabbitmq.reply-to-me", &to] {
        let expected = Err(format!("NOT_FOUND - no queue '{name}' in vhost '/'"));
        assert_eq!(declared(&mut other, name), expected);
        assert_eq!(other.declare(name), expected);
    }
}

#[test]
fn there_is_no_queue_behind_the_names() {
    let world = World::new();
    let (mut requester, mut other) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    for name in [DIRECT_REPLY_TO, &to] {
        let missing = Err(format!("NOT_FOUND - no queue '{name}' in vhost '/'"));
        assert_eq!(other.get(name), missing);
        let step = other.client.queue_purge(other.holder, &queue(name));
        assert_eq!(other.answered(step), missing);
        assert_eq!(other.delete(name), Ok(Answered::Messages(0)));
        let binding = Binding {
            source: "amq.direct".try_into().expect("short"),
            destination: Destination::Queue(queue(name)),
            routing_key: ShortStr::EMPTY,
            arguments: FieldTable::EMPTY,
        };
        let volatile =
            "ACCESS_REFUSED - cannot bind or unbind to a volatile (direct reply-to) queue";
        let unbound = other.client.unbind(other.holder, &binding);
        assert_eq!(other.answered(unbound), Err(volatile.to_owned()));
        let bound = other.client.bind(other.holder, &binding);
        assert_eq!(other.answered(bound), Err(volatile.to_owned()));
    }
    assert_eq!(other.publish(&to, b"still there"), Ok(1));
}

#[test]
fn a_reply_needs_write_on_the_default_exchange_and_nothing_else() {
    let world = World::with(&[guest_may("^$", "^amq\\.default$", "^$")], u64::MAX);
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    assert_eq!(responder.publish(&to, b"reply"), Ok(1));

    let world = World::with(&[guest_may("^$", "^amq\\.rabbitmq", "^$")], u64::MAX);
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    let text = "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for \
                user 'guest'";
    assert_eq!(responder.publish(&to, b"reply"), Err(text.to_owned()));
}

#[test]
fn a_reply_that_is_for_nobody_of_this_connection_is_late() {
    let world = World::new();
    let (mut requester, mut responder) = (world.connect(), world.connect());
    let to = consume(&mut requester);
    assert_eq!(responder.publish(&to, b"reply"), Ok(1));
    responder.flush();
    let events = requester.events();
    let [Event::DirectReply { holder, reply, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(requester.client.reply_arrived(*holder, ConsumerId(0), reply), None);
}
