//! The exchange of events: what is told, in which order, to whom, and at what price.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::logged::logged;
use super::world::{Hand, MANUAL, World, entries, parse_headers, queue};
use crate::base::limits::NOTICES_WAITING_BYTES_MAX;
use crate::base::{
    ExchangeName, FieldTable, FieldValue, ParameterName, ShortStr, UserName, VhostName,
};
use crate::broker::policy::{Policy, PolicyKind};
use crate::broker::{
    Actor, Answered, Binding, BrokerStorage, ConnectionInfo, DeclareExchange, Destination,
    LoginAttempt, NoticeLosses, UserLimits, VhostLimits,
};
use crate::store::{self, Done, MemoryLog, MemoryMetadata};

fn slash() -> VhostName {
    VhostName::try_from("/").expect("short")
}

fn user(name: &str) -> UserName {
    UserName::try_from(name).expect("short")
}

fn ignored() -> Done {
    Box::new(|stored| stored.expect("a store in memory takes everything"))
}

fn ann() -> Actor {
    Actor::management(user("ann"), [127, 0, 0, 1].into())
}

fn binding(source: &str, key: &str, to: &str) -> Binding {
    Binding {
        source: ExchangeName::try_from(source).expect("short"),
        destination: Destination::Queue(queue(to)),
        routing_key: ShortStr::try_from(key).expect("short"),
        arguments: FieldTable::EMPTY,
    }
}

/// Somebody who is told everything that has this key.
fn listener(world: &World, key: &str) -> Hand {
    world.broker.open_event_exchange("rabbit@here", &slash());
    let mut hand = world.connect();
    hand.declare_with("events", |declare| declare.durable = true).expect("declared");
    hand.bind(&binding("amq.rabbitmq.event", key, "events")).expect("bound");
    told(world, &mut hand);
    hand
}

/// What was told: routing keys and headers.
fn told(world: &World, hand: &mut Hand) -> Vec<(String, FieldTable)> {
    while world.broker.publish_notices() {}
    let mut all = Vec::new();
    while let Answered::Got(event, _) = hand.get("events").expect("the queue is there") {
        let message = event.content.load().expect("it can be read");
        assert!(message.body().is_empty());
        assert!(message.header().persistent);
        let key = String::from_utf8(message.routing_key().to_vec()).expect("a word");
        all.push((key, parse_headers(message.properties())));
    }
    all
}

fn keys(world: &World, hand: &mut Hand) -> Vec<String> {
    told(world, hand).into_iter().map(|(key, _)| key).collect()
}

fn text<'a>(headers: &'a FieldTable, name: &str) -> &'a str {
    let value = headers.get(name.as_bytes()).unwrap_or_else(|| panic!("{name} in {headers:?}"));
    value.as_text().expect("a text")
}

fn by(headers: &FieldTable) -> &str {
    text(headers, "user_who_performed_action")
}

