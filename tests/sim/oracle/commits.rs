//! Transactions: what becomes of publishes that wait for a commit, and whether a crash left a commit whole.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Oracle, index};
use crate::sim::queues::{QUEUES, gets_letters};

impl Oracle {
    /// A commit of these was sent: nobody knows of them until it is answered.
    pub(in crate::sim) fn committing(&mut self, publishes: &[u64]) {
        self.commits += 1;
        for number in publishes {
            let message = &mut self.messages[index(*number)];
            (message.answer, message.commit) = (Answer::Unknown, Some(self.commits));
        }
    }

    /// A rollback of these was sent: they never come.
    pub(in crate::sim) fn rolled_back(&mut self, publishes: &[u64]) {
        for number in publishes {
            self.messages[index(*number)].answer = Answer::Refused;
        }
    }

    /// What one commit gave one queue is there altogether or not at all, also after a crash: of `came`, which is
    /// everything that was in the queue.
    pub(in crate::sim) fn check_commits(
        &self,
        queue: usize,
        came: &BTreeSet<(usize, u64)>,
    ) -> Result<(), String> {
        let kind = &QUEUES[queue];
        if !kind.durable || kind.forgets || kind.letters.is_some() || gets_letters(queue) {
            return Ok(());
        }
        let mut parts: BTreeMap<u64, (Vec<u64>, Vec<u64>)> = BTreeMap::new();
        for ((number, _), copy) in self.copies.iter().filter(|((_, place), _)| *place == queue) {
            let message = &self.messages[index(*number)];
            let Some(commit) = message.commit.filter(|_| message.stamp.persistent) else {
                continue;
            };
            let (there, missing) = parts.entry(commit).or_default();
            // What was seen since the last crash was there after it.
            if came.contains(&(queue, *number)) || copy.delivered == Some(self.crashes) {
                there.push(*number);
            } else if !copy.waived && !copy.gone {
                missing.push(*number);
            }
        }
        let torn = parts.values().find(|(there, missing)| !there.is_empty() && !missing.is_empty());
        torn.map_or(Ok(()), |(there, missing)| {
            let name = kind.name;
            Err(format!("of one commit {there:?} came to {name} and {missing:?} did not"))
        })
    }
}
