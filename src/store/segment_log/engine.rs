//! The writer's half of the log, without a thread: groups go in, files and the index change.
//!
//! Invariants:
//! * L5: a ticket of a durable submission is completed after its group and everything before it was
//!   synced (`durability = fsync`) or written (`os`).
//! * L6: a group lies in one segment. A segment ends with a seal that is synced before anything is
//!   written to the next one (`fsync`).
//! * L7: after a failed sync, or a failed write that is not for lack of space, nothing is written,
//!   confirmed or deleted any more.
//!   A segment that has no name any more is such a failure: what is in it goes with the process.
//! * L8: a group that did not fit on the disk is kept as it is and written again at the same place.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use super::files::SegmentFiles;
use super::plan::{Plan, Planned};
use super::segments::Segments;
use super::shared::Shared;
use crate::base::Millis;
use crate::store::format::{Group, GroupBuffer, Kind, Target, write_group, write_message};
use crate::store::index::Index;
use crate::store::reclaim::Reclaim;
use crate::store::recovery::note_clean_stop;
use crate::store::{Durability, Entry, LogError, LogStatus, Position, Submission, Written};

/// What an empty group takes.
const GROUP_ROOM: usize = 64;

/// Submissions are put together up to this many bytes; one of them may be larger.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// See the module.
pub(in crate::store) struct Engine {
    pub(in crate::store) shared: Arc<Shared>,
    pub(in crate::store) segments: Segments,
    pub(in crate::store) buffer: GroupBuffer,
    sequence: u64,
    /// Up to where everything is synced: segment, offset.
    synced: (u32, u32),
    /// Up to where a group in the log says that everything is synced.
    claimed: (u32, u32),
    /// Whether something was written and not synced.
    unsynced: bool,
    /// Submissions that wait for space.
    held: Vec<Submission>,
    /// The room that the group needs which was refused last, and whether it holds messages.
    refused_for: (usize, bool),
    /// A group that is encoded and was refused for lack of space.
    stuck: Option<Stuck>,
    pub(in crate::store) reclaim: Reclaim,
    now: Millis,
}

/// A group that is encoded, but not written.
struct Stuck {
    tickets: Vec<Ticket>,
    sync: bool,
}

/// Who is told, and what.
struct Ticket {
    done: Option<crate::store::LogDone>,
    positions: Vec<Option<Position>>,
}

impl Engine {
    /// `replayed` says how many records there are behind the last checkpoint. What is in the segments before
    /// the next one must be durable.
    pub(in crate::store) fn new(
        shared: Arc<Shared>,
        segments: Segments,
        sequence: u64,
        replayed: u64,
    ) -> Self {
        let reclaim = Reclaim::new(replayed);
        let synced = (segments.next_number(), 0);
        Self {
            shared,
            segments,
            buffer: GroupBuffer::default(),
            sequence,
            synced,
            claimed: synced,
            unsynced: false,
            held: Vec::new(),
            refused_for: (0, false),
            stuck: None,
            reclaim,
            now: Millis(0),
        }
    }

    /// Writes submissions, in groups, and completes their tickets. What finds no room is held and comes
    /// first the next time.
    pub(in crate::store) fn run(&mut self, submissions: Vec<Submission>) {
        self.held.extend(submissions);
        // A group that found no room although some had just been made waits for the next tick.
        let mut refused = false;
        while !self.held.is_empty() && self.stuck.is_none() {
            if let Some(error) = self.shared.failure() {
                refuse(std::mem::take(&mut self.held), &error);
            } else if self.shared.is_full() {
                self.run_facts();
                if self.is_blocked() {
                    return;
                }
            } else if self.run_held() {
                refused = false;
            } else if std::mem::replace(&mut refused, true) {
                return;
            }
        }
    }

