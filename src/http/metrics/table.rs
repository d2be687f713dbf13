//! Every metric. Pure.

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A 1 whose labels are what it says.
    Info,
    /// Counts by size.
    Histogram,
}

impl Kind {
    /// As the format calls it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            // rabbitmq: the format has no word for these.
            Self::Info => "untyped",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric: its name without a prefix, what it is, and a sentence about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help }
}

/// Metrics that are read together, under RabbitMQ's name for them. Those of a thing are sums on `/metrics`, and have a
/// line for each thing on `/metrics/per-object` and `/metrics/detailed`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// `family=` of `/metrics/detailed`; those with none are served on the other pages only.
    pub(super) name: &'static str,
    /// What stands before each name: `rabbitmq_`, and `rabbitmq_detailed_` on that page, or `haremq_` everywhere.
    pub(super) prefix: &'static str,
    /// What a line of its own is for.
    pub(super) of: Of,
    /// In the order of the values that are collected.
    pub(super) metrics: &'static [Metric],
}

/// What the metrics of a family are told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    Node,
    Queue,
    /// Ages of messages in queues; together they are the highest, not the sum.
    Lag,
    Exchange,
    Connection,
    Channel,
}

/// RabbitMQ's prefix.
pub(super) const RABBITMQ: &str = "rabbitmq_";

/// RabbitMQ's prefix on `/metrics/detailed`.
pub(super) const DETAILED: &str = "rabbitmq_detailed_";

/// The prefix of what RabbitMQ does not have.
pub(super) const HAREMQ: &str = "haremq_";

/// On every page.
pub(super) const INFO: &[Metric] = &[
    Metric { name: "build_info", kind: Kind::Info, help: "Versions, as labels" },
    Metric { name: "identity_info", kind: Kind::Info, help: "Node and cluster, as labels" },
];

/// Families of a node, in the order of the page.
pub(super) const CHURN: Family = Family {
    name: "connection_churn_metrics",
    prefix: RABBITMQ,
    of: Of::Node,
    metrics: &[
        counter("connections_opened_total", "Connections that opened a virtual host"),
        counter("connections_closed_total", "Connections that ended"),
        counter("channels_opened_total", "Channels that were opened"),
        counter("channels_closed_total", "Channels that ended"),
        counter("queues_declared_total", "Declares of queues"),
        counter("queues_created_total", "Queues that were new"),
        counter("queues_deleted_total", "Queues that were deleted"),
    ],
};

pub(super) const NODE_COARSE: Family = Family {
    name: "node_coarse_metrics",
    prefix: RABBITMQ,
    of: Of::Node,
    metrics: &[
        gauge("process_open_fds", "Open files and sockets"),
        gauge("process_open_tcp_sockets", "Open sockets"),
        gauge("process_resident_memory_bytes", "Memory in RAM"),
        gauge("disk_space_available_bytes", "Free space on the disk of the data folder"),
    ],
};

pub(super) const NODE: Family = Family {
    name: "node_metrics",
    prefix: RABBITMQ,
    of: Of::Node,
    metrics: &[
        gauge("process_max_fds", "Files and sockets that may be open"),
        gauge("process_max_tcp_sockets", "Sockets that may be open"),
        gauge(
            "resident_memory_limit_bytes",
            "Message bytes in RAM at which publishers are blocked",
        ),
        gauge(
            "disk_space_available_limit_bytes",
            "Free space below which publishers are held back",
        ),
        gauge("erlang_uptime_seconds", "Time since the start; nothing here is Erlang"),
    ],
};

/// Sums that are no family: on `/metrics` and `/metrics/per-object`.
pub(super) const TOTALS: Family = Family {
    name: "",
    prefix: RABBITMQ,
    of: Of::Node,
    metrics: &[
        gauge("connections", "Open connections"),
        gauge("channels", "Open channels"),
        gauge("consumers", "Consumers"),
        gauge("queues", "Queues"),
        gauge("alarms_memory_used_watermark", "1 while publishers are blocked for memory"),
        gauge("alarms_free_disk_space_watermark", "1 while publishers are blocked for the disk"),
        gauge("alarms_file_descriptor_limit", "Always 0: there is no such alarm"),
    ],
};

