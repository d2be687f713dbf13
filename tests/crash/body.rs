//! Message bodies that say who they are and notice when a byte of them changed.
//!
//! ```text
//! 0   4  CRC-32 of everything after it
//! 4   4  source: one channel of one publisher
//! 8   8  sequence: the source's messages, counted from 1
//! 16  4  length of the body
//! 20     filling
//! ```

/// Source and sequence.
pub(super) type Name = (u32, u64);

/// The smallest body.
pub(super) const BODY_BYTES_MIN: usize = 20;

/// A body of so many bytes, at least [`BODY_BYTES_MIN`].
pub(super) fn body((source, sequence): Name, len: usize) -> Vec<u8> {
    let len = len.max(BODY_BYTES_MIN);
    let mut body = vec![0; 4];
    body.extend_from_slice(&source.to_be_bytes());
    body.extend_from_slice(&sequence.to_be_bytes());
    body.extend_from_slice(&u32::try_from(len).expect("a body below 4 GiB").to_be_bytes());
    let mut piece = sequence ^ (u64::from(source) << 32);
    while body.len() < len {
        piece = piece.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        body.extend_from_slice(&piece.to_be_bytes());
    }
    body.truncate(len);
    let checksum = crc32fast::hash(&body[4..]);
    body[..4].copy_from_slice(&checksum.to_be_bytes());
    body
}

/// Who a body is, or what is wrong with it.
pub(super) fn read(body: &[u8]) -> Result<Name, String> {
    let Some((head, _)) = body.split_first_chunk::<BODY_BYTES_MIN>() else {
        return Err(format!("a body of {} bytes", body.len()));
    };
    let [c0, c1, c2, c3, s0, s1, s2, s3, number @ .., l0, l1, l2, l3] = *head;
    let name = (u32::from_be_bytes([s0, s1, s2, s3]), u64::from_be_bytes(number));
    let len = u32::from_be_bytes([l0, l1, l2, l3]);
    let checksum = u32::from_be_bytes([c0, c1, c2, c3]);
    if len as usize == body.len() && checksum == crc32fast::hash(&body[4..]) {
        Ok(name)
    } else {
        Err(format!("the body of {name:?} ({len} bytes, {} came) was changed", body.len()))
    }
}

#[test]
fn a_changed_byte_is_noticed() {
    let good = body((7, 9), 100);
    assert_eq!(read(&good), Ok((7, 9)));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(read(&bad).is_err(), "byte {at}");
    }
    assert!(read(&good[..99]).is_err());
}
