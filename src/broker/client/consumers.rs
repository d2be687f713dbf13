//! Consumers of a connection whose deliveries, replies or end have come.

use super::{Client, ClientConsumer};
use crate::base::{ChannelId, ConsumerId, ConsumerTag, HolderId, Message, QueueName};
use crate::broker::notices::Actor;

impl Client {
    /// The consumer of a delivery; `None` when its channel is gone.
    #[must_use]
    pub fn consumer(&self, id: ConsumerId) -> Option<&ClientConsumer> {
        self.consumers.get(&id)
    }

    /// The consumers and their queues.
    pub fn consuming(&self) -> impl ExactSizeIterator<Item = (ConsumerId, &QueueName)> {
        self.consumers.iter().map(|(id, consumer)| (*id, &consumer.cell.info().name))
    }

    /// The queue of a consumer is gone; says whose consumer it was.
    pub fn consumer_cancelled(&mut self, id: ConsumerId) -> Option<ClientConsumer> {
        let consumer = self.forget_consumer(id)?;
        self.tell_consumer_gone(&consumer, &Actor::internal());
        Some(consumer)
    }

    pub(in crate::broker) fn forget_consumer(&mut self, id: ConsumerId) -> Option<ClientConsumer> {
        let consumer = self.consumers.remove(&id)?;
        if let Some(channel) = self.channels.get_mut(&consumer.holder) {
            channel.consumers.remove(&consumer.tag);
        }
        Some(consumer)
    }

    /// A direct reply came out of the inbox: whose it is; `None` when its consumer is gone.
    pub fn reply_arrived(
        &mut self,
        holder: HolderId,
        consumer: ConsumerId,
        reply: &Message,
    ) -> Option<(ChannelId, &ConsumerTag)> {
        if let Some(dropped) = self.inbox.replies().arrived(reply.ram_bytes()) {
            let connection = self.peer.connection;
            tracing::warn!(connection = %connection, dropped, "a requester reads again; so many direct replies to it were dropped");
        }
        let channel = self.channels.get(&holder);
        let to = channel.and_then(|channel| Some((channel.id, channel.replies.as_ref()?)));
        let to = to.filter(|(_, replies)| replies.id == consumer);
        if to.is_none() {
            self.vhost.direct_replies.are_late(1);
        }
        to.map(|(channel, replies)| (channel, &replies.tag))
    }
}
