//! The segments in their life: reserved, active, sealed, dead and used again.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::Arc;

use super::scanner::Segment;
use super::shared::Shared;
use crate::store::LogError;
use crate::store::format::{
    ALIGNMENT, DATA_START, RECORD_HEADER_BYTES, SegmentHeader, segment_name,
};

/// Dead segments that are kept to be used again: overwriting is faster than growing, because a sync
/// then has no metadata to write.
const FREE_MAX: usize = 3;

/// Room for the seal at the end of a segment.
const SEAL_ROOM: u64 = (RECORD_HEADER_BYTES + ALIGNMENT) as u64;

/// The part of a usual segment that messages leave to settles and checkpoints, in the active segment and
/// the next one together.
const RESERVE_PART: u64 = 8;

/// A nearly full disk that has no room for a usual segment is asked for this part of one, before it is
/// asked for what is needed just now.
const SMALLER_PART: u64 = 4;

/// No segment is smaller: each costs two syncs.
const SEGMENT_BYTES_LEAST: u64 = 64 * 1024;

/// The segment that is written.
pub(in crate::store) struct Active {
    pub(in crate::store) segment: Segment,
    pub(in crate::store) offset: u32,
    size: u64,
}

/// See the module.
pub(in crate::store) struct Segments {
    shared: Arc<Shared>,
    active: Option<Active>,
    /// The next one, reserved.
    spare: Option<(Segment, u64)>,
    /// Sealed segments and their sizes.
    sealed: BTreeMap<u32, u64>,
    /// Dead segments that are still there under their old number.
    free: Vec<u32>,
    next_number: u32,
    /// Sealed and not synced (`durability = os`).
    unsynced: Vec<Segment>,
    /// Whether reserving failed since the last tick.
    gave_up: bool,
}

impl Segments {
    pub(in crate::store) fn new(
        shared: Arc<Shared>,
        sealed: BTreeMap<u32, u64>,
        free: Vec<u32>,
        next_number: u32,
    ) -> Self {
        let (active, spare, unsynced) = (None, None, Vec::new());
        Self { shared, active, spare, sealed, free, next_number, unsynced, gave_up: false }
    }

    /// The number of the segment that will be reserved next.
    pub(in crate::store) fn next_number(&self) -> u32 {
        self.next_number
    }

    pub(in crate::store) fn active(&self) -> Option<&Active> {
        self.active.as_ref()
    }

    /// Sealed segments and their sizes.
    pub(in crate::store) fn sealed(&self) -> &BTreeMap<u32, u64> {
        &self.sealed
    }

