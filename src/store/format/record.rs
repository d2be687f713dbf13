//! Record headers, and the payloads that are a few numbers.

use super::{ALIGNMENT, RECORD_HEADER_BYTES, Reader};
use crate::base::{MessageId, Plant, planted};
use crate::store::{QueueNumber, Run};

/// What a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(in crate::store) enum Kind {
    Group = 1,
    Enqueue = 2,
    Settle = 3,
    Delivered = 4,
    DropQueue = 5,
    Batch = 6,
    Page = 7,
    Checkpoint = 8,
    Seal = 9,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Group,
            2 => Self::Enqueue,
            3 => Self::Settle,
            4 => Self::Delivered,
            5 => Self::DropQueue,
            6 => Self::Batch,
            7 => Self::Page,
            8 => Self::Checkpoint,
            9 => Self::Seal,
            _ => return None,
        })
    }
}

/// The 16 bytes before a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct RecordHeader {
    pub(in crate::store) crc: u32,
    pub(in crate::store) length: u32,
    pub(in crate::store) kind: Kind,
    pub(in crate::store) flags: u8,
    pub(in crate::store) count: u32,
}

impl RecordHeader {
    /// The bytes of a header whose checksum over header and payload is not known yet: the first four
    /// are zero.
    pub(super) fn start(
        seed: u32,
        length: u32,
        kind: Kind,
        flags: u8,
        count: u32,
    ) -> [u8; RECORD_HEADER_BYTES] {
        let mut bytes = [0; RECORD_HEADER_BYTES];
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        bytes[10] = kind as u8;
        bytes[11] = flags;
        bytes[12..16].copy_from_slice(&count.to_le_bytes());
        let check = check_of(seed, &bytes);
        bytes[8..10].copy_from_slice(&check);
        bytes
    }

    /// Reads a header whose own check is right; the payload may still be damaged.
    pub(in crate::store) fn read(seed: u32, bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; RECORD_HEADER_BYTES] =
            bytes.get(..RECORD_HEADER_BYTES)?.try_into().ok()?;
        let kind = Kind::from_byte(bytes[10])?;
        let length = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if (length as usize) < RECORD_HEADER_BYTES || check_of(seed, bytes) != bytes[8..10] {
            return None;
        }
        Some(Self {
            crc: u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            length,
            kind,
            flags: bytes[11],
            count: u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
        })
    }

    /// Whether a whole record (header and payload, no gap) is what was written.
    pub(in crate::store) fn is_intact(&self, seed: u32, record: &[u8]) -> bool {
        record.len() == self.length as usize
            && (crc32c::crc32c_append(seed, &record[4..]) == self.crc || planted(Plant::TornRecord))
    }
}

fn check_of(seed: u32, bytes: &[u8; RECORD_HEADER_BYTES]) -> [u8; 2] {
    let crc = crc32c::crc32c_append(crc32c::crc32c_append(seed, &bytes[4..8]), &bytes[10..16]);
    let [low, high, ..] = crc.to_le_bytes();
    [low, high]
}

/// The next multiple of the alignment.
pub(in crate::store) fn align(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNMENT as u64)
}

/// The payload of a Group record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Group {
    pub(in crate::store) sequence: u64,
    /// Everything before this place was synced when the group was formed: segment, offset.
    pub(in crate::store) synced: (u32, u32),
}

pub(in crate::store) fn write_group(payload: &mut Vec<u8>, group: Group) {
    payload.extend_from_slice(&group.sequence.to_le_bytes());
    payload.extend_from_slice(&group.synced.0.to_le_bytes());
    payload.extend_from_slice(&group.synced.1.to_le_bytes());
}

pub(in crate::store) fn read_group(payload: &[u8]) -> Option<Group> {
    let mut reader = Reader::new(payload);
    Some(Group { sequence: reader.u64()?, synced: (reader.u32()?, reader.u32()?) })
}

/// The queue at the start of the payload of Settle, Delivered and `DropQueue`.
pub(in crate::store) fn read_queue(payload: &[u8]) -> Option<QueueNumber> {
    Reader::new(payload).u64().map(QueueNumber)
}

/// The queue and the runs of Settle and Delivered.
pub(in crate::store) fn read_runs(payload: &[u8], count: u32) -> Option<(QueueNumber, Vec<Run>)> {
    let mut reader = Reader::new(payload);
    let queue = QueueNumber(reader.u64()?);
    if reader.rest().len() != count as usize * 16 {
        return None;
    }
    let runs = (0..count).map(|_| Some((MessageId(reader.u64()?), MessageId(reader.u64()?))));
    Some((queue, runs.collect::<Option<_>>()?))
}
