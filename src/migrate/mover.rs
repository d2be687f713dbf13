//! Moves one queue, batch by batch. The states of a batch and the invariants M1 to M4 stand in the module above.

use std::time::Duration;

use super::claim::{Claim, Counts, Judgement, Memory, Stored, side_name};
use super::error::{MigrateError, Of};
use super::link::{Depth, Link};
use super::message::{Message, put_publish};
use super::survey::Candidate;
use crate::base::limits::MIGRATE_BATCH_BYTES;
use crate::base::{
    ConsumerTag, DeliveryTag, ExchangeName, FieldTable, FieldValue, QueueName, ShortStr,
};
use crate::perf::{CHANNEL, Interrupt, put_method, unexpected};
use crate::wire::{
    BasicConsume, ExchangeDeclare, Method, MethodId, Properties, QueueBind, QueueDeclare,
};

/// What the target says of a queue before it is moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Target {
    /// It refuses messages when it is full.
    pub(super) may_refuse: bool,
    /// A claim of an earlier run is there.
    pub(super) has_claim: bool,
    /// The exchange of an earlier run is there: it does not survive a restart, so there was none.
    pub(super) is_same_run: bool,
}

/// How a move ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// Nothing was ready any more.
    Empty,
    /// Somebody asked for the end.
    Interrupted,
    /// Messages are ready, and the source hands out none.
    Withheld(u64),
}

/// Who is told how it goes: the counts so far, and how many messages are ready at the source.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Counts, u64);

/// One queue.
pub(super) struct Mover<'a> {
    candidate: &'a Candidate,
    queue: QueueName,
    /// The queue of claims, and the exchange.
    side_queue: QueueName,
    side_exchange: ExchangeName,
    source: &'a mut Link,
    target: &'a mut Link,
    interrupt: &'a Interrupt,
    batch_max: u16,
    prefetch: u16,
    claim: Claim,
    /// The number of the claim that was found.
    first_batch: u64,
    memory: Memory,
}

/// What a queue is moved with.
pub(super) struct Way<'a> {
    pub(super) source: &'a mut Link,
    pub(super) target: &'a mut Link,
    pub(super) interrupt: &'a Interrupt,
    pub(super) batch_max: u16,
}

impl<'a> Mover<'a> {
    /// `counts` are those of earlier runs that ended with an empty queue.
    pub(super) fn new(
        candidate: &'a Candidate,
        counts: Counts,
        way: Way<'a>,
    ) -> Result<Self, MigrateError> {
        let Way { source, target, interrupt, batch_max } = way;
        let about = Of(Some((candidate.vhost.clone(), candidate.name.clone())));
        source.about.clone_from(&about);
        target.about = about;
        target.returned = None;
        let name = side_name(&candidate.name);
        let wrong = |error: crate::base::NameError| MigrateError::System(error.to_string());
        let prefetch = fitting(candidate.average_bytes.unwrap_or(FIRST_GUESS_BYTES), batch_max);
        Ok(Self {
            candidate,
            queue: QueueName::try_from(candidate.name.as_str()).map_err(wrong)?,
            side_queue: QueueName::try_from(name.as_str()).map_err(wrong)?,
            side_exchange: ExchangeName::try_from(name.as_str()).map_err(wrong)?,
            source,
            target,
            interrupt,
            batch_max,
            prefetch,
            claim: Claim { counts, ..Claim::default() },
            first_batch: 0,
            memory: Memory::default(),
        })
    }

    /// What is ready at the source.
    pub(super) fn depth(&mut self) -> Result<Depth, MigrateError> {
        self.source.depth(&self.queue)
    }

    /// What was done, over all runs.
    pub(super) fn counts(&self) -> Counts {
        self.claim.counts
    }

    /// How many messages the target's queue should have, if nobody else used it.
    pub(super) fn expected(&self) -> i64 {
        self.claim.before.saturating_add(signed(self.claim.counts.moved))
    }

    /// Makes what stands beside the queue at the target, and reads what an earlier run left there.
    pub(super) fn prepare(&mut self, target: Target) -> Result<(), MigrateError> {
        let depth = self.target.depth(&self.queue)?;
        self.target.ask(&Method::TxSelect, MethodId::TX_SELECT_OK, PREPARING)?;
        let declare = Method::QueueDeclare(QueueDeclare {
            queue: self.side_queue.clone(),
            passive: false,
            durable: true,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::new(vec![
                (short("x-queue-type")?, FieldValue::text("classic")),
                (short("x-max-length")?, FieldValue::I32(1)),
                (short("x-overflow")?, FieldValue::text("drop-head")),
            ]),
        });
        self.target.ask(&declare, MethodId::QUEUE_DECLARE_OK, PREPARING)?;
        let found = if target.has_claim { self.last_claim()? } else { None };
        match found {
            Some(claim) => {
                self.memory = Memory::of(&claim, target.is_same_run && !target.may_refuse);
                self.first_batch = claim.batch;
                self.claim = claim;
            }
            None => self.claim.before = signed(depth.ready) - signed(self.claim.counts.moved),
        }
        let declare = Method::ExchangeDeclare(ExchangeDeclare {
            exchange: self.side_exchange.clone(),
            kind: short("fanout")?,
            passive: false,
            durable: false,
            auto_delete: false,
            internal: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        });
        self.target.ask(&declare, MethodId::EXCHANGE_DECLARE_OK, PREPARING)?;
        let bind = Method::QueueBind(QueueBind {
            queue: self.queue.clone(),
            exchange: self.side_exchange.clone(),
            routing_key: ShortStr::EMPTY,
            nowait: false,
            arguments: FieldTable::EMPTY,
        });
        self.target.ask(&bind, MethodId::QUEUE_BIND_OK, PREPARING)
    }

