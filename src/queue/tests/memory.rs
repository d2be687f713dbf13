//! What a backlog costs in RAM, counted in the room that the lists of the machine have.

use crate::base::MessageId;
use crate::queue::{Command, Effect, Effects, Incoming, Machine, Paging, QueueConfig, Span};

use super::fixture::NOW;

/// A handle as large as a message in RAM or its place in the log may need.
type Handle = [u64; 2];

fn config() -> QueueConfig {
    QueueConfig { paging: Some(Paging::default()), ..QueueConfig::default() }
}

/// Fills a queue; gives what went away.
fn fill(machine: &mut Machine<Handle>, messages: u64) -> u64 {
    let mut effects = Effects::new();
    let mut away = 0;
    for batch in 0..messages / 1000 {
        let message = |at| Incoming {
            payload: [batch, at],
            bytes: 100,
            persistent: true,
            publish: None,
            ttl: None,
            priority: 0,
            due: None,
        };
        machine.apply(NOW, Command::Enqueue((0..1000).map(message).collect()), &mut effects);
        for effect in effects.drain() {
            let Effect::PageOut { messages } = effect else { panic!("{effect:?}") };
            away += messages.len() as u64;
        }
    }
    away
}

#[test]
fn a_backlog_costs_the_same_however_long_it_is() {
    let mut costs = Vec::new();
    for messages in [10_000, 1_000_000] {
        let mut machine = Machine::new(config());
        let away = fill(&mut machine, messages);
        assert_eq!(machine.ready(), messages);
        assert!(messages - away < 5 * 1024, "{away} of {messages} are away");
        assert_eq!(machine.ram_bytes(), (messages - away) * 100);
        costs.push(machine.ready.ram_cost());
    }
    assert!(costs[1] <= costs[0], "{costs:?}");
    assert!(costs[1] < 512 * 1024, "{costs:?}");
}

#[test]
fn ten_million_messages_after_a_restart_cost_nothing_before_they_are_asked_for() {
    let messages = 10_000_000;
    let span = Span {
        first: MessageId(1),
        last: MessageId(messages),
        messages,
        bytes: 100 * messages,
        appended: messages,
    };
    let mut machine = Machine::<Handle>::recover(config(), MessageId(messages + 1), Some(span));
    assert_eq!((machine.ready(), machine.ram_bytes()), (messages, 0));
    assert!(machine.ready.ram_cost() + size_of_val(&machine) < 1536);
    let away = fill(&mut machine, 100_000);
    assert!(away > 90_000);
    assert!(machine.ready.ram_cost() < 512 * 1024, "{}", machine.ready.ram_cost());
}
