//! `fuzz TARGET [--seconds S] [--runs N] [--seed S] [--corpus FOLDER] [FILE…]`

use std::process::ExitCode;

fn main() -> ExitCode {
    haremq_fuzz::run(std::env::args().skip(1).collect())
}
