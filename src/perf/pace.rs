//! When the next messages of a steady rate are due.

/// A steady rate from a moment on. What was not sent in time stays due: the load is that of a world that
/// does not wait for the broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    start_ns: u64,
    per_second: f64,
}

impl Pace {
    /// `per_second` messages, the first at `start_ns`.
    pub(super) fn new(per_second: f64, start_ns: u64) -> Self {
        Self { start_ns, per_second }
    }

    /// How many of them are due at `now_ns`, counted from the start.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a run of days has fewer nanoseconds than the 53 bits of a float"
    )]
    pub(super) fn due(&self, now_ns: u64) -> u64 {
        if now_ns < self.start_ns {
            return 0;
        }
        let seconds = (now_ns - self.start_ns) as f64 / 1e9;
        // A billionth more, so that a message is due at its own moment in spite of rounding.
        (seconds * self.per_second + 1e-9) as u64 + 1
    }

    /// When message `index` is due; the first has 0.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as above"
    )]
    pub(super) fn moment_ns(&self, index: u64) -> u64 {
        self.start_ns + (index as f64 / self.per_second * 1e9).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_due_at_its_moment_and_not_before() {
        for per_second in [0.5, 1.0, 3.0, 5_000.0, 12_345.678, 1_000_000.0] {
            let pace = Pace::new(per_second, 77);
            assert_eq!(pace.due(76), 0);
            for index in [0, 1, 2, 999, 1_000, 123_456] {
                let moment = pace.moment_ns(index);
                assert_eq!(pace.due(moment), index + 1, "{per_second}/s, message {index}");
                assert!(index == 0 || pace.due(moment - 2) <= index + 1);
            }
        }
    }

    #[test]
    fn what_was_missed_stays_due() {
        let pace = Pace::new(1_000.0, 0);
        assert_eq!(pace.due(2_500_000_000), 2_501);
    }
}
