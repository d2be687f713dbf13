//! Policies: settings for all queues or exchanges whose names match a pattern (rabbitmq: parameters.md,
//! policies and operator policies).
//!
//! Pure: a policy is parsed and checked once ([`Policy::parse`]), a set of them says which ones are in
//! force for a name ([`PolicySet::matching`]), and [`QueueEffective`] and [`ExchangeEffective`] are what
//! comes out when they meet the arguments of a declaration. Who keeps a set and when it is looked at
//! again stands in `broker/policies.rs`.
//!
//! Rules that are RabbitMQ's:
//! * One policy and one operator policy are in force for a thing, never several of one kind: of those
//!   that match, the one with the highest priority.
//! * A policy that holds a key which the type of a queue does not know is not for that queue at all.
//! * Policy and operator policy: for the limits the lower value counts, for `overflow` the operator's.
//! * Policy and argument: for the limits the lower value counts, for everything else the argument.
//!
//! Where RabbitMQ leaves it open: of several policies of one priority the first by name is in force.

mod definition;
mod effective;
mod matching;
mod parse;
mod pattern;
mod settings;
mod text;

#[cfg(test)]
mod tests;

pub use definition::{Definition, PolicyKind};
pub use effective::{ExchangeEffective, QueueEffective};
pub use matching::{Matched, PolicySet, Subject};
pub use parse::{ApplyTo, Policy, PolicyError};
pub use pattern::NamePattern;
pub use settings::{
    DeadLetterStrategy, DelayedRetry, DelayedRetryKind, Origin, Overflow, QueueType, Setting,
};
