//! Directories to break, and a disk whose syncs are counted, held and refused.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::store::definitions::tests::samples::{binding, queue};
use crate::store::{
    Change, Definitions, DiskSync, MetadataOptions, MetadataStore, Opened, SledMetadata,
    StoreError, SyncPoint, Syncer,
};

/// A disk that counts, can be held, and can fail.
#[derive(Default)]
pub(super) struct TestDisk {
    state: Mutex<Disk>,
    changed: Condvar,
}

#[derive(Default)]
struct Disk {
    synced: Vec<SyncPoint>,
    /// The syncs of this point wait.
    held: Option<SyncPoint>,
    /// Whether one is waiting now.
    waiting: bool,
    fails: Option<SyncPoint>,
    /// There is no room for this.
    full: Option<SyncPoint>,
    /// This is found without room when it is synced.
    full_at_sync: Option<SyncPoint>,
    /// The directory that is copied before and after every sync, and the copies.
    filmed: Option<PathBuf>,
    film: Vec<tempfile::TempDir>,
}

impl Disk {
    fn film(&mut self) {
        if let Some(directory) = &self.filmed {
            let frame = tempfile::tempdir().expect("a directory");
            copy(directory, frame.path());
            self.film.push(frame);
        }
    }
}

impl TestDisk {
    fn state(&self) -> MutexGuard<'_, Disk> {
        self.state.lock().expect("no test panics under this lock")
    }

    pub(super) fn count(&self, point: SyncPoint) -> usize {
        self.state().synced.iter().filter(|synced| **synced == point).count()
    }

    pub(super) fn forget(&self) {
        self.state().synced.clear();
    }

    /// From now on keeps what a kill before or after every sync would leave of this directory.
    pub(super) fn start_film(&self, directory: &Path) {
        self.state().filmed = Some(directory.to_path_buf());
    }

    /// What was kept since the last time.
    pub(super) fn take_film(&self) -> Vec<tempfile::TempDir> {
        std::mem::take(&mut self.state().film)
    }

    pub(super) fn hold(&self, point: Option<SyncPoint>) {
        self.state().held = point;
        self.changed.notify_all();
    }

    /// Returns when a sync is held.
    pub(super) fn wait_until_held(&self) {
        let state = self.state();
        drop(self.changed.wait_while(state, |state| !state.waiting).expect("as above"));
    }

    /// From now on a sync finds that there is no room.
    pub(super) fn fill_up_at_sync(&self, point: Option<SyncPoint>) {
        self.state().full_at_sync = point;
    }

    /// From now on there is no room for a file, or again for all.
    pub(super) fn fill_up(&self, point: Option<SyncPoint>) {
        self.state().full = point;
    }

    pub(super) fn fail(&self, point: Option<SyncPoint>) {
        self.state().fails = point;
    }
}

impl Syncer for TestDisk {
    fn reserve(&self, point: SyncPoint, file: &File, bytes: u64) -> io::Result<()> {
        if self.state().full == Some(point) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        DiskSync.reserve(point, file, bytes)
    }

    fn sync(&self, point: SyncPoint, file: &File) -> io::Result<()> {
        let mut state = self.state();
        if state.held == Some(point) {
            state.waiting = true;
            self.changed.notify_all();
            let held = |state: &mut Disk| state.held == Some(point);
            state = self.changed.wait_while(state, held).expect("as above");
            state.waiting = false;
        }
        if state.fails == Some(point) {
            return Err(io::Error::other("the disk is on fire"));
        }
        if state.full_at_sync == Some(point) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.synced.push(point);
        state.film();
        DiskSync.sync(point, file)?;
        state.film();
        Ok(())
    }
}

/// Options for tests: the mirror is written only at close and when a test asks for it.
pub(super) fn options() -> MetadataOptions {
    MetadataOptions {
        open_timeout: Duration::from_secs(10),
        mirror_idle: Duration::from_secs(3600),
        full_retry: Duration::from_millis(1),
        ..MetadataOptions::default()
    }
}

pub(super) fn open(directory: &Path) -> Result<Opened, StoreError> {
    SledMetadata::open(directory, options())
}

pub(super) fn open_on(disk: &Arc<TestDisk>, directory: &Path) -> SledMetadata {
    let options = MetadataOptions { syncer: disk.clone(), ..options() };
    SledMetadata::open(directory, options).expect("a good directory").store
}

/// Hands changes in; the answer comes out of the receiver.
pub(super) fn send(
    store: &dyn MetadataStore,
    changes: Vec<Change>,
) -> Receiver<Result<(), StoreError>> {
    let (sender, receiver) = channel();
    store.apply(changes, Box::new(move |result| sender.send(result).expect("the test waits")));
    receiver
}

pub(super) fn store_all(store: &dyn MetadataStore, changes: Vec<Change>) {
    send(store, changes).recv().expect("an answer").expect("stored");
}

/// Stores `groups` groups of a queue and two bindings each, with a delete now and then.
pub(super) fn fill(store: &dyn MetadataStore, groups: u64) {
    for number in 1..=groups {
        let name = format!("queue-{number}");
        let mut changes = vec![
            Change::PutQueue(queue(&name, number)),
            Change::PutBinding(binding("logs", &name, b"a.*.b")),
            Change::PutBinding(binding("logs", &name, &number.to_le_bytes())),
        ];
        if number % 5 == 0 {
            let gone = queue(&format!("queue-{}", number - 1), 0);
            changes.push(Change::DeleteQueue { vhost: gone.vhost, name: gone.name });
        }
        store_all(store, changes);
    }
}

/// All files below a directory, relative to it, in order.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(directory).expect("below it").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// What a kill leaves: the bytes that the files have now.
pub(super) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().expect("it is below")).expect("a directory");
        fs::copy(from.join(&file), target).expect("a copy");
    }
}

/// The directory of a store that stored something, stopped at some point, and what it had stored.
pub(super) struct Stopped {
    pub(super) directory: tempfile::TempDir,
    pub(super) definitions: Definitions,
}

/// After a clean stop.
pub(super) fn closed(groups: u64) -> Stopped {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).expect("a new store").store;
    fill(&store, groups);
    store.close().expect("closed");
    Stopped { definitions: store.load(), directory }
}

/// After a kill.
pub(super) fn killed(groups: u64) -> Stopped {
    let living = tempfile::tempdir().expect("a directory");
    let store = open(living.path()).expect("a new store").store;
    fill(&store, groups);
    let directory = tempfile::tempdir().expect("a directory");
    copy(living.path(), directory.path());
    Stopped { definitions: store.load(), directory }
}
