//! The text format of Prometheus. Pure.

use std::fmt::Write as _;

use super::parts::Parts;
use super::table::{Kind, Metric};

/// What is written.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// What was not handed over yet.
    out: String,
    /// Who takes it; without anybody it stays here.
    parts: Option<Parts>,
}

/// Labels of a line, in order; empty for none.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A line: its labels as they are written, and one value for each metric of its family.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) labels: String,
    pub(super) values: Vec<f64>,
}

impl Line {
    pub(super) fn new(labels: Labels<'_>, values: impl IntoIterator<Item = f64>) -> Self {
        Self { labels: written(labels), values: values.into_iter().collect() }
    }
}

impl Text {
    /// Text that goes to `parts` as it is written.
    pub(super) fn to(parts: Parts) -> Self {
        Self { parts: Some(parts), ..Self::default() }
    }

    /// The page is whole.
    pub(super) fn finish(self) {
        if let Some(parts) = self.parts {
            parts.finish(self.out);
        }
    }

    /// All lines of some metrics: metric by metric, as the format wants it.
    pub(super) fn lines(&mut self, prefix: &str, metrics: &[Metric], lines: &[Line]) {
        for (place, metric) in metrics.iter().enumerate() {
            self.head(prefix, metric);
            for line in lines {
                let Some(value) = line.values.get(place) else { continue };
                self.line(prefix, metric.name, "", &line.labels, *value);
            }
        }
    }

    /// A histogram, from counts of each size and the sum of all; the last size has no bound.
    pub(super) fn histogram(
        &mut self,
        prefix: &str,
        metric: &Metric,
        labels: Labels<'_>,
        (bounds, counts, sum): (&[u64], &[u64], u64),
    ) {
        self.head(prefix, metric);
        let mut all = 0;
        for (place, count) in counts.iter().enumerate() {
            all += count;
            let bound = bounds.get(place).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            let mut with_bound = labels.to_vec();
            with_bound.push(("le", &bound));
            self.line(prefix, metric.name, "_bucket", &written(&with_bound), float(all));
        }
        self.line(prefix, metric.name, "_count", &written(labels), float(all));
        self.line(prefix, metric.name, "_sum", &written(labels), float(sum));
    }

    fn head(&mut self, prefix: &str, Metric { name, kind, help }: &Metric) {
        let kind: &Kind = kind;
        let written = writeln!(
            self.out,
            "# TYPE {prefix}{name} {}\n# HELP {prefix}{name} {help}",
            kind.as_str()
        );
        written.expect("a string takes everything");
    }

    fn line(&mut self, prefix: &str, name: &str, suffix: &str, labels: &str, value: f64) {
        writeln!(self.out, "{prefix}{name}{suffix}{labels} {value}")
            .expect("a string takes everything");
        if let Some(parts) = &mut self.parts {
            parts.pass_on(&mut self.out);
        }
    }
}

/// A count as the format has it: numbers beyond 2^53 lose their last digits there, for everybody.
#[expect(clippy::cast_precision_loss, reason = "every number of the format is a double")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

/// `{a="b",c="d"}`. What a user named is escaped, so that a name ends no line and begins no label.
fn written(labels: Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let mut out = String::from("{");
    for (name, value) in labels {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(name);
        out.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                letter => out.push(letter),
            }
        }
        out.push('"');
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::super::table::{QUEUE_COARSE, RABBITMQ, SIZES};
    use super::*;

    #[test]
    fn a_family_is_written_metric_by_metric() {
        let lines = [
            Line::new(&[("vhost", "/"), ("queue", "订单")], [1.0, 0.0, 1.0]),
            Line::new(&[("vhost", "/"), ("queue", "b")], [2.5, 0.0, 18e15]),
        ];
        let mut text = Text::default();
        text.lines(RABBITMQ, &QUEUE_COARSE.metrics[..1], &lines);
        assert_eq!(
            text.out,
            "# TYPE rabbitmq_queue_messages_ready gauge\n# HELP rabbitmq_queue_messages_ready Messages that wait\n\
             rabbitmq_queue_messages_ready{vhost=\"/\",queue=\"订单\"} 1\n\
             rabbitmq_queue_messages_ready{vhost=\"/\",queue=\"b\"} 2.5\n"
        );
    }

    #[test]
    fn no_name_ends_a_label_or_a_line() {
        assert_eq!(written(&[("queue", "a\"} 1\nb\\")]), "{queue=\"a\\\"} 1\\nb\\\\\"}");
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn a_histogram_is_cumulative() {
        let mut text = Text::default();
        text.histogram(
            RABBITMQ,
            &SIZES,
            &[("protocol", "amqp091")],
            (&[100, 1000], &[3, 2, 1], 5_000),
        );
        let lines: Vec<&str> = text.out.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "rabbitmq_message_size_bytes_bucket{protocol=\"amqp091\",le=\"100\"} 3",
                "rabbitmq_message_size_bytes_bucket{protocol=\"amqp091\",le=\"1000\"} 5",
                "rabbitmq_message_size_bytes_bucket{protocol=\"amqp091\",le=\"+Inf\"} 6",
                "rabbitmq_message_size_bytes_count{protocol=\"amqp091\"} 6",
                "rabbitmq_message_size_bytes_sum{protocol=\"amqp091\"} 5000",
            ]
        );
    }
}
