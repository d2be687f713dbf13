//! A file system of 64 MiB that fills up.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::body::Name;
use super::client::Incoming;
use super::publishing::Publisher;
use super::server::{Server, Starting, say};
use super::steps::{declare_durable, drain, hold};
use crate::support::id;
use crate::support::methods::{DURABLE, queue};

const QUEUE: &str = "q";

/// Bytes of a message.
const BYTES: usize = 20_000;

/// How long nothing must come before it is believed that nothing comes.
const SILENCE: Duration = Duration::from_millis(700);

/// A file system of 64 MiB in a mount namespace of its own, which nobody has to be root for. A process
/// holds the namespace; the rest of the world reaches it through that process in `/proc`. When the
/// process ends, and be it because these tests were killed, the file system is gone.
struct SmallDisk {
    holder: Child,
    path: PathBuf,
    _mounted_on: TempDir,
}

impl SmallDisk {
    /// Fails when this machine has no way to a file system of its own: a test that is passed over looks
    /// like one that passed.
    fn mount() -> Self {
        let folder = TempDir::new().expect("a folder to mount on");
        // Without rights the namespace needs a user namespace around it; root may not be allowed one.
        let ways: [&[&str]; 2] = [&["--map-root-user", "--mount"], &["--mount"]];
        let mut reasons = Vec::new();
        for way in ways {
            match hold_namespace(way, folder.path()) {
                Ok(holder) => {
                    let root = PathBuf::from(format!("/proc/{}/root", holder.id()));
                    let inside = folder.path().strip_prefix("/").expect("an absolute path");
                    return Self { holder, path: root.join(inside), _mounted_on: folder };
                }
                Err(reason) => reasons.push(format!("unshare {}: {reason}", way.join(" "))),
            }
        }
        panic!(
            "a full disk cannot be tested here: no file system of 64 MiB can be mounted. Needed is \
             `unshare` of util-linux and either unprivileged user namespaces (sysctl \
             kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), \
             or root with CAP_SYS_ADMIN. {}",
            reasons.join("; ")
        );
    }

    fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// A file that takes room until it is removed.
    fn ballast(&self, bytes: usize) -> PathBuf {
        let file = self.path.join("ballast");
        fs::write(&file, vec![1; bytes]).expect("there is room at first");
        file
    }
}

impl SmallDisk {
    /// A file that takes all room that is left, down to single pages.
    fn leave_no_room(&self) -> PathBuf {
        let path = self.path.join("ballast");
        let mut file = fs::File::create(&path).expect("a file");
        for bytes in [1 << 20, 64 << 10, 4096] {
            let piece = vec![1; bytes];
            while file.write_all(&piece).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It ends with its input; killing it is faster, and nothing is left of either.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Starts a process in a namespace of its own that mounts a file system there and then waits for the
/// end of its input, which comes with our own end.
fn hold_namespace(way: &[&str], folder: &Path) -> Result<Child, String> {
    let mut command = Command::new("unshare");
    command.args(way).args(["sh", "-c"]).arg(HOLD).arg("sh").arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut holder = command.spawn().map_err(|error| error.to_string())?;
    let mut said = String::new();
    let mut output = BufReader::new(holder.stdout.take().expect("it is piped"));
    output.read_line(&mut said).map_err(|error| error.to_string())?;
    if said == "mounted\n" {
        return Ok(holder);
    }
    let mut why = String::new();
    let mut errors = holder.stderr.take().expect("it is piped");
    errors.read_to_string(&mut why).map_err(|error| error.to_string())?;
    let _ = holder.wait();
    Err(why.trim().to_owned())
}

const HOLD: &str = "mount -t tmpfs -o size=64m tmpfs \"$1\" && echo mounted && exec cat";

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
    let disk = SmallDisk::mount();
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

/// Declares wait for room as publishes do, and come by themselves when there is some.
#[test]
fn a_declare_on_a_full_disk_waits_until_there_is_room() {
    let disk = SmallDisk::mount();
    let server = started(&disk.data());
    let room = disk.leave_no_room();
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    let mut number = 0u64;
    // What was reserved before is used up first.
    let waiting = loop {
        number += 1;
        let name = format!("q{number}-{}", "x".repeat(200));
        client.put(1, &queue::declare(&name).with(DURABLE));
        client.flush().expect("the broker goes on");
        match client.next_within(SILENCE).expect("the broker goes on") {
            Some(Incoming::Method(_, id::QUEUE_DECLARE_OK, _)) => {}
            Some(other) => panic!("a declare is not refused: {other:?}"),
            None => break name,
        }
        assert!(number < 100_000, "the disk does not fill up");
    };
    say(format_args!("declare {number} waits"));
    fs::remove_file(room).expect("it is there");
    client.answer(id::QUEUE_DECLARE_OK).expect("it goes on by itself");
    let stderr = server.kill();
    assert!(stderr.contains("changes of definitions wait"), "{stderr}");
    let server = Server::start(&disk.data());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    assert_eq!(client.ready(1, &waiting).expect("it is there"), 0);
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
    let disk = SmallDisk::mount();
    // More than a segment, so that the log has room for one when this is removed.
    let more = disk.path.join("more");
    fs::write(&more, vec![1; 20 << 20]).expect("there is room at first");
    let server = started(&disk.data());
    let mut publisher = Publisher::new(&server, QUEUE, 1, BYTES);
    fill_up(&mut publisher);
    // Not even what the log holds free for itself is left.
    let room = disk.leave_no_room();
    server.kill();

    let server = start_or_say_why(&disk.data(), &room);
    let there = left(&server);
    let lost = publisher.confirmed.difference(&there).count();
    assert_eq!(lost, 0, "of {} confirmed messages", publisher.confirmed.len());
    let mut late = Publisher::new(&server, QUEUE, 2, BYTES);
    take(&server, there.len() as u64);
    fs::remove_file(&room).or_else(not_there).expect("it may be gone already");
    fs::remove_file(&more).expect("it takes its room until now");
    late.send(10).expect("it takes messages");
    late.until_confirmed().expect("and confirms them, now that there is room");
    late.until_unblocked().expect("it is not blocked");
    server.stop();
    let server = Server::start(&disk.data());
    assert_eq!(left(&server), late.confirmed);
    server.stop();
}
