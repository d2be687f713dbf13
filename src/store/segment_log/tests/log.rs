//! What the log does when nothing goes wrong.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::world::{World, message_with, open, small_options};
use crate::base::{MessageId, Millis};
use crate::store::format::{DATA_START, Kind};
use crate::store::segment_log::{Engine, Item, Scanner};
use crate::store::{
    CrashImage, DiskLayer, EnqueueOptions, Entry, FileLayer as _, Lifetime, LogError, LogOptions,
    MessageLog, Position, QueueNumber, SegmentLog, SimulatedLayer, Stored, Submission,
};

#[test]
fn what_was_confirmed_is_there_after_a_clean_stop() {
    let mut world = World::new();
    world.publish(1, 50, 300);
    world.publish(2, 3, 40_000);
    let ids = world.waiting(1);
    world.submit(vec![World::settle(1, &ids[10..20])]);
    world.restart();
    assert_eq!(world.found().len(), 43);
    assert_eq!(world.recovered.replayed_records, 0, "there is nothing behind the checkpoint");
}

#[test]
fn a_start_from_a_checkpoint_and_a_full_scan_give_the_same() {
    let options = LogOptions { segment_bytes: 1 << 20, ..small_options() };
    let mut world = World::with(SimulatedLayer::new(), options);
    for round in 0..30 {
        world.publish(round % 3, 20, 150);
        let ids = world.waiting(round % 3);
        let settled: Vec<u64> = ids.iter().copied().filter(|id| id % 3 == round % 3).collect();
        world.submit(vec![World::settle(round % 3, &settled)]);
    }
    let state = |engine: &Engine| {
        let shared = &engine.shared;
        let queues = shared.index().summaries();
        let entries: Vec<_> = queues
            .iter()
            .map(|queue| {
                let (from, all) = (MessageId(0), usize::MAX);
                let entries = shared.index().entries(&shared.files, queue.number, from, all);
                entries.expect("the index can be read")
            })
            .collect();
        (queues, entries)
    };
    let mut expected = state(&world.engine);
    // Neither of both is a clean stop, so the messages may have been handed out.
    expected.1.iter_mut().flatten().for_each(|entry| entry.deliveries = 1);
    assert_eq!(expected.0.iter().map(|queue| queue.next_id.0).collect::<Vec<_>>(), [201; 3]);
    let scanned = world.reopen_after(CrashImage::Kept, "without a checkpoint").1;
    assert_eq!(state(&scanned), expected);
    world.engine.checkpoint().expect("there is room");
    world.engine.sync().expect("it can be synced");
    let (engine, recovered) = open(&world.layer, world.options).expect("it opens");
    assert_eq!(recovered.replayed_records, 0);
    assert_eq!(state(&engine), expected);
}

#[test]
fn a_body_for_many_queues_is_written_once() {
    let options = LogOptions { segment_bytes: 1 << 20, ..small_options() };
    let mut world = World::with(SimulatedLayer::new(), options);
    world.publish(1, 1, 10);
    let before = world.layer.written_bytes();
    let entries = world.message(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10_000);
    // As a broker does: every queue submits for itself.
    let submissions: Vec<Submission> =
        entries.into_iter().map(|entry| world.submission(vec![entry], true, false)).collect();
    world.run(submissions);
    let written = world.layer.written_bytes() - before;
    assert!((10_000..11_000).contains(&written), "{written} bytes were written");
    assert_eq!(world.found().len(), 11);
    world.restart();
    assert_eq!(world.found().len(), 11);
}

#[test]
fn a_message_that_is_settled_before_the_write_is_not_written() {
    let mut world = World::new();
    world.publish(1, 1, 10);
    let before = world.layer.written_bytes();
    let entries = world.message(&[1], 5000);
    let enqueue = world.submission(entries, true, false);
    let settle = world.submission(vec![World::settle(1, &[2])], false, false);
    world.run(vec![enqueue, settle]);
    assert_eq!(world.layer.written_bytes(), before);
    assert_eq!(world.confirmed(), 2, "the ticket is completed all the same");
    world.restart();
    assert_eq!(world.engine.shared.index().summaries()[0].next_id, MessageId(3));
}

