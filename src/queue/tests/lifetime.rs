//! How a queue ends, and what it says afterwards.

use crate::base::{ConsumerId, HolderId, MessageId};
use crate::queue::{Command, DeleteCondition, Effect, Flow, Progress, Reply, RequestId};

use super::fixture::*;

#[test]
fn delete_checks_use_first_and_emptiness_second() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(2);
    queue.deliver();
    let both = DeleteCondition { if_unused: true, if_empty: true };
    assert_eq!(queue.delete(both), [reply(5, Reply::InUse)]);
    queue.detach(1);
    assert_eq!(queue.delete(both), [reply(5, Reply::NotEmpty)]);
    queue.get(None);
    assert_eq!(queue.counts(), (0, 1));
    let effects = queue.delete(both);
    assert_eq!(
        effects,
        [gone(1, false), reply(5, Reply::Deleted { messages: 0 }), Effect::Deleted]
    );
}

#[test]
fn delete_cancels_confirms_releases_answers_and_ends() {
    let mut queue = Queue::logged();
    queue.attach_all([manual(4, 1, 1), manual(2, 2, 1)]);
    let messages = (1..=3).map(|n| queue.message(true, Some(publish(1, n)))).collect();
    queue.apply(Command::Enqueue(messages));
    queue.deliver();
    let effects = queue.delete(DeleteCondition::default());
    let expected = [
        Effect::CancelConsumer { consumer: ConsumerId(2) },
        Effect::CancelConsumer { consumer: ConsumerId(4) },
        confirm(1, 1, 3),
        gone(3, true),
        gone_run(1, 2, 2),
        reply(5, Reply::Deleted { messages: 1 }),
        Effect::Deleted,
    ];
    assert_eq!(effects, expected);
    assert!(queue.machine.is_deleted());
}

/// Q9.
#[test]
fn a_deleted_queue_answers_gone_confirms_publishes_and_does_nothing_else() {
    let mut queue = Queue::logged();
    let effects =
        queue.apply(Command::Delete { condition: DeleteCondition::default(), request: None });
    assert_eq!(effects, [Effect::Deleted]);
    assert_eq!(queue.attach(manual(1, 1, 1)), Reply::Gone);
    assert_eq!(queue.detach(1), [reply(8, Reply::Gone)]);
    assert_eq!(queue.get(None), [reply(9, Reply::Gone)]);
    assert_eq!(queue.delete(DeleteCondition::default()), [reply(5, Reply::Gone)]);
    for command in
        [Command::Purge { request: RequestId(1) }, Command::Inspect { request: RequestId(1) }]
    {
        assert_eq!(queue.apply(command), [reply(1, Reply::Gone)]);
    }
    for command in [
        Command::Detach { consumer: ConsumerId(1), request: None },
        Command::Delete { condition: DeleteCondition::default(), request: None },
        Command::Release { holder: HolderId(1) },
        Command::Flow { consumer: ConsumerId(1), flow: Flow::Open },
        Command::Persisted { up_to: MessageId(9) },
    ] {
        assert_eq!(queue.apply(command), []);
    }
    assert_eq!(queue.settle(1, REQUEUE, &[(1, 9)]), []);
    let messages = vec![
        queue.message(true, Some(publish(1, 1))),
        queue.message(true, None),
        queue.message(false, Some(publish(1, 2))),
    ];
    assert_eq!(queue.apply(Command::Enqueue(messages)), [confirm(1, 1, 2)]);
    assert_eq!(queue.deliver_burst(ALL), (Vec::new(), Progress::Idle));
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer_and_not_before() {
    let mut queue = Queue::auto_delete();
    queue.publish(3);
    queue.attach_all([manual(1, 1, 1), manual(2, 2, 1)]);
    queue.deliver();
    assert_eq!(queue.detach(1), [reply(8, Reply::Detached)]);
    let effects = queue.detach(2);
    let expected = [reply(8, Reply::Detached), gone(3, false), gone_run(1, 2, 0), Effect::Deleted];
    assert_eq!(effects, expected);
}

#[test]
fn an_auto_delete_queue_goes_with_the_channel_of_its_last_consumer() {
    let mut queue = Queue::auto_delete();
    queue.publish(1);
    assert_eq!(queue.release(1), [], "a queue that never had a consumer stays");
    queue.get(Some(1));
    assert_eq!(queue.release(1), []);
    queue.attach_all([manual(1, 1, 1), manual(2, 1, 1)]);
    queue.deliver();
    assert_eq!(queue.release(1), [gone(1, false), Effect::Deleted]);
}

#[test]
fn a_queue_that_is_not_auto_delete_stays_without_consumers() {
    let mut queue = Queue::volatile();
    queue.attach_all([manual(1, 1, 1)]);
    assert_eq!(queue.release(1), []);
    assert!(!queue.machine.is_deleted());
}
