//! Runs this program again under valgrind's callgrind, and reads what it counted.

use std::io;
use std::path::Path;
use std::process::Command;

use super::cases::Case;
use super::record::{Counts, Record};

/// The word that makes this program run one case.
pub(crate) const RUN: &str = "run";

/// Counts every case.
pub(crate) fn count(cases: &[Case]) -> Result<Record, String> {
    let valgrind = version("valgrind", &["--version"]).map_err(|error| {
        format!("{error}; instructions are counted by valgrind: apt-get install -y valgrind")
    })?;
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiler = version(&rustc, &["--version"])?;
    let compiler = format!("{compiler}, {}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let cases: Result<Vec<Counts>, String> =
        cases.iter().map(|case| count_case(case, folder.path())).collect();
    Ok(Record { compiler, valgrind, cases: cases? })
}

/// The first line of what a program says of itself.
fn version(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| match error {
        error if error.kind() == io::ErrorKind::NotFound => format!("{program} is not installed"),
        error => format!("cannot run {program}: {error}"),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn count_case(case: &Case, folder: &Path) -> Result<Counts, String> {
    let once = totals(case.name, case.iterations, folder)?;
    let twice = totals(case.name, case.iterations * 2, folder)?;
    let operations = number(case.iterations * case.operations)?;
    let per_operation = |once: u64, twice: u64| {
        let difference = number(twice.saturating_sub(once))? / operations;
        Ok::<f64, String>((difference * 1000.0).round() / 1000.0)
    };
    Ok(Counts {
        case: case.name.to_owned(),
        instructions: per_operation(once.instructions, twice.instructions)?,
        atomics: per_operation(once.atomics, twice.atomics)?,
    })
}

fn number(count: u64) -> Result<f64, String> {
    let count = u32::try_from(count);
    count.map(f64::from).map_err(|_| "a case counts billions: give it fewer iterations".to_owned())
}

/// What one run cost, the getting ready included.
struct Totals {
    instructions: u64,
    atomics: u64,
}

fn totals(case: &str, iterations: u64, folder: &Path) -> Result<Totals, String> {
    let program = std::env::current_exe().map_err(|error| format!("who am I? {error}"))?;
    let out = folder.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-bus=yes", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args([RUN, case, &iterations.to_string()])
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("case '{case}' failed under valgrind: {}", said.trim()));
    }
    let text = std::fs::read_to_string(&out)
        .map_err(|error| format!("valgrind left no counts of '{case}': {error}"))?;
    parse(&text).ok_or_else(|| format!("valgrind's counts of '{case}' cannot be read"))
}

/// callgrind's format: `events:` names the columns, `totals:` (or `summary:`) has their sums.
fn parse(text: &str) -> Option<Totals> {
    let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let events: Vec<&str> = line("events:")?.split_whitespace().collect();
    let sums: Vec<&str> =
        line("totals:").or_else(|| line("summary:"))?.split_whitespace().collect();
    let sum = |event: &str| {
        let column = events.iter().position(|name| *name == event)?;
        // Sums at the end of the line are left out when they are 0.
        sums.get(column).map_or(Some(0), |sum| sum.parse().ok())
    };
    Some(Totals { instructions: sum("Ir")?, atomics: sum("Ge")? })
}