    /// Writes what is held while there is room; gives whether anything was written.
    fn run_held(&mut self) -> bool {
        // A quarter of a segment: a group must not ask for more room than the disk can make.
        let quarter = usize::try_from(self.shared.options.segment_bytes / 4);
        let mut group_bytes_max = quarter.unwrap_or(usize::MAX).min(GROUP_BYTES_MAX);
        let mut progress = false;
        let mut waiting: VecDeque<Submission> = std::mem::take(&mut self.held).into();
        while !waiting.is_empty() && !self.is_blocked() {
            let mut bytes = 0;
            let fits = |submission: &&Submission| {
                bytes += size_of_submission(submission);
                bytes <= group_bytes_max
            };
            let count = waiting.iter().take_while(fits).count().max(1);
            let group: Vec<Submission> = waiting.drain(..count).collect();
            match self.write_submissions(group) {
                Ok(()) => progress = true,
                // Some of them may find the room that all of them together do not.
                Err((group, error)) if error.is_full() && group.len() > 1 => {
                    group_bytes_max = group_bytes_max.min(bytes_of(&group)) / 2;
                    group.into_iter().rev().for_each(|submission| waiting.push_front(submission));
                }
                Err((group, error)) => {
                    self.held = group;
                    self.note(&error);
                }
            }
        }
        self.held.extend(waiting);
        progress
    }

    /// While there is no room for messages, settles go on: they are what brings room back.
    fn run_facts(&mut self) {
        let facts = super::full::take_facts(&mut self.held);
        if facts.is_empty() {
            return;
        }
        match self.write_submissions(facts) {
            Ok(()) => self.make_room(),
            Err((facts, error)) => {
                self.held.splice(0..0, facts);
                self.note(&error);
            }
        }
    }

    /// Writes one group. When there is no room for it, nothing has happened and it comes back.
    fn write_submissions(
        &mut self,
        group: Vec<Submission>,
    ) -> Result<(), (Vec<Submission>, LogError)> {
        let plan = Plan::of(&group);
        let has_messages =
            plan.records.iter().any(|record| matches!(record, Planned::Message { .. }));
        if plan.records.is_empty() {
            self.note_cancelled(&plan);
            let places = plan.places;
            self.complete(tickets_of(group, &places, &[]), false);
            return Ok(());
        }
        if let Err(error) = self.ensure_room(plan.room, has_messages) {
            self.refused_for = (plan.room, has_messages);
            return Err((group, error));
        }
        let positions = match self.encode(&plan) {
            Ok(positions) => positions,
            Err(error) => return Err((group, error)),
        };
        self.note_cancelled(&plan);
        let places = plan.places;
        let sync = group.iter().any(|submission| submission.durable);
        let tickets = tickets_of(group, &places, &positions);
        self.finish(tickets, sync);
        Ok(())
    }

    /// Writes the encoded group and completes its tickets; keeps it when the disk is full.
    fn finish(&mut self, tickets: Vec<Ticket>, sync: bool) {
        match self.write_buffer() {
            Ok(()) => self.complete(tickets, sync),
            Err(error) if error.is_full() => {
                self.set_full();
                self.stuck = Some(Stuck { tickets, sync });
            }
            Err(error) => {
                self.fail(&error);
                let error = self.shared.failure().unwrap_or(error);
                tell(tickets, &Err(error));
            }
        }
    }

    fn complete(&mut self, tickets: Vec<Ticket>, sync: bool) {
        let safe = if sync { self.make_safe() } else { Ok(()) };
        match safe {
            Ok(()) => tell(tickets, &Ok(())),
            Err(error) => {
                self.fail(&error);
                let error = self.shared.failure().unwrap_or(error);
                tell(tickets, &Err(error));
            }
        }
    }

    /// What a ticket of a durable submission waits for.
    fn make_safe(&mut self) -> Result<(), LogError> {
        match self.shared.options.durability {
            Durability::Fsync => self.sync(),
            Durability::Os => self.segments.check_name(),
        }
    }

    fn note_cancelled(&self, plan: &Plan<'_>) {
        if plan.cancelled.is_empty() {
            return;
        }
        let mut index = self.shared.index();
        for (queue, runs) in &plan.cancelled {
            if let Some((_, last)) = runs.as_slice().last() {
                index.note_id(*queue, *last);
            }
        }
    }

