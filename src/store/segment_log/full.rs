//! What can go on while there is no room for messages.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::settled_by;
use super::runs::Runs;
use crate::base::MessageId;
use crate::store::{Entry, Mark, QueueNumber, Run, Submission};

/// Takes out everything that needs no room to speak of: settles, deliveries, dropped queues, and
/// submissions whose messages are settled already. What stays are messages, in their order.
///
/// A message that stays takes its settle along: the settle that is written now finds nothing to
/// settle, so the message must be cancelled when there is room, and not written (L4). It takes its
/// deliveries along for the same reason.
pub(super) fn take_facts(waiting: &mut Vec<Submission>) -> Vec<Submission> {
    let (mut facts, rest) = split_off_settled(std::mem::take(waiting));
    let settled = rest.settled;
    let delivered = delivered_by(&facts, &rest.submissions);
    for mut submission in rest.submissions {
        let settles: Vec<Entry> =
            submission.entries.iter().filter_map(|entry| settle_of(entry, &settled)).collect();
        let cancelled: BTreeSet<(QueueNumber, MessageId)> =
            settles.iter().filter_map(only_settled).collect();
        let is_needed =
            |entry: &Entry| only_settled(entry).is_none_or(|name| !cancelled.contains(&name));
        // Those that were taken along before are taken along again.
        submission.entries.retain(is_needed);
        let deliveries = deliveries_of(&submission, &delivered);
        if !submission.atomic {
            let own = messages_of(&submission);
            let entries = std::mem::take(&mut submission.entries);
            let stays = |entry: &Entry| is_message(entry) || is_delivery_of(entry, &own);
            let (messages, other): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(stays);
            if !other.is_empty() {
                let durable = submission.durable;
                facts.push(Submission { entries: other, durable, atomic: false, done: None });
            }
            submission.entries = messages;
        }
        submission.entries.extend(deliveries);
        submission.entries.extend(settles);
        waiting.push(submission);
    }
    facts
}

type Names = BTreeSet<(QueueNumber, MessageId)>;

type Delivered = BTreeMap<(QueueNumber, Mark), Vec<Run>>;

fn messages_of(submission: &Submission) -> Names {
    let name = |entry: &Entry| match entry {
        Entry::Enqueue { queue, id, .. } => Some((*queue, *id)),
        Entry::Settle { .. } | Entry::Delivered { .. } | Entry::DropQueue { .. } => None,
    };
    submission.entries.iter().filter_map(name).collect()
}

/// Whether this is about deliveries of these messages only, one by one: what was taken along stays.
fn is_delivery_of(entry: &Entry, messages: &Names) -> bool {
    match entry {
        Entry::Delivered { queue, runs, .. } => {
            runs.iter().all(|(first, last)| first == last && messages.contains(&(*queue, *first)))
        }
        Entry::Enqueue { .. } | Entry::Settle { .. } | Entry::DropQueue { .. } => false,
    }
}

/// The deliveries that are about to be written without waiting for messages.
fn delivered_by(facts: &[Submission], rest: &[Submission]) -> Delivered {
    let mut delivered = Delivered::new();
    let plain = rest.iter().filter(|submission| !submission.atomic);
    for submission in facts.iter().chain(plain) {
        let own = messages_of(submission);
        for entry in &submission.entries {
            if let Entry::Delivered { queue, mark, runs } = entry
                && !is_delivery_of(entry, &own)
            {
                delivered.entry((*queue, *mark)).or_default().extend(runs);
            }
        }
    }
    delivered
}

/// Those of them that are deliveries of messages of this submission.
fn deliveries_of(submission: &Submission, delivered: &Delivered) -> Vec<Entry> {
    let mut found = Vec::new();
    for (queue, id) in messages_of(submission) {
        for mark in [Mark::HandedOut, Mark::Failed] {
            let runs = delivered.get(&(queue, mark)).into_iter().flatten();
            let hits = runs.filter(|(first, last)| (*first..=*last).contains(&id)).count();
            if hits > 0 {
                found.push(Entry::Delivered { queue, mark, runs: vec![(id, id); hits] });
            }
        }
    }
    found
}

/// Submissions that hold messages, and everything that is settled without waiting for them.
struct Rest {
    submissions: Vec<Submission>,
    settled: BTreeMap<QueueNumber, Runs>,
}

/// Takes out the submissions whose messages are all settled. What an atomic submission settles counts
/// only when it is taken out itself: as long as it waits, it may never have been.
fn split_off_settled(waiting: Vec<Submission>) -> (Vec<Submission>, Rest) {
    let mut settled = settled_by(waiting.iter().filter(|submission| !submission.atomic));
    let mut out = Vec::new();
    let mut submissions = Vec::new();
    for submission in waiting {
        let mut messages = submission.entries.iter().filter(|entry| is_message(entry));
        if messages.all(|entry| settle_of(entry, &settled).is_some()) {
            for (queue, runs) in settled_by([&submission]) {
                let known = settled.entry(queue).or_default();
                known.extend(runs.as_slice());
                known.tidy();
            }
            out.push(submission);
        } else {
            submissions.push(submission);
        }
    }
    (out, Rest { submissions, settled })
}

fn is_message(entry: &Entry) -> bool {
    matches!(entry, Entry::Enqueue { .. })
}

/// The message of a settle of one.
fn only_settled(entry: &Entry) -> Option<(QueueNumber, MessageId)> {
    match entry {
        Entry::Settle { queue, runs } => match runs[..] {
            [(first, last)] if first == last => Some((*queue, first)),
            _ => None,
        },
        Entry::Enqueue { .. } | Entry::Delivered { .. } | Entry::DropQueue { .. } => None,
    }
}

/// The settle of a message that is settled already.
fn settle_of(entry: &Entry, settled: &BTreeMap<QueueNumber, Runs>) -> Option<Entry> {
    match entry {
        Entry::Enqueue { queue, id, .. } if settled.get(queue)?.contains(*id) => {
            Some(Entry::Settle { queue: *queue, runs: vec![(*id, *id)] })
        }
        Entry::Enqueue { .. }
        | Entry::Settle { .. }
        | Entry::Delivered { .. }
        | Entry::DropQueue { .. } => None,
    }
}
