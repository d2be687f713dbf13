//! What a confirmed message costs in the log, beside what the disk can do at all; and what a start
//! costs.
//!
//! The bare loop writes the same bytes in groups of the size that the log formed, into a file that was
//! written before, with one `fdatasync` each: what no log can beat on this disk.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};

use haremq::base::{
    Body, Clock, ExchangeName, Message, MessageHeader, MessageId, Millis, SystemClock,
};
use haremq::store::{
    DiskLayer, EnqueueOptions, Entry, FileLayer, LogFile, LogOptions, MessageLog, QueueNumber,
    SegmentLog, SimulatedLayer, Submission,
};

const QUEUE: QueueNumber = QueueNumber(1);
const IN_FLIGHT: u64 = 1000;
/// Messages of 1 KiB that come with one read of a socket.
const BATCH: u64 = 60;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    confirmed(&mut criterion);
    without_a_disk(&mut criterion);
    recovery(&mut criterion);
    criterion.final_summary();
}

/// 1 KiB, 1,000 in flight, every message settled after its confirm.
fn confirmed(criterion: &mut Criterion) {
    const MESSAGES: u64 = 100_000;
    let mut group = criterion.benchmark_group("store/1KiB confirmed");
    group.throughput(Throughput::Elements(MESSAGES));
    group.measurement_time(Duration::from_secs(8));
    let folder = Folder::new();
    let layer = Arc::new(Counting::new(folder.layer()));
    let mut publisher = Publisher::new(open(layer.clone()), 1024);
    group.bench_function("log, 1000 in flight", |bencher| {
        bencher.iter(|| publisher.publish(MESSAGES, Settles::Yes));
    });
    let (bytes, syncs) = layer.counts();
    let bytes_per_sync = usize::try_from(bytes / syncs.max(1)).unwrap_or(0);
    let messages_per_sync = publisher.next / syncs.max(1);
    eprintln_figures(bytes_per_sync, messages_per_sync);
    drop(publisher);
    group.bench_with_input(
        BenchmarkId::new("bare write and fdatasync", bytes_per_sync),
        &bytes_per_sync,
        |bencher, bytes| {
            let file = bare_file(&folder.path);
            let data = vec![7u8; *bytes];
            bencher.iter(|| bare_loop(&file, &data, MESSAGES * 1024));
        },
    );
    group.finish();
}

/// The processor's part: the same over files in memory.
fn without_a_disk(criterion: &mut Criterion) {
    const MESSAGES: u64 = 20_000;
    let mut group = criterion.benchmark_group("store/in memory");
    group.throughput(Throughput::Elements(MESSAGES));
    for size in [16, 1024, 65_536] {
        let layer = Arc::new(SimulatedLayer::new());
        let mut publisher = Publisher::new(open(layer), size);
        group.bench_function(BenchmarkId::new("1000 in flight", size), |bencher| {
            bencher.iter(|| publisher.publish(MESSAGES, Settles::Yes));
        });
    }
    group.finish();
}

/// A million waiting messages of 100 bytes: after a clean stop, and after a kill.
fn recovery(criterion: &mut Criterion) {
    const MESSAGES: u64 = 1_000_000;
    let mut group = criterion.benchmark_group("store/recovery of 1M");
    group.throughput(Throughput::Elements(MESSAGES));
    let folder = Folder::new();
    let mut publisher = Publisher::new(open(folder.layer()), 100);
    publisher.publish(MESSAGES, Settles::No);
    drop(publisher);
    group.bench_function("after a kill", |bencher| {
        bencher.iter(|| {
            let log = open(folder.layer());
            assert_eq!(log.queues()[0].messages, MESSAGES);
        });
    });
    open(folder.layer()).close().expect("it can be closed");
    group.bench_function("after a clean stop", |bencher| {
        bencher.iter(|| {
            let log = open(folder.layer());
            assert_eq!(log.queues()[0].messages, MESSAGES);
        });
    });
    group.bench_function("read the whole index in pieces of 1,024", |bencher| {
        let log = open(folder.layer());
        bencher.iter(|| {
            let mut from = MessageId(0);
            while let Some(last) = log.entries(QUEUE, from, 1024).expect("it can be read").last() {
                from = last.id.next();
            }
            assert_eq!(from.0, MESSAGES + 1);
        });
    });
    group.finish();
}

fn open(layer: Arc<dyn FileLayer>) -> SegmentLog {
    let opened = SegmentLog::open(layer, LogOptions::with_salt(1), Box::new(|_| {}));
    opened.expect("the folder can be opened").0
}

#[derive(Clone, Copy, PartialEq)]
enum Settles {
    Yes,
    No,
}

/// Keeps a number of messages in flight.
struct Publisher {
    log: SegmentLog,
    /// As a queue does: messages stay in RAM until they are confirmed.
    kept: VecDeque<Vec<Message>>,
    body: Bytes,
    next: u64,
    done: Sender<u64>,
    answers: Receiver<u64>,
    clock: SystemClock,
    ticked: Millis,
}

impl Publisher {
    fn new(log: SegmentLog, bytes: usize) -> Self {
        let (done, answers) = channel();
        let (clock, body) = (SystemClock::new(), Bytes::from(vec![7u8; bytes]));
        let kept = VecDeque::new();
        Self { log, kept, body, next: 1, done, answers, clock, ticked: Millis(0) }
    }

