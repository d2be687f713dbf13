//! The broker without sockets: clients, cells and inboxes driven by hand.

mod limits;
mod policies;
mod queues;
mod refusals;
mod storing;
mod turns;
mod world;
