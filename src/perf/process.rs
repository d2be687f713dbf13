//! CPU and memory of a process, as `/proc` tells.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::PerfError;

/// One look at a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Usage {
    /// User and system time of all its threads since it began.
    pub(super) cpu: Duration,
    /// Resident memory in bytes.
    pub(super) rss_bytes: u64,
}

/// A process that is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Process {
    pid: u32,
}

impl Process {
    /// A process by its number; an error when there is none.
    pub(super) fn watch(pid: u32) -> Result<Self, PerfError> {
        let process = Self { pid };
        process.usage()?;
        Ok(process)
    }

    /// The one that measures.
    pub(super) fn own() -> Self {
        Self { pid: std::process::id() }
    }

    /// What it has used so far.
    pub(super) fn usage(self) -> Result<Usage, PerfError> {
        let stat = self.file("stat")?;
        let status = self.file("status")?;
        let ticks = rustix::param::clock_ticks_per_second();
        let cpu = cpu_of(&stat.1, ticks).ok_or_else(|| self.strange(stat.0))?;
        // A process that has ended and was not waited for has no memory any more.
        Ok(Usage { cpu, rss_bytes: rss_of(&status.1).unwrap_or_default() })
    }

    fn file(self, name: &str) -> Result<(PathBuf, String), PerfError> {
        let path = PathBuf::from(format!("/proc/{}/{name}", self.pid));
        match fs::read_to_string(&path) {
            Ok(text) => Ok((path, text)),
            Err(error) => Err(PerfError::Process { pid: self.pid, path, error }),
        }
    }

    fn strange(self, path: PathBuf) -> PerfError {
        let error = io::Error::new(io::ErrorKind::InvalidData, "an unknown form");
        PerfError::Process { pid: self.pid, path, error }
    }
}

/// User and system time (`proc_pid_stat(5)`, fields 14 and 15). The name before them may hold anything,
/// spaces and brackets too.
fn cpu_of(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let micros = (user + system).checked_mul(1_000_000)?.checked_div(ticks_per_second)?;
    Some(Duration::from_micros(micros))
}

fn rss_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_stands_behind_a_name_of_any_form() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 1 1 20 0 9 0 77";
        assert_eq!(cpu_of(stat, 100), Some(Duration::from_secs(2)));
        assert_eq!(cpu_of("7 (a) S 1", 100), None);
    }

    #[test]
    fn memory_is_in_kib() {
        assert_eq!(rss_of("Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(rss_of("Name:\tx\n"), None);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        let own = Process::own().usage().expect("this process");
        assert!(own.rss_bytes > 0);
        let error = Process::watch(u32::MAX).expect_err("no such process").to_string();
        assert!(error.contains("--pid 4294967295"), "{error}");
    }
}
