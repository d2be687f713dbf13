//! Ends the broker with another process: the one that started it, or one that it was told.
//!
//! It looks a few times a second. A parent has ended when the system names another one; of another process a
//! descriptor says so, which means this very process, whatever becomes of its number, and does not wait
//! until somebody has taken note of the end. A death signal (`PR_SET_PDEATHSIG`) is no choice: it comes when the *thread* ends
//! that started the broker, and test runners start from threads that end early.
//!
//! Whoever's parent ends is given another one. A parent that ended before the broker has looked can therefore
//! not be told from one that is meant; whoever must be sure names the process (`--exit-with-parent=PID`).

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, getppid, test_kill_process};

use crate::config::ParentWatch;
use crate::shutdown::Shutdown;

/// How often it looks: a port is free again before somebody has started the next run of their tests.
const LOOK: Duration = Duration::from_millis(250);

/// The process that is watched.
enum Watched {
    Parent(Pid),
    /// By its descriptor, where the system has them (Linux 5.3).
    Open(OwnedFd),
    /// By its number.
    Number(Pid),
    /// It was not there.
    Gone,
}

/// Begins the stop when the process ends; at once when it has.
///
/// # Errors
/// When the parent is in no place where it could be watched.
pub(crate) fn follow(watch: Option<ParentWatch>, shutdown: &Shutdown) -> io::Result<()> {
    let Some(watch) = watch else { return Ok(()) };
    let watched = Watched::of(watch)?;
    let shutdown = shutdown.clone();
    drop(tokio::spawn(async move {
        while !watched.has_ended() {
            tokio::time::sleep(LOOK).await;
        }
        tracing::info!(?watch, "stopping with the process that exit_with_parent names");
        shutdown.begin();
    }));
    Ok(())
}

impl Watched {
    fn of(watch: ParentWatch) -> io::Result<Self> {
        match watch {
            ParentWatch::Parent => {
                let hidden = "exit_with_parent: the parent lives outside of this container: \
                              give the number of a process inside";
                getppid().map(Self::Parent).ok_or_else(|| io::Error::other(hidden))
            }
            ParentWatch::Process(number) => {
                let process = i32::try_from(number).ok().and_then(Pid::from_raw);
                Ok(process.map_or(Self::Gone, Self::open))
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn open(process: Pid) -> Self {
        use rustix::process::{PidfdFlags, pidfd_open};
        match pidfd_open(process, PidfdFlags::empty()) {
            Ok(descriptor) => Self::Open(descriptor),
            Err(Errno::SRCH) => Self::Gone,
            // An older system, or a sandbox that does not know the call.
            Err(_) => Self::Number(process),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open(process: Pid) -> Self {
        Self::Number(process)
    }

    fn has_ended(&self) -> bool {
        match self {
            Self::Parent(process) => getppid() != Some(*process),
            Self::Open(descriptor) => {
                let mut asked = [PollFd::new(descriptor, PollFlags::IN)];
                poll(&mut asked, Some(&Timespec::default())).is_ok_and(|told| told > 0)
            }
            Self::Number(process) => test_kill_process(*process) == Err(Errno::SRCH),
            Self::Gone => true,
        }
    }
}
