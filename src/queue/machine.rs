//! The queue machine: one deterministic function from commands to effects.
//!
//! It stands between the driver's inbox and the driver's executor (walk (a), "run machine", and walk
//! (b), "machine picks consumer"). It never answers in place and never reaches for the world. [`apply`]
//! takes commands and never hands a message to a consumer; [`deliver`] does only that, in bursts.
//!
//! Between two calls these hold; tests cite the numbers:
//!
//! * **Q1** A message that was taken is in exactly one place: ready, unsettled, or gone. Ids are given
//!   in order of arrival from 1 and never used again. `Release` is emitted once per message, when it is
//!   gone.
//! * **Q2** Ready messages are handed out in order of their ids. A message that returns goes to its old
//!   place, marked redelivered; whatever was handed out once is older than all that never was.
//! * **Q3** An unsettled message has one holder, and only that holder can settle it. It outlives the
//!   consumer that was given it. A holder with neither a consumer nor a message is forgotten.
//! * **Q4** The circle of turns holds exactly the consumers that are open and have credit of their own.
//! * **Q5** A consumer's open messages are those unsettled ones that it was given: never more than its
//!   prefetch. Every settlement returns the credit once; to a consumer that is gone nothing returns.
//! * **Q6** Every publish that wants it is confirmed exactly once: when its message is taken, or, if
//!   the message is appended, when the disk has it or the message is gone, whichever comes first.
//! * **Q7** An exclusive consumer is alone.
//! * **Q8** Counts and bytes are the sums over the messages that are there.
//! * **Q9** A deleted queue holds nothing. It answers every question with `Gone`, and confirms what is
//!   published to it (rabbitmq: confirms.md, a publish that races with a delete): such a message gets
//!   no id, and neither `Append` nor `Release`.
//!
//! [`apply`]: Machine::apply
//! [`deliver`]: Machine::deliver

use crate::base::{ConsumerId, HolderId, MessageId, Millis};

use super::confirms::{ConfirmRun, Waiting};
use super::consumers::{Consumers, Turn};
use super::entry::{Entry, Handed};
use super::ready::Ready;
use super::unsettled::Unsettled;
use super::{
    Burst, Command, Consumer, DeleteCondition, Delivery, Effect, Effects, Incoming, LogMode,
    Progress, QueueConfig, Reply, RequestId, Settlement, SharedCredit,
};

/// One queue: plain data, without a thread, a lock or a clock.
///
/// What a driver may rely on beyond the order of the effects:
///
/// * An answer to [`Command::Attach`] comes before every delivery to that consumer, because only
///   [`Self::deliver`] hands out.
/// * A run of [`Effect::Confirm`] holds only publishes that are safe, each exactly once over the life
///   of the queue. Between the runs of one channel there is no order: a transient message does not wait
///   for a persistent one before it, nor one that is settled already for one that is not on disk.
/// * [`Effect::Release`] comes exactly once for every message that got an id. Messages published to a
///   deleted queue get none, so a driver that counts bytes counts them after [`Self::apply`].
#[derive(Clone, PartialEq, Debug)]
pub struct Machine<P> {
    config: QueueConfig,
    pub(super) ready: Ready<P>,
    pub(super) unsettled: Unsettled<P>,
    pub(super) consumers: Consumers,
    pub(super) waiting: Waiting,
    deleted: bool,
}

impl<P: Clone> Machine<P> {
    /// An empty queue.
    #[must_use]
    pub fn new(config: QueueConfig) -> Self {
        Self {
            config,
            ready: Ready::new(),
            unsettled: Unsettled::new(),
            consumers: Consumers::new(),
            waiting: Waiting::new(),
            deleted: false,
        }
    }

