//! Both commands over folders that the real stores wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Progress, run};
use crate::base::{
    Body, ExchangeName, FieldTable, FieldValue, Message, MessageHeader, MessageId, QueueName,
    ShortStr, VhostName,
};
use crate::config::StoreCommand;
use crate::store::{
    Change, DiskLayer, EnqueueOptions, Entry, Exchange, LogOptions, Mark, MessageLog,
    MetadataOptions, MetadataStore, Queue, QueueNumber, SegmentLog, SledMetadata, Submission,
    Vhost,
};
use crate::wire::Properties;

const JOBS: QueueNumber = QueueNumber(1);

fn queue(name: &str, number: u64) -> Change {
    Change::PutQueue(Queue {
        vhost: VhostName::try_from("/").expect("a short name"),
        name: QueueName::try_from(name).expect("a short name"),
        durable: true,
        auto_delete: false,
        arguments: FieldTable::EMPTY,
        number,
    })
}

fn open_definitions(folder: &Path) -> SledMetadata {
    let definitions = folder.join("definitions");
    SledMetadata::open(&definitions, MetadataOptions::default()).expect("it opens").store
}

fn message(body: &'static [u8]) -> Message {
    let text = |text| ShortStr::try_from(text).expect("a short text");
    let properties = Properties {
        content_type: Some(text("text/plain")),
        delivery_mode: Some(2),
        headers: Some(FieldTable::new(vec![(text("tries"), FieldValue::I32(3))])),
        ..Properties::default()
    };
    let exchange = ExchangeName::try_from("logs").expect("a short name");
    let header = MessageHeader { persistent: true, has_headers: true, ..MessageHeader::default() };
    Message::new(&exchange, b"key", &properties.encode(), Body::One(Bytes::from(body)), header)
}

fn submit(log: &SegmentLog, entries: Vec<Entry>) {
    let (told, hears) = mpsc::channel();
    log.submit(Submission {
        entries,
        durable: true,
        atomic: false,
        done: Some(Box::new(move |result| told.send(result).expect("somebody waits"))),
    });
    hears.recv().expect("an answer").expect("it is on disk");
}

/// A folder with the queues `jobs`, which holds these messages, and `idle`. Both stores are closed.
fn folder(bodies: &[&'static [u8]]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let metadata = open_definitions(folder.path());
    let (told, hears) = mpsc::channel();
    let vhost = Change::PutVhost(Vhost::new(VhostName::try_from("/").expect("a short name")));
    let done = Box::new(move |result| told.send(result).expect("somebody waits"));
    metadata.apply(vec![vhost, queue("jobs", 1), queue("idle", 2)], done);
    hears.recv().expect("an answer").expect("they are stored");
    let layer = DiskLayer::create(&folder.path().join("messages")).expect("it can be created");
    let options = LogOptions { segment_bytes: 1 << 20, ..LogOptions::with_salt(7) };
    let opened = SegmentLog::open(Arc::new(layer), options, Box::new(|_| ()));
    let (log, _) = opened.expect("it opens");
    for (id, body) in (1..).zip(bodies) {
        let (message, options) = (message(body), EnqueueOptions::default());
        let id = MessageId(id);
        submit(&log, vec![Entry::Enqueue { queue: JOBS, id, message, options }]);
    }
    submit(
        &log,
        vec![Entry::Delivered {
            queue: JOBS,
            mark: Mark::HandedOut,
            runs: vec![(MessageId(2), MessageId(2))],
        }],
    );
    log.close().expect("it closes");
    metadata.close().expect("it closes");
    folder
}

struct Answer {
    code: u8,
    output: String,
    errors: String,
}

fn ask(command: &StoreCommand) -> Answer {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let code = run(command, &mut output, &mut errors, &mut Progress::silent());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Answer { code, output: text(output), errors: text(errors) }
}

fn check(folder: &Path, json: bool) -> Answer {
    ask(&StoreCommand::Check { folder: folder.to_path_buf(), json })
}

fn dump(folder: &Path, queue: &str) -> Answer {
    let (queue, vhost) = (queue.to_owned(), "/".to_owned());
    ask(&StoreCommand::Dump { folder: folder.to_path_buf(), queue, vhost })
}

/// Every file below a folder with its content and time.
fn image(folder: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("it can be listed") {
            let entry = entry.expect("it can be listed");
            let (path, metadata) = (entry.path(), entry.metadata().expect("it is there"));
            let time = metadata.modified().expect("files have a time");
            if metadata.is_dir() {
                found.push((path.clone(), Vec::new(), time));
                open.push(path);
            } else {
                found.push((path.clone(), fs::read(&path).expect("it can be read"), time));
            }
        }
    }
    found.sort();
    found
}

