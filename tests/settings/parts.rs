//! The settings of each part of the broker.

use std::path::Path;

use haremq::config::{LogCategory, LogLevel, LogLevels, LogSettings, SeedOperatorPolicy, keys};

use crate::config::{defaults, file, load_with, warnings};

fn log(text: &str) -> LogSettings {
    file(text).settings.log
}

fn console(text: &str) -> Option<LogLevels> {
    log(text).console
}

fn levels(level: LogLevel, categories: &[(LogCategory, LogLevel)]) -> LogLevels {
    LogLevels { level, categories: categories.iter().copied().collect() }
}

#[test]
fn the_log_goes_to_the_console_and_to_a_file_that_is_asked_for() {
    assert_eq!(log("").file, None);
    assert_eq!(console("log.console = false"), None);
    let file = |text| log(text).file;
    assert_eq!(file("log.file = x.log").as_deref(), Some(Path::new("/var/log/haremq/x.log")));
    assert_eq!(file("log.dir = /l\nlog.file = x.log").as_deref(), Some(Path::new("/l/x.log")));
    assert_eq!(file("log.dir = /l\nlog.file = /a/x.log").as_deref(), Some(Path::new("/a/x.log")));
    assert_eq!(file("log.file = false"), None);
}

#[test]
fn console_and_file_have_levels_of_their_own() {
    let both = "log.default.level = debug\nlog.file.level = error\n";
    assert_eq!(console(both), Some(levels(LogLevel::Debug, &[])));
    assert_eq!(log(both).file_levels, levels(LogLevel::Error, &[]));
    assert_eq!(log("log.default.level = debug").file_levels.level, LogLevel::Debug);
}

#[test]
fn a_category_has_its_level_within_what_was_asked_for() {
    let connection = LogCategory::Connection;
    let text = "log.connection.level = debug\n";
    assert_eq!(console(text), Some(levels(LogLevel::Info, &[(connection, LogLevel::Debug)])));
    let text = format!("{text}log.console.level = warning\n");
    assert_eq!(console(&text), Some(levels(LogLevel::Warn, &[(connection, LogLevel::Warn)])));
    let text = "log.queue.level = none\n";
    let quiet = levels(LogLevel::Info, &[(LogCategory::Queue, LogLevel::None)]);
    assert_eq!(console(text), Some(quiet));
}

#[test]
fn the_disk_must_have_so_many_bytes_or_a_multiple_of_the_memory() {
    let free = |text: &str| file(text).settings.disk.free_bytes_min;
    assert_eq!(free(""), 50_000_000, "as in RabbitMQ");
    assert_eq!(free("disk_free_limit.absolute = 2GB"), 2_000_000_000);
    let memory = "total_memory_available_override_value = 8GiB\n";
    let relative = format!("{memory}disk_free_limit.relative = 1.5\n");
    assert_eq!(free(&relative), 12 << 30);
    assert_eq!(free(&format!("{relative}disk_free_limit.absolute = 1k\n")), 1024);
    let strong = [("HAREMQ_DISK_FREE_LIMIT_RELATIVE", "50%")];
    let text = format!("{memory}disk_free_limit.absolute = 1k\n");
    let loaded = load_with(&[], &strong, &text).expect("good settings");
    assert_eq!(loaded.settings.disk.free_bytes_min, 4 << 30);
}

#[test]
fn shares_are_of_the_memory_that_was_said() {
    let text =
        "total_memory_available_override_value = 10GiB\nvm_memory_high_watermark.relative = 0.5";
    assert_eq!(file(text).settings.memory_watermark_bytes, 5 << 30);
}

#[test]
fn limits_of_the_node_are_numbers_or_none() {
    let none = defaults().limits;
    assert_eq!((none.connections_max, none.queues_max, none.vhosts_max), (None, None, None));
    let limits = file(
        "max_connections = 5\nchannel_max_per_node = 6\ncluster_queue_limit = 7\n\
         cluster_exchange_limit = 8\nvhost_max = 9\n",
    )
    .settings
    .limits;
    assert_eq!((limits.connections_max, limits.channels_max), (Some(5), Some(6)));
    assert_eq!((limits.queues_max, limits.exchanges_max), (Some(7), Some(8)));
    assert_eq!(limits.vhosts_max, Some(9));
    let last = file("max_connections = 5\nconnection_max = infinity\n").settings.limits;
    assert_eq!(last.connections_max, None, "two names for one thing");
}

