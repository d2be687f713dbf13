//! A byte string that stands in the map itself when it is short, as nearly all of them are: a look-up
//! then needs one cache line less.

use std::borrow::Borrow;
use std::cmp::Ordering;

use super::index::Hashed;

/// Two words and a half of bytes without a pointer.
const INLINE_BYTES: usize = 22;

/// Bytes that a map is searched for as `[u8]`.
#[derive(Clone, Debug)]
pub(super) enum Key {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Heap(Box<[u8]>),
}

impl Key {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Heap(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Key {
    fn from(slice: &[u8]) -> Self {
        let mut bytes = [0; INLINE_BYTES];
        match (u8::try_from(slice.len()), bytes.get_mut(..slice.len())) {
            (Ok(len), Some(room)) => {
                room.copy_from_slice(slice);
                Self::Inline { len, bytes }
            }
            _ => Self::Heap(slice.into()),
        }
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Hashed for Key {
    fn hashed(&self) -> u64 {
        self.as_slice().hashed()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_bytes_however_long() {
        let long: Vec<u8> = (0..=255).collect();
        for len in 0..=long.len() {
            let key = Key::from(&long[..len]);
            assert_eq!(key.as_slice(), &long[..len]);
            assert_eq!(key.hashed(), long[..len].hashed());
            assert_eq!(matches!(key, Key::Inline { .. }), len <= INLINE_BYTES);
        }
        assert_eq!(size_of::<Key>(), 24);
    }

    #[test]
    fn keys_are_in_the_order_of_their_bytes() {
        let (long, short) = (Key::from(&[1_u8; 30][..]), Key::from(&[1_u8, 2][..]));
        assert!(long < short);
        assert!(short == short.clone());
    }
}
