//! The program on a directory: started, killed, stopped, started again.

use std::env;
use std::ffi::OsString;
use std::fmt::Arguments;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client::Client;
use crate::support::Process;

/// How long a start may take, and any other wait of these tests. It ends a test that hangs; nothing
/// is measured by it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A program under test in the place of the one that was built with the tests.
const PROGRAM: &str = "HAREMQ_BIN";

/// A broker that may not be ready yet.
pub(super) struct Starting {
    process: Process,
    since: Instant,
    /// Not in the data directory, which may be anything.
    port_folder: TempDir,
}

/// A broker that is ready.
pub(super) struct Server {
    process: Process,
    port: u16,
    started_in: Duration,
}

impl Starting {
    /// Runs the program on this directory.
    pub(super) fn launch(data: &Path, more: &[&str]) -> Self {
        Self::run(Command::new(program()), data, more)
    }

    /// [`Self::launch`] as a user whom permissions of files mean something to. `copy` is a place that
    /// this user reaches, for the program.
    pub(super) fn launch_as(user: u32, copy: &Path, data: &Path) -> Self {
        if !copy.exists() {
            fs::copy(program(), copy).expect("a copy of the program");
        }
        let mut command = Command::new(copy);
        command.uid(user).gid(user);
        Self::run(command, data, &[])
    }

    fn run(mut command: Command, data: &Path, more: &[&str]) -> Self {
        let port_folder = TempDir::new().expect("a folder for the port file");
        let open = Permissions::from_mode(0o777);
        fs::set_permissions(port_folder.path(), open).expect("a folder for everybody");
        command
            .args(["--port", "0", "--bind", "127.0.0.1", "--log-level", "warn", "--port-file"])
            .arg(port_folder.path().join("port"))
            .arg("--data-dir")
            .arg(data)
            .args(more);
        // The broker takes its settings from such variables; these are for the tests.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("HAREMQ_") {
                command.env_remove(name);
            }
        }
        // Nor from a RabbitMQ of this machine; and a small disk is filled to its end.
        command.env("HAREMQ_CONFIG_FOLDER", "/nowhere");
        command.env("HAREMQ_DISK_FREE_LIMIT_ABSOLUTE", "0");
        Self { since: now(), process: Process::spawn(command), port_folder }
    }

    /// SIGKILL.
    pub(super) fn kill(mut self) {
        self.process.kill();
    }

    /// Waits until it takes connections, or has ended by itself: exit code and stderr.
    pub(super) fn ready_or_end(self) -> Result<Server, (Option<i32>, String)> {
        if self.process.is_ready_within(PATIENCE) { Ok(self.serving()) } else { Err(self.end()) }
    }

    /// Waits until it takes connections.
    pub(super) fn ready(self) -> Server {
        self.process.ready_within(PATIENCE);
        self.serving()
    }

    fn serving(self) -> Server {
        let started_in = self.since.elapsed();
        let port = fs::read_to_string(self.port_folder.path().join("port"));
        let port = port.expect("the port file is written before the ready line");
        let port = port.trim().parse().expect("the port file holds a port");
        Server { process: self.process, port, started_in }
    }

    /// Waits until it has ended by itself: exit code and stderr.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let code = self.process.end_within(PATIENCE);
        (code, self.process.stderr())
    }
}

impl Server {
    pub(super) fn start(data: &Path) -> Self {
        Starting::launch(data, &[]).ready()
    }

    /// SIGKILL; what it wrote to stderr.
    pub(super) fn kill(mut self) -> String {
        self.process.kill();
        self.process.stderr()
    }

    /// SIGTERM, and its end with exit code 0; what it wrote to stderr.
    pub(super) fn stop(self) -> String {
        self.terminate();
        let (code, stderr) = self.end();
        assert_eq!(code, Some(0), "exit code; stderr:\n{stderr}");
        stderr
    }

    /// SIGTERM.
    pub(super) fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Waits for its end: exit code and stderr.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let code = self.process.end_within(PATIENCE);
        (code, self.process.stderr())
    }

    /// From the start of the program to the ready line.
    pub(super) fn started_in(&self) -> Duration {
        self.started_in
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// A connection of `guest`.
    pub(super) fn client(&self) -> Client {
        Client::connect(self.port).expect("a connection")
    }

    /// A line of `/proc/<pid>/status` in KiB.
    pub(super) fn status_number(&self, name: &str) -> u64 {
        self.process.status_number(name)
    }
}

/// The clock, for figures that are printed and for time-outs.
#[expect(clippy::disallowed_methods, reason = "a test measures the program from outside")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A figure for whoever reads the test's output.
#[expect(clippy::print_stderr, reason = "figures are for people, with --nocapture")]
pub(super) fn say(what: Arguments<'_>) {
    eprintln!("{what}");
}

/// Bytes that a directory takes on disk, everything below it included.
pub(super) fn disk_bytes(folder: &Path) -> u64 {
    files(folder)
        .iter()
        .filter_map(|file| fs::metadata(file).ok())
        .map(|found| found.blocks() * 512)
        .sum()
}

/// Every file below a directory, in order.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        // What goes away while it is looked at is not there.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// The segments of the message log, in order.
pub(super) fn segments(data: &Path) -> Vec<PathBuf> {
    let mut segments = files(&data.join("messages"));
    segments.retain(|file| file.extension().is_some_and(|ending| ending == "segment"));
    segments
}

/// Whether somebody chose the program, and did not take the one that was built with the tests.
pub(super) fn is_given_program() -> bool {
    env::var_os(PROGRAM).is_some()
}

fn program() -> OsString {
    env::var_os(PROGRAM).unwrap_or_else(|| env!("CARGO_BIN_EXE_haremq").into())
}
