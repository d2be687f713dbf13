//! The sleep of a session at its inbox: no wake-up and no held consumer is lost.

/// The models, for the broker's file and for each planted copy of it.
macro_rules! models {
    ($module:ident) => {
        use std::future::poll_fn;

        use loom::future::block_on;
        use loom::thread;

        use $module::{Inbox, Load};

        /// Three preemptions in each order.
        pub(super) fn check(model: impl Fn() + Sync + Send + 'static) {
            let mut builder = loom::model::Builder::new();
            builder.preemption_bound = Some(3);
            builder.check(model);
        }

        /// Two push while the session sleeps and drains: it wakes until it has everything. A lost wake-up is a
        /// deadlock, which loom reports.
        pub(super) fn every_push_wakes() {
            let inbox = loom::sync::Arc::new(Inbox::new());
            let others = [1, 2].map(|number| {
                let inbox = loom::sync::Arc::clone(&inbox);
                thread::spawn(move || inbox.push([Event(number)]))
            });
            let (mut all, mut held) = (Vec::new(), Vec::new());
            while all.len() < 2 {
                block_on(poll_fn(|context| inbox.poll_filled(context)));
                let mut events = Vec::new();
                inbox.take(&mut events, &mut held);
                all.append(&mut events);
            }
            others.into_iter().for_each(|other| other.join().expect("no panic"));
            assert!(all.contains(&Event(1)) && all.contains(&Event(2)) && inbox.is_empty());
        }

        /// A consumer that is held is opened again by a drain that comes after.
        pub(super) fn who_is_held_is_opened() {
            let inbox = loom::sync::Arc::new(Inbox::new());
            let cell = std::sync::Arc::new(Cell);
            let others = [(1, 6), (2, 11)].map(|(number, bytes)| {
                let (inbox, cell) = (loom::sync::Arc::clone(&inbox), std::sync::Arc::clone(&cell));
                thread::spawn(move || {
                    let consumer = [ConsumerId(number)];
                    let mut events = vec![Event(number)];
                    inbox.push_deliveries(&mut events, bytes, &cell, &consumer) == Load::High
                })
            });
            let (mut all, mut opened) = (Vec::new(), Vec::new());
            while all.len() < 2 {
                block_on(poll_fn(|context| inbox.poll_filled(context)));
                let mut events = Vec::new();
                inbox.take(&mut events, &mut opened);
                all.append(&mut events);
            }
            let held = others.map(|other| other.join().expect("no panic"));
            let held = held.into_iter().filter(|is_held| *is_held).count();
            assert_eq!(held, opened.len(), "a consumer stays held for good");
        }
    };
}

mod of_the_broker {
    use crate::base::ConsumerId;
    use crate::orders::{Cell, Event, inbox};
    models!(inbox);

    #[test]
    fn every_push_wakes_the_session_that_sleeps() {
        check(every_push_wakes);
    }

    #[test]
    fn every_consumer_that_is_held_is_opened_by_a_drain() {
        check(who_is_held_is_opened);
    }
}

macro_rules! plant {
    ($name:ident, $model:ident) => {
        #[allow(warnings, clippy::all, reason = "a copy with a mistake in it")]
        mod $name {
            use crate::base::ConsumerId;
            use crate::orders::{Cell, Event, direct_reply, sync};

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

plant!(sleeps_with_events, every_push_wakes);
plant!(held_are_forgotten, who_is_held_is_opened);
