//! What a run shows at its end: aligned tables for people, or one JSON document.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::client::Server;
use super::load::{Ended, Outcome, Sample, Spent};
use super::meter::Latencies;
use super::number::{float, grouped, mib, micros, rounded, whole};

/// Tables and lines in order, and the same as a document.
#[derive(Default)]
pub(super) struct Report {
    tables: Vec<Table>,
    notes: Vec<String>,
    document: Map<String, Value>,
    /// Mode and broker, for the chart.
    pub(super) title: String,
    /// Intervals for the chart; the document has them too.
    pub(super) samples: Vec<Sample>,
    /// Something that must not be overlooked: the exit code says it as well.
    pub(super) failed: bool,
}

/// Rows of cells; the first row is the heading, the first column is text, the others are numbers.
struct Table(Vec<Vec<String>>);

impl Report {
    /// A report of this mode about this broker.
    pub(super) fn new(mode: &str, place: &str, server: &Server) -> Self {
        let mut report = Self::default();
        report.put("mode", mode);
        report.put("uri", place);
        report.put("broker", json!({ "product": server.product, "version": server.version }));
        let broker = format!("{} {}", server.product, server.version);
        report.title = format!("haremq perf {mode}: {broker}");
        report.notes.push(format!("{} at {place}", broker.trim_end()));
        report
    }

    /// A field of the document.
    pub(super) fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.document.insert(key.to_owned(), value.into());
    }

    /// A table with its heading.
    pub(super) fn table<const N: usize>(&mut self, heading: [&str; N], rows: Vec<[String; N]>) {
        let heading = heading.map(str::to_owned).to_vec();
        let rows = rows.into_iter().map(|row| row.to_vec());
        self.tables.push(Table(std::iter::once(heading).chain(rows).collect()));
    }

    /// A line under the tables.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// A line that says what went wrong.
    pub(super) fn fail(&mut self, text: impl Into<String>) {
        self.failed = true;
        self.notes.push(text.into());
    }

    /// Distributions of durations as rows, in µs; those without a value are left out.
    pub(super) fn latencies(&mut self, rows: &[(&str, &str, &Latencies)]) {
        let rows: Vec<_> = rows.iter().filter(|(.., all)| !all.is_empty()).collect();
        for (_, key, all) in &rows {
            self.put(key, latencies_value(all));
        }
        if rows.is_empty() {
            return;
        }
        let cells = rows.iter().map(|(name, _, all)| {
            let at = |quantile| micros(all.value_at_quantile(quantile));
            let (p50, p90, p99, p999) = (at(0.5), at(0.9), at(0.99), at(0.999));
            [(*name).to_owned(), p50, p90, p99, p999, micros(all.max()), grouped(all.len())]
        });
        let heading = ["latency in µs", "p50", "p90", "p99", "p99.9", "max", "samples"];
        self.table(heading, cells.collect());
    }

    /// What broker and generator cost.
    pub(super) fn processes(&mut self, outcome: &Outcome) {
        let messages = outcome.totals.messages();
        let row = |name: &str, spent: &Spent| {
            [
                name.to_owned(),
                format!("{:.2}", spent.cpu.as_secs_f64()),
                format!("{:.3}", spent.micros_per(messages)),
                mib(spent.rss_bytes),
                mib(spent.rss_highest_bytes),
            ]
        };
        let mut rows = Vec::new();
        if let Some(broker) = &outcome.broker {
            rows.push(row("broker", broker));
            self.put("broker_process", spent_value(broker, messages));
        }
        rows.push(row("generator", &outcome.generator));
        self.put("generator_process", spent_value(&outcome.generator, messages));
        let heading = ["process", "CPU s", "µs/message", "RSS MiB", "highest MiB"];
        self.table(heading, rows);
    }

    /// How a run ended: blocked publishers, missing messages.
    pub(super) fn ending(&mut self, outcome: &Outcome) {
        let elapsed = outcome.elapsed.as_secs_f64();
        let blocked = Duration::from_nanos(outcome.totals.blocked_ns).as_secs_f64();
        self.put("ended", outcome.ended.name());
        self.put("elapsed_s", figure(elapsed));
        self.put("blocked_s", figure(blocked));
        if blocked > 0.0 {
            self.note(format!("the broker blocked publishers for {blocked:.1} s"));
        }
        match outcome.ended {
            Ended::Complete | Ended::Duration => {}
            Ended::Interrupted => self.note(format!("ended by hand after {elapsed:.1} s")),
            Ended::Stalled => self.fail(format!(
                "messages are missing: {} published, {} delivered, {} acked, and nothing came for 10 s",
                grouped(outcome.totals.published),
                grouped(outcome.totals.delivered),
                grouped(outcome.totals.acked)
            )),
        }
    }

    /// The intervals.
    pub(super) fn put_samples(&mut self, samples: Vec<Sample>) {
        self.put("samples", samples.iter().map(sample_value).collect::<Vec<_>>());
        self.samples = samples;
    }

    /// Writes it: one JSON document, or tables with notes.
    pub(super) fn write(
        &self,
        as_json: bool,
        colours: bool,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        if as_json {
            return writeln!(output, "{}", Value::Object(self.document.clone()));
        }
        for table in &self.tables {
            table.write(colours, output)?;
            writeln!(output)?;
        }
        for note in &self.notes {
            writeln!(output, "{note}")?;
        }
        Ok(())
    }
}

