//! A queue, a shared credit, and short words for commands and effects.

use crate::base::{
    ChannelId, ConnectionId, ConsumerId, HolderId, MessageId, Millis, PublishSequence,
};
use crate::queue::{
    Access, Acknowledge, Attempt, Burst, Command, Consumer, DeleteCondition, Effect, Effects, Flow,
    Incoming, LogMode, Machine, Progress, PublishRef, QueueConfig, Reason, Reply, RequestId,
    Settlement, SharedCredit, Span,
};

pub(super) const NOW: Millis = Millis(0);
pub(super) const ALL: Burst = Burst { messages: usize::MAX, bytes: u64::MAX };

/// `basic.nack` with `requeue`.
pub(super) const REQUEUE: Settlement = Settlement::Requeue(Attempt::Returned);
pub(super) const FAILED: Settlement = Settlement::Requeue(Attempt::Failed);

/// Shared credit that is counted down; `asked` says who was asked.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) left: u64,
    pub(super) asked: Vec<u64>,
}

impl SharedCredit for Pool {
    fn try_take(&mut self, holder: HolderId) -> bool {
        self.asked.push(holder.0);
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        granted
    }
}

/// A machine of numbered messages: payloads are 1, 2, 3, … as the ids are.
pub(super) struct Queue {
    pub(super) machine: Machine<u64>,
    pub(super) pool: Pool,
    pub(super) now: Millis,
    published: u64,
}

impl Queue {
    pub(super) fn new(config: QueueConfig) -> Self {
        let pool = Pool { left: u64::MAX, asked: Vec::new() };
        Self { machine: Machine::new(config), pool, now: NOW, published: 0 }
    }

    pub(super) fn volatile() -> Self {
        Self::new(QueueConfig::default())
    }

    pub(super) fn logged() -> Self {
        Self::new(QueueConfig { log: LogMode::Logged, ..QueueConfig::default() })
    }

    pub(super) fn auto_delete() -> Self {
        Self::new(QueueConfig { log: LogMode::Logged, auto_delete: true, ..QueueConfig::default() })
    }

    pub(super) fn apply(&mut self, command: Command<u64>) -> Vec<Effect<u64>> {
        let mut effects = Effects::new();
        self.machine.apply(self.now, command, &mut effects);
        self.machine.check_invariants();
        let none = effects.iter().all(|effect| !matches!(effect, Effect::Deliver { .. }));
        assert!(none, "apply delivered: {effects:?}");
        effects.drain().collect()
    }

    pub(super) fn deliver_burst(&mut self, burst: Burst) -> (Vec<Effect<u64>>, Progress) {
        let mut effects = Effects::new();
        let progress = self.machine.deliver(self.now, burst, &mut self.pool, &mut effects);
        self.machine.check_invariants();
        (effects.drain().collect(), progress)
    }

    /// Delivers until nobody can take anything: `(consumer, id, redelivered)`.
    pub(super) fn deliver(&mut self) -> Vec<(u64, u64, bool)> {
        let (effects, progress) = self.deliver_burst(ALL);
        assert_eq!(progress, Progress::Idle);
        deliveries(&effects)
    }

    /// Publishes this many transient messages of 10 bytes without confirms.
    pub(super) fn publish(&mut self, count: u64) {
        let messages = (0..count).map(|_| self.message(false, None)).collect();
        assert_eq!(self.apply(Command::Enqueue(messages)), []);
    }

    /// The next message.
    pub(super) fn message(
        &mut self,
        persistent: bool,
        publish: Option<PublishRef>,
    ) -> Incoming<u64> {
        self.published += 1;
        Incoming {
            payload: self.published,
            bytes: 10,
            persistent,
            publish,
            ttl: None,
            priority: 0,
            due: None,
        }
    }

    pub(super) fn attach(&mut self, consumer: Consumer) -> Reply<u64> {
        let mut effects = self.apply(Command::Attach { consumer, request: RequestId(7) });
        effects.retain(|effect| !matches!(effect, Effect::ActiveConsumer { .. }));
        only_reply(effects, 7)
    }

    pub(super) fn attach_all(&mut self, consumers: impl IntoIterator<Item = Consumer>) {
        for consumer in consumers {
            assert_eq!(self.attach(consumer), Reply::Attached);
        }
    }

    pub(super) fn detach(&mut self, consumer: u64) -> Vec<Effect<u64>> {
        let request = Some(RequestId(8));
        self.apply(Command::Detach { consumer: ConsumerId(consumer), request })
    }

    pub(super) fn flow(&mut self, consumer: u64, flow: Flow) {
        assert_eq!(self.apply(Command::Flow { consumer: ConsumerId(consumer), flow }), []);
    }

    pub(super) fn settle(
        &mut self,
        holder: u64,
        settlement: Settlement,
        runs: &[(u64, u64)],
    ) -> Vec<Effect<u64>> {
        let messages = runs.iter().map(|(a, b)| (MessageId(*a), MessageId(*b))).collect();
        self.apply(Command::Settle { holder: HolderId(holder), settlement, messages })
    }

    pub(super) fn get(&mut self, holder: Option<u64>) -> Vec<Effect<u64>> {
        let (no_ack, holder) = (holder.is_none(), HolderId(holder.unwrap_or(99)));
        self.apply(Command::Get { holder, no_ack, request: RequestId(9) })
    }

