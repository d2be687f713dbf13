//! What the broker refuses, word for word.

use super::world::{MANUAL, WATERMARK_BYTES, World, guest_may, message, queue};
use crate::base::{ChannelId, ExchangeName, FieldTable, FieldValue, ShortStr, UserName, VhostName};
use crate::broker::{Answered, Binding, Consume, DeclareExchange, Destination};

fn exchange(name: &str, kind: &str) -> DeclareExchange {
    DeclareExchange {
        exchange: ExchangeName::try_from(name).expect("short"),
        kind: ShortStr::try_from(kind).expect("short"),
        passive: false,
        durable: false,
        auto_delete: false,
        internal: false,
        arguments: FieldTable::EMPTY,
    }
}

fn binding(source: &str, to: &str) -> Binding {
    Binding {
        source: ExchangeName::try_from(source).expect("short"),
        destination: Destination::Queue(queue(to)),
        routing_key: ShortStr::EMPTY,
        arguments: FieldTable::EMPTY,
    }
}

#[test]
fn exchange_methods_are_refused_with_rabbitmqs_words() {
    let world = World::new();
    let mut hand = world.connect();
    assert_eq!(hand.declare_exchange(exchange("logs", "direct")), Ok(Answered::Done));
    let cases = [
        ("", "direct", "ACCESS_REFUSED - operation not permitted on the default exchange"),
        (
            "amq.mine",
            "direct",
            "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        ("x", "sideways", "PRECONDITION_FAILED - unknown exchange type 'sideways'"),
        (
            "logs",
            "topic",
            "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'logs' in vhost '/': \
             received 'topic' but current is 'direct'",
        ),
    ];
    for (name, kind, text) in cases {
        assert_eq!(hand.declare_exchange(exchange(name, kind)), Err(text.to_owned()));
    }
    let passive = DeclareExchange { passive: true, ..exchange("none", "direct") };
    assert_eq!(
        hand.declare_exchange(passive),
        Err("NOT_FOUND - no exchange 'none' in vhost '/'".to_owned())
    );
    let system = ExchangeName::try_from("amq.topic").expect("short");
    let step = hand.client.exchange_delete(hand.holder, &system, false);
    assert_eq!(
        hand.answered(step),
        Err("ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed"
            .to_owned())
    );
}

#[test]
fn bindings_name_the_first_thing_that_is_missing() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let mut bind = |source: &str, to: &str| {
        let step = hand.client.bind(hand.holder, &binding(source, to));
        hand.answered(step)
    };
    assert_eq!(bind("none", "q"), Err("NOT_FOUND - no exchange 'none' in vhost '/'".to_owned()));
    assert_eq!(
        bind("amq.fanout", "none"),
        Err("NOT_FOUND - no queue 'none' in vhost '/'".to_owned())
    );
    assert_eq!(
        bind("", "q"),
        Err("ACCESS_REFUSED - operation not permitted on the default exchange".to_owned())
    );
    for (source, to) in [("amq.fanout", "q"), ("none", "q"), ("amq.fanout", "none")] {
        let step = hand.client.unbind(hand.holder, &binding(source, to));
        assert_eq!(hand.answered(step), Ok(Answered::Done), "unbind is idempotent");
    }
}

#[test]
fn an_exchange_in_use_is_not_deleted_if_unused() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    hand.declare_exchange(exchange("logs", "fanout")).expect("declared");
    let step = hand.client.bind(hand.holder, &binding("logs", "q"));
    hand.answered(step).expect("bound");
    let name = ExchangeName::try_from("logs").expect("short");
    let step = hand.client.exchange_delete(hand.holder, &name, true);
    assert_eq!(
        hand.answered(step),
        Err("PRECONDITION_FAILED - exchange 'logs' in vhost '/' in use".to_owned())
    );
    let step = hand.client.exchange_delete(hand.holder, &name, false);
    assert_eq!(hand.answered(step), Ok(Answered::Done));
}

#[test]
fn publishes_to_missing_and_internal_exchanges_are_refused() {
    let world = World::new();
    let mut hand = world.connect();
    let mut publish = |name: &str| {
        let holder = hand.holder;
        let outcome = hand.client.publish(ChannelId(1), holder, message(name, "", b""), None);
        outcome.map(|outcome| outcome.queues).map_err(|refused| refused.to_string())
    };
    assert_eq!(publish("none"), Err("NOT_FOUND - no exchange 'none' in vhost '/'".to_owned()));
    assert_eq!(
        publish("amq.rabbitmq.trace"),
        Err("ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'"
            .to_owned())
    );
    assert_eq!(publish("amq.topic"), Ok(0));
}

