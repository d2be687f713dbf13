//! `store check` and `store dump`: looking at the folder of a dead broker without touching it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Loaded, OnProgress, Pass, load};
use crate::base::{Message, MessageId};
use crate::store::format::{DATA_START, Kind, RECORD_HEADER_BYTES, SegmentHeader};
use crate::store::segment_log::{Item, Scanner, Segment, SegmentFiles, message_of};
use crate::store::{Damage, FileLayer, IndexEntry, LogError, QueueNumber, RecoveredQueue, Stored};

/// What a folder holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckReport {
    /// Files with segments.
    pub segments: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Records of any kind.
    pub records: u64,
    /// Waiting messages, counted once per queue.
    pub messages: u64,
    /// Places that are not what was written.
    pub damages: Vec<Damage>,
    /// An unfinished write at the end, which is no damage.
    pub cut: Option<Damage>,
    /// Messages whose segment is not there.
    pub lost_messages: u64,
    /// Waiting messages and bytes by queue.
    pub queues: Vec<RecoveredQueue>,
}

/// Reads every record of a folder and works out its state. Writes nothing.
pub fn check(layer: Arc<dyn FileLayer>, progress: OnProgress<'_>) -> Result<CheckReport, LogError> {
    let files = SegmentFiles::new(layer);
    let loaded = load(&files, progress)?;
    let mut report = CheckReport {
        segments: loaded.segments.len() as u64,
        segment_bytes: loaded.segments.values().sum(),
        messages: loaded.recovered.queues.iter().map(|queue| queue.messages).sum(),
        cut: loaded.recovered.cut.clone(),
        lost_messages: loaded.recovered.lost_messages,
        queues: loaded.recovered.queues.clone(),
        ..CheckReport::default()
    };
    let mut done = 0;
    for (number, size) in &loaded.segments {
        let segment = files.segment(*number)?;
        let end = match loaded.end {
            Some((end, _)) if end < *number => DATA_START.into(),
            Some((end, offset)) if end == *number => offset,
            Some(_) | None => u64::MAX,
        };
        let mut step = |bytes: u64| progress(Pass::Check, done + bytes, report.segment_bytes);
        report.records += check_segment(&files, &segment, end, &mut step)?;
        done += size;
        progress(Pass::Check, done, report.segment_bytes);
    }
    report.damages = files.damages();
    Ok(report)
}

fn check_segment(
    files: &SegmentFiles,
    segment: &Segment,
    end: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, LogError> {
    let damage = |offset, what: &str| {
        files.report(&Damage { file: segment.path.clone(), offset, what: what.to_owned() });
    };
    let mut start = vec![0; DATA_START as usize];
    let read = segment.file.read_at(&mut start, 0).map_err(|error| segment.error("read", error))?;
    if !SegmentHeader::both_copies_are_good(&start[..read]) {
        damage(0, "one copy of the segment's header is damaged");
    }
    let mut scanner = Scanner::new(segment, DATA_START.into())?;
    let mut records = 0;
    let mut told = 0;
    while scanner.offset() < end {
        match scanner.next()? {
            Item::End { .. } => break,
            Item::Bad { offset } => {
                damage(offset, "no record can be read here");
                if !scanner.resync()? {
                    break;
                }
            }
            Item::Record { header, .. } => {
                records += 1;
                if header.kind == Kind::Seal {
                    break;
                }
            }
        }
        if scanner.offset() > told + PROGRESS_BYTES {
            told = scanner.offset();
            progress(told);
        }
    }
    Ok(records)
}

/// How often a check tells how far it is.
const PROGRESS_BYTES: u64 = 8 * 1024 * 1024;

/// The waiting messages of one queue, in order. Made by [`Dump::open`].
pub struct Dump {
    files: SegmentFiles,
    loaded: Loaded,
    queue: QueueNumber,
    next: MessageId,
    entries: VecDeque<IndexEntry>,
}

impl Dump {
    /// Reads the state of a folder; writes nothing.
    pub fn open(
        layer: Arc<dyn FileLayer>,
        queue: QueueNumber,
        progress: OnProgress<'_>,
    ) -> Result<Self, LogError> {
        let files = SegmentFiles::new(layer);
        let loaded = load(&files, progress)?;
        Ok(Self { files, loaded, queue, next: MessageId(0), entries: VecDeque::new() })
    }

    /// The queues of the folder.
    #[must_use]
    pub fn queues(&self) -> BTreeMap<QueueNumber, RecoveredQueue> {
        self.loaded.recovered.queues.iter().map(|queue| (queue.number, *queue)).collect()
    }

    /// Places that are not what was written, as far as they were met. A message that lay there may be
    /// missing.
    #[must_use]
    pub fn damages(&self) -> Vec<Damage> {
        self.files.damages()
    }

    /// Messages, of any queue, whose segment is not there.
    #[must_use]
    pub fn lost_messages(&self) -> u64 {
        self.loaded.recovered.lost_messages
    }

    fn read(&self, entry: &IndexEntry) -> Result<Message, LogError> {
        let (header, record) = self.files.record(entry.position)?;
        let wanted = Stored { queue: self.queue, id: entry.id, position: entry.position };
        message_of(&header, &record, &wanted).ok_or_else(|| {
            let name = crate::store::format::segment_name(entry.position.segment);
            let (file, what) =
                (self.files.layer.path(&name), "another message lies here".to_owned());
            let offset = u64::from(entry.position.offset) + RECORD_HEADER_BYTES as u64;
            LogError::Damaged(Damage { file, offset, what })
        })
    }
}

impl Iterator for Dump {
    type Item = (IndexEntry, Result<Message, LogError>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.entries.is_empty() {
            let found = self.loaded.index.entries(&self.files, self.queue, self.next, 1024).ok()?;
            self.loaded.index.evict(64 * 1024);
            self.next = found.last()?.id.next();
            self.entries = found.into();
        }
        let entry = self.entries.pop_front()?;
        let message = self.read(&entry);
        Some((entry, message))
    }
}
