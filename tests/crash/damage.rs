//! Bytes of the log that are not what was written: what is damaged is named, everything else is kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::body::{self, Name, body};
use super::client::Incoming;
use super::random::Random;
use super::server::{Server, segments};
use super::steps::{Fill, declare_durable, fresh};

const QUEUE: &str = "q";
const MESSAGES: u64 = 600;
const BYTES: usize = 1_000;

/// How long nothing must come before it is believed that nothing more comes. A message that is late
/// fails the test, and nothing else.
const SILENCE: Duration = Duration::from_millis(500);

/// How the broker ended before its files were changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Stop,
    Kill,
}

/// A directory with [`MESSAGES`] confirmed messages in one queue, and nobody at work on it.
fn filled(end: End) -> TempDir {
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, QUEUE).expect("a queue");
    let fill = Fill { bytes: BYTES, window: 50, ..Fill::new(QUEUE, 1, 1..=MESSAGES) };
    fill.run(&mut client, 2).expect("confirms");
    drop(client);
    match end {
        End::Stop => server.stop(),
        End::Kill => server.kill(),
    };
    data
}

fn all() -> BTreeSet<Name> {
    fresh(1, 1..=MESSAGES).into_iter().map(|(name, _)| name).collect()
}

/// Starts a broker, takes everything that it hands out, and stops it; what it wrote to stderr.
fn read_all(data: &Path) -> (BTreeSet<Name>, String) {
    let server = Server::start(data);
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    client.consume(1, QUEUE, 0).expect("a consumer");
    let mut names = BTreeSet::new();
    while let Some(next) = client.next_within(SILENCE).expect("it goes on") {
        let Incoming::Delivery(delivery) = next else { panic!("{next:?}") };
        let name = body::read(&delivery.body).expect("a damaged body is not handed out");
        assert!(names.insert(name), "{name:?} came twice");
    }
    assert_eq!(client.ready(1, QUEUE).expect("an answer"), 0, "it keeps nothing back");
    client.close().expect("a polite end");
    (names, server.stop())
}

/// Where the body of a message lies.
fn place_of(data: &Path, name: Name) -> (PathBuf, usize) {
    let wanted = body(name, BYTES);
    for segment in segments(data) {
        let bytes = fs::read(&segment).expect("a segment");
        if let Some(at) = bytes.windows(wanted.len()).position(|window| window == wanted) {
            return (segment, at);
        }
    }
    panic!("{name:?} is in no segment");
}

fn flip(file: &Path, at: usize, bit: u64) {
    let mut bytes = fs::read(file).expect("a segment");
    bytes[at] ^= 1 << bit;
    fs::write(file, bytes).expect("a segment");
}

#[track_caller]
fn assert_named(stderr: &str, file: &Path, at: usize) {
    let name = file.file_name().expect("a file").to_str().expect("UTF-8");
    let line = stderr.lines().find(|line| line.contains(name));
    let line = line.unwrap_or_else(|| panic!("nobody names {name}: {stderr}"));
    let numbers = line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    let near = |number: usize| number <= at && at - number < 4_096;
    assert!(numbers.into_iter().any(near), "no offset just before {at}: {line}");
}

fn a_flipped_bit_in_a_body(end: End) {
    let data = filled(end);
    let damaged = (1, MESSAGES / 2);
    let (file, at) = place_of(data.path(), damaged);
    flip(&file, at + BYTES / 2, 3);
    let (names, stderr) = read_all(data.path());
    let missing: Vec<_> = all().difference(&names).copied().collect();
    assert_eq!(missing, [damaged], "{stderr}");
    assert_named(&stderr, &file, at);
}

#[test]
fn a_flipped_bit_after_a_clean_stop_costs_one_message_and_is_named() {
    a_flipped_bit_in_a_body(End::Stop);
}

#[test]
fn a_flipped_bit_after_a_kill_costs_one_message_and_is_named() {
    a_flipped_bit_in_a_body(End::Kill);
}

/// Between two bodies lie the headers of records and groups.
#[test]
fn a_flipped_bit_between_bodies_costs_one_message_at_most() {
    let seed = Random::any_seed();
    let mut random = Random::new(seed);
    for end in [End::Stop, End::Kill] {
        for _ in 0..4 {
            let data = filled(end);
            let name = (1, 100 + random.below(MESSAGES - 200));
            let (file, at) = place_of(data.path(), name);
            let place = at - 1 - random.index(60);
            flip(&file, place, random.below(8));
            let (names, stderr) = read_all(data.path());
            let missing: Vec<_> = all().difference(&names).copied().collect();
            let context = format!("seed {seed}, {end:?}, {} before {name:?}", at - place);
            assert!(missing.len() <= 1, "{context}: {missing:?} are gone\n{stderr}");
            if !missing.is_empty() {
                assert_named(&stderr, &file, place);
            }
        }
    }
}

/// What a power cut leaves of a write that was under way.
#[test]
fn a_torn_last_record_is_cut_in_silence() {
    let data = filled(End::Kill);
    let (file, at) = place_of(data.path(), (1, MESSAGES));
    let mut bytes = fs::read(&file).expect("a segment");
    let end = at + BYTES / 3;
    bytes[end..].fill(0);
    fs::write(&file, &bytes).expect("a segment");
    assert_torn(data.path());

    let data = filled(End::Kill);
    let (file, at) = place_of(data.path(), (1, MESSAGES));
    let file = fs::OpenOptions::new().write(true).open(&file).expect("a segment");
    file.set_len((at + BYTES / 3) as u64).expect("a shorter segment");
    drop(file);
    assert_torn(data.path());
}

/// The last messages were written together: none of that write is there, everything before it is.
#[track_caller]
fn assert_torn(data: &Path) {
    let (names, stderr) = read_all(data);
    let there = names.len() as u64;
    assert!((MESSAGES - 50..MESSAGES).contains(&there), "{there} messages are there");
    let first: BTreeSet<Name> = (1..=there).map(|sequence| (1, sequence)).collect();
    assert_eq!(names, first, "what is missing was written last");
    assert_eq!(stderr, "", "this is no damage");
    // What is cut off stays cut off.
    let (again, _) = read_all(data);
    assert_eq!(again, names);
}
