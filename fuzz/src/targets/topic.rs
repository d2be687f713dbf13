//! Topic exchanges: the trie against a matcher that fills in a table of words.

use std::collections::BTreeSet;

use haremq::base::{ExchangeName, FieldTable, QueueName, ShortStr};
use haremq::routing::{Binding, Destination, Exchange, ExchangeKind, Routed, Table};

use super::super::harness::Script;

/// Queues of the table.
const QUEUES: usize = 4;

/// The input chooses bindings that are made and taken away, and keys that are routed.
pub(super) fn run(input: &[u8]) {
    let mut script = Script::new(input);
    let exchange = ExchangeName::try_from("topic").expect("short");
    let mut table = Table::new();
    table
        .declare_exchange(Exchange::new(exchange.clone(), ExchangeKind::Topic))
        .expect("it is new");
    for queue in 0..QUEUES {
        table.add_queue(queue_name(queue), queue);
    }
    let mut bound: BTreeSet<(usize, Vec<u8>)> = BTreeSet::new();
    let mut routed = Routed::new();
    for _ in 0..64 {
        if script.is_empty() {
            break;
        }
        let (what, queue) = (script.below(4), script.below(QUEUES));
        let text = text(&mut script);
        let binding = Binding {
            source: exchange.clone(),
            destination: Destination::Queue(queue_name(queue)),
            routing_key: ShortStr::copy_from(&text).expect("short"),
            arguments: FieldTable::EMPTY,
        };
        match what {
            0 | 1 => {
                table.bind(binding).expect("both ends are there");
                bound.insert((queue, text));
            }
            2 => {
                let gone = table.unbind(&binding).expect("a binding that is not there is no error");
                assert_eq!(gone.bindings.len(), usize::from(bound.remove(&(queue, text))));
            }
            _ => {
                let mut headers = || FieldTable::EMPTY;
                table.route("topic", &text, &mut headers, &mut routed).expect("it is there");
                let found: BTreeSet<usize> = routed.queues().iter().copied().collect();
                assert_eq!(found.len(), routed.queues().len(), "each queue once");
                let matching = bound.iter().filter(|(_, pattern)| matches(pattern, &text));
                let expected: BTreeSet<usize> = matching.map(|(queue, _)| *queue).collect();
                assert_eq!(found, expected, "{:?} among {bound:?}", String::from_utf8_lossy(&text));
            }
        }
        assert_eq!(table.bindings_from("topic").count(), bound.len());
    }
}

fn queue_name(number: usize) -> QueueName {
    QueueName::try_from(format!("q{number}").as_str()).expect("short")
}

/// A few words of few kinds, so that they meet; some with bytes of the input.
fn text(script: &mut Script<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..script.below(9) {
        let word: &[u8] = match script.below(12) {
            0..=2 => b"#.",
            3 | 4 => b"*.",
            5 | 6 => b"a.",
            7 => b"b.",
            8 => b".",
            9 => b"a",
            10 => b"#",
            _ => script.take(3),
        };
        text.extend_from_slice(word);
    }
    if script.flag() && text.ends_with(b".") {
        text.pop();
    }
    text
}

/// `reached[i]`: the pattern up to here matches the first `i` words of the key.
fn matches(pattern: &[u8], key: &[u8]) -> bool {
    let key = words(key);
    let mut reached = vec![false; key.len() + 1];
    reached[0] = true;
    for word in words(pattern) {
        let mut next = vec![false; key.len() + 1];
        for at in 0..=key.len() {
            next[at] = match word {
                b"#" => reached[at] || (at > 0 && next[at - 1]),
                b"*" => at > 0 && reached[at - 1],
                word => at > 0 && reached[at - 1] && key[at - 1] == word,
            };
        }
        reached = next;
    }
    reached[key.len()]
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    if text.is_empty() { Vec::new() } else { text.split(|byte| *byte == b'.').collect() }
}
