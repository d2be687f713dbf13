//! Health checks: compose files, Testcontainers, GitHub Actions, the Kubernetes operator, Helm charts.

use super::installation::{Installation, Ran, Row};

/// Who runs it stands before each block.
const PROBES: &[Row] = &[
    // compose files and GitHub Actions services
    ("rabbitmq-diagnostics -q ping", 0, "Ping succeeded"),
    ("rabbitmq-diagnostics ping -q", 0, "Ping succeeded"),
    ("rabbitmq-diagnostics -q ping || exit 1", 0, "Ping succeeded"),
    ("rabbitmq-diagnostics check_port_connectivity", 0, "Successfully connected to ports"),
    (
        "rabbitmq-diagnostics -q check_port_connectivity --address 127.0.0.1",
        0,
        "Successfully connected",
    ),
    ("rabbitmq-diagnostics check_running", 0, "is fully booted and running"),
    ("rabbitmq-diagnostics status", 0, "Status of node rabbit@box ..."),
    ("rabbitmq-diagnostics -q status --formatter json", 0, "\"rabbitmq_version\""),
    ("rabbitmq-diagnostics check_port_listener 5672", 0, "A listener for port"),
    ("rabbitmq-diagnostics -q check_protocol_listener amqp", 0, ""),
    ("rabbitmqctl status", 0, "Status of node rabbit@box ..."),
    ("rabbitmqctl node_health_check", 0, "Health check passed"),
    ("rabbitmqctl -n rabbit@box node_health_check -t 30", 0, "Health check passed"),
    ("rabbitmqctl await_startup", 0, ""),
    ("rabbitmqctl --timeout 60 await_startup", 0, ""),
    ("rabbitmqctl ping", 0, "Ping succeeded"),
    ("rabbitmqctl cluster_status", 0, "rabbit@box"),
    ("bash -c '</dev/tcp/127.0.0.1/5672'", 0, ""),
    ("timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/5672 && exec 3>&-'", 0, ""),
    // Helm charts
    ("rabbitmq-diagnostics -q check_running", 0, ""),
    ("rabbitmq-diagnostics -q check_local_alarms", 0, "reported no local alarms"),
    ("rabbitmq-diagnostics -q check_running && rabbitmq-diagnostics -q check_local_alarms", 0, ""),
    ("rabbitmq-diagnostics -q check_virtual_hosts", 0, "reported all vhosts as running"),
    // wait scripts
    ("rabbitmqctl wait /var/lib/rabbitmq/mnesia/rabbit@box.pid", 0, "are running on node"),
    ("rabbitmqctl wait --timeout 60 /var/lib/rabbitmq/mnesia/rabbit@box.pid", 0, "pid is"),
    ("rabbitmqctl wait --pid $(cat \"$RABBITMQ_PID_FILE\") --timeout 60", 0, "are running"),
    ("rabbitmqctl await_online_nodes 1", 0, "Will wait for at least 1 nodes"),
    ("rabbitmqctl await_online_nodes 1 -t 10", 0, ""),
    ("until rabbitmqctl -q await_startup; do false; done", 0, ""),
];

/// The same with programs that not every machine has.
const OTHER_PROGRAMS: &[(&str, Row)] = &[
    ("nc", ("nc -z localhost 5672", 0, "")),
    (
        "curl",
        ("curl -f http://localhost:15672/api/health/checks/reached-target-cluster-size", 0, "ok"),
    ),
    (
        "curl",
        ("curl -f -u guest:guest http://localhost:15672/api/health/checks/alarms", 0, "\"ok\""),
    ),
    ("curl", ("curl -sf -u guest:wrong http://localhost:15672/api/overview", 22, "")),
    (
        "wget",
        (
            "wget -q --spider --user=guest --password=guest http://localhost:15672/api/overview",
            0,
            "",
        ),
    ),
    ("wget", ("wget -q -O /dev/null http://localhost:15672/", 0, "")),
];

