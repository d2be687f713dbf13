//! What must be in which queue, by what the clients were told: the judge of `killed`.
//!
//! A counter that everybody shares stands for time. A message that was published at `p` and confirmed
//! proves that everything which its queue did before `p` is on disk as well, because the log keeps the
//! order of one queue; the latest such `p` of a queue is its *seal*. So an ack that the broker had read
//! before the seal must never be undone. What a client had and what comes back all the same is marked
//! redelivered, whatever the broker still knew of it (I10).

use std::collections::{BTreeMap, BTreeSet};

use super::body::Name;
use super::client::Mode;

/// How the last life of the broker ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// SIGKILL.
    Killed,
    /// SIGTERM, and nothing else.
    Stopped,
}

/// A message in one queue.
#[derive(Clone, Debug)]
struct Copy {
    published: u64,
    mode: Mode,
    confirmed: bool,
    /// When a client had it first.
    handed_out: Option<u64>,
    acked: Option<Acked>,
    /// It was found after a start, and so handed out in every life since.
    audited: bool,
}

/// An ack that was sent.
#[derive(Clone, Copy, Debug)]
struct Acked {
    /// When the broker answered something that was asked after it.
    read_by: Option<u64>,
}

/// The messages of one `tx.commit`, by queue.
pub(super) type Commit = BTreeMap<usize, Vec<Name>>;

/// What a client saw or did to a message in a queue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    Delivered { at: u64, redelivered: bool },
    Acked { read_by: Option<u64> },
}

/// What a start gave back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) name: Name,
    pub(super) redelivered: bool,
}

/// How often what happened.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tally {
    pub(super) published: u64,
    pub(super) confirmed: u64,
    pub(super) acked: u64,
    pub(super) came_back_acked: u64,
    pub(super) commits: u64,
    pub(super) audited: u64,
}

/// See the module.
#[derive(Default)]
pub(super) struct Ledger {
    queues: Vec<BTreeMap<Name, Copy>>,
    /// Of the last life only.
    commits: Vec<Commit>,
    faults: Vec<String>,
    pub(super) tally: Tally,
}

impl Ledger {
    pub(super) fn new(queues: usize) -> Self {
        Self { queues: vec![BTreeMap::new(); queues], ..Self::default() }
    }

    /// Messages that should be in a queue.
    pub(super) fn waiting(&self, queue: usize) -> usize {
        self.queues[queue].len()
    }

    /// A message was sent on its way to a queue; for one in a transaction: was committed.
    pub(super) fn published(&mut self, queue: usize, name: Name, published: u64, mode: Mode) {
        let copy = Copy {
            published,
            mode,
            confirmed: false,
            handed_out: None,
            acked: None,
            audited: false,
        };
        self.tally.published += 1;
        let before = self.queues[queue].insert(name, copy);
        assert!(before.is_none(), "the harness uses a name twice: {name:?}");
    }

    /// The broker has confirmed it.
    pub(super) fn confirmed(&mut self, queue: usize, name: Name) {
        self.tally.confirmed += 1;
        if let Some(copy) = self.queues[queue].get_mut(&name) {
            copy.confirmed = true;
        }
    }

    /// A transaction whose commit was sent.
    pub(super) fn commit(&mut self, commit: Commit) {
        self.tally.commits += 1;
        self.commits.push(commit);
    }

    /// A mistake that somebody else has noticed.
    pub(super) fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// What the only consumer of a queue saw and did in one life of the broker, in order.
    pub(super) fn consumed(&mut self, queue: usize, events: &[(Name, Seen)]) {
        let mut here = BTreeSet::new();
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        for (name, seen) in events {
            let Some(copy) = self.queues[queue].get_mut(name) else {
                self.faults
                    .push(format!("queue {queue}: {name:?} was delivered, and is not in it"));
                continue;
            };
            match *seen {
                Seen::Acked { read_by } => {
                    copy.acked = Some(Acked { read_by });
                    self.tally.acked += 1;
                }
                Seen::Delivered { at, redelivered } => {
                    let again = !here.insert(*name);
                    if copy.acked.is_some() {
                        let fault = format!("queue {queue}: {name:?} was delivered after its ack");
                        self.faults.push(fault);
                    }
                    if !redelivered && (again || copy.audited) {
                        self.faults.push(format!("queue {queue}: {name:?} came again unmarked"));
                    }
                    let last = newest.entry(name.0).or_default();
                    if !redelivered && name.1 <= *last {
                        let fault = format!("queue {queue}: {name:?} came after number {last}");
                        self.faults.push(fault);
                    }
                    if !redelivered {
                        *last = name.1;
                    }
                    copy.handed_out.get_or_insert(at);
                }
            }
        }
    }

