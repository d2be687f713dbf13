//! The answer to "why does it not move?", as lines.

use serde_json::Value;

use super::text::{harmless, wrapped};

/// A text over the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Panel {
    pub title: String,
    /// Paragraphs, each with what it is indented by.
    pub paragraphs: Vec<(usize, String)>,
}

impl Panel {
    /// A panel with one line, for what is not known yet or cannot be known.
    pub(super) fn saying(title: String, line: String) -> Self {
        Self { title, paragraphs: vec![(0, line)] }
    }

    /// The findings, the worst first, as the API has them.
    pub(super) fn of(title: String, document: &Value) -> Self {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let findings = document["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut paragraphs = Vec::new();
        for finding in findings {
            let since = text(finding, "since");
            let since = if since.is_empty() { since } else { format!(", since {since}") };
            let (severity, name) = (text(finding, "severity"), text(finding, "name"));
            paragraphs.push((0, format!("{severity}: {name}{since}")));
            paragraphs.push((2, text(finding, "cause")));
            let fix = text(finding, "fix");
            if !fix.is_empty() {
                paragraphs.push((2, format!("What helps: {fix}")));
            }
            paragraphs.push((0, String::new()));
        }
        if findings.is_empty() {
            paragraphs.push((0, text(document, "summary")));
        }
        Self { title, paragraphs }
    }

    /// As lines of at most so many columns.
    pub(super) fn lines(&self, columns: usize) -> Vec<String> {
        let mut lines = vec![harmless(&self.title), String::new()];
        for (indent, paragraph) in &self.paragraphs {
            let room = columns.saturating_sub(*indent);
            lines.extend(
                wrapped(paragraph, room).into_iter().map(|line| " ".repeat(*indent) + &line),
            );
        }
        lines
    }
}
