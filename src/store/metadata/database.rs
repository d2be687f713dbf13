//! The first copy: sled, and what must be put around it. Nothing else names sled.
//!
//! One tree per kind of record and one for the state record, which counts the records of every tree and
//! sums up their checksums: records that vanish, come back or change are found when the database is
//! read. sled's own `flush` writes and does not sync, so the file is synced through a handle of our own
//! (the lock is `flock`, which closing a second handle leaves alone).

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};
use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree};
use sled::{Transactional, Tree};

use super::SyncPoint;
use super::files::Files;
use super::frame::{self, STATE_TAG};
use crate::store::definitions::{Encoded, next_queue_number};
use crate::store::{Definitions, FormatVersion, Kind, RecordKey, StoreError};

/// An open database.
pub(super) struct Database {
    db: sled::Db,
    /// In the order of [`Kind::ALL`], and the tree of the state record behind them.
    trees: Vec<Tree>,
    file: File,
    file_path: PathBuf,
    /// Up to where blocks are reserved.
    reserved_bytes: u64,
    state: State,
}

/// Why there is no database.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its content is not what was written.
    Damaged(String),
    /// A newer broker wrote it.
    Newer(String),
    /// Another process has it open.
    Locked,
    /// The system refused; this says nothing about the content.
    System(StoreError),
}

/// The state record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct State {
    format_version: FormatVersion,
    /// Of the last group that was stored; `None` while a database is being built.
    generation: Option<u64>,
    next_queue_number: u64,
    /// How many records each tree has, in the order of [`Kind::ALL`].
    #[serde(deserialize_with = "counts")]
    counts: [u64; Kind::ALL.len()],
    /// The checksums of all records added up, which does not depend on their order.
    checksum_sum: u64,
}

impl State {
    fn new() -> Self {
        Self {
            format_version: FormatVersion::CURRENT,
            generation: None,
            next_queue_number: 1,
            counts: [0; Kind::ALL.len()],
            checksum_sum: 0,
        }
    }

    /// A value took the place of another, each of which may be missing.
    fn exchanged(&mut self, kind: Kind, old: Option<&[u8]>, new: Option<&[u8]>) {
        let count = &mut self.counts[kind.index()];
        if let Some(old) = old {
            *count = count.wrapping_sub(1);
            self.checksum_sum = self.checksum_sum.wrapping_sub(u64::from(frame::checksum_of(old)));
        }
        if let Some(new) = new {
            *count = count.wrapping_add(1);
            self.checksum_sum = self.checksum_sum.wrapping_add(u64::from(frame::checksum_of(new)));
        }
    }
}

const STATE_KEY: &[u8] = b"state";
/// sled writes whole segments of 512 KiB at the end of its file.
const RESERVE_BYTES: u64 = 1024 * 1024;
/// A change may write its node anew, and that of its parent.
const RESERVE_FACTOR: u64 = 8;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// The store's own lock is asked first, so whoever has the database open is no broker, or is a thread of
/// one that was just closed: that one is gone after a few milliseconds, and two seconds are certain.
const LOCK_TRIES: u32 = 2000;
const LOCK_RETRY: Duration = Duration::from_millis(1);

