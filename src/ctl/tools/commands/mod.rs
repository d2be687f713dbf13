//! The commands, one file per resource. Each file holds its rows of the table and what they do.

mod all;
mod connections;
mod definitions;
mod explain;
mod facts;
mod health;
mod help;
mod limits;
mod listing;
mod log;
mod nodes;
mod parameters;
mod permissions;
mod plugins;
mod policies;
mod queues;
mod status;
mod top;
mod upgrade;
mod users;
mod vhosts;

pub(super) use all::ALL;
