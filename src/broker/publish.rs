//! Publishing: route the messages of one socket read, group them by queue, hand each queue one batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{MessageFacts, Numbers};
use super::history::Replay;
use super::pages::ENTRY_BYTES;
use super::payload::Payload;
use super::sender_selected::{self, Selected};
use super::storing::own_ttl;
use super::vhost::Resource;
use super::{Cell, Envelope, Inbox, Peer, Refused, Vhost, refuse};
use crate::access::Action;
use crate::base::{Message, Millis, QueueId, ReplyCode};
use crate::queue::{Incoming, PublishRef};
use crate::routing::Routed;

/// What became of a publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishOutcome {
    /// How many queues got it; each will confirm it.
    pub queues: u32,
}

/// The publishing side of one connection: the route it used last, and the batch of this turn.
pub struct Publisher {
    vhost: Arc<Vhost>,
    peer: Peer,
    inbox: Arc<Inbox>,
    cached: Cached,
    batch: Batch,
    numbers: Numbers,
    /// Whether the configuration wants something written into every message.
    intercepts: bool,
}

/// Room that a list gets before there are messages: more than a read brings of the smallest.
const EXPECTED_MAX: usize = 1024;

/// The route that was used last. Good for as long as the table is of the same generation.
#[derive(Default)]
struct Cached {
    generation: Option<u64>,
    /// The generation at which the peer was found to be allowed to publish to this exchange.
    checked: Option<u64>,
    /// The exchange's name and the routing key behind it.
    route: Vec<u8>,
    exchange_bytes: usize,
    queues: Vec<Arc<Cell>>,
    /// Where this message waits, for exchanges that delay it. No route through one of them is kept.
    later: Vec<Arc<Cell>>,
    /// Where the queues stand in the batch, while `in_batch` is its number.
    slots: Vec<usize>,
    in_batch: u64,
    routed: Routed<Arc<Cell>>,
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
        let intercepts = !vhost.common.interceptors.is_empty();
        Self { vhost, peer, inbox, cached, batch, numbers, intercepts }
    }

    /// Routes a message and puts it in the batch. `publish` is there when somebody waits for the confirm.
    ///
    /// # Errors
    /// 404 without such an exchange, 403 when it is internal or the peer may not write to it, 406 when
    /// the headers that select more keys are none.
    pub fn publish(
        &mut self,
        message: Message,
        publish: Option<PublishRef>,
    ) -> Result<PublishOutcome, Refused> {
        let mut message = message;
        if self.intercepts {
            let common = &self.vhost.common;
            let edit = common.edit_properties;
            message = common.interceptors.intercept(&message, &*common.clock, edit);
        }
        let mut held_back = 0;
        if sender_selected::may_select(&message) {
            (message, held_back) = self.look_up_selected(message, publish)?;
        } else if !self.is_cached(&message) {
            self.look_up(&message, &[message.routing_key()])?;
            held_back = self.hold_back(&message, publish);
        }
        let cached = &mut self.cached;
        if cached.in_batch != self.batch.number {
            cached.slots.clear();
            for cell in &cached.queues {
                cached.slots.push(self.batch.slot(cell));
            }
            cached.in_batch = self.batch.number;
        }
        let queues = cached.queues.len();
        let bytes = ENTRY_BYTES + message.content_bytes();
        let header = message.header();
        let (persistent, ttl) = (header.persistent, own_ttl(header));
        let priority = header.priority.unwrap_or(0);
        let mut message = Some(message);
        for (place, slot) in cached.slots.iter().enumerate() {
            let payload = if place + 1 == queues { message.take() } else { message.clone() };
            if let Some(payload) = payload {
                let payload = Payload::new(payload);
                let incoming =
                    Incoming { payload, bytes, persistent, publish, ttl, priority, due: None };
                self.batch.groups[*slot].1.push(incoming);
            }
        }
        // A publish reaches at most as many queues as there are, far below four billion.
        Ok(PublishOutcome { queues: u32::try_from(queues + held_back).unwrap_or(u32::MAX) })
    }

    /// Puts a message where exchanges on its way delay it, with all its routing keys; says in how many
    /// places.
    fn hold_back(&mut self, message: &Message, publish: Option<PublishRef>) -> usize {
        let places = self.cached.later.len();
        for cell in self.cached.later.drain(..) {
            let slot = self.batch.slot(&cell);
            self.batch.groups[slot].1.push(Incoming { publish, ..incoming(message.clone()) });
        }
        places
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

    /// Hands every queue its batch and drives it.
    pub fn flush(&mut self, now: Millis) {
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

    fn is_cached(&self, message: &Message) -> bool {
        self.cached.generation == Some(self.vhost.generation())
            && self.cached.exchange_bytes == message.exchange_bytes().len()
            && self.cached.route == message.route()
    }

    /// Finds the queues of a message whose headers may hold more routing keys; gives the message as it
    /// goes into them, and how many others have it already, to delay it.
    fn look_up_selected(
        &mut self,
        message: Message,
        publish: Option<PublishRef>,
    ) -> Result<(Message, usize), Refused> {
        // rabbitmq: what is wrong with the exchange is told before what is wrong with the message.
        self.check(message.exchange())?;
        let common = &self.vhost.common;
        let selected = Selected::read(&(common.parse_headers)(message.properties()))?;
        let edit = common.edit_properties;
        if !selected.keys.is_empty() {
            let keys = [message.routing_key()].into_iter();
            let keys: Vec<_> = keys.chain(selected.keys.iter().map(|key| &**key)).collect();
            self.look_up(&message, &keys)?;
            // The keys of this message are no other message's.
            self.cached.generation = None;
        } else if !self.is_cached(&message) {
            self.look_up(&message, &[message.routing_key()])?;
        }
        let held_back = self.hold_back(&message, publish);
        Ok((selected.delivered(message, edit), held_back))
    }

    fn look_up(&mut self, message: &Message, keys: &[&[u8]]) -> Result<(), Refused> {
        let generation = self.vhost.generation();
        let (exchange, name) = (message.exchange(), message.exchange_bytes());
        let same = self.cached.route.get(..self.cached.exchange_bytes) == Some(name);
        let is_checked = same && self.cached.checked == Some(generation);
        (self.cached.generation, self.cached.checked) = (None, None);
        if !is_checked {
            self.check(exchange)?;
        }
        self.vhost.permit_topics(&self.peer, Action::Write, exchange, keys)?;
        let (cached, common) = (&mut self.cached, &*self.vhost.common);
        let mut facts = MessageFacts { common, message, numbers: &mut self.numbers };
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
        cached.generation = (!by_message).then(|| table.generation());
        drop(table);
        let (queues, later) = cached.routed.now_and_later();
        cached.queues.clear();
        cached.queues.extend_from_slice(queues);
        cached.later.clear();
        cached.later.extend_from_slice(later);
        cached.in_batch = 0;
        cached.checked = Some(generation);
        cached.exchange_bytes = exchange.len();
        cached.route.clear();
        cached.route.extend_from_slice(message.route());
        Ok(())
    }
}

/// A message that nobody waits for the confirm of, as a queue takes it.
fn incoming(message: Message) -> Incoming<Payload> {
    let bytes = ENTRY_BYTES + message.content_bytes();
    let header = message.header();
    let (persistent, ttl) = (header.persistent, own_ttl(header));
    let priority = header.priority.unwrap_or(0);
    let payload = Payload::new(message);
    Incoming { payload, bytes, persistent, publish: None, ttl, priority, due: None }
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
