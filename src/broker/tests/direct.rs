//! The management's client without a socket: it does what a connection does, and leaves nothing behind.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::world::{World, message, queue};
use crate::base::limits::{FETCH_BYTES_MAX, LISTING_STEP_MAX};
use crate::base::{ExchangeName, FieldTable, ReplyCode, ShortStr, UserName, VhostName};
use crate::broker::{
    AckMode, Actor, Behalf, Binding, DeclareExchange, DeclareQueue, Destination, DirectClient,
    Fetch, Fetched, Published, Purpose, Refused, UserLimits,
};
use crate::store;

/// Runs what needs nothing but this broker; what it asked for on tasks of their own is done between.
fn run<T>(world: &World, what: impl Future<Output = T>) -> T {
    let mut what = pin!(what);
    for _ in 0..1000 {
        if let Poll::Ready(result) = what.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
        world.noted.run_all();
    }
    panic!("it waits for something that never comes");
}

fn guest() -> Behalf {
    Behalf::User(UserName::try_from("guest").expect("short"))
}

fn root() -> VhostName {
    VhostName::try_from("/").expect("short")
}

fn open(world: &World, purpose: Purpose) -> DirectClient {
    DirectClient::open(&world.broker, &root(), &guest(), purpose).expect("guest may")
}

fn declare(name: &str) -> DeclareQueue {
    DeclareQueue {
        queue: queue(name),
        passive: false,
        durable: false,
        exclusive: false,
        auto_delete: false,
        arguments: FieldTable::EMPTY,
    }
}

fn fetch(world: &World, name: &str, count: usize, ack_mode: AckMode) -> Vec<Fetched> {
    fetch_with(world, name, Fetch { count, ack_mode, truncate: None }).expect("it is there")
}

fn fetch_with(world: &World, name: &str, fetch: Fetch) -> Result<Vec<Fetched>, Refused> {
    let mut client = open(world, Purpose::Messages);
    run(world, client.fetch(&queue(name), fetch, crate::broker::Content::load))
}

fn bodies(fetched: &[Fetched]) -> Vec<(&[u8], bool, u64)> {
    fetched.iter().map(|one| (&*one.body, one.redelivered, one.ready)).collect()
}

/// A world with the queue `q` that holds `a` and `b`.
fn world() -> World {
    let world = World::new();
    run(&world, open(&world, Purpose::Topology).queue_declare(declare("q"))).expect("new");
    for body in [b"a", b"b"] {
        let published =
            run(&world, open(&world, Purpose::Messages).publish(message("", "q", body)));
        assert_eq!(published, Ok(Published::Routed));
    }
    world
}

#[test]
fn fetched_messages_go_back_to_their_places_or_are_gone_as_the_mode_says() {
    let world = world();
    for mode in [AckMode::AckRequeueTrue, AckMode::RejectRequeueTrue] {
        let fetched = fetch(&world, "q", 5, mode);
        assert_eq!(fetched.iter().map(|one| &*one.body).collect::<Vec<_>>(), [b"a", b"b"]);
    }
    let fetched = fetch(&world, "q", 1, AckMode::RejectRequeueFalse);
    assert_eq!(bodies(&fetched), [(&b"a"[..], true, 1)]);
    let fetched = fetch(&world, "q", 5, AckMode::AckRequeueFalse);
    assert_eq!(bodies(&fetched), [(&b"b"[..], true, 0)]);
    assert_eq!(fetch(&world, "q", 5, AckMode::AckRequeueTrue), []);
}

#[test]
fn a_client_that_is_dropped_while_it_fetches_gives_everything_back() {
    let world = world();
    let mut client = open(&world, Purpose::Messages);
    let request = Fetch { count: 2, ack_mode: AckMode::AckRequeueTrue, truncate: None };
    let mut seen = 0;
    // The second message cannot be read, and the request ends with the first in its hands.
    let fetched = run(
        &world,
        client.fetch(&queue("q"), request, |content| {
            seen += 1;
            if seen == 1 { content.load() } else { Err(crate::broker::Unreadable::Closed) }
        }),
    );
    assert_eq!(fetched.expect_err("unreadable").code, ReplyCode::InternalError);
    let cell = client.vhost().queue_of(&queue("q")).expect("there");
    assert_eq!((cell.report().ready, cell.report().unacknowledged), (0, 2));
    drop(client);
    assert_eq!((cell.report().ready, cell.report().unacknowledged), (2, 0));
}

#[test]
fn a_body_is_cut_and_what_is_fetched_is_bounded_in_bytes() {
    let world = world();
    let large = vec![7; FETCH_BYTES_MAX / 2 + 1];
    for _ in 0..4 {
        let sent = run(&world, open(&world, Purpose::Messages).publish(message("", "q", &large)));
        assert_eq!(sent, Ok(Published::Routed));
    }
    fetch(&world, "q", 2, AckMode::AckRequeueFalse);
    let cut = Fetch { count: 9, ack_mode: AckMode::AckRequeueTrue, truncate: Some(3) };
    let fetched = fetch_with(&world, "q", cut).expect("there");
    assert_eq!(fetched.len(), 4, "cut ones are small");
    assert!(fetched.iter().all(|one| one.body == [7; 3] && one.body_bytes == large.len()));
    assert_eq!(fetch(&world, "q", 9, AckMode::AckRequeueFalse).len(), 2);
    let left = open(&world, Purpose::Topology);
    assert_eq!(left.vhost().queue_of(&queue("q")).expect("there").report().ready, 2);
}

