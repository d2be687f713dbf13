//! What may become of each message, and whether what was seen may be.
//!
//! A publish is confirmed, refused, or nobody knows (the connection or the machine went before the answer). A *copy* is a
//! message in one queue. The oracle says of each copy whether it must be there, may be there, or is gone for good.

mod commits;
mod copy;
mod losses;
mod receiving;

use std::collections::{BTreeMap, BTreeSet};

use super::client::{Held, Outcome, Receiver};
use super::frames::Stamp;
use super::queues::{QUEUES, Route, source_of};
use super::watched_log::{Fact, Seen};
use copy::{Copy, Kept};
pub(super) use losses::Taking;
use losses::Window;

/// What the publisher heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// It waits in a transaction.
    Uncommitted,
    Unknown,
    Confirmed,
    /// By the broker, or by its own rollback.
    Refused,
}

/// A channel of a connection, and a priority: what is published there keeps its order.
pub(super) type Line = (u64, u16, u8);

struct Message {
    body: Vec<u8>,
    stamp: Stamp,
    publisher: (u64, u16),
    answer: Answer,
    answered_at: Option<u64>,
    /// The commit that it was published by.
    commit: Option<u64>,
    queues: Vec<usize>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Oracle {
    messages: Vec<Message>,
    copies: BTreeMap<(u64, usize), Copy>,
    /// Names of copies in the log: number of the queue and id there.
    names: BTreeMap<(u64, u64), (u64, usize)>,
    /// The youngest message of a line that somebody was given for the first time.
    youngest: BTreeMap<(Receiver, Line), u64>,
    /// The consumer that was given a message last, of the queue with a single active one.
    active: Option<(u64, u64)>,
    /// Consumers that were cancelled.
    left: BTreeSet<(u64, u64)>,
    windows: Vec<Window>,
    /// Connections that are open.
    open: BTreeSet<u64>,
    on_disk: u64,
    moment: u64,
    commits: u64,
    crashes: usize,
}

/// The number that a body begins with.
pub(super) fn number_of(body: &[u8]) -> Option<u64> {
    body.first_chunk().map(|first| u64::from_be_bytes(*first))
}

impl Oracle {
    /// A new message, and its body: its number, then bytes that no other has at that place. With `answer` it is
    /// uncommitted, or nobody knows.
    pub(super) fn publish(
        &mut self,
        publisher: (u64, u16),
        route: &Route,
        stamp: Stamp,
        answer: Answer,
        body_bytes: usize,
    ) -> (u64, Vec<u8>) {
        let number = self.messages.len() as u64;
        let mut body = number.to_be_bytes().to_vec();
        body.extend((0..body_bytes as u64).map(|at| ((number * 31 + at) % 251) as u8 | 1));
        let (answered_at, commit, queues) = (None, None, route.queues.clone());
        for queue in &queues {
            for place in [Some(*queue), QUEUES[*queue].letters].into_iter().flatten() {
                self.copies.insert((number, place), Copy::default());
            }
        }
        let text = body.clone();
        let message = Message { body: text, stamp, publisher, answer, answered_at, commit, queues };
        self.messages.push(message);
        (number, body)
    }

    pub(super) fn connected(&mut self, connection: u64) {
        self.open.insert(connection);
    }

    /// What it held is the queue's again; what it did not get an answer for, nobody knows.
    pub(super) fn disconnected(&mut self, connection: u64) {
        self.lose(Some(connection));
        self.open.remove(&connection);
        for copy in self.copies.values_mut() {
            copy.holder = copy.holder.filter(|(holder, _)| *holder != connection);
        }
    }

    /// Takes in what the log was told; `numbers` are those of the queues there.
    pub(super) fn read_along(&mut self, seen: &mut Seen, numbers: &BTreeMap<u64, usize>) {
        self.on_disk = seen.on_disk;
        for fact in std::mem::take(&mut seen.facts) {
            match fact {
                Fact::Enqueued { queue, id, message, at } => {
                    let Some(&place) = numbers.get(&queue) else { continue };
                    let name = (queue, id);
                    self.names.insert(name, (message, place));
                    if let Some(copy) = self.copies.get_mut(&(message, place)) {
                        copy.kept.push(Kept { name, enqueued: at, settled: None });
                    }
                }
                Fact::Settled { queue, first, last, at } => {
                    self.settled((queue, first), (queue, last), at);
                }
                // The definitions know before the log that the queue is gone, and they do not forget here.
                Fact::Dropped { queue } => self.settled((queue, 0), (queue, u64::MAX), 0),
            }
        }
    }

    fn settled(&mut self, first: (u64, u64), last: (u64, u64), at: u64) {
        for (name, copy) in self.names.range(first..=last) {
            let kept = self.copies.get_mut(copy).into_iter().flat_map(|copy| &mut copy.kept);
            for kept in kept.filter(|kept| kept.name == *name) {
                kept.settled = Some(kept.settled.map_or(at, |before| before.min(at)));
            }
        }
    }

