//! `basic.publish`: the hot way in.

use crate::base::{ChannelId, ExchangeName, Message, ShortStr};
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
        let exchange = self.exchange(publish)?;
        let mandatory = publish.mandatory;
        let bytes_max = turn.settings.message_bytes_max;
        if let Some(whole) = content::whole(channel, bytes_max, frames) {
            let (properties, header) = (whole.properties, whole.header);
            let message =
                Message::new(exchange, publish.routing_key, properties, whole.body, header);
            self.publish(Published { message, mandatory }, turn);
            return Ok(());
        }
        // A routing key comes with one octet of length.
        let routing_key = ShortStr::copy_from(publish.routing_key).unwrap_or_default();
        self.content = Content::ExpectHeader(Publishing { exchange, routing_key, mandatory });
        Ok(())
    }

    /// A publish is whole.
    #[inline]
    pub(in crate::protocol) fn publish(&mut self, published: Published, turn: &mut Turn<'_>) {
        let Published { message, mandatory } = published;
        let sequence = match &mut self.mode {
            Mode::Plain => None,
            Mode::Confirm(confirms) => Some(confirms.publish()),
            Mode::Transaction { .. } => {
                // rabbitmq: a publish is refused when it comes, not at the commit.
                let request = Request::CheckPublish { exchange: message.exchange().clone() };
                let then = Then::Hold(HeldPublish { message, mandatory });
                self.ask(MethodId::BASIC_PUBLISH, request, then, turn);
                return;
            }
        };
        self.published_in = turn.number;
        let (channel, holder) = (self.id, self.holder);
        let publish = Publish { channel, holder, message, mandatory, sequence };
        turn.actions.push(Action::Publish(publish));
    }

    /// The last exchange by its bytes, so that a publisher's name is parsed once.
    #[inline]
    fn exchange(&mut self, publish: &PublishRef<'_>) -> Result<ExchangeName, WireError> {
        match &self.last_exchange {
            Some(last) if last.as_str().as_bytes() == publish.exchange => Ok(last.clone()),
            _ => {
                let name = publish.exchange_name()?;
                self.last_exchange = Some(name.clone());
                Ok(name)
            }
        }
    }
}
