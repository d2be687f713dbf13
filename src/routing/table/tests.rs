//! What the table does, seen from outside. The properties against a naive table are in `model`.

use super::super::{Change, Crowd, Declared, Routed, RoutingError};
use super::*;
use crate::base::FieldValue;

mod crowded;
mod explained;
mod model;
mod plugins;
mod walk;

/// Queues are known by their names here.
type Names = Table<String>;

fn exchange_name(name: &str) -> ExchangeName {
    ExchangeName::try_from(name).expect("a short name")
}

fn queue_name(name: &str) -> QueueName {
    QueueName::try_from(name).expect("a short name")
}

fn key(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("a short key")
}

fn arguments(entries: &[(&str, FieldValue)]) -> FieldTable {
    entries.iter().map(|(name, value)| (key(name), value.clone())).collect()
}

fn exchange(name: &str, kind: ExchangeKind) -> Exchange {
    Exchange::new(exchange_name(name), kind)
}

fn auto_delete(name: &str) -> Exchange {
    Exchange { auto_delete: true, ..exchange(name, ExchangeKind::Fanout) }
}

fn to_queue(source: &str, queue: &str, routing_key: &str) -> Binding {
    Binding {
        source: exchange_name(source),
        destination: Destination::Queue(queue_name(queue)),
        routing_key: key(routing_key),
        arguments: FieldTable::EMPTY,
    }
}

fn to_exchange(source: &str, destination: &str, routing_key: &str) -> Binding {
    Binding {
        destination: Destination::Exchange(exchange_name(destination)),
        ..to_queue(source, "", routing_key)
    }
}

/// A table with these exchanges and queues.
fn table(exchanges: &[Exchange], queues: &[&str]) -> Names {
    let mut table = Table::new();
    for exchange in exchanges {
        assert_eq!(table.declare_exchange(exchange.clone()), Ok(Declared::New));
    }
    for queue in queues {
        assert!(table.add_queue(queue_name(queue), (*queue).to_owned()));
    }
    table
}

fn bind(table: &mut Names, binding: Binding) {
    assert_eq!(table.bind(binding), Ok(Change::Added));
}

/// The queues of a message without headers, in order of their names.
fn routed(table: &Names, exchange: &str, routing_key: &str) -> Vec<String> {
    let mut routed = Routed::new();
    let done =
        table.route(exchange, routing_key.as_bytes(), &mut || FieldTable::EMPTY, &mut routed);
    assert_eq!(done, Ok(()));
    let mut queues = routed.into_queues();
    queues.sort();
    queues
}

fn names(removed: &Removed) -> Vec<&str> {
    removed.exchanges.iter().map(|exchange| exchange.name.as_str()).collect()
}

#[test]
fn a_new_table_has_the_default_exchange_and_the_predeclared_ones() {
    let table = Names::new();
    let mut found: Vec<_> = table
        .exchanges()
        .map(|x| (x.name.as_str(), x.kind.as_str(), x.durable, x.internal))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("", "direct", true, false),
            ("amq.direct", "direct", true, false),
            ("amq.fanout", "fanout", true, false),
            ("amq.headers", "headers", true, false),
            ("amq.match", "headers", true, false),
            ("amq.rabbitmq.trace", "topic", true, true),
            ("amq.topic", "topic", true, false),
        ]
    );
    assert_eq!(table.exchange_count(), 7);
}

#[test]
fn an_exchange_is_declared_once_and_the_same_again() {
    let mut table = table(&[exchange("x", ExchangeKind::Topic)], &[]);
    let again = table.declare_exchange(exchange("x", ExchangeKind::Topic));
    assert_eq!(again, Ok(Declared::Existed));
    let error = table.declare_exchange(exchange("x", ExchangeKind::Direct)).expect_err("differs");
    assert_eq!(
        error.to_string(),
        "inequivalent arg 'type': received 'direct' but current is 'topic'"
    );
    assert_eq!(table.exchange("x").map(|x| x.kind), Some(ExchangeKind::Topic));
}

#[test]
fn a_new_exchange_needs_an_alternate_exchange_that_is_a_string() {
    let number = Exchange {
        arguments: arguments(&[("alternate-exchange", FieldValue::I32(5))]),
        ..exchange("x", ExchangeKind::Topic)
    };
    let mut table = Names::new();
    let error = table.declare_exchange(number.clone()).expect_err("no string");
    assert_eq!(
        error,
        RoutingError::InvalidArgumentType {
            argument: "alternate-exchange",
            type_name: "signedint"
        }
    );
    assert!(table.exchange("x").is_none());
    // One that is there is compared instead.
    assert_eq!(table.declare_exchange(exchange("x", ExchangeKind::Topic)), Ok(Declared::New));
    assert_eq!(
        table.declare_exchange(number).expect_err("differs").to_string(),
        "inequivalent arg 'alternate-exchange': received the value '5' of type 'signedint' but \
         current is none"
    );
}

#[test]
fn deleting_a_missing_exchange_changes_nothing() {
    let mut table = Names::new();
    let before = table.generation();
    assert_eq!(table.delete_exchange("x", true), Ok(Removed::default()));
    assert_eq!(table.generation(), before);
}

