//! The spans of traced messages, as trees: what a collector would draw.

use std::sync::Arc;

use super::world::{
    AUTOMATIC as AUTO, Hand, MANUAL, World, deliveries, entries, message, message_with_headers,
    persistent_message, queue,
};
use crate::base::limits::{SPANS_FOLLOWED_MAX, SPANS_WAITING_MAX};
use crate::base::{ChannelId, ExchangeName, FieldValue, Message, MessageHeader, ShortStr};
use crate::broker::{
    Answered, Binding, BrokerStorage, DeclareExchange, Destination, Event, Settlement, Span,
    SpanCounts, SpanId, SpanKind, SpanValue,
};
use crate::queue::Attempt;
use crate::store::{MemoryLog, MemoryMetadata, MessageLog};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PRODUCER: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> (&'static str, FieldValue) {
    ("traceparent", FieldValue::text(&format!("00-{TRACE}-{PRODUCER}-{flags}")))
}

fn traced_with(exchange: &str, key: &str, header: MessageHeader) -> Message {
    message_with_headers((exchange, key), b"body", header, &[traceparent("01")])
}

fn traced(exchange: &str, key: &str) -> Message {
    traced_with(exchange, key, MessageHeader::default())
}

/// Everything that has ended.
fn ended(world: &World) -> Vec<Span> {
    world.broker.spans().expect("it traces").take(usize::MAX)
}

fn counts(world: &World) -> SpanCounts {
    world.broker.spans().expect("it traces").counts()
}

fn said<'a>(span: &'a Span, name: &str) -> Option<&'a SpanValue> {
    span.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn word(span: &Span, name: &str) -> String {
    match said(span, name) {
        Some(SpanValue::Word(word)) => (*word).to_owned(),
        Some(SpanValue::Text(text)) => text.to_string(),
        Some(SpanValue::Number(number)) => number.to_string(),
        Some(SpanValue::Truth(truth)) => truth.to_string(),
        None => String::new(),
    }
}

/// Each span below its parent: name, outcome, when it began and ended. Those of somebody else's spans come first.
fn tree(spans: &[Span]) -> Vec<String> {
    let mut lines = Vec::new();
    let is_ours = |id: &SpanId| spans.iter().any(|span| span.id == *id);
    let roots = spans.iter().filter(|span| !span.parent.as_ref().is_some_and(is_ours));
    below(spans, roots.collect(), 0, &mut lines);
    assert_eq!(lines.len(), spans.len(), "no span is its own ancestor, and none has an id twice");
    lines
}

fn below(spans: &[Span], mut these: Vec<&Span>, depth: usize, lines: &mut Vec<String>) {
    these.sort_by_key(|span| (span.start_ns, span.end_ns, span.name.clone()));
    for span in these {
        let (start, end) = (span.start_ns / 1_000_000, span.end_ns / 1_000_000);
        let outcome = word(span, "haremq.outcome");
        let indent = "  ".repeat(depth);
        lines.push(format!("{indent}{} {start}-{end} {outcome}", span.name));
        let children = spans.iter().filter(|child| child.parent == Some(span.id));
        below(spans, children.collect(), depth + 1, lines);
    }
}

fn publish(hand: &mut Hand, message: Message) {
    hand.publish_message(message).expect("routed");
    hand.flush();
}

/// Settles what was delivered among these events.
fn settle(hand: &mut Hand, events: &[Event], settlement: Settlement) {
    for event in events {
        if let Event::Deliver(delivery) = event {
            let runs = vec![(delivery.id, delivery.id)];
            hand.client.settle(hand.holder, delivery.queue, settlement, runs);
        }
    }
    hand.flush();
}

fn kept() -> BrokerStorage {
    BrokerStorage { metadata: Arc::new(MemoryMetadata::new()), log: Arc::new(MemoryLog::new()) }
}

/// S1.
#[test]
fn a_message_is_followed_from_its_publish_to_its_ack() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    hand.declare("orders").expect("declared");
    world.clock.advance(10);
    publish(&mut hand, traced("", "orders"));
    world.clock.advance(10);
    hand.consume("orders", MANUAL).expect("consuming");
    let events = hand.events();
    world.clock.advance(5);
    settle(&mut hand, &events, Settlement::Ack);
    let spans = ended(&world);
    assert_eq!(
        tree(&spans),
        [
            "publish amq.default 10-10 confirmed",
            "  queue orders 10-20 delivered",
            "    deliver orders 20-25 acked",
            "      ack orders 25-25 acked",
        ]
    );
    assert!(spans.iter().all(|span| span.trace.to_string() == TRACE && span.error.is_none()));
    let publish = spans.iter().find(|span| span.name.starts_with("publish")).expect("there");
    assert_eq!(publish.parent.expect("the producer's").to_string(), PRODUCER);
    let kinds: Vec<SpanKind> = spans.iter().map(|span| span.kind).collect();
    let expected = [SpanKind::Server, SpanKind::Internal, SpanKind::Producer, SpanKind::Server];
    assert_eq!(kinds, expected, "in the order in which they ended");
    assert_eq!(counts(&world), SpanCounts::default(), "nothing is left");
}

