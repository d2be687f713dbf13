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
