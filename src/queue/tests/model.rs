//! A queue of plain vectors, written from the rules and not from the machine: every step looks at
//! everything.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::base::{ConsumerId, HolderId, MessageId, Millis, TimeToLive};
use crate::queue::{
    Access, Acknowledge, Attempt, Burst, Command, Consumer, DeadLetter, DeleteCondition, Delivery,
    Effect, Flow, Incoming, LogMode, Overflow, Paged, Progress, PublishRef, QueueConfig, Reason,
    Reply, RequestId, Settlement, SharedCredit, Span, WhenDue,
};

/// A message that came.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) payload: u64,
    pub(super) bytes: u64,
    pub(super) acquired_count: u16,
    pub(super) delivery_count: u32,
    pub(super) appended: bool,
    pub(super) unconfirmed: Option<PublishRef>,
    pub(super) expires: Option<u64>,
    pub(super) priority: u8,
    pub(super) place: Place,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Place {
    Ready,
    Held { holder: HolderId, consumer: Option<ConsumerId> },
    Delayed { until: u64 },
    Departing,
    Gone,
}

/// A consumer.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) consumer: Consumer,
    pub(super) flow: Flow,
}

/// How many messages are where.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Counts {
    pub(super) came: usize,
    pub(super) ready: usize,
    pub(super) held: usize,
    pub(super) delayed: usize,
    pub(super) departing: usize,
    pub(super) gone: usize,
}

/// Every message that ever came, everybody who is there, and the line of those whose turn comes.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) config: QueueConfig,
    pub(super) messages: Vec<Message>,
    pub(super) members: Vec<Member>,
    pub(super) line: Vec<ConsumerId>,
    pub(super) active: Option<ConsumerId>,
    pub(super) next: u64,
    pub(super) now: u64,
    pub(super) deleted: bool,
    /// Messages that are not in RAM when they are handed out, so that they are held without acks too.
    /// The model has no RAM: whoever compares says so.
    pub(super) cold: BTreeSet<u64>,
}

impl Model {
    /// A queue that holds these messages already.
    pub(super) fn recover(config: QueueConfig, next: MessageId, past: &[Paged<u64>]) -> Self {
        let message = |message: &Paged<u64>| {
            let Paged {
                id,
                payload,
                bytes,
                acquired_count,
                delivery_count,
                appended,
                priority,
                ..
            } = *message;
            let priority = priority.min(config.max_priority.unwrap_or(0));
            let (id, unconfirmed, expires, place) = (id.0, None, None, Place::Ready);
            Message {
                id,
                payload,
                bytes,
                acquired_count,
                // A restart forgets it.
                delivery_count,
                appended,
                unconfirmed,
                expires,
                priority,
                place,
            }
        };
        let messages = past.iter().map(message).collect();
        Self {
            config,
            messages,
            members: vec![],
            line: vec![],
            active: None,
            next: next.0,
            now: 0,
            deleted: false,
            cold: BTreeSet::new(),
        }
    }

    /// Whether a message ever had this id.
    pub(super) fn knows(&self, id: u64) -> bool {
        self.messages.iter().any(|message| message.id == id)
    }

    /// The handle of a message.
    pub(super) fn payload(&self, id: u64) -> Option<u64> {
        self.messages.iter().find(|message| message.id == id).map(|message| message.payload)
    }

    /// The ids of the messages that are not gone.
    pub(super) fn present(&self) -> Vec<u64> {
        let present = self.messages.iter().filter(|message| message.place != Place::Gone);
        present.map(|message| message.id).collect()
    }

    /// Messages that came, and how many of them are in each place.
    pub(super) fn counts(&self) -> Counts {
        let count = |is: fn(&Message) -> bool| self.messages.iter().filter(|m| is(m)).count();
        Counts {
            came: self.messages.len(),
            ready: count(|m| m.place == Place::Ready),
            held: count(|m| matches!(m.place, Place::Held { .. })),
            delayed: count(|m| matches!(m.place, Place::Delayed { .. })),
            departing: count(|m| m.place == Place::Departing),
            gone: count(|m| m.place == Place::Gone),
        }
    }

