//! Q10: a long backlog leaves RAM and comes back, and nobody sees it.

use crate::base::MessageId;
use crate::queue::{
    Burst, Command, DeleteCondition, Effect, LogMode, Machine, Paged, Paging, Progress,
    QueueConfig, Reply, RequestId, Residence, Span,
};

use super::fixture::*;

const PAGING: Paging = Paging { window: 4, window_bytes: u64::MAX, piece: 3 };

fn volatile() -> Queue {
    Queue::new(QueueConfig { paging: Some(PAGING), ..QueueConfig::default() })
}

fn logged() -> Queue {
    let paging = Some(PAGING);
    Queue::new(QueueConfig { log: LogMode::Logged, paging, ..QueueConfig::default() })
}

/// A queue of 10-byte messages that are all away, after a restart.
fn recovered(ids: &[u64], next: u64) -> Queue {
    let (first, last) = (MessageId(ids[0]), MessageId(ids[ids.len() - 1]));
    let messages = ids.len() as u64;
    let span = Span { first, last, messages, bytes: 10 * messages, appended: messages };
    let mut queue = volatile();
    queue.machine = Machine::recover(
        QueueConfig { log: LogMode::Logged, paging: Some(PAGING), ..QueueConfig::default() },
        MessageId(next),
        Some(span),
    );
    queue.machine.check_invariants();
    queue
}

fn paged(ids: impl IntoIterator<Item = u64>, acquired_count: u16) -> Vec<Paged<u64>> {
    let message = |id| {
        let (id, payload, residence) = (MessageId(id), id, Residence::Ram);
        Paged {
            id,
            payload,
            bytes: 10,
            acquired_count,
            delivery_count: 0,
            appended: true,
            residence,
            damaged: false,
            expires: None,
            priority: 0,
            due: None,
        }
    };
    ids.into_iter().map(message).collect()
}

/// The ids of the pieces that go away.
fn pieces(effects: &[Effect<u64>]) -> Vec<Vec<u64>> {
    let piece = |effect: &Effect<u64>| match effect {
        Effect::PageOut { messages } => Some(messages.iter().map(|m| m.id.0).collect()),
        _ => None,
    };
    effects.iter().filter_map(piece).collect()
}

/// The question among the effects.
fn question(effects: &[Effect<u64>]) -> Option<(u64, u32)> {
    effects.iter().find_map(|effect| match effect {
        Effect::PageIn { from, count, .. } => Some((from.0, *count)),
        _ => None,
    })
}

fn enqueue(queue: &mut Queue, count: u64, persistent: bool) -> Vec<Effect<u64>> {
    let messages = (0..count).map(|_| queue.message(persistent, None)).collect();
    queue.apply(Command::Enqueue(messages))
}

fn answer(queue: &mut Queue, ids: impl IntoIterator<Item = u64>) -> Vec<Effect<u64>> {
    let messages = paged(ids, 0);
    let from = messages[0].id;
    queue.apply(Command::PagedIn { from, messages, more: true })
}

#[test]
fn a_list_goes_away_in_pieces_between_a_head_and_a_tail() {
    let mut queue = volatile();
    assert_eq!(enqueue(&mut queue, 10, false), [], "a window at each end and less than a piece");
    assert_eq!(pieces(&enqueue(&mut queue, 1, false)), [[5, 6, 7]]);
    assert_eq!(pieces(&enqueue(&mut queue, 2, false)), Vec::<Vec<u64>>::new());
    assert_eq!(pieces(&enqueue(&mut queue, 7, false)), [[8, 9, 10], [11, 12, 13], [14, 15, 16]]);
    assert_eq!(queue.machine.ready(), 20);
    assert_eq!((queue.machine.ready_bytes(), queue.machine.ram_bytes()), (200, 80));
}

#[test]
fn nothing_goes_away_that_the_disk_does_not_have() {
    let mut queue = logged();
    assert!(pieces(&enqueue(&mut queue, 14, true)).is_empty());
    assert!(pieces(&queue.persisted(6)).is_empty(), "a piece ends with 7");
    assert_eq!(pieces(&queue.persisted(7)), [[5, 6, 7]]);
    assert!(pieces(&enqueue(&mut queue, 3, false)).is_empty(), "8 to 14 are not on disk");
    assert_eq!(pieces(&queue.persisted(14)), [[8, 9, 10], [11, 12, 13]]);
    assert_eq!(
        pieces(&enqueue(&mut queue, 3, false)),
        [[14, 15, 16]],
        "transient ones wait for none"
    );
}

