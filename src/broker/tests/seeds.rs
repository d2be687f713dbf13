//! What new virtual hosts are given, and how many of them and of exchanges there may be.

use std::sync::Arc;

use super::world::World;
use crate::base::{
    ExchangeName, FieldTable, FieldValue, PolicyName, ShortStr, UserName, VhostName,
};
use crate::broker::policy::{NamePattern, Policy, PolicyKind};
use crate::broker::{
    Actor, BrokerStorage, DeclareExchange, NodeLimits, Put, SeedLimits, SeedPolicy, SeedUser,
    Seeds, VhostError, VhostLimits,
};
use crate::store::{self, Change, Done, MemoryLog, MemoryMetadata};

fn vhost(name: &str) -> VhostName {
    VhostName::try_from(name).expect("short")
}

fn user(name: &str) -> UserName {
    UserName::try_from(name).expect("short")
}

fn pattern(text: &str) -> NamePattern {
    NamePattern::parse(text).expect("a good pattern")
}

fn ignored() -> Done {
    Box::new(|stored| stored.expect("stored"))
}

fn put(world: &World, name: &str) -> Result<Put, VhostError> {
    world.broker.put_vhost(&Actor::internal(), store::Vhost::new(vhost(name)), ignored())
}

fn capped() -> Policy {
    let definition = [("max-length".try_into().expect("short"), FieldValue::I64(5))];
    let definition = FieldValue::Table(definition.into_iter().collect::<FieldTable>());
    let value = Policy::table("^t", "queues", 0, definition);
    let name = PolicyName::try_from("cap").expect("short");
    Policy::parse(PolicyKind::Operator, name, &value).expect("a good policy")
}

fn ops() -> store::User {
    store::User {
        name: user("ops"),
        password_hash: None,
        hashing_algorithm: "rabbit_password_hashing_sha256".to_owned(),
        tags: vec!["monitoring".to_owned()],
    }
}

/// A user for `eu-…`, an operator policy for all, limits for `eu-…` and others for the rest.
fn seeds() -> Seeds {
    let limits = |vhosts: &str, max_queues| SeedLimits {
        vhosts: pattern(vhosts),
        limits: VhostLimits { max_connections: None, max_queues: Some(max_queues) },
    };
    Seeds {
        users: vec![SeedUser {
            vhosts: pattern("^eu-"),
            user: ops(),
            configure: String::new(),
            write: "^own".to_owned(),
            read: ".*".to_owned(),
        }],
        operator_policies: vec![SeedPolicy { vhosts: pattern(""), policy: capped() }],
        limits: vec![limits("^eu-", 2), limits("", 7)],
    }
}

fn storage() -> BrokerStorage {
    let (metadata, log) = (Arc::new(MemoryMetadata::new()), Arc::new(MemoryLog::new()));
    BrokerStorage { metadata, log }
}

/// Whether the broker has the seeds of `eu-1` and of `us`.
fn assert_sown(world: &World) {
    let broker = &world.broker;
    let queues = |name| broker.vhost_limits(&vhost(name)).max_queues;
    assert_eq!((queues("eu-1"), queues("us")), (Some(2), Some(7)), "the first that matches");
    for name in ["eu-1", "us"] {
        let policies = broker.vhost(&vhost(name)).expect("it is there").policies();
        let cap = policies.get(PolicyKind::Operator, &PolicyName::try_from("cap").expect("short"));
        assert_eq!(cap.expect("it is sown").pattern.as_str(), "^t");
    }
    broker.accounts(|all| {
        let of = |name| all.records().permission(&user("ops"), &vhost(name)).cloned();
        let permission = of("eu-1").expect("it is sown");
        let three = [&permission.configure, &permission.write, &permission.read];
        assert_eq!(three.map(String::as_str), ["", "^own", ".*"]);
        assert_eq!(of("us"), None, "its pattern does not match");
        let ops = all.directory().user(&user("ops")).expect("it is made with its virtual host");
        assert_eq!(ops.tags, ["monitoring"]);
    });
}

#[test]
fn a_new_virtual_host_is_given_its_seeds_and_keeps_them_over_a_restart() {
    let storage = storage();
    let world = World::seeded(seeds(), Some(storage.clone()));
    assert_eq!(put(&world, "eu-1"), Ok(Put::Created));
    assert_eq!(put(&world, "us"), Ok(Put::Created));
    assert_sown(&world);
    let after = World { broker: crate::broker::broker_over(&storage), ..World::new() };
    assert_sown(&after);
}

#[test]
fn the_first_virtual_host_of_a_broker_is_given_seeds_as_well() {
    for storage in [None, Some(storage())] {
        let world = World::seeded(seeds(), storage);
        assert_eq!(world.broker.vhost_limits(&vhost("/")).max_queues, Some(7));
        let policies = world.broker.vhost(&vhost("/")).expect("it is there").policies();
        assert!(!policies.is_empty());
    }
}

#[test]
fn seeds_are_given_once_and_what_was_taken_away_stays_away() {
    let storage = storage();
    let world = World::seeded(seeds(), Some(storage.clone()));
    put(&world, "us").expect("made");
    let cap = PolicyName::try_from("cap").expect("short");
    let us = world.broker.vhost(&vhost("us")).expect("it is there");
    assert!(us.delete_policy(&Actor::internal(), PolicyKind::Operator, &cap, ignored()));
    world.broker.set_vhost_limits(
        &Actor::internal(),
        vhost("us"),
        VhostLimits::default(),
        ignored(),
    );
    assert_eq!(put(&world, "us"), Ok(Put::Replaced));
    let after = World::seeded(seeds(), Some(storage));
    for world in [&world, &after] {
        assert_eq!(world.broker.vhost_limits(&vhost("us")), VhostLimits::default());
        assert!(world.broker.vhost(&vhost("us")).expect("it is there").policies().is_empty());
    }
}

