//! Renders bytes as Erlang prints terms, because clients and tools match on the texts.

use std::fmt;

/// A binary as `~p` prints it: `<<"text">>` when every byte is printable, else `<<1,2,3>>`.
pub(super) struct Pretty<'a>(pub(super) &'a [u8]);

/// A binary as `~w` prints it: always `<<1,2,3>>`.
pub(super) struct Numbers<'a>(pub(super) &'a [u8]);

/// A string as `~p` prints it: `"text"` when every byte is printable, else `[1,2,3]`.
pub(super) struct List<'a>(pub(super) &'a [u8]);

impl fmt::Display for Pretty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() || !self.0.iter().all(|octet| is_printable(*octet)) {
            return Numbers(self.0).fmt(f);
        }
        f.write_str("<<\"")?;
        write_escaped(self.0, f)?;
        f.write_str("\">>")
    }
}

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<<")?;
        write_numbers(self.0, f)?;
        f.write_str(">>")
    }
}

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() || !self.0.iter().all(|octet| is_printable(*octet)) {
            f.write_str("[")?;
            write_numbers(self.0, f)?;
            return f.write_str("]");
        }
        f.write_str("\"")?;
        write_escaped(self.0, f)?;
        f.write_str("\"")
    }
}

/// Printable ASCII and the control characters that have an escape of their own.
fn is_printable(octet: u8) -> bool {
    matches!(octet, 32..=126 | 8..=13 | 27)
}

fn write_numbers(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, octet) in bytes.iter().enumerate() {
        if at > 0 {
            f.write_str(",")?;
        }
        write!(f, "{octet}")?;
    }
    Ok(())
}

fn write_escaped(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for octet in bytes {
        match octet {
            b'"' => f.write_str("\\\"")?,
            b'\\' => f.write_str("\\\\")?,
            8 => f.write_str("\\b")?,
            9 => f.write_str("\\t")?,
            10 => f.write_str("\\n")?,
            11 => f.write_str("\\v")?,
            12 => f.write_str("\\f")?,
            13 => f.write_str("\\r")?,
            27 => f.write_str("\\e")?,
            _ => write!(f, "{}", char::from(*octet))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_text_when_it_can_be() {
        assert_eq!(Pretty(b"").to_string(), "<<>>");
        assert_eq!(Pretty(b"abc").to_string(), "<<\"abc\">>");
        assert_eq!(Pretty(b"a\"\\\n\x1b").to_string(), "<<\"a\\\"\\\\\\n\\e\">>");
        assert_eq!(Pretty(&[1, 0, 255]).to_string(), "<<1,0,255>>");
        assert_eq!(Pretty(&[97, 7]).to_string(), "<<97,7>>");
    }

    #[test]
    fn the_other_forms_follow_erlang_too() {
        assert_eq!(Numbers(b"ab").to_string(), "<<97,98>>");
        assert_eq!(List(b"ab c").to_string(), "\"ab c\"");
        assert_eq!(List(&[1, 2]).to_string(), "[1,2]");
    }
}
