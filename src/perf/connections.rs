//! `haremq perf connections`: many idle connections, what they cost the broker, and how fast they open.

use std::thread;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;

use super::PerfError;
use super::args::Connections;
use super::client::{Client, Interest, Server};
use super::load::{Deliveries, Load, Outcome, Worker};
use super::meter::{Course, Meter};
use super::number::{float, grouped, mib, per_second, whole};
use super::process::Process;
use super::producer::TICK;
use super::report::{Report, figure, rate};
use super::stage::Stage;
use super::uri::Uri;
use crate::base::Stopwatch;

/// Runs it; the figures.
pub(super) fn run(options: &Connections, stage: &mut Stage) -> Result<Report, PerfError> {
    stage.live.done = "opened";
    raise_file_limit(options.count)?;
    // The first connection brings memory into use that is not its own.
    let control = Client::open(&stage.uri)?;
    let server = control.server().clone();
    let rss_bytes = |stage: &Stage| {
        let usage = stage.broker.map(Process::usage).transpose()?;
        Ok::<_, PerfError>(usage.map(|usage| usage.rss_bytes))
    };
    let before = rss_bytes(stage)?;
    let openers = (0..options.parallel).map(|index| {
        let count =
            options.count / options.parallel + u64::from(index < options.count % options.parallel);
        Box::new(Opener { uri: stage.uri.clone(), count }) as Box<dyn Worker>
    });
    let load = Load {
        producers: openers.collect(),
        consumers: Vec::new(),
        duration: None,
        deliveries: Deliveries::Any,
        acks: false,
    };
    let opened = load.run_and_keep(stage);
    stage.live.clear();
    let (outcome, mut clients) = opened?;
    hold(Duration::from_secs_f64(options.hold), clients.len(), stage);
    let after = rss_bytes(stage)?;
    let lost = lost(&mut clients);
    let close = Stopwatch::start();
    let count = clients.len() as u64;
    clients.into_iter().for_each(Client::close);
    let closed_per_s = per_second(count, close.elapsed());
    control.close();
    let held = Held { before, after, lost, closed_per_s };
    Ok(report(options, &outcome, &held, stage, &server))
}

struct Held {
    before: Option<u64>,
    after: Option<u64>,
    lost: u64,
    closed_per_s: f64,
}

/// Opens its part one after the other.
struct Opener {
    uri: Uri,
    count: u64,
}

impl Worker for Opener {
    fn run(self: Box<Self>, course: &Course, meter: &Meter) -> Result<Vec<Client>, PerfError> {
        let mut clients = Vec::new();
        for _ in 0..self.count {
            if course.is_over() {
                break;
            }
            let start_ns = course.now_ns();
            clients.push(Client::open(&self.uri)?);
            let now_ns = course.now_ns();
            meter.published(1, now_ns);
            meter.deliveries().saturating_record(now_ns - start_ns);
        }
        Ok(clients)
    }
}

fn hold(time: Duration, count: usize, stage: &mut Stage) {
    let watch = Stopwatch::start();
    while let Some(left) = time.checked_sub(watch.elapsed()).filter(|left| !left.is_zero()) {
        if stage.interrupt.is_asked() {
            break;
        }
        let count = grouped(count as u64);
        let seconds = left.as_secs_f64().ceil();
        stage.live.say(&format!("{count} connections, held for {seconds:.0} s"));
        thread::sleep(left.min(TICK));
    }
    stage.live.clear();
}

/// Connections that the broker closed meanwhile.
fn lost(clients: &mut [Client]) -> u64 {
    let gone = |client: &mut Client| {
        client.wait(Interest::Read, Duration::ZERO).is_err() || client.read("idle").is_err()
    };
    clients.iter_mut().map(|client| u64::from(gone(client))).sum()
}

/// One file per connection, and a few for everything else.
fn raise_file_limit(connections: u64) -> Result<(), PerfError> {
    let wanted = connections + FILES_BESIDE;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= wanted) {
        return Ok(());
    }
    if let Some(most) = limit.maximum.filter(|most| *most < wanted) {
        return Err(PerfError::Option(format!(
            "--count {connections}: this process may open {most} files and needs {wanted}; \
             raise the limit (ulimit -Hn) or choose a smaller number"
        )));
    }
    limit.current = Some(wanted);
    let doing = "raising the number of open files";
    setrlimit(Resource::Nofile, limit)
        .map_err(|error| PerfError::System { doing, error: error.into() })
}

fn report(
    options: &Connections,
    outcome: &Outcome,
    held: &Held,
    stage: &Stage,
    server: &Server,
) -> Report {
    let mut report = Report::new("connections", &stage.uri.to_string(), server);
    let count = outcome.totals.published;
    let opened_per_s = per_second(count, outcome.elapsed);
    report.put(
        "options",
        json!({ "count": options.count, "parallel": options.parallel, "hold": options.hold }),
    );
    report.put("count", count);
    report.put("opened_per_s", figure(opened_per_s));
    report.put("closed_per_s", figure(held.closed_per_s));
    report.put("lost", held.lost);
    let mut row = vec![grouped(count), rate(opened_per_s), rate(held.closed_per_s)];
    let bytes = held.before.zip(held.after).map(|(before, after)| {
        let each = float(after.saturating_sub(before)) / float(count.max(1));
        report.put("rss_before_bytes", before);
        report.put("rss_bytes", after);
        report.put("bytes_per_connection", figure(each));
        [mib(before), mib(after), whole(each)]
    });
    row.extend(bytes.unwrap_or_else(|| ["-", "-", "-"].map(str::to_owned)));
    let heading =
        ["connections", "opened/s", "closed/s", "RSS MiB before", "RSS MiB held", "bytes each"];
    // Six columns, as in the heading.
    if let Ok(row) = <[String; 6]>::try_from(row) {
        report.table(heading, vec![row]);
    }
    report.latencies(&[("opening one", "latency_us", &outcome.deliveries)]);
    report.ending(outcome);
    if held.lost > 0 {
        report.fail(format!("the broker closed {} connections while they were idle", held.lost));
    }
    report.put_samples(outcome.samples.clone());
    report
}

/// Standard streams, signals, and what the system's libraries open.
const FILES_BESIDE: u64 = 64;
