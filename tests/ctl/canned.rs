//! What the tools ask the API, and what they make of its answers.

use std::fs;

use crate::support::{FakeApi, tool, tool_with_input};

/// A line, its exit code and what it prints.
fn assert_says(api: &FakeApi, line: &[&str], output: &str) {
    let said = tool(&api.folder(), line);
    assert_eq!((said.code, said.errors.as_str()), (0, ""), "{line:?}");
    assert_eq!(said.output, output, "{line:?}");
}

/// The same for one that fails.
fn assert_fails(api: &FakeApi, line: &[&str], code: u8, output: &str, errors: &str) {
    let said = tool(&api.folder(), line);
    assert_eq!(
        (said.code, said.output.as_str(), said.errors.as_str()),
        (code, output, errors),
        "{line:?}"
    );
}

#[test]
fn queues_are_listed_with_the_columns_that_are_asked_for() {
    let api = FakeApi::on_socket(&[
        (
            "GET /api/queues/%2F?columns=name,messages",
            200,
            r#"[{"name":"jobs","messages":0},{"name":"orders","messages":3}]"#,
        ),
        (
            "GET /api/queues/%2F?columns=name,arguments,policy,owner_pid_details.name,state",
            200,
            r#"[{"name":"orders","arguments":{"x-max-length":10},"state":"running",
                 "owner_pid_details":{"name":"127.0.0.1:1 -> 127.0.0.1:2"}}]"#,
        ),
    ]);
    let header = "Timeout: 60.0 seconds ...\nListing queues for vhost / ...\n";
    let rows = "name\tmessages\njobs\t0\norders\t3\n";
    assert_says(&api, &["rabbitmqctl", "list_queues"], &format!("{header}{rows}"));
    assert_says(&api, &["rabbitmqctl", "list_queues", "-q", "name,messages"], rows);
    assert_says(&api, &["haremq", "ctl", "list_queues", "-s"], "jobs\t0\norders\t3\n");
    assert_says(
        &api,
        &["rabbitmqctl", "list_queues", "--formatter=json"],
        "[\n{\"name\":\"jobs\",\"messages\":0}\n,{\"name\":\"orders\",\"messages\":3}\n]\n",
    );
    assert_says(
        &api,
        &[
            "rabbitmqctl",
            "list_queues",
            "-t",
            "5",
            "name",
            "arguments",
            "policy",
            "owner_pid",
            "state",
        ],
        "Timeout: 5.0 seconds ...\nListing queues for vhost / ...\n\
         name\targuments\tpolicy\towner_pid\tstate\n\
         orders\t[{\"x-max-length\",10}]\t\t127.0.0.1:1 -> 127.0.0.1:2\trunning\n",
    );
    let nothing = "Timeout: 60.0 seconds ...\nListing queues for vhost nohost ...\n";
    assert_says(&api, &["rabbitmqctl", "list_queues", "-p", "nohost"], nothing);
}

