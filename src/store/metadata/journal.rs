//! `definitions.journal`: every group of changes since the mirror was written, one per line.
//!
//! ```text
//! <CRC-32 in 8 hex digits> <generation> {"haremq_journal":"1.2"}      first line; the mirror's generation
//! <CRC-32 in 8 hex digits> <generation> [change, change, …]           a group; generations follow on
//! ```
//!
//! The checksum is over everything between the space behind it and the line feed. A last line that is
//! not whole is a group whose writing was cut off, and which nobody was told is stored.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};

use serde::{Deserialize, Serialize};

use super::SyncPoint;
use super::files::Files;
use super::mirror::Unreadable;
use crate::store::definitions::Encoded;
use crate::store::{Change, FormatVersion, StoreError};

/// The journal that is written to.
pub(super) struct Journal {
    files: Files,
    file: File,
    bytes: u64,
}

impl Journal {
    /// A new journal in the place of the old one, for what follows a mirror of this generation.
    pub(super) fn start(files: &Files, generation: u64) -> Result<Self, StoreError> {
        let journal = Self::prepare(files, generation)?;
        files.put_in_place(&files.journal())?;
        Ok(journal)
    }

    /// A new journal beside the old one, which still counts.
    pub(super) fn prepare(files: &Files, generation: u64) -> Result<Self, StoreError> {
        let first = FirstLine { haremq_journal: FormatVersion::CURRENT };
        let line = json(&first, files).map(|json| line(generation, &json))?;
        let file = files.prepare(&files.journal(), &line)?;
        Ok(Self { files: files.clone(), file, bytes: line.len() as u64 })
    }

    /// The journal that is there, of which the first `bytes` bytes are whole. Needs no room on the disk.
    pub(super) fn resume(files: &Files, bytes: u64) -> Result<Self, StoreError> {
        let path = files.journal();
        let opened = File::options().read(true).write(true).open(&path);
        let file = opened.map_err(|cause| StoreError::io("open", &path, cause))?;
        let mut journal = Self { files: files.clone(), file, bytes };
        journal.cut()?;
        Ok(journal)
    }

    /// Writes a group and returns when it is on the disk. When the disk is full, nothing of it stays.
    pub(super) fn append(
        &mut self,
        generation: u64,
        changes: &[Encoded],
    ) -> Result<(), StoreError> {
        let changes: Vec<&Change> = changes.iter().map(|encoded| &encoded.change).collect();
        let line = json(&changes, &self.files).map(|json| line(generation, &json))?;
        let path = self.files.journal();
        let end = self.bytes + line.len() as u64;
        self.files.reserve(SyncPoint::Journal, (&self.file, &path), end)?;
        let written = self.file.write_all(&line);
        let written = written.map_err(|cause| StoreError::io("write", &path, cause));
        let synced = written.and_then(|()| self.files.sync(SyncPoint::Journal, &self.file, &path));
        if let Err(error) = synced {
            if error.is_full() {
                self.cut()?;
            }
            return Err(error);
        }
        Files::check_name(&self.file, &path)?;
        self.bytes = end;
        Ok(())
    }

    /// Takes away what is behind the last whole group. Should that fail, nothing is known any more, and
    /// the reason counts for no full disk.
    fn cut(&mut self) -> Result<(), StoreError> {
        let path = self.files.journal();
        let cut = self.file.set_len(self.bytes).and_then(|()| {
            self.file.seek(SeekFrom::Start(self.bytes))?;
            self.file.sync_data()
        });
        cut.map_err(|cause| {
            let cause = std::io::Error::other(format!("the end cannot be cut off: {cause}"));
            StoreError::io("mend", &path, cause)
        })
    }

    /// Its length in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A journal as it was found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Contents {
    /// The generation of the mirror that it follows; `None` when the first line is not readable.
    pub(super) base: Option<u64>,
    /// The groups in order, without a gap.
    pub(super) groups: Vec<(u64, Vec<Change>)>,
    /// How many bytes at the end are the beginning of a group.
    pub(super) torn_bytes: usize,
    /// What is wrong with it besides.
    pub(super) damage: Option<String>,
}

/// Reads a journal as far as it is whole. Fails only when a newer broker wrote it.
pub(super) fn decode(bytes: &[u8]) -> Result<Contents, Unreadable> {
    let mut contents = Contents::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let (line, after) = rest.split_at(end);
        let Some((generation, json)) = open_line(line) else {
            if after.is_empty() && contents.base.is_some() {
                contents.torn_bytes = line.len();
            } else {
                contents.damage = Some("a line does not fit its checksum".to_owned());
            }
            return Ok(contents);
        };
        if let Err(cause) = contents.take(generation, json)? {
            contents.damage = Some(cause);
            return Ok(contents);
        }
        rest = after;
    }
    if contents.base.is_none() {
        contents.damage = Some("it is empty".to_owned());
    }
    Ok(contents)
}

