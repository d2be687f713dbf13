//! HareMQ, an AMQP 0-9-1 message broker.

pub mod access;
pub mod base;
pub mod config;
pub mod protocol;
pub mod queue;
pub mod routing;
pub mod wire;
