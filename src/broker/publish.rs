//! Publishing: route the messages of one socket read, group them by queue, hand each queue one batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counts::ExchangeCounters;
use super::direct_reply::{self, Replying};
use super::facts::{MessageFacts, Numbers};
use super::history::Replay;
use super::notices::{Traced, Tracer};
use super::pages::ENTRY_BYTES;
use super::payload::Payload;
use super::sender_selected::{self, Selected};
use super::spans::PublishSpan;
use super::vhost::Resource;
use super::windows::Looked;
use super::{Cell, Envelope, Inbox, Peer, Refused, Vhost, refuse};
use crate::access::Action;
use crate::base::{ChannelId, Message, Millis, QueueId, QueueName, ReplyCode, TimeToLive};
use crate::queue::{Incoming, PublishRef};
use crate::routing::Routed;

/// What became of a publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishOutcome {
    /// How many queues got it.
    pub queues: u32,
    /// How many answers follow, confirms or refusals: one for each queue, unless an exchange on the way
    /// looked for duplicates and answers for all.
    pub answers: u32,
}

/// The publishing side of one connection: the route it used last, and the batch of this turn.
pub struct Publisher {
    vhost: Arc<Vhost>,
    peer: Peer,
    inbox: Arc<Inbox>,
    cached: Cached,
    batch: Batch,
    numbers: Numbers,
    /// What exchanges on the way of the last message that was looked up said of duplicates.
    looked: Looked,
    /// Whether something is done with every message before it is routed: the configuration wants something written
    /// into it, or it may be traced.
    attends: bool,
    /// Of the message that is being published, or that was published last and reached no queue.
    span: Option<Arc<PublishSpan>>,
    replying: Replying,
    tracer: Tracer,
}

/// Room that a list gets before there are messages: more than a read brings of the smallest.
const EXPECTED_MAX: usize = 1024;

/// The route that was used last. Good for as long as the table is of the same generation.
#[derive(Default)]
struct Cached {
    generation: Option<u64>,
    /// The generation at which the peer was found to be allowed to publish to this exchange.
    checked: Option<u64>,
    /// As [`Message::route`] gives it.
    route: Vec<u8>,
    queues: Vec<Arc<Cell>>,
    /// Where this message waits, for exchanges that delay it. No route through one of them is kept.
    later: Vec<Arc<Cell>>,
    /// Where the queues stand in the batch, while `in_batch` is its number.
    slots: Vec<usize>,
    in_batch: u64,
    routed: Routed<Arc<Cell>>,
    /// What goes through the exchange is counted there,
    flow: Option<Arc<ExchangeCounters>>,
    /// but for so many messages that took this route since.
    uncounted: u64,
}

#[derive(Default)]
struct Batch {
    number: u64,
    groups: Vec<(Arc<Cell>, Vec<Incoming<Payload>>)>,
    /// How many messages a group of the last batch had, so that a list is allocated once.
    expected: usize,
    index: BTreeMap<QueueId, usize>,
    /// Cells that have commands waiting without messages.
    touched: Vec<Arc<Cell>>,
}

impl Publisher {
    /// For a connection that has opened `vhost`.
    #[must_use]
    pub fn new(vhost: Arc<Vhost>, peer: Peer, inbox: Arc<Inbox>) -> Self {
        let batch = Batch { number: 1, ..Batch::default() };
        let (cached, numbers) = (Cached::default(), Numbers::default());
        let attends = !vhost.common.interceptors.is_empty() || vhost.common.spans.is_some();
        let (looked, replying) = (Looked::default(), Replying::default());
        let tracer = Tracer::default();
        let span = None;
        Self { vhost, peer, inbox, cached, batch, numbers, looked, attends, span, replying, tracer }
    }

    /// Routes a message and puts it in the batch. `publish` is there when somebody waits for the confirm.
    ///
    /// # Errors
    /// 404 without such an exchange, 403 when it is internal or the peer may not write to it, 406 when
    /// the headers that select more keys are none.
    pub fn publish(
        &mut self,
        channel: ChannelId,
        message: Message,
        publish: Option<PublishRef>,
    ) -> Result<PublishOutcome, Refused> {
        if self.attends {
            return self.attend(channel, message, publish);
        }
        self.route(channel, message, publish)
    }

