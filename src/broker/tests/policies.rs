//! Policies at work: on what is there, on what comes later, and after a restart.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::world::{AUTOMATIC, Hand, MANUAL, World, deliveries, queue};
use crate::base::{ExchangeName, FieldTable, FieldValue, PolicyName, ShortStr, VhostName};
use crate::broker::policy::{Origin, Policy, PolicyKind};
use crate::broker::{Actor, Binding, BrokerStorage, DeclareExchange, Destination, Vhost};
use crate::store::{MemoryLog, MemoryMetadata};

fn vhost(world: &World) -> Arc<Vhost> {
    let name = VhostName::try_from("/").expect("short");
    world.broker.vhost(&name).expect("the default vhost")
}

fn name(text: &str) -> PolicyName {
    PolicyName::try_from(text).expect("short")
}

fn put(world: &World, kind: PolicyKind, policy: &str, pattern: &str, key: &str, value: FieldValue) {
    let key = ShortStr::try_from(key).expect("short");
    let definition = FieldValue::Table(FieldTable::new(vec![(key, value)]));
    let value = Policy::table(pattern, "all", 0, definition);
    let policy = Policy::parse(kind, name(policy), &value).expect("a good policy");
    let (told, hears) = channel();
    let done = Box::new(move |result| told.send(result).expect("the test waits"));
    vhost(world).put_policy(&Actor::internal(), kind, policy, done);
    hears.recv().expect("an answer").expect("stored");
}

fn delete(world: &World, kind: PolicyKind, policy: &str) -> bool {
    let (told, hears) = channel();
    let done = Box::new(move |result| told.send(result).expect("the test waits"));
    let found = vhost(world).delete_policy(&Actor::internal(), kind, &name(policy), done);
    hears.recv().expect("an answer").expect("stored");
    found
}

fn max_length(world: &World, name: &str) -> (Option<u64>, Origin) {
    let vhost = vhost(world);
    let cell = vhost.queue_of(&queue(name)).expect("the queue is there");
    let setting = cell.effective().max_length.clone();
    (setting.value, setting.origin)
}

fn declare(name: &str) -> DeclareExchange {
    DeclareExchange {
        exchange: ExchangeName::try_from(name).expect("short"),
        kind: ShortStr::try_from("direct").expect("short"),
        passive: false,
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: FieldTable::EMPTY,
    }
}

fn bind(from: &str, to: &str) -> Binding {
    Binding {
        source: ExchangeName::try_from(from).expect("short"),
        destination: Destination::Queue(queue(to)),
        routing_key: ShortStr::EMPTY,
        arguments: FieldTable::EMPTY,
    }
}

#[test]
fn a_policy_reaches_queues_that_are_there_and_queues_that_come() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("before").expect("declared");
    hand.declare("other").expect("declared");
    put(&world, PolicyKind::User, "p", "before|after", "max-length", FieldValue::I64(5));
    hand.declare("after").expect("declared");
    assert_eq!(max_length(&world, "before"), (Some(5), Origin::Policy));
    assert_eq!(max_length(&world, "after"), (Some(5), Origin::Policy));
    assert_eq!(max_length(&world, "other"), (None, Origin::Default));
    put(&world, PolicyKind::Operator, "p", "", "max-length", FieldValue::I64(3));
    assert_eq!(max_length(&world, "before"), (Some(3), Origin::OperatorPolicy));
    assert!(delete(&world, PolicyKind::Operator, "p"));
    assert!(!delete(&world, PolicyKind::Operator, "p"), "the users' of that name is another");
    assert_eq!(max_length(&world, "before"), (Some(5), Origin::Policy));
}

fn operator(world: &World, key: &str, value: i64) {
    put(world, PolicyKind::Operator, "limits", "^q$", key, FieldValue::I64(value));
}

fn user(world: &World, policy: &str, key: &str, value: FieldValue) {
    put(world, PolicyKind::User, policy, "^q$", key, value);
}

/// `q` with these messages.
fn filled(world: &World, bodies: &[&[u8]]) -> Hand {
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    for body in bodies {
        hand.publish("q", body).expect("routed");
    }
    hand.flush();
    hand
}

fn taken(hand: &mut Hand, name: &str) -> Vec<Vec<u8>> {
    hand.consume(name, AUTOMATIC).expect("attached");
    deliveries(&hand.events()).into_iter().map(|(body, _)| body).collect()
}

#[test]
fn a_bound_by_policy_drops_what_is_too_much_at_once() {
    let world = World::new();
    let mut hand = filled(&world, &[b"1", b"2", b"3", b"4"]);
    operator(&world, "max-length", 2);
    assert_eq!(hand.counts("q").0, 2);
    assert!(delete(&world, PolicyKind::Operator, "limits"));
    hand.publish("q", b"5").expect("routed");
    hand.flush();
    assert_eq!(taken(&mut hand, "q"), [b"3", b"4", b"5"]);
}

#[test]
fn a_time_to_live_by_policy_counts_for_what_comes_later() {
    let world = World::new();
    let mut hand = filled(&world, &[b"before"]);
    operator(&world, "message-ttl", 100);
    hand.publish("q", b"after").expect("routed");
    hand.flush();
    world.pass(101);
    assert_eq!(taken(&mut hand, "q"), [b"before"]);
}

