//! Groups, their order, and what happens when the disk does not.

use std::fs;
use std::sync::mpsc::{TryRecvError, channel};
use std::sync::{Arc, Mutex};

use super::fixture::{TestDisk, fill, open, open_on, options, send, store_all};
use crate::base::limits::{METADATA_WAITING_BYTES_MAX, RECORD_BYTES_MAX};
use crate::base::{FieldTable, FieldValue};
use crate::store::definitions::tests::samples::{name, queue, vhost};
use crate::store::{
    Change, Kind, MemoryMetadata, MetadataOptions, MetadataStatus, MetadataStore, Queue,
    SledMetadata, StoreError, SyncPoint,
};

fn put(number: u64) -> Vec<Change> {
    vec![Change::PutQueue(queue(&format!("q{number}"), number))]
}

#[test]
fn everything_that_waits_is_one_group_with_one_sync_of_each_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let store = open_on(&disk, directory.path());
    disk.hold(Some(SyncPoint::Journal));
    let first = send(&store, put(1));
    disk.wait_until_held();
    let waiting: Vec<_> = (2..=200).map(|number| send(&store, put(number))).collect();
    disk.forget();
    disk.hold(None);
    first.recv().expect("an answer").expect("stored");
    for answer in waiting {
        answer.recv().expect("an answer").expect("stored");
    }
    assert_eq!(disk.count(SyncPoint::Journal), 2, "the first alone, and the others together");
    assert_eq!(disk.count(SyncPoint::Database), 2);
    assert_eq!(store.load().count(Kind::Queue), 200);
}

#[test]
fn nothing_is_answered_or_shown_before_both_syncs() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let store = open_on(&disk, directory.path());
    for point in [SyncPoint::Journal, SyncPoint::Database] {
        let before = store.load();
        disk.hold(Some(point));
        let answer = send(&store, put(before.next_queue_number));
        disk.wait_until_held();
        assert_eq!(answer.try_recv().err(), Some(TryRecvError::Empty), "{point:?}");
        assert_eq!(store.load(), before, "{point:?}");
        disk.hold(None);
        answer.recv().expect("an answer").expect("stored");
    }
}

#[test]
fn changes_and_answers_keep_their_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).expect("a new store").store;
    let answered = Arc::new(Mutex::new(Vec::new()));
    let (sender, receiver) = channel();
    for number in 1..=100 {
        let (answered, sender) = (answered.clone(), sender.clone());
        let same = Queue { number, ..queue("same", number) };
        let done = move |result: Result<(), StoreError>| {
            answered.lock().expect("no panic").push((number, result.is_ok()));
            if number == 100 {
                sender.send(()).expect("the test waits");
            }
        };
        store.apply(vec![Change::PutQueue(same)], Box::new(done));
    }
    receiver.recv().expect("the last answer");
    let expected: Vec<_> = (1..=100).map(|number| (number, true)).collect();
    assert_eq!(*answered.lock().expect("no panic"), expected);
    let same = queue("same", 100);
    assert_eq!(store.load().queue(&same.vhost, &same.name), Some(&same));
    store_all(&store, Vec::new());
}

#[test]
fn a_failed_sync_is_final() {
    for point in [SyncPoint::Journal, SyncPoint::Database] {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Arc::new(TestDisk::default());
        let store = open_on(&disk, directory.path());
        store_all(&store, put(1));
        let acknowledged = store.load();
        disk.fail(Some(point));
        let error = send(&store, put(2)).recv().expect("an answer").expect_err("no sync");
        assert!(error.to_string().contains("cannot sync"), "{error}");
        assert!(error.to_string().contains("the disk is on fire"), "{error}");
        disk.fail(None);
        let later = send(&store, put(3)).recv().expect("an answer").expect_err("stopped");
        assert!(matches!(later, StoreError::Stopped(_)), "{later}");
        assert!(later.to_string().contains("the disk is on fire"), "{later}");
        assert!(matches!(store.status(), MetadataStatus::Stopped(_)), "{:?}", store.status());
        assert_eq!(store.load(), acknowledged);
        assert!(store.close().is_err());
        drop(store);
        // Whether the second queue reached the disk is not known; the first did.
        let again = open(directory.path()).expect("a good directory").definitions;
        let first = queue("q1", 1);
        assert_eq!(again.queue(&first.vhost, &first.name), Some(&first));
        assert!(again.count(Kind::Queue) <= 2);
    }
}

