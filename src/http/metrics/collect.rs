//! The numbers of all metrics, read where they are counted.

use std::sync::Arc;

use super::super::machine::Process;
use super::super::management::Management;
use super::super::overview::{ERLANG_VERSION, cluster_name};
use super::super::samples::NodeSample;
use super::parts::Parts;
use super::table::{self, Family, Of};
use super::text::{Line, Text, float};
use super::top::busiest;
use crate::base::{Counted, Pressure, SIZE_BOUNDS, VhostName};
use crate::broker::{
    Cell, ChannelTotals, ConnectionCounts, DeadLetterCounts, ExchangeCounts, Lag, QueueNumbers,
    Strategy, Traffic, Vhost,
};

/// RabbitMQ's label for the protocol.
const PROTOCOL: (&str, &str) = ("protocol", "amqp091");

/// RabbitMQ's types of queues as labels, and here.
const QUEUE_TYPES: &[(&str, &str)] = &[
    ("rabbit_classic_queue", "classic"),
    ("rabbit_quorum_queue", "quorum"),
    ("rabbit_stream_queue", "stream"),
];

/// What may become of messages that a queue of this type gives up, in RabbitMQ's words for both. Streams give up none.
const STRATEGIES: &[((&str, &str), Strategy, &str)] = &[
    (QUEUE_TYPES[0], Strategy::Disabled, "disabled"),
    (QUEUE_TYPES[0], Strategy::AtMostOnce, "at_most_once"),
    (QUEUE_TYPES[1], Strategy::Disabled, "disabled"),
    (QUEUE_TYPES[1], Strategy::AtMostOnce, "at_most_once"),
    (QUEUE_TYPES[1], Strategy::AtLeastOnce, "at_least_once"),
];

/// Which page it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Page {
    /// Sums.
    Aggregated,
    /// A line for each thing.
    PerObject,
    /// The same of chosen families.
    Detailed,
}

impl Page {
    /// `rabbitmq_endpoint`.
    fn name(self) -> &'static str {
        match self {
            Self::Aggregated => "aggregated",
            Self::PerObject => "per-object",
            Self::Detailed => "detailed",
        }
    }
}

/// One scrape.
pub(super) struct Scrape {
    management: Arc<Management>,
    text: Text,
    /// Things that have no lines of their own, by kind.
    left_out: Vec<(&'static str, usize)>,
}

impl Scrape {
    /// One that writes to `parts`.
    pub(super) fn new(management: Arc<Management>, parts: Parts) -> Self {
        Self { management, text: Text::to(parts), left_out: Vec::new() }
    }

    /// The page is whole.
    pub(super) fn finish(self) {
        self.text.finish();
    }

    /// `/metrics` and `/metrics/per-object`.
    pub(super) fn everything(&mut self, page: Page) {
        self.info(page.name());
        self.totals();
        self.family(table::CHURN, page);
        self.family(table::NODE_COARSE, page);
        self.family(table::NODE, page);
        self.things(table::FAMILIES, page, &[]);
        self.end();
    }

    /// `/metrics/detailed`: these families, of these virtual hosts; of all when none is named.
    pub(super) fn chosen(&mut self, families: &[&str], vhosts: &[&str]) {
        self.info(Page::Detailed.name());
        let is_chosen = |family: &&Family| {
            // rabbitmq: consumers are among the numbers of queue_metrics.
            let within =
                family.name == table::QUEUE_CONSUMERS.name && families.contains(&table::QUEUE.name);
            within || families.contains(&family.name)
        };
        let chosen: Vec<Family> = table::FAMILIES.iter().filter(is_chosen).copied().collect();
        for family in chosen.iter().filter(|family| family.of == Of::Node) {
            self.family(*family, Page::Detailed);
        }
        self.things(&chosen, Page::Detailed, vhosts);
        self.end();
    }

    /// `/metrics/memory-breakdown`.
    pub(super) fn memory(&mut self) {
        self.info("memory-breakdown");
        let resident = Process::look().resident_bytes;
        let messages = self.management.broker.memory_used_bytes().min(resident);
        self.node(table::MEMORY, &[messages, resident - messages]);
    }

