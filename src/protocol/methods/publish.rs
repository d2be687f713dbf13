//! `basic.publish`: the hot way in.

use crate::base::{ChannelId, ShortStr};
use crate::wire::{Frames, MethodId, PublishRef, WireError};

use crate::protocol::action::{Action, Publish, Request};
use crate::protocol::channel::{Channel, Mode};
use crate::protocol::content::{self, Content, Published, Publishing};
use crate::protocol::error::{Failure, ProtocolError};
use crate::protocol::turn::{Then, Turn};
use crate::protocol::tx::HeldPublish;

impl Channel {
    #[inline]
    pub(in crate::protocol) fn basic_publish(
        &mut self,
        publish: &PublishRef<'_>,
        channel: ChannelId,
        frames: &mut Frames<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        turn.flow.publishes();
        if publish.immediate {
            return Err(ProtocolError::Immediate.of(MethodId::BASIC_PUBLISH));
        }
        let bytes_max = turn.settings.message_bytes_max;
        self.check_exchange(publish)?;
        let mandatory = publish.mandatory;
        if let Some(whole) = content::whole(channel, bytes_max, frames) {
            let message = whole.message(publish.route);
            let wants_reply = whole.wants_reply;
            self.publish(Published { message, mandatory, wants_reply }, turn);
            return Ok(());
        }
        let exchange = match &self.last_exchange {
            Some(checked) => checked.clone(),
            None => publish.exchange_name()?,
        };
        // A routing key comes with one octet of length.
        let routing_key = ShortStr::copy_from(publish.routing_key).unwrap_or_default();
        self.content = Content::ExpectHeader(Publishing { exchange, routing_key, mandatory });
        Ok(())
    }

    /// A publish is whole.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as a call it is dearer by a third: the message goes over the stack"
    )]
    pub(in crate::protocol) fn publish(&mut self, published: Published, turn: &mut Turn<'_>) {
        let Published { mut message, mandatory, wants_reply } = published;
        if wants_reply {
            let Some(request) = self.request(&message, turn) else { return };
            message = request;
        }
        let sequence = match &mut self.mode {
            Mode::Plain => None,
            Mode::Confirm(confirms) => Some(confirms.publish()),
            Mode::Transaction { .. } => {
                // rabbitmq: a publish is refused when it comes, not at the commit.
                let request = Request::CheckPublish { exchange: message.exchange_name() };
                let then = Then::Hold(HeldPublish { message, mandatory });
                self.ask(MethodId::BASIC_PUBLISH, request, then, turn);
                return;
            }
        };
        self.counters.published(message.body().len() as u64);
        self.published_in = turn.number;
        let (channel, holder) = (self.id, self.holder);
        let publish = Publish { channel, holder, message, mandatory, sequence };
        turn.actions.push(Action::Publish(publish));
    }

    /// The exchange's name is UTF-8, and `last_exchange`. It is compared by its bytes first, so that a publisher's
    /// name is parsed once.
    #[inline]
    fn check_exchange(&mut self, publish: &PublishRef<'_>) -> Result<(), WireError> {
        let last = self.last_exchange.as_ref();
        if last.is_none_or(|last| last.as_str().as_bytes() != publish.exchange) {
            self.last_exchange = Some(publish.exchange_name()?);
        }
        Ok(())
    }
}
