//! The contract of paging: how a backlog leaves RAM and comes back.
//!
//! ```text
//!   oldest                                                                        youngest
//!   returned  |  head window (RAM)  |  away (in the driver's index)  |  tail (RAM)
//!                         <- PageIn / PagedIn -        <- PageOut -
//! ```
//!
//! What is away is one run of messages of which the machine knows only a [`Span`]: ten million of them
//! cost it as much as one. So the driver's index is a plain first-in-first-out list:
//!
//! * [`Effect::PageOut`] hands over the youngest that are away, in order of their ids: append them.
//! * [`Effect::PageIn`] asks for the `count` oldest that are away: take them off the front, and answer
//!   with [`Command::PagedIn`]. Fewer may come, for instance because they are large; the next question
//!   goes on behind them. At most one question is open. The answer may take its time: until it comes,
//!   `deliver` hands out what is there and then says `Idle`; drive the queue after the answer.
//! * An index is a file, and files lose things. A message that the answer marks as damaged is released.
//!   One that should have come and is in no answer is counted as lost ([`Effect::Lost`]) when the index
//!   says that it has no more. More than should have come (an index that was put together again) come
//!   back as well. Entries out of order, or of a time after the question, are passed over. The sums are
//!   right again when the last message that was away when the question was put has come back.
//! * A single message never leaves the middle: what is away goes only as a whole, by one
//!   [`Effect::Release`] whose span covers it (purge, delete). Forget every entry whose id is in a
//!   released span. An answer to a question from before that is ignored, and need not be sent.
//!
//! Nothing is paged while [`QueueConfig::paging`] is `None`. A message goes away only when the disk
//! has it, if it is appended ([`Command::Persisted`] covers it); so nobody waits for the confirm of a
//! message that is away. A transient one the driver must store itself when it is paged out; it needs
//! no sync.
//!
//! After a restart [`Machine::recover`] builds a queue whose messages are all away: again one [`Span`],
//! whatever the backlog, and nothing is read before somebody takes a message.
//!
//! A queue with priorities, or with due messages, must see everything before it can tell what is first:
//! it keeps every position in RAM, pages nothing out, and after a restart takes all pages in before it
//! hands anything out.
//!
//! A driver drops a body from RAM earlier than that with [`Machine::exchange`]. How many bytes of the
//! queue are in RAM says [`Machine::ram_bytes`]; a [`Residence`] per message is all that it takes.
//!
//! A `basic.get` while the oldest message is away is answered after the next `PagedIn`. Commands that
//! come meanwhile wait behind it, so that what a client sees is as if nothing had been away.
//!
//! [`Command::PagedIn`]: super::Command::PagedIn
//! [`Command::Persisted`]: super::Command::Persisted
//! [`Effect::PageOut`]: super::Effect::PageOut
//! [`Effect::PageIn`]: super::Effect::PageIn
//! [`Effect::Release`]: super::Effect::Release
//! [`Machine::exchange`]: super::Machine::exchange
//! [`Machine::recover`]: super::Machine::recover
//! [`Machine::ram_bytes`]: super::Machine::ram_bytes
//! [`QueueConfig::paging`]: super::QueueConfig::paging

use crate::base::{MessageId, Millis};

use super::entry::Facts;

/// How much of a long queue stays in RAM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paging {
    /// Messages that stay in RAM at each end, from 1. More of the head is asked for when half of it
    /// is used up, and only when somebody takes from it.
    pub window: u32,
    /// Bytes of the head: none of it is asked for while more than half of this is there.
    pub window_bytes: u64,
    /// Messages of one [`super::Effect::PageOut`]; from 1.
    pub piece: u32,
}

impl Default for Paging {
    /// At most 5 × 1,024 messages in RAM and about 40 KiB in a piece, with a handle of 16 bytes.
    fn default() -> Self {
        Self { window: 2048, window_bytes: u64::MAX, piece: 1024 }
    }
}

/// A message on its way out of RAM or back.
#[derive(Clone, PartialEq, Debug)]
pub struct Paged<P> {
    /// Its id.
    pub id: MessageId,
    /// The driver's handle.
    pub payload: P,
    /// Bytes it costs.
    pub bytes: u64,
    /// How often it was handed out before. After a recovery that knows only whether: 1.
    pub acquired_count: u16,
    /// How many of these attempts failed.
    pub delivery_count: u32,
    /// Whether [`super::Effect::Append`] was emitted for it.
    pub appended: bool,
    /// Where its bytes are. On the way out, as the machine was told last.
    pub residence: Residence,
    /// On the way back: whether it can be handed out. A damaged one is released instead.
    pub damaged: bool,
    /// When it expires. The driver keeps it with the message; after a restart the clock has another
    /// origin.
    pub expires: Option<Millis>,
    /// Its priority, as it came. A queue with priorities pages nothing out; after a restart the driver
    /// gives it back.
    pub priority: u8,
    /// When it is due, if it was not when it went. As `priority`.
    pub due: Option<Millis>,
}

impl<P> Paged<P> {
    /// On its way out.
    pub(super) fn new(id: MessageId, payload: P, facts: Facts, expires: Option<Millis>) -> Self {
        let (acquired_count, delivery_count) = (facts.acquired_count(), facts.delivery_count());
        let appended = facts.appended();
        let (bytes, residence) = (facts.bytes, facts.residence());
        let (priority, due, damaged) = (facts.priority(), None, false);
        Self {
            id,
            payload,
            bytes,
            acquired_count,
            delivery_count,
            appended,
            residence,
            damaged,
            expires,
            priority,
            due,
        }
    }
}

/// Where the bytes of a message are, as far as a queue's share of RAM goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Residence {
    /// The handle keeps them in RAM. So it is with every message that comes in.
    Ram,
    /// The handle says only where they lie.
    Disk,
}

/// Messages of a run of ids, both ends included: all of it, or those that were still there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The lower bound of the ids.
    pub first: MessageId,
    /// The highest id.
    pub last: MessageId,
    /// How many there are; fewer than the run is long when some of its ids were gone long before.
    pub messages: u64,
    /// The bytes that they cost.
    pub bytes: u64,
    /// For how many of them an [`super::Effect::Append`] was emitted.
    pub appended: u64,
}

impl Span {
    /// `None` when there is no message in it.
    pub(super) fn unless_empty(self) -> Option<Self> {
        (self.messages > 0).then_some(self)
    }
}
