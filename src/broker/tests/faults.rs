//! Faults that are ordered: which occasions they strike, and what they hold back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::world::{World, queue};
use crate::base::limits::{FAULTS_MAX, LATE_CONFIRMS_MAX};
use crate::base::{
    ConnectionId, FieldTable, HolderId, Millis, PublishSequence, QueueName, ReplyCode, UserName,
    VhostName,
};
use crate::broker::{
    Blow, ConnectionInfo, Event, Fault, FaultError, FaultKind, Inbox, On, PublishBlow, Scene,
};

fn connection(port: u16) -> ConnectionInfo {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    ConnectionInfo {
        id: ConnectionId(port.into()),
        peer: at(port),
        local: Some(at(5672)),
        user: UserName::parse(b"guest").expect("a name"),
        vhost: VhostName::parse(b"/").expect("a name"),
        mechanism: "PLAIN".to_owned(),
        client_properties: FieldTable::default(),
        connected_at_ms: 0,
        frame_max: 0,
        channel_max: 0,
        heartbeat_s: 0,
        tls: None,
    }
}

fn scene<'a>(on: On, connection: &'a ConnectionInfo, queues: &'a [QueueName]) -> Scene<'a> {
    Scene { on, connection, exchange: Some("e"), queues }
}

fn confirm(sequence: u64) -> Event {
    let sequence = PublishSequence(sequence);
    Event::Confirm { holder: HolderId(1), first: sequence, last: sequence }
}

fn told(inbox: &Inbox) -> Vec<Event> {
    let (mut events, mut held) = (Vec::new(), Vec::new());
    inbox.take(&mut events, &mut held);
    events
}

#[test]
fn a_fault_strikes_each_nth_occasion_that_matches_and_no_more_than_so_many_f3() {
    let world = World::new();
    let faults = world.broker.faults();
    assert!(!faults.is_armed(), "F1");
    let nack = Fault::new(FaultKind::Nack).on_queue("q").on_exchange("e").every(3).times(2);
    let id = faults.order(nack).expect("a good order");
    assert!(faults.is_armed());
    let (info, queues, others) = (connection(1), [queue("p"), queue("q")], [queue("p")]);
    let mut struck = Vec::new();
    for n in 1..=12 {
        // What does not match is no occasion.
        assert_eq!(faults.publish(&scene(On::Publish, &info, &others), true), None);
        assert_eq!(faults.publish(&scene(On::Publish, &info, &queues), false), None);
        assert_eq!(faults.end(&scene(On::Ack, &info, &queues)), None);
        let blow = faults.publish(&scene(On::Publish, &info, &queues), true);
        if blow.is_some() {
            assert_eq!(blow, Some(PublishBlow::Nack));
            struck.push(n);
        }
    }
    assert_eq!(struck, [3, 6]);
    assert_eq!(faults.hits(id), Some(2));
    assert!(faults.withdraw(id) && !faults.withdraw(id));
    assert!(!faults.is_armed() && faults.list().is_empty(), "F1");
}

#[test]
fn of_faults_that_meet_the_first_that_strikes_does_and_the_others_do_not_count_f2() {
    let world = World::new();
    let faults = world.broker.faults();
    let cut = |on| FaultKind::Cut { on: Some(on) };
    let first = faults.order(Fault::new(cut(On::Ack)).every(2)).expect("good");
    let close =
        FaultKind::ChannelClose { code: ReplyCode::NotFound, text: "no".to_owned(), on: On::Ack };
    let second = faults.order(Fault::new(close).every(2)).expect("good");
    let info = connection(1);
    let ends: Vec<_> = (0..4).map(|_| faults.end(&scene(On::Ack, &info, &[]))).collect();
    let closed = Blow::Channel { code: ReplyCode::NotFound, text: "no".to_owned() };
    assert_eq!(ends, [None, Some(Blow::Cut), Some(closed), Some(Blow::Cut)]);
    assert_eq!((faults.hits(first), faults.hits(second)), (Some(2), Some(1)));
}

