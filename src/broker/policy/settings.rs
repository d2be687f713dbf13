//! The values that policies and arguments set, and where each came from.

/// Where a value came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The argument of the declaration.
    Argument,
    /// The policy in force.
    Policy,
    /// The operator policy in force.
    OperatorPolicy,
}

/// A value and where it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting<T> {
    /// The value that counts.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value that nobody set.
    pub fn default_of(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// The same, from the same, of another kind.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: change(self.value), origin: self.origin }
    }
}

/// The type of a queue, as `x-queue-type` says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueType {
    /// The default.
    Classic,
    /// Durable, with a delivery limit.
    Quorum,
}

impl QueueType {
    /// The type of this name, when this broker has it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "classic" => Some(Self::Classic),
            "quorum" => Some(Self::Quorum),
            _ => None,
        }
    }

    /// The value of `x-queue-type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }
}

/// What a full queue does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overflow {
    /// Drops its oldest messages.
    DropHead,
    /// Refuses new ones.
    RejectPublish,
    /// Refuses new ones and sends them to the dead-letter exchange.
    RejectPublishDlx,
}

impl Overflow {
    /// The value of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "drop-head" => Some(Self::DropHead),
            "reject-publish" => Some(Self::RejectPublish),
            "reject-publish-dlx" => Some(Self::RejectPublishDlx),
            _ => None,
        }
    }
}

/// When a dead letter leaves its queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeadLetterStrategy {
    /// When it is published to the dead-letter exchange.
    AtMostOnce,
    /// When every queue that gets it has confirmed it.
    AtLeastOnce,
}

impl DeadLetterStrategy {
    /// The value of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "at-most-once" => Some(Self::AtMostOnce),
            "at-least-once" => Some(Self::AtLeastOnce),
            _ => None,
        }
    }
}

/// Which messages that come back have to wait (rabbitmq: quorum-queues.md, delayed retry).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DelayedRetryKind {
    /// None.
    Disabled,
    /// All.
    All,
    /// Those that failed: rejected, or their holder is gone.
    Failed,
    /// Those that were returned.
    Returned,
}

impl DelayedRetryKind {
    /// The value of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "disabled" => Some(Self::Disabled),
            "all" => Some(Self::All),
            "failed" => Some(Self::Failed),
            "returned" => Some(Self::Returned),
            _ => None,
        }
    }
}

/// How long a message that came back waits: the shorter time for each time it came back, never more
/// than the longer one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelayedRetry {
    /// Which messages.
    pub kind: DelayedRetryKind,
    /// In ms.
    pub min_ms: u32,
    /// In ms.
    pub max_ms: u32,
}
