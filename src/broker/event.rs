//! What the broker tells a connection.

use super::{Blow, Content, Describe};
use crate::base::{ConsumerId, HolderId, Message, MessageId, PublishSequence, QueueId};
use crate::queue::{Reply, RequestId};

/// One thing that happened, for one connection.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A message for one of its consumers.
    Deliver(DeliveryEvent),
    /// A direct reply for one of its consumers.
    DirectReply {
        /// The opening of the channel.
        holder: HolderId,
        /// Its consumer of direct replies.
        consumer: ConsumerId,
        /// The message.
        reply: Message,
    },
    /// One queue has these publishes, from `first` to `last`, both included.
    Confirm {
        /// The opening of the channel.
        holder: HolderId,
        /// The first.
        first: PublishSequence,
        /// The last.
        last: PublishSequence,
    },
    /// One queue did not take this publish.
    Refuse {
        /// The opening of the channel.
        holder: HolderId,
        /// Which.
        sequence: PublishSequence,
    },
    /// The answer of a queue.
    Reply {
        /// Which question.
        request: RequestId,
        /// The answer; boxed, so that the events of deliveries stay within one cache line.
        reply: Box<Reply<DeliveryEvent>>,
    },
    /// The queue of this consumer is gone.
    ConsumerCancelled {
        /// Which.
        consumer: ConsumerId,
    },
    /// A change of the definitions is on disk, or never will be.
    Stored {
        /// Which question.
        request: RequestId,
        /// Why not.
        error: Option<String>,
    },
    /// The resource alarm went on (with its reason) or off.
    Alarm {
        /// `low on memory`, for instance.
        reason: Option<&'static str>,
    },
    /// What was asked of somebody outside the broker for this connection is answered.
    AnsweredOutside,
    /// Somebody asks the connection about itself.
    Describe {
        /// Who.
        asked: Describe,
    },
    /// A fault that holds publishers back was ordered or withdrawn.
    BlockOrdered,
    /// A fault ends the connection.
    Struck {
        /// How.
        blow: Box<Blow>,
    },
    /// The broker closes the connection with 320.
    Close {
        /// What follows `CONNECTION_FORCED - `.
        text: String,
    },
}

/// A message for a consumer.
#[derive(Clone, PartialEq, Debug)]
pub struct DeliveryEvent {
    /// Who gets it.
    pub consumer: ConsumerId,
    /// Where it comes from.
    pub queue: QueueId,
    /// Its id there.
    pub id: MessageId,
    /// The message, or where it lies.
    pub content: Content,
    /// Whether it was handed out before.
    pub redelivered: bool,
    /// It needs no ack and is held until it is read: whoever reads it settles it then.
    pub until_read: bool,
    /// How often it was handed out before, where the queue tells it; else 0.
    pub acquired_count: u16,
    /// How many of these attempts failed.
    pub delivery_count: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_no_larger_than_a_cache_line() {
        assert!(size_of::<Event>() <= 64, "{}", size_of::<Event>());
    }
}
