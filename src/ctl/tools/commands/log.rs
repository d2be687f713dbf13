//! The log, as far as the broker keeps its last lines in memory.

use std::io;
use std::thread;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use crate::base::Stopwatch;
use crate::base::limits::LOG_KEPT_LINES_MAX;
use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::call::Call;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::path::path;
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::Section::Monitoring;
use crate::ctl::tools::spec::{CommandSpec, Flag};
use crate::ctl::tools::tool::Tool::Diagnostics;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("log_tail", Monitoring, "Prints the last lines of the log", log_tail)
        .flags(&[Flag::number("number", "number", "How many lines (default 50)").short('N')])
        .tools(&[Diagnostics])
        .says(|call| format!("Last {} log lines on node {} ...", wanted(call), call.node)),
    CommandSpec::new(
        "log_tail_stream",
        Monitoring,
        "Prints lines of the log as they come",
        log_tail_stream,
    )
    .flags(&[Flag::number("duration", "seconds", "End after so many seconds (default never)")])
    .tools(&[Diagnostics])
    .says(|call| match call.number("duration") {
        Some(seconds) => {
            format!("Streaming logs from node {} for {seconds} seconds ...", call.node)
        }
        None => format!("Streaming logs from node {} ...", call.node),
    }),
];

/// As RabbitMQ's.
const LINES_DEFAULT: u64 = 50;

/// How often new lines are asked for, in ms.
const LOOK_MS: u64 = 300;

fn wanted(call: &Call) -> u64 {
    call.number("number").unwrap_or(LINES_DEFAULT)
}

fn log_tail(session: &mut Session<'_>) -> Result<Answer, Failure> {
    // More than the broker keeps is all that it keeps.
    let count = wanted(session.call).min(LOG_KEPT_LINES_MAX as u64);
    let document = ask(session, &format!("count={count}"))?;
    let lines = lines(&document);
    let text = lines.iter().map(line_of).collect::<Vec<_>>().join("\n");
    Ok(Answer::Document { document: Value::Array(lines), text })
}

fn log_tail_stream(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let limit = session.call.number("duration").map(Duration::from_secs);
    let since = Stopwatch::start();
    let mut after = ask(session, "count=0")?["next"].as_u64().unwrap_or(0);
    loop {
        let document = ask(session, &format!("after={after}&count={LOG_KEPT_LINES_MAX}"))?;
        after = document["next"].as_u64().unwrap_or(after);
        match write_lines(session, &document) {
            Ok(()) => {}
            // Whoever reads has read enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Answer::Done),
            Err(error) => {
                let text = format!("Error: cannot write the answer: {error}");
                return Err(Failure::plain(code::SOFTWARE, text));
            }
        }
        if limit.is_some_and(|limit| since.elapsed() >= limit) {
            return Ok(Answer::Done);
        }
        thread::sleep(Duration::from_millis(LOOK_MS));
    }
}

fn ask(session: &mut Session<'_>, query: &str) -> Result<Value, Failure> {
    let address = format!("{}?{query}", path(&["haremq", "log"]));
    let asked = session.ask(&Method::GET, &address, None)?;
    asked.map(|reply| reply.body).map_err(refused)
}

fn lines(document: &Value) -> Vec<Value> {
    document["lines"].as_array().cloned().unwrap_or_default()
}

/// For programs each line is a document of its own.
fn write_lines(session: &mut Session<'_>, document: &Value) -> io::Result<()> {
    let for_programs = session.call.form.is_for_programs();
    let missed = document["missed"].as_u64().filter(|missed| *missed > 0);
    if let Some(missed) = missed {
        if for_programs {
            writeln!(session.output, "{}", json!({ "missed": missed }))?;
        } else {
            writeln!(session.output, "({missed} lines came faster than they could be kept)")?;
        }
    }
    for line in lines(document) {
        let shown = if for_programs { line.to_string() } else { line_of(&line) };
        writeln!(session.output, "{shown}")?;
    }
    session.output.flush()
}

/// In the form of RabbitMQ's log files.
fn line_of(line: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let time = text(&line["time"]).replacen('T', " ", 1);
    let cut = line["cut_bytes"].as_u64().map(|bytes| format!(" … ({bytes} bytes more)"));
    let cut = cut.unwrap_or_default();
    format!("{time} [{}] {}{cut}", text(&line["level"]), text(&line["text"]))
}
