//! The broker without sockets: clients, cells and inboxes driven by hand.

mod faulty;
mod logged;
mod paging;
mod queues;
mod refusals;
mod storing;
mod turns;
mod world;
