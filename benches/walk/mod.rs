//! The walks of a message through the broker, on one thread and without a socket: the sessions and the
//! broker are the real ones, the sockets are pipes in memory, the clock stands still, and nothing runs
//! that was not called. So two runs of the same program do the same, to the instruction.
//!
//! Shared by the benchmarks and by the tests that pin what they count.

pub(crate) mod frames;
pub(crate) mod walks;

mod client;
mod pipe;
mod world;
