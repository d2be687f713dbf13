//! Binding and unbinding, and what they mean for routing (docs/reply-codes.md, bindings).

use crate::support::methods::exchange::{AUTO_DELETE, INTERNAL};
use crate::support::methods::{basic, exchange, queue};
use crate::support::{Call, Id, RawClient, Table, id, refusal, unique};

const ON_DEFAULT: &str = "ACCESS_REFUSED - operation not permitted on the default exchange";

/// A new exchange, gone with its last binding.
fn exchange_of(client: &mut RawClient, kind: &str) -> String {
    let name = unique(kind);
    let declare = exchange::declare(&name, kind).with(AUTO_DELETE);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK);
    name
}

fn bind(client: &mut RawClient, queue: &str, exchange: &str, key: impl AsRef<[u8]>) {
    client.call(1, &queue::bind(queue, exchange, key), id::QUEUE_BIND_OK).end();
}

/// The bodies that wait in a queue, in order; they are taken out.
fn bodies(client: &mut RawClient, queue: &str) -> Vec<String> {
    std::iter::from_fn(|| client.get_with(1, &basic::get_no_ack(queue)))
        .map(|delivery| delivery.text().to_owned())
        .collect()
}

/// A binding is refused; `own` stands for a queue that is there.
fn is_refused(call: impl FnOnce(&str) -> Call, code: u16, text: &str, failed: Id) {
    let mut client = RawClient::with_channel();
    let own = client.exclusive_queue(1);
    client.refused(1, &call(&own), &refusal(code, text, failed));
    client.open_channel(1);
}

#[test]
fn a_missing_queue_cannot_be_bound() {
    let text = "NOT_FOUND - no queue 'missing' in vhost '/'";
    is_refused(|_| queue::bind("missing", "amq.direct", "k"), 404, text, id::QUEUE_BIND);
}

#[test]
fn a_queue_cannot_be_bound_to_a_missing_exchange() {
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    is_refused(|own| queue::bind(own, "missing", "k"), 404, text, id::QUEUE_BIND);
}

#[test]
fn of_two_missing_things_the_source_is_named() {
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    is_refused(|_| queue::bind("missing", "missing", "k"), 404, text, id::QUEUE_BIND);
    let text = "NOT_FOUND - no exchange 'source' in vhost '/'";
    is_refused(|_| exchange::bind("goal", "source", "k"), 404, text, id::EXCHANGE_BIND);
}

#[test]
fn a_missing_exchange_cannot_be_bound() {
    let text = "NOT_FOUND - no exchange 'missing' in vhost '/'";
    is_refused(|_| exchange::bind("missing", "amq.direct", ""), 404, text, id::EXCHANGE_BIND);
    is_refused(|_| exchange::bind("amq.direct", "missing", ""), 404, text, id::EXCHANGE_BIND);
}

#[test]
fn the_default_exchange_has_no_bindings_to_change() {
    is_refused(|own| queue::bind(own, "", own), 403, ON_DEFAULT, id::QUEUE_BIND);
    is_refused(|own| queue::unbind(own, "", own), 403, ON_DEFAULT, id::QUEUE_UNBIND);
    is_refused(|_| exchange::bind("amq.direct", "", ""), 403, ON_DEFAULT, id::EXCHANGE_BIND);
    is_refused(|_| exchange::bind("", "amq.direct", ""), 403, ON_DEFAULT, id::EXCHANGE_BIND);
}

#[test]
fn unbinding_what_is_not_bound_is_fine() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let unbind = queue::unbind(&queue, "amq.direct", "never bound");
    client.call(1, &unbind, id::QUEUE_UNBIND_OK).end();
    let unbind = exchange::unbind("amq.fanout", "amq.direct", "never bound");
    client.call(1, &unbind, id::EXCHANGE_UNBIND_OK).end();
}

#[test]
fn unbinding_from_or_of_something_missing_is_fine() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    for (queue, exchange) in
        [(queue.as_str(), "missing"), ("missing", "amq.direct"), ("missing", "missing")]
    {
        client.call(1, &queue::unbind(queue, exchange, ""), id::QUEUE_UNBIND_OK).end();
    }
    let unbind = exchange::unbind("missing", "amq.direct", "");
    client.call(1, &unbind, id::EXCHANGE_UNBIND_OK).end();
    let unbind = exchange::unbind("amq.direct", "missing", "");
    client.call(1, &unbind, id::EXCHANGE_UNBIND_OK).end();
}