#[test]
fn exchanges_bindings_connections_channels_and_consumers_are_listed() {
    let api = FakeApi::on_socket(&[
        (
            "GET /api/exchanges/%2F",
            200,
            r#"[{"name":"","type":"direct"},{"name":"evs","type":"topic"}]"#,
        ),
        (
            "GET /api/bindings/%2F",
            200,
            r#"[{"source":"evs","destination":"orders","destination_type":"queue","routing_key":"a.#",
                 "arguments":{"k":1,"s":"x"},"vhost":"/","properties_key":"a.%23~h"}]"#,
        ),
        (
            "GET /api/connections",
            200,
            r#"[{"name":"c","user":"guest","peer_host":"127.0.0.1","peer_port":46918,"state":"running",
                 "client_properties":{"product":"Pika","capabilities":{"basic.nack":true}}}]"#,
        ),
        (
            "GET /api/channels",
            200,
            r#"[{"name":"c (1)","user":"guest","consumer_count":1,"messages_unacknowledged":0}]"#,
        ),
        (
            "GET /api/consumers/%2F",
            200,
            r#"[{"queue":{"name":"jobs","vhost":"/"},"channel_details":{"name":"c (1)"},
                 "consumer_tag":"worker","ack_required":true,"prefetch_count":7,"active":true,
                 "activity_status":"up","arguments":{}}]"#,
        ),
    ]);
    assert_says(
        &api,
        &["rabbitmqctl", "list_exchanges"],
        "Listing exchanges for vhost / ...\nname\ttype\n\tdirect\nevs\ttopic\n",
    );
    assert_says(
        &api,
        &["rabbitmqctl", "list_bindings"],
        "Listing bindings for vhost /...\n\
         source_name\tsource_kind\tdestination_name\tdestination_kind\trouting_key\targuments\n\
         evs\texchange\torders\tqueue\ta.#\t[{\"k\",1},{\"s\",\"x\"}]\n",
    );
    assert_says(
        &api,
        &["rabbitmqctl", "list_connections"],
        "Listing connections ...\nuser\tpeer_host\tpeer_port\tstate\nguest\t127.0.0.1\t46918\trunning\n",
    );
    assert_says(
        &api,
        &["rabbitmqctl", "list_connections", "-q", "client_properties"],
        "client_properties\n[{\"capabilities\",[{\"basic.nack\",true}]},{\"product\",\"Pika\"}]\n",
    );
    assert_says(
        &api,
        &["rabbitmqctl", "list_channels"],
        "Listing channels ...\npid\tuser\tconsumer_count\tmessages_unacknowledged\nc (1)\tguest\t1\t0\n",
    );
    // Whatever order is asked for, as RabbitMQ has it.
    assert_says(
        &api,
        &["rabbitmqctl", "list_consumers", "arguments", "activity_status", "queue_name"],
        "Listing consumers in vhost / ...\nqueue_name\tactivity_status\targuments\njobs\tup\t[]\n",
    );
}

