//! The broker without sockets: clients, cells and inboxes driven by hand.

mod admin;
mod audit;
mod counting;
mod crashed;
mod dead_letters;
mod delaying;
mod deleting;
mod direct;
mod direct_reply;
mod duplicates;
mod duplicates_kept;
mod events;
mod faults;
mod faulty;
mod features;
mod firehose;
mod inspecting;
mod limits;
mod logged;
mod logins;
mod paging;
mod policies;
mod queues;
mod refusals;
mod resetting;
mod rights;
mod seeds;
mod spans;
mod storing;
mod timers;
mod turns;
mod world;

pub(crate) use world::{broker_over, open_broker, put_message, turned_broker};
