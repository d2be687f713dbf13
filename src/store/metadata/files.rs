//! The files of a store of definitions: their names, and the few moves that survive a power cut.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{SyncPoint, Syncer};
use crate::store::StoreError;

/// One directory and what stands where in it.
#[derive(Clone)]
pub(super) struct Files {
    directory: PathBuf,
    syncer: Arc<dyn Syncer>,
}

impl Files {
    /// The directory, created when it is missing.
    pub(super) fn open(directory: &Path, syncer: Arc<dyn Syncer>) -> Result<Self, StoreError> {
        let files = Self::existing(directory, syncer);
        if !directory.is_dir() {
            create_directory(directory)?;
            if let Some(parent) = directory.parent().filter(|parent| parent.is_dir()) {
                files.sync_directory(parent)?;
            }
        }
        Ok(files)
    }

    /// The directory as it is; nothing is created.
    pub(super) fn existing(directory: &Path, syncer: Arc<dyn Syncer>) -> Self {
        Self { directory: directory.to_path_buf(), syncer }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn mirror(&self) -> PathBuf {
        self.directory.join("definitions.json")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.directory.join("definitions.journal")
    }

    /// The directory of the database with this number. A rebuilt one gets the next number and not the
    /// old name: a thread that still hangs in the damaged one must not write into it.
    pub(super) fn database(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{LIVE}{number}"))
    }

    pub(super) fn lock_path(&self) -> PathBuf {
        self.directory.join("definitions.lock")
    }

    /// Takes the lock that makes this process the only one here; it lasts as long as the handle.
    pub(super) fn lock(&self) -> Result<File, StoreError> {
        let path = self.lock_path();
        let file = private_file()
            .truncate(false)
            .open(&path)
            .map_err(|cause| StoreError::io("create", &path, cause))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
            Err(TryLockError::Error(cause)) => Err(StoreError::io("lock", &path, cause)),
        }
    }

    /// The numbers of the databases that are there.
    pub(super) fn databases(&self) -> Result<Vec<u64>, StoreError> {
        self.numbers(LIVE)
    }

    /// Whether a database was ever moved aside here.
    pub(super) fn has_damaged(&self) -> Result<bool, StoreError> {
        Ok(!self.numbers(DAMAGED)?.is_empty())
    }

    /// Moves a database out of the way for whoever wants to look into it; returns where it is.
    pub(super) fn move_aside(&self, number: u64) -> Result<PathBuf, StoreError> {
        let from = self.database(number);
        let next = self.numbers(DAMAGED)?.into_iter().max().unwrap_or(0) + 1;
        let to = self.directory.join(format!("{DAMAGED}{next}"));
        fs::rename(&from, &to).map_err(|cause| StoreError::io("move aside", &from, cause))?;
        self.sync_directory(&self.directory)?;
        Ok(to)
    }

    /// Keeps a copy of a file that is about to be replaced, and says where; `None` when there is none.
    pub(super) fn copy_aside(&self, path: &Path) -> Result<Option<PathBuf>, StoreError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let prefix = format!("{name}.damaged-");
        let next = self.numbers(&prefix)?.into_iter().max().unwrap_or(0) + 1;
        let to = self.directory.join(format!("{prefix}{next}"));
        match fs::copy(path, &to) {
            Ok(_) => Ok(Some(to)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(StoreError::io("copy", path, cause)),
        }
    }

    /// The bytes of a file; `None` when there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(StoreError::io("read", path, cause)),
        }
    }

    /// Puts a new file in the place of an old one so that one of both is there whole whatever happens
    /// in between. Returns the new one, open behind its last byte.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<File, StoreError> {
        let file = self.prepare(path, bytes)?;
        self.put_in_place(path)?;
        Ok(file)
    }

    /// The first half of [`Self::replace`]: the new file lies beside the old one, which still counts.
    pub(super) fn prepare(&self, path: &Path, bytes: &[u8]) -> Result<File, StoreError> {
        let new = beside(path);
        let mut file = private_file()
            .truncate(true)
            .open(&new)
            .map_err(|cause| StoreError::io("create", &new, cause))?;
        let written = file.write_all(bytes).map_err(|cause| StoreError::io("write", &new, cause));
        if let Err(error) = written.and_then(|()| self.sync(SyncPoint::Replacement, &file, &new)) {
            // Half a file is of no use, and takes room on what may be a full disk.
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        Ok(file)
    }

    /// The second half. When it fails, which of both files has the name is not known.
    pub(super) fn put_in_place(&self, path: &Path) -> Result<(), StoreError> {
        let new = beside(path);
        fs::rename(&new, path).map_err(|cause| StoreError::io("replace", path, cause))?;
        self.sync_directory(&self.directory)
    }

    /// Reserves blocks for the first `bytes` bytes of a file.
    pub(super) fn reserve(
        &self,
        point: SyncPoint,
        (file, path): (&File, &Path),
        bytes: u64,
    ) -> Result<(), StoreError> {
        let reserved = self.syncer.reserve(point, file, bytes);
        reserved.map_err(|cause| StoreError::io("write", path, cause))
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(
        &self,
        point: SyncPoint,
        file: &File,
        path: &Path,
    ) -> Result<(), StoreError> {
        self.syncer.sync(point, file).map_err(|cause| StoreError::io("sync", path, cause))
    }

    /// Fails when a file has no name any more: somebody deleted it, and mostly its directory with it,
    /// and what is written there goes with this process.
    pub(super) fn check_name(file: &File, path: &Path) -> Result<(), StoreError> {
        let found = file.metadata().map_err(|cause| StoreError::io("look at", path, cause))?;
        #[cfg(unix)]
        if std::os::unix::fs::MetadataExt::nlink(&found) == 0 {
            return Err(StoreError::Deleted { path: path.to_path_buf() });
        }
        Ok(())
    }

    /// Brings the entries of a directory to the disk.
    pub(super) fn sync_directory(&self, path: &Path) -> Result<(), StoreError> {
        let directory = File::open(path).map_err(|cause| StoreError::io("open", path, cause))?;
        self.sync(SyncPoint::Directory, &directory, path)
    }

    /// The numbers at the end of entries that begin with `prefix`.
    fn numbers(&self, prefix: &str) -> Result<Vec<u64>, StoreError> {
        let list = |cause| StoreError::io("list", &self.directory, cause);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(list)? {
            let name = entry.map_err(list)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(numbers)
    }
}

const LIVE: &str = "definitions-";
const DAMAGED: &str = "definitions.damaged-";

/// Where a file is written that will take the place of this one.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// The files hold password hashes: nobody but the broker's user reads them.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates a directory, and what leads to it, for the broker's user only.
pub(super) fn create_directory(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| StoreError::io("create", path, cause))
}
