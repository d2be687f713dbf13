//! A folder in memory that knows what a power cut would leave of it.
//!
//! Every operation that changes something is counted; at a number given before, the machine "crashes":
//! that operation and all later ones fail. [`SimulatedLayer::after_crash`] gives the folder that is
//! found afterwards: the durable image with nothing, all, or some of the unsynced sectors and names.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{FileLayer, LogFile};

const SECTOR: usize = 512;

/// What is left of the unsynced part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CrashImage {
    /// Nothing.
    Lost,
    /// Everything: the process was killed, the machine was not.
    Kept,
    /// The first sectors in the order of their place, up to some point.
    Torn(u64),
    /// Any sectors, also later ones without earlier ones.
    Reordered(u64),
}

/// See the module. Clones are the same folder.
#[derive(Clone, Default)]
pub struct SimulatedLayer {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    name_changes: Vec<NameChange>,
    operations: u64,
    crash_at: Option<u64>,
    capacity: Option<u64>,
    refuse_writes: bool,
    fail_sync_at: Option<u64>,
    syncs: u64,
    written: u64,
    folder_is_gone: bool,
}

#[derive(Clone, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Clone)]
enum NameChange {
    Add(String, usize),
    Rename(String, String),
    Remove(String),
}

impl SimulatedLayer {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The operation with this number (from 1) and all later ones fail.
    pub fn crash_at(&self, operation: u64) {
        self.lock().crash_at = Some(operation);
    }

