//! A folder as the image and the package make it, and a broker that was started in it.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use haremq::ctl::INSTALLED_NAMES;
use tempfile::TempDir;

use crate::support::{Http, Process};

/// The folders of an installation, and what is set in the environment of its container.
pub(super) struct Installation {
    root: TempDir,
    variables: Vec<(String, String)>,
}

/// What a line of a shell came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    /// Standard output, then standard error.
    pub(super) said: String,
}

/// One line of a table: what is run, how it ends, and what is in its answer.
pub(super) type Row = (&'static str, i32, &'static str);

impl Installation {
    /// Links and folders as in the image; the ports are free ones.
    pub(super) fn new() -> Self {
        let root = TempDir::new().expect("a folder");
        let at = |path: &str| root.path().join(path);
        for folder in ["bin", "etc/rabbitmq/conf.d", "var/lib/rabbitmq", "tmp"] {
            fs::create_dir_all(at(folder)).expect("a folder");
        }
        let program = env!("CARGO_BIN_EXE_haremq");
        for name in INSTALLED_NAMES.iter().chain(&["haremq"]) {
            symlink(program, at("bin").join(name)).expect("a link");
        }
        let defaults = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/10-defaults.conf");
        fs::copy(defaults, at("etc/rabbitmq/conf.d/10-defaults.conf")).expect("the image's file");
        let path = |path: &str| at(path).to_str().expect("UTF-8").to_owned();
        let variables = [
            ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", path("bin"))),
            ("HOME", path("var/lib/rabbitmq")),
            ("HAREMQ_CONFIG_FOLDER", path("etc/rabbitmq")),
            ("RABBITMQ_MNESIA_BASE", path("var/lib/rabbitmq/mnesia")),
            ("RABBITMQ_NODENAME", "rabbit@box".to_owned()),
            ("RABBITMQ_PID_FILE", path("var/lib/rabbitmq/mnesia/rabbit@box.pid")),
            ("RABBITMQ_NODE_PORT", "0".to_owned()),
            ("HAREMQ_MANAGEMENT_TCP_PORT", "0".to_owned()),
            ("HAREMQ_PROMETHEUS_TCP_PORT", "0".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { root, variables }
    }

    /// Sets a variable of the container, as `docker run -e`.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where a path of the image is.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// A program with the environment of the container and nothing else.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.at("bin").join(program));
        command.env_clear().envs(self.variables.iter().cloned());
        command.current_dir(self.root.path());
        command
    }

    /// Runs a line in a shell, as a probe or a script does, before there is a broker.
    pub(super) fn runs(&self, line: &str) -> Ran {
        let output = self.shell(line).output().expect("a shell starts");
        Ran::of(&output)
    }

    /// Starts a line and goes on.
    pub(super) fn begins(&self, line: &str) -> Child {
        let mut shell = self.shell(line);
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        shell.spawn().expect("a shell starts")
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("/bin/sh");
        let line = line
            // In this order: the other path may begin with /tmp.
            .replace("/tmp/", &format!("{}/", self.at("tmp").display()))
            .replace("/var/lib/rabbitmq", self.at("var/lib/rabbitmq").to_str().expect("UTF-8"));
        shell.arg("-c").arg(line).env_clear().envs(self.variables.iter().cloned());
        shell
    }

    /// Starts the broker by RabbitMQ's name for it.
    pub(super) fn start(self) -> Installed {
        let process = Process::spawn(self.command("rabbitmq-server"));
        let ready_line = process.wait_until_ready();
        Installed { installation: self, ready_line, process }
    }
}

impl Ran {
    pub(super) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        Self { code: output.status.code(), said }
    }
}

/// A running broker in its installation.
pub(super) struct Installed {
    pub(super) installation: Installation,
    /// What it said on standard output when it was there.
    pub(super) ready_line: String,
    process: Process,
}

impl Installed {
    /// Where it listens for what the ready line calls by this name.
    pub(super) fn served(&self, what: &str) -> SocketAddr {
        let after = self.ready_line.split_once(what).expect("the ready line names it").1;
        let address = after.split([';', ',', ' ']).next().unwrap_or_default();
        let address: SocketAddr = address.parse().expect("an address");
        SocketAddr::from(([127, 0, 0, 1], address.port()))
    }

    /// Its management API.
    pub(super) fn http(&self) -> Http {
        Http::new(self.served("management on "))
    }

    /// Runs a line as it is written for RabbitMQ's ports.
    pub(super) fn runs(&self, line: &str) -> Ran {
        let (amqp, management) = (self.served("AMQP on "), self.served("management on "));
        let line = line
            .replace("15672", "MANAGEMENT")
            .replace("5672", &amqp.port().to_string())
            .replace("MANAGEMENT", &management.port().to_string());
        self.installation.runs(&line)
    }

    /// Runs each line after the other; every line that ends or says otherwise is told.
    pub(super) fn plays(&self, rows: &[Row]) {
        let wrong: Vec<String> = rows
            .iter()
            .filter_map(|(line, code, part)| {
                let ran = self.runs(line);
                let is_right = ran.code == Some(*code) && ran.said.contains(part);
                (!is_right).then(|| format!("{line}\n  {code} and {part:?} expected: {ran:?}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Sends a signal by its name.
    pub(super) fn signal(&self, which: &str) {
        self.process.signal(which);
    }

    /// Waits until it has logged this.
    pub(super) fn wait_for_log(&self, text: &str) {
        self.process.wait_for_stderr(text);
    }

    /// Waits for its end; its exit code.
    pub(super) fn end(mut self) -> Option<i32> {
        self.process.wait_for_end()
    }
}
