//! A queue in its cell: an actor by contract, inline by execution.
//!
//! Whoever has commands for the queue puts them into the cell's inbox ([`Cell::enqueue`], never blocks)
//! and then drives it ([`Cell::drive`]). Driving takes the core with `try_lock`: whoever gets it works
//! off everybody's commands; whoever does not returns at once.
//!
//! Invariants:
//! * C1: commands are applied in the order in which they were put in.
//! * C2: nothing stays in the inbox when nobody drives: the holder of the core looks again after it
//!   has let go, and a loser's commands were in before it tried.
//! * C3: effects of one queue reach each connection in the order of the machine, because they are
//!   pushed while the core is held.
//! * C4: while a core is held, only leaves are locked; what needs more (the vhost's table) is done
//!   after the core was let go.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use super::broker::Common;
use super::effective::InForce;
use super::executor::{After, Executor};
use super::pages::{away, cool, exchange, read_page};
use super::payload::Payload;
use super::policy::QueueEffective;
use super::storing::Storing;
use super::{ChannelCredit, Event, Inbox, Vhost};
use crate::base::limits::{
    CELL_INBOX_BATCHES_MAX, DELIVER_BURST_BYTES, DELIVER_BURST_MESSAGES, DRIVE_BURSTS_MAX,
    PAGING_WINDOW_MESSAGES,
};
use crate::base::{ConnectionId, FieldTable, MessageId, Millis, QueueId, QueueName};
use crate::queue::{
    Burst, Command, Consumer, Effects, Incoming, LogMode, Machine, Paging, Progress, QueueConfig,
    Reply, RequestId,
};
use crate::store::{Position, QueueNumber, RecoveredQueue};

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
}

impl QueueInfo {
    /// Whether the definitions keep it: an exclusive queue ends with its connection, durable or not.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.durable && self.exclusive.is_none()
    }
}

/// Something for a queue, with what the executor needs to answer.
pub(super) enum Envelope {
    /// Messages of one publisher.
    Publish {
        /// In order.
        messages: Vec<Incoming<Payload>>,
        /// Who gets the confirms.
        publisher: Arc<Inbox>,
    },
    /// A consumer.
    Attach {
        /// The machine's side.
        consumer: Consumer,
        /// The question.
        request: RequestId,
        /// Its connection.
        connection: ConnectionId,
        /// Where deliveries go.
        inbox: Arc<Inbox>,
        /// The credit of its channel.
        credit: Arc<ChannelCredit>,
    },
    /// A command that is answered.
    Ask {
        /// Carries `request`.
        command: Command<Payload>,
        /// The question.
        request: RequestId,
        /// Where the answer goes.
        inbox: Arc<Inbox>,
    },
    /// A command that is not.
    Tell(Command<Payload>),
    /// The log has these messages.
    Written {
        /// Which, in order.
        ids: Vec<MessageId>,
        /// Where; `None` for one that was settled before it was written.
        positions: Vec<Option<Position>>,
    },
}

/// How much of a long queue stays in RAM.
const PAGING: Paging = Paging { window: PAGING_WINDOW_MESSAGES, piece: 1024 };

/// See the module.
pub struct Cell {
    info: QueueInfo,
    pub(super) in_force: InForce,
    vhost: Weak<Vhost>,
    common: Arc<Common>,
    inbox: Mutex<Vec<Envelope>>,
    core: Mutex<Core>,
    scheduled: AtomicBool,
    crashed: AtomicBool,
    deleted: AtomicBool,
}

struct Core {
    machine: Machine<Payload>,
    effects: Effects<Payload>,
    executor: Executor,
    /// The other half of the inbox: swapped with it, so that both keep their room.
    taken: Vec<Envelope>,
}

impl Cell {
    /// A cell around a queue; `effective` is what is in force for it, and `recovered` is what the log has of it from before.
    pub(super) fn new(
        info: QueueInfo,
        effective: QueueEffective,
        vhost: Weak<Vhost>,
        common: Arc<Common>,
        recovered: Option<RecoveredQueue>,
    ) -> Arc<Self> {
        let storing = common
            .log
            .as_ref()
            .map(|log| Storing::new(Arc::clone(log), info.number, info.is_stored()));
        let config = QueueConfig {
            log: if storing.is_some() { LogMode::Logged } else { LogMode::Volatile },
            auto_delete: info.auto_delete,
            paging: storing.is_some().then_some(PAGING),
        };
        let machine = match recovered {
            Some(recovered) => Machine::recover(config, recovered.next_id, away(&recovered)),
            None => Machine::new(config),
        };
        Arc::new(Self {
            info,
            in_force: InForce::new(effective),
            vhost,
            common,
            inbox: Mutex::new(Vec::new()),
            core: Mutex::new(Core {
                machine,
                effects: Effects::new(),
                executor: Executor::new(storing),
                taken: Vec::new(),
            }),
            scheduled: AtomicBool::new(false),
            crashed: AtomicBool::new(false),
            deleted: AtomicBool::new(false),
        })
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

    /// Puts something in. Takes effect with the next [`Self::drive`], whoever does it.
    pub(super) fn enqueue(&self, envelope: Envelope) {
        self.lock_inbox().push(envelope);
    }

    /// Works off the inbox and hands out messages, unless somebody else is at it.
    pub fn drive(self: &Arc<Self>, now: Millis) {
        let mut bursts_left = DRIVE_BURSTS_MAX;
        loop {
            let mut after = After::default();
            let progress = match self.core() {
                Some(mut core) => self.turn(&mut core, now, &mut bursts_left, &mut after),
                None => return,
            };
            self.perform(after);
            if progress == Progress::More {
                self.schedule();
                return;
            }
            if self.lock_inbox().is_empty() {
                return;
            }
        }
    }

    /// Goes on where a turn ended because its budget was used up. Called by the task that
    /// [`super::Scheduler`] spawned.
    pub fn resume(self: &Arc<Self>) {
        self.scheduled.store(false, Ordering::SeqCst);
        self.drive(self.common.clock.now());
    }

    fn turn(
        self: &Arc<Self>,
        core: &mut Core,
        now: Millis,
        bursts_left: &mut usize,
        after: &mut After,
    ) -> Progress {
        if self.crashed.load(Ordering::SeqCst) {
            self.answer_crashed();
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
            after.refuse_all(&mut core.executor);
            Progress::Idle
        })
    }

