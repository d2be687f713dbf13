//! Messages are moved from a queue to another one, or to an exchange.
//!
//! A batch is fetched, published, and acknowledged when every queue has confirmed it: so no message is ever
//! nowhere. What ends the broker or the request in between leaves a message in both places at most: it was
//! confirmed there and comes back here.
//!
//! Only the head of a queue can be taken. With a filter, messages that it does not take are held until the end of
//! the request and then go back to their places, marked redelivered, as with a fetch; no attempt is counted as
//! failed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{CHANNEL, DirectClient};
use crate::base::limits::{MOVE_BATCH_BYTES_MAX, MOVE_BATCH_MESSAGES, MOVE_LOOKED_AT_MAX};
use crate::base::{
    Body, ExchangeName, Message, MessageId, PublishSequence, QueueId, QueueName, ReplyCode,
    ShortStr,
};
use crate::broker::payload::Payload;
use crate::broker::publish::incoming;
use crate::broker::{
    Answered, Cell, Content, DeliveryEvent, Envelope, Event, Filter, Refused, Unreadable, refuse,
};
use crate::queue::{Attempt, Incoming, PublishRef, Settlement};

/// What is to be moved.
#[derive(Clone, Debug)]
pub struct Move {
    /// From here.
    pub from: QueueName,
    /// Where to.
    pub to: MoveTo,
    /// Messages at most.
    pub count: usize,
    /// Which.
    pub filter: Filter,
}

/// Where messages are moved to.
#[derive(Clone, Debug)]
pub enum MoveTo {
    /// Into this queue, as they are: exchange and routing key stay those that they were published with.
    Queue(QueueName),
    /// They are published to this exchange, with this routing key or with their own.
    Exchange(ExchangeName, Option<ShortStr>),
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Moved {
    /// Messages that are there now and not here any more.
    pub moved: usize,
    /// Messages that were looked at.
    pub looked_at: usize,
    /// Messages that the filter did not take; they are back.
    pub passed_over: usize,
    /// Messages that wait in the queue at the end.
    pub left: u64,
    /// Why it ended before everything was looked at.
    pub stopped: Option<Stopped>,
}

/// Why a move ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// As many as wanted were moved.
    Count,
    /// One request does no more; ask again.
    Bound,
    /// A message led to no queue. It is back.
    Unrouted,
    /// A queue did not take a message. It is back.
    Refused,
}

/// A message in the hands of the client.
struct Taken {
    id: MessageId,
    message: Message,
}

/// How far a request has come.
struct Way {
    moved: Moved,
    queue: Option<QueueId>,
    /// What goes back at the end.
    kept: Vec<(MessageId, MessageId)>,
    kept_bytes: u64,
    /// Nothing more waits.
    is_empty: bool,
}

impl DirectClient {
    /// Moves messages. `read` gives the bytes of one, and may block on the disk.
    ///
    /// # Errors
    /// 403, 404, 405; 541 when a message cannot be read now. What was moved before stays moved, and everything
    /// else is back when the client is dropped.
    pub async fn move_messages(
        &mut self,
        order: &Move,
        mut read: impl FnMut(Content) -> Result<Message, Unreadable>,
    ) -> Result<Moved, Refused> {
        let target = self.move_target(order)?;
        let (moved, kept) = (Moved::default(), Vec::new());
        let mut way = Way { moved, queue: None, kept, kept_bytes: 0, is_empty: false };
        while way.moved.stopped.is_none() && !way.is_empty {
            let batch = self.take_batch(order, &mut way, &mut read).await?;
            if !batch.is_empty() {
                self.pass_on(order, target.as_ref(), batch, &mut way).await?;
            }
        }
        if let Some(queue) = way.queue {
            self.client.settle(
                self.holder,
                queue,
                Settlement::Requeue(Attempt::Returned),
                way.kept,
            );
            self.flush();
        }
        let left = self.client.vhost().queue_of(&order.from).map_or(0, |cell| cell.report().ready);
        Ok(Moved { left, ..way.moved })
    }

    /// The queue that messages are moved to, when it is one.
    fn move_target(&mut self, order: &Move) -> Result<Option<Arc<Cell>>, Refused> {
        let vhost = Arc::clone(self.client.vhost());
        match &order.to {
            MoveTo::Exchange(exchange, _) => {
                self.client.check_publish(exchange.as_str()).map(|()| None)
            }
            MoveTo::Queue(name) => {
                // What a publish to the queue by its name would need.
                self.client.check_publish("")?;
                if *name == order.from {
                    let text = format!("messages of queue '{name}' cannot be moved to itself");
                    return refuse(ReplyCode::PreconditionFailed, text);
                }
                match vhost.queue_of(name) {
                    Some(cell) => Ok(Some(cell)),
                    None => refuse(ReplyCode::NotFound, vhost.no_queue(name.as_str())),
                }
            }
        }
    }

