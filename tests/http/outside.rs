//! Where the API is reached: its port, and the socket file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{broker, expect};
use crate::support::{Broker, Http, Process, run_to_its_end};

#[test]
fn the_socket_file_is_an_administrator_without_a_login() {
    let folder = TempDir::new().expect("a folder for the broker");
    let data = folder.path().join("data");
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["--bind", "127.0.0.1", "--port", "0", "--log-level", "warn", "--data-dir"]);
    command.arg(&data);
    let mut process = Process::spawn(command);
    process.wait_until_ready();
    let path = data.join("management.sock");
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for the user of the broker only");
    let local = Http::over_file(&path);
    let who = local.get("/api/whoami");
    expect(&who, 200);
    assert_eq!(who.json()["tags"], serde_json::json!(["administrator"]));
    expect(&local.get("/api/users"), 200);
    process.signal("TERM");
    assert_eq!(process.wait_for_end(), Some(0));
    assert!(!path.exists(), "it ends with the broker");
}

/// A broker over this folder, and its socket file.
fn over(data: &Path) -> (Process, Http) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["--bind", "127.0.0.1", "--port", "0", "--log-level", "warn", "--data-dir"]);
    command.arg(data).env("HAREMQ_CONFIG_FOLDER", "/nowhere");
    let process = Process::spawn(command);
    process.wait_until_ready();
    (process, Http::over_file(&data.join("management.sock")))
}

/// What was deleted on purpose, the well-known user above all, must not come back with a restart.
#[test]
fn the_default_user_and_virtual_host_are_given_to_a_new_broker_only() {
    let folder = TempDir::new().expect("a folder for the broker");
    let data = folder.path().join("data");
    let names = |list: serde_json::Value| -> Vec<String> {
        let names = list.as_array().expect("a list").iter().map(|one| one["name"].to_string());
        names.collect()
    };
    let (mut process, local) = over(&data);
    assert_eq!(names(local.get("/api/users").json()), ["\"guest\""]);
    assert_eq!(names(local.get("/api/vhosts").json()), ["\"/\""]);
    expect(&local.put("/api/vhosts/other", &serde_json::json!({})), 201);
    expect(&local.delete("/api/vhosts/%2F"), 204);
    expect(&local.delete("/api/users/guest"), 204);
    process.signal("TERM");
    assert_eq!(process.wait_for_end(), Some(0));
    let (_process, local) = over(&data);
    assert_eq!(names(local.get("/api/users").json()), Vec::<String>::new());
    assert_eq!(names(local.get("/api/vhosts").json()), ["\"other\""]);
}

#[test]
fn a_taken_port_is_named() {
    let port = broker().management().port().to_string();
    let (code, stderr) = run_to_its_end(&["--port", "0", "--management-port", &port]);
    assert_eq!(code, Some(1));
    let start = format!("haremq: cannot serve the management API on 127.0.0.1:{port}: ");
    assert!(stderr.contains(&start) && stderr.contains("--management-port"), "{stderr}");
}

#[test]
fn prefix_origins_and_the_size_of_bodies_are_configured() {
    let broker = Broker::start(&[
        "management.path_prefix = /rabbit",
        "management.cors.allow_origins.1 = https://one.example",
        "management.http.max_body_size = 10",
    ]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    expect(&guest.get("/api/whoami"), 404);
    expect(&guest.put("/rabbit/api/vhosts/v", &serde_json::json!({ "description": "long" })), 413);
    let origin = |origin| guest.send("GET", "/rabbit/api/whoami", &[("origin", origin)], "");
    let answer = origin("https://one.example");
    expect(&answer, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://one.example"));
    assert_eq!(origin("https://two.example").header("access-control-allow-origin"), None);
}

#[test]
fn no_port_is_no_failure() {
    let folder = TempDir::new().expect("a folder for the broker");
    let config = folder.path().join("haremq.conf");
    fs::write(&config, "management.tcp.port = none\n").expect("a config file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["--ephemeral", "--bind", "127.0.0.1", "--port", "0", "--config"]).arg(&config);
    let process = Process::spawn(command);
    let ready_line = process.wait_until_ready();
    assert!(ready_line.contains("no management port"), "{ready_line}");
}
