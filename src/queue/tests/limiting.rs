//! Q13: queues with a limit, and messages that return too often.

use crate::base::MessageId;
use crate::queue::{
    Command, DeadLetter, Effect, Incoming, LogMode, Overflow, Paging, QueueConfig, Reason, Reply,
    Settlement,
};

use super::fixture::*;

fn with_length(max: u64, overflow: Overflow) -> QueueConfig {
    QueueConfig { max_length: Some(max), overflow, ..QueueConfig::default() }
}

/// Publishes transient messages of 10 bytes, one batch; the first `waiting` with a confirm.
fn offer(queue: &mut Queue, count: u64, waiting: u64) -> Vec<Effect<u64>> {
    let by = |n| (n <= waiting).then(|| publish(1, n));
    let messages = (1..=count).map(|n| queue.message(false, by(n))).collect();
    queue.apply(Command::Enqueue(messages))
}

#[test]
fn the_oldest_ready_messages_are_dropped() {
    let mut queue = Queue::new(with_length(3, Overflow::DropHead));
    assert_eq!(offer(&mut queue, 3, 0), []);
    queue.get(Some(1));
    assert_eq!(offer(&mut queue, 3, 0), [gone_run(2, 3, 0)]);
    assert_eq!((queue.counts(), queue.machine.losses().max_len), ((3, 1), 2));
    assert_eq!(queue.settle(1, REQUEUE, &[(1, 1)]), [gone(1, false)], "it is the oldest again");
    assert_eq!(queue.machine.next_deadline(), None);
}

#[test]
fn bytes_are_a_limit_as_well() {
    let config = QueueConfig { max_length_bytes: Some(35), ..QueueConfig::default() };
    let mut queue = Queue::new(config);
    assert_eq!(offer(&mut queue, 5, 0), [gone_run(1, 2, 0)]);
    let large = Incoming { bytes: 36, ..queue.message(false, None) };
    assert_eq!(queue.apply(Command::Enqueue(vec![large])).len(), 1);
    assert_eq!(queue.counts(), (0, 0), "it never fits");
}

#[test]
fn what_a_consumer_can_take_is_not_dropped() {
    let mut queue = Queue::new(with_length(0, Overflow::DropHead));
    queue.attach_all([manual(1, 1, 2)]);
    assert_eq!(offer(&mut queue, 3, 0), []);
    let (effects, _) = queue.deliver_burst(ALL);
    assert_eq!(deliveries(&effects), [(1, 1, false), (1, 2, false)]);
    assert_eq!(effects[2..], [gone(3, false)]);
    assert_eq!(offer(&mut queue, 1, 0), [gone(4, false)], "it has no credit");
}

#[test]
fn above_the_limit_publishes_are_refused_or_counted() {
    let mut queue = Queue::new(with_length(2, Overflow::RejectPublish));
    let effects = offer(&mut queue, 4, 3);
    let refused = Effect::Refuse { publish: publish(1, 3) };
    assert_eq!(effects, [refused, confirm(1, 1, 2)]);
    assert_eq!((queue.counts(), queue.machine.losses().refused), ((2, 0), 1));
    queue.get(Some(1));
    assert_eq!(offer(&mut queue, 1, 0), []);
    assert_eq!(got(&queue.get(None)), Some((2, false, 1)), "refused ones got no id");
    assert_eq!(got(&queue.get(None)).map(|(id, ..)| id), None.or(Some(3)));
}

#[test]
fn a_publish_that_a_consumer_takes_at_once_is_not_refused() {
    let mut queue = Queue::new(with_length(1, Overflow::RejectPublish));
    queue.attach_all([manual(1, 1, 2)]);
    let effects = offer(&mut queue, 4, 4);
    assert_eq!(effects, [Effect::Refuse { publish: publish(1, 4) }, confirm(1, 1, 3)]);
    assert_eq!(queue.deliver().len(), 2);
    queue.settle(1, Settlement::Ack, &[(1, 1)]);
    assert_eq!(offer(&mut queue, 1, 0), [], "the credit is for the one that waits");
    assert_eq!(queue.machine.losses().refused, 0);
    queue.attach_all([automatic(2, 2)]);
    offer(&mut queue, 1000, 0);
    assert_eq!(queue.counts(), (1002, 1));
}