    pub(super) fn release(&mut self, holder: u64) -> Vec<Effect<u64>> {
        self.apply(Command::Release { holder: HolderId(holder) })
    }

    pub(super) fn persisted(&mut self, up_to: u64) -> Vec<Effect<u64>> {
        self.apply(Command::Persisted { up_to: MessageId(up_to) })
    }

    /// The clock goes on, and the queue does what is due.
    pub(super) fn tick(&mut self, ms: u64) -> Vec<Effect<u64>> {
        self.now = self.now.after(ms);
        self.apply(Command::Tick)
    }

    pub(super) fn configure(&mut self, config: QueueConfig) -> Vec<Effect<u64>> {
        self.apply(Command::Configure(Box::new(config)))
    }

    pub(super) fn departed(&mut self, runs: &[(u64, u64)]) -> Vec<Effect<u64>> {
        let runs = runs.iter().map(|(a, b)| (MessageId(*a), MessageId(*b))).collect();
        self.apply(Command::Departed { runs })
    }

    pub(super) fn delete(&mut self, condition: DeleteCondition) -> Vec<Effect<u64>> {
        self.apply(Command::Delete { condition, request: Some(RequestId(5)) })
    }

    pub(super) fn counts(&self) -> (u64, u64) {
        (self.machine.ready(), self.machine.unsettled())
    }
}

/// A manual consumer of a holder.
pub(super) fn manual(id: u64, holder: u64, prefetch: u32) -> Consumer {
    Consumer {
        id: ConsumerId(id),
        holder: HolderId(holder),
        acknowledge: Acknowledge::Manual { prefetch, shared: false },
        access: Access::Shared,
        priority: 0,
        timeout: None,
    }
}

/// A manual consumer that draws on its channel's credit as well.
pub(super) fn sharing(id: u64, holder: u64, prefetch: u32) -> Consumer {
    let acknowledge = Acknowledge::Manual { prefetch, shared: true };
    Consumer { acknowledge, ..manual(id, holder, prefetch) }
}

/// A consumer that does not acknowledge.
pub(super) fn automatic(id: u64, holder: u64) -> Consumer {
    Consumer { acknowledge: Acknowledge::Automatic, ..manual(id, holder, 1) }
}

/// The same consumer with a priority.
pub(super) fn prior(consumer: Consumer, priority: i32) -> Consumer {
    Consumer { priority, ..consumer }
}

/// The same consumer, alone.
pub(super) fn alone(consumer: Consumer) -> Consumer {
    Consumer { access: Access::Exclusive, ..consumer }
}

/// A publish of a holder's channel.
pub(super) fn publish(holder: u64, sequence: u64) -> PublishRef {
    PublishRef {
        connection: ConnectionId(1),
        channel: ChannelId(1),
        holder: HolderId(holder),
        sequence: PublishSequence(sequence),
    }
}

pub(super) fn confirm(holder: u64, first: u64, last: u64) -> Effect<u64> {
    Effect::Confirm { first: publish(holder, first), last: PublishSequence(last) }
}

/// One message of 10 bytes is gone.
pub(super) fn gone(id: u64, appended: bool) -> Effect<u64> {
    gone_run(id, id, u64::from(appended))
}

/// All messages of a run of ids, 10 bytes each, are gone.
pub(super) fn gone_run(first: u64, last: u64, appended: u64) -> Effect<u64> {
    let messages = last - first + 1;
    let (first, last) = (MessageId(first), MessageId(last));
    Effect::Release(Span { first, last, messages, bytes: 10 * messages, appended })
}

pub(super) fn reply(request: u64, reply: Reply<u64>) -> Effect<u64> {
    Effect::Reply { request: RequestId(request), reply }
}

/// A message departs of which so many attempts failed.
pub(super) fn dead(id: u64, reason: Reason, delivery_count: u32) -> Effect<u64> {
    Effect::DeadLetter { id: MessageId(id), payload: id, reason, delivery_count }
}

/// `(consumer, id, redelivered)` of the deliveries among the effects.
pub(super) fn deliveries(effects: &[Effect<u64>]) -> Vec<(u64, u64, bool)> {
    let delivery = |effect: &Effect<u64>| match effect {
        Effect::Deliver { consumer, delivery } => {
            assert_eq!(delivery.payload, delivery.id.0, "the handle of another message");
            Some((consumer.0, delivery.id.0, delivery.redelivered))
        }
        _ => None,
    };
    effects.iter().filter_map(delivery).collect()
}

/// The single reply to this request.
pub(super) fn only_reply(effects: Vec<Effect<u64>>, request: u64) -> Reply<u64> {
    assert_eq!(effects.len(), 1, "{effects:?}");
    match effects.into_iter().next() {
        Some(Effect::Reply { request: RequestId(number), reply }) if number == request => reply,
        other => panic!("no reply to {request}: {other:?}"),
    }
}

/// The message of a `basic.get`: `(id, redelivered, ready after it)`.
pub(super) fn got(effects: &[Effect<u64>]) -> Option<(u64, bool, u64)> {
    match effects.first() {
        Some(Effect::Reply { reply: Reply::Got { delivery, ready }, .. }) => {
            delivery.as_ref().map(|delivery| (delivery.id.0, delivery.redelivered, *ready))
        }
        other => panic!("no answer to a get: {other:?}"),
    }
}
