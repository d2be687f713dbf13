//! A broker of a test's own, or the one that tests share.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use tempfile::TempDir;

use super::process::Process;
use super::stream::with_guards;

/// The environment variable that puts a real RabbitMQ in the place of the shared broker.
const ORACLE: &str = "AMQP_ORACLE_PORT";

/// Whether the shared broker is a real RabbitMQ.
pub(crate) fn on_oracle() -> bool {
    env::var_os(ORACLE).is_some()
}

/// A running broker.
pub(crate) struct Broker {
    port: u16,
    ready_line: String,
    process: Option<Process>,
    /// Its configuration and its port file.
    _folder: Option<TempDir>,
}

impl Broker {
    /// The broker of all tests that need none of their own, started by the first of them.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| match env::var(ORACLE) {
            Ok(port) => {
                let port = port.parse().expect("AMQP_ORACLE_PORT is a port");
                Self { port, ready_line: String::new(), process: None, _folder: None }
            }
            Err(_) => Self::start(&[]),
        })
    }

    /// One that somebody else started and ends.
    pub(crate) fn at(port: u16) -> Self {
        Self { port, ready_line: String::new(), process: None, _folder: None }
    }

    /// A broker with these lines in its configuration file.
    pub(crate) fn start(config_lines: &[&str]) -> Self {
        Self::start_on("127.0.0.1", config_lines)
    }

    /// The same on another address.
    pub(crate) fn start_on(address: &str, config_lines: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder for the broker");
        let path = |name| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let (config, port_file) = (path("haremq.conf"), path("port"));
        let mut arguments = vec!["--bind", address, "--port", "0", "--port-file", &port_file];
        if !config_lines.is_empty() {
            fs::write(&config, config_lines.join("\n") + "\n").expect("a config file");
            arguments.extend(["--config", &config]);
        }
        let process = Process::spawn(ephemeral(&arguments));
        let ready_line = process.wait_until_ready();
        let port =
            fs::read_to_string(&port_file).expect("the port file is written before the ready line");
        let port = port.trim().parse().expect("the port file holds a port");
        Self { port, ready_line, process: Some(process), _folder: Some(folder) }
    }

    /// [`Self::start`], or nothing when the tests run against RabbitMQ, which cannot be given a
    /// configuration from here.
    pub(crate) fn own(config_lines: &[&str]) -> Option<Self> {
        (!on_oracle()).then(|| Self::start(config_lines))
    }

    /// Where it listens on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it serves its management API.
    pub(crate) fn management(&self) -> SocketAddr {
        self.served("management on ")
    }

    /// Where it serves its metrics.
    pub(crate) fn metrics(&self) -> SocketAddr {
        self.served("metrics on ")
    }

    fn served(&self, what: &str) -> SocketAddr {
        let after = self.ready_line.split_once(what).expect("the ready line names it").1;
        let address = after.split([';', ',', ' ']).next().unwrap_or_default();
        address.parse().expect("the ready line holds an address")
    }

    /// Where it serves its management API with TLS.
    pub(crate) fn https(&self) -> SocketAddr {
        let (before, _) = self.ready_line.split_once(" (HTTPS)").expect("the ready line names it");
        let (_, address) = before.rsplit_once(' ').expect("an address behind a space");
        address.parse().expect("the ready line holds an address")
    }

    /// The port on which it speaks TLS, the first one if there are several.
    pub(crate) fn tls_port(&self) -> u16 {
        let (before, _) = self.ready_line.split_once(" (TLS)").expect("a listener with TLS");
        let (_, port) = before.rsplit_once(':').expect("an address and a port");
        port.parse().expect("a port")
    }

    /// The line with which it said that it is ready.
    pub(crate) fn ready_line(&self) -> &str {
        &self.ready_line
    }

    /// Tells it to read its certificates anew (SIGHUP).
    pub(crate) fn hang_up(&self) {
        self.process().signal("HUP");
    }

    /// Waits until it has logged this.
    pub(crate) fn wait_for_log(&self, text: &str) {
        self.process().wait_for_stderr(text);
    }

    /// A TCP connection to it on which nothing was said.
    pub(crate) fn connect(&self) -> TcpStream {
        with_guards(TcpStream::connect(("127.0.0.1", self.port)).expect("the broker listens"))
    }

    /// Asks it to end and waits until it has; what it wrote to stderr.
    pub(crate) fn stop(mut self) -> String {
        self.terminate();
        self.wait()
    }

    /// Asks it to end (SIGTERM).
    pub(crate) fn terminate(&self) {
        self.process().signal("TERM");
    }

    /// Waits until it has ended, with exit code 0.
    pub(crate) fn wait(&mut self) -> String {
        let mut process = self.process.take().expect("a broker of one's own");
        let code = process.wait_for_end();
        let stderr = process.stderr();
        assert_eq!(code, Some(0), "exit code; stderr:\n{stderr}");
        stderr
    }

    /// The number in a line of `/proc/<pid>/status`; memory, `VmHWM` for instance, is in KiB.
    pub(crate) fn status_number(&self, name: &str) -> u64 {
        self.process().status_number(name)
    }

    /// Its number in the system.
    pub(crate) fn process_id(&self) -> u32 {
        self.process().id()
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a broker of one's own")
    }
}

/// A broker with these arguments that does not get as far as being ready: its exit code, and what it
/// wrote to stderr.
pub(crate) fn run_to_its_end(arguments: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["--bind", "127.0.0.1"], arguments].concat();
    let mut process = Process::spawn(ephemeral(&arguments));
    let code = process.wait_for_end();
    (code, process.stderr())
}

fn ephemeral(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
    command.args(["--ephemeral", "--log-level", "warn"]).args(arguments);
    command.env("HAREMQ_CONFIG_FOLDER", "/nowhere");
    command
}
