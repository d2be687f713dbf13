//! A queue that only remembers, driven as the broker's `cell.rs` drives its own.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::hands::Hands;
use super::sync::AtomicBool;
use super::world::Broker;
use super::{DeadLetters, PageQuestion, Scheduler};
use crate::base::{Millis, QueueId};

/// Commands of one turn, so that more than that has to be scheduled.
const TURN_COMMANDS: usize = 2;

/// Something for a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// From whom, and which one of theirs.
    Note { from: usize, number: usize },
    /// The queue wants to be driven then.
    WakeAt(Millis),
    /// It is to look what is due.
    Tick,
}

/// What belongs to whoever drives.
#[derive(Default)]
pub(crate) struct Core {
    pub(super) noted: Vec<(usize, usize)>,
    deadlines: BTreeSet<Millis>,
    timer: Option<Millis>,
}

/// See the module.
pub(crate) struct Cell {
    id: QueueId,
    pub(super) hands: Box<dyn Hands>,
    broker: Weak<Broker>,
    timer_gone_off: AtomicBool,
    /// Somebody is at the core.
    busy: AtomicBool,
}

impl Cell {
    pub(super) fn new(id: u64, hands: Box<dyn Hands>, broker: Weak<Broker>) -> Arc<Self> {
        let (timer_gone_off, busy) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { id: QueueId(id), hands, broker, timer_gone_off, busy })
    }

    /// Puts something in and drives.
    pub(super) fn bring(self: &Arc<Self>, command: Command) {
        self.hands.put(command);
        self.drive();
    }

    fn broker(&self) -> Arc<Broker> {
        self.broker.upgrade().expect("the world outlives its queues")
    }

    fn drive(self: &Arc<Self>) {
        let broker = self.broker();
        self.hands.drive(&mut |core| self.turn(core, &broker), &|| self.schedule());
    }

    pub(crate) fn resume(self: &Arc<Self>) {
        self.hands.resume(&|| self.drive());
    }

    pub(crate) fn page_in(self: &Arc<Self>, question: PageQuestion) {
        self.bring(question.0);
    }

    pub(crate) fn send_dead_letters(self: &Arc<Self>, letters: DeadLetters) {
        letters.to.bring(letters.command);
    }

    pub(super) fn timer_went_off(self: &Arc<Self>) {
        self.timer_gone_off.store(true, Ordering::SeqCst);
        self.bring(Command::Tick);
    }

    pub(super) fn look<T>(self: &Arc<Self>, look: impl Fn(&Core) -> T) -> T {
        let mut seen = None;
        self.hands.look(&mut |core| seen = Some(look(core)), &|| self.schedule());
        seen.expect("it has looked")
    }

    fn schedule(self: &Arc<Self>) {
        self.hands.schedule(&|| self.broker().scheduler.resume(Arc::clone(self)));
    }

    fn turn(self: &Arc<Self>, core: &mut Core, broker: &Broker) -> bool {
        assert!(!self.busy.swap(true, Ordering::SeqCst), "two threads are at one core");
        let now = broker.clock().now();
        let commands = self.hands.take(TURN_COMMANDS);
        let has_more = commands.len() == TURN_COMMANDS;
        for command in commands {
            match command {
                Command::Note { from, number } => core.noted.push((from, number)),
                Command::WakeAt(at) => {
                    core.deadlines.insert(at);
                    broker.wants(1);
                }
                Command::Tick => {}
            }
        }
        let later = core.deadlines.split_off(&Millis(now.0 + 1));
        broker.woke(std::mem::replace(&mut core.deadlines, later).len());
        self.set_timer(core, broker);
        self.busy.store(false, Ordering::SeqCst);
        has_more
    }

    fn set_timer(self: &Arc<Self>, core: &mut Core, broker: &Broker) {
        let Some(at) = core.deadlines.first().copied() else { return };
        if self.timer_gone_off.swap(false, Ordering::SeqCst) {
            core.timer = None;
        }
        if core.timer.is_none_or(|timer| at < timer) {
            broker.timers.set(self.id, Arc::downgrade(self), core.timer, at);
            core.timer = Some(at);
        }
    }
}
