//! Turns the clock of a running broker, and has everything done that is due on the way (T3).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::base::limits::{TURN_LOOKS_AT_ONCE, TURN_PATIENCE_MS, TURN_STEPS_MAX};
use crate::base::{Clock as _, Millis, Stopwatch, TurnedClock, TurnedTime};
use crate::broker::Broker;

/// How long it waits before it looks again whether letters have arrived.
const LOOK_PAUSE: Duration = Duration::from_millis(1);

/// See the module. One turns it at a time; the others wait.
pub struct ClockTurner {
    broker: Arc<Broker>,
    clock: Arc<TurnedClock>,
    turn: Semaphore,
    steps_max: u32,
    patience_ms: u64,
}

/// Why a clock was not turned to the end. It stands or goes on from where it was turned to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TurnError {
    /// Something is due again and again.
    #[error(
        "the clock was turned by {advanced_ms} of {asked_ms} ms: {steps_max} times something was due on the way, so \
         messages may go in a circle; turn it by less, or look for a queue with a short time to live whose dead \
         letters come back to it"
    )]
    TooManySteps {
        /// What was asked for.
        asked_ms: u64,
        /// What was done of it.
        advanced_ms: u64,
        /// How often.
        steps_max: u32,
    },
    /// What was due was not done in time.
    #[error(
        "the clock was turned by {advanced_ms} of {asked_ms} ms: what was due then was not done within \
         {patience_ms} ms of real time ({letters} dead letters have not arrived); look into the log for a disk or \
         a queue that fails, or for messages that go in a circle"
    )]
    Unsettled {
        /// What was asked for.
        asked_ms: u64,
        /// What was done of it.
        advanced_ms: u64,
        /// Dead letters on their way.
        letters: usize,
        /// How long was waited.
        patience_ms: u64,
    },
}

/// Lets the clock go, also when nobody waits any more for it to be turned.
struct Held<'a>(&'a ClockTurner);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.clock.let_go();
        self.0.broker.clock_turned();
    }
}

impl ClockTurner {
    /// Of this broker, whose clock it is.
    #[must_use]
    pub fn new(broker: Arc<Broker>, clock: Arc<TurnedClock>) -> Self {
        let (turn, steps_max, patience_ms) = (Semaphore::new(1), TURN_STEPS_MAX, TURN_PATIENCE_MS);
        Self { broker, clock, turn, steps_max, patience_ms }
    }

    /// What the clock shows.
    #[must_use]
    pub fn time(&self) -> TurnedTime {
        self.clock.time()
    }

    /// The clock stands from now on.
    pub async fn freeze(&self) -> TurnedTime {
        // Never closed.
        let _turn = self.turn.acquire().await;
        self.clock.freeze();
        self.broker.clock_turned();
        self.clock.time()
    }

    /// The clock goes on.
    pub async fn resume(&self) -> TurnedTime {
        let _turn = self.turn.acquire().await;
        self.clock.resume();
        self.broker.clock_turned();
        self.clock.time()
    }

    /// Turns the clock forward, from deadline to deadline. When it returns, all that was due until then has been
    /// done, in the order of the deadlines, with what follows from it without a client's doing: dead letters have
    /// arrived, with their time to live counted from the moment of their death, and deliveries are in the
    /// inboxes of their connections. Clients hear of it after that.
    ///
    /// # Errors
    /// [`TurnError`] when there is no end of it.
    pub async fn advance(&self, by_ms: u64) -> Result<TurnedTime, TurnError> {
        let _turn = self.turn.acquire().await;
        self.clock.hold();
        let held = Held(self);
        let from = self.clock.now();
        let asked = Asked { from, by_ms };
        self.settle(asked).await?;
        let mut steps = 0;
        while let Some(at) = self.broker.next_deadline().filter(|at| *at <= asked.until()) {
            if steps == self.steps_max {
                let (asked_ms, advanced_ms) = (by_ms, self.clock.now().since(from));
                return Err(TurnError::TooManySteps { asked_ms, advanced_ms, steps_max: steps });
            }
            steps += 1;
            self.clock.turn_to(at);
            self.settle(asked).await?;
        }
        self.clock.turn_to(asked.until());
        self.settle(asked).await?;
        // Before the real time of the turning is added to it again.
        let time = self.clock.time();
        drop(held);
        Ok(time)
    }

