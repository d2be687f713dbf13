//! Users with random rights do random things, and a model says what comes of each.
//!
//! The model shares no code with `access`: it knows a handful of patterns by what they mean, and the order
//! in which RabbitMQ asks (`rabbit_channel`).

mod model;
mod pattern;
mod random;
mod walk;
