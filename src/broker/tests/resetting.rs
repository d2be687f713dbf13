//! A reset takes everything away and leaves what a fresh broker begins with, whenever the broker ends (I11).

use std::sync::{Arc, Mutex};

use super::world::World;
use crate::access::User;
use crate::base::{FieldValue, ParameterName, UserName, VhostName};
use crate::broker::{Actor, Broker, BrokerStorage, user_record};
use crate::store::{
    self, Change, Definitions, Done, MemoryLog, MemoryMetadata, MetadataStatus, MetadataStore,
    StoreError,
};

/// Remembers the definitions after each request: what a broker that ends there would find.
#[derive(Default)]
struct Watched {
    store: MemoryMetadata,
    after_each: Mutex<Vec<Definitions>>,
}

impl Watched {
    fn take(&self) -> Vec<Definitions> {
        std::mem::take(&mut self.after_each.lock().expect("no test panics with it"))
    }
}

impl MetadataStore for Watched {
    fn load(&self) -> Definitions {
        self.store.load()
    }

    fn apply(&self, changes: Vec<Change>, done: Done) {
        self.store.apply(changes, done);
        self.after_each.lock().expect("no test panics with it").push(self.store.load());
    }

    fn status(&self) -> MetadataStatus {
        self.store.status()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.store.close()
    }
}

fn vhost(name: &str) -> VhostName {
    VhostName::try_from(name).expect("short")
}

fn user(name: &str) -> store::User {
    let name = UserName::try_from(name).expect("short");
    let user = User::with_password(name, b"pw", Vec::new()).expect("random salt");
    user_record(&user)
}

fn permission(user: &str, name: &str) -> store::Permission {
    let [configure, write, read] = [(); 3].map(|()| ".*".to_owned());
    let user = UserName::try_from(user).expect("short");
    store::Permission { user, vhost: vhost(name), configure, write, read }
}

fn ignored() -> Done {
    Box::new(|result| result.expect("stored"))
}

/// The user `root` and the virtual host `/`.
fn first() -> Vec<Change> {
    vec![
        Change::PutVhost(store::Vhost::new(vhost("/"))),
        Change::PutUser(user("root")),
        Change::PutPermission(permission("root", "/")),
    ]
}

/// The virtual host of `guest` with a queue and a message, another one that is protected, users, parameters.
fn fill(world: &World) {
    let broker = &world.broker;
    let mut hand = world.connect();
    for name in ["kept", "mine"] {
        hand.declare_with(name, |declare| declare.durable = true).expect("declared");
        hand.publish_persistent(name, b"m").expect("routed");
    }
    hand.flush();
    let protected =
        store::Vhost { protected_from_deletion: true, ..store::Vhost::new(vhost("precious")) };
    broker.put_vhost(&Actor::internal(), protected, ignored()).expect("put");
    broker.put_user(&Actor::internal(), user("ann"), ignored()).expect("put");
    broker
        .put_permission(&Actor::internal(), permission("ann", "precious"), ignored())
        .expect("put");
    let name = ParameterName::try_from("owner").expect("short");
    let parameter = store::GlobalParameter { name, value: FieldValue::text("eu") };
    broker.put_global_parameter(&Actor::internal(), parameter, ignored()).expect("put");
    broker.set_cluster_name(&Actor::internal(), "orders", ignored()).expect("put");
}

fn assert_fresh(definitions: &Definitions) {
    let fresh = first().into_iter().fold(Definitions::default(), |mut all, change| {
        all.apply(change);
        all
    });
    assert_eq!(
        definitions.users.keys().collect::<Vec<_>>(),
        fresh.users.keys().collect::<Vec<_>>()
    );
    assert_eq!(definitions.vhosts, fresh.vhosts);
    assert_eq!(definitions.permissions, fresh.permissions);
    let rest = [
        definitions.queues.len(),
        definitions.exchanges.len(),
        definitions.bindings.len(),
        definitions.parameters.len(),
        definitions.global_parameters.len(),
        definitions.policies.len(),
        definitions.topic_permissions.len(),
        definitions.vhost_limits.len(),
        definitions.user_limits.len(),
    ];
    assert_eq!(rest, [0; 9]);
}