impl Database {
    /// Waits until nobody has the database open; `false` when somebody keeps it. sled takes the same lock,
    /// and would only say that it is taken; and waiting must not count as hanging.
    pub(super) fn wait_until_free(directory: &Path) -> Result<bool, StoreError> {
        let path = directory.join("db");
        // Without a file there is nobody, and what that means is said by whoever reads the rest.
        let Ok(file) = File::open(&path) else { return Ok(true) };
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(true),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_RETRY),
                Err(TryLockError::Error(cause)) => {
                    return Err(StoreError::io("lock", &path, cause));
                }
            }
        }
        Ok(false)
    }

    /// Opens or creates a database and reads all of it. May panic or hang when the files are damaged:
    /// call it through [`super::guard`].
    pub(super) fn open(directory: &Path) -> Result<(Self, Definitions), Fault> {
        let db = open_sled(directory)?;
        let names = Kind::ALL.iter().map(|kind| kind.plural()).chain(["state"]);
        let trees = names.map(|name| db.open_tree(name)).collect::<sled::Result<Vec<_>>>();
        let trees = trees.map_err(|error| fault(directory, error))?;
        let file_path = directory.join("db");
        let file = File::options()
            .read(true)
            .write(true)
            .open(&file_path)
            .map_err(|cause| Fault::System(StoreError::io("open", &file_path, cause)))?;
        let mut database =
            Self { db, trees, file, file_path, reserved_bytes: 0, state: State::new() };
        let definitions = database.read(directory)?;
        Ok((database, definitions))
    }

    /// The generation of the last group; `None` when nothing was ever stored to the end.
    pub(super) fn generation(&self) -> Option<u64> {
        self.state.generation
    }

    /// Makes sure that changes of so many bytes find room: sled that meets a full disk is of no use until
    /// it is opened anew.
    pub(super) fn reserve(&mut self, files: &Files, bytes: u64) -> Result<(), StoreError> {
        let length = self.file.metadata().map_err(|cause| self.io("look at", cause))?.len();
        let end = length + RESERVE_BYTES + RESERVE_FACTOR * bytes;
        if end > self.reserved_bytes {
            // A little more than needed, so that it is not done for every group.
            let end = end + RESERVE_BYTES;
            files.reserve(SyncPoint::Database, (&self.file, &self.file_path), end)?;
            self.reserved_bytes = end;
        }
        Ok(())
    }

    /// Stores all of these changes or none. They are on the disk after [`Self::sync`].
    pub(super) fn store(
        &mut self,
        changes: &[Encoded],
        generation: Option<u64>,
        next_number: u64,
    ) -> Result<(), StoreError> {
        let value = |change: &Encoded| {
            let (tag, key) = (tag(change.kind), change.key.as_bytes());
            change.json.as_ref().map(|json| frame::seal(tag, key, json))
        };
        let values: Vec<Option<Vec<u8>>> = changes.iter().map(value).collect();
        let mut before = self.state.clone();
        before.generation = generation;
        let numbers = changes.iter().filter_map(|change| change.queue_number);
        before.next_queue_number =
            numbers.fold(before.next_queue_number.max(next_number), next_queue_number);
        let trees = self.trees.as_slice();
        let result = trees.transaction(|trees: &Vec<TransactionalTree>| {
            let mut state = before.clone();
            for (change, value) in changes.iter().zip(&values) {
                let (tree, key) = (&trees[change.kind.index()], change.key.as_bytes());
                let old = match value {
                    Some(value) => tree.insert(key, value.as_slice())?,
                    None => tree.remove(key)?,
                };
                state.exchanged(change.kind, old.as_deref(), value.as_deref());
            }
            let json = serde_json::to_vec(&state)
                .map_err(|error| ConflictableTransactionError::Abort(error.to_string()))?;
            trees[Kind::ALL.len()].insert(STATE_KEY, frame::seal(STATE_TAG, STATE_KEY, &json))?;
            Ok(state)
        });
        self.state = result.map_err(|error| match error {
            TransactionError::Abort(text) => self.io("encode", io::Error::other(text)),
            TransactionError::Storage(error) => self.io("write", as_io(error)),
        })?;
        Ok(())
    }

    /// Brings everything that was stored to the disk.
    pub(super) fn sync(&self, files: &Files) -> Result<(), StoreError> {
        self.db.flush().map_err(|error| self.io("write", as_io(error)))?;
        files.sync(SyncPoint::Database, &self.file, &self.file_path)?;
        Files::check_name(&self.file, &self.file_path)
    }

    fn read(&mut self, directory: &Path) -> Result<Definitions, Fault> {
        let found = self.trees[Kind::ALL.len()].get(STATE_KEY);
        let found = found.map_err(|error| fault(directory, error))?;
        let said = found.map(|value| parse_state(&value)).transpose()?;
        let said = said.unwrap_or_else(State::new);
        let mut state = State { counts: [0; Kind::ALL.len()], checksum_sum: 0, ..said.clone() };
        let mut definitions =
            Definitions { next_queue_number: said.next_queue_number, ..Definitions::default() };
        for kind in Kind::ALL {
            for entry in &self.trees[kind.index()] {
                let (key, value) = entry.map_err(|error| fault(directory, error))?;
                let damaged =
                    |cause: String| Fault::Damaged(format!("in {}: {cause}", kind.plural()));
                let json = frame::open(tag(kind), &key, &value).map_err(damaged)?;
                let key = RecordKey::from_bytes(&key);
                definitions.insert_json(kind, &key, json).map_err(damaged)?;
                state.exchanged(kind, None, Some(&value));
            }
        }
        if state != said {
            return Err(Fault::Damaged(format!(
                "its records are not those that were stored: {:?} of each kind are there, {:?} \
                 should be",
                state.counts, said.counts
            )));
        }
        self.state = State { format_version: FormatVersion::CURRENT, ..state };
        Ok(definitions)
    }

    fn io(&self, operation: &'static str, cause: io::Error) -> StoreError {
        StoreError::io(operation, &self.file_path, cause)
    }
}

fn open_sled(directory: &Path) -> Result<sled::Db, Fault> {
    let config =
        sled::Config::new().path(directory).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    config.open().map_err(|error| match error {
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            Fault::Locked
        }
        error => fault(directory, error),
    })
}

fn parse_state(value: &[u8]) -> Result<State, Fault> {
    #[derive(Deserialize)]
    struct Version {
        format_version: FormatVersion,
    }
    let json = frame::open(STATE_TAG, STATE_KEY, value).map_err(Fault::Damaged)?;
    let damaged = |error: serde_json::Error| Fault::Damaged(format!("its state record: {error}"));
    let Version { format_version } = serde_json::from_slice(json).map_err(damaged)?;
    if format_version.is_newer() {
        return Err(Fault::Newer(format_version.to_string()));
    }
    serde_json::from_slice(json).map_err(damaged)
}

/// An older format has fewer kinds, and none of the others.
fn counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u64; Kind::ALL.len()], D::Error> {
    let written = Vec::<u64>::deserialize(deserializer)?;
    let mut counts = [0; Kind::ALL.len()];
    match counts.get_mut(..written.len()) {
        Some(known) => known.copy_from_slice(&written),
        None => return Err(de::Error::invalid_length(written.len(), &"a count per kind")),
    }
    Ok(counts)
}

fn tag(kind: Kind) -> u8 {
    // There are thirteen kinds.
    u8::try_from(kind.index()).unwrap_or(STATE_TAG)
}

/// What a refusal of sled says about the content. The system's own refusals say nothing about it, and
/// moving a good database aside because a disk is full would be wrong.
fn fault(directory: &Path, error: sled::Error) -> Fault {
    const TOO_MANY_OPEN_FILES: i32 = 24;
    match error {
        sled::Error::Io(cause)
            if matches!(
                cause.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::OutOfMemory
            ) || cause.raw_os_error() == Some(TOO_MANY_OPEN_FILES) =>
        {
            Fault::System(StoreError::io("open", directory, cause))
        }
        other => Fault::Damaged(other.to_string()),
    }
}

fn as_io(error: sled::Error) -> io::Error {
    match error {
        sled::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
