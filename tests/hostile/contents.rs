//! Contents at their limits, and beyond.

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::methods::{basic, exchange, queue};
use crate::support::{Broker, Login, RawClient, Table, id, refusal};

/// The frame-max that is agreed, without what is no payload.
const PAYLOAD_MAX: usize = 131_072 - 8;

/// Property flags of a content that has headers only, and these headers.
fn headers(table: &Table) -> Vec<u8> {
    [&[0x20, 0][..], &table.with_length()].concat()
}

/// A table of so many bytes with many small entries: what is dearest for whoever takes it apart.
fn wide(bytes: usize) -> Table {
    (0..bytes / 11).fold(Table::new(), |table, number| table.int(&format!("{number:05}"), 7))
}

/// `FRAME_MAX_DEFAULT` bounds a header; one that fills the frame goes through the exchange that looks into it.
#[test]
fn headers_that_fill_a_frame_are_routed_and_larger_ones_refused() {
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::with_channel_on(&broker);
    let name = client.exclusive_queue(1);
    let wanted = Table::new().text("x-match", "any").int("00007", 7);
    let bind = queue::bind(&name, "amq.headers", "").arguments(wanted);
    client.call(1, &bind, id::QUEUE_BIND_OK);
    let properties = headers(&wide(PAYLOAD_MAX - 20));
    assert!(
        (PAYLOAD_MAX - 40..PAYLOAD_MAX - 12).contains(&properties.len()),
        "{}",
        properties.len()
    );
    for _ in 0..20 {
        client.send_publish(1, &basic::publish("amq.headers", ""), &properties, "far");
        neighbour.is_served(1);
    }
    for _ in 0..20 {
        let message = client.get(1, &name).expect("the message");
        assert!(message.properties == properties, "byte for byte (I3)");
    }
    client.send(1, &basic::publish("amq.headers", ""));
    client.send_header(1, 0, &headers(&wide(PAYLOAD_MAX + 100)));
    let close = client.next_frame();
    assert_eq!(close.method(), Some(id::CONNECTION_CLOSE), "{close:?}");
    assert_eq!(close.arguments().short(), 501, "{close:?}");
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// `TABLE_DEPTH_MAX`, wherever a table may stand.
#[test]
fn tables_within_tables_are_refused_wherever_they_stand() {
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let deep = Table::nested(3_000);
    let text = "FRAME_ERROR - field table is nested deeper than 64 levels";
    let calls = [
        (queue::declare("deep").arguments(deep.clone()), id::QUEUE_DECLARE),
        (exchange::declare("deep", "fanout").arguments(deep.clone()), id::EXCHANGE_DECLARE),
        (queue::bind("deep", "amq.headers", "").arguments(deep.clone()), id::QUEUE_BIND),
        (basic::consume("deep", "c").arguments(deep.clone()), id::BASIC_CONSUME),
    ];
    for (call, method) in calls {
        let mut client = RawClient::with_channel_on(&broker);
        client.send(1, &call);
        client.expect_connection_close(&refusal(501, text, method));
        neighbour.is_served(1);
    }
    let mut client = RawClient::with_channel_on(&broker);
    client.send(1, &basic::publish("amq.headers", "k"));
    client.send_header(1, 0, &headers(&deep));
    client.expect_connection_close(&refusal(501, text, id::BASIC_PUBLISH));
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// A large body in the smallest frames that there are: neither does it take the connection of others, nor more memory
/// than its bytes.
#[test]
fn a_large_body_in_small_frames_goes_there_and_back() {
    const BYTES: usize = 8 * 1024 * 1024;
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::login(&broker, &Login::guest().frame_max(4096));
    client.open_channel(1);
    let name = client.exclusive_queue(1);
    let idle_kib = broker.status_number("VmHWM");
    client.send(1, &basic::publish("", &name));
    client.send_header(1, BYTES as u64, &[0, 0]);
    for (number, piece) in vec![b'x'; BYTES].chunks(4088).enumerate() {
        client.send_body(1, piece);
        if number % 100 == 0 {
            neighbour.is_served(1);
        }
    }
    assert_eq!(client.get(1, &name).expect("the message").body.len(), BYTES);
    let peak_kib = broker.status_number("VmHWM") - idle_kib;
    assert!(peak_kib < 4 * BYTES as u64 / 1024, "{peak_kib} KiB for {BYTES} bytes");
    client.close();
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// `MESSAGE_BYTES_MAX_DEFAULT` and `MESSAGE_BYTES_MAX_HARD`: what is announced is not made room for, and what is too
/// large is dropped while it comes and refused at its end.
#[test]
fn a_body_that_is_announced_costs_nothing_until_it_comes() {
    const LIMIT: usize = 1024 * 1024;
    let broker = Broker::start(&[&format!("max_message_size = {LIMIT}")]);
    let mut neighbour = Neighbour::of(&broker);
    let idle_kib = broker.status_number("VmRSS");
    let mut waiting: Vec<_> = (0..20).map(|_| RawClient::with_channel_on(&broker)).collect();
    for client in &mut waiting {
        client.send(1, &basic::publish("", "nowhere"));
        client.send_header(1, LIMIT as u64, &[0, 0]);
        client.send_body(1, b"and nothing more");
    }
    neighbour.is_served(5);
    let held_kib = broker.status_number("VmRSS") - idle_kib;
    assert!(held_kib < 8 * 1024, "{held_kib} KiB for what was announced");
    let mut client = RawClient::with_channel_on(&broker);
    client.send(1, &basic::publish("", "nowhere"));
    client.send_header(1, 8 * LIMIT as u64, &[0, 0]);
    for piece in vec![b'x'; 8 * LIMIT].chunks(100_000) {
        client.send_body(1, piece);
    }
    let text = format!(
        "PRECONDITION_FAILED - message size {} is larger than configured max size {LIMIT}",
        8 * LIMIT
    );
    client.expect_refusal(1, &refusal(406, text, id::BASIC_PUBLISH));
    let more_kib = broker.status_number("VmHWM") - idle_kib;
    assert!(more_kib < 16 * 1024, "{more_kib} KiB for what was dropped");
    drop(waiting);
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
