//! The queue machine: one deterministic function from commands to effects.
//!
//! It stands between the driver's inbox and the driver's executor (walk (a), "run machine", and walk
//! (b), "machine picks consumer"). It never answers in place and never reaches for the world. [`apply`]
//! takes commands and never hands a message to a consumer; [`deliver`] does only that, in bursts.
//!
//! Between two calls these hold; tests cite the numbers:
//!
//! * **Q1** A message that was taken is in exactly one place: ready, unsettled, delayed, departing,
//!   or gone. Ids are given
//!   in order of arrival from 1 and never used again. `Release` is emitted once per message, when it is
//!   gone.
//! * **Q2** Ready messages are handed out in order of their ids. A message that returns goes to its old
//!   place, marked redelivered; whatever was handed out once is older than all that never was.
//! * **Q3** An unsettled message has one holder, and only that holder can settle it. It outlives the
//!   consumer that was given it. A holder with neither a consumer nor a message is forgotten. What
//!   needs no ack has a holder only if it is not in RAM, until it is read.
//! * **Q4** The circles of turns hold exactly the consumers that are open, have credit of their own and
//!   do not stand by, each in that of its priority; only the highest circle turns.
//! * **Q5** A consumer's open messages are those unsettled ones that it was given: never more than its
//!   prefetch. Every settlement returns the credit once; to a consumer that is gone nothing returns.
//! * **Q6** Every publish that wants it is confirmed or refused, exactly once. A refused one gets no id.
//!   A confirm comes when its message is taken, or, if
//!   the message is appended, when the disk has it or the message is gone, whichever comes first.
//! * **Q7** An exclusive consumer is alone.
//! * **Q8** Counts and bytes are the sums over the messages that are there.
//! * **Q9** A deleted queue holds nothing. It answers every question with `Gone`, and confirms what is
//!   published to it (rabbitmq: confirms.md, a publish that races with a delete): such a message gets
//!   no id, and neither `Append` nor `Release`.
//! * **Q10** A long backlog is paged out and in without being seen from outside: order, counts and
//!   answers are those of a queue that keeps everything. A message that is away waits for nothing. A
//!   `Get` whose message is away, and all that comes after it, waits in order for it to be paged in.
//!   An index that lost messages, or found some again, stops nothing: what it has is handed out in
//!   order, what it has not is reported as `Lost` once, and what it has damaged is released.
//! * **Q11** A message that is given up while dead letters are configured is announced once
//!   (`DeadLetter`) and departs: it counts neither as ready nor as unsettled, its bytes stay, and it is
//!   gone when it has `Departed`. So a crash between the two loses nothing: after a restart it is ready
//!   at its old place.
//! * **Q12** A message is never handed out after the moment at which it expires, wherever it was in
//!   between. Only the head expires. What expired is given up in bounded steps, and costs no look at
//!   what did not.
//! * **Q13** After consumers were given what they can take, a queue with a limit is within it, or has a
//!   deadline that has passed, or waits for a page or for dead letters to arrive. What goes first is what
//!   would have been handed out first.
//! * **Q14** In a queue with a single active consumer exactly one is active while there is any; the
//!   others are given nothing. What a former one holds stays with its holder.
//! * **Q15** A consumer that has not settled a message in time is detached, once, and everything that it
//!   was given returns. A queue that nobody used for long enough is deleted.
//! * **Q16** A delayed message is nobody's and not ready. At its moment it is ready at its old place, or
//!   departs; those with one moment in order of their ids.
//! * **Q17** In a queue with priorities Q2 holds within each priority, and a higher one goes first. It
//!   pages nothing out.
//!
//! [`apply`]: Machine::apply
//! [`deliver`]: Machine::deliver

use std::collections::VecDeque;

use crate::base::{ConsumerId, HolderId, MessageId, Millis};

use super::confirms::{ConfirmRun, Waiting};
use super::consumers::{Consumers, Turn};
use super::delayed::Delayed;
use super::departing::{Departing, Losses};
use super::ending::answer_gone;
use super::entry::{Entry, Facts};
use super::expiry::{Expiries, Head};
use super::ready::Ready;
use super::releases::Leaving;
use super::unsettled::Unsettled;
use super::{
    Access, Attempt, Burst, Command, Consumer, Delivery, Effect, Effects, Incoming, LogMode,
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
    pub(super) departing: Departing<P>,
    pub(super) delayed: Delayed<P>,
    pub(super) expiries: Expiries,
    /// Whether a message that expires ever came.
    pub(super) may_expire: bool,
    pub(super) losses: Losses,
    /// How many messages those are that were given up.
    pub(super) dropped: u64,
    /// When the queue was used last, as far as that matters.
    pub(super) used_at: Option<Millis>,
    /// The shortest time-out that a consumer has or had.
    pub(super) shortest_timeout: Option<u64>,
    /// The earliest moment at which a consumer could be late.
    pub(super) late_at: Option<Millis>,
    /// Whether nothing is to be looked at beside the commands.
    pub(super) plain: bool,
    pub(super) deleted: bool,
}