/// With the label `protocol`; on `/metrics` and `/metrics/per-object`.
pub(super) const GLOBAL: Family = Family {
    name: "",
    prefix: RABBITMQ,
    of: Of::Node,
    metrics: &[
        counter("global_messages_received_total", "Publishes"),
        counter("global_messages_received_confirm_total", "Publishes that are to be confirmed"),
        counter("global_messages_confirmed_total", "Publishes that were confirmed"),
        counter("global_messages_routed_total", "Queues that publishes reached, added up"),
        counter(
            "global_messages_unroutable_returned_total",
            "Mandatory publishes that reached no queue",
        ),
        counter(
            "global_messages_unroutable_dropped_total",
            "Other publishes that reached no queue",
        ),
        gauge("global_publishers", "Open channels that have published"),
        gauge("global_consumers", "Consumers"),
    ],
};

/// With the labels `protocol` and `queue_type`; on `/metrics` and `/metrics/per-object`.
pub(super) const GLOBAL_BY_TYPE: Family = Family {
    name: "",
    prefix: RABBITMQ,
    of: Of::Node,
    metrics: &[
        counter(
            "global_messages_delivered_total",
            "Messages handed out, to consumers and to basic.get",
        ),
        counter(
            "global_messages_delivered_consume_manual_ack_total",
            "Deliveries that are to be acknowledged",
        ),
        counter("global_messages_delivered_consume_auto_ack_total", "Deliveries that are not"),
        counter(
            "global_messages_delivered_get_manual_ack_total",
            "Fetched messages that are to be acknowledged",
        ),
        counter("global_messages_delivered_get_auto_ack_total", "Fetched messages that are not"),
        counter("global_messages_get_empty_total", "Fetches that found nothing"),
        counter("global_messages_redelivered_total", "Messages handed out once more"),
        counter("global_messages_acknowledged_total", "Messages acknowledged"),
    ],
};

/// With the label `protocol`; on `/metrics` and `/metrics/per-object`.
pub(super) const SIZES: Metric = Metric {
    name: "message_size_bytes",
    kind: Kind::Histogram,
    help: "Bodies of publishes by size",
};

pub(super) const QUEUE_COARSE: Family = Family {
    name: "queue_coarse_metrics",
    prefix: RABBITMQ,
    of: Of::Queue,
    metrics: &[
        gauge("queue_messages_ready", "Messages that wait"),
        gauge("queue_messages_unacked", "Messages that were handed out and not settled"),
        gauge("queue_messages", "Both together"),
    ],
};

pub(super) const QUEUE_CONSUMERS: Family = Family {
    name: "queue_consumer_count",
    prefix: RABBITMQ,
    of: Of::Queue,
    metrics: &[gauge("queue_consumers", "Consumers")],
};

pub(super) const QUEUE: Family = Family {
    name: "queue_metrics",
    prefix: RABBITMQ,
    of: Of::Queue,
    metrics: &[
        gauge("queue_process_memory_bytes", "Bytes of its messages in RAM"),
        gauge("queue_messages_ram_bytes", "The same"),
        gauge("queue_messages_bytes", "Bytes of its messages, with what a message costs"),
        gauge("queue_messages_ready_bytes", "Bytes of messages that wait"),
        gauge(
            "queue_messages_unacked_bytes",
            "Bytes of messages that were handed out and not settled",
        ),
    ],
};

pub(super) const QUEUE_DELIVERY: Family = Family {
    name: "queue_delivery_metrics",
    prefix: RABBITMQ,
    of: Of::Queue,
    metrics: &[
        counter("queue_get_ack_total", "Fetched messages that are to be acknowledged"),
        counter("queue_get_total", "Fetched messages that are not"),
        counter("queue_messages_delivered_ack_total", "Deliveries that are to be acknowledged"),
        counter("queue_messages_delivered_total", "Deliveries that are not"),
        counter("queue_messages_redelivered_total", "Messages handed out once more"),
        counter("queue_messages_acked_total", "Messages acknowledged"),
        counter("queue_get_empty_total", "Fetches that found nothing"),
    ],
};

pub(super) const QUEUE_PUBLISH: Family = Family {
    name: "channel_queue_exchange_metrics",
    prefix: RABBITMQ,
    of: Of::Queue,
    metrics: &[counter("queue_messages_published_total", "Messages that came in")],
};