#[test]
fn more_of_the_head_is_asked_for_when_half_of_it_is_used_up_and_once() {
    let mut queue = volatile();
    enqueue(&mut queue, 20, false);
    let mut take = |count| {
        let mut asked = Vec::new();
        (0..count).for_each(|_| asked.extend(question(&queue.get(None))));
        asked
    };
    assert_eq!(take(1), []);
    assert_eq!(take(1), [(5, 2)]);
    assert_eq!(take(2), []);
    assert_eq!(answer(&mut queue, 5..=6), []);
    let effects = queue.get(None);
    assert_eq!(got(&effects), Some((5, false, 15)));
    assert_eq!(question(&effects), Some((7, 3)), "as much as fills the window");
}

#[test]
fn nobody_is_asked_for_the_head_while_nobody_takes_from_it() {
    let mut queue = recovered(&[1, 2, 3], 4);
    assert_eq!(queue.deliver_burst(ALL), (vec![], Progress::Idle));
    queue.attach_all([manual(1, 1, 1)]);
    let (effects, progress) = queue.deliver_burst(ALL);
    assert_eq!((question(&effects), progress), (Some((1, 3)), Progress::Idle));
    assert_eq!(queue.deliver_burst(ALL), (vec![], Progress::Idle), "once");
}

/// Q2.
#[test]
fn what_is_away_is_never_overtaken() {
    let mut queue = volatile();
    queue.attach_all([manual(1, 1, 99)]);
    enqueue(&mut queue, 20, false);
    let (effects, progress) = queue.deliver_burst(ALL);
    let handed_out: Vec<_> = deliveries(&effects).iter().map(|(_, id, _)| *id).collect();
    assert_eq!((handed_out, progress), (vec![1, 2, 3, 4], Progress::Idle));
    assert_eq!(question(&effects), Some((5, 4)));
    queue.settle(1, REQUEUE, &[(2, 3)]);
    let (effects, _) = queue.deliver_burst(ALL);
    assert_eq!(deliveries(&effects), [(1, 2, true), (1, 3, true)], "returned ones are older");
    answer(&mut queue, 5..=8);
    let (effects, progress) = queue.deliver_burst(Burst { messages: 3, bytes: u64::MAX });
    assert_eq!(deliveries(&effects), [(1, 5, false), (1, 6, false), (1, 7, false)]);
    assert_eq!((question(&effects), progress), (Some((9, 3)), Progress::More));
}

#[test]
fn a_get_whose_message_is_away_is_answered_when_it_comes_and_in_order() {
    let mut queue = recovered(&[3, 5, 6], 9);
    assert_eq!(
        queue.get(Some(1)),
        [Effect::PageIn { from: MessageId(3), count: 3, up_to: MessageId(6) }]
    );
    assert_eq!(queue.get(None), []);
    let inspect = Command::Inspect { request: RequestId(1) };
    assert_eq!(queue.apply(inspect), [], "it came later, so it waits");
    let effects = answer(&mut queue, [3, 5, 6]);
    assert_eq!(got(&effects[..1]), Some((3, false, 2)));
    assert_eq!(got(&effects[1..2]), Some((5, false, 1)));
    assert_eq!(effects[2..], [gone(5, true), reply(1, Reply::Counts { ready: 1, consumers: 0 })]);
    assert_eq!(queue.counts(), (1, 1));
}

#[test]
fn a_holder_that_is_gone_before_its_get_is_answered_gives_the_message_back() {
    let mut queue = recovered(&[3, 4], 9);
    queue.get(Some(1));
    assert_eq!(queue.release(1), []);
    let effects = answer(&mut queue, [3, 4]);
    assert_eq!(got(&effects), Some((3, false, 1)));
    assert_eq!(queue.counts(), (2, 0));
    assert_eq!(got(&queue.get(None)), Some((3, true, 1)));
}