#[test]
fn what_happens_to_queues_exchanges_and_bindings_is_told_in_its_order() {
    let world = World::new();
    let mut events = listener(&world, "#");
    let mut guest = world.connect();
    let arguments = entries(&[("x-max-length", FieldValue::I32(5))]);
    guest.declare_with("q", |declare| declare.arguments = arguments.clone()).expect("declared");
    guest.declare("q").expect_err("other arguments");
    let exchange = DeclareExchange {
        exchange: ExchangeName::try_from("x").expect("short"),
        kind: ShortStr::try_from("topic").expect("short"),
        passive: false,
        durable: false,
        auto_delete: true,
        internal: false,
        arguments: FieldTable::EMPTY,
    };
    guest.declare_exchange(exchange.clone()).expect("declared");
    guest.declare_exchange(exchange).expect("it is there already");
    guest.bind(&binding("x", "a.b", "q")).expect("bound");
    guest.bind(&binding("x", "a.b", "q")).expect("it is there already");
    guest.delete("q").expect("deleted");
    let told = told(&world, &mut events);
    let keys: Vec<&str> = told.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "queue.created",
            "exchange.created",
            "binding.created",
            "binding.deleted",
            "exchange.deleted",
            "queue.deleted"
        ]
    );
    let (queue, bound, unbound) = (&told[0].1, &told[2].1, &told[3].1);
    assert_eq!((text(queue, "name"), text(queue, "vhost"), by(queue)), ("q", "/", "guest"));
    assert_eq!(queue.get(b"arguments"), Some(&FieldValue::Table(arguments)));
    assert_eq!(queue.get(b"exclusive"), Some(&FieldValue::Boolean(false)));
    assert!(queue.get(b"timestamp_in_ms").and_then(FieldValue::as_integer).is_some());
    assert_eq!(text(&told[1].1, "type"), "topic");
    assert_eq!(
        [text(bound, "source_name"), text(bound, "destination_name"), text(bound, "routing_key")],
        ["x", "q", "a.b"]
    );
    // What goes with the queue is nobody's doing.
    assert_eq!((by(bound), by(unbound)), ("guest", "rmq-internal"));
    assert_eq!((text(&told[4].1, "name"), by(&told[4].1)), ("x", "rmq-internal"));
    assert_eq!((text(&told[5].1, "name"), by(&told[5].1)), ("q", "guest"));
}

#[test]
fn an_exclusive_queue_that_goes_with_its_connection_is_the_brokers_doing() {
    let world = World::new();
    let mut events = listener(&world, "queue.*");
    let mut guest = world.connect();
    guest.declare_with("mine", |declare| declare.exclusive = true).expect("declared");
    drop(guest);
    let told = told(&world, &mut events);
    assert_eq!((told[0].0.as_str(), by(&told[0].1)), ("queue.created", "guest"));
    assert_eq!((told[1].0.as_str(), by(&told[1].1)), ("queue.deleted", "rmq-internal"));
}

#[test]
fn a_refused_deletion_is_not_remembered_as_somebodys() {
    let world = World::new();
    let mut events = listener(&world, "queue.deleted");
    let mut guest = world.connect();
    guest.declare_with("q", |declare| declare.auto_delete = true).expect("declared");
    let consuming = guest.consume("q", MANUAL).expect("consuming");
    let step = guest.client.queue_delete(guest.holder, &queue("q"), true, false);
    guest.answered(step).expect_err("it is in use");
    let Answered::Consuming(tag) = consuming else { panic!("{consuming:?}") };
    let step = guest.client.cancel(guest.holder, &tag);
    guest.answered(Ok(step)).expect("cancelled");
    let told = told(&world, &mut events);
    assert_eq!(told.len(), 1);
    assert_eq!(by(&told[0].1), "rmq-internal");
}

fn connection(world: &World, hand: &Hand) -> ConnectionInfo {
    let peer: SocketAddr = "10.0.0.1:5000".parse().expect("an address");
    let name = ShortStr::try_from("connection_name").expect("short");
    ConnectionInfo {
        id: hand.client.peer().connection,
        peer,
        local: Some("10.0.0.2:5672".parse().expect("an address")),
        user: user("guest"),
        vhost: slash(),
        mechanism: "PLAIN".to_owned(),
        client_properties: FieldTable::new(vec![(name, FieldValue::text("mine"))]),
        connected_at_ms: world.broker.clock().unix_ms(),
        frame_max: 131_072,
        channel_max: 2047,
        heartbeat_s: 60,
        tls: None,
    }
}

