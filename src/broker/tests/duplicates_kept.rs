//! Duplicates over restarts and crashes: what is remembered is what was kept, and nothing is confirmed
//! before both are.

use std::sync::Arc;

use super::duplicates::{
    ON, answers, bind, declare, exchange, get, number, publish, ready, settle,
};
use super::world::{Hand, World, entries, message_with_table, queue};
use crate::base::FieldValue;
use crate::broker::{Answered, BrokerStorage, Destination};
use crate::queue::Settlement;
use crate::store::{MemoryLog, MemoryMetadata, MessageLog, MetadataStore};

/// A disk whose tickets wait.
struct Disk {
    metadata: Arc<MemoryMetadata>,
    log: Arc<MemoryLog>,
}

impl Disk {
    fn new() -> Self {
        let log = Arc::new(MemoryLog::with_held_tickets());
        Self { metadata: Arc::new(MemoryMetadata::new()), log }
    }

    fn world(&self) -> World {
        World::stored(BrokerStorage {
            metadata: Arc::clone(&self.metadata) as Arc<dyn MetadataStore>,
            log: Arc::clone(&self.log) as Arc<dyn MessageLog>,
        })
    }

    /// What a power cut leaves of it.
    fn crash(&self) -> Self {
        Self { metadata: Arc::clone(&self.metadata), log: Arc::new(self.log.crash()) }
    }

    /// Writes until nothing waits.
    fn write(&self, world: &World) {
        while self.log.flush() > 0 {
            world.noted.run_all();
        }
    }
}

/// A channel whose end nobody hears of, because the process is gone.
fn vanish(hand: Hand) {
    std::mem::forget(hand);
}

fn with_exchange(hand: &mut Hand, queues: &[&str]) {
    let x = exchange("x", "x-message-deduplication", &[("x-cache-size", number(3))]);
    hand.declare_exchange(x).expect("declared");
    for name in queues {
        declare(hand, name, &[]);
        bind(hand, "x", Destination::Queue(queue(name)));
    }
}

#[test]
fn a_queue_knows_after_a_restart_which_messages_it_holds() {
    // D1
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON]);
    publish(&mut hand, "", "q", &["a", "b"]);
    let first = get(&mut hand, "q");
    settle(&mut hand, &first, Settlement::Ack);
    disk.write(&world);
    publish(&mut hand, "", "q", &["c"]);
    vanish(hand);
    let disk = disk.crash();
    let world = disk.world();
    let mut hand = world.connect();
    assert_eq!(ready(&mut hand, "q"), 1);
    publish(&mut hand, "", "q", &["b", "c", "a"]);
    assert_eq!(ready(&mut hand, "q"), 3, "b is there, a was acked, c was not kept");
    assert_eq!(hand.cell("q").dropped_duplicates(), 1);
    hand.delete("q").expect("deleted");
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

#[test]
fn what_comes_while_a_get_waits_for_a_page_is_looked_at_behind_it() {
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON]);
    publish(&mut hand, "", "q", &["a", "b"]);
    disk.write(&world);
    vanish(hand);
    let disk = disk.crash();
    let world = disk.world();
    let mut hand = world.connect();
    let step = hand.client.get(hand.holder, &queue("q"), false);
    hand.flush();
    publish(&mut hand, "", "q", &["b", "c", "c", "a"]);
    assert_eq!(answers(&mut hand), (vec![], vec![]), "all of it waits");
    world.noted.run_all();
    let Ok(Answered::Got(event, _)) = hand.answered(step) else { panic!("it is answered") };
    disk.write(&world);
    assert_eq!(answers(&mut hand).0.len(), 4);
    assert_eq!((ready(&mut hand, "q"), hand.cell("q").dropped_duplicates()), (2, 3));
    settle(&mut hand, &event, Settlement::Ack);
    publish(&mut hand, "", "q", &["a"]);
    assert_eq!(ready(&mut hand, "q"), 3, "the key is that of its message");
}