#[test]
fn a_refused_publish_is_dead_lettered_without_an_id() {
    let config = with_length(1, Overflow::RejectPublishDlx);
    let dead_letter = DeadLetter::AtMostOnce;
    let mut queue = Queue::new(QueueConfig { dead_letter, ..config });
    let effects = offer(&mut queue, 3, 2);
    let refused = |payload| Effect::DeadLetterRefused { payload, reason: Reason::MaxLen };
    let refuse = Effect::Refuse { publish: publish(1, 2) };
    assert_eq!(effects, [refused(2), refuse, refused(3), confirm(1, 1, 1)]);
    assert_eq!((queue.machine.departing(), queue.machine.losses().refused), (0, 0));
}

/// Q11.
#[test]
fn dropped_messages_are_dead_lettered_and_dropping_waits_for_them() {
    let dead_letter = DeadLetter::AtLeastOnce { departing_max: 2 };
    let config = QueueConfig { dead_letter, ..with_length(1, Overflow::DropHead) };
    let mut queue = Queue::new(config);
    let effects = offer(&mut queue, 5, 0);
    assert_eq!(effects, [dead(1, Reason::MaxLen, 0), dead(2, Reason::MaxLen, 0)]);
    assert_eq!((queue.counts(), queue.machine.next_deadline()), ((3, 0), None));
    let effects = queue.departed(&[(1, 2)]);
    assert_eq!(effects[1..], [dead(3, Reason::MaxLen, 0), dead(4, Reason::MaxLen, 0)]);
    assert_eq!(queue.counts(), (1, 0));
}

#[test]
fn a_smaller_limit_drops_a_long_queue_in_steps_and_from_its_pages() {
    let paging = Some(Paging { window: 1000, window_bytes: u64::MAX, piece: 500 });
    let mut queue = Queue::new(QueueConfig { paging, ..QueueConfig::default() });
    let mut away = std::collections::VecDeque::new();
    let mut effects = offer(&mut queue, 6000, 0);
    let mut first_step = None;
    loop {
        let mut asked = None;
        for effect in effects {
            match effect {
                Effect::PageOut { messages } => away.extend(messages),
                Effect::PageIn { from, count, .. } => asked = Some((from, count)),
                _ => {}
            }
        }
        effects = if let Some((from, count)) = asked {
            let messages = away.drain(..count as usize).collect();
            queue.apply(Command::PagedIn { from, messages, more: !away.is_empty() })
        } else if first_step.is_none() {
            let effects = queue.configure(with_length(10, Overflow::DropHead));
            first_step = Some(6000 - queue.machine.ready());
            effects
        } else if queue.machine.next_deadline().is_some() {
            queue.tick(0)
        } else {
            break;
        };
    }
    assert_eq!(first_step, Some(1000), "what was there");
    assert_eq!(queue.counts(), (10, 0));
    assert_eq!(got(&queue.get(None)), Some((5991, false, 9)));
}

#[test]
fn a_message_whose_attempts_fail_too_often_is_given_up() {
    let mut queue = Queue::new(QueueConfig { delivery_limit: Some(1), ..QueueConfig::default() });
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(1);
    queue.deliver();
    assert_eq!(queue.settle(1, FAILED, &[(1, 1)]), []);
    assert_eq!(queue.deliver(), [(1, 1, true)]);
    assert_eq!(queue.settle(1, FAILED, &[(1, 1)]), [gone(1, false)]);
    assert_eq!(queue.machine.losses().delivery_limit, 1);
}

