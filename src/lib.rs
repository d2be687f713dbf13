//! HareMQ, an AMQP 0-9-1 message broker that takes RabbitMQ's place.
//!
//! The map, from the socket inwards:
//!
//! * [`net`]: a listener, and one session task per connection.
//! * [`wire`]: AMQP bytes to values and back.
//! * [`protocol`]: the machine of one connection, without a socket.
//! * [`broker`]: virtual hosts, queues in their cells, clients.
//! * [`routing`]: exchanges and bindings, pure.
//! * [`queue`]: the queue machine, pure.
//! * [`store`]: what must survive, on disk.
//! * [`access`]: users and permissions.
//! * [`store`]: what survives a restart.
//! * `config`: settings.
//! * [`otel`]: spans to a collector, over [`fetch`], which asks services over HTTP.
//! * [`definitions`]: documents of definitions, imported and exported.
//! * [`ctl`]: commands that ask a running broker, under RabbitMQ's names for them, or look into a data folder.
//! * [`perf`]: a load generator for any broker.
//! * [`migrate`]: definitions and messages out of a running RabbitMQ.
//! * [`base`]: the vocabulary of all of them.
//!
//! [`server`] puts them together. `ARCHITECTURE.md` says who may know whom.
//!
//! # A broker inside another program
//!
//! The embedding API is [`test`]: a broker in memory or on a folder, on a free port, on a thread of its own, that touches
//! nothing of its process and leaves nothing behind. It is made for tests, with a clock to turn and everything to be
//! looked at; the rest of the crate is what it and the program are made of, and changes without notice.

pub mod access;
mod allocator;
pub mod auth;
mod authentication;
pub mod base;
pub mod broker;
pub mod config;
mod control;
pub mod ctl;
pub mod definitions;
mod descriptors;
mod disk_alarm;
pub mod explain;
pub mod fetch;
pub mod http;
mod listeners;
mod management;
pub mod migrate;
pub mod net;
mod node;
mod notices;
pub mod otel;
mod parent;
pub mod perf;
mod pid_file;
mod ports_file;
mod properties;
pub mod protocol;
pub mod queue;
mod reload;
pub mod routing;
mod seeds;
pub mod server;
mod service_manager;
mod shutdown;
mod spans;
mod start_pages;
mod storage;
pub mod store;
pub mod test;
mod tls_settings;
pub mod wire;

/// Compiles the program in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Runs the programs in the page for those who write tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
struct Testing;