#[test]
fn a_queue_is_purged_and_deleted_with_its_conditions() {
    let api = FakeApi::on_socket(&[
        ("DELETE /api/queues/%2F/orders/contents", 204, ""),
        ("GET /api/queues/%2F/orders", 200, r#"{"name":"orders","messages_ready":2}"#),
        ("DELETE /api/queues/%2F/orders", 204, ""),
        ("GET /api/queues/%2F/jobs", 200, r#"{"name":"jobs"}"#),
        (
            "DELETE /api/queues/%2F/jobs?if-empty=true&if-unused=true",
            400,
            r#"{"error":"bad_request","reason":"406 PRECONDITION_FAILED - queue 'jobs' in vhost '/' in use"}"#,
        ),
    ]);
    let purging = |queue| format!("Purging queue '{queue}' in vhost '/' ...\n");
    assert_says(&api, &["rabbitmqctl", "purge_queue", "orders"], &purging("orders"));
    let line = ["rabbitmqctl", "purge_queue", "nosuch"];
    assert_fails(&api, &line, 69, &purging("nosuch"), "Error:\nnot_found\n");
    assert_says(
        &api,
        &["rabbitmqctl", "delete_queue", "orders"],
        "Deleting queue 'orders' on vhost '/' ...\nQueue was successfully deleted with 2 ready messages\n",
    );
    assert_fails(
        &api,
        &["rabbitmqctl", "delete_queue", "nosuch"],
        64,
        "Deleting queue 'nosuch' on vhost '/' ...\n",
        "Error:\nQueue not found\n",
    );
    assert_fails(
        &api,
        &["rabbitmqctl", "delete_queue", "jobs", "--if-unused", "-e"],
        64,
        "Deleting queue 'jobs' on vhost '/' if queue is empty and if queue is unused ...\n",
        "Error:\nQueue is in use\n",
    );
}

#[test]
fn connections_are_closed_with_the_reason_in_a_header() {
    let api = FakeApi::on_socket(&[
        ("GET /api/vhosts/%2F/connections", 200, r#"[{"name":"a -> b"},{"name":"gone"}]"#),
        ("DELETE /api/connections/a%20-%3E%20b", 204, ""),
        ("DELETE /api/connections/username/guest", 204, ""),
    ]);
    assert_says(
        &api,
        &["rabbitmqctl", "close_connection", "a -> b", "be\ncause"],
        "Closing connection a -> b, reason: be\ncause...\n",
    );
    let reasons: Vec<_> =
        api.asked().iter().map(|a| a.header("x-reason").map(str::to_owned)).collect();
    assert_eq!(reasons, [Some("be cause".to_owned())]);
    assert_says(
        &api,
        &["rabbitmqctl", "close_all_connections", "because"],
        "Closing all connections in vhost /, reason: because...\nClosed 1 connections\n",
    );
    assert_says(
        &api,
        &["rabbitmqctl", "close_all_user_connections", "guest", "because"],
        "Closing connections of user guest, reason: because...\n",
    );
    // One that is gone is closed.
    let line = ["rabbitmqctl", "close_connection", "gone", "because"];
    assert_says(&api, &line, "Closing connection gone, reason: because...\n");
}

#[test]
fn a_password_is_tried_or_read_from_standard_input() {
    let api = FakeApi::on_socket(&[(
        "POST /api/haremq/authenticate",
        200,
        r#"{"authenticated":false,"reason":"invalid credentials"}"#,
    )]);
    assert_fails(
        &api,
        &["rabbitmqctl", "authenticate_user", "henry", "123"],
        65,
        "Authenticating user \"henry\" ...\n",
        "Error:\nError: failed to authenticate user \"henry\"\nuser 'henry' - invalid credentials\n",
    );
    let line = ["rabbitmqctl", "authenticate_user", "henry"];
    tool_with_input(&api.folder(), "a secret\r\n", &line);
    assert_eq!(
        api.changes(),
        [
            r#"POST /api/haremq/authenticate {"password":"123","username":"henry"}"#,
            r#"POST /api/haremq/authenticate {"password":"a secret","username":"henry"}"#,
        ]
    );
    assert_fails(
        &api,
        &line,
        65,
        "Authenticating user \"henry\" ...\nPassword: \n",
        "Error:\nPassword is not provided via argument or stdin\n",
    );
}

#[test]
fn tags_are_changed_without_a_change_of_the_password() {
    let api = FakeApi::on_socket(&[
        (
            "GET /api/users/henry",
            200,
            r#"{"name":"henry","password_hash":"abc=","hashing_algorithm":"rabbit_password_hashing_sha512","tags":["old"]}"#,
        ),
        ("PUT /api/users/henry", 204, ""),
    ]);
    assert_says(
        &api,
        &["rabbitmqctl", "set_user_tags", "henry", "[administrator]", "a,b"],
        "Setting tags for user \"henry\" to [[administrator], a,b] ...\n",
    );
    assert_says(
        &api,
        &["rabbitmqctl", "change_password", "henry", "456"],
        "Changing password for user \"henry\" ...\n",
    );
    assert_eq!(
        api.changes(),
        [
            r#"PUT /api/users/henry {"hashing_algorithm":"rabbit_password_hashing_sha512","password_hash":"abc=","tags":["administrator","a","b"]}"#,
            r#"PUT /api/users/henry {"password":"456","tags":["old"]}"#,
        ]
    );
}

#[test]
fn definitions_go_to_a_file_and_come_from_one() {
    let api = FakeApi::on_socket(&[
        ("GET /api/definitions", 200, r#"{"users":[]}"#),
        ("GET /api/definitions/shop", 200, r#"{"queues":[]}"#),
        ("POST /api/definitions", 204, ""),
        ("POST /api/definitions?dry_run=true&prune=true", 200, r#"{"added":1}"#),
    ]);
    let file = api.folder().join("d.json");
    let name = file.to_str().expect("UTF-8");
    let exporting = format!("Exporting definitions in JSON to a file at \"{name}\" ...\n");
    assert_says(&api, &["rabbitmqctl", "export_definitions", name], &exporting);
    assert_eq!(fs::read_to_string(&file).expect("written"), r#"{"users":[]}"#);
    assert_says(
        &api,
        &["rabbitmqctl", "export_definitions", "-p", "shop", "-"],
        "{\"queues\":[]}\n",
    );
    let importing = format!("Importing definitions in JSON from a file at \"{name}\" ...\n");
    let done = "Successfully started definition import. The definitions are in force.\n";
    let line = ["rabbitmqctl", "import_definitions", name];
    assert_says(&api, &line, &format!("{importing}{done}"));
    let line = ["rabbitmqctl", "-q", "import_definitions", name, "--dry-run", "--prune"];
    assert_says(&api, &line, "{\n  \"added\": 1\n}\n");
    assert_eq!(
        api.changes(),
        [
            r#"POST /api/definitions {"users":[]}"#,
            r#"POST /api/definitions?dry_run=true&prune=true {"users":[]}"#
        ]
    );
}

#[test]
fn a_file_without_definitions_is_refused_before_anything_is_asked() {
    let api = FakeApi::on_socket(&[]);
    let file = api.folder().join("empty.json");
    fs::write(&file, "").expect("written");
    let name = file.to_str().expect("UTF-8");
    let importing = format!("Importing definitions in JSON from a file at \"{name}\" ...\n");
    let errors = format!("Error:\nFile {name} is zero-sized\n");
    assert_fails(&api, &["rabbitmqctl", "import_definitions", name], 65, &importing, &errors);
    let said = tool(&api.folder(), &["rabbitmqctl", "import_definitions", "/nonexistent.json"]);
    assert_eq!((said.code, said.output.as_str()), (65, ""));
    let start =
        "Error (argument validation): Bad argument: File /nonexistent.json does not exist\n";
    assert!(said.errors.starts_with(start), "{}", said.errors);
    let said = tool_with_input(&api.folder(), "{", &["rabbitmqctl", "import_definitions", "-"]);
    assert_eq!(said.code, 65);
    assert!(said.errors.contains("Standard input is no JSON document"), "{}", said.errors);
    assert!(api.asked().is_empty());
}

#[test]
fn alarms_and_listeners_decide_the_exit_code() {
    let api = FakeApi::on_socket(&[
        ("GET /api/nodes", 200, r#"[{"name":"x@y","mem_alarm":false,"disk_free_alarm":true}]"#),
        (
            "GET /api/overview",
            200,
            r#"{"node":"x@y","listeners":[{"protocol":"amqp","ip_address":"::","port":5},{"protocol":"http","ip_address":"127.0.0.1","port":6}]}"#,
        ),
    ]);
    let alarm = "Error:\nFree disk space alarm on node rabbit@box\n";
    let line = ["rabbitmq-diagnostics", "-q", "check_local_alarms"];
    assert_fails(&api, &line, 69, "", alarm);
    assert_says(
        &api,
        &["rabbitmq-diagnostics", "-q", "listeners"],
        "Interface: [::], port: 5, protocol: amqp, purpose: AMQP 0-9-1\n\
         Interface: 127.0.0.1, port: 6, protocol: http, purpose: HTTP API\n",
    );
    let line = ["rabbitmq-diagnostics", "-q", "check_protocol_listener", "amqp091"];
    assert_says(&api, &line, "A listener for protocol amqp091 is running on node rabbit@box.\n");
    assert_fails(
        &api,
        &["rabbitmq-diagnostics", "-q", "check_port_listener", "7"],
        69,
        "",
        "Error:\nNo listener for port 7 is active on node rabbit@box. Found listeners that use the \
         following ports: 5, 6\n",
    );
}

#[test]
fn a_node_is_stopped_started_and_reset_by_name() {
    let api = FakeApi::on_socket(&[
        ("POST /api/haremq/node/stop_app", 204, ""),
        ("POST /api/haremq/node/start_app", 204, ""),
        ("POST /api/haremq/node/stop", 202, ""),
        ("POST /api/haremq/node/reset", 409, r#"{"error":"conflict","reason":"the broker runs"}"#),
        ("PUT /api/haremq/settings", 204, ""),
    ]);
    for (command, said) in [
        ("stop_app", "Stopping rabbit application on node rabbit@box ...\n"),
        ("start_app", "Starting node rabbit@box ...\n"),
        ("stop", "Stopping and halting node rabbit@box ...\n"),
    ] {
        assert_says(&api, &["rabbitmqctl", command], said);
    }
    let said = tool(&api.folder(), &["rabbitmqctl", "reset"]);
    assert_eq!(said.code, 64);
    assert!(said.errors.contains("requires the 'rabbit' app to be stopped"), "{}", said.errors);
    assert_says(
        &api,
        &["rabbitmqctl", "set_log_level", "debug"],
        "Setting log level to \"debug\" ...\n",
    );
    let last = api.changes().pop();
    assert_eq!(last.as_deref(), Some(r#"PUT /api/haremq/settings {"log.default.level":"debug"}"#));
}
