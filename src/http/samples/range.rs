//! Which part of the past a request wants to see. Pure.

use super::super::error::ApiError;
use super::super::query::Query;

/// Samples of one range (RabbitMQ's bound).
const SAMPLES_MAX: u64 = 500;

/// A look back: so far, in such steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) struct Range {
    pub(in crate::http) age_ms: u64,
    pub(in crate::http) incr_ms: u64,
    pub(in crate::http) rounding: Rounding,
}

/// Where the last step of a range lies beside now (rabbitmq: rates want a step whose samples are all there, and
/// lengths are to go with what else is shown of this moment).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) enum Rounding {
    /// Before it.
    Down,
    /// Behind it.
    Up,
}

/// The ranges of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::http) struct Ranges {
    pub(in crate::http) lengths: Option<Range>,
    pub(in crate::http) msg_rates: Option<Range>,
    pub(in crate::http) data_rates: Option<Range>,
    pub(in crate::http) node_stats: Option<Range>,
}

impl Ranges {
    /// `lengths_age`, `lengths_incr` and their kin, in seconds. One without the other means nothing.
    ///
    /// # Errors
    /// 400 for a range without a length or a step, or of too many steps.
    pub(in crate::http) fn of(query: &Query) -> Result<Self, ApiError> {
        Ok(Self {
            lengths: range(query, "lengths_age", "lengths_incr", Rounding::Up)?,
            msg_rates: range(query, "msg_rates_age", "msg_rates_incr", Rounding::Down)?,
            data_rates: range(query, "data_rates_age", "data_rates_incr", Rounding::Down)?,
            node_stats: range(query, "node_stats_age", "node_stats_incr", Rounding::Down)?,
        })
    }
}

fn range(
    query: &Query,
    age: &str,
    incr: &str,
    rounding: Rounding,
) -> Result<Option<Range>, ApiError> {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
    let (Some(age), Some(incr)) = (number(age), number(incr)) else { return Ok(None) };
    let good = (u64::try_from(age), u64::try_from(incr));
    if let (Ok(age_s @ 1..), Ok(incr_s @ 1..)) = good
        && age_s / incr_s <= SAMPLES_MAX
    {
        let (age_ms, incr_ms) = (age_s.saturating_mul(1000), incr_s.saturating_mul(1000));
        return Ok(Some(Range { age_ms, incr_ms, rounding }));
    }
    Err(ApiError::bad_request(format!("Invalid range parameters: age {age}, incr {incr}")))
}

impl Range {
    /// The moments of its samples, in ms since 1970, the last first.
    pub(in crate::http) fn moments(self, unix_ms: u64) -> impl Iterator<Item = u64> {
        let floor = unix_ms / self.incr_ms * self.incr_ms;
        let last = match self.rounding {
            Rounding::Up if floor < unix_ms => floor + self.incr_ms,
            Rounding::Up | Rounding::Down => floor,
        };
        (0..=self.age_ms / self.incr_ms)
            .map_while(move |step| last.checked_sub(step * self.incr_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<Ranges, ApiError> {
        Ranges::of(&Query::parse(query))
    }

    #[test]
    fn a_range_has_a_length_and_a_step() {
        let ranges = of(
            "lengths_age=60&lengths_incr=5&msg_rates_age=60&data_rates_incr=5&node_stats_age=x&node_stats_incr=5",
        );
        let range = Range { age_ms: 60_000, incr_ms: 5_000, rounding: Rounding::Up };
        assert_eq!(ranges.ok(), Some(Ranges { lengths: Some(range), ..Ranges::default() }));
        assert_eq!(of("").ok(), Some(Ranges::default()));
        for wrong in [
            "lengths_age=0&lengths_incr=5",
            "lengths_age=5&lengths_incr=0",
            "lengths_age=-5&lengths_incr=5",
            "lengths_age=501&lengths_incr=1",
        ] {
            let error = of(wrong).expect_err(wrong);
            assert_eq!(error.status, axum::http::StatusCode::BAD_REQUEST, "{wrong}");
        }
        assert!(of("lengths_age=500&lengths_incr=1").is_ok());
    }

    #[test]
    fn its_moments_lie_on_whole_steps() {
        let range = |rounding| Range { age_ms: 10_000, incr_ms: 5_000, rounding };
        let moments = |rounding, now| range(rounding).moments(now).collect::<Vec<_>>();
        assert_eq!(moments(Rounding::Down, 17_000), [15_000, 10_000, 5_000]);
        assert_eq!(moments(Rounding::Up, 17_000), [20_000, 15_000, 10_000]);
        assert_eq!(moments(Rounding::Up, 15_000), [15_000, 10_000, 5_000]);
        assert_eq!(moments(Rounding::Down, 7_000), [5_000, 0], "before all time is nothing");
    }
}