    /// How many operations there were that change something.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// How many bytes were written.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.lock().written
    }

    /// How many files were made durable, counting repetitions.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// The bytes of all files together.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.lock().used()
    }

    /// From now on no more than this many bytes fit; `None` for no bound.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().capacity = bytes;
    }

    /// Whether every write finds the disk full, also into room that was reserved.
    pub fn refuse_writes(&self, refuse: bool) {
        self.lock().refuse_writes = refuse;
    }

    /// The n-th `sync_data` from now on (from 1) fails, and its data is lost.
    pub fn fail_sync(&self, nth: u64) {
        let mut disk = self.lock();
        disk.fail_sync_at = Some(disk.syncs + nth);
    }

    /// Somebody deletes the folder with everything in it; who has a file open notices nothing.
    pub fn delete_folder(&self) {
        let mut disk = self.lock();
        disk.names.clear();
        disk.durable_names.clear();
        disk.name_changes.clear();
        disk.folder_is_gone = true;
    }

    /// Turns one bit of the live and the durable image.
    pub fn flip_bit(&self, name: &str, offset: usize) {
        let mut disk = self.lock();
        let Some(&file) = disk.names.get(name) else { return };
        let content = &mut disk.files[file];
        content.live[offset] ^= 1;
        if let Some(byte) = content.durable.get_mut(offset) {
            *byte ^= 1;
        }
    }

    /// The live bytes of a file.
    #[must_use]
    pub fn bytes_of(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.lock();
        disk.names.get(name).map(|file| disk.files[*file].live.clone())
    }

    /// The folder as it is found after a crash now.
    #[must_use]
    pub fn after_crash(&self, image: CrashImage) -> Self {
        let disk = self.lock();
        let mut dice = Dice(match image {
            CrashImage::Lost | CrashImage::Kept => 1,
            CrashImage::Torn(seed) | CrashImage::Reordered(seed) => seed | 1,
        });
        let names_kept = match image {
            CrashImage::Lost => 0,
            CrashImage::Kept => disk.name_changes.len(),
            CrashImage::Torn(_) | CrashImage::Reordered(_) => {
                dice.below(disk.name_changes.len() + 1)
            }
        };
        let mut names = disk.durable_names.clone();
        for change in &disk.name_changes[..names_kept] {
            change.apply(&mut names);
        }
        let files = disk.files.iter().map(|file| file.after_crash(image, &mut dice)).collect();
        let found = Disk { files, durable_names: names.clone(), names, ..Disk::default() };
        Self { disk: Arc::new(Mutex::new(found)) }
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// Counts an operation; from the crash on it fails.
    fn step(&mut self) -> io::Result<()> {
        self.operations += 1;
        if self.crash_at.is_some_and(|at| self.operations >= at) {
            return Err(io::Error::other("the simulated machine has crashed"));
        }
        Ok(())
    }

    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].live.len() as u64).sum()
    }

    fn check_room(&self, more: u64) -> io::Result<()> {
        if self.capacity.is_some_and(|capacity| self.used() + more > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Nothing is created, listed or synced in a folder that is not there.
    fn check_folder(&self) -> io::Result<()> {
        if self.folder_is_gone { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) }
    }

    fn file_of(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Add(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

impl Content {
    fn after_crash(&self, image: CrashImage, dice: &mut Dice) -> Self {
        let dirty: Vec<usize> = self.dirty.iter().copied().collect();
        let kept: Vec<usize> = match image {
            CrashImage::Lost => Vec::new(),
            CrashImage::Kept => dirty,
            CrashImage::Torn(_) => {
                let count = dice.below(dirty.len() + 1);
                dirty[..count].to_vec()
            }
            CrashImage::Reordered(_) => dirty.into_iter().filter(|_| dice.below(2) == 0).collect(),
        };
        let mut durable = self.durable.clone();
        if image == CrashImage::Kept {
            durable.clone_from(&self.live);
        }
        for sector in kept {
            let start = sector * SECTOR;
            let end = (start + SECTOR).min(self.live.len());
            if start < end {
                if durable.len() < end {
                    durable.resize(end, 0);
                }
                durable[start..end].copy_from_slice(&self.live[start..end]);
            }
        }
        // The length of a file is written apart from its sectors, and may be there before them.
        if let CrashImage::Reordered(_) = image
            && self.live.len() < durable.len()
            && dice.below(2) == 0
        {
            durable.truncate(self.live.len());
        }
        Self { live: durable.clone(), durable, dirty: BTreeSet::new() }
    }
}

impl FileLayer for SimulatedLayer {
    fn list(&self) -> io::Result<Vec<String>> {
        let disk = self.lock();
        disk.check_folder()?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn LogFile>> {
        let mut disk = self.lock();
        disk.step()?;
        disk.check_folder()?;
        disk.check_room(bytes)?;
        if disk.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = disk.files.len();
        let live = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        disk.files.push(Content { live, ..Content::default() });
        disk.change_name(NameChange::Add(name.to_owned(), file));
        Ok(Arc::new(SimulatedFile { layer: self.clone(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        let file = self.lock().file_of(name)?;
        Ok(Arc::new(SimulatedFile { layer: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.lock();
        disk.step()?;
        disk.file_of(from)?;
        disk.change_name(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.lock();
        disk.step()?;
        disk.file_of(name)?;
        disk.change_name(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut disk = self.lock();
        disk.step()?;
        disk.check_folder()?;
        disk.durable_names = disk.names.clone();
        disk.name_changes.clear();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("simulated").join(name)
    }
}

struct SimulatedFile {
    layer: SimulatedLayer,
    file: usize,
}

impl LogFile for SimulatedFile {
    fn write_at(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut disk = self.layer.lock();
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let crashed = disk.step();
        // A write during which the power goes may have reached the page cache: its sectors are dirty.
        if disk.crash_at.is_some_and(|at| disk.operations > at) {
            return crashed;
        }
        if disk.refuse_writes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let grows = (start + total).saturating_sub(disk.files[self.file].live.len());
        disk.check_room(grows as u64)?;
        disk.written += total as u64;
        let content = &mut disk.files[self.file];
        if content.live.len() < start + total {
            content.live.resize(start + total, 0);
        }
        let mut at = start;
        for piece in pieces.iter() {
            content.live[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
        if total > 0 {
            content.dirty.extend(start / SECTOR..=(start + total - 1) / SECTOR);
        }
        crashed
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.layer.lock();
        disk.step()?;
        disk.syncs += 1;
        if disk.fail_sync_at.is_some_and(|at| disk.syncs >= at) {
            // As Linux does: the pages are marked clean, and were not written.
            disk.files[self.file].dirty.clear();
            return Err(io::Error::other("a simulated input/output error"));
        }
        let content = &mut disk.files[self.file];
        let Content { live, durable, dirty } = content;
        durable.resize(live.len(), 0);
        for sector in std::mem::take(dirty) {
            let start = (sector * SECTOR).min(live.len());
            let end = (start + SECTOR).min(live.len());
            durable[start..end].copy_from_slice(&live[start..end]);
        }
        Ok(())
    }

    fn has_name(&self) -> io::Result<bool> {
        Ok(self.layer.lock().names.values().any(|file| *file == self.file))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = self.layer.lock();
        let live = &disk.files[self.file].live;
        let start = usize::try_from(offset).map_err(io::Error::other)?.min(live.len());
        let count = buffer.len().min(live.len() - start);
        buffer[..count].copy_from_slice(&live[start..start + count]);
        Ok(count)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.layer.lock().files[self.file].live.len() as u64)
    }

    fn resize(&self, bytes: u64) -> io::Result<()> {
        let mut disk = self.layer.lock();
        disk.step()?;
        let more = bytes.saturating_sub(disk.files[self.file].live.len() as u64);
        disk.check_room(more)?;
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        disk.files[self.file].live.resize(length, 0);
        Ok(())
    }
}

/// A few pseudo-random numbers from a seed (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % (bound.max(1) as u64)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: &Arc<dyn LogFile>, byte: u8, offset: u64) {
        file.write_at(&mut [IoSlice::new(&[byte; 1024])], offset).expect("it can be written");
    }

    #[test]
    fn a_crash_leaves_what_was_synced_and_perhaps_more() {
        let layer = SimulatedLayer::new();
        let file = layer.create("a", 4096).expect("there is room");
        write(&file, 1, 0);
        file.sync_data().expect("it can be synced");
        layer.sync_dir().expect("it can be synced");
        write(&file, 2, 1024);
        let lost = layer.after_crash(CrashImage::Lost).bytes_of("a").expect("it is there");
        assert_eq!((lost[1023], lost[1024]), (1, 0));
        let kept = layer.after_crash(CrashImage::Kept).bytes_of("a").expect("it is there");
        assert_eq!((kept[1023], kept[1024], kept[2047]), (1, 2, 2));
        let torn: BTreeSet<_> = (0..64)
            .map(|seed| {
                let image = layer.after_crash(CrashImage::Reordered(seed));
                let bytes = image.bytes_of("a").expect("it is there");
                (bytes[1024], bytes[1536])
            })
            .collect();
        assert_eq!(torn.len(), 4, "every mixture of two sectors comes up: {torn:?}");
    }

    #[test]
    fn a_name_that_was_not_synced_is_gone() {
        let layer = SimulatedLayer::new();
        layer.create("a", 10).expect("there is room");
        layer.sync_dir().expect("it can be synced");
        layer.rename("a", "b").expect("it is there");
        assert_eq!(layer.list().expect("it can be read"), ["b"]);
        let found = layer.after_crash(CrashImage::Lost);
        assert_eq!(found.list().expect("it can be read"), ["a"]);
    }

    #[test]
    fn after_the_crash_nothing_works() {
        let layer = SimulatedLayer::new();
        let file = layer.create("a", 10).expect("there is room");
        layer.crash_at(2);
        assert!(file.sync_data().is_err());
        assert!(layer.sync_dir().is_err());
    }

    #[test]
    fn a_full_disk_says_so_and_takes_more_when_there_is_room() {
        let layer = SimulatedLayer::new();
        layer.set_capacity(Some(100));
        let error = layer.create("a", 200).err().expect("it is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        layer.set_capacity(None);
        assert!(layer.create("a", 200).is_ok());
    }
}
