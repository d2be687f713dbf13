//! Commands that look into the data folder of a broker that is not running, or at its configuration.
//!
//! They write nothing but their answer: the folder stays as it was, and a folder that a broker uses is
//! refused. The walk: `command` gets what the command line asks for, `folder` reads the definitions and
//! holds the lock, `store_check` and `store_dump` read the message log. `config` shows the settings.
//! `docs/cli.md` is for users.

mod command;
mod config;
mod error;
mod folder;
mod progress;
mod store_check;
mod store_dump;
#[cfg(test)]
mod tests;
mod value;

pub use command::{run, run_on_terminal};
pub use config::run_config_on_terminal;
pub use error::CtlError;
pub use progress::Progress;
