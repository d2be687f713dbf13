//! A queue in its cell: an actor by contract, inline by execution.
//!
//! Whoever has commands for the queue puts them into the cell's inbox ([`Cell::enqueue`], never blocks)
//! and then drives it ([`Cell::drive`]). Driving takes the core with `try_lock`: whoever gets it works
//! off everybody's commands; whoever does not returns at once.
//!
//! Invariants:
//! * C1: commands are applied in the order in which they were put in. What the log has written is heard in its order,
//!   and perhaps later than what was put in after it, as if the log had been slower.
//! * C2: nothing stays in the inbox when nobody drives: the holder of the core looks again after it
//!   has let go, and a loser's commands were in before it tried (`handover.rs`, which `tests/loom` runs in every
//!   order of threads).
//! * C3: effects of one queue reach each connection in the order of the machine, because they are
//!   pushed while the core is held.
//! * C4: while a core is held, only leaves are locked; what needs more (the vhost's table) is done
//!   after the core was let go.

mod waiting;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use super::Vhost;
use super::after::{After, tell};
use super::broker::Common;
use super::counts::QueueCounters;
use super::courier::{Courier, DeadLetters};
use super::effective::InForce;
use super::envelope::Envelope;
use super::executor::{Executor, Standing};
use super::handover::Handover;
use super::inspect::{Arrivals, Taps, TimedOut};
use super::pages::{Page, PageQuestion, away, cool, exchange};
use super::payload::Payload;
use super::policy::QueueEffective;
use super::queue_settings::QueueSettings;
use super::spans::Following;
use super::storing::Storing;
use super::unique::{FromLog, Unique};
use waiting::Waiting;

use crate::base::limits::{
    ARRIVALS_PER_BURST, DELIVER_BURST_BYTES, DELIVER_BURST_MESSAGES, DRIVE_BURSTS_MAX,
    TURN_TICKETS_MIN,
};
use crate::base::{ConnectionId, ExchangeName, FieldTable, MessageId, Millis, QueueId, QueueName};
use crate::queue::{Burst, Command, Effects, Machine, Progress};
use crate::store::{LogError, QueueNumber};

/// What a queue was declared to be.
#[derive(Clone, Debug)]
pub struct QueueInfo {
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: QueueName,
    /// Whether it survives a restart.
    pub durable: bool,
    /// The connection it belongs to, when it is exclusive.
    pub exclusive: Option<ConnectionId>,
    /// Whether it goes with its last consumer.
    pub auto_delete: bool,
    /// The `x-…` arguments, as declared.
    pub arguments: FieldTable,
    /// What the message log knows it by.
    pub number: QueueNumber,
    /// The exchange that delays its messages here, for the queue behind it: no name leads to that one.
    pub delays: Option<ExchangeName>,
}

impl QueueInfo {
    /// Whether the definitions keep it: an exclusive queue ends with its connection, durable or not.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.durable && self.exclusive.is_none()
    }
}

/// See the module.
pub struct Cell {
    info: QueueInfo,
    pub(super) in_force: InForce,
    vhost: Weak<Vhost>,
    common: Arc<Common>,
    hands: Handover<Waiting, Core>,
    crashed: AtomicBool,
    deleted: AtomicBool,
    /// Whether its entry in the timers was taken out since the core looked.
    timer_gone_off: AtomicBool,
    /// There once the queue had a dead letter.
    pub(super) courier: OnceLock<Courier>,
    /// See [`Self::lost_messages`].
    lost: AtomicU64,
    /// Messages that were dropped as duplicates.
    pub(super) duplicates: AtomicU64,
    /// Messages that came after the crash and were refused.
    pub(super) refused: AtomicU64,
    /// What went through it, and how it stood after its last turn.
    pub(super) counters: Arc<QueueCounters>,
    /// Messages that an exchange delays here, as of the last turn.
    pub(super) delayed: AtomicU64,
    pub(super) timed_out: TimedOut,
    pub(super) taps: Taps,
}

