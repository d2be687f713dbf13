//! The power goes at every write, sync and change of a name.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::world::{World, small_options};
use crate::base::MessageId;
use crate::store::{CrashImage, Entry, Mark, QueueNumber, SimulatedLayer, Submission};

/// One thing that happens to a log.
#[derive(Clone, Debug)]
enum Step {
    /// Messages of one queue.
    Publish {
        queue: u64,
        count: usize,
        bytes: usize,
        durable: bool,
    },
    /// One message in all queues.
    Fanout {
        bytes: usize,
    },
    /// Some of the waiting messages: every n-th, the oldest first, at most so many.
    Settle {
        queue: u64,
        every: usize,
        count: usize,
        durable: bool,
    },
    /// Publish and settle as one.
    Atomic {
        queue: u64,
        count: usize,
        bytes: usize,
    },
    Delivered {
        queue: u64,
    },
    Drop {
        queue: u64,
    },
    Tick,
    /// The disk has room for so many bytes more, or is large again.
    Capacity(Option<u64>),
    Restart,
    Crash(CrashImage),
}

fn perform(world: &mut World, step: &Step) {
    match *step {
        Step::Publish { queue, count, bytes, durable } => {
            let entries = (0..count).flat_map(|_| world.message(&[queue], bytes)).collect();
            let submission = world.submission(entries, durable, false);
            world.run(vec![submission]);
        }
        Step::Fanout { bytes } => {
            let entries = world.message(&[1, 2, 3], bytes);
            let submissions: Vec<Submission> = entries
                .into_iter()
                .map(|entry| world.submission(vec![entry], true, false))
                .collect();
            world.run(submissions);
        }
        Step::Settle { queue, every, count, durable } => {
            let ids: Vec<u64> =
                world.waiting(queue).into_iter().step_by(every).take(count).collect();
            let submission = world.submission(vec![World::settle(queue, &ids)], durable, false);
            world.run(vec![submission]);
        }
        Step::Atomic { queue, count, bytes } => {
            let settled: Vec<u64> = world.waiting(queue).into_iter().take(count).collect();
            let mut entries: Vec<Entry> =
                (0..count).flat_map(|_| world.message(&[queue], bytes)).collect();
            entries.push(World::settle(queue, &settled));
            let submission = world.submission(entries, true, true);
            world.run(vec![submission]);
        }
        Step::Delivered { queue } => {
            let runs = vec![(MessageId(1), MessageId(50))];
            let entries =
                vec![Entry::Delivered { queue: QueueNumber(queue), mark: Mark::HandedOut, runs }];
            world.run(vec![Submission { entries, durable: false, atomic: false, done: None }]);
        }
        Step::Drop { queue } => {
            world.submit(vec![Entry::DropQueue { queue: QueueNumber(queue) }]);
        }
        Step::Tick => world.tick(1),
        Step::Capacity(more) => {
            let used = world.layer.used_bytes();
            world.layer.set_capacity(more.map(|more| used + more));
        }
        Step::Restart => {
            world.layer.set_capacity(None);
            world.tick(2);
            world.restart();
        }
        Step::Crash(image) => world.crash(image, "in the middle"),
    }
}

/// Performs steps until the end, or until the log has failed: what is asked of it later would only
/// blur what was promised.
fn perform_all(world: &mut World, steps: &[Step]) {
    for step in steps {
        if world.engine.shared.failure().is_none() {
            perform(world, step);
        }
    }
}

/// A run in which segments fill, die, are rewritten and used again.
fn script() -> Vec<Step> {
    let mut steps = vec![
        Step::Publish { queue: 1, count: 3, bytes: 400, durable: true },
        Step::Fanout { bytes: 20_000 },
        Step::Atomic { queue: 2, count: 2, bytes: 3000 },
        Step::Publish { queue: 3, count: 40, bytes: 100, durable: false },
    ];
    for round in 0..7 {
        steps.extend([
            Step::Publish { queue: 1, count: 5, bytes: 9000, durable: true },
            Step::Atomic { queue: 2, count: 3, bytes: 1500 },
            Step::Settle { queue: 1, every: 1, count: 6, durable: round % 2 == 0 },
            Step::Delivered { queue: 1 },
            Step::Fanout { bytes: 600 },
            Step::Settle { queue: 3, every: 3, count: 9, durable: true },
            Step::Tick,
        ]);
    }
    steps.push(Step::Drop { queue: 2 });
    steps.push(Step::Publish { queue: 2, count: 2, bytes: 70_000, durable: true });
    steps
}

