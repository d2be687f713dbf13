//! The one integration test binary: every test that needs more than one layer.

mod amqp;
mod auth;
mod config;
mod counts;
mod crash;
mod ctl;
mod definitions;
mod faults;
mod fixture;
mod formats;
mod fuzz;
mod guard;
mod http;
mod installed;
mod migrate;
mod perf;
mod rights;
mod settings;
mod support;
mod tidy;
mod tidy_web;
mod tls;
mod tracing;
mod wire;
