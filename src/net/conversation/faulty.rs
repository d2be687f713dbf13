//! Faults that a test has ordered (docs/testing-faults.md): a session asks before it does something, and this is
//! what it does instead. While nothing is ordered, nothing here is called (F1 in `broker/faults/`).

use std::sync::Arc;

use super::Conversation;
use crate::base::{ChannelId, ExchangeName, HolderId, Message, Millis, QueueName, ReplyCode};
use crate::broker::{Blow, ConnectionInfo, DeliveryEvent, FaultId, On, PublishBlow, Scene};
use crate::net::{answers, blocking};
use crate::protocol::{Action, Publish, Refusal, Request, Settle};
use crate::wire::MethodId;

/// What a session knows of faults.
#[derive(Default)]
pub(super) struct Faulty {
    /// Whether it has to ask; looked at once a turn.
    pub(super) is_armed: bool,
    /// The socket is to be closed without a word.
    is_cut: bool,
    /// What holds its publishes back, and what the client is told.
    block: Option<(FaultId, String)>,
}

impl Faulty {
    pub(super) fn block_reason(&self) -> Option<&str> {
        self.block.as_ref().map(|(_, reason)| reason.as_str())
    }
}

impl Conversation {
    /// Whether nothing more is to be written, and the socket closed.
    pub(in crate::net) fn is_cut(&self) -> bool {
        self.faulty.is_cut
    }

    /// A fault of this kind was ordered or withdrawn, or the connection is open now.
    pub(super) fn look_at_blocks(&mut self) {
        let before = self.faulty.block.take().map(|(id, _)| id);
        if self.broker.faults().is_armed()
            && let Some(info) = self.known()
        {
            self.faulty.block = self.broker.faults().block(&info, before);
        }
        self.block_on_alarm();
    }

    /// Whether a fault strikes instead of this publish. One that is to be confirmed late or never goes on.
    #[cold]
    pub(super) fn strikes_publish(
        &mut self,
        now: Millis,
        publish: &Publish,
        more: &mut Vec<Action>,
    ) -> bool {
        let (Some(info), Some(client)) = (self.known(), &self.client) else { return false };
        let exchange = publish.message.exchange();
        // One that waits for a judge comes again, and is an occasion when it is known that it may go.
        let is_user = answers::check_user_id(client, &publish.message).is_ok();
        let may_go = is_user && client.check_message(&publish.message).is_ok();
        let queues = client.leads_to(&publish.message);
        let scene =
            Scene { on: On::Publish, connection: &info, exchange: Some(exchange), queues: &queues };
        // What would be refused anyway is refused for its own fault.
        let wants_confirm = publish.sequence.is_some();
        let blow = if may_go { self.broker.faults().publish(&scene, wants_confirm) } else { None };
        let at = (publish.channel, publish.holder);
        match (blow, publish.sequence) {
            (None, _) => false,
            (Some(PublishBlow::End(blow)), _) => {
                self.failed.push(publish.holder);
                self.end_by(now, Some(at), blow, MethodId::BASIC_PUBLISH, more);
                true
            }
            (Some(PublishBlow::Nack), Some(sequence)) => {
                self.connection.published(publish.holder, sequence, 1);
                self.connection.refused(publish.holder, sequence);
                true
            }
            (Some(PublishBlow::Late { fault, ms }), Some(sequence)) => {
                let (due, whose) =
                    (self.broker.clock().of_real(now).after(ms), (publish.holder, sequence));
                if self.broker.faults().hold_confirm(fault, due, &self.inbox, whose) {
                    self.connection.withheld(publish.holder, sequence);
                }
                false
            }
            (Some(PublishBlow::Lost), Some(sequence)) => {
                self.connection.withheld(publish.holder, sequence);
                false
            }
            (Some(PublishBlow::Nack | PublishBlow::Late { .. } | PublishBlow::Lost), None) => false,
        }
    }