impl<P: Clone> Machine<P> {
    /// An empty queue.
    #[must_use]
    pub fn new(config: QueueConfig) -> Self {
        assert!(
            config.paging.is_none_or(|paging| paging.window > 0 && paging.piece > 0),
            "a window and a piece hold at least one message"
        );
        let mut machine = Self {
            config,
            ready: Ready::new(&config),
            unsettled: Unsettled::new(),
            consumers: Consumers::new(config.single_active),
            waiting: Waiting::new(),
            appended_up_to: MessageId(0),
            persisted_up_to: MessageId(0),
            disk_bytes: 0,
            deferred: VecDeque::new(),
            departing: Departing::new(),
            delayed: Delayed::new(),
            expiries: Expiries::new(),
            may_expire: false,
            losses: Losses::default(),
            dropped: 0,
            used_at: None,
            shortest_timeout: None,
            late_at: None,
            plain: true,
            deleted: false,
        };
        machine.plain = machine.is_plain();
        machine
    }

    /// Applies one command. Never hands a message to a consumer.
    pub fn apply(&mut self, now: Millis, command: Command<P>, effects: &mut Effects<P>) {
        if !self.plain {
            self.before(now, &command, effects);
        }
        if let Command::PagedIn { from, messages, more } = command {
            self.paged_in(now, from, messages, more, effects);
        } else if self.deferred.is_empty() && !self.must_wait(now, &command) || is_upkeep(&command)
        {
            self.take(now, command, effects);
        } else {
            self.defer(command, effects);
        }
        if !self.plain {
            self.after(now, effects);
        }
    }

    /// Does what a command asks for, with everything that it needs in RAM.
    #[inline]
    pub(super) fn take(&mut self, now: Millis, command: Command<P>, effects: &mut Effects<P>) {
        if self.deleted {
            return answer_gone(command, effects);
        }
        match command {
            Command::Enqueue(messages) => self.enqueue(now, messages, effects),
            Command::Settle { holder, settlement, messages } => {
                self.settle(now, holder, settlement, &messages, effects);
            }
            Command::Attach { consumer, request } => self.attach(consumer, request, effects),
            Command::Detach { consumer, request } => self.detach(consumer, request, effects),
            Command::Release { holder } => self.release(now, holder, effects),
            Command::Flow { consumer, flow } => self.consumers.set_flow(consumer, flow),
            Command::Get { holder, no_ack, request } => {
                self.get(now, holder, no_ack, request, effects);
            }
            Command::Purge { request } => self.purge(request, effects),
            Command::Inspect { request } => {
                let reply = Reply::Counts { ready: self.ready(), consumers: self.consumers() };
                effects.push(Effect::Reply { request, reply });
            }
            Command::Delete { condition, request } => self.delete(condition, request, effects),
            Command::Configure(config) => self.configure(now, *config),
            Command::Tick => {}
            Command::Departed { runs } => {
                let mut leaving = Leaving::new();
                self.departed(&runs, &mut leaving, effects);
                self.finish(leaving, effects);
            }
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
        now: Millis,
        burst: Burst,
        credit: &mut dyn SharedCredit,
        effects: &mut Effects<P>,
    ) -> Progress {
        if !self.plain {
            self.wake(now, effects);
        }
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
            if !self.plain {
                match self.look_at_head(now, effects) {
                    Head::Fit => {}
                    Head::Changed => continue,
                    Head::Later => break Progress::More,
                    Head::Stuck => break Progress::Idle,
                }
            }
            let Some(turn) = self.consumers.take_turn(credit) else { break Progress::Idle };
            let Some((id, entry)) = self.ready.pop() else {
                panic!("the first message is there when it is said to be");
            };
            messages += 1;
            bytes += entry.facts.bytes;
            self.hand_out(now, turn, id, entry, &mut leaving, effects);
        };
        self.finish(leaving, effects);
        if messages > 0 || self.consumers.has_turn() {
            self.page_in(effects);
        }
        if !self.plain && messages > 0 {
            self.watch(now);
        }
        if !self.plain && progress == Progress::Idle {
            self.expire(now, effects);
            self.after(now, effects);
        }
        progress
    }

