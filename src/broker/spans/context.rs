//! Which trace a message belongs to, as its headers say it (W3C Trace Context). Pure.
//!
//! ```text
//! traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//!              |  trace id                         parent's span id |
//!              version                                              flags; the lowest bit: sampled
//! ```

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use crate::base::limits::TRACE_STATE_BYTES_MAX;
use crate::base::{FieldTable, FieldValue};

/// A trace; never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TraceId(pub NonZeroU128);

/// A span of a trace; never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SpanId(pub NonZeroU64);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What whoever published a message says of its trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The span that published.
    pub parent: SpanId,
    /// Whether the trace is recorded.
    pub is_sampled: bool,
    /// `tracestate`, as it came; empty when there is none.
    pub state: Box<str>,
}

/// The name of the header, in the case in which instrumentations write it.
pub(super) const TRACEPARENT: &[u8] = b"traceparent";

/// Length of the part that every version has.
const PARENT_CHARS: usize = 55;

impl TraceContext {
    /// What stands in the headers of a message; `None` without a `traceparent` that can be read, which the
    /// specification treats alike.
    #[must_use]
    pub fn read(headers: &FieldTable) -> Option<Self> {
        let mut context = Self::parse(text(headers.get(TRACEPARENT)?)?)?;
        // A tracestate that is too long is left out whole: the specification allows that, and no cut entry.
        let state = headers.get(b"tracestate").and_then(text);
        let state = state.filter(|state| state.len() <= TRACE_STATE_BYTES_MAX);
        if let Some(state) = state.filter(|state| state.bytes().all(|b| (0x20..0x7f).contains(&b)))
        {
            context.state = state.into();
        }
        Some(context)
    }

    /// Reads a `traceparent`. Of versions that are not there yet the part is read that every version has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (parent, rest) = text.split_at_checked(PARENT_CHARS)?;
        let [version, trace, span, flags] = fields(parent)?;
        let is_whole = match hex(version)? {
            0xff => return None,
            0 => rest.is_empty(),
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let trace = TraceId(NonZeroU128::new(hex(trace)?)?);
        let parent = SpanId(NonZeroU64::new(u64::try_from(hex(span)?).ok()?)?);
        let is_sampled = hex(flags)? & 1 == 1;
        is_whole.then(|| Self { trace, parent, is_sampled, state: Box::default() })
    }
}

/// Four fields of 2, 32, 16 and 2 characters with dashes between them.
fn fields(parent: &str) -> Option<[&str; 4]> {
    let mut fields = parent.split('-');
    let all = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    let lengths = all.map(str::len);
    (fields.next().is_none() && lengths == [2, 32, 16, 2]).then_some(all)
}

/// Lower case only, as the specification wants it; at most 32 digits.
fn hex(digits: &str) -> Option<u128> {
    let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex { u128::from_str_radix(digits, 16).ok() } else { None }
}

fn text(value: &FieldValue) -> Option<&str> {
    match value {
        FieldValue::LongString(bytes) | FieldValue::ByteArray(bytes) => {
            std::str::from_utf8(bytes).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::ShortStr;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn changed(at: usize, with: &str) -> String {
        format!("{}{with}{}", &GOOD[..at], &GOOD[at + with.len()..])
    }

    #[test]
    fn a_good_traceparent_gives_trace_parent_and_whether_it_is_sampled() {
        let context = TraceContext::parse(GOOD).expect("it is good");
        assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent.to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled);
        for (flags, is_sampled) in [("00", false), ("02", false), ("03", true), ("ff", true)] {
            let context = TraceContext::parse(&changed(53, flags)).expect("any flags are good");
            assert_eq!(context.is_sampled, is_sampled, "{flags}");
        }
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        let zeros = "0".repeat(32);
        for bad in [
            "",
            &GOOD[..54],
            &format!("{GOOD}-"),
            &format!("{GOOD}-00"),
            &changed(3, &zeros),
            &changed(36, &zeros[..16]),
            &changed(3, "4BF9"),
            &changed(53, "0A"),
            &changed(0, "ff"),
            &changed(0, "FF"),
            &changed(0, "0x"),
            &changed(3, "+b"),
            &changed(10, "g"),
            &changed(2, "_"),
            &changed(36, "-"),
            &changed(35, "0-"),
            &format!(" {GOOD}"),
            &changed(40, "é"),
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_version_to_come_is_read_as_far_as_it_is_known() {
        let later = changed(0, "cc");
        let known = TraceContext::parse(GOOD);
        for text in [later.clone(), format!("{later}-what-the-future-brings")] {
            assert_eq!(TraceContext::parse(&text), known, "{text}");
        }
        assert_eq!(TraceContext::parse(&format!("{later}.x")), None);
    }

    #[test]
    fn headers_hold_it_as_text_and_the_state_beside_it() {
        let headers = |pairs: &[(&str, FieldValue)]| -> FieldTable {
            let name = |name: &str| ShortStr::try_from(name).expect("short");
            pairs.iter().map(|(key, value)| (name(key), value.clone())).collect()
        };
        let bytes = FieldValue::ByteArray(Bytes::from_static(GOOD.as_bytes()));
        let state = |text: &str| ("tracestate", FieldValue::text(text));
        let read = |pairs: &[(&str, FieldValue)]| TraceContext::read(&headers(pairs));
        let (parent, long) = (("traceparent", FieldValue::text(GOOD)), "a=b,".repeat(129));
        for (pairs, expected) in [
            (vec![parent.clone()], ""),
            (vec![("traceparent", bytes)], ""),
            (vec![parent.clone(), state("vendor=1,other=x")], "vendor=1,other=x"),
            (vec![parent.clone(), state(&long)], ""),
            (vec![parent.clone(), state("a=\n")], ""),
            (vec![parent, ("tracestate", FieldValue::I32(1))], ""),
        ] {
            assert_eq!(&*read(&pairs).expect("a context").state, expected, "{pairs:?}");
        }
        assert_eq!(read(&[("traceparent", FieldValue::I64(1))]), None);
        assert_eq!(read(&[state("vendor=1")]), None);
    }
}