fn images(seed: u64) -> [CrashImage; 6] {
    let seed = seed * 977;
    [
        CrashImage::Lost,
        CrashImage::Kept,
        CrashImage::Torn(seed + 3),
        CrashImage::Torn(seed + 7_001),
        CrashImage::Reordered(seed + 11),
        CrashImage::Reordered(seed + 5_003),
    ]
}

#[test]
fn a_crash_at_any_operation_loses_nothing_that_was_confirmed() {
    let steps = script();
    let mut whole = World::new();
    perform_all(&mut whole, &steps);
    whole.verify(&whole.engine, "without a crash");
    let operations = whole.layer.operations();
    assert!(operations > 100, "{operations}");
    for at in 1..=operations {
        let layer = SimulatedLayer::new();
        let mut world = World::with(layer.clone(), small_options());
        layer.crash_at(at);
        perform_all(&mut world, &steps);
        for image in images(at) {
            let context = format!("crash at operation {at}, {image:?}");
            let (found, engine) = world.reopen_after(image, &context);
            // The power goes again: what was found must still be there.
            drop(engine);
            let again = format!("{context}, and once more");
            let mut second = World::with(found.after_crash(CrashImage::Lost), small_options());
            world.verify(&second.engine, &again);
            second.engine.close().expect("it can be closed");
        }
    }
}

#[test]
fn a_crash_during_recovery_or_after_it_loses_nothing_either() {
    let steps = script();
    let layer = SimulatedLayer::new();
    let mut world = World::with(layer.clone(), small_options());
    layer.crash_at(90);
    perform_all(&mut world, &steps);
    for image in images(5) {
        for at in 1..12 {
            let found = world.layer.after_crash(image);
            found.crash_at(at);
            let context = format!("crash at operation {at} of the recovery, {image:?}");
            if let Ok((mut engine, _)) = super::world::open(&found, small_options()) {
                let _ = engine.close();
            }
            for second in images(at) {
                let found = found.after_crash(second);
                let (engine, _) = super::world::open(&found, small_options())
                    .unwrap_or_else(|error| panic!("{context}, {second:?}: {error}"));
                world.verify(&engine, &format!("{context}, then {second:?}"));
            }
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let queue = 1..4u64;
    let image = prop_oneof![
        Just(CrashImage::Lost),
        Just(CrashImage::Kept),
        any::<u64>().prop_map(CrashImage::Torn),
        any::<u64>().prop_map(CrashImage::Reordered),
    ];
    prop_oneof![
        6 => (queue.clone(), 1..30usize, 0..6000usize, any::<bool>()).prop_map(
            |(queue, count, bytes, durable)| Step::Publish { queue, count, bytes, durable }),
        2 => (0..30_000usize).prop_map(|bytes| Step::Fanout { bytes }),
        6 => (queue.clone(), 1..4usize, 1..60usize, any::<bool>()).prop_map(
            |(queue, every, count, durable)| Step::Settle { queue, every, count, durable }),
        2 => (queue.clone(), 1..5usize, 0..3000usize).prop_map(
            |(queue, count, bytes)| Step::Atomic { queue, count, bytes }),
        1 => queue.clone().prop_map(|queue| Step::Delivered { queue }),
        2 => Just(Step::Tick),
        1 => proptest::option::of(0..300_000u64).prop_map(Step::Capacity),
        1 => Just(Step::Restart),
        1 => image.prop_map(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        rng_seed: RngSeed::Fixed(20_261_121),
        ..ProptestConfig::default()
    })]
    #[test]
    fn any_run_with_crashes_keeps_every_promise(
        steps in proptest::collection::vec(any_step(), 1..60),
    ) {
        let mut world = World::new();
        perform_all(&mut world, &steps);
        world.verify(&world.engine, "at the end");
        for image in images(1) {
            world.reopen_after(image, "after the end");
        }
        perform(&mut world, &Step::Restart);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        rng_seed: RngSeed::Fixed(20_261_122),
        ..ProptestConfig::default()
    })]
    #[test]
    fn a_crash_in_the_middle_of_any_run_loses_nothing_that_was_confirmed(
        steps in proptest::collection::vec(any_step(), 1..60),
        at in 1..300u64,
    ) {
        let layer = SimulatedLayer::new();
        let mut world = World::with(layer.clone(), small_options());
        layer.crash_at(at);
        let is_one_life = |step: &&Step| !matches!(step, Step::Restart | Step::Crash(_));
        let steps: Vec<Step> = steps.iter().filter(is_one_life).cloned().collect();
        perform_all(&mut world, &steps);
        for image in images(at) {
            world.reopen_after(image, "after the crash");
        }
    }
}
