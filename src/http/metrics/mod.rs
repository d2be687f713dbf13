//! The page of metrics for Prometheus, on a port of its own, with RabbitMQ's names.
//!
//! [`table`] has every metric: what stands there is what is served, and what `docs/metrics.md` lists. [`collect`]
//! reads the numbers, which waits for no queue but those whose age is told; [`text`] writes them, and [`parts`] sends what is written. [`service`] is what
//! is answered on the port. Everything is a sum, or has a line for each of a bounded number of things
//! ([`top`]), and how many were left out is a metric too.

mod collect;
mod parts;
mod service;
mod table;
mod text;
mod top;

pub(super) use service::router;
