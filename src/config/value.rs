//! Single values: numbers with units, durations, switches, addresses. `None` means that the text is
//! not what it should be; what it should be stands in the table of keys.

use std::net::IpAddr;

use super::parts::LogLevel;
use super::settings::{Durability, ListenAddress};

/// `true` or `false`, also `on`, `off`, `yes`, `no`.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "on" | "yes" => Some(true),
        "false" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// What a confirm waits for.
pub(super) fn durability(text: &str) -> Option<Durability> {
    match text {
        "fsync" => Some(Durability::Fsync),
        "os" => Some(Durability::Os),
        _ => None,
    }
}

/// Bytes, with RabbitMQ's units: `k`, `KiB`, `M`, `MiB`, `G`, `GiB`, … are powers of 1024; `kB`,
/// `MB`, `GB`, … are powers of 1000 (rabbitmq: memory.md, "information units"). Case does not matter.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let (base, power) = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => (1_u64, 0),
        "k" | "kib" => (1024, 1),
        "kb" => (1000, 1),
        "m" | "mib" => (1024, 2),
        "mb" => (1000, 2),
        "g" | "gib" => (1024, 3),
        "gb" => (1000, 3),
        "t" | "tib" => (1024, 4),
        "tb" => (1000, 4),
        "p" | "pib" => (1024, 5),
        "pb" => (1000, 5),
        _ => return None,
    };
    number.checked_mul(base.checked_pow(power)?)
}

/// A time in milliseconds: `500ms`, `10s`, `5m`, `1h`, `1d`. A bare number counts in `bare_unit_ms`,
/// which is what RabbitMQ takes it for under the same key.
pub(super) fn duration_ms(text: &str, bare_unit_ms: u64) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let unit_ms = match unit {
        "" => bare_unit_ms,
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    number.checked_mul(unit_ms)
}

/// A share from 0 to 1 (`0.6`) or a percentage (`60%`), in millionths.
pub(super) fn millionths(text: &str) -> Option<u32> {
    let share = factor_millionths(text)?;
    u32::try_from(share).ok().filter(|share| *share <= 1_000_000)
}

/// As [`millionths`], without an upper bound: `1.5` or `150%`.
pub(super) fn factor_millionths(text: &str) -> Option<u64> {
    let (text, places) = match text.strip_suffix('%') {
        Some(percentage) => (percentage.trim_end(), 4),
        None => (text, 6),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    // What is finer than a millionth makes no difference.
    let fraction = fraction.get(..places).unwrap_or(fraction);
    format!("{whole}{fraction:0<places$}").parse().ok()
}

/// The most that there may be, which becomes `place`; `infinity` empties it.
pub(super) fn set_most(place: &mut Option<usize>, text: &str) -> Option<()> {
    *place = match text {
        "infinity" => None,
        text => Some(number(text)?),
    };
    Some(())
}

/// A port, which becomes `place`; `none` empties it.
pub(super) fn set_port(place: &mut Option<u16>, text: &str) -> Option<()> {
    *place = match text {
        "none" => None,
        text => Some(number(text)?),
    };
    Some(())
}

/// RabbitMQ's level names; those that this log does not tell apart fall together.
pub(super) fn log_level(text: &str) -> Option<LogLevel> {
    match text {
        "none" => Some(LogLevel::None),
        "emergency" | "alert" | "critical" | "error" => Some(LogLevel::Error),
        "warning" | "warn" => Some(LogLevel::Warn),
        "notice" | "info" => Some(LogLevel::Info),
        "debug" => Some(LogLevel::Debug),
        "trace" => Some(LogLevel::Trace),
        _ => None,
    }
}

/// A port, or an address and a port. An IPv6 address may stand without brackets, as in RabbitMQ's own
/// example: `::1:5672`.
pub(super) fn listen_address(text: &str) -> Option<ListenAddress> {
    let Some((ip, port)) = text.rsplit_once(':') else {
        return Some(ListenAddress { ip: None, port: number(text)? });
    };
    let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
    let ip: IpAddr = match bare {
        Some(bare) => IpAddr::V6(bare.parse().ok()?),
        None => ip.parse().ok()?,
    };
    Some(ListenAddress { ip: Some(ip), port: number(port)? })
}

/// Three numbers with dots, and what follows them: `4.2.0`, `3.13.7-rc.1`. Clients take it apart.
pub(super) fn version(text: &str) -> Option<&str> {
    let core = text.split(['-', '+']).next()?;
    let numbers: Vec<&str> = core.split('.').collect();
    let all_numbers = numbers.iter().all(|part| number::<u32>(part).is_some());
    (numbers.len() == 3 && all_numbers && text.len() <= NAME_BYTES_MAX).then_some(text)
}

/// Text that a client or a person is shown.
pub(super) fn name(text: &str) -> Option<&str> {
    let sound = !text.is_empty() && text.len() <= NAME_BYTES_MAX;
    (sound && !text.contains(char::is_control)).then_some(text)
}

/// Digits only: no sign, no space.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((number(digits)?, unit.trim_start()))
}

