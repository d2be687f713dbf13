//! A broker as a process of its own: started, watched, stopped.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use std::{env, fs, thread};

use tempfile::TempDir;

/// How long an event may take before a test gives up on it. Nothing waits this long when all is well.
pub(crate) const GUARD: Duration = Duration::from_secs(10);

/// The line with which the broker says that it is there, as RabbitMQ does.
const READY: &str = "Server startup complete";

/// The environment variable that puts a real RabbitMQ in the place of the shared broker.
const ORACLE: &str = "AMQP_ORACLE_PORT";

/// Whether the shared broker is a real RabbitMQ.
pub(crate) fn on_oracle() -> bool {
    env::var_os(ORACLE).is_some()
}

/// A running broker.
pub(crate) struct Broker {
    port: u16,
    process: Option<Process>,
}

impl Broker {
    /// The broker of all tests that need none of their own, started by the first of them.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| match env::var(ORACLE) {
            Ok(port) => {
                let port = port.parse().expect("AMQP_ORACLE_PORT is a port");
                Self { port, process: None }
            }
            Err(_) => Self::start(&[]),
        })
    }

    /// A broker with these lines in its configuration file.
    pub(crate) fn start(config_lines: &[&str]) -> Self {
        let process = Process::spawn(config_lines);
        process.wait_until_ready();
        let file = process.folder.path().join("port");
        let port =
            fs::read_to_string(&file).expect("the port file is written before the ready line");
        let port = port.trim().parse().expect("the port file holds a port");
        Self { port, process: Some(process) }
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

    /// Its process id; only of a broker of one's own.
    pub(crate) fn pid(&self) -> u32 {
        self.process().child.id()
    }

    /// A TCP connection to it on which nothing was said.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the broker listens");
        stream.set_read_timeout(Some(GUARD)).expect("a time-out above zero");
        stream.set_write_timeout(Some(GUARD)).expect("a time-out above zero");
        stream.set_nodelay(true).expect("a TCP socket");
        stream
    }

    /// Asks it to end and waits until it has; what it wrote to stderr.
    pub(crate) fn stop(mut self) -> String {
        self.terminate();
        self.wait()
    }

    /// Asks it to end (SIGTERM).
    pub(crate) fn terminate(&self) {
        signal("-TERM", self.pid());
    }

    /// Waits until it has ended, with exit code 0.
    pub(crate) fn wait(&mut self) -> String {
        let mut process = self.process.take().expect("a broker of one's own");
        let code = process.wait_for_end();
        let stderr = process.stderr();
        assert_eq!(code, Some(0), "exit code; stderr:\n{stderr}");
        stderr
    }

    /// A line of `/proc/<pid>/status` in KiB, `VmHWM` for instance.
    pub(crate) fn status_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(name)).expect("a known name");
        let number = line.split_whitespace().nth(1).expect("a number after the name");
        number.parse().expect("a number after the name")
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a broker of one's own")
    }
}

/// A broker with these arguments that does not get as far as being ready: its exit code, and what it
/// wrote to stderr.
pub(crate) fn run_to_its_end(arguments: &[&str]) -> (Option<i32>, String) {
    let mut process = Process::spawn_with(TempDir::new().expect("a folder"), arguments);
    let code = process.wait_for_end();
    (code, process.stderr())
}

/// The process, killed when it is dropped and when the tests end in any other way.
struct Process {
    child: Child,
    /// Kills the broker when the pipe to it closes, which the system does when the tests are gone.
    watchdog: Child,
    events: Mutex<Receiver<Event>>,
    stderr: Arc<Mutex<String>>,
    stderr_reader: Option<thread::JoinHandle<()>>,
    folder: TempDir,
}

enum Event {
    Ready,
    /// Stdout was closed: the process is gone.
    Ended,
}

impl Process {
    fn spawn(config_lines: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder for the broker");
        let path = |name| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let (config, port_file) = (path("haremq.conf"), path("port"));
        let mut arguments = vec!["--port", "0", "--port-file", &port_file];
        if !config_lines.is_empty() {
            fs::write(&config, config_lines.join("\n") + "\n").expect("a config file");
            arguments.extend(["--config", &config]);
        }
        Self::spawn_with(folder, &arguments)
    }

    fn spawn_with(folder: TempDir, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
        command.args(["--ephemeral", "--bind", "127.0.0.1", "--log-level", "warn"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the broker's program starts");
        let watchdog = watchdog(child.id());
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut pipe = child.stderr.take().expect("stderr is piped");
        let (told, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.contains(READY) {
                    // Nobody listens any more once the broker was dropped.
                    let _ = told.send(Event::Ready);
                }
            }
            let _ = told.send(Event::Ended);
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let collected = Arc::clone(&stderr);
        let stderr_reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(len @ 1..) = pipe.read(&mut piece) {
                let text = String::from_utf8_lossy(&piece[..len]);
                collected.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        let events = Mutex::new(events);
        Self { child, watchdog, events, stderr, stderr_reader: Some(stderr_reader), folder }
    }

    fn wait_until_ready(&self) {
        match self.next_event() {
            Ok(Event::Ready) => {}
            Ok(Event::Ended) => panic!("the broker ended at its start:\n{}", self.stderr_so_far()),
            Err(error) => panic!("no ready line: {error}; stderr:\n{}", self.stderr_so_far()),
        }
    }

    fn wait_for_end(&mut self) -> Option<i32> {
        while let Event::Ready = self.next_event().expect("the broker ends") {}
        self.child.wait().expect("a child can be waited for").code()
    }

    fn next_event(&self) -> Result<Event, RecvTimeoutError> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(GUARD)
    }

    /// All of it; the process has ended.
    fn stderr(&mut self) -> String {
        if let Some(reader) = self.stderr_reader.take() {
            reader.join().expect("the reader does not panic");
        }
        self.stderr_so_far()
    }

    fn stderr_so_far(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // First the watchdog, so that it never kills somebody else's process of the same number.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watchdog(pid: u32) -> Child {
    Command::new("sh")
        .args(["-c", "trap '' INT; read -r _; kill -9 \"$1\"", "watchdog"])
        .arg(pid.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts")
}

fn signal(which: &str, pid: u32) {
    let status = Command::new("kill").arg(which).arg(pid.to_string()).status();
    assert!(status.expect("kill starts").success(), "signal {which} to {pid}");
}
