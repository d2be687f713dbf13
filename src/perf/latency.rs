//! `haremq perf latency`: how long messages are on their way at a steady rate.
//!
//! The load is open: a message is due at its moment whatever the broker does, and its latency counts from
//! there. A broker that stops for a second delays all messages of that second, and all of them count.

use serde_json::json;

use super::PerfError;
use super::args::{ExchangeKind, Latency};
use super::client::{CHANNEL, Client, Server};
use super::consumer::{Check, Consumer, Habits};
use super::load::{Deliveries, Load, Outcome};
use super::number::{grouped, per_second, rounded};
use super::producer::{Orders, Producer, Stamps};
use super::reel::{Reel, Template};
use super::report::{Report, figure, rate};
use super::stage::Stage;
use super::topology::Topology;

/// Runs it; the figures.
pub(super) fn run(options: &Latency, stage: &mut Stage) -> Result<Report, PerfError> {
    options.of.need_first_word()?;
    let topology = Topology::new(&options.of, ExchangeKind::Default, 1, 1)?;
    let mut control = Client::open(&stage.uri)?;
    let server = control.server().clone();
    let made = topology.declare(&mut control)?;
    let outcome = load(options, &topology, stage).and_then(|load| load.run(stage));
    stage.live.clear();
    let outcome = made.clean_up(&mut control, options.of.keep, outcome)?;
    control.close();
    Ok(report(options, outcome, stage, &server))
}

fn load(options: &Latency, topology: &Topology, stage: &Stage) -> Result<Load, PerfError> {
    let habits = Habits {
        ack_every: (!options.auto_ack).then_some(1),
        prefetch: options.prefetch,
        check: Check::Latency,
    };
    let consumer = Consumer::new(Client::open(&stage.uri)?, habits, &topology.queues_of(0, 1))?;
    let client = Client::open(&stage.uri)?;
    let template = Template {
        channel: CHANNEL,
        exchange: topology.exchange().clone(),
        body_bytes: options.of.size,
        persistent: options.of.persistent,
        mandatory: false,
        frame_payload_max: client.frame_payload_max(),
    };
    let orders = Orders {
        stamps: Stamps::Due,
        window: options.confirm,
        rate: Some(options.rate),
        quota: Some(rounded(options.rate * options.duration).max(1)),
        precise: true,
    };
    let reel = Reel::new(&template, &topology.targets_of(0, 1)?)?;
    Ok(Load {
        producers: vec![Box::new(Producer::new(client, reel, orders)?)],
        consumers: vec![Box::new(consumer)],
        duration: None,
        deliveries: Deliveries::PerPublish(1),
        acks: !options.auto_ack,
    })
}

fn report(options: &Latency, outcome: Outcome, stage: &Stage, server: &Server) -> Report {
    let mut report = Report::new("latency", &stage.uri.to_string(), server);
    let totals = outcome.totals;
    report.put(
        "options",
        json!({
            "rate": options.rate,
            "duration": options.duration,
            "size": options.of.size,
            "persistent": options.of.persistent,
            "durable": options.of.is_durable(),
            "confirm": options.confirm,
            "auto_ack": options.auto_ack,
            "prefetch": options.prefetch,
            "arguments": options.of.arguments,
        }),
    );
    report.latencies(&[
        ("due to delivery", "latency_us", &outcome.deliveries),
        ("write to confirm", "confirm_latency_us", &outcome.confirms),
    ]);
    let mut rows = Vec::new();
    let counts = [
        ("published", totals.published),
        ("confirmed", totals.confirmed),
        ("delivered", totals.delivered),
        ("acked", totals.acked),
    ];
    for (name, count) in counts {
        let per_second = per_second(count, outcome.elapsed);
        report.put(name, count);
        report.put(&format!("{name}_per_s"), figure(per_second));
        if count > 0 {
            rows.push([name.to_owned(), grouped(count), rate(per_second)]);
        }
    }
    report.table(["messages", "count", "per second"], rows);
    report.processes(&outcome);
    report.ending(&outcome);
    report.put_samples(outcome.samples);
    report
}
