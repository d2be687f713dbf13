//! Data folders of every format that was ever released, in tests/data/formats: today's program opens them. And folders
//! that a later program may have written: a newer minor version opens, a newer major version is left alone.
//!
//! docs/storage.md ("The next version") says how an archive is added.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Http, Process};

/// A copy of a data folder.
struct Folder {
    folder: TempDir,
}

/// A broker on one, ready.
struct Running {
    process: Process,
    api: Http,
}

/// Every archive that is kept.
fn archives() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats");
    let entries = fs::read_dir(folder).expect("the archives are there");
    let mut found: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    found.retain(|path| path.to_string_lossy().ends_with(".tar.gz"));
    found.sort();
    found
}

/// The newest of those that were stopped cleanly.
fn newest() -> PathBuf {
    let stopped = |path: &PathBuf| path.to_string_lossy().contains("stopped");
    archives().into_iter().rfind(stopped).expect("an archive of a broker that was stopped")
}

impl Folder {
    fn of(archive: &Path) -> Self {
        let folder = TempDir::new().expect("a folder");
        let unpacked =
            Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(folder.path()).status();
        assert!(unpacked.expect("tar starts").success(), "{} is whole", archive.display());
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn launch(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
        command.args(["--port", "0", "--bind", "127.0.0.1", "--log-level", "warn", "--data-dir"]);
        command.arg(self.folder.path()).env("HAREMQ_CONFIG_FOLDER", "/nowhere");
        Process::spawn(command)
    }

    fn start(&self) -> Running {
        let process = self.launch();
        let ready = process.wait_until_ready();
        let (_, after) = ready.split_once("management on ").expect("a management port");
        let address = after.split([';', ',', ' ']).next().unwrap_or_default();
        let address = address.parse().expect("an address");
        Running { process, api: Http::new(address).login("guest", "guest") }
    }

    /// A start that must not come to anything, and touches nothing below this folder: what it says.
    fn refused(&self, part: &str) -> String {
        let before = self.everything(part);
        let mut process = self.launch();
        assert_eq!(process.wait_for_end(), Some(1), "it must not start");
        assert!(self.everything(part) == before, "what a newer version wrote is left alone");
        process.stderr()
    }

    /// The bytes of all files but the lock.
    fn everything(&self, part: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![self.path(part)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).expect("a readable folder") {
                let path = entry.expect("a readable folder").path();
                if path.is_dir() {
                    open.push(path);
                } else if !path.to_string_lossy().ends_with(".lock") {
                    found.push((path.clone(), fs::read(&path).expect("a readable file")));
                }
            }
        }
        found.sort();
        found
    }
}

impl Running {
    fn stop(mut self) -> String {
        self.process.signal("TERM");
        let code = self.process.wait_for_end();
        let stderr = self.process.stderr();
        assert_eq!(code, Some(0), "{stderr}");
        stderr
    }

    /// The definitions that `make-formats.py` makes.
    fn expect_definitions(&self, what: &Path) {
        let (api, what) = (&self.api, what.display());
        let get = |path: &str| {
            let answer = api.get(&format!("/api/{path}"));
            assert_eq!(answer.status, 200, "{what}: {path}");
            answer.json()
        };
        assert_eq!(get("vhosts/shop")["description"], "kept", "{what}");
        assert_eq!(get("exchanges/shop/events")["type"], "topic", "{what}");
        let orders = get("queues/shop/orders");
        assert_eq!(orders["arguments"], json!({"x-max-length": 1000}), "{what}");
        assert_eq!(get("bindings/shop/e/events/q/orders")[0]["routing_key"], "eu.#", "{what}");
        assert_eq!(get("policies/shop/ttl")["definition"], json!({"message-ttl": 1000}), "{what}");
        assert_eq!(get("permissions/shop/anna")["read"], ".*", "{what}");
        let anna = api.login("anna", "anna-pass").get("/api/whoami");
        assert_eq!((anna.status, &anna.json()["tags"]), (200, &json!(["monitoring"])), "{what}");
    }

    fn take(&self, queue: &str) -> Option<Value> {
        let ask = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
        let answer = self.api.post(&format!("/api/queues/shop/{queue}/get"), &ask);
        assert_eq!(answer.status, 200);
        answer.json().as_array().expect("a list").first().cloned()
    }

    fn take_payloads(&self, queue: &str) -> Vec<String> {
        let payload = |message: Value| message["payload"].as_str().expect("text").to_owned();
        std::iter::from_fn(|| self.take(queue).map(payload)).collect()
    }
}

