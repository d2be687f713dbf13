//! The bytes of a segment. The same drawing, with prose, is in `docs/storage.md`.
//!
//! All numbers are little-endian. A segment is a file `NNNNNNNNNN.segment` (its number, ten digits):
//!
//! ```text
//! 0      segment header, 64 bytes          8  magic "HareMQlg"
//! 512    the same header once more         4  version (1)
//! 1024   records                           4  segment number
//!                                          8  salt
//!                                         36  zero
//!                                          4  CRC-32C of the 60 bytes before
//! ```
//!
//! A record begins at a multiple of 8; the gap before the next one is zero. Its header is 16 bytes:
//!
//! ```text
//! 0   4  CRC-32C of bytes 4 .. length, begun with the segment's seed
//! 4   4  length: header and payload, without the gap
//! 8   2  check: the low half of the CRC-32C of bytes 4..8 and 10..16, begun with the seed
//! 10  1  kind
//! 11  1  flags
//! 12  4  count
//! 16     payload
//! ```
//!
//! The seed is the salt folded to 32 bits. It makes the records of a file's earlier life (files are
//! used again) and record-like bytes inside a message worthless to a reader.
//!
//! | kind | | count | payload |
//! | --- | --- | --- | --- |
//! | 1 | Group | 0 | 8 sequence, 4 segment and 4 offset up to which all was synced when it was formed |
//! | 2 | Enqueue | targets | targets (8 queue, 8 id, and with flag 2: 8 expiry), then the message |
//! | 3 | Settle | runs | 8 queue, then runs (8 first id, 8 last id) |
//! | 4 | Delivered | runs | as Settle |
//! | 5 | `DropQueue` | 0 | 8 queue |
//! | 6 | Batch | records that follow | nothing: they count all or not at all |
//! | 7 | Page | entries | 8 queue, 8 page, then the entries of `format/page.rs` |
//! | 8 | Checkpoint | queues | `format/checkpoint.rs` |
//! | 9 | Seal | 0 | nothing: the segment ends here |
//!
//! Flags of Enqueue: 1 moved by reclaim, 2 with expiries, 4 forgotten at the next start. Flag 1 of
//! Delivered: attempts that failed. Flag 1 of Page: how many failed stands behind the entries. A reader
//! that knows neither counts a failed attempt as one more, and no failure.

mod buffer;
mod checkpoint;
mod message;
mod page;
mod record;
mod segment_header;
mod values;

pub(super) use buffer::GroupBuffer;
pub(super) use checkpoint::{
    CheckpointPage, CheckpointQueue, WITH_HANDED_OUT, read_checkpoint, write_checkpoint,
};
pub(super) use message::{
    Target, message_room, read_enqueue, read_message, write_message, write_moved,
};
pub(super) use page::{PAGE_IDS, SegmentShare, Slot, page_room, read_page, write_page};
pub(super) use record::{
    Group, Kind, RecordHeader, align, read_group, read_queue, read_runs, write_group,
};
pub(super) use segment_header::SegmentHeader;
pub(super) use values::{Reader, put_varint};

/// The version this program writes and reads.
pub(super) const VERSION: u32 = 1;

/// Where the first record stands.
pub(super) const DATA_START: u32 = 1024;

/// Bytes of a record before its payload.
pub(super) const RECORD_HEADER_BYTES: usize = 16;

/// Records begin at multiples of this.
pub(super) const ALIGNMENT: usize = 8;

/// Enqueue: the record was copied from another segment.
pub(super) const FLAG_MOVED: u8 = 1;

/// Enqueue: every target has an expiry.
pub(super) const FLAG_EXPIRIES: u8 = 2;

/// Enqueue: the message does not outlive the process.
pub(super) const FLAG_PROCESS: u8 = 4;

/// Delivered: the messages came back from an attempt that failed.
pub(super) const FLAG_FAILED: u8 = 1;

/// Page: behind the entries stands how many attempts failed.
pub(super) const FLAG_FAILURES: u8 = 1;

/// The file name of a segment.
pub(super) fn segment_name(number: u32) -> String {
    format!("{number:010}.segment")
}

/// The number of a segment's file name.
pub(super) fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".segment")?;
    (digits.len() == 10).then(|| digits.parse().ok()).flatten()
}
