//! The broker's program as a process: started, watched, signalled, waited for.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, thread};

/// How long an event may take before a test gives up on it. Nothing waits this long when all is well.
pub(crate) const GUARD: Duration = Duration::from_secs(10);

/// The line with which the broker says that it is there, as RabbitMQ does.
const READY: &str = "Server startup complete";

/// The process, killed when it is dropped and when the tests end in any other way.
pub(crate) struct Process {
    child: Child,
    /// Kills the broker when the pipe to it closes, which the system does when the tests are gone.
    watchdog: Child,
    events: Mutex<Receiver<Event>>,
    stderr: Arc<Stderr>,
    stderr_reader: Option<thread::JoinHandle<()>>,
}

/// What was written to stderr so far, and who waits for more of it.
#[derive(Default)]
struct Stderr {
    text: Mutex<String>,
    more: Condvar,
}

enum Event {
    /// With the line that says so.
    Ready(String),
    /// Stdout was closed: the process is gone.
    Ended,
}

/// Starts a program that may have been copied a moment ago. Whoever forks between the copy's opening and
/// its closing holds the file open for writing until it executes a program of its own, and until then
/// the kernel says that the file is busy.
fn start(command: &mut Command) -> Child {
    for _ in 0..BUSY_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::yield_now(),
            spawned => return spawned.expect("the broker's program starts"),
        }
    }
    command.spawn().expect("the broker's program starts")
}

/// Far more forks than the tests do at a time.
const BUSY_TRIES: usize = 1_000_000;

impl Process {
    /// Starts the program with what `command` says, and reads what it writes.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = start(&mut command);
        let watchdog = watchdog(child.id());
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut pipe = child.stderr.take().expect("stderr is piped");
        let (told, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.contains(READY) {
                    // Nobody listens any more once the broker was dropped.
                    let _ = told.send(Event::Ready(line));
                }
            }
            let _ = told.send(Event::Ended);
        });
        let stderr = Arc::new(Stderr::default());
        let collected = Arc::clone(&stderr);
        let stderr_reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(len @ 1..) = pipe.read(&mut piece) {
                let text = String::from_utf8_lossy(&piece[..len]);
                collected.text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                collected.more.notify_all();
            }
        });
        let events = Mutex::new(events);
        Self { child, watchdog, events, stderr, stderr_reader: Some(stderr_reader) }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says that it is ready; the line that says so.
    pub(crate) fn wait_until_ready(&self) -> String {
        self.ready_line_within(GUARD).unwrap_or_else(|| self.ended_at_its_start())
    }

    /// [`Self::wait_until_ready`] for a start that may take longer.
    pub(crate) fn ready_within(&self, guard: Duration) {
        if !self.is_ready_within(guard) {
            self.ended_at_its_start();
        }
    }

    fn ended_at_its_start(&self) -> ! {
        panic!("the broker ended at its start:\n{}", self.stderr_so_far())
    }

    /// Waits until it says that it is ready, or has ended.
    pub(crate) fn is_ready_within(&self, guard: Duration) -> bool {
        self.ready_line_within(guard).is_some()
    }

    fn ready_line_within(&self, guard: Duration) -> Option<String> {
        match self.next_event(guard) {
            Ok(Event::Ready(line)) => Some(line),
            Ok(Event::Ended) => None,
            Err(error) => panic!("no ready line: {error}; stderr:\n{}", self.stderr_so_far()),
        }
    }

    /// Waits until it has ended; its exit code, none when a signal ended it.
    pub(crate) fn wait_for_end(&mut self) -> Option<i32> {
        self.end_within(GUARD)
    }

    /// [`Self::wait_for_end`] for an end that may take longer.
    pub(crate) fn end_within(&mut self, guard: Duration) -> Option<i32> {
        loop {
            match self.next_event(guard) {
                Ok(Event::Ready(_)) => {}
                Ok(Event::Ended) | Err(RecvTimeoutError::Disconnected) => break,
                Err(error @ RecvTimeoutError::Timeout) => {
                    panic!("no end: {error}; stderr:\n{}", self.stderr_so_far())
                }
            }
        }
        self.child.wait().expect("a child can be waited for").code()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, which: &str) {
        let (which, pid) = (format!("-{which}"), self.id().to_string());
        let status = Command::new("kill").args([which, pid]).status();
        assert!(status.expect("kill starts").success(), "a signal to a process that runs");
    }

    /// SIGKILL, and the end.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process that was not waited for");
        self.wait_for_end();
    }

    /// The number in a line of `/proc/<pid>/status`; memory, `VmHWM` for instance, is in KiB.
    pub(crate) fn status_number(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(name)).expect("a known name");
        let number = line.split_whitespace().nth(1).expect("a number after the name");
        number.parse().expect("a number after the name")
    }

    /// Waits until it has written this to stderr.
    pub(crate) fn wait_for_stderr(&self, what: &str) {
        let text = self.stderr.text.lock().unwrap_or_else(PoisonError::into_inner);
        let (text, waited) = self
            .stderr
            .more
            .wait_timeout_while(text, GUARD, |text| !text.contains(what))
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "no '{what}' on stderr:\n{text}");
    }

    /// What it wrote to stderr, all of it; the process has ended.
    pub(crate) fn stderr(&mut self) -> String {
        if let Some(reader) = self.stderr_reader.take() {
            reader.join().expect("the reader does not panic");
        }
        self.stderr_so_far()
    }

    fn stderr_so_far(&self) -> String {
        self.stderr.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn next_event(&self, guard: Duration) -> Result<Event, RecvTimeoutError> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(guard)
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
