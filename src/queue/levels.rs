//! Ready messages of a queue with priorities (rabbitmq: priority.md) or with due messages: the highest
//! priority first, and within one in order of ids.
//!
//! A message may come to any place, so every one keeps its id, and nothing of it is paged out: what
//! waits costs RAM for its place (counted in `ram_bytes`), though not for its body.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use crate::base::MessageId;

use super::entry::{Entry, Facts};
use super::{Next, Place};

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Levels<P> {
    /// By priority; as many as there were priorities.
    by_priority: Vec<Level<P>>,
    /// No level above this one has a message.
    highest: usize,
    len: usize,
}

#[derive(Clone, PartialEq, Debug)]
struct Level<P> {
    /// Those that came in order.
    in_order: VecDeque<(MessageId, Entry<P>)>,
    /// Those that came after a younger one: they returned, or were due late.
    others: BTreeMap<MessageId, Entry<P>>,
}

impl<P> Level<P> {
    fn first(&self) -> Option<(MessageId, Facts)> {
        let in_order = self.in_order.front().map(|(id, entry)| (*id, entry.facts));
        let other = self.others.first_key_value().map(|(id, entry)| (*id, entry.facts));
        match (in_order, other) {
            (Some(a), Some(b)) => Some(if a.0 < b.0 { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    fn pop(&mut self) -> Option<(MessageId, Entry<P>)> {
        let (first, _) = self.first()?;
        if self.in_order.front().is_some_and(|(id, _)| *id == first) {
            return self.in_order.pop_front();
        }
        self.others.pop_first()
    }
}

impl<P> Levels<P> {
    pub(super) fn new() -> Self {
        Self { by_priority: Vec::new(), highest: 0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts a message to its place.
    pub(super) fn insert(&mut self, id: MessageId, entry: Entry<P>) {
        let priority = usize::from(entry.facts.priority());
        while self.by_priority.len() <= priority {
            self.by_priority.push(Level { in_order: VecDeque::new(), others: BTreeMap::new() });
        }
        self.len += 1;
        self.highest = self.highest.max(priority);
        let level = &mut self.by_priority[priority];
        if level.in_order.back().is_none_or(|(last, _)| *last < id) {
            level.in_order.push_back((id, entry));
        } else {
            let twin = level.others.insert(id, entry);
            assert!(twin.is_none(), "a message is in one place only (Q1)");
        }
    }

    /// What [`Self::pop`] would take out.
    pub(super) fn first(&self) -> Option<(MessageId, Facts)> {
        self.by_priority.get(self.highest)?.first()
    }

    /// Takes out the first of the highest priority.
    pub(super) fn pop(&mut self) -> Option<(MessageId, Entry<P>)> {
        let taken = self.by_priority.get_mut(self.highest)?.pop()?;
        self.len -= 1;
        while self.highest > 0 && self.by_priority[self.highest].first().is_none() {
            self.highest -= 1;
        }
        if self.len == 0 {
            self.by_priority = Vec::new();
        }
        Some(taken)
    }

    /// Looks at the messages of a run of ids, both ends included.
    pub(super) fn visit(
        &mut self,
        first: MessageId,
        last: MessageId,
        each: &mut impl FnMut(MessageId, &mut Entry<P>),
    ) {
        for level in &mut self.by_priority {
            let start = level.in_order.partition_point(|(id, _)| *id < first);
            for (id, entry) in level.in_order.range_mut(start..) {
                if *id > last {
                    break;
                }
                each(*id, entry);
            }
            for (id, entry) in level.others.range_mut(first..=last) {
                each(*id, entry);
            }
        }
    }

    /// The lowest id of all.
    pub(super) fn lowest(&self) -> Option<MessageId> {
        self.by_priority.iter().filter_map(Level::first).map(|(id, _)| id).min()
    }

    /// Shows messages from a place on, in the order in which they are handed out, until `each` breaks.
    pub(super) fn peek(
        &self,
        from: Place,
        mut each: impl FnMut(Place, &Entry<P>) -> ControlFlow<Next>,
    ) -> ControlFlow<Next> {
        for (priority, level) in self.by_priority.iter().enumerate().rev() {
            // A priority is an octet, so there are at most 256 levels.
            let above = u8::MAX - u8::try_from(priority).unwrap_or(u8::MAX);
            if above < from.level {
                continue;
            }
            let first = if above == from.level { from.id } else { MessageId(0) };
            let start = level.in_order.partition_point(|(id, _)| *id < first);
            let mut in_order = level.in_order.range(start..).peekable();
            let mut others = level.others.range(first..).peekable();
            loop {
                let next = match (in_order.peek(), others.peek()) {
                    (None, None) => break,
                    (Some((a, _)), Some((b, _))) if a < *b => in_order.next().map(|(a, e)| (*a, e)),
                    (Some(_), None) => in_order.next().map(|(a, e)| (*a, e)),
                    _ => others.next().map(|(b, e)| (*b, e)),
                };
                let Some((id, entry)) = next else { break };
                each(Place { level: above, id }, entry)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Bytes that its places take up, used.
    pub(super) fn bytes(&self) -> u64 {
        (self.len * size_of::<(MessageId, Entry<P>)>()) as u64
    }

    /// Its messages, in no order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, &Entry<P>)> {
        self.by_priority.iter().flat_map(|level| {
            let in_order = level.in_order.iter().map(|(id, entry)| (*id, entry));
            in_order.chain(level.others.iter().map(|(id, entry)| (*id, entry)))
        })
    }
}
