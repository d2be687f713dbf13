//! The index at a checkpoint, and what a start does to it.

use std::collections::VecDeque;

use super::page::{Counts, Page};
use super::{Index, PageName, PageSource, Queue, in_ram};
use crate::base::MessageId;
use crate::store::format::{CheckpointPage, CheckpointQueue, PAGE_IDS, Slot};
use crate::store::{Lifetime, LogError, Position, QueueNumber};

impl Index {
    /// What a checkpoint says. Every page has been written before (L2).
    pub(in crate::store) fn checkpoint(&self) -> Vec<CheckpointQueue> {
        let page = |(number, page): (&u64, &Page)| {
            let of_page = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            CheckpointPage {
                page: *number,
                messages: of_page(page.counts.messages),
                bytes: page.counts.bytes,
                of_process: of_page(page.counts.of_process),
                stored: page.stored.unwrap_or_default(),
                shares: page.shares.clone(),
            }
        };
        let queue = |(number, queue): (&QueueNumber, &Queue)| CheckpointQueue {
            number: *number,
            next_id: MessageId(queue.next_id),
            handed_out_below: MessageId(queue.handed_out_below),
            pages: queue.pages.iter().map(page).collect(),
        };
        self.queues.iter().map(queue).collect()
    }

    /// The index as a checkpoint says.
    pub(in crate::store) fn of_checkpoint(queues: Vec<CheckpointQueue>) -> Self {
        let mut index = Self::default();
        for queue in queues {
            let found = index.queues.entry(queue.number).or_default();
            found.next_id = queue.next_id.0;
            found.handed_out_below = queue.handed_out_below.0;
            for page in queue.pages {
                let counts = Counts {
                    messages: page.messages.into(),
                    bytes: page.bytes,
                    of_process: page.of_process.into(),
                };
                let (shares, stored) = (page.shares, Some(page.stored));
                let restored = Page { counts, shares, stored, ..Page::default() };
                index.usages.add_page(&restored);
                found.counts.add(counts);
                found.pages.insert(page.page, restored);
            }
        }
        index
    }

    /// A Page record in the log: the page is what the record says.
    pub(in crate::store) fn replace_page(
        &mut self,
        (queue, number): PageName,
        stored: Position,
        slots: VecDeque<Slot>,
    ) {
        self.forget_page((queue, number));
        let found = self.queues.entry(queue).or_default();
        let mut page = Page::of(slots);
        page.slots = None;
        page.stored = Some(stored);
        if page.counts.messages > 0 {
            found.counts.add(page.counts);
            self.usages.add_page(&page);
            found.pages.insert(number, page);
        }
    }

    /// The log was not closed: every message that is there may have been handed out.
    pub(in crate::store) fn all_may_be_handed_out(&mut self) {
        for queue in self.queues.values_mut() {
            queue.handed_out_below = queue.next_id;
        }
    }

    /// Forgets messages that do not outlive the process.
    pub(in crate::store) fn forget_messages_of_the_process(
        &mut self,
        source: &dyn PageSource,
    ) -> Result<(), LogError> {
        let affected = self.names_of_pages(|page| page.counts.of_process > 0);
        self.retain_slots(source, &affected, |slot| slot.lifetime == Lifetime::Durable)
    }

    /// Forgets messages whose segment is not there; gives their number. A page whose record is not there
    /// is put together again by the source.
    pub(in crate::store) fn forget_missing_segments(
        &mut self,
        source: &dyn PageSource,
        is_there: impl Fn(u32) -> bool,
    ) -> Result<u64, LogError> {
        if self.usages.iter().all(|(segment, _)| is_there(segment)) {
            return Ok(0);
        }
        let messages = |index: &Self| -> u64 {
            index.queues.values().map(|queue| queue.counts.messages).sum()
        };
        let before = messages(self);
        let is_affected = |page: &Page| {
            page.shares.iter().any(|share| !is_there(share.segment))
                || page.stored.is_some_and(|stored| !is_there(stored.segment))
        };
        let affected = self.names_of_pages(is_affected);
        self.retain_slots(source, &affected, |slot| is_there(slot.position.segment))?;
        for name in affected {
            self.page_is_unwritten(name);
        }
        Ok(before.saturating_sub(messages(self)))
    }

    fn names_of_pages(&self, is_meant: impl Fn(&Page) -> bool) -> Vec<PageName> {
        let of_queue = |(queue, found): (&QueueNumber, &Queue)| {
            let meant = found.pages.iter().filter(|(_, page)| is_meant(page));
            meant.map(|(number, _)| (*queue, *number)).collect::<Vec<_>>()
        };
        self.queues.iter().flat_map(of_queue).collect()
    }

    /// The record of a page in RAM counts no more.
    fn page_is_unwritten(&mut self, (queue, number): PageName) {
        let found = self.queues.get_mut(&queue);
        let Some(page) = found.and_then(|found| found.pages.get_mut(&number)) else { return };
        if page.slots.is_some()
            && let Some(stored) = page.stored.take()
        {
            page.dirty = true;
            self.usages.remove_stored(stored);
        }
    }

    fn forget_page(&mut self, (queue, number): PageName) {
        let Some(found) = self.queues.get_mut(&queue) else { return };
        if let Some(page) = found.pages.remove(&number) {
            found.counts.remove(page.counts);
            self.usages.remove_page(&page);
            self.ram.left(&page);
        }
    }

    /// Keeps only some slots of these pages.
    fn retain_slots(
        &mut self,
        source: &dyn PageSource,
        names: &[PageName],
        keep: impl Fn(&Slot) -> bool,
    ) -> Result<(), LogError> {
        for name in names {
            let Self { queues, usages, ram, .. } = self;
            let Some(found) = queues.get_mut(&name.0) else { continue };
            let Some(page) = found.pages.get_mut(&name.1) else { continue };
            in_ram(page, &mut found.counts, usages, ram, source, *name)?;
            let gone = page.slots.iter().flatten().filter(|slot| !keep(slot));
            let gone: Vec<u64> = gone.map(|slot| name.1 * PAGE_IDS + u64::from(slot.at)).collect();
            let is_empty = page.counts.messages == 0;
            for id in gone {
                self.settle(source, name.0, (MessageId(id), MessageId(id)))?;
            }
            if is_empty {
                self.forget_page(*name);
            }
        }
        Ok(())
    }
}
