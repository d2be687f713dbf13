//! Text on a terminal: as wide as it looks, and nothing in it that a terminal would obey.

use unicode_width::UnicodeWidthChar as _;

/// On which side of its column a text stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Left,
    Right,
}

/// A name as it can be shown: what a terminal would obey, or what would turn or hide the text around
/// it, is written as an escape.
pub(super) fn harmless(text: &str) -> String {
    if !text.contains(is_dangerous) {
        return text.to_owned();
    }
    let shown = |c: char| {
        if is_dangerous(c) { c.escape_default().to_string() } else { c.to_string() }
    };
    text.chars().map(shown).collect()
}

/// Control characters, and those of Unicode that change the direction of a text or take no room.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{61c}' | '\u{ad}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// How many columns it takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

fn width_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// As much of the beginning as fits. A character of two columns that has room for one is left out.
pub(super) fn clip(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += width_of(c);
        if taken > columns {
            return &text[..at];
        }
    }
    text
}

/// A text in exactly so many columns; one that is cut ends with `~`.
pub(super) fn fit(text: &str, columns: usize, side: Side) -> String {
    let mut fitted = harmless(text);
    if width(&fitted) > columns {
        let kept = clip(&fitted, columns.saturating_sub(1)).len();
        fitted.truncate(kept);
        if columns > 0 {
            fitted.push('~');
        }
    }
    let room = " ".repeat(columns.saturating_sub(width(&fitted)));
    match side {
        Side::Left => fitted + &room,
        Side::Right => room + &fitted,
    }
}

/// A text on lines of at most so many columns, broken at blanks where there are some.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    for word in harmless(text).split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        let last = lines.last_mut().expect("it begins with a line and only grows");
        if !last.is_empty() && width(last) + 1 + width(word) <= columns {
            last.push(' ');
            last.push_str(word);
            continue;
        }
        if !last.is_empty() {
            lines.push(String::new());
        }
        loop {
            let piece = clip(word, columns);
            lines.last_mut().expect("it begins with a line and only grows").push_str(piece);
            word = &word[piece.len()..];
            if word.is_empty() || piece.is_empty() {
                break;
            }
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(width("订单"), 4);
        assert_eq!(fit("订单", 6, Side::Left), "订单  ");
        assert_eq!(fit("orders", 6, Side::Left), "orders");
        assert_eq!(fit("订单订单", 6, Side::Left), "订单~ ", "half a character has no room");
        assert_eq!(fit("7", 3, Side::Right), "  7");
        assert_eq!(fit("abc", 0, Side::Left), "");
        assert_eq!(clip("e\u{301}x", 1), "e\u{301}", "an accent takes no column");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(harmless("a\x1b[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(harmless("a\nb\u{9b}c\u{202e}d\u{200b}"), "a\\nb\\u{9b}c\\u{202e}d\\u{200b}");
        assert_eq!(harmless("订单 ü"), "订单 ü");
    }

    #[test]
    fn a_long_text_is_broken_at_blanks_and_a_long_word_anywhere() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh x", 3), ["abc", "def", "gh", "x"]);
        assert_eq!(wrapped("订单订单", 5), ["订单", "订单"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