    async fn take_batch(
        &mut self,
        order: &Move,
        way: &mut Way,
        read: &mut impl FnMut(Content) -> Result<Message, Unreadable>,
    ) -> Result<Vec<Taken>, Refused> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < MOVE_BATCH_MESSAGES && bytes < MOVE_BATCH_BYTES_MAX {
            if way.moved.moved + batch.len() >= order.count {
                way.moved.stopped = Some(Stopped::Count);
                break;
            }
            if way.moved.looked_at >= MOVE_LOOKED_AT_MAX || way.kept_bytes >= MOVE_BATCH_BYTES_MAX {
                way.moved.stopped = Some(Stopped::Bound);
                break;
            }
            let step = self.client.get(self.holder, &order.from, false);
            let Answered::Got(event, _) = self.answered(step).await? else {
                way.is_empty = true;
                break;
            };
            let DeliveryEvent { queue, id, .. } = *event;
            way.queue = Some(queue);
            way.moved.looked_at += 1;
            let message = match read(event.content.clone()) {
                Ok(message) => message,
                Err(error) => {
                    self.unreadable(&order.from, queue, id, &error)?;
                    continue;
                }
            };
            if order.filter.takes(&message, self.broker.common().parse_headers) {
                bytes += message.content_bytes();
                batch.push(Taken { id, message });
            } else {
                way.kept_bytes += message.content_bytes();
                way.kept.push((id, id));
                way.moved.passed_over += 1;
            }
        }
        Ok(batch)
    }

    /// Publishes a batch, waits for everybody's word, and acknowledges what is safe there.
    async fn pass_on(
        &mut self,
        order: &Move,
        target: Option<&Arc<Cell>>,
        batch: Vec<Taken>,
        way: &mut Way,
    ) -> Result<(), Refused> {
        // By the number of the publish: the message, words that are missing, whether one was no.
        let mut open: BTreeMap<PublishSequence, (MessageId, u32, bool)> = BTreeMap::new();
        let (mut safe, mut back, mut put) = (Vec::new(), Vec::new(), Vec::new());
        for Taken { id, message } in batch {
            self.sequence = PublishSequence(self.sequence.0 + 1);
            let words = if target.is_some() {
                put.push(self.as_it_is(message));
                1
            } else {
                let message = addressed(&order.to, &message);
                let sequence = Some(self.sequence);
                self.client.publish(CHANNEL, self.holder, message, sequence)?.answers
            };
            if words == 0 {
                way.moved.stopped = Some(Stopped::Unrouted);
                back.push((id, id));
            } else {
                open.insert(self.sequence, (id, words, false));
            }
        }
        if let Some(cell) = target {
            let publisher = Arc::clone(&self.inbox);
            cell.enqueue(Envelope::Publish { messages: put, publisher });
            cell.drive(self.broker.clock().now());
        }
        self.flush();
        while !open.is_empty() {
            let (first, last, refused) = match self.next_event().await {
                Event::Confirm { first, last, .. } => (first, last, false),
                Event::Refuse { sequence, .. } => (sequence, sequence, true),
                _ => continue,
            };
            let told: Vec<PublishSequence> =
                open.range(first..=last).map(|(key, _)| *key).collect();
            for sequence in told {
                let Some((id, words, no)) = open.get_mut(&sequence) else { continue };
                *words -= 1;
                *no |= refused;
                if *words > 0 {
                    continue;
                }
                if *no {
                    way.moved.stopped = Some(Stopped::Refused);
                    back.push((*id, *id));
                } else {
                    safe.push((*id, *id));
                }
                open.remove(&sequence);
            }
        }
        way.moved.moved += safe.len();
        way.kept.extend(back);
        if let Some(queue) = way.queue {
            self.client.settle(self.holder, queue, Settlement::Ack, safe);
            self.flush();
        }
        Ok(())
    }

    /// A message on its way into a queue, with nothing about it changed.
    fn as_it_is(&self, message: Message) -> Incoming<Payload> {
        let (connection, holder) = (self.client.peer().connection, self.holder);
        let publish = PublishRef { connection, channel: CHANNEL, holder, sequence: self.sequence };
        Incoming { publish: Some(publish), ..incoming(message) }
    }
}

/// The message as it is published to an exchange.
fn addressed(to: &MoveTo, message: &Message) -> Message {
    let MoveTo::Exchange(exchange, key) = to else { return message.clone() };
    let key = key.as_ref().map_or(message.routing_key(), |key| key.as_bytes());
    let (body, header): (Body, _) = (message.body().to_body(), message.header());
    Message::new(exchange, key, message.properties(), body, header)
}
