//! The answer to "where does this message go", in a buffer that is used again.

use super::headers::MessageHeaders;
use super::target::{Matches, Reached};
use super::topic::Walk;

/// The queues of one publish. Keep one per connection and hand it to every publish: after the first
/// few, routing allocates nothing. A kept one keeps its queues alive until it is cleared or used again.
#[derive(Debug)]
pub struct Routed<Q> {
    pub(super) queues: Vec<Q>,
    /// How many of them, the last ones, hold the message back for their exchanges.
    pub(super) delaying: usize,
    pub(super) depends_on_message: bool,
    pub(super) generation: u64,
    pub(super) scratch: Scratch,
}

/// What a route needs on its way and nobody afterwards.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) matches: Matches,
    pub(super) walk: Walk,
    pub(super) exchanges: Reached,
    pub(super) headers: MessageHeaders,
}

impl<Q> Default for Routed<Q> {
    fn default() -> Self {
        let (queues, scratch) = (Vec::new(), Scratch::default());
        Self { queues, delaying: 0, depends_on_message: false, generation: 0, scratch }
    }
}

/// A clone has the queues and no memory of the way.
impl<Q: Clone> Clone for Routed<Q> {
    fn clone(&self) -> Self {
        Self {
            queues: self.queues.clone(),
            delaying: self.delaying,
            depends_on_message: self.depends_on_message,
            generation: self.generation,
            scratch: Scratch::default(),
        }
    }
}

impl<Q> Routed<Q> {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets go of the queues and keeps the memory.
    pub fn clear(&mut self) {
        self.queues.clear();
        self.delaying = 0;
        self.depends_on_message = false;
        self.generation = 0;
    }

    /// Each queue once. The order depends on nothing but the history of the table.
    pub fn queues(&self) -> &[Q] {
        &self.queues
    }

    /// The same in two parts: those that have the message now, and those in which it waits for an
    /// exchange that delays it.
    pub fn now_and_later(&self) -> (&[Q], &[Q]) {
        self.queues.split_at(self.queues.len() - self.delaying)
    }

    /// The queues, without the buffer.
    pub fn into_queues(self) -> Vec<Q> {
        self.queues
    }

    /// Whether the message goes nowhere.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether an exchange was on the way that looks at more than routing keys (its headers, a property),
    /// picks at random or remembers the message: then another message with the same exchange and routing
    /// key may go elsewhere, and this answer holds for this message only.
    pub fn depends_on_message(&self) -> bool {
        self.depends_on_message
    }

    /// The table's generation when this was routed; 0, which no table has, when nothing was.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}
