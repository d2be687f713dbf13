//! Exchanges that hold messages back (L1 to L4): when, where to, and what a restart leaves of it.

use std::sync::Arc;

use super::world::{
    AUTOMATIC, Hand, MANUAL, World, deliveries, entries, message_with_headers, parse_headers, queue,
};
use crate::base::{
    ExchangeName, FieldValue, Message, MessageHeader, PolicyName, ShortStr, VhostName,
};
use crate::broker::policy::{Policy, PolicyKind};
use crate::broker::{
    Actor, Answered, Binding, BrokerStorage, DeadLetterLosses, DeclareExchange, Delayed,
    Destination, Event, VhostLimits,
};
use crate::store::{self, Change, MemoryLog, MemoryMetadata, MessageLog};

fn name(text: &str) -> ExchangeName {
    ExchangeName::try_from(text).expect("short")
}

fn declare_exchange(hand: &mut Hand, exchange: &str, kind: &str, delayed_type: Option<&str>) {
    let given = delayed_type.map(|kind| ("x-delayed-type", FieldValue::text(kind)));
    let declared = hand.declare_exchange(DeclareExchange {
        exchange: name(exchange),
        kind: ShortStr::try_from(kind).expect("short"),
        passive: false,
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: entries(given.iter()),
    });
    declared.expect("declared");
}

/// An exchange that delays and then routes as this one.
fn delaying(hand: &mut Hand, exchange: &str, kind: &str) {
    declare_exchange(hand, exchange, "x-delayed-message", Some(kind));
}

fn bind_to(hand: &mut Hand, source: &str, key: &str, destination: Destination) {
    let routing_key = ShortStr::try_from(key).expect("short");
    let arguments = entries([].iter());
    let binding = Binding { source: name(source), destination, routing_key, arguments };
    hand.bind(&binding).expect("bound");
}

/// A durable queue, bound.
fn bound(hand: &mut Hand, to: &str, key: &str, exchange: &str) {
    hand.declare_with(to, |declare| declare.durable = true).expect("declared");
    bind_to(hand, exchange, key, Destination::Queue(queue(to)));
}

fn persistent() -> MessageHeader {
    MessageHeader { persistent: true, ..MessageHeader::default() }
}

fn message(exchange: &str, key: &str, body: &[u8], delay_ms: i32) -> Message {
    message_with(exchange, key, body, FieldValue::I32(delay_ms))
}

fn message_with(exchange: &str, key: &str, body: &[u8], delay: FieldValue) -> Message {
    message_with_headers((exchange, key), body, persistent(), &[("x-delay", delay)])
}

fn publish(hand: &mut Hand, message: Message) -> u32 {
    let queues = hand.publish_message(message).expect("taken");
    hand.flush();
    queues
}

/// What has come to a queue: bodies and `x-delay`.
fn come(hand: &mut Hand, from: &str) -> Vec<(String, Option<i128>)> {
    let mut found = Vec::new();
    loop {
        match hand.get(from).expect("the queue is there") {
            Answered::Got(event, _) => {
                let message = event.content.load().expect("it can be read");
                let headers = parse_headers(message.properties());
                let delay = headers.get(b"x-delay").and_then(FieldValue::as_integer);
                let body = String::from_utf8(message.body().to_vec()).expect("text");
                found.push((body, delay));
            }
            Answered::Empty => return found,
            other => panic!("{other:?}"),
        }
    }
}

fn one(body: &str, delay: i128) -> Vec<(String, Option<i128>)> {
    vec![(body.to_owned(), Some(delay))]
}

fn delayed(hand: &Hand, exchange: &str) -> Vec<(u64, String)> {
    let page = hand.client.vhost().delayed(&name(exchange), None, 100).expect("it delays");
    let line = |message: Delayed| {
        let key = message.routing_key.expect("it can be read");
        (message.due_unix_ms, String::from_utf8(key).expect("text"))
    };
    page.messages.into_iter().map(line).collect()
}

fn count(hand: &Hand, exchange: &str) -> u64 {
    hand.client.vhost().messages_delayed(&name(exchange)).expect("it delays")
}

fn losses(hand: &Hand, exchange: &str) -> DeadLetterLosses {
    let table = hand.client.vhost().table();
    table.delay_queue(exchange).expect("it delays").dead_letter_losses()
}

fn confirms(hand: &mut Hand) -> u64 {
    let runs = hand.events().into_iter().filter_map(|event| match event {
        Event::Confirm { first, last, .. } => Some(last.0 - first.0 + 1),
        _ => None,
    });
    runs.sum()
}

