//! The metrics of the real program, scraped as Prometheus does.

use std::collections::BTreeMap;

use serde_json::json;

use super::expect;
use crate::support::methods::{DURABLE, basic, confirm, queue};
use crate::support::{Broker, Http, RawClient, Table, id};

/// A page as it was scraped: types by name, values by name and labels.
#[derive(Default)]
pub(super) struct Scraped {
    types: BTreeMap<String, String>,
    pub(super) values: BTreeMap<String, f64>,
}

impl Scraped {
    pub(super) fn of(broker: &Broker, path: &str) -> Self {
        let answer = Http::new(broker.metrics()).get(path);
        expect(&answer, 200);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let text = String::from_utf8(answer.body).expect("UTF-8");
        let mut page = Self::default();
        for line in text.lines() {
            if let Some(named) = line.strip_prefix("# TYPE ") {
                let (name, kind) = named.split_once(' ').expect("a type");
                let twin = page.types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(twin, None, "{name} stands in one place");
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').expect("a value");
                let value = value.parse().expect("a number");
                assert_eq!(page.values.insert(name.to_owned(), value), None, "{name} stands once");
            }
        }
        page
    }

    /// The sum of a metric over its labels.
    pub(super) fn sum(&self, name: &str) -> f64 {
        let of_it = |key: &str| key.split('{').next() == Some(name);
        self.values.iter().filter(|(key, _)| of_it(key)).map(|(_, value)| value).sum()
    }

    fn has(&self, name: &str) -> bool {
        self.values.keys().any(|key| key.split('{').next() == Some(name))
    }

    /// The labels of each line of a metric, as they are written.
    fn labels_of(&self, name: &str) -> Vec<&str> {
        let of_it = self.values.keys().filter(|key| key.split('{').next() == Some(name));
        of_it.map(|key| &key[name.len()..]).collect()
    }

    /// How many lines a metric has.
    fn lines(&self, name: &str) -> usize {
        self.values.keys().filter(|key| key.split('{').next() == Some(name)).count()
    }
}

/// Everything that the official RabbitMQ-Overview dashboard (10991 at Grafana) reads, and its type: first what it reads
/// since there are `rabbitmq_global_…`, then what its editions before read instead.
const DASHBOARD: &[(&str, &str)] = &[
    ("rabbitmq_build_info", "untyped"),
    ("rabbitmq_identity_info", "untyped"),
    ("rabbitmq_erlang_uptime_seconds", "gauge"),
    ("rabbitmq_queues", "gauge"),
    ("rabbitmq_connections", "gauge"),
    ("rabbitmq_channels", "gauge"),
    ("rabbitmq_queue_messages_ready", "gauge"),
    ("rabbitmq_queue_messages_unacked", "gauge"),
    ("rabbitmq_process_resident_memory_bytes", "gauge"),
    ("rabbitmq_resident_memory_limit_bytes", "gauge"),
    ("rabbitmq_disk_space_available_bytes", "gauge"),
    ("rabbitmq_disk_space_available_limit_bytes", "gauge"),
    ("rabbitmq_process_open_fds", "gauge"),
    ("rabbitmq_process_max_fds", "gauge"),
    ("rabbitmq_connections_opened_total", "counter"),
    ("rabbitmq_connections_closed_total", "counter"),
    ("rabbitmq_channels_opened_total", "counter"),
    ("rabbitmq_channels_closed_total", "counter"),
    ("rabbitmq_queues_declared_total", "counter"),
    ("rabbitmq_queues_created_total", "counter"),
    ("rabbitmq_queues_deleted_total", "counter"),
    ("rabbitmq_global_messages_received_total", "counter"),
    ("rabbitmq_global_messages_received_confirm_total", "counter"),
    ("rabbitmq_global_messages_confirmed_total", "counter"),
    ("rabbitmq_global_messages_routed_total", "counter"),
    ("rabbitmq_global_messages_unroutable_returned_total", "counter"),
    ("rabbitmq_global_messages_unroutable_dropped_total", "counter"),
    ("rabbitmq_global_messages_delivered_total", "counter"),
    ("rabbitmq_global_messages_delivered_consume_auto_ack_total", "counter"),
    ("rabbitmq_global_messages_delivered_consume_manual_ack_total", "counter"),
    ("rabbitmq_global_messages_delivered_get_auto_ack_total", "counter"),
    ("rabbitmq_global_messages_delivered_get_manual_ack_total", "counter"),
    ("rabbitmq_global_messages_get_empty_total", "counter"),
    ("rabbitmq_global_messages_redelivered_total", "counter"),
    ("rabbitmq_global_messages_acknowledged_total", "counter"),
    ("rabbitmq_global_publishers", "gauge"),
    ("rabbitmq_global_consumers", "gauge"),
    ("rabbitmq_message_size_bytes", "histogram"),
    ("rabbitmq_process_max_tcp_sockets", "gauge"),
    ("rabbitmq_process_open_tcp_sockets", "gauge"),
    ("rabbitmq_queue_messages_published_total", "counter"),
    ("rabbitmq_channel_consumers", "gauge"),
    ("rabbitmq_channel_messages_published_total", "counter"),
    ("rabbitmq_channel_messages_confirmed_total", "counter"),
    ("rabbitmq_channel_messages_unconfirmed", "gauge"),
    ("rabbitmq_channel_messages_unroutable_dropped_total", "counter"),
    ("rabbitmq_channel_messages_unroutable_returned_total", "counter"),
    ("rabbitmq_channel_messages_delivered_total", "counter"),
    ("rabbitmq_channel_messages_delivered_ack_total", "counter"),
    ("rabbitmq_channel_messages_redelivered_total", "counter"),
    ("rabbitmq_channel_messages_acked_total", "counter"),
    ("rabbitmq_channel_get_total", "counter"),
    ("rabbitmq_channel_get_ack_total", "counter"),
    ("rabbitmq_channel_get_empty_total", "counter"),
];

