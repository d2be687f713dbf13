//! A load generator for any AMQP 0-9-1 broker: `haremq perf`.
//!
//! It measures from outside, over a socket, whatever broker is at the other end; it knows nothing of the
//! one in this program. The walk: `args` reads the command line, a mode (`throughput` and its
//! neighbours) declares its queues with `topology` and builds producers and consumers, `load` runs each on
//! a thread of its own and looks at their meters, `report` shows the figures.
//!
//! It must cost less CPU than what it measures: publishes are encoded before the run (`reel`) and written
//! many at a time, and what is read is scanned in place (`scanner`).

mod args;
mod backlog;
mod chart;
mod churn;
mod client;
mod command;
mod connections;
mod consumer;
mod disk;
mod error;
mod interrupt;
mod latency;
mod live;
mod load;
mod meter;
mod number;
mod pace;
mod process;
mod producer;
mod reel;
mod report;
mod scanner;
mod stage;
mod throughput;
mod topology;
mod uri;
mod window;

pub use args::command_line;
pub(crate) use client::{CHANNEL, Client, Interest, notice, put_method, unexpected};
pub use command::run_on_terminal;
pub use error::PerfError;
pub(crate) use interrupt::Interrupt;
pub use scanner::ScanError;
pub(crate) use uri::Uri;
pub use uri::UriError;
