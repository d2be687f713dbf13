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
//!   consumer that was given it. A holder with neither a consumer nor a message is forgotten. What
//!   needs no ack has a holder only if it is not in RAM, until it is read.
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
//! * **Q10** A long backlog is paged out and in without being seen from outside: order, counts and
//!   answers are those of a queue that keeps everything. A message that is away waits for nothing. A
//!   `Get` whose message is away, and all that comes after it, waits in order for it to be paged in.
//! * **Q11** An index that lost messages, or found some again, stops nothing: what it has is handed out
//!   in order, what it has not is reported as `Lost` once, and what it has damaged is released.
//!
//! [`apply`]: Machine::apply
//! [`deliver`]: Machine::deliver

use std::collections::VecDeque;

use crate::base::{ConsumerId, HolderId, MessageId, Millis};

use super::confirms::{ConfirmRun, Waiting};
use super::consumers::{Consumers, Turn};
use super::entry::{Entry, Facts};
use super::ready::Ready;
use super::releases::Leaving;
use super::unsettled::Unsettled;
use super::{
    Burst, Command, Consumer, DeleteCondition, Delivery, Effect, Effects, Incoming, LogMode,
    Progress, PublishRef, QueueConfig, Reply, RequestId, Residence, Settlement, SharedCredit,
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
    pub(super) config: QueueConfig,
    pub(super) ready: Ready<P>,
    pub(super) unsettled: Unsettled<P>,
    pub(super) consumers: Consumers,
    pub(super) waiting: Waiting,
    /// The highest id that was to be appended.
    pub(super) appended_up_to: MessageId,
    /// The highest id that was to be appended and is on disk, and all before it.
    pub(super) persisted_up_to: MessageId,
    /// Bytes of messages that are away, or here with a handle that says only where they lie.
    pub(super) disk_bytes: u64,
    /// Commands that wait for more to be paged in; the first is a `Get` (Q10).
    pub(super) deferred: VecDeque<Command<P>>,
    deleted: bool,
}

impl<P: Clone> Machine<P> {
    /// An empty queue.
    #[must_use]
    pub fn new(config: QueueConfig) -> Self {
        assert!(
            config.paging.is_none_or(|paging| paging.window > 0 && paging.piece > 0),
            "a window and a piece hold at least one message"
        );
        Self {
            config,
            ready: Ready::new(),
            unsettled: Unsettled::new(),
            consumers: Consumers::new(),
            waiting: Waiting::new(),
            appended_up_to: MessageId(0),
            persisted_up_to: MessageId(0),
            disk_bytes: 0,
            deferred: VecDeque::new(),
            deleted: false,
        }
    }

    /// Applies one command. Never hands a message to a consumer.
    pub fn apply(&mut self, now: Millis, command: Command<P>, effects: &mut Effects<P>) {
        if let Command::PagedIn { from, messages, more } = command {
            self.paged_in(now, from, messages, more, effects);
        } else if self.deferred.is_empty() && !self.must_wait(&command) {
            self.take(now, command, effects);
        } else {
            self.defer(command, effects);
        }
    }

