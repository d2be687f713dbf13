//! Definitions of a broker that is not running, read without touching them.
//!
//! Mirror and journal are read first: together they hold every group that was acknowledged, because a
//! group goes to the journal first. Only when they are not whole, the database is asked. Opening it
//! writes into it, so that is done to a copy in the system's folder for temporary files.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::DiskSync;
use super::database::Database;
use super::files::{Files, create_directory};
use super::guard;
use super::shadow::Shadow;
use crate::store::{Definitions, StoreError};

/// How long the copy of a database may take to be read: a damaged one can hang.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(20);

/// What a directory of definitions says. While this lives, no broker starts in the directory.
pub struct ReadOnlyDefinitions {
    /// What mirror and journal say together; when they do not, what the database or the journal says;
    /// `None` when neither of them is whole.
    pub definitions: Option<Definitions>,
    /// What is missing or damaged, as sentences.
    pub problems: Vec<String>,
    _lock: Option<File>,
}

impl ReadOnlyDefinitions {
    /// Reads the directory; writes and creates nothing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when a broker uses the directory, [`StoreError::NewerFormat`] when a newer
    /// one wrote it, and [`StoreError::Io`] when the system refuses.
    pub fn read(directory: &Path) -> Result<Self, StoreError> {
        let files = Files::existing(directory, Arc::new(DiskSync));
        let lock = lock(&files)?;
        let shadow = Shadow::read(&files)?;
        let mut problems = shadow.problems(&files);
        let definitions = match &shadow.known {
            Some((definitions, _)) => Some(definitions.clone()),
            None => without_mirror(&files, &shadow, &mut problems)?,
        };
        Ok(Self { definitions, problems, _lock: lock })
    }
}

/// What the database says, brought up to date by the journal; or a journal that has everything since
/// the beginning.
fn without_mirror(
    files: &Files,
    shadow: &Shadow,
    problems: &mut Vec<String>,
) -> Result<Option<Definitions>, StoreError> {
    let read = match files.databases()?.into_iter().max() {
        Some(number) => read_copy(&files.database(number)),
        None => Err("the database of definitions is missing".to_owned()),
    };
    let cause = match read {
        Ok((definitions, generation)) => match shadow.roll_forward(definitions, generation) {
            Some(definitions) => {
                problems.push("the names were taken from the database of definitions".to_owned());
                return Ok(Some(definitions));
            }
            None => "the database of definitions has lost something".to_owned(),
        },
        Err(cause) => cause,
    };
    problems.push(cause);
    let whole = shadow.since_the_beginning();
    if whole.is_some() {
        problems.push("the names were taken from the journal of definitions".to_owned());
    }
    Ok(whole)
}

/// Reads a copy of a database, and takes the copy away.
fn read_copy(database: &Path) -> Result<(Definitions, u64), String> {
    let copy = Copy::of(database)
        .map_err(|cause| format!("{} cannot be copied: {cause}", database.display()))?;
    let path = copy.0.clone();
    let read = guard::within(DATABASE_TIMEOUT, move || {
        let (database, definitions) =
            Database::open(&path).map_err(|fault| format!("{fault:?}"))?;
        let generation = database.generation().ok_or("it was never completed")?;
        Ok::<_, String>((definitions, generation))
    });
    let read = read.unwrap_or_else(|_| Err("reading it panicked or did not end".to_owned()));
    read.map_err(|cause| format!("{} is not usable: {cause}", database.display()))
}

/// A folder for temporary files, removed when it is dropped.
struct Copy(PathBuf);

impl Copy {
    fn of(directory: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("haremq-definitions-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Names and password hashes are for nobody else, so it must be ours alone.
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        let copy = Self(path);
        copy_files(directory, &copy.0)?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left is a copy in a folder that the system tidies up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let (entry, to) = (entry?.path(), to);
        let Some(name) = entry.file_name() else { continue };
        if entry.is_dir() {
            create_directory(&to.join(name)).map_err(io::Error::other)?;
            copy_files(&entry, &to.join(name))?;
        } else {
            fs::copy(&entry, to.join(name))?;
        }
    }
    Ok(())
}

/// Shares the lock with other readers; a broker wants it alone. Without the file there never was one.
fn lock(files: &Files) -> Result<Option<File>, StoreError> {
    let path = files.lock_path();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(StoreError::io("open", &path, cause)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(cause)) => Err(StoreError::io("lock", &path, cause)),
    }
}
