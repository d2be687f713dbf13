//! What is fuzzed; each module says what must hold.

mod config;
mod connection;
mod content_header;
mod definitions;
mod field_table;
mod frame_stream;
mod grammar;
mod handshake;
mod http;
mod list;
mod memory;
mod peer;
mod record_log;
mod topic;

pub(crate) use list::TARGETS;
