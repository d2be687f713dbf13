//! Brings an index from a checkpoint to the end of the log.

use std::collections::VecDeque;

use crate::store::format::{FLAG_FAILED, Kind, read_enqueue, read_page, read_queue, read_runs};
use crate::store::index::Index;
use crate::store::segment_log::{Item, Scanner, Segment, SegmentFiles};
use crate::store::{Damage, LogError, Mark, Position};

/// Applies the records of a segment from `offset` on, up to `end`.
pub(super) fn replay_segment(
    index: &mut Index,
    files: &SegmentFiles,
    segment: &Segment,
    offset: u64,
    end: u64,
) -> Result<u64, LogError> {
    let mut scanner = Scanner::new(segment, offset)?;
    let mut records = 0;
    while scanner.offset() < end {
        match scanner.next()? {
            Item::End { .. } => break,
            Item::Bad { offset } => {
                files.report(&damaged(segment, offset, "no record can be read here"));
                if !scanner.resync()? {
                    break;
                }
            }
            Item::Record { header, .. } if header.kind == Kind::Seal => break,
            Item::Record { position, header, payload } => {
                let is_fact = !matches!(header.kind, Kind::Group | Kind::Checkpoint);
                records += u64::from(is_fact);
                let applied = apply(
                    index,
                    files,
                    position,
                    (header.kind, header.flags, header.count),
                    payload,
                )?;
                if !applied {
                    let what = "a record with a good checksum makes no sense";
                    files.report(&damaged(segment, position.offset.into(), what));
                }
            }
        }
    }
    Ok(records)
}

fn damaged(segment: &Segment, offset: u64, what: &str) -> Damage {
    Damage { file: segment.path.clone(), offset, what: what.to_owned() }
}

/// Applies one record; `false` when it cannot be read.
fn apply(
    index: &mut Index,
    files: &SegmentFiles,
    position: Position,
    (kind, flags, count): (Kind, u8, u32),
    payload: &[u8],
) -> Result<bool, LogError> {
    match kind {
        Kind::Group | Kind::Batch | Kind::Checkpoint | Kind::Seal => {}
        Kind::Enqueue => {
            let Some(read) = read_enqueue(payload, flags, count) else { return Ok(false) };
            for target in &read.targets {
                let slot = read.slot(target, position);
                index.enqueue(files, target.queue, target.id, slot)?;
            }
        }
        Kind::Settle => {
            let Some((queue, runs)) = read_runs(payload, count) else { return Ok(false) };
            for run in runs {
                index.settle(files, queue, run)?;
            }
        }
        Kind::Delivered => {
            let Some((queue, runs)) = read_runs(payload, count) else { return Ok(false) };
            let mark = if flags & FLAG_FAILED == 0 { Mark::HandedOut } else { Mark::Failed };
            for run in runs {
                index.deliver(files, queue, mark, run)?;
            }
        }
        Kind::DropQueue => {
            let Some(queue) = read_queue(payload) else { return Ok(false) };
            index.drop_queue(queue);
        }
        Kind::Page => {
            let Some((queue, page, slots)) = read_page(payload, flags, count) else {
                return Ok(false);
            };
            let slots: VecDeque<_> = slots;
            index.replace_page((queue, page), position, slots);
        }
    }
    Ok(true)
}
