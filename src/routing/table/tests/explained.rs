//! Explanations say what routing does.

use std::collections::BTreeSet;

use super::super::super::{
    By, ExplainBounds, Explanation, Facts, HashProperty, Mismatch, Outcome, naive,
};
use super::*;

const BOUNDS: ExplainBounds = ExplainBounds { exchanges: 100, bindings: 1000, queues: 100 };

fn explain(table: &Names, exchange: &str, key: &str, headers: &FieldTable) -> Explanation<String> {
    let facts = &mut || headers.clone();
    let told = table.explain(exchange, &[key.as_bytes()], headers, facts, BOUNDS);
    told.expect("the exchange is there")
}

fn reached(told: &Explanation<String>) -> BTreeSet<String> {
    told.reached.iter().map(|way| way.handle.clone()).collect()
}

/// The explanation of one message holds what routing and the naive rules say.
pub(super) fn check(
    table: &Names,
    exchange: &str,
    key: &str,
    headers: &FieldTable,
    queues: &BTreeSet<String>,
) {
    let told = explain(table, exchange, key, headers);
    assert_eq!((&reached(&told), told.queues, told.is_cut), (queues, queues.len(), false));
    for step in &told.steps {
        let bound = table.bindings_from(step.exchange.name.as_str()).count();
        assert_eq!(step.matched.len() + step.unmatched.len() + step.left_out, bound);
        assert_eq!(step.outcome == Outcome::Routed, !step.matched.is_empty());
        let takes = |binding: &Binding| {
            let pattern = binding.routing_key.as_bytes();
            match step.exchange.kind {
                ExchangeKind::Direct => pattern == key.as_bytes(),
                ExchangeKind::Topic => naive::topic(pattern, key.as_bytes()),
                ExchangeKind::Headers => naive::headers(&binding.arguments, headers),
                _ => true,
            }
        };
        assert!(step.matched.iter().all(takes));
        assert!(!step.unmatched.iter().any(|(binding, _)| takes(binding)));
    }
    for way in &told.reached {
        match &way.by {
            By::Binding(Some(binding)) => {
                assert_eq!(binding.source, told.steps[way.step].exchange.name);
                assert_eq!(binding.destination, Destination::Queue(way.name.clone()));
            }
            other => panic!("{other:?} leads to a queue of an exchange with bindings"),
        }
    }
}