    /// What is done with every message that is not simply routed.
    #[cold]
    fn attend(
        &mut self,
        channel: ChannelId,
        message: Message,
        publish: Option<PublishRef>,
    ) -> Result<PublishOutcome, Refused> {
        let common = &self.vhost.common;
        let mut message = message;
        if !common.interceptors.is_empty() {
            let edit = common.edit_properties;
            message = common.interceptors.intercept(&message, &*common.clock, edit);
        }
        let vhost = self.vhost.name.as_str();
        self.span = common
            .spans
            .as_ref()
            .and_then(|spans| PublishSpan::begin(spans, vhost, &message, common.list_properties));
        let outcome = self.route(channel, message, publish);
        if let Some(span) = self.span.take() {
            match &outcome {
                Ok(outcome) => span.routed(outcome.queues),
                Err(refused) => span.failed(refused.to_string()),
            }
            // Whoever asked for it says next that it goes back, or that it comes again.
            let reached = outcome.as_ref().is_ok_and(|outcome| outcome.queues > 0);
            self.span = Some(span).filter(|_| !reached);
        }
        outcome
    }

    /// The message that was published last goes back to its publisher.
    pub(super) fn returned(&self) {
        self.span.as_ref().inspect(|span| span.returned());
    }

    /// The message that was published last and was refused is published again: what is traced is that.
    pub(super) fn comes_again(&mut self) {
        self.span.take().inspect(|span| span.forget());
    }

    #[inline]
    fn route(
        &mut self,
        channel: ChannelId,
        message: Message,
        publish: Option<PublishRef>,
    ) -> Result<PublishOutcome, Refused> {
        let mut message = message;
        if sender_selected::may_select(&message) {
            let delivered = self.look_up_selected(channel, &message)?;
            if self.is_apart() {
                return Ok(self.publish_apart(&delivered, &message, publish));
            }
            message = delivered;
        } else if !self.is_cached(&message) {
            if direct_reply::addressee(&message).is_some() {
                self.cached.queues.clear();
                self.trace_publish(channel, &message, &[message.routing_key()]);
                return self.reply(message, publish);
            }
            self.look_up(&message, &[message.routing_key()])?;
            self.trace_publish(channel, &message, &[message.routing_key()]);
            if self.is_apart() {
                return Ok(self.publish_apart(&message, &message, publish));
            }
        }
        let cached = &mut self.cached;
        cached.uncounted += 1;
        if cached.in_batch != self.batch.number {
            cached.find_slots(&mut self.batch);
        }
        let queues = cached.slots.len();
        if let Some((last, others)) = cached.slots.split_last() {
            let mut incoming = incoming(message);
            incoming.publish = publish;
            for slot in others {
                self.batch.groups[*slot].1.push(incoming.clone());
            }
            self.batch.groups[*last].1.push(incoming);
        }
        if let Some(span) = &self.span {
            for slot in &cached.slots {
                if let Some(incoming) = self.batch.groups[*slot].1.last_mut() {
                    incoming.payload.carry(span);
                }
            }
        }
        // A publish reaches at most as many queues as there are, far below four billion.
        let queues = u32::try_from(queues).unwrap_or(u32::MAX);
        Ok(PublishOutcome { queues, answers: queues })
    }

    /// Whoever publishes may do something else from now on.
    pub(super) fn renew(&mut self, peer: Peer) {
        self.peer = peer;
        self.recheck();
    }

    /// Permissions are looked at again with the next message.
    pub(super) fn recheck(&mut self) {
        (self.cached.generation, self.cached.checked) = (None, None);
        self.replying.checked = None;
    }

