//! Q16: delayed attempts, and messages that are due later.

use crate::base::{MessageId, Millis, TimeToLive};
use crate::queue::{
    Attempt, Command, Delay, DelayedRetry, DeleteCondition, Effect, Incoming, Machine, Paged,
    Paging, QueueConfig, Reason, Reply, RequestId, Residence, Span, WhenDue,
};

use super::fixture::*;

fn retrying(only: Option<Attempt>, min: u32, max: u32) -> Queue {
    let delayed_retry = Some(DelayedRetry { only, min, max });
    let mut queue = Queue::new(QueueConfig { delayed_retry, ..QueueConfig::default() });
    queue.attach_all([manual(1, 1, 2)]);
    queue
}

fn with_due(due: WhenDue) -> Queue {
    Queue::new(QueueConfig { due, ..QueueConfig::default() })
}

fn offer(queue: &mut Queue, dues: &[u32]) -> Vec<Effect<u64>> {
    let mut message = |ms| Incoming { due: Some(Delay::from_ms(ms)), ..queue.message(false, None) };
    let messages = dues.iter().map(|due| message(*due)).collect();
    queue.apply(Command::Enqueue(messages))
}

#[test]
fn each_attempt_waits_longer_than_the_last_one_up_to_a_bound() {
    let mut queue = retrying(None, 100, 250);
    queue.publish(1);
    for delay in [100, 200, 250, 250] {
        assert_eq!(queue.deliver().len(), 1);
        queue.settle(1, FAILED, &[(1, 1)]);
        assert_eq!((queue.counts(), queue.machine.delayed()), ((0, 0), 1));
        assert_eq!(queue.machine.next_deadline(), Some(queue.now.after(delay)));
        queue.tick(delay - 1);
        assert_eq!(queue.deliver(), []);
        queue.tick(1);
    }
    assert_eq!(queue.deliver(), [(1, 1, true)]);
}

#[test]
fn a_delayed_message_returns_to_its_old_place() {
    let mut queue = retrying(None, 100, 100);
    queue.publish(4);
    queue.deliver();
    queue.settle(1, FAILED, &[(1, 1)]);
    queue.tick(50);
    queue.settle(1, FAILED, &[(2, 2)]);
    queue.now = Millis(200);
    assert_eq!(queue.deliver(), [(1, 1, true), (1, 2, true)], "nobody had to tick");
}

#[test]
fn only_the_attempts_that_are_named_are_delayed() {
    for (only, delayed) in [(Attempt::Returned, [1, 0]), (Attempt::Failed, [0, 1])] {
        let mut queue = retrying(Some(only), 100, 100);
        queue.publish(1);
        queue.deliver();
        queue.settle(1, REQUEUE, &[(1, 1)]);
        assert_eq!(queue.machine.delayed(), delayed[0]);
        queue.tick(100);
        queue.deliver();
        queue.release(1);
        assert_eq!(queue.machine.delayed(), delayed[1], "a holder that is gone has failed");
    }
}

#[test]
fn what_is_given_back_waits_no_longer_than_after_the_first_failure() {
    let mut queue = retrying(None, 100, 250);
    queue.publish(1);
    for (settlement, delay) in [
        (REQUEUE, 100),
        (REQUEUE, 100),
        (FAILED, 100),
        (FAILED, 200),
        (REQUEUE, 200),
        (FAILED, 250),
    ] {
        assert_eq!(queue.deliver().len(), 1);
        queue.settle(1, settlement, &[(1, 1)]);
        assert_eq!(queue.machine.next_deadline(), Some(queue.now.after(delay)));
        queue.tick(delay);
    }
}

#[test]
fn a_delay_of_zero_is_none() {
    let mut queue = retrying(None, 0, 100);
    queue.publish(1);
    queue.deliver();
    queue.settle(1, FAILED, &[(1, 1)]);
    assert_eq!((queue.counts(), queue.machine.delayed()), ((1, 0), 0));
}

#[test]
fn a_delayed_message_keeps_the_moment_at_which_it_expires() {
    let mut queue = retrying(None, 100, 100);
    let message = Incoming { ttl: Some(TimeToLive::from_ms(50)), ..queue.message(false, None) };
    queue.apply(Command::Enqueue(vec![message]));
    queue.deliver();
    queue.settle(1, FAILED, &[(1, 1)]);
    assert_eq!(queue.tick(99), []);
    assert_eq!(queue.tick(1), [gone(1, false)]);
}