#[test]
fn a_cancelled_message_of_one_queue_stays_in_the_others() {
    let mut world = World::new();
    let entries = world.message(&[1, 2], 500);
    let enqueue = world.submission(entries, true, false);
    let settle = world.submission(vec![World::settle(1, &[1])], true, false);
    world.run(vec![enqueue, settle]);
    assert_eq!(world.found().into_keys().collect::<Vec<_>>(), [(2, 1)]);
}

#[test]
fn messages_of_the_process_do_not_come_back() {
    let mut world = World::new();
    world.publish(1, 1, 10);
    let options = EnqueueOptions { expires_unix_ms: Some(7), lifetime: Lifetime::Process };
    let (queue, id, message) = (QueueNumber(1), MessageId(2), message_with(b"of the process"));
    let entry = Entry::Enqueue { queue, id, message, options };
    world.engine.run(vec![Submission {
        entries: vec![entry],
        durable: false,
        atomic: false,
        done: None,
    }]);
    assert_eq!(world.engine.shared.index().summaries()[0].messages, 2);
    world.engine.close().expect("it can be closed");
    let (engine, recovered) = open(&world.layer, world.options).expect("it opens again");
    assert_eq!(recovered.queues[0].messages, 1);
    assert_eq!(engine.shared.index().summaries()[0].next_id, MessageId(3));
}

#[test]
fn a_dropped_queue_is_gone_with_everything_in_it() {
    let mut world = World::new();
    world.publish(1, 100, 1000);
    world.publish(2, 1, 10);
    world.submit(vec![Entry::DropQueue { queue: QueueNumber(1) }]);
    world.restart();
    let queues = &world.recovered.queues;
    assert_eq!(queues.iter().map(|queue| queue.number.0).collect::<Vec<_>>(), [2]);
    let unknown: Vec<_> = world.recovered.unknown_queues(|number| number.0 != 2).collect();
    assert_eq!(unknown.len(), 1);
}

#[test]
fn entries_are_read_by_range_of_ids() {
    let mut world = World::new();
    for _ in 0..30 {
        world.publish(1, 100, 20);
    }
    let shared = Arc::clone(&world.engine.shared);
    assert!(shared.index().ram_slots() < 2000, "only some pages stay in RAM");
    let read = |from, limit| {
        let entries = shared.index().entries(&shared.files, QueueNumber(1), MessageId(from), limit);
        let entries = entries.expect("the index can be read");
        (entries.first().map(|entry| entry.id.0), entries.last().map(|entry| entry.id.0))
    };
    assert_eq!(read(0, 1024), (Some(1), Some(1024)));
    assert_eq!(read(1025, 1024), (Some(1025), Some(2048)));
    assert_eq!(read(2990, 1024), (Some(2990), Some(3000)));
    assert_eq!(read(3001, 10), (None, None));
}

#[test]
fn a_large_message_gets_a_segment_that_holds_it() {
    let mut world = World::new();
    world.publish(1, 1, 10);
    world.publish(1, 1, 1_000_000);
    world.publish(1, 1, 10);
    world.restart();
    assert_eq!(world.found().len(), 3);
}

fn submit(log: &SegmentLog, entries: Vec<Entry>) -> Result<Vec<Option<Position>>, LogError> {
    let (answer, answered) = channel();
    let done: crate::store::LogDone = Box::new(move |result| {
        answer.send(result.map(|written| written.positions)).expect("the test waits");
    });
    log.submit(Submission { entries, durable: true, atomic: false, done: Some(done) });
    answered.recv().expect("a ticket is completed")
}

