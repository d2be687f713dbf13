//! The note that a log was closed: everything that happened to its messages is in it.
//!
//! Without the note, what was handed out last may not have been written, and nobody can say which
//! messages that were. The note is written as the last thing of a clean stop and taken away as the first
//! thing of a start. It names the last group, so that it does not count for a log that somebody without
//! knowledge of it has gone on with.
//!
//! ```text
//! 0   8  HareMQcs
//! 8   8  sequence of the last group
//! 16  4  CRC-32C of the bytes before
//! ```

use std::io::{self, IoSlice};

use crate::store::LogError;
use crate::store::file_layer::FileLayer;
use crate::store::segment_log::SegmentFiles;

const NAME: &str = "clean-stop";
const MAGIC: [u8; 8] = *b"HareMQcs";
const BYTES: usize = 20;

/// Says that the log was closed behind this group.
pub(in crate::store) fn write(files: &SegmentFiles, sequence: u64) -> Result<(), LogError> {
    let io = |action| move |error| LogError::io(action, &files.layer.path(NAME), error);
    remove_name(&*files.layer).map_err(io("remove"))?;
    let file = files.layer.create(NAME, BYTES as u64).map_err(io("create"))?;
    let bytes = encode(sequence);
    file.write_at(&mut [IoSlice::new(&bytes)], 0).map_err(io("write"))?;
    file.sync_data().map_err(io("sync"))?;
    files.layer.sync_dir().map_err(io("sync the folder of"))
}

/// Whether the log was closed behind this group.
pub(super) fn is_there(files: &SegmentFiles, sequence: u64) -> bool {
    let mut found = [0; BYTES];
    let Ok(file) = files.layer.open(NAME) else { return false };
    let whole = file.read_at(&mut found, 0).is_ok_and(|count| count == BYTES);
    whole && found == encode(sequence)
}

/// The log is open: the note is not true any more. Counts when the folder was synced.
pub(super) fn remove(files: &SegmentFiles) -> Result<(), LogError> {
    let removed = remove_name(&*files.layer);
    removed.map_err(|error| LogError::io("remove", &files.layer.path(NAME), error))
}

fn remove_name(layer: &dyn FileLayer) -> io::Result<()> {
    match layer.remove(NAME) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn encode(sequence: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..16].copy_from_slice(&sequence.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..16]);
    bytes[16..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}
