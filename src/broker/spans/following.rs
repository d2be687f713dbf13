//! What one queue does with the traced messages in it: a table beside the queue, keyed by the ids that the machine
//! gives. Owned by the executor of the queue, so everything here is single-threaded.
//!
//! Commands are heard before the machine gets them, effects before they are executed: what a command does to a
//! message that somebody holds is known from the command, everything else from its effects.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::publishing::word_for;
use super::spans::Spans;
use super::traced::{Ended, TracedMessage};
use super::{PublishSpan, SpanId, SpanKind, SpanValue};
use crate::base::{ConsumerId, HolderId, Message, MessageId, PublishSequence};
use crate::broker::PropertyLister;
use crate::queue::{Command, Delivery, Effect, Losses, PublishRef, Reason, Reply, Settlement};

/// See the module.
pub(in crate::broker) struct Following {
    spans: Arc<Spans>,
    /// The queue's name, or that of the exchange whose messages are delayed here.
    queue: Arc<str>,
    operation: &'static str,
    /// Messages below it were there before the process.
    recovered_below: MessageId,
    stays: BTreeMap<MessageId, Stay>,
    /// Publishes that this queue owes a confirm.
    awaited: BTreeMap<(HolderId, PublishSequence), Arc<PublishSpan>>,
    /// Stays that ended in this round because the message goes elsewhere.
    departed: BTreeMap<MessageId, Origin>,
    losses: Losses,
}

/// Where a message comes from that is published anew.
#[derive(Clone, Debug)]
pub(in crate::broker) struct Origin {
    pub(super) message: Arc<TracedMessage>,
    pub(super) parent: SpanId,
}

/// A traced message in the queue.
struct Stay {
    message: Arc<TracedMessage>,
    /// Its publish, or what the message says where that was before the process.
    parent: Option<SpanId>,
    /// How often it was handed out.
    deliveries: u64,
    recovered: bool,
    state: State,
}

enum State {
    /// Ready, or not due.
    Waiting(Open),
    /// With somebody.
    Held { open: Open, parent: SpanId, by: Holding },
    /// Rejected; the queue says next what becomes of it.
    Settled(SpanId),
}

/// A span that has not ended.
#[derive(Clone, Copy)]
struct Open {
    id: SpanId,
    start_ns: u64,
}

#[derive(Clone)]
struct Holding {
    holder: HolderId,
    consumer: ConsumerId,
    tag: Option<Arc<str>>,
    /// It is settled by whoever reads it, not by a client.
    automatic: bool,
}

/// How a stay ends that nobody had a hand in.
#[derive(Clone, Copy)]
struct Cause {
    word: &'static str,
}

impl Following {
    pub(in crate::broker) fn new(
        spans: Arc<Spans>,
        queue: &str,
        is_delay: bool,
        recovered_below: MessageId,
    ) -> Self {
        Self {
            spans,
            queue: Arc::from(queue),
            operation: if is_delay { "delay" } else { "queue" },
            recovered_below,
            stays: BTreeMap::new(),
            awaited: BTreeMap::new(),
            departed: BTreeMap::new(),
            losses: Losses::default(),
        }
    }

    /// A message came in and got this id; `None` when the queue did not take it.
    pub(super) fn entered(
        &mut self,
        id: Option<MessageId>,
        publish: Option<PublishRef>,
        span: Arc<PublishSpan>,
    ) {
        if let Some(id) = id
            && self.spans.follows_one_more()
        {
            let (message, parent) = (Arc::clone(&span.message), Some(span.id));
            self.begin(id, message, parent, false);
        }
        if let Some(publish) = publish {
            self.awaited.insert((publish.holder, publish.sequence), span);
        } else if id.is_none() {
            span.refused();
        }
    }

    /// A message came back from disk. One from before the process begins its stay anew, below whoever published it.
    pub(super) fn read_back(
        &mut self,
        id: MessageId,
        (vhost, message): (&str, &Message),
        list: PropertyLister,
    ) {
        if id >= self.recovered_below || self.stays.contains_key(&id) {
            return;
        }
        // Not by chance: what no one traced when it came is not traced because of a restart.
        if self.spans.context_of(message).is_none() {
            return;
        }
        let Some(of) = self.spans.trace_of(message) else { return };
        if self.spans.follows_one_more() {
            let parent = of.parent;
            let properties = list(message.properties());
            let message = TracedMessage::new(of, vhost, message, &properties);
            self.begin(id, message, parent, true);
        }
    }