    /// Applies one command. Never hands a message to a consumer.
    pub fn apply(&mut self, _now: Millis, command: Command<P>, effects: &mut Effects<P>) {
        if self.deleted {
            return answer_gone(command, effects);
        }
        match command {
            Command::Enqueue(messages) => self.enqueue(messages, effects),
            Command::Settle { holder, settlement, messages } => {
                self.settle(holder, settlement, &messages, effects);
            }
            Command::Attach { consumer, request } => self.attach(consumer, request, effects),
            Command::Detach { consumer, request } => self.detach(consumer, request, effects),
            Command::Release { holder } => self.release(holder, effects),
            Command::Recover { holder } => self.recover(holder),
            Command::Flow { consumer, flow } => self.consumers.set_flow(consumer, flow),
            Command::Get { holder, request } => self.get(holder, request, effects),
            Command::Purge { request } => self.purge(request, effects),
            Command::Inspect { request } => {
                let reply = Reply::Counts { ready: self.ready(), consumers: self.consumers() };
                effects.push(Effect::Reply { request, reply });
            }
            Command::Delete { condition, request } => self.delete(condition, request, effects),
            Command::Persisted { up_to } => self.persisted(up_to, effects),
        }
    }

    /// Hands ready messages out, one to each consumer in turn, until the burst is used up or nobody
    /// can take one.
    ///
    /// A consumer that `credit` refuses is held until [`Command::Flow`] opens it; see [`SharedCredit`]
    /// for why no opening is lost. `Open` lifts a hold whatever its cause, so a driver that opens a
    /// consumer for its credit while its connection is slow holds it again.
    pub fn deliver(
        &mut self,
        _now: Millis,
        burst: Burst,
        credit: &mut dyn SharedCredit,
        effects: &mut Effects<P>,
    ) -> Progress {
        let mut run = ConfirmRun::new();
        let mut messages = 0;
        let mut bytes = 0;
        let progress = loop {
            if self.ready.is_empty() || !self.consumers.has_turn() {
                break Progress::Idle;
            }
            if messages >= burst.messages || bytes >= burst.bytes {
                break Progress::More;
            }
            let Some(turn) = self.consumers.take_turn(credit) else { break Progress::Idle };
            let Some((id, entry)) = self.ready.pop() else {
                panic!("a ready list that is not empty has a first message");
            };
            messages += 1;
            bytes += entry.bytes;
            self.hand_out(turn, id, entry, &mut run, effects);
        };
        run.emit(effects);
        progress
    }

