//! Set-up scripts, and what an orchestrator runs before it stops a node.

use std::fs;

use serde_json::Value;

use super::installation::{Installation, Row};
use crate::support::methods::queue;
use crate::support::{Broker, RawClient};

const SET_UP: &[Row] = &[
    ("rabbitmqctl add_user app secret", 0, "Adding user \"app\" ..."),
    ("rabbitmqctl add_user app secret", 70, "User \"app\" already exists"),
    ("echo secret | rabbitmqctl -q add_user piped", 0, ""),
    ("rabbitmqctl set_user_tags app administrator", 0, "Setting tags for user \"app\""),
    ("rabbitmqctl add_vhost /shop", 0, "Adding vhost \"/shop\" ..."),
    ("rabbitmqctl set_permissions -p /shop app \".*\" \".*\" \".*\"", 0, "Setting permissions"),
    ("rabbitmqctl set_permissions -p / app '.*' '.*' '.*'", 0, "in vhost \"/\" ..."),
    (
        "rabbitmqctl set_policy ha-all \"^ha\\.\" '{\"max-length\":10}' --apply-to queues --priority 1",
        0,
        "Setting policy \"ha-all\" for pattern",
    ),
    (
        "rabbitmqctl set_policy -p /shop TTL \".*\" '{\"message-ttl\":60000}' --apply-to queues",
        0,
        "for vhost \"/shop\" ...",
    ),
    ("rabbitmqctl list_policies -q", 0, "ha-all"),
    ("rabbitmqctl change_password app other", 0, "Changing password for user \"app\" ..."),
    ("rabbitmqctl authenticate_user app other", 0, "Success"),
    ("rabbitmqctl authenticate_user app secret", 65, ""),
    ("rabbitmqctl list_users -q", 0, "app\t[administrator]"),
    ("rabbitmqctl list_vhosts --silent", 0, "/shop"),
    ("rabbitmqctl list_queues -q name messages consumers", 0, ""),
    ("rabbitmqctl list_queues --formatter json", 0, "["),
    ("rabbitmqctl list_connections", 0, "Listing connections ..."),
    ("rabbitmqctl list_exchanges -q name type", 0, "amq.topic\ttopic"),
    ("rabbitmqctl enable_feature_flag all", 0, "Enabling all feature flags ..."),
    ("rabbitmqctl list_feature_flags -q", 0, ""),
    ("rabbitmqctl export_definitions /tmp/definitions.json", 0, "Exporting definitions"),
    ("rabbitmqctl delete_user app", 0, "Deleting user \"app\" ..."),
    ("rabbitmqctl delete_user nobody", 67, "does not exist"),
    ("rabbitmqctl import_definitions /tmp/definitions.json", 0, "Importing definitions"),
    ("rabbitmqctl authenticate_user app other", 0, "Success"),
    ("rabbitmqctl -q export_definitions - | rabbitmqctl -q import_definitions -", 0, ""),
    ("rabbitmq-plugins enable rabbitmq_management", 0, ""),
    ("rabbitmq-plugins list -e -m", 0, "rabbitmq_management"),
    ("rabbitmq-plugins is_enabled rabbitmq_prometheus", 0, ""),
    ("rabbitmqctl set_vm_memory_high_watermark 0.6", 0, ""),
    ("rabbitmqctl eval 'rabbit:status().'", 69, "not written in Erlang"),
    ("rabbitmqctl nonsense", 64, "Command 'nonsense' not found."),
];

#[test]
fn set_up_scripts_run_as_they_are_written_for_rabbitmq() {
    let broker = Installation::new().start();
    broker.plays(SET_UP);
    let file = broker.installation.at("tmp/definitions.json");
    let text = fs::read_to_string(file).expect("the export");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let users = document["users"].as_array().expect("a list of users");
    assert!(users.iter().any(|user| user["name"] == "app"), "{users:?}");
}

#[test]
fn plugins_are_enabled_before_there_is_a_broker_as_in_a_dockerfile() {
    let image = Installation::new();
    for line in [
        "rabbitmq-plugins enable --offline rabbitmq_management",
        "rabbitmq-plugins enable --offline rabbitmq_management rabbitmq_prometheus",
        "rabbitmq-plugins list",
        "rabbitmqctl help",
        "rabbitmqctl version",
        "rabbitmq-server --version",
        "haremq --version",
    ] {
        let ran = image.runs(line);
        assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
    }
    let ran = image.runs("rabbitmq-plugins enable --offline rabbitmq_mqtt");
    assert_ne!(ran.code, Some(0), "what is not built in is not passed over: {ran:?}");
}