#[test]
fn nothing_is_stored_into_a_deleted_directory() {
    for part in ["definitions.journal", "definitions-1", ""] {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("definitions");
        let store = open(&directory).expect("a new store").store;
        store_all(&store, put(1));
        let gone = directory.join(part);
        let deleted =
            if gone.is_dir() { fs::remove_dir_all(&gone) } else { fs::remove_file(&gone) };
        deleted.expect("it is ours");
        let error = send(&store, put(2)).recv().expect("an answer").expect_err("it is deleted");
        let text = error.to_string();
        assert!(text.contains("was deleted") && text.contains("definitions"), "{text}");
        assert!(matches!(store.status(), MetadataStatus::Stopped(_)), "{:?}", store.status());
        assert_eq!(store.load().count(Kind::Queue), 1);
        assert!(store.close().is_err());
    }
}

#[test]
fn everybody_who_waits_hears_of_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let store = open_on(&disk, directory.path());
    disk.hold(Some(SyncPoint::Database));
    let first = send(&store, put(1));
    disk.wait_until_held();
    let second = send(&store, put(2));
    disk.fail(Some(SyncPoint::Database));
    disk.hold(None);
    assert!(matches!(first.recv().expect("an answer"), Err(StoreError::Io { .. })));
    assert!(matches!(second.recv().expect("an answer"), Err(StoreError::Stopped(_))));
}

#[test]
fn more_than_the_bound_is_refused_and_nothing_blocks() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let store = open_on(&disk, directory.path());
    disk.hold(Some(SyncPoint::Journal));
    let mut answers = vec![send(&store, put(1))];
    disk.wait_until_held();
    let long = "x".repeat(RECORD_BYTES_MAX / 2);
    let arguments = FieldTable::new(vec![(name("k"), FieldValue::text(&long))]);
    let refused = loop {
        let number = answers.len() as u64 + 1;
        let large = Queue { arguments: arguments.clone(), ..queue(&format!("q{number}"), number) };
        let answer = send(&store, vec![Change::PutQueue(large)]);
        if let Ok(result) = answer.try_recv() {
            break result.expect_err("nothing is stored while the disk is held");
        }
        answers.push(answer);
        assert!(answers.len() * RECORD_BYTES_MAX / 2 <= METADATA_WAITING_BYTES_MAX);
    };
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    disk.hold(None);
    for answer in &answers {
        answer.recv().expect("an answer").expect("stored");
    }
    assert_eq!(store.load().count(Kind::Queue), answers.len());
    store.close().expect("closed");
    let again = open(directory.path()).expect("a good directory");
    assert_eq!((again.definitions, again.report.warnings), (store.load(), Vec::new()));
}

#[test]
fn a_request_with_one_bad_record_stores_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).expect("a new store").store;
    for store in [&store as &dyn MetadataStore, &MemoryMetadata::new()] {
        let long = FieldValue::text(&"x".repeat(RECORD_BYTES_MAX));
        let arguments = FieldTable::new(vec![(name("k"), long)]);
        let bad = Change::PutQueue(Queue { arguments, ..queue("big", 2) });
        let result = send(store, [put(1), vec![bad]].concat()).recv().expect("an answer");
        assert!(matches!(result, Err(StoreError::TooLarge { .. })), "{result:?}");
        assert_eq!(store.load().count(Kind::Queue), 0);
        store_all(store, put(1));
    }
}

