//! The message log on disk: segments of fixed size, one writer thread, group commit.
//!
//! The file is the public side: hand facts over, read messages back. What a group does to files and
//! index is `engine.rs`; the thread is `flusher.rs`; the bytes are `format.rs`.

mod engine;
mod files;
mod full;
mod options;
mod plan;
mod runs;
mod scanner;
mod segments;
mod shared;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;

use super::flusher::Flusher;
use super::format::{Kind, RECORD_HEADER_BYTES, RecordHeader, read_enqueue, read_message};
use super::recovery::{self, Recovered};
use super::{
    Brake, Damage, FileLayer, IndexEntry, LogError, LogLoad, LogStatus, MessageLog, OnStatus,
    Position, QueueNumber, RecoveredQueue, Stored, Submission,
};
use crate::base::{Message, MessageId, Millis, Pressure};

pub(super) use engine::{Engine, refuse, size_of_entry};
pub(super) use files::{Found, SegmentFiles, check_record};
pub use options::{Durability, LogOptions};
pub(super) use scanner::{Item, Scanner, Segment};
pub(super) use segments::Segments;
pub(super) use shared::Shared;

/// Records that lie closer together than this are read at once.
const READ_GAP_BYTES: u64 = 16 * 1024;

/// The most that is read at once, unless one record is larger.
const READ_BYTES_MAX: u64 = 1024 * 1024;

/// See the module.
pub struct SegmentLog {
    shared: Arc<Shared>,
    flusher: Flusher,
}

impl SegmentLog {
    /// Opens the log of a folder: recovers what is there, then takes new facts. Blocks.
    pub fn open(
        layer: Arc<dyn FileLayer>,
        options: LogOptions,
        on_status: OnStatus,
    ) -> Result<(Self, Recovered), LogError> {
        let (engine, recovered) = recovery::open(layer, options, on_status)?;
        let shared = Arc::clone(&engine.shared);
        let flusher = Flusher::start(engine)?;
        Ok((Self { shared, flusher }, recovered))
    }

    /// As [`Self::open`], without a writer thread: it writes when [`Self::step`] is called. For simulations, which
    /// decide what happens when.
    pub fn open_stepped(
        layer: Arc<dyn FileLayer>,
        options: LogOptions,
        on_status: OnStatus,
    ) -> Result<(Self, Recovered), LogError> {
        let (engine, recovered) = recovery::open(layer, options, on_status)?;
        let shared = Arc::clone(&engine.shared);
        Ok((Self { shared, flusher: Flusher::stepped(engine) }, recovered))
    }

    /// Writes what waits as one group and calls its tickets, on this thread; gives the number of submissions. Does
    /// nothing to a log that has a writer thread.
    pub fn step(&self) -> usize {
        self.flusher.step()
    }

    /// Reads several records of one segment that lie close together.
    fn read_near(
        &self,
        near: &[(usize, Stored)],
        answers: &mut [Option<Result<Message, LogError>>],
    ) {
        let (Some((_, first)), Some((_, last))) = (near.first(), near.last()) else { return };
        let start = first.position.offset;
        let end = u64::from(last.position.offset) + u64::from(last.position.length);
        let Ok(segment) = self.shared.files.segment(first.position.segment) else { return };
        // The caller bounds the distance.
        let Ok(length) = usize::try_from(end - u64::from(start)) else { return };
        let mut bytes = vec![0; length];
        let Ok(read) = segment.file.read_at(&mut bytes, start.into()) else { return };
        bytes.truncate(read);
        let bytes = Bytes::from(bytes);
        for (at, wanted) in near {
            let from = (wanted.position.offset - start) as usize;
            let to = from + wanted.position.length as usize;
            if to <= bytes.len()
                && let Ok((header, record)) =
                    check_record(&segment, wanted.position, bytes.slice(from..to))
                && let Some(message) = message_of(&header, &record, wanted)
            {
                answers[*at] = Some(Ok(message));
            }
        }
    }

