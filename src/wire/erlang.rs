//! Renders bytes as Erlang prints terms, because clients and tools match on the texts.
//!
//! Characters are printable as in an Erlang shell without further settings: those of Latin-1. Erlang's
//! breaking of terms into lines of eighty columns is not followed.

use std::fmt;

/// A binary as `~tp` prints it: `<<"text">>` when every character is printable, else `<<1,2,3>>`.
pub(super) struct Pretty<'a>(pub(super) &'a [u8]);

/// A binary as `~w` prints it: always `<<1,2,3>>`.
pub(super) struct Numbers<'a>(pub(super) &'a [u8]);

/// A list of octets as `~tp` prints it: `"text"` when every character is printable, else `[1,2,3]`.
pub(super) struct List<'a>(pub(super) &'a [u8]);

impl fmt::Display for Pretty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("<<>>");
        }
        // Text beyond ASCII is read as UTF-8, and as Latin-1 only when it is none.
        match std::str::from_utf8(self.0) {
            Ok(text) if !text.chars().all(is_printable) => Numbers(self.0).fmt(f),
            Ok(text) => {
                f.write_str("<<\"")?;
                write_escaped(text.chars(), f)?;
                f.write_str(if text.is_ascii() { "\">>" } else { "\"/utf8>>" })
            }
            Err(_) if !latin_1(self.0).all(is_printable) => Numbers(self.0).fmt(f),
            Err(_) => {
                f.write_str("<<\"")?;
                write_escaped(latin_1(self.0), f)?;
                f.write_str("\">>")
            }
        }
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
        if self.0.is_empty() || !latin_1(self.0).all(is_printable) {
            f.write_str("[")?;
            write_numbers(self.0, f)?;
            return f.write_str("]");
        }
        f.write_str("\"")?;
        write_escaped(latin_1(self.0), f)?;
        f.write_str("\"")
    }
}

/// One character per octet.
fn latin_1(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.iter().map(|octet| char::from(*octet))
}

/// What Erlang prints as it is, and the control characters that have an escape of their own.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{ff}' | '\u{8}'..='\u{d}' | '\u{1b}')
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

fn write_escaped(text: impl Iterator<Item = char>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\u{8}' => f.write_str("\\b")?,
            '\t' => f.write_str("\\t")?,
            '\n' => f.write_str("\\n")?,
            '\u{b}' => f.write_str("\\v")?,
            '\u{c}' => f.write_str("\\f")?,
            '\r' => f.write_str("\\r")?,
            '\u{1b}' => f.write_str("\\e")?,
            _ => write!(f, "{c}")?,
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
        assert_eq!(Pretty(&[97, 127]).to_string(), "<<97,127>>");
    }

    #[test]
    fn a_binary_beyond_ascii_is_utf8_or_latin_1() {
        assert_eq!(Pretty("é".as_bytes()).to_string(), "<<\"é\"/utf8>>");
        assert_eq!(Pretty(&[200, 201]).to_string(), "<<\"ÈÉ\">>");
        assert_eq!(Pretty("订".as_bytes()).to_string(), "<<232,174,162>>");
    }

    #[test]
    fn the_other_forms_follow_erlang_too() {
        assert_eq!(Numbers(b"ab").to_string(), "<<97,98>>");
        assert_eq!(List(b"ab c").to_string(), "\"ab c\"");
        assert_eq!(List(&[0xe9]).to_string(), "\"é\"");
        assert_eq!(List(&[1, 2]).to_string(), "[1,2]");
    }
}
