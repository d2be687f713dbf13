//! Looks into queues: pages of what waits, who holds what, why it stands, and messages that are moved.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::faulty::FaultyLog;
use super::world::{AUTOMATIC, Hand, MANUAL, World, entries, message, message_with_headers, queue};
use crate::base::limits::{MOVE_LOOKED_AT_MAX, PAGING_WINDOW_MESSAGES, TAP_MESSAGES_MAX};
use crate::base::{
    ExchangeName, FieldValue, MessageHeader, MessageId, Millis, ReplyCode, UserName, VhostName,
};
use crate::broker::{
    Behalf, Cell, Consume, Content, DirectClient, Filter, HeaderFilter, Move, MoveTo, Moved,
    PeekBounds, Peeked, Place, Purpose, Refused, Restraint, Stopped,
};

const BOUNDS: PeekBounds = PeekBounds { shown: 50, looked_at: 10_000, bytes: 1 << 30 };

fn peek(cell: &Arc<Cell>, from: Place, filter: &Filter, bounds: PeekBounds) -> Peeked {
    cell.peek(from, filter, bounds).expect("it can be read")
}

fn bodies(page: &Peeked) -> Vec<String> {
    let text = |body: Vec<u8>| String::from_utf8(body).expect("text");
    page.messages.iter().map(|one| text(one.message.body().to_vec())).collect()
}

/// Everything that the filter takes, page by page.
fn all(cell: &Arc<Cell>, filter: &Filter, bounds: PeekBounds) -> Vec<String> {
    let (mut from, mut found) = (Some(Place::HEAD), Vec::new());
    while let Some(place) = from {
        let page = peek(cell, place, filter, bounds);
        assert!(page.messages.len() <= bounds.shown && page.looked_at <= bounds.looked_at);
        found.extend(bodies(&page));
        from = page.next;
    }
    found
}

fn text_filter(text: &str) -> Filter {
    Filter { text: Some(text.as_bytes().to_vec()), ..Filter::default() }
}

fn fill(world: &World, hand: &mut Hand, numbers: std::ops::Range<u64>) {
    for number in numbers {
        hand.publish("q", format!("m{number}").as_bytes()).expect("routed");
        if number % 500 == 499 {
            hand.flush();
            world.noted.run_all();
            hand.events();
        }
    }
    hand.flush();
    world.noted.run_all();
    hand.events();
}

#[test]
fn a_page_shows_what_waits_and_takes_nothing() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("new");
    let header = |kind| {
        let headers = [("kind", FieldValue::text(kind))];
        message_with_headers(("", "q"), b"with", MessageHeader::default(), &headers)
    };
    hand.publish("q", b"first").expect("routed");
    hand.publish_message(header("new")).expect("routed");
    hand.publish_message(header("old")).expect("routed");
    hand.flush();
    let cell = hand.cell("q");
    world.clock.advance(7_000);
    let before = cell.report();
    let page = peek(&cell, Place::HEAD, &Filter::default(), BOUNDS);
    assert_eq!(bodies(&page), ["first", "with", "with"]);
    assert_eq!((page.next, page.looked_at), (None, 3));
    assert!(page.messages.iter().all(|one| one.acquired_count == 0));
    assert!(page.messages.iter().all(|one| one.arrival.is_some_and(|a| a.at == Millis(0))));
    let header = Some(HeaderFilter::parse("kind=new"));
    let new = peek(&cell, Place::HEAD, &Filter { header, ..Filter::default() }, BOUNDS);
    assert_eq!(new.messages.len(), 1);
    assert_eq!(new.messages[0].place.id, MessageId(2));
    assert_eq!(all(&cell, &Filter::default(), PeekBounds { shown: 1, ..BOUNDS }).len(), 3);
    assert_eq!(cell.report(), before, "nobody can tell that somebody looked");
}

