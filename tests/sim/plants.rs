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
