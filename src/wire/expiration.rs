//! The `expiration` property: text that should be a number of milliseconds (rabbitmq: ttl.md).

use std::fmt;

use super::erlang::List;
use super::error::WireError;
use crate::base::limits::EXPIRY_MS_MAX;

/// Why an expiration is none, in RabbitMQ's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExpirationFault {
    /// It does not begin with a number.
    NoInteger,
    /// Something follows the number.
    LeftoverString(Box<[u8]>),
    /// Below 0; the number's digits.
    ValueNegative(Box<str>),
    /// Beyond ten years; the number's digits.
    ValueTooLarge(Box<str>),
}

impl fmt::Display for ExpirationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInteger => f.write_str("no_integer"),
            Self::LeftoverString(rest) => write!(f, "{{leftover_string,{}}}", List(rest)),
            Self::ValueNegative(digits) => write!(f, "{{value_negative,-{digits}}}"),
            Self::ValueTooLarge(digits) => write!(f, "{{value_too_large,{digits}}}"),
        }
    }
}

/// Reads an expiration as RabbitMQ does: a sign is allowed, blanks are not, and what follows the
/// number is looked at before its value.
pub(super) fn parse(text: &[u8]) -> Result<u64, WireError> {
    read(text).map_err(|fault| WireError::InvalidExpiration { text: text.into(), fault })
}

fn read(text: &[u8]) -> Result<u64, ExpirationFault> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let len = unsigned.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (digits, leftover) = unsigned.split_at_checked(len).unwrap_or((unsigned, &[]));
    if digits.is_empty() {
        return Err(ExpirationFault::NoInteger);
    }
    if !leftover.is_empty() {
        return Err(ExpirationFault::LeftoverString(leftover.into()));
    }
    // 255 digits are the most there can be, so the number is kept as text until it is known to fit.
    let digits = String::from_utf8_lossy(digits);
    let digits = digits.trim_start_matches('0');
    match digits.parse::<u64>() {
        _ if digits.is_empty() => Ok(0),
        _ if negative => Err(ExpirationFault::ValueNegative(digits.into())),
        Ok(ms) if ms <= EXPIRY_MS_MAX => Ok(ms),
        Ok(_) | Err(_) => Err(ExpirationFault::ValueTooLarge(digits.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(expiration: &str) -> String {
        parse(expiration.as_bytes()).map_or_else(|error| error.to_string(), |ms| ms.to_string())
    }

    #[test]
    fn a_number_is_milliseconds() {
        assert_eq!(text_of("0"), "0");
        assert_eq!(text_of("60000"), "60000");
        assert_eq!(text_of("+007"), "7");
        assert_eq!(text_of("-0"), "0");
        assert_eq!(text_of("315360000000"), "315360000000");
    }

    #[test]
    fn anything_else_is_refused_in_rabbitmqs_words() {
        assert_eq!(text_of(""), "invalid expiration '': no_integer");
        assert_eq!(text_of("soon"), "invalid expiration 'soon': no_integer");
        assert_eq!(text_of(" 5"), "invalid expiration ' 5': no_integer");
        assert_eq!(text_of("5s"), "invalid expiration '5s': {leftover_string,\"s\"}");
        assert_eq!(text_of("-5"), "invalid expiration '-5': {value_negative,-5}");
        assert_eq!(
            text_of("315360000001"),
            "invalid expiration '315360000001': {value_too_large,315360000001}"
        );
        let digits = "9".repeat(255);
        assert_eq!(
            text_of(&digits),
            format!("invalid expiration '{digits}': {{value_too_large,{digits}}}")
        );
    }
}