/// What is away is read from the log's index, and a look is bounded and goes on where it ended.
#[test]
fn a_long_queue_is_paged_through_over_what_lies_on_disk() {
    let messages = 4 * u64::from(PAGING_WINDOW_MESSAGES);
    let (storage, _log) = FaultyLog::storage();
    let world = World::stored(storage);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    fill(&world, &mut hand, 0..messages);
    let cell = hand.cell("q");
    assert!(cell.insight(Millis(0)).depths.away > 0, "the test is about what is away");
    let wanted: Vec<String> = (0..messages).map(|number| format!("m{number}")).collect();
    for looked_at in [100, 777, 100_000] {
        let bounds = PeekBounds { shown: 5_000, looked_at, bytes: 1 << 30 };
        assert_eq!(all(&cell, &Filter::default(), bounds), wanted, "{looked_at}");
    }
    let few = PeekBounds { bytes: 10_000, ..BOUNDS };
    let page = peek(&cell, Place::HEAD, &text_filter("no such text"), few);
    assert!(page.messages.is_empty() && page.next.is_some());
    assert!((10_000..11_000).contains(&page.bytes), "{}", page.bytes);
    let last = format!("m{}", messages / 2);
    assert_eq!(all(&cell, &text_filter(&last), BOUNDS), [last]);
    assert_eq!(cell.report().ready, messages);
}

#[test]
fn who_holds_what_since_when_is_told() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("new");
    hand.consume("q", Consume { prefetch: 2, ..MANUAL }).expect("allowed");
    for body in [b"a", b"b", b"c", b"d"] {
        hand.publish("q", body).expect("routed");
    }
    hand.flush();
    hand.events();
    world.clock.advance(90_000);
    let mut other = world.connect();
    other.get("q").expect("there");
    let cell = hand.cell("q");
    let held = cell.holdings(1);
    assert!(!held.is_cut);
    let told: Vec<_> = held
        .holders
        .iter()
        .map(|one| (one.consumer.is_some(), one.count, one.messages.len(), one.messages[0].at.0))
        .collect();
    assert_eq!(told, [(true, 2, 1, 0), (false, 1, 1, 90_000)]);
    let message = held.holders[0].messages[0].message.as_ref().expect("in RAM");
    assert_eq!(message.body().to_vec(), b"a");
    let insight = cell.insight(world.broker.clock().now());
    assert_eq!((insight.ready, insight.unacknowledged), (1, 3));
    assert_eq!(insight.oldest_unacknowledged, Some(Millis(0)));
    assert_eq!(insight.unowned, Some((1, Millis(90_000))));
    let consumer = &insight.consumers[0];
    assert_eq!((consumer.report.unacknowledged, consumer.newest_at), (2, Some(Millis(0))));
    assert_eq!(consumer.restraint, Restraint::None);
    assert_eq!(insight.oldest_ready.expect("known").at, Millis(0));
}

#[test]
fn a_consumer_at_the_limit_of_its_channel_is_told_apart_from_a_slow_one() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("new");
    hand.client.share_credit(hand.holder, Some(1), 0);
    hand.consume("q", MANUAL).expect("allowed");
    for body in [b"a", b"b"] {
        hand.publish("q", body).expect("routed");
    }
    hand.flush();
    let insight = hand.cell("q").insight(Millis(0));
    assert_eq!(insight.consumers[0].restraint, Restraint::SharedPrefetch(1));
}

#[test]
fn consumers_that_time_out_are_counted() {
    let world = World::new();
    let mut hand = world.connect();
    let timeout = [("x-consumer-timeout", FieldValue::I64(1_000))];
    hand.declare_with("q", |declare| declare.arguments = entries(&timeout)).expect("new");
    hand.consume("q", MANUAL).expect("allowed");
    hand.publish("q", b"a").expect("routed");
    hand.flush();
    let cell = hand.cell("q");
    assert_eq!(cell.insight(Millis(0)).timed_out, None);
    assert_eq!(cell.insight(Millis(0)).consumers[0].timeout_ms, Some(1_000));
    world.pass(1_001);
    let (count, last) = cell.insight(Millis(0)).timed_out.expect("one was");
    assert_eq!((count, last), (1, Millis(1_001)));
}

/// Runs what needs nothing but this broker.
fn run<T>(world: &World, what: impl Future<Output = T>) -> T {
    let mut what = pin!(what);
    for _ in 0..100_000 {
        if let Poll::Ready(result) = what.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
        world.noted.run_all();
    }
    panic!("it waits for something that never comes");
}

