//! The firehose: what is copied, with which headers, and that it costs no route when it is off.

use super::world::{Hand, MANUAL, World, entries, message_with_headers, parse_headers, queue};
use crate::base::{
    ChannelId, ConsumerTag, ExchangeName, FieldTable, FieldValue, MessageHeader, ShortStr,
    VhostName,
};
use crate::broker::{Actor, Answered, Binding, Destination, Event};
use crate::store;

fn slash() -> VhostName {
    VhostName::try_from("/").expect("short")
}

fn trace(world: &World, on: bool) {
    let record = store::Vhost { tracing: on, ..store::Vhost::new(slash()) };
    let done = Box::new(|stored: Result<(), _>| stored.expect("kept in memory"));
    world.broker.put_vhost(&Actor::internal(), record, done).expect("put");
}

fn binding(source: &str, key: &str, to: &str) -> Binding {
    Binding {
        source: ExchangeName::try_from(source).expect("short"),
        destination: Destination::Queue(queue(to)),
        routing_key: ShortStr::try_from(key).expect("short"),
        arguments: FieldTable::EMPTY,
    }
}

/// Somebody who gets all copies.
fn watcher(world: &World) -> Hand {
    world.broker.open_event_exchange("rabbit@here", &slash());
    let mut hand = world.connect();
    hand.declare("copies").expect("declared");
    hand.bind(&binding("amq.rabbitmq.trace", "#", "copies")).expect("bound");
    hand
}

/// The copies: key, headers and body.
fn copies(hand: &mut Hand) -> Vec<(String, FieldTable, Vec<u8>)> {
    let mut all = Vec::new();
    while let Answered::Got(event, _) = hand.get("copies").expect("the queue is there") {
        let message = event.content.load().expect("it can be read");
        let key = String::from_utf8(message.routing_key().to_vec()).expect("a word");
        all.push((key, parse_headers(message.properties()), message.body().to_vec()));
    }
    all
}

fn keys(hand: &mut Hand) -> Vec<String> {
    copies(hand).into_iter().map(|(key, ..)| key).collect()
}

fn texts(headers: &FieldTable, name: &str) -> Vec<String> {
    let Some(FieldValue::Array(all)) = headers.get(name.as_bytes()) else {
        panic!("{name} in {headers:?}")
    };
    all.iter().map(|one| one.as_text().expect("a text").to_owned()).collect()
}

#[test]
fn a_publish_is_copied_with_where_it_went() {
    let world = World::new();
    let mut watcher = watcher(&world);
    let mut guest = world.connect();
    guest.declare("q").expect("declared");
    guest.bind(&binding("amq.topic", "w.*", "q")).expect("bound");
    trace(&world, true);
    let header = MessageHeader::default();
    let cc = FieldValue::Array(vec![FieldValue::text("w.b")]);
    let message =
        message_with_headers(("amq.topic", "w.a"), b"body", header, &[("CC", cc.clone())]);
    guest.publish_message(message).expect("routed");
    guest.publish_to("", "nowhere", b"lost").expect("routed nowhere");
    guest.flush();
    let copies = copies(&mut watcher);
    assert_eq!(copies.len(), 2);
    let (key, headers, body) = &copies[0];
    assert_eq!((key.as_str(), body.as_slice()), ("publish.amq.topic", &b"body"[..]));
    assert_eq!(texts(headers, "routing_keys"), ["w.a", "w.b"]);
    assert_eq!(texts(headers, "routed_queues"), ["q"]);
    let properties = FieldValue::Table(entries(&[("CC", cc)]));
    assert_eq!(headers.get(b"properties"), Some(&properties));
    for (name, value) in
        [("exchange_name", "amq.topic"), ("node", "rabbit@here"), ("vhost", "/"), ("user", "guest")]
    {
        assert_eq!(headers.get(name.as_bytes()), Some(&FieldValue::text(value)), "{name}");
    }
    assert_eq!(headers.get(b"channel"), Some(&FieldValue::I32(1)));
    assert_eq!(copies[1].0, "publish.");
    assert_eq!(texts(&copies[1].1, "routed_queues"), Vec::<String>::new());
}

#[test]
fn every_publish_of_a_stream_is_copied_from_the_moment_on_and_none_after() {
    let world = World::new();
    let mut watcher = watcher(&world);
    let mut guest = world.connect();
    guest.declare("q").expect("declared");
    let publish = |guest: &mut Hand, times: usize| {
        for _ in 0..times {
            guest.publish("q", b"m").expect("routed");
        }
        guest.flush();
    };
    publish(&mut guest, 3);
    trace(&world, true);
    publish(&mut guest, 3);
    assert_eq!(keys(&mut watcher), ["publish."; 3]);
    trace(&world, false);
    publish(&mut guest, 3);
    assert_eq!(keys(&mut watcher), Vec::<String>::new());
}

#[test]
fn what_is_handed_out_is_copied_and_says_whether_it_was_before() {
    let world = World::new();
    let mut watcher = watcher(&world);
    let mut guest = world.connect();
    guest.declare("q").expect("declared");
    guest.publish("q", b"m").expect("routed");
    guest.flush();
    trace(&world, true);
    guest.consume("q", MANUAL).expect("consuming");
    let delivered = guest.events().into_iter().find_map(|event| match event {
        Event::Deliver(delivery) => Some(delivery),
        _ => None,
    });
    let delivered = delivered.expect("a delivery");
    let message = delivered.content.load().expect("it can be read");
    guest.client.trace_delivery(delivered.consumer, &message, true);
    let tag = ConsumerTag::try_from("none").expect("short");
    guest.client.cancel(guest.holder, &tag);
    guest.flush();
    guest.client.trace_got(ChannelId(1), guest.holder, delivered.queue, &message, false);
    guest.flush();
    let copies = copies(&mut watcher);
    let seen: Vec<_> = copies
        .iter()
        .map(|(key, headers, _)| (key.as_str(), headers.get(b"redelivered")))
        .collect();
    assert_eq!(
        seen,
        [("deliver.q", Some(&FieldValue::I32(1))), ("deliver.q", Some(&FieldValue::I32(0)))]
    );
    assert_eq!(texts(&copies[0].1, "routing_keys"), ["q"]);
}

#[test]
fn copies_are_not_copied() {
    let world = World::new();
    let mut watcher = watcher(&world);
    trace(&world, true);
    watcher.publish("nowhere", b"m").expect("routed nowhere");
    watcher.flush();
    let Ok(Answered::Got(event, 0)) = watcher.get("copies") else { panic!("one copy") };
    let copy = event.content.load().expect("it can be read");
    let (holder, queue) = (watcher.holder, event.queue);
    watcher.client.trace_got(ChannelId(1), holder, queue, &copy, false);
    watcher.flush();
    assert_eq!(keys(&mut watcher), Vec::<String>::new());
}

#[test]
fn the_firehose_is_off_after_a_start() {
    use std::sync::Arc;

    use crate::broker::BrokerStorage;
    use crate::store::{MemoryLog, MemoryMetadata};
    let (metadata, log) = (Arc::new(MemoryMetadata::new()), Arc::new(MemoryLog::new()));
    let storage = BrokerStorage { metadata, log };
    let world = World::stored(storage.clone());
    trace(&world, true);
    assert!(world.broker.vhost(&slash()).expect("there").is_traced());
    assert!(world.broker.definitions().vhost(&slash()).expect("there").tracing);
    drop(world);
    let world = World::stored(storage);
    assert!(!world.broker.vhost(&slash()).expect("there").is_traced());
    assert!(!world.broker.definitions().vhost(&slash()).expect("there").tracing);
}
