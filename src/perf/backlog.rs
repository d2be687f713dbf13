//! `haremq perf backlog`: fills a queue with confirmed messages, holds it, drains it with acks, and checks
//! that all messages come back, once and in order.

use std::thread;
use std::time::Duration;

use serde_json::json;

use super::PerfError;
use super::args::{Backlog, ExchangeKind};
use super::client::{CHANNEL, Client, Server};
use super::consumer::{Check, Consumer, Habits};
use super::load::{Deliveries, Ended, Load, Outcome, Sample};
use super::number::{grouped, mib, per_second};
use super::process::Process;
use super::producer::{Orders, Producer, Stamps, TICK};
use super::reel::{Reel, Template};
use super::report::{Report, figure, rate};
use super::stage::Stage;
use super::topology::{Made, Topology};
use crate::base::Stopwatch;

/// Runs it; the figures.
pub(super) fn run(options: &Backlog, stage: &mut Stage) -> Result<Report, PerfError> {
    options.of.need_first_word()?;
    let mut of = options.of.clone();
    of.persistent = !options.transient;
    let topology = Topology::new(&of, ExchangeKind::Default, 1, 1)?;
    let mut control = Client::open(&stage.uri)?;
    let server = control.server().clone();
    let made = topology.declare(&mut control)?;
    let phases = check_empty(&made).and_then(|()| phases(options, &topology, stage));
    stage.live.clear();
    let phases = made.clean_up(&mut control, of.keep, phases)?;
    control.close();
    Ok(report(options, &phases, stage, &server))
}

/// Messages of somebody else would come first.
fn check_empty(made: &Made) -> Result<(), PerfError> {
    if made.has_queues() {
        return Ok(());
    }
    let text = "the queue is there already: delete it, or choose another with --queue-pattern";
    Err(PerfError::Option(text.to_owned()))
}

struct Phases {
    /// Of the broker before anything was published.
    rss_before_bytes: Option<u64>,
    fill: Outcome,
    hold: Option<Held>,
    drain: Option<Outcome>,
}

struct Held {
    time: Duration,
    rss_bytes: Option<u64>,
    rss_highest_bytes: Option<u64>,
}

fn phases(options: &Backlog, topology: &Topology, stage: &mut Stage) -> Result<Phases, PerfError> {
    let usage = stage.broker.map(Process::usage).transpose()?;
    let rss_before_bytes = usage.map(|usage| usage.rss_bytes);
    let fill = fill(options, topology, stage)?.run(stage)?;
    if fill.ended != Ended::Complete {
        return Ok(Phases { rss_before_bytes, fill, hold: None, drain: None });
    }
    let hold = hold(Duration::from_secs_f64(options.hold), stage)?;
    let drain = drain(options, topology, stage)?.run(stage)?;
    Ok(Phases { rss_before_bytes, fill, hold: Some(hold), drain: Some(drain) })
}

fn fill(options: &Backlog, topology: &Topology, stage: &Stage) -> Result<Load, PerfError> {
    let client = Client::open(&stage.uri)?;
    let template = Template {
        channel: CHANNEL,
        exchange: topology.exchange().clone(),
        body_bytes: options.of.size,
        persistent: !options.transient,
        mandatory: false,
        frame_payload_max: client.frame_payload_max(),
    };
    let orders = Orders {
        stamps: Stamps::Sequence,
        window: Some(options.confirm),
        rate: None,
        quota: Some(options.messages),
        precise: false,
    };
    let reel = Reel::new(&template, &topology.targets_of(0, 1)?)?;
    Ok(Load {
        producers: vec![Box::new(Producer::new(client, reel, orders)?)],
        consumers: Vec::new(),
        duration: None,
        deliveries: Deliveries::Any,
        acks: false,
    })
}

fn hold(time: Duration, stage: &mut Stage) -> Result<Held, PerfError> {
    let watch = Stopwatch::start();
    let mut held = Held { time, rss_bytes: None, rss_highest_bytes: None };
    loop {
        if let Some(broker) = stage.broker {
            let rss = broker.usage()?.rss_bytes;
            held.rss_bytes = Some(rss);
            held.rss_highest_bytes = held.rss_highest_bytes.max(Some(rss));
        }
        let left = time.saturating_sub(watch.elapsed());
        if left.is_zero() || stage.interrupt.is_asked() {
            return Ok(held);
        }
        stage.live.say(&format!("holding for {:.0} s", left.as_secs_f64().ceil()));
        thread::sleep(left.min(TICK));
    }
}

