//! What a run says at its end.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::claim::Counts;
use super::run::Outcome;
use super::state::{Known, QueueKey, Standing};
use super::survey::Skipped;

/// Everything that is told.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) from: String,
    pub(super) to: String,
    /// How many definitions of which kind, when they were copied.
    pub(super) definitions: Vec<(&'static str, usize)>,
    /// Lines for people: what was left out, given or is to be known.
    pub(super) notes: Vec<String>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) queues: BTreeMap<QueueKey, Known>,
    pub(super) outcomes: BTreeMap<QueueKey, Outcome>,
    /// Unacked at the source, with some consumer.
    pub(super) unacked: BTreeMap<QueueKey, u64>,
    /// Queues that nobody came to.
    pub(super) untouched: usize,
    pub(super) interrupted: bool,
    /// Nothing was done: it says what would be.
    pub(super) is_rehearsal: bool,
    /// What ended the run.
    pub(super) failure: Option<String>,
    pub(super) state: String,
}

impl Report {
    pub(super) fn totals(&self) -> Counts {
        self.queues.values().fold(Counts::default(), |mut sum, known| {
            sum.add(known.counts);
            sum
        })
    }

    /// Whether the target has in each queue what it should have.
    fn checks(&self, key: &QueueKey) -> Option<bool> {
        let (expected, found) = self.outcomes.get(key)?.target?;
        Some(i64::try_from(found).is_ok_and(|found| found == expected))
    }

    pub(super) fn is_good(&self) -> bool {
        self.failure.is_none()
            && !self.interrupted
            && self.untouched == 0
            && self.unacked.values().all(|count| *count == 0)
            && self.queues.iter().all(|(key, known)| {
                known.standing == Standing::Done && self.checks(key) != Some(false)
            })
    }

