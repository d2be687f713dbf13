//! `haremq perf disk`: the loop that no broker can beat on a disk, a write and an `fdatasync` over and over.
//!
//! The file is written before it is measured and then written over, so that the disk need not find room:
//! what a broker does that takes its segments in advance.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::PerfError;
use super::args::Disk;
use super::client::Server;
use super::interrupt::Interrupt;
use super::live::Live;
use super::meter::latencies;
use super::number::{float, grouped, per_second, whole};
use super::report::{Report, figure, rate};
use crate::base::Stopwatch;

/// Runs it; the figures.
pub(super) fn run(options: &Disk, interrupt: &Interrupt) -> Result<Report, PerfError> {
    let path = options.dir.join(format!("haremq-perf-disk-{}", std::process::id()));
    let failed = |error| PerfError::File { path: path.clone(), error };
    let scratch = Scratch { path: path.clone() };
    // The largest is 1,000,000 of 16 MiB; whoever asks for that is told by the system.
    let batch_bytes = options.size.saturating_mul(options.batch);
    if batch_bytes > BATCH_BYTES_MAX {
        return Err(PerfError::Option(format!(
            "--size times --batch is {batch_bytes} bytes: expected at most {BATCH_BYTES_MAX}"
        )));
    }
    let file_bytes = batch_bytes * (FILE_BYTES / batch_bytes).max(2);
    let file = prepared(&path, file_bytes).map_err(failed)?;
    let data = vec![b'x'; usize::try_from(batch_bytes).unwrap_or(usize::MAX)];
    let mut syncs = latencies();
    let duration = Duration::from_secs_f64(options.duration);
    let mut live = Live::on_standard_error();
    live.say("writing");
    let (watch, mut at, mut last_ns) = (Stopwatch::start(), 0, 0);
    while watch.elapsed() < duration && !interrupt.is_asked() {
        file.write_all_at(&data, at).and_then(|()| file.sync_data()).map_err(failed)?;
        at = (at + batch_bytes) % file_bytes;
        let now_ns = watch.elapsed_ns();
        syncs.saturating_record(now_ns - last_ns);
        last_ns = now_ns;
    }
    let elapsed = watch.elapsed();
    live.clear();
    drop((file, scratch));
    let messages = syncs.len() * options.batch;
    let per_s = per_second(messages, elapsed);
    let place = options.dir.display().to_string();
    let server =
        Server { product: "a bare write and fdatasync loop".to_owned(), ..Server::default() };
    let mut report = Report::new("disk", &place, &server);
    report.put("options", json!({ "size": options.size, "batch": options.batch }));
    report.put("messages", messages);
    report.put("per_s", figure(per_s));
    report.put("syncs", syncs.len());
    report.put("elapsed_s", figure(elapsed.as_secs_f64()));
    let mib = per_s * float(options.size) / 1_048_576.0;
    let syncs_per_s = per_second(syncs.len(), elapsed);
    let row = [grouped(messages), whole(per_s), format!("{mib:.1}"), rate(syncs_per_s)];
    report.table(["messages", "per second", "MiB/s", "syncs/s"], vec![row]);
    report.latencies(&[("write and sync", "latency_us", &syncs)]);
    Ok(report)
}

/// Written once, so that its blocks are there.
fn prepared(path: &Path, bytes: u64) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    let mut at = 0;
    while at < bytes {
        let piece = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all_at(&zeros[..piece], at)?;
        at += piece as u64;
    }
    file.sync_all()?;
    Ok(file)
}

/// The file goes away with this, also after an error.
struct Scratch {
    path: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = fs::remove_file(&self.path);
    }
}

/// The file that is written over and over.
const FILE_BYTES: u64 = 64 << 20;

/// One write; it is held in memory.
const BATCH_BYTES_MAX: u64 = 1 << 30;
