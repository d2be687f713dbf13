//! The last lines of the log, over the socket of a real broker.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::live::Served;
use crate::support::tool;

const WARNED: &str = "[warning] reset: all definitions and messages are deleted";

/// A broker that has warned of something.
fn warned() -> Served {
    let broker = Served::start();
    warn(&broker);
    broker
}

fn warn(broker: &Served) {
    for action in ["stop_app", "reset", "start_app"] {
        let said = tool(broker.folder(), &["rabbitmqctl", "-q", action]);
        assert_eq!(said.code, 0, "{action} {}", said.errors);
    }
}

#[test]
fn the_last_lines_are_printed_as_in_a_log_file() {
    let broker = warned();
    let found = tool(broker.folder(), &["rabbitmq-diagnostics", "log_tail"]);
    assert_eq!((found.code, found.errors.as_str()), (0, ""));
    let lines: Vec<&str> = found.output.lines().collect();
    assert_eq!(lines[0], "Last 50 log lines on node rabbit@box ...");
    let line = lines.iter().find(|line| line.ends_with(WARNED)).expect("the warning is there");
    // 2026-01-31 23:59:59.999+00:00
    let time = line.split(" [").next().expect("a time");
    assert!(time.len() == 29 && time.ends_with("+00:00") && time.as_bytes()[10] == b' ', "{line}");
    let one = tool(broker.folder(), &["rabbitmq-diagnostics", "-q", "log_tail", "-N", "1"]);
    assert_eq!(one.output.lines().count(), 1, "{}", one.output);
    let none = tool(broker.folder(), &["rabbitmq-diagnostics", "-q", "log_tail", "--number", "0"]);
    assert_eq!((none.code, none.output.trim()), (0, ""));
    let json = tool(broker.folder(), &["haremq", "ctl", "log_tail", "--formatter", "json"]);
    let json: Value = serde_json::from_str(&json.output).expect("JSON");
    let texts = json.as_array().expect("a list").iter().map(|line| &line["level"]);
    assert!(texts.into_iter().any(|level| level == "warning"), "{json}");
}

#[test]
fn a_stream_has_only_what_comes_after_its_beginning_and_ends_in_time() {
    let broker = warned();
    let words = ["rabbitmq-diagnostics", "log_tail_stream", "--duration", "0"];
    let found = tool(broker.folder(), &words);
    assert_eq!((found.code, found.errors.as_str()), (0, ""));
    assert_eq!(found.output, "Streaming logs from node rabbit@box for 0 seconds ...\n");
}

#[test]
fn a_stream_has_what_comes_and_goes_on() {
    let broker = warned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["ctl", "log_tail_stream", "--duration", "60"]);
    command.env("HAREMQ_DATA_DIR", broker.folder()).env("RABBITMQ_NODENAME", "rabbit@box");
    let mut stream = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(stream.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("another line").expect("UTF-8");
    // It is shown when the stream has begun.
    assert_eq!(next(), "Streaming logs from node rabbit@box for 60 seconds ...");
    for _ in 0..2 {
        warn(&broker);
        while !next().ends_with(WARNED) {}
    }
    stream.kill().expect("it runs still");
    stream.wait().expect("it ends");
}
