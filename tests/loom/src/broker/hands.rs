//! One face for the broker's hand-over and for the planted copies of it.

use std::ops::ControlFlow;

use super::cell::{Command, Core};

/// What a cell does with its hand-over.
pub(super) trait Hands: Send + Sync {
    fn put(&self, command: Command);
    fn take(&self, most: usize) -> Vec<Command>;
    fn drive(&self, turn: &mut dyn FnMut(&mut Core) -> bool, schedule: &dyn Fn());
    fn look(&self, look: &mut dyn FnMut(&mut Core), schedule: &dyn Fn());
    fn schedule(&self, spawn: &dyn Fn());
    fn resume(&self, drive: &dyn Fn());
}

/// Commands that wait.
pub(super) struct Waiting {
    pub(super) commands: Vec<Command>,
    pub(super) full_at: usize,
}

/// Gives the hand-over of a module that face.
macro_rules! hands {
    ($module:path) => {
        use $module as of;

        use super::*;

        impl of::Waits for Waiting {
            fn is_empty(&self) -> bool {
                self.commands.is_empty()
            }

            fn is_full(&self) -> bool {
                self.commands.len() >= self.full_at
            }
        }

        pub(in crate::broker) fn make(full_at: usize) -> Box<dyn Hands> {
            let waiting = Waiting { commands: Vec::new(), full_at };
            Box::new(of::Handover::<Waiting, Core>::new(waiting, Core::default()))
        }

        impl Hands for of::Handover<Waiting, Core> {
            fn put(&self, command: Command) {
                self.waiting().commands.push(command);
            }

            fn take(&self, most: usize) -> Vec<Command> {
                let commands = &mut self.waiting().commands;
                let taken = most.min(commands.len());
                commands.drain(..taken).collect()
            }

            fn drive(&self, turn: &mut dyn FnMut(&mut Core) -> bool, schedule: &dyn Fn()) {
                of::Handover::drive(self, turn, |has_more| {
                    if has_more {
                        schedule();
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                });
            }

            fn look(&self, look: &mut dyn FnMut(&mut Core), schedule: &dyn Fn()) {
                of::Handover::look(self, look, schedule);
            }

            fn schedule(&self, spawn: &dyn Fn()) {
                of::Handover::schedule(self, spawn);
            }

            fn resume(&self, drive: &dyn Fn()) {
                of::Handover::resume(self, drive);
            }
        }
    };
}

/// The broker's own.
pub(super) mod own {
    hands!(crate::broker::handover);
}

macro_rules! plant {
    ($name:ident) => {
        #[allow(warnings, clippy::all, reason = "a copy with a mistake in it")]
        pub(super) mod $name {
            use crate::broker::sync;

            mod planted {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));
            }
            hands!(self::planted);
        }
    };
}

plant!(no_second_look);
plant!(flag_falls_late);
plant!(look_leaves_it_lying);