#[test]
fn spans_say_what_opentelemetry_asks_of_messaging() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    hand.declare("invoices").expect("declared");
    bind(&mut hand, "amq.topic", "invoices", "paid.#");
    let headers = [traceparent("01"), ("message_id", FieldValue::text("m-1"))];
    let message = message_with_headers(
        ("amq.topic", "paid.eu"),
        b"12345",
        MessageHeader::default(),
        &headers,
    );
    publish(&mut hand, message);
    hand.consume("invoices", AUTO).expect("consuming");
    for span in ended(&world) {
        let (operation, of_queue) = span.name.split_once(' ').expect("two words");
        let is_publish = operation == "publish";
        let destination =
            if is_publish { "amq.topic:paid.eu" } else { "amq.topic:paid.eu:invoices" };
        assert_eq!(of_queue, if is_publish { "amq.topic" } else { "invoices" });
        let types = [("publish", "send"), ("queue", ""), ("deliver", "receive")];
        let kind = types.iter().find(|(name, _)| *name == operation).expect("a known one").1;
        for (name, expected) in [
            ("messaging.system", "rabbitmq"),
            ("messaging.operation.name", operation),
            ("messaging.operation.type", kind),
            ("messaging.destination.name", destination),
            ("messaging.rabbitmq.destination.routing_key", "paid.eu"),
            ("messaging.message.body.size", "5"),
            ("messaging.message.id", "m-1"),
            ("haremq.vhost", "/"),
            ("haremq.queue", if is_publish { "" } else { "invoices" }),
            ("haremq.routed_queues", if is_publish { "1" } else { "" }),
        ] {
            assert_eq!(word(&span, name), expected, "{}: {name}", span.name);
        }
        assert_eq!(said(&span, "haremq.consumer.tag").is_some(), operation == "deliver");
    }
}

fn bind(hand: &mut Hand, exchange: &str, to: &str, key: &str) {
    let bound = hand.bind(&Binding {
        source: ExchangeName::try_from(exchange).expect("short"),
        destination: Destination::Queue(queue(to)),
        routing_key: ShortStr::try_from(key).expect("short"),
        arguments: entries(&[]),
    });
    bound.expect("bound");
}

#[test]
fn each_queue_of_a_fanout_has_its_branch() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    for name in ["a", "b"] {
        hand.declare(name).expect("declared");
        bind(&mut hand, "amq.fanout", name, "");
    }
    publish(&mut hand, traced("amq.fanout", "k"));
    world.clock.advance(1);
    hand.consume("a", AUTO).expect("consuming");
    world.clock.advance(1);
    hand.consume("b", AUTO).expect("consuming");
    let spans = ended(&world);
    assert_eq!(
        tree(&spans),
        [
            "publish amq.fanout 0-0 confirmed",
            "  queue a 0-1 delivered",
            "    deliver a 1-1 auto_acked",
            "  queue b 0-2 delivered",
            "    deliver b 2-2 auto_acked",
        ]
    );
}

#[test]
fn what_comes_back_waits_again_and_is_delivered_again() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    publish(&mut hand, traced("", "q"));
    hand.consume("q", MANUAL).expect("consuming");
    world.clock.advance(5);
    let events = hand.events();
    settle(&mut hand, &events, Settlement::Requeue(Attempt::Returned));
    world.clock.advance(5);
    let events = hand.events();
    assert_eq!(deliveries(&events), [(b"body".to_vec(), true)]);
    hand.client.channel_closed(hand.holder);
    hand.flush();
    let mut other = world.connect();
    world.clock.advance(5);
    let Ok(Answered::Got(got, _)) = other.get("q") else { panic!("it is there") };
    world.clock.advance(5);
    other.client.settle(other.holder, got.queue, Settlement::Ack, vec![(got.id, got.id)]);
    other.flush();
    let spans = ended(&world);
    assert_eq!(
        tree(&spans),
        [
            "publish amq.default 0-0 confirmed",
            "  queue q 0-0 delivered",
            "    deliver q 0-5 requeued",
            "      requeue q 5-5 requeued",
            "  queue q 5-5 delivered",
            "    deliver q 5-10 returned",
            "  queue q 10-15 delivered",
            "    get q 15-20 acked",
            "      ack q 20-20 acked",
        ]
    );
    let waits = spans.iter().filter(|span| span.name == "queue q");
    let counted: Vec<String> = waits.map(|span| word(span, "haremq.deliveries")).collect();
    assert_eq!(counted, ["0", "1", "2"]);
}

