//! The one integration test binary: every test that needs more than one layer.

mod amqp;
mod config;
mod counts;
mod crash;
mod guard;
mod perf;
mod settings;
mod support;
mod tidy;
mod wire;
