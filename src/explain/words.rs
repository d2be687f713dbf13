//! Figures as people read them.

/// `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.
#[must_use]
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    let pair = |large: u64, name: &str, small: u64, other: &str| match small {
        0 => format!("{large} {name}"),
        small => format!("{large} {name} {small} {other}"),
    };
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

/// `512 bytes`, `1.5 kB`, `12.0 MB`: in powers of 1,000.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        // In tenths first: what is below a tenth is cut off.
        Some((size, name)) => {
            let tenths = bytes / (size / 10);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} bytes"),
    }
}

/// `1 message`, `2 messages`.
pub(super) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A rate with one decimal below ten.
pub(super) fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.1}/s") } else { format!("{per_second:.0}/s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_short() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (12_345, "12 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
            (86_400_000 * 4 + 3_600_000 * 3, "4 d 3 h"),
        ] {
            assert_eq!(duration(ms), text);
        }
        for (size, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_500, "1.5 kB"),
            (12_000_000, "12.0 MB"),
            (1_999_999_999, "1.9 GB"),
            (u64::MAX, "18446744.0 TB"),
        ] {
            assert_eq!(bytes(size), text);
        }
        assert_eq!(
            (count(1, "message"), count(0, "message")),
            ("1 message".into(), "0 messages".into())
        );
        assert_eq!((rate(0.25), rate(1234.5)), ("0.2/s".into(), "1234/s".into()));
    }
}
