//! The program, its exit code, and what it wrote.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::support::Broker;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// `haremq perf` with these arguments, to its end.
    pub(crate) fn of(arguments: &[&str]) -> Self {
        let output = command(arguments).output().expect("the program starts");
        Self::ended(output)
    }

    /// The same, with its JSON, against this broker; the run must have gone well.
    pub(crate) fn figures(broker: &Broker, arguments: &[&str]) -> Value {
        let uri = uri(broker);
        let run = Self::of(&[arguments, &["--uri", &uri, "--json"]].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        run.json()
    }

    pub(crate) fn ended(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Self { code: output.status.code(), stdout, stderr }
    }

    /// The one document.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).expect("one JSON document")
    }
}

/// `haremq perf`, started and not waited for.
pub(crate) fn start(arguments: &[&str]) -> Child {
    let mut command = command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.arg("perf").args(arguments);
    command
}

/// Where the broker is.
pub(crate) fn uri(broker: &Broker) -> String {
    format!("amqp://guest:guest@127.0.0.1:{}/%2f", broker.port())
}
