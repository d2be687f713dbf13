//! Numbers as people read them, and the one place where integers become floats.

use std::time::Duration;

/// As a float; figures beyond 2^53 lose their last digits, which no report shows.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

/// Events per second; 0 when no time went by.
pub(super) fn per_second(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { float(count) / seconds } else { 0.0 }
}

/// A whole number with a comma after each three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same for a float, rounded to a whole number.
pub(super) fn whole(number: f64) -> String {
    grouped(rounded(number))
}

/// The nearest whole number that is not below 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, which is what is wanted"
)]
pub(super) fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// Nanoseconds as microseconds with one digit.
pub(super) fn micros(ns: u64) -> String {
    format!("{}.{}", grouped(ns / 1000), ns % 1000 / 100)
}

/// Bytes as MiB with one digit.
pub(super) fn mib(bytes: u64) -> String {
    format!("{:.1}", float(bytes) / 1_048_576.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts = [0, 7, 999, 1_000, 12_345, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(whole(1_499.5), "1,500");
        assert_eq!(micros(1_234_567), "1,234.5");
        assert_eq!(mib(1_572_864), "1.5");
    }

    #[test]
    fn a_rate_without_time_is_none() {
        assert!(per_second(5, Duration::ZERO).abs() < f64::EPSILON);
        assert!((per_second(5, Duration::from_millis(500)) - 10.0).abs() < 1e-9);
    }
}
