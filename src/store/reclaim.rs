//! Checkpoints, and what they make possible: dead segments go, cold survivors are rewritten.
//!
//! Invariants:
//! * L9: a segment is deleted (or used again) only when a checkpoint that no longer needs it was
//!   synced. Nothing later can need it again (L3), and recovery never starts before that checkpoint.
//! * L10: a rewritten message is in its new segment before the old one can become dead, because the
//!   index points to the new place, and the checkpoint of L9 comes after it in the log.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::format::{
    CheckpointPage, CheckpointQueue, DATA_START, Kind, RECORD_HEADER_BYTES, Target,
    WITH_HANDED_OUT, page_room, read_enqueue, read_page, write_checkpoint, write_moved, write_page,
};
use super::index::{Index, PageName, Usage};
use super::segment_log::{Engine, Item, Scanner, Shared};
use super::{Damage, Lifetime, LogError, Position};

/// A checkpoint is written after this many segments' worth of log …
const CHECKPOINT_SEGMENTS: u64 = 2;

/// … or after this many times its own size, when that is more.
const CHECKPOINT_SIZES: u64 = 8;

/// A segment is rewritten when less than this many hundredths of it are needed.
const REWRITE_BELOW_PERCENT: u64 = 30;

/// The newest sealed segments are left alone: what is in them is often settled soon.
const REWRITE_NOT_NEWEST: usize = 2;

/// Bytes that are looked at in one step of rewriting; between two steps, groups are written.
const REWRITE_STEP_BYTES: u64 = 1024 * 1024;

/// The state of the writer's housekeeping.
pub(super) struct Reclaim {
    since_checkpoint: u64,
    checkpoint_bytes: u64,
    /// Written and not yet synced: segments that are dead once it is.
    pending: Option<Vec<u32>>,
    victims: VecDeque<u32>,
    scanner: Option<Scanner>,
    /// Segments that were rewritten as far as they can be read.
    exhausted: BTreeSet<u32>,
}

/// A message to be written again.
struct Moved {
    message: Vec<u8>,
    targets: Vec<Target>,
    lifetime: Lifetime,
    from: Position,
}

impl Reclaim {
    /// `since_checkpoint` says how much there is behind the last checkpoint.
    pub(super) fn new(since_checkpoint: u64) -> Self {
        Self {
            since_checkpoint,
            checkpoint_bytes: 0,
            pending: None,
            victims: VecDeque::new(),
            scanner: None,
            exhausted: BTreeSet::new(),
        }
    }

    /// Bytes were written to the log.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.since_checkpoint += bytes;
    }

    /// Whether the last record of the log is not a checkpoint.
    pub(super) fn wrote_since_checkpoint(&self) -> bool {
        self.since_checkpoint > 0
    }

    /// What was written since the checkpoint is not worth another one.
    pub(super) fn nothing_since_checkpoint(&mut self) {
        self.since_checkpoint = 0;
    }

    /// After a failure, rewriting starts anew.
    fn start_over(&mut self) {
        self.victims.clear();
        self.scanner = None;
    }
}

impl Engine {
    /// One turn of everything that nobody waits for; gives whether there is more.
    pub(super) fn background(&mut self) -> Result<bool, LogError> {
        if self.segments.wants_spare() {
            match self.segments.prepare(0) {
                // There is still room in the active segment.
                Err(error) if error.is_full() => {}
                other => other?,
            }
        }
        if self.segments.active().is_none() {
            return Ok(false);
        }
        self.evict()?;
        let due = self.shared.options.segment_bytes * CHECKPOINT_SEGMENTS;
        if self.reclaim.since_checkpoint
            >= due.max(CHECKPOINT_SIZES * self.reclaim.checkpoint_bytes)
        {
            self.checkpoint()?;
        }
        let rewritten = self.rewrite_step();
        if rewritten.is_err() {
            self.reclaim.start_over();
        }
        rewritten
    }

    /// Whether segments could go if there were a checkpoint.
    pub(super) fn has_dead_segments(&self) -> bool {
        self.reclaim.pending.is_none() && !self.dead_segments(&self.shared.index()).is_empty()
    }