    /// When the machine wants to be woken; `None`, because nothing in it is timed yet.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        None
    }

    /// Messages that wait to be handed out.
    #[must_use]
    pub fn ready(&self) -> u64 {
        self.ready.len()
    }

    /// The bytes that ready messages cost.
    #[must_use]
    pub fn ready_bytes(&self) -> u64 {
        self.ready.bytes()
    }

    /// Messages that were handed out and are not settled.
    #[must_use]
    pub fn unsettled(&self) -> u64 {
        self.unsettled.len()
    }

    /// The bytes that unsettled messages cost.
    #[must_use]
    pub fn unsettled_bytes(&self) -> u64 {
        self.unsettled.bytes()
    }

    /// Attached consumers.
    #[must_use]
    pub fn consumers(&self) -> u64 {
        self.consumers.len()
    }

    /// Whether the queue is gone (Q9).
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn enqueue(&mut self, messages: Vec<Incoming<P>>, effects: &mut Effects<P>) {
        let mut run = ConfirmRun::new();
        for Incoming { payload, bytes, persistent, publish } in messages {
            let appended = match self.config.log {
                LogMode::Volatile => false,
                LogMode::Logged => persistent,
            };
            if appended {
                let copy = payload.clone();
                let id = self.ready.push(Entry { payload, bytes, redelivered: false, appended });
                effects.push(Effect::Append { id, payload: copy });
                if let Some(publish) = publish {
                    self.waiting.push(id, publish);
                }
            } else {
                self.ready.push(Entry { payload, bytes, redelivered: false, appended });
                if let Some(publish) = publish {
                    run.add(publish, effects);
                }
            }
        }
        run.emit(effects);
    }

    #[inline]
    fn hand_out(
        &mut self,
        turn: Turn,
        id: MessageId,
        entry: Entry<P>,
        run: &mut ConfirmRun,
        effects: &mut Effects<P>,
    ) {
        let Turn { consumer, hold } = turn;
        let Entry { payload, bytes, redelivered, appended } = entry;
        let Some(hold) = hold else {
            let delivery = Delivery { id, payload, redelivered, holder: None };
            effects.push(Effect::Deliver { consumer, delivery });
            return let_go(&mut self.waiting, id, bytes, appended, run, effects);
        };
        let holder = Some(hold.holder);
        let delivery = Delivery { id, payload: payload.clone(), redelivered, holder };
        effects.push(Effect::Deliver { consumer, delivery });
        let entry = Entry { payload, bytes, redelivered, appended };
        self.unsettled.hold(hold.holder_key, id, entry, Some(hold.consumer_key));
    }

    fn settle(
        &mut self,
        holder: HolderId,
        settlement: Settlement,
        messages: &[(MessageId, MessageId)],
        effects: &mut Effects<P>,
    ) {
        let Self { ready, unsettled, consumers, waiting, .. } = self;
        let mut run = ConfirmRun::new();
        for &ids in messages {
            unsettled.take_run(holder, ids, |id, handed| {
                consumers.give_back(handed.consumer);
                let Entry { bytes, appended, .. } = handed.entry;
                match settlement {
                    Settlement::Ack => let_go(waiting, id, bytes, appended, &mut run, effects),
                    Settlement::Requeue => put_back(ready, id, handed),
                    // The place of dead letters: until they are there, rejected is dropped.
                    Settlement::Discard => let_go(waiting, id, bytes, appended, &mut run, effects),
                }
            });
        }
        run.emit(effects);
    }

    fn attach(&mut self, consumer: Consumer, request: RequestId, effects: &mut Effects<P>) {
        // rabbitmq: amqqueue.erl, check_exclusive_access: 403 "in exclusive use".
        let reply = if self.consumers.admits(consumer.access) {
            let holder_key = self.unsettled.join(consumer.holder);
            self.consumers.attach(consumer, holder_key);
            Reply::Attached
        } else {
            Reply::ExclusiveUse
        };
        effects.push(Effect::Reply { request, reply });
    }

    fn detach(
        &mut self,
        consumer: ConsumerId,
        request: Option<RequestId>,
        effects: &mut Effects<P>,
    ) {
        let was_there = self.remove_consumer(consumer);
        if let Some(request) = request {
            effects.push(Effect::Reply { request, reply: Reply::Detached });
        }
        if was_there {
            self.delete_if_unused(effects);
        }
    }

    fn release(&mut self, holder: HolderId, effects: &mut Effects<P>) {
        let mut detached = false;
        while let Some(consumer) = self.consumers.first_of(holder) {
            detached |= self.remove_consumer(consumer);
        }
        self.recover(holder);
        if detached {
            self.delete_if_unused(effects);
        }
    }

    fn recover(&mut self, holder: HolderId) {
        let Self { ready, unsettled, consumers, .. } = self;
        unsettled.take_holder(holder, |id, handed| {
            consumers.give_back(handed.consumer);
            put_back(ready, id, handed);
        });
    }

    fn get(&mut self, holder: Option<HolderId>, request: RequestId, effects: &mut Effects<P>) {
        let Some((id, entry)) = self.ready.pop() else {
            let reply = Reply::Got { delivery: None, ready: 0 };
            return effects.push(Effect::Reply { request, reply });
        };
        let Entry { redelivered, bytes, appended, .. } = entry;
        let delivery = Some(Delivery { id, payload: entry.payload.clone(), redelivered, holder });
        let reply = Reply::Got { delivery, ready: self.ready.len() };
        effects.push(Effect::Reply { request, reply });
        if let Some(holder) = holder {
            self.unsettled.hold_without_consumer(holder, id, entry);
        } else {
            let mut run = ConfirmRun::new();
            let_go(&mut self.waiting, id, bytes, appended, &mut run, effects);
            run.emit(effects);
        }
    }

    fn purge(&mut self, request: RequestId, effects: &mut Effects<P>) {
        let messages = self.ready.len();
        self.drop_ready(effects);
        effects.push(Effect::Reply { request, reply: Reply::Purged { messages } });
    }

    fn delete(
        &mut self,
        condition: DeleteCondition,
        request: Option<RequestId>,
        effects: &mut Effects<P>,
    ) {
        // rabbitmq: amqqueue_process.erl, handle_call({delete, ..}): in use first, then empty.
        let refusal = if condition.if_unused && !self.consumers.is_empty() {
            Some(Reply::InUse)
        } else if condition.if_empty && !self.ready.is_empty() {
            Some(Reply::NotEmpty)
        } else {
            None
        };
        let messages = self.ready.len();
        let refused = refusal.is_some();
        if !refused {
            while let Some(consumer) = self.consumers.first() {
                self.remove_consumer(consumer);
                effects.push(Effect::CancelConsumer { consumer });
            }
            self.drop_everything(effects);
        }
        if let Some(request) = request {
            let reply = refusal.unwrap_or(Reply::Deleted { messages });
            effects.push(Effect::Reply { request, reply });
        }
        if !refused {
            effects.push(Effect::Deleted);
        }
    }

    fn persisted(&mut self, up_to: MessageId, effects: &mut Effects<P>) {
        let mut run = ConfirmRun::new();
        while let Some(publish) = self.waiting.pop_up_to(up_to) {
            run.add(publish, effects);
        }
        run.emit(effects);
    }

    /// Takes a consumer out; what it was given stays with its holder. Says whether it was there.
    fn remove_consumer(&mut self, consumer: ConsumerId) -> bool {
        let attached = self.consumers.detach(consumer);
        if let Some(attached) = &attached {
            self.unsettled.leave(attached.holder_key);
        }
        attached.is_some()
    }

    /// A consumer left: an auto-delete queue goes with the last one.
    fn delete_if_unused(&mut self, effects: &mut Effects<P>) {
        if self.config.auto_delete && self.consumers.is_empty() {
            self.drop_everything(effects);
            effects.push(Effect::Deleted);
        }
    }

    fn drop_ready(&mut self, effects: &mut Effects<P>) {
        let mut run = ConfirmRun::new();
        while let Some((id, Entry { bytes, appended, .. })) = self.ready.pop() {
            let_go(&mut self.waiting, id, bytes, appended, &mut run, effects);
        }
        run.emit(effects);
    }

    fn drop_everything(&mut self, effects: &mut Effects<P>) {
        // All that waits goes now: confirmed in order, not as the messages happen to lie.
        self.persisted(MessageId(u64::MAX), effects);
        self.drop_ready(effects);
        self.unsettled.take_all(|id, Handed { entry: Entry { bytes, appended, .. }, .. }| {
            effects.push(Effect::Release { id, bytes, appended });
        });
        self.deleted = true;
    }
}

