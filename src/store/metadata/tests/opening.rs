//! Opening again, after every way to stop.

use std::fs;
use std::sync::Arc;

use super::fixture::{TestDisk, closed, copy, files, fill, killed, open, options, store_all};
use crate::store::definitions::tests::samples::{definitions, policy, queue, vhost};
use crate::store::metadata::{frame, mirror};
use crate::store::{
    Change, Definitions, FormatVersion, Kind, MetadataOptions, MetadataStore, SledMetadata, Source,
    StoreError, SyncPoint, Vhost,
};

#[test]
fn a_new_directory_is_empty_and_is_no_news() {
    let directory = tempfile::tempdir().expect("a directory");
    let below = directory.path().join("a/b");
    let opened = open(&below).expect("a new store");
    assert_eq!(opened.definitions, Definitions::default());
    assert_eq!(opened.report.source, Source::New);
    assert_eq!((opened.report.warnings, opened.report.notes), (Vec::new(), Vec::new()));
}

#[test]
fn everything_is_there_after_a_close_a_kill_and_a_drop() {
    let dropped = tempfile::tempdir().expect("a directory");
    let store = open(dropped.path()).expect("a new store").store;
    store_all(&store, definitions().as_changes());
    drop(store);
    let (closed, killed) = (closed(20), killed(20));
    for (directory, expected) in [
        (dropped.path(), definitions()),
        (closed.directory.path(), closed.definitions),
        (killed.directory.path(), killed.definitions),
    ] {
        for _ in 0..2 {
            let opened = open(directory).expect("a good directory");
            assert_eq!(opened.definitions, expected);
            assert_eq!(opened.report.source, Source::Database);
            assert_eq!((opened.report.warnings, opened.report.notes), (Vec::new(), Vec::new()));
        }
    }
}

#[test]
fn a_store_that_was_opened_again_goes_on() {
    let stopped = killed(7);
    let path = stopped.directory.path();
    let store = open(path).expect("a good directory").store;
    store_all(&store, vec![Change::PutVhost(vhost("more"))]);
    drop(store);
    let opened = open(path).expect("a good directory");
    assert!(opened.definitions.vhost(&vhost("more").name).is_some());
    assert_eq!(opened.definitions.queues, stopped.definitions.queues);
    fill(&opened.store, 3);
}

#[test]
fn a_second_open_is_told_that_the_directory_is_in_use_and_touches_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).expect("a new store").store;
    fill(&store, 3);
    let before = files(directory.path());
    let error = open(directory.path()).err().expect("it is in use");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&*directory.path().to_string_lossy()), "{error}");
    assert_eq!(files(directory.path()), before);
    fill(&store, 3);
    store.close().expect("closed");
    open(directory.path()).expect("it is free now");
}

#[test]
fn a_database_that_somebody_else_has_open_is_not_damaged() {
    let stopped = closed(3);
    let path = stopped.directory.path();
    let file = fs::File::open(path.join("definitions-1/db")).expect("the database");
    file.lock().expect("nobody else has it");
    let error = open(path).err().expect("it is in use");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(file);
    assert_eq!(open(path).expect("it is free now").definitions, stopped.definitions);
}

#[test]
fn a_kill_between_journal_and_database_is_rolled_forward() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).expect("a new store").store;
    fill(&store, 3);
    let before = tempfile::tempdir().expect("a directory");
    copy(directory.path(), before.path());
    store_all(&store, vec![Change::PutVhost(vhost("last"))]);
    let journal = "definitions.journal";
    fs::copy(directory.path().join(journal), before.path().join(journal)).expect("a copy");
    let opened = open(before.path()).expect("a good directory");
    assert_eq!(opened.definitions, store.load());
    assert_eq!(opened.report.source, Source::Database);
    assert_eq!((opened.report.warnings.len(), opened.report.notes.len()), (0, 1));
}

