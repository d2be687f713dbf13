//! The simulation finds bugs that were put in: each within a few seeds, and for the right reason.

#![cfg(debug_assertions)]

use haremq::base::{Plant, plant};

use super::run::run;

const STEPS: usize = 2000;

/// Takes the bug out again, whatever comes.
struct Planted;

impl Planted {
    fn new(bug: Plant) -> Self {
        plant(Some(bug));
        Self
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        plant(None);
    }
}

/// Runs seeds until one fails; it must be one of the first so many, and say one of these.
fn is_caught(bug: Plant, seeds: u64, reasons: &[&str]) {
    let _planted = Planted::new(bug);
    let failure = (0..seeds).find_map(|seed| run(seed, STEPS, false).err());
    let Some(failure) = failure else { panic!("{bug:?} went through {seeds} seeds") };
    let reason = failure.lines().next().unwrap_or_default();
    assert!(reasons.iter().any(|of| reason.contains(of)), "{bug:?} was caught by chance: {reason}");
}

#[test]
fn a_confirm_before_the_flush_is_caught_within_2_seeds() {
    is_caught(Plant::ConfirmBeforeFlush, 2, &["was confirmed before", "is not in"]);
}

#[test]
fn a_requeue_at_the_wrong_end_is_caught_within_2_seeds() {
    is_caught(Plant::RequeueAtWrongEnd, 2, &["of the same channel"]);
}

#[test]
fn a_credit_leak_is_caught_within_2_seeds() {
    is_caught(Plant::CreditLeak, 2, &["consumers have acked everything"]);
}

#[test]
fn a_torn_record_that_is_accepted_is_caught_within_5_seeds() {
    is_caught(Plant::TornRecord, 5, &["with another body", "that nobody published"]);
}

/// Only a crash between the two queues shows it, and only what knows that they are owed one copy.
#[test]
fn a_dead_letter_that_is_let_go_too_early_is_caught_within_20_seeds() {
    is_caught(Plant::DeadLetterLetGo, 20, &["is not in dying", "is not in careful"]);
}

#[test]
fn a_rollback_that_forgets_nothing_is_caught_within_20_seeds() {
    is_caught(Plant::RollbackKeeps, 20, &["which was refused or rolled back"]);
}

/// What is planted stands in few places, each a word in front of what it breaks, and only builds for tests have it.
#[test]
fn bugs_can_be_planted_in_builds_for_tests_only() {
    let source = |path: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
        std::fs::read_to_string(path).expect("a source file")
    };
    let base = source("base/planted.rs");
    let switched = base.matches("#[cfg(debug_assertions)]").count();
    assert_eq!(switched, 3, "the switch, who turns it, and who asks");
    assert!(base.contains("#[cfg(not(debug_assertions))]\n#[inline]\n#[must_use]\npub const fn"));
    for (path, bug) in [
        ("broker/storing.rs", "ConfirmBeforeFlush"),
        ("queue/ready.rs", "RequeueAtWrongEnd"),
        ("queue/returning.rs", "CreditLeak"),
        ("store/format/record.rs", "TornRecord"),
        ("broker/executor/noting.rs", "DeadLetterLetGo"),
        ("protocol/methods/tx.rs", "RollbackKeeps"),
    ] {
        let text = source(path);
        assert_eq!(text.matches("planted(").count(), 1, "{path}");
        assert!(text.contains(&format!("planted(Plant::{bug})")), "{path}");
    }
}
