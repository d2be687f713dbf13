//! The `haremq` binary.
fn main() {}
