//! From the files of a folder to the state of the log.
//!
//! 1. The segments are walked over, the newest first, until one holds a checkpoint.
//! 2. The log ends at the first hole that nobody can have relied on: every group says up to where
//!    everything was synced when it was formed, and a hole before the furthest such place is damage,
//!    which is reported and stepped over. What comes after the end is cut off, silently. When damage lies
//!    before the end, an empty group is put there first: the one that says so may be cut off.
//! 3. The records between checkpoint and end are applied to the checkpoint.
//! 4. Without a clean stop the last hand-outs may not have been written. All messages that are there
//!    then count as handed out (I10).
//!
//! Reading ([`load`]) is apart from mending ([`open`]), so that a check can look at a folder without
//! touching it.

mod check;
mod clean_stop;
mod replay;
mod survey;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::format::{
    DATA_START, Group, GroupBuffer, Kind, RECORD_HEADER_BYTES, read_checkpoint, segment_name,
    segment_number, write_group,
};
use super::index::Index;
use super::segment_log::{Engine, Found, LogOptions, Segment, SegmentFiles, Segments, Shared};
use super::{Damage, FileLayer, LogError, OnStatus, QueueNumber, RecoveredQueue};
use replay::replay_segment;
use survey::Survey;

pub(super) use clean_stop::write as note_clean_stop;

pub use check::{CheckReport, Dump, check};

/// What is being read of a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pass {
    /// The newest segments, back to a checkpoint.
    Find,
    /// What follows the checkpoint, once more.
    Replay,
    /// Every record.
    Check,
}

/// Hears what is read, how many bytes of it were, and how many there are at most.
pub type OnProgress<'a> = &'a mut dyn FnMut(Pass, u64, u64);

/// What was found at the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// The queues, by number. Their messages are read with [`super::MessageLog::entries`].
    pub queues: Vec<RecoveredQueue>,
    /// Records that were applied to the last checkpoint; 0 after a clean stop.
    pub replayed_records: u64,
    /// Whether an unfinished write was cut off.
    pub cut: Option<Damage>,
    /// Records that are not what was written. They have been logged as errors.
    pub damages: Vec<Damage>,
    /// Messages whose segment is not there any more.
    pub lost_messages: u64,
    /// Whether the log was not closed. Which messages were handed out last is not known then, so all of
    /// them count as handed out.
    pub unclean: bool,
}

impl Recovered {
    /// Queues that hold messages and that nobody knows: their definitions are lost. The caller says so,
    /// and decides whether they are dropped.
    pub fn unknown_queues(
        &self,
        is_known: impl Fn(QueueNumber) -> bool,
    ) -> impl Iterator<Item = &RecoveredQueue> {
        self.queues.iter().filter(move |queue| !is_known(queue.number))
    }
}

/// The state of a folder.
struct Loaded {
    index: Index,
    /// Segments and their sizes.
    segments: BTreeMap<u32, u64>,
    unused: Vec<u32>,
    /// Where the log ends: segment, offset; what lies behind is to be cut off.
    end: Option<(u32, u64)>,
    /// Whether damage lies before the end, in what was walked over.
    is_damaged: bool,
    /// Segments that were looked at, so may not be synced.
    walked: Vec<u32>,
    /// Segments behind the end.
    beyond: Vec<u32>,
    next_number: u32,
    sequence: u64,
    recovered: Recovered,
}

/// Recovers a folder and makes the engine that goes on with it.
pub(super) fn open(
    layer: Arc<dyn FileLayer>,
    options: LogOptions,
    on_status: OnStatus,
) -> Result<(Engine, Recovered), LogError> {
    let options = options.clamped();
    let files = SegmentFiles::new(layer);
    let mut loaded = load(&files, &mut |_, _, _| ())?;
    mend(&files, &mut loaded)?;
    let free = std::mem::take(&mut loaded.unused);
    for number in free {
        remove(&files, number)?;
    }
    let recovered = loaded.recovered;
    let shared = Arc::new(Shared::new(files, options, loaded.index, on_status));
    let sealed = loaded.segments;
    let segments = Segments::new(Arc::clone(&shared), sealed, Vec::new(), loaded.next_number);
    // What counts as handed out must be in a checkpoint, even when nothing else was written.
    let replayed = recovered.replayed_records + u64::from(recovered.unclean);
    Ok((Engine::new(shared, segments, loaded.sequence, replayed), recovered))
}

