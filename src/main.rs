//! The `haremq` binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(haremq::server::main(std::env::args_os(), std::env::vars_os()))
}
