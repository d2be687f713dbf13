//! A long queue whose disk fails it: what passes is waited for, what is damaged costs itself only.

use std::sync::atomic::Ordering;

use super::faulty::FaultyLog;
use super::logged::logged;
use super::world::{AUTOMATIC, Hand, Job, MANUAL, World, deliveries, queue as name};
use crate::base::limits::{
    PAGE_IN_BODY_BYTES_MAX, PAGE_IN_PAUSE_MAX_MS, PAGING_WINDOW_MESSAGES, SPILL_MESSAGES_MIN,
};
use crate::base::{MessageId, QueueId};
use crate::broker::{Answered, Event, Settlement};
use crate::store::{Entry, MessageLog, Submission};

/// So many that a part of them is away.
const MESSAGES: u64 = 3 * PAGING_WINDOW_MESSAGES as u64;

fn fill(world: &World, hand: &mut Hand, numbers: std::ops::Range<u64>) {
    for number in numbers {
        hand.publish("q", format!("{number}").as_bytes()).expect("routed");
        if number % 500 == 499 {
            hand.flush();
            world.noted.run_all();
            hand.events();
        }
    }
    hand.flush();
    world.noted.run_all();
    hand.events();
}

fn numbers(hand: &mut Hand) -> Vec<u64> {
    let bodies = deliveries(&hand.events()).into_iter().map(|(body, _)| body);
    let number = |body: Vec<u8>| String::from_utf8(body).ok()?.parse().ok();
    bodies.map(|body| number(body).expect("a number")).collect()
}

/// Takes what comes, doing what is noted, until nothing comes any more; gives the pauses of page-ins.
fn drain(world: &World, hand: &mut Hand) -> (Vec<u64>, Vec<u64>) {
    let (mut came, mut pauses) = (numbers(hand), Vec::new());
    loop {
        let more = numbers(hand);
        let jobs = world.noted.take();
        if jobs.is_empty() && more.is_empty() {
            return (came, pauses);
        }
        came.extend(more);
        for job in jobs {
            if let Job::PageIn(_, _, pause_ms) = job {
                pauses.push(pause_ms);
            }
            job.run();
            came.extend(numbers(hand));
        }
    }
}

/// A filled queue with this log.
fn filled() -> (World, Hand, std::sync::Arc<FaultyLog>) {
    let (storage, log) = FaultyLog::storage();
    let world = World::stored(storage);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    fill(&world, &mut hand, 0..MESSAGES);
    (world, hand, log)
}

#[test]
fn a_page_that_cannot_be_read_is_tried_again_with_growing_pauses_and_said_once() {
    let (world, mut hand, log) = filled();
    log.index_failures.store(10, Ordering::SeqCst);
    hand.consume("q", AUTOMATIC).expect("attached");
    let ((came, pauses), lines) = logged(|| drain(&world, &mut hand));
    let expected = [0, 50, 100, 200, 400, 800, 1600, 3200, 6400, PAGE_IN_PAUSE_MAX_MS];
    assert_eq!(pauses[..10], expected);
    assert_eq!((pauses[10], pauses[11]), (PAGE_IN_PAUSE_MAX_MS, 0), "the next page is a new one");
    assert_eq!(came, (0..MESSAGES).collect::<Vec<_>>());
    let about = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(about("cannot be read back from disk; it waits"), 1, "{lines:?}");
    assert_eq!(about("can be read back from disk again"), 1, "{lines:?}");
}

#[test]
fn bodies_that_cannot_be_read_are_waited_for_and_then_left_to_whoever_is_given_them() {
    let (world, mut hand, log) = filled();
    hand.consume("q", MANUAL).expect("attached");
    log.read_failures.store(3, Ordering::SeqCst);
    let (_, pauses) = drain(&world, &mut hand);
    assert_eq!(pauses[..3], [0, 50, 0], "several bodies of one page, and the next page");
    let (world, mut hand, log) = filled();
    log.read_failures.store(usize::MAX, Ordering::SeqCst);
    hand.consume("q", MANUAL).expect("attached");
    for job in (0..20).flat_map(|_| world.noted.take()) {
        job.run();
    }
    log.read_failures.store(0, Ordering::SeqCst);
    assert_eq!(drain(&world, &mut hand).0, (0..MESSAGES).collect::<Vec<_>>(), "no body was lost");
}

