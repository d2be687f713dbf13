//! A broker that ends with another process, and the file that says where everything is served.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::{fs, thread};

use serde_json::Value;

use crate::support::{GUARD, Process};

fn broker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["--ephemeral", "--bind", "127.0.0.1", "--port", "0"]).args(arguments);
    command.env_clear().env("HAREMQ_CONFIG_FOLDER", "/nowhere");
    command
}

/// A shell that starts the broker and waits; nothing but its death ends it.
fn parent() -> Child {
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_haremq");
    let line = format!(
        "{program} --ephemeral --bind 127.0.0.1 --port 0 --log-level info --exit-with-parent 2>&1 & wait"
    );
    shell.env_clear().env("HAREMQ_CONFIG_FOLDER", "/nowhere").args(["-c", &line]);
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a shell starts")
}

/// Reads what the broker writes up to its ready line; where it listens.
fn ready(lines: &mut impl BufRead) -> u16 {
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).expect("a pipe") > 0, "the broker ended at its start");
        if let Some((_, after)) = line.split_once("AMQP on 127.0.0.1:") {
            let port = after.split(';').next().unwrap_or_default();
            return port.parse().expect("a port");
        }
    }
}

/// The rest of what the broker writes, when it has ended. Fails when it does not.
fn rest(mut lines: impl Read + Send + 'static) -> String {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        lines.read_to_string(&mut text).expect("text");
        tell.send(text)
    });
    told.recv_timeout(GUARD).expect("the broker ends with its parent")
}

#[test]
fn a_broker_whose_parent_is_killed_stops_cleanly_and_frees_its_port() {
    let mut parent = parent();
    let mut lines = BufReader::new(parent.stdout.take().expect("piped"));
    let port = ready(&mut lines);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    parent.kill().expect("it runs");
    parent.wait().expect("a child");
    let text = rest(lines);
    assert!(text.contains("stopping with the process") && text.contains("stopped"), "{text}");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is free");
}

#[test]
fn a_broker_follows_a_process_that_is_no_parent_of_it() {
    let mut other = Command::new("sleep").arg("1000").spawn().expect("sleep starts");
    let mut process = Process::spawn(broker(&[&format!("--exit-with-parent={}", other.id())]));
    process.wait_until_ready();
    other.kill().expect("it runs");
    other.wait().expect("a child");
    assert_eq!(process.wait_for_end(), Some(0));
}

#[test]
fn a_process_that_is_gone_before_the_broker_looks_ends_it_all_the_same() {
    let mut gone = Command::new("true").spawn().expect("true starts");
    let number = gone.id();
    gone.wait().expect("a child");
    let mut process = Process::spawn(broker(&[&format!("--exit-with-parent={number}")]));
    assert_eq!(process.wait_for_end(), Some(0));
}

#[test]
fn the_ports_file_has_the_ports_of_the_ready_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ports.json");
    let name = file.to_str().expect("UTF-8");
    let process = Process::spawn(broker(&["--ports-file", name]));
    let line = process.wait_until_ready();
    let ports: Value =
        serde_json::from_str(&fs::read_to_string(&file).expect("it is written first"))
            .expect("JSON");
    for (kind, before) in [
        ("amqp", "AMQP on 127.0.0.1:"),
        ("management", "management on 127.0.0.1:"),
        ("prometheus", "metrics on 127.0.0.1:"),
    ] {
        let said = format!("{before}{}", ports[kind]);
        assert!(line.contains(&said), "{said} in {line}");
    }
    assert_eq!((&ports["amqps"], &ports["management_tls"]), (&Value::Null, &Value::Null));
}
