//! Class basic (spec: 1.8), all but the publish.

use crate::base::limits::CONSUMERS_PER_CHANNEL_MAX;
use crate::base::{ConsumerTag, Counter, DIRECT_REPLY_TO, DeliveryTag, QueueName};
use crate::wire::{BasicConsume, Method, MethodId};

use crate::protocol::action::{Action, Got, Outcome, Request};
use crate::protocol::channel::{Channel, Mode};
use crate::protocol::error::ProtocolError;
use crate::protocol::ledger::{Origin, Selection, return_credit, settle};
use crate::protocol::turn::{Then, Turn};
use crate::protocol::tx::HeldSettlement;

impl Channel {
    pub(in crate::protocol) fn basic_qos(
        &mut self,
        prefetch_size: u32,
        prefetch_count: u16,
        global: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        if prefetch_size != 0 {
            return Err(ProtocolError::PrefetchSize { bytes: prefetch_size });
        }
        if global {
            self.share_credit(prefetch_count, turn);
        } else {
            // rabbitmq: a prefetch per consumer ends the shared one.
            self.share_credit(0, turn);
            self.prefetch = prefetch_count;
            self.counters.levels.prefetch.set(u64::from(prefetch_count));
        }
        self.reply(&Method::BasicQosOk, turn);
        Ok(())
    }

    /// 0: no limit.
    fn share_credit(&mut self, prefetch_count: u16, turn: &mut Turn<'_>) {
        self.counters.levels.global_prefetch.set(u64::from(prefetch_count));
        let shared_before = std::mem::replace(&mut self.shares_credit, prefetch_count > 0);
        if !shared_before && !self.shares_credit {
            return;
        }
        turn.actions.push(Action::ShareCredit {
            holder: self.holder,
            prefetch: (prefetch_count > 0).then_some(u32::from(prefetch_count)),
            used: u32::try_from(self.ledger.consumed()).unwrap_or(u32::MAX),
        });
    }

    pub(in crate::protocol) fn basic_consume(
        &self,
        mut consume: BasicConsume,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        consume.queue = self.queue_or_last(consume.queue)?;
        if self.consumers.contains(&consume.consumer_tag) {
            return Err(ProtocolError::ConsumerTagInUse { tag: consume.consumer_tag });
        }
        if self.consumers.len() >= CONSUMERS_PER_CHANNEL_MAX {
            return Err(ProtocolError::TooManyConsumers { max: CONSUMERS_PER_CHANNEL_MAX });
        }
        if consume.queue.as_str() == DIRECT_REPLY_TO {
            return self.consume_replies(consume, turn);
        }
        let then = Then::ConsumeOk { nowait: consume.nowait };
        let request = Request::Consume { consume, prefetch: self.prefetch };
        self.ask(MethodId::BASIC_CONSUME, request, then, turn);
        Ok(())
    }

    pub(in crate::protocol) fn basic_cancel(
        &mut self,
        consumer_tag: ConsumerTag,
        nowait: bool,
        turn: &mut Turn<'_>,
    ) {
        let ok = Method::BasicCancelOk { consumer_tag: consumer_tag.clone() };
        if self.consumers.remove(&consumer_tag) {
            self.count_consumers();
            self.replies_cancelled(&consumer_tag);
            let then = Then::reply(nowait, ok);
            self.ask(MethodId::BASIC_CANCEL, Request::Cancel(consumer_tag), then, turn);
        } else if !nowait {
            // spec: basic.cancel, an unknown tag is no error.
            self.reply(&ok, turn);
        }
    }

    pub(in crate::protocol) fn basic_get(
        &self,
        queue: QueueName,
        no_ack: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let request = Request::Get { queue: self.queue_or_last(queue)?, no_ack };
        self.ask(MethodId::BASIC_GET, request, Then::GetOk { no_ack }, turn);
        Ok(())
    }

    pub(in crate::protocol) fn get_ok(&mut self, got: &Got, no_ack: bool, turn: &mut Turn<'_>) {
        let delivery = &got.delivery;
        let tag = self.record(delivery, !no_ack, Origin::Get);
        turn.output.get_ok(
            self.id,
            tag,
            delivery.redelivered,
            got.message_count,
            &delivery.message,
            turn.frame_max,
        );
    }

    pub(in crate::protocol) fn basic_ack(
        &mut self,
        delivery_tag: DeliveryTag,
        multiple: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        self.settle(Selection::new(delivery_tag, multiple), Outcome::Ack, turn)
    }

    pub(in crate::protocol) fn basic_nack(
        &mut self,
        delivery_tag: DeliveryTag,
        multiple: bool,
        requeue: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let outcome = if requeue { Outcome::Requeue } else { Outcome::Discard };
        self.settle(Selection::new(delivery_tag, multiple), outcome, turn)
    }

    pub(in crate::protocol) fn basic_reject(
        &mut self,
        delivery_tag: DeliveryTag,
        requeue: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let outcome = if requeue { Outcome::RequeueFailed } else { Outcome::Discard };
        self.settle(Selection::One(delivery_tag), outcome, turn)
    }

    pub(in crate::protocol) fn basic_recover(
        &mut self,
        requeue: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        self.basic_recover_async(requeue, turn)?;
        self.reply(&Method::BasicRecoverOk, turn);
        Ok(())
    }

    /// Every line of the ledger goes back. What a transaction has settled already stays with it, and
    /// so does what is on its way to this channel and was never seen by the client.
    pub(in crate::protocol) fn basic_recover_async(
        &mut self,
        requeue: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        if !requeue {
            return Err(ProtocolError::RecoverWithoutRequeue);
        }
        self.settle_now(Selection::All, Outcome::Requeue, turn)
    }

    /// What a client says of deliveries: at once, or held until the commit.
    fn settle(
        &mut self,
        selection: Selection,
        outcome: Outcome,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let Mode::Transaction { held, .. } = &mut self.mode else {
            return self.settle_now(selection, outcome, turn);
        };
        let mut settled = Ok(());
        self.ledger
            .take(selection, |line| {
                if settled.is_ok() {
                    settled = held.settle(HeldSettlement { outcome, line });
                }
            })
            .map_err(|unknown| ProtocolError::UnknownDeliveryTag { tag: unknown.0 })?;
        self.count_held();
        settled
    }

    fn settle_now(
        &mut self,
        selection: Selection,
        outcome: Outcome,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let (holder, shares_credit) = (self.holder, self.shares_credit);
        let (mut credit, mut lines) = (0, 0);
        self.ledger
            .take(selection, |line| {
                lines += 1;
                settle(turn.actions, holder, outcome, line);
                credit += u32::from(shares_credit && line.origin == Origin::Consumer);
            })
            .map_err(|unknown| ProtocolError::UnknownDeliveryTag { tag: unknown.0 })?;
        self.settled(outcome).add(lines);
        return_credit(turn.actions, holder, credit);
        Ok(())
    }

    /// What counts deliveries that are settled like this.
    pub(in crate::protocol) fn settled(&self, outcome: Outcome) -> &Counter {
        match outcome {
            Outcome::Ack => &self.counters.ack,
            Outcome::Requeue | Outcome::RequeueFailed | Outcome::Discard => {
                &self.counters.unacked_returned
            }
        }
    }
}
