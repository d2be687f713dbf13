//! Several queues at a time, each on a thread of its own, and somebody who watches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::args::Options;
use super::claim::{Counts, side_name};
use super::error::{MigrateError, Side};
use super::link::Link;
use super::mover::{Ending, Mover, Target, Way};
use super::state::{Known, QueueKey, Standing, State, StateFile};
use super::survey::{Candidate, may_refuse};
use crate::base::Stopwatch;
use crate::ctl::Progress;
use crate::perf::{Interrupt, Uri};

/// What came of a queue, for the report.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Outcome {
    /// What should be at the target and what is, when nobody else uses its queue there.
    pub(super) target: Option<(i64, u64)>,
    /// Ready at the source.
    pub(super) ready: u64,
    /// Its claim is still there, because somebody may hold messages at the source that it names.
    pub(super) has_claim: bool,
    /// What went wrong, or what somebody should know.
    pub(super) problem: Option<String>,
}

/// Where both sides are.
pub(super) struct Places {
    pub(super) source: Uri,
    pub(super) target: Uri,
}

/// What the threads share.
pub(super) struct Board<'a> {
    inner: Mutex<Inner>,
    /// Held while the state file is written: it has one temporary name.
    writing: Mutex<()>,
    file: &'a StateFile,
    options: &'a Options,
    places: &'a Places,
    interrupt: &'a Interrupt,
    targets: BTreeMap<QueueKey, Target>,
}

struct Inner {
    state: State,
    waiting: VecDeque<Candidate>,
    outcomes: BTreeMap<QueueKey, Outcome>,
    /// Still at the source, by the last look.
    ready: BTreeMap<QueueKey, u64>,
    /// Of this run.
    moved: u64,
    queues_done: usize,
    /// Why nobody goes on.
    failure: Option<MigrateError>,
}

/// What is left when all threads have ended.
pub(super) struct Moved {
    pub(super) state: State,
    pub(super) outcomes: BTreeMap<QueueKey, Outcome>,
    pub(super) failure: Option<MigrateError>,
    /// Queues that nobody came to.
    pub(super) untouched: usize,
}

/// What the target says of the queues that are moved.
pub(super) fn targets(
    candidates: &[Candidate],
    queues: &BTreeMap<QueueKey, Value>,
    exchanges: &BTreeSet<QueueKey>,
) -> BTreeMap<QueueKey, Target> {
    let of = |candidate: &Candidate| {
        let key = (candidate.vhost.clone(), candidate.name.clone());
        let side = (candidate.vhost.clone(), side_name(&candidate.name));
        let target = Target {
            may_refuse: queues.get(&key).is_some_and(may_refuse),
            has_claim: queues.contains_key(&side),
            is_same_run: exchanges.contains(&side),
        };
        (key, target)
    };
    candidates.iter().map(of).collect()
}

impl<'a> Board<'a> {
    pub(super) fn new(
        (state, file): (State, &'a StateFile),
        candidates: Vec<Candidate>,
        targets: BTreeMap<QueueKey, Target>,
        (options, places, interrupt): (&'a Options, &'a Places, &'a Interrupt),
    ) -> Self {
        let ready = candidates.iter().map(|one| (key(one), one.messages)).collect();
        let inner = Inner {
            state,
            waiting: candidates.into(),
            outcomes: BTreeMap::new(),
            ready,
            moved: 0,
            queues_done: 0,
            failure: None,
        };
        Self {
            inner: Mutex::new(inner),
            writing: Mutex::new(()),
            file,
            options,
            places,
            interrupt,
            targets,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves everything; the caller's thread shows how it goes and keeps the file up to date.
    pub(super) fn run(self, progress: &mut Progress) -> Result<Moved, MigrateError> {
        let queues = self.lock().waiting.len();
        let workers = usize::from(self.options.parallel).min(queues);
        let written = thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(|| self.work())).collect();
            let (watch, mut last_write) = (Stopwatch::start(), Stopwatch::start());
            let mut written = Ok(());
            while threads.iter().any(|thread| !thread.is_finished()) {
                thread::sleep(LOOK);
                self.show(queues, watch.elapsed(), progress);
                if last_write.elapsed() >= WRITE && written.is_ok() {
                    last_write = Stopwatch::start();
                    written = self.write();
                }
            }
            written
        });
        progress.clear();
        written.and_then(|()| self.write())?;
        let inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Inner { state, outcomes, failure, waiting, .. } = inner;
        Ok(Moved { state, outcomes, failure, untouched: waiting.len() })
    }

    fn show(&self, queues: usize, elapsed: Duration, progress: &mut Progress) {
        let inner = self.lock();
        let (moved, done) = (inner.moved, inner.queues_done);
        let left: u64 = inner.ready.values().sum();
        drop(inner);
        let per_s = u128::from(moved) * 1000 / elapsed.as_millis().max(1);
        let more = format!(" messages  {done} of {queues} queues  {per_s}/s");
        progress.show_count("move", moved, moved + left, &more);
    }

    fn write(&self) -> Result<(), MigrateError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.lock().state.clone();
        self.file.write(&state)
    }

