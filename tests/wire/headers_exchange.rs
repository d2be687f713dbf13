//! Headers exchanges: bindings by the headers of a message (rabbitmq: exchanges.md).

use crate::support::methods::{basic, queue};
use crate::support::{RawClient, Table, id, refusal};

const X_MATCH: &str = "x-match";

/// Binds a queue to `amq.headers` with these arguments, publishes with these headers, and says
/// whether the message arrives. A header that only this test has keeps others out.
fn matches(arguments: Table, headers: &Table) -> bool {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let bind = queue::bind(&queue, "amq.headers", "").arguments(arguments);
    client.call(1, &bind, id::QUEUE_BIND_OK);
    let properties = [&[0x20, 0][..], &headers.with_length()].concat();
    let publish = basic::publish("amq.headers", "any key");
    client.send_publish(1, &publish, &properties, &queue);
    let arrived = std::iter::from_fn(|| client.get(1, &queue)).any(|got| got.text() == queue);
    client.call(1, &queue::delete(&queue), id::QUEUE_DELETE_OK);
    arrived
}

fn all() -> Table {
    Table::new().text(X_MATCH, "all")
}

fn any() -> Table {
    Table::new().text(X_MATCH, "any")
}

#[test]
fn all_wants_every_header() {
    let wanted = || all().text("shape", "round").int("size", 5);
    assert!(matches(wanted(), &Table::new().text("shape", "round").int("size", 5)));
    assert!(matches(wanted(), &Table::new().int("size", 5).text("shape", "round").text("x", "y")));
    assert!(!matches(wanted(), &Table::new().text("shape", "round")));
    assert!(!matches(wanted(), &Table::new().text("shape", "round").int("size", 6)));
    assert!(!matches(wanted(), &Table::new()));
}

#[test]
fn any_wants_one_header() {
    let wanted = || any().text("shape", "round").int("size", 5);
    assert!(matches(wanted(), &Table::new().text("shape", "round")));
    assert!(matches(wanted(), &Table::new().text("shape", "flat").int("size", 5)));
    assert!(!matches(wanted(), &Table::new().text("shape", "flat").int("size", 6)));
    assert!(!matches(wanted(), &Table::new()));
}

#[test]
fn without_x_match_all_is_meant() {
    let wanted = || Table::new().text("a", "1").text("b", "2");
    assert!(matches(wanted(), &Table::new().text("a", "1").text("b", "2")));
    assert!(!matches(wanted(), &Table::new().text("a", "1")));
}

#[test]
fn an_empty_binding_by_all_matches_everything_and_by_any_nothing() {
    assert!(matches(all(), &Table::new().text("a", "1")));
    assert!(!matches(any(), &Table::new().text("a", "1")));
}

#[test]
fn a_void_value_means_that_the_header_is_there() {
    assert!(matches(all().raw("here", b"V"), &Table::new().text("here", "whatever")));
    assert!(matches(any().raw("here", b"V"), &Table::new().int("here", 7)));
    assert!(!matches(all().raw("here", b"V"), &Table::new().text("there", "whatever")));
}

#[test]
fn integers_of_every_width_are_the_same() {
    assert!(matches(all().int("n", 5), &Table::new().long("n", 5)));
    assert!(matches(all().raw("n", &[b'b', 5]), &Table::new().int("n", 5)));
    assert!(!matches(all().int("n", 5), &Table::new().text("n", "5")));
}

#[test]
fn headers_that_begin_with_x_do_not_count() {
    assert!(matches(all().text("x-mine", "1").text("a", "1"), &Table::new().text("a", "1")));
    assert!(!matches(any().text("x-mine", "1"), &Table::new().text("x-mine", "1")));
}

#[test]
fn headers_that_begin_with_x_count_when_asked() {
    let all_with_x = || Table::new().text(X_MATCH, "all-with-x").text("x-mine", "1");
    assert!(matches(all_with_x(), &Table::new().text("x-mine", "1")));
    assert!(!matches(all_with_x(), &Table::new().text("a", "1")));
    let any_with_x = || Table::new().text(X_MATCH, "any-with-x").text("x-mine", "1").text("a", "1");
    assert!(matches(any_with_x(), &Table::new().text("x-mine", "1")));
    assert!(!matches(any_with_x(), &Table::new().text("x-mine", "2")));
}

#[test]
fn a_message_without_headers_matches_an_empty_binding_only() {
    let mut client = RawClient::with_channel();
    let [empty, filled] = [client.exclusive_queue(1), client.exclusive_queue(1)];
    let bind = queue::bind(&empty, "amq.match", "").arguments(all());
    client.call(1, &bind, id::QUEUE_BIND_OK);
    let bind = queue::bind(&filled, "amq.match", "").arguments(all().text("a", "1"));
    client.call(1, &bind, id::QUEUE_BIND_OK);
    client.publish(1, "amq.match", "", &empty);
    let arrived = std::iter::from_fn(|| client.get(1, &empty)).any(|got| got.text() == empty);
    assert!(arrived);
    assert_eq!(client.get(1, &filled), None);
}

#[test]
fn an_unknown_x_match_is_refused() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let bind = |arguments| queue::bind(&queue, "amq.headers", "").arguments(arguments);
    let text = "PRECONDITION_FAILED - Invalid x-match field value <<\"some\">>; expected all, any, \
                all-with-x, or any-with-x";
    let refused = refusal(406, text, id::QUEUE_BIND);
    client.refused(1, &bind(Table::new().text(X_MATCH, "some")), &refused);
    client.open_channel(1);
    let text = "PRECONDITION_FAILED - Invalid x-match field type signedint (value 1); expected \
                longstr";
    let refused = refusal(406, text, id::QUEUE_BIND);
    client.refused(1, &bind(Table::new().int(X_MATCH, 1)), &refused);
}
