//! What sets the program up on a machine: the unit of its service, man pages, completions. All of it is made from
//! what the program knows of itself, so nothing is installed that it does not answer to.

mod documents;
mod files;
mod service;

pub use documents::{run_completions_on_terminal, run_man_on_terminal};
pub use service::run_service_on_terminal;
