//! What counts as handed out after a restart (I10).

use std::io::IoSlice;

use super::world::{World, open};
use crate::base::MessageId;
use crate::store::segment_log::Engine;
use crate::store::{CrashImage, Entry, FileLayer as _, IndexEntry, Mark, QueueNumber, Submission};

#[test]
fn deliveries_are_counted_over_a_restart() {
    let mut world = World::new();
    world.publish(1, 3, 10);
    let runs = vec![(MessageId(1), MessageId(2))];
    for _ in 0..2 {
        let (queue, mark) = (QueueNumber(1), Mark::HandedOut);
        let delivered = Entry::Delivered { queue, mark, runs: runs.clone() };
        let submission =
            Submission { entries: vec![delivered], durable: false, atomic: false, done: None };
        world.run(vec![submission]);
    }
    world.restart();
    let shared = &world.engine.shared;
    let entries = shared.index().entries(&shared.files, QueueNumber(1), MessageId(0), 10);
    let entries = entries.expect("the index can be read");
    assert_eq!(entries.iter().map(|entry| entry.deliveries).collect::<Vec<_>>(), [2, 2, 0]);
    assert!(entries[0].redelivered() && !entries[2].redelivered());
}

/// Attempts that failed are counted apart, in records and in pages, and outlive a move to another segment.
#[test]
fn failed_attempts_are_counted_over_restarts_and_crashes() {
    let mut world = World::new();
    world.publish(1, 4, 10);
    let mark = |mark, first, last| {
        let runs = vec![(MessageId(first), MessageId(last))];
        let entries = vec![Entry::Delivered { queue: QueueNumber(1), mark, runs }];
        Submission { entries, durable: false, atomic: false, done: None }
    };
    world.run(vec![mark(Mark::HandedOut, 1, 3), mark(Mark::Failed, 2, 3)]);
    world.run(vec![mark(Mark::HandedOut, 3, 3), mark(Mark::Failed, 3, 3)]);
    let counts = |engine: &Engine| -> Vec<_> {
        let shared = &engine.shared;
        let entries = shared.index().entries(&shared.files, QueueNumber(1), MessageId(0), 10);
        let entries = entries.expect("the index can be read");
        entries.iter().map(|entry| (entry.deliveries, entry.failures)).collect()
    };
    world.restart();
    assert_eq!(counts(&world.engine), [(1, 0), (1, 1), (2, 2), (0, 0)], "from a checkpoint");
    world.run(vec![mark(Mark::HandedOut, 4, 4), mark(Mark::Failed, 4, 4)]);
    world.publish(1, 1, 10);
    world
        .crash(CrashImage::Lost, "with one more that failed, and a group that was synced after it");
    assert_eq!(counts(&world.engine)[..4], [(1, 0), (1, 1), (2, 2), (1, 1)], "from a replay");
}

fn redelivered(engine: &Engine) -> Vec<bool> {
    let shared = &engine.shared;
    let entries = shared.index().entries(&shared.files, QueueNumber(1), MessageId(0), 1000);
    entries.expect("the index can be read").iter().map(IndexEntry::redelivered).collect()
}

/// I10: what was handed out just before the end is not in the log, so nobody can say which it was.
#[test]
fn after_an_unclean_end_every_message_may_have_been_handed_out() {
    for image in [CrashImage::Kept, CrashImage::Lost] {
        let mut world = World::new();
        world.publish(1, 3, 10);
        world.restart();
        assert_eq!(redelivered(&world.engine), [false; 3], "a clean stop knows it exactly");
        // Nothing was written since the clean stop, and still they may have been handed out.
        world.crash(image, "after a clean stop");
        assert_eq!(redelivered(&world.engine), [true; 3]);
        world.publish(1, 2, 10);
        let mixed = [true, true, true, false, false];
        assert_eq!(redelivered(&world.engine), mixed);
        // It stays true of them over any number of clean stops, with nothing written in between too.
        for _ in 0..2 {
            world.restart();
            assert_eq!(redelivered(&world.engine), mixed);
        }
    }
}

#[test]
fn a_crash_and_a_clean_stop_without_anything_in_between_mark_what_is_there() {
    let mut world = World::new();
    world.publish(1, 3, 10);
    world.restart();
    world.crash(CrashImage::Kept, "with a checkpoint as its last record");
    world.restart();
    assert_eq!(redelivered(&world.engine), [true; 3]);
}

#[test]
fn the_note_of_a_clean_stop_counts_for_the_log_that_it_was_written_for() {
    let mut world = World::new();
    world.publish(1, 3, 10);
    world.engine.close().expect("it can be closed");
    let note = world.layer.bytes_of("clean-stop").expect("it is there");
    let (engine, _) = open(&world.layer, world.options).expect("it opens");
    assert!(world.layer.bytes_of("clean-stop").is_none(), "it is true no more");
    world.engine = engine;
    world.publish(1, 3, 10);
    // Somebody who does not know of notes leaves an old one there.
    let file = world.layer.create("clean-stop", note.len() as u64).expect("there is room");
    file.write_at(&mut [IoSlice::new(&note)], 0).expect("it can be written");
    let (engine, recovered) = open(&world.layer, world.options).expect("it opens");
    assert!(recovered.unclean);
    assert_eq!(redelivered(&engine), [true; 6]);
}

#[test]
fn a_message_that_is_handed_out_while_it_waits_for_space_comes_back_marked() {
    for atomic in [false, true] {
        let mut world = World::new();
        world.publish(1, 1, 10);
        world.layer.set_capacity(Some(0));
        // More than a segment: there is room for most of them only when there is space again.
        for _ in 0..40 {
            let entries = world.message(&[1], 3000);
            let submission = world.submission(entries, true, atomic);
            world.run(vec![submission]);
        }
        assert!(world.confirmed() < 30, "{}", world.confirmed());
        let runs = vec![(MessageId(35), MessageId(36)), (MessageId(36), MessageId(36))];
        let delivered = |mark| Entry::Delivered { queue: QueueNumber(1), mark, runs: runs.clone() };
        let entries = vec![delivered(Mark::HandedOut), delivered(Mark::Failed)];
        world.run(vec![Submission { entries, durable: false, atomic, done: None }]);
        let written = world.layer.written_bytes();
        world.tick(1);
        world.tick(2);
        assert_eq!(world.layer.written_bytes(), written, "the fact is not written again and again");
        world.layer.set_capacity(None);
        world.tick(3);
        world.restart();
        let shared = &world.engine.shared;
        let entries = shared.index().entries(&shared.files, QueueNumber(1), MessageId(34), 4);
        let entries = entries.expect("it can be read");
        let counts: Vec<_> = entries.iter().map(|it| (it.deliveries, it.failures)).collect();
        assert_eq!(counts, [(0, 0), (1, 1), (2, 2), (0, 0)], "atomic: {atomic}");
    }
}
