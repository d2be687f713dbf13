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

#[test]
fn bindings_of_a_queue_go_in_steps_with_the_exchanges_that_they_leave_empty() {
    let mut table = table(&[auto_delete("brief")], &["q", "other"]);
    bind(&mut table, to_queue("brief", "q", "k"));
    for number in 0..9 {
        bind(&mut table, to_queue("amq.direct", "q", &number.to_string()));
    }
    bind(&mut table, to_queue("amq.direct", "other", "k"));
    let generation = table.generation();
    let steps: Vec<_> = (0..4).map(|_| table.unbind_some("q", 4)).collect();
    let sizes = steps.iter().map(|removed| (removed.bindings.len(), removed.exchanges.len()));
    assert_eq!(sizes.collect::<Vec<_>>(), [(4, 0), (4, 0), (2, 1), (0, 0)]);
    assert!(table.generation() > generation, "no publisher keeps a route");
    assert_eq!((table.bindings_of("q"), table.bindings_of("other")), (0, 1));
    assert!(table.unbind_some("none", 4).is_empty());
}
