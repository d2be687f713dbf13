//! A driver's index, as simple as the contract of paging allows: a first-in-first-out list.

use std::collections::VecDeque;

use crate::base::MessageId;
use crate::queue::{Command, Effect, Paged, Residence, Span};

/// What is away, and the answers that are on their way.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    away: VecDeque<Paged<u64>>,
    answers: VecDeque<(MessageId, Vec<Paged<u64>>)>,
    /// The question that is open.
    open: Option<MessageId>,
    /// Counts how often something was asked for and went away.
    pub(super) asked: u64,
    pub(super) sent_away: u64,
}

impl Index {
    /// After a restart.
    pub(super) fn holding(messages: impl IntoIterator<Item = Paged<u64>>) -> Self {
        Self { away: messages.into_iter().collect(), ..Self::default() }
    }

    /// Does what the effects say, and checks that the machine keeps its side of the contract.
    pub(super) fn execute(&mut self, effects: &[Effect<u64>]) {
        for effect in effects {
            match effect {
                Effect::PageOut { messages } => self.append(messages),
                Effect::PageIn { from, count, up_to } => {
                    assert!(self.away.back().is_some_and(|last| last.id == *up_to));
                    self.read(*from, *count as usize);
                }
                Effect::Release(span) => self.forget(*span),
                _ => {}
            }
        }
    }

    /// What is away, in order.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.away.iter().map(|message| message.id.0).collect()
    }

    /// Whether answers are on their way.
    pub(super) fn is_answering(&self) -> bool {
        !self.answers.is_empty()
    }

    /// One of the answers that are on their way, the oldest last; old ones may be stale.
    pub(super) fn answer(&mut self, which: usize) -> Option<Command<u64>> {
        let which = which.checked_rem(self.answers.len())?;
        let (from, messages) = self.answers.remove(which)?;
        if self.open == Some(from) {
            self.open = None;
            self.away.drain(..messages.len());
        }
        let more = !self.away.is_empty();
        Some(Command::PagedIn { from, messages, more })
    }

    fn append(&mut self, messages: &[Paged<u64>]) {
        assert!(!messages.is_empty(), "a piece of nothing");
        for message in messages {
            assert!(self.away.back().is_none_or(|last| last.id < message.id), "out of order");
            // Some come back with their bytes.
            let in_ram = message.id.0.is_multiple_of(2);
            let residence = if in_ram { Residence::Ram } else { Residence::Disk };
            self.away.push_back(Paged { residence, ..message.clone() });
        }
        self.sent_away += messages.len() as u64;
    }

    fn read(&mut self, from: MessageId, count: usize) {
        assert_eq!(self.open, None, "one question at a time");
        assert!(self.away.front().is_some_and(|first| from <= first.id), "a wrong question");
        let messages: Vec<_> = self.away.iter().take(count).cloned().collect();
        assert!(count > 0 && messages.len() == count, "more was asked for than is away");
        self.open = Some(from);
        self.answers.push_back((from, messages));
        self.asked += 1;
    }

    fn forget(&mut self, span: Span) {
        let released = |message: &Paged<u64>| (span.first..=span.last).contains(&message.id);
        if self.away.iter().any(released) {
            assert!(self.away.iter().all(released), "what is away goes as a whole");
            self.away.clear();
            self.open = None;
        }
    }
}
