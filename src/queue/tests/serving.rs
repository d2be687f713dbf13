//! Who is served first: priorities of consumers, and the single active one (Q4, Q14).

use crate::base::ConsumerId;
use crate::queue::{Command, DeleteCondition, Effect, Flow, QueueConfig, Reply, Settlement};

use super::fixture::*;

fn single_active() -> Queue {
    Queue::new(QueueConfig { single_active: true, ..QueueConfig::default() })
}

fn attach(queue: &mut Queue, consumer: crate::queue::Consumer) -> Vec<Effect<u64>> {
    queue.apply(Command::Attach { consumer, request: crate::queue::RequestId(7) })
}

fn active(consumer: Option<u64>) -> Effect<u64> {
    Effect::ActiveConsumer { consumer: consumer.map(ConsumerId) }
}

fn takers(queue: &mut Queue) -> Vec<u64> {
    queue.deliver().iter().map(|(consumer, ..)| *consumer).collect()
}

#[test]
fn lower_priorities_get_what_higher_ones_cannot_take() {
    let mut queue = Queue::volatile();
    queue.attach_all([
        manual(1, 1, 9),
        prior(manual(2, 2, 1), 5),
        prior(manual(3, 3, 2), 5),
        prior(manual(4, 4, 9), -1),
    ]);
    queue.publish(5);
    assert_eq!(takers(&mut queue), [2, 3, 3, 1, 1]);
    queue.settle(3, Settlement::Ack, &[(2, 2)]);
    queue.publish(2);
    assert_eq!(takers(&mut queue), [3, 1]);
    queue.flow(1, Flow::Held);
    queue.publish(1);
    assert_eq!(takers(&mut queue), [4]);
    queue.detach(3);
    queue.detach(4);
    queue.settle(2, Settlement::Ack, &[(1, 1)]);
    queue.publish(1);
    assert_eq!(takers(&mut queue), [2]);
}

#[test]
fn a_higher_priority_that_shared_credit_refuses_lets_others_pass() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 9), prior(sharing(2, 2, 9), 1)]);
    queue.pool.left = 1;
    queue.publish(3);
    assert_eq!(takers(&mut queue), [2, 1, 1]);
    queue.pool.left = 1;
    queue.flow(2, Flow::Open);
    queue.publish(1);
    assert_eq!(takers(&mut queue), [2]);
}

#[test]
fn one_consumer_is_active_and_another_follows_when_it_leaves() {
    let mut queue = single_active();
    assert_eq!(queue.machine.active_consumer(), None);
    assert_eq!(attach(&mut queue, manual(5, 1, 1)), [reply(7, Reply::Attached), active(Some(5))]);
    assert_eq!(attach(&mut queue, manual(3, 2, 9)), [reply(7, Reply::Attached)]);
    queue.attach_all([prior(manual(4, 3, 9), 1), manual(1, 4, 9)]);
    queue.publish(3);
    assert_eq!(takers(&mut queue), [5], "nobody else is given anything");
    assert_eq!(queue.detach(3), [reply(8, Reply::Detached)]);
    assert_eq!(queue.detach(5), [reply(8, Reply::Detached), active(Some(4))]);
    assert_eq!(queue.counts(), (2, 1), "what it holds stays with its holder");
    assert_eq!(takers(&mut queue), [4, 4]);
    assert_eq!(queue.release(3), [active(Some(1))]);
    assert_eq!(takers(&mut queue), [1, 1]);
    assert_eq!(queue.settle(1, Settlement::Ack, &[(1, 1)]), [gone(1, false)]);
    assert_eq!(queue.detach(1), [reply(8, Reply::Detached), active(None)]);
    assert_eq!(queue.machine.active_consumer(), None);
}

#[test]
fn a_newcomer_of_higher_priority_waits_for_the_active_one() {
    let mut queue = single_active();
    queue.attach(manual(1, 1, 9));
    assert_eq!(attach(&mut queue, prior(manual(2, 2, 9), 9)), [reply(7, Reply::Attached)]);
    queue.publish(1);
    assert_eq!(takers(&mut queue), [1]);
}

#[test]
fn a_held_active_consumer_is_not_replaced() {
    let mut queue = single_active();
    queue.attach(manual(1, 1, 9));
    assert_eq!(queue.attach(manual(2, 2, 9)), Reply::Attached);
    queue.flow(1, Flow::Held);
    queue.flow(2, Flow::Held);
    queue.flow(2, Flow::Open);
    queue.publish(2);
    assert_eq!(takers(&mut queue), [] as [u64; 0]);
    queue.flow(1, Flow::Open);
    assert_eq!(takers(&mut queue), [1, 1]);
}

/// Q7.
#[test]
fn a_single_active_queue_refuses_exclusive_consumers() {
    let mut queue = single_active();
    assert_eq!(queue.attach(alone(manual(1, 1, 9))), Reply::SingleActive);
    assert_eq!(queue.machine.consumers(), 0);
}

#[test]
fn channels_that_hold_several_consumers_leave_with_all_of_them() {
    let mut queue = single_active();
    queue.attach(manual(1, 1, 9));
    queue.attach_all([manual(2, 1, 9), manual(3, 3, 9)]);
    assert_eq!(queue.release(1), [active(Some(3))], "not the other one of the same channel");
    let effects = queue.delete(DeleteCondition::default());
    assert_eq!(effects[0], Effect::CancelConsumer { consumer: ConsumerId(3) });
}
