//! The last lines of the log, over the socket of a real broker.

use serde_json::Value;

use super::live::Served;
use crate::support::tool;

const WARNED: &str = "[warning] reset: all definitions and messages are deleted";

/// A broker that has warned of something.
fn warned() -> Served {
    let broker = Served::start();
    for action in ["stop_app", "reset", "start_app"] {
        assert_eq!(tool(broker.folder(), &["rabbitmqctl", "-q", action]).code, 0, "{action}");
    }
    broker
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
