//! The exchange types of RabbitMQ's plug-ins. An oracle needs them enabled; `x-local-random` came with 4.0.

use crate::support::methods::exchange::AUTO_DELETE;
use crate::support::methods::{basic, confirm, exchange, queue};
use crate::support::{Id, RawClient, Table, id, on_oracle, refusal, unique};

/// A new exchange that goes with its last binding.
fn declared(client: &mut RawClient, kind: &str, arguments: Table) -> String {
    let name = unique(kind);
    let declare = exchange::declare(&name, kind).with(AUTO_DELETE).arguments(arguments);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK).end();
    name
}

fn bind(client: &mut RawClient, queue: &str, exchange: &str, key: &str) {
    client.call(1, &queue::bind(queue, exchange, key), id::QUEUE_BIND_OK).end();
}

/// Queues that are bound to a new exchange with this key.
fn queues(client: &mut RawClient, exchange: &str, key: &str, count: usize) -> Vec<String> {
    let queues: Vec<String> = (0..count).map(|_| client.exclusive_queue(1)).collect();
    for queue in &queues {
        bind(client, queue, exchange, key);
    }
    queues
}

/// A channel that hears when its publishes are in their queues.
fn confirming() -> RawClient {
    let mut client = RawClient::with_channel();
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    client
}

/// The properties of the message of this number.
type Properties<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// Everything that waits, by queue, as text.
fn waiting(client: &mut RawClient, queues: &[String]) -> Vec<Vec<String>> {
    let all = |client: &mut RawClient, queue: &String| {
        let got: Vec<_> = std::iter::from_fn(|| client.get(1, queue)).collect();
        got.iter().map(|delivery| delivery.text().to_owned()).collect()
    };
    queues.iter().map(|queue| all(client, queue)).collect()
}

fn headers(table: &Table) -> Vec<u8> {
    [&[0x20, 0][..], &table.with_length()].concat()
}

fn is_refused(kind: &str, arguments: Table, text: &str) {
    let mut client = RawClient::with_channel();
    let declare = exchange::declare(unique("bad"), kind).arguments(arguments);
    let text = format!("PRECONDITION_FAILED - {text}");
    client.refused(1, &declare, &refusal(406, text, id::EXCHANGE_DECLARE));
}

fn binding_is_refused(kind: &str, key: &str, text: &str, failed: Id) {
    let mut client = RawClient::with_channel();
    let exchange = declared(&mut client, kind, Table::new());
    let queue = client.exclusive_queue(1);
    let bind = queue::bind(&queue, &exchange, key);
    client.refused(1, &bind, &refusal(406, format!("PRECONDITION_FAILED - {text}"), failed));
}

#[test]
fn a_consistent_hash_sends_equal_keys_to_one_queue_and_uses_all() {
    let mut client = confirming();
    let exchange = declared(&mut client, "x-consistent-hash", Table::new());
    let queues = queues(&mut client, &exchange, "10", 4);
    for round in 0..2 {
        for n in 0..100 {
            client.publish(1, &exchange, format!("key {n}"), &format!("{n}.{round}"));
        }
    }
    client.expect_acks_up_to(1, 200);
    let waiting = waiting(&mut client, &queues);
    assert_eq!(waiting.iter().map(Vec::len).sum::<usize>(), 200);
    for bodies in &waiting {
        assert!(bodies.len() >= 10, "{waiting:?}");
        let of = |round: &str| -> Vec<&str> {
            bodies.iter().filter_map(|body| body.strip_suffix(round)).collect()
        };
        assert_eq!(of(".0"), of(".1"));
    }
}

