//! Q11: dead letters, and what is dropped without them.

use crate::base::MessageId;
use crate::queue::{
    Command, DeadLetter, DeleteCondition, LogMode, Losses, QueueConfig, Reason, Reply, RequestId,
    Residence, Settlement,
};

use super::fixture::*;

fn config() -> QueueConfig {
    QueueConfig { dead_letter: DeadLetter::AtMostOnce, ..QueueConfig::default() }
}

/// A queue with dead letters of which four messages are held.
fn held() -> Queue {
    let mut queue = Queue::new(config());
    queue.attach_all([manual(1, 1, 4)]);
    queue.publish(6);
    queue.deliver();
    queue
}

#[test]
fn a_rejected_message_departs_and_is_released_when_it_has_arrived() {
    let mut queue = held();
    let effects = queue.settle(1, Settlement::Discard, &[(2, 3)]);
    assert_eq!(effects, [dead(2, Reason::Rejected, 0), dead(3, Reason::Rejected, 0)]);
    assert_eq!((queue.counts(), queue.machine.departing()), ((2, 2), 2));
    assert_eq!((queue.machine.departing_bytes(), queue.machine.ram_bytes()), (20, 60));
    assert_eq!(queue.deliver(), [(1, 5, false), (1, 6, false)], "their credit is back");
    assert_eq!(queue.departed(&[(2, 2)]), [gone(2, false)]);
    assert_eq!(queue.departed(&[(9, 1), (1, 2), (3, 9)]), [gone(3, false)], "what is on its way");
    assert_eq!(queue.machine.departing(), 0);
    assert_eq!(queue.machine.losses(), Losses::default());
}

#[test]
fn what_departs_says_how_often_it_failed_and_belongs_to_nobody() {
    let mut queue = held();
    queue.settle(1, FAILED, &[(1, 1)]);
    queue.deliver();
    queue.settle(1, REQUEUE, &[(1, 1)]);
    queue.deliver();
    assert_eq!(queue.settle(1, Settlement::Discard, &[(1, 1)]), [dead(1, Reason::Rejected, 1)]);
    assert_eq!(queue.settle(1, Settlement::Ack, &[(1, 1)]), []);
    assert_eq!(queue.release(1), []);
    assert_eq!((queue.counts(), queue.machine.departing()), ((5, 0), 1));
}

#[test]
fn without_dead_letters_what_is_rejected_is_dropped_and_counted() {
    let mut queue = Queue::volatile();
    queue.publish(3);
    queue.get(Some(1));
    assert_eq!(queue.settle(1, Settlement::Discard, &[(1, 1)]), [gone(1, false)]);
    assert_eq!(queue.machine.losses().rejected, 1);
    queue.configure(config());
    queue.get(Some(1));
    assert_eq!(queue.settle(1, Settlement::Discard, &[(2, 2)]), [dead(2, Reason::Rejected, 0)]);
    queue.configure(QueueConfig::default());
    queue.get(Some(1));
    assert_eq!(queue.settle(1, Settlement::Discard, &[(3, 3)]), [gone(3, false)]);
    assert_eq!(queue.machine.losses().rejected, 2);
    assert_eq!(queue.departed(&[(2, 2)]), [gone(2, false)], "it departed before the change");
}

/// Q6.
#[test]
fn a_publish_is_confirmed_when_the_disk_has_its_dead_letter_or_it_is_gone() {
    let mut queue = Queue::new(QueueConfig { log: LogMode::Logged, ..config() });
    let messages = (1..=2).map(|n| queue.message(true, Some(publish(1, n)))).collect();
    queue.apply(Command::Enqueue(messages));
    queue.get(Some(1));
    queue.get(Some(1));
    queue.settle(1, Settlement::Discard, &[(1, 2)]);
    assert_eq!(queue.persisted(1), [confirm(1, 1, 1)]);
    assert_eq!(queue.departed(&[(1, 2)]), [gone_run(1, 2, 2), confirm(1, 2, 2)]);
}

#[test]
fn the_handle_of_a_dead_letter_may_be_exchanged() {
    let mut queue = held();
    queue.settle(1, Settlement::Discard, &[(2, 3)]);
    let mut seen = Vec::new();
    queue.machine.exchange(MessageId(3), MessageId(4), |id, _| {
        seen.push(id.0);
        Residence::Disk
    });
    queue.machine.check_invariants();
    assert_eq!((seen, queue.machine.ram_bytes()), (vec![4, 3], 40));
    queue.departed(&[(2, 3)]);
    assert_eq!(queue.machine.ram_bytes(), 30);
}

#[test]
fn a_purge_leaves_what_departs_and_a_delete_takes_it() {
    let mut queue = held();
    queue.settle(1, Settlement::Discard, &[(2, 3)]);
    let effects = queue.apply(Command::Purge { request: RequestId(2) });
    assert_eq!(effects, [gone_run(5, 6, 0), reply(2, Reply::Purged { messages: 2 })]);
    assert_eq!(queue.machine.departing(), 2);
    queue.delete(DeleteCondition::default());
    assert_eq!((queue.counts(), queue.machine.departing()), ((0, 0), 0));
    assert_eq!(queue.departed(&[(2, 3)]), []);
}

#[test]
fn what_a_queue_was_declared_as_does_not_change() {
    let mut queue = Queue::auto_delete();
    queue.configure(config());
    let message = queue.message(true, None);
    assert_eq!(queue.apply(Command::Enqueue(vec![message])).len(), 1, "it is appended");
    queue.attach_all([manual(1, 1, 1)]);
    queue.detach(1);
    assert!(queue.machine.is_deleted());
}
