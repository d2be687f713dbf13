//! Which messages wait in which queue, and where they lie. RAM does not grow with the backlog.
//!
//! Per queue there are pages of 1,024 ids. A page that is not used goes to the log as a Page record
//! and leaves its counts behind (about 150 bytes); ten million waiting messages are ten thousand such
//! pages. A page whose messages are all settled is forgotten, so a queue whose messages are settled
//! soon after they came never writes one.
//!
//! Invariants:
//! * L1: the index is what the records of the log up to its end say, in their order; so a page
//!   record and a checkpoint hold every fact before them and none after.
//! * L2: a page without slots in RAM is not dirty and has a record that is in its file.
//! * L3: usage of a segment = waiting messages in it + page records in it that are not outdated.
//!   A segment whose usage is 0 is never needed again, because only the newest segment gains usage.

mod page;
mod restore;
mod usage;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::format::{PAGE_IDS, SegmentShare, Slot};
use super::{IndexEntry, LogError, Mark, Position, QueueNumber, RecoveredQueue, Run};
use crate::base::MessageId;
use page::{Counts, Page, entry_of, place_of};

pub(super) use usage::{Usage, Usages};

/// Where pages come from that are not in RAM.
pub(super) trait PageSource {
    /// The slots of a page. `shares` says which segments its messages lie in, in case that the record
    /// is damaged.
    fn load(&self, name: PageName, stored: Position, shares: &[SegmentShare]) -> Loaded;
}

pub(super) type Loaded = Result<VecDeque<Slot>, LogError>;

/// A page of a queue.
pub(super) type PageName = (QueueNumber, u64);

/// See the module.
#[derive(Default)]
pub(super) struct Index {
    queues: BTreeMap<QueueNumber, Queue>,
    usages: Usages,
    ram: Ram,
    /// Pages whose record is encoded, and perhaps not in the file yet.
    flushing: Vec<PageName>,
}

#[derive(Default)]
struct Queue {
    next_id: u64,
    /// Messages with smaller ids may have been handed out, whatever their slots say: they were there
    /// when a process ended that did not close the log.
    handed_out_below: u64,
    counts: Counts,
    pages: BTreeMap<u64, Page>,
}

/// The pages in RAM, in the order in which they came; some may be gone by now.
#[derive(Default)]
struct Ram {
    pages: VecDeque<PageName>,
    /// How many pages are in RAM.
    resident: usize,
    /// Their slots, and [`PAGE_COST`] for each page.
    slots: usize,
}

/// What a page costs in RAM beside its slots, in slots.
const PAGE_COST: usize = 8;

impl Index {
    /// A message is in a queue, or lies somewhere else than before.
    pub(super) fn enqueue(
        &mut self,
        source: &dyn PageSource,
        queue: QueueNumber,
        id: MessageId,
        mut slot: Slot,
    ) -> Result<(), LogError> {
        let (number, at) = place_of(id);
        slot.at = at;
        let Self { queues, usages, ram, .. } = self;
        let found = queues.entry(queue).or_default();
        found.next_id = found.next_id.max(id.0 + 1);
        let page = found.pages.entry(number).or_insert_with(|| {
            ram.came((queue, number), 0);
            Page::of(VecDeque::new())
        });
        in_ram(page, &mut found.counts, usages, ram, source, (queue, number))?;
        let slots = page.slots.get_or_insert_default();
        let place = match slots.back() {
            Some(last) if last.at >= at => slots.partition_point(|slot| slot.at < at),
            Some(_) | None => slots.len(),
        };
        let before = slots.get(place).filter(|before| before.at == at).copied();
        if let Some(before) = before {
            slot.deliveries = before.deliveries;
            slot.failures = before.failures;
            slots[place] = slot;
            page.uncount(&before);
            found.counts.remove(Counts::of(&before));
            usages.remove_slot(&before);
        } else {
            slots.insert(place, slot);
            ram.slots += 1;
        }
        page.count(&slot);
        page.dirty = true;
        found.counts.add(Counts::of(&slot));
        usages.add_slot(&slot);
        Ok(())
    }

    /// Ids up to this one were used in a queue, whether a record was written or not.
    pub(super) fn note_id(&mut self, queue: QueueNumber, id: MessageId) {
        let queue = self.queues.entry(queue).or_default();
        queue.next_id = queue.next_id.max(id.0 + 1);
    }