    fn read_at(&self, wanted: &Stored) -> Result<Message, LogError> {
        let (header, record) = self.shared.files.record(wanted.position)?;
        message_of(&header, &record, wanted).ok_or_else(|| {
            let name = super::format::segment_name(wanted.position.segment);
            let file = self.shared.files.layer.path(&name);
            let what = "the record is not the message it should be".to_owned();
            LogError::Damaged(Damage { file, offset: wanted.position.offset.into(), what })
        })
    }
}

impl MessageLog for SegmentLog {
    fn submit(&self, submission: Submission) {
        self.flusher.submit(submission);
    }

    fn load(&self) -> LogLoad {
        let load = self.flusher.load();
        match self.shared.status() {
            LogStatus::Healthy => load,
            // What waits then is not counted any more, and more of it helps nobody.
            LogStatus::Full { .. } | LogStatus::Failed { .. } => {
                LogLoad { pressure: Pressure::High, room_bytes: 0, ..load }
            }
        }
    }

    fn read(&self, wanted: &Stored) -> Result<Message, LogError> {
        let mut wanted = *wanted;
        // A record may be moved while it is looked for, more than once with very bad luck.
        let mut tries = 3;
        loop {
            let error = match self.read_at(&wanted) {
                Ok(message) => return Ok(message),
                Err(error) => error,
            };
            let Stored { queue, id, position } = wanted;
            let slot = self.shared.index().locate(&self.shared.files, queue, id)?;
            let slot = slot.ok_or(LogError::Gone { queue, id })?;
            tries -= 1;
            if slot.position == position || tries == 0 {
                if let LogError::Damaged(damage) = &error {
                    self.shared.files.report(damage);
                }
                return Err(error);
            }
            wanted.position = slot.position;
        }
    }

    fn read_many(&self, wanted: &[Stored]) -> Vec<Result<Message, LogError>> {
        let mut order: Vec<(usize, Stored)> = wanted.iter().copied().enumerate().collect();
        order.sort_by_key(|(_, wanted)| wanted.position);
        let mut answers: Vec<_> = wanted.iter().map(|_| None).collect();
        let end = |position: Position| u64::from(position.offset) + u64::from(position.length);
        let mut from = 0;
        while from < order.len() {
            let first = order[from].1.position;
            let mut to = from + 1;
            while to < order.len() {
                let (last, next) = (order[to - 1].1.position, order[to].1.position);
                let is_near = next.segment == first.segment
                    && u64::from(next.offset) <= end(last) + READ_GAP_BYTES
                    && end(next) - u64::from(first.offset) <= READ_BYTES_MAX;
                if !is_near {
                    break;
                }
                to += 1;
            }
            if to > from + 1 {
                self.read_near(&order[from..to], &mut answers);
            }
            from = to;
        }
        let answers = answers.into_iter().zip(wanted);
        answers.map(|(answer, wanted)| answer.unwrap_or_else(|| self.read(wanted))).collect()
    }

    fn entries(
        &self,
        queue: QueueNumber,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<IndexEntry>, LogError> {
        let mut index = self.shared.index();
        let entries = index.entries(&self.shared.files, queue, from, limit);
        // Reading must not fill the RAM either. Pages that have to be written first are the writer's.
        let slots_max = self.shared.options.index_slots_max();
        if index.ram_slots() > slots_max {
            index.evict(slots_max);
        }
        entries
    }

    fn queues(&self) -> Vec<RecoveredQueue> {
        self.shared.index().summaries()
    }

    fn status(&self) -> LogStatus {
        self.shared.status()
    }

    fn tick(&self, now: Millis) {
        self.flusher.tick(now);
    }

    fn set_brake(&self, brake: Option<Brake>) {
        self.flusher.set_brake(brake);
    }

    fn close(&self) -> Result<(), LogError> {
        self.flusher.close()
    }
}

/// The message of a record, when it is the wanted one.
pub(super) fn message_of(
    header: &RecordHeader,
    record: &Bytes,
    wanted: &Stored,
) -> Option<Message> {
    if header.kind != Kind::Enqueue {
        return None;
    }
    let payload = &record[RECORD_HEADER_BYTES..];
    let read = read_enqueue(payload, header.flags, header.count)?;
    let is_wanted = read.targets.iter().any(|t| (t.queue, t.id) == (wanted.queue, wanted.id));
    if is_wanted { read_message(record, read.message) } else { None }
}
