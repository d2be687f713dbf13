//! Sums over everything: of this moment, and how fast they grow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::management::Management;
use crate::base::{Millis, VhostName};
use crate::broker::{Broker, ChurnCounts, Traffic, Vhost};

/// The sums of one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Totals {
    pub(super) queues: u64,
    pub(super) consumers: u64,
    pub(super) ready: u64,
    pub(super) unacknowledged: u64,
    pub(super) traffic: Traffic,
}

impl Totals {
    /// Of one virtual host. Looks at each of its queues.
    pub(super) fn of(vhost: &Vhost) -> Self {
        let mut sums = Self::default();
        for cell in vhost.cells() {
            let report = cell.report();
            sums.queues += 1;
            sums.consumers += report.consumers.len() as u64;
            sums.ready += report.ready;
            sums.unacknowledged += report.unacknowledged;
            sums.traffic = add(sums.traffic, report.traffic);
        }
        sums
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            queues: self.queues + other.queues,
            consumers: self.consumers + other.consumers,
            ready: self.ready + other.ready,
            unacknowledged: self.unacknowledged + other.unacknowledged,
            traffic: add(self.traffic, other.traffic),
        }
    }
}

fn add(a: Traffic, b: Traffic) -> Traffic {
    Traffic {
        publish: a.publish + b.publish,
        deliver: a.deliver + b.deliver,
        deliver_no_ack: a.deliver_no_ack + b.deliver_no_ack,
        get: a.get + b.get,
        get_no_ack: a.get_no_ack + b.get_no_ack,
        get_empty: a.get_empty + b.get_empty,
        redeliver: a.redeliver + b.redeliver,
        ack: a.ack + b.ack,
    }
}

/// The last two looks at every virtual host. Bounded by their number.
#[derive(Debug, Default)]
pub(super) struct Samples(Mutex<Arc<Looks>>);

#[derive(Debug, Default)]
struct Looks {
    before: BTreeMap<VhostName, Totals>,
    last: BTreeMap<VhostName, Totals>,
    churn_before: ChurnCounts,
    churn_last: ChurnCounts,
    /// Between the two; 0 when there are no two.
    elapsed_ms: u64,
    at: Option<Millis>,
}

impl Samples {
    fn take(&self, now: Millis, totals: BTreeMap<VhostName, Totals>, churn: ChurnCounts) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *looks = Arc::new(Looks {
            before: looks.last.clone(),
            churn_before: looks.churn_last,
            churn_last: churn,
            elapsed_ms: looks.at.map_or(0, |before| now.since(before)),
            last: totals,
            at: Some(now),
        });
    }

    /// `churn_rates`.
    pub(super) fn churn_rates(&self, now: &ChurnCounts) -> Value {
        let looks = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut out = Map::new();
        for &(name, number) in CHURN {
            let grown = number(&looks.churn_last).saturating_sub(number(&looks.churn_before));
            put(&mut out, name, number(now), per_second(grown, looks.elapsed_ms));
        }
        Value::Object(out)
    }

    /// How fast the sums of these virtual hosts grow.
    pub(super) fn rates<'a>(&self, vhosts: impl Iterator<Item = &'a VhostName>) -> Rates {
        let looks = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut before, mut last) = (Totals::default(), Totals::default());
        for vhost in vhosts {
            // One that was not there at the first look has grown by everything.
            let Some(totals) = looks.last.get(vhost) else { continue };
            last = last.plus(*totals);
            before = before.plus(looks.before.get(vhost).copied().unwrap_or_default());
        }
        Rates { before, last, elapsed_ms: looks.elapsed_ms }
    }
}

/// Two looks at sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    before: Totals,
    last: Totals,
    elapsed_ms: u64,
}

impl Rates {
    /// By the second; sums of queues that were deleted meanwhile count as standing still.
    fn of(&self, number: impl Fn(&Totals) -> u64) -> f64 {
        let (before, last) = (number(&self.before), number(&self.last));
        per_second(last.saturating_sub(before), self.elapsed_ms)
    }