#[test]
fn management_and_metrics_have_addresses_of_their_own() {
    let shown = |text: &str| {
        let settings = file(text).settings;
        let listener = settings.management.listener.map(|address| address.to_string());
        let metrics = settings.prometheus.listener.map(|address| address.to_string());
        (listener, metrics)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(shown(""), (some("15672"), some("15692")));
    let text = "management.tcp.ip = ::1\nmanagement.tcp.port = 0\nprometheus.tcp.port = none\n";
    assert_eq!(shown(text), (some("[::1]:0"), None));
    let flags = ["--management-port", "1", "--prometheus-port", "0", "--bind", "127.0.0.1"];
    let settings = load_with(&flags, &[], text).expect("good settings").settings;
    let listener = settings.management.listener.map(|address| address.to_string());
    assert_eq!(listener, some("127.0.0.1:1"));
    let metrics = settings.prometheus.listener.map(|address| address.to_string());
    assert_eq!(metrics, some("127.0.0.1:0"), "a flag goes before the none of a file");
}

#[test]
fn metrics_have_tls_beside_the_plain_port_unless_that_is_taken_away() {
    let tls = "prometheus.ssl.port = 15691\nprometheus.ssl.certfile = /c.pem\n\
               prometheus.ssl.verify = verify_peer\nprometheus.ssl.versions.1 = tlsv1.3\n";
    let metrics = file(tls).settings.prometheus;
    assert_eq!(metrics.listener.map(|address| address.port), Some(15692), "as with RabbitMQ");
    let tls_of = metrics.tls.expect("it has a port");
    assert_eq!((tls_of.listener.port, tls_of.depth), (15691, 10));
    assert_eq!((tls_of.certificate.as_deref(), tls_of.key), (Some(Path::new("/c.pem")), None));
    assert_eq!((tls_of.verify_peer, tls_of.versions.len()), (true, 1));
    assert_eq!(defaults().prometheus.tls, None);
    let none = "prometheus.tcp.listener = none\nprometheus.tcp.port = 1\n";
    assert_eq!(file(none).settings.prometheus.listener, None);
    let flag = load_with(&["--prometheus-port", "2"], &[], none).expect("good settings");
    let listener = flag.settings.prometheus.listener;
    assert_eq!(listener.map(|address| address.port), Some(2), "a flag goes before a file");
    let bound = load_with(&["--bind", "127.0.0.1"], &[], tls).expect("good settings");
    let address = bound.settings.prometheus.tls.map(|tls| tls.listener.to_string());
    assert_eq!(address.as_deref(), Some("127.0.0.1:15691"));
    let wrong = load_with(&[], &[], "prometheus.tcp.listener = some\n");
    assert!(wrong.expect_err("only none is meant").to_string().contains("prometheus.tcp.listener"));
}

#[test]
fn the_management_api_is_set_up_by_its_keys() {
    let management = file(
        "management.path_prefix = /rabbit/\nmanagement.http.max_body_size = 1MB\n\
         management.cors.allow_origins.1 = https://a.example\n\
         management.cors.allow_origins.2 = https://b.example\nmanagement.cors.max_age = 1h\n\
         management.disable_stats = true\ncollect_statistics_interval = 10s\n\
         management.ssl.port = 15671\nmanagement.ssl.certfile = /c.pem\n\
         management.login_session_timeout = 30\nmanagement.hsts.policy = max-age=1\n",
    )
    .settings
    .management;
    assert_eq!(management.path_prefix, "/rabbit");
    assert_eq!(management.body_bytes_max, 1_000_000);
    assert_eq!(management.cors_origins, ["https://a.example", "https://b.example"]);
    assert_eq!((management.cors_max_age_s, management.sample_interval_ms), (3600, 10_000));
    assert!(management.disable_stats);
    assert_eq!(management.login_session_ms, 30 * 60_000);
    assert_eq!(management.hsts_policy.as_deref(), Some("max-age=1"));
    assert_eq!(management.listener, None, "who asks for HTTPS alone gets it alone");
    let tls = management.tls.expect("it has a port");
    assert_eq!((tls.listener.port, tls.certificate.as_deref()), (15671, Some(Path::new("/c.pem"))));
    assert_eq!(defaults().management.tls, None);
    let both = file("management.ssl.port = 1\nmanagement.tcp.port = 15672\n").settings.management;
    assert_eq!(both.listener.map(|address| address.port), Some(15672));
    let bound = load_with(&["--bind", "127.0.0.1"], &[], "management.ssl.port = 1\n");
    let bound = bound.expect("good settings").settings.management;
    assert_eq!(bound.listener, None, "an address for all listeners asks for none of them");
    let address = bound.tls.map(|tls| tls.listener.to_string());
    assert_eq!(address.as_deref(), Some("127.0.0.1:1"));
    let none = "management.cors.allow_origins.1 = *\nmanagement.cors.allow_origins = none\n";
    assert_eq!(file(none).settings.management.cors_origins, Vec::<String>::new());
}

#[test]
fn definitions_have_three_names_and_the_stronger_source_wins() {
    let path = |text: &str| file(text).settings.definitions.path;
    assert_eq!(path(""), None);
    for key in ["load_definitions", "management.load_definitions", "definitions.local.path"] {
        assert_eq!(path(&format!("{key} = /d.json")).as_deref(), Some(Path::new("/d.json")));
    }
    let both = "load_definitions = /first.json\ndefinitions.local.path = /second.json\n";
    assert_eq!(path(both).as_deref(), Some(Path::new("/second.json")));
    let strong = [("HAREMQ_LOAD_DEFINITIONS", "/strong.json")];
    let loaded = load_with(&[], &strong, both).expect("good settings");
    assert_eq!(loaded.settings.definitions.path.as_deref(), Some(Path::new("/strong.json")));
}

#[test]
fn what_a_new_virtual_host_is_given_is_put_together_by_name() {
    let seeds = file(
        "default_users.ops.password = 'a#b'\ndefault_users.ops.tags = monitoring, management\n\
         default_users.ops.vhost_pattern = ^eu\ndefault_users.ops.read = .*\n\
         default_policies.operator.cap.queue_pattern = ^t\n\
         default_policies.operator.cap.apply_to = classic_queues\n\
         default_policies.operator.cap.max_length_bytes = 1GiB\n\
         default_policies.operator.cap.expires = 1h\n\
         default_limits.vhosts.1.pattern = ^eu\ndefault_limits.vhosts.1.max_queues = 10\n\
         default_limits.vhosts.1.max_connections = -1\n",
    )
    .settings
    .seeds;
    let user = &seeds.users["ops"];
    assert_eq!(user.password.as_ref().map(|password| password.0.as_str()), Some("a#b"));
    assert_eq!(user.tags, ["monitoring", "management"]);
    assert_eq!((user.read.as_deref(), user.write.as_deref()), (Some(".*"), None));
    let expected = SeedOperatorPolicy {
        vhost_pattern: None,
        queue_pattern: Some("^t".to_owned()),
        apply_to: Some("classic_queues"),
        definition: [("max-length-bytes", 1 << 30), ("expires", 3_600_000)].into(),
    };
    assert_eq!(seeds.operator_policies["cap"], expected);
    let limits = &seeds.vhost_limits["1"];
    assert_eq!((limits.max_queues, limits.max_connections), (Some(10), None));
}

#[test]
fn a_key_of_a_part_that_is_not_there_says_so_once_unless_it_changes_nothing() {
    for key in keys().filter(|key| key.without_effect.is_some()) {
        let line = key.example;
        let loaded = file(&format!("{line}\n{line}\nmanagement.tcp.port = 15672\n"));
        let why = key.without_effect.unwrap_or_default();
        let said = warnings(&loaded);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("rabbitmq.conf:2: ") && said[0].ends_with(why), "{said:?}");
    }
}

