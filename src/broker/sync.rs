//! The locks of what is checked with loom: the standard library's here, loom's in `tests/loom`, which compiles the same
//! files in every order in which threads can meet.

pub(super) use std::sync::atomic::AtomicBool;
pub(super) use std::sync::{Mutex, MutexGuard};