    fn dead_segments(&self, index: &Index) -> Vec<u32> {
        let sealed = self.segments.sealed().keys().copied();
        let usages = index.usages();
        sealed.filter(|segment| usages.of(*segment) == Usage::default()).collect()
    }

    /// Writes pages that were not used for a while, so that RAM stays bounded.
    fn evict(&mut self) -> Result<(), LogError> {
        let slots_max = self.shared.options.index_slots_max();
        let shared = Arc::clone(&self.shared);
        let mut index = shared.index();
        if index.ram_slots() <= slots_max {
            return Ok(());
        }
        let names = index.evict(slots_max / 4 * 3);
        if names.is_empty() {
            return Ok(());
        }
        let room = names.iter().filter_map(|name| index.slots(*name));
        let room = 64 + room.map(|slots| page_room(slots.len())).sum::<usize>();
        // Sealing a segment may sync, and readers need not wait for that.
        drop(index);
        self.ensure_room(room, false)?;
        self.begin_group();
        let mut index = shared.index();
        for name in names {
            self.write_index_page(&mut index, name);
        }
        drop(index);
        self.write_unasked()?;
        shared.index().evict(slots_max / 4 * 3);
        Ok(())
    }

    fn write_index_page(&mut self, index: &mut Index, name: PageName) {
        let Some(slots) = index.slots(name) else { return };
        let position = write_page(&mut self.buffer, name.0, name.1, slots);
        index.page_encoded(name, position);
    }

    /// Writes all pages that are not written, and a checkpoint. It counts when it is synced.
    pub(super) fn checkpoint(&mut self) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        let room = {
            let index = shared.index();
            let dirty = index.dirty_pages();
            let slots = dirty.iter().filter_map(|name| index.slots(*name));
            let pages: usize = slots.map(|slots| page_room(slots.len())).sum();
            64 + pages + checkpoint_room(&index.checkpoint())
        };
        self.ensure_room(room, false)?;
        self.begin_group();
        let mut index = shared.index();
        for name in index.dirty_pages() {
            self.write_index_page(&mut index, name);
        }
        let queues = index.checkpoint();
        let position =
            self.buffer.record(Kind::Checkpoint, WITH_HANDED_OUT, queues.len(), &[], |payload| {
                for queue in &queues {
                    write_checkpoint(payload, queue);
                }
            });
        let dead = self.dead_segments(&index);
        drop(index);
        self.write_unasked()?;
        self.reclaim.pending = Some(dead);
        self.reclaim.since_checkpoint = 0;
        self.reclaim.checkpoint_bytes = position.length.into();
        Ok(())
    }

    /// Everything written is synced, and with it the last checkpoint (L9).
    pub(super) fn checkpoint_is_durable(&mut self) -> Result<(), LogError> {
        let Some(dead) = self.reclaim.pending.take() else { return Ok(()) };
        let is_dead = |segment: &u32| dead.contains(segment);
        self.reclaim.victims.retain(|victim| !is_dead(victim));
        self.reclaim.scanner.take_if(|scanner| is_dead(&scanner.segment_number()));
        self.segments.release(&dead)?;
        self.reclaim.exhausted.retain(|segment| self.segments.sealed().contains_key(segment));
        if self.reclaim.victims.is_empty() && self.reclaim.scanner.is_none() {
            let index = self.shared.index();
            let limit = self.shared.options.segment_bytes / 100 * REWRITE_BELOW_PERCENT;
            let sealed = self.segments.sealed();
            let old = sealed.keys().take(sealed.len().saturating_sub(REWRITE_NOT_NEWEST));
            let thin = old.filter(|segment| {
                let usage = index.usages().of(**segment);
                usage.bytes > 0 && usage.bytes < limit && !self.reclaim.exhausted.contains(*segment)
            });
            self.reclaim.victims = thin.copied().collect();
        }
        Ok(())
    }

    /// Rewrites a part of a segment; gives whether there is more to do.
    fn rewrite_step(&mut self) -> Result<bool, LogError> {
        let mut scanner = if let Some(scanner) = self.reclaim.scanner.take() {
            scanner
        } else {
            let Some(victim) = self.reclaim.victims.pop_front() else { return Ok(false) };
            let segment = self.shared.files.segment(victim)?;
            self.reclaim.exhausted.insert(victim);
            Scanner::new(&segment, DATA_START.into())?
        };
        let shared = Arc::clone(&self.shared);
        let (moved, ended) = find_survivors(&mut scanner, &shared)?;
        if !moved.is_empty() {
            self.write_survivors(&moved)?;
        }
        if !ended {
            self.reclaim.scanner = Some(scanner);
        }
        Ok(!ended || !self.reclaim.victims.is_empty())
    }

    fn write_survivors(&mut self, moved: &[Moved]) -> Result<(), LogError> {
        let room = |moved: &Moved| {
            RECORD_HEADER_BYTES + 24 * moved.targets.len() + moved.message.len() + 8
        };
        self.ensure_room(64 + moved.iter().map(room).sum::<usize>(), true)?;
        self.begin_group();
        let shared = Arc::clone(&self.shared);
        let mut index = shared.index();
        for Moved { message, targets, lifetime, from } in moved {
            let to = write_moved(&mut self.buffer, message, targets, *lifetime);
            for target in targets {
                let slot = index.locate(&shared.files, target.queue, target.id)?;
                if let Some(mut slot) = slot.filter(|slot| slot.position == *from) {
                    slot.position = to;
                    index.enqueue(&shared.files, target.queue, target.id, slot)?;
                }
            }
        }
        drop(index);
        self.write_unasked()
    }
}

