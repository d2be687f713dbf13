//! The same targets as `fuzz/` runs for hours, in the build of the tests.

use std::fs;
use std::path::Path;

use super::harness::{Dice, Pool, fails, next_input};
use super::targets::TARGETS;

/// Without coverage nobody knows which input is worth keeping: every so manieth is.
const KEPT_EVERY: u64 = 8;

/// Runs all seeds of a target, and then so many changed ones.
fn smoke(name: &str, runs: u64) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let seeds = fs::read_dir(&folder).expect("every target has seeds");
    let mut paths: Vec<_> = seeds.map(|seed| seed.expect("it can be listed").path()).collect();
    paths.sort();
    let mut pool = Pool::default();
    for path in &paths {
        let input = fs::read(path).expect("a seed can be read");
        let failure = fails(target, &input);
        assert!(failure.is_none(), "{}: {failure:?}", path.display());
        pool.add(input);
    }
    assert!(!pool.inputs().is_empty(), "{} is empty", folder.display());
    let mut dice = Dice::new(1);
    for run in 0..runs {
        let input = next_input(target, &pool, &mut dice);
        let failure = fails(target, &input);
        assert!(failure.is_none(), "{name}, run {run}, input {input:?}: {failure:?}");
        if run % KEPT_EVERY == 0 && input.len() <= target.bytes_max / 2 {
            pool.add(input);
        }
    }
}

#[test]
fn every_target_has_its_smoke_run_and_its_program() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let source = include_str!("smoke.rs");
    for target in TARGETS {
        assert!(programs.join(target.name).with_extension("rs").is_file(), "{}", target.name);
        assert!(source.contains(&format!("smoke(\"{}\"", target.name)), "{}", target.name);
    }
}

#[test]
fn a_frame_stream_is_cut_into_the_same_frames_by_every_reader() {
    smoke("frame_stream", 4000);
}

#[test]
fn a_handshake_ends_the_same_however_its_bytes_are_cut() {
    smoke("handshake", 2000);
}

#[test]
fn a_content_header_that_is_taken_can_be_read_by_a_consumer() {
    smoke("content_header", 4000);
}

#[test]
fn a_field_table_is_what_amq_protocol_reads() {
    smoke("field_table", 4000);
}

#[test]
fn a_connection_gives_back_what_it_was_given_after_any_script() {
    smoke("connection", 2000);
}

#[test]
fn a_damaged_log_gives_back_what_was_published_or_says_what_is_missing() {
    smoke("record_log", 400);
}

#[test]
fn a_configuration_file_means_the_same_when_it_is_written_again() {
    smoke("config", 3000);
}

#[test]
fn definitions_that_were_imported_are_exported_as_they_are() {
    smoke("definitions", 1500);
}

#[test]
fn a_topic_exchange_matches_as_the_table_of_words_does() {
    smoke("topic", 3000);
}

#[test]
fn no_request_makes_the_api_answer_500() {
    smoke("http", 400);
}