    /// The publishes that wait for the disk. For a driver that has to give the machine up.
    pub fn waiting_publishes(&self) -> impl Iterator<Item = PublishRef> + '_ {
        self.waiting.iter().map(|(_, publish)| publish)
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

    /// The consumers, each with how many unsettled messages it was given and whether it may be given any:
    /// not when another one is the single active consumer.
    pub fn attached(&self) -> impl Iterator<Item = (&Consumer, u32, bool)> {
        let all = self.consumers.attached();
        all.map(|attached| (&attached.consumer, attached.unsettled, !attached.stands_by))
    }

    /// Whether the queue is gone (Q9).
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn enqueue(&mut self, now: Millis, messages: Vec<Incoming<P>>, effects: &mut Effects<P>) {
        let (mut run, mut messages) = (ConfirmRun::new(), messages.into_iter());
        if !self.plain {
            return self.enqueue_arranged(now, None, messages, run, effects);
        }
        while let Some(message) = messages.next() {
            if message.ttl.is_some() {
                return self.enqueue_arranged(now, Some(message), messages, run, effects);
            }
            let Incoming { payload, bytes, persistent, publish, .. } = message;
            let appended = self.appends(persistent);
            let copy = appended.then(|| payload.clone());
            let id = self.ready.push(Entry { payload, facts: Facts::new(bytes, appended) });
            self.taken_in(id, copy, publish, &mut run, effects);
        }
        run.emit(effects);
        self.page_out(effects);
    }

    /// Whether a message is to be appended to the log.
    #[inline]
    pub(super) fn appends(&self, persistent: bool) -> bool {
        match self.config.log {
            LogMode::Volatile => false,
            LogMode::Logged => persistent,
        }
    }

    /// A message has an id: it is appended, or its publish is confirmed.
    #[inline]
    pub(super) fn taken_in(
        &mut self,
        id: MessageId,
        copy: Option<P>,
        publish: Option<PublishRef>,
        run: &mut ConfirmRun,
        effects: &mut Effects<P>,
    ) {
        if let Some(payload) = copy {
            self.append(id, payload, publish, effects);
        } else if let Some(publish) = publish {
            run.add(publish, effects);
        }
    }

    #[inline(never)]
    fn append(
        &mut self,
        id: MessageId,
        payload: P,
        publish: Option<PublishRef>,
        effects: &mut Effects<P>,
    ) {
        self.appended_up_to = id;
        effects.push(Effect::Append { id, payload });
        if let Some(publish) = publish {
            self.waiting.push(id, publish);
        }
    }

    #[inline]
    fn hand_out(
        &mut self,
        now: Millis,
        turn: Turn,
        id: MessageId,
        entry: Entry<P>,
        leaving: &mut Leaving,
        effects: &mut Effects<P>,
    ) {
        let Turn { consumer, holder, holder_key, credit } = turn;
        let Entry { payload, facts } = entry;
        let no_ack = credit.is_none();
        let settled = settles_at_once(no_ack, facts);
        if facts.expires() {
            self.keep_expiry(id, !settled);
        }
        if settled {
            let delivery = delivery(id, payload, facts, None, no_ack);
            effects.push(Effect::Deliver { consumer, delivery });
            return leaving.let_go(&mut self.waiting, id, facts, effects);
        }
        let delivery = delivery(id, payload.clone(), facts, Some(holder), no_ack);
        effects.push(Effect::Deliver { consumer, delivery });
        self.unsettled.hold(holder_key, id, payload, facts, credit, now);
    }

    fn settle(
        &mut self,
        now: Millis,
        holder: HolderId,
        settlement: Settlement,
        messages: &[(MessageId, MessageId)],
        effects: &mut Effects<P>,
    ) {
        if settlement != Settlement::Ack {
            return self.give_back(now, holder, settlement, messages, effects);
        }
        let Self { unsettled, consumers, waiting, .. } = self;
        let mut leaving = Leaving::new();
        for &ids in messages {
            unsettled.take_run(holder, ids, |id, _, facts, consumer| {
                consumers.give_back(consumer);
                leaving.let_go(waiting, id, facts, effects);
            });
        }
        self.finish(leaving, effects);
    }