#[test]
fn connections_channels_and_consumers_are_told_and_can_be_related() {
    let world = World::new();
    let mut events = listener(&world, "#");
    let mut guest = world.connect();
    guest.declare("q").expect("declared");
    world.broker.connection_ready(connection(&world, &guest), &guest.inbox, &Arc::default());
    let channel = crate::base::ChannelId(2);
    let holder = world.broker.next_holder_id();
    guest.client.channel_opened(holder, channel).expect("no limit");
    let consuming = guest.consume_with("q", MANUAL, &[("x-priority", FieldValue::I32(3))]);
    let Ok(Answered::Consuming(tag)) = consuming else { panic!("{consuming:?}") };
    let step = guest.client.cancel(guest.holder, &tag);
    guest.answered(Ok(step)).expect("cancelled");
    guest.consume("q", MANUAL).expect("consuming");
    guest.client.channel_closed(holder);
    let id = guest.client.peer().connection;
    drop(guest);
    world.broker.connection_closed(id);
    let told = told(&world, &mut events);
    let keys: Vec<&str> = told.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "queue.created",
            "connection.created",
            "channel.created",
            "consumer.created",
            "consumer.deleted",
            "consumer.created",
            "channel.closed",
            "consumer.deleted",
            "channel.closed",
            "connection.closed"
        ]
    );
    let (opened, channel, consumer) = (&told[1].1, &told[2].1, &told[3].1);
    assert_eq!(text(opened, "name"), "10.0.0.1:5000 -> 10.0.0.2:5672");
    assert_eq!((text(opened, "user_provided_name"), by(opened)), ("mine", "guest"));
    assert_eq!(text(opened, "pid"), text(&told[9].1, "pid"));
    assert_eq!(text(opened, "pid"), text(channel, "connection"));
    assert_eq!(text(channel, "pid"), text(&told[6].1, "pid"));
    assert_eq!(channel.get(b"number"), Some(&FieldValue::I64(2)));
    assert_eq!(text(consumer, "consumer_tag"), tag.as_str());
    assert_eq!(consumer.get(b"ack_required"), Some(&FieldValue::Boolean(true)));
    assert_eq!((by(&told[4].1), by(&told[7].1)), ("guest", "rmq-internal"));
    assert_eq!(told[9].1.get(b"user_who_performed_action"), None);
}

#[test]
fn a_consumer_that_is_refused_is_not_told() {
    let world = World::new();
    let mut events = listener(&world, "consumer.#");
    let (mut guest, mut other) = (world.connect(), world.connect());
    guest.declare("q").expect("declared");
    let alone = crate::broker::Consume { exclusive: true, ..MANUAL };
    guest.consume("q", alone).expect("consuming");
    other.consume("q", alone).expect_err("somebody is alone there");
    assert_eq!(keys(&world, &mut events), ["consumer.created"]);
}

#[test]
fn logins_and_alarms_are_told() {
    let world = World::with(&[], 1000);
    let mut events = listener(&world, "#");
    let login = || LoginAttempt {
        name: "eve".to_owned(),
        mechanism: "PLAIN".to_owned(),
        connection: world.broker.next_connection_id(),
        peer: "10.0.0.1:5000".parse().expect("an address"),
        local: None,
        tls: false,
    };
    world.broker.tell_login(login, None);
    world.broker.tell_login(login, Some("no such user"));
    world.broker.set_disk_alarm(true);
    world.broker.set_disk_alarm(true);
    world.broker.set_disk_alarm(false);
    let mut guest = world.connect();
    guest.declare("full").expect("declared");
    guest.publish("full", &[0; 2000]).expect("routed");
    guest.flush();
    let told = told(&world, &mut events);
    let keys: Vec<&str> = told.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys[..6],
        [
            "user.authentication.success",
            "user.authentication.failure",
            "alarm.set",
            "alarm.cleared",
            "queue.created",
            "alarm.set"
        ]
    );
    assert_eq!((text(&told[1].1, "name"), text(&told[1].1, "error")), ("eve", "no such user"));
    assert_eq!((text(&told[2].1, "source"), text(&told[5].1, "source")), ("disk", "memory"));
    assert_eq!(text(&told[2].1, "node"), "rabbit@here");
}

