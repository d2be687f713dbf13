//! How messages are dropped all at once, and how a queue ends.

use crate::base::{MessageId, Millis};

use super::confirms::ConfirmRun;
use super::entry::Entry;
use super::releases::Leaving;
use super::{Command, DeleteCondition, Effect, Effects, Machine, Reply, RequestId};

impl<P: Clone> Machine<P> {
    pub(super) fn purge(&mut self, request: RequestId, effects: &mut Effects<P>) {
        let messages = self.ready.len();
        let mut leaving = Leaving::new();
        self.drop_ready(&mut leaving, effects);
        self.finish(leaving, effects);
        effects.push(Effect::Reply { request, reply: Reply::Purged { messages } });
    }

    pub(super) fn delete(
        &mut self,
        condition: DeleteCondition,
        request: Option<RequestId>,
        effects: &mut Effects<P>,
    ) {
        // rabbitmq: amqqueue_process.erl, handle_call({delete, ..}): in use first, then empty.
        let refusal = if condition.if_unused && !self.consumers.is_empty() {
            Some(Reply::InUse)
        } else if condition.if_empty && !self.ready.is_empty() {
            Some(Reply::NotEmpty)
        } else {
            None
        };
        let messages = self.ready.len();
        let refused = refusal.is_some();
        if !refused {
            while let Some(consumer) = self.consumers.first() {
                self.remove_consumer(consumer);
                effects.push(Effect::CancelConsumer { consumer });
            }
            self.drop_everything(effects);
        }
        if let Some(request) = request {
            let reply = refusal.unwrap_or(Reply::Deleted { messages });
            effects.push(Effect::Reply { request, reply });
        }
        if !refused {
            effects.push(Effect::Deleted);
        }
    }

    /// A consumer left: an auto-delete queue goes with the last one.
    pub(super) fn delete_if_unused(&mut self, effects: &mut Effects<P>) {
        if self.config.auto_delete && self.consumers.is_empty() {
            self.drop_everything(effects);
            effects.push(Effect::Deleted);
        }
    }

    fn drop_ready(&mut self, leaving: &mut Leaving, effects: &mut Effects<P>) {
        loop {
            while let Some((id, Entry { facts, .. })) = self.ready.pop() {
                leaving.let_go(&mut self.waiting, id, facts, effects);
            }
            let Some(away) = self.ready.drop_away() else { break };
            leaving.let_go_away(away, effects);
        }
        self.expiries.forget_fresh();
    }

    pub(super) fn drop_everything(&mut self, effects: &mut Effects<P>) {
        // All that waits goes now: confirmed in order, not as the messages happen to lie.
        self.persisted(MessageId(u64::MAX), effects);
        let mut leaving = Leaving::new();
        self.drop_ready(&mut leaving, effects);
        let Self { unsettled, waiting, .. } = self;
        unsettled.take_all(|id, _, facts, _| {
            leaving.let_go(waiting, id, facts, effects);
        });
        self.departed(&[(MessageId(0), MessageId(u64::MAX))], &mut leaving, effects);
        while let Some((id, entry)) = self.delayed.pop(Millis(u64::MAX)) {
            leaving.let_go(&mut self.waiting, id, entry.facts, effects);
        }
        self.finish(leaving, effects);
        self.deleted = true;
    }
}

/// Q9.
pub(super) fn answer_gone<P>(command: Command<P>, effects: &mut Effects<P>) {
    let request = match command {
        Command::Enqueue(messages) => {
            let mut run = ConfirmRun::new();
            for publish in messages.iter().filter_map(|message| message.publish) {
                run.add(publish, effects);
            }
            return run.emit(effects);
        }
        Command::Settle { .. }
        | Command::Release { .. }
        | Command::Flow { .. }
        | Command::Configure(_)
        | Command::Tick
        | Command::Departed { .. }
        | Command::Persisted { .. }
        | Command::PagedIn { .. } => None,
        Command::Attach { request, .. }
        | Command::Get { request, .. }
        | Command::Purge { request }
        | Command::Inspect { request } => Some(request),
        Command::Detach { request, .. } | Command::Delete { request, .. } => request,
    };
    if let Some(request) = request {
        effects.push(Effect::Reply { request, reply: Reply::Gone });
    }
}