    fn attach(&mut self, consumer: Consumer, request: RequestId, effects: &mut Effects<P>) {
        // rabbitmq: amqqueue.erl, check_exclusive_access: 403 "in exclusive use".
        let reply = if self.config.single_active && consumer.access == Access::Exclusive {
            Reply::SingleActive
        } else if self.consumers.admits(consumer.access) {
            let holder_key = self.unsettled.join(consumer.holder);
            self.consumers.attach(consumer, holder_key);
            self.note_timeout(&consumer);
            Reply::Attached
        } else {
            Reply::ExclusiveUse
        };
        effects.push(Effect::Reply { request, reply });
        self.elect(effects);
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
            self.elect(effects);
            self.delete_if_unused(effects);
        }
    }

    fn release(&mut self, now: Millis, holder: HolderId, effects: &mut Effects<P>) {
        let mut detached = false;
        while let Some(consumer) = self.consumers.first_of(holder) {
            detached |= self.remove_consumer(consumer);
        }
        self.return_all(now, holder, Attempt::Failed, effects);
        if detached {
            self.elect(effects);
            self.delete_if_unused(effects);
        }
    }

    /// Everything that a holder holds returns.
    fn return_all(
        &mut self,
        now: Millis,
        holder: HolderId,
        attempt: Attempt,
        effects: &mut Effects<P>,
    ) {
        let all = (MessageId(0), MessageId(u64::MAX));
        self.settle(now, holder, Settlement::Requeue(attempt), &[all], effects);
    }

    fn get(
        &mut self,
        now: Millis,
        holder: HolderId,
        no_ack: bool,
        request: RequestId,
        effects: &mut Effects<P>,
    ) {
        let expired = !self.plain && self.head_expired(now);
        let Some((id, entry)) = (if expired { None } else { self.ready.pop() }) else {
            let reply = Reply::Got { delivery: None, ready: self.ready.len() };
            return effects.push(Effect::Reply { request, reply });
        };
        let facts = entry.facts;
        let holder = (!settles_at_once(no_ack, facts)).then_some(holder);
        if facts.expires() {
            self.keep_expiry(id, holder.is_some());
        }
        let delivery = Some(delivery(id, entry.payload.clone(), facts, holder, no_ack));
        let reply = Reply::Got { delivery, ready: self.ready.len() };
        effects.push(Effect::Reply { request, reply });
        if let Some(holder) = holder {
            self.unsettled.hold_without_consumer(holder, id, entry, now);
        } else {
            let mut leaving = Leaving::new();
            leaving.let_go(&mut self.waiting, id, facts, effects);
            self.finish(leaving, effects);
        }
        self.page_in(effects);
    }

    pub(super) fn persisted(&mut self, up_to: MessageId, effects: &mut Effects<P>) {
        let mut run = ConfirmRun::new();
        while let Some(publish) = self.waiting.pop_up_to(up_to) {
            run.add(publish, effects);
        }
        run.emit(effects);
        self.persisted_up_to = self.persisted_up_to.max(up_to.min(self.appended_up_to));
    }

    /// Takes a consumer out; what it was given stays with its holder. Says whether it was there.
    pub(super) fn remove_consumer(&mut self, consumer: ConsumerId) -> bool {
        let attached = self.consumers.detach(consumer);
        if let Some(attached) = &attached {
            self.unsettled.leave(attached.holder_key);
        }
        attached.is_some()
    }

    pub(super) fn finish(&mut self, leaving: Leaving, effects: &mut Effects<P>) {
        let left = leaving.finish(effects);
        self.disk_bytes -= left.disk_bytes;
        for id in left.expiring {
            self.expiries.forget(id);
        }
    }
}

/// What changes nothing that somebody who waits could see, and may be what they wait for (Q10).
fn is_upkeep<P>(command: &Command<P>) -> bool {
    matches!(command, Command::Tick | Command::Departed { .. })
}

#[inline]
fn delivery<P>(
    id: MessageId,
    payload: P,
    facts: Facts,
    holder: Option<HolderId>,
    no_ack: bool,
) -> Delivery<P> {
    let (acquired_count, until_read) = (facts.acquired_count(), no_ack && holder.is_some());
    let (redelivered, delivery_count) = (acquired_count > 0, facts.delivery_count());
    Delivery { id, payload, redelivered, acquired_count, delivery_count, holder, until_read }
}

/// Whether handing a message out is the end of it (Q3).
#[inline]
fn settles_at_once(no_ack: bool, facts: Facts) -> bool {
    no_ack && facts.residence() == Residence::Ram
}