    /// One thread: queue after queue, with the connections of the virtual host before, if it is the same.
    fn work(&self) {
        let mut links: Option<(String, Link, Link)> = None;
        while let Some(candidate) = self.next() {
            let result = self.one(&candidate, &mut links);
            if let Err(error) = result {
                // What was open may be in the middle of something.
                links = None;
                self.failed(&candidate, error);
            }
            self.lock().queues_done += 1;
        }
        if let Some((_, source, target)) = links {
            source.close();
            target.close();
        }
    }

    fn next(&self) -> Option<Candidate> {
        let mut inner = self.lock();
        if inner.failure.is_some() || self.interrupt.is_asked() {
            return None;
        }
        inner.waiting.pop_front()
    }

    fn failed(&self, candidate: &Candidate, error: MigrateError) {
        let mut inner = self.lock();
        let key = key(candidate);
        inner.state.queues.entry(key.clone()).or_default().standing = Standing::Left;
        let outcome = inner.outcomes.entry(key).or_default();
        outcome.ready = candidate.messages;
        outcome.problem = Some(error.to_string());
        if error.ends_everything() && inner.failure.is_none() {
            inner.failure = Some(error);
        }
    }

    fn one(
        &self,
        candidate: &Candidate,
        links: &mut Option<(String, Link, Link)>,
    ) -> Result<(), MigrateError> {
        let vhost = &candidate.vhost;
        if links.as_ref().is_none_or(|(of, ..)| of != vhost)
            && let Some((_, source, target)) = links.take()
        {
            source.close();
            target.close();
        }
        let (_, source, target) = match links {
            Some(open) => open,
            None => links.insert((
                vhost.clone(),
                Link::open(Side::Source, &self.places.source, vhost)?,
                Link::open(Side::Target, &self.places.target, vhost)?,
            )),
        };
        let key = key(candidate);
        let before = self.lock().state.queues.get(&key).copied().unwrap_or_default();
        let about = self.targets.get(&key).copied().unwrap_or_default();
        let batch_max = self.options.batch;
        let way = Way { source, target, interrupt: self.interrupt, batch_max };
        let mut mover = Mover::new(candidate, before.counts, way)?;
        let depth = mover.depth()?;
        if depth.ready == 0 && !about.has_claim {
            self.tell(&key, Standing::Done, before.counts, 0);
            let problem = spoken(depth.consumers);
            self.lock().outcomes.insert(key, Outcome { problem, ..Outcome::default() });
            return Ok(());
        }
        mover.prepare(about)?;
        self.tell(&key, Standing::Moving, mover.counts(), depth.ready);
        let ending =
            mover.run(&mut |counts, ready| self.tell(&key, Standing::Moving, counts, ready))?;
        self.finish(&key, ending, &mut mover)
    }

    fn finish(
        &self,
        key: &QueueKey,
        ending: Ending,
        mover: &mut Mover<'_>,
    ) -> Result<(), MigrateError> {
        let source = mover.depth()?;
        let target = mover.target_depth()?;
        let problem = match ending {
            Ending::Empty => spoken(source.consumers),
            Ending::Interrupted => Some("interrupted".to_owned()),
            Ending::Withheld(ready) => Some(format!(
                "the source keeps {ready} ready messages back: does a single active consumer, or one with a \
                 higher priority, have the queue?"
            )),
        };
        let is_alone = target.consumers == 0 && ending == Ending::Empty;
        let outcome = Outcome {
            target: is_alone.then(|| (mover.expected(), target.ready)),
            ready: source.ready,
            has_claim: mover.waits(),
            problem,
        };
        let standing = if ending == Ending::Empty { Standing::Done } else { Standing::Left };
        self.tell(key, standing, mover.counts(), source.ready);
        self.lock().outcomes.insert(key.clone(), outcome);
        if ending == Ending::Empty && !mover.waits() {
            // What the claim says of the counts must be somewhere else before it goes.
            self.write()?;
            mover.clean_up()?;
        }
        Ok(())
    }

    fn tell(&self, key: &QueueKey, standing: Standing, counts: Counts, ready: u64) {
        let mut inner = self.lock();
        inner.ready.insert(key.clone(), ready);
        let known = inner.state.queues.entry(key.clone()).or_default();
        let before = std::mem::replace(known, Known { standing, counts }).counts;
        let done = |counts: Counts| counts.moved + counts.recognised;
        inner.moved += done(counts).saturating_sub(done(before));
    }
}

fn spoken(consumers: u64) -> Option<String> {
    (consumers > 0).then(|| format!("{consumers} consumers at the source take messages as well"))
}

pub(super) fn key(candidate: &Candidate) -> QueueKey {
    (candidate.vhost.clone(), candidate.name.clone())
}

/// How often the bar is drawn.
const LOOK: Duration = Duration::from_millis(100);

/// How often the state file is written.
const WRITE: Duration = Duration::from_secs(1);
