//! The fuzz targets of `fuzz/`, for a moment each: every seed, and some thousands of inputs that a fixed number gives.

#[path = "../../fuzz/src/harness/mod.rs"]
mod harness;
mod smoke;
#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;