    /// The latest of the claims, which stay where they are: unacked ones go back.
    fn last_claim(&mut self) -> Result<Option<Claim>, MigrateError> {
        let mut last: Option<Claim> = None;
        let mut tag = 0;
        while let Some(message) = self.target.get(&self.side_queue)? {
            tag = message.tag;
            let claim = Claim::decode(&message.body);
            last = last.into_iter().chain(claim).max_by_key(Claim::age);
        }
        if tag > 0 {
            let delivery_tag = DeliveryTag(tag);
            self.target.tell(
                &Method::BasicNack { delivery_tag, multiple: true, requeue: true },
                PREPARING,
            )?;
            self.commit()?;
        }
        Ok(last)
    }

    /// Moves batch after batch.
    pub(super) fn run(&mut self, tell: Tell<'_>) -> Result<Ending, MigrateError> {
        let consumed_by_events = self.candidate.is_replicated;
        loop {
            if self.interrupt.is_asked() {
                return Ok(Ending::Interrupted);
            }
            let (batch, ready) = self.take_batch(consumed_by_events)?;
            if batch.is_empty() {
                return Ok(if ready == 0 { Ending::Empty } else { Ending::Withheld(ready) });
            }
            let last = batch.last().map_or(0, |message| message.tag);
            let messages = batch.len();
            self.guess(&batch);
            self.store(batch)?;
            let ack = Method::BasicAck { delivery_tag: DeliveryTag(last), multiple: true };
            self.source.tell(&ack, "acking")?;
            // The source has worked the ack off when it answers this.
            let depth = self.depth()?;
            self.claim.acked(messages);
            self.publish_claim()?;
            tell(self.claim.counts, depth.ready);
        }
    }

    /// *taken*: one batch, and how many messages the source kept.
    fn take_batch(&mut self, by_events: bool) -> Result<(Vec<Message>, u64), MigrateError> {
        let qos =
            Method::BasicQos { prefetch_size: 0, prefetch_count: self.prefetch, global: false };
        self.source.ask(&qos, MethodId::BASIC_QOS_OK, CONSUMING)?;
        let consumer_tag = ConsumerTag::try_from("haremq-migrate")
            .map_err(|error| MigrateError::System(error.to_string()))?;
        let consume = Method::BasicConsume(BasicConsume {
            queue: self.queue.clone(),
            consumer_tag: consumer_tag.clone(),
            no_local: false,
            no_ack: false,
            exclusive: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        });
        self.source.ask(&consume, MethodId::BASIC_CONSUME_OK, CONSUMING)?;
        let ready = self.depth()?.ready;
        let most = usize::from(self.prefetch);
        // A replicated queue delivers on its own time, and its depth is an old one. And what the run before had
        // comes back when the source has noticed its end.
        let is_awaited = by_events || self.memory.waits() && self.claim.batch == self.first_batch;
        while self.source.waiting() < most && (ready > 0 || is_awaited) {
            let patience = if self.source.waiting() == 0 { FIRST_PATIENCE } else { NEXT_PATIENCE };
            if !self.source.one_more(patience)? {
                break;
            }
        }
        // What was handed out before the cancel stands before its answer.
        let cancel = Method::BasicCancel { consumer_tag, nowait: false };
        self.source.ask(&cancel, MethodId::BASIC_CANCEL_OK, CONSUMING)?;
        let mut batch = self.source.take(usize::MAX);
        if self.candidate.is_replicated {
            batch.iter_mut().for_each(Message::forget_counts);
        }
        Ok((batch, ready))
    }

    /// *stored*: publishes what is new, with the claim, and commits.
    fn store(&mut self, batch: Vec<Message>) -> Result<(), MigrateError> {
        let frame_max = self.target.frame_max();
        let mut counts = Counts::default();
        let mut stored = Vec::with_capacity(batch.len());
        let mut output = Vec::new();
        for message in batch {
            let digest = message.digest();
            counts.redelivered += u64::from(message.redelivered);
            let judgement = self.memory.judge(digest, message.redelivered);
            // What was recognised had been fresh, or the claim would have been no proof.
            stored.push(Stored {
                digest,
                fresh: !message.redelivered || judgement == Judgement::Known,
            });
            match judgement {
                Judgement::Known => {
                    counts.recognised += 1;
                    continue;
                }
                Judgement::MaybeDouble => counts.doubles += 1,
                Judgement::New => {}
            }
            counts.moved += 1;
            message.publish(&self.exchange_for(&message)?, frame_max, &mut output);
            if output.len() >= OUTPUT_BYTES {
                self.target.send(&output, PUBLISHING)?;
                output.clear();
            }
        }
        stored.extend(self.memory.rest());
        self.target.send(&output, PUBLISHING)?;
        self.claim.batch += 1;
        self.claim.is_acked = false;
        self.claim.counts.add(counts);
        self.claim.stored = stored;
        self.publish_claim()
    }