impl Table {
    fn write(&self, colours: bool, output: &mut dyn Write) -> io::Result<()> {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (number, row) in self.0.iter().enumerate() {
            let mut line = String::new();
            for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let cell = if place == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("  {cell:>width$}")
                };
                line.push_str(&cell);
            }
            let line = line.trim_end();
            if number == 0 && colours {
                writeln!(output, "\x1b[1m{line}\x1b[0m")?;
            } else {
                writeln!(output, "{line}")?;
            }
        }
        Ok(())
    }
}

/// Rounded so that a document does not show digits that nobody measured.
pub(super) fn figure(number: f64) -> Value {
    let thousandths = rounded(number * 1000.0);
    json!(float(thousandths) / 1000.0)
}

/// A rate for tables.
pub(super) fn rate(number: f64) -> String {
    if number < 100.0 { format!("{number:.1}") } else { whole(number) }
}

pub(super) fn latencies_value(all: &Latencies) -> Value {
    let micros = |ns: u64| figure(float(ns) / 1000.0);
    let at = |quantile| micros(all.value_at_quantile(quantile));
    json!({
        "samples": all.len(),
        "min": micros(all.min()),
        "p50": at(0.5),
        "p90": at(0.9),
        "p99": at(0.99),
        "p99_9": at(0.999),
        "max": micros(all.max()),
    })
}

fn spent_value(spent: &Spent, messages: u64) -> Value {
    json!({
        "cpu_s": figure(spent.cpu.as_secs_f64()),
        "cpu_us_per_message": figure(spent.micros_per(messages)),
        "rss_bytes": spent.rss_bytes,
        "rss_highest_bytes": spent.rss_highest_bytes,
    })
}

fn sample_value(sample: &Sample) -> Value {
    json!({
        "at_s": figure(sample.at.as_secs_f64()),
        "publish_rate": figure(sample.publish_rate),
        "confirm_rate": figure(sample.confirm_rate),
        "deliver_rate": figure(sample.deliver_rate),
        "p50_us": figure(float(sample.p50_ns) / 1000.0),
        "p99_us": figure(float(sample.p99_ns) / 1000.0),
        "cpu_us_per_message": sample.cpu_us_per_message.map(figure),
        "rss_bytes": sample.rss_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let server = Server { product: "Broker".into(), version: "1.2".into() };
        let mut report = Report::new("throughput", "amqp://h:1/v", &server);
        let row = |name: &str, number: &str| [name.to_owned(), number.to_owned()];
        report.table(["name", "rate"], vec![row("published", "1"), row("x", "1,000")]);
        report.put("rate", figure(1.23456));
        report.note("a note");
        report
    }

    fn written(as_json: bool, colours: bool) -> String {
        let mut output = Vec::new();
        report().write(as_json, colours, &mut output).expect("a vector takes everything");
        String::from_utf8(output).expect("text")
    }

    #[test]
    fn a_table_is_aligned() {
        let wanted = "name        rate\npublished      1\nx          1,000\n\n\
                      Broker 1.2 at amqp://h:1/v\na note\n";
        assert_eq!(written(false, false), wanted);
        assert!(written(false, true).starts_with("\x1b[1mname        rate\x1b[0m\n"));
    }

    #[test]
    fn json_is_one_document_and_nothing_else() {
        let text = written(true, true);
        assert_eq!(text.lines().count(), 1);
        let value: Value = serde_json::from_str(&text).expect("a document");
        assert_eq!(value["mode"], "throughput");
        assert_eq!(value["broker"]["version"], "1.2");
        assert_eq!(value["rate"], 1.235);
    }
}
