//! What the operating system says of this process: memory, files, sockets, free disk.

use std::fs;
use std::path::Path;

/// A look at the process. What the system does not say is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Process {
    /// Memory in RAM, in bytes.
    pub(super) resident_bytes: u64,
    /// Of that, what belongs to no file: what the program asked for.
    pub(super) anonymous_bytes: u64,
    /// Of that, the program itself and other files.
    pub(super) file_bytes: u64,
    /// Of that, what other processes may see as well.
    pub(super) shared_bytes: u64,
    /// Open files and sockets.
    pub(super) files: u64,
    /// How many of them there may be.
    pub(super) files_max: u64,
    /// Sockets among them.
    pub(super) sockets: u64,
    /// Times that the system took the processor from it or got it back.
    pub(super) context_switches: u64,
    /// Threads.
    pub(super) threads: u64,
}

impl Process {
    /// How many files and sockets may be open.
    pub(super) fn files_max() -> u64 {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or_default()
    }

    /// Looks. Costs one system call for each open file.
    pub(super) fn look() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let (files, sockets) = descriptors();
        let switches = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"];
        Self {
            resident_bytes: number(&status, "VmRSS") * 1024,
            anonymous_bytes: number(&status, "RssAnon") * 1024,
            file_bytes: number(&status, "RssFile") * 1024,
            shared_bytes: number(&status, "RssShmem") * 1024,
            files,
            files_max: Self::files_max(),
            sockets,
            context_switches: switches.into_iter().map(|name| number(&status, name)).sum(),
            threads: number(&status, "Threads"),
        }
    }
}

/// The number of a line `name:  number …`; 0 when there is none.
fn number(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn descriptors() -> (u64, u64) {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return (0, 0) };
    let (mut files, mut sockets) = (0, 0);
    for entry in entries.filter_map(Result::ok) {
        files += 1;
        let is_socket = fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        sockets += u64::from(is_socket);
    }
    (files, sockets)
}

/// Free bytes of the file system on which this folder lies.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_their_line() {
        let status = "VmRSSx:\t1 kB\nVmRSS:\t    7 kB\nThreads:\t3\n";
        assert_eq!((number(status, "VmRSS"), number(status, "Threads")), (7, 3));
        assert_eq!(number(status, "none"), 0);
    }

    #[test]
    fn a_process_has_memory_files_and_a_disk() {
        let process = Process::look();
        assert!(process.resident_bytes > 0 && process.threads > 0, "{process:?}");
        assert!(process.files > 0 && process.files <= process.files_max, "{process:?}");
        assert!(free_bytes(Path::new("/")).is_some());
    }
}
