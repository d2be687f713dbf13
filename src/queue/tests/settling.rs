//! What becomes of messages that were handed out.

use crate::queue::Settlement;

use super::fixture::*;

/// Q3.
#[test]
fn only_the_holder_settles_and_only_what_it_holds() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 9), manual(2, 2, 9)]);
    queue.publish(6);
    queue.deliver();
    assert_eq!(queue.settle(3, Settlement::Ack, &[(1, 6)]), []);
    assert_eq!(queue.settle(2, Settlement::Ack, &[(1, 1), (3, 3), (7, 9)]), []);
    let effects = queue.settle(2, Settlement::Ack, &[(1, 4)]);
    assert_eq!(effects, [gone(2, false), gone(4, false)]);
    assert_eq!(queue.settle(2, Settlement::Ack, &[(1, 4)]), [], "settled once");
    assert_eq!(queue.counts(), (0, 4));
}

/// Q2.
#[test]
fn requeued_messages_return_to_their_old_place_marked_redelivered() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 4)]);
    queue.publish(6);
    queue.deliver();
    assert_eq!(queue.settle(1, REQUEUE, &[(3, 3)]), []);
    assert_eq!(queue.settle(1, REQUEUE, &[(1, 1)]), []);
    assert_eq!(queue.counts(), (4, 2));
    assert_eq!(queue.deliver(), [(1, 1, true), (1, 3, true)]);
    queue.settle(1, Settlement::Ack, &[(1, 9)]);
    assert_eq!(queue.deliver(), [(1, 5, false), (1, 6, false)]);
}

#[test]
fn a_message_requeued_by_the_only_consumer_comes_to_it_again() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(2);
    assert_eq!(queue.deliver(), [(1, 1, false)]);
    for _ in 0..3 {
        queue.settle(1, REQUEUE, &[(1, 1)]);
        assert_eq!(queue.deliver(), [(1, 1, true)]);
    }
    queue.settle(1, Settlement::Ack, &[(1, 1)]);
    assert_eq!(queue.deliver(), [(1, 2, false)]);
}

#[test]
fn discarded_messages_are_dropped() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 9)]);
    queue.publish(2);
    queue.deliver();
    assert_eq!(queue.settle(1, Settlement::Discard, &[(2, 2)]), [gone(2, false)]);
    assert_eq!(queue.counts(), (0, 1));
}

#[test]
fn a_requeue_of_all_ids_returns_all_that_a_holder_holds_and_its_credit() {
    let mut queue = Queue::volatile();
    queue.publish(5);
    queue.get(Some(1));
    queue.attach_all([manual(1, 1, 2), manual(2, 2, 1)]);
    assert_eq!(queue.deliver(), [(1, 2, false), (2, 3, false), (1, 4, false)]);
    assert_eq!(queue.settle(1, REQUEUE, &[(0, u64::MAX)]), []);
    assert_eq!(queue.counts(), (4, 1));
    assert_eq!(queue.deliver(), [(1, 1, true), (1, 2, true)]);
    assert_eq!(got(&queue.get(None)), Some((4, true, 1)));
}

#[test]
fn a_holder_that_is_gone_gives_back_all_it_holds_and_its_consumers_leave() {
    let mut queue = Queue::volatile();
    queue.publish(6);
    queue.attach_all([manual(1, 1, 1), manual(2, 1, 2), manual(3, 3, 2)]);
    queue.deliver();
    queue.get(Some(1));
    assert_eq!(queue.counts(), (0, 6));
    queue.detach(2);
    assert_eq!(queue.release(1), []);
    assert_eq!(queue.machine.consumers(), 1);
    assert_eq!(queue.counts(), (4, 2));
    assert_eq!(queue.settle(1, Settlement::Ack, &[(1, 9)]), [], "it holds nothing any more");
    queue.settle(3, Settlement::Ack, &[(1, 9)]);
    assert_eq!(queue.deliver(), [(3, 1, true), (3, 2, true)]);
    queue.settle(3, Settlement::Ack, &[(1, 9)]);
    assert_eq!(queue.deliver(), [(3, 4, true), (3, 6, true)]);
}

/// Q3, Q5.
#[test]
fn what_a_detached_consumer_was_given_stays_with_its_holder_and_returns_no_credit() {
    let mut queue = Queue::volatile();
    queue.publish(4);
    queue.attach_all([manual(1, 1, 2)]);
    queue.deliver();
    assert_eq!(queue.detach(1), [reply(8, crate::queue::Reply::Detached)]);
    assert_eq!(queue.counts(), (2, 2));
    queue.attach_all([manual(2, 1, 1)]);
    assert_eq!(queue.deliver(), [(2, 3, false)]);
    assert_eq!(queue.settle(1, Settlement::Ack, &[(1, 2)]), [gone_run(1, 2, 0)]);
    assert_eq!(queue.deliver(), [], "the credit of consumer 2 is still used");
    queue.settle(1, Settlement::Ack, &[(3, 3)]);
    assert_eq!(queue.deliver(), [(2, 4, false)]);
}

#[test]
fn detaching_somebody_who_is_not_there_is_answered() {
    let mut queue = Queue::auto_delete();
    assert_eq!(queue.detach(5), [reply(8, crate::queue::Reply::Detached)]);
    assert!(!queue.machine.is_deleted());
}