    fn info(&mut self, endpoint: &str) {
        let management = Arc::clone(&self.management);
        let facts = &management.facts;
        let cluster = cluster_name(&management.broker, facts);
        let version = facts.rabbitmq_version.as_str();
        let build = Line::new(
            &[
                ("rabbitmq_version", version),
                ("prometheus_plugin_version", version),
                ("prometheus_client_version", env!("CARGO_PKG_VERSION")),
                ("erlang_version", ERLANG_VERSION),
                ("product_name", "HareMQ"),
                ("product_version", env!("CARGO_PKG_VERSION")),
            ],
            [1.0],
        );
        let identity = Line::new(
            &[
                ("rabbitmq_node", facts.node.as_str()),
                ("rabbitmq_cluster", &cluster),
                // There is one node, so the name of the cluster tells it from others for good.
                ("rabbitmq_cluster_permanent_id", &cluster),
                ("rabbitmq_endpoint", endpoint),
            ],
            [1.0],
        );
        let [build_info, identity_info] = table::INFO else { return };
        self.text.lines(table::RABBITMQ, &[*build_info], &[build]);
        self.text.lines(table::RABBITMQ, &[*identity_info], &[identity]);
    }

    fn end(&mut self) {
        let lines: Vec<Line> = self
            .left_out
            .iter()
            .map(|(kind, count)| Line::new(&[("kind", kind)], [float(*count as u64)]))
            .collect();
        self.text.lines(table::HAREMQ, &[table::LEFT_OUT], &lines);
    }

    /// Sums over everything, which never shrink because something went.
    fn totals(&mut self) {
        let broker = Arc::clone(&self.management.broker);
        let (channels, queues) = (broker.channel_sums(), broker.queue_sums());
        let (total, open) = (channels.total(), channels.total_live());
        let there = queues.total_live();
        let alarms = broker.alarm_state();
        self.node(
            table::TOTALS,
            &[
                broker.connections() as u64,
                broker.open_channels() as u64,
                there.levels.consumers,
                there.queues,
                alarms.memory.into(),
                alarms.disk.into(),
                0,
            ],
        );
        let counts = total.counts;
        let routed = broker.exchange_sums().total().publish_out;
        let global = [
            counts.publish,
            counts.publish_to_confirm,
            counts.confirm,
            routed,
            counts.return_unroutable,
            counts.drop_unroutable,
            open.counts.publishers,
            there.levels.consumers,
        ];
        let line = Line::new(&[PROTOCOL], global.map(float));
        self.text.lines(table::RABBITMQ, table::GLOBAL.metrics, &[line]);
        let by_type: Vec<Line> = QUEUE_TYPES
            .iter()
            .map(|(label, name)| {
                let traffic = queues.all.get(name).map(|one| one.traffic).unwrap_or_default();
                Line::new(&[PROTOCOL, ("queue_type", label)], global_by_type(&traffic).map(float))
            })
            .collect();
        self.text.lines(table::RABBITMQ, table::GLOBAL_BY_TYPE.metrics, &by_type);
        let given_up = STRATEGIES.iter().map(|((label, name), strategy, word)| {
            let labels = [("queue_type", *label), ("dead_letter_strategy", *word)];
            let counts = queues.all.get(name).map(|one| one.dead_letters).unwrap_or_default();
            Line::new(&labels, given_up(&counts, *strategy))
        });
        let given_up: Vec<Line> = given_up.collect();
        self.text.lines(table::RABBITMQ, table::DEAD_LETTERS.metrics, &given_up);
        let (sizes, labels) = (total.sizes, [PROTOCOL]);
        let histogram = (&SIZE_BOUNDS[..], &sizes.messages[..], sizes.bytes);
        self.text.histogram(table::RABBITMQ, &table::SIZES, &labels, histogram);
        let pressure = u64::from(broker.log_pressure() == Pressure::High);
        self.node(table::OWN, &[broker.memory_used_bytes(), pressure]);
        let spans = broker.spans().map(|spans| spans.counts()).unwrap_or_default();
        self.node(
            table::OTEL,
            &[spans.sent, spans.dropped, spans.untracked, spans.waiting, spans.followed],
        );
    }

    fn node(&mut self, family: Family, values: &[u64]) {
        let line = Line::new(&[], values.iter().map(|value| float(*value)));
        self.text.lines(family.prefix, family.metrics, &[line]);
    }

