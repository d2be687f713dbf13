//! When two field values are the same, and how RabbitMQ writes a value into an error text.
//!
//! Equality is that of the terms RabbitMQ decodes values into: integers of every width and timestamps
//! are numbers, 1 equals 1.0, and long strings and byte arrays are the same bytes. Inside of arrays and
//! tables the type is a part of the value. So that values can be keys of a map, equality is equality of
//! an encoding.

use std::fmt::Write;

use crate::base::{FieldTable, FieldValue, ShortStr};

/// Whether RabbitMQ's `==` holds between the two values.
pub(super) fn is_equal(a: &FieldValue, b: &FieldValue) -> bool {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    comparable(a, &mut left);
    comparable(b, &mut right);
    left == right
}

/// Appends bytes that are the same for two values exactly when the values are equal.
pub(super) fn comparable(value: &FieldValue, out: &mut Vec<u8>) {
    if let Some(number) = value.as_integer() {
        return integer(number, out);
    }
    match value {
        FieldValue::Timestamp(seconds) => integer(i128::from(*seconds), out),
        FieldValue::F32(bits) => float(f64::from(f32::from_bits(*bits)), out),
        FieldValue::F64(bits) => float(f64::from_bits(*bits), out),
        FieldValue::Boolean(flag) => out.extend([b't', u8::from(*flag)]),
        FieldValue::Decimal { scale, value } => {
            out.extend([b'D', *scale]);
            out.extend(value.to_be_bytes());
        }
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => sized(b'S', bytes, out),
        FieldValue::Array(values) => {
            out.push(b'A');
            out.extend(values.len().to_be_bytes());
            for value in values {
                typed(value, out);
            }
        }
        FieldValue::Table(table) => {
            out.push(b'F');
            out.extend(table.len().to_be_bytes());
            for (key, value) in table.iter() {
                sized(b'k', key.as_bytes(), out);
                typed(value, out);
            }
        }
        // Only `Void` is left: the integers are gone before the match.
        _ => out.push(b'V'),
    }
}

/// Appends bytes that are the same for two binding arguments exactly when bindings that differ in
/// nothing else are one binding: the types count, the order of the keys does not.
pub(super) fn identity(arguments: &FieldTable, out: &mut Vec<u8>) {
    for (key, value) in sorted(arguments) {
        sized(b'k', key.as_bytes(), out);
        typed(value, out);
    }
}

/// The same table with its keys in order, as RabbitMQ keeps and lists binding arguments, and with
/// bytes of its own: a slice would keep a whole read buffer alive for as long as the binding lives.
pub(super) fn owned_and_sorted(arguments: &FieldTable) -> FieldTable {
    sorted(arguments).into_iter().map(|(key, value)| (owned_key(key), owned(value))).collect()
}

/// The same table, in its order, with bytes of its own.
pub(super) fn owned_table(table: &FieldTable) -> FieldTable {
    table.iter().map(|(key, value)| (owned_key(key), owned(value))).collect()
}

/// The same short string with bytes of its own.
pub(super) fn owned_key(key: &ShortStr) -> ShortStr {
    // What is a short string is no longer than one may be.
    ShortStr::copy_from(key.as_bytes()).unwrap_or_default()
}

/// The bytes of a long string; `None` for anything else.
pub(super) fn long_string(value: &FieldValue) -> Option<&[u8]> {
    match value {
        FieldValue::LongString(bytes) => Some(bytes),
        _ => None,
    }
}

/// A value as RabbitMQ writes it between quotes: strings as they are, the rest as Erlang terms.
pub(super) fn plain_text(value: &FieldValue) -> String {
    match value {
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        other => term(other),
    }
}

/// A value as an Erlang term, as it stands in RabbitMQ's refusals.
#[must_use]
pub fn term(value: &FieldValue) -> String {
    let mut out = String::new();
    write_term(value, &mut out);
    out
}

fn sorted(table: &FieldTable) -> Vec<(&ShortStr, &FieldValue)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

fn owned(value: &FieldValue) -> FieldValue {
    match value {
        FieldValue::LongString(bytes) => FieldValue::LongString(bytes.to_vec().into()),
        FieldValue::ByteArray(bytes) => FieldValue::ByteArray(bytes.to_vec().into()),
        FieldValue::Array(values) => FieldValue::Array(values.iter().map(owned).collect()),
        FieldValue::Table(table) => FieldValue::Table(owned_table(table)),
        small => small.clone(),
    }
}

fn typed(value: &FieldValue, out: &mut Vec<u8>) {
    sized(b'T', value.type_name().as_bytes(), out);
    comparable(value, out);
}

fn sized(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend(bytes.len().to_be_bytes());
    out.extend(bytes);
}

fn integer(number: i128, out: &mut Vec<u8>) {
    out.push(b'i');
    out.extend(number.to_be_bytes());
}

/// A float that is a whole number equals that number. Beyond 2^65 there is no integer to be equal to.
fn float(number: f64, out: &mut Vec<u8>) {
    const WHOLE_MAX: f64 = 36_893_488_147_419_103_232.0;
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 2^65")]
        return integer(number as i128, out);
    }
    out.push(b'd');
    out.extend(number.to_bits().to_be_bytes());
}

