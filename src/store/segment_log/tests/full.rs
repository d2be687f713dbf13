//! Disks that are full, and disks that break.

use std::sync::{Arc, Mutex};

use super::world::{World, open, small_options};
use crate::store::{CrashImage, Durability, LogOptions, LogStatus, SimulatedLayer, recovery};

const CAPACITY: u64 = 20 * 64 * 1024;

/// A world whose disk is full: some messages are confirmed, some wait.
fn full_world() -> World {
    let layer = SimulatedLayer::new();
    layer.set_capacity(Some(CAPACITY));
    let mut world = World::with(layer, small_options());
    for _ in 0..200 {
        world.publish(1, 5, 2000);
    }
    assert!(matches!(world.engine.shared.status(), LogStatus::Full { .. }));
    assert!(world.confirmed() > 400, "{}", world.confirmed());
    assert!(world.confirmed() < 1000, "{}", world.confirmed());
    world
}

#[test]
fn a_full_disk_refuses_nothing_and_confirms_nothing_that_is_not_there() {
    let world = full_world();
    assert_eq!(world.refusals(), 0);
    world.verify(&world.engine, "full");
    world.reopen_after(CrashImage::Lost, "a crash while the disk is full");
}

/// A usual segment has no room on the disk, and the messages have: nobody may wait for ever.
#[test]
fn messages_that_fit_are_written_although_a_usual_segment_does_not() {
    const SEGMENT: u64 = 1024 * 1024;
    let layer = SimulatedLayer::new();
    // With room for the whole index, so that only messages are written.
    let index_ram_bytes = 1024 * 1024;
    let options = LogOptions { segment_bytes: SEGMENT, index_ram_bytes, ..small_options() };
    // One usual segment, and half of another.
    layer.set_capacity(Some(SEGMENT + SEGMENT / 2));
    let mut world = World::with(layer, options);
    while !matches!(world.engine.shared.status(), LogStatus::Full { .. }) {
        world.publish(1, 4, 2000);
        assert!(world.layer.used_bytes() <= SEGMENT + SEGMENT / 2);
    }
    let written = world.confirmed() as u64 * 2000;
    // All but what is kept for settles, the edges, and less than the smallest segment.
    let reserve = SEGMENT / 8;
    assert!(written > SEGMENT + SEGMENT / 2 - reserve - 2 * 64 * 1024, "{written} bytes");
    world.verify(&world.engine, "full");
    // The reserve is there: settles are written, and what they free is used.
    let ids = world.waiting(1);
    world.submit(vec![World::settle(1, &ids)]);
    world.tick(1);
    assert_eq!(world.engine.shared.status(), LogStatus::Healthy);
    world.publish(1, 4, 2000);
    world.reopen_after(CrashImage::Lost, "after the disk was full");
}

/// What waits is a batch: its first messages do not wait for room for the others.
#[test]
fn some_of_a_batch_are_written_when_all_of_it_does_not_fit() {
    let layer = SimulatedLayer::new();
    layer.set_capacity(Some(64 * 1024 + 1024));
    let mut world = World::with(layer, small_options());
    let submissions: Vec<_> = (0..40)
        .map(|_| {
            let entries = world.message(&[1], 2000);
            world.submission(entries, true, false)
        })
        .collect();
    world.run(submissions);
    assert!(world.confirmed() >= 20, "{}", world.confirmed());
    world.layer.set_capacity(None);
    world.tick(1);
    assert_eq!(world.confirmed(), 40);
    world.reopen_after(CrashImage::Lost, "after space returned");
}

#[test]
fn when_space_returns_everything_that_waited_is_written() {
    let mut world = full_world();
    world.tick(1);
    assert!(matches!(world.engine.shared.status(), LogStatus::Full { .. }));
    world.layer.set_capacity(None);
    world.tick(2);
    assert_eq!(world.engine.shared.status(), LogStatus::Healthy);
    assert_eq!(world.confirmed(), 1000);
    world.reopen_after(CrashImage::Lost, "after space returned");
}

#[test]
fn consumers_drain_a_full_disk_by_themselves() {
    let mut world = full_world();
    let mut rounds = 0;
    while world.confirmed() < 1000 {
        let ids: Vec<u64> = world.found().into_keys().map(|(_, id)| id).take(20).collect();
        let settle = world.submission(vec![World::settle(1, &ids)], false, false);
        world.run(vec![settle]);
        world.tick(rounds);
        rounds += 1;
        assert!(rounds < 200, "{} confirmed", world.confirmed());
    }
    assert_eq!(world.engine.shared.status(), LogStatus::Healthy);
    assert!(world.layer.used_bytes() <= CAPACITY);
    world.restart();
}

#[test]
fn a_message_that_is_settled_while_it_waits_for_space_is_never_written() {
    let mut world = full_world();
    let waiting: Vec<u64> = world.waiting(1).into_iter().rev().take(5).collect();
    let settle = world.submission(vec![World::settle(1, &waiting)], true, false);
    world.run(vec![settle]);
    let written = world.layer.written_bytes();
    world.tick(1);
    world.tick(2);
    assert_eq!(world.layer.written_bytes(), written, "the settle is not written again and again");
    world.layer.set_capacity(None);
    world.tick(3);
    let found = world.found();
    assert!(waiting.iter().all(|id| !found.contains_key(&(1, *id))));
    assert_eq!(found.len(), 995);
    world.reopen_after(CrashImage::Lost, "after space returned");
}