    /// A family of the node.
    fn family(&mut self, family: Family, page: Page) {
        let management = Arc::clone(&self.management);
        let (facts, broker) = (&management.facts, &management.broker);
        let values = if family.name == table::CHURN.name {
            let churn = broker.churn();
            vec![
                churn.connections_opened,
                churn.connections_closed,
                churn.channels_opened,
                churn.channels_closed,
                churn.queues_declared,
                churn.queues_created,
                churn.queues_deleted,
            ]
        } else if family.name == table::NODE_COARSE.name {
            let node = NodeSample::look(broker, facts.data_folder.as_deref());
            vec![node.files, node.sockets, node.memory_bytes, node.disk_free_bytes]
        } else {
            let files_max = Process::files_max();
            let uptime_s = broker.clock().now().since(facts.started) / 1000;
            let (memory, disk) =
                (broker.memory_watermark_bytes(), self.management.control.disk_free_bytes_min());
            vec![files_max, files_max, memory, disk, uptime_s]
        };
        let line = Line::new(&[], values.into_iter().map(float));
        self.text.lines(prefix(family, page), family.metrics, &[line]);
    }

    /// Families of things.
    fn things(&mut self, families: &[Family], page: Page, vhosts: &[&str]) {
        let of = |of: Of| -> Vec<Family> {
            families.iter().filter(|family| family.of == of).copied().collect()
        };
        let (queues, lags) = (of(Of::Queue), of(Of::Lag));
        if !queues.is_empty() || !lags.is_empty() {
            self.queues(&queues, &lags, page, vhosts);
        }
        for (families, things) in [
            (of(Of::Exchange), Self::exchanges as fn(&mut Self, &[Family], Page, &[&str])),
            (of(Of::Connection), Self::connections),
            (of(Of::Channel), Self::channels),
        ] {
            if !families.is_empty() {
                things(self, &families, page, vhosts);
            }
        }
    }

    fn queues(&mut self, families: &[Family], lags: &[Family], page: Page, vhosts: &[&str]) {
        let now = self.management.broker.clock().now();
        let mut cells: Vec<(VhostName, Arc<Cell>)> = Vec::new();
        for vhost in self.vhosts(vhosts) {
            let queues = vhost.list_queues().into_iter();
            cells.extend(queues.map(|cell| (vhost.name().clone(), cell)));
        }
        if page == Page::Aggregated {
            // What went through queues that are gone is in the sums as well.
            let sums = self.management.broker.queue_sums();
            let numbers = QueueNumbers { levels: sums.total_live().levels, ..sums.total() };
            for family in families {
                let line = Line::new(&[], queue_values(*family, &numbers));
                self.text.lines(prefix(*family, page), family.metrics, &[line]);
            }
            let oldest = cells.iter().map(|(_, cell)| lag_values(cell.lag(now)));
            let oldest = oldest.fold([0.0_f64; 2], |a, b| [a[0].max(b[0]), a[1].max(b[1])]);
            for family in lags {
                let line = Line::new(&[], oldest);
                self.text.lines(family.prefix, family.metrics, &[line]);
            }
            return;
        }
        let mut queues: Vec<_> = cells
            .into_iter()
            .map(|(vhost, cell)| {
                let numbers = cell.numbers();
                (vhost, cell, numbers)
            })
            .collect();
        let left_out = busiest(&mut queues, self.most(), |(_, _, numbers)| {
            let levels = numbers.levels;
            let moved = numbers.traffic.publish + numbers.traffic.deliver_get();
            (levels.ready + levels.unacknowledged).saturating_add(moved)
        });
        self.left_out.push(("queue", left_out));
        let labels = |vhost: &VhostName, cell: &Cell, values: Vec<f64>| {
            let name = cell.info().name.as_str();
            Line::new(&[("vhost", vhost.as_str()), ("queue", name)], values)
        };
        for family in families {
            let values = |numbers: &QueueNumbers| queue_values(*family, numbers);
            let lines: Vec<Line> = queues
                .iter()
                .map(|(vhost, cell, numbers)| labels(vhost, cell, values(numbers)))
                .collect();
            self.text.lines(prefix(*family, page), family.metrics, &lines);
        }
        for family in lags {
            let lines: Vec<Line> = queues
                .iter()
                .map(|(vhost, cell, _)| labels(vhost, cell, lag_values(cell.lag(now)).to_vec()))
                .collect();
            self.text.lines(family.prefix, family.metrics, &lines);
        }
    }