    /// Does what a command asks for, with everything that it needs in RAM.
    #[inline]
    pub(super) fn take(&mut self, _now: Millis, command: Command<P>, effects: &mut Effects<P>) {
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
            Command::Flow { consumer, flow } => self.consumers.set_flow(consumer, flow),
            Command::Get { holder, no_ack, request } => {
                self.get(holder, no_ack, request, effects);
            }
            Command::Purge { request } => self.purge(request, effects),
            Command::Inspect { request } => {
                let reply = Reply::Counts { ready: self.ready(), consumers: self.consumers() };
                effects.push(Effect::Reply { request, reply });
            }
            Command::Delete { condition, request } => self.delete(condition, request, effects),
            Command::Persisted { up_to } => {
                self.persisted(up_to, effects);
                self.page_out(effects);
            }
            Command::PagedIn { .. } => panic!("an answer is taken before it can be deferred (Q10)"),
        }
    }

    /// Hands ready messages out, one to each consumer in turn, until the burst is used up or nobody
    /// can take one. What is away is asked for and not waited for.
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
        let mut leaving = Leaving::new();
        let mut messages = 0;
        let mut bytes = 0;
        let progress = loop {
            if !self.ready.has_first() || !self.consumers.has_turn() {
                break Progress::Idle;
            }
            if messages >= burst.messages || bytes >= burst.bytes {
                break Progress::More;
            }
            let Some(turn) = self.consumers.take_turn(credit) else { break Progress::Idle };
            let Some((id, entry)) = self.ready.pop() else {
                panic!("the first message is there when it is said to be");
            };
            messages += 1;
            bytes += entry.facts.bytes;
            self.hand_out(turn, id, entry, &mut leaving, effects);
        };
        self.finish(leaving, effects);
        if messages > 0 || self.consumers.has_turn() {
            self.page_in(effects);
        }
        progress
    }

    /// The publishes that wait for the disk. For a driver that has to give the machine up.
    pub fn waiting_publishes(&self) -> impl Iterator<Item = PublishRef> + '_ {
        self.waiting.iter().map(|(_, publish)| publish)
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
            let copy = appended.then(|| payload.clone());
            let id = self.ready.push(Entry { payload, facts: Facts::new(bytes, appended) });
            if let Some(payload) = copy {
                self.appended_up_to = id;
                effects.push(Effect::Append { id, payload });
                if let Some(publish) = publish {
                    self.waiting.push(id, publish);
                }
            } else if let Some(publish) = publish {
                run.add(publish, effects);
            }
        }
        run.emit(effects);
        self.page_out(effects);
    }

    #[inline]
    fn hand_out(
        &mut self,
        turn: Turn,
        id: MessageId,
        entry: Entry<P>,
        leaving: &mut Leaving,
        effects: &mut Effects<P>,
    ) {
        let Turn { consumer, holder, holder_key, credit } = turn;
        let Entry { payload, facts } = entry;
        let no_ack = credit.is_none();
        if settles_at_once(no_ack, facts) {
            let delivery = delivery(id, payload, facts, None, no_ack);
            effects.push(Effect::Deliver { consumer, delivery });
            return leaving.let_go(&mut self.waiting, id, facts, effects);
        }
        let delivery = delivery(id, payload.clone(), facts, Some(holder), no_ack);
        effects.push(Effect::Deliver { consumer, delivery });
        self.unsettled.hold(holder_key, id, payload, facts, credit);
    }

    fn settle(
        &mut self,
        holder: HolderId,
        settlement: Settlement,
        messages: &[(MessageId, MessageId)],
        effects: &mut Effects<P>,
    ) {
        let Self { ready, unsettled, consumers, waiting, .. } = self;
        let mut leaving = Leaving::new();
        for &ids in messages {
            unsettled.take_run(holder, ids, |id, payload, facts, consumer| {
                consumers.give_back(consumer);
                match settlement {
                    Settlement::Ack => leaving.let_go(waiting, id, facts, effects),
                    Settlement::Requeue => put_back(ready, id, payload, facts),
                    // The place of dead letters: until they are there, rejected is dropped.
                    Settlement::Discard => leaving.let_go(waiting, id, facts, effects),
                }
            });
        }
        self.finish(leaving, effects);
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
        self.return_all(holder);
        if detached {
            self.delete_if_unused(effects);
        }
    }

    fn return_all(&mut self, holder: HolderId) {
        let Self { ready, unsettled, consumers, .. } = self;
        unsettled.take_holder(holder, |id, payload, facts, consumer| {
            consumers.give_back(consumer);
            put_back(ready, id, payload, facts);
        });
    }

    fn get(
        &mut self,
        holder: HolderId,
        no_ack: bool,
        request: RequestId,
        effects: &mut Effects<P>,
    ) {
        let Some((id, entry)) = self.ready.pop() else {
            let reply = Reply::Got { delivery: None, ready: 0 };
            return effects.push(Effect::Reply { request, reply });
        };
        let facts = entry.facts;
        let holder = (!settles_at_once(no_ack, facts)).then_some(holder);
        let delivery = Some(delivery(id, entry.payload.clone(), facts, holder, no_ack));
        let reply = Reply::Got { delivery, ready: self.ready.len() };
        effects.push(Effect::Reply { request, reply });
        if let Some(holder) = holder {
            self.unsettled.hold_without_consumer(holder, id, entry);
        } else {
            let mut leaving = Leaving::new();
            leaving.let_go(&mut self.waiting, id, facts, effects);
            self.finish(leaving, effects);
        }
        self.page_in(effects);
    }

    fn purge(&mut self, request: RequestId, effects: &mut Effects<P>) {
        let messages = self.ready.len();
        let mut leaving = Leaving::new();
        self.drop_ready(&mut leaving, effects);
        self.finish(leaving, effects);
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
        self.persisted_up_to = self.persisted_up_to.max(up_to.min(self.appended_up_to));
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

    fn drop_ready(&mut self, leaving: &mut Leaving, effects: &mut Effects<P>) {
        loop {
            while let Some((id, Entry { facts, .. })) = self.ready.pop() {
                leaving.let_go(&mut self.waiting, id, facts, effects);
            }
            let Some(away) = self.ready.drop_away() else { break };
            leaving.let_go_away(away, effects);
        }
    }

    fn drop_everything(&mut self, effects: &mut Effects<P>) {
        // All that waits goes now: confirmed in order, not as the messages happen to lie.
        self.persisted(MessageId(u64::MAX), effects);
        let mut leaving = Leaving::new();
        self.drop_ready(&mut leaving, effects);
        let Self { unsettled, waiting, .. } = self;
        unsettled.take_all(|id, _, facts, _| {
            leaving.let_go(waiting, id, facts, effects);
        });
        self.finish(leaving, effects);
        self.deleted = true;
    }

    pub(super) fn finish(&mut self, leaving: Leaving, effects: &mut Effects<P>) {
        self.disk_bytes -= leaving.finish(effects);
    }
}

#[inline]
fn delivery<P>(
    id: MessageId,
    payload: P,
    facts: Facts,
    holder: Option<HolderId>,
    no_ack: bool,
) -> Delivery<P> {
    let (delivery_count, until_read) = (facts.delivery_count(), no_ack && holder.is_some());
    Delivery { id, payload, redelivered: delivery_count > 0, delivery_count, holder, until_read }
}

/// Whether handing a message out is the end of it (Q3).
#[inline]
fn settles_at_once(no_ack: bool, facts: Facts) -> bool {
    no_ack && facts.residence() == Residence::Ram
}

/// The message returns to its old place (Q2).
fn put_back<P>(ready: &mut Ready<P>, id: MessageId, payload: P, mut facts: Facts) {
    facts.count_delivery();
    ready.put_back(id, Entry { payload, facts });
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
        | Command::Flow { .. }
        | Command::Persisted { .. }
        | Command::PagedIn { .. } => None,
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
