//! What can be asked of a queue machine.

use std::num::NonZeroU32;

use crate::base::{
    ChannelId, ConnectionId, ConsumerId, HolderId, MessageId, PublishSequence, TimeToLive,
};

use super::{Paged, QueueConfig};

/// A command. Answers never come back in place: they are [`super::Effect`]s.
///
/// `P` is the driver's handle for a message (its bytes, or where they lie); the machine keeps it and
/// gives it back, and never looks inside.
#[derive(Clone, PartialEq, Debug)]
pub enum Command<P> {
    /// Messages of one publisher's batch, in order.
    Enqueue(Vec<Incoming<P>>),
    /// A holder settles messages it holds.
    Settle {
        /// Who holds them.
        holder: HolderId,
        /// What becomes of them.
        settlement: Settlement,
        /// Runs of ids, both ends included. Ids in a run that this holder does not hold are ignored.
        messages: Vec<(MessageId, MessageId)>,
    },
    /// A new consumer.
    Attach {
        /// The consumer's side of it.
        consumer: Consumer,
        /// Comes back in [`super::Reply`].
        request: RequestId,
    },
    /// A consumer leaves; what it holds stays with its holder.
    Detach {
        /// Who leaves.
        consumer: ConsumerId,
        /// Comes back in [`super::Reply`]; `None` when nobody waits.
        request: Option<RequestId>,
    },
    /// A holder is gone (its channel closed): its consumers of this queue are detached, and everything
    /// it holds returns to its old place, marked redelivered.
    Release {
        /// Who is gone.
        holder: HolderId,
    },
    /// A consumer may be given messages again, or may not for now (its connection is slow, or the
    /// credit it shares with others of its channel is back).
    Flow {
        /// Which consumer.
        consumer: ConsumerId,
        /// Whether it may be given messages.
        flow: Flow,
    },
    /// `basic.get`.
    Get {
        /// Who will hold the message.
        holder: HolderId,
        /// Whether it is settled by being handed out, as with [`Acknowledge::Automatic`].
        no_ack: bool,
        /// Comes back in [`super::Reply`].
        request: RequestId,
    },
    /// `queue.purge`: drops what is ready, never what is unsettled.
    Purge {
        /// Comes back in [`super::Reply`].
        request: RequestId,
    },
    /// Asks for the counts (`queue.declare` of an existing queue).
    Inspect {
        /// Comes back in [`super::Reply`].
        request: RequestId,
    },
    /// `queue.delete`.
    Delete {
        /// Under which conditions.
        condition: DeleteCondition,
        /// Comes back in [`super::Reply`]; `None` when nobody waits.
        request: Option<RequestId>,
    },
    /// The settings changed. They hold from now on, for what is there as well. What cannot change is
    /// ignored; see [`QueueConfig`]. Boxed, because it is large and rare, and commands are moved.
    Configure(Box<QueueConfig>),
    /// Time has passed: what is due is done. Any other command does that too; this one does nothing
    /// else. Comes before the other commands of a turn, and whenever
    /// [`super::Machine::next_deadline`] is reached. Never waits for anything.
    Tick,
    /// Dead letters have arrived where they were sent ([`super::Effect::DeadLetter`]), or are given up:
    /// the queue lets them go.
    Departed {
        /// Runs of ids, both ends included. Ids in a run that are not on their way are ignored.
        runs: Vec<(MessageId, MessageId)>,
    },
    /// Everything up to and with this id that was to be appended is on disk; an append that was given
    /// up because its message was released first counts as if it were. A driver that knows new
    /// handles for these messages exchanges them first ([`super::Machine::exchange`]): what is on disk
    /// may be paged out at once.
    Persisted {
        /// The highest id.
        up_to: MessageId,
    },
    /// The answer to [`super::Effect::PageIn`]. Ignored when what was away has been dropped since.
    PagedIn {
        /// The question.
        from: MessageId,
        /// In order of their ids, and not more than were asked for.
        messages: Vec<Paged<P>>,
        /// Whether the index has more behind them. Fewer may come than were asked for, as long as it
        /// has; what is missing when it has none is lost ([`super::Effect::Lost`]).
        more: bool,
    },
}

