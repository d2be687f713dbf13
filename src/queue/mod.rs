//! The queue: a pure machine of commands and effects. It knows ids, sizes and holders; never bodies,
//! files, delivery tags, connections or clocks.

mod command;
mod config;
mod effect;

pub use command::{
    Access, Acknowledge, Command, Consumer, DeleteCondition, Flow, Incoming, PublishRef, RequestId,
    Settlement,
};
pub use config::{Burst, LogMode, Progress, QueueConfig};
pub use effect::{Delivery, Effect, Reply};