#[test]
fn a_message_of_a_transaction_that_waits_for_space_can_be_settled() {
    let mut world = full_world();
    let entries: Vec<_> = (0..2).flat_map(|_| world.message(&[2], 2000)).collect();
    let transaction = world.submission(entries, true, true);
    world.run(vec![transaction]);
    let settle = world.submission(vec![World::settle(2, &[1])], true, false);
    world.run(vec![settle]);
    world.layer.set_capacity(None);
    world.tick(1);
    let found = world.found();
    assert!(!found.contains_key(&(2, 1)) && found.contains_key(&(2, 2)));
    world.reopen_after(CrashImage::Lost, "after space returned");
}

#[test]
fn what_a_waiting_transaction_would_settle_is_not_settled_before_it() {
    let mut world = full_world();
    let waiting: Vec<u64> = world.waiting(1).into_iter().rev().take(5).collect();
    let mut entries: Vec<_> = (0..2).flat_map(|_| world.message(&[2], 2000)).collect();
    entries.push(World::settle(1, &waiting));
    let transaction = world.submission(entries, true, true);
    world.run(vec![transaction]);
    // Room for most of what waits, but not for all of it.
    world.layer.set_capacity(Some(CAPACITY + 12 * 64 * 1024));
    world.tick(1);
    world.verify(&world.engine, "some room");
    world.reopen_after(CrashImage::Lost, "a crash with some room");
    world.layer.set_capacity(None);
    world.tick(2);
    world.verify(&world.engine, "all room");
    assert_eq!(world.found().len(), 1000 + 2 - 5);
}

#[test]
fn a_file_system_that_is_full_in_reserved_room_loses_nothing() {
    let mut world = World::new();
    world.publish(1, 5, 100);
    world.layer.refuse_writes(true);
    world.publish(1, 5, 100);
    let ids = world.waiting(1);
    world.submit(vec![World::settle(1, &ids[..1])]);
    assert!(matches!(world.engine.shared.status(), LogStatus::Full { .. }));
    assert_eq!((world.confirmed(), world.refusals()), (5, 0));
    world.tick(1);
    assert_eq!(world.confirmed(), 5);
    world.layer.refuse_writes(false);
    world.tick(2);
    assert_eq!(world.engine.shared.status(), LogStatus::Healthy);
    assert_eq!(world.confirmed(), 10);
    world.reopen_after(CrashImage::Lost, "after space returned");
}

#[test]
fn a_failed_sync_is_final() {
    let mut world = World::new();
    world.publish(1, 5, 100);
    world.layer.fail_sync(1);
    world.publish(1, 5, 100);
    world.publish(1, 5, 100);
    world.tick(1);
    assert!(matches!(world.engine.shared.status(), LogStatus::Failed { .. }));
    assert_eq!((world.confirmed(), world.refusals()), (5, 2));
    assert!(world.engine.close().is_err());
    world.reopen_after(CrashImage::Lost, "after a failed sync");
}

/// L5, L7: the system writes and syncs on in a file that has no name any more.
#[test]
fn nothing_is_confirmed_into_a_deleted_folder() {
    for durability in [Durability::Fsync, Durability::Os] {
        let options = LogOptions { durability, ..small_options() };
        let mut world = World::with(SimulatedLayer::new(), options);
        world.publish(1, 5, 100);
        world.layer.delete_folder();
        world.publish(1, 5, 100);
        world.publish(1, 5, 100);
        assert_eq!((world.confirmed(), world.refusals()), (5, 2), "{durability:?}");
        let LogStatus::Failed { reason } = world.engine.shared.status() else {
            panic!("{:?}", world.engine.shared.status())
        };
        assert!(reason.contains("simulated/0000000001.segment was deleted"), "{reason}");
        assert!(world.engine.close().is_err(), "a clean end would be a lie");
    }
}

#[test]
fn a_log_that_has_nothing_to_write_notices_a_deleted_folder_at_a_tick() {
    let mut world = World::new();
    world.publish(1, 5, 100);
    world.layer.delete_folder();
    world.tick(1);
    assert!(matches!(world.engine.shared.status(), LogStatus::Failed { .. }));
}

#[test]
fn every_change_of_the_status_is_told_once() {
    let layer = SimulatedLayer::new();
    let told: Arc<Mutex<Vec<LogStatus>>> = Arc::default();
    let tell = Arc::clone(&told);
    let on_status = move |status: &LogStatus| {
        tell.lock().expect("no panic while it is held").push(status.clone());
    };
    let mut world = World::with(layer.clone(), small_options());
    let opened = recovery::open(Arc::new(layer.clone()), small_options(), Box::new(on_status));
    (world.engine, world.recovered) = opened.expect("it opens");
    layer.set_capacity(Some(4 * 64 * 1024));
    for _ in 0..10 {
        world.publish(1, 20, 2000);
    }
    layer.set_capacity(None);
    world.tick(7);
    layer.fail_sync(1);
    world.publish(1, 1, 1);
    let told = told.lock().expect("as above");
    assert!(
        matches!(told[..], [LogStatus::Full { .. }, LogStatus::Healthy, LogStatus::Failed { .. }]),
        "{told:?}"
    );
}

#[test]
fn with_durability_os_nothing_is_synced_for_a_confirm_and_a_kill_loses_nothing() {
    let layer = SimulatedLayer::new();
    let options = LogOptions { durability: Durability::Os, ..small_options() };
    let mut world = World::with(layer, options);
    for _ in 0..20 {
        world.publish(1, 10, 100);
    }
    assert_eq!(world.layer.syncs(), 0);
    assert_eq!(world.confirmed(), 200);
    world.reopen_after(CrashImage::Kept, "the process was killed");
    // A power cut may lose what was confirmed, but leaves a log that opens.
    let (_, recovered) =
        open(&world.layer.after_crash(CrashImage::Lost), options).expect("it opens");
    assert_eq!(recovered.damages, []);
    world.restart();
}