    /// As [`Self::of`], of what may shrink.
    fn of_level(&self, number: impl Fn(&Totals) -> u64) -> f64 {
        let (before, last) = (number(&self.before), number(&self.last));
        let change = per_second(last.abs_diff(before), self.elapsed_ms);
        if last < before { -change } else { change }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people; 2^53 is exact enough")]
fn per_second(change: u64, elapsed_ms: u64) -> f64 {
    if elapsed_ms == 0 { 0.0 } else { change as f64 * 1000.0 / elapsed_ms as f64 }
}

type Number = fn(&Totals) -> u64;

type ChurnNumber = fn(&ChurnCounts) -> u64;

/// RabbitMQ's names of what went through queues.
const TRAFFIC: &[(&str, Number)] = &[
    ("publish", |t| t.traffic.publish),
    ("deliver", |t| t.traffic.deliver),
    ("deliver_no_ack", |t| t.traffic.deliver_no_ack),
    ("deliver_get", |t| t.traffic.deliver_get()),
    ("get", |t| t.traffic.get),
    ("get_no_ack", |t| t.traffic.get_no_ack),
    ("get_empty", |t| t.traffic.get_empty),
    ("redeliver", |t| t.traffic.redeliver),
    ("ack", |t| t.traffic.ack),
];

/// RabbitMQ's names of what comes and goes.
const CHURN: &[(&str, ChurnNumber)] = &[
    ("connection_created", |c| c.connections_opened),
    ("connection_closed", |c| c.connections_closed),
    ("channel_created", |c| c.channels_opened),
    ("channel_closed", |c| c.channels_closed),
    ("queue_declared", |c| c.queues_declared),
    ("queue_created", |c| c.queues_created),
    ("queue_deleted", |c| c.queues_deleted),
];

/// RabbitMQ's names of what is in queues.
const LEVELS: &[(&str, Number)] = &[
    ("messages", |t| t.ready + t.unacknowledged),
    ("messages_ready", |t| t.ready),
    ("messages_unacknowledged", |t| t.unacknowledged),
];

/// `message_stats`.
pub(super) fn message_stats(totals: &Totals, rates: &Rates) -> Value {
    let mut out = Map::new();
    for &(name, number) in TRAFFIC {
        put(&mut out, name, number(totals), rates.of(number));
    }
    Value::Object(out)
}

/// `queue_totals`, and the same numbers of a virtual host.
pub(super) fn levels(totals: &Totals, rates: &Rates) -> Map<String, Value> {
    let mut out = Map::new();
    for &(name, number) in LEVELS {
        put(&mut out, name, number(totals), rates.of_level(number));
    }
    out
}

fn put(out: &mut Map<String, Value>, name: &str, number: u64, rate: f64) {
    out.insert(name.to_owned(), Value::from(number));
    out.insert(format!("{name}_details"), json!({ "rate": rate }));
}

/// Looks at everything again and again. Never ends, unless nobody wants rates.
pub(super) async fn run(management: Arc<Management>) {
    if management.settings.disable_stats {
        return;
    }
    let interval_ms = management.settings.sample_interval_ms.max(1);
    let mut ticks = tokio::time::interval(Duration::from_millis(interval_ms));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let broker = Arc::clone(&management.broker);
        let of_queues = Arc::clone(&management.queue_samples);
        // A look waits for the turn of each queue.
        let looked = tokio::task::spawn_blocking(move || {
            of_queues.take(&broker);
            look(&broker)
        })
        .await;
        if let Ok((now, totals, churn)) = looked {
            management.samples.take(now, totals, churn);
        }
    }
}

fn look(broker: &Broker) -> (Millis, BTreeMap<VhostName, Totals>, ChurnCounts) {
    let vhosts = broker.all_vhosts();
    let totals = vhosts.iter().map(|vhost| (vhost.name().clone(), Totals::of(vhost))).collect();
    (broker.clock().now(), totals, broker.churn())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vhost(name: &str) -> VhostName {
        VhostName::try_from(name).expect("short")
    }

    fn totals(publish: u64, ready: u64) -> Totals {
        Totals { ready, traffic: Traffic { publish, ..Traffic::default() }, ..Totals::default() }
    }

    #[test]
    fn rates_are_what_lies_between_two_looks() {
        let samples = Samples::default();
        let one = |name: &str, totals| BTreeMap::from([(vhost(name), totals)]);
        samples.take(Millis(1000), one("a", totals(10, 50)), ChurnCounts::default());
        let wanted = [vhost("a"), vhost("none")];
        let rate = || {
            let rates = samples.rates(wanted.iter());
            let stats = message_stats(&totals(0, 0), &rates);
            let levels = levels(&totals(0, 0), &rates);
            let of = |value: &Value| value["rate"].as_f64().expect("a number");
            (of(&stats["publish_details"]), of(&levels["messages_ready_details"]))
        };
        assert_eq!(rate(), (0.0, 0.0), "one look is none");
        samples.take(Millis(3000), one("a", totals(40, 20)), ChurnCounts::default());
        assert_eq!(rate(), (15.0, -15.0));
        samples.take(Millis(5000), one("a", totals(30, 20)), ChurnCounts::default());
        assert_eq!(rate(), (0.0, 0.0), "a queue went away with its numbers");
        samples.take(Millis(7000), one("b", totals(30, 20)), ChurnCounts::default());
        assert_eq!(rate(), (0.0, 0.0), "the virtual host is gone");
    }

    #[test]
    fn what_comes_and_goes_has_a_rate_too() {
        let samples = Samples::default();
        let opened = |connections_opened| ChurnCounts { connections_opened, ..Default::default() };
        samples.take(Millis(0), BTreeMap::new(), opened(10));
        samples.take(Millis(2000), BTreeMap::new(), opened(30));
        let rates = samples.churn_rates(&opened(31));
        assert_eq!(rates["connection_created"], 31);
        assert_eq!(rates["connection_created_details"]["rate"], 10.0);
        assert_eq!(rates["queue_deleted_details"]["rate"], 0.0);
    }
}