    fn begin(
        &mut self,
        id: MessageId,
        message: Arc<TracedMessage>,
        parent: Option<SpanId>,
        recovered: bool,
    ) {
        let state = State::Waiting(self.open());
        let stay = Stay { message, parent, deliveries: 0, recovered, state };
        self.stays.insert(id, stay);
    }

    fn open(&self) -> Open {
        Open { id: self.spans.span_id(), start_ns: self.spans.now_ns() }
    }

    /// What a command does to messages that somebody holds.
    pub(super) fn hear<P>(&mut self, command: &Command<P>) {
        if self.stays.is_empty() {
            return;
        }
        match command {
            Command::Settle { holder, settlement, messages } => {
                for &(first, last) in messages.iter().filter(|(first, last)| first <= last) {
                    let held = self.stays.range(first..=last);
                    let held = held.filter(|(_, stay)| stay.is_held_by(*holder));
                    let held: Vec<MessageId> = held.map(|(id, _)| *id).collect();
                    for id in held {
                        self.settled(id, *settlement);
                    }
                }
            }
            Command::Release { holder } => self.come_back("returned", |by| by.holder == *holder),
            _ => {}
        }
    }

    fn settled(&mut self, id: MessageId, settlement: Settlement) {
        let Some(stay) = self.stays.get(&id) else { return };
        let State::Held { open, by, .. } = &stay.state else { return };
        let (deliver, automatic) = (open.id, by.automatic);
        let (operation, outcome) = match settlement {
            Settlement::Ack if automatic => ("ack", "auto_acked"),
            Settlement::Ack => ("ack", "acked"),
            Settlement::Requeue(_) => ("requeue", "requeued"),
            Settlement::Discard => ("reject", "rejected"),
        };
        let now_ns = self.end_delivery(id, outcome);
        if !automatic && let Some(stay) = self.stays.get(&id) {
            self.spans.end(stay.message.span(Ended {
                id: self.spans.span_id(),
                parent: Some(deliver),
                kind: SpanKind::Server,
                operation,
                operation_type: Some("settle"),
                queue: Some(&self.queue),
                start_ns: now_ns,
                end_ns: now_ns,
                outcome,
                more: Vec::new(),
                error: None,
            }));
        }
        match settlement {
            Settlement::Ack => self.forget(id),
            Settlement::Requeue(_) => self.wait_again(id),
            Settlement::Discard => {
                self.stays.entry(id).and_modify(|stay| stay.state = State::Settled(deliver));
            }
        }
    }

    /// Messages of somebody who is gone are ready again.
    fn come_back(&mut self, outcome: &'static str, whose: impl Fn(&Holding) -> bool) {
        let theirs = self.stays.iter().filter(|(_, stay)| stay.holding().is_some_and(&whose));
        let theirs: Vec<MessageId> = theirs.map(|(id, _)| *id).collect();
        for id in theirs {
            self.end_delivery(id, outcome);
            self.wait_again(id);
        }
    }

    fn wait_again(&mut self, id: MessageId) {
        let open = self.open();
        self.stays.entry(id).and_modify(|stay| stay.state = State::Waiting(open));
    }

