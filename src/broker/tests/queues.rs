//! Queues as clients see them.

use super::world::{AUTOMATIC, Job, MANUAL, World, deliveries, queue};
use crate::base::limits::PARTING_STEP_QUEUES;
use crate::base::{ConsumerTag, PublishSequence};
use crate::broker::{Answered, Consume, Event, Parting};

fn declared(name: &str, messages: u64, consumers: u64) -> Answered {
    Answered::Declared { queue: queue(name), messages, consumers }
}

#[test]
fn a_published_message_reaches_the_consumer_and_is_confirmed() {
    let world = World::new();
    let (mut publisher, mut consumer) = (world.connect(), world.connect());
    assert_eq!(publisher.declare("订单"), Ok(declared("订单", 0, 0)));
    consumer.consume("订单", AUTOMATIC).expect("the queue is there");
    assert_eq!(publisher.publish("订单", b"one"), Ok(1));
    assert_eq!(publisher.publish("订单", b"two"), Ok(1));
    publisher.flush();
    assert_eq!(
        deliveries(&consumer.events()),
        [(b"one".to_vec(), false), (b"two".to_vec(), false)]
    );
    let holder = publisher.holder;
    let confirm = Event::Confirm { holder, first: PublishSequence(1), last: PublishSequence(2) };
    assert_eq!(publisher.events(), [confirm]);
}

#[test]
fn a_second_declare_tells_the_counts() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    hand.publish("q", b"one").expect("routed");
    hand.consume("q", Consume { prefetch: 1, ..MANUAL }).expect("attached");
    hand.publish("q", b"two").expect("routed");
    assert_eq!(hand.declare("q"), Ok(declared("q", 1, 1)));
}

#[test]
fn what_a_channel_holds_goes_back_when_its_connection_is_dropped() {
    let world = World::new();
    let (mut first, mut second) = (world.connect(), world.connect());
    first.declare("q").expect("declared");
    first.consume("q", MANUAL).expect("attached");
    second.publish("q", b"one").expect("routed");
    second.flush();
    assert_eq!(deliveries(&first.events()).len(), 1);
    second.consume("q", MANUAL).expect("attached");
    assert_eq!(deliveries(&second.events()), []);
    drop(first);
    assert_eq!(deliveries(&second.events()), [(b"one".to_vec(), true)]);
}

#[test]
fn an_exclusive_queue_is_locked_for_others_and_ends_with_its_connection() {
    let world = World::new();
    let (mut owner, mut other) = (world.connect(), world.connect());
    owner.declare_with("mine", |declare| declare.exclusive = true).expect("declared");
    let refused = other.get("mine").expect_err("it is another connection's");
    assert!(refused.starts_with(
        "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'."
    ));
    drop(owner);
    assert_eq!(other.get("mine"), Err("NOT_FOUND - no queue 'mine' in vhost '/'".to_owned()));
}

/// What is left to do for a connection that has ended.
fn parting(world: &World) -> Parting {
    let mut jobs = world.noted.take();
    let Some(Job::Part(parting)) = jobs.pop() else { panic!("there is something left to do") };
    assert!(jobs.is_empty(), "and nothing else");
    parting
}

#[test]
fn many_exclusive_queues_go_with_their_connection_in_steps() {
    let world = World::new();
    let (mut owner, mut other) = (world.connect(), world.connect());
    let names: Vec<String> = (0..=3 * PARTING_STEP_QUEUES).map(|at| format!("mine{at}")).collect();
    for name in &names {
        owner.declare_with(name, |declare| declare.exclusive = true).expect("declared");
    }
    drop(owner);
    let mut left = || {
        let refusals = names.iter().map(|name| other.get(name).expect_err("it is not ours"));
        refusals.filter(|refusal| refusal.starts_with("RESOURCE_LOCKED")).count()
    };
    let mut parting = parting(&world);
    assert_eq!(left(), 2 * PARTING_STEP_QUEUES + 1);
    assert!(parting.step());
    assert_eq!(left(), PARTING_STEP_QUEUES + 1);
    assert!(parting.step());
    assert_eq!(left(), 1);
    assert!(!parting.step());
    assert_eq!(left(), 0);
}