    /// Messages are gone from a queue.
    pub(super) fn settle(
        &mut self,
        source: &dyn PageSource,
        queue: QueueNumber,
        (first, last): Run,
    ) -> Result<(), LogError> {
        let Self { queues, usages, ram, .. } = self;
        let Some(found) = queues.get_mut(&queue) else { return Ok(()) };
        if first > last {
            return Ok(());
        }
        let mut emptied = Vec::new();
        for (&number, page) in found.pages.range_mut(first.0 / PAGE_IDS..=last.0 / PAGE_IDS) {
            let start = number * PAGE_IDS;
            if first.0 <= start && start + (PAGE_IDS - 1) <= last.0 {
                emptied.push(number);
                continue;
            }
            in_ram(page, &mut found.counts, usages, ram, source, (queue, number))?;
            let slots = page.slots.get_or_insert_default();
            let from = slots.partition_point(|slot| start + u64::from(slot.at) < first.0);
            let to = slots.partition_point(|slot| start + u64::from(slot.at) <= last.0);
            let taken: Vec<Slot> = slots.drain(from..to).collect();
            ram.slots -= taken.len();
            page.dirty |= !taken.is_empty();
            for slot in &taken {
                page.uncount(slot);
                found.counts.remove(Counts::of(slot));
                usages.remove_slot(slot);
            }
            if page.counts.messages == 0 {
                emptied.push(number);
            }
        }
        for number in emptied {
            if let Some(page) = found.pages.remove(&number) {
                found.counts.remove(page.counts);
                usages.remove_page(&page);
                ram.left(&page);
            }
        }
        self.forget_names_of_pages_that_are_gone();
        Ok(())
    }

    /// Messages were handed out once more, or came back from an attempt that failed.
    pub(super) fn deliver(
        &mut self,
        source: &dyn PageSource,
        queue: QueueNumber,
        mark: Mark,
        (first, last): Run,
    ) -> Result<(), LogError> {
        let Self { queues, usages, ram, .. } = self;
        let Some(found) = queues.get_mut(&queue) else { return Ok(()) };
        if first > last {
            return Ok(());
        }
        for (&number, page) in found.pages.range_mut(first.0 / PAGE_IDS..=last.0 / PAGE_IDS) {
            in_ram(page, &mut found.counts, usages, ram, source, (queue, number))?;
            for slot in page.slots.iter_mut().flatten() {
                let id = number * PAGE_IDS + u64::from(slot.at);
                if (first.0..=last.0).contains(&id) {
                    let count = match mark {
                        Mark::HandedOut => &mut slot.deliveries,
                        Mark::Failed => &mut slot.failures,
                    };
                    *count = count.saturating_add(1);
                    page.dirty = true;
                }
            }
        }
        Ok(())
    }

    /// A queue is gone.
    pub(super) fn drop_queue(&mut self, queue: QueueNumber) {
        let Some(found) = self.queues.remove(&queue) else { return };
        for page in found.pages.values() {
            self.usages.remove_page(page);
            self.ram.left(page);
        }
        self.forget_names_of_pages_that_are_gone();
    }

    /// What is known about a waiting message.
    pub(super) fn locate(
        &mut self,
        source: &dyn PageSource,
        queue: QueueNumber,
        id: MessageId,
    ) -> Result<Option<Slot>, LogError> {
        let (number, at) = place_of(id);
        let Self { queues, usages, ram, .. } = self;
        let Some(found) = queues.get_mut(&queue) else { return Ok(None) };
        let Some(page) = found.pages.get_mut(&number) else { return Ok(None) };
        in_ram(page, &mut found.counts, usages, ram, source, (queue, number))?;
        let slots = page.slots.get_or_insert_default();
        let place = slots.binary_search_by_key(&at, |slot| slot.at);
        Ok(place.ok().map(|place| slots[place]))
    }

    /// The waiting messages of a queue from an id on, in order, at most `limit`.
    pub(super) fn entries(
        &mut self,
        source: &dyn PageSource,
        queue: QueueNumber,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<IndexEntry>, LogError> {
        let Self { queues, usages, ram, .. } = self;
        let mut entries = Vec::new();
        let Some(found) = queues.get_mut(&queue) else { return Ok(entries) };
        for (&number, page) in found.pages.range_mut(from.0 / PAGE_IDS..) {
            if entries.len() >= limit {
                break;
            }
            in_ram(page, &mut found.counts, usages, ram, source, (queue, number))?;
            let below = found.handed_out_below;
            let slots = page.slots.iter().flatten().map(|slot| entry_of(number, slot, below));
            let wanted = slots.filter(|entry| entry.id >= from);
            entries.extend(wanted.take(limit - entries.len()));
        }
        Ok(entries)
    }

    /// Every queue, by number.
    pub(super) fn summaries(&self) -> Vec<RecoveredQueue> {
        let summary = |(number, queue): (&QueueNumber, &Queue)| RecoveredQueue {
            number: *number,
            next_id: MessageId(queue.next_id.max(1)),
            messages: queue.counts.messages,
            bytes: queue.counts.bytes,
        };
        self.queues.iter().map(summary).collect()
    }

    /// What the segments are needed for.
    pub(super) fn usages(&self) -> &Usages {
        &self.usages
    }

    /// Whether a page's record is the one at this place; then it is marked to be written anew.
    pub(super) fn renew_page(
        &mut self,
        source: &dyn PageSource,
        name: PageName,
        stored: Position,
    ) -> Result<bool, LogError> {
        let Self { queues, usages, ram, .. } = self;
        let Some(found) = queues.get_mut(&name.0) else { return Ok(false) };
        let Some(page) = found.pages.get_mut(&name.1) else { return Ok(false) };
        if page.stored != Some(stored) {
            return Ok(false);
        }
        in_ram(page, &mut found.counts, usages, ram, source, name)?;
        page.dirty = true;
        Ok(true)
    }

    /// The slots of a page in RAM.
    pub(super) fn slots(&self, (queue, number): PageName) -> Option<&VecDeque<Slot>> {
        self.queues.get(&queue)?.pages.get(&number)?.slots.as_ref()
    }

    /// A page was encoded; it is clean now, and must stay in RAM until [`Self::flushed`].
    pub(super) fn page_encoded(&mut self, (queue, number): PageName, stored: Position) {
        let found = self.queues.get_mut(&queue);
        let Some(page) = found.and_then(|found| found.pages.get_mut(&number)) else { return };
        if let Some(before) = page.stored.replace(stored) {
            self.usages.remove_stored(before);
        }
        self.usages.add_stored(stored);
        page.dirty = false;
        page.flushing = true;
        self.flushing.push((queue, number));
    }

    /// Everything that was encoded is in the file.
    pub(super) fn flushed(&mut self) {
        for name in std::mem::take(&mut self.flushing) {
            let found = self.queues.get_mut(&name.0);
            if let Some(page) = found.and_then(|found| found.pages.get_mut(&name.1)) {
                page.flushing = false;
            }
        }
    }

    /// Pages in RAM that have no record, or an outdated one.
    pub(super) fn dirty_pages(&self) -> Vec<PageName> {
        let mut names: Vec<PageName> = self.ram.pages.iter().copied().collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| self.page(*name).is_some_and(|page| page.dirty));
        names
    }