#[test]
fn a_queue_expires_by_policy_and_lives_on_without_it() {
    let world = World::new();
    let mut hand = filled(&world, &[]);
    operator(&world, "expires", 100);
    world.pass(99);
    assert!(delete(&world, PolicyKind::Operator, "limits"));
    world.pass(1000);
    assert_eq!(hand.counts("q"), (0, 0));
    operator(&world, "expires", 100);
    world.pass(101);
    assert!(vhost(&world).queue_of(&queue("q")).is_none());
}

#[test]
fn dead_letters_go_where_the_policy_of_the_moment_says() {
    let world = World::new();
    let mut hand = filled(&world, &[b"1", b"2", b"3"]);
    hand.declare("dead").expect("declared");
    operator(&world, "max-length", 2);
    user(&world, "dlx", "dead-letter-exchange", FieldValue::text("amq.fanout"));
    hand.bind(&bind("amq.fanout", "dead")).expect("bound");
    operator(&world, "max-length", 1);
    world.pass(0);
    assert_eq!(
        taken(&mut hand, "dead"),
        [b"2"],
        "the first was dropped before there was a place for it"
    );
}

#[test]
fn a_full_queue_refuses_when_the_operator_says_so() {
    let world = World::new();
    let mut hand = filled(&world, &[b"1"]);
    hand.events();
    put(
        &world,
        PolicyKind::Operator,
        "full",
        "^q$",
        "overflow",
        FieldValue::text("reject-publish"),
    );
    hand.publish("q", b"2").expect("routed");
    hand.flush();
    assert_eq!(hand.counts("q").0, 2, "it is never full");
    let definition =
        [("overflow", FieldValue::text("reject-publish")), ("max-length", FieldValue::I64(2))];
    let definition =
        definition.map(|(key, value)| (ShortStr::try_from(key).expect("short"), value));
    let definition = FieldValue::Table(FieldTable::new(definition.to_vec()));
    let policy = Policy::parse(
        PolicyKind::Operator,
        name("full"),
        &Policy::table("^q$", "all", 0, definition),
    );
    vhost(&world).put_policy(
        &Actor::internal(),
        PolicyKind::Operator,
        policy.expect("good"),
        Box::new(|_| {}),
    );
    hand.publish("q", b"3").expect("routed");
    hand.flush();
    assert!(hand.events().iter().any(|event| matches!(event, crate::broker::Event::Refuse { .. })));
    assert_eq!(hand.counts("q").0, 2);
}

#[test]
fn a_consumer_time_out_by_policy_counts_for_consumers_that_are_there() {
    let world = World::new();
    let mut hand = filled(&world, &[b"1"]);
    hand.consume("q", MANUAL).expect("attached");
    assert_eq!(deliveries(&hand.events()).len(), 1);
    user(&world, "late", "consumer-timeout", FieldValue::I64(100));
    world.pass(101);
    assert_eq!(hand.counts("q"), (1, 0), "the message is back and the consumer is gone");
}

#[test]
fn an_alternate_exchange_by_policy_takes_what_has_nowhere_to_go() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("rest").expect("declared");
    hand.declare_exchange(declare("early")).expect("declared");
    hand.bind(&bind("amq.fanout", "rest")).expect("bound");
    let alternate = FieldValue::text("amq.fanout");
    assert_eq!(hand.publish_to("early", "k", b"lost"), Ok(0));
    put(
        &world,
        PolicyKind::User,
        "ae",
        "^(early|late|amq.direct)$",
        "alternate-exchange",
        alternate,
    );
    hand.declare_exchange(declare("late")).expect("declared");
    for exchange in ["early", "late", "amq.direct"] {
        assert_eq!(hand.publish_to(exchange, "k", b"caught"), Ok(1), "{exchange}");
    }
    assert!(delete(&world, PolicyKind::User, "ae"));
    assert_eq!(hand.publish_to("early", "k", b"lost"), Ok(0));
}

#[test]
fn policies_are_in_force_again_after_a_restart() {
    let storage = BrokerStorage {
        metadata: Arc::new(MemoryMetadata::new()),
        log: Arc::new(MemoryLog::new()),
    };
    let before = World::stored(storage.clone());
    let mut hand = before.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    hand.declare_exchange(declare("x")).expect("declared");
    hand.bind(&bind("amq.fanout", "q")).expect("bound");
    put(&before, PolicyKind::User, "length", "^q$", "max-length", FieldValue::I64(5));
    put(&before, PolicyKind::Operator, "o", "^q$", "max-length", FieldValue::I64(4));
    let alternate = FieldValue::text("amq.fanout");
    put(&before, PolicyKind::User, "ae", "^(x|amq.topic)$", "alternate-exchange", alternate);
    put(&before, PolicyKind::User, "gone", "^q$", "max-length", FieldValue::I64(1));
    assert!(delete(&before, PolicyKind::User, "gone"));
    std::mem::forget(hand);
    let after = World::stored(storage);
    assert_eq!(max_length(&after, "q"), (Some(4), Origin::OperatorPolicy));
    let mut hand = after.connect();
    assert_eq!(hand.publish_to("x", "k", b"caught"), Ok(1));
    assert_eq!(hand.publish_to("amq.topic", "k", b"caught"), Ok(1));
    let policies = vhost(&after).policies();
    let names: Vec<String> =
        policies.iter(PolicyKind::User).map(|policy| policy.name.to_string()).collect();
    assert_eq!(names, ["ae", "length"]);
}
