//! The way of a message.

use super::*;

fn with_alternate(name: &str, alternate: &str) -> Exchange {
    Exchange {
        arguments: arguments(&[("alternate-exchange", FieldValue::text(alternate))]),
        ..exchange(name, ExchangeKind::Direct)
    }
}

#[test]
fn the_default_exchange_routes_by_queue_name() {
    let mut table = table(&[], &["q"]);
    assert_eq!(routed(&table, "", "q"), ["q"]);
    assert_eq!(routed(&table, "", "r"), [""; 0]);
    table.remove_queue("q");
    assert_eq!(routed(&table, "", "q"), [""; 0]);
}

#[test]
fn a_missing_exchange_is_an_error_and_leaves_an_empty_buffer() {
    let table = table(&[], &["q"]);
    let mut buffer = Routed::new();
    let mut none = || FieldTable::EMPTY;
    assert_eq!(table.route("", b"q", &mut none, &mut buffer), Ok(()));
    assert_eq!(buffer.generation(), table.generation());
    let error = table.route("nox", b"q", &mut none, &mut buffer);
    assert_eq!(error, Err(RoutingError::NoExchange("nox".to_owned())));
    assert!(buffer.is_empty());
    assert_eq!(buffer.generation(), 0);
}

#[test]
fn every_type_finds_its_bindings() {
    let mut table = table(&[], &["q"]);
    for (source, key) in [("amq.direct", "a.b"), ("amq.fanout", ""), ("amq.topic", "a.*")] {
        bind(&mut table, to_queue(source, "q", key));
        assert_eq!(routed(&table, source, "a.b"), ["q"], "{source}");
    }
    assert_eq!(routed(&table, "amq.direct", "a.c"), [""; 0]);
    assert_eq!(routed(&table, "amq.fanout", "a.c"), ["q"]);
    assert_eq!(routed(&table, "amq.topic", "b.b"), [""; 0]);
}

#[test]
fn a_queue_reached_by_several_bindings_gets_the_message_once() {
    let mut table = table(&[exchange("y", ExchangeKind::Fanout)], &["q", "r"]);
    for pattern in ["#", "*", "a", "#.a"] {
        bind(&mut table, to_queue("amq.topic", "q", pattern));
        bind(&mut table, to_queue("amq.topic", "r", pattern));
    }
    bind(&mut table, to_exchange("amq.topic", "y", "#"));
    bind(&mut table, to_queue("y", "q", ""));
    assert_eq!(routed(&table, "amq.topic", "a"), ["q", "r"]);
}

#[test]
fn a_removed_queue_is_reached_no_more_and_its_number_can_be_another_one_s() {
    let mut table = table(&[], &["q"]);
    bind(&mut table, to_queue("amq.topic", "q", "#"));
    bind(&mut table, to_queue("amq.fanout", "q", ""));
    let removed = table.remove_queue("q").expect("it is there");
    assert_eq!(removed.bindings.len(), 2);
    table.add_queue(queue_name("r"), "r".to_owned());
    assert_eq!(routed(&table, "amq.topic", "a"), [""; 0]);
    assert_eq!(routed(&table, "amq.fanout", "a"), [""; 0]);
}

#[test]
fn exchanges_bound_in_a_circle_route_once() {
    let kind = ExchangeKind::Fanout;
    let mut table = table(&[exchange("a", kind), exchange("b", kind)], &["q", "r"]);
    bind(&mut table, to_exchange("a", "b", ""));
    bind(&mut table, to_exchange("b", "a", ""));
    bind(&mut table, to_exchange("b", "b", ""));
    bind(&mut table, to_queue("a", "q", ""));
    bind(&mut table, to_queue("b", "r", ""));
    assert_eq!(routed(&table, "a", ""), ["q", "r"]);
    assert_eq!(routed(&table, "b", ""), ["q", "r"]);
}

#[test]
fn a_binding_between_exchanges_is_followed_with_the_same_key() {
    let mut table = table(&[], &["q"]);
    bind(&mut table, to_exchange("amq.topic", "amq.direct", "a.#"));
    bind(&mut table, to_queue("amq.direct", "q", "a.b"));
    assert_eq!(routed(&table, "amq.topic", "a.b"), ["q"]);
    assert_eq!(routed(&table, "amq.topic", "a.c"), [""; 0]);
}

#[test]
fn the_alternate_exchange_gets_what_has_no_binding() {
    let mut table = table(&[with_alternate("x", "amq.fanout")], &["q", "lost"]);
    bind(&mut table, to_queue("x", "q", "k"));
    bind(&mut table, to_queue("amq.fanout", "lost", ""));
    assert_eq!(routed(&table, "x", "k"), ["q"]);
    assert_eq!(routed(&table, "x", "l"), ["lost"]);
}

