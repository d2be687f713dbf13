//! Whatever happens to one copy, the other gives everything back; when both are hit, nothing starts.

use std::fs;
use std::path::{Path, PathBuf};

use super::fixture::{Stopped, closed, copy, files, killed, open};
use crate::store::{Definitions, Source, StoreError};

/// A copy of a directory, in which something is done to the files.
fn broken(stopped: &Stopped, break_it: impl FnOnce(&Path)) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    copy(stopped.directory.path(), directory.path());
    break_it(directory.path());
    directory
}

/// Opens a directory of which one file is damaged: everything must be there, and a rebuild must be said.
fn opens_whole(directory: &Path, expected: &Definitions, what: &str) {
    let opened = open(directory).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(opened.definitions == *expected, "{what}: {:?}", opened.report);
    let silent = opened.report.warnings.is_empty();
    assert!(opened.report.source == Source::Database || !silent, "{what}: {:?}", opened.report);
    drop(opened);
    // What was mended stays mended.
    let again = open(directory).unwrap_or_else(|error| panic!("{what}, again: {error}"));
    assert!(again.definitions == *expected, "{what}, again: {:?}", again.report);
    assert_eq!(again.report.warnings, Vec::<String>::new(), "{what}, again");
}

/// Numbers that look random and are the same every time (splitmix64).
struct Seed(u64);

impl Seed {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (below as u64)).expect("it is below a usize")
    }
}

fn flip(path: &Path, seed: &mut Seed) -> String {
    let mut bytes = fs::read(path).expect("a file");
    // Most of a database is empty: every second flip hits what is written.
    let written: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let at = match seed.next(2) {
        0 => seed.next(bytes.len()),
        _ => written[seed.next(written.len())],
    };
    let bit = seed.next(8);
    bytes[at] ^= 1 << bit;
    fs::write(path, bytes).expect("a file");
    format!("bit {bit} of byte {at} of {}", path.display())
}

fn not_empty(stopped: &Stopped) -> Vec<PathBuf> {
    let path = stopped.directory.path();
    let mut found = files(path);
    found.retain(|file| fs::metadata(path.join(file)).expect("a file").len() > 0);
    found
}

#[test]
fn a_file_cut_short_anywhere_loses_nothing() {
    for stopped in [closed(12), killed(12)] {
        for file in not_empty(&stopped) {
            let length = fs::metadata(stopped.directory.path().join(&file)).expect("a file").len();
            for cut in [0, 1, length / 3, length / 2, length - length / 8, length - 1] {
                let directory = broken(&stopped, |path| {
                    let file = fs::OpenOptions::new().write(true).open(path.join(&file));
                    file.expect("a file").set_len(cut).expect("cut");
                });
                let what = format!("{} cut at {cut} of {length}", file.display());
                opens_whole(directory.path(), &stopped.definitions, &what);
            }
        }
    }
}

#[test]
fn a_file_that_vanished_loses_nothing() {
    for stopped in [closed(12), killed(12)] {
        for file in files(stopped.directory.path()) {
            let directory =
                broken(&stopped, |path| fs::remove_file(path.join(&file)).expect("removed"));
            let what = format!("{} gone", file.display());
            opens_whole(directory.path(), &stopped.definitions, &what);
        }
        let database =
            |path: &Path| fs::remove_dir_all(path.join("definitions-1")).expect("removed");
        let directory = broken(&stopped, database);
        opens_whole(directory.path(), &stopped.definitions, "the database gone");
    }
}

#[test]
fn a_flipped_bit_anywhere_loses_nothing() {
    let stopped = [closed(12), killed(12)];
    for number in 0..30 {
        let mut seed = Seed(number);
        let stopped = &stopped[seed.next(2)];
        let files = not_empty(stopped);
        let database = files.iter().find(|file| file.ends_with("db")).expect("a database");
        // Two of three hit the database: the checksums of the others are tried bit by bit elsewhere.
        let file = if number % 3 == 0 { &files[seed.next(files.len())] } else { database };
        let mut what = String::new();
        let directory = broken(stopped, |path| what = flip(&path.join(file), &mut seed));
        opens_whole(directory.path(), &stopped.definitions, &format!("seed {number}, {what}"));
    }
}

