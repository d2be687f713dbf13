//! Bits that turned, and ends that are missing.

use std::sync::Arc;

use super::world::{World, open, small_options};
use crate::base::MessageId;
use crate::store::format::{DATA_START, Kind, segment_name};
use crate::store::segment_log::{Item, Scanner};
use crate::store::{
    CrashImage, Dump, FileLayer, LogOptions, Pass, QueueNumber, SimulatedLayer, check,
};

/// The records of a segment: kind, offset, length.
fn records(layer: &SimulatedLayer, number: u32) -> Vec<(Kind, u64, u64)> {
    let files = crate::store::segment_log::SegmentFiles::new(Arc::new(layer.clone()));
    let segment = files.segment(number).expect("the segment is there");
    let mut scanner = Scanner::new(&segment, DATA_START.into()).expect("it can be read");
    let mut found = Vec::new();
    while let Ok(Item::Record { position, header, .. }) = scanner.next() {
        found.push((header.kind, position.offset.into(), position.length.into()));
    }
    found
}

fn one_segment() -> LogOptions {
    LogOptions { segment_bytes: 1 << 20, ..small_options() }
}

#[test]
fn a_turned_bit_costs_one_message_and_is_reported_with_its_place() {
    let mut world = World::with(SimulatedLayer::new(), one_segment());
    for _ in 0..20 {
        world.publish(1, 1, 300);
    }
    let enqueues: Vec<_> =
        records(&world.layer, 1).into_iter().filter(|(kind, ..)| *kind == Kind::Enqueue).collect();
    assert_eq!(enqueues.len(), 20);
    for (which, in_record) in [(3usize, 100u64), (5, 5), (7, 12), (9, 0)] {
        let (_, offset, _) = enqueues[which];
        let layer = world.layer.after_crash(CrashImage::Kept);
        let place = usize::try_from(offset + in_record).expect("a small number");
        layer.flip_bit(&segment_name(1), place);
        let (engine, recovered) = open(&layer, world.options).expect("it opens");
        assert_eq!(recovered.damages.len(), 1, "{:?}", recovered.damages);
        assert_eq!(recovered.damages[0].offset, offset);
        assert!(recovered.damages[0].file.ends_with(segment_name(1)));
        let entries =
            engine.shared.index().entries(&engine.shared.files, QueueNumber(1), MessageId(0), 100);
        let ids: Vec<u64> =
            entries.expect("the index can be read").iter().map(|entry| entry.id.0).collect();
        let expected: Vec<u64> = (1..=20).filter(|id| *id != which as u64 + 1).collect();
        assert_eq!(ids, expected);
    }
}

#[test]
fn a_turned_bit_behind_a_checkpoint_is_found_by_the_check() {
    let mut world = World::with(SimulatedLayer::new(), one_segment());
    for _ in 0..20 {
        world.publish(1, 1, 300);
    }
    let (_, offset, _) = records(&world.layer, 1)[9];
    world.restart();
    world.layer.flip_bit(&segment_name(1), usize::try_from(offset).expect("small") + 50);
    let mut told = Vec::new();
    let mut tell = |pass, done, all| told.push((pass, done, all));
    let report = check(Arc::new(world.layer.clone()), &mut tell).expect("it can be read");
    assert_eq!(report.damages.len(), 1);
    assert_eq!(report.damages[0].offset, offset);
    assert_eq!((report.messages, report.queues.len()), (20, 1));
    for pass in [Pass::Find, Pass::Replay, Pass::Check] {
        let last = told.iter().rev().find(|(of, _, _)| *of == pass);
        assert!(last.is_some_and(|(_, done, all)| done == all && *all > 0), "{pass:?}: {last:?}");
    }
    let layer = Arc::new(world.layer.clone());
    let dump = Dump::open(layer, QueueNumber(1), &mut |_, _, _| ()).expect("it can be read");
    let (good, bad): (Vec<_>, Vec<_>) = dump.partition(|(_, message)| message.is_ok());
    assert_eq!((good.len(), bad.len()), (19, 1));
    assert!(good.is_sorted_by_key(|(entry, _)| entry.id));
}

#[test]
fn a_truncated_tail_is_cut_without_a_word() {
    let mut world = World::with(SimulatedLayer::new(), one_segment());
    for _ in 0..5 {
        world.publish(1, 2, 300);
    }
    let all = records(&world.layer, 1);
    let (_, offset, length) = *all.last().expect("there are records");
    for bytes in [offset + 1, offset + 20, offset + length - 1] {
        let layer = world.layer.after_crash(CrashImage::Kept);
        let file = layer.open(&segment_name(1)).expect("it is there");
        file.resize(bytes).expect("it can be cut");
        let (_, recovered) = open(&layer, world.options).expect("it opens");
        assert_eq!(recovered.damages, []);
        assert!(recovered.cut.is_some());
        assert_eq!(recovered.queues[0].messages, 9);
        // The cut is done: nothing is left to be said the next time.
        let (_, recovered) = open(&layer, world.options).expect("it opens again");
        assert_eq!(recovered.cut, None);
        assert_eq!(recovered.queues[0].messages, 9);
    }
}

