//! Two brokers, and the program between them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::methods::{basic, queue};
use crate::support::{Broker, Http, Login, RawClient};

/// What a run left behind.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Run {
    /// The one document.
    #[track_caller]
    pub(super) fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Nothing is left, and the check was good.
    #[track_caller]
    pub(super) fn expect_good(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        let report = self.report();
        assert_eq!(report["good"], true, "{report:#}");
        report
    }

    /// It did not end well, with this exit code.
    #[track_caller]
    pub(super) fn expect_failed(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{self:?}");
        let report = self.report();
        assert_eq!(report["good"], false, "{report:#}");
        report
    }
}

/// `moved`, `recognised` and `possibly_double` of a report.
pub(super) fn totals(report: &Value) -> (u64, u64, u64) {
    let of = |key: &str| report["totals"][key].as_u64().expect("a number");
    (of("moved"), of("recognised"), of("possibly_double"))
}

/// A source, a target, and a folder for the state.
pub(super) struct World {
    pub(super) source: Broker,
    pub(super) target: Broker,
    folder: TempDir,
    source_port: u16,
    target_port: u16,
}

impl World {
    pub(super) fn new() -> Self {
        let (source, target) = (Broker::start(&[]), Broker::start(&[]));
        let (source_port, target_port) = (source.port(), target.port());
        let folder = TempDir::new().expect("a folder");
        Self { source, target, folder, source_port, target_port }
    }

    /// AMQP goes over these ports from now on.
    pub(super) fn over(&mut self, source_port: u16, target_port: u16) {
        (self.source_port, self.target_port) = (source_port, target_port);
    }

    /// Over the brokers' own ports again.
    pub(super) fn straight(&mut self) {
        self.over(self.source.port(), self.target.port());
    }

    pub(super) fn state_path(&self) -> PathBuf {
        self.folder.path().join("state.json")
    }

    pub(super) fn state(&self) -> Value {
        let text = std::fs::read_to_string(self.state_path()).expect("the state file is there");
        serde_json::from_str(&text).expect("it is JSON")
    }

    pub(super) fn at_source(&self) -> Http {
        Http::new(self.source.management()).login("guest", "guest")
    }

    pub(super) fn at_target(&self) -> Http {
        Http::new(self.target.management()).login("guest", "guest")
    }

    /// The program with its addresses, and with what else it is given.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let api = |broker: &Broker| format!("http://guest:guest@{}", broker.management());
        let amqp = |port: u16| format!("amqp://127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
        command.args(["migrate", "--from", &api(&self.source), "--to", &api(&self.target)]);
        command.args([
            "--from-amqp",
            &amqp(self.source_port),
            "--to-amqp",
            &amqp(self.target_port),
        ]);
        if !arguments.contains(&"--state") {
            command.arg("--state").arg(self.state_path());
        }
        command.args(["--yes", "--json"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(super) fn migrate(&self, arguments: &[&str]) -> Run {
        run(self.command(arguments))
    }

    /// A durable queue at the source, with these messages.
    pub(super) fn fill(&self, name: &str, bodies: impl IntoIterator<Item = String>) {
        let mut client = RawClient::with_channel_on(&self.source);
        declare(&mut client, name);
        for body in bodies {
            client.publish(1, "", name, &body);
        }
        // What was published is there when a later question is answered.
        client.declare(1, &queue::declare(name).with(DURABLE));
        client.close();
    }

    /// Every message of a queue of the target, taken out.
    pub(super) fn arrived(&self, name: &str) -> Vec<String> {
        bodies(&mut RawClient::with_channel_on(&self.target), name)
    }

    /// The same of the source.
    pub(super) fn left(&self, name: &str) -> Vec<String> {
        bodies(&mut RawClient::with_channel_on(&self.source), name)
    }
}

/// Takes everything out of a queue.
pub(super) fn bodies(client: &mut RawClient, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(delivery) = client.get_with(1, &basic::get_no_ack(name)) {
        found.push(delivery.text().to_owned());
    }
    found
}

pub(super) fn run(mut command: Command) -> Run {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

pub(super) fn declare(client: &mut RawClient, name: &str) {
    client.declare(1, &queue::declare(name).with(DURABLE));
}

/// Makes a virtual host that guest may use.
pub(super) fn make_vhost(api: &Http, path: &str) {
    assert_eq!(api.put(&format!("/api/vhosts/{path}"), &json!({})).status, 201);
    let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
    let status = api.put(&format!("/api/permissions/{path}/guest"), &all).status;
    assert!([201, 204].contains(&status), "{status}");
}

/// A connection of guest to a virtual host, with channel 1 open.
pub(super) fn client_in(broker: &Broker, vhost: &str) -> RawClient {
    let mut client = RawClient::login(broker, &Login::guest().vhost(vhost));
    client.open_channel(1);
    client
}

/// `job 0`, `job 1` and so on.
pub(super) fn jobs(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("job {n}")).collect()
}

pub(super) const DURABLE: u8 = 2;
