//! The entries of a Page record: where the waiting messages of up to 1,024 ids lie.
//!
//! After queue and page number, one entry per waiting message in order of the ids; numbers are
//! varints (7 bits a byte, lowest first), signed ones zigzag:
//!
//! ```text
//! id: distance from the id after the one before       with flag 1: segment, signed, from the last
//! 1  flags                                            offset, signed, from where the last ended
//! length of the record                                length minus content bytes
//! with flag 2: deliveries   with flag 4: 1 priority   with flag 8: 8 expiry     (16: of the process)
//! ```
//!
//! With flag 1 of the record, what follows says how many attempts failed, for each entry that had any:
//!
//! ```text
//! entries between the one before and it               failed attempts
//! ```

use std::collections::VecDeque;

use super::{
    ALIGNMENT, FLAG_FAILURES, GroupBuffer, Kind, RECORD_HEADER_BYTES, Reader, align, put_varint,
};
use crate::store::{Lifetime, Position, QueueNumber};

/// Ids of one page; the first is a multiple of this.
pub(in crate::store) const PAGE_IDS: u64 = 1024;

/// A waiting message in a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct Slot {
    pub(in crate::store) position: Position,
    /// Routing key, content header and body; at most 512 MiB and a little.
    pub(in crate::store) bytes: u32,
    /// The id, from the first of the page on.
    pub(in crate::store) at: u16,
    pub(in crate::store) deliveries: u16,
    pub(in crate::store) failures: u16,
    pub(in crate::store) priority: u8,
    pub(in crate::store) expires_unix_ms: Option<u64>,
    pub(in crate::store) lifetime: Lifetime,
}

/// What one page has in one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct SegmentShare {
    pub(in crate::store) segment: u32,
    pub(in crate::store) messages: u32,
    pub(in crate::store) record_bytes: u64,
}

const SEGMENT: u8 = 1;
const DELIVERED: u8 = 2;
const PRIORITY: u8 = 4;
const EXPIRES: u8 = 8;
const PROCESS: u8 = 16;

/// The most bytes that one entry takes.
const ENTRY_BYTES_MAX: usize = 2 + 1 + 5 + 5 + 5 + 5 + 3 + 1 + 8 + FAILURES_BYTES_MAX;

/// And what it takes of them behind the entries.
const FAILURES_BYTES_MAX: usize = 2 + 3;

/// The most bytes that a page takes in a group.
pub(in crate::store) fn page_room(slots: usize) -> usize {
    RECORD_HEADER_BYTES + 16 + slots * ENTRY_BYTES_MAX + ALIGNMENT
}

/// Adds a page.
pub(in crate::store) fn write_page(
    group: &mut GroupBuffer,
    queue: QueueNumber,
    page: u64,
    slots: &VecDeque<Slot>,
) -> Position {
    let has_failures = slots.iter().any(|slot| slot.failures > 0);
    let flags = u8::from(has_failures) * FLAG_FAILURES;
    group.record(Kind::Page, flags, slots.len(), &[], |payload| {
        payload.extend_from_slice(&queue.0.to_le_bytes());
        payload.extend_from_slice(&page.to_le_bytes());
        let mut next_at = 0;
        let mut last = Position::default();
        for slot in slots {
            put_varint(payload, u64::from(slot.at) - next_at);
            next_at = u64::from(slot.at) + 1;
            write_slot(payload, slot, last);
            last = slot.position;
        }
        if has_failures {
            write_failures(payload, slots);
        }
    })
}

fn write_failures(payload: &mut Vec<u8>, slots: &VecDeque<Slot>) {
    let mut passed = 0;
    for slot in slots {
        if slot.failures == 0 {
            passed += 1;
            continue;
        }
        put_varint(payload, passed);
        put_varint(payload, slot.failures.into());
        passed = 0;
    }
}

fn write_slot(payload: &mut Vec<u8>, slot: &Slot, last: Position) {
    let position = slot.position;
    let flags = (u8::from(position.segment != last.segment) * SEGMENT)
        | (u8::from(slot.deliveries > 0) * DELIVERED)
        | (u8::from(slot.priority > 0) * PRIORITY)
        | (u8::from(slot.expires_unix_ms.is_some()) * EXPIRES)
        | (u8::from(slot.lifetime == Lifetime::Process) * PROCESS);
    payload.push(flags);
    if flags & SEGMENT != 0 {
        put_varint(payload, zigzag(i64::from(position.segment) - i64::from(last.segment)));
    }
    put_varint(payload, zigzag(i64::from(position.offset) - expected_offset(last)));
    put_varint(payload, position.length.into());
    put_varint(payload, u64::from(position.length) - u64::from(slot.bytes));
    if flags & DELIVERED != 0 {
        put_varint(payload, slot.deliveries.into());
    }
    if flags & PRIORITY != 0 {
        payload.push(slot.priority);
    }
    if let Some(expires) = slot.expires_unix_ms {
        payload.extend_from_slice(&expires.to_le_bytes());
    }
}

