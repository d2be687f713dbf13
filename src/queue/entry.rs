//! What a queue keeps of a message. The id stands beside it, never inside: the ready list does not need
//! to store it at all.

use super::slab::Key;

/// A message in the queue.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry<P> {
    /// The driver's handle.
    pub(super) payload: P,
    /// Bytes it costs.
    pub(super) bytes: u64,
    /// Whether it was handed out before.
    pub(super) redelivered: bool,
    /// Whether [`super::Effect::Append`] was emitted for it.
    pub(super) appended: bool,
}

/// A message that was handed out and is not settled.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Handed<P> {
    /// The message.
    pub(super) entry: Entry<P>,
    /// Whose credit it uses; `None` for `basic.get`. The consumer may be gone by now.
    pub(super) consumer: Option<Key>,
}