/// What of the next part of a segment is still needed, and whether that was the last part. Pages of the
/// index are not moved; they are marked, and the next checkpoint writes them.
fn find_survivors(scanner: &mut Scanner, shared: &Shared) -> Result<(Vec<Moved>, bool), LogError> {
    let mut moved = Vec::new();
    let start = scanner.offset();
    let mut index = shared.index();
    while scanner.offset() < start + REWRITE_STEP_BYTES {
        match scanner.next()? {
            Item::End { .. } => return Ok((moved, true)),
            Item::Bad { offset } => {
                let what = "a record of a segment that was to be rewritten cannot be read";
                let (file, what) = (scanner.path().to_path_buf(), what.to_owned());
                shared.files.report(&Damage { file, offset, what });
                if !scanner.resync()? {
                    return Ok((moved, true));
                }
            }
            Item::Record { header, .. } if header.kind == Kind::Seal => return Ok((moved, true)),
            Item::Record { header, payload, position } if header.kind == Kind::Enqueue => {
                let Some(read) = read_enqueue(payload, header.flags, header.count) else {
                    continue;
                };
                let mut targets = Vec::new();
                for target in &read.targets {
                    let slot = index.locate(&shared.files, target.queue, target.id)?;
                    if slot.is_some_and(|slot| slot.position == position) {
                        targets.push(*target);
                    }
                }
                if !targets.is_empty() {
                    let (message, lifetime) = (read.message.to_vec(), read.lifetime);
                    moved.push(Moved { message, targets, lifetime, from: position });
                }
            }
            Item::Record { header, payload, position } if header.kind == Kind::Page => {
                if let Some((queue, page, _)) = read_page(payload, header.flags, header.count) {
                    index.renew_page(&shared.files, (queue, page), position)?;
                }
            }
            Item::Record { .. } => {}
        }
    }
    Ok((moved, false))
}

/// The most bytes that a checkpoint takes.
fn checkpoint_room(queues: &[CheckpointQueue]) -> usize {
    let page = |page: &CheckpointPage| 50 + 20 * page.shares.len();
    let queue = |queue: &CheckpointQueue| 40 + queue.pages.iter().map(page).sum::<usize>();
    RECORD_HEADER_BYTES + 8 + queues.iter().map(queue).sum::<usize>()
}