pub(super) const QUEUE_LAG: Family = Family {
    name: "haremq_queue_lag",
    prefix: HAREMQ,
    of: Of::Lag,
    metrics: &[
        gauge("queue_oldest_ready_seconds", "Since the message that is handed out next came"),
        gauge(
            "queue_oldest_unacked_seconds",
            "Since the unsettled message that was handed out first was",
        ),
    ],
};

pub(super) const EXCHANGE: Family = Family {
    name: "exchange_metrics",
    prefix: RABBITMQ,
    of: Of::Exchange,
    metrics: &[counter("exchange_messages_published_total", "Messages published to it")],
};

pub(super) const EXCHANGE_ROUTED: Family = Family {
    name: "haremq_exchange_routed",
    prefix: HAREMQ,
    of: Of::Exchange,
    metrics: &[counter("exchange_messages_routed_total", "Queues that these reached, added up")],
};

pub(super) const CONNECTION_COARSE: Family = Family {
    name: "connection_coarse_metrics",
    prefix: RABBITMQ,
    of: Of::Connection,
    metrics: &[
        counter("connection_incoming_bytes_total", "Bytes that came in"),
        counter("connection_outgoing_bytes_total", "Bytes that went out"),
    ],
};

pub(super) const CONNECTION: Family = Family {
    name: "connection_metrics",
    prefix: RABBITMQ,
    of: Of::Connection,
    metrics: &[
        counter("connection_incoming_packets_total", "Reads that brought something"),
        counter("connection_outgoing_packets_total", "Writes that took something"),
    ],
};

pub(super) const CHANNEL: Family = Family {
    name: "channel_metrics",
    prefix: RABBITMQ,
    of: Of::Channel,
    metrics: &[
        gauge("channel_consumers", "Consumers"),
        gauge("channel_messages_unacked", "Deliveries that were not settled"),
        gauge("channel_messages_unconfirmed", "Publishes that wait for a confirm"),
        gauge("channel_messages_uncommitted", "Publishes that wait for a commit"),
        gauge("channel_acks_uncommitted", "Settlements that wait for a commit"),
        gauge("channel_prefetch", "Prefetch for each consumer; 0: no limit"),
        gauge("channel_global_prefetch", "Prefetch for all consumers together; 0: no limit"),
    ],
};

pub(super) const CHANNEL_PUBLISH: Family = Family {
    name: "channel_exchange_metrics",
    prefix: RABBITMQ,
    of: Of::Channel,
    metrics: &[
        counter("channel_messages_published_total", "Publishes"),
        counter("channel_messages_confirmed_total", "Publishes that were confirmed"),
        counter(
            "channel_messages_unroutable_returned_total",
            "Mandatory publishes that reached no queue",
        ),
        counter(
            "channel_messages_unroutable_dropped_total",
            "Other publishes that reached no queue",
        ),
    ],
};

pub(super) const CHANNEL_DELIVERY: Family = Family {
    name: "channel_queue_metrics",
    prefix: RABBITMQ,
    of: Of::Channel,
    metrics: &[
        counter("channel_get_ack_total", "Fetched messages that are to be acknowledged"),
        counter("channel_get_total", "Fetched messages that are not"),
        counter("channel_messages_delivered_ack_total", "Deliveries that are to be acknowledged"),
        counter("channel_messages_delivered_total", "Deliveries that are not"),
        counter("channel_messages_redelivered_total", "Messages handed out once more"),
        counter("channel_messages_acked_total", "Messages acknowledged"),
        counter("channel_get_empty_total", "Fetches that found nothing"),
    ],
};

/// With the labels `queue_type` and `dead_letter_strategy`; on `/metrics` and `/metrics/per-object`.
pub(super) const DEAD_LETTERS: Family = Family {
    name: "",
    prefix: RABBITMQ,
    of: Of::Node,
    metrics: &[
        counter(
            "global_messages_dead_lettered_maxlen_total",
            "Messages given up because the queue was too long",
        ),
        counter(
            "global_messages_dead_lettered_expired_total",
            "Messages given up because they waited too long",
        ),
        counter(
            "global_messages_dead_lettered_rejected_total",
            "Messages given up because a consumer rejected them",
        ),
        counter(
            "global_messages_dead_lettered_delivery_limit_total",
            "Messages given up because they were returned too often",
        ),
        counter(
            "global_messages_dead_lettered_confirmed_total",
            "Messages given up that all queues they were sent to have taken",
        ),
    ],
};

