//! The `haremq` binary: arguments in, exit code out.

use std::process::ExitCode;

/// For the program only: whoever uses the library chooses for himself. Measured against the system's
/// and others in `docs/performance.md`: it gives memory back when queues have been drained.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    ExitCode::from(haremq::server::main(std::env::args_os(), std::env::vars_os()))
}
