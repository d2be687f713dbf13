//! A queue whose machine is broken.

use std::sync::Arc;

use super::logged::logged;
use super::world::{AUTOMATIC, Hand, World, queue};
use crate::base::{ChannelId, ConsumerId, ConsumerTag, FieldTable, Millis};
use crate::broker::executor::Called;
use crate::broker::{Answered, BrokerStorage, ChannelCredit, Envelope, Event, Inbox};
use crate::queue::{Access, Acknowledge, Command, Consumer, RequestId};
use crate::store::{MemoryLog, MemoryMetadata, MessageLog};

/// Breaks the machine: a prefetch of 0 is what a driver never hands in. `before` and `after` it comes
/// what else is in the same turn.
fn break_queue(hand: &mut Hand, name: &str) {
    let cell = hand.client.vhost().table().queue(name).cloned().expect("it is there");
    let acknowledge = Acknowledge::Manual { prefetch: 0, shared: false };
    let (id, holder) = (ConsumerId(77), hand.holder);
    let consumer =
        Consumer { id, holder, acknowledge, access: Access::Shared, priority: 0, timeout: None };
    cell.enqueue(Envelope::Attach {
        consumer,
        called: Called {
            channel: ChannelId(1),
            tag: ConsumerTag::try_from("broken").expect("short"),
            arguments: FieldTable::EMPTY,
        },
        request: RequestId(u64::MAX),
        connection: hand.client.peer().connection,
        inbox: Arc::new(Inbox::new()),
        credit: Arc::new(ChannelCredit::new()),
    });
    let (request, inbox) = (RequestId(u64::MAX - 1), Arc::clone(&hand.inbox));
    cell.enqueue(Envelope::Ask { command: Command::Inspect { request }, request, inbox });
    cell.drive(Millis(0));
    assert!(cell.is_crashed());
}

fn stored() -> (World, BrokerStorage, Arc<MemoryLog>) {
    let log = Arc::new(MemoryLog::with_held_tickets());
    let storage = BrokerStorage {
        metadata: Arc::new(MemoryMetadata::new()),
        log: Arc::clone(&log) as Arc<dyn MessageLog>,
    };
    (World::stored(storage.clone()), storage, log)
}

fn refused(events: &[Event]) -> Vec<u64> {
    let sequence = |event: &Event| match event {
        Event::Refuse { sequence, .. } => Some(sequence.0),
        _ => None,
    };
    events.iter().filter_map(sequence).collect()
}

#[test]
fn a_crashed_queue_refuses_messages_answers_questions_and_can_be_deleted() {
    let world = World::new();
    let mut hand = world.connect();
    hand.declare("q").expect("declared");
    break_queue(&mut hand, "q");
    let asked = hand.events();
    let answered = asked
        .iter()
        .any(|event| matches!(event, Event::Reply { request, .. } if request.0 == u64::MAX - 1));
    assert!(answered, "what came behind the command that broke it is answered: {asked:?}");
    let (events, lines) = logged(|| {
        for _ in 0..25 {
            hand.publish("q", b"x").expect("routed");
            hand.flush();
        }
        hand.events()
    });
    assert_eq!(refused(&events), (1..=25).collect::<Vec<_>>());
    let counts: Vec<_> = lines.iter().filter(|line| line.contains("refused_so_far")).collect();
    assert_eq!(counts.len(), 2, "with 1 and with 10: {lines:?}");
    assert!(counts[1].contains("refused_so_far=10") && counts[1].contains("queue=q"), "{counts:?}");
    let text = "NOT_FOUND - queue 'q' in vhost '/' has crashed and failed to restart";
    for passive in [true, false] {
        let declared = hand.declare_with("q", |declare| declare.passive = passive);
        assert_eq!(declared, Err(text.to_owned()));
    }
    assert_eq!(hand.consume("q", AUTOMATIC), Err(text.to_owned()));
    assert_eq!(hand.get("q"), Err(text.to_owned()));
    assert_eq!(hand.delete("q"), Ok(Answered::Messages(0)));
    hand.declare("q").expect("its name is free");
    hand.publish("q", b"x").expect("routed");
    hand.flush();
    assert!(refused(&hand.events()).is_empty());
}

/// I9.
#[test]
fn what_waits_for_the_disk_is_refused_and_the_queue_is_there_after_a_restart() {
    let (world, storage, log) = stored();
    let mut hand = world.connect();
    hand.declare_with("q", |declare| declare.durable = true).expect("declared");
    hand.publish_persistent("q", b"confirmed").expect("routed");
    hand.flush();
    log.flush();
    world.noted.run_all();
    hand.publish_persistent("q", b"waits").expect("routed");
    hand.flush();
    hand.events();
    break_queue(&mut hand, "q");
    assert_eq!(refused(&hand.events()), [2]);
    let passive = hand.declare_with("q", |declare| declare.passive = true);
    assert!(passive.is_err_and(|text| text.contains("has crashed")));
    log.flush();
    world.noted.run_all();
    std::mem::forget(hand);
    let mut hand = World::stored(storage).connect();
    let counted = hand.declare_with("q", |declare| declare.passive = true);
    let both = Answered::Declared { queue: queue("q"), messages: 2, consumers: 0 };
    assert_eq!(counted, Ok(both), "asking for it did not delete it");
}