/// Writing to a `String` cannot fail, so the results of `write!` are dropped.
fn write_term(value: &FieldValue, out: &mut String) {
    if let Some(number) = value.as_integer() {
        _ = write!(out, "{number}");
        return;
    }
    match value {
        FieldValue::Timestamp(seconds) => _ = write!(out, "{seconds}"),
        FieldValue::F32(bits) => _ = write!(out, "{:?}", f64::from(f32::from_bits(*bits))),
        FieldValue::F64(bits) => _ = write!(out, "{:?}", f64::from_bits(*bits)),
        FieldValue::Boolean(flag) => _ = write!(out, "{flag}"),
        FieldValue::Decimal { scale, value } => _ = write!(out, "{{{scale},{value}}}"),
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => write_binary(bytes, out),
        FieldValue::Array(values) => {
            write_list(values.iter(), out, |value, out| {
                _ = write!(out, "{{{},", value.type_name());
                write_term(value, out);
                out.push('}');
            });
        }
        FieldValue::Table(table) => {
            write_list(table.iter(), out, |(key, value), out| {
                out.push('{');
                write_binary(key.as_bytes(), out);
                _ = write!(out, ",{},", value.type_name());
                write_term(value, out);
                out.push('}');
            });
        }
        // Only `Void` is left: the integers are gone before the match.
        _ => out.push_str("undefined"),
    }
}

fn write_list<T>(
    items: impl Iterator<Item = T>,
    out: &mut String,
    mut write_item: impl FnMut(T, &mut String),
) {
    out.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_item(item, out);
    }
    out.push(']');
}

/// `<<"text">>` when the bytes can be read, `<<1,2,3>>` when not.
fn write_binary(bytes: &[u8], out: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok("") => out.push_str("<<>>"),
        Ok(text) if !text.chars().any(char::is_control) => {
            out.push_str("<<\"");
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push_str(if text.is_ascii() { "\">>" } else { "\"/utf8>>" });
        }
        _ => {
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            _ = write!(out, "<<{}>>", numbers.join(","));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ShortStr {
        ShortStr::try_from(text).expect("a short key")
    }

    fn f64_value(number: f64) -> FieldValue {
        FieldValue::F64(number.to_bits())
    }

    #[test]
    fn integers_of_every_width_are_equal() {
        let ones = [
            FieldValue::I8(1),
            FieldValue::U8(1),
            FieldValue::I16(1),
            FieldValue::U16(1),
            FieldValue::I32(1),
            FieldValue::U32(1),
            FieldValue::I64(1),
            FieldValue::Timestamp(1),
            FieldValue::F32(1f32.to_bits()),
            f64_value(1.0),
        ];
        for one in &ones {
            assert!(is_equal(one, &FieldValue::I32(1)), "{one:?}");
            assert!(!is_equal(one, &FieldValue::I32(2)), "{one:?}");
        }
    }

    #[test]
    fn a_number_is_no_text_and_no_truth() {
        assert!(!is_equal(&FieldValue::I32(1), &FieldValue::text("1")));
        assert!(!is_equal(&FieldValue::I32(1), &FieldValue::Boolean(true)));
        assert!(!is_equal(&FieldValue::text("true"), &FieldValue::Boolean(true)));
        assert!(!is_equal(&FieldValue::I32(0), &FieldValue::Void));
    }

    #[test]
    fn large_integers_are_compared_exactly_with_floats() {
        let two_to_53 = 9_007_199_254_740_992_i64;
        assert!(is_equal(&FieldValue::I64(two_to_53), &f64_value(9_007_199_254_740_992.0)));
        assert!(!is_equal(&FieldValue::I64(two_to_53 + 1), &f64_value(9_007_199_254_740_992.0)));
        assert!(is_equal(&f64_value(1e300), &f64_value(1e300)));
        assert!(!is_equal(&f64_value(0.5), &FieldValue::I32(0)));
    }

    #[test]
    fn a_long_string_and_a_byte_array_are_the_same_bytes() {
        let bytes = FieldValue::ByteArray(b"ab".to_vec().into());
        assert!(is_equal(&bytes, &FieldValue::text("ab")));
    }

    #[test]
    fn inside_of_an_array_the_type_counts() {
        let of = |value| FieldValue::Array(vec![value]);
        assert!(is_equal(&of(FieldValue::I32(1)), &of(FieldValue::I32(1))));
        assert!(!is_equal(&of(FieldValue::I32(1)), &of(FieldValue::I64(1))));
    }

    #[test]
    fn arguments_are_identical_in_any_order_and_never_across_types() {
        let encoded = |entries: Vec<(ShortStr, FieldValue)>| {
            let mut out = Vec::new();
            identity(&FieldTable::new(entries), &mut out);
            out
        };
        let one = (key("a"), FieldValue::I32(1));
        let two = (key("b"), FieldValue::I32(2));
        assert_eq!(encoded(vec![one.clone(), two.clone()]), encoded(vec![two, one.clone()]));
        assert_ne!(encoded(vec![one]), encoded(vec![(key("a"), FieldValue::I64(1))]));
    }

    #[test]
    fn values_are_written_as_erlang_terms() {
        let table = FieldTable::new(vec![(key("k"), FieldValue::Void)]);
        for (value, text) in [
            (FieldValue::text("bogus"), "<<\"bogus\">>"),
            (FieldValue::text("a\"b"), "<<\"a\\\"b\">>"),
            (FieldValue::text("é"), "<<\"é\"/utf8>>"),
            (FieldValue::ByteArray(vec![0, 255].into()), "<<0,255>>"),
            (FieldValue::I8(1), "1"),
            (FieldValue::Boolean(true), "true"),
            (f64_value(1.5), "1.5"),
            (
                FieldValue::Array(vec![FieldValue::I32(1), FieldValue::U8(2)]),
                "[{signedint,1},{unsignedbyte,2}]",
            ),
            (FieldValue::Table(table), "[{<<\"k\">>,void,undefined}]"),
            (FieldValue::Decimal { scale: 2, value: 314 }, "{2,314}"),
        ] {
            assert_eq!(term(&value), text);
        }
    }
}
