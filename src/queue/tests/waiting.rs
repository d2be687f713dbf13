//! Q15: consumers that are late, and queues that nobody uses.

use crate::base::{ConsumerId, HolderId, Millis};
use crate::queue::{
    Command, Consumer, Effect, Progress, QueueConfig, Reply, RequestId, Settlement,
};

use super::fixture::*;

fn late(consumer: u64, holder: u64) -> Effect<u64> {
    Effect::ConsumerTimeout { consumer: ConsumerId(consumer), holder: HolderId(holder) }
}

fn with_timeout(ms: u64) -> Queue {
    Queue::new(QueueConfig { consumer_timeout: Some(ms), ..QueueConfig::default() })
}

#[test]
fn a_late_consumer_is_detached_once_and_gives_everything_back() {
    let mut queue = with_timeout(100);
    queue.attach_all([manual(1, 1, 2), manual(2, 1, 1), manual(3, 3, 9)]);
    queue.publish(3);
    queue.deliver();
    queue.now = Millis(50);
    queue.publish(2);
    assert_eq!(queue.deliver(), [(1, 4, false), (3, 5, false)], "some are younger");
    queue.settle(3, Settlement::Ack, &[(3, 3)]);
    queue.settle(1, Settlement::Ack, &[(2, 2)]);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(100)));
    assert_eq!(queue.tick(49), []);
    assert_eq!(queue.tick(1), [late(1, 1)]);
    assert_eq!((queue.counts(), queue.machine.consumers()), ((2, 1), 2));
    assert_eq!(queue.deliver(), [(3, 1, true), (2, 4, true)]);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(150)));
    assert_eq!(queue.tick(50), [late(3, 3)], "it has had the 5th for too long");
}

#[test]
fn a_consumer_that_settles_in_time_goes_on() {
    let mut queue = with_timeout(100);
    queue.attach_all([manual(1, 1, 1)]);
    for _ in 0..5 {
        queue.publish(1);
        queue.deliver();
        assert_eq!(queue.tick(60), []);
        queue.settle(1, Settlement::Ack, &[(1, 99)]);
    }
    assert_eq!(queue.tick(999), []);
    assert_eq!(queue.machine.next_deadline(), None);
}

#[test]
fn the_time_out_of_a_consumer_counts_more_than_that_of_the_queue() {
    let mut queue = with_timeout(100);
    let own = |consumer, timeout| Consumer { timeout: Some(timeout), ..consumer };
    queue.attach_all([own(manual(1, 1, 1), 300), own(manual(2, 2, 1), 50), manual(3, 3, 1)]);
    queue.publish(3);
    queue.deliver();
    assert_eq!(queue.tick(50), [late(2, 2)]);
    assert_eq!(queue.tick(50), [late(3, 3)]);
    assert_eq!(queue.tick(200), [late(1, 1)]);
    let mut queue = Queue::volatile();
    queue.attach_all([own(manual(1, 1, 1), 10)]);
    queue.publish(1);
    queue.deliver();
    assert_eq!(queue.tick(10), [late(1, 1)]);
}

#[test]
fn what_a_get_fetched_or_a_former_consumer_was_given_has_no_time_out() {
    let mut queue = with_timeout(100);
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(2);
    queue.deliver();
    queue.get(Some(1));
    queue.detach(1);
    assert_eq!(queue.tick(999), []);
    assert_eq!(queue.counts(), (0, 2));
}

#[test]
fn a_changed_time_out_counts_at_once() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(1);
    queue.deliver();
    queue.now = Millis(80);
    let config = |ms| QueueConfig { consumer_timeout: Some(ms), ..QueueConfig::default() };
    assert_eq!(queue.configure(config(100)), []);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(100)));
    assert_eq!(queue.configure(config(80)), [late(1, 1)]);
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer_when_that_is_late() {
    let mut queue = Queue::new(QueueConfig {
        consumer_timeout: Some(10),
        auto_delete: true,
        ..QueueConfig::default()
    });
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(1);
    queue.deliver();
    assert_eq!(queue.tick(10), [late(1, 1), gone(1, false), Effect::Deleted]);
}

fn unused_for(ms: u64) -> Queue {
    let mut queue = Queue::new(QueueConfig { expires: Some(ms), ..QueueConfig::default() });
    assert_eq!(queue.machine.next_deadline(), Some(Millis(0)), "it must hear what time it is");
    assert_eq!(queue.tick(0), []);
    queue
}

#[test]
fn a_queue_that_nobody_uses_is_deleted() {
    let mut queue = unused_for(100);
    queue.publish(2);
    assert_eq!(queue.tick(60), []);
    queue.publish(1);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(100)), "to publish is no use");
    assert_eq!(queue.tick(40), [gone_run(1, 3, 0), Effect::Deleted]);
    assert_eq!((queue.machine.next_deadline(), queue.tick(999)), (None, vec![]));
    assert_eq!(queue.get(None), [reply(9, Reply::Gone)]);
}

#[test]
fn questions_and_consumers_are_use() {
    let mut queue = unused_for(100);
    queue.now = Millis(60);
    queue.get(None);
    assert_eq!(queue.tick(60), []);
    queue.apply(Command::Inspect { request: RequestId(1) });
    assert_eq!(queue.tick(60), []);
    queue.attach_all([manual(1, 1, 1)]);
    assert_eq!(queue.machine.next_deadline(), None);
    assert_eq!(queue.tick(500), []);
    queue.detach(1);
    assert_eq!(queue.tick(99), []);
    assert_eq!(queue.tick(1), [Effect::Deleted]);
}

#[test]
fn a_changed_expiry_counts_from_the_change() {
    let mut queue = Queue::volatile();
    queue.publish(1);
    queue.now = Millis(500);
    let config = QueueConfig { expires: Some(10), ..QueueConfig::default() };
    assert_eq!(queue.configure(config), []);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(510)));
    assert_eq!(queue.configure(QueueConfig::default()), []);
    assert_eq!(queue.tick(999), []);
    assert_eq!(queue.deliver_burst(ALL), (vec![], Progress::Idle));
}
