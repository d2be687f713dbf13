//! Executes what a queue machine wants done: effects become events in the inboxes of connections.
//!
//! Owned by a cell's core, so everything here is single-threaded. Events of one turn are collected per
//! connection and pushed with one lock each.

mod noting;
mod seen;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::after::{After, WaitingAnswer};
use super::cell::Cell;
use super::counts::QueueCounters;
use super::courier::Letter;
use super::envelope::Envelope;
use super::pages::PageQuestion;
use super::payload::Payload;
use super::queue_settings::QueueSettings;
use super::spans::Following;
use super::storing::Storing;
use super::unique::Unique;
use super::{ChannelCredit, DeliveryEvent, Event, HeaderParser, Inbox, Load, delaying};
use crate::base::limits::{QUEUE_BODY_BYTES_MAX, SPILL_MESSAGES_MIN};
use crate::base::{
    ChannelId, ConnectionId, ConsumerId, ConsumerTag, FieldTable, HolderId, MessageId, QueueId,
};
use crate::queue::{
    Command, Delivery, Effect, Effects, Incoming, PublishRef, Reply, RequestId, SharedCredit,
};

/// How a queue stands when something comes in.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    /// Messages that wait.
    pub(super) ready: u64,
    /// Bytes of the queue that are in RAM.
    pub(super) in_ram: u64,
    /// Whether messages are away.
    pub(super) is_paged: bool,
}

/// What a connection calls one of its consumers.
pub(super) struct Called {
    pub(super) channel: ChannelId,
    pub(super) tag: ConsumerTag,
    /// As it was declared.
    pub(super) arguments: FieldTable,
}

/// Where a consumer's deliveries go.
struct Sink {
    called: Called,
    connection: ConnectionId,
    inbox: Arc<Inbox>,
    holder: HolderId,
    /// Where its connection stood in `outbox` last time; a hint, checked before use.
    slot: usize,
}

/// Who waits for an answer.
struct Asker {
    inbox: Arc<Inbox>,
    /// The consumer it wants to attach, when that is the question.
    consumer: Option<ConsumerId>,
}

struct Holder {
    credit: Arc<ChannelCredit>,
    consumers: Vec<ConsumerId>,
}

struct PublisherEntry {
    inbox: Arc<Inbox>,
    /// Confirms it still waits for; the entry goes when there is none.
    open: u64,
}

/// Events for one connection.
struct Out {
    connection: ConnectionId,
    inbox: Arc<Inbox>,
    events: Vec<Event>,
    delivery_bytes: usize,
    consumers: Vec<ConsumerId>,
}

/// See the module.
pub(super) struct Executor {
    sinks: BTreeMap<ConsumerId, Sink>,
    holders: BTreeMap<HolderId, Holder>,
    publishers: BTreeMap<ConnectionId, PublisherEntry>,
    waiting: BTreeMap<RequestId, Asker>,
    outbox: Vec<Out>,
    /// Emptied lists, kept for their room.
    spare: Vec<(Vec<Event>, Vec<ConsumerId>)>,
    held: Vec<ConsumerId>,
    /// There when the broker has a log.
    storing: Option<Storing>,
    /// There when the queue drops duplicates.
    pub(super) unique: Option<Box<Unique>>,
    /// There when messages are traced.
    pub(super) following: Option<Box<Following>>,
    /// Whether deliveries say how often their message was handed out before.
    counts_deliveries: bool,
    /// Whether dead letters are kept until a queue has taken them.
    until_taken: bool,
    counters: Arc<QueueCounters>,
    handed_out: Option<(MessageId, MessageId)>,
    /// There when an exchange delays its messages here: how their headers are read.
    delaying: Option<HeaderParser>,
}

/// How many emptied lists are kept.
const SPARE_MAX: usize = 16;

impl Executor {
    pub(super) fn new(
        storing: Option<Storing>,
        unique: Option<Box<Unique>>,
        settings: &QueueSettings,
        delaying: Option<HeaderParser>,
        counters: Arc<QueueCounters>,
    ) -> Self {
        Self {
            sinks: BTreeMap::new(),
            holders: BTreeMap::new(),
            publishers: BTreeMap::new(),
            waiting: BTreeMap::new(),
            outbox: Vec::new(),
            spare: Vec::new(),
            held: Vec::new(),
            storing,
            unique,
            following: None,
            counts_deliveries: settings.counts_deliveries,
            until_taken: settings.until_taken(),
            counters,
            handed_out: None,
            delaying,
        }
    }