#[test]
fn a_kill_before_or_after_any_sync_leaves_all_or_nothing_of_a_group() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(TestDisk::default());
    disk.start_film(directory.path());
    // The mirror is written, and a journal begun, as often as can be.
    let options = MetadataOptions { journal_bytes_max: 0, syncer: disk.clone(), ..options() };
    let store = SledMetadata::open(directory.path(), options).expect("a new store").store;
    let mut before = store.load();
    for number in 0..4 {
        if number > 0 {
            // The journal of one group is longer than the mirror, which is what has it written.
            let long = Vhost { description: "x".repeat(500), ..vhost(&number.to_string()) };
            let twice = [Change::PutVhost(long), Change::PutVhost(vhost(&number.to_string()))];
            store_all(&store, [&twice[..], &[Change::PutQueue(queue("q", number))]].concat());
            // The answer comes before the mirror; an empty request comes after it.
            store_all(&store, Vec::new());
        }
        let after = store.load();
        let film = disk.take_film();
        assert!(film.len() >= 4, "journal and database, before and after");
        for (frame, killed) in film.iter().enumerate() {
            let opened = open(killed.path()).unwrap_or_else(|error| panic!("{number}: {error}"));
            let known = opened.definitions == before || opened.definitions == after;
            assert!(known, "group {number}, frame {frame}: {:?}", opened.definitions);
            assert_eq!(opened.report.warnings, Vec::<String>::new(), "{number}, {frame}");
        }
        before = after;
    }
    assert!(disk.count(SyncPoint::Replacement) >= 8, "the first two and those of the groups");
}

#[test]
fn a_database_older_than_the_journal_is_rebuilt() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).expect("a new store").store;
    fill(&store, 3);
    let old = tempfile::tempdir().expect("a directory");
    copy(directory.path(), old.path());
    fill(&store, 6);
    let journal = "definitions.journal";
    fs::copy(directory.path().join(journal), old.path().join(journal)).expect("a copy");
    let opened = open(old.path()).expect("a whole second copy");
    assert_eq!(opened.definitions, store.load());
    assert_eq!(opened.report.source, Source::Mirror);
    assert!(opened.report.warnings[0].contains("definitions.damaged-1"), "{:?}", opened.report);
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let newer = FormatVersion { major: 2, minor: 0 };
    let stopped = closed(3);
    let path = stopped.directory.path();
    let definitions = Definitions { format_version: newer, ..stopped.definitions };
    let bytes = mirror::encode(&definitions, 3).expect("JSON");
    fs::write(path.join("definitions.json"), bytes).expect("a file");
    let before = files(path);
    let error = open(path).err().expect("it is newer");
    assert!(matches!(error, StoreError::NewerFormat { .. }), "{error}");
    assert!(error.to_string().contains("format version 2.0"), "{error}");
    assert_eq!(files(path), before);
}

#[test]
fn a_database_of_the_first_format_opens_and_takes_the_later_kinds() {
    const FIRST_KINDS: usize = 6;
    let stopped = closed(3);
    let path = stopped.directory.path();
    let db = sled::Config::new().path(path.join("definitions-1")).open().expect("a database");
    for kind in &Kind::ALL[FIRST_KINDS..] {
        assert!(db.drop_tree(kind.plural()).expect("dropped"), "{kind:?} had a tree");
    }
    let tree = db.open_tree("state").expect("a tree");
    let value = tree.get("state").expect("read").expect("a state record");
    let json = frame::open(frame::STATE_TAG, b"state", &value).expect("whole");
    let mut state: serde_json::Value = serde_json::from_slice(json).expect("JSON");
    state["format_version"] = "1.0".into();
    state["counts"].as_array_mut().expect("a list").truncate(FIRST_KINDS);
    let json = serde_json::to_vec(&state).expect("JSON");
    tree.insert("state", frame::seal(frame::STATE_TAG, b"state", &json)).expect("stored");
    db.flush().expect("written");
    drop((tree, db));
    let opened = open(path).expect("an older format");
    assert_eq!(opened.report.warnings, [""; 0]);
    assert_eq!(opened.definitions, stopped.definitions);
    store_all(&opened.store, vec![Change::PutPolicy(policy("ha"))]);
    opened.store.close().expect("closed");
    drop(opened);
    let again = open(path).expect("the newer format");
    assert_eq!(again.definitions.count(Kind::Policy), 1);
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let stopped = closed(3);
    let path = stopped.directory.path();
    let database = path.join("definitions-1");
    let db = sled::Config::new().path(&database).open().expect("a database");
    let state = frame::seal(frame::STATE_TAG, b"state", br#"{"format_version":"3.1"}"#);
    db.open_tree("state").expect("a tree").insert("state", state).expect("stored");
    db.flush().expect("written");
    drop(db);
    let error = open(path).err().expect("it is newer");
    assert!(matches!(error, StoreError::NewerFormat { .. }), "{error}");
    assert!(error.to_string().contains("format version 3.1"), "{error}");
    assert!(database.is_dir(), "it stays where it was");
}
