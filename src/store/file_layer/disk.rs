//! The operating system's files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use super::{FileLayer, LogFile};
use crate::base::limits::DISK_CALL_BYTES_MAX as CALL_BYTES_MAX;

/// A folder on disk.
pub struct DiskLayer {
    folder: PathBuf,
}

impl DiskLayer {
    /// The folder; it is created, durably, when it is not there.
    pub fn create(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(Self::existing(folder))
    }

    /// The folder as it is; nothing is created.
    #[must_use]
    pub fn existing(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }
}

impl FileLayer for DiskLayer {
    fn list(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)?;
        // A name that is not UTF-8 is none of ours.
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn LogFile>> {
        let path = self.path(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        if let Err(error) = reserve(&file, bytes) {
            drop(file);
            // Half a reservation is of no use; the first error is the one to hear about.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Arc::new(DiskFile { file }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        let path = self.path(name);
        let writable = OpenOptions::new().read(true).write(true).open(&path);
        // A check of somebody else's directory may not be allowed to write, and does not want to.
        let file = writable.or_else(|_| File::open(&path))?;
        Ok(Arc::new(DiskFile { file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

struct DiskFile {
    file: File,
}

impl LogFile for DiskFile {
    fn write_at(&self, mut pieces: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        IoSlice::advance_slices(&mut pieces, 0);
        while !pieces.is_empty() {
            let written = match whole_pieces(pieces) {
                // The first is larger than that, so the range is inside it.
                0 => rustix::io::pwrite(&self.file, &pieces[0][..CALL_BYTES_MAX], offset),
                whole => rustix::io::pwritev(&self.file, &pieces[..whole], offset),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut pieces, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn has_name(&self) -> io::Result<bool> {
        Ok(rustix::fs::fstat(&self.file)?.st_nlink > 0)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let end = buffer.len().min(filled + CALL_BYTES_MAX);
            match self.file.read_at(&mut buffer[filled..end], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn resize(&self, bytes: u64) -> io::Result<()> {
        if bytes > self.length()? { reserve(&self.file, bytes) } else { self.file.set_len(bytes) }
    }
}

/// Reserves blocks where the file system can, and at least the length where it cannot.
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(bytes),
        other => other.map_err(io::Error::from),
    }
}

/// How many of the pieces go into one call whole; none when the first is larger than a call may be.
fn whole_pieces(pieces: &[IoSlice<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |piece: &&IoSlice<'_>| {
        bytes += piece.len();
        bytes <= CALL_BYTES_MAX
    };
    pieces.iter().take(PIECES_PER_CALL_MAX).take_while(fits).count()
}

/// Linux takes 1,024 pieces in one call.
const PIECES_PER_CALL_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_written_one_after_the_other() {
        let folder = tempfile::tempdir().expect("a folder for tests");
        let layer = DiskLayer::create(&folder.path().join("log")).expect("it can be created");
        let file = layer.create("a", 4096).expect("there is room");
        let many: Vec<[u8; 2]> = (0..3000u16).map(u16::to_be_bytes).collect();
        let mut pieces: Vec<IoSlice<'_>> = many.iter().map(|piece| IoSlice::new(piece)).collect();
        file.write_at(&mut pieces, 10).expect("it can be written");
        let mut read = vec![0; 6000];
        assert_eq!(file.read_at(&mut read, 10).expect("it can be read"), 6000);
        assert_eq!(read, many.concat());
        assert_eq!(file.length().expect("it has a length"), 6010);
        assert_eq!(layer.list().expect("the folder is there"), ["a"]);
    }

    #[test]
    fn one_call_takes_whole_pieces_up_to_its_bound() {
        let (small, half, large) =
            (vec![1; 10], vec![2; CALL_BYTES_MAX / 2], vec![3; CALL_BYTES_MAX + 1]);
        let [small, half, large] = [&small, &half, &large].map(|bytes| IoSlice::new(bytes));
        assert_eq!(whole_pieces(&[small, half, small]), 3);
        assert_eq!(whole_pieces(&[half, half, small]), 2);
        assert_eq!(whole_pieces(&[half, small, half]), 2);
        assert_eq!(whole_pieces(&[small, large, small]), 1);
        assert_eq!(whole_pieces(&[large, small]), 0, "a part of it goes alone");
        assert_eq!(whole_pieces(&vec![small; 3000]), PIECES_PER_CALL_MAX);
    }

    #[test]
    fn pieces_larger_than_a_call_are_written_and_read_whole() {
        let folder = tempfile::tempdir().expect("a folder for tests");
        let layer = DiskLayer::create(folder.path()).expect("it can be created");
        let file = layer.create("a", 4096).expect("there is room");
        let large: Vec<u8> = (0..u32::try_from(CALL_BYTES_MAX).expect("it is small"))
            .flat_map(u32::to_be_bytes)
            .collect();
        file.write_at(
            &mut [IoSlice::new(b"before"), IoSlice::new(&large), IoSlice::new(b"after")],
            3,
        )
        .expect("it can be written");
        let mut read = vec![0; large.len() + 11];
        assert_eq!(file.read_at(&mut read, 3).expect("it can be read"), read.len());
        assert!(read.starts_with(b"before") && read.ends_with(b"after"));
        assert!(read[6..large.len() + 6] == large[..], "the large piece is as it was");
    }

    #[test]
    fn a_file_of_a_deleted_folder_has_no_name() {
        let folder = tempfile::tempdir().expect("a folder for tests");
        let layer = DiskLayer::create(&folder.path().join("log")).expect("it can be created");
        let file = layer.create("a", 4096).expect("there is room");
        layer.rename("a", "b").expect("it is there");
        assert!(file.has_name().expect("it is open"), "another name is a name");
        fs::remove_dir_all(folder.path().join("log")).expect("it can be deleted");
        assert!(!file.has_name().expect("it is open"));
        assert_eq!(file.length().expect("it is open"), 4096, "the system says nothing by itself");
    }

    #[test]
    fn a_new_file_has_its_room_and_reads_as_zero() {
        let folder = tempfile::tempdir().expect("a folder for tests");
        let layer = DiskLayer::create(folder.path()).expect("it can be created");
        let file = layer.create("a", 1 << 20).expect("there is room");
        assert_eq!(file.length().expect("it has a length"), 1 << 20);
        let mut read = vec![7; 100];
        assert_eq!(file.read_at(&mut read, (1 << 20) - 50).expect("it can be read"), 50);
        assert_eq!(read[..50], [0; 50]);
        file.resize(10).expect("it can be cut");
        assert_eq!(file.length().expect("it has a length"), 10);
    }
}
