//! Appends AMQP's basic types to a byte vector (spec: 4.2.5 Data Encoding).

/// A short string. Every type that holds one has at most 255 bytes; longer ones would be cut.
pub(super) fn put_short_string(bytes: &[u8], into: &mut Vec<u8>) {
    let len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    into.push(len);
    into.extend_from_slice(bytes.get(..usize::from(len)).unwrap_or(bytes));
}

/// A long string. Longer than 4 GiB cannot be said and would be cut.
pub(super) fn put_long_string(bytes: &[u8], into: &mut Vec<u8>) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    into.extend_from_slice(&len.to_be_bytes());
    into.extend_from_slice(bytes.get(..len as usize).unwrap_or(bytes));
}

/// Four octets of length, then what `fill` writes.
pub(super) fn put_with_length(into: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = into.len();
    into.extend_from_slice(&[0; 4]);
    fill(into);
    let len = u32::try_from(into.len() - at - 4).unwrap_or(u32::MAX);
    if let Some(field) = into.get_mut(at..at + 4) {
        field.copy_from_slice(&len.to_be_bytes());
    }
}

/// Flags packed into one octet, the first in the lowest bit (spec: 4.2.5.2 Bits).
pub(super) fn bits(flags: &[bool]) -> u8 {
    flags.iter().rev().fold(0, |octet, flag| octet << 1 | u8::from(*flag))
}
