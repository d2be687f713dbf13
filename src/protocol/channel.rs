//! One open channel: its state, and the way from a method to the handler of the same name.
//!
//! ```text
//! not there --channel.open--> Open --our channel.close--> Closing --channel.close-ok--> not there
//!                              |                            ^  |
//!                              |                            +--+ everything else is ignored, but
//!                              |                                 channel.close gets its close-ok
//!                              |                                 and channel.open is an error
//!                              +--channel.close--> not there
//! ```
//!
//! - P7: a question of this channel is answered before its next frame is looked at.
//! - P8: nothing is written for a channel that is not open, but the answers to `channel.close`.
//! - P9: what the broker may say of a publish is said before anything that was sent after it is
//!   answered: a method behind a publish of the same turn waits for [`Request::Barrier`].

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::{
    ChannelCounters, ChannelId, ConsumerTag, DeliveryTag, ExchangeName, HolderId, QueueName,
};
use crate::wire::{Frame, Frames, Method, MethodId, decode_method, decode_publish};

use super::action::{Answer, Delivery, Request};
use super::confirms::{Confirms, Notice};
use super::content::{Completed, Content};
use super::error::{Failure, ProtocolError};
use super::ledger::{Ledger, Origin};
use super::methods::Replies;
use super::turn::{Then, Turn};
use super::tx::Transaction;

/// What becomes of publishes.
#[derive(Debug)]
pub(super) enum Mode {
    /// They go out, and nobody waits.
    Plain,
    /// They go out and are confirmed.
    Confirm(Confirms),
    /// They are held until the commit; then `confirms` counts.
    Transaction { held: Transaction, confirms: Confirms },
}

/// What became of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// It is done with.
    Taken,
    /// It is to be looked at again when the barrier is passed.
    Held,
    /// It was `channel.close`.
    Close,
}

/// An open channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: ChannelId,
    pub(super) holder: HolderId,
    pub(super) content: Content,
    pub(super) mode: Mode,
    pub(super) ledger: Ledger,
    pub(super) consumers: BTreeSet<ConsumerTag>,
    /// The one of them that gets direct replies.
    pub(super) replies: Option<Replies>,
    /// Of `basic.qos` without `global`, for consumers to come; 0 for no limit.
    pub(super) prefetch: u16,
    /// Whether all consumers share credit (`basic.qos` with `global`).
    pub(super) shares_credit: bool,
    /// Stands in for an empty queue name.
    pub(super) last_declared: Option<QueueName>,
    /// The exchange of the last publish: most publishers use one.
    pub(super) last_exchange: Option<ExchangeName>,
    /// The turn in which a publish was handed out last; the broker may still refuse it.
    pub(super) published_in: u64,
    /// Whether it stands in the list of channels that have confirms to write.
    pub(super) is_marked: bool,
    /// What it did, for whoever watches.
    pub(super) counters: Arc<ChannelCounters>,
}

impl Channel {
    pub(super) fn new(id: ChannelId, holder: HolderId) -> Self {
        Self {
            id,
            holder,
            content: Content::Nothing,
            mode: Mode::Plain,
            ledger: Ledger::new(),
            consumers: BTreeSet::new(),
            replies: None,
            prefetch: 0,
            shares_credit: false,
            last_declared: None,
            last_exchange: None,
            published_in: 0,
            is_marked: false,
            counters: Arc::default(),
        }
    }