#[test]
fn a_purge_releases_what_is_away_in_one_span_and_forgets_the_question() {
    let mut queue = volatile();
    enqueue(&mut queue, 20, false);
    for _ in 0..2 {
        queue.get(None);
    }
    let effects = queue.apply(Command::Purge { request: RequestId(1) });
    assert_eq!(effects, [gone_run(3, 20, 0), reply(1, Reply::Purged { messages: 18 })]);
    assert_eq!((queue.machine.ready_bytes(), queue.machine.ram_bytes()), (0, 0));
    assert_eq!(answer(&mut queue, 5..=6), [], "an answer that comes too late");
    assert_eq!(pieces(&enqueue(&mut queue, 11, false)), [[25, 26, 27]]);
    assert_eq!(answer(&mut queue, 5..=6), [], "nobody asked for it this time");
    assert_eq!(queue.machine.ready(), 11);
}

#[test]
fn a_deleted_queue_has_nothing_away() {
    let mut queue = recovered(&[2, 4, 7], 9);
    let span =
        Span { first: MessageId(2), last: MessageId(7), messages: 3, bytes: 30, appended: 3 };
    let if_empty = DeleteCondition { if_empty: true, if_unused: false };
    assert_eq!(queue.delete(if_empty), [reply(5, Reply::NotEmpty)]);
    let effects = queue.delete(DeleteCondition::default());
    let deleted = reply(5, Reply::Deleted { messages: 3 });
    assert_eq!(effects, [Effect::Release(span), deleted, Effect::Deleted]);
    assert_eq!(answer(&mut queue, [2, 4, 7]), []);
}

#[test]
fn a_recovered_queue_goes_on_where_it_was() {
    let mut queue = recovered(&[2, 4, 7], 9);
    assert_eq!(queue.counts(), (3, 0));
    assert_eq!((queue.machine.ready_bytes(), queue.machine.ram_bytes()), (30, 0));
    queue.attach_all([manual(1, 1, 9)]);
    queue.deliver_burst(ALL);
    let message = queue.message(true, None);
    let effects = queue.apply(Command::Enqueue(vec![message]));
    assert_eq!(effects, [Effect::Append { id: MessageId(9), payload: 1 }]);
    let mut messages = paged([2, 4, 7], 0);
    messages[0].acquired_count = 1;
    for message in &mut messages[1..] {
        message.residence = Residence::Disk;
    }
    queue.apply(Command::PagedIn { from: MessageId(2), messages, more: false });
    assert_eq!(queue.machine.ram_bytes(), 20, "one of the old ones, and the new one");
    queue.machine.exchange(MessageId(9), MessageId(9), |_, payload| {
        *payload = 9;
        Residence::Ram
    });
    let expected = [(1, 2, true), (1, 4, false), (1, 7, false), (1, 9, false)];
    assert_eq!(queue.deliver(), expected);
    let taken = queue.settle(1, REQUEUE, &[(0, u64::MAX)]);
    assert_eq!((taken, queue.counts()), (vec![], (4, 0)));
}

/// Q10.
#[test]
fn a_page_that_lacks_messages_costs_those_and_the_sums_are_right() {
    let mut queue = recovered(&[1, 2, 3, 4], 5);
    assert_eq!(
        queue.get(Some(1)),
        [Effect::PageIn { from: MessageId(1), count: 4, up_to: MessageId(4) }]
    );
    let messages = paged([1, 3], 0);
    let effects = queue.apply(Command::PagedIn { from: MessageId(1), messages, more: false });
    assert_eq!(effects[0], Effect::Lost { messages: 2 });
    assert_eq!(got(&effects[1..]), Some((1, false, 1)));
    assert_eq!((queue.counts(), queue.machine.ready_bytes()), ((1, 1), 10));
    assert_eq!(got(&queue.get(None)), Some((3, false, 0)));
    assert_eq!((queue.machine.ready_bytes(), queue.machine.ram_bytes()), (0, 10), "1 is held");
}

/// Q10.
#[test]
fn an_index_with_nothing_in_it_ends_the_wait() {
    let mut queue = recovered(&[1, 2, 3], 4);
    queue.get(None);
    let effects =
        queue.apply(Command::PagedIn { from: MessageId(1), messages: vec![], more: false });
    assert_eq!(effects[0], Effect::Lost { messages: 3 });
    assert_eq!(effects[1], reply(9, Reply::Got { delivery: None, ready: 0 }));
    assert_eq!((queue.counts(), queue.machine.ready_bytes()), ((0, 0), 0));
}

