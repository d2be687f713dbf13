//! A data directory that cannot be written any more.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::body::Name;
use super::client::is_end_of_broker;
use super::publishing::Publisher;
use super::server::{PATIENCE, Server, Starting, now, say};
use super::steps::{declare_durable, drain, hold};

const QUEUE: &str = "q";
const BYTES: usize = 50_000;
const SILENCE: Duration = Duration::from_millis(700);

/// A user without rights on files of others.
const NOBODY: u32 = 65_534;

/// A directory whose permissions hold for the broker. For root they do not, so then it runs as somebody
/// else.
struct Guarded {
    folder: TempDir,
    user: Option<u32>,
}

impl Guarded {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let is_root = fs::metadata("/proc/self").expect("it is there").uid() == 0;
        let guarded = Self { folder, user: is_root.then_some(NOBODY) };
        fs::create_dir(guarded.data()).expect("a data directory");
        if let Some(user) = guarded.user {
            let open = Permissions::from_mode(0o755);
            fs::set_permissions(guarded.folder.path(), open).expect("a folder of ours");
            chown(guarded.data(), Some(user), Some(user)).expect("root may do that");
        }
        guarded
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn launch(&self) -> Starting {
        match self.user {
            Some(user) => {
                Starting::launch_as(user, &self.folder.path().join("program"), &self.data())
            }
            None => Starting::launch(&self.data(), &[]),
        }
    }

    /// Takes the right to make files away, or gives it back.
    fn lock(&self, locked: bool) {
        let mode = if locked { 0o555 } else { 0o755 };
        for name in ["messages", "definitions", "."] {
            let folder = self.data().join(name);
            if folder.exists() {
                fs::set_permissions(folder, Permissions::from_mode(mode)).expect("a folder");
            }
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.lock(false);
    }
}

fn declare(server: &Server) {
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, QUEUE).expect("a queue");
    client.close().expect("a polite end");
}

#[track_caller]
fn assert_error_names(stderr: &str, path: &Path) {
    let path = path.to_str().expect("UTF-8");
    let named = stderr.lines().any(|line| line.contains("ERROR") && line.contains(path));
    assert!(named, "an error that names {path}: {stderr}");
}

/// Publishes until the broker takes no more, however it says that.
fn until_refused(publisher: &mut Publisher) {
    let since = now();
    let ended = publisher.until_blocked().and_then(|()| publisher.until_silent(SILENCE)).err();
    assert!(since.elapsed() < PATIENCE, "it goes on and on");
    if let Some(error) = &ended {
        assert!(is_end_of_broker(error), "{error}");
    }
    say(format_args!(
        "{} confirmed, {} open, blocked: {:?}, ended: {ended:?}",
        publisher.confirmed.len(),
        publisher.open(),
        publisher.blocked
    ));
}

#[test]
fn a_read_only_directory_is_named_at_the_start() {
    let guarded = Guarded::new();
    guarded.lock(true);
    let (code, stderr) = guarded.launch().end();
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "one line: {stderr}");
    assert!(stderr.contains(guarded.data().to_str().expect("UTF-8")), "{stderr}");
}

#[test]
fn a_directory_that_becomes_read_only_blocks_publishers() {
    let guarded = Guarded::new();
    let server = guarded.launch().ready();
    declare(&server);
    let mut publisher = Publisher::new(&server, QUEUE, 1, BYTES);
    publisher.send(10).expect("it takes messages");
    publisher.until_confirmed().expect("it takes messages");
    guarded.lock(true);
    until_refused(&mut publisher);
    // Consumers go on.
    let mut client = server.client();
    let drained = drain(&mut client, 1, QUEUE, 5).expect("consumers go on");
    drop(client);
    let taken: BTreeSet<Name> = drained.iter().map(|(name, _)| *name).collect();
    let stderr = server.kill();
    assert_error_names(&stderr, &guarded.data());
    guarded.lock(false);

    let server = guarded.launch().ready();
    let there = left(&server);
    let lost = publisher.confirmed.difference(&there).filter(|name| !taken.contains(*name));
    assert_eq!(lost.count(), 0, "confirmed messages are lost");
    server.stop();
}

/// Somebody deletes the data directory of a running broker. The system writes and syncs on without a
/// word, into files that nobody will ever find again.
#[test]
fn nothing_is_confirmed_into_a_deleted_directory() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    declare(&server);
    let mut publisher = Publisher::new(&server, QUEUE, 1, BYTES);
    let mut idle = Publisher::new(&server, QUEUE, 2, BYTES);
    for publisher in [&mut publisher, &mut idle] {
        publisher.send(10).expect("it takes messages");
        publisher.until_confirmed().expect("it takes messages");
    }
    fs::remove_dir_all(&data).expect("it is ours");
    // Who publishes gets no confirm, and everybody hears of it.
    publisher.send(1).expect("the broker goes on");
    publisher.until_told_blocked().expect("the broker goes on");
    idle.until_told_blocked().expect("the broker goes on");
    publisher.until_silent(SILENCE).expect("the broker goes on");
    assert_eq!((publisher.confirmed.len(), publisher.open()), (10, 1));
    assert_eq!(idle.blocked.as_deref(), Some("low on disk"));
    // And what is declared now is not there after a restart, so it is refused.
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, "late").expect_err("no declare-ok");
    drop((client, publisher, idle));

    server.terminate();
    let (code, stderr) = server.end();
    assert_eq!(code, Some(1), "a clean end would be a lie: {stderr}");
    let messages = data.join("messages");
    assert_error_names(&stderr, &messages);
    let last = stderr.lines().last().unwrap_or_default();
    let says = [messages.to_str().expect("UTF-8"), "was deleted", "not closed cleanly"];
    assert!(says.iter().all(|part| last.contains(part)), "the last line: {stderr}");
}

fn left(server: &Server) -> BTreeSet<Name> {
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    let count = client.ready(1, QUEUE).expect("an answer");
    let count = u16::try_from(count).expect("few messages");
    let held = hold(&mut client, 2, QUEUE, count).expect("messages");
    client.close().expect("a polite end");
    held.into_iter().map(|(name, _)| name).collect()
}