#[test]
fn a_header_or_a_property_is_hashed_when_the_exchange_says_so() {
    let message_id = |n: u32| [&[0, 0x80, 2][..], format!("{n:02}").as_bytes()].concat();
    let correlation_id = |n: u32| [&[4, 0, 2][..], format!("{n:02}").as_bytes()].concat();
    let timestamp = |n: u32| [&[0, 0x40][..], &u64::from(n).to_be_bytes()].concat();
    let header = |n: u32| headers(&Table::new().text("h", &n.to_string()));
    let cases: [(&str, &str, Properties<'_>); 4] = [
        ("hash-property", "message_id", &message_id),
        ("hash-property", "correlation_id", &correlation_id),
        ("hash-property", "timestamp", &timestamp),
        ("hash-header", "h", &header),
    ];
    for (argument, value, properties) in cases {
        let mut client = confirming();
        let arguments = Table::new().text(argument, value);
        let exchange = declared(&mut client, "x-consistent-hash", arguments);
        let queues = queues(&mut client, &exchange, "10", 3);
        for n in 0..60 {
            let publish = basic::publish(&exchange, format!("any {n}"));
            client.send_publish(1, &publish, &properties(n % 20), (n % 20).to_string());
        }
        client.expect_acks_up_to(1, 60);
        for bodies in waiting(&mut client, &queues) {
            assert!(!bodies.is_empty(), "{value} is not hashed");
            for body in &bodies {
                assert_eq!(bodies.iter().filter(|other| *other == body).count(), 3, "{value}");
            }
        }
    }
}

#[test]
fn arguments_of_a_consistent_hash_exchange_are_checked() {
    let kind = "x-consistent-hash";
    let both = Table::new().text("hash-header", "h").text("hash-property", "message_id");
    is_refused(kind, both, "hash-header and hash-property are mutually exclusive");
    let unsupported = Table::new().text("hash-property", "app_id");
    is_refused(kind, unsupported, "Unsupported property: app_id");
}

#[test]
fn a_binding_key_of_a_consistent_hash_exchange_is_a_weight() {
    let kind = "x-consistent-hash";
    let no_integer = "The binding key must be an integer: <<\"heavy\">>";
    binding_is_refused(kind, "heavy", no_integer, id::QUEUE_BIND);
    binding_is_refused(kind, "0", "The binding key must be greater than 0", id::QUEUE_BIND);
    if !on_oracle() {
        binding_is_refused(kind, "10001", "The binding key must not exceed 10000", id::QUEUE_BIND);
    }
}

#[test]
fn a_random_exchange_gives_each_message_to_one_queue() {
    for kind in ["x-random", "x-local-random"] {
        if on_oracle() && kind == "x-local-random" {
            continue;
        }
        let mut client = confirming();
        let exchange = declared(&mut client, kind, Table::new());
        let queues = queues(&mut client, &exchange, "", 3);
        (0..120).for_each(|n| client.publish(1, &exchange, "k", &n.to_string()));
        client.expect_acks_up_to(1, 120);
        let waiting = waiting(&mut client, &queues);
        assert_eq!(waiting.iter().map(Vec::len).sum::<usize>(), 120);
        // 40 on average; fewer than 10 of 120 has a chance of one in ten billion.
        assert!(waiting.iter().all(|bodies| bodies.len() >= 10), "{kind}: {waiting:?}");
    }
}

#[test]
fn a_local_random_exchange_is_bound_to_classic_queues_without_a_key() {
    if on_oracle() {
        return;
    }
    let kind = "x-local-random";
    binding_is_refused(kind, "k", "Non empty binding 'k' key not permitted", id::QUEUE_BIND);
    let mut client = RawClient::with_channel();
    let exchange = declared(&mut client, kind, Table::new());
    let bind = exchange::bind("amq.fanout", &exchange, "");
    let text = "PRECONDITION_FAILED - Destination not found";
    client.refused(1, &bind, &refusal(406, text, id::EXCHANGE_BIND));
    client.open_channel(1);
    let quorum = unique("quorum");
    let declare = queue::declare(&quorum).with(crate::support::methods::DURABLE);
    client.declare(1, &declare.arguments(Table::new().text("x-queue-type", "quorum")));
    let bind = queue::bind(&quorum, &exchange, "");
    let text =
        "PRECONDITION_FAILED - Queue type rabbit_quorum_queue not valid for this exchange type";
    client.refused(1, &bind, &refusal(406, text, id::QUEUE_BIND));
    client.open_channel(1);
    client.call(1, &queue::delete(&quorum), id::QUEUE_DELETE_OK);
}

#[test]
fn a_modulus_hash_sends_equal_keys_to_one_queue() {
    let mut client = confirming();
    let exchange = declared(&mut client, "x-modulus-hash", Table::new());
    let queues = queues(&mut client, &exchange, "", 3);
    for n in 0..90 {
        client.publish(1, &exchange, format!("key {}", n % 30), &(n % 30).to_string());
    }
    client.expect_acks_up_to(1, 90);
    for bodies in waiting(&mut client, &queues) {
        assert!(!bodies.is_empty());
        for body in &bodies {
            assert_eq!(bodies.iter().filter(|other| *other == body).count(), 3);
        }
    }
}

#[test]
fn a_recent_history_exchange_brings_the_last_messages_to_a_new_queue_in_order() {
    let mut client = RawClient::with_channel();
    let kind = "x-recent-history";
    let exchange = declared(&mut client, kind, Table::new().int("x-recent-history-length", 3));
    let early = client.exclusive_queue(1);
    bind(&mut client, &early, &exchange, "");
    for n in 1..=5 {
        client.publish(1, &exchange, "k", &n.to_string());
    }
    let not_kept = headers(&Table::new().bool("x-recent-history-no-store", true));
    client.send_publish(1, &basic::publish(&exchange, "k"), &not_kept, "passing");
    client.expect_counts(1, &early, (6, 0));
    let late = client.exclusive_queue(1);
    bind(&mut client, &late, &exchange, "");
    client.publish(1, &exchange, "k", "6");
    client.expect_counts(1, &late, (4, 0));
    assert_eq!(waiting(&mut client, std::slice::from_ref(&late)), [["3", "4", "5", "6"]]);
    bind(&mut client, &late, &exchange, "");
    client.expect_counts(1, &late, (0, 0));
    let behind = unique("behind");
    let fanout = exchange::declare(&behind, "fanout").with(AUTO_DELETE);
    client.call(1, &fanout, id::EXCHANGE_DECLARE_OK).end();
    bind(&mut client, &late, &behind, "");
    client.call(1, &exchange::bind(&behind, &exchange, ""), id::EXCHANGE_BIND_OK).end();
    client.expect_counts(1, &late, (3, 0));
    let mut replayed = waiting(&mut client, &[late]);
    if on_oracle() {
        // To an exchange RabbitMQ gives the newest first.
        replayed[0].reverse();
    }
    assert_eq!(replayed, [["4", "5", "6"]]);
}

#[test]
fn the_history_length_is_a_positive_number() {
    let must = "'x-recent-history-length' must be a positive integer";
    let kind = "x-recent-history";
    let of = |n| Table::new().int("x-recent-history-length", n);
    is_refused(kind, of(0), &format!("Invalid argument 0, {must}"));
    is_refused(kind, of(-30), &format!("Invalid argument -30, {must}"));
    let text = Table::new().text("x-recent-history-length", "0");
    is_refused(kind, text, &format!("Invalid argument <<\"0\">>, {must}"));
}
