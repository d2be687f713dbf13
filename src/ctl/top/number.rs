//! Numbers for people, in few columns.

/// A count with commas, and in millions when it is long.
pub(super) fn count(number: u64) -> String {
    match number {
        0..10_000_000 => with_commas(number),
        10_000_000..10_000_000_000 => tenths(number, 1_000_000, "M"),
        _ => tenths(number, 1_000_000_000, "G"),
    }
}

/// Events per second: small ones with a tenth.
pub(super) fn rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second <= 0.0 {
        return "0".to_owned();
    }
    if per_second < 10.0 {
        let text = format!("{per_second:.1}");
        return text.strip_suffix(".0").unwrap_or(&text).to_owned();
    }
    // Nobody moves more than fits, and what does not is shown as the largest number.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive")]
    count(per_second.round() as u64)
}

/// Bytes in the unit that leaves few digits.
pub(super) fn bytes(number: u64) -> String {
    let mut unit = 1;
    let mut name = "B";
    for next in ["K", "M", "G", "T"] {
        if number / unit < 1024 {
            break;
        }
        unit *= 1024;
        name = next;
    }
    if unit == 1 { format!("{number}B") } else { tenths(number, unit, name) }
}

/// A span of time in its two largest units.
pub(super) fn age(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn tenths(number: u64, unit: u64, name: &str) -> String {
    let tenth = number % unit / (unit / 10).max(1);
    format!("{}.{}{name}", number / unit, tenth.min(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_short_and_exact_where_it_matters() {
        let counts = [0, 999, 1000, 9_999_999, 12_345_678, 12_345_678_901].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "9,999,999", "12.3M", "12.3G"]);
        let rates = [0.0, 0.24, 2.0, 9.96, 1234.5, f64::NAN, -1.0].map(rate);
        assert_eq!(rates, ["0", "0.2", "2", "10", "1,235", "0", "0"]);
        let sizes = [0, 1023, 1536, 5 << 30].map(bytes);
        assert_eq!(sizes, ["0B", "1023B", "1.5K", "5.0G"]);
        let ages = [999, 61_000, 7_260_000, 90_000_000].map(age);
        assert_eq!(ages, ["0s", "1m01s", "2h01m", "1d01h"]);
    }
}