#[test]
fn a_user_who_is_there_keeps_its_tags_and_gets_the_permissions() {
    let world = World::seeded(seeds(), None);
    let own = store::User { tags: vec!["own".to_owned()], ..ops() };
    world.broker.put_user(&Actor::internal(), own, ignored()).expect("put");
    put(&world, "eu-1").expect("made");
    world.broker.accounts(|all| {
        assert_eq!(all.directory().user(&user("ops")).expect("it is there").tags, ["own"]);
        assert!(all.records().permission(&user("ops"), &vhost("eu-1")).is_some());
    });
}

#[test]
fn an_import_gives_new_virtual_hosts_their_seeds_under_what_it_says_itself() {
    let storage = storage();
    let world = World::seeded(seeds(), Some(storage.clone()));
    let limits =
        store::VhostLimits { vhost: vhost("eu-1"), max_connections: None, max_queues: Some(100) };
    let changes = vec![
        Change::PutVhost(store::Vhost::new(vhost("eu-1"))),
        Change::PutUser(store::User { tags: vec!["imported".to_owned()], ..ops() }),
        Change::PutVhostLimits(limits),
    ];
    assert_eq!(
        world.broker.change_together(&Actor::internal(), changes).expect("good"),
        Vec::<String>::new()
    );
    let after = World::seeded(seeds(), Some(storage));
    let loaded = after.broker.clone();
    drop(after);
    for broker in [&world.broker, &loaded] {
        assert_eq!(broker.vhost_limits(&vhost("eu-1")).max_queues, Some(100));
        assert!(!broker.vhost(&vhost("eu-1")).expect("it is there").policies().is_empty());
    }
    world.broker.accounts(|all| {
        assert_eq!(all.directory().user(&user("ops")).expect("there").tags, ["imported"]);
        assert!(all.records().permission(&user("ops"), &vhost("eu-1")).is_some());
    });
}

#[test]
fn there_are_no_more_virtual_hosts_than_there_may_be() {
    let world = World::new();
    let most = |max_vhosts| NodeLimits { max_vhosts: Some(max_vhosts), ..NodeLimits::default() };
    world.broker.set_node_limits(most(2));
    assert_eq!(put(&world, "one"), Ok(Put::Created));
    let refused = put(&world, "two").expect_err("one too many").to_string();
    assert_eq!(refused, "cannot create vhost 'two': vhost limit of 2 is reached");
    assert_eq!(put(&world, "one"), Ok(Put::Replaced), "it is there");
    let import = vec![Change::PutVhost(store::Vhost::new(vhost("two")))];
    let imported =
        world.broker.change_together(&Actor::internal(), import).expect_err("one too many");
    assert_eq!(imported.to_string(), refused);
    world.broker.delete_vhost(&Actor::internal(), &vhost("one"), ignored()).expect("deleted");
    assert_eq!(put(&world, "two"), Ok(Put::Created));
}

fn declare(name: &str) -> DeclareExchange {
    DeclareExchange {
        exchange: ExchangeName::try_from(name).expect("short"),
        kind: ShortStr::try_from("fanout").expect("short"),
        passive: false,
        durable: false,
        auto_delete: false,
        internal: false,
        arguments: FieldTable::EMPTY,
    }
}

#[test]
fn there_are_no_more_exchanges_than_there_may_be() {
    let world = World::new();
    let there = world.broker.vhost(&vhost("/")).expect("it is there").table().exchange_count();
    let limits = NodeLimits { max_exchanges: Some(2 * there + 1), ..NodeLimits::default() };
    world.broker.set_node_limits(limits);
    put(&world, "other").expect("its own exchanges are counted, and never refused");
    let mut hand = world.connect();
    hand.declare_exchange(declare("one")).expect("declared");
    let refused = "PRECONDITION_FAILED - cannot declare exchange 'two' in vhost '/': exchange limit of \
                   {} is reached";
    let refused = refused.replace("{}", &(2 * there + 1).to_string());
    assert_eq!(hand.declare_exchange(declare("two")), Err(refused));
    hand.declare_exchange(declare("one")).expect("it is there");
    let record = store::Exchange {
        name: ExchangeName::try_from("two").expect("short"),
        ..records("one", &world)
    };
    let imported =
        world.broker.change_together(&Actor::internal(), vec![Change::PutExchange(record)]);
    assert!(imported.expect_err("one too many").to_string().starts_with("exchange limit of "));
    world.broker.delete_vhost(&Actor::internal(), &vhost("other"), ignored()).expect("deleted");
    for name in ["two", "three", "four"] {
        hand.declare_exchange(declare(name)).expect("all those of the other are counted out");
    }
}

/// The record of an exchange of `/`.
fn records(name: &str, world: &World) -> store::Exchange {
    let slash = world.broker.vhost(&vhost("/")).expect("it is there");
    let table = slash.table();
    let exchange = table.exchange(name).expect("it is there");
    crate::broker::records::exchange(&vhost("/"), exchange)
}
