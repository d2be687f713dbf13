//! `haremq perf` as a program, against a real broker, and what its JSON says.

mod modes;
mod program;
mod refusals;
mod throughput;
