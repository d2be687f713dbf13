//! The store on disk, as its users hold it.

use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::files::Files;
use super::journal::Journal;
use super::queue::{Queue, Request};
use super::recovery::{Recovered, recover};
use super::writer::{Writer, write_shadow};
use super::{Done, MetadataOptions, MetadataStatus, MetadataStore, OpenReport, Source};
use crate::store::definitions::Encoded;
use crate::store::{Change, Definitions, StoreError};

/// Definitions on disk. Dropping it closes it.
pub struct SledMetadata {
    queue: Arc<Queue>,
    /// Gone once the store is closed.
    running: Mutex<Option<Running>>,
}

struct Running {
    writer: JoinHandle<Result<(), StoreError>>,
    /// Held after the writer has let go of the files, and not longer.
    _lock: File,
}

/// An open store and what was in it.
pub struct Opened {
    /// The store.
    pub store: SledMetadata,
    /// What was stored.
    pub definitions: Definitions,
    /// What opening found: to be logged by the caller.
    pub report: OpenReport,
}

impl SledMetadata {
    /// Opens the definitions in this directory, which is created when it is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has them, [`StoreError::NewerFormat`] when a newer
    /// broker wrote them, [`StoreError::Damaged`] when neither of both copies is whole, and
    /// [`StoreError::Io`] when the system refuses. Never does it give less than what was acknowledged
    /// without a warning in the report.
    pub fn open(directory: &Path, options: MetadataOptions) -> Result<Opened, StoreError> {
        let files = Files::open(directory, Arc::clone(&options.syncer))?;
        let lock = files.lock()?;
        let mut recovered = recover(&files, options.open_timeout)?;
        let (journal, mirror) = start_shadow(&files, &mut recovered)?;
        let Recovered { database, definitions, generation, report, .. } = recovered;
        let queue = Arc::new(Queue::new(directory, definitions.clone()));
        let writer = Writer {
            queue: Arc::clone(&queue),
            files,
            options,
            database,
            journal,
            generation,
            mirror,
            refused: None,
        };
        let thread = thread::Builder::new().name("definitions".to_owned());
        let writer = thread
            .spawn(move || writer.run())
            .map_err(|cause| StoreError::io("start the writer of", directory, cause))?;
        let running = Mutex::new(Some(Running { writer, _lock: lock }));
        Ok(Opened { store: Self { queue, running }, definitions, report })
    }
}

/// Makes mirror and journal say what was recovered. When they say it already, nothing is written, so
/// that a start needs no room on the disk. What was damaged in them is kept beside. Gives the journal, and
/// the length and the generation of the mirror.
fn start_shadow(
    files: &Files,
    recovered: &mut Recovered,
) -> Result<(Journal, (u64, u64)), StoreError> {
    let Recovered { definitions, generation, .. } = &*recovered;
    let mirror = files.mirror();
    let mirror_bytes = || match fs::metadata(&mirror) {
        Ok(found) => Ok(found.len()),
        Err(cause) => Err(StoreError::io("read", &mirror, cause)),
    };
    if let Some(whole) = &recovered.shadow {
        let journal = Journal::resume(files, whole.journal_bytes)?;
        return Ok((journal, (mirror_bytes()?, whole.mirror_generation)));
    }
    if recovered.mirror_is_current {
        return Ok((Journal::start(files, *generation)?, (mirror_bytes()?, *generation)));
    }
    let mut kept = Vec::new();
    if recovered.mirror_was_damaged && recovered.report.source != Source::New {
        for path in [mirror, files.journal()] {
            kept.extend(files.copy_aside(&path)?);
        }
    }
    let (journal, bytes) = write_shadow(files, definitions, *generation)?;
    let shadow = (journal, (bytes, *generation));
    let kept = kept.iter().map(|path| format!("a copy is kept as {}", path.display()));
    recovered.report.warnings.extend(kept);
    Ok(shadow)
}

impl MetadataStore for SledMetadata {
    fn load(&self) -> Definitions {
        self.queue.definitions().clone()
    }

    fn apply(&self, changes: Vec<Change>, done: Done) {
        let changes: Result<Vec<_>, _> = changes.into_iter().map(Encoded::new).collect();
        match changes {
            Ok(changes) => self.queue.push(Request { changes, done }),
            Err(error) => done(Err(error)),
        }
    }

    fn status(&self) -> MetadataStatus {
        self.queue.status()
    }

    fn close(&self) -> Result<(), StoreError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else { return Ok(()) };
        self.queue.close();
        // The writer catches its panics; should one come through all the same, its text was printed.
        running.writer.join().unwrap_or_else(|_| {
            Err(StoreError::Closed { path: self.queue.directory().to_path_buf() })
        })
    }
}

impl Drop for SledMetadata {
    fn drop(&mut self) {
        // Nobody is left to be told; what was acknowledged is on the disk whatever this says.
        let _ = self.close();
    }
}
