//! How long a stop waits for the clients of a listener.

use crate::base::Millis;
use crate::base::limits::{SHUTDOWN_PATIENCE_MS, SHUTDOWN_TIMEOUT_MS};

/// Waits until all clients have left, [`SHUTDOWN_TIMEOUT_MS`] at most, and no longer than
/// [`SHUTDOWN_PATIENCE_MS`] after the last one left or the last byte moved.
pub(super) struct Leaving {
    latest: Millis,
    /// When something happened last.
    since: Millis,
    /// How many bytes had moved when it was looked last.
    bytes: u64,
}

impl Leaving {
    /// The clients were told. So many bytes went over their connections until now.
    pub(super) fn new(now: Millis, bytes: u64) -> Self {
        Self { latest: now.after(SHUTDOWN_TIMEOUT_MS), since: now, bytes }
    }

    /// One has left.
    pub(super) fn left(&mut self, now: Millis) {
        self.since = now;
    }

    /// Whether the others are waited for no longer. So many bytes went over their connections until now.
    pub(super) fn is_over(&mut self, now: Millis, bytes: u64) -> bool {
        if std::mem::replace(&mut self.bytes, bytes) != bytes {
            self.since = now;
        }
        now >= self.latest || now >= self.since.after(SHUTDOWN_PATIENCE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it waits, looking every tenth of a second, for clients who do this at such a moment.
    fn waits(mut what: impl FnMut(&mut Leaving, u64) -> u64) -> u64 {
        let mut leaving = Leaving::new(Millis(7), 1000);
        let looks = (1..).map(|look| look * 100);
        let mut over = looks.filter(|ms| {
            let bytes = what(&mut leaving, *ms);
            leaving.is_over(Millis(7 + ms), bytes)
        });
        over.next().expect("it comes to an end")
    }

    #[test]
    fn who_neither_reads_nor_speaks_is_waited_for_a_second() {
        assert_eq!(waits(|_, _| 1000), SHUTDOWN_PATIENCE_MS);
    }

    #[test]
    fn who_still_reads_is_waited_for_longer_and_not_for_ever() {
        assert_eq!(waits(|_, ms| 1000 + ms.min(1500)), 1500 + SHUTDOWN_PATIENCE_MS);
        assert_eq!(waits(|_, ms| 1000 + ms), SHUTDOWN_TIMEOUT_MS);
    }

    #[test]
    fn while_clients_leave_the_others_get_their_time() {
        let leave = |leaving: &mut Leaving, ms| {
            if ms <= 2000 {
                leaving.left(Millis(7 + ms));
            }
            1000
        };
        assert_eq!(waits(leave), 2000 + SHUTDOWN_PATIENCE_MS);
    }
}
