//! The handlers of a channel's methods, one file per class, named as the methods are.

mod basic;
mod channel;
mod confirm;
mod direct_reply;
mod exchange;
mod names;
mod publish;
mod queue;
mod tx;

pub(in crate::protocol) use direct_reply::Replies;
