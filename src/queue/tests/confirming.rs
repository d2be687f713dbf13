//! Q6: every publish is confirmed once, and when.

use crate::base::MessageId;
use crate::queue::{Command, Effect, RequestId, Settlement};

use super::fixture::*;

fn enqueue(queue: &mut Queue, batch: &[(bool, u64, u64)]) -> Vec<Effect<u64>> {
    let message = |(persistent, holder, sequence): &(bool, u64, u64)| {
        queue.message(*persistent, Some(publish(*holder, *sequence)))
    };
    let messages = batch.iter().map(message).collect();
    queue.apply(Command::Enqueue(messages))
}

fn append(id: u64) -> Effect<u64> {
    Effect::Append { id: MessageId(id), payload: id }
}

#[test]
fn a_volatile_queue_confirms_when_it_takes_in_runs() {
    let mut queue = Queue::volatile();
    let batch = [(true, 1, 1), (false, 1, 2), (true, 1, 4), (true, 2, 5), (true, 2, 6)];
    let effects = enqueue(&mut queue, &batch);
    assert_eq!(effects, [confirm(1, 1, 2), confirm(1, 4, 4), confirm(2, 5, 6)]);
    assert_eq!(queue.persisted(5), []);
}

#[test]
fn a_logged_queue_confirms_persistent_messages_when_the_disk_has_them() {
    let mut queue = Queue::logged();
    let effects = enqueue(&mut queue, &[(true, 1, 1), (true, 1, 2), (true, 2, 1), (true, 1, 3)]);
    assert_eq!(effects, [append(1), append(2), append(3), append(4)]);
    assert_eq!(queue.persisted(1), [confirm(1, 1, 1)]);
    assert_eq!(queue.persisted(1), []);
    assert_eq!(queue.persisted(9), [confirm(1, 2, 2), confirm(2, 1, 1), confirm(1, 3, 3)]);
}

#[test]
fn transient_messages_of_a_logged_queue_do_not_wait() {
    let mut queue = Queue::logged();
    let effects = enqueue(&mut queue, &[(false, 1, 1), (true, 1, 2), (false, 1, 3)]);
    assert_eq!(effects, [append(2), confirm(1, 1, 1), confirm(1, 3, 3)]);
    assert_eq!(queue.persisted(3), [confirm(1, 2, 2)]);
}

#[test]
fn a_message_is_handed_out_before_the_disk_has_it() {
    let mut queue = Queue::logged();
    queue.attach_all([manual(1, 1, 9)]);
    enqueue(&mut queue, &[(true, 1, 1)]);
    assert_eq!(queue.deliver(), [(1, 1, false)]);
    assert_eq!(queue.persisted(1), [confirm(1, 1, 1)]);
    assert_eq!(queue.settle(1, Settlement::Ack, &[(1, 1)]), [gone(1, true)]);
}

#[test]
fn settled_before_the_disk_has_it_is_confirmed_then_and_not_again() {
    let mut queue = Queue::logged();
    queue.attach_all([manual(1, 1, 9)]);
    enqueue(&mut queue, &[(true, 1, 1), (true, 1, 2), (true, 1, 3), (true, 1, 4)]);
    queue.deliver();
    let effects = queue.settle(1, Settlement::Ack, &[(2, 3)]);
    assert_eq!(effects, [gone_run(2, 3, 2), confirm(1, 2, 3)]);
    assert_eq!(queue.settle(1, REQUEUE, &[(4, 4)]), []);
    assert_eq!(queue.persisted(3), [confirm(1, 1, 1)]);
    assert_eq!(queue.persisted(4), [confirm(1, 4, 4)]);
}

#[test]
fn handed_out_without_acknowledgement_is_confirmed_then() {
    let mut queue = Queue::logged();
    queue.attach_all([automatic(1, 1)]);
    enqueue(&mut queue, &[(true, 1, 1), (true, 1, 2)]);
    let (effects, _) = queue.deliver_burst(ALL);
    assert_eq!(deliveries(&effects).len(), 2);
    assert_eq!(effects[2..], [gone_run(1, 2, 2), confirm(1, 1, 2)]);
    assert_eq!(queue.persisted(2), []);
    enqueue(&mut queue, &[(true, 1, 3)]);
    queue.detach(1);
    enqueue(&mut queue, &[(true, 1, 4)]);
    let effects = queue.get(None);
    assert_eq!(effects[1..], [gone(3, true), confirm(1, 3, 3)]);
    assert_eq!(queue.persisted(4), [confirm(1, 4, 4)]);
}

#[test]
fn purged_messages_are_confirmed() {
    let mut queue = Queue::logged();
    queue.attach_all([manual(1, 1, 1)]);
    enqueue(&mut queue, &[(true, 1, 1), (true, 1, 2), (false, 1, 3), (true, 1, 4)]);
    queue.deliver();
    let effects = queue.apply(Command::Purge { request: RequestId(2) });
    let purged = crate::queue::Reply::Purged { messages: 3 };
    let expected = [confirm(1, 2, 2), gone_run(2, 4, 2), confirm(1, 4, 4), reply(2, purged)];
    assert_eq!(effects, expected);
    assert_eq!(queue.counts(), (0, 1), "what is unsettled stays");
    assert_eq!(queue.persisted(4), [confirm(1, 1, 1)]);
}
