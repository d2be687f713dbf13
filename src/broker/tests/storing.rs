//! Queues with a log behind them: what is confirmed when, what a restart gives back, what leaves RAM.

use std::sync::Arc;

use super::world::{AUTOMATIC, Job, MANUAL, World, deliveries, entries, queue};
use crate::base::FieldValue;
use crate::base::limits::{QUEUE_BODY_BYTES_MAX, TURN_TICKETS_MIN};
use crate::broker::{Answered, Attempt, BrokerStorage, Event, Settlement};
use crate::store::{MemoryLog, MemoryMetadata, MessageLog, QueueNumber};

fn storage(log: MemoryLog) -> (BrokerStorage, Arc<MemoryLog>) {
    let log = Arc::new(log);
    let storage = BrokerStorage {
        metadata: Arc::new(MemoryMetadata::new()),
        log: Arc::clone(&log) as Arc<dyn MessageLog>,
    };
    (storage, log)
}

fn confirms(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Confirm { .. })).count()
}

fn confirmed_messages(events: &[Event]) -> usize {
    let confirmed = events.iter().map(|event| match event {
        Event::Confirm { first, last, .. } => last.0 - first.0 + 1,
        _ => 0,
    });
    usize::try_from(confirmed.sum::<u64>()).expect("fits")
}

#[test]
fn a_persistent_message_is_confirmed_when_the_log_has_it_and_a_transient_one_at_once() {
    let (storage, log) = storage(MemoryLog::with_held_tickets());
    let world = World::stored(storage);
    let mut hand = world.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    hand.publish_persistent("q", b"kept").expect("routed");
    hand.flush();
    assert_eq!(confirms(&hand.events()), 0, "the disk does not have it yet");
    hand.publish("q", b"passing").expect("routed");
    hand.flush();
    assert_eq!(confirms(&hand.events()), 1);
    log.flush();
    world.noted.run_all();
    assert_eq!(confirms(&hand.events()), 1);
}

/// Others would wait for as long as it takes to see to all of them.
#[test]
fn what_the_log_has_written_meanwhile_is_confirmed_in_several_turns() {
    const BATCHES: usize = 6;
    let (storage, log) = storage(MemoryLog::with_held_tickets());
    let world = World::stored(storage);
    let mut hand = world.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    for _ in 0..BATCHES {
        for _ in 0..TURN_TICKETS_MIN {
            hand.publish_persistent("q", b"kept").expect("routed");
        }
        hand.flush();
    }
    log.flush();
    let mut turns = 0;
    let mut confirmed = 0;
    while confirmed < BATCHES * TURN_TICKETS_MIN {
        world.noted.run_some();
        let more = confirmed_messages(&hand.events());
        assert!((1..=TURN_TICKETS_MIN).contains(&more), "{more} after {confirmed}");
        confirmed += more;
        turns += 1;
    }
    assert_eq!(turns, BATCHES);
}

/// To give 100 MiB back to the system takes it ten milliseconds.
#[test]
fn a_large_message_that_the_log_has_is_let_go_by_somebody_else() {
    let (storage, log) = storage(MemoryLog::with_held_tickets());
    let world = World::stored(storage);
    let mut hand = world.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    let body = vec![1; usize::try_from(QUEUE_BODY_BYTES_MAX).expect("fits") + 1];
    for body in [&body[..], &body[..1000]] {
        hand.publish_persistent("q", body).expect("routed");
        hand.flush();
    }
    log.flush();
    world.noted.run_some();
    let left = world.noted.take();
    assert!(matches!(left[..], [Job::LetGo(_)]), "{} jobs", left.len());
    assert!(world.broker.memory_used_bytes() < 10_000, "the queue holds none of it");
}

#[test]
fn a_restart_gives_durable_queues_and_their_persistent_messages_back() {
    let (storage, _log) = storage(MemoryLog::new());
    let before = World::stored(storage.clone());
    let mut hand = before.connect();
    hand.declare_with("durable", |declare| declare.durable = true).expect("declared");
    hand.declare("passing").expect("declared");
    hand.publish_persistent("durable", b"one").expect("routed");
    hand.publish("durable", b"lost").expect("routed");
    hand.publish_persistent("durable", b"two").expect("routed");
    hand.flush();
    before.noted.run_all();
    // No farewell: the process is gone.
    std::mem::forget(hand);
    let after = World::stored(storage);
    let mut hand = after.connect();
    let passive = hand.declare_with("passing", |declare| declare.passive = true);
    assert_eq!(passive, Err("NOT_FOUND - no queue 'passing' in vhost '/'".to_owned()));
    let again = hand.declare_with("durable", |declare| declare.durable = true);
    let counted = Answered::Declared { queue: queue("durable"), messages: 2, consumers: 0 };
    assert_eq!(again, Ok(counted));
    hand.consume("durable", AUTOMATIC).expect("attached");
    after.noted.run_all();
    let bodies: Vec<_> = deliveries(&hand.events()).into_iter().map(|(body, _)| body).collect();
    assert_eq!(bodies, [b"one".to_vec(), b"two".to_vec()]);
}

