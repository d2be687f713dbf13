//! Where settings come from, what is said about wrong ones, and the commands and signals around them.

mod every_kind;
mod leaving;
mod messages;
mod parts;
mod program;
mod sources;
mod traces;
