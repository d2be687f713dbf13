//! Two samples of each queue, for how fast its numbers grow.
//!
//! A leaf lock for each of the two lists. Bounded: of more queues than [`SAMPLED_QUEUES_MAX`] those that somebody
//! looked at in the last minute are sampled before others; a queue without samples stands still.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::model::{Details, MessageStats};
use crate::base::limits::{SAMPLED_MEMORY_MS, SAMPLED_QUEUES_MAX};
use crate::base::{Millis, QueueId};
use crate::broker::{Broker, Cell, QueueReport, Traffic};

/// See the module.
#[derive(Default)]
pub(super) struct QueueSamples {
    samples: Mutex<BTreeMap<QueueId, Pair>>,
    looked_at: Mutex<BTreeMap<QueueId, Millis>>,
}

/// A queue at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sample {
    at: Millis,
    numbers: Numbers,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Numbers {
    traffic: Traffic,
    ready: u64,
    unacknowledged: u64,
    consumers: usize,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    before: Option<Sample>,
    last: Sample,
    /// When the numbers were found to be others than before, in ms since 1970; `None` when they never were.
    changed_unix_ms: Option<u64>,
}

/// What the samples of a queue say.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct QueueRates {
    /// Traffic by the second, with the counts of now.
    pub(super) stats: MessageStats,
    pub(super) messages: Details,
    pub(super) ready: Details,
    pub(super) unacknowledged: Details,
    /// Since when nothing happens, in ms since 1970; `None` while something does.
    pub(super) idle_since_unix_ms: Option<u64>,
}

impl QueueSamples {
    /// Takes a sample of every queue. Waits for the turn of each.
    pub(super) fn take(&self, broker: &Broker) {
        let vhosts = broker.all_vhosts();
        let cells: Vec<Arc<Cell>> = vhosts.iter().flat_map(|vhost| vhost.list_queues()).collect();
        self.take_of(broker.clock().now(), broker.clock().unix_ms(), cells, SAMPLED_QUEUES_MAX);
    }

    fn take_of(&self, now: Millis, unix_ms: u64, mut cells: Vec<Arc<Cell>>, most: usize) {
        if cells.len() > most {
            let looked_at = lock(&self.looked_at);
            cells.sort_by_key(|cell| !looked_at.contains_key(&cell.info().id));
            cells.truncate(most);
        }
        lock(&self.looked_at).retain(|_, at| now.since(*at) <= SAMPLED_MEMORY_MS);
        let kept = lock(&self.samples).clone();
        let next = cells.iter().map(|cell| {
            let id = cell.info().id;
            let sample = Sample { at: now, numbers: Numbers::of(&cell.report()) };
            (id, Pair::next(kept.get(&id), sample, unix_ms))
        });
        let next = next.collect();
        *lock(&self.samples) = next;
    }

    /// What a queue's samples say, beside its numbers of now. It is looked at: it will be sampled.
    pub(super) fn rates(&self, now: Millis, id: QueueId, report: &QueueReport) -> QueueRates {
        let pair = lock(&self.samples).get(&id).copied();
        let mut looked_at = lock(&self.looked_at);
        if looked_at.len() < SAMPLED_QUEUES_MAX || looked_at.contains_key(&id) {
            looked_at.insert(id, now);
        }
        drop(looked_at);
        QueueRates::new(report, pair)
    }
}

impl Numbers {
    fn of(report: &QueueReport) -> Self {
        Self {
            traffic: report.traffic,
            ready: report.ready,
            unacknowledged: report.unacknowledged,
            consumers: report.consumers.len(),
        }
    }
}

impl Pair {
    fn next(kept: Option<&Self>, sample: Sample, unix_ms: u64) -> Self {
        let Some(kept) = kept else {
            return Self { before: None, last: sample, changed_unix_ms: Some(unix_ms) };
        };
        let same = kept.last.numbers == sample.numbers;
        let changed_unix_ms = if same { kept.changed_unix_ms } else { Some(unix_ms) };
        Self { before: Some(kept.last), last: sample, changed_unix_ms }
    }