#[test]
fn an_exchange_with_bindings_from_it_is_in_use() {
    let kind = ExchangeKind::Fanout;
    let mut table = table(&[exchange("x", kind), exchange("y", kind)], &["q"]);
    bind(&mut table, to_queue("x", "q", "k"));
    bind(&mut table, to_exchange("x", "y", "k"));
    assert_eq!(table.delete_exchange("x", true), Err(RoutingError::InUse("x".into())));
    // Bindings to it are no use of it.
    let removed = table.delete_exchange("y", true).expect("y has no bindings from it");
    assert_eq!(names(&removed), ["y"]);
    assert_eq!(removed.bindings, [to_exchange("x", "y", "k")]);
    let removed = table.delete_exchange("x", false).expect("without condition");
    assert_eq!(names(&removed), ["x"]);
    assert_eq!(removed.bindings, [to_queue("x", "q", "k")]);
    assert_eq!(table.binding_count(), 0);
}

#[test]
fn the_default_exchange_is_neither_deleted_nor_bound() {
    let mut table = table(&[exchange("x", ExchangeKind::Fanout)], &["q"]);
    let refused = RoutingError::DefaultExchange;
    assert_eq!(table.delete_exchange("", false), Err(refused.clone()));
    assert_eq!(table.bind(to_queue("", "q", "q")), Err(refused.clone()));
    assert_eq!(table.bind(to_exchange("x", "", "q")), Err(refused.clone()));
    assert_eq!(table.unbind(&to_queue("", "q", "q")), Err(refused));
}

#[test]
fn an_auto_delete_exchange_goes_with_its_last_binding_and_not_before_its_first() {
    let mut table = table(&[auto_delete("x")], &["q"]);
    assert!(table.unbind(&to_queue("x", "q", "k")).is_ok_and(|removed| removed.is_empty()));
    bind(&mut table, to_queue("x", "q", "k"));
    bind(&mut table, to_queue("x", "q", "l"));
    let removed = table.unbind(&to_queue("x", "q", "k")).expect("unbind never fails here");
    assert_eq!(names(&removed), [""; 0]);
    let removed = table.unbind(&to_queue("x", "q", "l")).expect("unbind never fails here");
    assert_eq!(names(&removed), ["x"]);
    assert_eq!(removed.bindings, [to_queue("x", "q", "l")]);
    assert!(table.exchange("x").is_none());
}

#[test]
fn auto_delete_goes_up_a_chain_of_exchanges() {
    let plain = exchange("top", ExchangeKind::Fanout);
    let mut table = table(&[plain, auto_delete("a"), auto_delete("b")], &["q"]);
    bind(&mut table, to_exchange("top", "a", ""));
    bind(&mut table, to_exchange("a", "b", ""));
    bind(&mut table, to_queue("b", "q", ""));
    let removed = table.remove_queue("q").expect("q is there");
    assert_eq!(names(&removed), ["b", "a"]);
    assert_eq!(
        removed.bindings,
        [to_queue("b", "q", ""), to_exchange("a", "b", ""), to_exchange("top", "a", "")]
    );
    assert!(table.exchange("top").is_some());
    assert_eq!(table.binding_count(), 0);
}

#[test]
fn an_exchange_bound_to_itself_can_be_deleted() {
    let mut table = table(&[auto_delete("x")], &[]);
    bind(&mut table, to_exchange("x", "x", ""));
    let removed = table.delete_exchange("x", false).expect("without condition");
    assert_eq!(names(&removed), ["x"]);
    assert_eq!(removed.bindings.len(), 1);
}

#[test]
fn of_two_missing_ends_the_source_is_reported() {
    let mut table = table(&[exchange("x", ExchangeKind::Fanout)], &["q"]);
    let no_exchange = |name: &str| Err(RoutingError::NoExchange(name.to_owned()));
    assert_eq!(table.bind(to_queue("nox", "noq", "")), no_exchange("nox"));
    assert_eq!(table.bind(to_queue("nox", "q", "")), no_exchange("nox"));
    assert_eq!(table.bind(to_exchange("x", "noy", "")), no_exchange("noy"));
    assert_eq!(table.bind(to_queue("x", "noq", "")), Err(RoutingError::NoQueue("noq".to_owned())));
}

#[test]
fn unbinding_something_missing_changes_nothing() {
    let mut table = table(&[exchange("x", ExchangeKind::Fanout)], &["q"]);
    bind(&mut table, to_queue("x", "q", "k"));
    let before = table.generation();
    for missing in [to_queue("x", "q", "l"), to_queue("nox", "q", ""), to_queue("x", "noq", "")] {
        assert_eq!(table.unbind(&missing), Ok(Removed::default()));
    }
    assert_eq!(table.generation(), before);
    assert_eq!(table.binding_count(), 1);
}