/// L1, L3.
#[test]
fn a_message_is_confirmed_at_once_and_routed_when_it_is_due() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "direct");
    bound(&mut hand, "q", "k", "x");
    assert_eq!(publish(&mut hand, message("x", "k", b"m", 1000)), 1);
    assert_eq!((confirms(&mut hand), count(&hand, "x")), (1, 1));
    world.pass(999);
    assert_eq!(come(&mut hand, "q"), []);
    world.pass(1);
    assert_eq!(come(&mut hand, "q"), one("m", -1000));
    assert_eq!((count(&hand, "x"), losses(&hand, "x")), (0, DeadLetterLosses::default()));
}

#[test]
fn messages_come_in_the_order_in_which_they_are_due() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "fanout");
    bound(&mut hand, "q", "", "x");
    for (body, delay) in [(b"c", 300), (b"a", 100), (b"b", 200), (b"d", 300)] {
        publish(&mut hand, message("x", "", body, delay));
    }
    hand.consume("q", AUTOMATIC).expect("attached");
    world.pass(500);
    let bodies: Vec<_> = deliveries(&hand.events()).into_iter().map(|(body, _)| body).collect();
    assert_eq!(bodies, [b"a", b"b", b"c", b"d"]);
}

/// The route of the one before is no other message's.
#[test]
fn only_messages_that_say_so_are_held_back() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "direct");
    bound(&mut hand, "q", "k", "x");
    let plain = |body: &[u8]| message_with_headers(("x", "k"), body, persistent(), &[]);
    publish(&mut hand, plain(b"1"));
    publish(&mut hand, message("x", "k", b"later", 10));
    hand.publish_to("x", "k", b"2").expect("taken");
    publish(&mut hand, message("x", "k", b"3", -5));
    publish(&mut hand, message("x", "k", b"4", 0));
    let long = FieldValue::I64(1 << 32);
    publish(&mut hand, message_with("x", "k", b"5", long));
    let at_once: Vec<_> = come(&mut hand, "q").into_iter().map(|(body, _)| body).collect();
    assert_eq!(at_once, ["1", "2", "3", "4", "5"]);
    world.pass(10);
    assert_eq!(come(&mut hand, "q"), one("later", -10));
}

/// L3.
#[test]
fn bindings_count_that_are_there_when_it_is_due() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "topic");
    assert_eq!(publish(&mut hand, message("x", "a.b", b"m", 100)), 1, "it is not returned");
    assert_eq!(publish(&mut hand, message("x", "c", b"lost", 50)), 1);
    world.pass(60);
    let unroutable = DeadLetterLosses { unroutable: 1, ..DeadLetterLosses::default() };
    assert_eq!((losses(&hand, "x"), count(&hand, "x")), (unroutable, 1));
    bound(&mut hand, "q", "a.*", "x");
    world.pass(40);
    assert_eq!(come(&mut hand, "q"), one("m", -100));
}

#[test]
fn more_routing_keys_lead_on_after_the_delay_and_bcc_is_not_delivered() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "direct");
    for key in ["own", "cc", "bcc"] {
        bound(&mut hand, key, key, "x");
    }
    let keys = |key| FieldValue::Array(vec![FieldValue::text(key)]);
    let headers = [("CC", keys("cc")), ("BCC", keys("bcc")), ("x-delay", FieldValue::I32(100))];
    publish(&mut hand, message_with_headers(("x", "own"), b"m", persistent(), &headers));
    assert_eq!(count(&hand, "x"), 1);
    world.pass(100);
    for key in ["own", "cc", "bcc"] {
        let Ok(Answered::Got(event, _)) = hand.get(key) else { panic!("{key} got nothing") };
        let message = event.content.load().expect("it can be read");
        let headers = parse_headers(message.properties());
        assert!(headers.get(b"BCC").is_none() && headers.get(b"CC").is_some());
        assert_eq!((message.exchange(), message.routing_key()), ("x", b"own".as_slice()));
    }
}

