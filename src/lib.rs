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
//! * [`base`]: the vocabulary of all of them.
//!
//! [`server`] puts them together. `ARCHITECTURE.md` says who may know whom.

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
mod disk_alarm;
pub mod explain;
pub mod fetch;
pub mod http;
mod listeners;
mod management;
pub mod net;
mod notices;
pub mod otel;
pub mod perf;
mod pid_file;
mod properties;
pub mod protocol;
pub mod queue;
mod reload;
pub mod routing;
mod seeds;
pub mod server;
mod shutdown;
mod spans;
mod storage;
pub mod store;
mod tls_settings;
pub mod wire;

/// Compiles the program in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