#[test]
fn a_damaged_message_in_a_page_costs_that_message_only() {
    let (world, mut hand, log) = filled();
    let damaged = u64::from(PAGING_WINDOW_MESSAGES) + 5;
    log.damage([damaged + 1]);
    hand.consume("q", AUTOMATIC).expect("attached");
    let ((came, _), lines) = logged(|| drain(&world, &mut hand));
    assert_eq!(came, (0..MESSAGES).filter(|number| *number != damaged).collect::<Vec<_>>());
    let said: Vec<_> = lines.iter().filter(|line| line.starts_with("ERROR")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    for word in ["queue=q", &format!("message={}", damaged + 1), "a.segment", "byte 7"] {
        assert!(said[0].contains(word), "{word}: {said:?}");
    }
    assert_eq!(hand.lost("q"), 1);
    let left: u64 = log.queues().iter().map(|queue| queue.messages).sum();
    assert_eq!(left, 0, "the log need not keep it");
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

#[test]
fn messages_that_the_index_lost_are_counted_and_the_queue_goes_on() {
    let (world, mut hand, log) = filled();
    let first = u64::from(PAGING_WINDOW_MESSAGES) + 100;
    log.lose(first + 1..first + 11);
    hand.consume("q", AUTOMATIC).expect("attached");
    let ((came, _), lines) = logged(|| drain(&world, &mut hand));
    let kept = (0..MESSAGES).filter(|number| !(first..first + 10).contains(number));
    assert_eq!(came, kept.collect::<Vec<_>>());
    let said: Vec<_> = lines.iter().filter(|line| line.contains("are lost")).collect();
    assert_eq!(said.len(), 1, "{lines:?}");
    assert!(said[0].contains("messages=10") && said[0].contains("queue=q"), "{said:?}");
    assert_eq!(hand.lost("q"), 10);
    fill(&world, &mut hand, 0..3);
    assert_eq!(
        drain(&world, &mut hand).0,
        Vec::<u64>::new(),
        "they came while the queue was filled"
    );
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

/// A short queue with messages away: what comes then may have to follow them.
#[test]
fn transient_messages_behind_a_restart_are_not_lost_when_they_go_away() {
    let (storage, _log) = FaultyLog::storage();
    let before = World::stored(storage.clone());
    let mut hand = before.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    hand.publish_persistent("q", b"0").expect("routed");
    hand.flush();
    before.noted.run_all();
    std::mem::forget(hand);
    let world = World::stored(storage);
    let mut hand = world.connect();
    let messages = u64::from(PAGING_WINDOW_MESSAGES) + 2 * SPILL_MESSAGES_MIN;
    fill(&world, &mut hand, 1..messages);
    hand.consume("q", AUTOMATIC).expect("attached");
    assert_eq!(drain(&world, &mut hand).0, (0..messages).collect::<Vec<_>>());
    assert_eq!(hand.lost("q"), 0);
}

/// The log says how many messages there are, and only about where they end.
#[test]
fn a_restarted_queue_whose_newest_message_was_settled_ends_with_its_last_message() {
    let (storage, log) = FaultyLog::storage();
    let before = World::stored(storage.clone());
    let mut hand = before.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    for number in 0..3 {
        hand.publish_persistent("q", format!("{number}").as_bytes()).expect("routed");
    }
    hand.flush();
    before.noted.run_all();
    std::mem::forget(hand);
    let queue = log.queues()[0].number;
    log.submit(Submission {
        entries: vec![Entry::Settle { queue, runs: vec![(MessageId(3), MessageId(3))] }],
        durable: false,
        atomic: false,
        done: None,
    });
    let world = World::stored(storage);
    let mut hand = world.connect();
    hand.consume("q", MANUAL).expect("attached");
    assert_eq!(drain(&world, &mut hand).0, [0, 1]);
    let counted = hand.declare_with("q", |declare| declare.passive = true);
    let none = Answered::Declared { queue: name("q"), messages: 0, consumers: 1 };
    assert_eq!(counted, Ok(none));
    assert_eq!(hand.lost("q"), 0);
}

#[test]
fn a_page_is_as_large_as_its_bodies_let_it_be_and_every_body_comes_along() {
    let (storage, log) = FaultyLog::storage();
    let world = World::stored(storage);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let body = vec![b'x'; usize::try_from(PAGE_IN_BODY_BYTES_MAX).expect("small") / 100];
    let messages = 2 * u64::from(PAGING_WINDOW_MESSAGES) + 8 * 1024;
    let mut sent = 0;
    while sent < messages {
        for _ in 0..500 {
            hand.publish("q", &body).expect("routed");
        }
        sent += 500;
        hand.flush();
        world.noted.run_all();
        hand.events();
    }
    hand.consume("q", AUTOMATIC).expect("attached");
    let (mut came, mut most) = (0, 0);
    loop {
        let events = hand.events();
        came += deliveries(&events).len() as u64;
        let jobs = world.noted.take();
        if jobs.is_empty() && events.is_empty() {
            break;
        }
        for job in jobs {
            log.reads.store(0, Ordering::SeqCst);
            let is_page = matches!(job, Job::PageIn(..));
            job.run();
            if is_page {
                most = most.max(log.reads.load(Ordering::SeqCst));
            }
        }
    }
    assert_eq!(came, sent);
    let fitting =
        usize::try_from(crate::base::limits::PAGE_IN_BYTES_MAX).expect("small") / body.len();
    assert!((1..=fitting).contains(&most), "{most} bodies in one page");
}

/// A queue of large bodies, the older of which are in RAM.
fn filled_with_large(world: &World, hand: &mut Hand) -> usize {
    hand.declare("q").expect("declared");
    let body = vec![b'x'; 512 * 1024];
    for _ in 0..32 {
        hand.publish("q", &body).expect("routed");
        hand.flush();
        world.noted.run_all();
        hand.events();
    }
    32
}

fn until_read(events: &[Event]) -> Vec<(QueueId, MessageId)> {
    let held = |event: &Event| match event {
        Event::Deliver(delivery) if delivery.until_read => Some((delivery.queue, delivery.id)),
        _ => None,
    };
    events.iter().filter_map(held).collect()
}

#[test]
fn without_acks_a_body_on_disk_is_read_by_its_session_and_settled_then() {
    let (storage, log) = FaultyLog::storage();
    let world = World::stored(storage);
    let (mut publisher, mut hand) = (world.connect(), world.connect());
    let messages = filled_with_large(&world, &mut publisher);
    hand.consume("q", AUTOMATIC).expect("attached");
    world.noted.run_all();
    assert_eq!(log.reads.load(Ordering::SeqCst), 0, "no disk is read while the queue is driven");
    let (mut came, mut cold) = (0, 0);
    while came < messages {
        let events = hand.events();
        let read = until_read(&events);
        came += deliveries(&events).len();
        cold += read.len();
        assert!(!events.is_empty(), "stuck after {came}");
        for (queue, id) in read {
            let stored: u64 = log.queues().iter().map(|queue| queue.messages).sum();
            assert!(stored > 0, "nobody says that it was read");
            hand.client.settle(hand.holder, queue, Settlement::Ack, vec![(id, id)]);
        }
        hand.flush();
        world.noted.run_all();
    }
    assert!(cold > 0, "some were not in RAM");
    assert_eq!(log.reads.load(Ordering::SeqCst), cold);
    assert_eq!(log.queues().iter().map(|queue| queue.messages).sum::<u64>(), 0);
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

#[test]
fn without_acks_what_a_session_did_not_read_before_its_end_goes_back() {
    let (storage, _log) = FaultyLog::storage();
    let world = World::stored(storage);
    let (mut publisher, mut gone) = (world.connect(), world.connect());
    let messages = filled_with_large(&world, &mut publisher);
    gone.consume("q", AUTOMATIC).expect("attached");
    world.noted.run_all();
    let mut in_ram = 0;
    loop {
        let events = gone.events();
        assert!(!events.is_empty(), "some are not in RAM");
        in_ram += deliveries(&events).len() - until_read(&events).len();
        if !until_read(&events).is_empty() {
            break;
        }
    }
    drop(gone);
    let counted = publisher.declare_with("q", |declare| declare.passive = true);
    let Ok(Answered::Declared { messages: left, .. }) = counted else { panic!("{counted:?}") };
    let left = usize::try_from(left).expect("a few");
    assert_eq!(left + in_ram, messages, "{left} are left");
}