pub(super) struct Core {
    pub(super) machine: Machine<Payload>,
    pub(super) effects: Effects<Payload>,
    pub(super) executor: Executor,
    /// The other half of the inbox: swapped with it, so that both keep their room.
    pub(super) taken: VecDeque<Envelope>,
    /// What waits for a page, in a queue that drops duplicates.
    pub(super) behind: VecDeque<Envelope>,
    /// Of what the log has written and the machine was not told of yet, in order.
    pub(super) tickets: VecDeque<Envelope>,
    pub(super) arrivals: Arrivals,
    /// When the queue is driven at the latest, as [`super::timers`] knows it.
    timer: Option<Millis>,
}

impl Cell {
    /// A cell around a queue; `effective` is what is in force for it, and `recovered` is what the log has
    /// of it from before.
    pub(super) fn new(
        info: QueueInfo,
        effective: QueueEffective,
        vhost: Weak<Vhost>,
        common: Arc<Common>,
        recovered: FromLog,
    ) -> Arc<Self> {
        let delaying = info.delays.is_some().then_some(common.parse_headers);
        let queue_type = effective.queue_type.as_str();
        let mut storing = common
            .log
            .as_ref()
            .map(|log| Storing::new(Arc::clone(log), info.number, info.is_stored()));
        let settings = match &info.delays {
            None => {
                let timeout = common.consumer_timeout_ms;
                QueueSettings::new(effective, info.auto_delete, storing.is_some(), timeout)
            }
            Some(exchange) => QueueSettings::delaying(effective, exchange, storing.is_some()),
        };
        let config = settings.machine;
        if let Some(storing) = &mut storing {
            storing.set_ttl(config.message_ttl);
            storing.set_delaying(delaying);
        }
        let unique = Unique::new(&info, &common, recovered);
        if let (Some(storing), Some(unique)) = (&mut storing, &unique) {
            storing.set_keys_number(unique.number());
        }
        let recovered_messages = recovered.messages.map_or(0, |recovered| recovered.messages);
        let machine = match recovered.messages {
            Some(recovered) => Machine::recover(config, recovered.next_id, away(&recovered)),
            None => Machine::new(config),
        };
        let first_deadline = machine.next_deadline();
        let counters = Arc::new(QueueCounters::default());
        counters.stands(&machine, 0);
        if info.delays.is_none() {
            common.queue_tally.add(queue_type, Arc::clone(&counters));
        }
        let of_core = Arc::clone(&counters);
        let mut executor = Executor::new(storing, unique, &settings, delaying, of_core);
        executor.following = common.spans.as_ref().map(|spans| {
            let named = info.delays.as_ref().map_or(info.name.as_str(), ExchangeName::as_str);
            let (spans, is_delay) = (Arc::clone(spans), info.delays.is_some());
            Box::new(Following::new(spans, named, is_delay, machine.next_id()))
        });
        let core = Core::new(machine, executor, common.clock.now());
        let cell = Arc::new(Self {
            info,
            in_force: InForce::new(settings),
            vhost,
            common,
            hands: Handover::new(Waiting::default(), core),
            timer_gone_off: AtomicBool::new(false),
            courier: OnceLock::new(),
            crashed: AtomicBool::new(false),
            deleted: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            counters,
            delayed: AtomicU64::new(recovered_messages),
            timed_out: TimedOut::default(),
            taps: Taps::default(),
        });
        if let Some(at) = first_deadline {
            cell.set_timer(None, at);
        }
        cell
    }

    pub(super) fn vhost(&self) -> Option<Arc<Vhost>> {
        self.vhost.upgrade()
    }

    pub(super) fn common(&self) -> &Arc<Common> {
        &self.common
    }

    fn set_timer(self: &Arc<Self>, before: Option<Millis>, at: Millis) {
        self.common.timers.set(self.info.id, Arc::downgrade(self), before, at);
    }

    /// What the queue was declared to be.
    #[must_use]
    pub fn info(&self) -> &QueueInfo {
        &self.info
    }

