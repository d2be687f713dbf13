//! Limits of virtual hosts and users, topic permissions, and where they are asked for.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::world::{WATERMARK_BYTES, World, queue};
use crate::base::{ChannelId, ExchangeName, FieldTable, ShortStr, UserName, VhostName};
use crate::broker::{
    Actor, Binding, BrokerStorage, Destination, NodeLimits, UserLimits, VhostLimits,
};
use crate::store::{Change, Done, MemoryLog, MemoryMetadata, StoreError, TopicPermission};

fn vhost() -> VhostName {
    VhostName::try_from("/").expect("short")
}

fn guest() -> UserName {
    UserName::try_from("guest").expect("short")
}

/// Waits for what is told.
fn stored(change: impl FnOnce(Done)) {
    let (told, hears) = channel::<Result<(), StoreError>>();
    change(Box::new(move |result| told.send(result).expect("the test waits")));
    hears.recv().expect("an answer").expect("stored");
}

fn open(world: &World) -> Result<(), String> {
    world.broker.open_vhost(&vhost(), &guest()).map(|_| ()).map_err(|refused| refused.to_string())
}

fn limit_vhost(world: &World, limits: VhostLimits) {
    stored(|done| world.broker.set_vhost_limits(&Actor::internal(), vhost(), limits, done));
}

fn limit_user(world: &World, limits: UserLimits) {
    stored(|done| world.broker.set_user_limits(&Actor::internal(), guest(), limits, done));
}

#[test]
fn a_vhost_has_no_more_connections_than_it_may() {
    let world = World::new();
    let hand = world.connect();
    limit_vhost(&world, VhostLimits { max_connections: Some(2), max_queues: None });
    assert_eq!(open(&world), Ok(()));
    let other = world.connect();
    let refused = "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (2) \
                   is reached";
    assert_eq!(open(&world), Err(refused.to_owned()));
    drop(other);
    assert_eq!(open(&world), Ok(()));
    limit_vhost(&world, VhostLimits { max_connections: Some(0), max_queues: None });
    assert!(open(&world).is_err());
    drop(hand);
    assert!(open(&world).is_err(), "none at all");
    limit_vhost(&world, VhostLimits::default());
    assert_eq!(open(&world), Ok(()));
}

#[test]
fn a_user_has_no_more_connections_and_channels_than_it_may() {
    let world = World::new();
    let mut hand = world.connect();
    limit_user(&world, UserLimits { max_connections: Some(1), max_channels: Some(2) });
    let refused = "NOT_ALLOWED - connection refused for user 'guest': user connection limit (1) is \
                   reached";
    assert_eq!(open(&world), Err(refused.to_owned()));
    let second = world.broker.next_holder_id();
    assert_eq!(hand.client.channel_opened(second, ChannelId(2)), Ok(()));
    let third = world.broker.next_holder_id();
    let refused = hand.client.channel_opened(third, ChannelId(3)).expect_err("one too many");
    assert_eq!(
        refused.to_string(),
        "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed \
         user limit of 2"
    );
    hand.client.channel_closed(third);
    hand.client.channel_closed(second);
    assert_eq!(hand.client.channel_opened(third, ChannelId(3)), Ok(()));
    drop(hand);
    let again = world.connect();
    drop(again);
}

#[test]
fn a_vhost_has_no_more_queues_than_it_may() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("one").expect("declared");
    limit_vhost(&world, VhostLimits { max_connections: None, max_queues: Some(2) });
    hand.declare("two").expect("declared");
    assert_eq!(
        hand.declare("three"),
        Err("PRECONDITION_FAILED - cannot declare queue 'three': queue limit in vhost '/' (2) is \
             reached"
            .to_owned())
    );
    hand.declare("two").expect("it is there");
    hand.delete("one").expect("deleted");
    hand.declare("three").expect("there is room again");
}