#[test]
fn queue_declares_are_refused_with_rabbitmqs_words() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    assert_eq!(
        hand.declare("q"),
        Err("PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': \
             received 'false' but current is 'true'"
            .to_owned())
    );
    let ttl = hand.declare_with("q", |declare| {
        declare.durable = true;
        let key = ShortStr::try_from("x-message-ttl").expect("short");
        declare.arguments.push(key, FieldValue::I32(1000));
    });
    assert_eq!(
        ttl,
        Err("PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': \
             received the value '1000' of type 'signedint' but current is none"
            .to_owned())
    );
    assert_eq!(
        hand.declare("amq.mine"),
        Err("ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'".to_owned())
    );
    let passive = hand.declare_with("none", |declare| declare.passive = true);
    assert_eq!(passive, Err("NOT_FOUND - no queue 'none' in vhost '/'".to_owned()));
    let flag = hand.declare_with("q", |declare| {
        declare.durable = true;
        declare.exclusive = true;
    });
    assert!(flag.is_err_and(|text| text.starts_with("RESOURCE_LOCKED - cannot obtain exclusive")));
}

#[test]
fn a_queue_in_use_or_not_empty_stays() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    hand.publish("q", b"one").expect("routed");
    let step = hand.client.queue_delete(hand.holder, &queue("q"), false, true);
    assert_eq!(
        hand.answered(step),
        Err("PRECONDITION_FAILED - queue 'q' in vhost '/' not empty".to_owned())
    );
    hand.consume("q", MANUAL).expect("attached");
    let step = hand.client.queue_delete(hand.holder, &queue("q"), true, false);
    assert_eq!(
        hand.answered(step),
        Err("PRECONDITION_FAILED - queue 'q' in vhost '/' in use".to_owned())
    );
}

#[test]
fn exclusive_use_of_a_queue_is_refused_both_ways() {
    let world = World::new();
    let mut hand = world.connect();
    let in_use = Err("ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use".to_owned());
    hand.declare("q").expect("declared");
    hand.consume("q", Consume { exclusive: true, ..MANUAL }).expect("attached");
    assert_eq!(hand.consume("q", MANUAL), in_use);
    assert_eq!(hand.consume("q", Consume { exclusive: true, ..MANUAL }), in_use);
}

#[test]
fn permissions_are_asked_for_every_resource() {
    let world = World::with(&[guest_may("^open", "^open", "^open")], WATERMARK_BYTES);
    let mut hand = world.connect();
    hand.declare("open").expect("declared");
    assert_eq!(
        hand.declare("shut"),
        Err("ACCESS_REFUSED - configure access to queue 'shut' in vhost '/' refused for user 'guest'"
            .to_owned())
    );
    assert_eq!(
        hand.get("shut"),
        Err("ACCESS_REFUSED - read access to queue 'shut' in vhost '/' refused for user 'guest'"
            .to_owned())
    );
    assert_eq!(
        hand.publish("open", b""),
        Err("ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user \
             'guest'"
            .to_owned())
    );
}

#[test]
fn a_vhost_that_is_missing_or_closed_to_the_user_is_not_opened() {
    let world = World::new();
    let open = |vhost: &str, user: &str| {
        let vhost = VhostName::try_from(vhost).expect("short");
        let user = UserName::try_from(user).expect("short");
        world.broker.open_vhost(&vhost, &user).map(|_| ()).map_err(|refused| refused.to_string())
    };
    assert_eq!(open("/", "guest"), Ok(()));
    assert_eq!(open("none", "guest"), Err("NOT_ALLOWED - vhost none not found".to_owned()));
    assert_eq!(
        open("/", "stranger"),
        Err("NOT_ALLOWED - access to vhost '/' refused for user 'stranger'".to_owned())
    );
}

#[test]
fn an_alternate_exchange_must_be_a_string() {
    let world = World::new();
    let mut hand = world.connect();
    let mut declare = exchange("x", "direct");
    let key = ShortStr::try_from("alternate-exchange").expect("short");
    declare.arguments.push(key, FieldValue::I32(1));
    assert_eq!(
        hand.declare_exchange(declare),
        Err("PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in \
             exchange 'x' in vhost '/'"
            .to_owned())
    );
}

#[test]
fn a_wrong_x_match_is_refused_by_value_and_by_type() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let mut bind = |value: FieldValue| {
        let mut binding = binding("amq.headers", "q");
        let key = ShortStr::try_from("x-match").expect("short");
        binding.arguments.push(key, value);
        let step = hand.client.bind(hand.holder, &binding);
        hand.answered(step)
    };
    assert_eq!(
        bind(FieldValue::text("some")),
        Err("PRECONDITION_FAILED - Invalid x-match field value <<\"some\">>; expected all, any, \
             all-with-x, or any-with-x"
            .to_owned())
    );
    assert_eq!(
        bind(FieldValue::I32(1)),
        Err("PRECONDITION_FAILED - Invalid x-match field type signedint (value 1); expected longstr"
            .to_owned())
    );
}