#[test]
fn every_format_that_was_released_opens_and_lives_on() {
    let archives = archives();
    assert!(archives.len() >= 2, "the archives are there");
    for archive in &archives {
        let folder = Folder::of(archive);
        let running = folder.start();
        running.expect_definitions(archive);
        let first = running.take("orders").expect("a message");
        assert_eq!((&first["payload"], &first["exchange"]), (&json!("order 3"), &json!("events")));
        assert_eq!(first["properties"]["headers"], json!({"kept": true}));
        assert_eq!(running.take_payloads("large"), ["x".repeat(5000)]);
        running.stop();
        // What was written since is there as well, in today's format.
        let running = folder.start();
        running.expect_definitions(archive);
        assert_eq!(
            running.take_payloads("orders"),
            ["order 4", "order 5"],
            "{}",
            archive.display()
        );
        running.stop();
    }
}

/// The archives are of the formats that they are called after, and today's is among them.
#[test]
fn the_format_of_today_is_kept() {
    let folder = Folder::of(&newest());
    folder.start().stop();
    let mirror = fs::read_to_string(folder.path("definitions/definitions.json")).expect("a mirror");
    let definitions = mirror.split('"').nth(3).expect("a version");
    let segment = fs::read_dir(folder.path("messages")).expect("a log").find_map(|entry| {
        let path = entry.expect("a readable folder").path();
        path.extension().is_some_and(|ending| ending == "segment").then_some(path)
    });
    let bytes = fs::read(segment.expect("a segment")).expect("a readable file");
    let log = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    let wanted = format!("definitions-{definitions}-log-{log}-stopped.tar.gz");
    let names: Vec<_> = archives()
        .iter()
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .collect();
    assert!(
        names.contains(&wanted),
        "make {wanted} with tests/data/make-formats.py; there are {names:?}"
    );
}

/// Gives the mirror another version, with a checksum that is right.
fn set_version(mirror: &Path, version: &str, edit: impl Fn(&str) -> String) {
    let text = fs::read_to_string(mirror).expect("a mirror");
    let (first, rest) = text.split_once('\n').expect("a first line");
    let between = |before: &str, after: &str| {
        let rest = first.split_once(before).expect("a known first line").1;
        rest.split_once(after).expect("a known first line").0.to_owned()
    };
    let (old, generation) =
        (between("{\"haremq_definitions\":\"", "\""), between("\"generation\":", ","));
    let body = edit(&rest.replacen(&format!("\"{old}\""), &format!("\"{version}\""), 1));
    let mut hash = crc32fast::Hasher::new();
    hash.update(format!("{version}\n{generation}\n{body}").as_bytes());
    let sum = hash.finalize();
    let first = first.replacen(&old, version, 1);
    let (before, after) = first.split_once("\"checksum\":\"").expect("a known first line");
    let after = after.split_once('"').expect("a known first line").1;
    let first = format!("{before}\"checksum\":\"{sum:08x}\"{after}");
    fs::write(mirror, format!("{first}\n{body}")).expect("written");
}

#[test]
fn definitions_of_a_newer_major_version_are_left_alone_and_say_so() {
    let folder = Folder::of(&newest());
    set_version(&folder.path("definitions/definitions.json"), "2.0", str::to_owned);
    let said = folder.refused("definitions");
    assert!(said.contains("format version 2.0") && said.contains("understands 1."), "{said}");
    assert!(said.contains("definitions.json"), "{said}");
}

#[test]
fn definitions_of_a_newer_minor_version_are_read_without_what_they_add() {
    let folder = Folder::of(&newest());
    let mirror = folder.path("definitions/definitions.json");
    set_version(&mirror, "1.99", |body| {
        body.replacen(
            "\"description\":\"kept\"",
            "\"description\":\"kept\",\"from_the_future\":{\"a\":[1]}",
            1,
        )
    });
    let text = fs::read_to_string(&mirror).expect("a mirror");
    assert!(text.contains("from_the_future"), "{text}");
    // So that the mirror is what is read.
    fs::remove_dir_all(folder.path("definitions/definitions-1")).expect("a database");
    let running = folder.start();
    running.expect_definitions(&mirror);
    assert_eq!(running.take_payloads("orders"), ["order 3", "order 4", "order 5"]);
    running.stop();
}

#[test]
fn a_log_of_a_newer_version_is_left_alone_and_says_so() {
    let folder = Folder::of(&newest());
    let segments = fs::read_dir(folder.path("messages")).expect("a log");
    for entry in segments {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_none_or(|ending| ending != "segment") {
            continue;
        }
        let mut bytes = fs::read(&path).expect("a segment");
        // Both headers: version at 8, checksum of the first 60 bytes at 60.
        for at in [0, 512] {
            let header = &mut bytes[at..at + 64];
            header[8..12].copy_from_slice(&2_u32.to_le_bytes());
            let sum = crc32c::crc32c(&header[..60]);
            header[60..].copy_from_slice(&sum.to_le_bytes());
        }
        fs::write(&path, bytes).expect("written");
    }
    let said = folder.refused("messages");
    assert!(said.contains("format version 2") && said.contains("reads version 1"), "{said}");
    assert!(said.contains(".segment"), "{said}");
}
