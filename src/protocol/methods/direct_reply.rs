//! Direct reply-to (rabbitmq: direct-reply-to.md): the requester's side of it.
//!
//! ```text
//! no replies --consume-ok of amq.rabbitmq.reply-to--> Replies --cancel of its tag--> no replies
//! ```
//!
//! A channel with [`Replies`] has a place where replies reach it, and every request it publishes gets that
//! place into its `reply-to`. The broker makes the place; that replies come from it is the broker's
//! business, and so is everything a responder does.
//!
//! - P16: a message that leaves a channel never names the pseudo-queue itself in `reply-to`: it names the
//!   place of this channel's consumer, or is refused.

use crate::base::{ConsumerTag, Message, ShortStr};
use crate::protocol::action::Request;
use crate::protocol::channel::Channel;
use crate::protocol::error::ProtocolError;
use crate::protocol::turn::{Then, Turn};
use crate::wire::{BasicConsume, MethodId, with_reply_to};

/// The consumer of a channel that gets direct replies.
#[derive(Debug)]
pub(in crate::protocol) struct Replies {
    tag: ConsumerTag,
    /// Where they are published to.
    address: ShortStr,
}

impl Channel {
    /// `basic.consume` of the pseudo-queue, whose tag is free. RabbitMQ looks at no permission, no argument
    /// and no `exclusive` here: there is no queue that others could use.
    pub(in crate::protocol) fn consume_replies(
        &self,
        consume: BasicConsume,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        if !consume.no_ack {
            return Err(ProtocolError::ReplyConsumerAcknowledges);
        }
        if self.replies.is_some() {
            return Err(ProtocolError::ReplyConsumerSet);
        }
        let then = Then::ConsumeOk { nowait: consume.nowait };
        let request = Request::ConsumeReplies(consume.consumer_tag);
        self.ask(MethodId::BASIC_CONSUME, request, then, turn);
        Ok(())
    }

    /// The broker knows the consumer from now on.
    pub(in crate::protocol) fn consuming_replies(&mut self, tag: &ConsumerTag, address: ShortStr) {
        self.consumers.insert(tag.clone());
        self.count_consumers();
        self.replies = Some(Replies { tag: tag.clone(), address });
    }

    /// A consumer of this channel is cancelled: perhaps it is this one.
    pub(in crate::protocol) fn replies_cancelled(&mut self, tag: &ConsumerTag) {
        self.replies.take_if(|replies| replies.tag == *tag);
    }

    /// The request as it goes out; nothing when it is refused. What the broker may have against the publish
    /// counts more (rabbitmq: the exchange is looked at first).
    #[cold]
    pub(in crate::protocol) fn request(
        &self,
        message: &Message,
        turn: &mut Turn<'_>,
    ) -> Option<Message> {
        if let Some(Replies { address, .. }) = &self.replies {
            return Some(message.readdressed(&with_reply_to(message.properties(), address)));
        }
        let request = Request::CheckPublish { exchange: message.exchange_name() };
        let then = Then::Refuse(ProtocolError::NoReplyConsumer);
        self.ask(MethodId::BASIC_PUBLISH, request, then, turn);
        None
    }
}
