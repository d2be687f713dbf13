//! The bytes that all bindings may take together.

use super::*;

/// A binding whose arguments are most of it.
fn large(queue: &str) -> Binding {
    let text = FieldValue::text(&"x".repeat(10_000));
    Binding { arguments: arguments(&[("large", text)]), ..to_queue("amq.headers", queue, "") }
}

#[test]
fn bindings_are_refused_by_their_bytes_and_make_room_when_they_go() {
    let mut table = table(&[auto_delete("brief")], &["q", "r", "s"]);
    table.binding_bytes_max = 50_000;
    assert_eq!(table.bind(large("q")), Ok(Change::Added));
    assert_eq!(table.bind(large("r")), Ok(Change::Added));
    let generation = table.generation();
    assert_eq!(table.bind(large("s")), Err(RoutingError::TooManyBindings(50_000)));
    assert_eq!((table.binding_count(), table.generation()), (2, generation), "nothing changed");
    assert_eq!(table.bind(large("q")), Ok(Change::Existed), "what is there costs nothing");
    bind(&mut table, to_queue("amq.direct", "s", "a small one"));
    table.unbind(&large("q")).expect("it is there");
    assert_eq!(table.bind(large("s")), Ok(Change::Added));
    bind(&mut table, to_queue("brief", "r", "k"));
    for queue in ["q", "r", "s"] {
        table.remove_queue(queue);
    }
    assert_eq!((table.binding_count(), table.binding_bytes), (0, 0));
}

#[test]
fn small_bindings_are_as_many_as_are_promised() {
    let mut table = table(&[], &["q"]);
    bind(&mut table, to_queue("amq.topic", "q", "stock.usd.nyse"));
    assert!(BINDINGS_BYTES_MAX / table.binding_bytes > 1_500_000);
}

/// A table in which `q` has fallen with nine bindings that nobody has swept up.
fn littered(exchanges: &[Exchange]) -> Names {
    let mut table = table(exchanges, &["q", "other"]);
    table.swept_at_once = 0;
    for number in 0..9 {
        bind(&mut table, to_queue("amq.topic", "q", &format!("a.{number}.#")));
    }
    table
}

#[test]
fn what_has_fallen_is_seen_by_nobody_and_counts_as_bytes_until_it_is_swept_up() {
    let mut table = littered(&[]);
    bind(&mut table, to_queue("amq.topic", "other", "a.1.#"));
    let (bytes, generation) = (table.binding_bytes, table.generation());
    let removed = table.remove_queue("q").expect("it is there");
    assert_eq!((removed.bindings.len(), removed.crowds.len()), (9, 0));
    assert!(table.generation() > generation, "no publisher keeps a route");
    assert_eq!((table.binding_count(), table.binding_bytes), (1, bytes));
    assert_eq!(table.bindings().count(), 1);
    assert_eq!(table.bindings_from("amq.topic").count(), 1);
    assert_eq!(table.bindings_from_slot(0, 100).0.len(), 1);
    assert_eq!(routed(&table, "amq.topic", "a.1.b"), ["other"]);
    assert!(routed(&table, "amq.topic", "a.2.b").is_empty());
    // Another queue of the name has nothing of the first one.
    assert!(table.add_queue(queue_name("q"), "q".to_owned()));
    assert_eq!(table.bindings_to(&Destination::Queue(queue_name("q"))).count(), 0);
    assert!(routed(&table, "amq.topic", "a.2.b").is_empty());
    bind(&mut table, to_queue("amq.topic", "q", "a.2.#"));
    let mut swept = 0;
    while table.has_fallen() {
        let rubble = table.sweep(2 * BINDING_BYTES);
        assert!(rubble.bindings() <= 2, "a step is bounded");
        swept += rubble.bindings();
        assert_eq!(routed(&table, "amq.topic", "a.2.b"), ["q"]);
    }
    assert_eq!((swept, table.binding_count()), (9, 2));
    assert!(table.binding_bytes < bytes);
}

#[test]
fn a_message_that_only_what_has_fallen_would_take_goes_to_the_alternate_exchange() {
    let mut first = exchange("first", ExchangeKind::Topic);
    first.arguments = arguments(&[("alternate-exchange", FieldValue::text("rest"))]);
    let mut table = littered(&[first, exchange("rest", ExchangeKind::Fanout)]);
    bind(&mut table, to_queue("first", "q", "a.*"));
    bind(&mut table, to_queue("rest", "other", ""));
    assert_eq!(routed(&table, "first", "a.b"), ["q"]);
    table.remove_queue("q");
    assert!(table.has_fallen());
    assert_eq!(routed(&table, "first", "a.b"), ["other"]);
    drop(table.sweep(usize::MAX));
    assert_eq!(routed(&table, "first", "a.b"), ["other"]);
}

#[test]
fn exchanges_that_pick_one_pick_nothing_that_has_fallen() {
    for kind in [ExchangeKind::ConsistentHash, ExchangeKind::Random, ExchangeKind::ModulusHash] {
        let mut table = littered(&[exchange("x", kind)]);
        for (queue, weight) in [("q", "1"), ("other", "1"), ("q", "2")] {
            bind(&mut table, to_queue("x", queue, weight));
        }
        table.remove_queue("q");
        assert!(table.has_fallen());
        for number in 0..50 {
            assert_eq!(routed(&table, "x", &format!("key{number}")), ["other"], "{kind:?}");
        }
    }
}

#[test]
fn an_exchange_falls_with_the_auto_delete_ones_that_it_leaves_empty() {
    let mut table = littered(&[auto_delete("brief"), exchange("big", ExchangeKind::Direct)]);
    bind(&mut table, to_exchange("brief", "big", ""));
    for number in 0..9 {
        bind(&mut table, to_queue("big", "q", &number.to_string()));
    }
    table.told_max = 4;
    let removed = table.delete_exchange("big", false).expect("it is there");
    assert_eq!(names(&removed), ["big", "brief"]);
    let crowd = Crowd { end: Destination::Exchange(exchange_name("big")), bindings: 6 };
    assert_eq!((removed.bindings.len(), removed.crowds), (4, vec![crowd]));
    assert_eq!(table.binding_count(), 9);
    assert_eq!(table.declare_exchange(exchange("big", ExchangeKind::Topic)), Ok(Declared::New));
    assert!(routed(&table, "big", "1").is_empty());
    assert_eq!(
        table.delete_exchange("big", true),
        Ok(Removed { exchanges: vec![exchange("big", ExchangeKind::Topic)], ..Removed::default() })
    );
    assert!(table.sweep(usize::MAX).is_large(), "the router as a whole");
    assert_eq!((table.binding_count(), table.has_fallen()), (9, false));
}
