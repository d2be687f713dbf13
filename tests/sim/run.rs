//! One seed from the beginning to the end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Runtime;

use super::world::World;
use super::{quiet, storm};

/// Storms between two quiet phases are at most so long.
const STORM_STEPS_MAX: usize = 800;

const CLIENTS: usize = 3;

/// What a run was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Report {
    /// A number for everything that happened and was seen.
    pub(super) hash: u64,
    pub(super) crashes: usize,
    pub(super) messages: usize,
    pub(super) confirmed: usize,
}

/// Runs a seed for so many steps. A failure names the seed and the step, shows what happened last, and says how to see
/// it again.
pub(super) fn run(seed: u64, steps: usize, prints: bool) -> Result<Report, String> {
    // Sessions want a timer to be there. It never rings: nobody drives the runtime.
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    let _timer = runtime.enter();
    let mut world = World::new(seed, CLIENTS, prints)?;
    let driven = catch_unwind(AssertUnwindSafe(|| drive(&mut world, steps)));
    let reason = match driven {
        Ok(Ok(())) => {
            let (messages, confirmed) = world.oracle.counts();
            let (hash, crashes) = (world.trace.hash(), world.crashes);
            return Ok(Report { hash, crashes, messages, confirmed });
        }
        Ok(Err(reason)) => reason,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panic: {}", text.unwrap_or("without a text"))
        }
    };
    let (step, last) = (world.trace.step, world.trace.last_lines());
    Err(format!(
        "seed {seed}, step {step}: {reason}\nthe last events:\n{last}see it again with: make sim SEED={seed} STEPS={steps}"
    ))
}

fn drive(world: &mut World, steps: usize) -> Result<(), String> {
    while world.trace.step < steps {
        for _ in 0..=world.random.below(STORM_STEPS_MAX) {
            storm::step(world)?;
        }
        quiet::drain(world)?;
    }
    Ok(())
}
