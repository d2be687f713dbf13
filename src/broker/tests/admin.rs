//! Users, permissions, virtual hosts and parameters change while the broker runs; and what can be seen.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use super::world::{Hand, MANUAL, World, queue};
use crate::access::User;
use crate::base::{ConnectionId, FieldTable, FieldValue, ParameterName, UserName, VhostName};
use crate::broker::{
    AccountError, Actor, Broker, BrokerStorage, ConnectionInfo, ConnectionReport, Event, Inbox,
    Peer, Put, VhostError, user_record,
};
use crate::store::{self, Done, MemoryLog, MemoryMetadata};

fn vhost(name: &str) -> VhostName {
    VhostName::try_from(name).expect("short")
}

fn user(name: &str) -> UserName {
    UserName::try_from(name).expect("short")
}

fn ignored() -> Done {
    Box::new(|result| result.expect("stored"))
}

fn permission(name: &str, vhost_name: &str, pattern: &str) -> store::Permission {
    let [configure, write, read] = [(); 3].map(|()| pattern.to_owned());
    store::Permission { user: user(name), vhost: vhost(vhost_name), configure, write, read }
}

fn put_user(broker: &Broker, name: &str, password: &str) -> Put {
    let account = User::with_password(user(name), password.as_bytes(), vec!["monitoring".into()]);
    let record = user_record(&account.expect("random salt"));
    broker.put_user(&Actor::internal(), record, ignored()).expect("a good user")
}

fn logs_in(broker: &Broker, name: &str, password: &str) -> bool {
    let local = std::net::IpAddr::from([127, 0, 0, 1]);
    broker.authenticate(name.as_bytes(), password.as_bytes(), local).is_ok()
}

fn stored() -> BrokerStorage {
    BrokerStorage { metadata: Arc::new(MemoryMetadata::new()), log: Arc::new(MemoryLog::new()) }
}

#[test]
fn a_user_comes_and_goes_and_changes_its_password() {
    let storage = stored();
    let world = World::stored(storage.clone());
    let broker = &world.broker;
    assert_eq!(put_user(broker, "henry", "123"), Put::Created);
    assert!(logs_in(broker, "henry", "123"));
    assert_eq!(put_user(broker, "henry", "456"), Put::Replaced);
    assert!(logs_in(broker, "henry", "456") && !logs_in(broker, "henry", "123"));
    assert!(broker.open_vhost(&vhost("/"), &user("henry")).is_err(), "no permissions yet");
    let put = broker.put_permission(&Actor::internal(), permission("henry", "/", ".*"), ignored());
    assert_eq!(put, Ok(Put::Created));
    assert!(broker.open_vhost(&vhost("/"), &user("henry")).is_ok());
    assert_eq!(
        broker.delete_permission(&Actor::internal(), &user("henry"), &vhost("/"), ignored()),
        Ok(true)
    );
    assert!(broker.open_vhost(&vhost("/"), &user("henry")).is_err());
    broker
        .put_permission(&Actor::internal(), permission("henry", "/", ".*"), ignored())
        .expect("put again");
    broker.delete_user(&Actor::internal(), &user("henry"), ignored()).expect("deleted");
    assert!(!logs_in(broker, "henry", "456"));
    let kept = storage.metadata.load();
    assert!(kept.users.is_empty() && kept.permissions.is_empty(), "{kept:?}");
    let again = broker.delete_user(&Actor::internal(), &user("henry"), ignored());
    assert_eq!(again, Err(AccountError::NoSuchUser(user("henry"))));
}

#[test]
fn a_permission_needs_its_user_and_its_virtual_host() {
    let world = World::new();
    let put = |record| world.broker.put_permission(&Actor::internal(), record, ignored());
    let nobody = put(permission("nobody", "/", ".*"));
    assert_eq!(nobody, Err(AccountError::NoSuchUser(user("nobody"))));
    let nowhere = put(permission("guest", "nowhere", ".*"));
    assert_eq!(nowhere, Err(AccountError::NoSuchVhost(vhost("nowhere"))));
    let bad = put(permission("guest", "/", "(")).expect_err("no pattern").to_string();
    assert!(bad.starts_with("permissions of user 'guest' in vhost '/': "), "{bad}");
}

