//! The list that a machine writes its effects to; the driver keeps it and uses it again.

use std::slice;
use std::vec;

use super::Effect;

/// Effects in the order in which they are to be executed.
#[derive(Clone, PartialEq, Debug)]
pub struct Effects<P> {
    list: Vec<Effect<P>>,
}

impl<P> Effects<P> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Puts an effect at the end.
    #[inline]
    pub fn push(&mut self, effect: Effect<P>) {
        self.list.push(effect);
    }

    /// Takes everything out, in order; the room stays.
    pub fn drain(&mut self) -> vec::Drain<'_, Effect<P>> {
        self.list.drain(..)
    }

    /// Everything, in order.
    pub fn iter(&self) -> slice::Iter<'_, Effect<P>> {
        self.list.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets everything; the room stays.
    pub fn clear(&mut self) {
        self.list.clear();
    }
}

impl<P> Default for Effects<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, P> IntoIterator for &'a Effects<P> {
    type Item = &'a Effect<P>;
    type IntoIter = slice::Iter<'a, Effect<P>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
