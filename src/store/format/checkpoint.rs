//! The Checkpoint record: for every queue its next id, and for every page of it where the page's
//! record lies and which segments its messages lie in. Replaying the log from here on gives the rest.
//!
//! All numbers are varints:
//!
//! ```text
//! queue: number, next id, with flag 1 the id below which messages may have been handed out,
//!        number of pages
//!   page: number as distance from the one before, waiting messages, their content bytes, how many of
//!         them do not outlive the process; segment, offset, length of the Page record;
//!         number of segments
//!     segment: number, messages, bytes of their records
//! ```

use super::{Reader, SegmentShare, put_varint};
use crate::base::MessageId;
use crate::store::{Position, QueueNumber};

/// The flag of a Checkpoint record: every queue says below which id its messages may have been handed
/// out without a record of it. Always set; logs from before it have none.
pub(in crate::store) const WITH_HANDED_OUT: u8 = 1;

/// A queue in a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) struct CheckpointQueue {
    pub(in crate::store) number: QueueNumber,
    pub(in crate::store) next_id: MessageId,
    pub(in crate::store) handed_out_below: MessageId,
    pub(in crate::store) pages: Vec<CheckpointPage>,
}

/// A page in a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) struct CheckpointPage {
    pub(in crate::store) page: u64,
    pub(in crate::store) messages: u32,
    pub(in crate::store) bytes: u64,
    pub(in crate::store) of_process: u32,
    pub(in crate::store) stored: Position,
    pub(in crate::store) shares: Vec<SegmentShare>,
}

/// Adds one queue to the payload.
pub(in crate::store) fn write_checkpoint(payload: &mut Vec<u8>, queue: &CheckpointQueue) {
    let pages = queue.pages.len() as u64;
    for number in [queue.number.0, queue.next_id.0, queue.handed_out_below.0, pages] {
        put_varint(payload, number);
    }
    let mut last = 0;
    for page in &queue.pages {
        put_varint(payload, page.page - last);
        last = page.page;
        put_varint(payload, page.messages.into());
        put_varint(payload, page.bytes);
        put_varint(payload, page.of_process.into());
        for number in [page.stored.segment, page.stored.offset, page.stored.length] {
            put_varint(payload, number.into());
        }
        put_varint(payload, page.shares.len() as u64);
        for share in &page.shares {
            put_varint(payload, share.segment.into());
            put_varint(payload, share.messages.into());
            put_varint(payload, share.record_bytes);
        }
    }
}

/// Reads all queues.
pub(in crate::store) fn read_checkpoint(
    payload: &[u8],
    flags: u8,
    count: u32,
) -> Option<Vec<CheckpointQueue>> {
    let mut reader = Reader::new(payload);
    let queues = (0..count).map(|_| read_queue(&mut reader, flags)).collect::<Option<Vec<_>>>()?;
    reader.rest().is_empty().then_some(queues)
}

fn read_queue(reader: &mut Reader<'_>, flags: u8) -> Option<CheckpointQueue> {
    let (number, next_id) = (QueueNumber(reader.varint()?), MessageId(reader.varint()?));
    let handed_out_below = if flags & WITH_HANDED_OUT == 0 { 0 } else { reader.varint()? };
    let count = reader.varint()?;
    let mut last = 0u64;
    let mut pages = Vec::new();
    for _ in 0..count {
        let page = last.checked_add(reader.varint()?)?;
        last = page;
        pages.push(read_page(reader, page)?);
    }
    let handed_out_below = MessageId(handed_out_below);
    Some(CheckpointQueue { number, next_id, handed_out_below, pages })
}

fn read_page(reader: &mut Reader<'_>, page: u64) -> Option<CheckpointPage> {
    let (messages, bytes) = (reader.varint_u32()?, reader.varint()?);
    let of_process = reader.varint_u32()?;
    let (segment, offset) = (reader.varint_u32()?, reader.varint_u32()?);
    let stored = Position { segment, offset, length: reader.varint_u32()? };
    let count = reader.varint()?;
    let share = |_| {
        let (segment, messages) = (reader.varint_u32()?, reader.varint_u32()?);
        Some(SegmentShare { segment, messages, record_bytes: reader.varint()? })
    };
    let shares = (0..count).map(share).collect::<Option<Vec<_>>>()?;
    Some(CheckpointPage { page, messages, bytes, of_process, stored, shares })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_queue() -> impl Strategy<Value = CheckpointQueue> {
        let position = (any::<u32>(), any::<u32>(), any::<u32>());
        let share = (any::<u32>(), any::<u32>(), any::<u64>());
        let shares = proptest::collection::vec(share, 0..4);
        let counts = (any::<u32>(), any::<u64>(), any::<u32>());
        let pages = proptest::collection::btree_map(any::<u64>(), (counts, position, shares), 0..5);
        let ids = (any::<u64>(), any::<u64>());
        (any::<u64>(), ids, pages).prop_map(|(number, (next_id, handed_out_below), pages)| {
            let make = |(page, (counts, stored, shares)): (u64, ((u32, u64, u32), _, Vec<_>))| {
                let (segment, offset, length) = stored;
                let share = |(segment, messages, record_bytes)| SegmentShare {
                    segment,
                    messages,
                    record_bytes,
                };
                CheckpointPage {
                    page,
                    messages: counts.0,
                    bytes: counts.1,
                    of_process: counts.2,
                    stored: Position { segment, offset, length },
                    shares: shares.into_iter().map(share).collect(),
                }
            };
            CheckpointQueue {
                number: QueueNumber(number),
                next_id: MessageId(next_id),
                handed_out_below: MessageId(handed_out_below),
                pages: pages.into_iter().map(make).collect(),
            }
        })
    }

    proptest! {
        #[test]
        fn a_checkpoint_comes_back(queues in proptest::collection::vec(any_queue(), 0..4)) {
            let mut payload = Vec::new();
            for queue in &queues {
                write_checkpoint(&mut payload, queue);
            }
            let count = u32::try_from(queues.len()).expect("a few");
            prop_assert_eq!(read_checkpoint(&payload, WITH_HANDED_OUT, count), Some(queues));
        }

        #[test]
        fn any_bytes_are_a_checkpoint_or_none(bytes: Vec<u8>, flags: u8, count in 0u32..100) {
            let _ = read_checkpoint(&bytes, flags, count);
        }
    }
}
