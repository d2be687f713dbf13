//! The broker under RabbitMQ's name for it, with the words that scripts put behind that.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How the broker is to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerCall {
    /// In this process, with these arguments, of which the first is the name of the program.
    Here(Vec<OsString>),
    /// In a process of its own, which this one does not wait for.
    Detached(Vec<OsString>),
}

/// Reads the arguments of the program. Called by another name than `rabbitmq-server` they stay as they
/// are. Otherwise `-detached` is understood, and other words with one dash, which RabbitMQ hands on to
/// Erlang, are left out with their values; the second part of the result holds them.
#[must_use]
pub fn as_rabbitmq_server(arguments: Vec<OsString>) -> (ServerCall, Vec<OsString>) {
    let program = arguments.first().map(Path::new).and_then(Path::file_name);
    if program != Some(OsStr::new("rabbitmq-server")) {
        return (ServerCall::Here(arguments), Vec::new());
    }
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    let (mut is_detached, mut is_left_out) = (false, false);
    for (at, word) in arguments.into_iter().enumerate() {
        let text = word.to_string_lossy();
        if at == 0 || text.starts_with("--") {
            is_left_out = false;
        } else if text == "-detached" {
            is_detached = true;
            is_left_out = false;
            continue;
        } else if text.starts_with('-') {
            is_left_out = true;
        }
        if is_left_out { left_out.push(word) } else { kept.push(word) }
    }
    let call = if is_detached { ServerCall::Detached(kept) } else { ServerCall::Here(kept) };
    (call, left_out)
}

/// Starts the broker in a process group of its own; returns the exit code. What it says goes to a file
/// in the folder that `RABBITMQ_LOG_BASE` names.
#[must_use]
pub fn start_detached(
    arguments: &[OsString],
    environment: &[(OsString, OsString)],
    errors: &mut dyn Write,
) -> u8 {
    let folder = environment.iter().find(|(name, _)| name == "RABBITMQ_LOG_BASE");
    let folder = folder.map(|(_, folder)| PathBuf::from(folder));
    let started = log(folder.as_deref()).and_then(|(output, log)| {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments.get(1..).unwrap_or_default()).stdin(Stdio::null());
        command.stdout(output).stderr(log).process_group(0).spawn()
    });
    // A closed standard error leaves the exit code to say it.
    let _ = match (&started, folder) {
        (Err(error), _) => writeln!(errors, "haremq: cannot start in the background: {error}"),
        (Ok(_), None) => writeln!(
            errors,
            "haremq: its log is not kept: RABBITMQ_LOG_BASE can name a folder for it"
        ),
        (Ok(_), Some(_)) => Ok(()),
    };
    u8::from(started.is_err())
}

fn log(folder: Option<&Path>) -> io::Result<(Stdio, Stdio)> {
    let Some(folder) = folder else { return Ok((Stdio::null(), Stdio::null())) };
    let file = OpenOptions::new().create(true).append(true).open(folder.join("haremq.log"))?;
    Ok((file.try_clone()?.into(), file.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn words_for_erlang_are_left_out_with_their_values() {
        let line = "/usr/sbin/rabbitmq-server -rabbit x 1 --port 0 -detached --ephemeral +P 5";
        let (call, left_out) = as_rabbitmq_server(words(line));
        let kept = "/usr/sbin/rabbitmq-server --port 0 --ephemeral +P 5";
        assert_eq!(call, ServerCall::Detached(words(kept)));
        assert_eq!(left_out, words("-rabbit x 1"));
    }

    #[test]
    fn another_name_leaves_the_words_as_they_are() {
        let line = words("haremq -detached");
        assert_eq!(as_rabbitmq_server(line.clone()), (ServerCall::Here(line), vec![]));
        let line = words("rabbitmq-server --port 0");
        assert_eq!(as_rabbitmq_server(line.clone()), (ServerCall::Here(line), vec![]));
    }
}
