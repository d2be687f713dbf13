//! What a terminal sends when a key is pressed.

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Tab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C or Ctrl-D: a terminal in raw mode makes no signal of it.
    Interrupt,
    /// Ctrl-L.
    Redraw,
    /// Ctrl-Z, of which a terminal in raw mode makes no signal either.
    Suspend,
}

/// Turns bytes into keys; the beginning of a character whose rest is on its way is kept.
#[derive(Default, Debug)]
pub(super) struct Keys {
    kept: Vec<u8>,
}

impl Keys {
    /// What one read brought. An escape at its end is the key of that name: a terminal writes the
    /// bytes of an arrow at once.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.kept.extend_from_slice(bytes);
        let kept = std::mem::take(&mut self.kept);
        let mut rest = kept.as_slice();
        let mut keys = Vec::new();
        while !rest.is_empty() {
            let Some((key, used)) = first(rest) else {
                self.kept = rest.to_vec();
                break;
            };
            keys.extend(key);
            rest = &rest[used..];
        }
        keys
    }
}

/// The first key and its bytes; no key for what stands for none here, `None` when bytes are missing.
fn first(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let key = match bytes[0] {
        ESCAPE => return Some(escaped(bytes)),
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        8 | 127 => Key::Backspace,
        CTRL_C | CTRL_D => Key::Interrupt,
        CTRL_L => Key::Redraw,
        CTRL_Z => Key::Suspend,
        byte if byte < b' ' => return Some((None, 1)),
        byte if byte < 128 => Key::Char(char::from(byte)),
        _ => return character(bytes),
    };
    Some((Some(key), 1))
}

fn character(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let piece = &bytes[..bytes.len().min(4)];
    let (text, broken) = match std::str::from_utf8(piece) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = std::str::from_utf8(&piece[..error.valid_up_to()]).unwrap_or_default();
            (good, Some(error.error_len()))
        }
    };
    match (text.chars().next(), broken) {
        (Some(c), _) => Some(((!c.is_control()).then_some(Key::Char(c)), c.len_utf8())),
        (None, Some(Some(wrong))) => Some((None, wrong)),
        (None, _) => None,
    }
}

/// `ESC [ A`, `ESC O A`, `ESC [ 5 ~`; a sequence that is none of these is skipped as a whole.
fn escaped(bytes: &[u8]) -> (Option<Key>, usize) {
    if !matches!(bytes.get(1), Some(b'[' | b'O')) {
        return (Some(Key::Escape), 1);
    }
    let is_final = |byte: &u8| (0x40..=0x7e).contains(byte);
    let Some(len) = bytes[2..].iter().position(is_final) else {
        // Cut off: nothing of it is meant as text.
        return (None, bytes.len());
    };
    let used = len + 3;
    let key = match &bytes[2..used] {
        b"A" => Key::Up,
        b"B" => Key::Down,
        b"C" => Key::Right,
        b"D" => Key::Left,
        b"H" | b"1~" | b"7~" => Key::Home,
        b"F" | b"4~" | b"8~" => Key::End,
        b"5~" => Key::PageUp,
        b"6~" => Key::PageDown,
        b"M" if bytes[1] == b'O' => Key::Enter,
        _ => return (None, used),
    };
    (Some(key), used)
}

const ESCAPE: u8 = 0x1b;
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_L: u8 = 12;
const CTRL_Z: u8 = 26;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Key> {
        Keys::default().read(bytes)
    }

    #[test]
    fn arrows_come_in_both_modes_of_a_terminal() {
        assert_eq!(
            read(b"\x1b[A\x1bOB\x1b[5~q"),
            [Key::Up, Key::Down, Key::PageUp, Key::Char('q')]
        );
        assert_eq!(read(b"\x1b[H\x1b[4~"), [Key::Home, Key::End]);
        assert_eq!(read(b"\x1b"), [Key::Escape]);
        assert_eq!(read(b"\x1b[1;5Ax"), [Key::Char('x')], "Ctrl and an arrow stand for nothing");
        assert_eq!(read(b"\x1b[12"), [], "half a sequence is no text");
        assert_eq!(
            read(b"\x03\x7f\r\x01\x1a"),
            [Key::Interrupt, Key::Backspace, Key::Enter, Key::Suspend]
        );
    }

    #[test]
    fn a_character_may_come_in_two_reads_and_what_is_no_text_is_passed_over() {
        let mut keys = Keys::default();
        assert_eq!(keys.read(&"订".as_bytes()[..2]), []);
        assert_eq!(keys.read(&"订".as_bytes()[2..]), [Key::Char('订')]);
        assert_eq!(keys.read(b"\xffa\xe8\xa8b"), [Key::Char('a'), Key::Char('b')]);
        assert_eq!(keys.read("ü单".as_bytes()), [Key::Char('ü'), Key::Char('单')]);
    }

    #[test]
    fn no_bytes_are_waited_for_without_end() {
        // Every start of two bytes gives keys or waits for at most three more.
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let mut keys = Keys::default();
                let _ = keys.read(&[a, b]);
                assert!(keys.kept.len() < 4, "{a} {b}");
            }
        }
    }
}
