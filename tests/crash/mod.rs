//! What survives: the real program on a real directory, killed, stopped, starved of disk, and started
//! again.
//!
//! `server` starts and ends the program, `client` is an AMQP client that lives with a broker which may
//! die at any moment. Everything else is tests.

mod backlog;
mod body;
mod clean_stop;
mod client;
mod damage;
mod definitions;
mod delayed;
mod duplicates;
mod failing_disk;
mod full_disk;
mod killed;
mod ledger;
mod publishing;
mod random;
mod resetting;
mod retries;
mod server;
mod steps;
mod traffic;
