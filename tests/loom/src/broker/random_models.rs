//! Several workers and several queues in orders that dice choose: nothing that is scheduled is lost, nobody is at a core
//! twice, and who sleeps wakes.

use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use shuttle::rand::Rng as _;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

use super::cell::Command;
use super::hands::{self, Hands};
use super::world::{self, Broker, Timing};
use super::{DeadLetters, PageQuestion, Scheduler};
use crate::base::Millis;
use crate::net::timers::run_timers;
use crate::runtime::{Ending, Handle};

const CELLS: u64 = 5;
const WORKERS: usize = 3;
const BRINGERS: usize = 2;

/// Commands that each of them brings.
const COMMANDS: usize = 12;

/// Orders of each kind: any, and such with few changes between threads.
const ORDERS: usize = 1000;
const CHANGES: usize = 3;

/// Looks at queues meanwhile.
const LOOKS: usize = 12;

/// Deadlines, and as often the clock is turned.
const DEADLINES: usize = 4;

type MakeHands = fn(usize) -> Box<dyn Hands>;
type MakeTiming = fn() -> Box<dyn Timing>;

/// Runs a model in so many orders. `HAREMQ_SHUTTLE_SEED` chooses them; otherwise nobody has seen them.
fn check(model: impl Fn() + Send + Sync + Clone + 'static) {
    let seed = std::env::var("HAREMQ_SHUTTLE_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000_000);
    // Past the test harness, which keeps what a passing test prints; nobody may be there to read it.
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(std::io::stderr(), "{name}: HAREMQ_SHUTTLE_SEED={seed}");
    run(seed, ORDERS, model);
}

fn run(seed: u64, orders: usize, model: impl Fn() + Send + Sync + Clone + 'static) {
    let any = RandomScheduler::new_from_seed(seed, orders);
    Runner::new(any, Config::new()).run(model.clone());
    let few = PctScheduler::new_from_seed(seed, CHANGES, orders);
    Runner::new(few, Config::new()).run(model);
}

/// A planted mistake is found within as many orders of each kind as the broker's own file goes through, from a fixed seed.
fn is_caught(model: impl Fn() + Send + Sync + Clone + 'static) {
    let found = catch_unwind(AssertUnwindSafe(|| run(1, ORDERS, model)));
    assert!(found.is_err(), "the model does not find the planted mistake");
}

struct World {
    broker: Arc<Broker>,
    runtime: Handle,
    workers: Vec<thread::JoinHandle<()>>,
}

impl World {
    fn new(hands: MakeHands, timing: MakeTiming) -> Self {
        let runtime = Handle::default();
        let broker = Broker::new(CELLS, hands, timing, runtime.clone());
        let works = |_| {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.work())
        };
        Self { broker, workers: (0..WORKERS).map(works).collect(), runtime }
    }

    /// Each of them brings its commands to queues that dice choose, by the ways that `ways` allows.
    fn bring(&self, ways: usize) -> Vec<thread::JoinHandle<()>> {
        let brings = |from| {
            let broker = Arc::clone(&self.broker);
            thread::spawn(move || {
                for number in 0..COMMANDS {
                    bring_one(&broker, from, number, ways);
                }
            })
        };
        (0..BRINGERS).map(brings).collect()
    }

    /// The workers end; then every queue tells what it has noted, and what waits.
    fn end(self, ending: Ending) -> Vec<(Vec<(usize, usize)>, usize)> {
        self.runtime.end(ending);
        self.workers.into_iter().for_each(|worker| worker.join().expect("no panic"));
        let work = self.broker.scheduler.work();
        assert_eq!(work.begun, work.done, "what was asked for is done, or was dropped");
        let cells = self.broker.cells.iter();
        cells
            .map(|cell| (cell.look(|core| core.noted.clone()), cell.hands.take(1000).len()))
            .collect()
    }
}

fn bring_one(broker: &Broker, from: usize, number: usize, ways: usize) {
    let mut dice = shuttle::rand::thread_rng();
    let mut choose = || Arc::clone(&broker.cells[dice.gen_range(0..broker.cells.len())]);
    let (cell, other) = (choose(), choose());
    let command = Command::Note { from, number };
    match dice.gen_range(0..ways) {
        0 | 1 => cell.bring(command),
        2 => broker.scheduler.page_in(cell, PageQuestion(command), number as u64 % 2),
        way => {
            let letters = DeadLetters { to: other, command, cold: way == 3 };
            broker.scheduler.send_dead_letters(cell, letters, number as u64 % 2);
        }
    }
}

