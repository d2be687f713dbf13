//! Turns of a cell: budgets, held consumers, the alarm, and many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};
use std::thread;

use super::world::{AUTOMATIC, Job, MANUAL, World, deliveries};
use crate::base::Millis;
use crate::base::limits::{DELIVER_BURST_MESSAGES, DRIVE_BURSTS_MAX, INBOX_HIGH_WATER_BYTES};
use crate::broker::Envelope;
use crate::broker::{Cell, Event, Inbox};
use crate::queue::{Command, RequestId};

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

/// C2: who cannot have the core relies on its holder, also when that only looks.
#[test]
fn what_comes_while_somebody_looks_at_a_queue_is_worked_off_after_the_look() {
    let world = World::new();
    let (mut publisher, mut consumer) = (world.connect(), world.connect());
    publisher.declare("q").expect("declared");
    consumer.consume("q", AUTOMATIC).expect("attached");
    let cell = publisher.cell("q");
    cell.look(|_| {
        publisher.publish("q", b"meanwhile").expect("routed");
        publisher.flush();
    });
    world.noted.run_all();
    assert_eq!(deliveries(&consumer.events()).len(), 1, "nobody else comes to drive it");
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
    let world = World::with(&[], 1_000_000);
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

/// Asks the queue again whenever it has answered, up to a number of times.
struct AsksAgain {
    cell: Arc<Cell>,
    inbox: Arc<Inbox>,
    asked: AtomicUsize,
}

const ASKED_MAX: usize = 1_000;

impl Wake for AsksAgain {
    fn wake(self: Arc<Self>) {
        if self.asked.fetch_add(1, Ordering::Relaxed) < ASKED_MAX {
            self.listen();
            let request = RequestId(0);
            let inbox = Arc::clone(&self.inbox);
            let command = Command::Inspect { request };
            self.cell.enqueue(Envelope::Ask { command, request, inbox });
        }
    }
}

impl AsksAgain {
    fn listen(self: &Arc<Self>) {
        let (mut events, mut held) = (Vec::new(), Vec::new());
        self.inbox.take(&mut events, &mut held);
        let waker = Arc::clone(self).into();
        assert!(self.inbox.poll_filled(&mut Context::from_waker(&waker)).is_pending());
    }
}

#[test]
fn a_drive_ends_although_others_bring_more_all_the_time() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let cell = hand.client.vhost().table().queue("q").cloned().expect("it is there");
    let inbox = Arc::new(Inbox::new());
    let waker = Arc::new(AsksAgain { cell, inbox, asked: AtomicUsize::new(0) });
    waker.listen();
    waker.wake_by_ref();
    waker.cell.drive(Millis(0));
    let asked = waker.asked.load(Ordering::Relaxed);
    assert!(asked > 1 && asked <= DRIVE_BURSTS_MAX + 2, "{asked} turns in one drive");
    let jobs = world.noted.take();
    assert_eq!(jobs.len(), 1, "the rest is scheduled");
    jobs.into_iter().for_each(Job::run);
    assert!(waker.asked.load(Ordering::Relaxed) > asked, "and goes on from there");
}
