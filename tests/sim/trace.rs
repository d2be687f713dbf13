//! What happened, for whoever looks for a fault.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Write as _;

/// As many lines as a failure shows.
const KEPT: usize = 50;

/// See the module.
pub(super) struct Trace {
    last: VecDeque<String>,
    prints: bool,
    hash: u64,
    pub(super) step: usize,
}

impl Trace {
    pub(super) fn new(prints: bool) -> Self {
        Self { last: VecDeque::new(), prints, hash: 0xcbf2_9ce4_8422_2325, step: 0 }
    }

    /// Something happens.
    pub(super) fn say(&mut self, what: &str) {
        let line = format!("{:>6}  {what}", self.step);
        self.mix(line.as_bytes());
        if self.prints {
            print(&line);
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Bytes that a client saw: two runs of one seed see the same.
    pub(super) fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// A number for everything that was said and seen.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn last_lines(&self) -> String {
        let mut text = String::new();
        for line in &self.last {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

/// A line on standard error, past the test harness, which keeps what a passing test prints.
pub(super) fn print(line: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "{line}");
}