/// Q10.
#[test]
fn a_damaged_message_of_a_page_is_released_and_the_others_come() {
    let mut queue = recovered(&[1, 2, 3], 4);
    queue.get(None);
    let mut messages = paged([1, 2, 3], 0);
    messages[0].damaged = true;
    messages[2].bytes = 9;
    let effects = queue.apply(Command::PagedIn { from: MessageId(1), messages, more: true });
    assert_eq!(effects[0], gone(1, true));
    assert_eq!(got(&effects[1..2]), Some((2, false, 1)));
    assert_eq!((queue.machine.ready_bytes(), queue.machine.ram_bytes()), (9, 9));
}

/// Q10.
#[test]
fn an_answer_out_of_order_or_of_the_tail_is_passed_over() {
    let mut queue = recovered(&[1, 2, 3], 4);
    queue.get(None);
    let messages = paged([1, 3, 2, 4], 0);
    let effects = queue.apply(Command::PagedIn { from: MessageId(1), messages, more: true });
    assert_eq!(effects[0], Effect::Lost { messages: 1 });
    assert_eq!(got(&effects[1..2]), Some((1, false, 1)));
    assert_eq!(got(&queue.get(None)), Some((3, false, 0)));
}

/// Q10.
#[test]
fn more_than_was_known_comes_back_as_well() {
    let mut queue = recovered(&[1, 9], 10);
    assert_eq!(question(&queue.get(None)), Some((1, 2)));
    let messages = paged([1, 4], 0);
    let effects = queue.apply(Command::PagedIn { from: MessageId(1), messages, more: true });
    assert_eq!((got(&effects), question(&effects)), (Some((1, false, 2)), Some((5, 1))));
    assert_eq!(got(&queue.get(None)), Some((4, false, 1)));
    let messages = paged([6], 0);
    queue.apply(Command::PagedIn { from: MessageId(5), messages, more: true });
    let effects = queue.get(None);
    assert_eq!((got(&effects), question(&effects)), (Some((6, false, 1)), Some((7, 1))));
    let messages = paged([9], 0);
    let effects = queue.apply(Command::PagedIn { from: MessageId(7), messages, more: false });
    assert_eq!(effects, [], "nothing is lost");
    assert_eq!(got(&queue.get(None)), Some((9, false, 0)));
    assert_eq!((queue.counts(), queue.machine.ready_bytes()), ((0, 0), 0));
}

/// Q10: what goes away between a question and its answer is not in the answer, and not lost.
#[test]
fn what_went_away_after_the_question_is_not_missed_in_the_answer() {
    let mut queue = recovered(&[1, 2], 3);
    queue.attach_all([manual(1, 1, 99)]);
    assert_eq!(question(&queue.deliver_burst(ALL).0), Some((1, 2)));
    assert_eq!(pieces(&enqueue(&mut queue, 7, false)), [[3, 4, 5]]);
    let messages = vec![];
    let effects = queue.apply(Command::PagedIn { from: MessageId(1), messages, more: false });
    assert_eq!(effects, [Effect::Lost { messages: 2 }]);
    assert_eq!(queue.counts(), (7, 0));
    assert_eq!(question(&queue.deliver_burst(ALL).0), Some((3, 3)));
}

#[test]
fn no_more_is_asked_for_while_the_head_has_its_bytes() {
    let config = QueueConfig {
        paging: Some(Paging { window: 4, window_bytes: 25, piece: 3 }),
        ..QueueConfig::default()
    };
    let mut queue = Queue::new(config);
    enqueue(&mut queue, 20, false);
    assert_eq!(question(&queue.get(None)), None, "3 of 4 are there");
    assert_eq!(question(&queue.get(None)), None, "20 bytes are more than half of 25");
    assert_eq!(question(&queue.get(None)), Some((5, 3)));
    let messages = paged([5], 0);
    queue.apply(Command::PagedIn { from: MessageId(5), messages, more: true });
    assert_eq!(question(&queue.get(None)), Some((6, 3)), "one came, and it goes on behind it");
}
