//! The one thread that writes definitions: group commit, and the mirror when there is time for it.

use std::sync::Arc;

use super::database::Database;
use super::files::Files;
use super::guard;
use super::journal::Journal;
use super::mirror;
use super::queue::{Queue, Request, Turn, answer};
use super::{Done, MetadataOptions};
use crate::store::definitions::{Encoded, expand};
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
    /// Why changes were refused while the store was closing.
    pub(super) refused: Option<StoreError>,
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
            let idle = behind.then_some(self.options.mirror_idle);
            match self.queue.next(idle, self.options.full_retry) {
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
        let Self { database, files, refused, .. } = self;
        guard::caught(|| drop(database)).map_err(|panic| {
            StoreError::io("close", files.directory(), std::io::Error::other(panic))
        })?;
        refused.map_or(mirrored, Err)
    }

    /// Stores a group and answers everybody in it. A group that finds no room on the disk waits.
    fn group(&mut self, requests: Vec<Request>) -> Result<(), StoreError> {
        let mut changes = Vec::new();
        let mut dones = Vec::with_capacity(requests.len());
        for Request { changes: requested, done } in requests {
            let requested = expand(requested, &changes, &self.queue.definitions());
            dones.push((requested.len(), done));
            changes.extend(requested);
        }
        let stored = guard::caught(|| self.store(&changes)).unwrap_or_else(|panic| {
            let cause = std::io::Error::other(panic);
            Err(StoreError::io("write", self.files.directory(), cause))
        });
        match &stored {
            Err(error) if error.is_full() => {
                self.wait_for_room(changes, dones, error);
                return Ok(());
            }
            Ok(()) => {
                self.queue.has_room();
                let changes = changes.into_iter().map(|encoded| encoded.change);
                self.queue.definitions().apply_all(changes);
            }
            // Before anybody hears of it, nobody can add to it.
            Err(error) => self.queue.stop(error),
        }
        for (_, done) in dones {
            answer(done, stored.clone());
        }
        stored
    }

    /// Nothing of a group was written: it is given back, or refused when the store is closing.
    fn wait_for_room(
        &mut self,
        mut changes: Vec<Encoded>,
        dones: Vec<(usize, Done)>,
        full: &StoreError,
    ) {
        let own = |(count, done)| Request { changes: changes.drain(..count).collect(), done };
        let requests: Vec<Request> = dones.into_iter().map(own).collect();
        if let Err(requests) = self.queue.give_back(requests, full) {
            for request in requests {
                answer(request.done, Err(full.clone()));
            }
            self.refused = Some(full.clone());
        }
    }

    /// The journal first and the database second, each synced: recovery builds on this order. A disk
    /// without room is met before the first of them; where room cannot be reserved, the journal meets it,
    /// and behind the journal it is as final as any other failure.
    fn store(&mut self, changes: &[Encoded]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let generation = self.generation + 1;
        let bytes: usize = changes.iter().map(Encoded::waiting_bytes).sum();
        self.database.reserve(&self.files, bytes as u64)?;
        self.journal.append(generation, changes)?;
        let stored = self.database.store(changes, Some(generation), 0);
        let stored = stored.and_then(|()| self.database.sync(&self.files));
        stored.map_err(|error| if error.is_full() { error.stopped() } else { error })?;
        self.generation = generation;
        Ok(())
    }

    /// Writes the mirror and begins a new journal. A mirror or a journal that cannot be written is no
    /// loss, because the old journal goes on: the status says it, and it is tried again soon. A journal
    /// that cannot be put in its place is final: which of the two files has the name is not known then.
    fn write_mirror(&mut self) -> Result<(), StoreError> {
        let prepared =
            self.replace_mirror().and_then(|()| Journal::prepare(&self.files, self.generation));
        let result = match prepared {
            Ok(journal) => {
                self.files.put_in_place(&self.files.journal())?;
                self.journal = journal;
                Ok(())
            }
            Err(error) => Err(error),
        };
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