#[test]
fn an_exchange_that_is_reached_through_another_delays_what_comes_to_it() {
    let world = World::new();
    let mut hand = world.connect();
    declare_exchange(&mut hand, "all", "fanout", None);
    delaying(&mut hand, "x", "fanout");
    bind_to(&mut hand, "all", "", Destination::Exchange(name("x")));
    bound(&mut hand, "now", "", "all");
    bound(&mut hand, "later", "", "x");
    assert_eq!(publish(&mut hand, message("all", "k", b"m", 100)), 2);
    assert_eq!((come(&mut hand, "now"), come(&mut hand, "later")), (one("m", 100), vec![]));
    world.pass(100);
    assert_eq!((come(&mut hand, "now"), come(&mut hand, "later")), (vec![], one("m", -100)));
}

#[test]
fn any_exchange_delays_that_is_declared_to() {
    let world = World::new();
    let mut hand = world.connect();
    let declared = hand.declare_exchange(DeclareExchange {
        exchange: name("x"),
        kind: ShortStr::try_from("topic").expect("short"),
        passive: false,
        durable: false,
        auto_delete: false,
        internal: false,
        arguments: entries([("x-delayed-exchange", FieldValue::Boolean(true))].iter()),
    });
    declared.expect("declared");
    bound(&mut hand, "q", "#", "x");
    publish(&mut hand, message_with("x", "k", b"m", FieldValue::text("100")));
    world.pass(99);
    assert_eq!(come(&mut hand, "q"), []);
    world.pass(1);
    assert_eq!(come(&mut hand, "q"), one("m", -100));
}

#[test]
fn the_time_to_live_begins_when_the_delay_ends() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "direct");
    bound(&mut hand, "q", "k", "x");
    let header = MessageHeader { expiration_ms: Some(50), ..persistent() };
    let delay = [("x-delay", FieldValue::I32(100))];
    publish(&mut hand, message_with_headers(("x", "k"), b"m", header, &delay));
    world.pass(100);
    world.pass(49);
    assert_eq!(hand.counts("q"), (1, 0));
    world.pass(2);
    assert_eq!(hand.counts("q"), (0, 0));
}

#[test]
fn a_dead_letter_is_delayed_on_its_way() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "fanout");
    bound(&mut hand, "q", "", "x");
    let arguments =
        [("x-dead-letter-exchange", FieldValue::text("x")), ("x-message-ttl", FieldValue::I32(10))];
    let declared = hand.declare_with("short", |declare| declare.arguments = entries(&arguments));
    declared.expect("declared");
    publish(&mut hand, message("", "short", b"m", 100));
    world.pass(11);
    assert_eq!((come(&mut hand, "q"), count(&hand, "x")), (vec![], 1));
    world.pass(100);
    assert_eq!(come(&mut hand, "q"), one("m", -100));
}

#[test]
fn what_waits_is_listed_with_the_moment_at_which_it_is_due() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "fanout");
    world.pass(1000);
    for (key, delay) in [("late", 3000), ("soon", 1000), ("later", 2000)] {
        publish(&mut hand, message("x", key, b"m", delay));
    }
    world.pass(500);
    let expected = [(2000, "soon"), (3000, "later"), (4000, "late")];
    let expected = expected.map(|(due, key)| (due, key.to_owned()));
    assert_eq!(delayed(&hand, "x"), expected);
    let vhost = hand.client.vhost();
    let mut from = None;
    let mut pages = Vec::new();
    loop {
        let page = vhost.delayed(&name("x"), from, 2).expect("it delays");
        pages.push(page.messages.iter().map(|message| message.due_unix_ms).collect::<Vec<_>>());
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![2000, 3000], vec![4000]]);
    assert_eq!(vhost.delayed(&name("amq.direct"), None, 2), None);
    assert_eq!(vhost.messages_delayed(&name("amq.direct")), None);
}

#[test]
fn what_an_exchange_delays_goes_with_it_and_is_counted() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "direct");
    bound(&mut hand, "q", "k", "x");
    for _ in 0..3 {
        publish(&mut hand, message("x", "k", b"m", 100));
    }
    let step = hand.client.exchange_delete(hand.holder, &name("x"), false);
    hand.answered(step).expect("deleted");
    assert_eq!(hand.client.vhost().dropped_delayed_messages(), 3);
    delaying(&mut hand, "x", "direct");
    bound(&mut hand, "q", "k", "x");
    world.pass(200);
    assert_eq!((come(&mut hand, "q"), count(&hand, "x")), (vec![], 0));
    assert_eq!(hand.client.vhost().dropped_delayed_messages(), 3);
}

