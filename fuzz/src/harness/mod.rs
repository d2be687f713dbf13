//! Makes inputs, runs a target on them, and keeps the first failure. Without a file, a clock or a coverage of its own,
//! so that the tests of the broker use it as it is.

mod dice;
mod mutate;
mod run;
mod script;
mod target;

pub(crate) use dice::Dice;
pub(crate) use run::{Pool, fails, next_input};
pub(crate) use script::Script;
pub(crate) use target::Target;