#[test]
fn equal_bindings_are_one_and_arguments_make_a_difference() {
    let mut table = table(&[exchange("x", ExchangeKind::Direct)], &["q"]);
    let with = |entries: &[(&str, FieldValue)]| Binding {
        arguments: arguments(entries),
        ..to_queue("x", "q", "k")
    };
    let (a, b) = (("a", FieldValue::I32(1)), ("b", FieldValue::I32(2)));
    assert_eq!(table.bind(with(&[])), Ok(Change::Added));
    assert_eq!(table.bind(with(&[])), Ok(Change::Existed));
    assert_eq!(table.bind(with(&[b.clone(), a.clone()])), Ok(Change::Added));
    assert_eq!(table.bind(with(&[a.clone(), b.clone()])), Ok(Change::Existed), "another order");
    assert_eq!(table.bind(with(&[("a", FieldValue::I64(1)), b.clone()])), Ok(Change::Added));
    assert_eq!(table.binding_count(), 3);
    assert!(table.is_bound(&with(&[a.clone(), b.clone()])));
    assert!(table.bindings().any(|binding| binding == with(&[a.clone(), b.clone()])), "sorted");
    assert_eq!(routed(&table, "x", "k"), ["q"]);
    assert!(table.unbind(&with(&[])).is_ok_and(|removed| removed.bindings.len() == 1));
    assert_eq!(routed(&table, "x", "k"), ["q"], "two are left");
}

#[test]
fn bindings_are_listed_by_source_and_by_destination() {
    let kind = ExchangeKind::Direct;
    let mut table = table(&[exchange("x", kind), exchange("y", kind)], &["q", "r"]);
    let all = [to_queue("x", "q", "1"), to_exchange("x", "y", "2"), to_queue("y", "q", "3")];
    for binding in &all {
        bind(&mut table, binding.clone());
    }
    assert_eq!(table.bindings().collect::<Vec<_>>(), all);
    assert_eq!(table.bindings_from("x").collect::<Vec<_>>(), all[..2]);
    let to_q = table.bindings_to(&Destination::Queue(queue_name("q")));
    assert_eq!(to_q.collect::<Vec<_>>(), [all[0].clone(), all[2].clone()]);
    let to_y = table.bindings_to(&Destination::Exchange(exchange_name("y")));
    assert_eq!(to_y.collect::<Vec<_>>(), all[1..2]);
    assert_eq!(table.bindings_from("").count(), 0, "implied, not listed");
    assert_eq!(table.bindings_from("nox").count(), 0);
    assert_eq!(table.bindings_to(&Destination::Queue(queue_name("noq"))).count(), 0);
}

#[test]
fn a_queue_name_is_taken_once_and_free_again_afterwards() {
    let mut table = table(&[], &["q"]);
    assert!(!table.add_queue(queue_name("q"), "other".to_owned()));
    assert_eq!(table.queue("q").map(String::as_str), Some("q"));
    assert_eq!(table.remove_queue("q"), Some(Removed::default()));
    assert_eq!(table.remove_queue("q"), None);
    assert!(table.queue("q").is_none());
    assert!(table.add_queue(queue_name("q"), "new".to_owned()));
    let listed: Vec<_> = table.queues().map(|(name, queue)| (name.as_str(), &**queue)).collect();
    assert_eq!(listed, [("q", "new")]);
    assert_eq!(table.queue_count(), 1);
}

#[test]
fn a_bad_x_match_is_refused_by_a_headers_exchange_only() {
    let mut table =
        table(&[exchange("h", ExchangeKind::Headers), exchange("x", ExchangeKind::Direct)], &["q"]);
    let bogus = |source: &str| Binding {
        arguments: arguments(&[("x-match", FieldValue::text("bogus"))]),
        ..to_queue(source, "q", "")
    };
    let refused = table.bind(bogus("h"));
    assert_eq!(refused, Err(RoutingError::InvalidXMatchValue("<<\"bogus\">>".to_owned())));
    assert_eq!(table.bind(bogus("x")), Ok(Change::Added));
    assert_eq!(table.binding_count(), 1);
}

#[test]
fn the_generation_grows_with_every_change_and_with_nothing_else() {
    let mut table = Names::new();
    let mut last = table.generation();
    assert!(last > 0);
    let mut grows = |table: &Names, does: bool| {
        assert_eq!(table.generation() > last, does);
        last = table.generation();
    };
    let x = exchange("x", ExchangeKind::Fanout);
    table.declare_exchange(x.clone()).expect("new");
    grows(&table, true);
    table.declare_exchange(x).expect("the same");
    grows(&table, false);
    table.add_queue(queue_name("q"), "q".to_owned());
    grows(&table, true);
    table.bind(to_queue("x", "q", "")).expect("both are there");
    grows(&table, true);
    table.bind(to_queue("x", "q", "")).expect("it is there");
    grows(&table, false);
    assert!(table.set_policy_alternate("x", Some(exchange_name("amq.fanout"))));
    grows(&table, true);
    assert!(!table.set_policy_alternate("x", Some(exchange_name("amq.fanout"))));
    grows(&table, false);
    table.unbind(&to_queue("x", "q", "")).expect("unbind never fails here");
    grows(&table, true);
    table.delete_exchange("x", false).expect("without condition");
    grows(&table, true);
    table.remove_queue("q").expect("it is there");
    grows(&table, true);
}
