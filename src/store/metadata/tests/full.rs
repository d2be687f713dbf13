//! A disk without room for definitions.

use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use std::thread;

use super::fixture::{TestDisk, copy, open, open_on, send, store_all};
use crate::base::limits::RECORD_BYTES_MAX;
use crate::base::{FieldTable, FieldValue};
use crate::store::definitions::tests::samples::{name, queue};
use crate::store::{Change, Kind, MetadataStatus, MetadataStore, Queue, SledMetadata, SyncPoint};

fn put(number: u64) -> Vec<Change> {
    vec![Change::PutQueue(queue(&format!("q{number}"), number))]
}

/// More than the database keeps in reserve, and two queues.
fn put_large(number: u64) -> Vec<Change> {
    let long = FieldValue::text(&"x".repeat(RECORD_BYTES_MAX * 9 / 10));
    let arguments = FieldTable::new(vec![(name("k"), long)]);
    let numbers = [number, number + 1];
    let large = numbers.map(|number| Queue {
        arguments: arguments.clone(),
        ..queue(&format!("q{number}"), number)
    });
    large.into_iter().map(Change::PutQueue).collect()
}

fn is_full(store: &SledMetadata) -> bool {
    matches!(store.status(), MetadataStatus::Running { full: Some(_), .. })
}

fn wait_until_full(store: &SledMetadata) {
    while !is_full(store) {
        thread::yield_now();
    }
}

/// Makes a disk full in one of the ways in which it can be.
type FillUp = fn(&TestDisk, bool);

const WAYS: [FillUp; 3] = [
    |disk, full| disk.fill_up(full.then_some(SyncPoint::Journal)),
    |disk, full| disk.fill_up(full.then_some(SyncPoint::Database)),
    |disk, full| disk.fill_up_at_sync(full.then_some(SyncPoint::Journal)),
];

#[test]
fn on_a_full_disk_changes_wait_in_order_and_leave_nothing_half_written() {
    for fill_up in WAYS {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Arc::new(TestDisk::default());
        let store = open_on(&disk, directory.path());
        store_all(&store, put(1));
        fill_up(&disk, true);
        let answers = [send(&store, put_large(2)), send(&store, put(4))];
        wait_until_full(&store);
        let again = put(5).into_iter().chain(put(2)).collect();
        let late = send(&store, again);
        // What a kill leaves now is whole, and has nothing of what waits.
        let found = tempfile::tempdir().expect("a directory");
        copy(directory.path(), found.path());
        let opened = open(found.path()).expect("a good directory");
        assert_eq!(opened.definitions.count(Kind::Queue), 1);
        assert_eq!(opened.report.warnings, Vec::<String>::new());
        for answer in answers.iter().chain([&late]) {
            assert_eq!(answer.try_recv().err(), Some(TryRecvError::Empty));
        }
        assert_eq!(store.load().count(Kind::Queue), 1);
        fill_up(&disk, false);
        for answer in answers.iter().chain([&late]) {
            answer.recv().expect("an answer").expect("stored");
        }
        assert!(!is_full(&store));
        assert_eq!(store.load().count(Kind::Queue), 5);
        store.close().expect("closed");
        let again = open(directory.path()).expect("a good directory");
        assert_eq!((again.definitions, again.report.warnings), (store.load(), Vec::new()));
    }
}

#[test]
fn what_waits_for_room_when_the_store_is_closed_is_refused_and_the_end_says_so() {
    for fill_up in WAYS {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Arc::new(TestDisk::default());
        let store = open_on(&disk, directory.path());
        store_all(&store, put(1));
        fill_up(&disk, true);
        let waiting = send(&store, put_large(2));
        wait_until_full(&store);
        let closed = store.close().expect_err("something was not stored").to_string();
        assert!(closed.contains("definitions") && closed.contains("free space"), "{closed}");
        waiting.recv().expect("an answer").expect_err("it is not stored");
        let again = open(directory.path()).expect("a good directory");
        assert_eq!(again.report.warnings, Vec::<String>::new());
        assert_eq!(again.definitions.count(Kind::Queue), 1);
    }
}

/// The journal goes on where it was, so a start writes neither it nor the mirror.
#[test]
fn a_start_on_what_a_kill_left_needs_no_room() {
    let living = tempfile::tempdir().expect("a directory");
    let store = open(living.path()).expect("a new store").store;
    store_all(&store, put(1));
    let directory = tempfile::tempdir().expect("a directory");
    copy(living.path(), directory.path());
    let disk = Arc::new(TestDisk::default());
    for point in [SyncPoint::Replacement, SyncPoint::Directory] {
        disk.fill_up_at_sync(Some(point));
        let store = open_on(&disk, directory.path());
        let number = store.load().next_queue_number;
        store_all(&store, put(number));
        drop(store);
    }
    let found = open(directory.path()).expect("a good directory");
    assert_eq!(found.report.warnings, Vec::<String>::new());
    assert_eq!(found.definitions.count(Kind::Queue), 3);
}

/// A mirror or a journal that finds no room is tried again; the old journal goes on.
#[test]
fn a_new_journal_that_finds_no_room_is_not_final() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let options = super::fixture::options();
    let options =
        crate::store::MetadataOptions { journal_bytes_max: 0, syncer: disk.clone(), ..options };
    let store = SledMetadata::open(directory.path(), options).expect("a new store").store;
    disk.fill_up_at_sync(Some(SyncPoint::Replacement));
    for number in 1..=5 {
        store_all(&store, put(number));
    }
    disk.fill_up_at_sync(None);
    store_all(&store, put(6));
    store.close().expect("closed");
    assert!(!directory.path().join("definitions.journal.new").exists());
    let again = open(directory.path()).expect("a good directory");
    assert_eq!((again.definitions, again.report.warnings), (store.load(), Vec::new()));
}