    /// A publisher hears of its publish.
    pub(super) fn answered(&mut self, number: u64, answer: Answer) -> Result<(), String> {
        let moment = self.next_moment();
        let message = &mut self.messages[index(number)];
        message.answer = answer;
        message.answered_at = Some(moment);
        if answer != Answer::Confirmed || !message.stamp.persistent {
            return Ok(());
        }
        for queue in message.queues.iter().filter(|queue| QUEUES[**queue].durable) {
            let copy = &self.copies[&(number, *queue)];
            let left = copy.waived || copy.settled_by.is_some() || QUEUES[*queue].forgets;
            // A queue that is away takes nothing.
            let is_away = self.windows.iter().any(|window| window.deletes(*queue));
            if !copy.is_safe(self.on_disk) && !left && !is_away {
                let name = QUEUES[*queue].name;
                return Err(format!("message {number} was confirmed before {name} had it on disk"));
            }
        }
        Ok(())
    }

    /// A client settles something, and that is heard if its connection lives.
    pub(super) fn settles(&mut self, connection: u64, held: Held, outcome: Outcome) {
        let Some(copy) = self.copies.get_mut(&(held.message, held.queue)) else { return };
        copy.holder = None;
        copy.settled_by = Some(connection).filter(|_| outcome != Outcome::GiveBack);
        copy.waived |= match outcome {
            Outcome::Ack => true,
            Outcome::GiveBack => false,
            // A dead letter is owed still.
            Outcome::Reject => QUEUES[held.queue].letters.is_none(),
        };
    }

    /// The world stands still: whatever was sent on a connection that is open has been heard.
    pub(super) fn heard_everything(&mut self) {
        self.nothing_was_lost();
        for copy in self.copies.values_mut() {
            copy.gone |= copy.settled_by.is_some_and(|by| self.open.contains(&by));
        }
    }

    /// Messages published to a queue of which one copy must come to whoever takes everything out of it, and out of the
    /// queue of its dead letters.
    pub(super) fn must_come(&self, queue: usize) -> Vec<u64> {
        let letters = QUEUES[queue].letters;
        let is_waived =
            |number, place| self.copies.get(&(number, place)).is_none_or(|copy: &Copy| copy.waived);
        let published = self.copies.keys().filter(|(_, place)| *place == queue);
        let must = published.map(|(number, _)| *number).filter(|number| {
            source_of(queue).is_none()
                && !QUEUES[queue].forgets
                && self.messages[index(*number)].answer == Answer::Confirmed
                && !is_waived(*number, queue)
                && letters.is_none_or(|letters| !is_waived(*number, letters))
        });
        must.collect()
    }

    /// Whether it may come more than once.
    pub(super) fn repeats(&self, queue: usize, number: u64) -> bool {
        self.copies.get(&(number, queue)).is_some_and(|copy| copy.repeats)
    }

    /// Whose messages it keeps its order with.
    pub(super) fn line(&self, number: u64) -> Line {
        let Message { publisher: (connection, channel), stamp, .. } = self.messages[index(number)];
        (connection, channel, stamp.priority)
    }

    /// Everything that was there has come and was acked: nothing comes any more, whatever was unknown.
    pub(super) fn drained(&mut self) {
        for copy in self.copies.values_mut() {
            (copy.gone, copy.waived, copy.repeats) = (true, true, false);
        }
    }

    /// The machine went down.
    pub(super) fn crashed(&mut self) {
        self.lose(None);
        self.open.clear();
        self.crashes += 1;
        for ((number, queue), copy) in &mut self.copies {
            let persistent = self.messages[index(*number)].stamp.persistent;
            copy.crashed(self.on_disk, QUEUES[*queue].durable && persistent);
        }
        for (queue, letters) in
            QUEUES.iter().enumerate().filter_map(|(queue, kind)| Some((queue, kind.letters?)))
        {
            self.letters_crashed(queue, letters);
        }
    }

    /// What a queue still has although it was on its way sets out again.
    fn letters_crashed(&mut self, queue: usize, letters: usize) {
        let there = self.copies.iter().filter(|((_, place), copy)| *place == queue && !copy.gone);
        let there: Vec<u64> = there.map(|((number, _), _)| *number).collect();
        for number in there {
            if let Some(letter) = self.copies.get_mut(&(number, letters)) {
                letter.repeats |= !letter.kept.is_empty() || letter.delivered.is_some();
                letter.gone = false;
            }
        }
    }

    /// How many messages there were, and of those that were confirmed.
    pub(super) fn counts(&self) -> (usize, usize) {
        let confirmed = self.messages.iter().filter(|of| of.answer == Answer::Confirmed).count();
        (self.messages.len(), confirmed)
    }

    fn next_moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
