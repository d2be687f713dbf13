//! Tells the service manager how the broker is, as systemd's `sd_notify(3)` does: one datagram each to the socket
//! that `NOTIFY_SOCKET` names. A crate for it was weighed (sd-notify); what it would save is the forty lines that
//! send, and it asks for another crate to read the clock.
//!
//! Without the variable nothing is opened, told or spawned.

use std::ffi::{OsStr, OsString};
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use crate::shutdown::Shutdown;

/// The way to the service manager, if there is one. Clones are the same way.
#[derive(Clone, Default)]
pub(crate) struct ServiceManager {
    socket: Option<Arc<UnixDatagram>>,
    /// How often it wants to hear that the broker is alive: half of what it waits for.
    beat: Option<Duration>,
}

/// What must go on for the broker to be alive.
pub(crate) struct Life {
    /// A short look at the broker that takes a lock of it; what it finds does not matter.
    pub(crate) look: Arc<dyn Fn() + Send + Sync>,
    /// Tasks that end with the process only.
    pub(crate) tasks: Vec<AbortHandle>,
}

impl Life {
    /// Whether everything that must go on does. Does not come back while no thread of the runtime is free, or the
    /// lock that the look takes is never given back.
    async fn goes_on(&self) -> bool {
        if self.tasks.iter().any(AbortHandle::is_finished) {
            return false;
        }
        let look = Arc::clone(&self.look);
        tokio::spawn(async move { look() }).await.is_ok()
    }
}

impl ServiceManager {
    /// As the environment says.
    pub(crate) fn of(environment: &[(OsString, OsString)]) -> Self {
        let variable = |name: &str| {
            let found = environment.iter().find(|(variable, _)| variable == name);
            found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
        };
        let Some(name) = variable("NOTIFY_SOCKET") else { return Self::default() };
        let socket = match connected(name) {
            Ok(socket) => Some(Arc::new(socket)),
            Err(error) => {
                let socket = name.display();
                tracing::warn!(%socket, %error, "the service manager hears nothing: NOTIFY_SOCKET cannot be reached");
                None
            }
        };
        let beat = beat(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"), std::process::id());
        Self { socket, beat }
    }

    /// Everything listens, or the configuration was read again.
    pub(crate) fn ready(&self, status: &str) {
        // A line break would begin another assignment.
        self.tell(&format!("READY=1\nSTATUS={}", status.replace('\n', " ")));
    }

    /// The configuration is being read again; [`Self::reloaded`] says when that is over.
    pub(crate) fn reloading(&self) {
        if self.socket.is_some() {
            self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_us()));
        }
    }

    /// Ends [`Self::reloading`], however it went: the broker serves.
    pub(crate) fn reloaded(&self) {
        self.tell("READY=1");
    }

    /// Tells from now on that the broker is alive, as often as it is wanted, and that it stops when it is told to.
    pub(crate) fn follow(&self, shutdown: Shutdown, life: Life) {
        if self.socket.is_none() {
            return;
        }
        // Both end with the runtime: a broker that stops is alive until it is gone.
        let (manager, stopping) = (self.clone(), shutdown.clone());
        drop(tokio::spawn(async move {
            stopping.wait().await;
            manager.tell("STOPPING=1\nSTATUS=closing connections");
        }));
        if let Some(beat) = self.beat {
            let manager = self.clone();
            drop(tokio::spawn(async move { manager.beats(beat, &life, &shutdown).await }));
        }
    }

    /// Until the broker is not alive any more: then the service manager ends it.
    async fn beats(&self, every: Duration, life: &Life, shutdown: &Shutdown) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // That this goes on shows that timers do.
            ticks.tick().await;
            // Who stops ends those tasks.
            if !life.goes_on().await && !shutdown.has_begun() {
                tracing::error!(
                    "a task that must not end has ended: the service manager hears no more of this broker"
                );
                return;
            }
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::warn!(%error, state, "the service manager was not told");
        }
    }
}

/// A path, or a name that begins with `@` and is none.
fn connected(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => {
            let reason = "expected a path that begins with / or a name that begins with @";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // It reads at once; one that does not must not hold the broker up for longer.
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Half of the time after which the service manager gives up on us; `None` when it does not wait for us.
fn beat(microseconds: Option<&OsStr>, pid: Option<&OsStr>, own_pid: u32) -> Option<Duration> {
    let number = |text: &OsStr| text.to_str().and_then(|text| text.parse::<u64>().ok());
    if pid.is_some_and(|pid| number(pid) != Some(u64::from(own_pid))) {
        return None;
    }
    let microseconds = microseconds.and_then(number).filter(|us| *us > 0)?;
    Some(Duration::from_micros((microseconds / 2).max(1)))
}

/// The clock by which systemd puts reloads in order; it has nothing to do with the broker's time.
fn monotonic_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanoseconds) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * 1_000_000 + nanoseconds / 1000
}

