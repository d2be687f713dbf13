//! The index over a source of pages that counts, without a log.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::{Index, Loaded, PageName, PageSource, Usage};
use crate::base::MessageId;
use crate::store::format::{CheckpointPage, CheckpointQueue, SegmentShare, Slot};
use crate::store::{Mark, Position, QueueNumber};

/// Pages as they were written.
#[derive(Default)]
struct Pages {
    written: RefCell<BTreeMap<Position, VecDeque<Slot>>>,
    loads: RefCell<usize>,
}

impl PageSource for Pages {
    fn load(&self, _name: PageName, stored: Position, _shares: &[SegmentShare]) -> Loaded {
        *self.loads.borrow_mut() += 1;
        Ok(self.written.borrow()[&stored].clone())
    }
}

const QUEUE: QueueNumber = QueueNumber(1);

fn slot(id: u64) -> Slot {
    // Ten messages of a hundred bytes in every segment.
    let segment = u32::try_from(id / 10).expect("a few");
    let offset = 1024 + u32::try_from(id % 10).expect("below ten") * 104;
    Slot { position: Position { segment, offset, length: 100 }, bytes: 50, ..Slot::default() }
}

/// Writes pages as a log would.
fn write(index: &mut Index, pages: &Pages, names: Vec<PageName>) {
    for (at, name) in (0..).zip(names) {
        let count = u32::try_from(pages.written.borrow().len()).expect("a few");
        let stored = Position { segment: 1_000_000 + count, offset: at, length: 10 };
        let slots = index.slots(name).expect("it is in RAM").clone();
        pages.written.borrow_mut().insert(stored, slots);
        index.page_encoded(name, stored);
    }
    index.flushed();
}

/// Writes the pages that stand in the way of fewer slots, and lets go of them.
fn evict(index: &mut Index, pages: &Pages, slots_max: usize) {
    let names = index.evict(slots_max);
    write(index, pages, names);
    index.evict(slots_max);
}

fn filled(pages: &Pages, ids: std::ops::Range<u64>) -> Index {
    let mut index = Index::default();
    for id in ids {
        index.enqueue(pages, QUEUE, MessageId(id), slot(id)).expect("memory does not fail");
    }
    index
}

#[test]
fn a_page_stays_in_ram_until_its_record_is_in_the_file() {
    let pages = Pages::default();
    let mut index = filled(&pages, 0..1024);
    let names: Vec<_> = (0..3).flat_map(|_| index.evict(0)).collect();
    let stored = Position { segment: 9, offset: 1024, length: 10 };
    index.page_encoded(names[0], stored);
    index.evict(0);
    index.evict(0);
    assert!(index.slots(names[0]).is_some(), "nobody could read it back yet");
    index.flushed();
    index.evict(0);
    assert!(index.slots(names[0]).is_none());
    assert_eq!(index.ram_slots(), 0);
}

#[test]
fn settling_whole_pages_reads_none_of_them() {
    let pages = Pages::default();
    let mut index = filled(&pages, 0..10_240);
    evict(&mut index, &pages, 0);
    assert_eq!(index.ram_slots(), 0);
    index.settle(&pages, QUEUE, (MessageId(0), MessageId(u64::MAX))).expect("memory does not fail");
    assert_eq!(*pages.loads.borrow(), 0);
    assert_eq!(index.usages().iter().count(), 0);
    assert_eq!(index.summaries()[0].next_id, MessageId(10_240));
}

#[test]
fn names_of_pages_that_are_gone_do_not_pile_up() {
    let pages = Pages::default();
    let mut index = Index::default();
    for page in 0..10_000u64 {
        let id = MessageId(page * 1024);
        index.enqueue(&pages, QUEUE, id, slot(page)).expect("memory does not fail");
        index.settle(&pages, QUEUE, (id, id)).expect("memory does not fail");
        assert!(index.ram.pages.len() < 200, "{}", index.ram.pages.len());
    }
}