#[test]
fn a_damaged_database_is_kept_aside_and_the_rebuild_names_it() {
    let stopped = killed(5);
    let directory = broken(&stopped, |path| {
        fs::write(path.join("definitions-1/db"), [0x5a; 4096]).expect("a file");
    });
    let opened = open(directory.path()).expect("a whole second copy");
    assert_eq!(opened.definitions, stopped.definitions);
    assert_eq!(opened.report.source, Source::Mirror);
    let warning = &opened.report.warnings[0];
    assert!(warning.contains("definitions.damaged-1 is damaged"), "{warning}");
    assert!(warning.contains("definitions.json") && warning.contains("4 queues"), "{warning}");
    assert!(directory.path().join("definitions.damaged-1/db").exists());
}

#[test]
fn when_both_copies_are_damaged_nothing_starts_and_both_are_named() {
    type Break = fn(&Path);
    let of_database: [Break; 3] = [
        |path| fs::remove_dir_all(path.join("definitions-1")).expect("removed"),
        |path| fs::write(path.join("definitions-1/db"), [0x5a; 4096]).expect("a file"),
        |path| {
            let aside = path.join("definitions.damaged-1");
            fs::rename(path.join("definitions-1"), aside).expect("moved");
        },
    ];
    let of_mirror: [Break; 2] = [
        |path| fs::write(path.join("definitions.json"), "{}").expect("a file"),
        |path| fs::remove_file(path.join("definitions.json")).expect("removed"),
    ];
    let stopped = closed(5);
    for break_database in of_database {
        for break_mirror in of_mirror {
            let directory = broken(&stopped, |path| {
                break_database(path);
                break_mirror(path);
            });
            let before = files(directory.path());
            let error = open(directory.path()).err().expect("nothing to start from");
            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains("definitions.json"), "{text}");
            assert!(text.contains(&*directory.path().to_string_lossy()), "{text}");
            let mut after = files(directory.path());
            after.retain(|file| before.contains(file));
            assert_eq!(after, before, "nothing is moved or removed");
        }
    }
}

#[test]
fn a_first_mirror_without_its_journal_is_nothing_to_start_from() {
    let stopped = killed(5);
    let lost = broken(&stopped, |path| {
        fs::remove_file(path.join("definitions.journal")).expect("removed");
        fs::remove_dir_all(path.join("definitions-1")).expect("removed");
    });
    let error = open(lost.path()).err().expect("an empty broker would look like one that works");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("its journal is lost"), "{error}");
}

#[test]
fn a_stale_database_without_a_mirror_is_not_believed() {
    let (old, new) = (closed(3), closed(9));
    let directory = broken(&old, |path| {
        let journal = new.directory.path().join("definitions.journal");
        fs::copy(journal, path.join("definitions.journal")).expect("a copy");
        fs::remove_file(path.join("definitions.json")).expect("removed");
    });
    // The journal has everything that the database lacks.
    let opened = open(directory.path()).expect("the journal leads on");
    assert_eq!(opened.definitions, new.definitions);
    assert_eq!(opened.report.warnings.len(), 3, "{:?}", opened.report);
    drop(opened);
    let directory = broken(&old, |path| {
        let later = empty_journal(9);
        fs::write(path.join("definitions.journal"), later).expect("a file");
        fs::remove_file(path.join("definitions.json")).expect("removed");
    });
    let error = open(directory.path()).err().expect("generations 4 to 9 are nowhere");
    assert!(error.to_string().contains("it ends at generation 3, and 9 was stored"), "{error}");
}

#[test]
fn the_mirror_alone_is_enough() {
    let stopped = closed(5);
    let directory = tempfile::tempdir().expect("a directory");
    let mirror = "definitions.json";
    fs::copy(stopped.directory.path().join(mirror), directory.path().join(mirror)).expect("a copy");
    let opened = open(directory.path()).expect("a mirror from a backup");
    assert_eq!(opened.definitions, stopped.definitions);
    assert_eq!(opened.report.source, Source::Mirror);
}

/// A journal that begins behind this generation.
fn empty_journal(generation: u64) -> Vec<u8> {
    let checked = format!("{generation} {{\"haremq_journal\":\"1.0\"}}");
    format!("{:08x} {checked}\n", crc32fast::hash(checked.as_bytes())).into_bytes()
}
