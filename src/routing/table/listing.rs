//! Looking at everything in a table, a part at a time, so that no look holds the table for long.
//!
//! A thing keeps its slot for as long as it lives. So whoever goes from part to part sees everything
//! that is there all the while exactly once, whatever comes and goes meanwhile.

use super::Table;
use crate::routing::{Binding, Exchange};

/// A part, and where the next one begins when there may be one.
pub type Part<T> = (Vec<T>, Option<u32>);

impl<Q: Clone> Table<Q> {
    /// Queues from this slot on, at most `most`.
    pub fn queues_from(&self, from: u32, most: usize) -> Part<Q> {
        let (entries, next) = self.queues.part(from, most);
        (entries.map(|entry| entry.handle.clone()).collect(), next)
    }

    /// Exchanges from this slot on, the default exchange included, at most `most`.
    pub fn exchanges_from(&self, from: u32, most: usize) -> Part<Exchange> {
        let (entries, next) = self.exchanges.part(from, most);
        (entries.map(|entry| entry.exchange.clone()).collect(), next)
    }

    /// Bindings from this slot on, without the implied ones of the default exchange, at most `most`.
    pub fn bindings_from_slot(&self, from: u32, most: usize) -> Part<Binding> {
        let (entries, next) = self.bindings.part(from, most);
        (entries.filter_map(|entry| self.binding(entry)).collect(), next)
    }
}