#[test]
fn a_node_has_no_more_connections_channels_and_queues_than_it_may() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("one").expect("declared");
    world.broker.set_node_limits(NodeLimits {
        node: "rabbit@here".to_owned(),
        max_connections: Some(1),
        max_channels: Some(1),
        max_queues: Some(2),
        ..NodeLimits::default()
    });
    assert_eq!(
        open(&world),
        Err("NOT_ALLOWED - connection refused: node connection limit (1) is reached".to_owned())
    );
    let second = world.broker.next_holder_id();
    let refused = hand.client.channel_opened(second, ChannelId(2)).expect_err("one too many");
    assert_eq!(
        refused.to_string(),
        "NOT_ALLOWED - number of channels opened on node 'rabbit@here' has reached the maximum \
         allowed limit of (1)"
    );
    hand.declare("two").expect("declared");
    assert_eq!(
        hand.declare("three"),
        Err("PRECONDITION_FAILED - cannot declare queue 'three' in vhost '/': queue limit in \
             cluster (2) is reached"
            .to_owned())
    );
    hand.declare("two").expect("it is there");
    hand.delete("one").expect("deleted");
    hand.declare("three").expect("there is room again");
    world.broker.set_node_limits(NodeLimits::default());
    assert_eq!(open(&world), Ok(()));
    hand.declare("four").expect("no limit any more");
}

#[test]
fn limits_hold_after_a_restart() {
    let storage = BrokerStorage {
        metadata: Arc::new(MemoryMetadata::new()),
        log: Arc::new(MemoryLog::new()),
    };
    let before = World::stored(storage.clone());
    let of_vhost = VhostLimits { max_connections: Some(7), max_queues: Some(0) };
    let of_user = UserLimits { max_connections: None, max_channels: Some(3) };
    limit_vhost(&before, of_vhost);
    limit_user(&before, of_user);
    let after = World::stored(storage.clone());
    assert_eq!(after.broker.vhost_limits(&vhost()), of_vhost);
    assert_eq!(after.broker.user_limits(&guest()), of_user);
    limit_vhost(&after, VhostLimits::default());
    let last = World::stored(storage);
    assert_eq!(last.broker.vhost_limits(&vhost()), VhostLimits::default());
}

#[test]
fn topic_permissions_are_asked_for_at_publish_and_bind() {
    let topics = Change::PutTopicPermission(TopicPermission {
        user: guest(),
        vhost: vhost(),
        exchange: ExchangeName::try_from("amq.topic").expect("short"),
        write: "^mine\\.".to_owned(),
        read: "^{username}\\.".to_owned(),
    });
    let world = World::with(&[topics], WATERMARK_BYTES);
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    let bind = |source: &str, key: &str| Binding {
        source: ExchangeName::try_from(source).expect("short"),
        destination: Destination::Queue(queue("q")),
        routing_key: ShortStr::try_from(key).expect("short"),
        arguments: FieldTable::EMPTY,
    };
    assert_eq!(hand.publish_to("amq.topic", "mine.k", b""), Ok(0));
    assert_eq!(hand.publish_to("amq.direct", "any", b""), Ok(0), "topic exchanges only");
    let refused = |action: &str, key: &str| {
        Err(format!(
            "ACCESS_REFUSED - {action} access to topic '{key}' in exchange 'amq.topic' in vhost '/' \
             refused for user 'guest'"
        ))
    };
    assert_eq!(hand.publish_to("amq.topic", "yours.k", b""), refused("write", "yours.k"));
    hand.bind(&bind("amq.topic", "guest.k")).expect("bound");
    hand.bind(&bind("amq.direct", "other.k")).expect("bound");
    let error = hand.bind(&bind("amq.topic", "other.k")).map(|_| 0);
    assert_eq!(error, refused("read", "other.k"));
    let holder = hand.holder;
    let unbind = hand.client.unbind(holder, &bind("amq.topic", "other.k"));
    assert!(unbind.is_err(), "as in RabbitMQ");
}
