//! A start with certificates that are not what they should be.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::authority::Validity;
use super::world::{Files, HOST};
use crate::support::{Http, Process, run_to_its_end};

/// What a broker with these lines says before it ends.
fn refusal(files: &Files, lines: &[String]) -> String {
    let config = files.path("haremq.conf");
    fs::write(&config, lines.join("\n")).expect("a file");
    let config = config.to_str().expect("UTF-8");
    let (code, stderr) = run_to_its_end(&["--port", "0", "--config", config]);
    assert_eq!(code, Some(1), "{stderr}");
    stderr
}

#[test]
fn a_file_that_is_missing_or_wrong_stops_the_start_with_its_name_and_what_to_do() {
    let files = Files::new();
    let said = |key: &str, name: &str| {
        let mut lines = files.lines(&["ssl_options.verify = verify_peer"]);
        lines.push(format!("ssl_options.{key} = {}", files.path(name).display()));
        refusal(&files, &lines)
    };
    let text = said("certfile", "missing.pem");
    assert!(text.contains("ssl_options.certfile = ") && text.contains("missing.pem"), "{text}");
    assert!(text.contains("No such file") && text.contains("name a file in PEM"), "{text}");
    files.put("empty.pem", "nothing here\n");
    assert!(said("certfile", "empty.pem").contains("BEGIN CERTIFICATE"));
    assert!(said("keyfile", "empty.pem").contains("BEGIN PRIVATE KEY"));
    assert!(said("cacertfile", "empty.pem").contains("ssl_options.cacertfile = "));
    files.put(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let text = said("keyfile", "locked.key");
    assert!(text.contains("encrypted") && text.contains("openssl pkey"), "{text}");
    files.put("other.key", &files.authority.server(HOST, Validity::Good).key_pem);
    let text = said("keyfile", "other.key");
    assert!(text.contains("belongs to another certificate"), "{text}");
}

#[test]
fn settings_that_contradict_each_other_stop_the_start() {
    let files = Files::new();
    let with = |line: &str| refusal(&files, &files.lines(&[line]));
    assert!(with("ssl_options.fail_if_no_peer_cert = true").contains("verify_peer"));
    assert!(with("ssl_options.versions.1 = tlsv1.1").contains("write tlsv1.3 or tlsv1.2"));
    let text = refusal(&files, &["listeners.ssl.default = 0".to_owned()]);
    assert!(text.contains("set ssl_options.certfile"), "{text}");
    let mut lines = files.lines(&["ssl_options.verify = verify_peer"]);
    lines.retain(|line| !line.contains("cacertfile"));
    assert!(refusal(&files, &lines).contains("needs ssl_options.cacertfile"));
}

#[test]
fn a_broker_with_tls_alone_says_so_to_tests_that_ask_where_to_connect() {
    let files = Files::new();
    let path = |name: &str| files.path(name).to_str().expect("UTF-8").to_owned();
    let (config, ports) = (path("haremq.conf"), path("ports.json"));
    let lines = files.lines(&[
        "listeners.tcp = none",
        "management.tcp.port = 0",
        "prometheus.tcp.port = 0",
    ]);
    fs::write(&config, lines.join("\n")).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["--ephemeral", "--log-level", "warn", "--test-api"]);
    command.args(["--config", &config, "--ports-file", &ports]);
    command.env("HAREMQ_CONFIG_FOLDER", "/nowhere");
    let process = Process::spawn(command);
    process.wait_until_ready();
    let ports: Value =
        serde_json::from_str(&fs::read_to_string(ports).expect("a file")).expect("JSON");
    let port = u16::try_from(ports["management"].as_u64().expect("a port")).expect("16 bits");
    let http = Http::new(([127, 0, 0, 1], port).into()).login("guest", "guest");
    let made = http.post("/api/haremq/test/vhosts", &json!({ "name": "v", "user": "u" })).json();
    let password = made["password"].as_str().expect("a text");
    let expected = format!("amqps://u:{password}@broker:{}/v", ports["amqps"]);
    assert_eq!(made["amqp_uri"], expected, "{made} {ports}");
}
