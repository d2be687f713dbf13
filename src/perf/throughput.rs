//! `haremq perf throughput`: as many messages as go through, or as many as are asked for.

use std::time::Duration;

use serde_json::json;

use super::PerfError;
use super::args::{ExchangeKind, Throughput};
use super::client::{CHANNEL, Client, Server};
use super::consumer::{Check, Consumer, Habits};
use super::load::{Deliveries, Load, Outcome, Worker};
use super::meter::Totals;
use super::number::{float, grouped, per_second};
use super::producer::{Orders, Producer, Stamps};
use super::reel::{Reel, Template};
use super::report::{Report, figure, rate};
use super::stage::Stage;
use super::topology::Topology;

/// Runs it; the figures.
pub(super) fn run(options: &Throughput, stage: &mut Stage) -> Result<Report, PerfError> {
    check(options)?;
    let bindings = options.bindings.unwrap_or(options.queues);
    let topology = Topology::new(&options.of, options.exchange, options.queues, bindings)?;
    let mut control = Client::open(&stage.uri)?;
    let server = control.server().clone();
    let made = topology.declare(&mut control)?;
    let outcome = load(options, &topology, stage).and_then(|load| load.run(stage));
    stage.live.clear();
    let outcome = made.clean_up(&mut control, options.of.keep, outcome)?;
    control.close();
    Ok(report(options, outcome, stage, &server))
}

fn check(options: &Throughput) -> Result<(), PerfError> {
    let wrong = |text: &str| Err(PerfError::Option(text.to_owned()));
    let prefetch = u64::from(options.prefetch);
    if options.producers + options.consumers == 0 {
        return wrong("--producers 0 and --consumers 0: nothing would happen; give one of them");
    }
    if options.queues == 0 || options.bindings == Some(0) {
        return wrong("--queues and --bindings: expected at least 1");
    }
    if options.bindings.is_some()
        && matches!(options.exchange, ExchangeKind::Default | ExchangeKind::Fanout)
    {
        return wrong("--bindings needs --exchange direct, topic or headers");
    }
    if options.bindings.is_some_and(|bindings| bindings < options.queues) {
        return wrong("--bindings: expected at least one per queue (--queues)");
    }
    if !options.auto_ack && prefetch > 0 && options.ack_every > prefetch {
        return wrong(
            "--ack-every is larger than --prefetch: the broker would wait for an ack that never comes",
        );
    }
    Ok(())
}

fn load(options: &Throughput, topology: &Topology, stage: &Stage) -> Result<Load, PerfError> {
    let mut consumers: Vec<Box<dyn Worker>> = Vec::new();
    for index in 0..options.consumers {
        let habits = Habits {
            ack_every: (!options.auto_ack).then_some(options.ack_every),
            prefetch: options.prefetch,
            check: Check::Latency,
        };
        let queues = topology.queues_of(index, options.consumers);
        consumers.push(Box::new(Consumer::new(Client::open(&stage.uri)?, habits, &queues)?));
    }
    let mut producers: Vec<Box<dyn Worker>> = Vec::new();
    for index in 0..options.producers {
        let client = Client::open(&stage.uri)?;
        let template = Template {
            channel: CHANNEL,
            exchange: topology.exchange().clone(),
            body_bytes: options.of.size,
            persistent: options.of.persistent,
            mandatory: options.mandatory,
            frame_payload_max: client.frame_payload_max(),
        };
        let targets = topology.targets_of(index, options.producers)?;
        let orders = Orders {
            stamps: Stamps::FirstOfWrite,
            window: options.confirm,
            rate: (options.rate > 0.0).then_some(options.rate),
            quota: options.messages.map(|all| part(all, index, options.producers)),
            precise: false,
        };
        producers.push(Box::new(Producer::new(client, Reel::new(&template, &targets)?, orders)?));
    }
    let deliveries = match (options.messages, options.producers, options.consumers) {
        (Some(all), 0, _) => Deliveries::Exactly(all),
        (Some(_), _, 1..) => Deliveries::PerPublish(topology.copies()),
        _ => Deliveries::Any,
    };
    let duration = options.duration.or(options.messages.is_none().then_some(DURATION_S));
    Ok(Load {
        producers,
        consumers,
        duration: duration.filter(|seconds| *seconds > 0.0).map(Duration::from_secs_f64),
        deliveries,
        acks: !options.auto_ack,
    })
}

/// The part of `all` that member `index` of `members` does.
fn part(all: u64, index: usize, members: usize) -> u64 {
    let (index, members) = (index as u64, members as u64);
    all / members + u64::from(index < all % members)
}

fn report(options: &Throughput, outcome: Outcome, stage: &Stage, server: &Server) -> Report {
    let mut report = Report::new("throughput", &stage.uri.to_string(), server);
    let totals = outcome.totals;
    report.put("options", options_value(options));
    let mut rows = Vec::new();
    for (name, count, time) in counts(&totals, outcome.elapsed) {
        let per_second = per_second(count, time);
        let mib = per_second * float(options.of.size as u64) / 1_048_576.0;
        report.put(name, count);
        report.put(&format!("{name}_per_s"), figure(per_second));
        let is_shown = match name {
            "confirmed" => options.confirm.is_some(),
            "published" => options.producers > 0,
            "delivered" => options.consumers > 0,
            "acked" => options.consumers > 0 && !options.auto_ack,
            _ => count > 0,
        };
        if is_shown {
            rows.push([name.to_owned(), grouped(count), rate(per_second), format!("{mib:.1}")]);
        }
    }
    report.table(["messages", "count", "per second", "MiB/s"], rows);
    report.latencies(&[
        ("publish to delivery", "latency_us", &outcome.deliveries),
        ("publish to confirm", "confirm_latency_us", &outcome.confirms),
    ]);
    report.processes(&outcome);
    report.ending(&outcome);
    report.put_samples(outcome.samples);
    report
}

/// Name, count, and the time in which it was reached.
fn counts(totals: &Totals, elapsed: Duration) -> [(&'static str, u64, Duration); 7] {
    let until = |last_ns: u64| {
        if last_ns == 0 { elapsed } else { Duration::from_nanos(last_ns).min(elapsed) }
    };
    let (published, confirmed, delivered) = (
        until(totals.last_publish_ns),
        until(totals.last_confirm_ns),
        until(totals.last_delivery_ns),
    );
    [
        ("published", totals.published, published),
        ("confirmed", totals.confirmed, confirmed),
        ("refused", totals.refused, confirmed),
        ("returned", totals.returned, published),
        ("delivered", totals.delivered, delivered),
        ("redelivered", totals.redelivered, delivered),
        ("acked", totals.acked, delivered),
    ]
}

fn options_value(options: &Throughput) -> serde_json::Value {
    json!({
        "producers": options.producers,
        "consumers": options.consumers,
        "queues": options.queues,
        "size": options.of.size,
        "persistent": options.of.persistent,
        "durable": options.of.is_durable(),
        "confirm": options.confirm,
        "auto_ack": options.auto_ack,
        "ack_every": options.ack_every,
        "prefetch": options.prefetch,
        "rate": options.rate,
        "messages": options.messages,
        "mandatory": options.mandatory,
        "bindings": options.bindings,
        "arguments": options.of.arguments,
    })
}

/// Without `--duration` and `--messages`.
const DURATION_S: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_whole() {
        for (all, members) in [(10, 3), (2, 3), (0, 1), (9, 9)] {
            let parts = (0..members).map(|index| part(all, index, members));
            assert_eq!(parts.sum::<u64>(), all, "{all} in {members}");
        }
    }
}