#[test]
fn a_large_request_is_one_group() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let store = open_on(&disk, directory.path());
    disk.forget();
    store_all(&store, (1..=5000).flat_map(put).collect());
    let gone = |number| {
        let queue = queue(&format!("q{number}"), number);
        Change::DeleteQueue { vhost: queue.vhost, name: queue.name }
    };
    store_all(&store, (1..=4000).map(gone).collect());
    assert_eq!(disk.count(SyncPoint::Database), 2);
    drop(store);
    let again = open(directory.path()).expect("a good directory");
    assert_eq!(again.report.warnings, Vec::<String>::new());
    assert_eq!(again.definitions.count(Kind::Queue), 1000);
    assert_eq!(again.definitions.next_queue_number, 5001);
}

#[test]
fn after_close_everything_is_refused_and_a_second_close_does_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).expect("a new store").store;
    for store in [&store as &dyn MetadataStore, &MemoryMetadata::new()] {
        store_all(store, put(1));
        assert!(matches!(store.status(), MetadataStatus::Running { mirror_error: None, .. }));
        store.close().expect("closed");
        store.close().expect("closed before");
        assert!(matches!(store.status(), MetadataStatus::Closed));
        let result = send(store, put(2)).recv().expect("an answer");
        assert!(matches!(result, Err(StoreError::Closed { .. })), "{result:?}");
        assert_eq!(store.load().count(Kind::Queue), 1);
    }
}

#[test]
fn what_waits_at_close_is_stored() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let store = open_on(&disk, directory.path());
    disk.hold(Some(SyncPoint::Journal));
    let first = send(&store, put(1));
    disk.wait_until_held();
    let second = send(&store, put(2));
    std::thread::scope(|scope| {
        scope.spawn(|| store.close().expect("closed"));
        disk.hold(None);
    });
    first.recv().expect("an answer").expect("stored");
    second.recv().expect("an answer").expect("stored");
}

#[test]
fn the_mirror_follows_when_the_journal_is_long_and_when_nothing_comes() {
    let mirror_of = |options: MetadataOptions| {
        let directory = tempfile::tempdir().expect("a directory");
        let store = SledMetadata::open(directory.path(), options).expect("a new store").store;
        fill(&store, 30);
        // What is written while a group is answered is there when the next one is.
        store_all(&store, vec![Change::PutVhost(vhost("last"))]);
        store_all(&store, vec![Change::PutVhost(vhost("last"))]);
        std::fs::read_to_string(directory.path().join("definitions.json")).expect("a mirror")
    };
    assert!(!mirror_of(options()).contains("queue-1"), "nothing asked for it yet");
    let short = MetadataOptions { journal_bytes_max: 500, ..options() };
    assert!(mirror_of(short).contains("queue-1"));

    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let soon = std::time::Duration::from_millis(1);
    let options = MetadataOptions { mirror_idle: soon, syncer: disk.clone(), ..options() };
    let store = SledMetadata::open(directory.path(), options).expect("a new store").store;
    disk.hold(Some(SyncPoint::Replacement));
    store_all(&store, put(1));
    disk.wait_until_held();
    disk.hold(None);
}

#[test]
fn a_mirror_that_cannot_be_written_is_said_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    let options = MetadataOptions { journal_bytes_max: 0, syncer: disk.clone(), ..options() };
    let store = SledMetadata::open(directory.path(), options).expect("a new store").store;
    disk.fail(Some(SyncPoint::Replacement));
    fill(&store, 50);
    let status = store.status();
    assert!(matches!(status, MetadataStatus::Running { mirror_error: Some(_), .. }), "{status:?}");
    let acknowledged = store.load();
    assert!(store.close().is_err(), "the mirror is behind");
    let again = open(directory.path()).expect("a good directory");
    assert_eq!((again.definitions, again.report.warnings), (acknowledged, Vec::new()));
}
