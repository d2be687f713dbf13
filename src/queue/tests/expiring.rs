//! Q12: messages that expire.

use crate::base::{ConsumerId, MessageId, Millis, TimeToLive};
use crate::queue::{
    Burst, Command, DeadLetter, DeleteCondition, Effect, Flow, Machine, Paging, Progress,
    QueueConfig, Reason, RequestId, Residence, Settlement, Span,
};

use super::fixture::*;

fn with_ttl(ms: u64) -> Queue {
    Queue::new(QueueConfig { message_ttl: Some(ms), ..QueueConfig::default() })
}

/// Publishes messages with these TTLs.
fn publish_with(queue: &mut Queue, ttls: impl IntoIterator<Item = Option<u64>>) {
    let mut message = |ttl: Option<u64>| {
        let ttl = ttl.map(TimeToLive::from_ms);
        crate::queue::Incoming { ttl, ..queue.message(false, None) }
    };
    let messages = ttls.into_iter().map(&mut message).collect();
    assert_eq!(queue.apply(Command::Enqueue(messages)), []);
}

#[test]
fn a_message_is_given_up_at_its_moment_and_not_before() {
    let mut queue = with_ttl(100);
    queue.publish(2);
    assert_eq!(queue.tick(50), []);
    queue.publish(1);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(100)));
    assert_eq!(queue.tick(49), []);
    assert_eq!(queue.tick(1), [gone_run(1, 2, 0)]);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(150)));
    assert_eq!((queue.counts(), queue.machine.losses().expired), ((1, 0), 2));
    assert_eq!(queue.tick(50), [gone(3, false)]);
    assert_eq!(queue.machine.next_deadline(), None);
}

#[test]
fn the_smaller_of_the_two_ttls_counts() {
    let mut queue = with_ttl(100);
    publish_with(&mut queue, [Some(30), Some(200), None]);
    assert_eq!(queue.tick(30), [gone(1, false)]);
    assert_eq!(queue.tick(70), [gone_run(2, 3, 0)]);
}

#[test]
fn only_the_head_expires_and_nobody_is_given_what_has_expired_behind_it() {
    let mut queue = Queue::volatile();
    publish_with(&mut queue, [None, Some(10), Some(10), None]);
    assert_eq!(queue.machine.next_deadline(), None);
    assert_eq!(queue.tick(50), []);
    assert_eq!(queue.counts(), (4, 0));
    queue.attach_all([manual(1, 1, 9)]);
    assert_eq!(queue.deliver(), [(1, 1, false), (1, 4, false)]);
    assert_eq!(queue.machine.losses().expired, 2);
}

#[test]
fn a_ttl_of_zero_reaches_a_consumer_that_waits_and_nobody_else() {
    let mut queue = with_ttl(0);
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(2);
    let (effects, _) = queue.deliver_burst(ALL);
    assert_eq!(deliveries(&effects), [(1, 1, false)]);
    assert_eq!(effects[1..], [gone(2, false)]);
    queue.publish(1);
    let effects = queue.get(None);
    assert_eq!(effects[..1], [gone(3, false)]);
    assert_eq!(got(&effects[1..]), None);
}

#[test]
fn what_stays_of_a_burst_may_still_be_handed_out_at_the_same_moment() {
    let mut queue = with_ttl(0);
    queue.attach_all([automatic(1, 1)]);
    queue.publish(3);
    for left in [Progress::More, Progress::More, Progress::Idle] {
        let (effects, progress) = queue.deliver_burst(Burst { messages: 1, bytes: u64::MAX });
        assert_eq!((deliveries(&effects).len(), progress), (1, left));
    }
}

#[test]
fn a_message_that_returns_keeps_its_moment() {
    let mut queue = with_ttl(100);
    queue.publish(2);
    queue.attach_all([manual(1, 1, 1)]);
    queue.deliver();
    assert_eq!(queue.tick(60), []);
    queue.settle(1, REQUEUE, &[(1, 1)]);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(100)));
    queue.deliver();
    assert_eq!(queue.tick(60), [gone(2, false)], "what is held does not expire");
    assert_eq!(queue.settle(1, REQUEUE, &[(1, 1)]), [gone(1, false)], "it returned too late");
    assert_eq!(queue.counts(), (0, 0));
}

#[test]
fn an_expired_message_is_not_handed_out_when_nobody_ticked() {
    let mut queue = with_ttl(10);
    queue.attach_all([manual(1, 1, 1)]);
    queue.publish(2);
    queue.now = Millis(11);
    let (effects, progress) = queue.deliver_burst(ALL);
    assert_eq!((effects, progress), (vec![gone_run(1, 2, 0)], Progress::Idle));
    queue.publish(1);
    queue.now = Millis(22);
    let (effects, progress) = queue.deliver_burst(ALL);
    assert_eq!((effects, progress), (vec![gone(3, false)], Progress::Idle));
}

/// Q11.
#[test]
fn an_expired_message_is_dead_lettered() {
    let dead_letter = DeadLetter::AtMostOnce;
    let mut queue =
        Queue::new(QueueConfig { message_ttl: Some(10), dead_letter, ..QueueConfig::default() });
    queue.publish(2);
    assert_eq!(queue.tick(10), [dead(1, Reason::Expired, 0), dead(2, Reason::Expired, 0)]);
    assert_eq!((queue.counts(), queue.machine.departing()), ((0, 0), 2));
    assert_eq!(queue.departed(&[(1, 9)]), [gone_run(1, 2, 0)]);
}

