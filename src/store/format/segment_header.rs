//! The header of a segment, written twice so that one bad sector does not cost a segment.

use super::{Reader, VERSION};

const MAGIC: &[u8; 8] = b"HareMQlg";
const HEADER_BYTES: usize = 64;
const SECOND_COPY_AT: usize = 512;

/// What a segment says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct SegmentHeader {
    pub(in crate::store) version: u32,
    /// Differs from the file's name when the file was taken over and not yet written.
    pub(in crate::store) number: u32,
    pub(in crate::store) salt: u64,
}

impl SegmentHeader {
    pub(in crate::store) fn new(number: u32, log_salt: u64) -> Self {
        // Any function that gives every segment another value will do (splitmix64).
        let mut salt = log_salt.wrapping_add(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        salt = (salt ^ (salt >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        salt = (salt ^ (salt >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self { version: VERSION, number, salt: salt ^ (salt >> 31) }
    }

    /// Where the checksums of this segment's records begin.
    pub(in crate::store) fn seed(&self) -> u32 {
        crc32c::crc32c(&self.salt.to_le_bytes())
    }

    /// The bytes before the first record.
    pub(in crate::store) fn to_bytes(self) -> Vec<u8> {
        let mut one = Vec::with_capacity(HEADER_BYTES);
        one.extend_from_slice(MAGIC);
        one.extend_from_slice(&self.version.to_le_bytes());
        one.extend_from_slice(&self.number.to_le_bytes());
        one.extend_from_slice(&self.salt.to_le_bytes());
        one.resize(HEADER_BYTES - 4, 0);
        one.extend_from_slice(&crc32c::crc32c(&one).to_le_bytes());
        let mut both = one.clone();
        both.resize(SECOND_COPY_AT, 0);
        both.extend_from_slice(&one);
        both.resize(super::DATA_START as usize, 0);
        both
    }

    /// Reads the bytes before the first record. Of two good copies the newer counts: when a file is
    /// taken over, one may still be of its earlier life.
    pub(in crate::store) fn read(bytes: &[u8]) -> Option<Self> {
        let copies = [bytes, bytes.get(SECOND_COPY_AT..).unwrap_or_default()];
        copies.into_iter().filter_map(Self::read_one).max_by_key(|header| header.number)
    }

    /// Whether both copies are good.
    pub(in crate::store) fn both_copies_are_good(bytes: &[u8]) -> bool {
        let second = bytes.get(SECOND_COPY_AT..).unwrap_or_default();
        Self::read_one(bytes).is_some() && Self::read_one(bytes) == Self::read_one(second)
    }

    fn read_one(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        let (covered, crc) = bytes.split_at(HEADER_BYTES - 4);
        if crc32c::crc32c(covered).to_le_bytes() != crc {
            return None;
        }
        let mut reader = Reader::new(covered);
        if reader.take(MAGIC.len())? != MAGIC {
            return None;
        }
        Some(Self { version: reader.u32()?, number: reader.u32()?, salt: reader.u64()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_one_bad_copy() {
        let header = SegmentHeader::new(7, 99);
        for bad in [3, 514] {
            let mut bytes = header.to_bytes();
            assert_eq!(bytes.len(), super::super::DATA_START as usize);
            assert!(SegmentHeader::both_copies_are_good(&bytes));
            bytes[bad] ^= 1;
            assert_eq!(SegmentHeader::read(&bytes), Some(header));
            assert!(!SegmentHeader::both_copies_are_good(&bytes));
        }
    }

    #[test]
    fn segments_have_seeds_of_their_own() {
        assert_ne!(SegmentHeader::new(1, 5).seed(), SegmentHeader::new(2, 5).seed());
        assert_ne!(SegmentHeader::new(1, 5).seed(), SegmentHeader::new(1, 6).seed());
    }
}