    /// Makes sure that a group of this size fits into the active segment. Messages leave a rest of it
    /// to settles and checkpoints until the next segment is reserved.
    pub(in crate::store) fn ensure_room(
        &mut self,
        room: usize,
        for_messages: bool,
    ) -> Result<(), LogError> {
        self.segments.prepare_for(room, for_messages)?;
        if self.segments.fits(room) {
            return Ok(());
        }
        self.segments.write_header()?;
        if let Some(active) = self.segments.active() {
            let (number, seed, offset) =
                (active.segment.number, active.segment.seed, active.offset);
            self.buffer.begin(number, seed, offset);
            self.buffer.record(Kind::Seal, 0, 0, &[], |_| {});
            self.write_buffer()?;
            match self.shared.options.durability {
                Durability::Fsync => self.sync()?,
                Durability::Os => self.segments.leave_unsynced(),
            }
        }
        self.segments.switch();
        Ok(())
    }

    /// Writes an encoded group that nobody waits for.
    pub(in crate::store) fn write_unasked(&mut self) -> Result<(), LogError> {
        let written = self.write_buffer();
        if written.as_ref().is_err_and(LogError::is_full) {
            self.stuck = Some(Stuck { tickets: Vec::new(), sync: false });
        }
        written
    }

    /// Begins a group in the active segment.
    pub(in crate::store) fn begin_group(&mut self) {
        let Some(active) = self.segments.active() else { return };
        self.buffer.begin(active.segment.number, active.segment.seed, active.offset);
        self.sequence += 1;
        self.claimed = self.synced;
        let group = Group { sequence: self.sequence, synced: self.synced };
        self.buffer.record(Kind::Group, 0, 0, &[], |payload| write_group(payload, group));
    }

    /// Encodes a plan and applies it to the index, record by record (L1). Gives a place per record.
    fn encode(&mut self, plan: &Plan<'_>) -> Result<Vec<Position>, LogError> {
        self.begin_group();
        let shared = Arc::clone(&self.shared);
        let mut index = shared.index();
        let mut positions = Vec::with_capacity(plan.records.len());
        let mut targets = Vec::new();
        for record in &plan.records {
            let position = match record {
                Planned::Message { message, lifetime, first, more } => {
                    targets.clear();
                    targets.push(*first);
                    targets.extend_from_slice(more);
                    let position = write_message(&mut self.buffer, message, &targets, *lifetime);
                    enqueue_all(&mut index, &shared.files, message, *lifetime, &targets, position)?;
                    position
                }
                Planned::Settle { queue, runs } => {
                    let position = self.buffer.runs(Kind::Settle, *queue, runs.as_slice());
                    for run in runs.as_slice() {
                        index.settle(&shared.files, *queue, *run)?;
                    }
                    position
                }
                Planned::Delivered { queue, mark, runs } => {
                    let position = self.buffer.delivered(*queue, *mark, runs);
                    for run in runs {
                        index.deliver(&shared.files, *queue, *mark, *run)?;
                    }
                    position
                }
                Planned::DropQueue { queue } => {
                    index.drop_queue(*queue);
                    self.buffer.runs(Kind::DropQueue, *queue, &[])
                }
                Planned::Batch { records } => {
                    self.buffer.record(Kind::Batch, 0, *records, &[], |_| {})
                }
            };
            positions.push(position);
        }
        Ok(positions)
    }

    /// Writes the buffer at its place in the active segment.
    pub(in crate::store) fn write_buffer(&mut self) -> Result<(), LogError> {
        let length = self.buffer.len();
        let mut pieces: Vec<IoSlice<'_>> = self.buffer.pieces();
        self.segments.write(&mut pieces, self.buffer.start(), length)?;
        self.unsynced = true;
        self.reclaim.wrote(length as u64);
        self.buffer.clear();
        self.shared.index().flushed();
        Ok(())
    }

