//! A file system of 64 MiB that fills up.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::body::Name;
use super::publishing::Publisher;
use super::server::{Server, Starting, say};
use super::steps::{declare_durable, drain, hold};

const QUEUE: &str = "q";

/// Bytes of a message.
const BYTES: usize = 20_000;

/// How long nothing must come before it is believed that nothing comes.
const SILENCE: Duration = Duration::from_millis(700);

/// A small file system, unmounted when it is dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Nothing when the machine does not let this user mount one; the reason is printed.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().expect("a folder to mount on");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                say(format_args!("NOT TESTED: no file system of 64 MiB can be mounted: {why}"));
                None
            }
            Err(error) => {
                say(format_args!("NOT TESTED: `mount` does not start: {error}"));
                None
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file that takes room until it is removed.
    fn ballast(&self, bytes: usize) -> PathBuf {
        let file = self.folder.path().join("ballast");
        fs::write(&file, vec![1; bytes]).expect("there is room at first");
        file
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A process that still has a file open loses nothing by a lazy end.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

fn started(data: &Path) -> Server {
    let server = Server::start(data);
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, QUEUE).expect("a queue");
    client.close().expect("a polite end");
    server
}

/// Publishes until the broker blocks, and checks that it then confirms nothing more by itself.
#[track_caller]
fn fill_up(publisher: &mut Publisher) {
    publisher.until_blocked().expect("the broker goes on");
    publisher.until_silent(SILENCE).expect("the broker goes on");
    assert_eq!(publisher.blocked.as_deref(), Some("low on disk"));
    say(format_args!(
        "blocked with {} confirmed, {} open",
        publisher.confirmed.len(),
        publisher.open()
    ));
}

/// Takes so many messages by another connection, which goes on although the disk is full.
fn take(server: &Server, count: u64) -> BTreeSet<Name> {
    let mut client = server.client();
    let drained = drain(&mut client, 1, QUEUE, count).expect("consumers go on");
    client.close().expect("a polite end");
    drained.into_iter().map(|(name, _)| name).collect()
}

/// Everything that is left, without taking it.
fn left(server: &Server) -> BTreeSet<Name> {
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    let count = client.ready(1, QUEUE).expect("an answer");
    let count = u16::try_from(count).expect("few messages");
    let held = hold(&mut client, 2, QUEUE, count).expect("messages");
    client.close().expect("a polite end");
    held.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_full_disk_blocks_publishers_until_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let ballast = disk.ballast(24 << 20);
    let server = started(&disk.data());
    let mut publisher = Publisher::new(&server, QUEUE, 1, BYTES);
    fill_up(&mut publisher);
    // Somebody tidies up.
    fs::remove_file(ballast).expect("the ballast is there");
    publisher.until_unblocked().expect("it goes on by itself");
    publisher.until_confirmed().expect("nothing was forgotten");
    // And it fills up again; now consumers make room.
    fill_up(&mut publisher);
    let confirmed = publisher.confirmed.len() as u64;
    let mut taken = take(&server, confirmed / 2);
    taken.extend(take(&server, confirmed / 4));
    publisher.until_unblocked().expect("it goes on by itself");
    publisher.until_confirmed().expect("nothing was forgotten");
    publisher.send(10).expect("it takes messages");
    publisher.until_confirmed().expect("it takes messages");
    let stderr = server.kill();
    assert!(stderr.contains("disk is full"), "{stderr}");

    let server = Server::start(&disk.data());
    let there = left(&server);
    let lost: Vec<_> = publisher.confirmed.difference(&taken).collect();
    let lost: Vec<_> = lost.into_iter().filter(|name| !there.contains(*name)).collect();
    assert!(lost.is_empty(), "{} confirmed messages are lost: {lost:?}", lost.len());
    server.stop();
}

/// The definitions cannot be opened without any room at all. A broker that does not start for that says
/// so in one line, and starts as soon as there is some.
fn start_or_say_why(data: &Path, ballast: &Path) -> Server {
    let (code, stderr) = match Starting::launch(data, &[]).ready_or_end() {
        Ok(server) => return server,
        Err(ended) => ended,
    };
    say(format_args!("on a full disk: {stderr}"));
    assert_eq!((code, stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert!(stderr.contains(data.to_str().expect("UTF-8")), "{stderr}");
    fs::remove_file(ballast).expect("the ballast is there");
    Server::start(data)
}

fn not_there(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[test]
fn a_broker_starts_on_a_full_disk_and_gives_everything_back() {
    let Some(disk) = SmallDisk::mount() else { return };
    let server = started(&disk.data());
    let mut publisher = Publisher::new(&server, QUEUE, 1, BYTES);
    fill_up(&mut publisher);
    // Not even what the log holds free for itself is left.
    let room = disk.folder.path().join("ballast");
    let mut bytes = 0;
    while bytes < 64 << 20 && fs::write(&room, vec![1; bytes + (64 << 10)]).is_ok() {
        bytes += 64 << 10;
    }
    server.kill();

    let server = start_or_say_why(&disk.data(), &room);
    let there = left(&server);
    let lost = publisher.confirmed.difference(&there).count();
    assert_eq!(lost, 0, "of {} confirmed messages", publisher.confirmed.len());
    let mut late = Publisher::new(&server, QUEUE, 2, BYTES);
    take(&server, there.len() as u64);
    fs::remove_file(&room).or_else(not_there).expect("it may be gone already");
    late.send(10).expect("it takes messages");
    late.until_confirmed().expect("and confirms them, now that there is room");
    late.until_unblocked().expect("it is not blocked");
    server.stop();
    let server = Server::start(&disk.data());
    assert_eq!(left(&server), late.confirmed);
    server.stop();
}
