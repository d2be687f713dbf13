//! What one operation of each stage costs in instructions and in atomic operations: counts, not times,
//! so a loaded machine does not move them.
//!
//! `make bench-check` compares with `benches/instructions.json` and fails when one rose by more than a
//! tenth; `make bench-record` writes that file. Each case runs under valgrind's callgrind twice, with N
//! and with 2N iterations; the difference divided by N leaves out what getting ready costs.
//!
//! Exit codes: 0 nothing rose, 1 something did or a case is gone, 2 it could not be counted.

mod cases;
mod codec;
mod machines;
mod record;
mod routes;
mod valgrind;
#[path = "../walk/mod.rs"]
mod walk;
mod written;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cases::{Case, cases};
use record::{Comparison, Record};

/// Something rose.
const EXIT_RISEN: u8 = 1;

/// It could not be counted.
const EXIT_FAILED: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let benched = std::env::args().any(|word| word == "--bench");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["check"] => check(),
        ["record"] => record().map(|()| ExitCode::SUCCESS),
        [valgrind::RUN, case, iterations] => run(case, iterations).map(|()| ExitCode::SUCCESS),
        _ if benched => {
            say("instruction counts are compared by `make bench-check`");
            Ok(ExitCode::SUCCESS)
        }
        // `cargo test` only wants to see that everything runs.
        _ => {
            for case in cases() {
                run_case(&case, 1);
            }
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        say(&format!("error: {error}"));
        ExitCode::from(EXIT_FAILED)
    })
}

fn check() -> Result<ExitCode, String> {
    let path = record_file();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        format!("cannot read {}: {error}; run `make bench-record`", name(&path))
    })?;
    let recorded: Record = serde_json::from_str(&text).map_err(|error| {
        format!("{} is no record: {error}; run `make bench-record`", name(&path))
    })?;
    let comparison = Comparison::of(&recorded, &valgrind::count(&cases())?);
    say(comparison.to_string().trim_end());
    Ok(if comparison.passes() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_RISEN) })
}

fn record() -> Result<(), String> {
    let path = record_file();
    let record = valgrind::count(&cases())?;
    let mut text = serde_json::to_string_pretty(&record).map_err(|error| error.to_string())?;
    text.push('\n');
    std::fs::write(&path, text)
        .map_err(|error| format!("cannot write {}: {error}", name(&path)))?;
    say(&format!("{} cases recorded in {}", record.cases.len(), name(&path)));
    Ok(())
}

/// What valgrind watches.
fn run(name: &str, iterations: &str) -> Result<(), String> {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == name);
    let case = case.ok_or_else(|| format!("there is no case '{name}'"))?;
    let iterations = iterations
        .parse()
        .map_err(|error| format!("'{iterations}' is no number of iterations: {error}"))?;
    run_case(case, iterations);
    Ok(())
}

fn run_case(case: &Case, iterations: u64) {
    let mut work = (case.prepare)();
    for _ in 0..iterations {
        work();
    }
}

fn record_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.json")
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

#[expect(clippy::print_stdout, reason = "a benchmark talks to whoever runs it")]
fn say(text: &str) {
    println!("{text}");
}
