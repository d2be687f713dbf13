//! One line on a terminal that says how a run goes.

use std::io::{self, IsTerminal as _, Write};

use super::load::Sample;
use super::meter::Totals;
use super::number::{mib, micros, whole};

/// The line. Without a terminal it says nothing.
pub(super) struct Live {
    terminal: Option<Box<dyn Write>>,
    drawn: bool,
    /// What producers do: most publish.
    pub(super) done: &'static str,
}

impl Live {
    /// On standard error, when that is a terminal.
    pub(super) fn on_standard_error() -> Self {
        let terminal = io::stderr().is_terminal();
        let terminal = terminal.then(|| Box::new(io::stderr()) as Box<dyn Write>);
        Self { terminal, drawn: false, done: "published" }
    }

    /// What the last interval brought.
    pub(super) fn show(&mut self, sample: &Sample, totals: &Totals) {
        self.say(&line(self.done, sample, totals));
    }

    /// Anything of one line.
    pub(super) fn say(&mut self, text: &str) {
        let Some(terminal) = &mut self.terminal else { return };
        self.drawn = true;
        // A terminal that is gone is no reason to stop the run.
        let _ = write!(terminal, "\r{text}\x1b[K");
        let _ = terminal.flush();
    }

    /// Takes the line away, so that something else can be written there.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn)
            && let Some(terminal) = &mut self.terminal
        {
            // As above.
            let _ = write!(terminal, "\r\x1b[K");
            let _ = terminal.flush();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

fn line(done: &str, sample: &Sample, totals: &Totals) -> String {
    let mut parts = vec![format!("{:.0} s", sample.at.as_secs_f64())];
    if totals.published > 0 {
        parts.push(format!("{done} {}/s", whole(sample.publish_rate)));
    }
    if totals.confirmed > 0 {
        parts.push(format!("confirmed {}/s", whole(sample.confirm_rate)));
    }
    if totals.delivered > 0 {
        parts.push(format!("delivered {}/s", whole(sample.deliver_rate)));
    }
    if sample.p99_ns > 0 {
        let (p50, p99) = (micros(sample.p50_ns), micros(sample.p99_ns));
        parts.push(format!("p50 {p50} µs  p99 {p99} µs"));
    }
    if totals.blocked_ns > 0 {
        parts.push("blocked by the broker".to_owned());
    }
    if let Some(cpu) = sample.cpu_us_per_message {
        parts.push(format!("broker {cpu:.2} µs/message"));
    }
    if let Some(rss) = sample.rss_bytes {
        parts.push(format!("{} MiB", mib(rss)));
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_line_says_only_what_there_is() {
        let mut sample = Sample { at: Duration::from_secs(3), ..Sample::default() };
        sample.publish_rate = 1_234.4;
        let mut totals = Totals { published: 1, ..Totals::default() };
        assert_eq!(line("published", &sample, &totals), "3 s  published 1,234/s");
        totals.delivered = 1;
        (sample.p50_ns, sample.p99_ns) = (50_000, 123_456);
        (sample.cpu_us_per_message, sample.rss_bytes) = (Some(0.456), Some(1 << 20));
        let wanted = "3 s  published 1,234/s  delivered 0/s  p50 50.0 µs  p99 123.4 µs  \
                      broker 0.46 µs/message  1.0 MiB";
        assert_eq!(line("published", &sample, &totals), wanted);
    }
}
