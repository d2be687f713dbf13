//! What can be told of the consumers of a queue.

use super::Executor;
use super::Sink;
use std::sync::Arc;

use crate::base::HolderId;
use crate::base::limits::UNSETTLED_PER_CONSUMER_MAX;
use crate::broker::payload::Payload;
use crate::broker::{ConsumerReport, Restraint};
use crate::queue::{Access, Acknowledge, Consumer, Effects, Losses};

impl Executor {
    /// Lets whoever follows traced messages see what is about to be executed.
    #[inline]
    pub(in crate::broker) fn follow(
        &mut self,
        effects: &Effects<Payload>,
        losses: impl FnOnce() -> Losses,
    ) {
        if let Some(following) = &mut self.following {
            let sinks = &self.sinks;
            let tag = |sink: &Sink| Arc::from(sink.called.tag.as_str());
            following.see(effects.iter(), losses(), |consumer| sinks.get(&consumer).map(tag));
        }
    }

    /// A consumer of the machine, as its connection knows it; `None` while it is being attached.
    pub(in crate::broker) fn consumer_report(
        &self,
        consumer: &Consumer,
        unacknowledged: u32,
        active: bool,
    ) -> Option<ConsumerReport> {
        let Sink { called, connection, .. } = self.sinks.get(&consumer.id)?;
        let (ack_required, prefetch) = match consumer.acknowledge {
            Acknowledge::Automatic => (false, 0),
            Acknowledge::Manual { prefetch: UNSETTLED_PER_CONSUMER_MAX, .. } => (true, 0),
            Acknowledge::Manual { prefetch, .. } => (true, prefetch),
        };
        Some(ConsumerReport {
            id: consumer.id,
            tag: called.tag.clone(),
            connection: *connection,
            channel: called.channel,
            ack_required,
            exclusive: consumer.access == Access::Exclusive,
            prefetch,
            unacknowledged,
            active,
            priority: consumer.priority,
            arguments: called.arguments.clone(),
        })
    }

    /// Why the consumers of a channel are held: its credit is used up, or else its connection is slow.
    pub(in crate::broker) fn restraint(&self, holder: HolderId) -> Restraint {
        match self.holders.get(&holder) {
            Some(entry) if entry.credit.is_used_up() => {
                Restraint::SharedPrefetch(entry.credit.limit())
            }
            _ => Restraint::Connection,
        }
    }
}