/// What is asked over HTTP, with and without a login.
const PATHS: &[(&str, bool)] = &[
    ("/api/health/checks/reached-target-cluster-size", false),
    ("/api/health/checks/alarms", true),
    ("/api/health/checks/local-alarms", true),
    ("/api/health/checks/node-is-quorum-critical", true),
    ("/api/health/checks/port-listener/5672", true),
    ("/api/health/checks/protocol-listener/amqp", true),
    ("/api/health/checks/virtual-hosts", true),
    ("/api/aliveness-test/%2F", true),
    ("/api/queues/%2F", true),
    ("/api/overview", true),
];

#[test]
fn health_checks_run_as_they_are_written_for_rabbitmq() {
    let broker = Installation::new().start();
    assert!(broker.ready_line.contains("Server startup complete"), "{}", broker.ready_line);
    broker.plays(PROBES);
    let is_there = |program: &str| broker.runs(&format!("command -v {program}")).code == Some(0);
    for (program, row) in OTHER_PROGRAMS {
        if is_there(program) {
            broker.plays(&[*row]);
        }
    }
    let port = broker.served("AMQP on ").port().to_string();
    for (path, needs_login) in PATHS {
        let path = path.replace("5672", &port);
        let http = broker.http();
        let anonymous = http.get(&path).status;
        assert_eq!(anonymous, if *needs_login { 401 } else { 200 }, "{path} without a login");
        assert_eq!(http.login("guest", "guest").get(&path).status, 200, "{path}");
    }
}

#[test]
fn without_a_broker_every_probe_fails_with_the_exit_code_of_rabbitmq() {
    let nothing = Installation::new();
    for line in [
        "rabbitmq-diagnostics -q ping",
        "rabbitmq-diagnostics check_running",
        "rabbitmq-diagnostics status",
        "rabbitmq-diagnostics check_port_connectivity",
        "rabbitmq-diagnostics -q check_local_alarms",
        "rabbitmqctl status",
        "rabbitmqctl node_health_check",
    ] {
        assert_eq!(nothing.runs(line).code, Some(69), "{line}");
    }
    let late = nothing.runs("rabbitmqctl await_startup --timeout 1");
    assert_eq!(late.code, Some(75), "{late:?}");
}

#[test]
fn a_script_that_waits_before_the_broker_starts_goes_on_when_it_is_there() {
    let installation = Installation::new();
    let waits = [
        "rabbitmqctl wait --timeout 60 /var/lib/rabbitmq/mnesia/rabbit@box.pid",
        "rabbitmqctl await_startup --timeout 60",
    ]
    .map(|line| installation.begins(line));
    let broker = installation.start();
    for wait in waits {
        let ran = Ran::of(&wait.wait_with_output().expect("the script ends"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    broker.plays(&[("rabbitmq-diagnostics -q ping", 0, "Ping succeeded")]);
}

#[test]
fn a_container_that_keeps_nothing_passes_its_probes() {
    // The port must be known before the broker chooses one: this one was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("it is bound").port().to_string();
    drop(free);
    let broker = Installation::new()
        .with("HAREMQ_EPHEMERAL", "true")
        .with("HAREMQ_MANAGEMENT_TCP_PORT", &port)
        .with("RABBITMQ_DEFAULT_USER", "rabbitmq")
        .with("RABBITMQ_DEFAULT_PASS", "rabbitmq")
        .start();
    broker.plays(&[
        ("rabbitmq-diagnostics -q ping", 0, "Ping succeeded"),
        ("rabbitmq-diagnostics check_running", 0, "is fully booted and running"),
        ("rabbitmqctl add_vhost shop", 0, "Adding vhost \"shop\" ..."),
        ("rabbitmqctl list_vhosts -q", 0, "shop"),
    ]);
    assert!(!broker.installation.at("var/lib/rabbitmq/mnesia").join("rabbit@box").exists());
}
