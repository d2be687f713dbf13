//! Who is given what, and when.

use crate::queue::{Burst, Command, Effect, Flow, Progress, Reply, Settlement};

use super::fixture::*;

#[test]
fn messages_are_handed_out_in_order_and_in_turn() {
    let mut queue = Queue::volatile();
    queue.attach_all([automatic(1, 1), automatic(2, 2), automatic(3, 3)]);
    queue.publish(5);
    let expected = [(1, 1), (2, 2), (3, 3), (1, 4), (2, 5)].map(|(c, m)| (c, m, false));
    assert_eq!(queue.deliver(), expected);
    queue.publish(1);
    assert_eq!(queue.deliver(), [(3, 6, false)], "the turn goes on where it stopped");
}

#[test]
fn handed_out_without_acknowledgement_is_settled_at_once() {
    let mut queue = Queue::volatile();
    queue.attach_all([automatic(1, 1)]);
    queue.publish(2);
    let (effects, _) = queue.deliver_burst(ALL);
    assert_eq!(deliveries(&effects), [(1, 1, false), (1, 2, false)]);
    assert_eq!(effects[2..], [gone_run(1, 2, 0)]);
    let Effect::Deliver { delivery, .. } = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(delivery.holder, None);
    assert_eq!(queue.counts(), (0, 0));
}

/// Q5.
#[test]
fn prefetch_one_holds_the_second_message_until_the_first_is_settled() {
    for settlement in [Settlement::Ack, Settlement::Discard] {
        let mut queue = Queue::volatile();
        queue.attach_all([manual(1, 1, 1)]);
        queue.publish(3);
        assert_eq!(queue.deliver(), [(1, 1, false)]);
        assert_eq!(queue.deliver(), []);
        assert_eq!(queue.settle(1, settlement, &[(1, 1)]), [gone(1, false)]);
        assert_eq!(queue.deliver(), [(1, 2, false)]);
    }
}

/// Q4.
#[test]
fn a_consumer_without_credit_loses_its_turn_and_returns_at_the_end() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 1), manual(2, 2, 9), manual(3, 3, 9)]);
    queue.publish(4);
    assert_eq!(queue.deliver().iter().map(|d| d.0).collect::<Vec<_>>(), [1, 2, 3, 2]);
    queue.settle(1, Settlement::Ack, &[(1, 1)]);
    queue.publish(4);
    assert_eq!(queue.deliver().iter().map(|d| d.0).collect::<Vec<_>>(), [3, 2, 1, 3]);
}

#[test]
fn a_held_consumer_is_passed_over_until_it_is_opened() {
    let mut queue = Queue::volatile();
    queue.attach_all([automatic(1, 1), automatic(2, 1)]);
    queue.flow(1, Flow::Held);
    queue.publish(2);
    assert_eq!(queue.deliver(), [(2, 1, false), (2, 2, false)]);
    queue.flow(2, Flow::Held);
    queue.publish(2);
    assert_eq!(queue.deliver(), []);
    queue.flow(1, Flow::Open);
    queue.flow(1, Flow::Open);
    queue.flow(99, Flow::Open);
    assert_eq!(queue.deliver(), [(1, 3, false), (1, 4, false)]);
}

#[test]
fn credit_that_returns_to_a_held_consumer_does_not_open_it() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(2);
    queue.deliver();
    queue.flow(1, Flow::Held);
    queue.settle(1, Settlement::Ack, &[(1, 1)]);
    assert_eq!(queue.deliver(), []);
    queue.flow(1, Flow::Open);
    assert_eq!(queue.deliver(), [(1, 2, false)]);
}