    fn publish(&mut self, messages: u64, settles: Settles) {
        let end = self.next + messages;
        let mut in_flight = 0;
        while self.next < end || in_flight > 0 {
            while self.next < end && in_flight + BATCH <= IN_FLIGHT {
                let count = BATCH.min(end - self.next);
                self.submit(count);
                in_flight += count;
            }
            let last = self.answers.recv().expect("the log answers");
            let count = last & 0xffff_ffff;
            in_flight -= count;
            self.kept.pop_front();
            if settles == Settles::Yes {
                let last = last >> 32;
                let runs = vec![(MessageId(last + 1 - count), MessageId(last))];
                let entries = vec![Entry::Settle { queue: QUEUE, runs }];
                let (durable, atomic, done) = (false, false, None);
                self.log.submit(Submission { entries, durable, atomic, done });
            }
        }
        let now = self.clock.now();
        if now.since(self.ticked) > 200 {
            self.ticked = now;
            self.log.tick(now);
        }
    }

    fn submit(&mut self, count: u64) {
        let messages: Vec<Message> = (0..count).map(|_| message(&self.body)).collect();
        let entries = messages.iter().zip(self.next..).map(|(message, id)| Entry::Enqueue {
            queue: QUEUE,
            id: MessageId(id),
            message: message.clone(),
            options: EnqueueOptions::default(),
        });
        let entries = entries.collect();
        self.kept.push_back(messages);
        self.next += count;
        let (done, answer) = (self.done.clone(), (self.next - 1) << 32 | count);
        let done: haremq::store::LogDone = Box::new(move |written| {
            black_box(written.expect("the disk works"));
            // The publisher may be gone at the end.
            let _ = done.send(answer);
        });
        self.log.submit(Submission { entries, durable: true, atomic: false, done: Some(done) });
    }
}

fn message(body: &Bytes) -> Message {
    let header = MessageHeader { persistent: true, ..MessageHeader::default() };
    let exchange = ExchangeName::try_from("").expect("an empty name is short");
    Message::new(&exchange, b"a-queue", b"\x10\x00\x02", Body::One(body.clone()), header)
}

fn bare_file(folder: &Path) -> File {
    let path = folder.join("bare");
    let options = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let file = options.expect("it can be created");
    for at in 0..BARE_BYTES / (1 << 20) {
        file.write_all_at(&vec![0; 1 << 20], at << 20).expect("it can be written");
    }
    file.sync_all().expect("it can be synced");
    file
}

/// The size of the bare file; it is written over and over.
const BARE_BYTES: u64 = 64 << 20;

fn bare_loop(file: &File, data: &[u8], bytes: u64) {
    let (mut written, mut at) = (0, 0);
    while written < bytes {
        if at + data.len() as u64 > BARE_BYTES {
            at = 0;
        }
        file.write_all_at(data, at).expect("it can be written");
        file.sync_data().expect("it can be synced");
        at += data.len() as u64;
        written += data.len() as u64;
    }
}

#[expect(clippy::print_stderr, reason = "a benchmark talks to whoever runs it")]
fn eprintln_figures(bytes: usize, messages: u64) {
    eprintln!("the log wrote {bytes} bytes and {messages} messages per sync");
}

/// A folder on the disk to be measured: `HAREMQ_BENCH_DIR`, or the target folder of the build.
struct Folder {
    path: PathBuf,
    _guard: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let parent = std::env::var_os("HAREMQ_BENCH_DIR").map(PathBuf::from);
        let parent = parent.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
        let guard = tempfile::tempdir_in(parent).expect("the folder can be written");
        Self { path: guard.path().to_path_buf(), _guard: guard }
    }

    fn layer(&self) -> Arc<dyn FileLayer> {
        Arc::new(DiskLayer::create(&self.path).expect("it can be created"))
    }
}

/// Counts bytes and syncs.
struct Counting {
    inner: Arc<dyn FileLayer>,
    counts: Arc<(AtomicU64, AtomicU64)>,
}

impl Counting {
    fn new(inner: Arc<dyn FileLayer>) -> Self {
        Self { inner, counts: Arc::default() }
    }

    fn counts(&self) -> (u64, u64) {
        (self.counts.0.load(Ordering::Relaxed), self.counts.1.load(Ordering::Relaxed))
    }

    fn wrap(&self, inner: Arc<dyn LogFile>) -> Arc<dyn LogFile> {
        Arc::new(CountingFile { inner, counts: Arc::clone(&self.counts) })
    }
}

impl FileLayer for Counting {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn LogFile>> {
        Ok(self.wrap(self.inner.create(name, bytes)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        Ok(self.wrap(self.inner.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.inner.sync_dir()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }
}

struct CountingFile {
    inner: Arc<dyn LogFile>,
    counts: Arc<(AtomicU64, AtomicU64)>,
}

impl LogFile for CountingFile {
    fn write_at(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        self.counts.0.fetch_add(bytes as u64, Ordering::Relaxed);
        self.inner.write_at(pieces, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.counts.1.fetch_add(1, Ordering::Relaxed);
        self.inner.sync_data()
    }

    fn has_name(&self) -> io::Result<bool> {
        self.inner.has_name()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn resize(&self, bytes: u64) -> io::Result<()> {
        self.inner.resize(bytes)
    }
}