#[test]
fn a_fault_of_one_connection_or_virtual_host_leaves_the_others_alone() {
    let world = World::new();
    let faults = world.broker.faults();
    let of_one = Fault::new(FaultKind::Duplicate).of_connection("127.0.0.1:1 -> 127.0.0.1:5672");
    faults.order(of_one).expect("good");
    let (one, two) = (connection(1), connection(2));
    assert!(faults.doubles(&scene(On::Deliver, &one, &[])));
    assert!(!faults.doubles(&scene(On::Deliver, &two, &[])));
    faults.withdraw_all();
    faults.order(Fault::new(FaultKind::Duplicate).in_vhost("v")).expect("good");
    assert!(!faults.doubles(&scene(On::Deliver, &one, &[])));
    let there = ConnectionInfo { vhost: VhostName::parse(b"v").expect("a name"), ..one };
    assert!(faults.doubles(&scene(On::Deliver, &there, &[])));
}

#[test]
fn a_confirm_that_is_held_comes_at_its_moment_of_the_brokers_clock_f4() {
    let world = World::new();
    let faults = world.broker.faults();
    let id = faults.order(FaultKind::ConfirmDelay { ms: 500 }).expect("good");
    let inbox = Arc::new(Inbox::new());
    for (sequence, at) in [(1, 500), (2, 500), (3, 700)] {
        let whose = (HolderId(1), PublishSequence(sequence));
        assert!(faults.hold_confirm(id, Millis(at), &inbox, whose));
    }
    assert_eq!(world.broker.next_deadline(), Some(Millis(500)));
    world.broker.due(Millis(499));
    assert_eq!(told(&inbox), []);
    world.broker.due(Millis(500));
    assert_eq!(told(&inbox), [confirm(1), confirm(2)]);
    assert_eq!(world.broker.next_deadline(), Some(Millis(700)));
    assert!(faults.withdraw(id));
    assert_eq!(told(&inbox), [confirm(3)], "F6");
    assert_eq!(world.broker.next_deadline(), None);
    // Whoever met the fault before it was withdrawn holds nothing back after it.
    let whose = (HolderId(1), PublishSequence(4));
    assert!(faults.hold_confirm(id, Millis(900), &inbox, whose));
    assert_eq!(told(&inbox), [confirm(4)], "F6");
}

#[test]
fn faults_and_confirms_that_are_held_are_bounded() {
    let world = World::new();
    let faults = world.broker.faults();
    let ids: Vec<_> =
        (0..FAULTS_MAX).map(|_| faults.order(FaultKind::ConfirmDrop).expect("room")).collect();
    assert_eq!(faults.order(FaultKind::Nack), Err(FaultError::TooMany(FAULTS_MAX)));
    assert!(faults.withdraw(ids[0]));
    let delay = faults.order(FaultKind::ConfirmDelay { ms: 1 }).expect("room again");
    let inbox = Arc::new(Inbox::new());
    let hold = |sequence| {
        let whose = (HolderId(1), PublishSequence(sequence));
        world.broker.common().timers.hold(
            Millis(1),
            crate::broker::faults::LateConfirm {
                fault: delay,
                inbox: Arc::downgrade(&inbox),
                holder: whose.0,
                sequence: whose.1,
            },
        )
    };
    let most = u64::try_from(LATE_CONFIRMS_MAX).expect("it fits");
    assert!((1..=most).all(hold));
    assert!(!hold(most + 1), "what has no room is confirmed as usual");
}

#[test]
fn publishers_stay_blocked_by_one_order_and_are_counted_once() {
    let world = World::new();
    let faults = world.broker.faults();
    let block = |reason: &str| Fault::new(FaultKind::Block { reason: reason.to_owned() });
    let id = faults.order(block("one").times(1)).expect("good");
    let (one, two) = (connection(1), connection(2));
    let blocked = Some((id, "one".to_owned()));
    assert_eq!(faults.block(&one, None), blocked);
    assert_eq!(faults.block(&one, Some(id)), blocked, "as before");
    assert_eq!(faults.block(&two, None), None, "F3");
    assert_eq!(faults.hits(id), Some(1));
    faults.withdraw(id);
    assert_eq!(faults.block(&one, Some(id)), None);
}

#[test]
fn a_slow_disk_needs_a_disk() {
    let world = World::new();
    let slow = FaultKind::SlowDisk { ms: 5 };
    assert_eq!(world.broker.faults().order(slow), Err(FaultError::NoDisk));
}