    /// Bytes that are ready and held.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let sum = |is: fn(&Message) -> bool| {
            self.messages.iter().filter(|m| is(m)).map(|m| m.bytes).sum::<u64>()
        };
        (sum(|m| m.place == Place::Ready), sum(|m| matches!(m.place, Place::Held { .. })))
    }

    pub(super) fn member_ids(&self) -> Vec<ConsumerId> {
        self.members.iter().map(|member| member.consumer.id).collect()
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deleted
    }

    pub(super) fn apply(&mut self, now: Millis, command: Command<u64>) -> Vec<Effect<u64>> {
        let mut out = Vec::new();
        if self.deleted {
            Self::apply_deleted(command, &mut out);
            return out;
        }
        self.now = now.0;
        self.wake(&mut out);
        if matches!(command, Command::Get { .. } | Command::Tick) {
            self.expire(now.0 + 1, &mut out);
        }
        self.expire(now.0, &mut out);
        self.take(command, &mut out);
        if !self.deleted {
            self.expire(now.0, &mut out);
            self.drop_surplus(&mut out);
        }
        out
    }

    fn take(&mut self, command: Command<u64>, out: &mut Vec<Effect<u64>>) {
        match command {
            Command::Enqueue(messages) => self.enqueue_all(&messages, out),
            Command::Settle { holder, settlement, messages } => {
                for (first, last) in messages {
                    self.settle(holder, settlement, first.0, last.0, out);
                }
            }
            Command::Attach { consumer, request } => self.attach(consumer, request, out),
            Command::Detach { consumer, request } => {
                out.extend(request.map(|r| answer(r, Reply::Detached)));
                self.leave(|member| member.id == consumer, out);
            }
            Command::Release { holder } => {
                self.settle(holder, Settlement::Requeue(Attempt::Failed), 0, u64::MAX, out);
                self.leave(|member| member.holder == holder, out);
            }
            Command::Flow { consumer, flow } => {
                self.members
                    .iter_mut()
                    .filter(|member| member.consumer.id == consumer)
                    .for_each(|member| member.flow = flow);
                self.line_up();
            }
            Command::Get { holder, no_ack, request } => self.get(holder, no_ack, request, out),
            Command::Purge { request } => {
                let ready = self.all(|message| message.place == Place::Ready);
                for at in &ready {
                    self.drop_message(*at, out);
                }
                out.push(answer(request, Reply::Purged { messages: ready.len() as u64 }));
            }
            Command::Inspect { request } => {
                let ready = self.counts().ready as u64;
                let consumers = self.members.len() as u64;
                out.push(answer(request, Reply::Counts { ready, consumers }));
            }
            Command::Delete { condition, request } => self.delete(condition, request, out),
            Command::Persisted { up_to } => {
                for message in self.messages.iter_mut().filter(|m| m.id <= up_to.0) {
                    out.extend(message.unconfirmed.take().map(confirm_one));
                }
            }
            Command::Configure(config) => {
                self.configure(*config);
            }
            Command::Tick => {}
            Command::Departed { runs } => self.departed(&runs, out),
            Command::PagedIn { .. } => panic!("the model has nothing away"),
        }
    }

    pub(super) fn deliver(
        &mut self,
        now: Millis,
        burst: Burst,
        credit: &mut dyn SharedCredit,
    ) -> (Vec<Effect<u64>>, Progress) {
        self.now = now.0;
        let mut out = Vec::new();
        if !self.deleted {
            self.wake(&mut out);
        }
        let (mut messages, mut bytes) = (0, 0);
        loop {
            let head = self.head().filter(|_| !self.line.is_empty());
            let Some(at) = head else { return (self.idle(out), Progress::Idle) };
            if messages >= burst.messages || bytes >= burst.bytes {
                return (out, Progress::More);
            }
            self.expire(self.now, &mut out);
            if self.head() != Some(at) {
                continue;
            }
            if self.messages[at].expires.is_some_and(|moment| moment < self.now) {
                return (self.idle(out), Progress::Idle);
            }
            let id = self.line.remove(0);
            let members = self.members.iter_mut();
            let member = members.into_iter().find(|member| member.consumer.id == id);
            let member = member.expect("the line holds members");
            let consumer = member.consumer;
            let no_ack = match consumer.acknowledge {
                Acknowledge::Manual { shared: true, .. } if !credit.try_take(consumer.holder) => {
                    member.flow = Flow::Held;
                    continue;
                }
                Acknowledge::Manual { .. } => false,
                Acknowledge::Automatic => true,
            };
            let delivery = self.delivery(at, consumer.holder, no_ack);
            let holder = delivery.holder;
            out.push(Effect::Deliver { consumer: id, delivery });
            self.give(at, holder, (!no_ack).then_some(id), &mut out);
            self.line_up();
            messages += 1;
            bytes += self.messages[at].bytes;
        }
    }

    fn apply_deleted(command: Command<u64>, out: &mut Vec<Effect<u64>>) {
        let request = match command {
            Command::Enqueue(messages) => {
                out.extend(messages.into_iter().filter_map(|m| m.publish).map(confirm_one));
                None
            }
            Command::Attach { request, .. }
            | Command::Get { request, .. }
            | Command::Purge { request }
            | Command::Inspect { request } => Some(request),
            Command::Detach { request, .. } | Command::Delete { request, .. } => request,
            _ => None,
        };
        out.extend(request.map(|request| answer(request, Reply::Gone)));
    }

    fn departed(&mut self, runs: &[(MessageId, MessageId)], out: &mut Vec<Effect<u64>>) {
        for (first, last) in runs {
            let arrived = self.all(|message| {
                message.place == Place::Departing && (first.0..=last.0).contains(&message.id)
            });
            for at in arrived {
                self.drop_message(at, out);
            }
        }
    }

    fn enqueue_all(&mut self, messages: &[Incoming<u64>], out: &mut Vec<Effect<u64>>) {
        // What consumers can take at once, beyond what waits for them.
        let (credit, ready) = (self.credit(), self.counts().ready as u64);
        let bytes = if credit < ready { self.bytes().0 } else { 0 };
        let staying = (ready.saturating_sub(credit), bytes);
        let mut room = (credit.saturating_sub(ready), staying);
        for message in messages {
            self.enqueue(&mut room, message, out);
        }
    }

    fn enqueue(
        &mut self,
        room: &mut (u64, (u64, u64)),
        message: &Incoming<u64>,
        out: &mut Vec<Effect<u64>>,
    ) {
        let Incoming { payload, bytes, persistent, publish, ttl, priority, due } = *message;
        let priority = priority.min(self.config.max_priority.unwrap_or(0));
        if self.refuses(room, bytes) {
            let dlx = self.config.overflow == Overflow::RejectPublishDlx
                && self.config.dead_letter != DeadLetter::Drop;
            if dlx {
                out.push(Effect::DeadLetterRefused { payload, reason: Reason::MaxLen });
            }
            out.extend(publish.map(|publish| Effect::Refuse { publish }));
            return;
        }
        let ttl = ttl.map(TimeToLive::ms).into_iter().chain(self.config.message_ttl).min();
        let expires = ttl.map(|ttl| self.now + ttl);
        let id = self.next;
        self.next += 1;
        let appended = persistent && self.config.log == LogMode::Logged;
        if appended {
            out.push(Effect::Append { id: MessageId(id), payload });
        } else {
            out.extend(publish.map(confirm_one));
        }
        let unconfirmed = publish.filter(|_| appended);
        let due = due.map(|delay| self.now + u64::from(delay.ms()));
        let place = match (self.config.due, due) {
            (WhenDue::Ready, Some(until)) if until > self.now => Place::Delayed { until },
            (WhenDue::Forward, Some(until)) => Place::Delayed { until },
            _ => Place::Ready,
        };
        let (acquired_count, delivery_count) = (0, 0);
        let message = Message {
            id,
            payload,
            bytes,
            acquired_count,
            delivery_count,
            appended,
            unconfirmed,
            expires,
            priority,
            place,
        };
        self.messages.push(message);
    }

    fn settle(
        &mut self,
        by: HolderId,
        settlement: Settlement,
        first: u64,
        last: u64,
        out: &mut Vec<Effect<u64>>,
    ) {
        let held = self.all(|message| {
            matches!(message.place, Place::Held { holder, .. } if holder == by)
                && (first..=last).contains(&message.id)
        });
        for at in held {
            match settlement {
                Settlement::Ack => self.drop_message(at, out),
                Settlement::Discard => self.give_up(Reason::Rejected, at, out),
                Settlement::Requeue(attempt) => {
                    let message = &mut self.messages[at];
                    message.place = Place::Ready;
                    message.acquired_count = message.acquired_count.saturating_add(1);
                    message.delivery_count += u32::from(attempt == Attempt::Failed);
                    let limit = self.config.delivery_limit.unwrap_or(u32::MAX);
                    let (count, id) = (message.delivery_count, MessageId(message.id));
                    let is_kept = self.config.keeps_failures && message.appended;
                    if count > limit {
                        self.give_up(Reason::DeliveryLimit, at, out);
                    } else {
                        if is_kept && attempt == Attempt::Failed {
                            out.push(Effect::AttemptFailed { id });
                        }
                        if let Some(delay) = self.delay(count, attempt) {
                            self.messages[at].place = Place::Delayed { until: self.now + delay };
                        }
                    }
                }
            }
            self.line_up();
        }
    }

    fn attach(&mut self, consumer: Consumer, request: RequestId, out: &mut Vec<Effect<u64>>) {
        let mut everybody = self.members.iter().map(|member| member.consumer.access);
        if self.config.single_active && consumer.access == Access::Exclusive {
            out.push(answer(request, Reply::SingleActive));
            return;
        }
        let refused = everybody.any(|access| access == Access::Exclusive)
            || (consumer.access == Access::Exclusive && !self.members.is_empty());
        if refused {
            out.push(answer(request, Reply::ExclusiveUse));
            return;
        }
        self.members.push(Member { consumer, flow: Flow::Open });
        self.line_up();
        out.push(answer(request, Reply::Attached));
        self.elect(out);
    }

    /// The first of the highest priority becomes active, when nobody is.
    fn elect(&mut self, out: &mut Vec<Effect<u64>>) {
        let before = self.active;
        self.active = before.filter(|id| self.member_ids().contains(id));
        if self.config.single_active && self.active.is_none() {
            let highest = self.members.iter().map(|member| member.consumer.priority).max();
            let mut all = self.members.iter().map(|member| member.consumer);
            let next = all.find(|consumer| Some(consumer.priority) == highest);
            self.active = next.map(|consumer| consumer.id);
        }
        if self.active != before {
            out.push(Effect::ActiveConsumer { consumer: self.active });
        }
        self.line_up();
    }

    fn leave(&mut self, who: impl Fn(&Consumer) -> bool, out: &mut Vec<Effect<u64>>) {
        let before = self.members.len();
        self.members.retain(|member| !who(&member.consumer));
        self.elect(out);
        if self.config.auto_delete && before > 0 && self.members.is_empty() {
            self.end(out);
        }
    }

    fn get(
        &mut self,
        holder: HolderId,
        no_ack: bool,
        request: RequestId,
        out: &mut Vec<Effect<u64>>,
    ) {
        let expired = |at: &usize| self.messages[*at].expires.is_some_and(|at| at <= self.now);
        let head = self.head().filter(|at| !expired(at));
        let delivery = head.map(|at| self.delivery(at, holder, no_ack));
        let holder = delivery.as_ref().and_then(|delivery| delivery.holder);
        let ready = self.counts().ready as u64 - u64::from(head.is_some());
        out.push(answer(request, Reply::Got { delivery, ready }));
        if let Some(at) = head {
            self.give(at, holder, None, out);
        }
    }

    fn delete(
        &mut self,
        condition: DeleteCondition,
        request: Option<RequestId>,
        out: &mut Vec<Effect<u64>>,
    ) {
        let messages = self.counts().ready as u64;
        let refusal = if condition.if_unused && !self.members.is_empty() {
            Reply::InUse
        } else if condition.if_empty && messages > 0 {
            Reply::NotEmpty
        } else {
            let ids = self.member_ids();
            out.extend(ids.into_iter().map(|consumer| Effect::CancelConsumer { consumer }));
            self.end(out);
            Reply::Deleted { messages }
        };
        out.extend(request.map(|request| answer(request, refusal)));
    }

    fn end(&mut self, out: &mut Vec<Effect<u64>>) {
        self.members.clear();
        self.line.clear();
        let here = self.all(|message| message.place != Place::Gone);
        for at in here {
            self.drop_message(at, out);
        }
        self.deleted = true;
        out.push(Effect::Deleted);
    }

    fn give(
        &mut self,
        at: usize,
        holder: Option<HolderId>,
        consumer: Option<ConsumerId>,
        out: &mut Vec<Effect<u64>>,
    ) {
        match holder {
            Some(holder) => self.messages[at].place = Place::Held { holder, consumer },
            None => self.drop_message(at, out),
        }
    }

    pub(super) fn drop_message(&mut self, at: usize, out: &mut Vec<Effect<u64>>) {
        let message = &mut self.messages[at];
        message.place = Place::Gone;
        out.extend(message.unconfirmed.take().map(confirm_one));
        let (id, appended) = (MessageId(message.id), u64::from(message.appended));
        let span = Span { first: id, last: id, messages: 1, bytes: message.bytes, appended };
        out.push(Effect::Release(span));
    }

    fn delivery(&self, at: usize, holder: HolderId, no_ack: bool) -> Delivery<u64> {
        let Message { id, payload, acquired_count, delivery_count, .. } = self.messages[at];
        let redelivered = acquired_count > 0;
        let until_read = no_ack && self.cold.contains(&id);
        let holder = (!no_ack || until_read).then_some(holder);
        let id = MessageId(id);
        Delivery { id, payload, redelivered, acquired_count, delivery_count, holder, until_read }
    }

    /// Whoever cannot take a message leaves the line; whoever newly can stands at its end.
    fn line_up(&mut self) {
        let able = |member: &&Member| {
            let id = member.consumer.id;
            let has = |m: &&Message| matches!(m.place, Place::Held { consumer, .. } if consumer == Some(id));
            let open = self.messages.iter().filter(has).count();
            let active = !self.config.single_active || self.active == Some(id);
            member.flow == Flow::Open
                && active
                && match member.consumer.acknowledge {
                    Acknowledge::Automatic => true,
                    Acknowledge::Manual { prefetch, .. } => open < prefetch as usize,
                }
        };
        let able: Vec<_> = self.members.iter().filter(able).map(|m| m.consumer.id).collect();
        self.line.retain(|id| able.contains(id));
        let missing: Vec<_> = able.into_iter().filter(|id| !self.line.contains(id)).collect();
        self.line.extend(missing);
        // Of equal priority they stay as they were.
        let priority = |id: &ConsumerId| self.members.iter().find(|m| m.consumer.id == *id);
        self.line.sort_by_key(|id| priority(id).map(|m| Reverse(m.consumer.priority)));
    }

    pub(super) fn all(&self, which: impl Fn(&Message) -> bool) -> Vec<usize> {
        (0..self.messages.len()).filter(|at| which(&self.messages[*at])).collect()
    }
}

fn answer(request: RequestId, reply: Reply<u64>) -> Effect<u64> {
    Effect::Reply { request, reply }
}

fn confirm_one(publish: PublishRef) -> Effect<u64> {
    Effect::Confirm { first: publish, last: publish.sequence }
}
