//! The bytes of one group on their way to a segment.
//!
//! Small payloads are copied into one buffer that is used again; large bodies stay where they are and
//! are written from there.

use std::io::IoSlice;

use bytes::Bytes;

use super::record::RecordHeader;
use super::{ALIGNMENT, FLAG_FAILED, Kind, RECORD_HEADER_BYTES};
use crate::store::{Mark, Position, QueueNumber, Run};

/// Bodies from this size on are not copied: the copy would cost more than one more piece in a
/// vectored write (a few hundred nanoseconds).
const BODY_SLICE_BYTES_MIN: usize = 16 * 1024;

/// Room that is kept between groups.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// See the module.
#[derive(Default)]
pub(in crate::store) struct GroupBuffer {
    segment: u32,
    seed: u32,
    /// Where in the segment the group begins.
    start: u32,
    bytes: Vec<u8>,
    /// Bodies, and how many of `bytes` come before each.
    bodies: Vec<(usize, Bytes)>,
    bodies_bytes: usize,
}

impl GroupBuffer {
    /// Begins a group at this place.
    pub(in crate::store) fn begin(&mut self, segment: u32, seed: u32, start: u32) {
        self.clear();
        (self.segment, self.seed, self.start) = (segment, seed, start);
    }

    /// Forgets the group; keeps a bounded amount of room.
    pub(in crate::store) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
        self.bodies.clear();
        self.bodies_bytes = 0;
    }

    /// Where in the segment the group begins.
    pub(in crate::store) fn start(&self) -> u32 {
        self.start
    }

    /// Bytes of the group.
    pub(in crate::store) fn len(&self) -> usize {
        self.bytes.len() + self.bodies_bytes
    }

    /// Adds a record. `write` adds the payload; `body` follows it.
    pub(in crate::store) fn record(
        &mut self,
        kind: Kind,
        flags: u8,
        count: usize,
        body: &[Bytes],
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Position {
        let at = self.bytes.len();
        let offset = self.start as usize + self.len();
        self.bytes.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
        write(&mut self.bytes);
        let body_bytes: usize = body.iter().map(Bytes::len).sum();
        let copied = body_bytes < BODY_SLICE_BYTES_MIN;
        if copied {
            for piece in body {
                self.bytes.extend_from_slice(piece);
            }
        }
        let outside = if copied { 0 } else { body_bytes };
        // The writer makes no group beyond 4 GiB: it bounds groups by bytes, and one message is at
        // most 512 MiB.
        let fits = |number: usize| u32::try_from(number).expect("a group is far below 4 GiB");
        let length = fits(self.bytes.len() - at + outside);
        let header = RecordHeader::start(self.seed, length, kind, flags, fits(count));
        self.bytes[at..at + RECORD_HEADER_BYTES].copy_from_slice(&header);
        let mut crc = crc32c::crc32c_append(self.seed, &self.bytes[at + 4..]);
        if !copied {
            for piece in body.iter().filter(|piece| !piece.is_empty()) {
                crc = crc32c::crc32c_append(crc, piece);
                self.bodies.push((self.bytes.len(), piece.clone()));
            }
            self.bodies_bytes += body_bytes;
        }
        self.bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
        let gap = self.len().next_multiple_of(ALIGNMENT) - self.len();
        self.bytes.extend_from_slice(&[0; ALIGNMENT][..gap]);
        Position { segment: self.segment, offset: fits(offset), length }
    }

    /// Adds a record of runs.
    pub(in crate::store) fn runs(
        &mut self,
        kind: Kind,
        queue: QueueNumber,
        runs: &[Run],
    ) -> Position {
        self.flagged_runs(kind, 0, queue, runs)
    }

    fn flagged_runs(
        &mut self,
        kind: Kind,
        flags: u8,
        queue: QueueNumber,
        runs: &[Run],
    ) -> Position {
        self.record(kind, flags, runs.len(), &[], |payload| {
            payload.extend_from_slice(&queue.0.to_le_bytes());
            for (first, last) in runs {
                payload.extend_from_slice(&first.0.to_le_bytes());
                payload.extend_from_slice(&last.0.to_le_bytes());
            }
        })
    }

    /// Adds a Delivered record.
    pub(in crate::store) fn delivered(
        &mut self,
        queue: QueueNumber,
        mark: Mark,
        runs: &[Run],
    ) -> Position {
        let flags = match mark {
            Mark::HandedOut => 0,
            Mark::Failed => FLAG_FAILED,
        };
        self.flagged_runs(Kind::Delivered, flags, queue, runs)
    }

    /// The group as pieces for one vectored write.
    pub(in crate::store) fn pieces(&self) -> Vec<IoSlice<'_>> {
        let mut pieces = Vec::with_capacity(1 + 2 * self.bodies.len());
        let mut from = 0;
        for (at, body) in &self.bodies {
            pieces.push(IoSlice::new(&self.bytes[from..*at]));
            pieces.push(IoSlice::new(body));
            from = *at;
        }
        pieces.push(IoSlice::new(&self.bytes[from..]));
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_are_not_copied_and_checked_all_the_same() {
        let mut group = GroupBuffer::default();
        group.begin(3, 77, 1024);
        let body = Bytes::from(vec![9u8; BODY_SLICE_BYTES_MIN + 3]);
        let first = group.record(Kind::Enqueue, 0, 1, std::slice::from_ref(&body), |payload| {
            payload.push(1);
        });
        let second = group.record(Kind::Seal, 0, 0, &[], |_| {});
        assert!(group.bytes.len() < 100);
        assert_eq!(group.pieces()[1].as_ptr(), body.as_ptr());
        let flat: Vec<u8> = group.pieces().iter().flat_map(|piece| piece.to_vec()).collect();
        assert_eq!(flat.len(), group.len());
        for position in [first, second] {
            let record = &flat[position.offset as usize - 1024..][..position.length as usize];
            let header = RecordHeader::read(77, record).expect("it was just written");
            assert!(header.is_intact(77, record));
            assert_eq!(RecordHeader::read(78, record), None);
        }
    }
}
