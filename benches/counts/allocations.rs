//! Counts what a walk allocates.

use allocation_counter::{AllocationInfo, measure};

use super::walk::walks::{Stage, Walk};

/// Rounds before counting: lists have their room by then, and the hash of a password is long forgotten.
const WARM_ROUNDS: usize = 20;

/// Rounds that are counted. Something that happens every few rounds, as the growing of a read buffer,
/// becomes a fraction.
const ROUNDS: u32 = 64;

/// What one stage of a walk allocates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// Which stage.
    pub(crate) stage: Stage,
    /// Allocations per published message. A vector that grows counts once per growth.
    pub(crate) allocations: f64,
    /// Bytes per published message; a growth counts with its new size.
    pub(crate) bytes: f64,
}

/// Walks so many messages of so many bytes at a time, and counts stage by stage.
pub(crate) fn allocated(walk: Walk, body_bytes: usize, batch: usize) -> Vec<Allocated> {
    let mut running = walk.start(body_bytes, batch);
    for _ in 0..WARM_ROUNDS {
        running.round(|_, work| work());
    }
    let mut sums: Vec<(Stage, AllocationInfo)> = Vec::new();
    for _ in 0..ROUNDS {
        running.round(|stage, work| {
            let info = measure(work);
            match sums.iter_mut().find(|(of, _)| *of == stage) {
                Some((_, sum)) => *sum += info,
                None => sums.push((stage, info)),
            }
        });
    }
    let messages = number(batch) * f64::from(ROUNDS);
    let per_message = |count: u64| number(count) / messages;
    sums.iter()
        .map(|(stage, sum)| Allocated {
            stage: *stage,
            allocations: per_message(sum.count_total),
            bytes: per_message(sum.bytes_total),
        })
        .collect()
}

fn number(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().ok().expect("a walk counts no billions"))
}