/// How long one datagram may take.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn manager(name: &OsStr) -> ServiceManager {
        ServiceManager::of(&[("NOTIFY_SOCKET".into(), name.to_owned())])
    }

    fn heard(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out above zero");
        let mut bytes = [0; 4096];
        let len = socket.recv(&mut bytes).expect("a datagram");
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    #[test]
    fn states_go_to_the_socket_of_the_environment_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let manager = manager(path.as_os_str());
        manager.ready("AMQP on 5672\nREADY=0");
        assert_eq!(heard(&socket), "READY=1\nSTATUS=AMQP on 5672 READY=0");
        manager.reloading();
        let before = monotonic_us();
        let text = heard(&socket);
        let at = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("the time of the reload");
        let at: u64 = at.parse().expect("a number");
        assert!(at <= before && before - at < 60_000_000, "{at} is now");
        manager.reloaded();
        assert_eq!(heard(&socket), "READY=1");
    }

    #[test]
    fn a_name_that_begins_with_an_at_sign_is_no_path() {
        let name = format!("haremq-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let socket = UnixDatagram::bind_addr(&address).expect("a socket");
        manager(OsStr::new(&format!("@{name}"))).reloaded();
        assert_eq!(heard(&socket), "READY=1");
    }

    #[test]
    fn a_socket_that_is_not_there_stops_nobody() {
        for name in ["/nowhere/notify", "notify", "vsock:2:1"] {
            let manager = manager(OsStr::new(name));
            assert!(manager.socket.is_none(), "{name}");
            manager.ready("");
        }
        assert!(ServiceManager::of(&[]).socket.is_none());
    }

    /// Beats for a broker until it has been looked at three times, or the beats end before: then `false`.
    async fn beats(manager: &ServiceManager, task: AbortHandle, shutdown: &Shutdown) -> bool {
        let (looks, enough) = (AtomicUsize::new(0), Arc::new(tokio::sync::Notify::new()));
        let told = Arc::clone(&enough);
        let look = Arc::new(move || {
            if looks.fetch_add(1, Ordering::Relaxed) == 2 {
                told.notify_one();
            }
        });
        let life = Life { look, tasks: vec![task] };
        let every = Duration::from_millis(1);
        let watched = async {
            // With no look there is no end of them: every beat would be one.
            tokio::time::timeout(Duration::from_secs(10), enough.notified()).await.is_ok()
        };
        tokio::select! {
            () = manager.beats(every, &life, shutdown) => false,
            seen = watched => seen,
        }
    }

    #[test]
    fn the_watchdog_hears_of_a_broker_as_long_as_its_tasks_go_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let manager = manager(path.as_os_str());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let shutdown = Shutdown::on_signals().expect("signals are heard");
            let task = tokio::spawn(std::future::pending::<()>());
            let handle = task.abort_handle();
            assert!(beats(&manager, handle.clone(), &shutdown).await);
            assert_eq!(heard(&socket), "WATCHDOG=1");
            task.abort();
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
            socket.set_nonblocking(true).expect("a socket");
            while socket.recv(&mut [0; 64]).is_ok() {}
            assert!(!beats(&manager, handle, &shutdown).await, "its task has ended");
            assert!(socket.recv(&mut [0; 64]).is_err(), "nothing was told");
        });
    }

    #[test]
    fn a_broker_that_cannot_be_looked_at_is_not_alive_and_one_that_stops_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let manager = manager(path.as_os_str());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let shutdown = Shutdown::on_signals().expect("signals are heard");
            let life = Life { look: Arc::new(|| panic!("a lock is poisoned")), tasks: Vec::new() };
            manager.beats(Duration::from_millis(1), &life, &shutdown).await;
            socket.set_nonblocking(true).expect("a socket");
            assert!(socket.recv(&mut [0; 64]).is_err(), "nothing was told");
            shutdown.begin();
            tokio::select! {
                () = manager.beats(Duration::from_millis(1), &life, &shutdown) => panic!("it stops, and lives"),
                said = tokio::task::spawn_blocking(move || { socket.set_nonblocking(false).map(|()| heard(&socket)) }) => {
                    assert_eq!(said.expect("it does not panic").expect("a socket"), "WATCHDOG=1");
                }
            }
        });
    }

    #[test]
    fn it_beats_twice_in_the_time_of_the_watchdog_if_the_watchdog_is_ours() {
        let os = |text: &'static str| Some(OsStr::new(text));
        let ours = Some(Duration::from_secs(15));
        assert_eq!(beat(os("30000000"), None, 7), ours);
        assert_eq!(beat(os("30000000"), os("7"), 7), ours);
        assert_eq!(beat(os("30000000"), os("8"), 7), None);
        assert_eq!(beat(os("1"), None, 7), Some(Duration::from_micros(1)));
        for wrong in [None, os("0"), os("soon")] {
            assert_eq!(beat(wrong, None, 7), None);
        }
    }
}
