//! One line on a terminal that says how far a long work is.

use std::io::{self, IsTerminal as _, Write};

use crate::store::Pass;

/// A bar of one line. Without a terminal it says nothing.
pub struct Progress {
    terminal: Option<Box<dyn Write>>,
    shown: Option<(&'static str, u64)>,
}

impl Progress {
    /// On standard error, when that is a terminal.
    #[must_use]
    pub fn on_standard_error() -> Self {
        let terminal = io::stderr().is_terminal();
        let terminal = terminal.then(|| Box::new(io::stderr()) as Box<dyn Write>);
        Self { terminal, shown: None }
    }

    /// Says nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self { terminal: None, shown: None }
    }

    /// How far the reading of a folder is.
    pub(super) fn pass(&mut self, pass: Pass, done: u64, total: u64) {
        let name = match pass {
            Pass::Find => "find",
            Pass::Replay => "replay",
            Pass::Check => "check",
        };
        self.show(name, done, total);
    }

    /// `done` of `total` bytes of some work; drawn when the percentage changed.
    pub(super) fn show(&mut self, what: &'static str, done: u64, total: u64) {
        self.draw(what, done, total, bytes);
    }

    /// `done` of `total` things; the text behind them says more. Drawn each time.
    pub(crate) fn show_count(&mut self, what: &'static str, done: u64, total: u64, more: &str) {
        self.shown = None;
        self.draw(what, done, total, |count| count.to_string());
        if let Some(terminal) = &mut self.terminal {
            // As below.
            let _ = write!(terminal, "{more}");
            let _ = terminal.flush();
        }
    }

    fn draw(&mut self, what: &'static str, done: u64, total: u64, shown: fn(u64) -> String) {
        let Some(terminal) = &mut self.terminal else { return };
        let percent = (done.min(total) * 100).checked_div(total).unwrap_or(100);
        if self.shown == Some((what, percent)) {
            return;
        }
        self.shown = Some((what, percent));
        // A terminal that is gone is no reason to stop the work.
        let _ =
            write!(terminal, "\r{}", line(what, percent, &shown(done.min(total)), &shown(total)));
        let _ = terminal.flush();
    }

    /// Takes the bar away, so that something else can be written there.
    pub(crate) fn clear(&mut self) {
        if self.shown.take().is_some()
            && let Some(terminal) = &mut self.terminal
        {
            // As above. "Erase in line" is understood by every terminal since the VT100.
            let _ = write!(terminal, "\r\x1b[K");
            let _ = terminal.flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn line(what: &str, percent: u64, done: &str, total: &str) -> String {
    // At most 100, so it fits.
    let filled = usize::try_from(percent).unwrap_or(100) * WIDTH / 100;
    format!("{what:<6} [{:<WIDTH$}] {percent:>3} %  {done} of {total}\x1b[K", "#".repeat(filled))
}

/// Bytes for people, in whole units and a tenth.
pub(super) fn bytes(count: u64) -> String {
    let mut unit = 1;
    let mut name = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if count / unit < 1024 {
            break;
        }
        unit *= 1024;
        name = next;
    }
    if unit == 1 {
        return format!("{count} B");
    }
    format!("{}.{} {name}", count / unit, count % unit * 10 / unit)
}

const WIDTH: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_percent_and_bytes() {
        let half = line("check", 50, &bytes(8 << 20), &bytes(16 << 20));
        assert!(half.starts_with(&format!("check  [{:<30}]  50 %", "#".repeat(15))), "{half}");
        assert!(half.contains("8.0 MiB of 16.0 MiB"), "{half}");
        let widest = line("replay", 100, &bytes((1 << 50) - 1), &bytes((1 << 50) - 1));
        assert!(widest.trim_end_matches("\x1b[K").len() < 80, "it must not wrap: {widest}");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
    }
}
