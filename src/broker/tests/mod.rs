//! The broker without sockets: clients, cells and inboxes driven by hand.

mod crashed;
mod dead_letters;
mod deleting;
mod direct_reply;
mod faulty;
mod features;
mod logged;
mod paging;
mod queues;
mod refusals;
mod storing;
mod turns;
mod world;

pub(crate) use world::open_broker;