/// Cuts off what lies behind the end, and makes durable what was found: it may have been written by a
/// process that was killed before its sync.
fn mend(files: &SegmentFiles, loaded: &mut Loaded) -> Result<(), LogError> {
    if let Some((number, offset)) = loaded.end {
        let segment = files.segment(number)?;
        let offset =
            if loaded.is_damaged { write_end(&segment, offset, loaded.sequence)? } else { offset };
        if segment.file.length().map_err(|error| segment.error("read", error))? > offset {
            segment.file.resize(offset).map_err(|error| segment.error("cut", error))?;
        }
        loaded.segments.insert(number, offset);
    }
    for number in &loaded.walked {
        let segment = files.segment(*number)?;
        segment.file.sync_data().map_err(|error| segment.error("sync", error))?;
    }
    for number in std::mem::take(&mut loaded.beyond) {
        remove(files, number)?;
        loaded.segments.remove(&number);
    }
    clean_stop::remove(files)?;
    let path = files.layer.path("");
    files.layer.sync_dir().map_err(|error| LogError::io("sync", &path, error))
}

/// Puts an empty group where the log ends, which says that everything before it is all there was; gives
/// where it ends. Durable before anything is cut off, so that a start never finds neither; one that finds
/// both may find whole groups behind this one, of which nobody was told anything.
fn write_end(segment: &Segment, offset: u64, sequence: u64) -> Result<u64, LogError> {
    // A place of which a group can say that it was synced is below 4 GiB.
    let start = u32::try_from(offset).unwrap_or(u32::MAX);
    let group = Group { sequence, synced: (segment.number, start) };
    let mut buffer = GroupBuffer::default();
    buffer.begin(segment.number, segment.seed, start);
    buffer.record(Kind::Group, 0, 0, &[], |payload| write_group(payload, group));
    let written = segment.file.write_at(&mut buffer.pieces(), offset);
    written.map_err(|error| segment.error("write", error))?;
    segment.file.sync_data().map_err(|error| segment.error("sync", error))?;
    Ok(offset + buffer.len() as u64)
}

fn remove(files: &SegmentFiles, number: u32) -> Result<(), LogError> {
    files.forget(number);
    let name = segment_name(number);
    let removed = files.layer.remove(&name);
    removed.map_err(|error| LogError::io("remove", &files.layer.path(&name), error))
}

/// Reads the state of a folder; writes nothing.
fn load(files: &SegmentFiles, progress: OnProgress<'_>) -> Result<Loaded, LogError> {
    let numbers = segment_numbers(files)?;
    let next_number = numbers.last().map_or(1, |last| last + 1);
    let (segments, unused) = look_at(files, numbers)?;
    let (walked, base) = walk(files, &segments, progress)?;
    let sequence = walked.iter().map(|survey| survey.sequence).max().unwrap_or(0);
    let synced = walked.iter().map(|survey| survey.synced).max().unwrap_or_default();
    let torn = walked
        .iter()
        .find_map(|survey| survey.first_torn(synced).map(|hole| (survey.segment.number, hole)));
    let end = torn.map(|(number, hole)| (number, hole.cut));
    let is_damaged = end.is_some_and(|end| walked.iter().any(|survey| survey.has_hole_before(end)));
    let mut recovered = Recovered::default();
    let mut index = base.index;
    let size = |survey: &Survey| segments.get(&survey.segment.number).copied().unwrap_or(0);
    let (mut done, total) = (0, walked.iter().map(size).sum());
    for survey in &walked {
        let number = survey.segment.number;
        let last = match end {
            Some((end, offset)) if end == number => offset,
            Some((end, _)) if end < number => break,
            Some(_) | None => u64::MAX,
        };
        let from = if number == base.segment { base.offset } else { DATA_START.into() };
        recovered.replayed_records +=
            replay_segment(&mut index, files, &survey.segment, from, last)?;
        done += size(survey);
        progress(Pass::Replay, done, total);
    }
    let is_there = |segment: u32| segments.contains_key(&segment);
    recovered.lost_messages = index.forget_missing_segments(files, is_there)?;
    index.forget_messages_of_the_process(files)?;
    let is_closed = torn.is_none() && clean_stop::is_there(files, sequence);
    recovered.unclean = !segments.is_empty() && !is_closed;
    if recovered.unclean {
        index.all_may_be_handed_out();
    }
    recovered.queues = index.summaries();
    recovered.damages = files.damages();
    recovered.cut = torn.and_then(|(number, hole)| {
        let survey = walked.iter().find(|survey| survey.segment.number == number)?;
        cut_off(survey, hole.cut)
    });
    if recovered.lost_messages > 0 {
        let messages = recovered.lost_messages;
        tracing::error!(
            messages,
            "segments of the message log are missing; their messages are lost"
        );
    }
    let beyond = end.map_or(Vec::new(), |(end, _)| {
        segments.keys().copied().filter(|number| *number > end).collect()
    });
    let walked = walked.iter().map(|survey| survey.segment.number);
    let walked = walked.filter(|number| !beyond.contains(number)).collect();
    Ok(Loaded {
        index,
        segments,
        unused,
        end,
        is_damaged,
        walked,
        beyond,
        next_number,
        sequence,
        recovered,
    })
}