/// rabbitmq: quorum-queues.md, poison messages: `basic.nack` does not count.
#[test]
fn a_message_may_be_given_back_as_often_as_anybody_likes() {
    let mut queue = Queue::new(QueueConfig { delivery_limit: Some(1), ..QueueConfig::default() });
    queue.publish(1);
    let get = |queue: &mut Queue, acquired: u16, failed: u32| {
        let effects = queue.get(Some(1));
        let [Effect::Reply { reply: Reply::Got { delivery: Some(got), .. }, .. }] = &effects[..]
        else {
            panic!("{effects:?}");
        };
        assert_eq!((got.acquired_count, got.delivery_count), (acquired, failed));
        assert_eq!(got.redelivered, acquired > 0);
    };
    for acquired in 0..10 {
        get(&mut queue, acquired, 0);
        assert_eq!(queue.settle(1, REQUEUE, &[(1, 1)]), []);
    }
    get(&mut queue, 10, 0);
    assert_eq!(queue.settle(1, FAILED, &[(1, 1)]), []);
    get(&mut queue, 11, 1);
    assert_eq!(queue.settle(1, REQUEUE, &[(1, 1)]), []);
    get(&mut queue, 12, 1);
    assert_eq!(queue.release(1), [gone(1, false)], "a holder that is gone has failed");
}

/// What is written is for messages that a restart gives back, and that wait for it.
#[test]
fn failed_attempts_are_told_where_they_are_kept() {
    let (log, delivery_limit) = (LogMode::Logged, Some(1));
    let config = QueueConfig { log, delivery_limit, ..QueueConfig::default() };
    for keeps_failures in [false, true] {
        let mut queue = Queue::new(QueueConfig { keeps_failures, ..config });
        let messages = vec![queue.message(true, None), queue.message(false, None)];
        queue.apply(Command::Enqueue(messages));
        queue.get(Some(1));
        queue.get(Some(1));
        let told = Effect::AttemptFailed { id: MessageId(1) };
        let told = if keeps_failures { vec![told] } else { vec![] };
        assert_eq!(
            queue.settle(1, FAILED, &[(1, 2)]),
            told,
            "the transient one is forgotten anyway"
        );
        queue.get(Some(1));
        assert_eq!(queue.settle(1, REQUEUE, &[(1, 1)]), [], "no failure");
        queue.get(Some(1));
        assert_eq!(queue.settle(1, FAILED, &[(1, 1)]), [gone(1, true)], "given up");
    }
}

#[test]
fn a_limit_that_is_lowered_counts_for_what_returns() {
    let limited = |limit| QueueConfig { delivery_limit: Some(limit), ..QueueConfig::default() };
    let mut queue = Queue::new(limited(5));
    queue.publish(1);
    for _ in 0..2 {
        queue.get(Some(1));
        assert_eq!(queue.settle(1, FAILED, &[(1, 1)]), []);
    }
    queue.get(Some(1));
    queue.apply(Command::Configure(Box::new(limited(1))));
    assert_eq!(queue.settle(1, REQUEUE, &[(1, 1)]), [gone(1, false)]);
}

#[test]
fn a_limit_of_zero_gives_a_message_one_attempt() {
    let dead_letter = DeadLetter::AtMostOnce;
    let config = QueueConfig { delivery_limit: Some(0), dead_letter, ..QueueConfig::default() };
    let mut queue = Queue::new(config);
    queue.publish(2);
    queue.get(Some(1));
    queue.get(Some(1));
    let effects = queue.release(1);
    assert_eq!(effects, [dead(1, Reason::DeliveryLimit, 1), dead(2, Reason::DeliveryLimit, 1)]);
    assert_eq!((queue.counts(), queue.machine.departing()), ((0, 0), 2));
}

/// Q6.
#[test]
fn a_dropped_message_waits_for_the_disk_no_longer() {
    let config = QueueConfig { log: LogMode::Logged, ..with_length(1, Overflow::DropHead) };
    let mut queue = Queue::new(config);
    let messages = (1..=2).map(|n| queue.message(true, Some(publish(1, n)))).collect();
    let effects = queue.apply(Command::Enqueue(messages));
    assert_eq!(effects[2..], [gone(1, true), confirm(1, 1, 1)]);
    assert_eq!(queue.persisted(MessageId(2).0), [confirm(1, 2, 2)]);
}
