//! Exchanges that hold messages back (rabbitmq: the delayed message exchange plug-in).
//!
//! Such an exchange has a type of its own, `x-delayed-message`, and says with `x-delayed-type` how it
//! routes when the time has come; or it is of any other type and has the argument `x-delayed-exchange`
//! (LavinMQ's form). Whether a message waits is said by its header `x-delay`. So what such an exchange does
//! with a message always depends on the message, and no route through it may be kept for another one.

use crate::base::{FieldTable, FieldValue};

use super::{Exchange, ExchangeKind, RoutingError};

/// The header with the delay, in ms. When the message is delivered after its delay, the number is
/// negative, which is no delay: nothing holds a message back twice.
pub const DELAY_HEADER: &str = "x-delay";

/// The argument that says how an exchange of the type `x-delayed-message` routes.
const DELAYED_TYPE: &[u8] = b"x-delayed-type";

/// The argument that makes an exchange of another type delay.
const DELAYED_EXCHANGE: &[u8] = b"x-delayed-exchange";

/// How long a message with these headers is held back, in ms. From 1 to 2^32 - 1; `None` when there is no
/// header, for a number beyond that, and for what is no number: such messages are routed at once.
///
/// An integer of any width, a decimal or floating number without its fraction, or digits in a string.
#[must_use]
pub fn delay_ms(headers: &FieldTable) -> Option<u32> {
    let delay = match headers.get(DELAY_HEADER.as_bytes())? {
        FieldValue::LongString(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
        FieldValue::F32(number) => without_fraction(f32::from_bits(*number).into()),
        FieldValue::F64(number) => without_fraction(f64::from_bits(*number)),
        FieldValue::Decimal { scale, value } => {
            i128::from(*value) / 10_i128.checked_pow(u32::from(*scale))?
        }
        other => other.as_integer()?,
    };
    u32::try_from(delay).ok().filter(|delay| *delay > 0)
}

#[expect(clippy::cast_possible_truncation, reason = "a number beyond the bounds becomes the bound")]
fn without_fraction(number: f64) -> i128 {
    number as i128
}

impl Exchange {
    /// Whether messages can wait here before they are routed.
    #[must_use]
    pub fn delays(&self) -> bool {
        let argument = self.arguments.get(DELAYED_EXCHANGE);
        self.kind == ExchangeKind::Delayed || argument == Some(&FieldValue::Boolean(true))
    }

    /// The type by which it finds bindings: its own, or the one that an exchange of the type
    /// `x-delayed-message` names. [`ExchangeKind::Delayed`] when that names none, which no declared
    /// exchange does.
    #[must_use]
    pub fn routes_as(&self) -> ExchangeKind {
        if self.kind == ExchangeKind::Delayed {
            self.named_type().and_then(Result::ok).unwrap_or(ExchangeKind::Delayed)
        } else {
            self.kind
        }
    }

    fn named_type(&self) -> Option<Result<ExchangeKind, RoutingError>> {
        match self.arguments.get(DELAYED_TYPE)? {
            FieldValue::LongString(name) => Some(ExchangeKind::parse(name)),
            _ => None,
        }
    }
}

/// The type by which a new exchange finds bindings.
pub(super) fn check_type(exchange: &Exchange) -> Result<ExchangeKind, RoutingError> {
    if exchange.kind == ExchangeKind::Delayed {
        match exchange.named_type() {
            None | Some(Ok(ExchangeKind::Delayed)) => Err(RoutingError::DelayedType),
            Some(named) => named,
        }
    } else {
        Ok(exchange.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ExchangeName, ShortStr};

    fn with(key: &str, value: FieldValue) -> FieldTable {
        FieldTable::new(vec![(ShortStr::try_from(key).expect("short"), value)])
    }

    fn delay(value: FieldValue) -> Option<u32> {
        delay_ms(&with("x-delay", value))
    }

    #[test]
    fn a_delay_is_an_integer_of_any_width() {
        assert_eq!(delay(FieldValue::I8(5)), Some(5));
        assert_eq!(delay(FieldValue::U8(255)), Some(255));
        assert_eq!(delay(FieldValue::I16(5)), Some(5));
        assert_eq!(delay(FieldValue::U16(65_535)), Some(65_535));
        assert_eq!(delay(FieldValue::I32(1)), Some(1));
        assert_eq!(delay(FieldValue::U32(u32::MAX)), Some(u32::MAX));
        assert_eq!(delay(FieldValue::I64(i64::from(u32::MAX))), Some(u32::MAX));
    }

    #[test]
    fn a_delay_may_be_a_number_in_another_form() {
        assert_eq!(delay(FieldValue::text("1500")), Some(1500));
        assert_eq!(delay(FieldValue::F64(f64::to_bits(1.9))), Some(1));
        assert_eq!(delay(FieldValue::F32(f32::to_bits(2000.5))), Some(2000));
        assert_eq!(delay(FieldValue::Decimal { scale: 2, value: 12_345 }), Some(123));
    }

    #[test]
    fn everything_else_is_no_delay() {
        assert_eq!(delay_ms(&FieldTable::EMPTY), None);
        for value in [
            FieldValue::I32(0),
            FieldValue::I32(-5000),
            FieldValue::I64(1 << 32),
            FieldValue::F64(f64::to_bits(f64::NAN)),
            FieldValue::F64(f64::to_bits(f64::INFINITY)),
            FieldValue::F64(f64::to_bits(0.9)),
            FieldValue::text("-1"),
            FieldValue::text("soon"),
            FieldValue::text(""),
            FieldValue::Decimal { scale: 255, value: 1 },
            FieldValue::Boolean(true),
            FieldValue::Void,
        ] {
            assert_eq!(delay(value.clone()), None, "{value:?}");
        }
    }

    fn exchange(kind: ExchangeKind, arguments: FieldTable) -> Exchange {
        let name = ExchangeName::try_from("x").expect("short");
        Exchange { arguments, ..Exchange::new(name, kind) }
    }

    #[test]
    fn the_type_behind_the_delay_must_be_one() {
        let check = |arguments| check_type(&exchange(ExchangeKind::Delayed, arguments));
        let named = |name| check(with("x-delayed-type", FieldValue::text(name)));
        assert_eq!(named("topic"), Ok(ExchangeKind::Topic));
        assert_eq!(named("x-consistent-hash"), Ok(ExchangeKind::ConsistentHash));
        assert_eq!(check(FieldTable::EMPTY), Err(RoutingError::DelayedType));
        let number = with("x-delayed-type", FieldValue::I32(1));
        assert_eq!(check(number), Err(RoutingError::DelayedType));
        assert_eq!(named("x-delayed-message"), Err(RoutingError::DelayedType), "it says nothing");
        assert_eq!(named("nothing"), Err(RoutingError::UnknownType("nothing".to_owned())));
    }

    #[test]
    fn an_exchange_of_another_type_delays_when_it_says_so() {
        let says = |value| exchange(ExchangeKind::Fanout, with("x-delayed-exchange", value));
        let delaying = says(FieldValue::Boolean(true));
        assert_eq!((delaying.delays(), delaying.routes_as()), (true, ExchangeKind::Fanout));
        assert!(!says(FieldValue::Boolean(false)).delays());
        assert!(!says(FieldValue::text("true")).delays());
        assert!(exchange(ExchangeKind::Delayed, FieldTable::EMPTY).delays());
    }
}