/// RabbitMQ takes each of these lines (rabbitmq: the schema of the configuration), so the start must not
/// end with one.
#[test]
fn values_that_rabbitmq_takes_are_taken() {
    for line in [
        "handshake_timeout = infinity",
        "heartbeat = 0",
        "frame_max = 0",
        "channel_max = 0",
        "connection_max = 0",
        "connection_max = infinity",
        "vhost_max = 0",
        "listeners.tcp.1 = :::5672",
        "listeners.tcp.1 = fe80::2acf:e9ff:fe17:f97b:5672",
        "disk_free_limit.absolute = 2P",
        "disk_free_limit.absolute = 2PiB",
        "disk_free_limit.relative = 1.0",
        "vm_memory_high_watermark.absolute = 1024MB",
        "total_memory_available_override_value = 1000000000",
        "default_users.a.tags = administrator,operator",
        "default_policies.operator.a.expires = 1h",
        "default_policies.operator.a.apply_to = quorum_queues",
        "default_policies.operator.a.classic_queues.queue_version = 2",
        "log.console.level = emergency",
        "log.file = false",
        "management.tcp.ip = 0.0.0.0",
        "management.cors.allow_origins = none",
        "cluster_partition_handling.pause_if_all_down.nodes.1 = rabbit@myhost1",
        "auth_backends.1.authz = rabbit_auth_backend_internal",
        "runtime_parameters.limits.shovel = 1",
        "default_pass = 'K9#mL2vX@8nQ4wR7$pE6'",
    ] {
        let said = warnings(&file(line));
        assert!(said.iter().all(|warning| !warning.contains("unknown key")), "{said:?}");
    }
}

#[test]
fn the_time_out_of_consumers_is_off_until_it_is_asked_for() {
    assert_eq!(defaults().consumer_timeout_ms, None);
    assert_eq!(file("consumer_timeout = 1800000").settings.consumer_timeout_ms, Some(1_800_000));
    assert_eq!(file("consumer_timeout = 30m").settings.consumer_timeout_ms, Some(1_800_000));
    assert_eq!(file("consumer_timeout = infinity").settings.consumer_timeout_ms, None);
}
