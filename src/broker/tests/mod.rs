//! The broker without sockets: clients, cells and inboxes driven by hand.

mod crashed;
mod deleting;
mod faulty;
mod logged;
mod paging;
mod queues;
mod refusals;
mod storing;
mod turns;
mod world;
