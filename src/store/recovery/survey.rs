//! Walks over a segment and notes what matters for where recovery begins and where the log ends.

use crate::store::format::{DATA_START, Kind, read_group};
use crate::store::segment_log::{Item, Scanner, Segment};
use crate::store::{LogError, Position};

/// A place that holds no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hole {
    pub(super) offset: u64,
    /// Where the log must be cut if it ends here: an unfinished batch goes as a whole.
    pub(super) cut: u64,
}

/// What was noted.
pub(super) struct Survey {
    pub(super) segment: Segment,
    pub(super) holes: Vec<Hole>,
    pub(super) checkpoints: Vec<Position>,
    /// The furthest place of which a group says that everything before it was synced.
    pub(super) synced: (u32, u32),
    pub(super) sequence: u64,
    /// Where the walk ended.
    pub(super) end: u64,
}

impl Survey {
    pub(super) fn of(segment: &Segment) -> Result<Self, LogError> {
        let mut scanner = Scanner::new(segment, DATA_START.into())?;
        let mut survey = Self {
            segment: segment.clone(),
            holes: Vec::new(),
            checkpoints: Vec::new(),
            synced: (0, 0),
            sequence: 0,
            end: DATA_START.into(),
        };
        // Records that an open batch still needs, and where it began.
        let mut batch: Option<(u32, u64)> = None;
        loop {
            match scanner.next()? {
                Item::End { offset } => {
                    if let Some((_, start)) = batch {
                        survey.holes.push(Hole { offset, cut: start });
                    }
                    survey.end = offset;
                    return Ok(survey);
                }
                Item::Bad { offset } => {
                    let cut = batch.take().map_or(offset, |(_, start)| start);
                    survey.holes.push(Hole { offset, cut });
                    if !scanner.resync()? {
                        survey.end = offset;
                        return Ok(survey);
                    }
                }
                Item::Record { position, header, payload } => {
                    batch = match batch {
                        Some((1, _)) | None => None,
                        Some((left, start)) => Some((left - 1, start)),
                    };
                    match header.kind {
                        Kind::Group => {
                            if let Some(group) = read_group(payload) {
                                survey.synced = survey.synced.max(group.synced);
                                survey.sequence = survey.sequence.max(group.sequence);
                            }
                        }
                        Kind::Batch => batch = Some((header.count, position.offset.into())),
                        Kind::Checkpoint => survey.checkpoints.push(position),
                        Kind::Seal => {
                            survey.end = scanner.offset();
                            return Ok(survey);
                        }
                        Kind::Enqueue
                        | Kind::Settle
                        | Kind::Delivered
                        | Kind::DropQueue
                        | Kind::Page => {}
                    }
                }
            }
        }
    }

    /// The first place where the log may end in this segment, when everything before `synced` is known
    /// to have been there: holes before it are damage.
    pub(super) fn first_torn(&self, synced: (u32, u32)) -> Option<Hole> {
        let is_torn = |hole: &&Hole| {
            (u64::from(self.segment.number), hole.offset) >= (synced.0.into(), synced.1.into())
        };
        self.holes.iter().find(is_torn).copied()
    }

    /// Whether a place before this one (segment, offset) holds no record.
    pub(super) fn has_hole_before(&self, (segment, offset): (u32, u64)) -> bool {
        let number = self.segment.number;
        self.holes.iter().any(|hole| (number, hole.offset) < (segment, offset))
    }
}
