//! `haremq store check`: what a data folder holds, and what of it is damaged.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::command::State;
use super::folder::Folder;
use super::progress::bytes;
use super::{CtlError, Progress};
use crate::store::{CheckReport, Damage, check};

/// Reads everything and writes the report.
pub(super) fn store_check(
    folder: &Path,
    as_json: bool,
    output: &mut dyn Write,
    progress: &mut Progress,
) -> Result<State, CtlError> {
    let folder = Folder::open(folder)?;
    let messages = folder.messages.clone();
    let report = check(messages, &mut |pass, done, total| progress.pass(pass, done, total))?;
    progress.clear();
    let problems = &folder.definitions.problems;
    let whole = report.damages.is_empty() && report.lost_messages == 0 && problems.is_empty();
    let state = if whole { State::Whole } else { State::Damaged };
    let rows = rows(&folder, &report);
    if as_json {
        writeln!(output, "{}", as_value(&report, &rows, problems, state))?;
    } else {
        write_summary(&report, output)?;
        write_queues(&rows, output)?;
        write_findings(&report, problems, output)?;
    }
    Ok(state)
}

/// One queue.
struct Row {
    /// Virtual host and name, or whose keys they are; `None` for messages whose queue has no definition.
    names: Option<(String, String)>,
    number: u64,
    messages: u64,
    bytes: u64,
}

/// The declared queues by name, then what the log holds beside them.
fn rows(folder: &Folder, report: &CheckReport) -> Vec<Row> {
    let declared = folder.queues();
    let held = |number| report.queues.iter().find(|queue| queue.number == number);
    let mut rows: Vec<Row> = declared
        .iter()
        .map(|(number, queue)| Row {
            names: Some((queue.vhost.clone(), queue.name.clone())),
            number: number.0,
            messages: held(*number).map_or(0, |queue| queue.messages),
            bytes: held(*number).map_or(0, |queue| queue.bytes),
        })
        .collect();
    rows.sort_by(|a, b| a.names.cmp(&b.names));
    let keys = folder.keys();
    let others = report.queues.iter().filter(|queue| !declared.contains_key(&queue.number));
    rows.extend(others.filter(|queue| queue.messages > 0).map(|queue| Row {
        names: keys.get(&queue.number).cloned(),
        number: queue.number.0,
        messages: queue.messages,
        bytes: queue.bytes,
    }));
    rows
}

fn write_summary(report: &CheckReport, output: &mut dyn Write) -> io::Result<()> {
    let size = bytes(report.segment_bytes);
    writeln!(output, "segments         {} ({size})", report.segments)?;
    writeln!(output, "records          {}", report.records)?;
    writeln!(output, "messages         {}", report.messages)?;
    writeln!(output, "damaged records  {}", report.damages.len())?;
    writeln!(output, "lost messages    {}", report.lost_messages)
}

fn write_queues(rows: &[Row], output: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let titles = ["queue", "vhost", "number", "messages", "bytes"].map(str::to_owned);
    let mut table = vec![titles];
    table.extend(rows.iter().map(|row| {
        let (vhost, name) = row.names.clone().unwrap_or_else(|| ("-".into(), UNDECLARED.into()));
        [name, vhost, row.number.to_string(), row.messages.to_string(), row.bytes.to_string()]
    }));
    let width = |column: usize| {
        table.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let [queue, at, id, count, size] = [0, 1, 2, 3, 4].map(width);
    writeln!(output)?;
    for [name, vhost, number, messages, bytes] in &table {
        writeln!(
            output,
            "{name:<queue$}  {vhost:<at$}  {number:>id$}  {messages:>count$}  {bytes:>size$}"
        )?;
    }
    Ok(())
}

fn write_findings(
    report: &CheckReport,
    problems: &[String],
    output: &mut dyn Write,
) -> io::Result<()> {
    if report.cut.is_some() || !report.damages.is_empty() || !problems.is_empty() {
        writeln!(output)?;
    }
    for damage in &report.damages {
        writeln!(output, "damaged: {damage}")?;
    }
    for problem in problems {
        writeln!(output, "definitions: {problem}")?;
    }
    if let Some(cut) = &report.cut {
        let (file, offset) = (cut.file.display(), cut.offset);
        let what = "an unfinished write, which the next start cuts off; no damage";
        writeln!(output, "note: {file} at byte {offset}: {what}")?;
    }
    Ok(())
}

fn as_value(report: &CheckReport, rows: &[Row], problems: &[String], state: State) -> Value {
    let place = |damage: &Damage| {
        json!({
            "file": damage.file.to_string_lossy(),
            "offset": damage.offset,
            "what": damage.what,
        })
    };
    let queues = rows.iter().map(|row| {
        json!({
            "vhost": row.names.as_ref().map(|(vhost, _)| vhost),
            "name": row.names.as_ref().map(|(_, name)| name),
            "number": row.number,
            "messages": row.messages,
            "bytes": row.bytes,
        })
    });
    json!({
        "whole": state == State::Whole,
        "segments": report.segments,
        "segment_bytes": report.segment_bytes,
        "records": report.records,
        "messages": report.messages,
        "lost_messages": report.lost_messages,
        "damages": report.damages.iter().map(place).collect::<Vec<_>>(),
        "unfinished_write": report.cut.as_ref().map(|cut| {
            json!({ "file": cut.file.to_string_lossy(), "offset": cut.offset })
        }),
        "definitions_problems": problems,
        "queues": queues.collect::<Vec<_>>(),
    })
}

const UNDECLARED: &str = "(no definition)";
