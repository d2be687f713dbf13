//! The guard over instruction counts: its verdicts, and its record in the tree.
//!
//! Counting needs valgrind and is no test (`make bench-check`); comparing needs nothing.

#[path = "../benches/instructions/cases.rs"]
mod cases;
#[path = "../benches/instructions/codec.rs"]
mod codec;
#[path = "../benches/instructions/machines.rs"]
mod machines;
#[path = "../benches/instructions/record.rs"]
mod record;
#[path = "../benches/instructions/routes.rs"]
mod routes;
#[path = "../benches/instructions/written.rs"]
mod written;

use std::path::Path;

use super::counts::walk;
use record::{Comparison, Counts, Record, Verdict};

fn counts(case: &str, instructions: f64, atomics: f64) -> Counts {
    Counts { case: case.to_owned(), instructions, atomics }
}

fn record(cases: &[Counts]) -> Record {
    let (compiler, valgrind) = ("rustc 1".to_owned(), "valgrind-3".to_owned());
    Record { compiler, valgrind, cases: cases.to_vec() }
}

/// A case of 1,000 instructions and 10 atomic operations, counted again.
fn compared(instructions: f64, atomics: f64) -> Comparison {
    let now = record(&[counts("decode", instructions, atomics)]);
    Comparison::of(&record(&[counts("decode", 1000.0, 10.0)]), &now)
}

#[test]
fn a_rise_of_eleven_percent_fails() {
    let comparison = compared(1110.0, 10.0);
    assert_eq!(comparison.lines[0].verdict, Verdict::Risen);
    assert!(!comparison.passes());
    let said = comparison.to_string();
    assert!(said.contains("+11.0 %") && said.contains("RISEN"), "{said}");
    assert!(said.contains("error: a count rose by more than 10 %"), "{said}");
}

#[test]
fn a_rise_of_nine_percent_passes() {
    let comparison = compared(1090.0, 10.0);
    assert_eq!(comparison.lines[0].verdict, Verdict::Same);
    assert!(comparison.passes());
    assert!(!comparison.to_string().contains("error"), "{comparison}");
}

#[test]
fn a_rise_of_atomic_operations_alone_fails() {
    assert!(!compared(1000.0, 11.1).passes());
    assert!(compared(1000.0, 10.9).passes());
    let first = record(&[counts("decode", 1000.0, 0.0)]);
    let stray = record(&[counts("decode", 1000.0, 0.01)]);
    assert!(Comparison::of(&first, &stray).passes(), "one in a hundred operations is noise");
    let locked = record(&[counts("decode", 1000.0, 2.0)]);
    assert!(!Comparison::of(&first, &locked).passes(), "a lock where there was none is not");
}

#[test]
fn a_fall_passes_and_asks_for_a_new_record() {
    let comparison = compared(890.0, 10.0);
    assert_eq!(comparison.lines[0].verdict, Verdict::Fallen);
    assert!(comparison.passes());
    assert!(comparison.to_string().contains("make bench-record"), "{comparison}");
}

#[test]
fn a_missing_case_is_said_and_fails() {
    let comparison = Comparison::of(&record(&[counts("gone", 5.0, 0.0)]), &record(&[]));
    assert_eq!(comparison.lines[0].verdict, Verdict::Missing);
    assert!(!comparison.passes(), "what is not counted is not guarded");
    let said = comparison.to_string();
    assert!(said.contains("gone") && said.contains("MISSING"), "{said}");
}

#[test]
fn a_new_case_is_said_and_passes() {
    let comparison = Comparison::of(&record(&[]), &record(&[counts("fresh", 5.0, 0.0)]));
    assert_eq!(comparison.lines[0].verdict, Verdict::New);
    assert!(comparison.passes());
    let said = comparison.to_string();
    assert!(said.contains("fresh") && said.contains("new, not recorded"), "{said}");
}

#[test]
fn under_another_compiler_a_rise_is_a_warning() {
    let before = record(&[counts("decode", 1000.0, 10.0)]);
    let mut now = record(&[counts("decode", 2000.0, 10.0)]);
    assert!(!Comparison::of(&before, &now).passes());
    now.compiler = "rustc 2".to_owned();
    let comparison = Comparison::of(&before, &now);
    assert!(comparison.passes());
    let said = comparison.to_string();
    assert!(said.contains("RISEN"), "{said}");
    assert!(said.contains("recorded with rustc 1, counted with rustc 2"), "{said}");
    assert!(said.contains("warning: a count rose") && !said.contains("error"), "{said}");
}

#[test]
fn the_record_names_exactly_the_cases_of_the_bench() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.json");
    let text = std::fs::read_to_string(path).expect("the record is in the tree");
    let record: Record = serde_json::from_str(&text).expect("it is a record");
    let recorded: Vec<&str> = record.cases.iter().map(|counts| counts.case.as_str()).collect();
    let cases = cases::cases();
    let benched: Vec<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(recorded, benched, "run `make bench-record`");
    for counts in &record.cases {
        assert!(counts.instructions > 1.0, "{counts:?} was not counted");
    }
}

/// Each case asserts that it did its work.
#[test]
fn every_case_of_the_bench_runs() {
    for case in cases::cases() {
        assert!(case.operations > 0 && case.iterations > 0, "{}: nothing to divide by", case.name);
        let mut work = (case.prepare)();
        work();
        work();
    }
}
