//! HareMQ, an AMQP 0-9-1 message broker.

pub mod base;
pub mod protocol;
pub mod queue;
pub mod routing;
pub mod wire;