/// What the dashboard adds to each other or subtracts: a pair gives a value only where the labels of both are the same.
const PAIRED: &[(&str, &str)] = &[
    ("rabbitmq_resident_memory_limit_bytes", "rabbitmq_process_resident_memory_bytes"),
    ("rabbitmq_process_max_fds", "rabbitmq_process_open_fds"),
    ("rabbitmq_process_max_tcp_sockets", "rabbitmq_process_open_tcp_sockets"),
    ("rabbitmq_global_messages_received_confirm_total", "rabbitmq_global_messages_confirmed_total"),
    (
        "rabbitmq_global_messages_delivered_consume_auto_ack_total",
        "rabbitmq_global_messages_delivered_consume_manual_ack_total",
    ),
    ("rabbitmq_channel_messages_delivered_total", "rabbitmq_channel_messages_delivered_ack_total"),
];

/// What the dashboard joins everything with, and the labels that it takes over from there.
const JOINED: &[(&str, &[&str])] = &[
    ("rabbitmq_identity_info", &["rabbitmq_cluster", "rabbitmq_node", "rabbitmq_endpoint"]),
    (
        "rabbitmq_build_info",
        &[
            "rabbitmq_version",
            "erlang_version",
            "prometheus_client_version",
            "prometheus_plugin_version",
        ],
    ),
];

/// Labels that Prometheus gives itself; one of the same name would be renamed by it.
const OF_PROMETHEUS: &[&str] = &["instance", "job", "namespace"];

#[test]
fn the_overview_dashboard_finds_everything_that_it_reads() {
    let broker = Broker::start(&[]);
    for path in ["/metrics", "/metrics/per-object"] {
        let mut client = RawClient::with_channel_on(&broker);
        client.declare(1, &queue::declare(format!("of {path}")));
        let page = Scraped::of(&broker, path);
        for (name, kind) in DASHBOARD {
            assert_eq!(page.types.get(*name).map(String::as_str), Some(*kind), "{path}: {name}");
            let parts: &[&str] =
                if *kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            for part in parts {
                assert!(page.has(&format!("{name}{part}")), "{path}: {name}{part} has a value");
            }
        }
        for bound in [
            "100",
            "1000",
            "10000",
            "100000",
            "1000000",
            "10000000",
            "50000000",
            "100000000",
            "+Inf",
        ] {
            let bucket = format!(
                "rabbitmq_message_size_bytes_bucket{{protocol=\"amqp091\",le=\"{bound}\"}}"
            );
            assert!(page.values.contains_key(&bucket), "{bucket}");
        }
        let endpoint = if path == "/metrics" { "aggregated" } else { "per-object" };
        let identity =
            |key: &&String| key.starts_with("rabbitmq_identity_info{rabbitmq_node=\"rabbit@");
        let key = page.values.keys().find(identity).expect("who it is");
        assert!(key.ends_with(&format!("rabbitmq_endpoint=\"{endpoint}\"}}")), "{key}");
        client.close();
    }
}

