//! Handles may be exchanged while their messages are in the queue.

use crate::base::MessageId;
use crate::queue::{Command, Effect, Reply, Residence, Settlement};

use super::fixture::*;

/// Exchanges the handles of a run for themselves; gives the ids that were seen.
fn exchange(queue: &mut Queue, first: u64, last: u64, residence: Residence) -> Vec<u64> {
    let mut seen = Vec::new();
    queue.machine.exchange(MessageId(first), MessageId(last), |id, payload| {
        assert_eq!(*payload, id.0);
        seen.push(id.0);
        residence
    });
    queue.machine.check_invariants();
    seen.sort_unstable();
    seen
}

#[test]
fn every_handle_in_the_run_is_shown_once_wherever_its_message_is() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 3), manual(2, 2, 3)]);
    queue.publish(9);
    queue.deliver();
    queue.settle(1, Settlement::Ack, &[(3, 3)]);
    queue.settle(2, REQUEUE, &[(4, 4)]);
    assert_eq!(queue.counts(), (4, 4));
    assert_eq!(exchange(&mut queue, 2, 7, Residence::Ram), [2, 4, 5, 6, 7]);
    assert_eq!(exchange(&mut queue, 1, u64::MAX, Residence::Ram), [1, 2, 4, 5, 6, 7, 8, 9]);
    assert!(exchange(&mut queue, 10, 99, Residence::Ram).is_empty());
}

#[test]
fn an_exchanged_handle_is_the_one_that_comes_back() {
    let mut queue = Queue::volatile();
    queue.publish(2);
    queue.get(Some(1));
    queue.machine.exchange(MessageId(1), MessageId(2), |id, payload| {
        *payload = 100 + id.0;
        Residence::Disk
    });
    queue.settle(1, REQUEUE, &[(1, 1)]);
    for payload in [101, 102] {
        let effects = queue.get(None);
        let Some(Effect::Reply { reply, .. }) = effects.first() else { panic!() };
        let Reply::Got { delivery: Some(delivery), .. } = reply else { panic!() };
        assert_eq!(delivery.payload, payload);
    }
}

/// Q8.
#[test]
fn bytes_in_ram_are_those_whose_handle_keeps_them() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 2)]);
    queue.publish(4);
    queue.deliver();
    assert_eq!(queue.machine.ram_bytes(), 40);
    exchange(&mut queue, 2, 3, Residence::Disk);
    assert_eq!(queue.machine.ram_bytes(), 20);
    exchange(&mut queue, 2, 3, Residence::Disk);
    assert_eq!((queue.machine.ready_bytes(), queue.machine.unsettled_bytes()), (20, 20));
    queue.settle(1, Settlement::Ack, &[(1, 2)]);
    assert_eq!(queue.machine.ram_bytes(), 10);
    exchange(&mut queue, 3, 3, Residence::Ram);
    assert_eq!(queue.machine.ram_bytes(), 20);
    exchange(&mut queue, 4, 4, Residence::Disk);
    queue.settle(1, REQUEUE, &[(1, 9)]);
    queue.deliver();
    queue.settle(1, Settlement::Ack, &[(1, 9)]);
    assert_eq!(queue.machine.ram_bytes(), 0);
}

#[test]
fn a_delivery_says_how_often_the_message_was_handed_out_before() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(1);
    for count in 0..3 {
        let (effects, _) = queue.deliver_burst(ALL);
        let Some(Effect::Deliver { delivery, .. }) = effects.first() else { panic!() };
        assert_eq!((delivery.acquired_count, delivery.redelivered), (count, count > 0));
        queue.settle(1, REQUEUE, &[(1, 1)]);
    }
}

/// Q3.
#[test]
fn without_acks_a_message_on_disk_is_held_until_it_is_read() {
    let mut queue = Queue::logged();
    queue.attach_all([automatic(1, 1)]);
    let messages = (0..3).map(|_| queue.message(true, None)).collect();
    queue.apply(Command::Enqueue(messages));
    queue.persisted(3);
    queue.machine.exchange(MessageId(2), MessageId(3), |_, _| Residence::Disk);
    let (effects, _) = queue.deliver_burst(ALL);
    let until_read = |effect: &Effect<u64>| match effect {
        Effect::Deliver { delivery, .. } => Some((delivery.id.0, delivery.until_read)),
        _ => None,
    };
    let handed_out: Vec<_> = effects.iter().filter_map(until_read).collect();
    assert_eq!(handed_out, [(1, false), (2, true), (3, true)]);
    assert_eq!(effects.last(), Some(&gone(1, true)), "the others are not");
    assert_eq!(queue.counts(), (0, 2));
    assert_eq!(queue.settle(1, Settlement::Ack, &[(2, 2)]), [gone(2, true)]);
    assert_eq!(queue.release(1), [], "its reader is gone before it read");
    assert_eq!(queue.counts(), (1, 0));
    assert_eq!(got(&queue.get(None)), Some((3, true, 0)));
    assert_eq!(queue.counts(), (0, 1), "a get without acks as well");
    assert_eq!(queue.settle(99, Settlement::Ack, &[(3, 3)]), [gone(3, true)]);
    assert_eq!(queue.machine.ram_bytes(), 0);
}