/// Found by the fuzz target `record_log`: files had changed their names.
#[test]
fn a_page_whose_messages_lie_elsewhere_than_the_checkpoint_says_is_counted_where_they_are() {
    let pages = Pages::default();
    let stored = Position { segment: 9, offset: 1024, length: 10 };
    pages.written.borrow_mut().insert(stored, VecDeque::from([Slot { at: 5, ..slot(5) }]));
    let share = SegmentShare { segment: 7, messages: 1, record_bytes: 100 };
    let page = CheckpointPage {
        page: 0,
        messages: 1,
        bytes: 50,
        of_process: 0,
        stored,
        shares: vec![share],
    };
    let queue = CheckpointQueue {
        number: QUEUE,
        next_id: MessageId(6),
        handed_out_below: MessageId(0),
        pages: vec![page],
    };
    let mut index = Index::of_checkpoint(vec![queue]);
    index.deliver(&pages, QUEUE, Mark::HandedOut, (MessageId(5), MessageId(5))).expect("no disk");
    let segments: Vec<u32> = index.usages().iter().map(|(segment, _)| segment).collect();
    assert_eq!(segments, [0, 9], "the message and the page's record");
    index.settle(&pages, QUEUE, (MessageId(5), MessageId(5))).expect("no disk");
    assert_eq!(index.usages().iter().count(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Enqueue(u64),
    Settle(u64, u64),
    Deliver(u64, u64),
    Evict(usize),
    Checkpoint,
}

fn any_step() -> impl Strategy<Value = Step> {
    let id = 0..5000u64;
    prop_oneof![
        4 => (1..400u64).prop_map(Step::Enqueue),
        3 => (id.clone(), 0..2500u64).prop_map(|(first, more)| Step::Settle(first, first + more)),
        2 => (id, 0..1500u64).prop_map(|(first, more)| Step::Deliver(first, first + more)),
        2 => (0..2000usize).prop_map(Step::Evict),
        1 => Just(Step::Checkpoint),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_index_is_a_map_of_ids(steps in proptest::collection::vec(any_step(), 1..60)) {
        let pages = Pages::default();
        let mut index = Index::default();
        let mut model: BTreeMap<u64, u16> = BTreeMap::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Enqueue(count) => {
                    for id in next..next + count {
                        index.enqueue(&pages, QUEUE, MessageId(id), slot(id)).expect("no disk");
                        model.insert(id, 0);
                    }
                    next += count;
                }
                Step::Settle(first, last) => {
                    let run = (MessageId(first), MessageId(last));
                    index.settle(&pages, QUEUE, run).expect("no disk");
                    model.retain(|id, _| !(first..=last).contains(id));
                }
                Step::Deliver(first, last) => {
                    let run = (MessageId(first), MessageId(last));
                    index.deliver(&pages, QUEUE, Mark::HandedOut, run).expect("no disk");
                    model.range_mut(first..=last).for_each(|(_, deliveries)| *deliveries += 1);
                }
                Step::Evict(slots_max) => evict(&mut index, &pages, slots_max),
                Step::Checkpoint => {
                    let names = index.dirty_pages();
                    write(&mut index, &pages, names);
                    index = Index::of_checkpoint(index.checkpoint());
                }
            }
        }
        let entries = index.entries(&pages, QUEUE, MessageId(0), usize::MAX).expect("no disk");
        let found: BTreeMap<u64, u16> =
            entries.iter().map(|entry| (entry.id.0, entry.deliveries)).collect();
        prop_assert_eq!(&found, &model);
        let messages: u64 = index.usages().iter().map(|(_, usage)| usage.messages).sum();
        prop_assert_eq!(messages, model.len() as u64);
        let needed: BTreeSet<u32> =
            model.keys().map(|id| u32::try_from(id / 10).expect("a few")).collect();
        let in_use = index.usages().iter().filter(|(_, usage)| usage.messages > 0);
        prop_assert_eq!(in_use.map(|(segment, _)| segment).collect::<BTreeSet<_>>(), needed);
        index.drop_queue(QUEUE);
        prop_assert_eq!(index.usages().of(0), Usage::default());
        prop_assert_eq!((index.usages().iter().count(), index.ram_slots()), (0, 0));
    }
}
