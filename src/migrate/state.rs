//! The file that says how far a run is. It is written whole or not at all, holds no password, and is no more than
//! a summary: which messages are where, the claims at the target say.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use super::claim::Counts;
use super::error::MigrateError;

/// Virtual host and name.
pub(super) type QueueKey = (String, String);

/// How a queue stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Standing {
    /// Nothing was done yet.
    #[default]
    Listed,
    Moving,
    /// The source has nothing ready any more.
    Done,
    /// Messages are left at the source.
    Left,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Moving => "moving",
            Self::Done => "done",
            Self::Left => "left",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::Listed, Self::Moving, Self::Done, Self::Left]
            .into_iter()
            .find(|one| one.name() == name)
    }
}

/// What is known of one queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Known {
    pub(super) standing: Standing,
    pub(super) counts: Counts,
}

/// What the file says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct State {
    /// The management APIs, without accounts.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) has_definitions: bool,
    pub(super) queues: BTreeMap<QueueKey, Known>,
}

impl State {
    fn to_json(&self) -> Value {
        let queues = self.queues.iter().map(|((vhost, name), known)| {
            json!({
                "vhost": vhost, "queue": name, "state": known.standing.name(),
                "counts": known.counts.to_json(),
            })
        });
        json!({
            "haremq_migrate_state": 1, "from": self.from, "to": self.to,
            "definitions": self.has_definitions, "queues": queues.collect::<Vec<_>>(),
        })
    }

    fn of_json(value: &Value) -> Option<Self> {
        if value["haremq_migrate_state"] != 1 {
            return None;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut queues = BTreeMap::new();
        for queue in value["queues"].as_array()? {
            let standing = Standing::of_name(queue["state"].as_str()?)?;
            let known = Known { standing, counts: Counts::of_json(&queue["counts"])? };
            queues.insert((text(&queue["vhost"])?, text(&queue["queue"])?), known);
        }
        let (from, to) = (text(&value["from"])?, text(&value["to"])?);
        Some(Self { from, to, has_definitions: value["definitions"].as_bool()?, queues })
    }
}

/// The file, held against a second run.
pub(super) struct StateFile {
    path: PathBuf,
    /// Locked as long as this lives.
    _lock: File,
}

impl StateFile {
    /// Opens it, or begins a new one; what an earlier run of the same migration left.
    pub(super) fn open(path: &Path, from: &str, to: &str) -> Result<(Self, State), MigrateError> {
        let fault = |reason: String| MigrateError::State { path: path.to_owned(), reason };
        let lock_path = beside(path, "lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = opened.map_err(|error| fault(format!("cannot write beside it: {error}")))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            fault(format!(
                "another migration uses it ({error}): give this one a file of its own with --state"
            ))
        })?;
        let state = match fs::read(path) {
            Ok(bytes) => {
                let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                State::of_json(&value).ok_or_else(|| {
                    fault("no state of a migration: name another file with --state".to_owned())
                })?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                State { from: from.to_owned(), to: to.to_owned(), ..State::default() }
            }
            Err(error) => return Err(fault(format!("cannot be read: {error}"))),
        };
        if (state.from.as_str(), state.to.as_str()) != (from, to) {
            let (old_from, old_to) = (&state.from, &state.to);
            return Err(fault(format!(
                "belongs to a migration from {old_from} to {old_to}: name another file with --state, or delete it"
            )));
        }
        Ok((Self { path: path.to_owned(), _lock: lock }, state))
    }

    /// Writes it: temporary file, sync, rename.
    pub(super) fn write(&self, state: &State) -> Result<(), MigrateError> {
        let new = beside(&self.path, "new");
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(format!("{:#}\n", state.to_json()).as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &self.path)
        });
        written.map_err(|error| MigrateError::State {
            path: self.path.clone(),
            reason: format!("cannot be written: {error}"),
        })
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        // One that is left is locked by nobody and in nobody's way.
        let _ = fs::remove_file(beside(&self.path, "lock"));
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_was_written_is_read_and_belongs_to_one_migration_at_a_time() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("state.json");
        let (file, mut state) = StateFile::open(&path, "a", "b").expect("a new file");
        state.has_definitions = true;
        let counts = Counts { moved: 4, recognised: 3, doubles: 2, redelivered: 1 };
        let known = Known { standing: Standing::Moving, counts };
        state.queues.insert(("/".to_owned(), "q \"1\"\n".to_owned()), known);
        file.write(&state).expect("written");
        let busy = StateFile::open(&path, "a", "b").err().expect("held").to_string();
        assert!(busy.contains("another migration uses it"), "{busy}");
        drop(file);
        let (_, read) = StateFile::open(&path, "a", "b").expect("free again");
        assert_eq!(read, state);
        let other = StateFile::open(&path, "a", "c").err().expect("another target").to_string();
        assert!(other.contains("--state"), "{other}");
        fs::write(&path, "{").expect("written");
        let broken = StateFile::open(&path, "a", "b").err().expect("no state").to_string();
        assert!(broken.contains("state.json"), "{broken}");
    }
}