#[test]
fn a_dead_letter_goes_on_below_the_stay_that_it_left() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    hand.declare("dead").expect("declared");
    for (name, ttl) in [("expiring", Some(100)), ("rejecting", None)] {
        let ttl = ttl.map(|ttl| ("x-message-ttl", FieldValue::I32(ttl)));
        let target = [
            ("x-dead-letter-exchange", FieldValue::text("")),
            ("x-dead-letter-routing-key", FieldValue::text("dead")),
        ];
        let arguments = entries(target.iter().chain(&ttl));
        hand.declare_with(name, |declare| declare.arguments = arguments).expect("declared");
    }
    publish(&mut hand, traced("", "expiring"));
    world.pass(101);
    hand.consume("dead", AUTO).expect("consuming");
    let expired = ended(&world);
    assert_eq!(
        tree(&expired),
        [
            "publish amq.default 0-0 confirmed",
            "  queue expiring 0-101 dead_lettered",
            "    dead-letter amq.default 101-101 confirmed",
            "      queue dead 101-101 delivered",
            "        deliver dead 101-101 auto_acked",
        ]
    );
    let letter = expired.iter().find(|span| span.name.starts_with("dead")).expect("there");
    assert_eq!(word(letter, "haremq.dead_letter.reason"), "expired");
    assert_eq!(word(letter, "haremq.dead_letter.queue"), "expiring");
    publish(&mut hand, traced("", "rejecting"));
    hand.consume("rejecting", MANUAL).expect("consuming");
    let events = hand.events();
    world.clock.advance(9);
    settle(&mut hand, &events, Settlement::Discard);
    world.pass(0);
    hand.events();
    assert_eq!(
        tree(&ended(&world)),
        [
            "publish amq.default 101-101 confirmed",
            "  queue rejecting 101-101 delivered",
            "    deliver rejecting 101-110 rejected",
            "      dead-letter amq.default 110-110 confirmed",
            "        queue dead 110-110 delivered",
            "          deliver dead 110-110 auto_acked",
            "      reject rejecting 110-110 rejected",
        ]
    );
    assert_eq!(counts(&world).followed, 0);
}

#[test]
fn what_nobody_settles_says_why_it_went() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    let one = entries(&[("x-max-length", FieldValue::I32(1))]);
    let late = entries(&[("x-message-ttl", FieldValue::I32(10))]);
    for (name, arguments) in [("short", one), ("late", late), ("plain", entries(&[]))] {
        hand.declare_with(name, |declare| declare.arguments = arguments).expect("declared");
    }
    let outcomes = |world: &World, name: &str| -> Vec<String> {
        let name = format!("queue {name}");
        let of_queue = ended(world).into_iter().filter(|span| span.name == name);
        of_queue.map(|span| word(&span, "haremq.outcome")).collect()
    };
    publish(&mut hand, traced("", "short"));
    publish(&mut hand, traced("", "short"));
    assert_eq!(outcomes(&world, "short"), ["maxlen"]);
    publish(&mut hand, traced("", "late"));
    world.pass(11);
    assert_eq!(outcomes(&world, "late"), ["expired"]);
    publish(&mut hand, traced("", "plain"));
    let step = hand.client.queue_purge(hand.holder, &queue("plain"));
    hand.answered(step).expect("purged");
    assert_eq!(outcomes(&world, "plain"), ["purged"]);
    publish(&mut hand, traced("", "plain"));
    hand.delete("plain").expect("deleted");
    assert_eq!(outcomes(&world, "plain"), ["queue_deleted"]);
    assert_eq!(counts(&world).followed, 1, "the one in the short queue");
}

