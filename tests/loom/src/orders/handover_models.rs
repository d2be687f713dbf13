//! H1, H2 and H3 of `handover.rs`, over every order of up to three threads.

/// The models, for the broker's file and for each planted copy of it.
macro_rules! models {
    ($module:ident) => {
        use std::ops::ControlFlow;

        use loom::sync::Arc;
        use loom::sync::atomic::{AtomicUsize, Ordering};
        use loom::thread;

        use $module::{Handover, Waits};

        struct Bag {
            items: Vec<u32>,
            full_at: usize,
        }

        impl Waits for Bag {
            fn is_empty(&self) -> bool {
                self.items.is_empty()
            }

            fn is_full(&self) -> bool {
                self.items.len() >= self.full_at
            }
        }

        /// A queue that only remembers, with the most it takes in one turn, and the tasks that wait to resume it.
        struct World {
            hands: Handover<Bag, Vec<u32>>,
            batch: usize,
            tasks: AtomicUsize,
        }

        impl World {
            fn new(full_at: usize, batch: usize) -> Arc<Self> {
                let hands = Handover::new(Bag { items: Vec::new(), full_at }, Vec::new());
                Arc::new(Self { hands, batch, tasks: AtomicUsize::new(0) })
            }

            fn put(&self, item: u32) {
                self.hands.waiting().items.push(item);
            }

            fn drive(&self) {
                let turn = |core: &mut Vec<u32>| {
                    let mut waiting = self.hands.waiting();
                    let taken = self.batch.min(waiting.items.len());
                    core.extend(waiting.items.drain(..taken));
                    taken == self.batch
                };
                self.hands.drive(turn, |has_more| {
                    if has_more {
                        self.schedule();
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                });
            }

            fn bring(&self, item: u32) {
                self.put(item);
                self.drive();
            }

            fn schedule(&self) {
                self.hands.schedule(|| {
                    self.tasks.fetch_add(1, Ordering::SeqCst);
                });
            }

            /// Runs one task when there is one.
            fn run_task(&self) -> bool {
                let has_one = |tasks: usize| tasks.checked_sub(1);
                let is_there =
                    self.tasks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, has_one).is_ok();
                if is_there {
                    self.hands.resume(|| self.drive());
                }
                is_there
            }

            /// Everybody has returned: runs the tasks that are left, and nothing may wait then.
            fn end(&self) -> Vec<u32> {
                while self.run_task() {}
                let left = self.hands.waiting().items.len();
                assert_eq!(left, 0, "commands lie in the inbox and nobody drives");
                let mut all = Vec::new();
                self.hands.look(|core| all.clone_from(core), || panic!("nothing waits"));
                all
            }
        }

        pub(super) fn check(model: impl Fn() + Sync + Send + 'static) {
            let mut builder = loom::model::Builder::new();
            builder.preemption_bound = Some(3);
            builder.check(model);
        }

        fn with(world: &Arc<World>, does: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
            let world = Arc::clone(world);
            thread::spawn(move || does(&world))
        }

        /// Three bring something at the same time.
        pub(super) fn nothing_is_left_when_all_have_returned() {
            let world = World::new(usize::MAX, usize::MAX);
            let others = [with(&world, |w| w.bring(1)), with(&world, |w| w.bring(2))];
            world.bring(3);
            others.into_iter().for_each(|other| other.join().expect("no panic"));
            let mut all = world.end();
            all.sort_unstable();
            assert_eq!(all, [1, 2, 3]);
        }

        /// C1: what one brings is worked off in its order.
        pub(super) fn what_one_brings_keeps_its_order() {
            let world = World::new(usize::MAX, usize::MAX);
            let other = with(&world, |w| {
                w.bring(1);
                w.bring(2);
            });
            world.bring(10);
            world.bring(11);
            other.join().expect("no panic");
            let all = world.end();
            let at = |item| all.iter().position(|&own| own == item).expect("it is there");
            assert!(at(1) < at(2) && at(10) < at(11) && all.len() == 4, "{all:?}");
        }

        /// H3: a full inbox is waited at, and that neither locks up nor loses anything.
        pub(super) fn who_finds_it_full_waits() {
            let world = World::new(1, usize::MAX);
            let others = [with(&world, |w| w.bring(1)), with(&world, |w| w.bring(2))];
            world.bring(3);
            others.into_iter().for_each(|other| other.join().expect("no panic"));
            assert_eq!(world.end().len(), 3);
        }

        /// H1 for who only looks: what came meanwhile is scheduled.
        pub(super) fn who_only_looks_has_the_rest_driven() {
            let world = World::new(usize::MAX, usize::MAX);
            let other = with(&world, |w| w.bring(1));
            let seen = world.hands.look(|core| core.len(), || world.schedule());
            other.join().expect("no panic");
            assert!(seen <= 1 && world.end() == [1]);
        }

        /// H2: turns of one command each, with a task that resumes while somebody brings more.
        pub(super) fn what_is_scheduled_is_resumed() {
            let world = World::new(usize::MAX, 1);
            let other = with(&world, |w| {
                w.put(1);
                w.bring(2);
            });
            let task = with(&world, |w| {
                w.run_task();
            });
            world.bring(3);
            other.join().expect("no panic");
            task.join().expect("no panic");
            assert_eq!(world.end().len(), 3);
        }
    };
}

mod of_the_broker {
    use crate::orders::handover;
    models!(handover);

    #[test]
    fn nothing_lies_in_the_inbox_when_all_have_returned() {
        check(nothing_is_left_when_all_have_returned);
    }

    #[test]
    fn what_one_thread_brings_keeps_its_order() {
        check(what_one_brings_keeps_its_order);
    }

    #[test]
    fn who_finds_the_inbox_full_waits_and_loses_nothing() {
        check(who_finds_it_full_waits);
    }

    #[test]
    fn who_looks_at_the_core_has_what_came_meanwhile_driven() {
        check(who_only_looks_has_the_rest_driven);
    }

    #[test]
    fn what_is_scheduled_while_it_is_resumed_is_resumed_again() {
        check(what_is_scheduled_is_resumed);
    }
}

macro_rules! plant {
    ($name:ident, $model:ident) => {
        #[allow(warnings, clippy::all, reason = "a copy with a mistake in it")]
        mod $name {
            use crate::orders::sync;

            mod planted {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));
            }
            models!(planted);

            #[test]
            fn is_caught() {
                crate::orders::fails_apart(concat!(module_path!(), "::is_caught"), || {
                    check($model)
                });
            }
        }
    };
}

plant!(no_second_look, nothing_is_left_when_all_have_returned);
plant!(looks_before_it_lets_go, nothing_is_left_when_all_have_returned);
plant!(flag_falls_late, what_is_scheduled_is_resumed);
plant!(look_leaves_it_lying, who_only_looks_has_the_rest_driven);