/// A message on its way in.
#[derive(Clone, PartialEq, Debug)]
pub struct Incoming<P> {
    /// The driver's handle.
    pub payload: P,
    /// Bytes it costs.
    pub bytes: u64,
    /// Whether it must be on disk before its confirm. Only durable queues keep it so.
    pub persistent: bool,
    /// Whose publish it is, when somebody waits for the confirm.
    pub publish: Option<PublishRef>,
    /// How long it may wait (`expiration`); the smaller of this and the queue's own counts.
    pub ttl: Option<TimeToLive>,
    /// Its priority; more than the queue has is as much as it has.
    pub priority: u8,
    /// How long after its arrival it is due ([`super::QueueConfig::due`]).
    pub due: Option<Delay>,
}

/// A time to wait, in ms. Four bytes even where there may be none, because messages are moved in bulk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Delay(NonZeroU32);

impl Delay {
    /// At most 2^32 - 2 ms, some seven weeks; one more is as much as that.
    #[must_use]
    pub fn from_ms(ms: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(ms))
    }

    /// In ms.
    #[must_use]
    pub fn ms(self) -> u32 {
        self.0.get() - 1
    }
}

/// Where a confirm goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishRef {
    /// The publisher's connection.
    pub connection: ConnectionId,
    /// Its channel number, for the reader's convenience.
    pub channel: ChannelId,
    /// This opening of the channel.
    pub holder: HolderId,
    /// The number of the publish on its channel.
    pub sequence: PublishSequence,
}

/// What becomes of a message that was handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// Done with.
    Ack,
    /// Back to its old place, marked redelivered.
    Requeue(Attempt),
    /// Rejected: dropped, or dead-lettered where that is configured.
    Discard,
}

/// How the attempt ended whose message returns (rabbitmq: quorum-queues.md, poison messages: every attempt
/// raises `acquired-count`, and only one that failed raises `delivery-count`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// The message was given back on purpose: `basic.nack`, `basic.recover`, a consumer time-out.
    Returned,
    /// It failed: `basic.reject`, or its holder is gone.
    Failed,
}

/// A consumer as the queue sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Consumer {
    /// Its id.
    pub id: ConsumerId,
    /// Who holds what it is given.
    pub holder: HolderId,
    /// Whether what it is given must be settled.
    pub acknowledge: Acknowledge,
    /// Whether it wants to be alone.
    pub access: Access,
    /// Only those with the highest priority that can take something are given messages (`x-priority`).
    pub priority: i32,
    /// How long it may take to settle a message, in ms; `None` for what the queue says.
    pub timeout: Option<u64>,
}

/// Whether a delivery must be settled, and how many may be open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acknowledge {
    /// `no-ack`: handed out is settled. What is not in RAM is held until it is read
    /// ([`super::Delivery::until_read`]), without a claim on any credit.
    Automatic,
    /// At most `prefetch` open at a time for this consumer alone.
    Manual {
        /// From 1. The driver puts its own bound in for AMQP's 0.
        prefetch: u32,
        /// Whether the `SharedCredit` of its holder counts as well.
        shared: bool,
    },
}

/// How a consumer shares a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// With others.
    Shared,
    /// Alone (`basic.consume` with `exclusive`).
    Exclusive,
}

/// Whether a consumer may be given messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// It may.
    Open,
    /// It may not until it is opened again.
    Held,
}

/// `if-unused` and `if-empty` of `queue.delete`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeleteCondition {
    /// Only without consumers.
    pub if_unused: bool,
    /// Only without ready messages.
    pub if_empty: bool,
}

/// The driver's number for a question; the machine hands it back with the answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u64);