#[test]
fn a_publish_says_whether_it_was_routed_and_taken() {
    let world = world();
    let mut client = open(&world, Purpose::Messages);
    assert_eq!(run(&world, client.publish(message("", "none", b""))), Ok(Published::Unrouted));
    let refused = run(&world, client.publish(message("none", "", b""))).expect_err("no exchange");
    assert_eq!(refused.to_string(), "NOT_FOUND - no exchange 'none' in vhost '/'");
    let limit = |key: &str, value| (ShortStr::try_from(key).expect("short"), value);
    let arguments = FieldTable::new(vec![
        limit("x-max-length", crate::base::FieldValue::I32(0)),
        limit("x-overflow", crate::base::FieldValue::text("reject-publish")),
    ]);
    let full = DeclareQueue { arguments, ..declare("full") };
    run(&world, open(&world, Purpose::Topology).queue_declare(full)).expect("new");
    assert_eq!(run(&world, client.publish(message("", "full", b"x"))), Ok(Published::Rejected));
    assert_eq!(run(&world, client.publish(message("", "q", b"x"))), Ok(Published::Routed));
}

#[test]
fn topology_is_changed_with_the_refusals_of_a_connection() {
    let world = world();
    let mut client = open(&world, Purpose::Topology);
    let name = ExchangeName::try_from("x").expect("short");
    let exchange = DeclareExchange {
        exchange: name.clone(),
        kind: ShortStr::try_from("topic").expect("short"),
        passive: false,
        durable: false,
        auto_delete: false,
        internal: false,
        arguments: FieldTable::EMPTY,
    };
    run(&world, client.exchange_declare(exchange.clone())).expect("new");
    let passive = DeclareExchange { passive: true, ..exchange };
    run(&world, client.exchange_declare(passive)).expect("there");
    let binding = Binding {
        source: name.clone(),
        destination: Destination::Queue(queue("q")),
        routing_key: ShortStr::EMPTY,
        arguments: FieldTable::EMPTY,
    };
    run(&world, client.bind(&binding)).expect("both are there");
    assert!(client.vhost().has_binding(&binding));
    let used = run(&world, client.exchange_delete(&name, true)).expect_err("it has a binding");
    assert_eq!(used.to_string(), "PRECONDITION_FAILED - exchange 'x' in vhost '/' in use");
    run(&world, client.unbind(&binding)).expect("it is there");
    run(&world, client.exchange_delete(&name, true)).expect("unused");
    let other = DeclareQueue { durable: true, ..declare("q") };
    let refused = run(&world, client.queue_declare(other)).expect_err("another queue");
    assert_eq!(refused.code, ReplyCode::PreconditionFailed);
    assert!(refused.text.starts_with("inequivalent arg 'durable' for queue 'q' in vhost '/'"));
    let full = run(&world, client.queue_delete(&queue("q"), false, true)).expect_err("messages");
    assert_eq!(full.text, "queue 'q' in vhost '/' not empty");
    assert_eq!(run(&world, client.queue_purge(&queue("q"))), Ok(2));
    assert_eq!(run(&world, client.queue_delete(&queue("q"), true, true)), Ok(0));
    assert!(!client.vhost().has_queue(&queue("q")));
}

#[test]
fn messages_count_against_the_limits_while_they_move_and_topology_does_not() {
    let world = world();
    let user = UserName::try_from("guest").expect("short");
    let one = UserLimits { max_connections: Some(1), max_channels: None };
    world.broker.set_user_limits(
        &Actor::internal(),
        user,
        one,
        Box::new(|stored| stored.expect("stored")),
    );
    let first = open(&world, Purpose::Messages);
    let second = DirectClient::open(&world.broker, &root(), &guest(), Purpose::Messages);
    let refused = second.err().expect("the limit is reached");
    assert_eq!(
        refused.to_string(),
        "NOT_ALLOWED - connection refused for user 'guest': user connection limit (1) is reached"
    );
    open(&world, Purpose::Topology);
    drop(first);
    open(&world, Purpose::Messages);
}

#[test]
fn a_user_may_what_its_permissions_say_and_the_operator_everything() {
    let user = store::User {
        name: UserName::try_from("ann").expect("short"),
        password_hash: None,
        hashing_algorithm: "rabbit_password_hashing_sha256".to_owned(),
        tags: Vec::new(),
    };
    let world = World::with(&[store::Change::PutUser(user)], u64::MAX);
    let ann = Behalf::User(UserName::try_from("ann").expect("short"));
    let behalf = |behalf| {
        let client = DirectClient::open(&world.broker, &root(), behalf, Purpose::Topology);
        run(&world, client.expect("the vhost is there").queue_declare(declare("q")))
    };
    let refused = behalf(&ann).expect_err("no permissions").to_string();
    assert_eq!(
        refused,
        "ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused for user 'ann'"
    );
    assert_eq!(behalf(&Behalf::Operator), Ok(queue("q")));
}

#[test]
fn a_listing_has_everything_once_however_many_parts_it_takes() {
    let world = World::new();
    let mut client = open(&world, Purpose::Topology);
    let all = LISTING_STEP_MAX * 2 + 1;
    for number in 0..=all {
        run(&world, client.queue_declare(declare(&format!("q{number}")))).expect("new");
    }
    // A hole in the middle of a part, and the first of the next.
    for gone in ["q17".to_owned(), format!("q{LISTING_STEP_MAX}")] {
        run(&world, client.queue_delete(&queue(&gone), false, false)).expect("there");
    }
    let vhost = client.vhost();
    let mut names: Vec<_> =
        vhost.list_queues().iter().map(|cell| cell.info().name.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all - 1);
    assert_eq!(vhost.counts().queues, all - 1);
    assert_eq!(vhost.list_exchanges().len(), 7);
}