/// Reads a page: queue, page number, entries.
pub(in crate::store) fn read_page(
    payload: &[u8],
    flags: u8,
    count: u32,
) -> Option<(QueueNumber, u64, VecDeque<Slot>)> {
    let mut reader = Reader::new(payload);
    let (queue, page) = (QueueNumber(reader.u64()?), reader.u64()?);
    if u64::from(count) > PAGE_IDS {
        return None;
    }
    let mut slots = VecDeque::with_capacity(count as usize);
    let mut next_at = 0;
    let mut last = Position::default();
    for _ in 0..count {
        let at = reader.varint()?.checked_add(next_at).filter(|at| *at < PAGE_IDS)?;
        next_at = at + 1;
        let slot = read_slot(&mut reader, u16::try_from(at).ok()?, last)?;
        last = slot.position;
        slots.push_back(slot);
    }
    if flags & FLAG_FAILURES != 0 {
        read_failures(&mut reader, &mut slots)?;
    }
    Some((queue, page, slots))
}

fn read_failures(reader: &mut Reader<'_>, slots: &mut VecDeque<Slot>) -> Option<()> {
    let mut slots = slots.iter_mut();
    while !reader.rest().is_empty() {
        let passed = usize::try_from(reader.varint()?).ok()?;
        slots.nth(passed)?.failures = u16::try_from(reader.varint()?).ok()?;
    }
    Some(())
}

fn read_slot(reader: &mut Reader<'_>, at: u16, last: Position) -> Option<Slot> {
    let flags = reader.u8()?;
    let distance = if flags & SEGMENT == 0 { 0 } else { unzigzag(reader.varint()?) };
    let segment = i64::from(last.segment).checked_add(distance)?;
    let offset = expected_offset(last).checked_add(unzigzag(reader.varint()?))?;
    let length = reader.varint_u32()?;
    let bytes = length.checked_sub(reader.varint_u32()?)?;
    let deliveries =
        if flags & DELIVERED == 0 { 0 } else { u16::try_from(reader.varint()?).ok()? };
    let priority = if flags & PRIORITY == 0 { 0 } else { reader.u8()? };
    let expires_unix_ms = if flags & EXPIRES == 0 { None } else { Some(reader.u64()?) };
    let lifetime = if flags & PROCESS == 0 { Lifetime::Durable } else { Lifetime::Process };
    let (segment, offset) = (u32::try_from(segment).ok()?, u32::try_from(offset).ok()?);
    let position = Position { segment, offset, length };
    let failures = 0;
    Some(Slot { position, bytes, at, deliveries, failures, priority, expires_unix_ms, lifetime })
}

/// Where the record after this one begins, when nothing lies between.
fn expected_offset(last: Position) -> i64 {
    // An offset and a length are each below 4 GiB.
    i64::try_from(align(u64::from(last.offset) + u64::from(last.length))).unwrap_or(0)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::format::RecordHeader;

    fn any_slots() -> impl Strategy<Value = VecDeque<Slot>> {
        let place = (any::<u32>(), any::<u32>(), 40..u32::MAX);
        let counts = (any::<u16>(), prop_oneof![Just(0u16), any::<u16>()]);
        let rest = (counts, any::<u8>(), any::<Option<u64>>(), any::<bool>());
        let slot = (0..PAGE_IDS, place, rest);
        proptest::collection::btree_map(0..PAGE_IDS, slot, 0..50).prop_map(|slots| {
            let make = |(at, (bytes, place, rest))| {
                let (segment, offset, length): (u32, u32, u32) = place;
                let ((deliveries, failures), priority, expires_unix_ms, process) = rest;
                let bytes: u64 = bytes;
                Slot {
                    position: Position { segment, offset, length },
                    bytes: u32::try_from(bytes % 40).expect("below 40"),
                    at: u16::try_from(at).expect("a page has fewer"),
                    deliveries,
                    failures,
                    priority,
                    expires_unix_ms,
                    lifetime: if process { Lifetime::Process } else { Lifetime::Durable },
                }
            };
            let numbered = slots
                .into_iter()
                .map(|(at, (bytes, place, rest))| make((at, (bytes, place, rest))));
            numbered.collect()
        })
    }

    proptest! {
        #[test]
        fn a_page_comes_back(queue: u64, page: u64, slots in any_slots()) {
            let mut group = GroupBuffer::default();
            group.begin(1, 5, 1024);
            let position = write_page(&mut group, QueueNumber(queue), page, &slots);
            let flat: Vec<u8> = group.pieces().iter().flat_map(|piece| piece.to_vec()).collect();
            prop_assert!(flat.len() <= page_room(slots.len()));
            let record = &flat[..position.length as usize];
            let header = RecordHeader::read(5, record).expect("it was just written");
            let read = read_page(&record[RECORD_HEADER_BYTES..], header.flags, header.count);
            prop_assert_eq!(read, Some((QueueNumber(queue), page, slots)));
        }

        #[test]
        fn any_bytes_are_a_page_or_none(bytes: Vec<u8>, flags: u8, count: u32) {
            let _ = read_page(&bytes, flags, count);
        }
    }

    #[test]
    fn small_messages_in_a_row_take_few_bytes_each() {
        let slots = (0..1024u16).map(|at| Slot {
            position: Position { segment: 9, offset: 1024 + u32::from(at) * 160, length: 153 },
            bytes: 103,
            at,
            ..Slot::default()
        });
        let mut group = GroupBuffer::default();
        group.begin(1, 5, 1024);
        let position = write_page(&mut group, QueueNumber(1), 0, &slots.collect());
        assert!(position.length < 7 * 1024, "{position:?}");
    }
}
