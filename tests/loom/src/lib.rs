//! The broker's own files of its hand-overs between threads, and the models that run them.
//!
//! They are taken by their path, nothing of them is copied. What they name of the broker is here as small as it can be.
//! `orders/` has loom's locks: small models, every order of threads. `broker/`, `net/` and `runtime/` have shuttle's: the
//! queues, the scheduler and the timers on a runtime with several workers, in orders that dice choose. The planted copies
//! (`build.rs`) show that the models find what they look for.

// `net/` names the runtime by this name.
extern crate self as tokio;

/// What the files name of the vocabulary.
pub mod base {
    /// A consumer of a channel.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct ConsumerId(pub u32);

    /// A queue.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub struct QueueId(pub u64);

    /// A moment.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub struct Millis(pub u64);

    /// Bounds that a model can reach.
    pub mod limits {
        /// Two deliveries of a model are more.
        pub const INBOX_HIGH_WATER_BYTES: usize = 10;
        pub const SWEEP_PAUSE_MS: u64 = 1;
        pub const PARTING_PAUSE_MS: u64 = 1;
    }
}

#[allow(dead_code, reason = "the models use a part of what the broker does")]
mod broker;
#[allow(dead_code, reason = "the models use a part of the scheduler and the timers")]
mod net;
#[allow(dead_code, reason = "the models use a part of the hand-over and the inbox")]
mod orders;

pub mod runtime;
pub mod task;
pub mod time;