    /// What the machine did. `tag_of` names a consumer.
    pub(in crate::broker) fn see<'a, P: 'a>(
        &mut self,
        effects: impl Iterator<Item = &'a Effect<P>> + Clone,
        losses: Losses,
        tag_of: impl Fn(ConsumerId) -> Option<Arc<str>>,
    ) {
        if self.stays.is_empty() && self.awaited.is_empty() {
            self.losses = losses;
            return;
        }
        let cause = self.cause(effects.clone(), losses);
        for effect in effects {
            match effect {
                Effect::Deliver { consumer, delivery } => {
                    self.handed_out(delivery, *consumer, tag_of(*consumer));
                }
                Effect::Reply { reply: Reply::Got { delivery: Some(delivery), .. }, .. } => {
                    self.handed_out(delivery, GET, None);
                }
                Effect::Confirm { first, last } => {
                    self.answered(first, *last, PublishSpan::confirmed);
                }
                Effect::Refuse { publish } => {
                    self.answered(publish, publish.sequence, PublishSpan::refused);
                }
                Effect::DeadLetter { id, reason, .. } => self.departs(*id, *reason),
                Effect::Release(span) => {
                    let gone = self.stays.range(span.first..=span.last);
                    let gone: Vec<MessageId> = gone.map(|(id, _)| *id).collect();
                    for id in gone {
                        self.gone(id, cause);
                    }
                }
                Effect::ConsumerTimeout { consumer, holder } => {
                    self.come_back("timed_out", |by| {
                        by.consumer == *consumer && by.holder == *holder
                    });
                }
                Effect::Lost { .. } => self.lose_sight(),
                Effect::Deleted => {
                    self.awaited.clear();
                    let all: Vec<MessageId> = self.stays.keys().copied().collect();
                    for id in all {
                        self.gone(id, cause);
                    }
                }
                _ => {}
            }
        }
    }

    /// Why messages go in this round that nobody settled: a round has one cause nearly always, and with several
    /// the span says only that it was dropped.
    fn cause<'a, P: 'a>(
        &mut self,
        mut effects: impl Iterator<Item = &'a Effect<P>> + Clone,
        losses: Losses,
    ) -> Cause {
        let before = std::mem::replace(&mut self.losses, losses);
        let grown = [
            (losses.expired > before.expired, "expired"),
            (losses.max_len > before.max_len, "maxlen"),
            (losses.delivery_limit > before.delivery_limit, "delivery_limit"),
        ];
        let purged = |effect: &Effect<P>| {
            matches!(effect, Effect::Reply { reply: Reply::Purged { .. }, .. })
        };
        let all = [
            (effects.clone().any(purged), "purged"),
            (effects.any(|effect| matches!(effect, Effect::Deleted)), "queue_deleted"),
        ];
        let mut causes = all.into_iter().chain(grown).filter(|(is_one, _)| *is_one);
        match (causes.next(), causes.next()) {
            (Some((_, word)), None) => Cause { word },
            _ => Cause { word: "dropped" },
        }
    }

    fn handed_out<P>(
        &mut self,
        delivery: &Delivery<P>,
        consumer: ConsumerId,
        tag: Option<Arc<str>>,
    ) {
        let id = delivery.id;
        if self.stays.get(&id).is_some_and(|stay| stay.holding().is_some()) {
            // Its holder was gone before its delivery was seen.
            self.end_delivery(id, "returned");
            self.wait_again(id);
        }
        let Some(stay) = self.stays.get(&id) else { return };
        let State::Waiting(waited) = stay.state else { return };
        self.end_waiting(id, "delivered", None);
        let by = Holding {
            holder: delivery.holder.unwrap_or(NOBODY),
            consumer,
            tag,
            automatic: delivery.holder.is_none() || delivery.until_read,
        };
        let state = State::Held { open: self.open(), parent: waited.id, by };
        self.stays.entry(id).and_modify(|stay| {
            stay.state = state;
            stay.deliveries += 1;
        });
        if delivery.holder.is_none() {
            self.end_delivery(id, "auto_acked");
            self.forget(id);
        }
    }

    fn answered(
        &mut self,
        first: &PublishRef,
        last: PublishSequence,
        answer: impl Fn(&PublishSpan),
    ) {
        let (first, last) = ((first.holder, first.sequence), (first.holder, last));
        if self.awaited.is_empty() || first > last {
            return;
        }
        let answered: Vec<_> = self.awaited.range(first..=last).map(|(key, _)| *key).collect();
        for key in answered {
            let span = self.awaited.remove(&key);
            span.inspect(|span| answer(span));
        }
    }

