//! Looks at a queue: pages of what waits, who holds what, and that nothing changes by it.

use crate::base::{ConsumerId, HolderId, MessageId, Millis};
use crate::queue::{Command, Flow, Incoming, Next, Paging, Place, QueueConfig, Residence, Span};

use super::fixture::*;

/// The ids of everything that is shown in pages of this size, and what is away as a marker of its ends.
fn pages(queue: &Queue, size: usize) -> Vec<u64> {
    let (mut from, mut all) = (Place::HEAD, Vec::new());
    loop {
        let (seen, next) = queue.machine.peek(from, size);
        assert!(seen.len() <= size && seen.iter().all(|one| one.place >= from));
        all.extend(seen.iter().map(|one| one.place.id.0));
        match next {
            Next::End => return all,
            Next::At(place) => {
                assert_eq!(seen.len(), size, "a page that is not the last is full");
                from = place;
            }
            Next::Away(Span { first, last, .. }) => {
                all.extend([first.0, last.0]);
                from = Place { level: 0, id: last.next() };
            }
        }
    }
}

#[test]
fn pages_show_what_waits_in_the_order_in_which_it_is_handed_out_and_change_nothing() {
    let mut queue = Queue::new(QueueConfig::default());
    queue.attach_all([manual(1, 1, 6)]);
    queue.publish(20);
    queue.deliver();
    queue.settle(1, REQUEUE, &[(2, 2), (5, 5)]);
    queue.flow(1, Flow::Held);
    let before = queue.machine.clone();
    let waiting: Vec<u64> = [2, 5].into_iter().chain(7..=20).collect();
    for size in [1, 2, 3, 16, 17, 100] {
        assert_eq!(pages(&queue, size), waiting, "{size}");
    }
    let (seen, _) = queue.machine.peek(Place::HEAD, 3);
    let counts: Vec<_> = seen.iter().map(|one| (one.payload, one.acquired_count)).collect();
    assert_eq!(counts, [(2, 1), (5, 1), (7, 0)]);
    assert_eq!(queue.machine.oldest_ready(), Some(MessageId(2)));
    assert_eq!(queue.machine.peek(Place { level: 0, id: MessageId(u64::MAX) }, 9).1, Next::End);
    assert_eq!(queue.machine, before);
}

#[test]
fn what_is_away_is_named_where_it_stands() {
    let paging = Paging { window: 4, window_bytes: u64::MAX, piece: 3 };
    let mut queue = Queue::new(QueueConfig { paging: Some(paging), ..QueueConfig::default() });
    let messages = (0..20).map(|_| queue.message(false, None)).collect();
    queue.apply(Command::Enqueue(messages));
    assert_eq!(pages(&queue, 3), [1, 2, 3, 4, 5, 16, 17, 18, 19, 20]);
    let middle = Place { level: 0, id: MessageId(9) };
    let Next::Away(away) = queue.machine.peek(middle, 3).1 else { panic!("it is away") };
    assert_eq!((away.first, away.last), (MessageId(9), MessageId(16)));
    assert_eq!(
        (queue.machine.depths().away, queue.machine.oldest_ready()),
        (12, Some(MessageId(1)))
    );
}

#[test]
fn a_queue_with_priorities_is_shown_from_the_highest_one_down() {
    let mut queue = Queue::new(QueueConfig { max_priority: Some(9), ..QueueConfig::default() });
    let messages =
        [1, 9, 5, 9, 1].map(|priority| Incoming { priority, ..queue.message(false, None) });
    queue.apply(Command::Enqueue(messages.to_vec()));
    queue.attach_all([manual(1, 1, 1)]);
    queue.deliver();
    queue.settle(1, REQUEUE, &[(2, 2)]);
    queue.flow(1, Flow::Held);
    for size in [1, 2, 9] {
        assert_eq!(pages(&queue, size), [2, 4, 3, 1, 5], "{size}");
    }
    assert_eq!(queue.machine.oldest_ready(), Some(MessageId(1)));
}

#[test]
fn who_holds_what_since_when_is_told() {
    let mut queue = Queue::new(QueueConfig { message_ttl: Some(50), ..QueueConfig::default() });
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(3);
    queue.deliver();
    queue.now = Millis(30);
    queue.get(Some(2));
    let mut held = Vec::new();
    queue.machine.outstanding(|one| {
        held.push((one.holder.0, one.consumer.map(|id| id.0), one.id.0, one.at.0));
        true
    });
    assert_eq!(held, [(1, Some(1), 1, 0), (2, None, 2, 30)]);
    let mut looks = 0;
    queue.machine.outstanding(|_| {
        looks += 1;
        false
    });
    assert_eq!(looks, 1, "until it was enough");
    let standings: Vec<_> = queue.machine.standings().collect();
    assert_eq!(
        (standings[0].consumer.id, standings[0].consumer.holder),
        (ConsumerId(1), HolderId(1))
    );
    assert_eq!(
        (standings[0].unsettled, standings[0].flow, standings[0].stands_by),
        (1, Flow::Open, false)
    );
    assert_eq!(queue.machine.depths().head_expires, Some(Millis(50)));
    queue.machine.exchange(MessageId(3), MessageId(3), |_, _| Residence::Disk);
    assert_eq!(queue.machine.depths().disk_bytes, 10);
}
