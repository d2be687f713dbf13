//! The types of RabbitMQ's plug-ins in the table: what is refused, and what is special on the way.

use super::*;
use crate::routing::{Facts, HashProperty};

fn with(name: &str, kind: ExchangeKind, arguments: &[(&str, FieldValue)]) -> Exchange {
    let short = |key: &str| ShortStr::try_from(key).expect("a short key");
    let arguments = arguments.iter().map(|(key, value)| (short(key), value.clone())).collect();
    Exchange { arguments, ..exchange(name, kind) }
}

fn refused(kind: ExchangeKind, arguments: &[(&str, FieldValue)]) -> String {
    let declared = Table::<u32>::new().declare_exchange(with("x", kind, arguments));
    declared.expect_err("bad arguments").to_string()
}

fn bound(kind: ExchangeKind, key: &str) -> Result<Change, String> {
    let mut table = table(&[exchange("x", kind)], &["q"]);
    table.bind(to_queue("x", "q", key)).map_err(|error| error.to_string())
}

#[test]
fn arguments_of_hash_and_history_exchanges_are_checked() {
    let text = FieldValue::text;
    let hash = ExchangeKind::ConsistentHash;
    let both = [("hash-header", text("a")), ("hash-property", text("message_id"))];
    assert_eq!(refused(hash, &both), "hash-header and hash-property are mutually exclusive");
    assert_eq!(
        refused(hash, &[("x-hash-on", text("a")), ("hash-property", text("timestamp"))]),
        "hash-header and hash-property are mutually exclusive"
    );
    assert_eq!(refused(hash, &[("hash-property", text("app_id"))]), "Unsupported property: app_id");
    assert_eq!(
        refused(hash, &[("hash-header", FieldValue::I32(5))]),
        "invalid type 'signedint' for arg 'hash-header'"
    );
    let history =
        |value| refused(ExchangeKind::RecentHistory, &[("x-recent-history-length", value)]);
    let must = "'x-recent-history-length' must be a positive integer";
    assert_eq!(history(FieldValue::I32(0)), format!("Invalid argument 0, {must}"));
    assert_eq!(history(FieldValue::I64(-30)), format!("Invalid argument -30, {must}"));
    assert_eq!(history(text("0")), format!("Invalid argument <<\"0\">>, {must}"));
    let good = with("x", ExchangeKind::RecentHistory, &[]);
    assert_eq!(good.history_length(), Some(20));
    let good =
        with("x", ExchangeKind::RecentHistory, &[("x-recent-history-length", FieldValue::I64(3))]);
    assert_eq!(good.history_length(), Some(3));
    assert_eq!(exchange("x", ExchangeKind::Fanout).history_length(), None);
}

#[test]
fn bindings_of_hash_and_local_random_exchanges_are_checked() {
    let hash = ExchangeKind::ConsistentHash;
    assert_eq!(bound(hash, "10000"), Ok(Change::Added));
    let refused = |key: &str| bound(hash, key).expect_err("no weight");
    assert_eq!(refused("abc"), "The binding key must be an integer: <<\"abc\">>");
    assert_eq!(refused(""), "The binding key must be an integer: <<>>");
    assert_eq!(refused("0"), "The binding key must be greater than 0");
    assert_eq!(refused("10001"), "The binding key must not exceed 10000");
    let local = ExchangeKind::LocalRandom;
    assert_eq!(bound(local, ""), Ok(Change::Added));
    assert_eq!(bound(local, "k"), Err("Non empty binding 'k' key not permitted".to_owned()));
    let mut table = table(&[exchange("x", local), exchange("y", local)], &[]);
    let error = table.bind(to_exchange("x", "y", "")).expect_err("no queue");
    assert_eq!(error.to_string(), "Destination not found");
    assert_eq!(bound(ExchangeKind::Random, "any"), Ok(Change::Added));
    assert_eq!(bound(ExchangeKind::ModulusHash, "any"), Ok(Change::Added));
}

/// A message without properties that brings this number.
struct Picking(u64);

impl Facts for Picking {
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
fn a_random_exchange_sends_each_message_to_one_queue_and_is_never_remembered() {
    for kind in [ExchangeKind::Random, ExchangeKind::LocalRandom] {
        let mut table = table(&[exchange("x", kind)], &["a", "b"]);
        table.bind(to_queue("x", "a", "")).expect("bound");
        table.bind(to_queue("x", "b", "")).expect("bound");
        let mut buffer = Routed::new();
        let mut picked = Vec::new();
        for number in [0, u64::MAX] {
            table.route("x", b"k", &mut Picking(number), &mut buffer).expect("x is there");
            assert!(buffer.depends_on_message());
            assert_eq!(buffer.queues().len(), 1);
            picked.push(buffer.queues()[0].clone());
        }
        assert_ne!(picked[0], picked[1]);
    }
}

#[test]
fn every_type_sends_what_it_has_no_binding_for_to_its_alternate_exchange() {
    for kind in [
        ExchangeKind::ConsistentHash,
        ExchangeKind::Random,
        ExchangeKind::LocalRandom,
        ExchangeKind::ModulusHash,
        ExchangeKind::RecentHistory,
    ] {
        let alternate = with("x", kind, &[("alternate-exchange", FieldValue::text("amq.fanout"))]);
        let mut table = table(&[alternate], &["rest", "q"]);
        table.bind(to_queue("amq.fanout", "rest", "")).expect("bound");
        assert_eq!(routed(&table, "x", "k"), ["rest"], "{kind:?}");
        let key = if kind == ExchangeKind::ConsistentHash { "1" } else { "" };
        table.bind(to_queue("x", "q", key)).expect("bound");
        assert_eq!(routed(&table, "x", "k"), ["q"], "{kind:?}");
        table.unbind(&to_queue("x", "q", key)).expect("unbound");
        assert_eq!(routed(&table, "x", "k"), ["rest"], "{kind:?}");
    }
}

#[test]
fn a_hash_by_routing_key_may_be_remembered_and_a_hash_by_header_may_not() {
    let by_header = [("hash-header", FieldValue::text("h"))];
    for (arguments, depends) in [(&[][..], false), (&by_header[..], true)] {
        let mut table = table(&[with("x", ExchangeKind::ConsistentHash, arguments)], &["q"]);
        table.bind(to_queue("x", "q", "1")).expect("bound");
        let mut buffer = Routed::new();
        let headers = &mut || FieldTable::EMPTY;
        table.route("x", b"k", headers, &mut buffer).expect("x is there");
        assert_eq!(buffer.depends_on_message(), depends);
    }
}

#[test]
fn histories_on_the_way_are_told_for_the_message() {
    let history = ExchangeKind::RecentHistory;
    let mut table =
        table(&[exchange("x", history), exchange("y", history), exchange("z", history)], &["q"]);
    table.bind(to_exchange("x", "y", "")).expect("bound");
    table.bind(to_queue("y", "q", "")).expect("bound");
    let mut buffer = Routed::new();
    table.route("x", b"k", &mut || FieldTable::EMPTY, &mut buffer).expect("x is there");
    let names: Vec<_> = table.histories(&buffer).map(|x| x.name.to_string()).collect();
    assert_eq!(names, ["x", "y"]);
    assert!(buffer.depends_on_message(), "each message is to be told of");
    table.route("amq.direct", b"k", &mut || FieldTable::EMPTY, &mut buffer).expect("is there");
    assert_eq!(table.histories(&buffer).count(), 0);
}
