//! What connections tell of their channels and consumers, and the copies that they make for the firehose.

use std::sync::Arc;

use super::{Actor, Consumed, Occurrence};
use crate::base::{ChannelId, ConsumerId, HolderId, Message, QueueId};
use crate::broker::{
    Cell, Client, ClientConsumer, ConnectionInfo, ConsumeRequest, Exchange, Vhost,
};

impl Client {
    /// Tells of a channel, when its connection is one that others can see.
    pub(in crate::broker) fn tell_channel(
        &self,
        what: impl FnOnce(Arc<ConnectionInfo>) -> Occurrence,
    ) {
        let common = &self.vhost.common;
        if common.notices.wants_events()
            && let Some(info) = common.connections.find(self.peer.connection)
        {
            common.tell(&Actor::peer(&self.peer), || what(info));
        }
    }

    /// Tells of a consumer that is gone.
    pub(in crate::broker) fn tell_consumer_gone(&self, gone: &ClientConsumer, by: &Actor) {
        let vhost = &self.vhost;
        vhost.common.tell(by, || Occurrence::ConsumerDeleted {
            vhost: vhost.name.clone(),
            queue: gone.cell.info().name.clone(),
            tag: gone.tag.clone(),
            holder: gone.holder,
        });
    }

    /// What is to be told of a consumer once it is there, when anybody wants to hear it.
    pub(in crate::broker) fn announcement(
        &self,
        cell: &Cell,
        holder: HolderId,
        request: &ConsumeRequest,
    ) -> Option<Box<Consumed>> {
        let wanted = self.vhost.common.notices.wants_events();
        wanted.then(|| {
            Box::new(Consumed {
                vhost: self.vhost.name.clone(),
                queue: cell.info().name.clone(),
                tag: request.tag.clone(),
                holder,
                exclusive: request.consume.exclusive,
                ack_required: !request.consume.no_ack,
                prefetch: request.consume.prefetch,
                arguments: request.arguments.clone(),
            })
        })
    }

    /// Whether messages of the virtual host are copied to the firehose.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.vhost.is_traced()
    }

    /// Copies a message that goes to a consumer to the firehose. It takes effect with [`Self::flush`].
    pub fn trace_delivery(&mut self, consumer: ConsumerId, message: &Message, redelivered: bool) {
        let Some(consumer) = self.consumers.get(&consumer) else { return };
        let queue = &consumer.cell.info().name;
        self.publisher.trace_delivery(consumer.channel, message, queue, redelivered);
    }

    /// The same of a message that was fetched with `basic.get`.
    pub fn trace_got(
        &mut self,
        channel: ChannelId,
        holder: HolderId,
        queue: QueueId,
        message: &Message,
        redelivered: bool,
    ) {
        if let Some(queue) = self.queue_name(holder, queue) {
            self.publisher.trace_delivery(channel, message, &queue, redelivered);
        }
    }
}

impl Vhost {
    /// Tells of an exchange that is new.
    pub(in crate::broker) fn tell_exchange(&self, by: &Actor, exchange: &Exchange) {
        let vhost = &self.name;
        self.common.tell(by, || Occurrence::ExchangeCreated {
            vhost: vhost.clone(),
            exchange: Box::new(exchange.clone()),
        });
    }

    /// Tells of the exchanges that a new virtual host has from the start.
    pub(in crate::broker) fn tell_exchanges(&self, by: &Actor) {
        if self.common.notices.wants_events() {
            self.table().exchanges().for_each(|exchange| self.tell_exchange(by, exchange));
        }
    }
}
