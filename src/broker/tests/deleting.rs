//! Deletions and the disk: who is told when, and in which order the disk hears of them.

use std::sync::{Arc, Mutex, PoisonError};

use super::world::{Hand, World, queue};
use crate::base::limits::REMOVED_BINDINGS_TOLD_MAX;
use crate::base::{ExchangeName, FieldTable, ShortStr};
use crate::broker::{Answered, Binding, BrokerStorage, Destination, Event, Step};
use crate::queue::Reply;
use crate::store::{
    Change, Definitions, Done, MemoryLog, MemoryMetadata, MetadataStatus, MetadataStore, StoreError,
};

/// Definitions whose disk takes its time.
#[derive(Default)]
struct SlowDefinitions {
    stored: MemoryMetadata,
    waiting: Mutex<Vec<(Vec<Change>, Done)>>,
}

impl SlowDefinitions {
    /// What waits is on disk now; says what it was.
    fn arrive(&self) -> Vec<Change> {
        let mut arrived = Vec::new();
        for (changes, done) in self.take() {
            arrived.extend(changes.clone());
            self.stored.apply(changes, done);
        }
        arrived
    }

    /// The disk breaks.
    fn fail(&self) {
        for (_, done) in self.take() {
            done(Err(StoreError::Closed { path: "definitions".into() }));
        }
    }

    fn take(&self) -> Vec<(Vec<Change>, Done)> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl MetadataStore for SlowDefinitions {
    fn load(&self) -> Definitions {
        self.stored.load()
    }

    fn apply(&self, changes: Vec<Change>, done: Done) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((changes, done));
    }

    fn status(&self) -> MetadataStatus {
        self.stored.status()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.stored.close()
    }
}

fn world() -> (World, Arc<SlowDefinitions>) {
    let definitions = Arc::new(SlowDefinitions::default());
    let metadata = Arc::clone(&definitions) as Arc<dyn MetadataStore>;
    let world = World::stored(BrokerStorage { metadata, log: Arc::new(MemoryLog::new()) });
    definitions.arrive();
    (world, definitions)
}

/// A durable queue that is on disk.
fn declare(hand: &mut Hand, definitions: &SlowDefinitions, durable: bool) {
    let declare = hand.ask_to_declare("q", |declare| declare.durable = durable);
    if durable {
        assert_eq!(declare, Ok(Step::Waiting));
        definitions.arrive();
    }
    hand.events();
}

fn ask_to_delete(hand: &mut Hand) -> Vec<Event> {
    let step = hand.client.queue_delete(hand.holder, &queue("q"), false, false);
    assert_eq!(step, Ok(Step::Waiting));
    hand.flush();
    hand.events()
}

#[test]
fn a_durable_queue_is_said_to_be_deleted_when_the_disk_has_forgotten_it() {
    let (world, definitions) = world();
    let mut hand = world.connect();
    declare(&mut hand, &definitions, true);
    assert_eq!(ask_to_delete(&mut hand), [], "a kill now would bring it back");
    let arrived = definitions.arrive();
    assert!(matches!(&arrived[..], [Change::DeleteQueue { .. }]), "{arrived:?}");
    let events = hand.events();
    let [Event::Reply { request, reply }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(**reply, Reply::Deleted { messages: 0 });
    let step = hand.client.reply(*request, Reply::Deleted { messages: 0 });
    assert_eq!(step.expect("it waits"), Ok(Step::Answered(Answered::Messages(0))));
}

#[test]
fn a_passing_queue_is_deleted_at_once() {
    let (world, definitions) = world();
    let mut hand = world.connect();
    declare(&mut hand, &definitions, false);
    let binding = Binding {
        source: ExchangeName::try_from("amq.direct").expect("short"),
        destination: Destination::Queue(queue("q")),
        routing_key: ShortStr::EMPTY,
        arguments: FieldTable::EMPTY,
    };
    let bound = hand.client.bind(hand.holder, &binding);
    assert_eq!(bound, Ok(Step::Answered(Answered::Done)), "nobody keeps it");
    assert!(matches!(&ask_to_delete(&mut hand)[..], [Event::Reply { .. }]));
    assert_eq!(definitions.arrive(), [], "its binding was not kept either");
}

#[test]
fn a_deletion_that_the_disk_refuses_is_an_error_to_whoever_asked() {
    let (world, definitions) = world();
    let mut hand = world.connect();
    declare(&mut hand, &definitions, true);
    assert_eq!(ask_to_delete(&mut hand), []);
    definitions.fail();
    let events = hand.events();
    let [Event::Stored { request, error }] = &events[..] else { panic!("{events:?}") };
    let answer = hand.client.stored(*request, error.clone()).expect("it waits");
    let text = answer.expect_err("refused").to_string();
    assert!(text.starts_with("INTERNAL_ERROR - the definitions could not be stored"), "{text}");
}

#[test]
fn a_queue_declared_after_an_auto_delete_of_its_name_comes_after_it_on_disk() {
    let (world, definitions) = world();
    let (mut hand, mut other) = (world.connect(), world.connect());
    let auto_delete = |declare: &mut crate::broker::DeclareQueue| {
        declare.durable = true;
        declare.auto_delete = true;
    };
    assert_eq!(hand.ask_to_declare("q", auto_delete), Ok(Step::Waiting));
    definitions.arrive();
    hand.events();
    hand.consume("q", super::world::AUTOMATIC).expect("attached");
    drop(hand);
    assert_eq!(other.ask_to_declare("q", auto_delete), Ok(Step::Waiting));
    let arrived = definitions.arrive();
    assert!(
        matches!(&arrived[..], [Change::DeleteQueue { .. }, Change::PutQueue(_)]),
        "{arrived:?}"
    );
    assert_eq!(definitions.load().queues.len(), 1);
}

/// More bindings than are listed when they go with their queue. A definition that comes back would belong to
/// the next queue of the name (I9).
#[test]
fn a_stored_queue_goes_from_the_disk_with_all_of_its_many_bindings() {
    const BINDINGS: usize = REMOVED_BINDINGS_TOLD_MAX + 10;
    let metadata = Arc::new(MemoryMetadata::new());
    let storage = BrokerStorage {
        metadata: Arc::clone(&metadata) as Arc<dyn MetadataStore>,
        log: Arc::new(MemoryLog::new()),
    };
    let world = World::stored(storage.clone());
    let mut hand = world.connect();
    for name in ["crowded", "other"] {
        hand.declare_with(name, |declare| declare.durable = true).expect("a good name");
    }
    let binding = |name: &str, number: usize| Binding {
        source: ExchangeName::try_from("amq.topic").expect("short"),
        destination: Destination::Queue(queue(name)),
        routing_key: ShortStr::try_from(format!("a.{number}.#").as_str()).expect("short"),
        arguments: FieldTable::EMPTY,
    };
    for number in 0..BINDINGS {
        hand.bind(&binding("crowded", number)).expect("both are there");
    }
    hand.bind(&binding("other", 1)).expect("both are there");
    assert_eq!(metadata.load().bindings.len(), BINDINGS + 1);
    hand.delete("crowded").expect("it is there");
    let left = metadata.load();
    assert_eq!((left.bindings.len(), left.queues.len()), (1, 1));
    assert_eq!(hand.client.vhost().counts().bindings, 1);
    let again = World::stored(storage);
    let mut hand = again.connect();
    hand.declare("crowded").expect("a good name");
    let end = Destination::Queue(queue("crowded"));
    assert_eq!(hand.client.vhost().list_bindings_to(&end).len(), 0);
}