    /// Lets go of clean pages until there are at most `slots_max` slots in RAM, those that were used
    /// least recently first; gives the dirty ones that stand in the way.
    pub(super) fn evict(&mut self, slots_max: usize) -> Vec<PageName> {
        let mut in_the_way = Vec::new();
        let mut waiting_slots = 0;
        for _ in 0..2 * self.ram.pages.len() {
            if self.ram.slots <= slots_max + waiting_slots {
                break;
            }
            let Some(name) = self.ram.pages.pop_front() else { break };
            let found = self.queues.get_mut(&name.0);
            let Some(page) = found.and_then(|found| found.pages.get_mut(&name.1)) else { continue };
            if page.slots.is_none() {
                continue;
            }
            if std::mem::take(&mut page.used) || page.flushing {
                self.ram.pages.push_back(name);
            } else if page.dirty {
                waiting_slots += page.slots.as_ref().map_or(0, VecDeque::len) + PAGE_COST;
                self.ram.pages.push_back(name);
                if !in_the_way.contains(&name) {
                    in_the_way.push(name);
                }
            } else {
                self.ram.left(page);
                page.slots = None;
            }
        }
        in_the_way
    }

    /// Called where pages go: a queue that is nearly empty makes and drops a page with every message.
    fn forget_names_of_pages_that_are_gone(&mut self) {
        if self.ram.pages.len() > 2 * self.ram.resident + 64 {
            let mut seen = BTreeSet::new();
            let queues = &self.queues;
            self.ram.pages.retain(|name| {
                let page = queues.get(&name.0).and_then(|queue| queue.pages.get(&name.1));
                page.is_some_and(|page| page.slots.is_some()) && seen.insert(*name)
            });
        }
    }

    fn page(&self, (queue, number): PageName) -> Option<&Page> {
        self.queues.get(&queue)?.pages.get(&number)
    }

    /// Slots in RAM.
    pub(super) fn ram_slots(&self) -> usize {
        self.ram.slots
    }
}

impl Ram {
    fn came(&mut self, name: PageName, slots: usize) {
        self.pages.push_back(name);
        self.resident += 1;
        self.slots += slots + PAGE_COST;
    }

    fn left(&mut self, page: &Page) {
        if let Some(slots) = &page.slots {
            self.resident -= 1;
            self.slots -= slots.len() + PAGE_COST;
        }
    }
}

/// Brings a page into RAM. What was loaded counts: a page that had to be put together again from the
/// messages themselves may hold more than was known.
fn in_ram(
    page: &mut Page,
    counts: &mut Counts,
    usages: &mut Usages,
    ram: &mut Ram,
    source: &dyn PageSource,
    name: PageName,
) -> Result<(), LogError> {
    page.used = true;
    if page.slots.is_some() {
        return Ok(());
    }
    let stored = page.stored.unwrap_or_default();
    let mut loaded = Page::of(source.load(name, stored, &page.shares)?);
    loaded.stored = page.stored;
    loaded.used = true;
    // When files were changed, the record may say more, less, or other places than the checkpoint did.
    loaded.dirty = loaded.counts != page.counts;
    counts.remove(page.counts);
    counts.add(loaded.counts);
    usages.remove_page(page);
    usages.add_page(&loaded);
    ram.came(name, loaded.slots.as_ref().map_or(0, VecDeque::len));
    *page = loaded;
    Ok(())
}