    /// A method frame. Takes the content behind a publish from `frames`, when it is there.
    #[inline]
    pub(super) fn recv_method(
        &mut self,
        frame: &Frame<'_>,
        frames: &mut Frames<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<Progress, Failure> {
        self.content.recv_method().map_err(|error| error.of(MethodId::BASIC_PUBLISH))?;
        match decode_publish(frame.payload) {
            Some(publish) => {
                self.basic_publish(&publish?, frame.channel, frames, turn)?;
                Ok(Progress::Taken)
            }
            None => self.recv_other_method(decode_method(frame.payload)?, turn),
        }
    }

    /// A content header or a body.
    pub(super) fn recv_content(
        &mut self,
        frame: &Frame<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        match self.content.recv(frame, turn.settings.message_bytes_max)? {
            None => {}
            Some(Completed::Message(published)) => self.publish(published, turn),
            Some(Completed::InvalidExpiration { exchange, error }) => {
                let request = Request::CheckPublish { exchange };
                self.ask(MethodId::BASIC_PUBLISH, request, Then::Refuse(error.into()), turn);
            }
        }
        Ok(())
    }

    fn recv_other_method(
        &mut self,
        method: Method,
        turn: &mut Turn<'_>,
    ) -> Result<Progress, Failure> {
        let id = method.id();
        let settled = match method {
            Method::BasicAck { delivery_tag, multiple } => {
                self.basic_ack(delivery_tag, multiple, turn)
            }
            Method::BasicNack { delivery_tag, multiple, requeue } => {
                self.basic_nack(delivery_tag, multiple, requeue, turn)
            }
            Method::BasicReject { delivery_tag, requeue } => {
                self.basic_reject(delivery_tag, requeue, turn)
            }
            other => {
                if self.published_in == turn.number {
                    self.ask(id, Request::Barrier, Then::Reply(None), turn);
                    return Ok(Progress::Held);
                }
                if matches!(other, Method::ChannelClose(_)) {
                    return Ok(Progress::Close);
                }
                self.recv_command(other, turn)
            }
        };
        settled.map_err(|error| error.of(id))?;
        Ok(Progress::Taken)
    }

    fn recv_command(&mut self, method: Method, turn: &mut Turn<'_>) -> Result<(), ProtocolError> {
        match method {
            Method::BasicQos { prefetch_size, prefetch_count, global } => {
                self.basic_qos(prefetch_size, prefetch_count, global, turn)
            }
            Method::BasicConsume(consume) => self.basic_consume(consume, turn),
            Method::BasicCancel { consumer_tag, nowait } => {
                self.basic_cancel(consumer_tag, nowait, turn);
                Ok(())
            }
            Method::BasicGet { queue, no_ack } => self.basic_get(queue, no_ack, turn),
            Method::BasicRecover { requeue } => self.basic_recover(requeue, turn),
            Method::BasicRecoverAsync { requeue } => self.basic_recover_async(requeue, turn),
            Method::ExchangeDeclare(declare) => {
                self.exchange_declare(declare, turn);
                Ok(())
            }
            Method::ExchangeDelete { exchange, if_unused, nowait } => {
                self.exchange_delete(exchange, if_unused, nowait, turn);
                Ok(())
            }
            Method::ExchangeBind(bind) => {
                self.exchange_bind(bind, turn);
                Ok(())
            }
            Method::ExchangeUnbind(unbind) => {
                self.exchange_unbind(unbind, turn);
                Ok(())
            }
            Method::QueueDeclare(declare) => {
                self.queue_declare(declare, turn);
                Ok(())
            }
            Method::QueueBind(bind) => self.queue_bind(bind, turn),
            Method::QueueUnbind(unbind) => self.queue_unbind(unbind, turn),
            Method::QueuePurge { queue, nowait } => self.queue_purge(queue, nowait, turn),
            Method::QueueDelete { queue, if_unused, if_empty, nowait } => {
                self.queue_delete(queue, if_unused, if_empty, nowait, turn)
            }
            Method::ConfirmSelect { nowait } => self.confirm_select(nowait, turn),
            Method::TxSelect => self.tx_select(turn),
            Method::TxCommit => self.tx_commit(turn),
            Method::TxRollback => self.tx_rollback(turn),
            Method::AccessRequest { .. } => {
                // rabbitmq: access control by realms is gone; every client gets the same ticket.
                self.reply(&Method::AccessRequestOk { ticket: 1 }, turn);
                Ok(())
            }
            Method::ChannelFlow { active } => self.channel_flow(active, turn),
            Method::ChannelOpen => Err(ProtocolError::ChannelOpenTwice),
            // The server's own methods, those of a connection, and a `close-ok` that answers nothing:
            // RabbitMQ has no handler for them on a channel.
            _ => Err(ProtocolError::Unimplemented),
        }
    }

    /// Writes what an answer asks for.
    pub(super) fn recv_answer(
        &mut self,
        then: Then,
        answer: Answer,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let (nowait, ok) = match (then, answer) {
            (Then::Reply(None), Answer::Done) => return Ok(()),
            (Then::Reply(Some(ok)), Answer::Done) => (false, ok),
            (Then::Hold(publish), Answer::Done) => return self.hold(publish),
            (Then::Refuse(error), Answer::Done) => return Err(error),
            (
                Then::QueueDeclareOk { nowait },
                Answer::QueueDeclared { queue, message_count, consumer_count },
            ) => {
                self.last_declared = Some(queue.clone());
                (nowait, Method::QueueDeclareOk { queue, message_count, consumer_count })
            }
            (Then::QueuePurgeOk { nowait }, Answer::Messages(message_count)) => {
                (nowait, Method::QueuePurgeOk { message_count })
            }
            (Then::QueueDeleteOk { nowait }, Answer::Messages(message_count)) => {
                (nowait, Method::QueueDeleteOk { message_count })
            }
            (Then::ConsumeOk { nowait }, Answer::Consuming(consumer_tag)) => {
                self.consumers.insert(consumer_tag.clone());
                (nowait, Method::BasicConsumeOk { consumer_tag })
            }
            (Then::ConsumeOk { nowait }, Answer::ConsumingReplies { consumer_tag, address }) => {
                self.consuming_replies(&consumer_tag, address);
                (nowait, Method::BasicConsumeOk { consumer_tag })
            }
            (Then::GetOk { .. }, Answer::Empty) => {
                self.counters.get_empty.add(1);
                (false, Method::BasicGetEmpty)
            }
            (Then::GetOk { no_ack }, Answer::Got(got)) => {
                self.get_ok(&got, no_ack, turn);
                return Ok(());
            }
            _ => return Err(ProtocolError::Internal),
        };
        if !nowait {
            self.reply(&ok, turn);
        }
        Ok(())
    }

    /// Asks the world in the name of this channel.
    pub(super) fn ask(&self, failed: MethodId, request: Request, then: Then, turn: &mut Turn<'_>) {
        turn.ask((self.id, self.holder), failed, request, then);
    }

    pub(super) fn reply(&self, method: &Method, turn: &mut Turn<'_>) {
        turn.output.method(self.id, method);
    }

    /// The ledger line and the delivery tag of a message on its way out.
    pub(super) fn record(
        &mut self,
        delivery: &Delivery,
        acknowledge: bool,
        origin: Origin,
    ) -> DeliveryTag {
        let counters = &*self.counters;
        if delivery.redelivered {
            counters.redeliver.add(1);
        }
        if acknowledge {
            let counter = match origin {
                Origin::Consumer | Origin::Again => &counters.deliver,
                Origin::Get => &counters.get,
            };
            counter.add(1);
            self.ledger.record(delivery.queue, delivery.id, origin)
        } else {
            let counter = match origin {
                Origin::Consumer | Origin::Again => &counters.deliver_no_ack,
                Origin::Get => &counters.get_no_ack,
            };
            counter.add(1);
            self.ledger.skip()
        }
    }

    /// What counts the answers of queues to publishes.
    pub(super) fn confirms(&mut self) -> Option<&mut Confirms> {
        match &mut self.mode {
            Mode::Plain => None,
            Mode::Confirm(confirms) | Mode::Transaction { confirms, .. } => Some(confirms),
        }
    }

    /// Writes the confirms that are due.
    pub(super) fn flush_confirms(&mut self, output: &mut crate::wire::Output) {
        self.is_marked = false;
        let Mode::Confirm(confirms) = &mut self.mode else { return };
        let confirmed = confirms.flush(|notice| match notice {
            Notice::Ack { last, multiple } => output.ack(self.id, DeliveryTag(last.0), multiple),
            Notice::Nack { last, multiple } => output.nack(self.id, DeliveryTag(last.0), multiple),
        });
        self.counters.confirm.add(confirmed);
    }
}
