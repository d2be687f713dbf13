//! Where traced messages come into a queue, and what is done to them there.

use std::sync::Arc;

use super::PublishSpan;
use crate::base::{MessageId, Millis};
use crate::broker::Envelope;
use crate::broker::cell::{Cell, Core};
use crate::broker::payload::Payload;
use crate::queue::{Command, Incoming, PublishRef};

impl Core {
    /// Takes messages that are traced; gives the rest back.
    #[inline]
    pub(in crate::broker) fn follow(
        &mut self,
        cell: &Cell,
        now: Millis,
        envelope: Envelope,
    ) -> Option<Envelope> {
        if self.executor.following.is_none() {
            return Some(envelope);
        }
        self.follow_envelope(cell, now, envelope)
    }

    #[cold]
    fn follow_envelope(
        &mut self,
        cell: &Cell,
        now: Millis,
        envelope: Envelope,
    ) -> Option<Envelope> {
        let following = self.executor.following.as_deref_mut()?;
        match envelope {
            Envelope::Publish { messages, publisher } => {
                if !messages.iter().any(|message| message.payload.carries_span()) {
                    return Some(Envelope::Publish { messages, publisher });
                }
                // One by one, so that each is known by the id that it gets.
                for mut message in messages {
                    let (span, publish) = (message.payload.take_span(), message.publish);
                    let publisher = Arc::clone(&publisher);
                    let envelope = Envelope::Publish { messages: vec![message], publisher };
                    let command = self.executor.admit(envelope, self.standing());
                    let id = self.machine.next_id();
                    self.machine.apply(now, command, &mut self.effects);
                    self.entered(span, publish, id);
                }
                None
            }
            Envelope::Tell(command) => {
                following.hear(&command);
                if let Command::PagedIn { messages, .. } = &command {
                    let (list, vhost) = (cell.common().list_properties, cell.vhost());
                    let vhost = vhost.as_ref().map_or("", |vhost| vhost.name.as_str());
                    for paged in messages {
                        if let Some(message) = paged.payload.message() {
                            following.read_back(paged.id, (vhost, message), list);
                        }
                    }
                }
                Some(Envelope::Tell(command))
            }
            other => Some(other),
        }
    }

    /// Puts one message in, which may be traced.
    pub(in crate::broker) fn enqueue_followed(
        &mut self,
        now: Millis,
        mut message: Incoming<Payload>,
    ) {
        let (span, publish) = (message.payload.take_span(), message.publish);
        let mut messages = vec![message];
        self.executor.admit_messages(&mut messages, self.standing());
        let id = self.machine.next_id();
        self.machine.apply(now, Command::Enqueue(messages), &mut self.effects);
        self.entered(span, publish, id);
    }

    /// A message was put in, which got `id` when the machine took it.
    fn entered(
        &mut self,
        span: Option<Arc<PublishSpan>>,
        publish: Option<PublishRef>,
        id: MessageId,
    ) {
        let is_taken = self.machine.next_id() > id;
        if let (Some(span), Some(following)) = (span, &mut self.executor.following) {
            following.entered(is_taken.then_some(id), publish, span);
        }
    }
}