fn account(name: &str, hash: Option<&str>, tags: &[&str]) -> store::User {
    store::User {
        name: user(name),
        password_hash: hash.map(str::to_owned),
        hashing_algorithm: "rabbit_password_hashing_sha256".to_owned(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
    }
}

/// Two hashes of some passwords.
const HASHES: [&str; 2] = [
    "wm0FgSQBmGCFQ0+6SjdHqEUB9FZrK1qRPlNmZBVW4t7bGWYj",
    "jkN5bCq0hvqFHIbVmkV3A5bqTWZhEV0ZtqYoBm5F5mGs0nZ4",
];

#[test]
fn changes_of_users_and_permissions_are_told_with_who_made_them() {
    let world = World::new();
    let mut events = listener(&world, "#");
    let (broker, by_ann) = (&world.broker, &ann());
    let put = |record| broker.put_user(by_ann, record, ignored()).expect("a good user");
    put(account("henry", Some(HASHES[0]), &["monitoring"]));
    put(account("henry", Some(HASHES[1]), &["monitoring"]));
    put(account("henry", None, &["monitoring", "x"]));
    let [configure, write, read] = [".*", "a", "b"].map(str::to_owned);
    let (of, vhost) = (user("henry"), slash());
    let permission = store::Permission { user: of.clone(), vhost, configure, write, read };
    broker.put_permission(by_ann, permission.clone(), ignored()).expect("put");
    broker.delete_permission(by_ann, &of, &slash(), ignored()).expect("deleted");
    broker.put_permission(by_ann, permission, ignored()).expect("put");
    let topic = store::TopicPermission {
        user: of.clone(),
        vhost: slash(),
        exchange: ExchangeName::try_from("amq.topic").expect("short"),
        write: "a".to_owned(),
        read: "b".to_owned(),
    };
    broker.put_topic_permission(by_ann, topic, ignored()).expect("put");
    broker.delete_topic_permissions(by_ann, &of, &slash(), None, ignored()).expect("deleted");
    let limits = UserLimits { max_connections: Some(5), max_channels: None };
    broker.set_user_limits(by_ann, of.clone(), limits, ignored());
    broker.set_user_limits(by_ann, of.clone(), UserLimits::default(), ignored());
    broker.delete_user(by_ann, &of, ignored()).expect("deleted");
    let told = told(&world, &mut events);
    let keys: Vec<&str> = told.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "user.created",
            "user.tags.set",
            "user.password.changed",
            "user.password.cleared",
            "user.tags.set",
            "permission.created",
            "permission.deleted",
            "permission.created",
            "topic.permission.created",
            "topic.permission.deleted",
            "user.limits.set",
            "user.limits.cleared",
            "user.deleted"
        ]
    );
    assert!(told.iter().all(|(_, headers)| by(headers) == "ann"));
    assert!(told.iter().all(|(_, headers)| headers.get(b"password_hash").is_none()));
    assert_eq!(text(&told[5].1, "configure"), ".*");
    assert_eq!(told[10].1.get(b"max-connections"), Some(&FieldValue::I64(5)));
    let tags = ["monitoring", "x"].map(FieldValue::text).to_vec();
    assert_eq!(told[4].1.get(b"tags"), Some(&FieldValue::Array(tags)));
}

