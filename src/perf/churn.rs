//! `haremq perf churn`: how often per second things come and go.

use std::time::Duration;

use serde_json::json;

use super::PerfError;
use super::args::{Churn, What};
use super::client::{CHANNEL, Client, Server, unexpected};
use super::load::{Deliveries, Load, Outcome, Worker};
use super::meter::{Course, Meter};
use super::number::{grouped, per_second};
use super::report::{Report, figure, rate};
use super::stage::Stage;
use super::uri::Uri;
use crate::base::{ExchangeName, FieldTable, QueueName, ShortStr};
use crate::wire::{Method, QueueBind, QueueDeclare};

/// Runs it; the figures.
pub(super) fn run(options: &Churn, stage: &mut Stage) -> Result<Report, PerfError> {
    stage.live.done = "done";
    let control = Client::open(&stage.uri)?;
    let server = control.server().clone();
    let mut clients = Vec::new();
    for number in 0..options.parallel {
        let client = Client::open(&stage.uri)?;
        clients.push(Turnstile::new(options, stage.uri.clone(), client, number)?);
    }
    let workers = clients.into_iter().map(|client| Box::new(client) as Box<dyn Worker>);
    let load = Load {
        producers: workers.collect(),
        consumers: Vec::new(),
        duration: Some(Duration::from_secs_f64(options.duration)),
        deliveries: Deliveries::Any,
        acks: false,
    };
    let outcome = load.run(stage);
    stage.live.clear();
    let outcome = outcome?;
    control.close();
    Ok(report(options, outcome, stage, &server))
}

/// One client that does the same over and over.
struct Turnstile {
    what: What,
    durable: bool,
    uri: Uri,
    client: Client,
    queue: QueueName,
}

impl Turnstile {
    fn new(options: &Churn, uri: Uri, client: Client, number: u64) -> Result<Self, PerfError> {
        let name = format!("haremq-perf-churn-{}-{number}", std::process::id());
        let queue = QueueName::try_from(name.as_str())?;
        let mut turnstile =
            Self { what: options.what, durable: options.durable, uri, client, queue };
        if turnstile.what == What::Bindings {
            turnstile.declare()?;
        }
        Ok(turnstile)
    }

    fn turn(&mut self) -> Result<(), PerfError> {
        match self.what {
            What::Connections => {
                Client::open(&self.uri)?.close();
                Ok(())
            }
            What::Channels => {
                self.client.open_channel(CHANNEL + 1)?;
                self.client.close_channel(CHANNEL + 1)
            }
            What::Queues => {
                self.declare()?;
                self.bind()?;
                self.delete()
            }
            What::Bindings => {
                self.bind()?;
                self.unbind()
            }
        }
    }

    fn declare(&mut self) -> Result<(), PerfError> {
        let declare = Method::QueueDeclare(QueueDeclare {
            queue: self.queue.clone(),
            passive: false,
            durable: self.durable,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: FieldTable::EMPTY,
        });
        match self.client.call(&declare, "declaring a queue")? {
            Method::QueueDeclareOk { .. } => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    fn binding(&self) -> Result<QueueBind, PerfError> {
        Ok(QueueBind {
            queue: self.queue.clone(),
            exchange: ExchangeName::try_from("amq.direct")?,
            routing_key: ShortStr::try_from(self.queue.as_str())?,
            nowait: false,
            arguments: FieldTable::EMPTY,
        })
    }

    fn bind(&mut self) -> Result<(), PerfError> {
        match self.client.call(&Method::QueueBind(self.binding()?), "binding")? {
            Method::QueueBindOk => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    fn unbind(&mut self) -> Result<(), PerfError> {
        match self.client.call(&Method::QueueUnbind(self.binding()?), "unbinding")? {
            Method::QueueUnbindOk => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    fn delete(&mut self) -> Result<(), PerfError> {
        let queue = self.queue.clone();
        let delete =
            Method::QueueDelete { queue, if_unused: false, if_empty: false, nowait: false };
        match self.client.call(&delete, "deleting a queue")? {
            Method::QueueDeleteOk { .. } => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}

impl Worker for Turnstile {
    fn run(mut self: Box<Self>, course: &Course, meter: &Meter) -> Result<Vec<Client>, PerfError> {
        while !course.is_over() {
            let start_ns = course.now_ns();
            self.turn()?;
            let now_ns = course.now_ns();
            meter.published(1, now_ns);
            meter.deliveries().saturating_record(now_ns - start_ns);
        }
        if self.what == What::Bindings {
            self.delete()?;
        }
        Ok(vec![self.client])
    }
}

fn report(options: &Churn, outcome: Outcome, stage: &Stage, server: &Server) -> Report {
    let mut report = Report::new("churn", &stage.uri.to_string(), server);
    let what = match options.what {
        What::Connections => "connections",
        What::Channels => "channels",
        What::Queues => "queues",
        What::Bindings => "bindings",
    };
    report.put(
        "options",
        json!({
            "what": what,
            "parallel": options.parallel,
            "duration": options.duration,
            "durable": options.durable,
        }),
    );
    let count = outcome.totals.published;
    let per_second = per_second(count, outcome.elapsed);
    report.put("count", count);
    report.put("per_s", figure(per_second));
    let row = [what.to_owned(), grouped(count), rate(per_second)];
    report.table(["churn", "count", "per second"], vec![row]);
    report.latencies(&[("each", "latency_us", &outcome.deliveries)]);
    report.processes(&outcome);
    report.ending(&outcome);
    report.put_samples(outcome.samples);
    report
}
