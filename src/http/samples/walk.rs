//! The walk that looks at everything, again and again: one for all samples.
//!
//! It reads numbers that their owners count ([`crate::base::Counter`]) and waits for no queue and no connection, so
//! ten thousand queues cost it some milliseconds of a thread that may block, and nobody else anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::machine::{Process, free_bytes};
use super::super::management::Management;
use super::book::{Book, Bounds};
use super::history::{BASIC, GLOBAL, Moment};
use super::table::{NodeSample, QueueSample, VhostSample};
use crate::base::limits::{SAMPLED_QUEUES_MAX, SAMPLED_RINGS_MAX, SAMPLED_VHOST_RINGS_MAX};
use crate::base::{ConnectionId, Counted, ExchangeName, HolderId, QueueId, VhostName};
use crate::broker::{Broker, ChannelCounts, ConnectionCounts, ExchangeCounts, Vhost};

/// The samples of everything.
pub(in crate::http) struct Samples {
    pub(in crate::http) queues: Book<QueueId, QueueSample>,
    pub(in crate::http) exchanges: Book<(VhostName, ExchangeName), ExchangeCounts>,
    pub(in crate::http) channels: Book<HolderId, ChannelCounts>,
    pub(in crate::http) connections: Book<ConnectionId, ConnectionCounts>,
    /// Of each virtual host, and without a name of everything, which keeps what deleted ones counted.
    pub(in crate::http) vhosts: Book<Option<VhostName>, VhostSample>,
    pub(in crate::http) node: Book<(), NodeSample>,
}

impl Default for Samples {
    fn default() -> Self {
        let bounds = Bounds { things: SAMPLED_QUEUES_MAX, rings: SAMPLED_RINGS_MAX };
        let vhosts = Bounds { rings: SAMPLED_VHOST_RINGS_MAX, ..bounds };
        Self {
            queues: Book::new(BASIC, bounds),
            exchanges: Book::new(BASIC, bounds),
            channels: Book::new(BASIC, bounds),
            connections: Book::new(BASIC, bounds),
            vhosts: Book::new(GLOBAL, vhosts),
            node: Book::new(GLOBAL, Bounds { things: 1, rings: 1 }),
        }
    }
}

impl Samples {
    /// One walk.
    pub(in crate::http) fn take(&self, broker: &Broker, node: NodeSample, at: Moment) {
        let vhosts = broker.all_vhosts();
        let mut queues = Vec::new();
        let mut exchanges = Vec::new();
        for vhost in &vhosts {
            let cells = vhost.list_queues();
            queues.extend(cells.iter().map(|cell| (cell.info().id, cell.numbers().into())));
            let counts = vhost.exchange_counts().into_iter();
            exchanges.extend(counts.map(|(name, counts)| ((vhost.name().clone(), name), counts)));
        }
        self.queues.take(at, queues);
        self.exchanges.take(at, exchanges);
        let channels = broker.counting_channels();
        let channels = channels.iter().map(|(_, open)| (open.holder, open.counters.counts()));
        self.channels.take(at, channels.collect());
        self.connections.take(at, broker.connection_counts().into_iter().collect());
        self.vhosts.take(at, vhost_samples(broker, &vhosts).into_iter().collect());
        self.node.take(at, vec![((), node)]);
    }
}

/// The numbers of each of these virtual hosts, and of everything.
pub(in crate::http) fn vhost_samples(
    broker: &Broker,
    vhosts: &[Arc<Vhost>],
) -> BTreeMap<Option<VhostName>, VhostSample> {
    let (channels, connections) = (broker.channel_sums(), broker.connection_sums());
    let mut all = VhostSample {
        channels: channels.total().counts,
        connections: connections.total(),
        ..VhostSample::default()
    };
    let mut samples = BTreeMap::new();
    for vhost in vhosts {
        let name = vhost.name();
        let mut one = VhostSample {
            channels: channels.all.get(name).copied().unwrap_or_default().counts,
            connections: connections.all.get(name).copied().unwrap_or_default(),
            ..VhostSample::default()
        };
        for cell in vhost.list_queues() {
            let levels = cell.numbers().levels;
            one.ready += levels.ready;
            one.unacknowledged += levels.unacknowledged;
            one.consumers += levels.consumers;
            one.queues += 1;
        }
        all.ready += one.ready;
        all.unacknowledged += one.unacknowledged;
        all.consumers += one.consumers;
        all.queues += one.queues;
        samples.insert(Some(name.clone()), one);
    }
    samples.insert(None, all);
    samples
}