#[test]
fn a_publish_that_reaches_no_queue_says_so_and_a_wrong_one_is_an_error() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    publish(&mut hand, traced("", "nowhere"));
    hand.publish_message(traced("", "nowhere")).expect("routed to none");
    hand.client.publish_returned();
    world.clock.advance(7);
    hand.flush();
    let refused = hand.publish_message(traced("no such exchange", "k"));
    assert!(refused.is_err());
    hand.flush();
    let spans = ended(&world);
    let lines = tree(&spans);
    assert_eq!(
        lines,
        [
            "publish amq.default 0-0 unroutable",
            "publish amq.default 0-0 returned",
            "publish no such exchange 7-7 refused",
        ]
    );
    let errors: Vec<Option<&str>> = spans.iter().map(|span| span.error.as_deref()).collect();
    let text = "NOT_FOUND - no exchange 'no such exchange' in vhost '/'";
    assert_eq!(errors, [None, None, Some(text)]);
}

/// What is asked of a judge is published again when the answer is there.
#[test]
fn a_publish_that_comes_again_has_one_span() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    assert!(hand.publish_message(traced("not yet", "k")).is_err());
    hand.client.publish_comes_again();
    hand.flush();
    assert_eq!(tree(&ended(&world)), Vec::<String>::new());
    publish(&mut hand, traced("", "nowhere"));
    assert_eq!(tree(&ended(&world)), ["publish amq.default 0-0 unroutable"]);
    assert!(hand.publish_message(traced("no such exchange", "k")).is_err());
    hand.flush();
    assert_eq!(tree(&ended(&world)), ["publish no such exchange 0-0 refused"]);
}

#[test]
fn a_queue_that_takes_no_more_makes_the_publish_an_error() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    let arguments = entries(&[
        ("x-max-length", FieldValue::I32(0)),
        ("x-overflow", FieldValue::text("reject-publish")),
    ]);
    hand.declare_with("full", |declare| declare.arguments = arguments).expect("declared");
    publish(&mut hand, traced("", "full"));
    hand.client.publish(ChannelId(1), hand.holder, traced("", "full"), None).expect("routed");
    hand.flush();
    let spans = ended(&world);
    assert_eq!(tree(&spans), ["publish amq.default 0-0 not_taken"; 2]);
    assert!(spans.iter().all(|span| span.error.is_some()));
    assert_eq!(counts(&world).followed, 0);
}

/// A publish ends when its confirm can be sent, so when the disk has the message.
#[test]
fn a_persistent_publish_lasts_until_the_disk_has_it() {
    let log = Arc::new(MemoryLog::with_held_tickets());
    let storage = BrokerStorage { log: Arc::clone(&log) as Arc<dyn MessageLog>, ..kept() };
    let world = World::traced(0, Some(storage));
    let mut hand = world.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    let header = MessageHeader { persistent: true, ..MessageHeader::default() };
    publish(&mut hand, traced_with("", "q", header));
    assert_eq!(tree(&ended(&world)), Vec::<String>::new(), "nothing has ended");
    world.clock.advance(30);
    log.flush();
    world.noted.run_all();
    assert_eq!(tree(&ended(&world)), ["publish amq.default 0-30 confirmed"]);
}

#[test]
fn the_flag_of_the_producer_decides_and_chance_where_there_is_none() {
    let not_sampled =
        || message_with_headers(("", "q"), b"m", MessageHeader::default(), &[traceparent("00")]);
    for (ratio, expected) in [(0, 0), (1_000_000, 4)] {
        let world = World::traced(ratio, None);
        let mut hand = world.connect();
        hand.declare("q").expect("declared");
        hand.consume("q", AUTO).expect("consuming");
        publish(&mut hand, not_sampled());
        assert_eq!(ended(&world), [], "its producer does not record this trace");
        publish(&mut hand, message("", "q", b"m"));
        let header = MessageHeader { has_headers: true, ..MessageHeader::default() };
        let bad = [("traceparent", FieldValue::text("00-bad"))];
        publish(&mut hand, message_with_headers(("", "q"), b"m", header, &bad));
        let spans = ended(&world);
        let publishes: Vec<&Span> =
            spans.iter().filter(|span| span.name.starts_with("publish")).collect();
        assert_eq!(publishes.len() * 2, expected);
        assert!(publishes.iter().all(|span| span.parent.is_none()));
        let traces: std::collections::BTreeSet<_> = spans.iter().map(|span| span.trace).collect();
        assert_eq!(traces.len(), publishes.len(), "each has a trace of its own");
    }
}

