//! What every course about RabbitMQ builds, with a client library: lapin.

mod exchanges;
mod guarantees;
mod queues;
mod session;