/// The message is gone (Q1), and nobody needs to wait for the disk any longer (Q6).
#[inline]
fn let_go<P>(
    waiting: &mut Waiting,
    id: MessageId,
    bytes: u64,
    appended: bool,
    run: &mut ConfirmRun,
    effects: &mut Effects<P>,
) {
    if appended && let Some(publish) = waiting.take(id) {
        run.add(publish, effects);
    }
    effects.push(Effect::Release { id, bytes, appended });
}

/// The message returns to its old place (Q2).
fn put_back<P>(ready: &mut Ready<P>, id: MessageId, handed: Handed<P>) {
    ready.put_back(id, Entry { redelivered: true, ..handed.entry });
}

/// Q9.
fn answer_gone<P>(command: Command<P>, effects: &mut Effects<P>) {
    let request = match command {
        Command::Enqueue(messages) => {
            let mut run = ConfirmRun::new();
            for publish in messages.iter().filter_map(|message| message.publish) {
                run.add(publish, effects);
            }
            return run.emit(effects);
        }
        Command::Settle { .. }
        | Command::Release { .. }
        | Command::Recover { .. }
        | Command::Flow { .. }
        | Command::Persisted { .. } => None,
        Command::Attach { request, .. }
        | Command::Get { request, .. }
        | Command::Purge { request }
        | Command::Inspect { request } => Some(request),
        Command::Detach { request, .. } | Command::Delete { request, .. } => request,
    };
    if let Some(request) = request {
        effects.push(Effect::Reply { request, reply: Reply::Gone });
    }
}
