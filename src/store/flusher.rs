//! The writer thread: takes everything that waits, writes it as a group, and begins again.
//!
//! While the disk works, the next group forms in the inbox. Submissions that nobody waits for ride
//! along with one that somebody waits for; without such a one they are written, and not synced, when
//! the thread has been idle for [`LAZY_DELAY`]. So a killed process undoes no more than that.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::brakes::Brakes;
use super::log_load::{Backlog, Weight};
use super::segment_log::{Engine, refuse};
use super::{Brake, LogError, LogLoad, Submission};
use crate::base::{Millis, Pressure};

/// Facts without a ticket that wait until there are this many bytes of them.
const LAZY_BYTES_MAX: u64 = 256 * 1024;

/// How long facts without a ticket wait for company. It bounds the groups that are written for them
/// alone, and what a kill undoes of them.
const LAZY_DELAY: Duration = Duration::from_millis(2);

/// See the module.
pub(super) struct Flusher {
    inbox: Arc<Inbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The engine, when there is no thread that has it.
    stepped: Option<Mutex<Engine>>,
}

struct Inbox {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    brakes: Brakes,
    /// The last pressure of [`Flusher::load`].
    high: AtomicBool,
    high_bytes: u64,
    room_bytes: u64,
}

#[derive(Default)]
struct Waiting {
    submissions: Vec<Submission>,
    backlog: Backlog,
    urgent: bool,
    tick: Option<Millis>,
    close: Option<Sender<Result<(), LogError>>>,
    life: Life,
    asleep: bool,
}

/// Whether submissions are taken.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Life {
    #[default]
    Open,
    Closed,
    /// Closed, and what waits is not written.
    Stopped,
}

/// What the thread does next.
enum Turn {
    Write(Vec<Submission>),
    Tick(Millis, Vec<Submission>),
    Work,
    Close(Sender<Result<(), LogError>>, Vec<Submission>),
    Stop(Vec<Submission>),
}

impl Flusher {
    pub(super) fn start(mut engine: Engine) -> Result<Self, LogError> {
        let inbox = Inbox::of(&engine);
        let inbox_of_thread = Arc::clone(&inbox);
        let thread = std::thread::Builder::new()
            .name("message-log".to_owned())
            .spawn(move || run_guarded(&mut engine, &inbox_of_thread))
            .map_err(|error| {
                LogError::io("start the thread of", "the message log".as_ref(), error)
            })?;
        Ok(Self { inbox, thread: Mutex::new(Some(thread)), stepped: None })
    }

    /// One that writes when [`Self::step`] is called, and never by itself.
    pub(super) fn stepped(engine: Engine) -> Self {
        let inbox = Inbox::of(&engine);
        Self { inbox, thread: Mutex::default(), stepped: Some(Mutex::new(engine)) }
    }

    /// Does on this thread what the writer thread would do next: writes what waits as one group, and looks after the
    /// files. Tickets are called in here. Gives the number of submissions; nothing happens where there is a thread.
    pub(super) fn step(&self) -> usize {
        let Some(engine) = &self.stepped else { return 0 };
        let (submissions, tick) = {
            let mut waiting = self.inbox.lock();
            let submissions = waiting.take();
            waiting.backlog.done();
            (submissions, waiting.tick.take())
        };
        let count = submissions.len();
        // After a panic in a test there is nothing left to protect.
        let mut engine = engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.run(submissions);
        if let Some(now) = tick {
            engine.tick(now);
        }
        while engine.work() {}
        count
    }

    /// Writes everything, and what a clean stop leaves.
    fn close_stepped(&self, engine: &Mutex<Engine>) -> Result<(), LogError> {
        self.inbox.lock().life = Life::Closed;
        self.step();
        engine.lock().unwrap_or_else(PoisonError::into_inner).close()
    }

    pub(super) fn submit(&self, submission: Submission) {
        let weight = Weight::of(&submission);
        let mut waiting = self.inbox.lock();
        if waiting.life != Life::Open {
            drop(waiting);
            refuse(vec![submission], &LogError::Closed);
            return;
        }
        let bytes = waiting.backlog.add(weight);
        waiting.urgent |= submission.durable || bytes >= LAZY_BYTES_MAX;
        let is_first = waiting.submissions.is_empty();
        waiting.submissions.push(submission);
        // The first one wakes the thread, so that it begins to wait for company.
        if waiting.urgent || is_first {
            self.inbox.wake(waiting);
        }
    }

    pub(super) fn load(&self) -> LogLoad {
        let (bytes, room_bytes, takes) = self.inbox.lock().backlog.figures(self.inbox.room_bytes);
        let was_high = self.inbox.high.load(Ordering::Relaxed);
        let limit = self.inbox.high_bytes;
        let is_high = bytes >= if was_high { limit / 10 * 9 } else { limit };
        if is_high != was_high {
            self.inbox.high.store(is_high, Ordering::Relaxed);
        }
        let pressure = if is_high { Pressure::High } else { Pressure::Normal };
        LogLoad { pressure, room_bytes, takes }
    }