#[test]
fn the_log_on_a_real_disk_keeps_what_it_confirmed() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let layer = Arc::new(DiskLayer::create(folder.path()).expect("it can be created"));
    let (queue, options) = (QueueNumber(1), EnqueueOptions::default());
    let bodies: Vec<Vec<u8>> = (0..200u8).map(|n| vec![n; 1 + usize::from(n) * 200]).collect();
    let open = || {
        SegmentLog::open(layer.clone(), LogOptions::with_salt(1), Box::new(|_| {}))
            .expect("it opens")
    };
    let (log, _) = open();
    let entry = |(at, body): (usize, &Vec<u8>)| Entry::Enqueue {
        queue,
        id: MessageId(at as u64 + 1),
        message: message_with(body),
        options,
    };
    let positions = submit(&log, bodies.iter().enumerate().map(entry).collect());
    let positions = positions.expect("it is written");
    let stored: Vec<Stored> = positions
        .iter()
        .enumerate()
        .map(|(at, position)| Stored {
            queue,
            id: MessageId(at as u64 + 1),
            position: position.expect("it was written"),
        })
        .collect();
    let check = |log: &SegmentLog| {
        for (answer, body) in log.read_many(&stored).into_iter().zip(&bodies) {
            assert_eq!(answer.expect("it is there").body().to_vec(), *body);
        }
    };
    check(&log);
    drop(log);
    let (log, recovered) = open();
    assert_eq!(recovered.queues[0].messages, 200);
    check(&log);
    log.tick(Millis(1));
    log.close().expect("it can be closed");
    assert!(matches!(submit(&log, Vec::new()), Err(LogError::Closed)));
    let (log, recovered) = open();
    assert_eq!(recovered.replayed_records, 0);
    let runs = vec![(MessageId(1), MessageId(199))];
    submit(&log, vec![Entry::Settle { queue, runs }]).expect("it is written");
    assert!(matches!(log.read(&stored[0]), Err(LogError::Gone { .. }) | Ok(_)));
    let left = log.entries(queue, MessageId(0), 10).expect("the index can be read");
    assert_eq!(left.iter().map(|entry| entry.id.0).collect::<Vec<_>>(), [200]);
}

#[test]
fn tickets_are_completed_in_order_while_groups_form() {
    let layer = Arc::new(SimulatedLayer::new());
    let (log, _) =
        SegmentLog::open(layer.clone(), small_options(), Box::new(|_| {})).expect("it opens");
    let (answer, answered) = channel();
    for id in 1..=2000u64 {
        let answer = answer.clone();
        let done: crate::store::LogDone = Box::new(move |result| {
            assert!(result.is_ok());
            answer.send(id).expect("the test waits");
        });
        let (queue, options, message) =
            (QueueNumber(id % 5), EnqueueOptions::default(), message_with(&[7; 100]));
        let entries = vec![Entry::Enqueue { queue, id: MessageId(id), message, options }];
        log.submit(Submission { entries, durable: true, atomic: false, done: Some(done) });
    }
    let order: Vec<u64> = answered.iter().take(2000).collect();
    assert!(order.is_sorted());
    assert!(layer.syncs() < 2000, "groups were synced, not messages: {}", layer.syncs());
}

/// Replay forgets a page when it meets its record, as the writer did when it wrote it. So a start needs
/// no more RAM than the process before it, also when no checkpoint can be read.
#[test]
fn without_a_checkpoint_replay_needs_no_more_ram_than_the_writer_did() {
    let mut world = World::new();
    let mut most = 0;
    for _ in 0..600 {
        world.publish(1, 40, 60);
        most = most.max(world.engine.shared.index().ram_slots());
    }
    let total: u64 =
        world.engine.shared.index().summaries().iter().map(|queue| queue.messages).sum();
    assert!(total > 5 * most as u64, "{total} messages, {most} of them in RAM");
    let mut damaged = 0;
    for name in world.layer.list().expect("it can be listed") {
        let Some(number) = crate::store::format::segment_number(&name) else { continue };
        let Ok(segment) = world.engine.shared.files.segment(number) else { continue };
        let mut scanner = Scanner::new(&segment, DATA_START.into()).expect("it can be read");
        while let Ok(Item::Record { header, position, .. }) = scanner.next() {
            if header.kind == Kind::Checkpoint {
                world.layer.flip_bit(&name, position.offset as usize + 16);
                damaged += 1;
            }
        }
    }
    assert!(damaged > 3, "{damaged} checkpoints");
    let (engine, recovered) = open(&world.layer, world.options).expect("it opens");
    assert!(recovered.replayed_records > 600, "{}", recovered.replayed_records);
    let slots = engine.shared.index().ram_slots();
    assert!(slots <= 2 * most, "{slots} slots after replay, at most {most} before");
    world.verify(&engine, "without a checkpoint");
}
