//! What can go on while there is no room for messages.

use super::plan::settled_by;
use crate::store::{Entry, Submission};

/// Takes out everything that needs no room to speak of: settles, deliveries, dropped queues, and
/// submissions whose messages are settled already. What stays are messages, in their order.
pub(super) fn take_facts(waiting: &mut Vec<Submission>) -> Vec<Submission> {
    let settled = settled_by(waiting);
    let is_settled = |entry: &Entry| match entry {
        Entry::Enqueue { queue, id, .. } => {
            settled.get(queue).is_some_and(|runs| runs.contains(*id))
        }
        Entry::Settle { .. } | Entry::Delivered { .. } | Entry::DropQueue { .. } => false,
    };
    let is_message = |entry: &Entry| matches!(entry, Entry::Enqueue { .. });
    let mut facts = Vec::new();
    for mut submission in std::mem::take(waiting) {
        let mut messages = submission.entries.iter().filter(|entry| is_message(entry));
        if messages.all(is_settled) {
            facts.push(submission);
        } else if submission.atomic {
            waiting.push(submission);
        } else {
            let entries = std::mem::take(&mut submission.entries);
            let (mut messages, other): (Vec<Entry>, Vec<Entry>) =
                entries.into_iter().partition(is_message);
            // A message that stays takes its settle along, so that it is cancelled and not written
            // when there is room.
            let settles: Vec<Entry> = messages
                .iter()
                .filter(|entry| is_settled(entry))
                .filter_map(|entry| match entry {
                    Entry::Enqueue { queue, id, .. } => {
                        Some(Entry::Settle { queue: *queue, runs: vec![(*id, *id)] })
                    }
                    Entry::Settle { .. } | Entry::Delivered { .. } | Entry::DropQueue { .. } => {
                        None
                    }
                })
                .collect();
            messages.extend(settles);
            if !other.is_empty() {
                let durable = submission.durable;
                facts.push(Submission { entries: other, durable, atomic: false, done: None });
            }
            submission.entries = messages;
            waiting.push(submission);
        }
    }
    // Settles that were taken along before come back as facts every time; they are not progress.
    facts
}
