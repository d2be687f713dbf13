//! What a connection asks of the broker, and the answers: the arguments of the methods, without what is
//! the protocol's business.

use super::DeliveryEvent;
use crate::base::limits::UNSETTLED_PER_CONSUMER_MAX;
use crate::base::{
    ConsumerId, ConsumerTag, ExchangeName, FieldTable, HolderId, QueueName, ShortStr,
};
use crate::queue::{Access, Acknowledge, Consumer};

/// Arguments of `exchange.declare` without `nowait`.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the method, one field each")]
pub struct DeclareExchange {
    /// The name.
    pub exchange: ExchangeName,
    /// The type.
    pub kind: ShortStr,
    /// Only ask whether it exists.
    pub passive: bool,
    /// Survives a restart.
    pub durable: bool,
    /// Goes with the last binding from it.
    pub auto_delete: bool,
    /// Takes no publishes from clients.
    pub internal: bool,
    /// `alternate-exchange`.
    pub arguments: FieldTable,
}

/// Arguments of `queue.declare` without `nowait`.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the method, one field each")]
pub struct DeclareQueue {
    /// Empty: the server makes a name.
    pub queue: QueueName,
    /// Only ask whether it exists.
    pub passive: bool,
    /// Survives a restart.
    pub durable: bool,
    /// For this connection only.
    pub exclusive: bool,
    /// Goes with its last consumer.
    pub auto_delete: bool,
    /// The `x-…` arguments.
    pub arguments: FieldTable,
}

/// What decides how a consumer is attached.
#[derive(Clone, Copy, Debug)]
pub struct Consume {
    /// Deliveries need no ack.
    pub no_ack: bool,
    /// Wants to be alone.
    pub exclusive: bool,
    /// 0: no limit.
    pub prefetch: u16,
}

impl Consume {
    /// The machine's side of the consumer.
    #[must_use]
    pub fn consumer(self, id: ConsumerId, holder: HolderId) -> Consumer {
        let acknowledge = if self.no_ack {
            Acknowledge::Automatic
        } else {
            let prefetch = match self.prefetch {
                0 => UNSETTLED_PER_CONSUMER_MAX,
                limit => u32::from(limit),
            };
            Acknowledge::Manual { prefetch, shared: true }
        };
        let access = if self.exclusive { Access::Exclusive } else { Access::Shared };
        Consumer { id, holder, acknowledge, access, priority: 0, timeout: None }
    }
}

/// What a request came to so far.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// It is answered.
    Answered(Answered),
    /// A queue was asked; [`Client::reply`] will answer.
    Waiting,
}

/// The answer to a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Answered {
    /// It is done.
    Done,
    /// A queue is declared.
    Declared {
        /// Its name, made by the server perhaps.
        queue: QueueName,
        /// Ready messages.
        messages: u64,
        /// Consumers.
        consumers: u64,
    },
    /// So many messages were dropped.
    Messages(u64),
    /// A consumer is there.
    Consuming(ConsumerTag),
    /// A consumer of direct replies is there.
    ConsumingReplies {
        /// Its tag.
        tag: ConsumerTag,
        /// Where its replies are published to.
        address: ShortStr,
    },
    /// `basic.get` found this, and so many are ready after it.
    Got(Box<DeliveryEvent>, u64),
    /// `basic.get` found nothing.
    Empty,
}

/// Which `basic.consume`.
#[derive(Clone, Debug)]
pub struct ConsumeRequest {
    /// The queue.
    pub queue: QueueName,
    /// Empty: the server makes one.
    pub tag: ConsumerTag,
    /// How.
    pub consume: Consume,
    /// `x-priority` and `x-consumer-timeout`; all others are ignored.
    pub arguments: FieldTable,
}