#[test]
fn shared_credit_is_asked_once_per_message_and_only_for_those_who_share() {
    let mut queue = Queue::volatile();
    queue.attach_all([sharing(1, 10, 2), manual(2, 20, 9), automatic(3, 30)]);
    queue.publish(6);
    assert_eq!(queue.deliver().iter().map(|d| d.0).collect::<Vec<_>>(), [1, 2, 3, 1, 2, 3]);
    assert_eq!(queue.pool.asked, [10, 10]);
    queue.publish(2);
    assert_eq!(queue.deliver().iter().map(|d| d.0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(queue.pool.asked, [10, 10], "not asked without credit of its own");
}

#[test]
fn a_consumer_refused_by_shared_credit_is_held_until_it_is_opened() {
    let mut queue = Queue::volatile();
    queue.attach_all([sharing(1, 1, 9), sharing(2, 1, 9)]);
    queue.pool.left = 3;
    queue.publish(6);
    assert_eq!(queue.deliver().len(), 3);
    assert_eq!(queue.pool.asked.len(), 5, "each is refused once");
    queue.pool.left = 9;
    queue.settle(1, Settlement::Ack, &[(1, 3)]);
    assert_eq!(queue.deliver(), [], "credit of its own is not enough");
    queue.flow(2, Flow::Open);
    assert_eq!(queue.deliver().iter().map(|d| d.0).collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn a_message_refused_by_one_consumer_goes_to_the_next() {
    let mut queue = Queue::volatile();
    queue.attach_all([sharing(1, 1, 9), manual(2, 2, 9)]);
    queue.pool.left = 0;
    queue.publish(2);
    assert_eq!(queue.deliver(), [(2, 1, false), (2, 2, false)]);
}

#[test]
fn a_burst_ends_at_its_messages_or_with_the_message_that_crosses_its_bytes() {
    let mut queue = Queue::volatile();
    queue.attach_all([automatic(1, 1)]);
    queue.publish(6);
    let (effects, progress) = queue.deliver_burst(Burst { messages: 2, bytes: 1000 });
    assert_eq!((deliveries(&effects).len(), progress), (2, Progress::More));
    let (effects, progress) = queue.deliver_burst(Burst { messages: 9, bytes: 11 });
    assert_eq!((deliveries(&effects).len(), progress), (2, Progress::More));
    let (effects, progress) = queue.deliver_burst(Burst { messages: 2, bytes: 1000 });
    assert_eq!((deliveries(&effects).len(), progress), (2, Progress::Idle));
}

/// Q7.
#[test]
fn an_exclusive_consumer_is_alone() {
    let mut queue = Queue::volatile();
    queue.attach_all([alone(manual(1, 1, 1))]);
    assert_eq!(queue.attach(manual(2, 1, 1)), Reply::ExclusiveUse);
    assert_eq!(queue.attach(alone(manual(2, 2, 1))), Reply::ExclusiveUse);
    queue.detach(1);
    queue.attach_all([manual(3, 1, 1)]);
    assert_eq!(queue.attach(alone(manual(4, 1, 1))), Reply::ExclusiveUse);
    queue.attach_all([manual(5, 1, 1)]);
    assert_eq!(queue.machine.consumers(), 2);
}

#[test]
fn get_takes_the_first_message_and_says_how_many_stay() {
    let mut queue = Queue::volatile();
    assert_eq!(got(&queue.get(Some(1))), None);
    queue.publish(3);
    assert_eq!(got(&queue.get(Some(1))), Some((1, false, 2)));
    assert_eq!(queue.counts(), (2, 1));
    let effects = queue.get(None);
    assert_eq!(got(&effects), Some((2, false, 1)));
    assert_eq!(effects[1], gone(2, false));
    assert_eq!(queue.counts(), (1, 1));
    assert_eq!(queue.settle(1, Settlement::Ack, &[(1, 1)]), [gone(1, false)]);
}

#[test]
fn inspect_counts_what_is_ready_and_who_consumes() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(3);
    queue.deliver();
    let effects = queue.apply(Command::Inspect { request: crate::queue::RequestId(3) });
    assert_eq!(only_reply(effects, 3), Reply::Counts { ready: 2, consumers: 1 });
    assert_eq!((queue.machine.ready_bytes(), queue.machine.unsettled_bytes()), (20, 10));
    assert_eq!(queue.machine.next_deadline(), None);
}