#[test]
fn nobody_can_reach_the_queue_behind_the_exchange() {
    let world = World::new();
    let mut hand = world.connect();
    delaying(&mut hand, "x", "direct");
    publish(&mut hand, message("x", "k", b"m", 100));
    let hidden = "amq.delayed-x";
    let refused = [
        hand.declare_with(hidden, |declare| declare.passive = true),
        hand.consume(hidden, MANUAL),
        hand.get(hidden),
        hand.declare(hidden),
    ]
    .map(|answer| answer.expect_err("refused"));
    assert!(
        refused[..3].iter().all(|text| text.contains("no queue 'amq.delayed-x'")),
        "{refused:?}"
    );
    assert!(refused[3].contains("reserved prefix"), "{refused:?}");
    assert!(matches!(hand.delete(hidden), Ok(Answered::Messages(0))));
    assert_eq!(hand.publish(hidden, b"m"), Ok(0));
    let table = hand.client.vhost().table();
    assert_eq!((table.queue_count(), table.queues().count()), (0, 0));
    drop(table);
    assert_eq!(count(&hand, "x"), 1);
}

#[test]
fn no_policy_and_no_limit_is_for_the_queue_behind_the_exchange() {
    let world = World::new();
    let mut hand = world.connect();
    let vhost = Arc::clone(hand.client.vhost());
    let limits = VhostLimits { max_queues: Some(1), ..VhostLimits::default() };
    world.broker.set_vhost_limits(
        &Actor::internal(),
        vhost.name().clone(),
        limits,
        Box::new(|_| ()),
    );
    delaying(&mut hand, "x", "direct");
    bound(&mut hand, "q", "k", "x");
    let keys = [("message-ttl", FieldValue::I32(1)), ("max-length", FieldValue::I32(1))];
    let value = Policy::table("", "all", 0, FieldValue::Table(entries(&keys)));
    let policy =
        Policy::parse(PolicyKind::User, PolicyName::try_from("all").expect("short"), &value);
    vhost.put_policy(
        &Actor::internal(),
        PolicyKind::User,
        policy.expect("a good policy"),
        Box::new(|_| ()),
    );
    for n in 0..5 {
        publish(&mut hand, message("x", "k", b"m", 100 + 10 * n));
    }
    world.pass(50);
    assert_eq!(count(&hand, "x"), 5);
    world.pass(50);
    assert_eq!((hand.counts("q").0, count(&hand, "x")), (1, 4));
}

#[test]
fn an_exchange_of_the_longest_name_delays() {
    let world = World::new();
    let mut hand = world.connect();
    for long in ["x".repeat(255), "\u{e4}".repeat(127)] {
        delaying(&mut hand, &long, "fanout");
        bound(&mut hand, "q", "", &long);
        publish(&mut hand, message(&long, "", b"m", 100));
        world.pass(100);
        assert_eq!(come(&mut hand, "q"), one("m", -100));
    }
}

fn storage(log: MemoryLog) -> (BrokerStorage, Arc<MemoryLog>) {
    let log = Arc::new(log);
    let storage = BrokerStorage {
        metadata: Arc::new(MemoryMetadata::new()),
        log: Arc::clone(&log) as Arc<dyn MessageLog>,
    };
    (storage, log)
}

/// L4, I9. The clock of the second process begins at 0 again, and so does its year 1970.
#[test]
fn what_waits_survives_a_restart_with_its_moment() {
    let (storage, _log) = storage(MemoryLog::new());
    {
        let world = World::stored(storage.clone());
        let mut hand = world.connect();
        delaying(&mut hand, "x", "direct");
        bound(&mut hand, "q", "k", "x");
        world.pass(100);
        publish(&mut hand, message("x", "k", b"far", 5000));
        publish(&mut hand, message("x", "k", b"near", 400));
        let delay = [("x-delay", FieldValue::I32(400))];
        let header = MessageHeader::default();
        publish(&mut hand, message_with_headers(("x", "k"), b"transient", header, &delay));
        world.noted.run_all();
    }
    let world = World::stored(storage);
    let mut hand = world.connect();
    assert_eq!(count(&hand, "x"), 2);
    world.pass(0);
    let expected = [(500, "k".to_owned()), (5100, "k".to_owned())];
    assert_eq!(delayed(&hand, "x"), expected);
    world.pass(499);
    assert_eq!(come(&mut hand, "q"), []);
    world.pass(1);
    assert_eq!(come(&mut hand, "q"), one("near", -400));
    publish(&mut hand, message("x", "k", b"new", 10));
    world.pass(10);
    assert_eq!(come(&mut hand, "q"), one("new", -10));
    world.pass(5000);
    assert_eq!(come(&mut hand, "q"), one("far", -5000));
}

