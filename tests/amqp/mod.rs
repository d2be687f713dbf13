//! What every course about RabbitMQ builds, with a client library: lapin.

mod direct_reply;
mod exchanges;
mod features;
mod guarantees;
mod queues;
mod session;
