//! A queue of plain vectors, written from the rules and not from the machine: every step looks at
//! everything.

use std::collections::BTreeSet;

use crate::base::{ConsumerId, HolderId, MessageId};
use crate::queue::{
    Access, Acknowledge, Burst, Command, Consumer, DeleteCondition, Delivery, Effect, Flow,
    Incoming, LogMode, Paged, Progress, PublishRef, QueueConfig, Reply, RequestId, Settlement,
    SharedCredit, Span,
};

#[derive(Clone, Debug)]
struct Message {
    id: u64,
    payload: u64,
    bytes: u64,
    delivery_count: u32,
    appended: bool,
    unconfirmed: Option<PublishRef>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    Ready,
    Held { holder: HolderId, consumer: Option<ConsumerId> },
    Gone,
}

#[derive(Clone, Debug)]
struct Member {
    consumer: Consumer,
    flow: Flow,
}

/// Every message that ever came, everybody who is there, and the line of those whose turn comes.
#[derive(Clone, Debug)]
pub(super) struct Model {
    config: QueueConfig,
    messages: Vec<Message>,
    members: Vec<Member>,
    line: Vec<ConsumerId>,
    next: u64,
    deleted: bool,
    /// Messages that are not in RAM when they are handed out, so that they are held without acks too.
    /// The model has no RAM: whoever compares says so.
    pub(super) cold: BTreeSet<u64>,
}

impl Model {
    /// A queue that holds these messages already.
    pub(super) fn recover(config: QueueConfig, next: MessageId, past: &[Paged<u64>]) -> Self {
        let message = |message: &Paged<u64>| {
            let Paged { id, payload, bytes, delivery_count, appended, .. } = *message;
            let (id, unconfirmed, place) = (id.0, None, Place::Ready);
            Message { id, payload, bytes, delivery_count, appended, unconfirmed, place }
        };
        let messages = past.iter().map(message).collect();
        let (members, line, cold) = (vec![], vec![], BTreeSet::new());
        Self { config, messages, members, line, next: next.0, deleted: false, cold }
    }

    /// Whether a message ever had this id.
    pub(super) fn knows(&self, id: u64) -> bool {
        self.messages.iter().any(|message| message.id == id)
    }

    /// The ids of the messages that are not gone.
    pub(super) fn present(&self) -> Vec<u64> {
        let present = self.messages.iter().filter(|message| message.place != Place::Gone);
        present.map(|message| message.id).collect()
    }