    fn exchanges(&mut self, families: &[Family], page: Page, vhosts: &[&str]) {
        let values = |family: &Family, counts: &ExchangeCounts| match family.prefix {
            table::HAREMQ => vec![float(counts.publish_out)],
            _ => vec![float(counts.publish_in)],
        };
        if page == Page::Aggregated {
            let sums = self.management.broker.exchange_sums().total();
            for family in families {
                let line = Line::new(&[], values(family, &sums));
                self.text.lines(prefix(*family, page), family.metrics, &[line]);
            }
            return;
        }
        let mut exchanges = Vec::new();
        for vhost in self.vhosts(vhosts) {
            let counts = vhost.exchange_counts().into_iter();
            exchanges.extend(counts.map(|(name, counts)| (vhost.name().clone(), name, counts)));
        }
        let left_out = busiest(&mut exchanges, self.most(), |(.., counts)| counts.publish_in);
        self.left_out.push(("exchange", left_out));
        for family in families {
            let line = |(vhost, name, counts): &(VhostName, crate::base::ExchangeName, _)| {
                let labels = [("vhost", vhost.as_str()), ("exchange", name.as_str())];
                Line::new(&labels, values(family, counts))
            };
            let lines: Vec<Line> = exchanges.iter().map(line).collect();
            self.text.lines(prefix(*family, page), family.metrics, &lines);
        }
    }

    fn connections(&mut self, families: &[Family], page: Page, vhosts: &[&str]) {
        let broker = Arc::clone(&self.management.broker);
        if page == Page::Aggregated {
            let sums = broker.connection_sums().total();
            for family in families {
                let line = Line::new(&[], connection_values(*family, &sums));
                self.text.lines(prefix(*family, page), family.metrics, &[line]);
            }
            return;
        }
        let counts = broker.connection_counts();
        let mut connections: Vec<_> = broker
            .open_connections()
            .into_iter()
            .filter(|info| is_wanted(&info.vhost, vhosts))
            .filter_map(|info| Some((info.name(), *counts.get(&info.id)?)))
            .collect();
        let left_out = busiest(&mut connections, self.most(), |(_, counts)| {
            counts.received_bytes + counts.sent_bytes
        });
        self.left_out.push(("connection", left_out));
        for family in families {
            let line = |(name, counts): &(String, ConnectionCounts)| {
                Line::new(&[("connection", name)], connection_values(*family, counts))
            };
            let lines: Vec<Line> = connections.iter().map(line).collect();
            self.text.lines(prefix(*family, page), family.metrics, &lines);
        }
    }

    fn channels(&mut self, families: &[Family], page: Page, vhosts: &[&str]) {
        let broker = Arc::clone(&self.management.broker);
        if page == Page::Aggregated {
            // How channels stand is a sum over those that are open.
            let sums = broker.channel_sums();
            let sums = ChannelTotals { levels: sums.total_live().levels, ..sums.total() };
            for family in families {
                let line = Line::new(&[], channel_values(*family, &sums));
                self.text.lines(prefix(*family, page), family.metrics, &[line]);
            }
            return;
        }
        // Channels of requests to the management have no connection that is told of.
        let mut channels: Vec<_> = broker
            .counting_channels()
            .into_iter()
            .filter(|(vhost, _)| is_wanted(vhost, vhosts))
            .filter_map(|(vhost, open)| {
                let connection = broker.open_connection(open.connection)?;
                let name = format!("{} ({})", connection.name(), open.channel.0);
                Some((name, vhost, open.counts()))
            })
            .collect();
        let left_out = busiest(&mut channels, self.most(), |(.., totals)| {
            totals.counts.publish + totals.counts.deliver_get()
        });
        self.left_out.push(("channel", left_out));
        for family in families {
            let line = |(name, vhost, totals): &(String, VhostName, ChannelTotals)| {
                let labels = [("channel", name.as_str()), ("vhost", vhost.as_str())];
                Line::new(&labels, channel_values(*family, totals))
            };
            let lines: Vec<Line> = channels.iter().map(line).collect();
            self.text.lines(prefix(*family, page), family.metrics, &lines);
        }
    }