#[test]
fn a_damaged_header_of_a_segment_costs_nothing() {
    let mut world = World::with(SimulatedLayer::new(), one_segment());
    world.publish(1, 5, 300);
    for place in [3, 515] {
        let layer = world.layer.after_crash(CrashImage::Kept);
        layer.flip_bit(&segment_name(1), place);
        let (_, recovered) = open(&layer, world.options).expect("it opens");
        assert_eq!(recovered.queues[0].messages, 5);
        let report = check(Arc::new(layer), &mut |_, _, _| {}).expect("it can be read");
        assert_eq!(report.damages.len(), 1);
    }
}

#[test]
fn a_damaged_page_of_the_index_is_put_together_again() {
    let mut world = World::with(SimulatedLayer::new(), one_segment());
    world.publish(1, 100, 50);
    world.submit(vec![World::settle(1, &(1..=50).collect::<Vec<_>>())]);
    world.engine.close().expect("it can be closed");
    let pages: Vec<_> =
        records(&world.layer, 1).into_iter().filter(|(kind, ..)| *kind == Kind::Page).collect();
    assert_eq!(pages.len(), 1);
    let place = usize::try_from(pages[0].1).expect("a small number") + 40;
    world.layer.flip_bit(&segment_name(1), place);
    let (engine, recovered) = open(&world.layer, world.options).expect("it opens");
    assert_eq!(recovered.queues[0].messages, 50);
    let shared = &engine.shared;
    let entries = shared.index().entries(&shared.files, QueueNumber(1), MessageId(0), 1000);
    let ids: Vec<u64> = entries.expect("it is rebuilt").iter().map(|entry| entry.id.0).collect();
    // Better twice than never: the settled ones come back, and nothing is missing.
    assert_eq!(ids, (1..=100).collect::<Vec<_>>());
    assert_eq!(shared.files.damages().len(), 1);
}

#[test]
fn a_damaged_checkpoint_is_made_up_for_by_the_one_before() {
    let mut world = World::new();
    for round in 0..40 {
        world.publish(1, 10, 800);
        let ids = world.waiting(1);
        world.submit(vec![World::settle(1, &ids[..ids.len().min(9)])]);
        world.tick(round);
    }
    world.restart();
    let expected = world.found();
    let last = *world.engine.segments.sealed().keys().last().expect("there are segments");
    let checkpoints: Vec<_> = records(&world.layer, last)
        .into_iter()
        .filter(|(kind, ..)| *kind == Kind::Checkpoint)
        .collect();
    let place = usize::try_from(checkpoints.last().expect("one at least").1).expect("small") + 20;
    world.layer.flip_bit(&segment_name(last), place);
    let (engine, recovered) = open(&world.layer, world.options).expect("it opens");
    assert_eq!(recovered.lost_messages, 0);
    let summaries = engine.shared.index().summaries();
    assert_eq!(summaries[0].messages, expected.len() as u64);
    world.verify(&engine, "from an older checkpoint");
}

#[test]
fn a_segment_that_is_missing_is_said_and_the_rest_is_kept() {
    let mut world = World::new();
    for _ in 0..30 {
        world.publish(1, 10, 1000);
    }
    world.restart();
    world.layer.remove(&segment_name(2)).expect("it is there");
    let (engine, recovered) = open(&world.layer, world.options).expect("it opens");
    assert!(recovered.lost_messages > 40, "{}", recovered.lost_messages);
    let left = engine.shared.index().summaries()[0].messages;
    assert_eq!(left + recovered.lost_messages, 300);
}

#[test]
fn whichever_segment_is_missing_the_log_opens_and_keeps_the_rest() {
    let mut world = World::new();
    for _ in 0..60 {
        world.publish(1, 100, 20);
        let ids = world.waiting(1);
        let settled: Vec<u64> = ids.iter().copied().filter(|id| id % 7 == 0).collect();
        world.submit(vec![World::settle(1, &settled)]);
    }
    let names = world.layer.list().expect("it can be listed");
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let layer = world.layer.after_crash(CrashImage::Kept);
        layer.remove(&name).expect("it is there");
        let (engine, _) = open(&layer, world.options).expect("it opens");
        let shared = &engine.shared;
        let entries = shared.index().entries(&shared.files, QueueNumber(1), MessageId(0), 10_000);
        let found = entries.expect("the index can be read").len();
        // A segment of 64 KiB holds fewer than 600 of these.
        assert!(found > 5150 - 600, "{found} without {name}");
    }
}