    pub(super) fn to_json(&self) -> Value {
        let queues = self.queues.iter().map(|(key, known)| {
            let outcome = self.outcomes.get(key).cloned().unwrap_or_default();
            let mut queue = known.counts.to_json();
            queue["vhost"] = json!(key.0);
            queue["queue"] = json!(key.1);
            queue["done"] = json!(known.standing == Standing::Done);
            queue["ready_at_source"] = json!(outcome.ready);
            queue["unacked_at_source"] = json!(self.unacked.get(key).copied().unwrap_or(0));
            queue["expected_at_target"] = json!(outcome.target.map(|(expected, _)| expected));
            queue["found_at_target"] = json!(outcome.target.map(|(_, found)| found));
            queue["problem"] = json!(outcome.problem);
            queue
        });
        let skipped = self.skipped.iter().map(|one| {
            json!({"vhost": one.vhost, "queue": one.name, "messages": one.messages, "why": one.why})
        });
        json!({
            "from": self.from, "to": self.to, "good": self.is_good(), "interrupted": self.interrupted,
            "failure": self.failure, "state": self.state, "notes": self.notes,
            "definitions": self.definitions.iter().copied().collect::<BTreeMap<_, _>>(),
            "totals": self.totals().to_json(), "queues_not_begun": self.untouched,
            "queues": queues.collect::<Vec<_>>(), "skipped": skipped.collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub(super) fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        if !self.definitions.is_empty() {
            let counts = self.definitions.iter().map(|(kind, count)| format!("{count} {kind}"));
            writeln!(output, "definitions: {}", counts.collect::<Vec<_>>().join(", "))?;
        }
        for note in &self.notes {
            writeln!(output, "note: {note}")?;
        }
        for Skipped { vhost, name, messages, why } in &self.skipped {
            writeln!(output, "not moved: '{name}' in '{vhost}' ({messages} messages), {why}")?;
        }
        self.write_queues(output)?;
        let Counts { moved, recognised, doubles, redelivered } = self.totals();
        if !self.queues.is_empty() {
            writeln!(output, "\nmoved              {moved}")?;
            writeln!(output, "possibly double    {doubles}")?;
            writeln!(output, "recognised         {recognised} (were at the target already)")?;
            writeln!(output, "came redelivered   {redelivered}")?;
        }
        if let Some(failure) = &self.failure {
            writeln!(output, "stopped: {failure}")?;
        }
        if self.is_rehearsal {
            return writeln!(output, "nothing was changed");
        }
        if self.is_good() {
            let checked =
                if self.queues.is_empty() { "" } else { ", and the check found nothing missing" };
            return writeln!(output, "all is done{checked}");
        }
        if self.untouched > 0 {
            writeln!(output, "{} queues were not begun", self.untouched)?;
        }
        writeln!(
            output,
            "not everything is done: give the same command again to go on ({})",
            self.state
        )
    }

    fn write_queues(&self, output: &mut dyn Write) -> io::Result<()> {
        let seen: Vec<_> = self.queues.iter().filter(|(key, _)| self.has_news(key)).collect();
        let width = |of: fn(&QueueKey) -> &str, least: usize| {
            let widths = seen.iter().map(|(key, _)| of(key).chars().count());
            widths.chain([least]).max().unwrap_or(least)
        };
        let (names, vhosts) = (width(|key| &key.1, 5), width(|key| &key.0, 5));
        if !seen.is_empty() {
            writeln!(
                output,
                "\n{:<names$}  {:<vhosts$}  {:>9}  {:>6}  {:>7}  target",
                "queue", "vhost", "moved", "ready", "unacked"
            )?;
        }
        for (key, known) in seen {
            let outcome = self.outcomes.get(key).cloned().unwrap_or_default();
            let unacked = self.unacked.get(key).copied().unwrap_or(0);
            let target = match outcome.target {
                None => "not compared".to_owned(),
                Some((_, found)) if self.checks(key) == Some(true) => {
                    format!("{found} as expected")
                }
                Some((expected, found)) => format!("{found}, and {expected} were expected"),
            };
            writeln!(
                output,
                "{:<names$}  {:<vhosts$}  {:>9}  {:>6}  {unacked:>7}  {target}",
                shown(&key.1),
                shown(&key.0),
                known.counts.moved,
                outcome.ready
            )?;
            if let Some(problem) = outcome.problem {
                writeln!(output, "  {problem}")?;
            }
        }
        Ok(())
    }

    /// Queues that were empty all along are only counted.
    fn has_news(&self, key: &QueueKey) -> bool {
        let moved = self.queues.get(key).is_some_and(|known| known.counts != Counts::default());
        let outcome = self.outcomes.get(key);
        moved
            || self.unacked.get(key).is_some_and(|count| *count > 0)
            || outcome.is_some_and(|outcome| outcome.problem.is_some() || outcome.ready > 0)
    }
}

/// Control characters would move the cursor.
fn shown(name: &str) -> String {
    name.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome, standing: Standing) -> Report {
        let key = ("/".to_owned(), "q\n".to_owned());
        let counts = Counts { moved: 5, recognised: 1, doubles: 2, redelivered: 3 };
        Report {
            queues: BTreeMap::from([(key.clone(), Known { standing, counts })]),
            outcomes: BTreeMap::from([(key, outcome)]),
            ..Report::default()
        }
    }

    fn text(report: &Report) -> String {
        let mut text = Vec::new();
        report.write(&mut text).expect("memory takes everything");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn a_run_is_good_when_every_queue_is_empty_and_the_target_has_what_it_should() {
        let outcome = Outcome { target: Some((7, 7)), ..Outcome::default() };
        let good = report(outcome.clone(), Standing::Done);
        assert!(good.is_good());
        assert!(
            text(&good).contains("7 as expected") && text(&good).contains("q\\n"),
            "{}",
            text(&good)
        );
        assert_eq!(good.to_json()["totals"]["possibly_double"], 2);
        let rehearsal = Report { is_rehearsal: true, ..Report::default() };
        assert_eq!(text(&rehearsal), "nothing was changed\n");
        assert!(!report(outcome.clone(), Standing::Left).is_good());
        let missing =
            report(Outcome { target: Some((7, 6)), ..Outcome::default() }, Standing::Done);
        assert!(!missing.is_good());
        assert!(text(&missing).contains("6, and 7 were expected"), "{}", text(&missing));
        let mut unacked = report(outcome, Standing::Done);
        unacked.unacked.insert(("/".to_owned(), "q\n".to_owned()), 1);
        assert!(!unacked.is_good());
    }
}
