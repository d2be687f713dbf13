//! What every segment is still needed for.

use std::collections::BTreeMap;

use super::page::Page;
use crate::store::Position;
use crate::store::format::Slot;

/// What one segment is still needed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct Usage {
    /// Waiting messages, counted once per queue.
    pub(in crate::store) messages: u64,
    /// Page records that are not outdated.
    pub(in crate::store) pages: u64,
    /// The bytes of both.
    pub(in crate::store) bytes: u64,
}

/// All segments that are needed for something.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::store) struct Usages(BTreeMap<u32, Usage>);

impl Usages {
    pub(in crate::store) fn of(&self, segment: u32) -> Usage {
        self.0.get(&segment).copied().unwrap_or_default()
    }

    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = (u32, Usage)> {
        self.0.iter().map(|(segment, usage)| (*segment, *usage))
    }

    pub(super) fn add_slot(&mut self, slot: &Slot) {
        self.add(slot.position.segment, 1, 0, slot.position.length.into());
    }

    pub(super) fn remove_slot(&mut self, slot: &Slot) {
        self.remove(slot.position.segment, 1, 0, slot.position.length.into());
    }

    pub(super) fn add_stored(&mut self, stored: Position) {
        self.add(stored.segment, 0, 1, stored.length.into());
    }

    pub(super) fn remove_stored(&mut self, stored: Position) {
        self.remove(stored.segment, 0, 1, stored.length.into());
    }

    pub(super) fn add_page(&mut self, page: &Page) {
        for share in &page.shares {
            self.add(share.segment, share.messages.into(), 0, share.record_bytes);
        }
        if let Some(stored) = page.stored {
            self.add_stored(stored);
        }
    }

    pub(super) fn remove_page(&mut self, page: &Page) {
        for share in &page.shares {
            self.remove(share.segment, share.messages.into(), 0, share.record_bytes);
        }
        if let Some(stored) = page.stored {
            self.remove_stored(stored);
        }
    }

    fn add(&mut self, segment: u32, messages: u64, pages: u64, bytes: u64) {
        let usage = self.0.entry(segment).or_default();
        usage.messages += messages;
        usage.pages += pages;
        usage.bytes += bytes;
    }

    fn remove(&mut self, segment: u32, messages: u64, pages: u64, bytes: u64) {
        let Some(usage) = self.0.get_mut(&segment) else { return };
        usage.messages -= messages;
        usage.pages -= pages;
        usage.bytes -= bytes;
        if *usage == Usage::default() {
            self.0.remove(&segment);
        }
    }
}