    /// The default exchange where that is where the message came from. Else, and when the message names further
    /// queues in its headers, the exchange that leads to this queue only and looks at no key: so the message
    /// keeps its key, which dead letters and consumers may look at.
    fn exchange_for(&self, message: &Message) -> Result<ExchangeName, MigrateError> {
        let key = message.routing_key.as_bytes();
        let is_plain = message.exchange.is_empty() && key == self.queue.as_str().as_bytes();
        if is_plain && !message.selects() {
            return default_exchange();
        }
        Ok(self.side_exchange.clone())
    }

    fn publish_claim(&mut self) -> Result<(), MigrateError> {
        let properties = Properties {
            content_type: Some(short("application/json")?),
            delivery_mode: Some(2),
            ..Properties::default()
        };
        let (mut output, frame_max) = (Vec::new(), self.target.frame_max());
        let body = self.claim.encode();
        let key = short(self.side_queue.as_str())?;
        put_publish(
            &default_exchange()?,
            &key,
            (&properties.encode(), &body),
            frame_max,
            &mut output,
        );
        put_method(CHANNEL, &Method::TxCommit, &mut output);
        self.target.send(&output, PUBLISHING)?;
        self.committed()
    }

    fn commit(&mut self) -> Result<(), MigrateError> {
        self.target.tell(&Method::TxCommit, PUBLISHING)?;
        self.committed()
    }

    fn committed(&mut self) -> Result<(), MigrateError> {
        match self.target.answer("waiting for a commit")? {
            Method::TxCommitOk => {}
            other => return Err(MigrateError::System(unexpected(&other).to_string())),
        }
        let Some(reason) = self.target.returned.take() else { return Ok(()) };
        // The claim says that they are stored, and they are not.
        self.take_back()?;
        let (vhost, queue) = (self.candidate.vhost.clone(), self.candidate.name.clone());
        Err(MigrateError::Unroutable { vhost, queue, reason })
    }

    /// Makes the last claim one that proves nothing.
    fn take_back(&mut self) -> Result<(), MigrateError> {
        let purge = Method::QueuePurge { queue: self.side_queue.clone(), nowait: false };
        self.target.ask(&purge, MethodId::QUEUE_PURGE_OK, PUBLISHING)
    }

    /// As many messages as had the bytes of a batch lately.
    fn guess(&mut self, batch: &[Message]) {
        let bytes: u64 = batch.iter().map(Message::bytes).sum();
        self.prefetch = fitting(bytes / (batch.len() as u64).max(1), self.batch_max);
    }

    /// Whether the claim is still needed: somebody may hold messages at the source that are stored.
    pub(super) fn waits(&self) -> bool {
        self.memory.waits()
    }

    /// How many messages the target's queue has ready.
    pub(super) fn target_depth(&mut self) -> Result<Depth, MigrateError> {
        self.target.depth(&self.queue)
    }

    /// Takes away what stood beside the queue. The counts must be written down before.
    pub(super) fn clean_up(&mut self) -> Result<(), MigrateError> {
        let delete = Method::QueueDelete {
            queue: self.side_queue.clone(),
            if_unused: false,
            if_empty: false,
            nowait: false,
        };
        self.target.ask(&delete, MethodId::QUEUE_DELETE_OK, CLEANING)?;
        let exchange = self.side_exchange.clone();
        let delete = Method::ExchangeDelete { exchange, if_unused: false, nowait: false };
        self.target.ask(&delete, MethodId::EXCHANGE_DELETE_OK, CLEANING)
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn fitting(average_bytes: u64, most: u16) -> u16 {
    let count = MIGRATE_BATCH_BYTES / average_bytes.max(1);
    u16::try_from(count).unwrap_or(u16::MAX).clamp(1, most)
}

fn default_exchange() -> Result<ExchangeName, MigrateError> {
    ExchangeName::try_from("").map_err(|error| MigrateError::System(error.to_string()))
}

fn short(text: &str) -> Result<ShortStr, MigrateError> {
    ShortStr::try_from(text).map_err(|error| MigrateError::System(error.to_string()))
}

const PREPARING: &str = "preparing the move of a queue";
const CONSUMING: &str = "consuming";
const PUBLISHING: &str = "publishing";
const CLEANING: &str = "taking away what helped to move a queue";

/// A message, before any was seen.
const FIRST_GUESS_BYTES: u64 = 64 * 1024;

/// How much is put together before it is written.
const OUTPUT_BYTES: usize = 1 << 20;

/// How long a source may take to hand out the first message of a batch, and each after it.
const FIRST_PATIENCE: Duration = Duration::from_millis(1_500);
const NEXT_PATIENCE: Duration = Duration::from_millis(300);