#[test]
fn an_empty_queue_name_means_the_queue_declared_last() {
    let mut client = RawClient::with_channel();
    client.exclusive_queue(1);
    let last = client.exclusive_queue(1);
    let name = exchange_of(&mut client, "direct");
    bind(&mut client, "", &name, "k");
    client.publish(1, &name, "k", "hello");
    assert_eq!(bodies(&mut client, &last), ["hello"]);
}

#[test]
fn an_empty_queue_name_and_an_empty_key_mean_the_name_twice() {
    let mut client = RawClient::with_channel();
    let last = client.exclusive_queue(1);
    let name = exchange_of(&mut client, "direct");
    bind(&mut client, "", &name, "");
    client.publish(1, &name, &last, "hello");
    assert_eq!(bodies(&mut client, &last), ["hello"]);
}

#[test]
fn without_a_declared_queue_an_empty_name_is_refused() {
    let text = "NOT_FOUND - no previously declared queue";
    let cases = [
        (queue::bind("", "amq.direct", "k"), id::QUEUE_BIND),
        (queue::purge(""), id::QUEUE_PURGE),
        (queue::delete(""), id::QUEUE_DELETE),
        (basic::get(""), id::BASIC_GET),
        (basic::consume("", ""), id::BASIC_CONSUME),
    ];
    for (call, failed) in cases {
        RawClient::with_channel().refused(1, &call, &refusal(404, text, failed));
    }
}

#[test]
fn direct_routes_by_the_whole_key() {
    let mut client = RawClient::with_channel();
    let name = exchange_of(&mut client, "direct");
    let [red, both] = [client.exclusive_queue(1), client.exclusive_queue(1)];
    bind(&mut client, &red, &name, "red");
    bind(&mut client, &both, &name, "red");
    bind(&mut client, &both, &name, "blue");
    for key in ["red", "blue", "redd", "", "RED"] {
        client.publish(1, &name, key, key);
    }
    assert_eq!(bodies(&mut client, &red), ["red"]);
    assert_eq!(bodies(&mut client, &both), ["red", "blue"]);
}

#[test]
fn fanout_gives_everybody_one_copy_whatever_the_key() {
    let mut client = RawClient::with_channel();
    let name = exchange_of(&mut client, "fanout");
    let queues = [client.exclusive_queue(1), client.exclusive_queue(1)];
    for queue in &queues {
        bind(&mut client, queue, &name, "a");
        bind(&mut client, queue, &name, "b");
    }
    client.publish(1, &name, "whatever", "hello");
    for queue in &queues {
        assert_eq!(bodies(&mut client, queue), ["hello"]);
    }
}

#[test]
fn topic_matches_words() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("#", &["", "a", "a.b.c", "."], &[]),
        ("*", &["a", "ab"], &["", "a.b", "."]),
        ("", &[""], &["a", "."]),
        ("a.*", &["a.b", "a."], &["a", "a.b.c", "b.b"]),
        ("*.b", &["a.b", ".b"], &["b", "a.b.b"]),
        ("a.#", &["a", "a.b", "a.b.c", "a."], &["b.a", ""]),
        ("#.c", &["c", "a.c", "a.b.c"], &["c.a", ""]),
        ("a.#.c", &["a.c", "a.b.c", "a.b.b.c"], &["a", "a.b", "a.cc"]),
        ("*.*", &["a.b", "."], &["a", "a.b.c"]),
        ("#.#", &["", "a", "a.b"], &[]),
        ("a.#.#", &["a", "a.b"], &["b"]),
        ("a*", &["a*"], &["ab", "a"]),
        ("订单.*", &["订单.新"], &["订单"]),
    ];
    let mut client = RawClient::with_channel();
    for (pattern, matching, other) in cases {
        let name = exchange_of(&mut client, "topic");
        let queue = client.exclusive_queue(1);
        bind(&mut client, &queue, &name, pattern);
        for key in matching.iter().chain(*other) {
            client.publish(1, &name, key, key);
        }
        assert_eq!(&bodies(&mut client, &queue), matching, "pattern {pattern:?}");
    }
}

#[test]
fn a_queue_that_matches_twice_gets_one_copy() {
    let mut client = RawClient::with_channel();
    let name = exchange_of(&mut client, "topic");
    let queue = client.exclusive_queue(1);
    for pattern in ["a.*", "*.b", "#", "a.b"] {
        bind(&mut client, &queue, &name, pattern);
    }
    client.publish(1, &name, "a.b", "once");
    assert_eq!(bodies(&mut client, &queue), ["once"]);
}