impl Contents {
    /// Takes one line whose checksum fits.
    fn take(&mut self, generation: u64, json: &[u8]) -> Result<Result<(), String>, Unreadable> {
        let Some(base) = self.base else {
            return match serde_json::from_slice::<FirstLine>(json) {
                Ok(first) if first.haremq_journal.is_newer() => {
                    Err(Unreadable::Newer(first.haremq_journal))
                }
                Ok(_) => {
                    self.base = Some(generation);
                    Ok(Ok(()))
                }
                Err(_) => Ok(Err("its first line is missing".to_owned())),
            };
        };
        let expected = self.groups.last().map_or(base, |(last, _)| *last) + 1;
        if generation != expected {
            return Ok(Err(format!("group {expected} is missing before group {generation}")));
        }
        Ok(match serde_json::from_slice(json) {
            Ok(changes) => {
                self.groups.push((generation, changes));
                Ok(())
            }
            Err(error) => Err(format!("group {generation} cannot be understood: {error}")),
        })
    }
}

/// What the first line says.
#[derive(Serialize, Deserialize)]
struct FirstLine {
    haremq_journal: FormatVersion,
}

fn json<T: Serialize>(value: &T, files: &Files) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value)
        .map_err(|error| StoreError::io("encode", &files.journal(), error.into()))
}

fn line(generation: u64, json: &[u8]) -> Vec<u8> {
    let mut checked = format!("{generation} ").into_bytes();
    checked.extend_from_slice(json);
    let mut line = format!("{:08x} ", crc32fast::hash(&checked)).into_bytes();
    line.append(&mut checked);
    line.push(b'\n');
    line
}

fn open_line(line: &[u8]) -> Option<(u64, &[u8])> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (said, checked) = line.split_at_checked(9)?;
    if *said != *format!("{:08x} ", crc32fast::hash(checked)).as_bytes() {
        return None;
    }
    let space = checked.iter().position(|byte| *byte == b' ')?;
    let generation = std::str::from_utf8(&checked[..space]).ok()?.parse().ok()?;
    Some((generation, &checked[space + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::definitions::tests::samples::{queue, vhost};

    fn changes(number: u64) -> Vec<Change> {
        vec![Change::PutVhost(vhost("/")), Change::PutQueue(queue("q\n", number))]
    }

    fn written(generations: &[u64]) -> Vec<u8> {
        let mut bytes = line(7, br#"{"haremq_journal":"1.0"}"#);
        for generation in generations {
            let json = serde_json::to_vec(&changes(*generation)).expect("JSON");
            bytes.extend(line(*generation, &json));
        }
        bytes
    }

    #[test]
    fn groups_read_back_in_order() {
        let contents = decode(&written(&[8, 9])).expect("this version");
        assert_eq!(contents.base, Some(7));
        assert_eq!(contents.groups, vec![(8, changes(8)), (9, changes(9))]);
        assert_eq!((contents.torn_bytes, contents.damage), (0, None));
    }

    #[test]
    fn every_cut_keeps_the_groups_before_it() {
        let (bytes, one) = (written(&[8, 9]), written(&[8]).len());
        for length in one..bytes.len() - 1 {
            let contents = decode(&bytes[..length]).expect("this version");
            assert_eq!(contents.groups.len(), 1, "{length} bytes");
            assert_eq!((contents.torn_bytes, contents.damage), (length - one, None));
        }
    }

    #[test]
    fn every_flipped_bit_before_the_last_group_is_damage() {
        let (bytes, one) = (written(&[8, 9, 10]), written(&[8, 9]).len());
        for bit in 0..(one - 1) * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let contents = decode(&flipped).expect("this version");
            assert!(contents.damage.is_some(), "bit {bit}");
            let good = [(8, changes(8)), (9, changes(9)), (10, changes(10))];
            assert!(good.starts_with(&contents.groups), "bit {bit}");
        }
    }

    #[test]
    fn a_gap_is_damage_and_a_newer_version_is_not() {
        let contents = decode(&written(&[8, 10])).expect("this version");
        assert_eq!(contents.damage.as_deref(), Some("group 9 is missing before group 10"));
        let newer = FormatVersion { major: 2, minor: 0 };
        let bytes = line(7, br#"{"haremq_journal":"2.0"}"#);
        assert_eq!(decode(&bytes), Err(Unreadable::Newer(newer)));
    }
}
