//! What a queue machine wants done. Effects are executed in order.

use crate::base::{ConsumerId, HolderId, MessageId, PublishSequence};

use super::{Paged, PublishRef, RequestId, Span};

/// One effect.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect<P> {
    /// Hand this message to this consumer.
    Deliver {
        /// Who gets it.
        consumer: ConsumerId,
        /// What.
        delivery: Delivery<P>,
    },
    /// These publishes of one channel are safe: from `first.sequence` to `last`, both included.
    Confirm {
        /// The first publish of the run.
        first: PublishRef,
        /// The sequence of the last one, on the same channel.
        last: PublishSequence,
    },
    /// This publish was not taken; nothing else is said of it.
    Refuse {
        /// Which.
        publish: PublishRef,
    },
    /// Write this message to the log; [`super::Command::Persisted`] follows.
    Append {
        /// Its id.
        id: MessageId,
        /// The driver's handle.
        payload: P,
    },
    /// This message, for which [`Self::Append`] was emitted, came back from an attempt that failed, in a
    /// queue that counts them: after a restart it is to have that count
    /// ([`super::Paged::delivery_count`]).
    AttemptFailed {
        /// Its id.
        id: MessageId,
    },
    /// The queue gives this message up, and somebody else is to have it. Its bytes stay readable until
    /// [`super::Command::Departed`] says that they are no longer needed; then it is released. Not
    /// emitted while [`super::DeadLetter::Drop`] is configured, except for what is due.
    DeadLetter {
        /// Its id.
        id: MessageId,
        /// The driver's handle; its bytes may be on disk.
        payload: P,
        /// Why.
        reason: Reason,
        /// How many of its attempts failed.
        delivery_count: u32,
    },
    /// A publish that was refused is to be dead-lettered. It never had an id, and nothing follows.
    DeadLetterRefused {
        /// The driver's handle.
        payload: P,
        /// Why.
        reason: Reason,
    },
    /// These messages are gone from the queue: their bytes (and their records) are no longer needed
    /// here. Neighbours that go in one step go as one span.
    Release(Span),
    /// Append these to the queue's index and forget their handles: they are in order of their ids, and
    /// younger than everything that is away. See [`super::Paging`].
    PageOut {
        /// The messages.
        messages: Vec<Paged<P>>,
    },
    /// Take the oldest messages from the queue's index; [`super::Command::PagedIn`] follows.
    PageIn {
        /// Names the question. No message that is away has a lower id.
        from: MessageId,
        /// How many; never more than are away.
        count: u32,
        /// The highest id of what is away: the index knows younger ones too, and nobody asks for them.
        up_to: MessageId,
    },
    /// Messages that were away are not in the driver's index any more: the queue goes on without
    /// them. Said once for each; no `Release` follows, because nobody knows their ids.
    Lost {
        /// How many.
        messages: u64,
    },
    /// The answer to a question.
    Reply {
        /// Which question.
        request: RequestId,
        /// The answer.
        reply: Reply<P>,
    },
    /// Tell this consumer that it was cancelled (the queue is gone).
    CancelConsumer {
        /// Who.
        consumer: ConsumerId,
    },
    /// This consumer did not settle a message in time: it is detached, and everything that it was given
    /// is back in its place. Tell its client, as for [`Self::CancelConsumer`]. Once for each consumer.
    ConsumerTimeout {
        /// Who.
        consumer: ConsumerId,
        /// Its holder, which does not hold these messages any longer.
        holder: HolderId,
    },
    /// Another consumer is the single active one now, or none is.
    ActiveConsumer {
        /// Who.
        consumer: Option<ConsumerId>,
    },
    /// The queue is gone; no command has any effect any more.
    Deleted,
}

/// Why a queue gives a message up (rabbitmq: dlx.md, the reasons of `x-death`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// A consumer rejected it.
    Rejected,
    /// It waited too long.
    Expired,
    /// The queue is longer than it may be.
    MaxLen,
    /// Its attempts failed too often.
    DeliveryLimit,
    /// Its moment has come: no dead letter, but one that goes where it was to go later.
    Due,
}

/// A message handed out.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery<P> {
    /// Its id.
    pub id: MessageId,
    /// The driver's handle.
    pub payload: P,
    /// Whether it was handed out before.
    pub redelivered: bool,
    /// How often it was handed out before; stays at the highest number that fits.
    pub acquired_count: u16,
    /// How many of these attempts failed (rabbitmq: quorum-queues.md, `delivery-count`).
    pub delivery_count: u32,
    /// Who holds it until it is settled; `None` when it is settled already.
    pub holder: Option<HolderId>,
    /// Nobody will acknowledge it: the driver settles it for the holder when it has read the bytes. So
    /// a message is not gone from the disk before it is read, nor with a reader that ends before.
    pub until_read: bool,
}

/// An answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply<P> {
    /// The consumer is attached.
    Attached,
    /// The consumer cannot be attached: it, or one that is there, wants to be alone.
    ExclusiveUse,
    /// The consumer cannot be attached: it wants to be alone, and the queue has a single active one.
    SingleActive,
    /// The consumer is detached (or was not there).
    Detached,
    /// `basic.get`: `None` when nothing is ready; `ready` counts what stays.
    Got {
        /// The message.
        delivery: Option<Delivery<P>>,
        /// Ready messages after it.
        ready: u64,
    },
    /// `queue.purge`.
    Purged {
        /// How many were dropped.
        messages: u64,
    },
    /// The counts.
    Counts {
        /// Ready messages.
        ready: u64,
        /// Consumers.
        consumers: u64,
    },
    /// `queue.delete`: done, with the number of ready messages that went with it.
    Deleted {
        /// How many.
        messages: u64,
    },
    /// `queue.delete` with `if-unused`, and there are consumers.
    InUse,
    /// `queue.delete` with `if-empty`, and there are ready messages.
    NotEmpty,
    /// The queue was deleted before the command came.
    Gone,
}