#[test]
fn binding_twice_is_binding_once() {
    let mut client = RawClient::with_channel();
    let name = exchange_of(&mut client, "direct");
    let queue = client.exclusive_queue(1);
    bind(&mut client, &queue, &name, "k");
    bind(&mut client, &queue, &name, "k");
    client.publish(1, &name, "k", "once");
    assert_eq!(bodies(&mut client, &queue), ["once"]);
    // The exchange goes with the only binding.
    client.call(1, &queue::unbind(&queue, &name, "k"), id::QUEUE_UNBIND_OK);
    client.publish(1, &name, "k", "never");
    let text = format!("NOT_FOUND - no exchange '{name}' in vhost '/'");
    client.expect_refusal(1, &refusal(404, text, id::BASIC_PUBLISH));
}

#[test]
fn bindings_with_different_arguments_are_different() {
    let mut client = RawClient::with_channel();
    let name = exchange_of(&mut client, "direct");
    let queue = client.exclusive_queue(1);
    bind(&mut client, &queue, &name, "k");
    let with = queue::bind(&queue, &name, "k").arguments(Table::new().int("x", 1));
    client.call(1, &with, id::QUEUE_BIND_OK);
    client.call(1, &queue::unbind(&queue, &name, "k"), id::QUEUE_UNBIND_OK);
    client.publish(1, &name, "k", "by the other");
    assert_eq!(bodies(&mut client, &queue), ["by the other"]);
}

#[test]
fn exchanges_route_to_exchanges() {
    let mut client = RawClient::with_channel();
    let [source, goal] = ["topic", "fanout"].map(|kind| exchange_of(&mut client, kind));
    let queue = client.exclusive_queue(1);
    bind(&mut client, &queue, &goal, "");
    client.call(1, &exchange::bind(&goal, &source, "a.*"), id::EXCHANGE_BIND_OK).end();
    client.publish(1, &source, "a.b", "through");
    client.publish(1, &source, "b.b", "past");
    assert_eq!(bodies(&mut client, &queue), ["through"]);
    client.call(1, &exchange::unbind(&goal, &source, "a.*"), id::EXCHANGE_UNBIND_OK).end();
}

#[test]
fn a_ring_of_exchanges_ends() {
    let mut client = RawClient::with_channel();
    let [a, b] = ["fanout", "fanout"].map(|kind| exchange_of(&mut client, kind));
    let queue = client.exclusive_queue(1);
    bind(&mut client, &queue, &b, "");
    client.call(1, &exchange::bind(&a, &b, ""), id::EXCHANGE_BIND_OK);
    client.call(1, &exchange::bind(&b, &a, ""), id::EXCHANGE_BIND_OK);
    client.call(1, &exchange::bind(&b, &b, ""), id::EXCHANGE_BIND_OK);
    client.publish(1, &a, "", "once");
    assert_eq!(bodies(&mut client, &queue), ["once"]);
    client.call(1, &exchange::delete(&a), id::EXCHANGE_DELETE_OK);
    client.call(1, &exchange::delete(&b), id::EXCHANGE_DELETE_OK);
}

#[test]
fn an_internal_exchange_takes_from_other_exchanges() {
    let mut client = RawClient::with_channel();
    let source = exchange_of(&mut client, "fanout");
    let inner = unique("inner");
    let declare = exchange::declare(&inner, "fanout").with(INTERNAL | AUTO_DELETE);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK);
    let queue = client.exclusive_queue(1);
    bind(&mut client, &queue, &inner, "");
    client.call(1, &exchange::bind(&inner, &source, ""), id::EXCHANGE_BIND_OK);
    client.publish(1, &source, "", "through");
    assert_eq!(bodies(&mut client, &queue), ["through"]);
}

#[test]
fn what_nobody_takes_goes_to_the_alternate_exchange() {
    let mut client = RawClient::with_channel();
    let alternate = exchange_of(&mut client, "fanout");
    let name = unique("with-alternate");
    let arguments = Table::new().text("alternate-exchange", &alternate);
    let declare = exchange::declare(&name, "direct").with(AUTO_DELETE).arguments(arguments);
    client.call(1, &declare, id::EXCHANGE_DECLARE_OK);
    let [known, unknown] = [client.exclusive_queue(1), client.exclusive_queue(1)];
    bind(&mut client, &known, &name, "known");
    bind(&mut client, &unknown, &alternate, "");
    client.publish(1, &name, "known", "to its queue");
    client.send_publish(1, &basic::publish(&name, "?").with(basic::MANDATORY), &[0, 0], "lost");
    assert_eq!(bodies(&mut client, &known), ["to its queue"]);
    assert_eq!(bodies(&mut client, &unknown), ["lost"], "and it was not returned");
}