#[test]
fn messages_of_many_queues_come_back_in_steps_when_their_consumer_leaves() {
    let world = World::new();
    let (mut owner, mut other) = (world.connect(), world.connect());
    let names: Vec<String> = (0..=PARTING_STEP_QUEUES).map(|at| format!("q{at}")).collect();
    for name in &names {
        other.declare(name).expect("declared");
        other.publish(name, b"one").expect("routed");
        other.flush();
        owner.consume(name, MANUAL).expect("attached");
        other.consume(name, MANUAL).expect("attached");
    }
    assert_eq!(deliveries(&owner.events()).len(), names.len());
    drop(owner);
    let back = deliveries(&other.events());
    assert_eq!(back, vec![(b"one".to_vec(), true); PARTING_STEP_QUEUES]);
    assert!(!parting(&world).step());
    assert_eq!(deliveries(&other.events()), [(b"one".to_vec(), true)]);
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare_with("q", |declare| declare.auto_delete = true).expect("declared");
    let tag = match hand.consume("q", AUTOMATIC) {
        Ok(Answered::Consuming(tag)) => tag,
        other => panic!("{other:?}"),
    };
    let step = Ok(hand.client.cancel(hand.holder, &tag));
    assert_eq!(hand.answered(step), Ok(Answered::Done));
    assert_eq!(hand.get("q"), Err("NOT_FOUND - no queue 'q' in vhost '/'".to_owned()));
}

#[test]
fn a_deleted_queue_cancels_its_consumers_and_frees_its_name() {
    let world = World::new();
    let (mut owner, mut consumer) = (world.connect(), world.connect());
    owner.declare("q").expect("declared");
    consumer.consume("q", MANUAL).expect("attached");
    owner.publish("q", b"one").expect("routed");
    owner.publish("q", b"two").expect("routed");
    owner.flush();
    consumer.events();
    assert_eq!(owner.delete("q"), Ok(Answered::Messages(0)));
    let cancelled = consumer.events();
    assert!(matches!(cancelled[..], [Event::ConsumerCancelled { .. }]), "{cancelled:?}");
    assert_eq!(owner.declare_with("q", |declare| declare.durable = true), Ok(declared("q", 0, 0)));
}

#[test]
fn cancel_of_an_unknown_tag_is_no_error() {
    let world = World::new();
    let mut hand = world.connect();
    let tag = ConsumerTag::try_from("nobody").expect("short");
    let step = Ok(hand.client.cancel(hand.holder, &tag));
    assert_eq!(hand.answered(step), Ok(Answered::Done));
}

#[test]
fn deleting_a_missing_queue_is_no_error_and_purging_one_is() {
    let world = World::new();
    let mut hand = world.connect();
    assert_eq!(hand.delete("q"), Ok(Answered::Messages(0)));
    let step = hand.client.queue_purge(hand.holder, &queue("q"));
    assert_eq!(hand.answered(step), Err("NOT_FOUND - no queue 'q' in vhost '/'".to_owned()));
}

#[test]
fn credit_shared_by_a_channel_counts_over_its_queues() {
    let world = World::new();
    let mut hand = world.connect();
    for name in ["a", "b"] {
        hand.declare(name).expect("declared");
        hand.publish(name, name.as_bytes()).expect("routed");
    }
    hand.client.share_credit(hand.holder, Some(1), 0);
    hand.consume("a", MANUAL).expect("attached");
    let first = hand.events();
    hand.consume("b", MANUAL).expect("attached");
    assert_eq!(deliveries(&first), [(b"a".to_vec(), false)]);
    assert_eq!(deliveries(&hand.events()), []);
    hand.client.return_credit(hand.holder, 1);
    hand.flush();
    assert_eq!(deliveries(&hand.events()), [(b"b".to_vec(), false)]);
}