/// Turns a byte of the first record that holds this text.
fn damage(folder: &Path, text: &[u8]) -> PathBuf {
    for entry in fs::read_dir(folder.join("messages")).expect("it can be listed") {
        let path = entry.expect("it can be listed").path();
        let mut bytes = fs::read(&path).expect("it can be read");
        if let Some(at) = bytes.windows(text.len()).position(|window| window == text) {
            bytes[at] ^= 1;
            fs::write(&path, bytes).expect("it can be written");
            return path;
        }
    }
    panic!("no segment holds the text");
}

#[test]
fn keys_that_a_queue_remembers_are_named_by_it() {
    let folder = folder(&[b"one"]);
    let layer = DiskLayer::existing(&folder.path().join("messages"));
    let opened = SegmentLog::open(Arc::new(layer), LogOptions::with_salt(8), Box::new(|_| ()));
    let (log, _) = opened.expect("it opens");
    let (message, options) = (message(b"a key"), EnqueueOptions::default());
    let queue = JOBS.keys();
    submit(&log, vec![Entry::Enqueue { queue, id: MessageId(1), message, options }]);
    log.close().expect("it closes");
    let report: Value = serde_json::from_str(&check(folder.path(), true).output).expect("JSON");
    let rows = report["queues"].as_array().expect("a list");
    let of_keys = rows.iter().find(|row| row["number"] == json!(queue.0)).expect("it is listed");
    assert_eq!(
        (&of_keys["vhost"], &of_keys["name"], &of_keys["messages"]),
        (&json!("/"), &json!("(keys of queue jobs)"), &json!(1))
    );
}

#[test]
fn a_whole_folder_is_counted_by_queue_and_not_touched() {
    let folder = folder(&[b"one", b"two", b"three"]);
    let before = image(folder.path());
    let table = check(folder.path(), false);
    assert_eq!((table.code, table.errors.as_str()), (0, ""));
    assert!(table.output.contains("messages         3\n"), "{}", table.output);
    assert!(table.output.contains("damaged records  0\n"), "{}", table.output);
    let json = check(folder.path(), true);
    assert_eq!(json.code, 0);
    let value: Value = serde_json::from_str(&json.output).expect("JSON");
    assert_eq!((&value["whole"], &value["messages"]), (&json!(true), &json!(3)));
    let names: Vec<&Value> =
        value["queues"].as_array().into_iter().flatten().map(|queue| &queue["name"]).collect();
    assert_eq!(names, [&json!("idle"), &json!("jobs")]);
    assert_eq!(value["queues"][1]["messages"], json!(3));
    dump(folder.path(), "jobs");
    assert!(image(folder.path()) == before, "looking must change nothing");
}

#[test]
fn a_damaged_record_is_named_with_file_and_offset() {
    let folder = folder(&[b"one", b"two is the body", b"three"]);
    let path = damage(folder.path(), b"two is the body");
    let table = check(folder.path(), false);
    assert_eq!(table.code, 1);
    assert!(table.output.contains("damaged records  1\n"), "{}", table.output);
    let place = format!("damaged: {} at byte ", path.display());
    assert!(table.output.contains(&place), "{}", table.output);
    let json: Value = serde_json::from_str(&check(folder.path(), true).output).expect("JSON");
    assert_eq!(json["damages"][0]["file"], json!(path.to_string_lossy()));
    assert!(json["damages"][0]["offset"].as_u64().is_some_and(|offset| offset > 0), "{json}");

    let dumped = dump(folder.path(), "jobs");
    assert_eq!((dumped.code, dumped.output.lines().count()), (1, 2), "{}", dumped.errors);
    assert!(dumped.errors.contains(&path.display().to_string()), "{}", dumped.errors);
}

#[test]
fn a_dump_gives_the_messages_in_order_as_json_lines() {
    let folder = folder(&[b"h\xc3\xa4re", b"\xff\x00"]);
    let dumped = dump(folder.path(), "jobs");
    assert_eq!((dumped.code, dumped.errors.as_str()), (0, ""));
    let lines: Vec<Value> =
        dumped.output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let expected = json!({
        "id": 1,
        "exchange": "logs",
        "routing_key": "key",
        "properties": {
            "content_type": "text/plain", "delivery_mode": 2, "headers": { "tries": 3 },
        },
        "body": "häre",
        "body_encoding": "utf8",
        "redelivered": false,
        "deliveries": 0,
        "failures": 0,
        "expires_unix_ms": null,
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], expected);
    assert_eq!((&lines[1]["body"], &lines[1]["body_encoding"]), (&json!("/wA="), &json!("base64")));
    assert_eq!((&lines[1]["redelivered"], &lines[1]["deliveries"]), (&json!(true), &json!(1)));
    let idle = dump(folder.path(), "idle");
    assert_eq!((idle.code, idle.output.as_str()), (0, ""));
}

#[test]
fn a_queue_that_is_not_there_is_answered_with_those_that_are() {
    let folder = folder(&[b"one"]);
    let answer = dump(folder.path(), "job");
    assert_eq!((answer.code, answer.output.as_str()), (1, ""));
    let expected = "there is no queue 'job' in vhost '/'; there are 'jobs' in '/', 'idle' in '/'";
    assert!(answer.errors.contains(expected), "{}", answer.errors);
}

