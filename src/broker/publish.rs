//! Publishing: route the messages of one socket read, group them by queue, hand each queue one batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::facts::{MessageFacts, Numbers};
use super::history::Replay;
use super::pages::ENTRY_BYTES;
use super::payload::Payload;
use super::sender_selected::{self, Selected};
use super::vhost::Resource;
use super::{Cell, Envelope, Inbox, Peer, Refused, Vhost, refuse};
use crate::access::Action;
use crate::base::{ExchangeName, Message, Millis, QueueId, ReplyCode};
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

/// The route that was used last. Good for as long as the table is of the same generation.
#[derive(Default)]
struct Cached {
    generation: Option<u64>,
    exchange: Option<ExchangeName>,
    routing_key: Vec<u8>,
    queues: Vec<Arc<Cell>>,
    /// Where the queues stand in the batch, while `in_batch` is its number.
    slots: Vec<usize>,
    in_batch: u64,
    routed: Routed<Arc<Cell>>,
}

#[derive(Default)]
struct Batch {
    number: u64,
    groups: Vec<(Arc<Cell>, Vec<Incoming<Payload>>)>,
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
        if sender_selected::may_select(&message) {
            message = self.look_up_selected(message)?;
        } else if !self.is_cached(&message) {
            self.look_up(&message, &[])?;
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
        let persistent = message.header().persistent;
        let mut message = Some(message);
        for (place, slot) in cached.slots.iter().enumerate() {
            let payload = if place + 1 == queues { message.take() } else { message.clone() };
            if let Some(payload) = payload {
                let payload = Payload::new(payload);
                let incoming = Incoming { payload, bytes, persistent, publish };
                self.batch.groups[*slot].1.push(incoming);
            }
        }
        // A publish reaches at most as many queues as there are, far below four billion.
        Ok(PublishOutcome { queues: u32::try_from(queues).unwrap_or(u32::MAX) })
    }

    /// Whether a publish to this exchange would be refused.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn check(&self, exchange: &ExchangeName) -> Result<(), Refused> {
        let name = exchange.as_str();
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
            let (bytes, persistent) =
                (ENTRY_BYTES + message.content_bytes(), message.header().persistent);
            let payload = Payload::new(message);
            self.batch.groups[slot].1.push(Incoming { payload, bytes, persistent, publish: None });
        }
    }

    /// Hands every queue its batch and drives it.
    pub fn flush(&mut self, now: Millis) {
        if self.batch.groups.is_empty() && self.batch.touched.is_empty() {
            return;
        }
        self.batch.number += 1;
        self.batch.index.clear();
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
            && self.cached.exchange.as_ref() == Some(message.exchange())
            && self.cached.routing_key == message.routing_key()
    }

    /// Finds the queues of a message whose headers may hold more routing keys; gives the message as it
    /// goes into them.
    fn look_up_selected(&mut self, message: Message) -> Result<Message, Refused> {
        // rabbitmq: what is wrong with the exchange is told before what is wrong with the message.
        self.check(message.exchange())?;
        let common = &self.vhost.common;
        let selected = Selected::read(&(common.parse_headers)(message.properties()))?;
        let edit = common.edit_properties;
        if !selected.keys.is_empty() {
            self.look_up(&message, &selected.keys)?;
            // The keys of this message are no other message's.
            self.cached.generation = None;
        } else if !self.is_cached(&message) {
            self.look_up(&message, &[])?;
        }
        Ok(selected.delivered(message, edit))
    }

    fn look_up(&mut self, message: &Message, more_keys: &[Bytes]) -> Result<(), Refused> {
        self.cached.generation = None;
        self.check(message.exchange())?;
        let mut keys = vec![message.routing_key()];
        keys.extend(more_keys.iter().map(|key| &**key));
        self.vhost.permit_topics(&self.peer, Action::Write, message.exchange(), &keys)?;
        let (cached, common) = (&mut self.cached, &*self.vhost.common);
        let mut facts = MessageFacts { common, message, numbers: &mut self.numbers };
        let table = self.vhost.table();
        cached.routed.clear();
        let exchange = message.exchange().as_str();
        let routed = table.route_keys(exchange, &keys, &mut facts, &mut cached.routed);
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
        cached.queues.clear();
        cached.queues.extend(cached.routed.queues().iter().cloned());
        cached.in_batch = 0;
        if !by_message {
            cached.exchange = Some(message.exchange().clone());
            cached.routing_key.clear();
            cached.routing_key.extend_from_slice(message.routing_key());
        }
        Ok(())
    }
}

impl Batch {
    fn slot(&mut self, cell: &Arc<Cell>) -> usize {
        let groups = &mut self.groups;
        *self.index.entry(cell.info().id).or_insert_with(|| {
            groups.push((Arc::clone(cell), Vec::new()));
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
