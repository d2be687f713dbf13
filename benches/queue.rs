//! What one message costs in the queue machine, without a broker around it.
//!
//! The handle is a number, so that what is measured is the machine and not the counting of references.
//! Building the batches is included: a driver builds them as well.

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{Criterion, Throughput};

use haremq::base::{
    ChannelId, ConnectionId, ConsumerId, HolderId, MessageId, Millis, PublishSequence,
};
use haremq::queue::{
    Access, Acknowledge, Burst, Command, Consumer, Effect, Effects, Incoming, LogMode, Machine,
    Paged, Paging, Progress, PublishRef, QueueConfig, RequestId, Settlement, SharedCredit,
};

const NOW: Millis = Millis(0);
const BURST: Burst = Burst { messages: 256, bytes: 1024 * 1024 };
const BATCH: u64 = 100;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    batches_without_acknowledgement(&mut criterion);
    batches_with_acknowledgement(&mut criterion);
    a_thousand_consumers(&mut criterion);
    fill_and_drain(&mut criterion);
    with_features(&mut criterion);
    criterion.final_summary();
}

fn batches_without_acknowledgement(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/no-ack");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("enqueue 100, deliver", |bencher| {
        let mut queue = Queue::new(LogMode::Volatile);
        queue.attach(1, Acknowledge::Automatic);
        bencher.iter(|| {
            queue.enqueue(BATCH);
            queue.deliver();
        });
    });
    group.finish();
}

fn batches_with_acknowledgement(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/prefetch-100");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("enqueue 100, deliver, ack as one run", |bencher| {
        let mut queue = Queue::new(LogMode::Volatile);
        queue.attach(1, Acknowledge::Manual { prefetch: 100, shared: false });
        bencher.iter(|| {
            let first = queue.enqueue(BATCH);
            queue.deliver();
            queue.settle(1, vec![(MessageId(first), MessageId(first + BATCH - 1))]);
        });
    });
    group.bench_function("enqueue 100, deliver, ack one by one backwards", |bencher| {
        let mut queue = Queue::new(LogMode::Volatile);
        queue.attach(1, Acknowledge::Manual { prefetch: 100, shared: false });
        bencher.iter(|| {
            let first = queue.enqueue(BATCH);
            queue.deliver();
            let ids = (first..first + BATCH).rev().map(MessageId);
            queue.settle(1, ids.map(|id| (id, id)).collect());
        });
    });
    group.bench_function("logged: enqueue 100, deliver, persisted, ack", |bencher| {
        let mut queue = Queue::new(LogMode::Logged);
        queue.attach(1, Acknowledge::Manual { prefetch: 100, shared: false });
        bencher.iter(|| {
            let first = queue.enqueue(BATCH);
            queue.deliver();
            let last = MessageId(first + BATCH - 1);
            queue.apply(Command::Persisted { up_to: last });
            queue.settle(1, vec![(MessageId(first), last)]);
        });
    });
    group.finish();
}

fn a_thousand_consumers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/1000-consumers");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("no-ack, in turn", |bencher| {
        let mut queue = Queue::new(LogMode::Volatile);
        (1..=1000).for_each(|consumer| queue.attach(consumer, Acknowledge::Automatic));
        bencher.iter(|| {
            queue.enqueue(BATCH);
            queue.deliver();
        });
    });
    group.bench_function("prefetch 1, 900 without credit, each ack a command", |bencher| {
        let mut queue = Queue::new(LogMode::Volatile);
        let acknowledge = Acknowledge::Manual { prefetch: 1, shared: false };
        (1..=1000).for_each(|consumer| queue.attach(consumer, acknowledge));
        queue.enqueue(900);
        queue.deliver();
        bencher.iter(|| {
            queue.enqueue(BATCH);
            queue.deliver();
            for (holder, id) in queue.take_delivered() {
                queue.settle(holder, vec![(id, id)]);
            }
        });
    });
    group.finish();
}

fn fill_and_drain(criterion: &mut Criterion) {
    const MESSAGES: u64 = 100_000;
    let mut group = criterion.benchmark_group("queue/100k");
    group.throughput(Throughput::Elements(MESSAGES));
    group.sample_size(20);
    group.bench_function("fill, then drain", |bencher| {
        bencher.iter(|| {
            let mut queue = Queue::new(LogMode::Volatile);
            for _ in 0..MESSAGES / BATCH {
                queue.enqueue(BATCH);
            }
            queue.attach(1, Acknowledge::Automatic);
            queue.deliver();
            assert_eq!(queue.machine.ready(), 0);
        });
    });
    group.bench_function("fill, then drain, through an index in RAM", |bencher| {
        bencher.iter(|| {
            let mut queue = Queue::new(LogMode::Volatile);
            let paging = Some(Paging::default());
            queue.machine = Machine::new(QueueConfig { paging, ..QueueConfig::default() });
            for _ in 0..MESSAGES / BATCH {
                queue.enqueue(BATCH);
            }
            queue.attach(1, Acknowledge::Automatic);
            while queue.machine.ready() > 0 {
                queue.deliver();
            }
            assert!(queue.index.is_empty());
        });
    });
    group.finish();
}

