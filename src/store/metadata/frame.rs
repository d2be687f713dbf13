//! One value of the database: a checksum, a form, and JSON.
//!
//! ```text
//! 0..4  CRC-32 (IEEE), little-endian, over: tag of the tree (1), length of the key (2, little-endian),
//!       the key, and everything from byte 4 on
//! 4     the form of the rest: 1 = JSON
//! 5..   JSON
//! ```
//!
//! Tree and key are in the checksum, so that a value that turns up in the wrong place is found.

/// The tree of the state record; the others are tagged by [`crate::store::Kind::index`].
pub(super) const STATE_TAG: u8 = 255;

const CHECKSUM_BYTES: usize = 4;
const FORM_JSON: u8 = 1;

/// The value of a key.
pub(super) fn seal(tag: u8, key: &[u8], json: &[u8]) -> Vec<u8> {
    let mut value = vec![0; CHECKSUM_BYTES];
    value.push(FORM_JSON);
    value.extend_from_slice(json);
    let checksum = checksum(tag, key, &value[CHECKSUM_BYTES..]);
    value[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    value
}

/// The checksum that a value says it has.
pub(super) fn checksum_of(value: &[u8]) -> u32 {
    value.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The JSON in a value.
pub(super) fn open<'a>(tag: u8, key: &[u8], value: &'a [u8]) -> Result<&'a [u8], String> {
    let (said, rest) = value.split_first_chunk().ok_or("a value is shorter than its checksum")?;
    if checksum(tag, key, rest) != u32::from_le_bytes(*said) {
        return Err("a value does not fit its checksum".to_owned());
    }
    match rest.split_first() {
        Some((&FORM_JSON, json)) => Ok(json),
        Some((form, _)) => Err(format!("a value has the unknown form {form}")),
        None => Err("a value is empty".to_owned()),
    }
}

fn checksum(tag: u8, key: &[u8], rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[tag]);
    // The longest key is two names of 255 bytes with their lengths.
    hasher.update(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
    hasher.update(key);
    hasher.update(rest);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_wrong_place_is_found() {
        let value = seal(3, b"key", b"{}");
        assert_eq!(open(3, b"key", &value), Ok(&b"{}"[..]));
        assert!(open(4, b"key", &value).is_err() && open(3, b"kez", &value).is_err());
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(3, b"key", &flipped).is_err(), "bit {bit}");
        }
        for length in 0..value.len() {
            assert!(open(3, b"key", &value[..length]).is_err(), "{length} bytes");
        }
    }
}
