//! Messages on their way to the client: read from disk where they are not in RAM, and told when they
//! cannot be read.

use super::Conversation;
use crate::base::{ChannelId, HolderId, MessageId, Millis, QueueId};
use crate::broker::{DeliveryEvent, Settlement, Unreadable};
use crate::net::answers;
use crate::protocol::{Action, Answer};
use crate::wire::MethodId;

impl Conversation {
    /// The answer to `basic.get`, its message read; `None` when the queue was asked for the next one,
    /// because that message is damaged.
    pub(super) fn got(
        &mut self,
        now: Millis,
        (channel, holder, failed): (ChannelId, HolderId, MethodId),
        event: DeliveryEvent,
        ready: u64,
    ) -> Option<Answer> {
        let (queue, id, no_ack) = (event.queue, event.id, event.until_read);
        match answers::delivery(event) {
            Ok(delivery) => {
                if let Some(client) = &mut self.client
                    && client.is_traced()
                {
                    let (message, redelivered) = (&delivery.message, delivery.redelivered);
                    client.trace_got(channel, holder, queue, message, redelivered);
                    client.flush(self.broker.clock().of_real(now));
                }
                if no_ack {
                    self.has_read(holder, queue, id);
                }
                Some(answers::got(delivery, ready))
            }
            Err(error) => {
                let dropped = self.unreadable(holder, queue, id, &error);
                if let Some(client) = &mut self.client
                    && dropped
                    && client.get_next(holder, queue, no_ack)
                {
                    client.flush(self.broker.clock().of_real(now));
                    return None;
                }
                Some(answers::unreadable(&error, failed))
            }
        }
    }

    pub(super) fn deliver(&mut self, now: Millis, event: DeliveryEvent, more: &mut Vec<Action>) {
        let again = if self.faulty.is_armed {
            let Some(again) = self.strikes_delivery(now, &event, more) else { return };
            again
        } else {
            false
        };
        let Some(client) = &mut self.client else { return };
        // Without a consumer its channel is gone, and the queue has the message back already.
        let Some(consumer) = client.consumer(event.consumer) else { return };
        let (holder, queue, id) = (consumer.holder, event.queue, event.id);
        let (until_read, id_of_consumer) = (event.until_read, event.consumer);
        match answers::delivery(event) {
            Ok(delivery) => {
                self.connection.deliver(
                    consumer.channel,
                    holder,
                    &consumer.tag,
                    consumer.acknowledge,
                    &delivery,
                );
                if again {
                    self.connection.deliver_again(
                        consumer.channel,
                        holder,
                        &consumer.tag,
                        consumer.acknowledge,
                        &delivery,
                    );
                }
                if self.traced {
                    client.trace_delivery(id_of_consumer, &delivery.message, delivery.redelivered);
                }
                if until_read {
                    self.has_read(holder, queue, id);
                }
            }
            Err(error) => {
                self.unreadable(holder, queue, id, &error);
            }
        }
    }

    /// What needs no ack was read: it is settled with the end of the turn.
    fn has_read(&mut self, holder: HolderId, queue: QueueId, id: MessageId) {
        match self.read.last_mut() {
            Some((of, from, (_, last))) if (*of, *from) == (holder, queue) && last.next() == id => {
                *last = id;
            }
            _ => self.read.push((holder, queue, (id, id))),
        }
    }

    /// A message cannot be read. What is damaged stays so and would come back for ever: it is settled.
    /// Says whether it was.
    fn unreadable(
        &mut self,
        holder: HolderId,
        queue: QueueId,
        id: MessageId,
        error: &Unreadable,
    ) -> bool {
        let Some(client) = &mut self.client else { return false };
        let name =
            client.queue_name(holder, queue).map_or_else(String::new, |name| name.to_string());
        let damaged = matches!(error, Unreadable::Damaged(_) | Unreadable::Gone { .. });
        let what = if damaged {
            client.settle(holder, queue, Settlement::Discard, vec![(id, id)]);
            "a message is damaged on disk; it is dropped"
        } else {
            "a message cannot be read now; it goes back to its queue when the channel ends"
        };
        tracing::error!(connection = %self.id, queue = %name, message = %id, error = %error, "{what}");
        damaged
    }
}