#[test]
fn a_message_is_forwarded_as_it_came() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let sent = traced("", "q");
    publish(&mut hand, sent.clone());
    let Ok(Answered::Got(got, _)) = hand.get("q") else { panic!("it is there") };
    let got = got.content.load().expect("in RAM");
    assert_eq!((got.properties(), got.body()), (sent.properties(), sent.body()));
}

/// After a restart the stay begins anew, below the span of the producer.
#[test]
fn what_was_there_before_is_followed_from_its_return() {
    let storage = kept();
    let header = MessageHeader { persistent: true, ..MessageHeader::default() };
    {
        let world = World::traced(0, Some(storage.clone()));
        let mut hand = world.connect();
        hand.declare_with("q", |declare| declare.durable = true).expect("declared");
        publish(&mut hand, traced_with("", "q", header));
        publish(&mut hand, persistent_message("", "q", b"m"));
        world.noted.run_all();
    }
    let world = World::traced(1_000_000, Some(storage));
    let mut hand = world.connect();
    hand.consume("q", AUTO).expect("consuming");
    world.pass(3);
    assert_eq!(deliveries(&hand.events()).len(), 2, "what was not traced is there as well");
    let spans = ended(&world);
    let lines = tree(&spans);
    assert_eq!(lines, ["queue q 3-3 delivered", "  deliver q 3-3 auto_acked"]);
    assert_eq!(spans[0].parent.expect("the producer's").to_string(), PRODUCER);
    for (name, value) in [("haremq.recovered", "true"), ("haremq.vhost", "/")] {
        assert_eq!(word(&spans[0], name), value);
    }
}

#[test]
fn a_delayed_message_has_a_span_for_its_delay() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let kind = [("x-delayed-type", FieldValue::text("direct"))];
    let declared = hand.declare_exchange(DeclareExchange {
        exchange: ExchangeName::try_from("later").expect("short"),
        kind: ShortStr::try_from("x-delayed-message").expect("short"),
        passive: false,
        durable: false,
        auto_delete: false,
        internal: false,
        arguments: entries(&kind),
    });
    declared.expect("declared");
    bind(&mut hand, "later", "q", "k");
    let headers = [traceparent("01"), ("x-delay", FieldValue::I32(100))];
    publish(
        &mut hand,
        message_with_headers(("later", "k"), b"m", MessageHeader::default(), &headers),
    );
    world.pass(100);
    hand.consume("q", AUTO).expect("consuming");
    assert_eq!(
        tree(&ended(&world)),
        [
            "publish later 0-0 confirmed",
            "  delay later 0-100 due",
            "    publish later 100-100 confirmed",
            "      queue q 100-100 delivered",
            "        deliver q 100-100 auto_acked",
        ]
    );
}

/// A queue that drops duplicates takes messages one by one, and a duplicate has no stay.
#[test]
fn a_duplicate_has_a_publish_and_no_stay() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    let arguments = entries(&[("x-message-deduplication", FieldValue::Boolean(true))]);
    hand.declare_with("q", |declare| declare.arguments = arguments).expect("declared");
    let key = ("x-deduplication-header", FieldValue::text("k"));
    for _ in 0..2 {
        let headers = [traceparent("01"), key.clone()];
        let header = MessageHeader::default();
        publish(&mut hand, message_with_headers(("", "q"), b"m", header, &headers));
    }
    hand.consume("q", AUTO).expect("consuming");
    let names: Vec<String> = ended(&world).into_iter().map(|span| span.name).collect();
    let of = |name: &str| names.iter().filter(|one| one.starts_with(name)).count();
    assert_eq!((of("publish"), of("queue"), of("deliver")), (2, 1, 1), "{names:?}");
}

/// S2.
#[test]
fn what_finds_no_room_is_counted_and_holds_nobody_up() {
    let world = World::traced(0, None);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let message = traced("", "q");
    for _ in 0..SPANS_FOLLOWED_MAX + 3 {
        hand.publish_message(message.clone()).expect("routed");
    }
    hand.flush();
    let found = counts(&world);
    let expected = SpanCounts {
        waiting: SPANS_WAITING_MAX as u64,
        dropped: (SPANS_FOLLOWED_MAX + 3 - SPANS_WAITING_MAX) as u64,
        untracked: 3,
        followed: SPANS_FOLLOWED_MAX as u64,
        sent: 0,
    };
    assert_eq!(found, expected);
    assert_eq!(hand.counts("q").0, SPANS_FOLLOWED_MAX as u64 + 3, "and every message is there");
    hand.delete("q").expect("deleted");
    assert_eq!(counts(&world).followed, 0);
}