    /// Whether the queue is gone. What a client still holds of it can be forgotten.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Relaxed)
    }

    /// Whether its machine broke an invariant of its own: it takes and answers nothing any more, and can
    /// only be deleted. What the log has of it is there again after a restart.
    #[must_use]
    pub fn is_crashed(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }

    /// Puts something in. Takes effect with the next [`Self::drive`], whoever does it.
    pub(super) fn enqueue(&self, envelope: Envelope) {
        let arrivals = envelope.arrivals();
        self.hands.waiting().push(envelope, arrivals);
    }

    /// Works off the inbox and hands out messages, unless somebody else is at it.
    pub fn drive(self: &Arc<Self>, now: Millis) {
        // Others may bring more for as long as this goes on, so their turns count as well, and what they bring; with
        // nothing left the next one only applies what is there, and the rest is scheduled.
        let mut bursts_left = DRIVE_BURSTS_MAX + 1;
        let turn = |core: &mut Core| {
            bursts_left = bursts_left.saturating_sub(1);
            let mut after = After::default();
            let progress = self.turn(core, now, &mut bursts_left, &mut after);
            (progress, after)
        };
        self.hands.drive(turn, |(progress, after)| {
            self.perform(after);
            if progress == Progress::More {
                self.schedule();
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
    }

    /// The moment has come that the queue had asked for. Whoever is at the core now may have begun before
    /// it, so the inbox gets something that makes them look again.
    pub(super) fn timer_went_off(self: &Arc<Self>, now: Millis) {
        self.timer_gone_off.store(true, Ordering::SeqCst);
        self.enqueue(Envelope::Tell(Command::Tick));
        self.drive(now);
    }

    /// Goes on where a turn ended because its budget was used up. Called by the task that
    /// [`super::Scheduler`] spawned.
    pub fn resume(self: &Arc<Self>) {
        self.hands.resume(|| {
            self.collect_confirms();
            self.drive(self.common.clock.now());
        });
    }

    fn turn(
        self: &Arc<Self>,
        core: &mut Core,
        now: Millis,
        bursts_left: &mut usize,
        after: &mut After,
    ) -> Progress {
        if self.is_crashed() {
            let commands = std::mem::take(&mut *self.hands.waiting()).commands;
            self.refuse(core, commands, after);
            return Progress::Idle;
        }
        // The machine asserts its own invariants. A broken one must cost this queue only, not the
        // connection that happened to drive it.
        let result = catch_unwind(AssertUnwindSafe(|| core.turn(self, now, bursts_left, after)));
        result.unwrap_or_else(|_| {
            self.crashed.store(true, Ordering::SeqCst);
            tracing::error!(
                queue = %self.info.name,
                "the queue broke an invariant of its own and is closed; delete it, or restart the broker"
            );
            self.give_up(core, after);
            Progress::Idle
        })
    }

    fn perform(self: &Arc<Self>, mut after: After) {
        let answers = std::mem::take(&mut after.answers);
        let vhost = if after.deleted { self.vhost.upgrade() } else { None };
        if after.deleted {
            self.deleted.store(true, Ordering::Relaxed);
            self.counters.is_gone();
        }
        match vhost {
            // Nobody is told that a queue is gone before it cannot come back.
            Some(vhost) => vhost.queue_deleted(&self.info, move |stored| tell(answers, &stored)),
            None => tell(answers, &Ok(())),
        }
        if after.dropped > 0 {
            self.say_dropped(after.dropped);
        }
        if after.bytes_in_ram != after.bytes_before {
            self.common.memory.change(after.bytes_in_ram, after.bytes_before);
            self.common.look_at_memory();
        }
        if !after.dead_letters.is_empty() {
            let letters = DeadLetters { letters: after.dead_letters, failures: 0 };
            self.common.scheduler.send_dead_letters(Arc::clone(self), letters, 0);
        }
        if !after.unneeded.is_empty() {
            self.common.scheduler.let_go(after.unneeded);
        }
        if let Some(question) = after.page_in {
            self.common.scheduler.page_in(Arc::clone(self), question, 0);
        }
        if after.lost > 0 {
            self.count_lost(after.lost);
            tracing::error!(
                queue = %self.info.name,
                messages = after.lost,
                lost_so_far = self.lost_messages(),
                "messages of this queue are not in the message log any more and are lost; the queue goes on without them"
            );
        }
    }

    /// Brings messages of a long queue back from the log: their places, and small bodies with them.
    /// Blocks on the disk; called on a thread that may, as [`super::Scheduler`] says. What cannot be
    /// read now is asked for again after a pause: the queue waits and is not lost.
    pub fn page_in(self: &Arc<Self>, question: PageQuestion) {
        let Some(log) = &self.common.log else { return };
        if self.is_deleted() || self.is_crashed() {
            return;
        }
        match question.read(log, self.info.number, self.common.clock.as_ref()) {
            Ok(page) => {
                if question.failures() > 0 {
                    tracing::info!(
                        queue = %self.info.name,
                        tries = question.failures() + 1,
                        "messages of this queue can be read back from disk again; it goes on"
                    );
                }
                self.say_damaged(&page.damaged);
                let Page { messages, more, .. } = page;
                let command = Command::PagedIn { from: question.from(), messages, more };
                self.enqueue(Envelope::Tell(command));
                self.drive(self.common.clock.now());
            }
            // The process is about to end.
            Err(LogError::Closed) => {}
            Err(error) => {
                let (again, pause_ms) = question.again();
                if question.failures() == 0 {
                    tracing::error!(
                        queue = %self.info.name,
                        from = %question.from(),
                        error = %error,
                        "messages of this queue cannot be read back from disk; it waits, and they are tried again and again"
                    );
                }
                self.common.scheduler.page_in(Arc::clone(self), again, pause_ms);
            }
        }
    }

    /// Messages that were there and cannot be handed out: their records are damaged or gone.
    #[must_use]
    pub fn lost_messages(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn count_lost(&self, messages: u64) {
        self.lost.fetch_add(messages, Ordering::Relaxed);
    }

    fn say_damaged(&self, damaged: &[(MessageId, LogError)]) {
        for (id, error) in damaged {
            self.count_lost(1);
            tracing::error!(
                queue = %self.info.name,
                message = %id,
                lost_so_far = self.lost_messages(),
                error = %error,
                "a message is damaged on disk; it is dropped"
            );
        }
    }

    /// The core, when nobody is at it.
    #[cfg(test)]
    pub(super) fn core_if_free(&self) -> Option<std::sync::MutexGuard<'_, Core>> {
        self.hands.core_if_free()
    }

    /// Drives the queue soon, on a task of its own.
    pub(super) fn schedule(self: &Arc<Self>) {
        self.hands.schedule(|| self.common.scheduler.resume(Arc::clone(self)));
    }

    /// A look at the queue, when who is at it has let go. Who came meanwhile left their commands to the holder of the
    /// core (C2), which is this one.
    pub(super) fn look<T>(self: &Arc<Self>, look: impl FnOnce(&mut Core) -> T) -> T {
        self.hands.look(look, || self.schedule())
    }
}

impl Core {
    fn new(machine: Machine<Payload>, executor: Executor, now: Millis) -> Self {
        let (arrivals, timer) = (Arrivals::new(machine.next_id(), now), machine.next_deadline());
        let (effects, taken, behind) = (Effects::new(), VecDeque::new(), VecDeque::new());
        let tickets = VecDeque::new();
        Self { machine, effects, executor, taken, behind, tickets, arrivals, timer }
    }

    fn turn(
        &mut self,
        cell: &Arc<Cell>,
        now: Millis,
        bursts_left: &mut usize,
        after: &mut After,
    ) -> Progress {
        after.bytes_before = self.machine.ram_bytes() + self.executor.key_bytes();
        let first = self.machine.next_id();
        let progress = self.work(cell, now, bursts_left, after);
        if self.machine.next_id() > first {
            let machine = &self.machine;
            self.arrivals.note(first, now, || machine.oldest_there());
        }
        after.bytes_in_ram = self.machine.ram_bytes() + self.executor.key_bytes();
        cell.counters.stands(&self.machine, after.bytes_in_ram);
        if cell.info.delays.is_some() {
            cell.delayed.store(Cell::messages_of(&self.machine), Ordering::Relaxed);
        }
        self.set_timer(cell);
        progress
    }

    /// Asks to be driven when the machine wants it. An entry that comes too early stays: what it finds is
    /// the next deadline, and most queues are driven before theirs.
    fn set_timer(&mut self, cell: &Arc<Cell>) {
        let Some(at) = self.machine.next_deadline() else { return };
        if cell.timer_gone_off.swap(false, Ordering::SeqCst) {
            self.timer = None;
        }
        if self.timer.is_none_or(|timer| at < timer) {
            cell.set_timer(self.timer, at);
            self.timer = Some(at);
        }
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            ready: self.machine.ready(),
            in_ram: self.machine.ram_bytes(),
            is_paged: self.machine.is_paged(),
        }
    }

    fn work(
        &mut self,
        cell: &Arc<Cell>,
        now: Millis,
        bursts_left: &mut usize,
        after: &mut After,
    ) -> Progress {
        let arrivals = cell.hands.waiting().swap(&mut self.taken);
        *bursts_left = bursts_left.saturating_sub(arrivals / ARRIVALS_PER_BURST);
        if self.machine.next_deadline().is_some_and(|at| at <= now) {
            self.machine.apply(now, Command::Tick, &mut self.effects);
        }
        // One by one: what a broken machine did not get to is still there to be refused.
        while let Some(envelope) = self.next_envelope() {
            if matches!(envelope, Envelope::Written { .. }) {
                self.tickets.push_back(envelope);
            } else {
                self.obey(cell, now, envelope, after);
            }
        }
        self.hear_of_tickets(cell, now, TURN_TICKETS_MIN + arrivals, after);
        loop {
            self.executor.follow(&self.effects, || self.machine.losses());
            self.executor.execute(cell, &mut self.effects, after);
            cool(&mut self.machine, self.executor.handed_out());
            for consumer in self.executor.held() {
                let command = Command::Flow { consumer, flow: crate::queue::Flow::Held };
                self.machine.apply(now, command, &mut self.effects);
            }
            if *bursts_left == 0 {
                return Progress::More;
            }
            let burst = Burst { messages: DELIVER_BURST_MESSAGES, bytes: DELIVER_BURST_BYTES };
            let progress = self.machine.deliver(now, burst, &mut self.executor, &mut self.effects);
            if self.effects.is_empty() {
                return if self.tickets.is_empty() { Progress::Idle } else { Progress::More };
            }
            if progress == Progress::More {
                *bursts_left -= 1;
            }
        }
    }

    /// What the log has written since. A group of it is ten thousands of small messages, and it may have been slower: so
    /// no more of them are seen to in one turn than this many or a little more, and the rest in the next one. That a turn
    /// sees to more than it brings keeps those that wait from becoming ever more.
    fn hear_of_tickets(&mut self, cell: &Arc<Cell>, now: Millis, many: usize, after: &mut After) {
        let mut heard = 0;
        while heard < many {
            let Some(envelope) = self.tickets.pop_front() else { return };
            if let Envelope::Written { ids, positions } = &envelope {
                heard += ids.len();
                exchange(&mut self.machine, ids, positions, &mut after.unneeded);
            }
            self.obey(cell, now, envelope, after);
        }
    }

    fn obey(&mut self, cell: &Arc<Cell>, now: Millis, envelope: Envelope, after: &mut After) {
        if cell.info.delays.is_some() && matches!(envelope, Envelope::Tell(Command::Delete { .. }))
        {
            after.dropped = Cell::messages_of(&self.machine);
        }
        let Some(envelope) = self.look_for_duplicates(cell, now, envelope) else { return };
        if let Envelope::Publish { messages, .. } = &envelope {
            cell.taps.see(messages);
        }
        let Some(envelope) = self.follow(cell, now, envelope) else { return };
        let command = self.executor.admit(envelope, self.standing());
        self.machine.apply(now, command, &mut self.effects);
    }
}
