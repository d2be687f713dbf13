//! `haremq store dump`: the waiting messages of one queue as JSON lines.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::command::State;
use super::folder::Folder;
use super::value::{body_value, properties_value, text_value};
use super::{CtlError, Progress};
use crate::base::Message;
use crate::store::{Dump, IndexEntry, QueueNumber};

/// Which queue of which folder.
pub(super) struct Wanted<'a> {
    pub(super) folder: &'a Path,
    pub(super) queue: &'a str,
    pub(super) vhost: &'a str,
}

/// Writes the messages in order. What cannot be read is said on `errors`, and the rest goes on.
pub(super) fn store_dump(
    wanted: &Wanted<'_>,
    output: &mut dyn Write,
    errors: &mut dyn Write,
    progress: &mut Progress,
) -> Result<State, CtlError> {
    let folder = Folder::open(wanted.folder)?;
    let number = number(&folder, wanted)?;
    let messages = folder.messages.clone();
    let mut on_progress = |pass, done, total| progress.pass(pass, done, total);
    let mut dump = Dump::open(messages, number, &mut on_progress)?;
    let held = dump.queues().get(&number).copied();
    let (expected, total) = held.map_or((0, 0), |held| (held.messages, held.bytes));
    let mut problems = folder.definitions.problems.clone();
    let (mut seen, mut done) = (0u64, 0u64);
    for (entry, message) in dump.by_ref() {
        match message {
            Ok(message) => writeln!(output, "{}", line(&entry, &message))?,
            Err(error) => problems.push(format!("message {}: {error}", entry.id)),
        }
        seen += 1;
        done += entry.bytes;
        progress.show("dump", done, total);
    }
    progress.clear();
    problems.extend(
        dump.damages().iter().map(|damage| {
            format!("damaged record: {damage}; a message of this queue may be missing")
        }),
    );
    if dump.lost_messages() > 0 {
        let lost = dump.lost_messages();
        problems.push(format!("{lost} messages of all queues are lost with their segments"));
    }
    // The index ends early where it cannot be read.
    if seen < expected {
        problems.push(format!("{} of {expected} messages could not be found", expected - seen));
    }
    for problem in &problems {
        // A closed standard error leaves the exit code to say it.
        let _ = writeln!(errors, "haremq: {problem}");
    }
    Ok(if problems.is_empty() { State::Whole } else { State::Damaged })
}

fn number(folder: &Folder, wanted: &Wanted<'_>) -> Result<QueueNumber, CtlError> {
    let definitions = &folder.definitions;
    if definitions.definitions.is_none() {
        return Err(CtlError::NoDefinitions { problems: definitions.problems.join("; ") });
    }
    let queues = folder.queues();
    let found =
        queues.iter().find(|(_, queue)| queue.vhost == wanted.vhost && queue.name == wanted.queue);
    found.map(|(number, _)| *number).ok_or_else(|| {
        let names = queues.values().map(|queue| format!("'{}' in '{}'", queue.name, queue.vhost));
        let names: Vec<String> = names.take(NAMES_MAX).collect();
        let known = match (queues.len(), names.len()) {
            (0, _) => "the folder has no durable queues".to_owned(),
            (all, shown) if all > shown => {
                format!("there are {all}, among them {}", names.join(", "))
            }
            _ => format!("there are {}", names.join(", ")),
        };
        let (queue, vhost) = (wanted.queue.to_owned(), wanted.vhost.to_owned());
        CtlError::NoQueue { queue, vhost, known }
    })
}

fn line(entry: &IndexEntry, message: &Message) -> Value {
    let (body, body_encoding) = body_value(message.body());
    json!({
        "id": entry.id.0,
        "exchange": message.exchange(),
        "routing_key": text_value(message.routing_key()),
        "properties": properties_value(message.properties()),
        "body": body,
        "body_encoding": body_encoding,
        "redelivered": entry.redelivered(),
        "deliveries": entry.deliveries,
        "failures": entry.failures,
        "expires_unix_ms": entry.expires_unix_ms,
    })
}

/// How many queues an error names.
const NAMES_MAX: usize = 10;
