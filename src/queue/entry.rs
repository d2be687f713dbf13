//! What a queue keeps of a message. The id stands beside it, never inside: the ready list does not need
//! to store it at all.

use super::Residence;
use super::slab::Key;

/// A message in the queue.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry<P> {
    /// The driver's handle.
    pub(super) payload: P,
    /// The rest.
    pub(super) facts: Facts,
}

/// What the machine itself wants to know of a message.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Facts {
    /// Bytes it costs.
    pub(super) bytes: u64,
    /// How often it was handed out before; stays at the highest number that fits.
    pub(super) delivery_count: u32,
    /// Whether [`super::Effect::Append`] was emitted for it.
    pub(super) appended: bool,
    /// Where its bytes are.
    pub(super) residence: Residence,
}

impl Facts {
    /// Of a message that comes in.
    #[inline]
    pub(super) fn new(bytes: u64, appended: bool) -> Self {
        Self { bytes, delivery_count: 0, appended, residence: Residence::Ram }
    }
}

/// A message that was handed out and is not settled.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Handed<P> {
    /// The message.
    pub(super) entry: Entry<P>,
    /// Whose credit it uses; `None` for `basic.get`. The consumer may be gone by now.
    pub(super) consumer: Option<Key>,
}