    /// Whether a publish to this exchange would be refused.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn check(&self, name: &str) -> Result<(), Refused> {
        // rabbitmq: whoever may not write is not told whether there is such an exchange.
        self.vhost.permit(&self.peer, Action::Write, Resource::Exchange(name))?;
        {
            let table = self.vhost.table();
            let Some(found) = table.exchange(name) else {
                return refuse(
                    ReplyCode::NotFound,
                    format!("no exchange '{name}' in vhost '{}'", self.vhost.name),
                );
            };
            if found.internal {
                return refuse(
                    ReplyCode::AccessRefused,
                    format!(
                        "cannot publish to internal exchange '{name}' in vhost '{}'",
                        self.vhost.name
                    ),
                );
            }
        }
        Ok(())
    }

    /// Whether this publish would be refused, as far as its publisher is concerned.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub(super) fn check_message(&self, message: &Message) -> Result<(), Refused> {
        let exchange = message.exchange();
        self.check(exchange)?;
        let mut keys = vec![message.routing_key()];
        let selected = if sender_selected::may_select(message) {
            Selected::read(&(self.vhost.common.parse_headers)(message.properties()))?
        } else {
            Selected::default()
        };
        keys.extend(selected.keys.iter().map(|key| &**key));
        self.vhost.permit_topics(&self.peer, Action::Write, exchange, &keys)
    }

    /// Puts something other than messages in for a queue; it takes effect with [`Self::flush`].
    pub(super) fn tell(&mut self, cell: &Arc<Cell>, envelope: Envelope) {
        // Messages published before must be in the queue before.
        self.batch.hand_over(cell.info().id, &self.inbox);
        cell.enqueue(envelope);
        if self.batch.touched.last().is_none_or(|last| !Arc::ptr_eq(last, cell)) {
            self.batch.touched.push(Arc::clone(cell));
        }
    }

    /// Puts messages that a recent history exchange remembered in for queues that were bound to it.
    pub(super) fn replay(&mut self, replay: Replay) {
        for (cell, message) in replay {
            let slot = self.batch.slot(&cell);
            self.batch.groups[slot].1.push(incoming(message));
        }
    }

    /// Of the queues that have commands waiting, those beyond so many: they are not driven by [`Self::flush`].
    pub(super) fn leave_touched(&mut self, count: usize) -> Vec<Arc<Cell>> {
        self.batch.touched.split_off(count.min(self.batch.touched.len()))
    }

    /// Hands every queue its batch and drives it.
    pub fn flush(&mut self, now: Millis) {
        if self.attends {
            self.span = None;
        }
        self.replying.flush(&self.inbox);
        self.cached.count();
        if self.batch.groups.is_empty() && self.batch.touched.is_empty() {
            return;
        }
        self.batch.begin_next();
        for (cell, messages) in self.batch.groups.drain(..) {
            if !messages.is_empty() {
                let publisher = Arc::clone(&self.inbox);
                cell.enqueue(Envelope::Publish { messages, publisher });
            }
            cell.drive(now);
        }
        for cell in self.batch.touched.drain(..) {
            cell.drive(now);
        }
    }

    /// Whether exchanges on the way of the message that was looked up have more to say than its queues.
    fn is_apart(&self) -> bool {
        self.looked.is_any() || !self.cached.later.is_empty()
    }

    /// Puts a message in that exchanges on its way delay, or have looked for as a duplicate. Those that
    /// delay it get `whole`, with all its routing keys. Where it was looked for, its queues answer to the
    /// claim, which answers the publisher; one that is a duplicate waits for the answer of the first.
    fn publish_apart(
        &mut self,
        message: &Message,
        whole: &Message,
        publish: Option<PublishRef>,
    ) -> PublishOutcome {
        let looked = std::mem::take(&mut self.looked);
        let windows = Arc::clone(&self.vhost.windows);
        let publisher = || publish.map(|publish| (Arc::clone(&self.inbox), publish));
        let now = self.cached.queues.iter().map(|cell| (Arc::clone(cell), message));
        let later = self.cached.later.drain(..).map(|cell| (cell, whole));
        let cells: Vec<_> = now.chain(later).collect();
        let queues = u32::try_from(cells.len()).unwrap_or(u32::MAX);
        if let Some(flow) = &self.cached.flow {
            flow.add(1, u64::from(queues));
        }
        let mut answers = queues;
        let mut claimed = None;
        if let Some(claim) = looked.claim {
            if cells.is_empty() {
                windows.withdraw(claim);
            } else {
                let is_kept = cells.iter().any(|(cell, _)| cell.info().is_stored());
                let is_kept = is_kept && message.header().persistent;
                claimed = Some(windows.route(claim, queues, is_kept, publisher()));
                answers = 1;
            }
        }
        answers += u32::from(windows.wait(&looked, publisher()));
        for (cell, message) in cells {
            let mut message = incoming(message.clone());
            self.span.as_ref().inspect(|span| message.payload.carry(span));
            if let Some((publish, inbox)) = &claimed {
                let messages = vec![Incoming { publish: Some(*publish), ..message }];
                let publisher = Arc::clone(inbox);
                self.tell(&cell, Envelope::Publish { messages, publisher });
            } else {
                let slot = self.batch.slot(&cell);
                self.batch.groups[slot].1.push(Incoming { publish, ..message });
            }
        }
        PublishOutcome { queues, answers }
    }

    /// A direct reply: it reaches no queue.
    fn reply(
        &mut self,
        message: Message,
        publish: Option<PublishRef>,
    ) -> Result<PublishOutcome, Refused> {
        let generation = Some(self.vhost.generation());
        if self.replying.checked != generation {
            self.check(message.exchange())?;
            self.replying.checked = generation;
        }
        Ok(self.replying.reply(&self.vhost, message, publish))
    }

    /// Copies a message that was looked up just now to the firehose, when that is on.
    fn trace_publish(&mut self, channel: ChannelId, message: &Message, keys: &[&[u8]]) {
        if self.vhost.is_traced() {
            let queues = self.cached.queues.iter().map(|cell| cell.info().name.clone()).collect();
            self.trace(channel, message, &Traced::Published { keys, queues });
        }
    }

    /// Copies a message that is handed out to the firehose, which is on. It takes effect with
    /// [`Self::flush`].
    pub(super) fn trace_delivery(
        &mut self,
        channel: ChannelId,
        message: &Message,
        queue: &QueueName,
        redelivered: bool,
    ) {
        self.trace(channel, message, &Traced::Delivered { queue, redelivered });
    }

    #[cold]
    fn trace(&mut self, channel: ChannelId, message: &Message, traced: &Traced<'_>) {
        let Self { tracer, vhost, peer, batch, .. } = self;
        let Some((copy, queues)) = tracer.copy(vhost, peer, channel, message, traced) else {
            return;
        };
        for cell in queues {
            let slot = batch.slot(cell);
            batch.groups[slot].1.push(incoming(copy.clone()));
        }
    }

    fn is_cached(&self, message: &Message) -> bool {
        self.cached.generation == Some(self.vhost.generation())
            && message.has_route(&self.cached.route)
    }

    /// Finds the queues of a message whose headers may hold more routing keys; gives the message as it
    /// goes into them.
    fn look_up_selected(
        &mut self,
        channel: ChannelId,
        message: &Message,
    ) -> Result<Message, Refused> {
        // rabbitmq: what is wrong with the exchange is told before what is wrong with the message.
        self.check(message.exchange())?;
        let common = &self.vhost.common;
        let selected = Selected::read(&(common.parse_headers)(message.properties()))?;
        let edit = common.edit_properties;
        if !selected.keys.is_empty() {
            let keys = [message.routing_key()].into_iter();
            let keys: Vec<_> = keys.chain(selected.keys.iter().map(|key| &**key)).collect();
            self.look_up(message, &keys)?;
            // The keys of this message are no other message's.
            self.cached.generation = None;
            let delivered = selected.delivered(message.clone(), edit);
            self.trace_publish(channel, &delivered, &keys);
            return Ok(delivered);
        }
        let delivered = selected.delivered(message.clone(), edit);
        if !self.is_cached(message) {
            self.look_up(message, &[message.routing_key()])?;
            self.trace_publish(channel, &delivered, &[message.routing_key()]);
        }
        Ok(delivered)
    }

    fn look_up(&mut self, message: &Message, keys: &[&[u8]]) -> Result<(), Refused> {
        let generation = self.vhost.generation();
        let exchange = message.exchange();
        // The exchange stands first in a route, behind the octet of its length.
        let same = self.cached.route.starts_with(&message.route()[..=exchange.len()]);
        let is_checked = same && self.cached.checked == Some(generation);
        (self.cached.generation, self.cached.checked) = (None, None);
        self.cached.count();
        if !is_checked {
            self.check(exchange)?;
            self.cached.flow = Some(self.vhost.flow(exchange));
        }
        self.vhost.permit_topics(&self.peer, Action::Write, exchange, keys)?;
        let (cached, common) = (&mut self.cached, &*self.vhost.common);
        let windows = Some((&*self.vhost.windows, &mut self.looked));
        let mut facts = MessageFacts { common, message, numbers: &mut self.numbers, windows };
        let table = self.vhost.table();
        cached.routed.clear();
        let routed = table.route_keys(exchange, keys, &mut facts, &mut cached.routed);
        if routed.is_err() {
            return refuse(
                ReplyCode::NotFound,
                format!("no exchange '{exchange}' in vhost '{}'", self.vhost.name),
            );
        }
        let by_message = cached.routed.depends_on_message();
        if by_message {
            self.vhost.remember(&table, &cached.routed, message);
        }
        // What is traced comes here with each message.
        let is_kept = !by_message && !self.vhost.is_traced();
        cached.generation = is_kept.then(|| table.generation());
        drop(table);
        let (queues, later) = cached.routed.now_and_later();
        cached.queues.clear();
        cached.queues.extend_from_slice(queues);
        cached.later.clear();
        cached.later.extend_from_slice(later);
        cached.in_batch = 0;
        cached.checked = Some(generation);
        cached.route.clear();
        cached.route.extend_from_slice(message.route());
        Ok(())
    }
}