/// Everybody has ended: every command was applied once, and nothing waits.
fn everything_is_done(hands: MakeHands) {
    let world = World::new(hands, world::own::make);
    let bringers = world.bring(5);
    for _ in 0..LOOKS {
        let cell = shuttle::rand::thread_rng().gen_range(0..world.broker.cells.len());
        world.broker.cells[cell].look(|_| thread::yield_now());
    }
    bringers.into_iter().for_each(|bringer| bringer.join().expect("no panic"));
    let mut all = Vec::new();
    for (noted, waits) in world.end(Ending::Finish) {
        assert_eq!(waits, 0, "commands lie in a queue and nobody drives it");
        all.extend(noted);
    }
    all.sort_unstable();
    let brought = (0..BRINGERS).flat_map(|from| (0..COMMANDS).map(move |number| (from, number)));
    assert!(all.into_iter().eq(brought), "each command is applied once");
}

/// The workers end at any time: what a queue was told it has applied, in order, or it waits there.
fn nothing_is_lost_when_the_workers_end(hands: MakeHands) {
    let world = World::new(hands, world::own::make);
    let bringers = world.bring(2);
    if shuttle::rand::thread_rng().gen_bool(0.5) {
        bringers.into_iter().for_each(|bringer| bringer.join().expect("no panic"));
        check_kept(world.end(Ending::Drop));
    } else {
        world.runtime.end(Ending::Drop);
        bringers.into_iter().for_each(|bringer| bringer.join().expect("no panic"));
        check_kept(world.end(Ending::Drop));
    }
}

fn check_kept(cells: Vec<(Vec<(usize, usize)>, usize)>) {
    let mut kept = 0;
    for (noted, waits) in cells {
        kept += noted.len() + waits;
        for from in 0..BRINGERS {
            let own = noted.iter().filter(|(of, _)| *of == from);
            assert!(own.is_sorted(), "what one brings is worked off in its order: {noted:?}");
        }
    }
    assert_eq!(kept, BRINGERS * COMMANDS);
}

/// Queues get deadlines while the clock is turned: who sleeps for all of them wakes for each.
fn every_deadline_comes(timing: MakeTiming) {
    let world = World::new(hands::own::make, timing);
    let timers = shuttle::future::spawn(run_timers(Arc::clone(&world.broker)));
    let broker = Arc::clone(&world.broker);
    let turns = thread::spawn(move || (0..DEADLINES).for_each(|_| broker.turn_clock()));
    for at in 1..=DEADLINES {
        let cell = shuttle::rand::thread_rng().gen_range(0..2);
        world.broker.cells[cell].bring(Command::WakeAt(Millis(at as u64)));
    }
    turns.join().expect("no panic");
    world.broker.wait_for(DEADLINES);
    // It may be at a queue, and have the rest of its turn done.
    timers.abort();
    let _ = shuttle::future::block_on(timers);
    world.end(Ending::Finish);
}

#[test]
fn what_queues_ask_the_runtime_for_is_done_in_any_order() {
    check(|| everything_is_done(hands::own::make));
}

#[test]
fn what_queues_were_told_is_there_when_the_runtime_ends() {
    check(|| nothing_is_lost_when_the_workers_end(hands::own::make));
}

#[test]
fn every_deadline_of_a_queue_comes() {
    check(|| every_deadline_comes(world::own::make));
}

#[test]
fn a_deadline_that_has_passed_when_it_is_set_is_not_slept_over() {
    // Orders among which there is one in which a queue sets it between a look at what is due and one at what is next.
    run(352_682_220, ORDERS, || every_deadline_comes(world::own::make));
}

#[test]
fn a_missing_second_look_is_caught() {
    is_caught(|| everything_is_done(hands::no_second_look::make));
}

#[test]
fn a_flag_that_falls_late_is_caught() {
    is_caught(|| everything_is_done(hands::flag_falls_late::make));
}

#[test]
fn a_look_that_leaves_commands_lying_is_caught() {
    is_caught(|| everything_is_done(hands::look_leaves_it_lying::make));
}

#[test]
fn a_deadline_that_wakes_nobody_is_caught() {
    is_caught(|| every_deadline_comes(world::new_deadline_wakes_nobody::make));
}

#[test]
fn a_turn_of_the_clock_that_is_forgotten_is_caught() {
    is_caught(|| every_deadline_comes(world::turn_is_forgotten::make));
}