fn names(broker: &Broker) -> Vec<String> {
    broker.all_vhosts().iter().map(|vhost| vhost.name().as_str().to_owned()).collect()
}

/// I11: whatever the last request is that a broker that ends had stored, its next start finds the fresh one.
#[test]
fn every_request_of_a_reset_leaves_a_fresh_broker_on_disk() {
    let metadata = Arc::new(Watched::default());
    let log = Arc::new(MemoryLog::new());
    let storage =
        BrokerStorage { metadata: Arc::clone(&metadata) as _, log: Arc::clone(&log) as _ };
    let world = World::stored(storage.clone());
    fill(&world);
    metadata.take();
    world.broker.reset(&Actor::internal(), &first(), ignored()).expect("good records");
    world.noted.run_all();
    let requests = metadata.take();
    assert!(!requests.is_empty());
    requests.iter().for_each(assert_fresh);
    assert_eq!(storage.log.queues().len(), 0, "the messages are gone with their queues");
    assert_eq!(names(&world.broker), ["/"]);
    assert_eq!(world.broker.cluster_name(), None);
    let after = World::stored(storage);
    assert_eq!(names(&after.broker), ["/"]);
    assert_eq!(after.broker.vhost(&vhost("/")).expect("made").counts().queues, 0);
}

#[test]
fn what_is_made_after_a_reset_is_kept() {
    let metadata = Arc::new(Watched::default());
    let storage =
        BrokerStorage { metadata: Arc::clone(&metadata) as _, log: Arc::new(MemoryLog::new()) };
    let world = World::stored(storage.clone());
    fill(&world);
    let mut old = world.connect();
    let again = [Change::PutUser(user("guest")), Change::PutPermission(permission("guest", "/"))];
    let again: Vec<Change> = first().into_iter().chain(again).collect();
    world.broker.reset(&Actor::internal(), &again, ignored()).expect("good records");
    let refused = old.declare_with("kept", |declare| declare.durable = true);
    assert_eq!(refused.map(|_| ()), Err("NOT_ALLOWED - vhost '/' is deleted".to_owned()));
    let mut hand = world.connect();
    hand.declare_with("kept", |declare| declare.durable = true).expect("declared");
    hand.publish_persistent("kept", b"new").expect("routed");
    hand.flush();
    world.noted.run_all();
    drop((hand, old));
    let kept = metadata.load();
    assert_eq!(kept.queues.len(), 1, "{kept:?}");
    let after = World::stored(storage);
    assert_eq!(after.connect().counts("kept"), (1, 0));
}

#[test]
fn a_beginning_that_cannot_be_changes_nothing() {
    let world = World::new();
    let nobody = [Change::PutPermission(permission("nobody", "/"))];
    world.broker.reset(&Actor::internal(), &nobody, ignored()).expect_err("nobody is no user");
    let mut hand = world.connect();
    hand.declare("q").expect("the virtual host goes on");
}

/// What a virtual host had was taken from the disk as a whole, and somebody else's may stand there by now.
#[test]
fn a_queue_that_ends_after_its_virtual_host_takes_nothing_from_the_disk() {
    let metadata = Arc::new(Watched::default());
    let storage =
        BrokerStorage { metadata: Arc::clone(&metadata) as _, log: Arc::new(MemoryLog::new()) };
    let world = World::stored(storage);
    let mut hand = world.connect();
    for name in ["before", "after"] {
        hand.declare_with(name, |declare| declare.durable = true).expect("declared");
    }
    hand.delete("before").expect("deleted");
    assert_eq!(metadata.load().queues.len(), 1);
    assert!(!hand.client.vhost().forget_everything_stored().is_empty());
    hand.delete("after").expect("deleted");
    assert_eq!(metadata.load().queues.len(), 1, "the one of the same name stays");
}
