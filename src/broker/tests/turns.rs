//! Turns of a cell: budgets, held consumers, the alarm, and many at once.

use std::thread;

use super::world::{AUTOMATIC, Job, MANUAL, World, deliveries};
use crate::access::Permissions;
use crate::base::limits::{DELIVER_BURST_MESSAGES, DRIVE_BURSTS_MAX, INBOX_HIGH_WATER_BYTES};
use crate::broker::Event;

#[test]
fn a_long_queue_is_handed_out_in_turns_that_a_task_of_its_own_continues() {
    let world = World::new();
    let (mut publisher, mut consumer) = (world.connect(), world.connect());
    publisher.declare("q").expect("declared");
    let messages = DELIVER_BURST_MESSAGES * (DRIVE_BURSTS_MAX + 2);
    for _ in 0..messages {
        publisher.publish("q", b"").expect("routed");
    }
    publisher.flush();
    consumer.consume("q", MANUAL).expect("attached");
    let first = deliveries(&consumer.events()).len();
    assert!(first < messages, "one drive must not hand out {messages} messages");
    let mut rest = 0;
    loop {
        let jobs = world.noted.take();
        if jobs.is_empty() {
            break;
        }
        jobs.into_iter().for_each(Job::run);
        rest += deliveries(&consumer.events()).len();
    }
    assert_eq!(first + rest, messages);
}

#[test]
fn a_consumer_that_does_not_drain_is_held_and_goes_on_after_it_has() {
    let world = World::new();
    let (mut publisher, mut slow) = (world.connect(), world.connect());
    publisher.declare("q").expect("declared");
    slow.consume("q", AUTOMATIC).expect("attached");
    let body = vec![0; 64 * 1024];
    let messages = 10 * INBOX_HIGH_WATER_BYTES / body.len();
    for _ in 0..messages {
        publisher.publish("q", &body).expect("routed");
        publisher.flush();
    }
    let mut got = deliveries(&slow.events()).len();
    let bytes = got * body.len();
    assert!(bytes <= 2 * INBOX_HIGH_WATER_BYTES, "{bytes} bytes waited for a slow reader");
    while got < messages {
        let more = deliveries(&slow.events()).len();
        assert_ne!(more, 0, "stuck after {got} of {messages}");
        got += more;
    }
}

#[test]
fn the_memory_alarm_goes_on_at_the_watermark_and_off_when_the_queue_is_drained() {
    let world = World::with(Permissions::everything(), 1_000_000);
    let mut hand = world.connect();
    let alarms = |events: &[Event]| -> Vec<Option<&'static str>> {
        let reason = |event: &Event| match event {
            Event::Alarm { reason } => Some(*reason),
            _ => None,
        };
        events.iter().filter_map(reason).collect()
    };
    hand.declare("q").expect("declared");
    let body = vec![0; 100_000];
    for _ in 0..11 {
        hand.publish("q", &body).expect("routed");
        hand.flush();
    }
    assert_eq!(alarms(&hand.events()), [Some("low on memory")]);
    let mut late = world.connect();
    assert_eq!(alarms(&late.events()), [Some("low on memory")], "a new connection is told too");
    hand.delete("q").expect("deleted");
    assert_eq!(alarms(&late.events()), [None]);
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

#[test]
fn publishers_on_many_threads_lose_nothing_and_keep_their_order() {
    const PUBLISHERS: usize = 4;
    const MESSAGES: usize = 2_000;
    let world = World::new();
    let mut consumer = world.connect();
    consumer.declare("q").expect("declared");
    consumer.consume("q", AUTOMATIC).expect("attached");
    let hands: Vec<_> = (0..PUBLISHERS).map(|_| world.connect()).collect();
    let threads: Vec<_> = hands
        .into_iter()
        .enumerate()
        .map(|(number, mut hand)| {
            thread::spawn(move || {
                for count in 0..MESSAGES {
                    let body = format!("{number} {count}");
                    hand.publish("q", body.as_bytes()).expect("routed");
                    hand.flush();
                }
            })
        })
        .collect();
    let mut next = [0; PUBLISHERS];
    let mut got = 0;
    while got < PUBLISHERS * MESSAGES {
        world.noted.run_all();
        for (body, _) in deliveries(&consumer.events()) {
            let text = String::from_utf8(body).expect("a body of ours");
            let (number, count) = text.split_once(' ').expect("two numbers");
            let number: usize = number.parse().expect("a number");
            assert_eq!(count.parse(), Ok(next[number]), "publisher {number} is out of order");
            next[number] += 1;
            got += 1;
        }
        thread::yield_now();
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
}