#[test]
fn with_as_many_dead_letters_as_may_be_on_their_way_expiry_waits() {
    let dead_letter = DeadLetter::AtLeastOnce { departing_max: 2 };
    let mut queue =
        Queue::new(QueueConfig { message_ttl: Some(10), dead_letter, ..QueueConfig::default() });
    queue.attach_all([manual(1, 1, 9)]);
    queue.flow(1, Flow::Held);
    queue.publish(3);
    assert_eq!(queue.tick(10).len(), 2);
    assert_eq!(queue.machine.next_deadline(), None, "time changes nothing");
    queue.now = Millis(20);
    queue.flow(1, Flow::Open);
    assert_eq!(queue.deliver_burst(ALL), (vec![], Progress::Idle), "it has expired");
    assert_eq!(got(&queue.get(None)), None);
    let effects = queue.departed(&[(1, 1)]);
    assert_eq!(effects, [gone(1, false), dead(3, Reason::Expired, 0)]);
}

#[test]
fn a_million_messages_expire_in_steps() {
    let mut queue = with_ttl(10);
    queue.publish(20_000);
    queue.now = Millis(11);
    let mut answers = queue.get(None);
    let mut steps = 0;
    while queue.machine.next_deadline().is_some_and(|at| at <= queue.now) {
        answers.retain(|effect| !matches!(effect, Effect::Release(_)));
        assert_eq!(answers, [], "the get waits for its turn");
        let before = queue.machine.ready();
        answers = queue.tick(0);
        assert!(before - queue.machine.ready() <= 4 * 1024);
        steps += 1;
    }
    assert!((4..20).contains(&steps), "{steps} steps");
    assert_eq!(got(&answers[answers.len() - 1..]), None);
    assert_eq!(queue.counts(), (0, 0));
}

#[test]
fn a_changed_ttl_counts_for_what_comes_later() {
    let mut queue = with_ttl(10);
    queue.publish(1);
    queue.configure(QueueConfig { message_ttl: Some(50), ..QueueConfig::default() });
    queue.publish(1);
    queue.configure(QueueConfig::default());
    queue.publish(1);
    assert_eq!(queue.tick(10), [gone(1, false)]);
    assert_eq!(queue.tick(40), [gone(2, false)]);
    assert_eq!((queue.tick(9999), queue.counts()), (vec![], (1, 0)));
}

#[test]
fn purge_and_delete_take_what_would_expire() {
    let mut queue = with_ttl(10);
    queue.publish(3);
    queue.get(Some(1));
    queue.apply(Command::Purge { request: RequestId(1) });
    assert_eq!(queue.tick(99), []);
    queue.settle(1, Settlement::Ack, &[(1, 1)]);
    queue.publish(2);
    queue.delete(DeleteCondition::default());
    assert_eq!((queue.tick(99), queue.machine.next_deadline()), (vec![], None));
}

fn paging() -> QueueConfig {
    let paging = Some(Paging { window: 4, window_bytes: u64::MAX, piece: 3 });
    QueueConfig { paging, message_ttl: Some(10), ..QueueConfig::default() }
}

/// Q10.
#[test]
fn what_expires_goes_away_and_comes_back_with_its_moment() {
    let mut queue = Queue::new(paging());
    let messages = (0..12).map(|_| queue.message(false, None)).collect();
    let mut effects = queue.apply(Command::Enqueue(messages));
    let Some(Effect::PageOut { messages }) = effects.pop() else { panic!("{effects:?}") };
    assert!(messages.iter().all(|message| message.expires == Some(Millis(10))));
    let effects = queue.tick(10);
    let (from, up_to) = (MessageId(5), MessageId(7));
    assert_eq!(effects, [gone_run(1, 4, 0), Effect::PageIn { from, count: 3, up_to }]);
    assert_eq!(queue.machine.next_deadline(), None, "it is on its way");
    queue.now = Millis(11);
    assert_eq!(queue.apply(Command::PagedIn { from, messages, more: false }), [gone_run(5, 12, 0)]);
}

#[test]
fn a_queue_with_a_ttl_asks_for_its_head_after_a_restart() {
    let mut queue = Queue::new(paging());
    let (first, last, messages) = (MessageId(3), MessageId(4), 2);
    let span = Span { first, last, messages, bytes: 20, appended: 2 };
    queue.machine = Machine::recover(paging(), MessageId(9), Some(span));
    assert_eq!(queue.machine.next_deadline(), Some(Millis(0)));
    let question = Effect::PageIn { from: first, count: 2, up_to: last };
    assert_eq!(queue.tick(5), [question]);
    let message = |id, expires| crate::queue::Paged {
        id: MessageId(id),
        payload: id,
        bytes: 10,
        acquired_count: 0,
        delivery_count: 0,
        appended: true,
        residence: Residence::Disk,
        damaged: false,
        expires,
        priority: 0,
        due: None,
    };
    let messages = vec![message(3, Some(Millis(2))), message(4, Some(Millis(7)))];
    let answer = Command::PagedIn { from: first, messages, more: false };
    assert_eq!(queue.apply(answer), [gone(3, true)]);
    assert_eq!(queue.machine.next_deadline(), Some(Millis(7)));
}

/// A handed-out message costs nothing more than a place in a map, a waiting one nothing at all.
#[test]
fn a_ttl_costs_no_room_for_messages_that_share_it() {
    let mut queue = with_ttl(1000);
    for _ in 0..100 {
        queue.publish(100);
    }
    assert!(queue.machine.expiries.ram_cost() < 100, "{}", queue.machine.expiries.ram_cost());
    queue.attach_all([automatic(1, 1)]);
    queue.deliver();
    assert_eq!(queue.machine.expiries.others().count(), 0);
    let detach = Command::Detach { consumer: ConsumerId(1), request: None };
    assert_eq!(queue.apply(detach), []);
}