#[test]
fn what_the_dashboard_joins_and_subtracts_has_the_labels_for_it() {
    let broker = Broker::start(&[]);
    for path in ["/metrics", "/metrics/per-object", "/metrics/detailed?family=channel_metrics"] {
        let mut client = RawClient::with_channel_on(&broker);
        client.declare(1, &queue::declare(format!("of {path}")));
        let page = Scraped::of(&broker, path);
        let mut taken_over = OF_PROMETHEUS.to_vec();
        for (name, labels) in JOINED {
            let info = page.labels_of(name);
            assert_eq!(info.len(), 1, "{path}: one to join with: {info:?}");
            for label in *labels {
                assert!(info[0].contains(&format!("{label}=\"")), "{path}: {name} has {label}");
            }
            taken_over.extend(*labels);
        }
        for key in
            page.values.keys().filter(|key| JOINED.iter().all(|(name, _)| !key.starts_with(name)))
        {
            for label in &taken_over {
                assert!(
                    !key.contains(&format!("{label}=\"")),
                    "{path}: {key} has a {label} of its own"
                );
            }
        }
        if !path.contains("detailed") {
            for (one, other) in PAIRED {
                assert_eq!(page.labels_of(one), page.labels_of(other), "{path}: {one} and {other}");
                assert!(page.has(one), "{path}: {one}");
            }
            assert_eq!(page.labels_of("rabbitmq_erlang_uptime_seconds"), [""]);
        }
        client.close();
    }
}

/// What the scripted load comes to: what was counted by it alone.
const COUNTED: &[(&str, f64)] = &[
    ("rabbitmq_global_messages_received_total", 9.0),
    ("rabbitmq_global_messages_received_confirm_total", 9.0),
    ("rabbitmq_global_messages_confirmed_total", 9.0),
    ("rabbitmq_global_messages_routed_total", 7.0),
    ("rabbitmq_global_messages_unroutable_returned_total", 1.0),
    ("rabbitmq_global_messages_unroutable_dropped_total", 1.0),
    ("rabbitmq_global_messages_delivered_total", 8.0),
    ("rabbitmq_global_messages_delivered_consume_manual_ack_total", 5.0),
    ("rabbitmq_global_messages_delivered_consume_auto_ack_total", 1.0),
    ("rabbitmq_global_messages_delivered_get_manual_ack_total", 1.0),
    ("rabbitmq_global_messages_delivered_get_auto_ack_total", 1.0),
    ("rabbitmq_global_messages_get_empty_total", 1.0),
    ("rabbitmq_global_messages_redelivered_total", 1.0),
    ("rabbitmq_global_messages_acknowledged_total", 5.0),
    ("rabbitmq_global_publishers", 1.0),
    ("rabbitmq_global_consumers", 1.0),
    ("rabbitmq_message_size_bytes_count", 9.0),
    ("rabbitmq_message_size_bytes_sum", 9.0),
    ("rabbitmq_connections", 2.0),
    ("rabbitmq_channels", 2.0),
    ("rabbitmq_queues", 2.0),
    ("rabbitmq_consumers", 1.0),
    ("rabbitmq_queue_messages_ready", 0.0),
    ("rabbitmq_queue_messages_unacked", 0.0),
    ("rabbitmq_connections_opened_total", 2.0),
    ("rabbitmq_channels_opened_total", 2.0),
    ("rabbitmq_queues_created_total", 2.0),
    ("rabbitmq_exchange_messages_published_total", 9.0),
    ("haremq_exchange_messages_routed_total", 7.0),
    ("rabbitmq_channel_consumers", 1.0),
    ("rabbitmq_channel_messages_published_total", 9.0),
    ("rabbitmq_channel_messages_confirmed_total", 9.0),
    ("rabbitmq_channel_messages_unconfirmed", 0.0),
    ("rabbitmq_channel_messages_unroutable_dropped_total", 1.0),
    ("rabbitmq_channel_messages_unroutable_returned_total", 1.0),
    ("rabbitmq_channel_messages_delivered_total", 1.0),
    ("rabbitmq_channel_messages_delivered_ack_total", 5.0),
    ("rabbitmq_channel_messages_redelivered_total", 1.0),
    ("rabbitmq_channel_messages_unacked", 0.0),
    ("rabbitmq_channel_get_total", 1.0),
    ("rabbitmq_channel_get_ack_total", 1.0),
    ("rabbitmq_channel_get_empty_total", 1.0),
    ("rabbitmq_channel_messages_acked_total", 5.0),
    ("rabbitmq_queue_messages_published_total", 7.0),
];

