//! Class queue (spec: 1.7): questions for the broker. An empty name means the queue that the channel
//! declared last.

use crate::base::{QueueName, ShortStr};
use crate::wire::{Method, MethodId, QueueBind, QueueDeclare};

use super::names::{exchange_name, queue_name};
use crate::protocol::action::Request;
use crate::protocol::channel::Channel;
use crate::protocol::error::ProtocolError;
use crate::protocol::turn::{Then, Turn};

impl Channel {
    pub(in crate::protocol) fn queue_declare(
        &self,
        mut declare: QueueDeclare,
        turn: &mut Turn<'_>,
    ) {
        declare.queue = queue_name(declare.queue);
        let then = Then::QueueDeclareOk { nowait: declare.nowait };
        self.ask(MethodId::QUEUE_DECLARE, Request::QueueDeclare(declare), then, turn);
    }

    pub(in crate::protocol) fn queue_bind(
        &self,
        bind: QueueBind,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let then = Then::reply(bind.nowait, Method::QueueBindOk);
        let request = Request::QueueBind(self.named(bind)?);
        self.ask(MethodId::QUEUE_BIND, request, then, turn);
        Ok(())
    }

    pub(in crate::protocol) fn queue_unbind(
        &self,
        unbind: QueueBind,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let then = Then::reply(false, Method::QueueUnbindOk);
        let request = Request::QueueUnbind(self.named(unbind)?);
        self.ask(MethodId::QUEUE_UNBIND, request, then, turn);
        Ok(())
    }

    pub(in crate::protocol) fn queue_purge(
        &self,
        queue: QueueName,
        nowait: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let request = Request::QueuePurge(self.queue_or_last(queue)?);
        self.ask(MethodId::QUEUE_PURGE, request, Then::QueuePurgeOk { nowait }, turn);
        Ok(())
    }

    pub(in crate::protocol) fn queue_delete(
        &self,
        queue: QueueName,
        if_unused: bool,
        if_empty: bool,
        nowait: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let queue = queue_name(self.queue_or_last(queue)?);
        let request = Request::QueueDelete { queue, if_unused, if_empty };
        self.ask(MethodId::QUEUE_DELETE, request, Then::QueueDeleteOk { nowait }, turn);
        Ok(())
    }

    /// spec: queue.bind, field queue: an empty name is the queue declared last.
    pub(super) fn queue_or_last(&self, queue: QueueName) -> Result<QueueName, ProtocolError> {
        if queue.is_empty() {
            return self.last_declared.clone().ok_or(ProtocolError::NoDeclaredQueue);
        }
        Ok(queue)
    }

    /// spec: queue.bind, field routing-key: with an empty queue name, an empty key is that name.
    fn named(&self, mut bind: QueueBind) -> Result<QueueBind, ProtocolError> {
        let is_short = bind.queue.is_empty();
        let queue = self.queue_or_last(bind.queue)?;
        if is_short && bind.routing_key.is_empty() {
            // A queue name is no longer than a routing key may be.
            bind.routing_key = ShortStr::try_from(queue.as_str()).unwrap_or_default();
        }
        bind.queue = queue_name(queue);
        bind.exchange = exchange_name(bind.exchange);
        Ok(bind)
    }
}
