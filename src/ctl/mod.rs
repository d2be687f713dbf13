//! Commands: those that ask a running broker (`tools`), and those that look into the data folder of a broker
//! that is not running, at its configuration, or at a file of definitions.
//!
//! The latter write nothing but their answer: the folder stays as it was, and a folder that a broker uses is
//! refused. The walk: `command` gets what the command line asks for, `folder` reads the definitions and
//! holds the lock, `store_check` and `store_dump` read the message log. `config` shows the settings. `top` is what
//! the command of that name of the tools shows. `setup` writes what an installation has beside the program.
//! `docs/cli.md` is for users.

mod command;
mod config;
mod definitions_check;
mod error;
mod folder;
mod progress;
mod rabbitmq_server;
mod setup;
mod store_check;
mod store_dump;
#[cfg(test)]
mod tests;
mod tools;
mod top;
mod value;

pub use command::{run, run_on_terminal};
pub use config::run_config_on_terminal;
pub use definitions_check::{run_definitions, run_definitions_on_terminal};
pub use error::CtlError;
pub use progress::Progress;
pub use rabbitmq_server::{ServerCall, as_rabbitmq_server, start_detached};
pub use setup::{run_completions_on_terminal, run_man_on_terminal, run_service_on_terminal};
pub(crate) use tools::{Address, ApiError, Ask, Client, Place, Reply, Trust, path};
pub use tools::{INSTALLED_NAMES, Streams, run_tool, run_tool_on_terminal};