    /// Whether a group of this size fits into the active segment.
    pub(in crate::store) fn fits(&self, room: usize) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| u64::from(active.offset) + room as u64 + SEAL_ROOM <= active.size)
    }

    /// The room that messages leave to settles and checkpoints.
    fn reserve_bytes(&self) -> u64 {
        self.shared.options.segment_bytes / RESERVE_PART
    }

    /// How much room for settles is missing after a group of this size, here and in the next segment.
    fn missing_reserve(&self, room: usize) -> u64 {
        let after = |active: &Active| {
            let end = u64::from(active.offset) + room as u64 + SEAL_ROOM;
            active.size.saturating_sub(end)
        };
        let left = self.active.as_ref().map_or(0, after) + self.next_room();
        self.reserve_bytes().saturating_sub(left)
    }

    /// What fits into the next segment, when it is reserved.
    fn next_room(&self) -> u64 {
        let taken = u64::from(DATA_START) + SEAL_ROOM;
        self.spare.as_ref().map_or(0, |(_, size)| size.saturating_sub(taken))
    }

    /// Whether it is time to reserve the next segment.
    pub(in crate::store) fn wants_spare(&self) -> bool {
        let is_half_full =
            self.active.as_ref().is_some_and(|active| u64::from(active.offset) > active.size / 2);
        is_half_full && self.spare.is_none() && !self.gave_up
    }

    pub(in crate::store) fn may_reserve_again(&mut self) {
        self.gave_up = false;
    }

    /// Makes sure that the next segment has what a group of this size wants of it: its own room, when the
    /// active one has not, and for messages what they leave to settles.
    pub(in crate::store) fn prepare_for(
        &mut self,
        room: usize,
        for_messages: bool,
    ) -> Result<(), LogError> {
        if !self.fits(room) {
            let reserve = if for_messages { self.reserve_bytes() } else { 0 };
            return self.prepare(room as u64 + reserve);
        }
        match self.missing_reserve(room) {
            missing if for_messages && missing > 0 => self.prepare(self.next_room() + missing),
            _ => Ok(()),
        }
    }

    /// Reserves the next segment, large enough for a group of this size: a usual one, or on a disk that has
    /// no room for that a smaller one.
    pub(in crate::store) fn prepare(&mut self, room: u64) -> Result<(), LogError> {
        let standard = self.shared.options.segment_bytes;
        let needed = u64::from(DATA_START) + room + SEAL_ROOM;
        match &mut self.spare {
            Some((segment, size)) if *size < needed => {
                segment.file.resize(needed).map_err(|error| segment.error("extend", error))?;
                *size = needed;
                Ok(())
            }
            Some(_) => Ok(()),
            None => {
                let least = needed.max(SEGMENT_BYTES_LEAST.min(standard));
                let reserved = self.reserve_at_best(standard.max(least), least);
                self.gave_up = reserved.is_err();
                self.spare = Some(reserved?);
                Ok(())
            }
        }
    }

    fn reserve_at_best(&mut self, usual: u64, least: u64) -> Result<(Segment, u64), LogError> {
        let smaller = (usual / SMALLER_PART).max(least);
        let mut reserved = self.reserve(usual);
        for (bytes, before) in [(smaller, usual), (least, smaller)] {
            if bytes < before && reserved.as_ref().is_err_and(LogError::is_full) {
                reserved = self.reserve(bytes);
            }
        }
        reserved
    }

    fn reserve(&mut self, bytes: u64) -> Result<(Segment, u64), LogError> {
        let number = self.next_number;
        let name = segment_name(number);
        let layer = &self.shared.files.layer;
        let path = layer.path(&name);
        let io = |action| {
            let path = path.clone();
            move |error| LogError::io(action, &path, error)
        };
        let file = if let Some(old) = self.free.last().copied() {
            layer.rename(&segment_name(old), &name).map_err(io("rename"))?;
            self.free.pop();
            self.shared.files.forget(old);
            self.next_number += 1;
            let file = layer.open(&name).map_err(io("open"))?;
            if let Err(error) = file.resize(bytes) {
                // What it has is too little, and room for another: nobody would find it again.
                drop(file);
                self.remove(number)?;
                return Err(io("extend")(error));
            }
            file
        } else {
            let file = layer.create(&name, bytes).map_err(io("create"))?;
            self.next_number += 1;
            file
        };
        layer.sync_dir().map_err(io("sync the folder of"))?;
        let seed = SegmentHeader::new(number, self.shared.options.salt).seed();
        Ok((Segment { number, file, seed, path }, bytes))
    }

    /// Writes the header of the reserved segment.
    pub(in crate::store) fn write_header(&mut self) -> Result<(), LogError> {
        let Some((segment, _)) = &self.spare else { return Ok(()) };
        let header = SegmentHeader::new(segment.number, self.shared.options.salt).to_bytes();
        let written = segment.file.write_at(&mut [IoSlice::new(&header)], 0);
        written.map_err(|error| segment.error("write", error))
    }

    /// The reserved segment becomes the active one.
    pub(in crate::store) fn switch(&mut self) {
        let Some((segment, size)) = self.spare.take() else { return };
        self.shared.files.add(segment.clone());
        let active = Active { segment, offset: DATA_START, size };
        if let Some(before) = self.active.replace(active) {
            self.sealed.insert(before.segment.number, before.size);
        }
    }

    /// The active segment is sealed and will be synced later.
    pub(in crate::store) fn leave_unsynced(&mut self) {
        if let Some(active) = &self.active {
            self.unsynced.push(active.segment.clone());
        }
    }

    /// Writes at a place of the active segment; only complete writes count.
    pub(in crate::store) fn write(
        &mut self,
        pieces: &mut [IoSlice<'_>],
        start: u32,
        length: usize,
    ) -> Result<(), LogError> {
        let Some(active) = &mut self.active else { return Ok(()) };
        let written = active.segment.file.write_at(pieces, start.into());
        written.map_err(|error| active.segment.error("write", error))?;
        // A group fits into its segment, which is below 4 GiB.
        active.offset = start + u32::try_from(length).expect("a group is far below 4 GiB");
        Ok(())
    }

    /// Syncs everything that was written; gives the end of it.
    pub(in crate::store) fn sync(&mut self) -> Result<(u32, u32), LogError> {
        let Some(active) = &self.active else { return Ok((0, 0)) };
        for segment in self.unsynced.iter().chain([&active.segment]) {
            segment.file.sync_data().map_err(|error| segment.error("sync", error))?;
        }
        self.unsynced.clear();
        Ok((active.segment.number, active.offset))
    }

    /// Fails when the active segment has no name any more. A segment that is written to has one, so
    /// somebody has deleted it, and mostly its folder with it.
    pub(in crate::store) fn check_name(&self) -> Result<(), LogError> {
        let Some(Active { segment, .. }) = &self.active else { return Ok(()) };
        match segment.file.has_name() {
            Ok(true) => Ok(()),
            Ok(false) => Err(LogError::Deleted { path: segment.path.clone() }),
            Err(error) => Err(segment.error("look at", error)),
        }
    }

    /// These segments are needed no more.
    pub(in crate::store) fn release(&mut self, dead: &[u32]) -> Result<(), LogError> {
        for &number in dead {
            let Some(size) = self.sealed.remove(&number) else { continue };
            if size == self.shared.options.segment_bytes && self.free.len() < FREE_MAX {
                self.free.push(number);
                continue;
            }
            self.remove(number)?;
        }
        Ok(())
    }

    fn remove(&self, number: u32) -> Result<(), LogError> {
        self.shared.files.forget(number);
        let name = segment_name(number);
        let layer = &self.shared.files.layer;
        layer.remove(&name).map_err(|error| LogError::io("remove", &layer.path(&name), error))
    }

    /// Gives back what was reserved and not used.
    pub(in crate::store) fn close(&mut self) -> Result<(), LogError> {
        if let Some(active) = self.active.take() {
            let resized = active.segment.file.resize(active.offset.into());
            resized.map_err(|error| active.segment.error("cut", error))?;
        }
        if let Some((segment, _)) = self.spare.take() {
            self.remove(segment.number)?;
        }
        for number in std::mem::take(&mut self.free) {
            self.remove(number)?;
        }
        Ok(())
    }
}
