//! The last lines of the log, in memory: for the management API, when no file is at hand.
//!
//! Lines have numbers without a gap from 1 on, so whoever looks again asks for what came after the last number it
//! has seen, and knows how many lines it missed. What is pushed out is counted by the numbers themselves.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::limits::{LOG_KEPT_BYTES_MAX, LOG_KEPT_LINE_BYTES_MAX, LOG_KEPT_LINES_MAX};

/// RabbitMQ's names of levels, the most serious first. What is below `debug` is called so, too.
pub const LOG_LEVEL_NAMES: [&str; 4] = ["error", "warning", "info", "debug"];

/// What a kept line takes beside its texts: the entry, its counters, its place, and the two allocations.
const LINE_OVERHEAD_BYTES: usize = 160;

/// One line of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptLine {
    /// Its number since the start, from 1 on.
    pub number: u64,
    /// When it was logged, in milliseconds since 1970.
    pub unix_ms: u64,
    /// One of [`LOG_LEVEL_NAMES`].
    pub level: &'static str,
    /// The module that logged it.
    pub target: Box<str>,
    /// What it says, without time and level.
    pub text: Box<str>,
    /// Bytes at the end of the text that were too many to be kept.
    pub cut_bytes: usize,
}

/// What was there at one look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLook {
    /// The lines that were asked for and are kept, in their order.
    pub lines: Vec<Arc<KeptLine>>,
    /// The number of the oldest kept line; one more than the last line's when none is kept.
    pub first: u64,
    /// The number of the last line; 0 before the first one.
    pub last: u64,
}

/// See the module.
pub struct LogRing {
    started_unix_ms: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Arc<KeptLine>>,
    bytes: usize,
    /// The number of the last line.
    last: u64,
}

impl LogRing {
    /// An empty one that begins at this moment, in milliseconds since 1970.
    #[must_use]
    pub fn new(started_unix_ms: u64) -> Self {
        Self { started_unix_ms, kept: Mutex::default() }
    }

    /// When it began, in milliseconds since 1970: numbers of lines mean something with this only.
    #[must_use]
    pub fn started_unix_ms(&self) -> u64 {
        self.started_unix_ms
    }

    /// Takes a line, and lets the oldest go for it.
    pub fn push(&self, unix_ms: u64, level: &'static str, target: &str, text: &str) {
        let text = text.trim_end_matches('\n');
        let kept = start_of(text, LOG_KEPT_LINE_BYTES_MAX);
        let mut line = KeptLine {
            number: 0,
            unix_ms,
            level,
            target: target.into(),
            text: kept.into(),
            cut_bytes: text.len() - kept.len(),
        };
        let mut ring = self.lock();
        ring.last += 1;
        line.number = ring.last;
        ring.bytes += line.cost();
        ring.lines.push_back(Arc::new(line));
        while ring.lines.len() > LOG_KEPT_LINES_MAX || ring.bytes > LOG_KEPT_BYTES_MAX {
            let Some(oldest) = ring.lines.pop_front() else { break };
            ring.bytes -= oldest.cost();
        }
    }

    /// The kept lines with a larger number than `after`; 0 is all of them.
    #[must_use]
    pub fn look(&self, after: u64) -> LogLook {
        let ring = self.lock();
        let first = ring.lines.front().map_or(ring.last + 1, |line| line.number);
        let passed =
            usize::try_from(after.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
        // Handles only: who reads them holds nobody up who logs.
        let lines = ring.lines.iter().skip(passed).cloned().collect();
        LogLook { lines, first, last: ring.last }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing between a change and its end can panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LogRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogRing").field("last", &self.lock().last).finish_non_exhaustive()
    }
}

impl KeptLine {
    fn cost(&self) -> usize {
        LINE_OVERHEAD_BYTES + self.target.len() + self.text.len()
    }
}

/// As much of a text as fits, without half a letter.
fn start_of(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> LogRing {
        LogRing::new(1_000)
    }

    fn numbers(look: &LogLook) -> Vec<u64> {
        look.lines.iter().map(|line| line.number).collect()
    }

    #[test]
    fn a_line_has_its_number_its_time_and_its_words() {
        let ring = ring();
        assert_eq!(ring.look(0), LogLook { lines: Vec::new(), first: 1, last: 0 });
        ring.push(1_234, "warning", "haremq::net", "look out queue=\"a\"\n");
        let look = ring.look(0);
        let line = KeptLine {
            number: 1,
            unix_ms: 1_234,
            level: "warning",
            target: "haremq::net".into(),
            text: "look out queue=\"a\"".into(),
            cut_bytes: 0,
        };
        assert_eq!(look, LogLook { lines: vec![Arc::new(line)], first: 1, last: 1 });
    }

    #[test]
    fn only_what_came_after_a_number_is_given() {
        let ring = ring();
        for text in ["a", "b", "c"] {
            ring.push(0, "info", "t", text);
        }
        assert_eq!(numbers(&ring.look(1)), [2, 3]);
        assert_eq!(numbers(&ring.look(3)), Vec::<u64>::new());
        assert_eq!(numbers(&ring.look(u64::MAX)), Vec::<u64>::new());
    }

    #[test]
    fn the_oldest_lines_go_when_there_are_too_many() {
        let ring = ring();
        for _ in 0..LOG_KEPT_LINES_MAX + 3 {
            ring.push(0, "info", "t", "x");
        }
        let look = ring.look(0);
        assert_eq!((look.lines.len(), look.first), (LOG_KEPT_LINES_MAX, 4));
        assert_eq!(look.last, LOG_KEPT_LINES_MAX as u64 + 3);
        assert_eq!(numbers(&ring.look(2)).first(), Some(&4), "3 is gone");
        assert_eq!(numbers(&ring.look(5)).first(), Some(&6));
    }

    #[test]
    fn the_oldest_lines_go_when_they_are_too_large() {
        let ring = ring();
        let long = "x".repeat(LOG_KEPT_LINE_BYTES_MAX);
        for _ in 0..1000 {
            ring.push(0, "info", "t", &long);
        }
        let look = ring.look(0);
        let bytes: usize = look.lines.iter().map(|line| line.cost()).sum();
        assert!(bytes <= LOG_KEPT_BYTES_MAX, "{bytes}");
        assert!(bytes + long.len() + 200 > LOG_KEPT_BYTES_MAX, "{bytes}: no more than needed go");
        assert_eq!(look.first, look.last + 1 - look.lines.len() as u64);
    }

    #[test]
    fn a_long_line_is_cut_between_two_letters_and_says_so() {
        let ring = ring();
        // Three bytes each: the bound falls into one of them.
        let long = "牛".repeat(LOG_KEPT_LINE_BYTES_MAX);
        ring.push(0, "error", "t", &long);
        let line = Arc::clone(&ring.look(0).lines[0]);
        assert!(line.text.len() <= LOG_KEPT_LINE_BYTES_MAX);
        assert!(line.text.len() + 3 > LOG_KEPT_LINE_BYTES_MAX);
        assert_eq!(line.text.len() + line.cut_bytes, long.len());
    }
}
