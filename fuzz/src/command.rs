//! The command line: a run with a time, or files that are run once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::coverage::Coverage;
use crate::harness::{Dice, Pool, Target, fails, next_input};
use crate::targets::TARGETS;

const USAGE: &str =
    "usage: fuzz TARGET|list [--seconds S] [--runs N] [--seed S] [--corpus FOLDER] [FILE...]";

/// How often a failing input is tried shorter.
const SHORTER_TRIES: usize = 3000;

/// How long between two lines.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Runs one input of a target, which panics when something is wrong.
///
/// # Panics
/// When it is, and when there is no such target.
pub fn execute(target: &str, input: &[u8]) {
    let target = find(target).expect("a target of this name");
    (target.run)(&input[..input.len().min(target.bytes_max)]);
}

fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

struct Options {
    seconds: Option<u64>,
    runs: Option<u64>,
    seed: u64,
    corpus: Option<PathBuf>,
    files: Vec<PathBuf>,
}

/// Carries the command line out, which comes without the name of the program.
#[must_use]
pub fn run(words: Vec<String>) -> ExitCode {
    let mut words = words.into_iter();
    let name = words.next().unwrap_or_default();
    if name == "list" {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        return ExitCode::SUCCESS;
    }
    let (Some(target), Some(options)) = (find(&name), options(words)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    std::panic::set_hook(Box::new(|_| ()));
    if options.files.is_empty() { fuzz(target, &options) } else { replay(target, &options.files) }
}

fn options(mut words: impl Iterator<Item = String>) -> Option<Options> {
    let mut options =
        Options { seconds: None, runs: None, seed: 1, corpus: None, files: Vec::new() };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => options.seconds = Some(words.next()?.parse().ok()?),
            "--runs" => options.runs = Some(words.next()?.parse().ok()?),
            "--seed" => options.seed = words.next()?.parse().ok()?,
            "--corpus" => options.corpus = Some(words.next()?.into()),
            flag if flag.starts_with("--") => return None,
            file => options.files.push(file.into()),
        }
    }
    Some(options)
}

fn replay(target: &Target, files: &[PathBuf]) -> ExitCode {
    let mut failed = false;
    for file in files {
        match fs::read(file) {
            Ok(input) => {
                let failure = fails(target, &input);
                failed |= failure.is_some();
                let said = failure.map_or_else(|| "good".to_owned(), |failure| failure.message);
                println!("{}: {said}", file.display());
            }
            Err(error) => {
                eprintln!("cannot read {}: {error}", file.display());
                return ExitCode::from(2);
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn here(part: &str, target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(part).join(target.name)
}

/// The inputs of a folder; none when it is not there.
fn inputs_of(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| fs::read(path).ok()).collect()
}

fn fuzz(target: &Target, options: &Options) -> ExitCode {
    let mut pool = Pool::default();
    let kept = options.corpus.as_deref().map(inputs_of).unwrap_or_default();
    inputs_of(&here("seeds", target)).into_iter().chain(kept).for_each(|input| pool.add(input));
    let mut coverage = Coverage::new();
    println!(
        "{}: {} seeds, seed {}, {}",
        target.name,
        pool.inputs().len(),
        options.seed,
        match coverage.edges() {
            0 => "no coverage (see README.md)".to_owned(),
            edges => format!("{edges} edges are counted"),
        }
    );
    let mut runs = 0;
    for input in pool.inputs().to_vec() {
        coverage.forget();
        if let Some(failure) = fails(target, &input) {
            return found(target, input, &failure.message, runs);
        }
        coverage.is_new();
        runs += 1;
    }
    let mut dice = Dice::new(options.seed);
    let (began, mut told) = (Instant::now(), Instant::now());
    let seconds = options.seconds.or(options.runs.is_none().then_some(60));
    while options.runs.is_none_or(|most| runs < most)
        && seconds.is_none_or(|most| cpu_seconds(began) < most as f64)
    {
        let input = next_input(target, &pool, &mut dice);
        coverage.forget();
        if let Some(failure) = fails(target, &input) {
            return found(target, input, &failure.message, runs);
        }
        runs += 1;
        if coverage.is_new() {
            keep(options, &input);
            pool.add(input);
        }
        if told.elapsed() > TOLD_EVERY {
            told = Instant::now();
            tell(target, runs, began, &coverage, &pool);
        }
    }
    tell(target, runs, began, &coverage, &pool);
    ExitCode::SUCCESS
}

fn tell(target: &Target, runs: u64, began: Instant, coverage: &Coverage, pool: &Pool) {
    println!(
        "{}: {runs} executions, {:.0} s of CPU, {} of {} edges, {} inputs in the pool",
        target.name,
        cpu_seconds(began),
        coverage.reached(),
        coverage.edges(),
        pool.inputs().len()
    );
}

/// Processor time of this process, where the system tells it; time by the clock otherwise.
fn cpu_seconds(began: Instant) -> f64 {
    let ticks = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| {
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    });
    // A tick is a hundredth of a second on every Linux that Rust runs on.
    ticks.map_or_else(|| began.elapsed().as_secs_f64(), |ticks| ticks / 100.0)
}

fn keep(options: &Options, input: &[u8]) {
    let Some(folder) = &options.corpus else { return };
    let path = folder.join(name_of(input));
    if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&path, input)) {
        eprintln!("cannot write {}: {error}", path.display());
    }
}

/// FNV-1a of the input.
fn name_of(input: &[u8]) -> String {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Makes the input shorter as long as it fails, writes it down, and says so.
fn found(target: &Target, input: Vec<u8>, message: &str, runs: u64) -> ExitCode {
    let input = shorter(target, input);
    let folder = here("artifacts", target);
    let path = folder.join(name_of(&input));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, &input));
    println!("{}: FAILED after {runs} executions: {message}", target.name);
    match written {
        Ok(()) => println!("again: fuzz {} {}", target.name, path.display()),
        Err(error) => println!("cannot write {}: {error}; the input: {input:?}", path.display()),
    }
    ExitCode::FAILURE
}

fn shorter(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let mut tries = 0;
    let mut piece = input.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < input.len() && tries < SHORTER_TRIES {
            tries += 1;
            let mut less = input.clone();
            less.drain(at..(at + piece).min(input.len()));
            if fails(target, &less).is_some() {
                input = less;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    input
}
