//! The locks of what is checked with loom and shuttle: the standard library's here, theirs in `tests/loom`, which compiles
//! the same files in every order in which threads can meet, or in orders that dice choose.

pub(super) use std::sync::atomic::AtomicBool;
pub(super) use std::sync::{Mutex, MutexGuard};
