//! Why a message goes where it goes: which exchanges it meets, which of their bindings take it, and what the
//! others miss.
//!
//! What is reached is asked of the same routers that route (`table/explain.rs`); only the reasons are worked
//! out here, binding by binding, and a property test holds the two against each other.

mod headers;
mod topic;

use crate::base::QueueName;

use super::{Binding, Exchange, ExchangeKind};

pub use headers::Differing;
pub use topic::Word;

pub(super) use headers::mismatch as headers_mismatch;
pub(super) use topic::mismatch as topic_mismatch;

/// How much an explanation may hold. What is beyond is counted and not shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExplainBounds {
    /// Exchanges on the way.
    pub exchanges: usize,
    /// Bindings of all of them together.
    pub bindings: usize,
    /// Queues that are reached.
    pub queues: usize,
}

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation<Q> {
    /// The exchanges that the message meets, in order.
    pub steps: Vec<Step>,
    /// The queues that it reaches, each once, with one way to each.
    pub reached: Vec<WayTo<Q>>,
    /// How many queues it reaches; more than are listed when there are too many.
    pub queues: usize,
    /// Whether the way ended because it met too many exchanges. Then queues may be missing.
    pub is_cut: bool,
}

/// A queue that is reached.
#[derive(Clone, PartialEq, Debug)]
pub struct WayTo<Q> {
    /// Its name.
    pub name: QueueName,
    /// What the broker knows it by.
    pub handle: Q,
    /// The step from which it is reached.
    pub step: usize,
    /// By what.
    pub by: By,
}

/// An exchange that a message meets.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// The exchange.
    pub exchange: Exchange,
    /// The step from which the message came; `None` for the exchange that it was published to.
    pub from: Option<usize>,
    /// By what it came here.
    pub by: By,
    /// What became of it here.
    pub outcome: Outcome,
    /// Bindings that take it.
    pub matched: Vec<Binding>,
    /// Bindings that do not, and why.
    pub unmatched: Vec<(Binding, Mismatch)>,
    /// Bindings that were not looked at, because there are too many.
    pub left_out: usize,
}

/// What leads somewhere.
#[derive(Clone, PartialEq, Debug)]
pub enum By {
    /// The publisher.
    Publisher,
    /// This binding.
    Binding(Bound),
    /// No binding took the message, and this is the alternate exchange.
    Alternate,
    /// The routing key is the name of the queue.
    QueueName,
}

/// The binding that leads somewhere; `None` when it was not among those that were looked at.
pub type Bound = Option<Box<Binding>>;

/// What became of a message at an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Bindings took it, or queues of its name.
    Routed,
    /// Nothing took it, and there is no alternate exchange.
    Unrouted,
    /// Nothing took it, and the alternate exchange gets it.
    Alternate,
    /// The exchange has seen it before and drops it.
    Duplicate,
    /// The exchange holds it back for so many ms. Where it goes then is found out then.
    Delayed(u32),
}

/// Why a binding does not take a message.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Mismatch {
    /// Of a direct exchange.
    #[error("the routing key is not the binding key")]
    Key,
    /// Of a topic exchange.
    #[error("{0}")]
    Topic(Word),
    /// Of a headers exchange that wants all: what is missing or differs.
    #[error("{}", headers::all_text(.0))]
    All(Vec<Differing>),
    /// Of a headers exchange that wants any one.
    #[error("{}", headers::any_text(.0))]
    Any(Vec<Differing>),
    /// Of an exchange that picks one binding.
    #[error("{} picks one binding, and it picked another", .0.as_str())]
    NotPicked(ExchangeKind),
}
