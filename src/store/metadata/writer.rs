//! The one thread that writes definitions: group commit, and the mirror when there is time for it.

use std::sync::Arc;

use super::MetadataOptions;
use super::database::Database;
use super::files::Files;
use super::guard;
use super::journal::Journal;
use super::mirror;
use super::queue::{Queue, Request, Turn, answer};
use crate::store::definitions::Encoded;
use crate::store::{Definitions, StoreError};

/// Everything that only the thread touches.
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) files: Files,
    pub(super) options: MetadataOptions,
    pub(super) database: Database,
    pub(super) journal: Journal,
    /// Of the last group that was stored.
    pub(super) generation: u64,
    /// Length of the mirror, and of which generation it is.
    pub(super) mirror: (u64, u64),
}

impl Writer {
    /// Works until the queue is closed or something fails. A panic is a failure like any other.
    pub(super) fn run(self) -> Result<(), StoreError> {
        let (queue, directory) = (self.queue.clone(), self.files.directory().to_path_buf());
        let result = guard::caught(move || self.work()).unwrap_or_else(|panic| {
            Err(StoreError::io("write", &directory, std::io::Error::other(panic)))
        });
        match &result {
            Ok(()) => queue.closed(),
            Err(error) => queue.stop(error),
        }
        result
    }

    fn work(mut self) -> Result<(), StoreError> {
        loop {
            let behind = self.mirror.1 != self.generation;
            match self.queue.next(behind.then_some(self.options.mirror_idle)) {
                Turn::Group(requests) => {
                    self.group(requests)?;
                    if self.journal.bytes() >= self.options.journal_bytes_max.max(self.mirror.0) {
                        self.write_mirror()?;
                    }
                }
                Turn::Idle => self.write_mirror()?,
                Turn::Close => return self.close(),
            }
        }
    }

    /// Lets go of the files. A mirror that cannot be written is reported last and loses nothing.
    fn close(mut self) -> Result<(), StoreError> {
        let mirrored =
            if self.mirror.1 == self.generation { Ok(()) } else { self.replace_mirror() };
        // Dropping sled writes, and may panic when it cannot.
        let Self { database, files, .. } = self;
        guard::caught(|| drop(database)).map_err(|panic| {
            StoreError::io("close", files.directory(), std::io::Error::other(panic))
        })?;
        mirrored
    }

    /// Stores a group and answers everybody in it.
    fn group(&mut self, requests: Vec<Request>) -> Result<(), StoreError> {
        let mut changes = Vec::new();
        let mut dones = Vec::with_capacity(requests.len());
        for request in requests {
            changes.extend(request.changes);
            dones.push(request.done);
        }
        let stored = guard::caught(|| self.store(&changes)).unwrap_or_else(|panic| {
            let cause = std::io::Error::other(panic);
            Err(StoreError::io("write", self.files.directory(), cause))
        });
        match &stored {
            Ok(()) => {
                let changes = changes.into_iter().map(|encoded| encoded.change);
                self.queue.definitions().apply_all(changes);
            }
            // Before anybody hears of it, nobody can add to it.
            Err(error) => self.queue.stop(error),
        }
        for done in dones {
            answer(done, stored.clone());
        }
        stored
    }

    /// The journal first and the database second, each synced: recovery builds on this order.
    fn store(&mut self, changes: &[Encoded]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let generation = self.generation + 1;
        self.journal.append(generation, changes)?;
        self.database.store(changes, Some(generation), 0)?;
        self.database.sync(&self.files)?;
        self.generation = generation;
        Ok(())
    }

    /// Writes the mirror and begins a new journal. A mirror that cannot be written is no loss, because
    /// the journal goes on: the status says it, and it is tried again soon. A journal that cannot be
    /// begun is final: which of the two files has the name is not known then.
    fn write_mirror(&mut self) -> Result<(), StoreError> {
        let result = self.replace_mirror();
        if result.is_ok() {
            self.journal = Journal::start(&self.files, self.generation)?;
        }
        self.queue.mirror_written(result);
        Ok(())
    }

    fn replace_mirror(&mut self) -> Result<(), StoreError> {
        let bytes = {
            let definitions = self.queue.definitions();
            encode(&self.files, &definitions, self.generation)?
        };
        self.files.replace(&self.files.mirror(), &bytes)?;
        self.mirror = (bytes.len() as u64, self.generation);
        Ok(())
    }
}

/// Writes a mirror and an empty journal behind it.
pub(super) fn write_shadow(
    files: &Files,
    definitions: &Definitions,
    generation: u64,
) -> Result<(Journal, u64), StoreError> {
    let bytes = encode(files, definitions, generation)?;
    files.replace(&files.mirror(), &bytes)?;
    Ok((Journal::start(files, generation)?, bytes.len() as u64))
}

fn encode(
    files: &Files,
    definitions: &Definitions,
    generation: u64,
) -> Result<Vec<u8>, StoreError> {
    mirror::encode(definitions, generation)
        .map_err(|text| StoreError::io("encode", &files.mirror(), std::io::Error::other(text)))
}
