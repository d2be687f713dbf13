//! The disk comes back.

use super::world::World;
use crate::store::{CrashImage, Entry, QueueNumber, Submission};

#[test]
fn one_old_message_and_many_settled_ones_leave_a_few_segments() {
    let mut world = World::new();
    world.publish(1, 1, 1000);
    for round in 0..300 {
        world.publish(1, 20, 1000);
        let ids = world.waiting(1);
        world.submit(vec![World::settle(1, &ids[1..])]);
        if round % 50 == 0 {
            world.tick(round);
        }
    }
    for now in 300..306 {
        world.tick(now);
    }
    // Six million bytes went through segments of 64 KiB.
    assert!(world.layer.written_bytes() > 6_000_000);
    assert!(world.segments() <= 8, "{} segments", world.segments());
    assert_eq!(world.found().into_keys().collect::<Vec<_>>(), [(1, 1)]);
    world.restart();
    assert!(world.segments() <= 5, "{} segments after a restart", world.segments());
    assert_eq!(world.found().into_keys().collect::<Vec<_>>(), [(1, 1)]);
}

#[test]
fn few_survivors_in_every_segment_are_rewritten() {
    let mut world = World::new();
    for _ in 0..100 {
        world.publish(1, 20, 1000);
        let ids = world.waiting(1);
        // The newest of these is kept, nineteen go.
        let settled: Vec<u64> = ids.iter().rev().skip(1).take(19).copied().collect();
        world.submit(vec![World::settle(1, &settled)]);
    }
    for now in 0..10 {
        world.tick(now);
    }
    assert_eq!(world.found().len(), 100);
    // A hundred thousand bytes wait.
    assert!(world.segments() <= 12, "{} segments", world.segments());
    world.reopen_after(CrashImage::Lost, "after rewriting");
}

#[test]
fn a_queue_that_is_settled_at_once_writes_no_pages() {
    let mut world = World::new();
    for _ in 0..200 {
        world.publish(1, 30, 10);
        let ids = world.waiting(1);
        world.submit(vec![World::settle(1, &ids)]);
    }
    // 6,000 messages of about 100 bytes with their settles, and a few checkpoints.
    let written = world.layer.written_bytes();
    assert!(written < 6000 * 130, "{written} bytes were written");
}

#[test]
fn a_long_queue_is_drained_in_order_from_pages() {
    let mut world = World::new();
    for _ in 0..100 {
        world.publish(1, 100, 10);
    }
    assert!(world.engine.shared.index().ram_slots() < 1500);
    let mut drained = Vec::new();
    for _ in 0..20 {
        let shared = std::sync::Arc::clone(&world.engine.shared);
        let from = crate::base::MessageId(0);
        let entries = shared.index().entries(&shared.files, QueueNumber(1), from, 500);
        let ids: Vec<u64> =
            entries.expect("the index can be read").iter().map(|entry| entry.id.0).collect();
        drained.extend(ids.iter().copied());
        world.submit(vec![World::settle(1, &ids)]);
        assert!(shared.index().ram_slots() < 3000);
    }
    assert_eq!(drained, (1..=10_000).collect::<Vec<_>>());
    for now in 0..4 {
        world.tick(now);
    }
    assert!(world.segments() <= 8, "{} segments", world.segments());
}

#[test]
fn dropping_a_long_queue_gives_its_segments_back() {
    let mut world = World::new();
    for _ in 0..50 {
        world.publish(1, 100, 500);
    }
    world.publish(2, 1, 10);
    let before = world.segments();
    let entries = vec![Entry::DropQueue { queue: QueueNumber(1) }];
    world.run(vec![Submission { entries, durable: true, atomic: false, done: None }]);
    world.tick(1);
    assert!(before > 30 && world.segments() <= 6, "{before}, then {}", world.segments());
}