#[test]
fn a_segment_of_another_version_is_not_touched() {
    let mut world = World::new();
    world.publish(1, 1, 10);
    let layer = world.layer.after_crash(CrashImage::Kept);
    let file = layer.open(&segment_name(1)).expect("it is there");
    for at in [0u64, 512] {
        let mut header = vec![0; 60];
        file.read_at(&mut header, at).expect("it can be read");
        header[8] = 2;
        let crc = crc32c::crc32c(&header).to_le_bytes();
        header.extend_from_slice(&crc);
        file.write_at(&mut [std::io::IoSlice::new(&header)], at).expect("it can be written");
    }
    let error = open(&layer, world.options).err().expect("it is refused");
    assert!(error.to_string().contains("format version 2"), "{error}");
}

/// The ids of queue 1 that an engine has.
fn ids(engine: &crate::store::segment_log::Engine) -> Vec<u64> {
    let shared = &engine.shared;
    let entries = shared.index().entries(&shared.files, QueueNumber(1), MessageId(0), 10_000);
    entries.expect("the index can be read").iter().map(|entry| entry.id.0).collect()
}

/// Turns a bit of the first record of this kind in the group of that number, counted from 0.
fn damage_group(layer: &SimulatedLayer, number: u32, group: usize, kind: Kind) {
    let all = records(layer, number);
    let mut groups = all.iter().enumerate().filter(|(_, (kind, ..))| *kind == Kind::Group);
    let (first, _) = groups.nth(group).expect("there is such a group");
    let record = all[first..].iter().find(|(found, ..)| *found == kind);
    let (_, offset, _) = record.expect("the group has such a record");
    layer.flip_bit(&segment_name(number), usize::try_from(*offset).expect("a small number") + 8);
}

/// A log with damage in the second of four groups that are safe, and an unfinished write behind them. Only what
/// comes after that write knows that the four are safe.
fn damaged_and_unfinished() -> (SimulatedLayer, LogOptions) {
    let mut world = World::with(SimulatedLayer::new(), one_segment());
    let queue_up = |world: &mut World| {
        let entries = world.message(&[1], 300);
        let submission = world.submission(entries, false, false);
        world.engine.run(vec![submission]);
    };
    (0..3).for_each(|_| queue_up(&mut world));
    world.publish(1, 1, 300);
    (0..2).for_each(|_| queue_up(&mut world));
    damage_group(&world.layer, 1, 4, Kind::Group);
    damage_group(&world.layer, 1, 1, Kind::Enqueue);
    (world.layer.after_crash(CrashImage::Kept), world.options)
}

#[test]
fn damage_that_was_stepped_over_is_not_the_end_of_the_log_at_a_later_start() {
    let (layer, options) = damaged_and_unfinished();
    let (engine, recovered) = open(&layer, options).expect("it opens");
    assert_eq!((recovered.damages.len(), recovered.cut.is_some()), (1, true));
    assert_eq!(ids(&engine), [1, 3, 4]);
    let layer = layer.after_crash(CrashImage::Lost);
    let (engine, again) = open(&layer, options).expect("it opens again");
    assert_eq!((again.damages, again.cut), (recovered.damages, None));
    assert_eq!(ids(&engine), [1, 3, 4], "what was safe once is safe");
}

#[test]
fn a_start_that_the_power_cuts_off_while_it_mends_damage_loses_nothing() {
    let (layer, options) = damaged_and_unfinished();
    let whole = layer.after_crash(CrashImage::Kept);
    open(&whole, options).expect("it opens");
    let operations = whole.operations();
    assert!(operations > 3, "{operations} operations to interrupt");
    let images = [CrashImage::Lost, CrashImage::Kept].into_iter();
    let seeds = (1..=16_u64).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let images = images.chain(seeds.map(CrashImage::Reordered));
    for (image, at) in images.flat_map(|image| (1..=operations).map(move |at| (image, at))) {
        let layer = layer.after_crash(CrashImage::Kept);
        layer.crash_at(at);
        drop(open(&layer, options));
        let layer = layer.after_crash(image);
        let (engine, _) = open(&layer, options).expect("it opens again");
        // The unfinished ones may be there as well: nobody was told anything about them.
        assert!(ids(&engine).starts_with(&[1, 3, 4]), "{image:?} at operation {at}");
    }
}

#[test]
fn a_turned_bit_at_the_end_of_a_run_costs_nothing_of_the_next_run() {
    let mut world = World::with(SimulatedLayer::new(), one_segment());
    world.publish(1, 1, 300);
    world.publish(1, 1, 300);
    world.layer = world.layer.after_crash(CrashImage::Kept);
    (world.engine, _) = open(&world.layer, world.options).expect("it opens");
    world.publish(1, 1, 300);
    let layer = world.layer.after_crash(CrashImage::Kept);
    damage_group(&layer, 1, 1, Kind::Enqueue);
    let (engine, recovered) = open(&layer, world.options).expect("it opens again");
    assert_eq!((recovered.damages.len(), recovered.cut), (1, None));
    assert_eq!(ids(&engine), [1, 3]);
}
