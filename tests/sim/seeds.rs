//! Seeds that are always run, and seeds that nobody has seen.

use super::run::run;
use super::trace::print;

/// Seeds from 0 up.
const FIXED: u64 = 20;

const FRESH: u64 = 5;

/// Steps of each.
const STEPS: usize = 2000;

/// DESIGN §7, promises 1 to 3.
#[test]
fn the_promises_hold_for_the_fixed_seeds() {
    let mut crashes = 0;
    let mut confirmed = 0;
    for seed in 0..FIXED {
        match run(seed, STEPS, false) {
            Ok(report) => {
                crashes += report.crashes;
                confirmed += report.confirmed;
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(crashes > 20, "a simulation without crashes shows little: {crashes}");
    assert!(confirmed > 1000, "a simulation without confirms shows little: {confirmed}");
}

/// `make sim SEED=… STEPS=…` comes here with the seed in the environment, `make sim SEEDS=…` with how many there are to be.
#[test]
fn the_promises_hold_for_fresh_seeds() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let steps = number("HAREMQ_SIM_STEPS").and_then(|steps| usize::try_from(steps).ok());
    let steps = steps.unwrap_or(STEPS);
    if let Some(seed) = number("HAREMQ_SIM_SEED") {
        match run(seed, steps, true) {
            Ok(report) => print(&format!("seed {seed}: {report:?}")),
            Err(failure) => panic!("{failure}"),
        }
        return;
    }
    for _ in 0..number("HAREMQ_SIM_SEEDS").unwrap_or(FRESH) {
        let seed = getrandom::u64().expect("random numbers") % 1_000_000_000;
        match run(seed, steps, false) {
            Ok(report) => print(&format!("simulation: fresh seed {seed} held: {report:?}")),
            Err(failure) => panic!("{failure}"),
        }
    }
}

#[test]
fn the_same_seed_does_the_same() {
    for seed in 100..103 {
        let first = run(seed, STEPS, false).expect("it holds");
        let second = run(seed, STEPS, false).expect("it holds");
        assert_eq!(first, second, "seed {seed}");
    }
    let hashes = [100, 101].map(|seed| run(seed, STEPS, false).expect("it holds").hash);
    assert_ne!(hashes[0], hashes[1], "another seed does something else");
}