    pub(super) fn tick(&self, now: Millis) {
        let mut waiting = self.inbox.lock();
        waiting.tick = Some(now);
        self.inbox.wake(waiting);
    }

    pub(super) fn set_brake(&self, brake: Option<Brake>) {
        self.inbox.brakes.set(brake);
    }

    pub(super) fn close(&self) -> Result<(), LogError> {
        self.inbox.brakes.set(None);
        let (answer, answered) = channel();
        let mut waiting = self.inbox.lock();
        if waiting.life != Life::Open {
            return Ok(());
        }
        if let Some(engine) = &self.stepped {
            drop(waiting);
            return self.close_stepped(engine);
        }
        waiting.life = Life::Closed;
        waiting.close = Some(answer);
        self.inbox.wake(waiting);
        let closed = answered.recv().unwrap_or(Err(LogError::Closed));
        self.join();
        closed
    }

    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A ticket may hold the last handle of the log: then this is the thread itself.
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic over there has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Flusher {
    /// Without `close`, what waits is not written: as if the process had been killed.
    fn drop(&mut self) {
        self.inbox.brakes.set(None);
        let mut waiting = self.inbox.lock();
        waiting.life = Life::Stopped;
        if self.stepped.is_some() {
            let submissions = waiting.take();
            drop(waiting);
            return refuse(submissions, &LogError::Closed);
        }
        self.inbox.wake(waiting);
        self.join();
    }
}

impl Inbox {
    fn of(engine: &Engine) -> Arc<Self> {
        let options = engine.shared.options;
        let (high_bytes, room_bytes) = (options.waiting_bytes_high, options.waiting_bytes_room);
        let (waiting, wake) = (Mutex::default(), Condvar::new());
        let (brakes, high) = (Brakes::default(), AtomicBool::new(false));
        Arc::new(Self { waiting, wake, brakes, high, high_bytes, room_bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Pushes and swaps cannot leave it half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, waiting: MutexGuard<'_, Waiting>) {
        let asleep = waiting.asleep;
        drop(waiting);
        if asleep {
            self.wake.notify_one();
        }
    }

    /// Waits until there is something to do; `has_work` says that the engine has something itself.
    fn next(&self, has_work: bool) -> Turn {
        let mut waiting = self.lock();
        waiting.backlog.done();
        loop {
            if waiting.life == Life::Stopped {
                return Turn::Stop(waiting.take());
            }
            if let Some(answer) = waiting.close.take() {
                return Turn::Close(answer, waiting.take());
            }
            if let Some(now) = waiting.tick.take() {
                return Turn::Tick(now, waiting.take());
            }
            let has_facts = !waiting.submissions.is_empty();
            if waiting.urgent || (has_facts && has_work) {
                return Turn::Write(waiting.take());
            }
            if has_work {
                return Turn::Work;
            }
            waiting.asleep = true;
            if has_facts {
                let dozed = self.wake.wait_timeout(waiting, LAZY_DELAY);
                let (after, slept) = dozed.unwrap_or_else(PoisonError::into_inner);
                waiting = after;
                waiting.urgent |= slept.timed_out();
            } else {
                waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            waiting.asleep = false;
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Vec<Submission> {
        self.urgent = false;
        self.backlog.take();
        let room = self.submissions.len();
        std::mem::replace(&mut self.submissions, Vec::with_capacity(room))
    }
}

/// A broken invariant of ours must not leave publishers waiting for ever: the log fails instead.
fn run_guarded(engine: &mut Engine, inbox: &Inbox) {
    if catch_unwind(AssertUnwindSafe(|| run(engine, inbox))).is_err() {
        let reason: Arc<str> = "the message log broke an invariant of its own".into();
        engine.shared.fail(&LogError::Failed { reason });
        let error = engine.shared.failure().unwrap_or(LogError::Closed);
        let mut waiting = inbox.lock();
        waiting.life = Life::Closed;
        let submissions = waiting.take();
        if let Some(answer) = waiting.close.take() {
            // Nobody waits any more when the asker is gone.
            let _ = answer.send(Err(error.clone()));
        }
        drop(waiting);
        refuse(submissions, &error);
    }
}

fn run(engine: &mut Engine, inbox: &Inbox) {
    let mut has_work = false;
    loop {
        match inbox.next(has_work) {
            Turn::Write(submissions) => {
                inbox.brakes.wait(&submissions);
                engine.run(submissions);
            }
            Turn::Tick(now, submissions) => {
                inbox.brakes.wait(&submissions);
                engine.run(submissions);
                engine.tick(now);
            }
            Turn::Work => {}
            Turn::Close(answer, submissions) => {
                engine.run(submissions);
                // Nobody waits any more when the asker is gone.
                let _ = answer.send(engine.close());
                return;
            }
            Turn::Stop(submissions) => {
                refuse(submissions, &LogError::Closed);
                return;
            }
        }
        has_work = engine.work();
    }
}