    fn vhosts(&self, wanted: &[&str]) -> Vec<Arc<Vhost>> {
        let mut all = self.management.broker.all_vhosts();
        all.retain(|vhost| is_wanted(vhost.name(), wanted));
        all
    }

    fn most(&self) -> usize {
        self.management.metrics.objects_max
    }
}

fn is_wanted(vhost: &VhostName, wanted: &[&str]) -> bool {
    wanted.is_empty() || wanted.contains(&vhost.as_str())
}

fn prefix(family: Family, page: Page) -> &'static str {
    match (page, family.prefix) {
        (Page::Detailed, table::RABBITMQ) => table::DETAILED,
        (_, prefix) => prefix,
    }
}

fn global_by_type(traffic: &Traffic) -> [u64; 8] {
    [
        traffic.deliver_get(),
        traffic.deliver,
        traffic.deliver_no_ack,
        traffic.get,
        traffic.get_no_ack,
        traffic.get_empty,
        traffic.redeliver,
        traffic.ack,
    ]
}

/// Only what is kept until it is taken has a number of those that were.
fn given_up(counts: &DeadLetterCounts, strategy: Strategy) -> Vec<f64> {
    let of = counts.of(strategy);
    let mut values = vec![of.max_len, of.expired, of.rejected, of.delivery_limit];
    if strategy == Strategy::AtLeastOnce {
        values.push(counts.confirmed);
    }
    values.into_iter().map(float).collect()
}

fn queue_values(family: Family, numbers: &QueueNumbers) -> Vec<f64> {
    let QueueNumbers { traffic, levels, .. } = numbers;
    let values: &[u64] = if family.name == table::QUEUE_COARSE.name {
        &[levels.ready, levels.unacknowledged, levels.ready + levels.unacknowledged]
    } else if family.name == table::QUEUE_CONSUMERS.name {
        &[levels.consumers]
    } else if family.name == table::QUEUE.name {
        &[
            levels.ram_bytes,
            levels.ram_bytes,
            levels.ready_bytes + levels.unacknowledged_bytes,
            levels.ready_bytes,
            levels.unacknowledged_bytes,
        ]
    } else if family.name == table::QUEUE_DELIVERY.name {
        &[
            traffic.get,
            traffic.get_no_ack,
            traffic.deliver,
            traffic.deliver_no_ack,
            traffic.redeliver,
            traffic.ack,
            traffic.get_empty,
        ]
    } else {
        &[traffic.publish]
    };
    values.iter().map(|value| float(*value)).collect()
}

/// In seconds; 0 where there is no such message.
fn lag_values(lag: Lag) -> [f64; 2] {
    let seconds = |ms: Option<u64>| float(ms.unwrap_or_default()) / 1000.0;
    [seconds(lag.oldest_ready_ms), seconds(lag.oldest_unacknowledged_ms)]
}

fn connection_values(family: Family, counts: &ConnectionCounts) -> Vec<f64> {
    if family.name == table::CONNECTION_COARSE.name {
        vec![float(counts.received_bytes), float(counts.sent_bytes)]
    } else {
        vec![float(counts.reads), float(counts.writes)]
    }
}

fn channel_values(family: Family, totals: &ChannelTotals) -> Vec<f64> {
    let ChannelTotals { counts, levels, .. } = totals;
    let values: &[u64] = if family.name == table::CHANNEL.name {
        &[
            levels.consumers,
            levels.unacked,
            levels.unconfirmed,
            levels.uncommitted,
            levels.acks_uncommitted,
            levels.prefetch,
            levels.global_prefetch,
        ]
    } else if family.name == table::CHANNEL_PUBLISH.name {
        &[counts.publish, counts.confirm, counts.return_unroutable, counts.drop_unroutable]
    } else {
        &[
            counts.get,
            counts.get_no_ack,
            counts.deliver,
            counts.deliver_no_ack,
            counts.redeliver,
            counts.ack,
            counts.get_empty,
        ]
    };
    values.iter().map(|value| float(*value)).collect()
}