#[test]
fn a_way_over_exchanges_and_the_alternate_one_is_told_step_by_step() {
    let mut first = exchange("first", ExchangeKind::Topic);
    first.arguments = arguments(&[("alternate-exchange", FieldValue::text("rest"))]);
    let second = exchange("second", ExchangeKind::Direct);
    let rest = exchange("rest", ExchangeKind::Fanout);
    let mut table = table(&[first, second, rest], &["one", "all"]);
    bind(&mut table, to_exchange("first", "second", "a.*"));
    bind(&mut table, to_queue("second", "one", "a.b"));
    bind(&mut table, to_queue("rest", "all", ""));
    let told = explain(&table, "first", "a.b", &FieldTable::EMPTY);
    let names: Vec<_> = told.steps.iter().map(|step| step.exchange.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!((told.steps[1].from, told.reached[0].step), (Some(0), 1));
    assert!(matches!(&told.steps[1].by, By::Binding(Some(by)) if by.routing_key == key("a.*")));
    let told = explain(&table, "first", "b.b", &FieldTable::EMPTY);
    assert_eq!(told.steps[0].outcome, Outcome::Alternate);
    assert_eq!(told.steps[1].by, By::Alternate);
    let (_, why) = &told.steps[0].unmatched[0];
    assert_eq!(why.to_string(), "word 1 of the key is 'b', and the pattern wants 'a'");
    assert_eq!(reached(&told), BTreeSet::from(["all".to_owned()]));
    let told = explain(&table, "first", "a.c", &FieldTable::EMPTY);
    assert_eq!(told.steps[1].outcome, Outcome::Unrouted);
    assert_eq!(told.steps[1].unmatched[0].1, Mismatch::Key);
    assert_eq!(told.queues, 0);
}

#[test]
fn the_default_exchange_finds_queues_by_their_names() {
    let table = table(&[], &["one"]);
    let told = explain(&table, "", "one", &FieldTable::EMPTY);
    assert_eq!(
        (told.reached[0].by.clone(), told.steps[0].outcome),
        (By::QueueName, Outcome::Routed)
    );
    let told = explain(&table, "", "two", &FieldTable::EMPTY);
    assert_eq!((told.queues, told.steps[0].outcome), (0, Outcome::Unrouted));
    let facts = &mut || FieldTable::EMPTY;
    let missing = table.explain("x", &[b""], &FieldTable::EMPTY, facts, BOUNDS).map(|_| ());
    assert_eq!(missing, Err(RoutingError::NoExchange("x".to_owned())));
}

/// A message to which every number is this one.
struct Picks(u64);

impl Facts for Picks {
    fn headers(&mut self) -> FieldTable {
        FieldTable::EMPTY
    }

    fn property(&mut self, _: HashProperty) -> Option<Vec<u8>> {
        None
    }

    fn number(&mut self) -> u64 {
        self.0
    }
}

#[test]
fn an_exchange_that_picks_one_says_which_and_that_it_did_not_pick_the_others() {
    for kind in [ExchangeKind::ConsistentHash, ExchangeKind::Random, ExchangeKind::ModulusHash] {
        let mut table = table(&[exchange("x", kind)], &["a", "b", "c"]);
        for queue in ["a", "b", "c"] {
            bind(&mut table, to_queue("x", queue, "1"));
        }
        for number in 0..20 {
            let key = format!("key{number}");
            let mut routed = Routed::new();
            let facts = &mut Picks(number << 60);
            table.route("x", key.as_bytes(), facts, &mut routed).expect("it is there");
            let keys = [key.as_bytes()];
            let told = table.explain("x", &keys, &FieldTable::EMPTY, facts, BOUNDS);
            let told = told.expect("it is there");
            assert_eq!(reached(&told), routed.queues().iter().cloned().collect(), "{kind:?}");
            let step = &told.steps[0];
            assert_eq!((step.matched.len(), step.unmatched.len()), (1, 2));
            assert_eq!(step.unmatched[0].1, Mismatch::NotPicked(kind));
        }
    }
}

#[test]
fn what_is_beyond_the_bounds_is_counted_and_the_queues_are_right() {
    let mut table = table(&[exchange("x", ExchangeKind::Fanout)], &["a", "b", "c"]);
    for queue in ["a", "b", "c"] {
        bind(&mut table, to_queue("x", queue, ""));
    }
    bind(&mut table, to_exchange("x", "amq.fanout", ""));
    let bounds = ExplainBounds { exchanges: 1, bindings: 1, queues: 2 };
    let facts = &mut || FieldTable::EMPTY;
    let told = table.explain("x", &[b""], &FieldTable::EMPTY, facts, bounds);
    let told = told.expect("it is there");
    assert_eq!((told.queues, told.reached.len(), told.is_cut), (3, 2, true));
    assert_eq!((told.steps[0].matched.len(), told.steps[0].left_out), (1, 3));
    assert!(told.reached.iter().any(|way| way.by == By::Binding(None)));
}

#[test]
fn a_delay_holds_the_message_back_where_it_is() {
    let mut delayed = exchange("x", ExchangeKind::Fanout);
    delayed.arguments = arguments(&[("x-delayed-exchange", FieldValue::Boolean(true))]);
    let mut table = table(&[delayed], &["a"]);
    table.set_delay_queue("x", "later".to_owned());
    bind(&mut table, to_queue("x", "a", ""));
    let headers = arguments(&[("x-delay", FieldValue::I32(5000))]);
    let told = explain(&table, "x", "", &headers);
    assert_eq!((told.steps[0].outcome, told.queues), (Outcome::Delayed(5000), 0));
    assert_eq!(explain(&table, "x", "", &FieldTable::EMPTY).queues, 1);
}