#[test]
fn changes_of_virtual_hosts_policies_and_parameters_are_told() {
    let world = World::new();
    let mut events = listener(&world, "#");
    let (broker, by_ann) = (&world.broker, &ann());
    let orders = VhostName::try_from("orders").expect("short");
    let record = store::Vhost::new(orders.clone());
    broker.put_vhost(by_ann, record.clone(), ignored()).expect("put");
    let told_new = keys(&world, &mut events);
    assert_eq!(told_new.iter().filter(|key| *key == "exchange.created").count(), 7);
    assert_eq!(told_new.last().map(String::as_str), Some("vhost.created"));
    broker.put_vhost(by_ann, record, ignored()).expect("put");
    let limits = VhostLimits { max_connections: None, max_queues: Some(3) };
    broker.set_vhost_limits(by_ann, orders.clone(), limits, ignored());
    broker.set_vhost_limits(by_ann, orders.clone(), VhostLimits::default(), ignored());
    let vhost = broker.vhost(&orders).expect("it is there");
    let definition = FieldValue::Table(entries(&[("max-length", FieldValue::I64(3))]));
    let name = || crate::base::PolicyName::try_from("p").expect("short");
    for kind in [PolicyKind::User, PolicyKind::Operator] {
        let policy = Policy::table("^a", "queues", 1, definition.clone());
        let policy = Policy::parse(kind, name(), &policy).expect("a good policy");
        vhost.put_policy(by_ann, kind, policy, ignored());
        assert!(vhost.delete_policy(by_ann, kind, &name(), ignored()));
    }
    let [component, of] = ["shovel", "s"].map(|name| ParameterName::try_from(name).expect("short"));
    let value = FieldValue::text("v");
    let parameter = store::Parameter {
        vhost: orders.clone(),
        component: component.clone(),
        name: of.clone(),
        value: value.clone(),
    };
    broker.put_parameter(by_ann, parameter, ignored()).expect("put");
    broker.delete_parameter(by_ann, &orders, &component, &of, ignored()).expect("deleted");
    let global = store::GlobalParameter { name: of.clone(), value };
    broker.put_global_parameter(by_ann, global, ignored()).expect("put");
    broker.delete_global_parameter(by_ann, &of, ignored()).expect("deleted");
    let told = told(&world, &mut events);
    let keys: Vec<&str> = told.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "vhost.updated",
            "parameter.set",
            "vhost.limits.set",
            "parameter.cleared",
            "vhost.limits.cleared",
            "policy.set",
            "policy.cleared",
            "parameter.set",
            "policy.set",
            "parameter.cleared",
            "operator.policy.cleared",
            "parameter.set",
            "parameter.cleared",
            "parameter.set",
            "parameter.cleared"
        ]
    );
    assert!(told.iter().all(|(_, headers)| by(headers) == "ann"));
    assert_eq!(told[2].1.get(b"max-queues"), Some(&FieldValue::I64(3)));
    assert_eq!(text(&told[5].1, "pattern"), "^a");
    assert_eq!(text(&told[7].1, "component"), "operator_policy");
    assert_eq!(text(&told[11].1, "value"), "v");
    broker.delete_vhost(by_ann, &orders, ignored()).expect("deleted");
    let gone = super::events::keys(&world, &mut events);
    assert_eq!(gone.iter().filter(|key| *key == "exchange.deleted").count(), 6);
    assert_eq!(gone.last().map(String::as_str), Some("vhost.deleted"));
}

#[test]
fn nothing_is_kept_while_nobody_is_bound() {
    let world = World::new();
    world.broker.open_event_exchange("rabbit@here", &slash());
    let mut guest = world.connect();
    guest.declare("q").expect("declared");
    assert!(!world.broker.publish_notices(), "nobody wants it");
    guest.bind(&binding("amq.rabbitmq.event", "#", "q")).expect("bound");
    assert!(world.broker.publish_notices(), "the binding itself");
    let unbound = guest.client.unbind(guest.holder, &binding("amq.rabbitmq.event", "#", "q"));
    guest.answered(unbound).expect("unbound");
    while world.broker.publish_notices() {}
    guest.declare("other").expect("declared");
    assert!(!world.broker.publish_notices(), "nobody wants it any more");
}

#[test]
fn who_sleeps_until_something_is_told_is_woken() {
    let world = World::new();
    let mut events = listener(&world, "#");
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(world.broker.poll_notices(&mut context), Poll::Pending);
    events.declare("q").expect("declared");
    assert_eq!(world.broker.poll_notices(&mut context), Poll::Ready(()));
}

/// N2.
#[test]
fn what_does_not_fit_is_dropped_counted_and_said() {
    let world = World::new();
    let mut events = listener(&world, "#");
    let long = "x".repeat(60_000);
    let most = NOTICES_WAITING_BYTES_MAX / long.len() + 2;
    for number in 0..most {
        let arguments = [("x-note", FieldValue::text(&long))];
        let arguments = entries(&arguments);
        let declared = events.declare_with(&format!("q{number}"), |declare| {
            declare.arguments = arguments.clone();
        });
        declared.expect("declared");
    }
    let losses = world.broker.notice_losses();
    assert!(losses.events > 0 && losses.lines == 0, "{losses:?}");
    let (_, lines) = logged(|| world.broker.publish_notices());
    let dropped = format!("dropped={}", losses.events);
    assert!(lines.iter().any(|line| line.contains(&dropped)), "{lines:?}");
    let created = keys(&world, &mut events).len();
    assert_eq!(created as u64 + losses.events, most as u64, "N1, N2: the others are all there");
    assert_eq!(world.broker.notice_losses(), losses);
    let (_, lines) = logged(|| world.broker.publish_notices());
    assert!(lines.is_empty(), "it is said once: {lines:?}");
}