/// HareMQ's own, on every page but `/metrics/memory-breakdown`; the first with the label `kind`.
pub(super) const LEFT_OUT: Metric = gauge(
    "metrics_objects_left_out",
    "Things without lines of their own on this page, by kind: haremq.prometheus.objects_max",
);

/// On `/metrics` and `/metrics/per-object`.
pub(super) const OWN: Family = Family {
    name: "",
    prefix: HAREMQ,
    of: Of::Node,
    metrics: &[
        gauge("messages_ram_bytes", "Message bytes in RAM, against the watermark"),
        gauge("log_pressure", "1 while the message log has more to write than it likes to hold"),
    ],
};

/// On `/metrics` and `/metrics/per-object`; all 0 while nothing is traced.
pub(super) const OTEL: Family = Family {
    name: "",
    prefix: HAREMQ,
    of: Of::Node,
    metrics: &[
        counter("otel_spans_sent_total", "Spans that the collector has"),
        counter("otel_spans_dropped_total", "Spans that the collector did not get"),
        counter("otel_messages_untracked_total", "Stays in queues without spans, for want of room"),
        gauge("otel_spans_waiting", "Spans that wait to be sent"),
        gauge("otel_messages_followed", "Stays in queues that are followed for their spans"),
    ],
};

/// On `/metrics/memory-breakdown`.
pub(super) const MEMORY: Family = Family {
    name: "",
    prefix: RABBITMQ,
    of: Of::Node,
    metrics: &[
        gauge("memory_binary_bytes", "Message bytes in RAM"),
        gauge("memory_other_system_bytes", "Everything else in RAM"),
    ],
};

/// The families that tell of things, and those of the node that have a name.
pub(super) const FAMILIES: &[Family] = &[
    CHURN,
    NODE_COARSE,
    NODE,
    QUEUE_COARSE,
    QUEUE_CONSUMERS,
    QUEUE,
    QUEUE_DELIVERY,
    QUEUE_PUBLISH,
    QUEUE_LAG,
    EXCHANGE,
    EXCHANGE_ROUTED,
    CONNECTION_COARSE,
    CONNECTION,
    CHANNEL,
    CHANNEL_PUBLISH,
    CHANNEL_DELIVERY,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every metric with its prefix and its family, as `/metrics` calls it.
    fn all() -> Vec<(String, &'static str, Metric)> {
        let families = FAMILIES.iter().chain(&[
            TOTALS,
            GLOBAL,
            GLOBAL_BY_TYPE,
            DEAD_LETTERS,
            OWN,
            OTEL,
            MEMORY,
        ]);
        let of_families = families.flat_map(|family| {
            family.metrics.iter().map(|metric| (family.prefix, family.name, *metric))
        });
        let single = [
            (RABBITMQ, "", INFO[0]),
            (RABBITMQ, "", INFO[1]),
            (RABBITMQ, "", SIZES),
            (HAREMQ, "", LEFT_OUT),
        ];
        let all = of_families.chain(single);
        all.map(|(prefix, family, metric)| (format!("{prefix}{}", metric.name), family, metric))
            .collect()
    }

    #[test]
    fn names_are_unique_and_say_what_they_are() {
        let names: BTreeSet<String> = all().into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), all().len());
        for (name, _, metric) in all() {
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(!metric.help.contains(['\\', '\n']), "{name}");
        }
    }

    /// What stands before the rows: no other table there has as many columns.
    const RULE: &str = "| --- | --- | --- | --- |\n";

    /// With `HAREMQ_WRITE_DOCS=1` it writes the table instead.
    #[test]
    fn the_documentation_has_a_row_for_each_metric_and_no_other() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        let text = std::fs::read_to_string(path).expect("docs/metrics.md");
        let rows: Vec<String> = all()
            .into_iter()
            .map(|(name, family, metric)| {
                let family =
                    if family.is_empty() { "–".to_owned() } else { format!("`{family}`") };
                format!("| `{name}` | {} | {family} | {} |", metric.kind.as_str(), metric.help)
            })
            .collect();
        let (before, table) = text.split_once(RULE).expect("a table");
        if std::env::var_os("HAREMQ_WRITE_DOCS").is_some() {
            let rows = rows.join("\n");
            std::fs::write(path, format!("{before}{RULE}{rows}\n")).expect("written");
            return;
        }
        let written: Vec<&str> = table.lines().collect();
        assert_eq!(written, rows, "see docs/metrics.md");
    }
}
