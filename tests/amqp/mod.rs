//! What every course about RabbitMQ builds, with a client library: lapin.

mod exchanges;
mod features;
mod guarantees;
mod queues;
mod session;
