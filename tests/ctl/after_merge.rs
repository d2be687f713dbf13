//! The tools against a real broker for the parts of the API that come with other work: queues and the
//! rest of what is declared, connections, definitions, and the endpoints of `docs/http-api-ctl.md`.
//! What is expected is what RabbitMQ 3.10.8 gives for the same lines, unless a comment says otherwise.

use std::fs;

use serde_json::Value;

use super::live::Served;
use crate::support::tool;

#[test]
fn an_empty_broker_lists_nothing_but_the_exchanges() {
    Served::start().plays(&[
        (
            "rabbitmqctl list_queues",
            0,
            "Timeout: 60.0 seconds ...\nListing queues for vhost / ...\n",
            "",
        ),
        ("rabbitmqctl list_queues --formatter json", 0, "[\n]\n", ""),
        ("rabbitmqctl list_bindings", 0, "Listing bindings for vhost /...\n", ""),
        ("rabbitmqctl list_connections", 0, "Listing connections ...\n", ""),
        ("rabbitmqctl list_channels", 0, "Listing channels ...\n", ""),
        ("rabbitmqctl list_consumers", 0, "Listing consumers in vhost / ...\n", ""),
        // By name; RabbitMQ has no order.
        (
            "rabbitmqctl list_exchanges",
            0,
            "Listing exchanges for vhost / ...\nname\ttype\n\tdirect\namq.direct\tdirect\namq.fanout\tfanout\n\
             amq.headers\theaders\namq.match\theaders\namq.rabbitmq.event\ttopic\namq.rabbitmq.trace\ttopic\namq.topic\ttopic\n",
            "",
        ),
        (
            "rabbitmqctl purge_queue nosuch",
            69,
            "Purging queue 'nosuch' in vhost '/' ...\n",
            "Error:\nnot_found\n",
        ),
        (
            "rabbitmqctl delete_queue nosuch",
            64,
            "Deleting queue 'nosuch' on vhost '/' ...\n",
            "Error:\nQueue not found\n",
        ),
        (
            "rabbitmqctl close_all_connections because",
            0,
            "Closing all connections in vhost /, reason: because...\nClosed 0 connections\n",
            "",
        ),
    ]);
}

#[test]
fn definitions_are_exported_and_imported_again() {
    let broker = Served::start();
    let file = broker.folder().join("d.json");
    let name = file.to_str().expect("UTF-8");
    let ctl = |line: &[&str]| {
        let said = tool(broker.folder(), &[&["rabbitmqctl", "-q"], line].concat());
        assert_eq!(said.code, 0, "{line:?} {}", said.errors);
        said.output
    };
    ctl(&["add_user", "henry", "123"]);
    ctl(&["export_definitions", name]);
    let text = fs::read_to_string(&file).expect("written");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let users = document["users"].as_array().expect("users");
    assert!(users.iter().any(|user| user["name"] == "henry"), "{text}");
    ctl(&["delete_user", "henry"]);
    ctl(&["import_definitions", "--dry-run", name]);
    assert!(!ctl(&["list_users"]).contains("henry"), "a dry run changes nothing");
    ctl(&["import_definitions", name]);
    assert!(ctl(&["list_users"]).contains("henry"));
    ctl(&["authenticate_user", "henry", "123"]);
}

#[test]
fn passwords_are_tried_without_a_login() {
    Served::start().plays(&[
        (
            "rabbitmqctl authenticate_user guest guest",
            0,
            "Authenticating user \"guest\" ...\nSuccess\n",
            "",
        ),
        (
            "rabbitmqctl authenticate_user guest wrong",
            65,
            "Authenticating user \"guest\" ...\n",
            "Error:\nError: failed to authenticate user \"guest\"\nuser 'guest' - invalid credentials\n",
        ),
    ]);
}

#[test]
fn the_application_is_stopped_reset_and_started() {
    Served::start().plays(&[
        ("rabbitmqctl add_user henry 123 -q", 0, ADDED, ""),
        ("rabbitmqctl set_cluster_name shops", 0, "Setting cluster name to shops ...\n", ""),
        ("rabbitmqctl set_log_level debug", 0, "Setting log level to \"debug\" ...\n", ""),
        (
            "rabbitmqctl set_vm_memory_high_watermark 0.5",
            0,
            "Setting memory threshold on rabbit@box to 0.5 ...\n",
            "",
        ),
        ("rabbitmqctl stop_app", 0, "Stopping rabbit application on node rabbit@box ...\n", ""),
        (
            "rabbitmq-diagnostics -q check_running",
            69,
            "",
            "Error:\nRabbitMQ on node rabbit@box is not running or has not fully booted yet (check with \
             is_booting)\n",
        ),
        ("rabbitmq-diagnostics -q ping", 0, "Ping succeeded\n", ""),
        ("rabbitmqctl reset", 0, "Resetting node rabbit@box ...\n", ""),
        ("rabbitmqctl start_app", 0, "Starting node rabbit@box ...\n", ""),
        ("rabbitmqctl -q list_users", 0, "user\ttags\nguest\t[administrator]\n", ""),
        ("rabbitmqctl stop", 0, "Stopping and halting node rabbit@box ...\n", ""),
    ]);
}

#[test]
fn everything_about_the_broker_is_in_its_report() {
    let broker = Served::start();
    for (line, part) in [
        ("rabbitmqctl report", "\nQueues\n"),
        ("rabbitmqctl environment", "listeners.tcp.default = "),
        ("rabbitmq-diagnostics memory_breakdown", " gb ("),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let said = tool(broker.folder(), &words);
        assert_eq!(said.code, 0, "{line} {}", said.errors);
        assert!(said.output.contains(part), "{line}\n{}", said.output);
        // The name of an algorithm has the word in it.
        assert!(!said.output.contains("\"password_hash\""), "{line}");
    }
}

const ADDED: &str = "Done. Don't forget to grant the user permissions to some virtual hosts! See 'rabbitmqctl \
                     help set_permissions' to learn more.\n";
