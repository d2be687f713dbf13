//! A binding, and what a change of the table answers.

use crate::base::{ExchangeName, FieldTable, QueueName, ShortStr};

use super::Exchange;

/// Where a binding leads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Destination {
    /// To a queue.
    Queue(QueueName),
    /// To another exchange, which routes the message again (rabbitmq: e2e.md).
    Exchange(ExchangeName),
}

/// A way from an exchange to a queue or to another exchange. Two bindings are one when all four
/// fields are equal, the order of the arguments aside.
#[derive(Clone, PartialEq, Debug)]
pub struct Binding {
    /// The exchange that messages come from.
    pub source: ExchangeName,
    /// Where they go.
    pub destination: Destination,
    /// Any bytes; a pattern for a topic exchange.
    pub routing_key: ShortStr,
    /// What a headers exchange matches.
    pub arguments: FieldTable,
}

/// What a declaration did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Declared {
    /// The exchange is new.
    New,
    /// It was there, with the same properties.
    Existed,
}

/// What a bind did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The binding is new.
    Added,
    /// It was there.
    Existed,
}

/// Everything that went with one removal, in the order in which it went: the broker takes it off the
/// disk and reports it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Removed {
    /// Exchanges that were deleted, or auto-deleted with their last binding.
    pub exchanges: Vec<Exchange>,
    /// Bindings that were unbound, or lost an end; without those of `crowds`.
    pub bindings: Vec<Binding>,
    /// Queues and exchanges of which more bindings went than are listed.
    pub crowds: Vec<Crowd>,
}

/// Bindings that went with one of their ends and are too many to be listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crowd {
    /// The queue or the exchange that went.
    pub end: Destination,
    /// How many of its bindings are not listed: those from it as well, if it is an exchange.
    pub bindings: usize,
}

impl Removed {
    /// Whether nothing went.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty() && self.bindings.is_empty() && self.crowds.is_empty()
    }
}
