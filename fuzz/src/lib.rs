//! Fuzz targets of HareMQ. `README.md` says how they are run and what each checks.

mod command;
#[cfg(not(feature = "libfuzzer"))]
mod coverage;
#[cfg(feature = "libfuzzer")]
#[path = "no_coverage.rs"]
mod coverage;
mod harness;
mod targets;

pub use command::{execute, run};
