//! The program itself: `haremq config`, the files it writes, and SIGHUP.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::methods::queue;
use crate::support::{Broker, Process, RawClient, id};

/// The program with these arguments and nothing from the environment of the tests.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(arguments).env_clear().env("HAREMQ_CONFIG_FOLDER", "/nowhere");
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("a file");
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn config_show_prints_who_set_what() {
    let folder = folder();
    let file = write(&folder, "a.conf", "default_pass = 'wonder'\nheartbeat = 10\nheartbaet = 1\n");
    let arguments = ["config", "show", "--config", &file, "--port", "0"];
    let mut show = command(&arguments);
    let (code, stdout, stderr) = output(show.env("HAREMQ_CLUSTER_NAME", "a # b"));
    assert_eq!(code, Some(0), "{stderr}");
    let expected = format!(
        "KEY                    VALUE     SOURCE\n\
         cluster_name           'a # b'   environment variable HAREMQ_CLUSTER_NAME\n\
         default_pass           [hidden]  {file}:1\n\
         heartbeat              10        {file}:2\n\
         listeners.tcp.default  0         flag --port\n"
    );
    assert_eq!(stdout, expected);
    let warning = "unknown key 'heartbaet': did you mean 'heartbeat'?";
    assert_eq!(stderr, format!("haremq: warning: {file}:3: {warning}\n"));
}

#[test]
fn config_show_effective_has_the_defaults_and_a_form_for_programs() {
    let (code, stdout, stderr) = output(&mut command(&["config", "show", "--effective"]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let line = stdout.lines().find(|line| line.starts_with("heartbeat ")).expect("every key");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["heartbeat", "60", "default"]);
    let mut show = command(&["config", "show", "--json", "--log-level", "debug"]);
    let (code, stdout, _) = output(&mut show);
    assert_eq!(code, Some(0));
    let entries: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let expected = serde_json::json!([{
        "key": "log.console.level",
        "value": "debug",
        "default": "info",
        "source": { "kind": "flag", "place": "--log-level", "line": null },
    }]);
    assert_eq!(entries, expected);
}

#[test]
fn config_check_says_whether_the_broker_would_start() {
    let folder = folder();
    let good = write(&folder, "good.conf", "heartbeat = 10\nheartbaet = 1\n");
    let (code, stdout, stderr) = output(&mut command(&["config", "check", &good]));
    assert_eq!(code, Some(0));
    assert_eq!(stdout, format!("{good}: 1 settings, 1 warnings: the broker starts with it\n"));
    assert!(stderr.contains("did you mean 'heartbeat'?"), "{stderr}");
    let bad = write(&folder, "bad.conf", "heartbeat = soon\n");
    let (code, stdout, stderr) = output(&mut command(&["config", "check", &bad]));
    assert_eq!((code, stdout.as_str()), (Some(78), ""));
    assert!(stderr.starts_with(&format!("haremq: {bad}:1: key 'heartbeat'")), "{stderr}");
}

#[test]
fn a_pattern_that_does_not_compile_is_refused_with_its_place() {
    let folder = folder();
    let file = write(&folder, "a.conf", "\ndefault_permissions.read = a(b\n");
    let (code, _, stderr) =
        output(&mut command(&["--ephemeral", "--port", "0", "--config", &file]));
    assert_eq!(code, Some(78));
    let start = format!(
        "haremq: {file}:2: key 'default_permissions.read' has value 'a(b': expected a regular expression"
    );
    assert!(stderr.starts_with(&start), "{stderr}");
}

#[test]
fn a_log_file_that_cannot_be_opened_stops_the_start_with_advice() {
    let mut serve = command(&["--ephemeral", "--port", "0"]);
    let (code, _, stderr) = output(serve.env("HAREMQ_LOG_FILE", "/proc/nowhere/x.log"));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("cannot open the log file /proc/nowhere/x.log"), "{stderr}");
    assert!(stderr.contains("log.file = false"), "{stderr}");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file that is there")
}

#[test]
fn sighup_takes_over_levels_and_limits_opens_the_log_anew_and_says_what_needs_a_restart() {
    let folder = folder();
    let log = folder.path().join("broker.log");
    let first = format!("log.file = {}\n", log.display());
    let file = write(&folder, "a.conf", &first);
    let (port, pid) = (folder.path().join("port"), folder.path().join("pid"));
    let mut serve = command(&["--ephemeral", "--bind", "127.0.0.1", "--port", "0"]);
    serve.args(["--config", &file, "--port-file"]).arg(&port).env("RABBITMQ_PID_FILE", &pid);
    let mut process = Process::spawn(serve);
    process.wait_until_ready();
    let started = read(&log);
    let told = started
        .lines()
        .any(|line| line.contains("configuration file read") && line.contains(&file));
    assert!(told, "{started}");
    let number = read(&pid);
    assert!(number.trim().parse::<u32>().is_ok(), "{number}");
    let port = read(&port).trim().parse().expect("a port");

    let moved = folder.path().join("broker.log.1");
    fs::rename(&log, &moved).expect("moved away");
    let more = "cluster_queue_limit = 1\nheartbeat = 11\nlog.file.level = debug\n";
    fs::write(&file, format!("{first}{more}")).expect("a file");
    process.signal("HUP");
    // The file gets a line before the console does.
    process.wait_for_stderr("the configuration was read again");
    let after = read(&log);
    for (key, text) in [
        ("cluster_queue_limit", "setting taken over"),
        ("log.file.level", "setting taken over"),
        ("heartbeat", "this setting is taken over at the next start"),
    ] {
        let said = after.lines().any(|line| line.contains(text) && line.contains(key));
        assert!(said, "{key}: {text}\n{after}");
    }
    assert!(!read(&moved).contains("read again"), "the old file got more");

    let mut client = RawClient::with_channel_on(&Broker::at(port));
    client.declare(1, &queue::declare("one"));
    client.send(1, &queue::declare("two"));
    let mut refused = client.expect(1, id::CHANNEL_CLOSE);
    assert_eq!(refused.short(), 406);
    let text = refused.short_string();
    assert!(text.contains("queue limit in cluster (1) is reached"), "{text}");
    drop(client);

    fs::write(&file, "heartbeat = soon\n").expect("a file");
    process.signal("HUP");
    process.wait_for_stderr("the configuration was not taken over");
    process.wait_for_stderr("key 'heartbeat' has value 'soon'");
    process.signal("TERM");
    assert_eq!(process.wait_for_end(), Some(0));
    assert!(!pid.exists(), "the pid file is gone with the process");
}

#[test]
fn a_disk_with_too_little_room_holds_publishers_back() {
    let folder = folder();
    let file = write(&folder, "a.conf", "disk_free_limit.absolute = 1000TB\n");
    let data = folder.path().join("data");
    let mut serve = command(&["--bind", "127.0.0.1", "--port", "0", "--config", &file]);
    serve.arg("--data-dir").arg(&data);
    let mut process = Process::spawn(serve);
    process.wait_until_ready();
    process.wait_for_stderr("disk alarm: less than disk_free_limit is free");
    fs::write(&file, "disk_free_limit.absolute = 1k\n").expect("a file");
    process.signal("HUP");
    process.wait_for_stderr("disk alarm cleared");
    process.signal("TERM");
    assert_eq!(process.wait_for_end(), Some(0));
}