fn with_features(criterion: &mut Criterion) {
    let plain = QueueConfig::default();
    let cases = [
        ("a TTL", QueueConfig { message_ttl: Some(60_000), ..plain }),
        ("a limit, consumer in time", QueueConfig { max_length: Some(1000), ..plain }),
        ("priorities up to 10", QueueConfig { max_priority: Some(10), ..plain }),
    ];
    let mut group = criterion.benchmark_group("queue/features");
    group.throughput(Throughput::Elements(BATCH));
    for (name, config) in cases {
        group.bench_function(name, |bencher| {
            let mut queue = Queue::new(LogMode::Volatile);
            queue.machine = Machine::new(config);
            queue.attach(1, Acknowledge::Manual { prefetch: 100, shared: false });
            bencher.iter(|| {
                let first = queue.enqueue(BATCH);
                queue.deliver();
                queue.settle(1, vec![(MessageId(first), MessageId(first + BATCH - 1))]);
            });
        });
    }
    group.bench_function("max-length 1000, nobody takes", |bencher| {
        let mut queue = Queue::new(LogMode::Volatile);
        queue.machine = Machine::new(QueueConfig { max_length: Some(1000), ..plain });
        bencher.iter(|| queue.enqueue(BATCH));
    });
    group.finish();
}

/// A machine with the little that a driver does.
struct Queue {
    machine: Machine<u64>,
    effects: Effects<u64>,
    delivered: Vec<(u64, MessageId)>,
    /// What is away.
    index: VecDeque<Paged<u64>>,
    asked: Option<(MessageId, u32)>,
    next: u64,
}

impl Queue {
    fn new(log: LogMode) -> Self {
        let machine = Machine::new(QueueConfig { log, ..QueueConfig::default() });
        Self {
            machine,
            effects: Effects::new(),
            delivered: Vec::new(),
            index: VecDeque::new(),
            asked: None,
            next: 1,
        }
    }

    fn attach(&mut self, number: u64, acknowledge: Acknowledge) {
        let (id, holder) = (ConsumerId(number), HolderId(number));
        let (access, priority, timeout) = (Access::Shared, 0, None);
        let consumer = Consumer { id, holder, acknowledge, access, priority, timeout };
        self.apply(Command::Attach { consumer, request: RequestId(0) });
    }

    /// Persistent messages with confirms; gives the first id.
    fn enqueue(&mut self, count: u64) -> u64 {
        let first = self.next;
        self.next += count;
        let message = |id| Incoming {
            payload: id,
            bytes: 100,
            persistent: true,
            publish: Some(PublishRef {
                connection: ConnectionId(1),
                channel: ChannelId(1),
                holder: HolderId(1),
                sequence: PublishSequence(id),
            }),
            ttl: None,
            priority: (id % 11) as u8,
            due: None,
        };
        self.apply(Command::Enqueue((first..self.next).map(message).collect()));
        first
    }

    fn settle(&mut self, holder: u64, messages: Vec<(MessageId, MessageId)>) {
        let (holder, settlement) = (HolderId(holder), Settlement::Ack);
        self.apply(Command::Settle { holder, settlement, messages });
    }

    fn apply(&mut self, command: Command<u64>) {
        self.machine.apply(NOW, command, &mut self.effects);
        self.execute();
    }

    fn deliver(&mut self) {
        loop {
            let progress = self.machine.deliver(NOW, BURST, &mut Plenty, &mut self.effects);
            self.delivered.clear();
            self.execute();
            if let Some((from, count)) = self.asked.take() {
                let messages = self.index.drain(..count as usize).collect();
                let more = !self.index.is_empty();
                self.apply(Command::PagedIn { from, messages, more });
            } else if progress == Progress::Idle {
                break;
            }
        }
    }

    fn execute(&mut self) {
        for effect in self.effects.drain() {
            match black_box(effect) {
                Effect::Deliver { consumer, delivery } if delivery.holder.is_some() => {
                    self.delivered.push((consumer.0, delivery.id));
                }
                Effect::PageOut { messages } => self.index.extend(messages),
                Effect::PageIn { from, count, .. } => self.asked = Some((from, count)),
                _ => {}
            }
        }
    }

    fn take_delivered(&mut self) -> Vec<(u64, MessageId)> {
        std::mem::take(&mut self.delivered)
    }
}

/// Shared credit that never ends.
struct Plenty;

impl SharedCredit for Plenty {
    fn try_take(&mut self, _holder: HolderId) -> bool {
        true
    }
}