fn moves(world: &World, to: MoveTo, count: usize, filter: Filter) -> Result<Moved, Refused> {
    let guest = Behalf::User(UserName::try_from("guest").expect("short"));
    let root = VhostName::try_from("/").expect("short");
    let client = DirectClient::open(&world.broker, &root, &guest, Purpose::Messages);
    let mut client = client.expect("guest may");
    let order = Move { from: queue("q"), to, count, filter };
    run(world, client.move_messages(&order, Content::load))
}

fn to_queue(name: &str) -> MoveTo {
    MoveTo::Queue(queue(name))
}

/// A queue `q` with these messages, and an empty queue `other`.
fn world_with(bodies: &[&str]) -> (World, Hand) {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("new");
    hand.declare("other").expect("new");
    for body in bodies {
        hand.publish("q", body.as_bytes()).expect("routed");
    }
    hand.flush();
    (world, hand)
}

fn waiting(hand: &Hand, name: &str) -> Vec<(String, bool)> {
    let page = peek(&hand.cell(name), Place::HEAD, &Filter::default(), BOUNDS);
    let redelivered = page.messages.iter().map(|one| one.acquired_count > 0);
    bodies(&page).into_iter().zip(redelivered).collect()
}

fn new(text: &str) -> (String, bool) {
    (text.to_owned(), false)
}

#[test]
fn messages_are_moved_as_they_are_in_their_order() {
    let (world, hand) = world_with(&["a", "b", "c"]);
    let moved = moves(&world, to_queue("other"), 2, Filter::default()).expect("allowed");
    assert_eq!((moved.moved, moved.left, moved.stopped), (2, 1, Some(Stopped::Count)));
    assert_eq!(waiting(&hand, "other"), [new("a"), new("b")]);
    assert_eq!(waiting(&hand, "q"), [new("c")]);
    let page = peek(&hand.cell("other"), Place::HEAD, &Filter::default(), BOUNDS);
    assert_eq!(page.messages[0].message.routing_key(), b"q", "as it was published");
    let moved = moves(&world, to_queue("other"), usize::MAX, Filter::default()).expect("allowed");
    assert_eq!((moved.moved, moved.left, moved.stopped), (1, 0, None));
}

#[test]
fn what_the_filter_does_not_take_goes_back_to_its_place() {
    let (world, hand) = world_with(&["old 1", "new 1", "old 2", "new 2"]);
    let moved = moves(&world, to_queue("other"), 9, text_filter("new")).expect("allowed");
    assert_eq!((moved.moved, moved.passed_over, moved.looked_at), (2, 2, 4));
    assert_eq!(waiting(&hand, "other"), [new("new 1"), new("new 2")]);
    let back = |text: &str| (text.to_owned(), true);
    assert_eq!(waiting(&hand, "q"), [back("old 1"), back("old 2")]);
    assert_eq!(
        peek(&hand.cell("q"), Place::HEAD, &Filter::default(), BOUNDS).messages[0].delivery_count,
        0
    );
}

#[test]
fn what_leads_nowhere_or_is_refused_stays_and_ends_the_move() {
    let (world, mut hand) = world_with(&["a", "b"]);
    let nowhere = ExchangeName::try_from("amq.direct").expect("short");
    let moved = moves(&world, MoveTo::Exchange(nowhere, None), 9, Filter::default());
    let moved = moved.expect("allowed");
    assert_eq!((moved.moved, moved.stopped, moved.left), (0, Some(Stopped::Unrouted), 2));
    let full =
        [("x-max-length", FieldValue::I64(1)), ("x-overflow", FieldValue::text("reject-publish"))];
    hand.declare_with("full", |declare| declare.arguments = entries(&full)).expect("new");
    let moved = moves(&world, to_queue("full"), 9, Filter::default()).expect("allowed");
    assert_eq!((moved.moved, moved.stopped, moved.left), (1, Some(Stopped::Refused), 1));
    assert_eq!(waiting(&hand, "q"), [("b".to_owned(), true)]);
    assert_eq!(waiting(&hand, "full"), [new("a")]);
}

