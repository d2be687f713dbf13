//! Lets go of code and constants that only the start needed.
//!
//! A start runs through much of the program once: arguments, configuration, definitions, the database, every listener. Linux
//! maps a file in pieces of 64 KiB around each place that is touched, so afterwards nearly all of the program counts as
//! this process's memory though hardly any of it is run again. Unmapped, it is a part of the file like any other: what
//! is needed later is mapped again from the page cache, some hundred times half a microsecond. The system does the same to pages
//! that nobody uses when it is short of memory.

#[cfg(target_os = "linux")]
use std::fs;
#[cfg(target_os = "linux")]
use std::ops::Range;
use std::time::Duration;

/// How long after the start it is done: by then whoever waited for the broker has connected.
const PAUSE: Duration = Duration::from_secs(1);

/// Does it once, a moment from now. For the program only: a broker within another program has no say over its pages.
pub(crate) fn let_go_soon() {
    // Ends by itself, or with the runtime.
    drop(tokio::spawn(async {
        tokio::time::sleep(PAUSE).await;
        let_go();
    }));
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the C library takes the range as an address and a length")]
fn let_go() {
    // Where it cannot be read nothing is let go.
    let Ok(maps) = fs::read_to_string("/proc/self/smaps") else { return };
    let mut bytes = 0;
    for range in as_in_their_files(&maps) {
        // SAFETY: the range is one mapping of a file of which this process has no page of its own ("Anonymous: 0") and
        // to which it cannot write: what is let go is read from the file again when it is next used, as after the system
        // has taken it. Files of running programs and libraries are replaced, never changed in place. Nobody
        // unmaps the program or its libraries.
        let advised = unsafe {
            let start = std::ptr::without_provenance_mut(range.start);
            libc::madvise(start, range.len(), libc::MADV_DONTNEED)
        };
        if advised == 0 {
            bytes += range.len();
        }
    }
    tracing::debug!(bytes, "what only the start needed was let go");
}

#[cfg(not(target_os = "linux"))]
fn let_go() {}

/// The mappings of files that cannot be written and never were, in the form of `/proc/PID/smaps`.
#[cfg(target_os = "linux")]
fn as_in_their_files(maps: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut of_file = None;
    for line in maps.lines() {
        if let Some(mapping) = header(line) {
            of_file = mapping.of_file;
        } else if line.split_ascii_whitespace().eq(["Anonymous:", "0", "kB"]) {
            found.extend(of_file.take());
        }
    }
    found
}

/// The first line of a mapping.
#[cfg(target_os = "linux")]
struct Mapping {
    /// Its place, when it is a private one of a file that nobody writes.
    of_file: Option<Range<usize>>,
}

#[cfg(target_os = "linux")]
fn header(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
    let is_read_only = matches!(words.next()?, "r-xp" | "r--p");
    let is_of_a_file = words.nth(3).is_some_and(|path| path.starts_with('/'));
    Some(Mapping { of_file: (is_read_only && is_of_a_file).then_some(range) })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_in_its_file_and_stays_so_is_let_go() {
        let mapping = |head: &str, own_kb: u32| {
            format!("{head}\nRss:   8 kB\nAnonymous:   {own_kb} kB\nVmFlags: rd mr\n")
        };
        let constants = "5000-6000 r--p 00000000 fe:00 12 /usr/bin/haremq";
        let code = "6000-9000 r-xp 00001000 fe:00 12 /usr/bin/haremq";
        let maps = [
            mapping(constants, 0),
            mapping(code, 0),
            // Addresses that the loader wrote, and forbade to write then.
            mapping("9000-a000 r--p 00004000 fe:00 12 /usr/bin/haremq", 4),
            mapping("a000-b000 rw-p 00005000 fe:00 12 /usr/bin/haremq", 0),
            mapping("b000-c000 r--s 00000000 fe:00 13 /var/lib/shared", 0),
            mapping("d000-e000 r-xp 00000000 00:00 0", 0),
            mapping("e000-f000 r-xp 00000000 00:00 0 [vdso]", 0),
        ];
        assert_eq!(as_in_their_files(&maps.concat()), [0x5000..0x6000, 0x6000..0x9000]);
        assert!(as_in_their_files("rubbish\n\n1-2\nAnonymous: 0 kB\n").is_empty());
    }

    /// Set for the process that a test has to itself: others would run code meanwhile.
    const ALONE: &str = "HAREMQ_TEST_ALONE";

    #[test]
    fn the_program_runs_on_without_what_was_mapped() {
        if std::env::var_os(ALONE).is_none() {
            let own = std::env::current_exe().expect("this program");
            let name = concat!(module_path!(), "::the_program_runs_on_without_what_was_mapped");
            let name = name.split_once("::").expect("the crate's name is no part of it").1;
            let mut run = std::process::Command::new(own);
            let run = run.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output();
            let run = run.expect("it runs");
            let said = String::from_utf8_lossy(&run.stdout);
            assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
            assert!(said.contains("1 passed"), "{said}");
            return;
        }
        let resident_kb = || {
            let maps = fs::read_to_string("/proc/self/smaps").expect("smaps");
            let here = let_go as fn() as usize;
            let is_here = |line: &&str| {
                let of_file = header(line).and_then(|mapping| mapping.of_file);
                of_file.is_some_and(|range| range.contains(&here))
            };
            let mut lines = maps.lines().skip_while(|line| !is_here(line));
            let line = lines.find(|line| line.starts_with("Rss:")).expect("Rss");
            let number = line.split_ascii_whitespace().nth(1).expect("a number");
            number.parse::<u64>().expect("kilobytes")
        };
        // What a start may run, and nothing after it.
        for mut line in [crate::config::command_line(), crate::perf::command_line()] {
            assert!(line.render_long_help().to_string().contains("--help"));
        }
        assert!(regex::Regex::new(r"^(\w+|[a-z]{1,20})*$").expect("it is one").is_match("words"));
        let before = resident_kb();
        let_go();
        let after = resident_kb();
        assert!(after < before, "{before} KiB before, {after} after");
    }
}