impl NodeSample {
    /// Looks at the process. Costs a system call for each open file.
    pub(in crate::http) fn look(broker: &Broker, data_folder: Option<&Path>) -> Self {
        let process = Process::look();
        Self {
            memory_bytes: process.resident_bytes,
            files: process.files,
            sockets: process.sockets.max(broker.connections() as u64),
            threads: process.threads,
            disk_free_bytes: data_folder.and_then(free_bytes).unwrap_or_default(),
            context_switches: process.context_switches,
            churn: broker.churn(),
        }
    }
}

/// Walks again and again. Never ends, unless nobody wants rates.
pub(in crate::http) async fn run(management: Arc<Management>) {
    if management.settings.disable_stats {
        return;
    }
    let interval_ms = management.settings.sample_interval_ms.max(1);
    let mut ticks = tokio::time::interval(Duration::from_millis(interval_ms));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let management = Arc::clone(&management);
        let walked = tokio::task::spawn_blocking(move || {
            let broker = &management.broker;
            let node = NodeSample::look(broker, management.facts.data_folder.as_deref());
            management.samples.take(broker, node, management.moment());
        });
        // One that was given up because the broker ends has broken nothing.
        if let Err(error) = walked.await
            && error.is_panic()
        {
            tracing::error!(error = %error, "taking samples broke an invariant; the next ones are tried");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Stats;
    use super::super::table::{EXCHANGE, QUEUE_LEVELS, VHOST};
    use super::*;
    use crate::base::Millis;
    use crate::broker::{DeadLetters, PageQuestion, Scheduler, open_broker, put_message};

    struct Idle;

    impl Scheduler for Idle {
        fn resume(&self, _: Arc<crate::broker::Cell>) {}

        fn page_in(&self, _: Arc<crate::broker::Cell>, _: PageQuestion, _: u64) {}

        fn send_dead_letters(&self, _: Arc<crate::broker::Cell>, _: DeadLetters, _: u64) {}
    }

    #[test]
    fn one_walk_samples_queues_exchanges_virtual_hosts_and_everything() {
        let broker = open_broker(Arc::new(Idle));
        let samples = Samples::default();
        let node = NodeSample::default();
        let at = |seconds: u64| Moment { now: Millis(seconds * 1000), unix_ms: seconds * 1000 };
        put_message(&broker, "guest", "nowhere");
        samples.take(&broker, node, at(5));
        for _ in 0..10 {
            put_message(&broker, "guest", "nowhere");
        }
        samples.take(&broker, node, at(10));
        let root = VhostName::try_from("/").expect("short");
        let default = ExchangeName::try_from("").expect("short");
        let key = (root.clone(), default);
        let Stats(flow) = samples.exchanges.look(Millis(0), [key].iter(), |series| {
            series.stats(EXCHANGE, &ExchangeCounts::default(), None, 10_000)
        });
        assert_eq!((flow[0].details.rate, flow[1].details.rate), (2.0, 0.0));
        for key in [None, Some(root)] {
            let now = vhost_samples(&broker, &broker.all_vhosts())[&key];
            let Stats(stats) = samples
                .vhosts
                .look(Millis(0), [key].iter(), |series| series.stats(VHOST, &now, None, 10_000));
            assert_eq!(stats[0].name, "publish");
        }
        let Stats(levels) = samples.queues.look(Millis(0), [QueueId(9)].iter(), |series| {
            series.stats(QUEUE_LEVELS, &QueueSample::default(), None, 10_000)
        });
        assert!(levels[0].details.rate.abs() < f64::EPSILON, "no such queue");
    }
}