    /// The machine is broken and answers nothing more: who waited for an answer of it.
    pub(super) fn give_up_questions(&mut self) -> Vec<(RequestId, Arc<Inbox>)> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(request, asker)| (request, asker.inbox)).collect()
    }

    /// The machine is broken: who waits for this publish to be confirmed.
    pub(super) fn publisher(&self, publish: &PublishRef) -> Option<Arc<Inbox>> {
        self.publishers.get(&publish.connection).map(|entry| Arc::clone(&entry.inbox))
    }

    /// The queue goes though its machine is broken: the log forgets it.
    pub(super) fn drop_queue(&mut self) {
        if let Some(storing) = &mut self.storing {
            storing.drop_queue();
        }
    }

    /// Notes who is to be answered and gives the machine's command.
    pub(super) fn admit(&mut self, envelope: Envelope, standing: Standing) -> Command<Payload> {
        match envelope {
            Envelope::Publish { mut messages, publisher } => {
                self.counters.publish.add(messages.len() as u64);
                self.admit_publisher(&messages, publisher);
                self.admit_messages(&mut messages, standing);
                Command::Enqueue(messages)
            }
            Envelope::Attach { consumer, called, request, connection, inbox, credit } => {
                let asker = Asker { inbox: Arc::clone(&inbox), consumer: Some(consumer.id) };
                self.waiting.insert(request, asker);
                let sink = Sink { called, connection, inbox, holder: consumer.holder, slot: 0 };
                self.sinks.insert(consumer.id, sink);
                let holder = self
                    .holders
                    .entry(consumer.holder)
                    .or_insert_with(|| Holder { credit, consumers: Vec::new() });
                holder.consumers.push(consumer.id);
                Command::Attach { consumer, request }
            }
            Envelope::Ask { command, request, inbox } => {
                self.waiting.insert(request, Asker { inbox, consumer: None });
                self.forget_leaving(&command);
                command
            }
            Envelope::Tell(command) => {
                self.counters.settles(&command);
                self.forget_leaving(&command);
                command
            }
            Envelope::Configure(settings) => {
                self.counts_deliveries = settings.counts_deliveries;
                self.until_taken = settings.until_taken();
                if let Some(storing) = &mut self.storing {
                    storing.set_ttl(settings.machine.message_ttl);
                }
                Command::Configure(Box::new(settings.machine))
            }
            // Its handles are exchanged by the cell before this.
            Envelope::Written { ids, .. } => {
                Command::Persisted { up_to: ids.last().copied().unwrap_or(MessageId(0)) }
            }
        }
    }

    /// Bytes in RAM of the keys by which duplicates are found.
    pub(super) fn key_bytes(&self) -> u64 {
        self.unique.as_ref().map_or(0, |unique| unique.ram_bytes())
    }

    /// Lets a queue that drops duplicates look at what becomes of its messages.
    fn see(&mut self, effects: &Effects<Payload>) {
        let Some(unique) = &mut self.unique else { return };
        let ended: Vec<_> = effects.iter().flat_map(|effect| unique.see(effect)).collect();
        for publish in ended {
            let (holder, first, last) = (publish.holder, publish.sequence, publish.sequence);
            self.tell_publisher(&publish, 1, Event::Confirm { holder, first, last });
        }
    }

    /// Says which messages go to the log. Persistent ones do in a durable queue; in a queue so long that
    /// its messages may have to leave RAM, all do, because what leaves RAM must lie somewhere, and the
    /// log takes the ids of a queue in ascending order only. And all do while messages are away: what
    /// comes then may follow them before the head has room for it, however short the queue is.
    pub(super) fn admit_messages(&self, messages: &mut [Incoming<Payload>], standing: Standing) {
        if let Some(parse) = self.delaying {
            delaying::set_due(messages, parse);
        }
        let Standing { ready, mut in_ram, is_paged } = standing;
        let durable = self.keeps_messages();
        let pages = self.storing.is_some();
        for (place, message) in (ready..).zip(messages) {
            let long = is_paged || place >= SPILL_MESSAGES_MIN || in_ram >= QUEUE_BODY_BYTES_MAX;
            message.persistent = (durable && message.persistent) || (pages && long);
            in_ram += message.bytes;
        }
    }

    /// The run of ids that the last [`Self::execute`] handed to somebody who holds them now.
    pub(super) fn handed_out(&mut self) -> Option<(MessageId, MessageId)> {
        self.handed_out.take()
    }

    /// Executes and empties `effects`. Afterwards [`Self::held`] names the consumers whose connection
    /// takes nothing more for now.
    pub(super) fn execute(
        &mut self,
        cell: &Arc<Cell>,
        effects: &mut Effects<Payload>,
        after: &mut After,
    ) {
        self.see(effects);
        let mut deleted = false;
        for effect in effects.drain() {
            match effect {
                Effect::Deliver { consumer, delivery } => {
                    let event = self.hand_over(cell.info().id, consumer, delivery);
                    self.deliver(event);
                }
                Effect::Confirm { first, last } => {
                    let count = last.0 - first.sequence.0 + 1;
                    let event =
                        Event::Confirm { holder: first.holder, first: first.sequence, last };
                    self.tell_publisher(&first, count, event);
                }
                Effect::Refuse { publish } => {
                    let event =
                        Event::Refuse { holder: publish.holder, sequence: publish.sequence };
                    self.tell_publisher(&publish, 1, event);
                }
                Effect::Append { id, payload } => {
                    if let Some(storing) = &mut self.storing {
                        storing.append(id, &payload, cell.common().clock.as_ref());
                    }
                }
                Effect::AttemptFailed { id } => self.attempt_failed(id),
                Effect::DeadLetter { id, payload, reason, .. } => {
                    self.counters.gives_up(reason, self.until_taken);
                    let content = payload.content(id, self.storing.as_ref().map(Storing::log));
                    self.let_go_early(id);
                    let origin = self.following.as_mut().and_then(|all| all.take_departed(id));
                    after.dead_letters.push(Letter { id: Some(id), content, reason, origin });
                }
                Effect::DeadLetterRefused { payload, reason } => {
                    self.counters.gives_up(reason, self.until_taken);
                    let content = payload.content(MessageId(0), None);
                    let origin = None;
                    after.dead_letters.push(Letter { id: None, content, reason, origin });
                }
                Effect::Release(span) => {
                    if let Some(storing) = &mut self.storing {
                        storing.release(&span);
                    }
                }
                // The log's own index has every message that was appended, and no other leaves RAM.
                Effect::PageOut { messages } => {
                    debug_assert!(messages.iter().all(|message| message.appended), "see admit");
                }
                Effect::PageIn { from, count, up_to } => {
                    let delayed = self.delaying.is_some();
                    after.page_in = Some(PageQuestion::new(from, count, up_to, delayed));
                }
                Effect::Lost { messages } => after.lost += messages,
                Effect::Reply { request, reply } => {
                    let reply = self.reply_for(cell.info().id, reply);
                    self.reply(request, reply, after);
                }
                Effect::CancelConsumer { consumer } => self.cancel_consumer(consumer),
                Effect::ConsumerTimeout { consumer, .. } => self.time_out(cell, consumer),
                // For management, which is not there yet.
                Effect::ActiveConsumer { .. } => {}
                Effect::Deleted => deleted = true,
            }
        }
        after.deleted |= deleted;
        if let Some(storing) = &mut self.storing {
            if deleted {
                storing.drop_queue();
            } else {
                storing.submit(cell);
            }
        }
        self.flush(cell);
    }

    #[cold]
    fn time_out(&mut self, cell: &Cell, consumer: ConsumerId) {
        cell.timed_out.note(cell.common().clock.now());
        tracing::warn!(
            queue = %cell.info().name,
            consumer = %consumer,
            "a consumer did not acknowledge a message in time: it is cancelled, and what it was given goes back to the queue"
        );
        self.cancel_consumer(consumer);
    }

    /// Consumers to be held, as found by the last [`Self::execute`].
    pub(super) fn held(&mut self) -> Vec<ConsumerId> {
        std::mem::take(&mut self.held)
    }

    /// The machine delivers nothing to a consumer after it has left, and everything that it delivered
    /// before was executed in an earlier step, so the sink can go first.
    fn forget_leaving(&mut self, command: &Command<Payload>) {
        match command {
            Command::Release { holder } => self.forget_holder(*holder),
            Command::Detach { consumer, .. } => self.forget_consumer(*consumer),
            _ => {}
        }
    }

    /// The event for a delivery; notes what the log is to know of it.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as a call it moves the event over the stack once more"
    )]
    fn hand_over(
        &mut self,
        queue: QueueId,
        consumer: ConsumerId,
        delivery: Delivery<Payload>,
    ) -> DeliveryEvent {
        let Delivery { id, payload, redelivered, holder, until_read, .. } = delivery;
        let Delivery { acquired_count, delivery_count, .. } = delivery;
        let acquired_count = if self.counts_deliveries { acquired_count } else { 0 };
        let log = self.storing.as_ref().map(Storing::log);
        let content = payload.content(id, log);
        self.counters.hands_out(consumer, holder.is_some() && !until_read, redelivered);
        if let (Some(_), Some(storing)) = (holder, &mut self.storing) {
            storing.deliver(id);
            let (first, last) = self.handed_out.unwrap_or((id, id));
            self.handed_out = Some((first.min(id), last.max(id)));
        }
        DeliveryEvent {
            consumer,
            queue,
            id,
            content,
            redelivered,
            until_read,
            acquired_count,
            delivery_count,
        }
    }

    /// The machine's answer with its message as an event.
    #[inline(never)]
    fn reply_for(&mut self, queue: QueueId, reply: Reply<Payload>) -> Reply<DeliveryEvent> {
        match reply {
            Reply::Got { delivery, ready } => {
                let delivery = delivery.map(|delivery| {
                    let Delivery { id, redelivered, holder, until_read, .. } = delivery;
                    let Delivery { acquired_count, delivery_count, .. } = delivery;
                    let payload = self.hand_over(queue, ConsumerId(0), delivery);
                    Delivery {
                        id,
                        payload,
                        redelivered,
                        acquired_count,
                        delivery_count,
                        holder,
                        until_read,
                    }
                });
                self.counters.get_empty.add(u64::from(delivery.is_none()));
                Reply::Got { delivery, ready }
            }
            Reply::Attached => Reply::Attached,
            Reply::ExclusiveUse => Reply::ExclusiveUse,
            Reply::SingleActive => Reply::SingleActive,
            Reply::Detached => Reply::Detached,
            Reply::Purged { messages } => Reply::Purged { messages },
            Reply::Counts { ready, consumers } => Reply::Counts { ready, consumers },
            Reply::Deleted { messages } => Reply::Deleted { messages },
            Reply::InUse => Reply::InUse,
            Reply::NotEmpty => Reply::NotEmpty,
            Reply::Gone => Reply::Gone,
        }
    }

    pub(super) fn admit_publisher(
        &mut self,
        messages: &[Incoming<Payload>],
        publisher: Arc<Inbox>,
    ) {
        let mut awaited = messages.iter().filter_map(|message| message.publish);
        if let Some(first) = awaited.next() {
            let open = 1 + awaited.count() as u64;
            self.publishers
                .entry(first.connection)
                .or_insert(PublisherEntry { inbox: publisher, open: 0 })
                .open += open;
        }
    }

    fn deliver(&mut self, event: DeliveryEvent) {
        let consumer = event.consumer;
        let bytes = event.content.ram_bytes();
        let Some(sink) = self.sinks.get_mut(&consumer) else {
            debug_assert!(false, "the machine delivers to attached consumers only");
            return;
        };
        let hinted =
            self.outbox.get(sink.slot).is_some_and(|out| out.connection == sink.connection);
        if !hinted {
            sink.slot = slot_for(&mut self.outbox, &mut self.spare, sink.connection, &sink.inbox);
        }
        let out = &mut self.outbox[sink.slot];
        if out.consumers.last() != Some(&consumer) {
            out.consumers.push(consumer);
        }
        out.delivery_bytes += usize::try_from(bytes).unwrap_or(usize::MAX);
        out.events.push(Event::Deliver(event));
    }

    fn tell_publisher(&mut self, publish: &PublishRef, count: u64, event: Event) {
        let Some(entry) = self.publishers.get_mut(&publish.connection) else {
            debug_assert!(false, "a confirm belongs to a publisher that was admitted");
            return;
        };
        entry.open = entry.open.saturating_sub(count);
        let slot = slot_for(&mut self.outbox, &mut self.spare, publish.connection, &entry.inbox);
        self.outbox[slot].events.push(event);
        if entry.open == 0 {
            self.publishers.remove(&publish.connection);
        }
    }

    fn reply(&mut self, request: RequestId, reply: Reply<DeliveryEvent>, after: &mut After) {
        let Some(Asker { inbox, consumer }) = self.waiting.remove(&request) else {
            debug_assert!(false, "an answer belongs to a question");
            return;
        };
        if let Some(consumer) = consumer
            && reply != Reply::Attached
        {
            self.forget_consumer(consumer);
        }
        // After a delete the client may ask for the name again at once, and may forget the queue itself;
        // so the answer waits until the vhost and the disk have forgotten it.
        if matches!(reply, Reply::Deleted { .. }) {
            return after.answers.push(WaitingAnswer { inbox, request, reply });
        }
        // A consumer's answers must follow its deliveries, so they go the way of the deliveries.
        let event = Event::Reply { request, reply: Box::new(reply) };
        if let Some(out) = self.outbox.iter_mut().find(|out| Arc::ptr_eq(&out.inbox, &inbox)) {
            out.events.push(event);
        } else {
            inbox.push([event]);
        }
    }

    fn cancel_consumer(&mut self, consumer: ConsumerId) {
        if let Some(sink) = self.sinks.remove(&consumer) {
            let slot = slot_for(&mut self.outbox, &mut self.spare, sink.connection, &sink.inbox);
            self.outbox[slot].events.push(Event::ConsumerCancelled { consumer });
            self.leave_holder(sink.holder, consumer);
        }
    }

    /// A consumer left; its holder may still hold messages, which needs no entry here.
    fn forget_consumer(&mut self, consumer: ConsumerId) {
        if let Some(sink) = self.sinks.remove(&consumer) {
            self.leave_holder(sink.holder, consumer);
        }
    }

    fn leave_holder(&mut self, holder: HolderId, consumer: ConsumerId) {
        if let Some(entry) = self.holders.get_mut(&holder) {
            entry.consumers.retain(|id| *id != consumer);
            if entry.consumers.is_empty() {
                self.holders.remove(&holder);
            }
        }
    }

    fn forget_holder(&mut self, holder: HolderId) {
        if let Some(entry) = self.holders.remove(&holder) {
            for consumer in entry.consumers {
                self.sinks.remove(&consumer);
            }
        }
    }

    /// Pushes what was collected: confirms first, deliveries last, because the task that is woken
    /// last runs next on this core (walk (b), wake order).
    fn flush(&mut self, cell: &Arc<Cell>) {
        for deliveries in [false, true] {
            for out in &mut self.outbox {
                if out.events.is_empty() || (out.delivery_bytes > 0) != deliveries {
                    continue;
                }
                let load = out.inbox.push_deliveries(
                    &mut out.events,
                    out.delivery_bytes,
                    cell,
                    &out.consumers,
                );
                if load == Load::High {
                    self.held.append(&mut out.consumers);
                }
            }
        }
        for mut out in self.outbox.drain(..) {
            if self.spare.len() < SPARE_MAX {
                out.consumers.clear();
                self.spare.push((out.events, out.consumers));
            }
        }
    }
}

fn slot_for(
    outbox: &mut Vec<Out>,
    spare: &mut Vec<(Vec<Event>, Vec<ConsumerId>)>,
    connection: ConnectionId,
    inbox: &Arc<Inbox>,
) -> usize {
    if let Some(slot) = outbox.iter().position(|out| out.connection == connection) {
        return slot;
    }
    let (events, consumers) = spare.pop().unwrap_or_default();
    outbox.push(Out { connection, inbox: Arc::clone(inbox), events, delivery_bytes: 0, consumers });
    outbox.len() - 1
}

impl SharedCredit for Executor {
    fn try_take(&mut self, holder: HolderId) -> bool {
        self.holders.get(&holder).is_none_or(|entry| entry.credit.try_take())
    }
}
