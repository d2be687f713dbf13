//! What a queue is declared to be, as far as its machine cares.

use super::{Attempt, Paging};

/// Settings of one queue machine. The default is a queue without any feature.
///
/// `log`, `auto_delete`, `paging`, `single_active`, `max_priority` and `due` are what the queue was
/// declared as, and stay for its life;
/// [`super::Command::Configure`] changes the others (a policy; rabbitmq: parameters.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueConfig {
    /// Whether persistent messages are appended to the log and confirmed only when they are on disk.
    pub log: LogMode,
    /// Whether the queue goes with its last consumer (spec: queue.declare, auto-delete). A queue that
    /// never had a consumer stays.
    pub auto_delete: bool,
    /// Whether a long backlog leaves RAM, and how much of it stays; `None` keeps everything.
    pub paging: Option<Paging>,
    /// What becomes of messages that the queue gives up.
    pub dead_letter: DeadLetter,
    /// How long a message may wait, in ms (`x-message-ttl`). Counts for messages that come later, and
    /// for each from its arrival.
    pub message_ttl: Option<u64>,
    /// The most ready messages (`x-max-length`).
    pub max_length: Option<u64>,
    /// The most bytes that ready messages may have (`x-max-length-bytes`).
    pub max_length_bytes: Option<u64>,
    /// How many bytes of [`super::Incoming::bytes`] are no part of a message, so that
    /// `max_length_bytes` does not count them.
    pub bytes_beside: u64,
    /// What happens at these two.
    pub overflow: Overflow,
    /// How long the queue may be unused, in ms (`x-expires`); from 1.
    pub expires: Option<u64>,
    /// How long a consumer may take to settle a message, in ms, unless it has a time-out of its own.
    pub consumer_timeout: Option<u64>,
    /// Whether one consumer at a time is given messages (`x-single-active-consumer`). Stays as it was
    /// declared.
    pub single_active: bool,
    /// The highest priority of a message, from 1 (`x-max-priority`). Stays as it was declared.
    pub max_priority: Option<u8>,
    /// What becomes of messages that are due later ([`super::Incoming::due`]). Stays as it was declared.
    pub due: WhenDue,
    /// Whether a message that returns waits before the next attempt (`x-delayed-retry-…`).
    pub delayed_retry: Option<DelayedRetry>,
    /// How many attempts may fail: one more, and the message is given up (`x-delivery-limit`). What is given
    /// back on purpose is no failure, as often as it happens ([`Attempt::Returned`]).
    pub delivery_limit: Option<u32>,
    /// Whether it is to be kept beyond the process how many attempts of a message failed
    /// ([`super::Effect::AttemptFailed`]).
    pub keeps_failures: bool,
}

/// How long a message that returns waits (rabbitmq: quorum-queues.md, delayed retry): `min` times the
/// number of attempts that failed so far, at least once, and no longer than `max`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelayedRetry {
    /// Which attempts are followed by a delay; `None` for all.
    pub only: Option<Attempt>,
    /// In ms; 0 is no delay.
    pub min: u32,
    /// In ms.
    pub max: u32,
}

/// What becomes of messages that are due later, for the queue behind a delaying exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WhenDue {
    /// They are ready when they come, as all others.
    #[default]
    Ignored,
    /// They are ready when they are due.
    Ready,
    /// When they are due they depart with [`super::Reason::Due`], whatever is configured for dead
    /// letters.
    Forward,
}

/// What happens when a queue is full (rabbitmq: maxlength.md, `x-overflow`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overflow {
    /// The oldest messages are given up.
    #[default]
    DropHead,
    /// New ones are refused.
    RejectPublish,
    /// New ones are refused, and dead-lettered.
    RejectPublishDlx,
}

/// What becomes of messages that the queue gives up (rabbitmq: dlx.md). Where they go is the driver's
/// knowledge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DeadLetter {
    /// They are dropped.
    #[default]
    Drop,
    /// They are handed to the driver, as many as come.
    AtMostOnce,
    /// They are handed to the driver, which answers [`super::Command::Departed`] when they have
    /// arrived; the queue gives up no more of its own accord while that many are on their way. What is
    /// rejected or returned too often is never held back: its holder does not have it any longer.
    AtLeastOnce {
        /// From 1.
        departing_max: u32,
    },
}

/// Whether the machine's driver has a log behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogMode {
    /// Nothing is appended; every message is confirmed when it is taken.
    #[default]
    Volatile,
    /// Persistent messages are appended and confirmed when [`super::Command::Persisted`] covers them.
    Logged,
}

/// How much one call of [`super::Machine::deliver`] may hand out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Burst {
    /// Messages.
    pub messages: usize,
    /// Bytes; the message that crosses the line is still handed out.
    pub bytes: u64,
}

/// Whether there is more to hand out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The burst is used up, and somebody could still take something.
    More,
    /// Nobody can take anything now.
    Idle,
}