#[test]
fn a_duplicate_is_confirmed_with_its_original_and_not_before() {
    // D2
    for window in [&[][..], &[("x-cache-size", number(10))]] {
        let disk = Disk::new();
        let world = disk.world();
        let mut hand = world.connect();
        declare(&mut hand, "q", &[&[ON][..], window].concat());
        publish(&mut hand, "", "q", &["a", "a"]);
        assert_eq!(answers(&mut hand), (vec![], vec![]));
        let acked = get(&mut hand, "q");
        settle(&mut hand, &acked, Settlement::Ack);
        assert_eq!(answers(&mut hand), (vec![], vec![]), "its key is not on disk yet");
        disk.write(&world);
        assert_eq!(answers(&mut hand), (vec![1, 2], vec![]));
        publish(&mut hand, "", "q", &["b"]);
        disk.write(&world);
        publish(&mut hand, "", "q", &["b"]);
        assert_eq!(answers(&mut hand), (vec![3, 4], vec![]), "the original is safe");
        publish(&mut hand, "", "q", &["c", "c"]);
        hand.delete("q").expect("deleted");
        assert_eq!(answers(&mut hand), (vec![5, 6], vec![]), "nobody needs to wait any longer");
    }
}

#[test]
fn the_window_of_a_queue_outlives_its_messages_and_the_process() {
    // D1
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON, ("x-cache-size", number(3))]);
    publish(&mut hand, "", "q", &["gone", "a", "b"]);
    for _ in 0..3 {
        let event = get(&mut hand, "q");
        settle(&mut hand, &event, Settlement::Ack);
    }
    publish(&mut hand, "", "q", &["c"]);
    disk.write(&world);
    let passing = entries(&[("x-deduplication-header", FieldValue::text("passing"))]);
    hand.publish_message(message_with_table("", "q", &passing, false)).expect("routed");
    publish(&mut hand, "", "q", &["unwritten"]);
    vanish(hand);
    let disk = disk.crash();
    let world = disk.world();
    let mut hand = world.connect();
    assert_eq!(ready(&mut hand, "q"), 1);
    publish(&mut hand, "", "q", &["a", "b", "c"]);
    assert_eq!(ready(&mut hand, "q"), 1, "all three are remembered");
    hand.publish_message(message_with_table("", "q", &passing, true)).expect("routed");
    publish(&mut hand, "", "q", &["unwritten", "gone"]);
    assert_eq!(ready(&mut hand, "q"), 4, "what was lost, or forgotten, may come again");
    disk.write(&world);
    hand.delete("q").expect("deleted");
    disk.write(&world);
    assert!(disk.log.queues().is_empty(), "the keys go with their queue");
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

#[test]
fn times_to_live_of_keys_go_on_over_a_restart() {
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[ON, ("x-cache-ttl", number(1000))]);
    publish(&mut hand, "", "q", &["a"]);
    world.pass(400);
    publish(&mut hand, "", "q", &["b"]);
    disk.write(&world);
    vanish(hand);
    let disk = disk.crash();
    let world = disk.world();
    // The clock of the new process stands where that of the old one began.
    world.clock.advance(1100);
    let mut hand = world.connect();
    publish(&mut hand, "", "q", &["b", "a"]);
    assert_eq!(ready(&mut hand, "q"), 3, "a has expired");
    assert_eq!(hand.cell("q").dropped_duplicates(), 1);
}

#[test]
fn a_key_of_an_exchange_is_written_after_its_message_and_before_the_confirm() {
    // D5, D6
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    with_exchange(&mut hand, &["one", "two"]);
    assert_eq!(publish(&mut hand, "x", "", &["a", "a"]), [2, 0]);
    assert_eq!(answers(&mut hand), (vec![], vec![]));
    disk.log.flush();
    world.noted.run_all();
    assert_eq!(answers(&mut hand), (vec![], vec![]), "the messages are written, and not the key");
    let between = disk.crash();
    disk.log.flush();
    assert_eq!(answers(&mut hand), (vec![1, 2], vec![]), "the duplicate waits for the original");
    vanish(hand);
    let world = between.world();
    let mut hand = world.connect();
    assert_eq!((ready(&mut hand, "one"), ready(&mut hand, "two")), (1, 1));
    assert_eq!(publish(&mut hand, "x", "", &["a"]), [2], "nobody was told that it is known");
    vanish(hand);
    let disk = disk.crash();
    let world = disk.world();
    let mut hand = world.connect();
    assert_eq!(publish(&mut hand, "x", "", &["a", "b"]), [0, 2], "it is confirmed and known");
}

