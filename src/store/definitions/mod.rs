//! Definitions as values: the records, all of them together, and the changes of them.
//!
//! Nothing here touches a file. Records are what a broker needs to be the same after a restart, in a
//! JSON form that people can read and that gives back every byte.

mod bindings_of;
mod change;
mod key;
mod record;
mod rules;
mod set;
mod table;
mod text;
mod version;

#[cfg(test)]
pub(super) mod tests;

pub use bindings_of::BindingsOf;
pub(super) use bindings_of::expand;
pub use change::Change;
pub(super) use change::Encoded;
pub use key::{Kind, RecordKey};
pub use record::{Binding, DestinationKind, Exchange, Permission, Queue, User, Vhost};
pub use rules::{
    GlobalParameter, OperatorPolicy, Parameter, Policy, TopicPermission, UserLimits, VhostLimits,
};
pub use set::Definitions;
pub(super) use set::next_queue_number;
pub use version::FormatVersion;
