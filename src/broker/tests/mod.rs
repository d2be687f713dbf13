//! The broker without sockets: clients, cells and inboxes driven by hand.

mod queues;
mod refusals;
mod storing;
mod turns;
mod world;

pub(crate) use world::open_broker;