fn drain(options: &Backlog, topology: &Topology, stage: &Stage) -> Result<Load, PerfError> {
    let habits = Habits {
        ack_every: Some(options.ack_every),
        prefetch: options.prefetch,
        check: Check::Order,
    };
    let consumer = Consumer::new(Client::open(&stage.uri)?, habits, &topology.queues_of(0, 1))?;
    Ok(Load {
        producers: Vec::new(),
        consumers: vec![Box::new(consumer)],
        duration: None,
        deliveries: Deliveries::Exactly(options.messages),
        acks: true,
    })
}

fn report(options: &Backlog, phases: &Phases, stage: &Stage, server: &Server) -> Report {
    let mut report = Report::new("backlog", &stage.uri.to_string(), server);
    report.put(
        "options",
        json!({
            "messages": options.messages,
            "size": options.of.size,
            "persistent": !options.transient,
            "confirm": options.confirm,
            "prefetch": options.prefetch,
            "ack_every": options.ack_every,
            "arguments": options.of.arguments,
        }),
    );
    report.put("rss_before_bytes", phases.rss_before_bytes);
    let mut rows = Vec::new();
    let mut samples: Vec<Sample> = Vec::new();
    let fill_time = Duration::from_nanos(phases.fill.totals.last_confirm_ns);
    let mut start = Duration::ZERO;
    add_phase(
        &mut report,
        &mut rows,
        "fill",
        phases.fill.totals.confirmed,
        fill_time,
        &phases.fill,
    );
    samples.extend(phases.fill.samples.iter().copied());
    start += phases.fill.elapsed;
    if let Some(hold) = &phases.hold {
        let cell = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), mib);
        rows.push([
            "hold".to_owned(),
            grouped(phases.fill.totals.confirmed),
            format!("{:.2}", hold.time.as_secs_f64()),
            "-".to_owned(),
            "-".to_owned(),
            cell(hold.rss_bytes),
            cell(hold.rss_highest_bytes),
        ]);
        report.put(
            "hold",
            json!({ "rss_bytes": hold.rss_bytes, "rss_highest_bytes": hold.rss_highest_bytes }),
        );
        start += hold.time;
    }
    if let Some(drain) = &phases.drain {
        let time = Duration::from_nanos(drain.totals.last_delivery_ns);
        add_phase(&mut report, &mut rows, "drain", drain.totals.acked, time, drain);
        samples.extend(drain.samples.iter().map(|one| Sample { at: start + one.at, ..*one }));
    }
    let heading = ["phase", "messages", "seconds", "per second", "broker µs", "RSS MiB", "highest"];
    report.table(heading, rows);
    match (&phases.drain, phases.fill.ended) {
        (Some(drain), _) => {
            report.ending(drain);
            report.put("in_order", drain.ended == Ended::Complete);
            if drain.ended == Ended::Complete {
                report.note("all messages came back, once and in order");
            }
        }
        (None, _) => report.ending(&phases.fill),
    }
    report.put_samples(samples);
    report
}

fn add_phase(
    report: &mut Report,
    rows: &mut Vec<[String; 7]>,
    name: &str,
    messages: u64,
    time: Duration,
    outcome: &Outcome,
) {
    let per_second = per_second(messages, time);
    let broker = outcome.broker.as_ref();
    let cell = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    rows.push([
        name.to_owned(),
        grouped(messages),
        format!("{:.2}", time.as_secs_f64()),
        rate(per_second),
        cell(broker.map(|spent| format!("{:.2}", spent.micros_per(messages)))),
        cell(broker.map(|spent| mib(spent.rss_bytes))),
        cell(broker.map(|spent| mib(spent.rss_highest_bytes))),
    ]);
    report.put(
        name,
        json!({
            "messages": messages,
            "seconds": figure(time.as_secs_f64()),
            "per_s": figure(per_second),
            "cpu_us_per_message": broker.map(|spent| figure(spent.micros_per(messages))),
            "rss_bytes": broker.map(|spent| spent.rss_bytes),
            "rss_highest_bytes": broker.map(|spent| spent.rss_highest_bytes),
            "blocked_s": figure(Duration::from_nanos(outcome.totals.blocked_ns).as_secs_f64()),
        }),
    );
}