    /// Whether a fault strikes instead of these settlements: each message is an occasion, and where one is struck,
    /// none of this read is settled.
    #[cold]
    pub(super) fn strikes_ack(
        &mut self,
        now: Millis,
        settle: &Settle,
        more: &mut Vec<Action>,
    ) -> bool {
        let (Some(info), Some(client)) = (self.known(), &self.client) else { return false };
        let Some(queue) = client.queue_name(settle.holder, settle.queue) else { return false };
        let Some(channel) = self.connection.channel_of(settle.holder) else { return false };
        let queues = [queue];
        let scene = Scene { on: On::Ack, connection: &info, exchange: None, queues: &queues };
        let messages = settle.messages.iter().map(|(first, last)| last.0 - first.0 + 1);
        let faults = self.broker.faults();
        let blow = (0..messages.sum::<u64>()).find_map(|_| faults.end(&scene));
        let Some(blow) = blow else { return false };
        self.failed.push(settle.holder);
        self.end_by(now, Some((channel, settle.holder)), blow, MethodId::BASIC_ACK, more);
        true
    }

    /// Whether a fault strikes instead of this declare.
    #[cold]
    pub(super) fn strikes_declare(
        &mut self,
        now: Millis,
        at: (ChannelId, HolderId),
        request: &Request,
        more: &mut Vec<Action>,
    ) -> bool {
        let (exchange, queues): (Option<&ExchangeName>, Vec<QueueName>) = match request {
            Request::QueueDeclare(declare) => (None, vec![declare.queue.clone()]),
            Request::ExchangeDeclare(declare) => (Some(&declare.exchange), Vec::new()),
            _ => return false,
        };
        let Some(info) = self.known() else { return false };
        let exchange = exchange.map(ExchangeName::as_str);
        let scene = Scene { on: On::Declare, connection: &info, exchange, queues: &queues };
        let Some(blow) = self.broker.faults().end(&scene) else { return false };
        self.end_by(now, Some(at), blow, answers::method_id(request), more);
        true
    }

    /// Whether a delivery is to be made again when it was made; `None` when something ends instead.
    #[cold]
    pub(super) fn strikes_delivery(
        &mut self,
        now: Millis,
        event: &DeliveryEvent,
        more: &mut Vec<Action>,
    ) -> Option<bool> {
        let (Some(info), Some(client)) = (self.known(), &self.client) else { return Some(false) };
        let Some(consumer) = client.consumer(event.consumer) else { return Some(false) };
        let at = (consumer.channel, consumer.holder);
        let Some(queue) = client.queue_name(at.1, event.queue) else { return Some(false) };
        // What has to be read from disk for it is read once more for the delivery.
        let content = event.content.clone();
        let cold = content.is_cold();
        let message = if cold { blocking(|| content.load()) } else { content.load() };
        let (exchange, queues) = (message.as_ref().ok().map(Message::exchange), [queue]);
        let scene = Scene { on: On::Deliver, connection: &info, exchange, queues: &queues };
        if let Some(blow) = self.broker.faults().end(&scene) {
            self.end_by(now, Some(at), blow, MethodId::default(), more);
            return None;
        }
        Some(self.broker.faults().doubles(&scene))
    }

    /// Ends what a fault ends.
    pub(super) fn end_by(
        &mut self,
        now: Millis,
        at: Option<(ChannelId, HolderId)>,
        blow: Blow,
        failed: MethodId,
        more: &mut Vec<Action>,
    ) {
        let refusal = |code: ReplyCode, text: String| Refusal { code, text, failed };
        match (blow, at) {
            (Blow::Channel { code, text }, Some((channel, holder))) => {
                self.connection.fail(now, channel, holder, refusal(code, text), more);
            }
            // Without a channel there is none to close.
            (Blow::Channel { .. }, None) => {}
            (Blow::Connection { code, text }, _) => {
                self.connection.close(now, refusal(code, text), more);
            }
            (Blow::Cut, _) => {
                tracing::warn!(connection = %self.id, peer = %self.caller.address, "a fault that was ordered cuts the connection");
                self.faulty.is_cut = true;
                self.connection.peer_closed(more);
                // Whatever it still has to do, it does not: what it holds goes back now.
                self.client = None;
                self.outside.clear();
            }
        }
    }

    /// As which it is known, once its virtual host is open.
    fn known(&self) -> Option<Arc<ConnectionInfo>> {
        self.broker.open_connection(self.id)
    }
}