    /// Does what is due now, and waits until nothing follows from it any more.
    async fn settle(&self, asked: Asked) -> Result<(), TurnError> {
        let (since, mut looks) = (Stopwatch::start(), 0);
        loop {
            let now = self.clock.now();
            let more = self.broker.drive_due(now);
            if !more && self.broker.is_settled() && !self.is_due(now) {
                return Ok(());
            }
            if since.elapsed() > Duration::from_millis(self.patience_ms) {
                return Err(TurnError::Unsettled {
                    asked_ms: asked.by_ms,
                    advanced_ms: now.since(asked.from),
                    letters: self.broker.letters_under_way(),
                    patience_ms: self.patience_ms,
                });
            }
            looks += 1;
            if looks < TURN_LOOKS_AT_ONCE {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(LOOK_PAUSE).await;
            }
        }
    }

    fn is_due(&self, now: Millis) -> bool {
        self.broker.next_deadline().is_some_and(|at| at <= now)
    }
}

#[derive(Clone, Copy)]
struct Asked {
    from: Millis,
    by_ms: u64,
}

impl Asked {
    fn until(self) -> Millis {
        self.from.after(self.by_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{
        Cell, DeadLetters, PageQuestion, Scheduler, WorkCounts, put_message, turned_broker,
    };
    use crate::definitions::{ImportOptions, import};
    use crate::net::TokioScheduler;

    /// A queue whose turn never comes.
    struct Stuck;

    impl Scheduler for Stuck {
        fn resume(&self, _: Arc<Cell>) {}
        fn page_in(&self, _: Arc<Cell>, _: PageQuestion, _: u64) {}
        fn send_dead_letters(&self, _: Arc<Cell>, _: DeadLetters, _: u64) {}
        fn work(&self) -> WorkCounts {
            WorkCounts { begun: 1, done: 0 }
        }
    }

    fn turner(scheduler: Arc<dyn Scheduler>) -> ClockTurner {
        let clock = Arc::new(TurnedClock::new());
        let broker = turned_broker(&clock, scheduler);
        ClockTurner::new(broker, clock)
    }

    #[tokio::test]
    async fn a_turn_that_does_not_settle_ends_and_lets_the_clock_go_t9() {
        let turner = ClockTurner { patience_ms: 10, ..turner(Arc::new(Stuck)) };
        let error = turner.advance(5_000).await.expect_err("its work is never done");
        let expected =
            TurnError::Unsettled { asked_ms: 5_000, advanced_ms: 0, letters: 0, patience_ms: 10 };
        assert_eq!(error, expected);
        let left = turner.clock.real_ms_until(turner.clock.now().after(1_000));
        assert!(left.is_some(), "it does not stand");
    }

    #[tokio::test]
    async fn a_turn_with_too_many_deadlines_ends_before_the_next_one_t9() {
        let handle = tokio::runtime::Handle::current();
        let turner = turner(Arc::new(TokioScheduler::new(handle)));
        turner.freeze().await;
        let queues = [1_000, 2_000, 3_000].map(|ttl_ms| {
            format!(
                r#"{{"name": "q{ttl_ms}", "vhost": "/", "durable": false, "auto_delete": false,
                     "arguments": {{"x-message-ttl": {ttl_ms}}}}}"#
            )
        });
        let document = format!(r#"{{"queues": [{}]}}"#, queues.join(","));
        import(&turner.broker, document.as_bytes(), &ImportOptions::default()).expect("queues");
        for ttl_ms in [1_000, 2_000, 3_000] {
            put_message(&turner.broker, "guest", &format!("q{ttl_ms}"));
        }
        let turner = ClockTurner { steps_max: 2, ..turner };
        let error = turner.advance(5_000).await.expect_err("there are three deadlines");
        let expected =
            TurnError::TooManySteps { asked_ms: 5_000, advanced_ms: 2_000, steps_max: 2 };
        assert_eq!(error, expected);
        assert_eq!(turner.time().advanced_ms, 2_000);
        let time = turner.advance(1_000).await.expect("one is left");
        assert_eq!((time.advanced_ms, turner.broker.next_deadline()), (3_000, None));
    }
}