#[test]
fn lines_of_the_log_are_messages_of_their_level_and_make_no_others() {
    let world = World::new();
    world.broker.open_log_exchange("rabbit@here", &slash());
    let mut hand = world.connect();
    hand.declare("lines").expect("declared");
    world.broker.log_line("info", || panic!("nobody is bound"));
    hand.bind(&binding("amq.rabbitmq.log", "warning", "lines")).expect("bound");
    world.broker.log_line("info", || "not this one".to_owned());
    world.broker.log_line("warning", || "look".to_owned());
    while world.broker.publish_notices() {}
    let Ok(Answered::Got(event, 0)) = hand.get("lines") else { panic!("one line is there") };
    let message = event.content.load().expect("it can be read");
    assert_eq!(message.routing_key(), b"warning");
    assert_eq!(message.body().to_vec(), b"look");
    assert_eq!(text(&parse_headers(message.properties()), "node"), "rabbit@here");
    assert_eq!(world.broker.notice_losses(), NoticeLosses::default());
}

#[test]
fn the_exchange_and_its_bindings_survive_a_restart_and_go_on_telling() {
    let (metadata, log) = (Arc::new(MemoryMetadata::new()), Arc::new(MemoryLog::new()));
    let storage = BrokerStorage { metadata, log };
    let world = World::stored(storage.clone());
    let hand = listener(&world, "queue.#");
    drop((hand, world));
    let world = World::stored(storage);
    world.broker.open_event_exchange("rabbit@here", &slash());
    let mut guest = world.connect();
    guest.declare("q").expect("declared");
    assert_eq!(keys(&world, &mut guest), ["queue.created"]);
}

#[test]
fn the_exchange_comes_with_its_virtual_host() {
    let world = World::new();
    let later = VhostName::try_from("later").expect("short");
    world.broker.open_event_exchange("rabbit@here", &later);
    world.broker.put_vhost(&ann(), store::Vhost::new(later.clone()), ignored()).expect("put");
    let vhost = world.broker.vhost(&later).expect("it is there");
    let exchange =
        vhost.exchange_effective(&ExchangeName::try_from("amq.rabbitmq.event").expect("short"));
    assert!(exchange.is_some());
}

#[test]
fn definitions_may_bind_to_the_exchange_also_of_a_broker_that_begins() {
    let queue = store::Queue {
        vhost: slash(),
        name: queue("events"),
        durable: true,
        auto_delete: false,
        arguments: FieldTable::EMPTY,
        number: 0,
    };
    let binding = store::Binding {
        vhost: slash(),
        source: ExchangeName::try_from("amq.rabbitmq.event").expect("short"),
        destination: "events".to_owned(),
        destination_type: store::DestinationKind::Queue,
        routing_key: ShortStr::try_from("user.#").expect("short"),
        arguments: FieldTable::EMPTY,
    };
    let changes = [store::Change::PutQueue(queue), store::Change::PutBinding(binding)];
    let gone = crate::broker::Rehearsal::on_nothing(None).go_through(&changes);
    assert_eq!(gone, Ok(()));
}

#[test]
fn somebody_without_rights_hears_nothing() {
    let changes = [super::world::guest_may(".*", ".*", "^q")];
    let world = World::with(&changes, u64::MAX);
    world.broker.open_event_exchange("rabbit@here", &slash());
    let mut guest = world.connect();
    guest.declare("q").expect("declared");
    let refused = guest.bind(&binding("amq.rabbitmq.event", "#", "q")).expect_err("no read");
    assert!(refused.contains("read access to exchange 'amq.rabbitmq.event'"), "{refused}");
}