    fn perform(self: &Arc<Self>, mut after: After) {
        if after.deleted {
            self.deleted.store(true, Ordering::Relaxed);
            if let Some(vhost) = self.vhost.upgrade() {
                vhost.queue_deleted(&self.info);
            }
        }
        for (inbox, event) in after.events.drain(..) {
            inbox.push([event]);
        }
        if after.bytes_in_ram != after.bytes_before {
            self.common.memory.change(after.bytes_in_ram, after.bytes_before);
            self.common.alarms.observe(&self.common.memory);
        }
        if let Some((from, count)) = after.page_in {
            self.common.scheduler.page_in(Arc::clone(self), from, count);
        }
    }

    /// Brings messages of a long queue back from the log: their places, and the bodies of the first as
    /// far as they fit. Blocks on the disk; called on a thread that may, as [`super::Scheduler`] says.
    pub fn page_in(self: &Arc<Self>, from: MessageId, count: u32) {
        let Some(log) = &self.common.log else { return };
        match read_page(log, self.info.number, from, count) {
            Ok(messages) => {
                self.enqueue(Envelope::Tell(Command::PagedIn { from, messages }));
                self.drive(self.common.clock.now());
            }
            Err(error) => tracing::error!(
                queue = %self.info.name,
                error = %error,
                "messages of this queue cannot be read back from disk; it hands out nothing more"
            ),
        }
    }

    /// The core, unless somebody else is at it. Whoever fills the inbox faster than its driver empties
    /// it waits for a turn of its own: that is the bound of the inbox.
    fn core(&self) -> Option<MutexGuard<'_, Core>> {
        match self.core.try_lock() {
            Ok(core) => Some(core),
            // A turn catches its panics before the lock is let go, and then says `crashed`.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if self.lock_inbox().len() < CELL_INBOX_BATCHES_MAX => {
                None
            }
            Err(TryLockError::WouldBlock) => {
                Some(self.core.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// Drives the queue soon, on a task of its own.
    pub(super) fn schedule(self: &Arc<Self>) {
        if !self.scheduled.swap(true, Ordering::SeqCst) {
            self.common.scheduler.resume(Arc::clone(self));
        }
    }

    fn answer_crashed(&self) {
        for envelope in std::mem::take(&mut *self.lock_inbox()) {
            if let Envelope::Ask { request, inbox, .. } | Envelope::Attach { request, inbox, .. } =
                envelope
            {
                inbox.push([Event::Reply { request, reply: Reply::Gone }]);
            }
        }
    }

    fn lock_inbox(&self) -> MutexGuard<'_, Vec<Envelope>> {
        // A push or a swap cannot leave the list half changed.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    fn turn(
        &mut self,
        cell: &Arc<Cell>,
        now: Millis,
        bursts_left: &mut usize,
        after: &mut After,
    ) -> Progress {
        after.bytes_before = self.machine.ram_bytes();
        let progress = self.work(cell, now, bursts_left, after);
        after.bytes_in_ram = self.machine.ram_bytes();
        progress
    }

    fn work(
        &mut self,
        cell: &Arc<Cell>,
        now: Millis,
        bursts_left: &mut usize,
        after: &mut After,
    ) -> Progress {
        std::mem::swap(&mut *cell.lock_inbox(), &mut self.taken);
        for envelope in self.taken.drain(..) {
            if let Envelope::Written { ids, positions } = &envelope {
                exchange(&mut self.machine, ids, positions);
            }
            let (ready, in_ram) = (self.machine.ready(), self.machine.ram_bytes());
            let command = self.executor.admit(envelope, ready, in_ram);
            self.machine.apply(now, command, &mut self.effects);
        }
        loop {
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
                return Progress::Idle;
            }
            if progress == Progress::More {
                *bursts_left -= 1;
            }
        }
    }
}
