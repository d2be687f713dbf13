//! `haremq top`: queues and connections on a terminal, looked at again and again.
//!
//! The walk: `query` is what the management API is asked for (it sorts and pages, so many queues cost
//! nothing here), `look` reads its answers, `state` is what is shown and what a key changes in it, and
//! `screen` makes lines of a given size of both. These are pure. `terminal` holds the terminal, `watch`
//! is the loop between the broker and the keys, `once` the table and the document without a terminal.
//! How the broker is reached is the caller's: a [`Source`].

mod column;
mod explained;
mod keys;
mod look;
mod number;
mod once;
mod query;
mod screen;
mod source;
mod state;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod watch;

pub(super) use column::View;
pub(super) use once::{document, table};
pub(super) use query::{Asked, Wanted};
pub(super) use source::Source;
pub(super) use terminal::is_on_terminal;
pub(super) use watch::watch;
