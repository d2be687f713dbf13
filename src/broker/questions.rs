//! Questions that a client has asked of a queue, and what the queue's answers mean for the request.

use std::sync::Arc;

use super::client::Client;
use super::notices::{Actor, Occurrence};
use super::{Answered, Cell, DeclareQueue, DeliveryEvent, Refused, Step, refuse};
use crate::base::{ConsumerId, HolderId, ReplyCode};
use crate::queue::{Reply, RequestId};

/// The one open question of a client.
pub(super) struct Pending {
    pub(super) request: RequestId,
    pub(super) holder: HolderId,
    pub(super) question: Question,
}

pub(super) enum Question {
    /// A change of the definitions, and the answer for when it is on disk.
    Store(Answered),
    /// The counts of a queue that is there; kept to be asked again when it was deleted meanwhile.
    Declare(Box<DeclareQueue>, Arc<Cell>),
    Purge(Arc<Cell>),
    Delete(Arc<Cell>),
    Consume(ConsumerId),
    Cancel(ConsumerId),
    Get(Arc<Cell>),
}

impl Client {
    /// A queue answered. `None` when nobody waits for it any more (its channel is gone).
    pub fn reply(
        &mut self,
        request: RequestId,
        reply: Reply<DeliveryEvent>,
    ) -> Option<Result<Step, Refused>> {
        let pending = self.pending.take_if(|pending| pending.request == request)?;
        let holder = pending.holder;
        Some(match pending.question {
            // Answered by `stored`, with numbers of its own.
            Question::Store(answered) => done(answered),
            Question::Declare(declare, cell) => {
                self.declare_replied(holder, *declare, &cell, &reply)
            }
            Question::Purge(cell) => match reply {
                Reply::Purged { messages } => done(Answered::Messages(messages)),
                _ => self.gone(&cell),
            },
            Question::Delete(cell) => self.delete_replied(&cell, &reply),
            Question::Consume(id) => self.consume_replied(id, &reply),
            Question::Cancel(id) => {
                if let Some(gone) = self.consumers.remove(&id) {
                    self.tell_consumer_gone(&gone, &Actor::peer(&self.peer));
                }
                done(Answered::Done)
            }
            Question::Get(cell) => self.get_replied(&cell, reply),
        })
    }

    /// A change of the definitions is on disk, or never will be. `None` when nobody waits any more.
    pub fn stored(
        &mut self,
        request: RequestId,
        error: Option<String>,
    ) -> Option<Result<Step, Refused>> {
        let pending = self.pending.take_if(|pending| pending.request == request)?;
        Some(match (pending.question, error) {
            (Question::Store(answered), None) => done(answered),
            (_, error) => refuse(
                ReplyCode::InternalError,
                format!("the definitions could not be stored: {}", error.unwrap_or_default()),
            ),
        })
    }

    fn declare_replied(
        &mut self,
        holder: HolderId,
        declare: DeclareQueue,
        cell: &Arc<Cell>,
        reply: &Reply<DeliveryEvent>,
    ) -> Result<Step, Refused> {
        if let Reply::Counts { ready, consumers } = *reply {
            let queue = cell.info().name.clone();
            return done(Answered::Declared { queue, messages: ready, consumers });
        }
        if cell.is_crashed() && !cell.is_deleted() {
            return self.gone(cell);
        }
        // It was deleted between the look and the question, and its name is about to be free: so the
        // request begins anew, as if it had come a moment later. The vhost forgets the queue first, so
        // that this ends.
        self.vhost.queue_deleted(cell.info(), |_| {});
        self.queue_declare(holder, declare)
    }

    fn delete_replied(
        &self,
        cell: &Arc<Cell>,
        reply: &Reply<DeliveryEvent>,
    ) -> Result<Step, Refused> {
        // A queue that is gone has told it already.
        self.vhost.common.notices.deleters.answered(cell.info().id);
        let refused = match reply {
            Reply::Deleted { messages } => return done(Answered::Messages(*messages)),
            Reply::InUse => "in use",
            Reply::NotEmpty => "not empty",
            // Somebody else was faster; a missing queue is no error.
            _ => return done(Answered::Messages(0)),
        };
        let name = &cell.info().name;
        refuse(
            ReplyCode::PreconditionFailed,
            format!("queue '{name}' in vhost '{}' {refused}", self.vhost.name),
        )
    }

    fn consume_replied(
        &mut self,
        id: ConsumerId,
        reply: &Reply<DeliveryEvent>,
    ) -> Result<Step, Refused> {
        let announced = self.announced.take();
        let Some(entry) = self.consumers.get(&id).cloned() else { return done(Answered::Done) };
        match reply {
            Reply::Attached => {
                let by = Actor::peer(&self.peer);
                if let Some(consumed) = announced {
                    self.vhost.common.tell(&by, || Occurrence::ConsumerCreated(consumed));
                }
                return done(Answered::Consuming(entry.tag));
            }
            _ => self.forget_consumer(id),
        };
        match reply {
            Reply::ExclusiveUse | Reply::SingleActive => refuse(
                ReplyCode::AccessRefused,
                format!(
                    "queue '{}' in vhost '{}' in exclusive use",
                    entry.cell.info().name,
                    self.vhost.name
                ),
            ),
            _ => self.gone(&entry.cell),
        }
    }

    fn get_replied(&self, cell: &Arc<Cell>, reply: Reply<DeliveryEvent>) -> Result<Step, Refused> {
        match reply {
            Reply::Got { delivery: Some(delivery), ready } => {
                done(Answered::Got(Box::new(delivery.payload), ready))
            }
            Reply::Got { delivery: None, .. } => done(Answered::Empty),
            _ => self.gone(cell),
        }
    }

    fn gone(&self, cell: &Arc<Cell>) -> Result<Step, Refused> {
        let name = &cell.info().name;
        if cell.is_crashed() && !cell.is_deleted() {
            // rabbitmq: rabbit_amqqueue.erl, absent(_, crashed).
            let text = format!(
                "queue '{name}' in vhost '{}' has crashed and failed to restart",
                self.vhost.name
            );
            return refuse(ReplyCode::NotFound, text);
        }
        refuse(ReplyCode::NotFound, self.vhost.no_queue(name.as_str()))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where a refusal could stand")]
fn done(answered: Answered) -> Result<Step, Refused> {
    Ok(Step::Answered(answered))
}