#[test]
fn queues_are_listed_with_what_is_in_them() {
    let broker = Installation::new().start();
    let amqp = Broker::at(broker.served("AMQP on ").port());
    let mut client = RawClient::with_channel_on(&amqp);
    client.declare(1, &queue::declare("orders"));
    client.publish(1, "", "orders", "one");
    client.expect_counts(1, "orders", (1, 0));
    broker.plays(&[
        (
            "rabbitmqctl list_queues -q name messages consumers",
            0,
            "name\tmessages\tconsumers\norders\t1\t0\n",
        ),
        ("rabbitmqctl list_connections -q user state", 0, "guest\trunning"),
        ("rabbitmq-diagnostics -q list_queues name", 0, "orders"),
    ]);
}

#[test]
fn an_orchestrator_drains_a_node_and_stops_it() {
    let broker = Installation::new().start();
    broker.plays(&[
        ("rabbitmq-upgrade await_online_quorum_plus_one -t 604800", 0, ""),
        (
            "rabbitmq-upgrade await_online_quorum_plus_one && rabbitmq-upgrade drain -t 604800",
            0,
            "",
        ),
        ("rabbitmq-diagnostics -q ping", 0, "Ping succeeded"),
        ("rabbitmq-upgrade revive", 0, ""),
        ("rabbitmq-diagnostics check_running", 0, "is fully booted and running"),
        ("rabbitmqctl stop /var/lib/rabbitmq/mnesia/rabbit@box.pid", 0, "Stopping and halting"),
    ]);
    assert_eq!(broker.end(), Some(0));
}

/// What modules of Testcontainers run inside the container, and what people have in their scripts.
const ADMIN: &[Row] = &[
    ("rabbitmqadmin --version", 0, "rabbitmqadmin "),
    ("rabbitmqadmin -u guest -p guest -P 15672 declare vhost name=shop", 0, "vhost declared"),
    (
        "rabbitmqadmin declare permission vhost=shop user=guest configure=.* write=.* read=.*",
        0,
        "permission declared",
    ),
    (
        "rabbitmqadmin --port=15672 --username=guest --password=guest declare user name=app password=secret tags=monitoring",
        0,
        "user declared",
    ),
    (
        "rabbitmqadmin declare queue name=orders durable=true auto_delete=false arguments='{\"x-max-length\":10}'",
        0,
        "queue declared",
    ),
    ("rabbitmqadmin -V shop declare queue name=mails queue_type=quorum", 0, "queue declared"),
    ("rabbitmqadmin declare exchange name=shop.topic type=topic", 0, "exchange declared"),
    ("rabbitmqadmin declare exchange name=broken", 1, "mandatory argument \"type\" required"),
    (
        "rabbitmqadmin declare binding source=shop.topic destination_type=queue destination=orders routing_key='order.#'",
        0,
        "binding declared",
    ),
    (
        "rabbitmqadmin declare policy name=ttl pattern='^mails' definition='{\"message-ttl\":60000}' priority=1 apply-to=queues",
        0,
        "policy declared",
    ),
    (
        "rabbitmqadmin declare operator_policy name=top pattern=. definition='{\"max-length\":9}'",
        0,
        "operator_policy declared",
    ),
    (
        "rabbitmqadmin declare vhost_limit -V shop name=max-queues value=10",
        0,
        "vhost_limit declared",
    ),
    (
        "rabbitmqadmin publish exchange=shop.topic routing_key=order.new payload=hello",
        0,
        "Message published\n",
    ),
    ("echo piped | rabbitmqadmin publish routing_key=orders", 0, "Message published\n"),
    (
        "rabbitmqadmin publish routing_key=nowhere payload=lost",
        0,
        "Message published but NOT routed",
    ),
    (
        "rabbitmqadmin get queue=orders ackmode=ack_requeue_false",
        0,
        "| order.new   | shop.topic | 1 ",
    ),
    ("rabbitmqadmin -f tsv list queues vhost name messages", 0, "/\torders\t1\n"),
    ("rabbitmqadmin list queues", 0, "| orders | 1 "),
    ("rabbitmqadmin -f bash list exchanges name", 0, "shop.topic"),
    ("rabbitmqadmin -q purge queue name=orders", 0, ""),
    ("rabbitmqadmin -f tsv -V shop list queues name", 0, "name\nmails\n"),
    ("rabbitmqadmin show overview", 0, "rabbitmq_version"),
    ("rabbitmqadmin export /tmp/admin.json", 0, "Exported definitions"),
    ("rabbitmqadmin delete queue name=orders", 0, "queue deleted"),
    ("rabbitmqadmin delete queue name=orders", 1, "*** Not found: /api/queues/%2F/orders"),
    ("rabbitmqadmin import /tmp/admin.json", 0, "Uploaded definitions"),
    ("rabbitmqadmin -f bash list queues", 0, "orders"),
    ("rabbitmqadmin -u guest -p wrong -P 15672 list queues", 1, ""),
    ("rabbitmqadmin lsit queues", 1, "is not known"),
];

#[test]
fn rabbitmqadmin_declares_publishes_and_lists_as_rabbitmqs_program() {
    Installation::new().start().plays(ADMIN);
}