    /// A message goes elsewhere.
    fn departs(&mut self, id: MessageId, reason: Reason) {
        let Some(stay) = self.stays.get(&id) else { return };
        let parent = match stay.state {
            State::Waiting(open) => {
                let outcome = if reason == Reason::Due { "due" } else { "dead_lettered" };
                let why = ("haremq.dead_letter.reason", SpanValue::Word(word_for(reason)));
                self.end_waiting(id, outcome, Some(why));
                open.id
            }
            State::Held { open, .. } => {
                self.end_delivery(id, "dead_lettered");
                open.id
            }
            State::Settled(last) => last,
        };
        let Some(stay) = self.stays.get(&id) else { return };
        let origin = Origin { message: Arc::clone(&stay.message), parent };
        self.departed.insert(id, origin);
        self.forget(id);
    }

    /// What is to be known of a message that departed in this round.
    pub(in crate::broker) fn take_departed(&mut self, id: MessageId) -> Option<Origin> {
        self.departed.remove(&id)
    }

    /// The queue let a message go.
    fn gone(&mut self, id: MessageId, cause: Cause) {
        let Some(stay) = self.stays.get(&id) else { return };
        match stay.state {
            State::Waiting(_) => self.end_waiting(id, cause.word, None),
            State::Held { .. } => {
                self.end_delivery(id, cause.word);
            }
            State::Settled(_) => {}
        }
        self.forget(id);
    }

    /// Messages were lost on disk, and nobody knows which: what waits is not followed any more.
    fn lose_sight(&mut self) {
        let before = self.stays.len();
        self.stays.retain(|_, stay| !matches!(stay.state, State::Waiting(_)));
        self.spans.follows_fewer(before - self.stays.len());
    }

    fn end_waiting(
        &mut self,
        id: MessageId,
        outcome: &'static str,
        why: Option<(&'static str, SpanValue)>,
    ) {
        let Some(stay) = self.stays.get(&id) else { return };
        let State::Waiting(open) = stay.state else { return };
        let mut more = stay.said();
        more.extend(why);
        self.spans.end(stay.message.span(Ended {
            id: open.id,
            parent: stay.parent,
            kind: SpanKind::Internal,
            operation: self.operation,
            operation_type: None,
            queue: Some(&self.queue),
            start_ns: open.start_ns,
            end_ns: self.spans.now_ns(),
            outcome,
            more,
            error: None,
        }));
    }

    /// Ends the span of a delivery; gives when that was.
    fn end_delivery(&mut self, id: MessageId, outcome: &'static str) -> u64 {
        let now_ns = self.spans.now_ns();
        let Some(stay) = self.stays.get(&id) else { return now_ns };
        let State::Held { open, parent, by } = &stay.state else { return now_ns };
        let is_get = by.consumer == GET;
        let mut more = stay.said();
        let tag = by.tag.as_ref().map(|tag| SpanValue::Text(Arc::clone(tag)));
        more.extend(tag.map(|tag| ("haremq.consumer.tag", tag)));
        self.spans.end(stay.message.span(Ended {
            id: open.id,
            parent: Some(*parent),
            kind: SpanKind::Producer,
            operation: if is_get { "get" } else { "deliver" },
            operation_type: Some("receive"),
            queue: Some(&self.queue),
            start_ns: open.start_ns,
            end_ns: now_ns,
            outcome,
            more,
            error: None,
        }));
        now_ns.max(open.start_ns)
    }

    fn forget(&mut self, id: MessageId) {
        let gone = self.stays.remove(&id);
        self.spans.follows_fewer(usize::from(gone.is_some()));
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.spans.follows_fewer(self.stays.len());
    }
}

impl Stay {
    fn holding(&self) -> Option<&Holding> {
        match &self.state {
            State::Held { by, .. } => Some(by),
            State::Waiting(_) | State::Settled(_) => None,
        }
    }

    fn is_held_by(&self, holder: HolderId) -> bool {
        self.holding().is_some_and(|by| by.holder == holder)
    }

    /// How often it was handed out, as far as this process knows.
    fn said(&self) -> Vec<(&'static str, SpanValue)> {
        let mut said = vec![("haremq.deliveries", SpanValue::Number(self.deliveries))];
        if self.recovered {
            said.push(("haremq.recovered", SpanValue::Truth(true)));
        }
        said
    }
}

/// The consumer of `basic.get`; ids of consumers begin at 1.
const GET: ConsumerId = ConsumerId(0);

/// Who holds what is settled by being handed out; ids of holders begin at 1.
const NOBODY: HolderId = HolderId(0);