#[test]
fn purge_leaves_what_is_delayed_and_delete_takes_it() {
    let mut queue = retrying(None, 100, 100);
    queue.publish(3);
    queue.deliver();
    queue.settle(1, FAILED, &[(1, 2)]);
    let effects = queue.apply(Command::Purge { request: RequestId(1) });
    assert_eq!(effects, [gone(3, false), reply(1, Reply::Purged { messages: 1 })]);
    assert_eq!((queue.machine.delayed(), queue.machine.delayed_bytes()), (2, 20));
    let places = queue.machine.ram_bytes() - 20;
    assert!((2 * 48..2 * 160).contains(&places), "{places} bytes for the places of two messages");
    let mut seen = 0;
    queue.machine.exchange(MessageId(2), MessageId(9), |_, _| {
        seen += 1;
        Residence::Disk
    });
    assert_eq!((seen, queue.machine.ram_bytes()), (1, 10 + places));
    let effects = queue.delete(DeleteCondition::default());
    assert_eq!(effects[1], gone_run(1, 2, 0));
    assert_eq!(queue.machine.next_deadline(), None);
}

#[test]
fn a_message_is_ready_at_its_old_place_when_it_is_due() {
    let mut queue = with_due(WhenDue::Ready);
    offer(&mut queue, &[20, 0, 10, u32::MAX, 10]);
    queue.publish(1);
    queue.attach_all([manual(1, 1, 99)]);
    assert_eq!(queue.deliver(), [(1, 2, false), (1, 6, false)]);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(10)));
    queue.tick(20);
    assert_eq!(queue.deliver(), [(1, 1, false), (1, 3, false), (1, 5, false)]);
    queue.tick(u64::from(u32::MAX));
    assert_eq!(queue.deliver(), [(1, 4, false)]);
}

/// Q11.
#[test]
fn what_is_due_is_forwarded_in_order_of_its_moment() {
    let mut queue = with_due(WhenDue::Forward);
    assert_eq!(offer(&mut queue, &[20, 10, 10]), []);
    assert_eq!(queue.counts(), (0, 0));
    let due = |id| dead(id, Reason::Due, 0);
    assert_eq!(queue.tick(10), [due(2), due(3)]);
    assert_eq!(queue.departed(&[(2, 2)]), [gone(2, false)]);
    assert_eq!(queue.tick(10), [due(1)]);
    assert_eq!((queue.machine.departing(), queue.machine.delayed()), (2, 0));
}

#[test]
fn where_due_messages_are_not_kept_they_are_ready_at_once() {
    let mut queue = Queue::volatile();
    offer(&mut queue, &[99]);
    assert_eq!((queue.counts(), queue.machine.delayed()), ((1, 0), 0));
}

#[test]
fn due_messages_come_back_after_a_restart() {
    let paging = Some(Paging { window: 4, window_bytes: u64::MAX, piece: 3 });
    let config = QueueConfig { paging, due: WhenDue::Forward, ..QueueConfig::default() };
    let mut queue = Queue::new(config);
    let (first, last) = (MessageId(1), MessageId(2));
    let span = Span { first, last, messages: 2, bytes: 20, appended: 2 };
    queue.machine = Machine::recover(config, MessageId(3), Some(span));
    assert_eq!(queue.machine.next_deadline(), Some(Millis(0)));
    assert_eq!(queue.tick(5), [Effect::PageIn { from: first, count: 2, up_to: last }]);
    let message = |id, due| Paged {
        id: MessageId(id),
        payload: id,
        bytes: 10,
        acquired_count: 0,
        delivery_count: 0,
        appended: true,
        residence: Residence::Disk,
        damaged: false,
        expires: None,
        priority: 0,
        due: Some(Millis(due)),
    };
    let messages = vec![message(1, 30), message(2, 3)];
    let effects = queue.apply(Command::PagedIn { from: first, messages, more: false });
    assert_eq!(effects, [dead(2, Reason::Due, 0)]);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(30)));
}
