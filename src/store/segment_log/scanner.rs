//! Reads a segment from one record to the next.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::file_layer::LogFile;
use crate::store::format::{ALIGNMENT, RECORD_HEADER_BYTES, RecordHeader, align};
use crate::store::{LogError, Position};

/// How much is read at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// An open segment.
#[derive(Clone)]
pub(in crate::store) struct Segment {
    pub(in crate::store) number: u32,
    pub(in crate::store) file: Arc<dyn LogFile>,
    pub(in crate::store) seed: u32,
    pub(in crate::store) path: PathBuf,
}

/// What stands at a place.
pub(in crate::store) enum Item<'a> {
    /// A record that is what was written.
    Record { position: Position, header: RecordHeader, payload: &'a [u8] },
    /// Something else: the end of what was written, or damage. The scanner stays where it is.
    Bad { offset: u64 },
    /// The end of the file.
    End { offset: u64 },
}

/// See the module.
pub(in crate::store) struct Scanner {
    segment: Segment,
    length: u64,
    offset: u64,
    chunk: Vec<u8>,
    chunk_start: u64,
}

impl Scanner {
    /// From a place where a record begins.
    pub(in crate::store) fn new(segment: &Segment, offset: u64) -> Result<Self, LogError> {
        let length = segment.file.length().map_err(|error| segment.error("read", error))?;
        let segment = segment.clone();
        Ok(Self { segment, length, offset, chunk: Vec::new(), chunk_start: 0 })
    }

    /// Where the scanner is.
    pub(in crate::store) fn offset(&self) -> u64 {
        self.offset
    }

    /// Which segment it reads.
    pub(in crate::store) fn segment_number(&self) -> u32 {
        self.segment.number
    }

    /// The file it reads.
    pub(in crate::store) fn path(&self) -> &Path {
        &self.segment.path
    }

    /// What stands here; after a record the scanner goes on.
    pub(in crate::store) fn next(&mut self) -> Result<Item<'_>, LogError> {
        let offset = self.offset;
        if offset >= self.length {
            return Ok(Item::End { offset });
        }
        let Some(header) = self.intact_at(offset)? else { return Ok(Item::Bad { offset }) };
        // `intact_at` has seen that the record lies within the file.
        self.offset = offset + align(header.length.into());
        let from = within_chunk(offset - self.chunk_start);
        let record = &self.chunk[from..from + header.length as usize];
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let position = Position { segment: self.segment.number, offset, length: header.length };
        Ok(Item::Record { position, header, payload: &record[RECORD_HEADER_BYTES..] })
    }

    /// Goes to the next place where a whole record stands; `false` when there is none.
    pub(in crate::store) fn resync(&mut self) -> Result<bool, LogError> {
        // The length of a record whose header is good is a good guess.
        if let Some(header) = self.header_at(self.offset)? {
            let after = self.offset + align(header.length.into());
            if self.intact_at(after)?.is_some() {
                self.offset = after;
                return Ok(true);
            }
        }
        let mut offset = self.offset + ALIGNMENT as u64;
        while offset < self.length {
            if self.intact_at(offset)?.is_some() {
                self.offset = offset;
                return Ok(true);
            }
            offset += ALIGNMENT as u64;
        }
        Ok(false)
    }

    fn header_at(&mut self, offset: u64) -> Result<Option<RecordHeader>, LogError> {
        if !self.load(offset, RECORD_HEADER_BYTES)? {
            return Ok(None);
        }
        let from = within_chunk(offset - self.chunk_start);
        Ok(RecordHeader::read(self.segment.seed, &self.chunk[from..]))
    }

    fn intact_at(&mut self, offset: u64) -> Result<Option<RecordHeader>, LogError> {
        let Some(header) = self.header_at(offset)? else { return Ok(None) };
        if !self.load(offset, header.length as usize)? {
            return Ok(None);
        }
        let from = within_chunk(offset - self.chunk_start);
        let record = &self.chunk[from..from + header.length as usize];
        Ok(header.is_intact(self.segment.seed, record).then_some(header))
    }

    /// Makes these bytes part of the chunk; `false` when the file is shorter.
    fn load(&mut self, offset: u64, count: usize) -> Result<bool, LogError> {
        let end = offset + count as u64;
        if end > self.length {
            return Ok(false);
        }
        if offset >= self.chunk_start && end <= self.chunk_start + self.chunk.len() as u64 {
            return Ok(true);
        }
        self.chunk.resize(count.max(CHUNK_BYTES), 0);
        let read = self.segment.file.read_at(&mut self.chunk, offset);
        let read = read.map_err(|error| self.segment.error("read", error))?;
        self.chunk.truncate(read);
        self.chunk_start = offset;
        Ok(read >= count)
    }
}

impl Segment {
    pub(in crate::store) fn error(&self, action: &'static str, cause: std::io::Error) -> LogError {
        LogError::io(action, &self.path, cause)
    }
}

fn within_chunk(distance: u64) -> usize {
    // A chunk is in memory, so a distance within it fits.
    usize::try_from(distance).unwrap_or(usize::MAX)
}