/// docs/redelivery.md: a message that always fails does not get as many attempts again with every restart.
#[test]
fn a_restart_keeps_the_attempts_and_how_many_of_them_failed() {
    let (storage, _log) = storage(MemoryLog::new());
    let before = World::stored(storage.clone());
    let mut hand = before.connect();
    let limit = [("x-delivery-limit", FieldValue::I32(5))];
    hand.declare_with("q", |declare| {
        (declare.durable, declare.arguments) = (true, entries(&limit));
    })
    .expect("declared");
    hand.publish_persistent("q", b"m").expect("routed");
    hand.flush();
    for count in 0..3 {
        let Ok(Answered::Got(event, _)) = hand.get("q") else { panic!("none") };
        assert_eq!((u32::from(event.acquired_count), event.delivery_count), (count, count));
        let settlement = Settlement::Requeue(Attempt::Failed);
        hand.client.settle(hand.holder, event.queue, settlement, vec![(event.id, event.id)]);
        hand.flush();
    }
    before.noted.run_all();
    std::mem::forget(hand);
    let after = World::stored(storage);
    let mut hand = after.connect();
    let step = hand.client.get(hand.holder, &queue("q"), false);
    hand.flush();
    after.noted.run_all();
    let Ok(Answered::Got(event, _)) = hand.answered(step) else { panic!("none") };
    assert_eq!((event.acquired_count, event.delivery_count), (3, 3));
}

#[test]
fn what_was_handed_out_comes_back_redelivered_and_what_was_acked_does_not() {
    let (storage, _log) = storage(MemoryLog::new());
    let before = World::stored(storage.clone());
    let mut hand = before.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    for body in [b"acked", b"taken"] {
        hand.publish_persistent("q", body).expect("routed");
    }
    hand.consume("q", MANUAL).expect("attached");
    let events = hand.events();
    let first = events.iter().find_map(|event| match event {
        Event::Deliver(delivery) => Some((delivery.queue, delivery.id)),
        _ => None,
    });
    let (id, message) = first.expect("both were handed out");
    let settlement = crate::broker::Settlement::Ack;
    hand.client.settle(hand.holder, id, settlement, vec![(message, message)]);
    hand.flush();
    before.noted.run_all();
    std::mem::forget(hand);
    let after = World::stored(storage);
    let mut hand = after.connect();
    hand.consume("q", MANUAL).expect("attached");
    after.noted.run_all();
    assert_eq!(deliveries(&hand.events()), [(b"taken".to_vec(), true)]);
}

#[test]
fn a_deleted_queue_does_not_come_back() {
    let (storage, log) = storage(MemoryLog::new());
    let world = World::stored(storage.clone());
    let mut hand = world.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    hand.publish_persistent("q", b"one").expect("routed");
    hand.delete("q").expect("deleted");
    assert_eq!(log.queues().iter().map(|queue| queue.messages).sum::<u64>(), 0);
    let after = World::stored(storage);
    let mut hand = after.connect();
    assert_eq!(hand.get("q"), Err("NOT_FOUND - no queue 'q' in vhost '/'".to_owned()));
}

/// The definitions were lost, or are an older copy; the log still has messages of their queues.
#[test]
fn a_new_queue_never_gets_the_number_of_a_queue_that_the_log_knows() {
    let (with_definitions, log) = storage(MemoryLog::new());
    let before = World::stored(with_definitions);
    let mut hand = before.connect();
    for name in ["one", "two", "three"] {
        hand.declare_with(name, |declare| declare.durable = true).expect("declared");
        hand.publish_persistent(name, b"old").expect("routed");
    }
    hand.flush();
    std::mem::forget(hand);
    let used: Vec<QueueNumber> = log.queues().iter().map(|queue| queue.number).collect();
    assert_eq!(used.len(), 3);

    let metadata = Arc::new(MemoryMetadata::new());
    let log_again = Arc::clone(&log) as Arc<dyn MessageLog>;
    let after = World::stored(BrokerStorage { metadata, log: log_again });
    let mut hand = after.connect();
    hand.declare_with("new", |declare| declare.durable = true).expect("declared");
    hand.publish_persistent("new", b"new").expect("routed");
    hand.flush();
    after.noted.run_all();
    let queues = log.queues();
    let holding: Vec<_> = queues.iter().filter(|queue| queue.messages > 0).collect();
    assert_eq!(holding.len(), 1, "{queues:?}");
    assert!(!used.contains(&holding[0].number), "{used:?}, then {:?}", holding[0]);
}

#[test]
fn a_backlog_leaves_ram_and_comes_back_in_order() {
    const MESSAGES: usize = 80_000;
    let (storage, _log) = storage(MemoryLog::new());
    let world = World::stored(storage);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let body = vec![b'x'; 1000];
    for count in 0..MESSAGES {
        let text = format!("{count} ");
        hand.publish("q", &[text.as_bytes(), &body].concat()).expect("routed");
        if count % 500 == 0 {
            hand.flush();
            world.noted.run_all();
            hand.events();
        }
    }
    hand.flush();
    world.noted.run_all();
    let in_ram = world.broker.memory_used_bytes();
    assert!(in_ram < 4 * QUEUE_BODY_BYTES_MAX, "{in_ram} bytes of a backlog are in RAM");
    hand.consume("q", AUTOMATIC).expect("attached");
    let mut next = 0;
    while next < MESSAGES {
        world.noted.run_all();
        let came = deliveries(&hand.events());
        assert!(!came.is_empty(), "stuck at {next}");
        for (body, redelivered) in came {
            assert!(body.starts_with(format!("{next} ").as_bytes()), "out of order at {next}");
            assert!(!redelivered);
            next += 1;
        }
    }
    assert_eq!(world.broker.memory_used_bytes(), 0);
}