    /// Makes everything written durable. Bytes in a file that somebody has deleted are not, whatever
    /// the system's sync says.
    pub(in crate::store) fn sync(&mut self) -> Result<(), LogError> {
        if let Some(error) = self.shared.failure() {
            return Err(error);
        }
        if self.unsynced {
            let synced = self.segments.sync()?;
            self.segments.check_name()?;
            self.synced = synced;
            self.unsynced = false;
        }
        self.checkpoint_is_durable()
    }

    /// Housekeeping at intervals: see [`crate::store::MessageLog::tick`].
    pub(in crate::store) fn tick(&mut self, now: Millis) {
        self.now = now;
        if self.shared.failure().is_some() {
            return;
        }
        self.segments.may_reserve_again();
        self.retry();
        if !self.is_blocked()
            && let Err(error) = self.tick_work()
        {
            self.note(&error);
        }
    }

    fn tick_work(&mut self) -> Result<(), LogError> {
        self.segments.check_name()?;
        if self.shared.options.durability == Durability::Fsync {
            self.sync()?;
        }
        if self.segments.active().is_some() && self.has_dead_segments() {
            self.checkpoint()?;
            self.sync()?;
        }
        self.claim()
    }

    /// Says in the log that everything before was synced, so that a hole in the last group is known to
    /// be damage and no unfinished write. An empty group does.
    fn claim(&mut self) -> Result<(), LogError> {
        if self.claimed == self.synced || self.unsynced {
            return Ok(());
        }
        self.ensure_room(GROUP_ROOM, false)?;
        self.begin_group();
        let since_checkpoint = self.reclaim.wrote_since_checkpoint();
        self.write_unasked()?;
        if !since_checkpoint {
            self.reclaim.nothing_since_checkpoint();
        }
        // The claim itself is not worth a sync, and whoever comes after it does not rely on it.
        self.unsynced = false;
        Ok(())
    }

    /// Looks whether a full disk has room again.
    fn retry(&mut self) {
        if let Some(Stuck { tickets, sync }) = self.stuck.take() {
            self.finish(tickets, sync);
        }
        if self.shared.is_full() && self.stuck.is_none() {
            self.make_room();
        }
        self.run(Vec::new());
    }

    /// Gives dead segments back and tries to reserve the next one.
    fn make_room(&mut self) {
        let mut made = Ok(());
        if self.has_dead_segments() && self.segments.active().is_some() {
            made = self.checkpoint().and_then(|()| self.sync());
        }
        let (room, for_messages) = self.refused_for;
        match made.and_then(|()| self.segments.prepare_for(room, for_messages)) {
            Ok(()) => self.shared.set_status(&LogStatus::Healthy),
            Err(error) => self.note(&error),
        }
    }

    /// Whether nothing can be written for now.
    fn is_blocked(&self) -> bool {
        self.shared.failure().is_some() || self.stuck.is_some() || self.shared.is_full()
    }

    /// Work that waits while nothing is submitted: reserve, evict, checkpoint, rewrite. Gives whether
    /// there is more.
    pub(in crate::store) fn work(&mut self) -> bool {
        if self.is_blocked() {
            return false;
        }
        match self.background() {
            Ok(more) => more,
            Err(error) => {
                self.note(&error);
                false
            }
        }
    }

    /// An error outside of a group: nobody waits for the answer.
    fn note(&mut self, error: &LogError) {
        if error.is_full() {
            self.set_full();
        } else {
            self.fail(error);
        }
    }

    fn set_full(&mut self) {
        if !self.shared.is_full() {
            self.shared.set_status(&LogStatus::Full { since: self.now });
        }
    }

    /// The end of writing (L7).
    fn fail(&mut self, error: &LogError) {
        self.shared.fail(error);
        let error = self.shared.failure().unwrap_or(LogError::Closed);
        if let Some(stuck) = self.stuck.take() {
            tell(stuck.tickets, &Err(error.clone()));
        }
        refuse(std::mem::take(&mut self.held), &error);
    }

