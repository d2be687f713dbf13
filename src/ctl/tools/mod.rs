//! `haremq ctl`, and the tools of RabbitMQ that it stands in for, as clients of the management API.
//!
//! The walk: `tool` finds out under which name the program was called, `parse` turns the words into a
//! `Call` with the help of the one `table` of commands, a function in `commands/` asks the broker
//! through `session` and `client`, and `format` writes its answer. Help, completions and man pages are
//! made from the same table. The words, forms and exit codes are RabbitMQ's, because scripts match on
//! them; `docs/cli.md` says where they differ. Nothing here knows the broker: whatever it can do, the
//! API can (`docs/http-api-ctl.md` has the parts of it that RabbitMQ's lacks). `admin` is `rabbitmqadmin`, whose command
//! line has another form.

mod admin;
mod answer;
mod call;
mod client;
mod commands;
mod failure;
mod format;
mod generate;
mod parse;
mod path;
mod place;
mod run;
mod session;
mod spec;
mod table;
#[cfg(test)]
mod tests;
mod tool;
mod trust;
mod usage;

pub(crate) use client::{ApiError, Ask, Client, Reply};
pub(super) use generate::{command_line, completions_of_tools, man_pages_of_tools};
pub(crate) use path::path;
pub(crate) use place::{Address, Place};
pub use run::{Streams, run_tool, run_tool_on_terminal};
pub use tool::INSTALLED_NAMES;
pub(crate) use trust::Trust;