/// What a version before this one stored has no number of a queue.
#[test]
fn an_exchange_of_old_definitions_delays_as_well() {
    let (storage, _log) = storage(MemoryLog::new());
    drop(World::stored(storage.clone()));
    let old = Change::PutExchange(store::Exchange {
        vhost: VhostName::try_from("/").expect("short"),
        name: name("x"),
        kind: "direct".to_owned(),
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: entries([("x-delayed-exchange", FieldValue::Boolean(true))].iter()),
        number: None,
        delay_queue: None,
    });
    storage.metadata.apply(vec![old], Box::new(|stored| stored.expect("stored")));
    {
        let world = World::stored(storage.clone());
        let mut hand = world.connect();
        publish(&mut hand, message("x", "k", b"m", 100));
        world.noted.run_all();
    }
    for _ in 0..2 {
        let world = World::stored(storage.clone());
        assert_eq!(count(&world.connect(), "x"), 1);
    }
}

#[test]
fn what_went_with_its_exchange_is_not_there_after_a_restart() {
    let (storage, log) = storage(MemoryLog::new());
    {
        let world = World::stored(storage.clone());
        let mut hand = world.connect();
        delaying(&mut hand, "x", "direct");
        publish(&mut hand, message("x", "k", b"m", 100));
        world.noted.run_all();
        let step = hand.client.exchange_delete(hand.holder, &name("x"), false);
        hand.answered(step).expect("deleted");
    }
    assert!(log.queues().iter().all(|queue| queue.messages == 0));
    let world = World::stored(storage);
    let hand = world.connect();
    assert_eq!(hand.client.vhost().messages_delayed(&name("x")), None);
}

/// L2: it leaves the exchange's queue only when the others have it on disk.
#[test]
fn a_crash_while_it_is_routed_routes_it_again() {
    let (storage, log) = storage(MemoryLog::with_held_tickets());
    let world = World::stored(storage.clone());
    let mut hand = world.connect();
    delaying(&mut hand, "x", "direct");
    bound(&mut hand, "q", "k", "x");
    publish(&mut hand, message("x", "k", b"m", 100));
    assert_eq!(confirms(&mut hand), 0, "L1: not before it is stored");
    log.flush();
    world.noted.run_all();
    assert_eq!(confirms(&mut hand), 1);
    world.pass(100);
    assert_eq!((hand.counts("q").0, count(&hand, "x")), (1, 1));
    let crashed: Arc<dyn MessageLog> = Arc::new(log.crash());
    log.flush();
    world.noted.run_all();
    assert_eq!((hand.counts("q").0, count(&hand, "x")), (1, 0));
    let world = World::stored(BrokerStorage { log: crashed, ..storage });
    let mut hand = world.connect();
    assert_eq!((hand.counts("q").0, count(&hand, "x")), (0, 1));
    world.pass(100);
    assert_eq!(hand.counts("q").0, 1);
}

/// More wait than are kept in RAM with their bodies, and more are due at once than go in one step.
#[test]
fn a_long_backlog_is_delayed_by_its_places_only_and_comes_complete() {
    const MESSAGES: i32 = 20_000;
    let (storage, _log) = storage(MemoryLog::new());
    let fill = |world: &World| {
        let mut hand = world.connect();
        delaying(&mut hand, "x", "fanout");
        bound(&mut hand, "q", "", "x");
        for n in 0..MESSAGES {
            hand.publish_message(message("x", "", &[b'm'; 1000], 1000 + n % 7)).expect("taken");
            if n % 100 == 0 {
                hand.flush();
                world.noted.run_all();
            }
        }
        hand.flush();
        world.noted.run_all();
    };
    {
        let world = World::stored(storage.clone());
        fill(&world);
        let ram = world.broker.memory_used_bytes();
        assert!(ram < 15_000_000, "{ram} bytes of {MESSAGES} messages of 1000 bytes in RAM");
    }
    let world = World::stored(storage);
    let mut hand = world.connect();
    world.pass(0);
    let ram = world.broker.memory_used_bytes();
    assert!(ram < 5_000_000, "{ram} bytes in RAM after the restart");
    assert_eq!(count(&hand, "x"), u64::from(MESSAGES.unsigned_abs()));
    world.pass(1000);
    world.pass(10);
    assert_eq!((hand.counts("q").0, count(&hand, "x")), (u64::from(MESSAGES.unsigned_abs()), 0));
}
