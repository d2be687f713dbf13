//! The queue: a pure machine of commands and effects. It knows ids, sizes and holders; never bodies,
//! files, delivery tags, connections or clocks.

mod backlog;
mod chunks;
mod command;
mod config;
mod confirms;
mod consumers;
mod credit;
mod effect;
mod effects;
mod entry;
mod held;
mod machine;
mod pages;
mod paging;
mod ready;
mod releases;
mod ring;
mod slab;
mod unsettled;

#[cfg(test)]
mod invariants;
#[cfg(test)]
mod tests;

pub use command::{
    Access, Acknowledge, Command, Consumer, DeleteCondition, Flow, Incoming, PublishRef, RequestId,
    Settlement,
};
pub use config::{Burst, LogMode, Progress, QueueConfig};
pub use credit::SharedCredit;
pub use effect::{Delivery, Effect, Reply};
pub use effects::Effects;
pub use machine::Machine;
pub use paging::{Paged, Paging, Residence, Span};