#[test]
fn the_window_of_an_exchange_outlives_its_queues_and_the_process() {
    // D5
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    with_exchange(&mut hand, &["q"]);
    for key in ["gone", "a", "b", "c"] {
        publish(&mut hand, "x", "", &[key]);
        disk.write(&world);
    }
    let passing = entries(&[("x-deduplication-header", FieldValue::text("passing"))]);
    hand.publish_message(message_with_table("x", "", &passing, false)).expect("routed");
    hand.flush();
    assert_eq!(answers(&mut hand).0, [1, 2, 3, 4, 5]);
    hand.delete("q").expect("deleted");
    disk.write(&world);
    vanish(hand);
    let disk = disk.crash();
    let world = disk.world();
    let mut hand = world.connect();
    declare(&mut hand, "q", &[]);
    bind(&mut hand, "x", Destination::Queue(queue("q")));
    assert_eq!(publish(&mut hand, "x", "", &["b", "c", "gone"]), [0, 0, 1]);
    hand.publish_message(message_with_table("x", "", &passing, true)).expect("routed");
    hand.flush();
    assert_eq!(ready(&mut hand, "q"), 2, "what was not kept leaves no key");
    disk.write(&world);
    let name = crate::base::ExchangeName::try_from("x").expect("short");
    let step = hand.client.exchange_delete(hand.holder, &name, false);
    hand.answered(step).expect("deleted");
    hand.delete("q").expect("deleted");
    disk.write(&world);
    assert!(disk.log.queues().is_empty(), "the keys go with their exchange");
    assert_eq!(world.broker.memory_used_bytes(), 0);
}

#[test]
fn an_exchange_that_is_declared_anew_after_a_restart_has_seen_nothing() {
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    with_exchange(&mut hand, &["q"]);
    publish(&mut hand, "x", "", &["a"]);
    disk.write(&world);
    let name = crate::base::ExchangeName::try_from("x").expect("short");
    let step = hand.client.exchange_delete(hand.holder, &name, false);
    hand.answered(step).expect("deleted");
    vanish(hand);
    // The log has not heard of the deletion, the definitions have.
    let disk = disk.crash();
    let world = disk.world();
    let mut hand = world.connect();
    with_exchange(&mut hand, &["q"]);
    assert_eq!(publish(&mut hand, "x", "", &["a"]), [1]);
}

#[test]
fn a_window_that_is_to_be_in_memory_is_gone_after_a_restart() {
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    let memory = ("x-cache-persistence", FieldValue::text("memory"));
    hand.declare_exchange(exchange("x", "fanout", &[ON, memory])).expect("declared");
    declare(&mut hand, "q", &[]);
    bind(&mut hand, "x", Destination::Queue(queue("q")));
    publish(&mut hand, "x", "", &["a"]);
    disk.write(&world);
    assert_eq!(publish(&mut hand, "x", "", &["a"]), [0]);
    vanish(hand);
    let disk = disk.crash();
    let world = disk.world();
    let mut hand = world.connect();
    assert_eq!(publish(&mut hand, "x", "", &["a"]), [1]);
}

#[test]
fn nothing_is_confirmed_when_the_log_breaks() {
    // D2, D6
    let disk = Disk::new();
    let world = disk.world();
    let mut hand = world.connect();
    with_exchange(&mut hand, &["plain"]);
    declare(&mut hand, "q", &[ON, ("x-cache-size", number(3))]);
    publish(&mut hand, "x", "", &["a"]);
    disk.log.flush();
    world.noted.run_all();
    publish(&mut hand, "", "q", &["a", "a"]);
    disk.log.fail("the disk is gone");
    world.noted.run_all();
    assert_eq!(answers(&mut hand), (vec![], vec![]));
}
