//! A queue whose machine broke an invariant of its own: nothing of it is trusted any more, and everybody
//! who asks is told.
//!
//! Messages that come are refused (`basic.nack`), questions are answered with `Gone`, which is told to
//! the client as a crash and never as an absence; the one thing that can be done is to delete it. Its
//! definition and what the log has of it stay for the next start.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::after::{After, WaitingAnswer};
use super::cell::{Cell, Core};
use super::envelope::Envelope;
use super::{DeliveryEvent, Event, Inbox};
use crate::base::PublishSequence;
use crate::queue::{Command, DeleteCondition, Effect, PublishRef, Reply, RequestId};

impl Cell {
    /// The machine broke in this turn: whoever waits is told, and the rest of the turn is refused.
    pub(super) fn give_up(&self, core: &mut Core, after: &mut After) {
        for (request, inbox) in core.executor.give_up_questions() {
            answer(&inbox, request, Reply::Gone);
        }
        // Also what the machine took in this turn and nobody was told: it may be in the log, and comes
        // back then; a publisher that sends it again has it twice and never not at all.
        let unheard = core.effects.drain().filter_map(|effect| match effect {
            Effect::Confirm { first, last } => Some((first, last)),
            _ => None,
        });
        let unheard: Vec<_> = unheard.collect();
        let runs = unheard.into_iter().flat_map(|(first, last)| {
            let sequences = first.sequence.0..=last.0;
            sequences
                .map(move |sequence| PublishRef { sequence: PublishSequence(sequence), ..first })
        });
        let waiting = core.executor.unique.iter().flat_map(|unique| unique.waiting());
        for publish in runs.chain(core.machine.waiting_publishes()).chain(waiting) {
            if let Some(publisher) = core.executor.publisher(&publish) {
                refuse(&publisher, &publish);
            }
        }
        core.tickets.clear();
        let mut commands = std::mem::take(&mut core.behind);
        commands.append(&mut core.taken);
        self.refuse(core, commands, after);
    }

    /// Refuses what came for a queue that is given up.
    pub(super) fn refuse(
        &self,
        core: &mut Core,
        commands: impl IntoIterator<Item = Envelope>,
        after: &mut After,
    ) {
        for envelope in commands {
            match envelope {
                Envelope::Publish { messages, publisher } => {
                    for publish in messages.iter().filter_map(|message| message.publish) {
                        refuse(&publisher, &publish);
                    }
                    self.count_refused(messages.len() as u64);
                }
                Envelope::Attach { request, inbox, .. } => answer(&inbox, request, Reply::Gone),
                Envelope::Ask { command: Command::Delete { condition, .. }, request, inbox } => {
                    if let Some(refusal) = self.delete_crashed(core, condition, after) {
                        answer(&inbox, request, refusal);
                    } else {
                        let reply = Reply::Deleted { messages: 0 };
                        after.answers.push(WaitingAnswer { inbox, request, reply });
                    }
                }
                Envelope::Ask { request, inbox, .. } => answer(&inbox, request, Reply::Gone),
                // Of an exclusive queue whose connection is gone.
                Envelope::Tell(Command::Delete { condition, .. }) => {
                    self.delete_crashed(core, condition, after);
                }
                Envelope::Tell(_) | Envelope::Configure(_) | Envelope::Written { .. } => {}
            }
        }
    }

    /// Deletes the queue, unless that is to depend on what only its machine knew.
    fn delete_crashed(
        &self,
        core: &mut Core,
        condition: DeleteCondition,
        after: &mut After,
    ) -> Option<Reply<DeliveryEvent>> {
        if condition.if_unused {
            return Some(Reply::InUse);
        }
        if condition.if_empty {
            return Some(Reply::NotEmpty);
        }
        if !after.deleted && !self.is_deleted() {
            core.executor.drop_queue();
            after.dropped = self.delayed.load(Ordering::Relaxed);
            after.deleted = true;
        }
        None
    }

    /// Says so with the first message that is refused, and whenever their number has one digit more.
    fn count_refused(&self, messages: u64) {
        let before = self.refused.fetch_add(messages, Ordering::Relaxed);
        let now = before + messages;
        if now.checked_ilog10() != before.checked_ilog10() {
            tracing::error!(
                queue = %self.info().name,
                refused_so_far = now,
                "messages for a queue that broke an invariant of its own are refused; delete it, or restart the broker"
            );
        }
    }
}

fn refuse(publisher: &Inbox, publish: &PublishRef) {
    publisher.push([Event::Refuse { holder: publish.holder, sequence: publish.sequence }]);
}

fn answer(inbox: &Arc<Inbox>, request: RequestId, reply: Reply<DeliveryEvent>) {
    inbox.push([Event::Reply { request, reply: Box::new(reply) }]);
}
