//! Lets go of the program's code that only the start needed.
//!
//! A start runs through much of the program once: arguments, configuration, definitions, the database, every listener. Linux
//! maps code in pieces of 64 KiB around each place that is run, so afterwards nearly all of the file counts as
//! this process's memory though hardly any of it is run again. Unmapped, it is a part of the file like any other: what
//! is needed later is mapped again from the page cache, some hundred times half a microsecond.

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
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    let here = let_go as fn() as usize;
    let Some(code) = code_around(&maps, here) else { return };
    let bytes = code.len();
    // SAFETY: the range is one mapping of this program's file that is readable, executable and never written, as the
    // line of the maps says ("r-xp"): what is let go is read from the file again when it is next run, and the file of
    // a running program cannot be changed in place. Mappings do not go while this runs, because nobody unmaps code.
    let advised = unsafe {
        libc::madvise(std::ptr::without_provenance_mut(code.start), bytes, libc::MADV_DONTNEED)
    };
    tracing::debug!(bytes, is_done = advised == 0, "code of the start was let go");
}

#[cfg(not(target_os = "linux"))]
fn let_go() {}

/// The mapping of code that holds `address`, in the form of `/proc/PID/maps`.
#[cfg(target_os = "linux")]
fn code_around(maps: &str, address: usize) -> Option<Range<usize>> {
    maps.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
        let is_code_of_a_file = words.next()? == "r-xp" && words.nth(3)?.starts_with('/');
        (is_code_of_a_file && range.contains(&address)).then_some(range)
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const MAPS: &str = "\
5000-6000 r--p 00000000 fe:00 12 /usr/bin/haremq
6000-9000 r-xp 00001000 fe:00 12 /usr/bin/haremq
9000-a000 rw-p 00004000 fe:00 12 /usr/bin/haremq
b000-c000 r-xp 00000000 00:00 0
d000-e000 rwxp 00000000 fe:00 12 /usr/bin/haremq
";

    #[test]
    fn only_code_of_a_file_that_nobody_writes_is_let_go() {
        assert_eq!(code_around(MAPS, 0x6000), Some(0x6000..0x9000));
        assert_eq!(code_around(MAPS, 0x8fff), Some(0x6000..0x9000));
        for not_code in [0x5000, 0x9000, 0xb800, 0xd000, 0xf000] {
            assert_eq!(code_around(MAPS, not_code), None, "{not_code:x}");
        }
        assert_eq!(code_around("rubbish\n\n1-2\n", 1), None);
    }

    #[test]
    fn the_program_runs_on_without_its_mapped_code() {
        let resident_kb = || {
            let maps = fs::read_to_string("/proc/self/smaps").expect("smaps");
            let here =
                format!("{:x}-", code_around(&maps, let_go as fn() as usize).expect("code").start);
            let rest = &maps[maps.find(&here).expect("the mapping")..];
            let line = rest.lines().find(|line| line.starts_with("Rss:")).expect("Rss");
            let number = line.split_ascii_whitespace().nth(1).expect("a number");
            number.parse::<u64>().expect("kilobytes")
        };
        let before = resident_kb();
        let_go();
        let after = resident_kb();
        assert!(after < before / 2, "{before} KiB before, {after} after");
    }
}