/// Waits until this publish is confirmed, and with it all before it.
fn confirmed(publisher: &mut RawClient, last: u64) {
    while publisher.expect_ack(1).0 < last {}
}

/// A publisher and a consumer that do everything that is counted; their queues are there and empty afterwards.
fn load(broker: &Broker) -> (RawClient, RawClient) {
    let mut publisher = RawClient::with_channel_on(broker);
    let mut consumer = RawClient::with_channel_on(broker);
    publisher.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    consumer.declare(1, &queue::declare("订单"));
    let quorum = Table::new().text("x-queue-type", "quorum");
    consumer.declare(1, &queue::declare("quorum").with(DURABLE).arguments(quorum));
    for _ in 0..3 {
        publisher.publish(1, "", "订单", "x");
    }
    confirmed(&mut publisher, 3);
    publisher.send_publish(1, &basic::publish("", "nowhere").with(basic::MANDATORY), &[0, 0], "x");
    publisher.expect_return(1);
    publisher.publish(1, "", "nowhere", "x");
    confirmed(&mut publisher, 5);
    consumer.consume(1, &basic::consume("订单", "c"));
    let last = consumer.expect_deliveries(1, &["x", "x", "x"])[2];
    consumer.send(1, &basic::ack_up_to(last));
    publisher.publish(1, "", "订单", "x");
    confirmed(&mut publisher, 6);
    let given = consumer.expect_delivery(1);
    consumer.send(1, &basic::nack(given.tag, 2));
    let again = consumer.expect_delivery(1);
    assert!(again.redelivered);
    consumer.send(1, &basic::ack(again.tag));
    consumer.call(1, &basic::cancel("c"), id::BASIC_CANCEL_OK);
    for _ in 0..2 {
        publisher.publish(1, "", "订单", "x");
    }
    confirmed(&mut publisher, 8);
    let fetched = consumer.get(1, "订单").expect("there are two");
    consumer.send(1, &basic::ack(fetched.tag));
    consumer.get_with(1, &basic::get_no_ack("订单")).expect("there is one");
    assert!(consumer.get(1, "订单").is_none());
    consumer.consume(1, &basic::consume("quorum", "auto").with(basic::NO_ACK));
    publisher.publish(1, "", "quorum", "x");
    confirmed(&mut publisher, 9);
    consumer.expect_delivery(1);
    (publisher, consumer)
}

