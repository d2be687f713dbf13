//! Q17: priorities of messages.

use crate::base::{MessageId, Millis, TimeToLive};
use crate::queue::{
    Command, Effect, Incoming, Machine, Overflow, Paged, Paging, QueueConfig, Residence,
    Settlement, Span,
};

use super::fixture::*;

fn config() -> QueueConfig {
    QueueConfig { max_priority: Some(5), ..QueueConfig::default() }
}

fn offer(queue: &mut Queue, priorities: &[u8]) -> Vec<Effect<u64>> {
    let mut message = |priority| Incoming { priority, ..queue.message(false, None) };
    let messages = priorities.iter().map(|priority| message(*priority)).collect();
    queue.apply(Command::Enqueue(messages))
}

fn ids(deliveries: &[(u64, u64, bool)]) -> Vec<u64> {
    deliveries.iter().map(|(_, id, _)| *id).collect()
}

#[test]
fn higher_priorities_go_first_and_equals_in_order_of_arrival() {
    let mut queue = Queue::new(config());
    offer(&mut queue, &[0, 2, 5, 2, 255]);
    queue.attach_all([manual(1, 1, 99)]);
    assert_eq!(ids(&queue.deliver()), [3, 5, 2, 4, 1], "255 is as much as 5 here");
    assert_eq!(queue.machine.next_deadline(), None);
}

#[test]
fn a_message_that_returns_finds_its_place_in_its_level() {
    let mut queue = Queue::new(config());
    offer(&mut queue, &[1, 1, 3, 1]);
    queue.attach_all([manual(1, 1, 3)]);
    assert_eq!(ids(&queue.deliver()), [3, 1, 2]);
    offer(&mut queue, &[3]);
    queue.settle(1, REQUEUE, &[(2, 3)]);
    assert_eq!(queue.deliver(), [(1, 3, true), (1, 5, false)]);
    queue.settle(1, Settlement::Ack, &[(1, 99)]);
    assert_eq!(queue.deliver(), [(1, 2, true), (1, 4, false)]);
}

#[test]
fn a_queue_without_priorities_ignores_them() {
    let mut queue = Queue::volatile();
    offer(&mut queue, &[0, 9, 5]);
    queue.attach_all([manual(1, 1, 99)]);
    assert_eq!(ids(&queue.deliver()), [1, 2, 3]);
}

/// Q13: what would be handed out first goes first, whatever its priority (rabbitmq: priority.md).
#[test]
fn length_and_time_take_from_the_head() {
    let mut queue = Queue::new(QueueConfig { max_length: Some(2), ..config() });
    assert_eq!(offer(&mut queue, &[1, 4, 0]), [gone(2, false)]);
    let mut queue = Queue::new(config());
    let short =
        Incoming { ttl: Some(TimeToLive::from_ms(10)), priority: 0, ..queue.message(false, None) };
    let long =
        Incoming { ttl: Some(TimeToLive::from_ms(20)), priority: 1, ..queue.message(false, None) };
    queue.apply(Command::Enqueue(vec![short, long]));
    assert_eq!(queue.tick(15), [], "it waits behind the other");
    assert_eq!(queue.tick(5), [gone_run(1, 2, 0)]);
    let reject = QueueConfig { max_length: Some(1), overflow: Overflow::RejectPublish, ..config() };
    let mut queue = Queue::new(reject);
    offer(&mut queue, &[1, 4]);
    assert_eq!(got(&queue.get(None)), Some((1, false, 0)));
}

#[test]
fn nothing_is_paged_out_and_places_count_as_ram() {
    let paging = Some(Paging { window: 4, window_bytes: u64::MAX, piece: 3 });
    let mut queue = Queue::new(QueueConfig { paging, ..config() });
    assert_eq!(offer(&mut queue, &[1; 50]), []);
    queue.machine.exchange(MessageId(1), MessageId(50), |_, _| Residence::Disk);
    assert_eq!(queue.machine.ram_bytes(), 50 * 32);
}

#[test]
fn after_a_restart_everything_comes_back_before_anything_is_handed_out() {
    let paging = Some(Paging { window: 2, window_bytes: u64::MAX, piece: 3 });
    let config = QueueConfig { paging, ..config() };
    let mut queue = Queue::new(config);
    let (first, last, messages) = (MessageId(1), MessageId(3), 3);
    let span = Span { first, last, messages, bytes: 30, appended: 3 };
    queue.machine = Machine::recover(config, MessageId(4), Some(span));
    queue.attach_all([manual(1, 1, 9)]);
    let page = |ids: std::ops::RangeInclusive<u64>| {
        let message = |id| Paged {
            id: MessageId(id),
            payload: id,
            bytes: 10,
            acquired_count: 0,
            delivery_count: 0,
            appended: true,
            residence: Residence::Disk,
            damaged: false,
            expires: None,
            priority: u8::try_from(id).expect("small"),
            due: None,
        };
        let (from, more) = (MessageId(*ids.start()), *ids.end() < 3);
        Command::PagedIn { from, messages: ids.map(message).collect(), more }
    };
    let (effects, _) = queue.deliver_burst(ALL);
    assert_eq!(effects, [Effect::PageIn { from: MessageId(1), count: 2, up_to: last }]);
    let effects = queue.apply(page(1..=2));
    assert_eq!(effects, [Effect::PageIn { from: MessageId(3), count: 1, up_to: last }]);
    assert_eq!(queue.deliver(), []);
    assert_eq!(queue.apply(page(3..=3)), []);
    assert_eq!(ids(&queue.deliver()), [3, 2, 1]);
    assert_eq!(queue.now, Millis(0));
}
