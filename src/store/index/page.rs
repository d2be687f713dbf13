//! A page of the index: the waiting messages of 1,024 consecutive ids of one queue.

use std::collections::VecDeque;

use crate::base::MessageId;
use crate::store::format::{PAGE_IDS, SegmentShare, Slot};
use crate::store::{IndexEntry, Lifetime, Position};

/// Counts of one page (or of all pages of a queue).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct Counts {
    pub(in crate::store) messages: u64,
    pub(in crate::store) bytes: u64,
    pub(in crate::store) of_process: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.of_process += other.of_process;
    }

    pub(super) fn remove(&mut self, other: Self) {
        self.messages -= other.messages;
        self.bytes -= other.bytes;
        self.of_process -= other.of_process;
    }

    pub(super) fn of(slot: &Slot) -> Self {
        let of_process = u64::from(slot.lifetime == Lifetime::Process);
        Self { messages: 1, bytes: slot.bytes.into(), of_process }
    }
}

/// See the module. The counts are there always, the slots only while the page is in RAM.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Page {
    pub(super) counts: Counts,
    pub(super) shares: Vec<SegmentShare>,
    /// Where the page's record lies, if there is one; outdated while `dirty`.
    pub(super) stored: Option<Position>,
    /// In order of the ids.
    pub(super) slots: Option<VecDeque<Slot>>,
    pub(super) dirty: bool,
    /// Its record is encoded, and perhaps not in the file yet.
    pub(super) flushing: bool,
    /// Since the page was last looked at for eviction.
    pub(super) used: bool,
}

impl Page {
    /// A page whose slots are these, counted.
    pub(super) fn of(slots: VecDeque<Slot>) -> Self {
        let mut page = Self::default();
        for slot in &slots {
            page.count(slot);
        }
        page.slots = Some(slots);
        page
    }

    pub(super) fn count(&mut self, slot: &Slot) {
        self.counts.add(Counts::of(slot));
        let segment = slot.position.segment;
        if self.shares.last().is_none_or(|share| share.segment != segment) {
            let known = self.shares.iter().position(|share| share.segment == segment);
            let last = self.shares.len();
            match known {
                // The segment that is written now is asked for again and again.
                Some(at) => self.shares.swap(at, last - 1),
                None => self.shares.push(SegmentShare { segment, messages: 0, record_bytes: 0 }),
            }
        }
        let Some(share) = self.shares.last_mut() else { return };
        share.messages += 1;
        share.record_bytes += u64::from(slot.position.length);
    }

    pub(super) fn uncount(&mut self, slot: &Slot) {
        self.counts.remove(Counts::of(slot));
        let segment = slot.position.segment;
        if let Some(at) = self.shares.iter().position(|share| share.segment == segment) {
            let share = &mut self.shares[at];
            share.messages -= 1;
            share.record_bytes -= u64::from(slot.position.length);
            if share.messages == 0 {
                self.shares.swap_remove(at);
            }
        }
    }
}

/// The page of an id, and its place there.
pub(super) fn place_of(id: MessageId) -> (u64, u16) {
    // A remainder of 1,024 fits.
    (id.0 / PAGE_IDS, u16::try_from(id.0 % PAGE_IDS).unwrap_or(0))
}

/// A slot for people outside. Ids below `handed_out_below` count as handed out once at least.
pub(super) fn entry_of(page: u64, slot: &Slot, handed_out_below: u64) -> IndexEntry {
    let id = page * PAGE_IDS + u64::from(slot.at);
    IndexEntry {
        id: MessageId(id),
        position: slot.position,
        bytes: slot.bytes.into(),
        deliveries: slot.deliveries.max(u16::from(id < handed_out_below)),
        failures: slot.failures,
        priority: slot.priority,
        expires_unix_ms: slot.expires_unix_ms,
        lifetime: slot.lifetime,
    }
}