    /// Writes a checkpoint and cuts what was reserved and not used.
    pub(in crate::store) fn close(&mut self) -> Result<(), LogError> {
        self.retry();
        if let Some(error) = self.shared.failure() {
            return Err(error);
        }
        let closed = self.close_files();
        if let Err(error) = &closed {
            self.fail(error);
        }
        refuse(std::mem::take(&mut self.held), &LogError::Closed);
        closed
    }

    fn close_files(&mut self) -> Result<(), LogError> {
        if self.reclaim.wrote_since_checkpoint() {
            self.checkpoint()?;
        }
        if self.shared.options.durability == Durability::Os {
            self.unsynced = true;
        }
        if self.segments.active().is_some() {
            self.sync()?;
            self.claim()?;
            // The note of the clean stop names the claim's group.
            self.segments.sync()?;
            self.segments.check_name()?;
        }
        self.segments.close()?;
        match note_clean_stop(&self.shared.files, self.sequence) {
            // Everything is kept; the next start counts all messages as handed out.
            Err(error) if error.is_full() => {
                tracing::warn!(%error, "a clean stop could not be noted");
                Ok(())
            }
            noted => noted,
        }
    }
}

/// A message is in all these queues.
fn enqueue_all(
    index: &mut Index,
    files: &SegmentFiles,
    message: &crate::base::Message,
    lifetime: crate::store::Lifetime,
    targets: &[Target],
    position: Position,
) -> Result<(), LogError> {
    for target in targets {
        let slot = crate::store::format::Slot {
            position,
            bytes: u32::try_from(message.content_bytes()).unwrap_or(u32::MAX),
            at: 0,
            deliveries: 0,
            failures: 0,
            priority: message.header().priority.unwrap_or(0),
            expires_unix_ms: target.expires_unix_ms,
            lifetime,
        };
        index.enqueue(files, target.queue, target.id, slot)?;
    }
    Ok(())
}

fn bytes_of(group: &[Submission]) -> usize {
    group.iter().map(size_of_submission).sum()
}

/// About how many bytes a submission takes in a group.
fn size_of_submission(submission: &Submission) -> usize {
    submission.entries.iter().map(size_of_entry).sum()
}

/// About how many bytes a fact takes in a group.
pub(in crate::store) fn size_of_entry(entry: &Entry) -> usize {
    match entry {
        // A body beyond the address space does not exist.
        Entry::Enqueue { message, .. } => {
            usize::try_from(message.content_bytes()).unwrap_or(usize::MAX / 2) + 64
        }
        Entry::Settle { runs, .. } | Entry::Delivered { runs, .. } => 32 + 16 * runs.len(),
        Entry::DropQueue { .. } => 32,
    }
}

fn tickets_of(
    group: Vec<Submission>,
    places: &[Option<usize>],
    positions: &[Position],
) -> Vec<Ticket> {
    let mut places = places.iter();
    let mut tickets = Vec::with_capacity(group.len());
    for submission in group {
        let is_enqueue = |entry: &&Entry| matches!(entry, Entry::Enqueue { .. });
        let count = submission.entries.iter().filter(is_enqueue).count();
        let own = places.by_ref().take(count);
        let positions = if submission.done.is_some() {
            own.map(|place| place.map(|place| positions[place])).collect()
        } else {
            own.for_each(drop);
            Vec::new()
        };
        tickets.push(Ticket { done: submission.done, positions });
    }
    tickets
}

fn tell(tickets: Vec<Ticket>, result: &Result<(), LogError>) {
    for ticket in tickets {
        if let Some(done) = ticket.done {
            done(result.clone().map(|()| Written { positions: ticket.positions }));
        }
    }
}

/// Answers submissions that will not be written.
pub(in crate::store) fn refuse(submissions: Vec<Submission>, error: &LogError) {
    for submission in submissions {
        if let Some(done) = submission.done {
            done(Err(error.clone()));
        }
    }
}
