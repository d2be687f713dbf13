//! Commands: those that ask a running broker (`tools`), and those that look into the data folder of a
//! broker that is not running.
//!
//! The latter write nothing but their answer: the folder stays as it was, and a folder that a broker uses is
//! refused. The walk: `command` gets what the command line asks for, `folder` reads the definitions and
//! holds the lock, `store_check` and `store_dump` read the message log. `docs/cli.md` is for users.

mod command;
mod error;
mod folder;
mod progress;
mod rabbitmq_server;
mod store_check;
mod store_dump;
#[cfg(test)]
mod tests;
mod tools;
mod value;

pub use command::{run, run_on_terminal};
pub use error::CtlError;
pub use progress::Progress;
pub use rabbitmq_server::{ServerCall, as_rabbitmq_server, start_detached};
pub use tools::{Streams, run_tool, run_tool_on_terminal};