/// As long as a name of AMQP.
const NAME_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_rabbitmqs_units() {
        let good = [
            ("0", 0),
            ("131072", 131_072),
            ("1k", 1024),
            ("1KiB", 1024),
            ("1kB", 1000),
            ("2M", 2 << 20),
            ("2MiB", 2 << 20),
            ("2 MB", 2_000_000),
            ("3G", 3 << 30),
            ("3gib", 3 << 30),
            ("3GB", 3_000_000_000),
            ("1TiB", 1 << 40),
            ("2P", 2 << 50),
            ("2PB", 2_000_000_000_000_000),
        ];
        for (text, expected) in good {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "1X", "99999999999999999999", "18446744073709551615k"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn a_bare_duration_counts_in_the_unit_of_its_key() {
        assert_eq!(duration_ms("500", 1), Some(500));
        assert_eq!(duration_ms("60", 1000), Some(60_000));
        assert_eq!(duration_ms("500ms", 1000), Some(500));
        assert_eq!(duration_ms("10s", 1), Some(10_000));
        assert_eq!(duration_ms("2m", 1), Some(120_000));
        assert_eq!(duration_ms("1h", 1), Some(3_600_000));
        for text in ["", "s", "1w", "1.5s", "-1", "18446744073709551615h"] {
            assert_eq!(duration_ms(text, 1), None, "{text}");
        }
    }

    #[test]
    fn a_share_is_a_fraction_or_a_percentage() {
        assert_eq!(millionths("0.6"), Some(600_000));
        assert_eq!(millionths("0"), Some(0));
        assert_eq!(millionths("1"), Some(1_000_000));
        assert_eq!(millionths("1.0"), Some(1_000_000));
        assert_eq!(millionths("0.12345678"), Some(123_456));
        assert_eq!(millionths("62.5%"), Some(625_000));
        for text in ["", ".", ".5", "1.1", "101%", "-0.1", "0.x", "NaN", "0,4"] {
            assert_eq!(millionths(text), None, "{text}");
        }
    }

    #[test]
    fn a_listener_is_a_port_or_an_address_and_a_port() {
        let shown = |text| listen_address(text).map(|address| address.to_string());
        assert_eq!(shown("5672").as_deref(), Some("5672"));
        assert_eq!(shown("127.0.0.1:5672").as_deref(), Some("127.0.0.1:5672"));
        assert_eq!(shown("[::1]:0").as_deref(), Some("[::1]:0"));
        assert_eq!(shown("::1:5672").as_deref(), Some("[::1]:5672"));
        assert_eq!(shown(":::5672").as_deref(), Some("[::]:5672"));
        for text in ["", "65536", "-1", "+1", "host:5672", "[127.0.0.1]:1", "127.0.0.1", ":", ":1"]
        {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn a_version_has_three_numbers() {
        for text in ["4.2.0", "3.13.7-rc.1", "4.2.0+haremq"] {
            assert_eq!(version(text), Some(text));
        }
        for text in ["", "4", "4.2", "latest", "4.2.x", "4.2.0.1"] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
