//! The broker's own files of two hand-overs, compiled with loom's locks, and the models that run them.
//!
//! `handover.rs` and `inbox.rs` are taken by their path, nothing of them is copied. What they name of the broker is here
//! as small as it can be. The planted copies (`build.rs`) show that the models find what they look for.

/// What the files name of the vocabulary.
pub mod base {
    /// A consumer of a channel.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct ConsumerId(pub u32);

    /// A moment.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Millis(pub u64);

    /// Bounds that a model can reach.
    pub mod limits {
        /// Two deliveries of a model are more.
        pub const INBOX_HIGH_WATER_BYTES: usize = 10;
    }
}

#[allow(dead_code, reason = "the models use a part of what the broker does")]
mod broker;