#[test]
fn permissions_that_are_taken_away_count_for_routes_that_were_used() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    assert_eq!(hand.publish("q", b"1"), Ok(1));
    let narrow = permission("guest", "/", "^other$");
    world.broker.put_permission(&Actor::internal(), narrow, ignored()).expect("put");
    let refused = hand.publish("q", b"2").expect_err("not any more");
    assert!(refused.starts_with("ACCESS_REFUSED - write access to exchange"), "{refused}");
}

fn connect_to(world: &World, name: &str) -> Result<Hand, String> {
    let broker = &world.broker;
    let peer = Peer::new(broker.next_connection_id(), user("guest"));
    let opened = broker.open_vhost(&vhost(name), &peer.user).map_err(|error| error.to_string())?;
    Ok(world.connect_as(opened, peer))
}

#[test]
fn a_virtual_host_comes_and_goes_with_everything_in_it() {
    let storage = stored();
    let world = World::stored(storage.clone());
    let broker = &world.broker;
    assert!(connect_to(&world, "orders").is_err());
    let record = store::Vhost::new(vhost("orders"));
    assert_eq!(broker.put_vhost(&Actor::internal(), record.clone(), ignored()), Ok(Put::Created));
    assert_eq!(broker.put_vhost(&Actor::internal(), record, ignored()), Ok(Put::Replaced));
    broker
        .put_permission(&Actor::internal(), permission("guest", "orders", ".*"), ignored())
        .expect("put");
    let mut hand = connect_to(&world, "orders").expect("open");
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    hand.publish_persistent("q", b"m").expect("routed");
    hand.flush();
    assert_eq!(storage.metadata.load().queues.len(), 1);
    broker.delete_vhost(&Actor::internal(), &vhost("orders"), ignored()).expect("deleted");
    let kept = storage.metadata.load();
    assert!(kept.queues.is_empty() && kept.permissions.is_empty(), "{kept:?}");
    assert_eq!(storage.log.queues().len(), 0, "its messages are gone too");
    hand.declare("late").expect_err("its permissions are gone with it");
    let again = broker.delete_vhost(&Actor::internal(), &vhost("orders"), ignored());
    assert_eq!(again, Err(VhostError::NotFound(vhost("orders"))));
    drop(hand);
    let after = World::stored(storage);
    assert_eq!(after.broker.all_vhosts().len(), 1);
}

#[test]
fn nothing_comes_into_a_virtual_host_that_is_being_deleted() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    hand.client.vhost().deleted.store(true, std::sync::atomic::Ordering::SeqCst);
    let refused = Err("NOT_ALLOWED - vhost '/' is deleted".to_owned());
    assert_eq!(hand.declare("late"), refused);
    assert_eq!(hand.declare("q").map(|_| ()), Ok(()), "what is there is not declared anew");
}

#[test]
fn a_protected_virtual_host_stays() {
    let world = World::new();
    let record = store::Vhost { protected_from_deletion: true, ..store::Vhost::new(vhost("/")) };
    world.broker.put_vhost(&Actor::internal(), record, ignored()).expect("put");
    let refused = world.broker.delete_vhost(&Actor::internal(), &vhost("/"), ignored());
    assert_eq!(refused, Err(VhostError::Protected(vhost("/"))));
    let mut hand = world.connect();
    hand.declare("q").expect("it is as alive as before");
}

fn info(id: ConnectionId, name: &str) -> ConnectionInfo {
    ConnectionInfo {
        id,
        peer: "127.0.0.1:50000".parse().expect("an address"),
        local: Some("127.0.0.1:5672".parse().expect("an address")),
        user: user(name),
        vhost: vhost("/"),
        mechanism: "PLAIN".to_owned(),
        client_properties: FieldTable::EMPTY,
        connected_at_ms: 0,
        frame_max: 0,
        channel_max: 0,
        heartbeat_s: 0,
        tls: None,
    }
}

