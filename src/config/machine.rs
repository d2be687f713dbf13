//! How much memory there is: what the machine has, or what its control group allows if that is less.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of memory that this process may use; `None` where the system does not say.
#[must_use]
pub fn machine_memory_bytes() -> Option<u64> {
    memory_below(Path::new("/"))
}

/// The name of this machine up to its first dot, as RabbitMQ has it in the names of its nodes.
pub(super) fn host_name() -> String {
    let name = read(Path::new("/proc/sys/kernel/hostname"));
    let short = name.trim().split('.').next().unwrap_or_default();
    if short.is_empty() { "localhost".to_owned() } else { short.to_owned() }
}

/// As [`machine_memory_bytes`], for a system whose files are below `root`.
fn memory_below(root: &Path) -> Option<u64> {
    let total = total_bytes(&read(&root.join("proc/meminfo")));
    let groups = read(&root.join("proc/self/cgroup"));
    let limit = groups
        .lines()
        .filter_map(|line| limit_files(&root.join("sys/fs/cgroup"), line))
        .flatten()
        .filter_map(|path| read(&path).trim().parse::<u64>().ok())
        .min();
    match (total, limit) {
        (Some(total), Some(limit)) => Some(total.min(limit)),
        (total, limit) => total.or(limit),
    }
}

/// A file that is not there says nothing, like an empty one.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// `MemTotal:       16318480 kB`; the unit is 1024 bytes whatever it is called.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The files that may hold a limit for one line of `/proc/self/cgroup`
/// (`hierarchy:controllers:/path`): the group and all above it, because each of them binds. Within a
/// container the path may be that of the host, and only the top is there.
fn limit_files(cgroup: &Path, line: &str) -> Option<Vec<PathBuf>> {
    let mut fields = line.splitn(3, ':');
    let (hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let (folder, file) = if hierarchy == "0" && controllers.is_empty() {
        (cgroup.to_path_buf(), "memory.max")
    } else if controllers.split(',').any(|controller| controller == "memory") {
        (cgroup.join("memory"), "memory.limit_in_bytes")
    } else {
        return None;
    };
    let path = Path::new(path.trim_start_matches('/'));
    Some(path.ancestors().map(|above| folder.join(above).join(file)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        8388608 kB\nMemFree:          123456 kB\n";
    const MACHINE: u64 = 8 << 30;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        root
    }

    fn memory(files: &[(&str, &str)]) -> Option<u64> {
        memory_below(system(files).path())
    }

    #[test]
    fn without_a_group_the_machine_decides() {
        assert_eq!(memory(&[("proc/meminfo", MEMINFO)]), Some(MACHINE));
        assert_eq!(memory(&[]), None);
        assert_eq!(memory(&[("proc/meminfo", "MemTotal: many\n")]), None);
    }

    #[test]
    fn the_tightest_group_above_the_process_decides() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/system.slice/haremq.service\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/system.slice/haremq.service/memory.max", "max\n"),
        ];
        assert_eq!(memory(&files), Some(1 << 30));
    }

    #[test]
    fn in_a_container_the_top_group_decides() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "536870912\n"),
        ];
        assert_eq!(memory(&files), Some(512 << 20));
    }

    #[test]
    fn the_first_version_of_groups_is_read_too() {
        let group = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n";
        let mut files = vec![
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", group),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(memory(&files), Some(MACHINE), "the largest number means no limit");
        files.push(("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "268435456\n"));
        assert_eq!(memory(&files), Some(256 << 20));
    }
}
