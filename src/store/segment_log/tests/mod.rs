//! The log over the simulated folder, driven without its thread, and compared with what was promised.

mod crash;
mod damage;
mod full;
mod log;
mod reclaim;
mod redelivered;
mod world;