#[test]
fn connections_are_listed_asked_and_closed() {
    let world = World::new();
    let broker = &world.broker;
    let inboxes = [("ann", ConnectionId(7)), ("bob", ConnectionId(8))].map(|(name, id)| {
        let inbox = Arc::new(Inbox::new());
        broker.connection_ready(info(id, name), &inbox, &Arc::default());
        inbox
    });
    let names: Vec<String> = broker.open_connections().iter().map(|one| one.name()).collect();
    assert_eq!(names, ["127.0.0.1:50000 -> 127.0.0.1:5672"; 2]);
    let heard = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&heard);
    let asked = broker.describe_connection(ConnectionId(7), move |report| {
        *tell.lock().expect("whole") = Some(report);
    });
    assert!(asked && !broker.describe_connection(ConnectionId(9), |_| {}));
    let mut events = Vec::new();
    inboxes[0].take(&mut events, &mut Vec::new());
    let [Event::Describe { asked }] = &events[..] else { panic!("{events:?}") };
    let report = ConnectionReport { state: "running", ..ConnectionReport::default() };
    asked.answer(report.clone());
    assert_eq!(*heard.lock().expect("whole"), Some(report));
    assert_eq!(broker.close_connections_of(|one| one.user == user("bob"), "no more"), 1);
    let mut events = Vec::new();
    inboxes[1].take(&mut events, &mut Vec::new());
    assert_eq!(events, [Event::Close { text: "no more".to_owned() }]);
    broker.connection_closed(ConnectionId(7));
    assert_eq!(broker.open_connections().len(), 1);
}

#[test]
fn a_deleted_user_loses_its_connections() {
    let world = World::new();
    let inbox = Arc::new(Inbox::new());
    put_user(&world.broker, "ann", "pw");
    world.broker.connection_ready(info(ConnectionId(7), "ann"), &inbox, &Arc::default());
    world.broker.delete_user(&Actor::internal(), &user("ann"), ignored()).expect("deleted");
    let mut events = Vec::new();
    inbox.take(&mut events, &mut Vec::new());
    assert_eq!(events, [Event::Close { text: "user 'ann' is deleted".to_owned() }]);
}

#[test]
fn a_report_of_a_queue_counts_what_is_there_and_what_went_through() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    for body in [b"1", b"2", b"3"] {
        hand.publish("q", body).expect("routed");
    }
    hand.flush();
    hand.get("q").expect("there is one");
    hand.consume("q", crate::broker::Consume { prefetch: 1, ..MANUAL }).expect("attached");
    hand.events();
    let report = hand.cell("q").report();
    assert_eq!((report.ready, report.unacknowledged), (1, 2));
    let traffic = report.traffic;
    assert_eq!((traffic.publish, traffic.deliver, traffic.get, traffic.ack), (3, 1, 1, 0));
    let [consumer] = &report.consumers[..] else { panic!("{report:?}") };
    assert_eq!((consumer.prefetch, consumer.unacknowledged, consumer.active), (1, 1, true));
    assert!(consumer.ack_required && !consumer.exclusive && !report.is_crashed);
    assert_eq!(hand.client.vhost().queue_of(&queue("q")).map(|cell| cell.report()), Some(report));
}

#[test]
fn parameters_are_kept_by_virtual_host_and_component() {
    let storage = stored();
    let world = World::stored(storage.clone());
    let name = |text: &str| ParameterName::try_from(text).expect("short");
    let parameter = |vhost_name: &str| store::Parameter {
        vhost: vhost(vhost_name),
        component: name("shovel"),
        name: name("s"),
        value: FieldValue::text("v"),
    };
    let put = |vhost_name| {
        world.broker.put_parameter(&Actor::internal(), parameter(vhost_name), ignored())
    };
    assert_eq!((put("/"), put("/")), (Ok(Put::Created), Ok(Put::Replaced)));
    assert_eq!(put("nowhere"), Err(AccountError::NoSuchVhost(vhost("nowhere"))));
    assert_eq!(storage.metadata.load().parameters.len(), 1);
    let (told, hears) = channel();
    let done: Done = Box::new(move |result| told.send(result).expect("the test waits"));
    let gone = world.broker.delete_parameter(
        &Actor::internal(),
        &vhost("/"),
        &name("shovel"),
        &name("s"),
        done,
    );
    assert_eq!(gone, Ok(true));
    hears.recv().expect("an answer").expect("stored");
    assert_eq!(storage.metadata.load().parameters.len(), 0);
}