#[test]
fn a_scripted_load_moves_every_metric_by_what_it_did() {
    let broker = Broker::start(&[]);
    let before = Scraped::of(&broker, "/metrics");
    let (publisher, mut consumer) = load(&broker);
    let after = Scraped::of(&broker, "/metrics");
    for (name, counted) in COUNTED {
        let moved = after.sum(name) - before.sum(name);
        assert!((moved - counted).abs() < 0.5, "{name} moved by {moved} and not {counted}");
    }
    let auto = "rabbitmq_global_messages_delivered_consume_auto_ack_total{protocol=\"amqp091\",queue_type=\"rabbit_quorum_queue\"}";
    assert!((after.values[auto] - 1.0).abs() < 0.5, "by type of queue");
    consumer.call(1, &queue::delete("订单"), id::QUEUE_DELETE_OK);
    consumer.close();
    publisher.close();
    // A connection is gone a moment after it was told so.
    let gone = loop {
        let page = Scraped::of(&broker, "/metrics");
        if page.sum("rabbitmq_connections_closed_total") > 1.5 {
            break page;
        }
    };
    assert!((gone.sum("rabbitmq_queues_deleted_total") - 1.0).abs() < 0.5);
    assert!((gone.sum("rabbitmq_channels_closed_total") - 2.0).abs() < 0.5);
    for (name, _) in COUNTED.iter().filter(|(name, _)| name.starts_with("rabbitmq_global_messages"))
    {
        assert!((gone.sum(name) - after.sum(name)).abs() < 0.5, "{name} does not fall");
    }
    assert!(gone.sum("rabbitmq_global_publishers") < 0.5 && gone.sum("rabbitmq_connections") < 0.5);
}

#[test]
fn things_have_lines_of_their_own_and_names_stay_in_their_labels() {
    let broker = Broker::start(&["haremq.prometheus.objects_max = 2"]);
    let mut client = RawClient::with_channel_on(&broker);
    let names = ["订单", "a\"} 1 rabbitmq_queues 99\\", "quiet"];
    for name in names {
        client.declare(1, &queue::declare(name));
    }
    for name in &names[..2] {
        client.publish(1, "", name, "x");
    }
    client.declare(1, &queue::declare("quiet"));
    let page = Scraped::of(&broker, "/metrics/per-object");
    let ready = |name: &str| {
        page.values.get(&format!("rabbitmq_queue_messages_ready{{vhost=\"/\",queue=\"{name}\"}}"))
    };
    assert_eq!(ready("订单"), Some(&1.0));
    assert_eq!(ready("a\\\"} 1 rabbitmq_queues 99\\\\"), Some(&1.0));
    assert_eq!(ready("quiet"), None, "the busiest two");
    assert!((page.values["haremq_metrics_objects_left_out{kind=\"queue\"}"] - 1.0).abs() < 0.5);
    assert!((page.sum("rabbitmq_queues") - 3.0).abs() < 0.5, "sums have everything");
    assert_eq!(page.lines("haremq_queue_oldest_ready_seconds"), 2);
    assert_eq!(page.lines("rabbitmq_connection_incoming_bytes_total"), 1);
    let channel = page
        .values
        .keys()
        .find(|key| key.starts_with("rabbitmq_channel_messages_published_total{"));
    assert!(channel.is_some_and(|key| key.contains(" (1)\",vhost=\"/\"}")), "{channel:?}");
    let path = "/metrics/detailed?family=queue_coarse_metrics&family=node_metrics&vhost=%2F";
    let page = Scraped::of(&broker, path);
    assert_eq!(page.lines("rabbitmq_detailed_queue_messages_ready"), 2);
    assert!(page.has("rabbitmq_detailed_process_max_fds") && page.has("rabbitmq_build_info"));
    assert!(!page.has("rabbitmq_detailed_connection_incoming_bytes_total"));
    let nowhere = Scraped::of(&broker, "/metrics/detailed?family=queue_coarse_metrics&vhost=none");
    assert_eq!(nowhere.lines("rabbitmq_detailed_queue_messages_ready"), 0);
    let memory = Scraped::of(&broker, "/metrics/memory-breakdown");
    assert!(memory.sum("rabbitmq_memory_other_system_bytes") > 0.0);
    client.close();
}

#[test]
fn path_and_page_are_configured_and_probes_are_answered() {
    let broker =
        Broker::start(&["prometheus.path = /m", "prometheus.return_per_object_metrics = true"]);
    let http = Http::new(broker.metrics());
    expect(&http.get("/metrics"), 404);
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("q"));
    let page = Scraped::of(&broker, "/m");
    assert!(page.values.contains_key("rabbitmq_queue_messages{vhost=\"/\",queue=\"q\"}"));
    for path in ["/healthz", "/healthz/ready", "/healthz/alarms"] {
        let answer = http.get(path);
        expect(&answer, 200);
        assert_eq!(answer.json()["status"], json!("ok"), "{path}");
    }
    client.close();
}