#[test]
fn messages_are_published_to_an_exchange_with_their_own_key_or_another() {
    let (world, mut hand) = world_with(&["a", "b"]);
    hand.declare("third").expect("new");
    let default = ExchangeName::try_from("").expect("short");
    let key = crate::base::ShortStr::try_from("third").expect("short");
    let to = MoveTo::Exchange(default, Some(key));
    assert_eq!(moves(&world, to, 9, Filter::default()).expect("allowed").moved, 2);
    assert_eq!(waiting(&hand, "third"), [new("a"), new("b")]);
}

#[test]
fn a_move_that_makes_no_sense_is_refused_before_anything_is_taken() {
    let (world, hand) = world_with(&["a"]);
    let code = |to| moves(&world, to, 9, Filter::default()).expect_err("refused").code;
    assert_eq!(code(to_queue("q")), ReplyCode::PreconditionFailed);
    assert_eq!(code(to_queue("nobody")), ReplyCode::NotFound);
    let missing = ExchangeName::try_from("nobody").expect("short");
    assert_eq!(code(MoveTo::Exchange(missing, None)), ReplyCode::NotFound);
    assert_eq!(waiting(&hand, "q"), [new("a")]);
}

#[test]
fn one_request_moves_no_more_than_it_may() {
    let (world, mut hand) = world_with(&[]);
    for _ in 0..MOVE_LOOKED_AT_MAX + 10 {
        hand.publish("q", b"m").expect("routed");
    }
    hand.flush();
    world.noted.run_all();
    let moved = moves(&world, to_queue("other"), usize::MAX, Filter::default()).expect("allowed");
    assert_eq!((moved.moved, moved.stopped), (MOVE_LOOKED_AT_MAX, Some(Stopped::Bound)));
    assert_eq!(moved.left, 10);
}

#[test]
fn an_alarm_is_reported_with_its_moment_and_figures() {
    let world = World::with(&[], 1_000);
    let mut hand = world.connect();
    hand.declare("q").expect("new");
    world.clock.advance(5_000);
    hand.publish_message(message("", "q", &[0; 2_000])).expect("routed");
    hand.flush();
    let report = world.broker.alarm_report();
    assert_eq!((report.memory_since, report.disk_since), (Some(Millis(5_000)), None));
    assert_eq!((report.memory_watermark_bytes, report.memory_clears_below_bytes), (1_000, 900));
    assert!(report.memory_used_bytes > 2_000);
    hand.consume("q", AUTOMATIC).expect("allowed");
    world.broker.set_disk_alarm(true);
    world.broker.set_disk_figures(7, 9);
    let report = world.broker.alarm_report();
    assert_eq!((report.memory_since, report.disk_since), (None, Some(Millis(5_000))));
    assert_eq!((report.disk_free_bytes, report.disk_limit_bytes), (Some(7), 9));
}

#[test]
fn a_tap_sees_what_is_published_and_drops_what_nobody_takes() {
    let (world, mut hand) = world_with(&["before"]);
    let cell = hand.cell("q");
    let (tap, half) = (cell.tap(1), cell.tap(2));
    for number in 0..TAP_MESSAGES_MAX + 5 {
        hand.publish("q", format!("{number}").as_bytes()).expect("routed");
    }
    hand.flush();
    world.noted.run_all();
    let all = Filter::default();
    let tapped = tap.take(&all);
    assert_eq!(
        (tapped.messages.len(), tapped.seen),
        (TAP_MESSAGES_MAX, TAP_MESSAGES_MAX as u64 + 5)
    );
    assert_eq!((tapped.dropped, tapped.messages[0].body().to_vec()), (5, b"0".to_vec()));
    let came = TAP_MESSAGES_MAX + 5;
    assert_eq!(half.take(&all).messages.len(), came / 2);
    hand.publish("q", b"wanted").expect("routed");
    hand.flush();
    assert_eq!(tap.take(&text_filter("wanted")).messages.len(), 1);
    drop(tap);
    hand.publish("q", b"after").expect("routed");
    hand.flush();
    assert_eq!(half.take(&all).messages.len(), 1, "of two");
    assert_eq!(cell.report().ready, TAP_MESSAGES_MAX as u64 + 8, "nothing was taken");
}