#[test]
fn a_folder_without_a_store_is_refused_and_stays_empty() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    for path in [folder.path().to_path_buf(), folder.path().join("missing")] {
        for answer in [check(&path, false), dump(&path, "jobs")] {
            assert_eq!((answer.code, answer.output.as_str()), (1, ""));
            assert!(answer.errors.contains("there is no store in "), "{}", answer.errors);
        }
    }
    assert!(image(folder.path()).is_empty());
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = folder(&[b"one"]);
    let broker = open_definitions(folder.path());
    let answer = check(folder.path(), false);
    assert_eq!((answer.code, answer.output.as_str()), (1, ""));
    assert!(answer.errors.contains("is in use by a running broker"), "{}", answer.errors);
    drop(broker);
    assert_eq!(check(folder.path(), false).code, 0);
}

#[test]
fn without_any_whole_definitions_there_are_numbers_for_names() {
    let folder = folder(&[b"one"]);
    let definitions = folder.path().join("definitions");
    for damaged in ["definitions.json", "definitions.journal"] {
        fs::write(definitions.join(damaged), "{").expect("it can be written");
    }
    fs::write(definitions.join("definitions-1/db"), "no database").expect("it can be written");
    let answer = check(folder.path(), false);
    assert_eq!(answer.code, 1);
    assert!(answer.output.contains("(no definition)"), "{}", answer.output);
    assert!(answer.output.contains("definitions.json is not usable"), "{}", answer.output);
    let answer = dump(folder.path(), "jobs");
    assert_eq!(answer.code, 1);
    assert!(answer.errors.contains("the names of the queues cannot be read"), "{}", answer.errors);
    assert!(answer.errors.contains("definitions-1 is not usable"), "{}", answer.errors);
}

#[test]
fn with_a_damaged_mirror_the_database_has_the_names() {
    let folder = folder(&[b"one"]);
    let mirror = folder.path().join("definitions/definitions.json");
    fs::write(mirror, "{").expect("it can be written");
    let before = image(folder.path());
    let answer = dump(folder.path(), "jobs");
    assert_eq!(answer.output.lines().count(), 1, "{}", answer.errors);
    assert_eq!(answer.code, 1, "something is damaged, and that is said");
    assert!(answer.errors.contains("definitions.json is not usable"), "{}", answer.errors);
    assert!(answer.errors.contains("taken from the database"), "{}", answer.errors);
    assert!(check(folder.path(), false).output.contains("jobs"));
    assert_eq!(image(folder.path()), before, "the folder is not touched");
}

#[test]
fn with_a_damaged_mirror_and_database_the_journal_has_the_names() {
    let living = folder(&[b"one"]);
    // As a kill leaves it before the first mirror with something in it.
    let definitions = living.path().join("definitions");
    fs::remove_dir_all(&definitions).expect("it is ours");
    let metadata = open_definitions(living.path());
    let (told, hears) = mpsc::channel();
    let done = Box::new(move |result| told.send(result).expect("somebody waits"));
    metadata.apply(vec![queue("jobs", 1)], done);
    hears.recv().expect("an answer").expect("it is stored");
    let journal = fs::read(definitions.join("definitions.journal")).expect("it is there");
    metadata.close().expect("it closes");
    fs::write(definitions.join("definitions.journal"), journal).expect("it can be written");
    fs::write(definitions.join("definitions.json"), "{").expect("it can be written");
    fs::remove_dir_all(definitions.join("definitions-1")).expect("it is there");
    let answer = dump(living.path(), "jobs");
    assert_eq!(answer.output.lines().count(), 1, "{}", answer.errors);
    assert!(answer.errors.contains("taken from the journal"), "{}", answer.errors);
}

#[test]
fn what_an_exchange_delays_has_a_name_too() {
    let folder = folder(&[b"one"]);
    let metadata = open_definitions(folder.path());
    let exchange = Change::PutExchange(Exchange {
        vhost: VhostName::try_from("/").expect("a short name"),
        name: ExchangeName::try_from("later").expect("a short name"),
        kind: "x-delayed-message".to_owned(),
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: FieldTable::EMPTY,
        number: None,
        delay_queue: Some(3),
    });
    let (told, hears) = mpsc::channel();
    let done = Box::new(move |result| told.send(result).expect("somebody waits"));
    metadata.apply(vec![exchange], done);
    hears.recv().expect("an answer").expect("it is stored");
    metadata.close().expect("it closes");
    let checked = check(folder.path(), false);
    assert!(checked.output.contains("amq.delayed-later"), "{}", checked.output);
    let dumped = dump(folder.path(), "amq.delayed-later");
    assert_eq!((dumped.code, dumped.output.as_str()), (0, ""));
}