impl Cached {
    /// The batch is another one than that of the last message.
    #[cold]
    fn find_slots(&mut self, batch: &mut Batch) {
        self.slots.clear();
        self.slots.extend(self.queues.iter().map(|cell| batch.slot(cell)));
        self.in_batch = batch.number;
    }

    /// Counts the messages that took this route where everybody's are counted: once for all of them.
    #[inline]
    fn count(&mut self) {
        let messages = std::mem::take(&mut self.uncounted);
        if messages > 0
            && let Some(flow) = &self.flow
        {
            flow.add(messages, messages * self.queues.len() as u64);
        }
    }
}

/// A message that nobody waits for the confirm of, as a queue takes it.
#[inline]
pub(super) fn incoming(message: Message) -> Incoming<Payload> {
    let bytes = ENTRY_BYTES + message.content_bytes();
    let persistent = message.is_persistent();
    let (ttl, priority) = if message.is_arranged() { arrangement(&message) } else { (None, 0) };
    let payload = Payload::new(message);
    Incoming { payload, bytes, persistent, publish: None, ttl, priority, due: None }
}

/// How long a message may wait and its priority, as it says itself.
#[cold]
fn arrangement(message: &Message) -> (Option<TimeToLive>, u8) {
    let header = message.header();
    (header.expiration_ms.map(TimeToLive::from_ms), header.priority.unwrap_or(0))
}

impl Batch {
    /// What is put in from now on belongs to another batch.
    fn begin_next(&mut self) {
        self.number += 1;
        self.index.clear();
        let messages: usize = self.groups.iter().map(|(_, messages)| messages.len()).sum();
        if messages > 0 {
            self.expected = messages.div_ceil(self.groups.len()).min(EXPECTED_MAX);
        }
    }

    fn slot(&mut self, cell: &Arc<Cell>) -> usize {
        let (groups, expected) = (&mut self.groups, self.expected);
        *self.index.entry(cell.info().id).or_insert_with(|| {
            groups.push((Arc::clone(cell), Vec::with_capacity(expected)));
            groups.len() - 1
        })
    }

    fn hand_over(&mut self, queue: QueueId, inbox: &Arc<Inbox>) {
        if let Some(slot) = self.index.get(&queue) {
            let (cell, messages) = &mut self.groups[*slot];
            if !messages.is_empty() {
                let messages = std::mem::take(messages);
                cell.enqueue(Envelope::Publish { messages, publisher: Arc::clone(inbox) });
            }
        }
    }
}
