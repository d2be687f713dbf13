//! Memory that the system's allocator keeps after messages are gone goes back to the system.
//!
//! glibc gives back what lies at the end of an arena and what is large enough for a mapping of its own.
//! What a long queue of small messages leaves behind it keeps, for good: a broker that once held a
//! gigabyte would look as if it still did. `malloc_trim` gives whole pages back wherever they lie; it
//! costs milliseconds under the allocator's locks, so it is called only after much was let go, when no
//! more is coming, and not often. `docs/performance.md` has what other allocators would cost.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Stopwatch;
use crate::base::limits::{TRIM_BYTES_MIN, TRIM_PAUSE_LOOKS};
use crate::broker::Broker;

/// How often it is looked how much the queues hold.
const LOOK: Duration = Duration::from_secs(1);

/// Looks after the memory for as long as the runtime lives.
pub(crate) fn look_after(broker: &Arc<Broker>) {
    let broker = Arc::downgrade(broker);
    // Ends with the broker or the runtime, whichever is first.
    drop(tokio::spawn(async move {
        let mut slack = Slack::default();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let Some(held_bytes) = broker.upgrade().map(|broker| broker.memory_used_bytes()) else {
                return;
            };
            if slack.is_worth_it(held_bytes) {
                // A panic over there would have been reported by the panic hook; there is none.
                let _ = tokio::task::spawn_blocking(give_back).await;
            }
        }
    }));
}

/// Decides when there is enough to give back.
#[derive(Default)]
struct Slack {
    /// The most that was held since memory was last given back.
    highest_bytes: u64,
    last_bytes: u64,
    /// Looks until memory may be given back again.
    pause: u32,
}

impl Slack {
    /// To be asked with every look, with the bytes that messages hold.
    fn is_worth_it(&mut self, held_bytes: u64) -> bool {
        let fell_bytes = self.last_bytes.saturating_sub(held_bytes);
        let falls_no_more = fell_bytes < TRIM_BYTES_MIN / 8 || held_bytes == 0;
        self.last_bytes = held_bytes;
        self.highest_bytes = self.highest_bytes.max(held_bytes);
        self.pause = self.pause.saturating_sub(1);
        let is_worth_it =
            self.pause == 0 && falls_no_more && self.highest_bytes - held_bytes >= TRIM_BYTES_MIN;
        if is_worth_it {
            self.highest_bytes = held_bytes;
            self.pause = TRIM_PAUSE_LOOKS;
        }
        is_worth_it
    }
}

/// Gives what is free back to the system. Takes milliseconds.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "the C library offers it as a function that takes and gives numbers"
)]
pub(crate) fn give_back() {
    let watch = Stopwatch::start();
    // SAFETY: malloc_trim may be called at any time from any thread; it takes the allocator's own locks
    // and touches free memory only (malloc_trim(3)).
    let given = unsafe { libc::malloc_trim(0) } == 1;
    let took_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(given, took_ms, "memory of messages that are gone was given back");
}

/// Other allocators do it themselves, or offer nothing.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    const MUCH: u64 = TRIM_BYTES_MIN;

    #[test]
    fn memory_is_given_back_once_when_much_was_let_go_and_nothing_moves() {
        let mut slack = Slack::default();
        let looks = [0, 2 * MUCH, 3 * MUCH, 2 * MUCH, MUCH, MUCH, MUCH, MUCH];
        let given: Vec<bool> = looks.iter().map(|held| slack.is_worth_it(*held)).collect();
        assert_eq!(given, [false, false, false, false, false, true, false, false]);
    }

    #[test]
    fn little_is_not_worth_it() {
        let mut slack = Slack::default();
        assert!([0, MUCH - 1, 0, 0, 0].iter().all(|held| !slack.is_worth_it(*held)));
    }

    #[test]
    fn a_queue_that_swings_gives_memory_back_now_and_then() {
        let mut slack = Slack::default();
        let looks = TRIM_PAUSE_LOOKS as usize * 4;
        let swings = [2 * MUCH, 0].into_iter().cycle().take(looks);
        let given = swings.filter(|held| slack.is_worth_it(*held)).count();
        assert!((1..=4).contains(&given), "{given} times in {looks} looks");
    }
}