    /// Messages that came, and how many of them are ready, held and gone.
    pub(super) fn counts(&self) -> (usize, [usize; 3]) {
        let count = |is: fn(&Message) -> bool| self.messages.iter().filter(|m| is(m)).count();
        let ready = count(|m| m.place == Place::Ready);
        let gone = count(|m| m.place == Place::Gone);
        (self.messages.len(), [ready, self.messages.len() - ready - gone, gone])
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

    pub(super) fn apply(&mut self, command: Command<u64>) -> Vec<Effect<u64>> {
        let mut out = Vec::new();
        if self.deleted {
            Self::apply_deleted(command, &mut out);
            return out;
        }
        match command {
            Command::Enqueue(messages) => {
                for message in messages {
                    self.enqueue(&message, &mut out);
                }
            }
            Command::Settle { holder, settlement, messages } => {
                for (first, last) in messages {
                    self.settle(holder, settlement, first.0, last.0, &mut out);
                }
            }
            Command::Attach { consumer, request } => self.attach(consumer, request, &mut out),
            Command::Detach { consumer, request } => {
                out.extend(request.map(|r| answer(r, Reply::Detached)));
                self.leave(|member| member.id == consumer, &mut out);
            }
            Command::Release { holder } => {
                self.settle(holder, Settlement::Requeue, 0, u64::MAX, &mut out);
                self.leave(|member| member.holder == holder, &mut out);
            }
            Command::Flow { consumer, flow } => {
                self.members
                    .iter_mut()
                    .filter(|member| member.consumer.id == consumer)
                    .for_each(|member| member.flow = flow);
                self.line_up();
            }
            Command::Get { holder, no_ack, request } => self.get(holder, no_ack, request, &mut out),
            Command::Purge { request } => {
                let ready = self.all(|message| message.place == Place::Ready);
                for at in &ready {
                    self.drop_message(*at, &mut out);
                }
                out.push(answer(request, Reply::Purged { messages: ready.len() as u64 }));
            }
            Command::Inspect { request } => {
                let ready = self.counts().1[0] as u64;
                let consumers = self.members.len() as u64;
                out.push(answer(request, Reply::Counts { ready, consumers }));
            }
            Command::Delete { condition, request } => self.delete(condition, request, &mut out),
            Command::Persisted { up_to } => {
                for message in self.messages.iter_mut().filter(|m| m.id <= up_to.0) {
                    out.extend(message.unconfirmed.take().map(confirm_one));
                }
            }
            Command::PagedIn { .. } => panic!("the model has nothing away"),
        }
        out
    }

    pub(super) fn deliver(
        &mut self,
        burst: Burst,
        credit: &mut dyn SharedCredit,
    ) -> (Vec<Effect<u64>>, Progress) {
        let mut out = Vec::new();
        let (mut messages, mut bytes) = (0, 0);
        loop {
            let Some(&at) = self.all(|message| message.place == Place::Ready).first() else {
                return (out, Progress::Idle);
            };
            let Some(&id) = self.line.first() else { return (out, Progress::Idle) };
            if messages >= burst.messages || bytes >= burst.bytes {
                return (out, Progress::More);
            }
            self.line.remove(0);
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

    fn enqueue(&mut self, message: &Incoming<u64>, out: &mut Vec<Effect<u64>>) {
        let Incoming { payload, bytes, persistent, publish } = *message;
        let id = self.next;
        self.next += 1;
        let appended = persistent && self.config.log == LogMode::Logged;
        if appended {
            out.push(Effect::Append { id: MessageId(id), payload });
        } else {
            out.extend(publish.map(confirm_one));
        }
        let unconfirmed = publish.filter(|_| appended);
        let place = Place::Ready;
        let delivery_count = 0;
        let message = Message { id, payload, bytes, delivery_count, appended, unconfirmed, place };
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
                Settlement::Ack | Settlement::Discard => self.drop_message(at, out),
                Settlement::Requeue => {
                    self.messages[at].place = Place::Ready;
                    self.messages[at].delivery_count += 1;
                }
            }
            self.line_up();
        }
    }

    fn attach(&mut self, consumer: Consumer, request: RequestId, out: &mut Vec<Effect<u64>>) {
        let mut everybody = self.members.iter().map(|member| member.consumer.access);
        let refused = everybody.any(|access| access == Access::Exclusive)
            || (consumer.access == Access::Exclusive && !self.members.is_empty());
        if refused {
            out.push(answer(request, Reply::ExclusiveUse));
            return;
        }
        self.members.push(Member { consumer, flow: Flow::Open });
        self.line_up();
        out.push(answer(request, Reply::Attached));
    }

    fn leave(&mut self, who: impl Fn(&Consumer) -> bool, out: &mut Vec<Effect<u64>>) {
        let before = self.members.len();
        self.members.retain(|member| !who(&member.consumer));
        self.line_up();
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
        let ready = self.all(|message| message.place == Place::Ready);
        let delivery = ready.first().map(|at| self.delivery(*at, holder, no_ack));
        let holder = delivery.as_ref().and_then(|delivery| delivery.holder);
        let stay = ready.len().saturating_sub(1) as u64;
        out.push(answer(request, Reply::Got { delivery, ready: stay }));
        if let Some(at) = ready.first() {
            self.give(*at, holder, None, out);
        }
    }

    fn delete(
        &mut self,
        condition: DeleteCondition,
        request: Option<RequestId>,
        out: &mut Vec<Effect<u64>>,
    ) {
        let messages = self.counts().1[0] as u64;
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

    fn drop_message(&mut self, at: usize, out: &mut Vec<Effect<u64>>) {
        let message = &mut self.messages[at];
        message.place = Place::Gone;
        out.extend(message.unconfirmed.take().map(confirm_one));
        let (id, appended) = (MessageId(message.id), u64::from(message.appended));
        let span = Span { first: id, last: id, messages: 1, bytes: message.bytes, appended };
        out.push(Effect::Release(span));
    }

    fn delivery(&self, at: usize, holder: HolderId, no_ack: bool) -> Delivery<u64> {
        let Message { id, payload, delivery_count, .. } = self.messages[at];
        let redelivered = delivery_count > 0;
        let until_read = no_ack && self.cold.contains(&id);
        let holder = (!no_ack || until_read).then_some(holder);
        let id = MessageId(id);
        Delivery { id, payload, redelivered, delivery_count, holder, until_read }
    }

    /// Whoever cannot take a message leaves the line; whoever newly can stands at its end.
    fn line_up(&mut self) {
        let able = |member: &&Member| {
            let id = member.consumer.id;
            let has = |m: &&Message| matches!(m.place, Place::Held { consumer, .. } if consumer == Some(id));
            let open = self.messages.iter().filter(has).count();
            member.flow == Flow::Open
                && match member.consumer.acknowledge {
                    Acknowledge::Automatic => true,
                    Acknowledge::Manual { prefetch, .. } => open < prefetch as usize,
                }
        };
        let able: Vec<_> = self.members.iter().filter(able).map(|m| m.consumer.id).collect();
        self.line.retain(|id| able.contains(id));
        let missing: Vec<_> = able.into_iter().filter(|id| !self.line.contains(id)).collect();
        self.line.extend(missing);
    }

    fn all(&self, which: impl Fn(&Message) -> bool) -> Vec<usize> {
        (0..self.messages.len()).filter(|at| which(&self.messages[*at])).collect()
    }
}

fn answer(request: RequestId, reply: Reply<u64>) -> Effect<u64> {
    Effect::Reply { request, reply }
}

fn confirm_one(publish: PublishRef) -> Effect<u64> {
    Effect::Confirm { first: publish, last: publish.sequence }
}