    /// By the second.
    fn rate(&self, number: impl Fn(&Numbers) -> u64) -> Details {
        let Some(before) = self.before else { return Details::default() };
        let (first, last) = (number(&before.numbers), number(&self.last.numbers));
        let change = per_second(last.abs_diff(first), self.last.at.since(before.at));
        Details { rate: if last < first { -change } else { change } }
    }
}

/// Growth by the second; 0 within one millisecond.
#[expect(clippy::cast_precision_loss, reason = "a rate for people; 2^53 is exact enough")]
pub(super) fn per_second(change: u64, elapsed_ms: u64) -> f64 {
    if elapsed_ms == 0 { 0.0 } else { change as f64 * 1000.0 / elapsed_ms as f64 }
}

impl QueueRates {
    fn new(report: &QueueReport, pair: Option<Pair>) -> Self {
        let rate =
            |number: fn(&Numbers) -> u64| pair.map_or(Details::default(), |p| p.rate(number));
        let traffic = &report.traffic;
        let stats = MessageStats {
            publish: traffic.publish,
            publish_details: rate(|n| n.traffic.publish),
            deliver: traffic.deliver,
            deliver_details: rate(|n| n.traffic.deliver),
            deliver_no_ack: traffic.deliver_no_ack,
            deliver_no_ack_details: rate(|n| n.traffic.deliver_no_ack),
            deliver_get: traffic.deliver_get(),
            deliver_get_details: rate(|n| n.traffic.deliver_get()),
            get: traffic.get,
            get_details: rate(|n| n.traffic.get),
            get_no_ack: traffic.get_no_ack,
            get_no_ack_details: rate(|n| n.traffic.get_no_ack),
            get_empty: traffic.get_empty,
            get_empty_details: rate(|n| n.traffic.get_empty),
            redeliver: traffic.redeliver,
            redeliver_details: rate(|n| n.traffic.redeliver),
            ack: traffic.ack,
            ack_details: rate(|n| n.traffic.ack),
        };
        let idle = pair.filter(|pair| {
            pair.before.is_some_and(|before| before.numbers == pair.last.numbers)
                && pair.last.numbers == Numbers::of(report)
        });
        Self {
            stats,
            messages: rate(|n| n.ready + n.unacknowledged),
            ready: rate(|n| n.ready),
            unacknowledged: rate(|n| n.unacknowledged),
            idle_since_unix_ms: idle.and_then(|pair| pair.changed_unix_ms),
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // One operation of a map, or a swap, each time.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A moment as RabbitMQ writes it: `2026-01-31T23:59:59.999+00:00`.
pub(super) fn rfc3339(unix_ms: u64) -> String {
    let (seconds, ms) = (unix_ms / 1000, unix_ms % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}+00:00")
}

/// Year, month and day of a day since 1970-01-01. Years begin in March here, so that the day that leap years
/// have more is their last.
fn civil(days: u64) -> (u64, u64, u64) {
    /// From 0000-03-01 to 1970-01-01.
    const DAYS_BEFORE: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let day = days + DAYS_BEFORE;
    let (era, day) = (day / DAYS_OF_400_YEARS, day % DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next_year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::base::{FieldTable, QueueName, VhostName};
    use crate::broker::{
        Behalf, DeadLetters, DeclareQueue, DirectClient, PageQuestion, Purpose, Scheduler,
    };

    fn report(publish: u64, ready: u64) -> QueueReport {
        QueueReport {
            ready,
            unacknowledged: 0,
            ready_bytes: 0,
            unacknowledged_bytes: 0,
            ram_bytes: 0,
            consumers: Vec::new(),
            traffic: Traffic { publish, ..Traffic::default() },
            is_crashed: false,
        }
    }

    fn sample(at: u64, publish: u64, ready: u64) -> Sample {
        Sample { at: Millis(at), numbers: Numbers::of(&report(publish, ready)) }
    }

    #[test]
    fn a_rate_is_what_lies_between_two_samples() {
        let one = Pair::next(None, sample(0, 10, 100), 0);
        let rates = QueueRates::new(&report(12, 90), Some(one));
        assert_eq!((rates.stats.publish, rates.stats.publish_details.rate), (12, 0.0));
        let two = Pair::next(Some(&one), sample(5_000, 60, 50), 5_000);
        let rates = QueueRates::new(&report(61, 50), Some(two));
        assert_eq!((rates.stats.publish, rates.stats.publish_details.rate), (61, 10.0));
        assert_eq!((rates.ready.rate, rates.messages.rate), (-10.0, -10.0));
        assert_eq!(rates.idle_since_unix_ms, None);
        assert_eq!(QueueRates::new(&report(0, 0), None), QueueRates::default());
    }

    #[test]
    fn a_queue_is_idle_since_it_was_found_changed_for_the_last_time() {
        let one = Pair::next(None, sample(0, 1, 1), 700);
        let two = Pair::next(Some(&one), sample(5_000, 1, 1), 5_700);
        let three = Pair::next(Some(&two), sample(9_000, 1, 1), 9_700);
        assert_eq!(QueueRates::new(&report(1, 1), Some(three)).idle_since_unix_ms, Some(700));
        assert_eq!(QueueRates::new(&report(2, 1), Some(three)).idle_since_unix_ms, None);
        let four = Pair::next(Some(&three), sample(9_500, 1, 0), 9_900);
        assert_eq!(QueueRates::new(&report(1, 0), Some(four)).idle_since_unix_ms, None);
    }

    struct Idle;

    impl Scheduler for Idle {
        fn resume(&self, _: Arc<Cell>) {}

        fn page_in(&self, _: Arc<Cell>, _: PageQuestion, _: u64) {}

        fn send_dead_letters(&self, _: Arc<Cell>, _: DeadLetters, _: u64) {}
    }

    fn declare(client: &mut DirectClient, name: &str) -> Arc<Cell> {
        let queue = QueueName::try_from(name).expect("short");
        let declare = DeclareQueue {
            queue: queue.clone(),
            passive: false,
            durable: false,
            exclusive: false,
            auto_delete: false,
            arguments: FieldTable::EMPTY,
        };
        // Nothing is kept, so nothing is waited for.
        {
            let declared = pin!(client.queue_declare(declare));
            let declared = declared.poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(declared, Poll::Ready(Ok(queue.clone())));
        }
        client.vhost().queue_of(&queue).expect("it is there")
    }

    #[test]
    fn of_too_many_queues_those_are_sampled_that_somebody_looked_at_lately() {
        let broker = crate::broker::open_broker(Arc::new(Idle));
        let root = VhostName::try_from("/").expect("short");
        let client = DirectClient::open(&broker, &root, &Behalf::Operator, Purpose::Topology);
        let mut client = client.expect("the virtual host is there");
        let cells: Vec<_> = ["a", "b", "c"].map(|name| declare(&mut client, name)).into();
        let samples = QueueSamples::default();
        let kept = || lock(&samples.samples).keys().copied().collect::<Vec<_>>();
        samples.rates(Millis(0), cells[2].info().id, &cells[2].report());
        samples.take_of(Millis(5_000), 0, cells.clone(), 2);
        assert_eq!(kept(), [cells[0].info().id, cells[2].info().id]);
        samples.take_of(Millis(SAMPLED_MEMORY_MS + 5_001), 0, cells.clone(), 2);
        samples.take_of(Millis(SAMPLED_MEMORY_MS + 9_000), 0, cells.clone(), 2);
        assert_eq!(kept(), [cells[0].info().id, cells[1].info().id], "forgotten");
        samples.take_of(Millis(SAMPLED_MEMORY_MS + 9_500), 0, cells[1..].to_vec(), 2);
        assert_eq!(kept().len(), 2, "a queue that is gone is forgotten");
    }

    #[test]
    fn moments_are_written_by_the_calendar() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000+00:00"),
            (951_782_399_999, "2000-02-28T23:59:59.999+00:00"),
            (951_782_400_000, "2000-02-29T00:00:00.000+00:00"),
            (951_868_800_000, "2000-03-01T00:00:00.000+00:00"),
            (1_767_225_599_000, "2025-12-31T23:59:59.000+00:00"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000+00:00"),
        ] {
            assert_eq!(rfc3339(unix_ms), text);
        }
    }
}