    /// Compares a queue after a start with what must be in it, and takes what was found for what is
    /// there from now on. Everything found counts as handed out at `now`.
    pub(super) fn audit(&mut self, queue: usize, found: &[Found], end: End, now: u64) {
        let seal = self.seal(queue);
        let mut present = BTreeMap::new();
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        for Found { name, redelivered } in found.iter().copied() {
            self.tally.audited += 1;
            let last = newest.entry(name.0).or_default();
            if name.1 <= *last {
                self.faults.push(format!("queue {queue}: {name:?} stands after number {last}"));
            }
            *last = name.1;
            match self.queues[queue].get(&name) {
                None => self.faults.push(format!(
                    "queue {queue}: {name:?} is there: never published to it, rolled back, or gone \
                     after an earlier start"
                )),
                Some(copy) => {
                    let acked = copy.acked.is_some();
                    self.tally.came_back_acked += u64::from(acked);
                    if let Some(wrong) = copy.wrong_return(redelivered, end, seal) {
                        self.faults.push(format!("queue {queue}: {name:?} {wrong}: {copy:?}"));
                    }
                }
            }
            if present.insert(name, redelivered).is_some() {
                self.faults.push(format!("queue {queue}: {name:?} is there twice"));
            }
        }
        self.check_missing(queue, &present);
        self.check_commits(queue, &present);
        self.queues[queue].retain(|name, _| present.contains_key(name));
        for copy in self.queues[queue].values_mut() {
            copy.confirmed = true;
            copy.acked = None;
            copy.handed_out.get_or_insert(now);
            copy.audited = true;
        }
    }

    /// All queues were audited; a new life begins.
    pub(super) fn next_life(&mut self) {
        self.commits.clear();
    }

    /// What was wrong until now.
    pub(super) fn faults(&self) -> &[String] {
        &self.faults
    }

    /// When everything that the queue had done by then is on disk. A message that was acked proves
    /// nothing: its ack may have come before its write, and taken its place.
    fn seal(&self, queue: usize) -> u64 {
        let proofs = self.queues[queue].values().filter(|copy| copy.must_stay());
        proofs.map(|copy| copy.published).max().unwrap_or(0)
    }

    fn check_missing(&mut self, queue: usize, present: &BTreeMap<Name, bool>) {
        let missing: Vec<Name> = self.queues[queue]
            .iter()
            .filter(|(name, copy)| copy.must_stay() && !present.contains_key(name))
            .map(|(name, _)| *name)
            .collect();
        if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
            self.faults.push(format!(
                "queue {queue}: {} confirmed messages are lost, {first:?} to {last:?}",
                missing.len()
            ));
        }
    }

    fn check_commits(&mut self, queue: usize, present: &BTreeMap<Name, bool>) {
        for names in self.commits.iter().filter_map(|commit| commit.get(&queue)) {
            let there = names.iter().filter(|name| present.contains_key(name)).count();
            let is_acked = |name: &&Name| {
                self.queues[queue].get(name).is_some_and(|copy| copy.acked.is_some())
            };
            let acked =
                names.iter().filter(|name| !present.contains_key(name)).filter(is_acked).count();
            if there > 0 && there + acked < names.len() {
                self.faults.push(format!(
                    "queue {queue}: {there} of the {} messages of a commit are there: {names:?}",
                    names.len()
                ));
            }
        }
    }
}

impl Copy {
    /// It was confirmed, and nobody took it.
    fn must_stay(&self) -> bool {
        self.confirmed && self.acked.is_none() && self.mode == Mode::Persistent
    }

    /// Why it must not be there after a start, or not like this.
    fn wrong_return(&self, redelivered: bool, end: End, seal: u64) -> Option<&'static str> {
        if self.mode == Mode::Transient {
            return Some("is transient and came back");
        }
        let read_by = self.acked.and_then(|acked| acked.read_by);
        if read_by.is_some_and(|at| at < seal || end == End::Stopped) {
            return Some("came back, and its ack was on disk");
        }
        // Whatever became of the facts: somebody had it, so it is marked (I10).
        if (self.handed_out.is_some() || self.acked.is_some()) && !redelivered {
            return Some("had been handed out and came back unmarked");
        }
        None
    }
}