/// The numbers of the segment files, ascending.
fn segment_numbers(files: &SegmentFiles) -> Result<Vec<u32>, LogError> {
    let path = files.layer.path("");
    let names = files.layer.list().map_err(|error| LogError::io("list", &path, error))?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The segments and their sizes, and those that hold nothing.
fn look_at(
    files: &SegmentFiles,
    numbers: Vec<u32>,
) -> Result<(BTreeMap<u32, u64>, Vec<u32>), LogError> {
    let mut segments = BTreeMap::new();
    let mut unused = Vec::new();
    for number in numbers {
        match files.find(number)? {
            Found::Segment(segment) => {
                let size = segment.file.length().map_err(|error| segment.error("read", error))?;
                segments.insert(number, size);
            }
            Found::Unused => unused.push(number),
            Found::NoHeader(damage) => files.report(&damage),
        }
    }
    Ok((segments, unused))
}

/// Where replaying begins.
struct Base {
    index: Index,
    segment: u32,
    offset: u64,
}

/// Walks over the newest segments until one holds a checkpoint that can be relied on. The surveys
/// come in ascending order.
fn walk(
    files: &SegmentFiles,
    segments: &BTreeMap<u32, u64>,
    progress: OnProgress<'_>,
) -> Result<(Vec<Survey>, Base), LogError> {
    let mut walked: Vec<Survey> = Vec::new();
    let mut synced = (0, 0);
    let mut base = Base { index: Index::default(), segment: 0, offset: DATA_START.into() };
    let (mut done, total) = (0, segments.values().sum());
    for (number, size) in segments.iter().rev() {
        let survey = Survey::of(&files.segment(*number)?)?;
        synced = synced.max(survey.synced);
        let end = survey.first_torn(synced).map_or(u64::MAX, |hole| hole.cut);
        let usable = survey.checkpoints.iter().rev();
        let found =
            usable.filter(|position| u64::from(position.offset) < end).find_map(|position| {
                let (header, record) = files.record(*position).ok()?;
                let queues =
                    read_checkpoint(&record[RECORD_HEADER_BYTES..], header.flags, header.count)?;
                let offset = u64::from(position.offset);
                Some(Base { index: Index::of_checkpoint(queues), segment: *number, offset })
            });
        walked.push(survey);
        done += size;
        progress(Pass::Find, done, total);
        if let Some(found) = found {
            base = found;
            break;
        }
    }
    walked.reverse();
    if base.segment == 0 && segments.keys().next().is_some_and(|first| *first > 1) {
        tracing::error!(
            "the message log has no checkpoint that can be read; it is read as a whole, and messages \
             that were settled long ago may come back"
        );
    }
    Ok((walked, base))
}

/// What is cut off, when there is something.
fn cut_off(survey: &Survey, offset: u64) -> Option<Damage> {
    let mut start = [0; 16];
    let read = survey.segment.file.read_at(&mut start, offset).ok()?;
    let something = start[..read].iter().any(|byte| *byte != 0);
    let what = "an unfinished write was cut off".to_owned();
    something.then(|| Damage { file: survey.segment.path.clone(), offset, what })
}
