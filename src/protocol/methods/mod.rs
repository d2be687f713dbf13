//! The handlers of a channel's methods, one file per class, named as the methods are.

mod basic;
mod channel;
mod confirm;
mod exchange;
mod names;
mod publish;
mod queue;
mod tx;