#[test]
fn a_binding_to_an_exchange_that_leads_nowhere_is_a_binding() {
    let mut table = table(&[with_alternate("x", "amq.fanout")], &["lost"]);
    bind(&mut table, to_exchange("x", "amq.direct", "k"));
    bind(&mut table, to_queue("amq.fanout", "lost", ""));
    assert_eq!(routed(&table, "x", "k"), [""; 0]);
}

#[test]
fn alternate_exchanges_are_followed_along_chains_and_not_around_circles() {
    let mut table = table(
        &[with_alternate("a", "b"), with_alternate("b", "c"), with_alternate("c", "a")],
        &["q"],
    );
    assert_eq!(routed(&table, "a", "k"), [""; 0]);
    bind(&mut table, to_queue("c", "q", "k"));
    assert_eq!(routed(&table, "a", "k"), ["q"]);
}

#[test]
fn a_missing_alternate_exchange_is_ignored_until_it_is_declared() {
    let mut table = table(&[with_alternate("x", "later")], &["q"]);
    assert_eq!(routed(&table, "x", "k"), [""; 0]);
    table.declare_exchange(exchange("later", ExchangeKind::Fanout)).expect("new");
    bind(&mut table, to_queue("later", "q", ""));
    assert_eq!(routed(&table, "x", "k"), ["q"]);
}

#[test]
fn the_default_exchange_as_alternate_routes_by_queue_name() {
    let table = table(&[with_alternate("x", "")], &["q"]);
    assert_eq!(routed(&table, "x", "q"), ["q"]);
}

#[test]
fn an_alternate_exchange_by_policy_yields_to_the_argument() {
    let mut table =
        table(&[with_alternate("x", "amq.direct"), exchange("y", ExchangeKind::Direct)], &["q"]);
    bind(&mut table, to_queue("amq.fanout", "q", ""));
    for name in ["x", "y"] {
        assert!(table.set_policy_alternate(name, Some(exchange_name("amq.fanout"))));
    }
    assert_eq!(routed(&table, "x", "k"), [""; 0]);
    assert_eq!(routed(&table, "y", "k"), ["q"]);
    assert!(table.set_policy_alternate("y", None));
    assert_eq!(routed(&table, "y", "k"), [""; 0]);
    assert!(!table.set_policy_alternate("nox", None));
}

#[test]
fn headers_are_decoded_once_and_only_for_a_headers_exchange() {
    let mut table = table(&[], &["q"]);
    let number = arguments(&[("n", FieldValue::I32(1))]);
    for source in ["amq.headers", "amq.match"] {
        bind(&mut table, Binding { arguments: number.clone(), ..to_queue(source, "q", "") });
        bind(&mut table, to_exchange("amq.fanout", source, ""));
    }
    bind(&mut table, to_queue("amq.direct", "q", "k"));
    let mut buffer = Routed::new();
    let mut decoded = 0;
    let mut headers = || {
        decoded += 1;
        number.clone()
    };
    assert_eq!(table.route("amq.direct", b"k", &mut headers, &mut buffer), Ok(()));
    assert!(!buffer.depends_on_message());
    assert_eq!(table.route("amq.fanout", b"k", &mut headers, &mut buffer), Ok(()));
    assert!(buffer.depends_on_message());
    assert_eq!(buffer.queues(), ["q"]);
    assert_eq!(decoded, 1);
}

#[test]
fn several_keys_reach_what_any_of_them_reaches() {
    let mut table = table(&[with_alternate("x", "amq.fanout")], &["q", "r", "lost"]);
    bind(&mut table, to_queue("x", "q", "a"));
    bind(&mut table, to_queue("x", "r", "b"));
    bind(&mut table, to_queue("x", "q", "b"));
    bind(&mut table, to_queue("amq.fanout", "lost", ""));
    let mut buffer = Routed::new();
    let mut reach = |exchange: &str, keys: &[&[u8]]| {
        let done = table.route_keys(exchange, keys, &mut || FieldTable::EMPTY, &mut buffer);
        assert_eq!(done, Ok(()));
        buffer.queues().to_vec()
    };
    assert_eq!(reach("x", &[b"a", b"b", b"nothing"]), ["q", "r"]);
    assert_eq!(reach("x", &[b"nothing", b"none"]), ["lost"]);
    assert_eq!(reach("", &[b"r", b"q", b"r"]), ["q", "r"]);
}

#[test]
fn a_kept_answer_is_a_clone_with_the_same_queues() {
    let mut table = table(&[], &["q"]);
    bind(&mut table, to_queue("amq.fanout", "q", ""));
    let mut buffer = Routed::new();
    assert_eq!(table.route("amq.fanout", b"", &mut || FieldTable::EMPTY, &mut buffer), Ok(()));
    let kept = buffer.clone();
    buffer.clear();
    assert!(buffer.is_empty());
    assert_eq!(kept.queues(), ["q"]);
    assert_eq!(kept.generation(), table.generation());
}
