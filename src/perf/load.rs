//! Runs the threads of a load until its goal is reached, and looks at them meanwhile.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::PerfError;
use super::client::Client;
use super::meter::{Course, Latencies, Meter, Totals, latencies};
use super::number::{float, per_second};
use super::process::{Process, Usage};
use super::producer::TICK;
use super::stage::Stage;

/// One thread of a load.
pub(super) trait Worker: Send {
    /// Works until its orders are done or the run is over; the connections that are still open.
    fn run(self: Box<Self>, course: &Course, meter: &Meter) -> Result<Vec<Client>, PerfError>;
}

/// What a load consists of.
pub(super) struct Load {
    /// They may end on their own, and the run then ends too, once the deliveries are there.
    pub(super) producers: Vec<Box<dyn Worker>>,
    /// They go on until the run is over.
    pub(super) consumers: Vec<Box<dyn Worker>>,
    /// After this time the run is over.
    pub(super) duration: Option<Duration>,
    pub(super) deliveries: Deliveries,
    /// Deliveries are acked one way or the other.
    pub(super) acks: bool,
}

/// Which deliveries end a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deliveries {
    /// None: it ends with the producers, or with the time.
    Any,
    /// So many for each publish that was not returned, once the producers are done.
    PerPublish(u64),
    /// This many.
    Exactly(u64),
}

/// Why a run is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// Everything was sent and came back.
    Complete,
    /// The time is over.
    Duration,
    /// Ctrl-C.
    Interrupted,
    /// Nothing came any more, although something was missing.
    Stalled,
}

impl Ended {
    /// As it stands in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Duration => "duration",
            Self::Interrupted => "interrupted",
            Self::Stalled => "stalled",
        }
    }
}

/// One interval of a run.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Sample {
    /// The interval's end, since the start.
    pub(super) at: Duration,
    pub(super) publish_rate: f64,
    pub(super) confirm_rate: f64,
    pub(super) deliver_rate: f64,
    /// Of the interval's deliveries, or of its confirms when there are no consumers; 0 without any.
    pub(super) p50_ns: u64,
    pub(super) p99_ns: u64,
    /// Of the watched process.
    pub(super) cpu_us_per_message: Option<f64>,
    pub(super) rss_bytes: Option<u64>,
}

/// What a run brought.
pub(super) struct Outcome {
    pub(super) totals: Totals,
    pub(super) elapsed: Duration,
    pub(super) ended: Ended,
    pub(super) samples: Vec<Sample>,
    pub(super) deliveries: Latencies,
    pub(super) confirms: Latencies,
    pub(super) broker: Option<Spent>,
    pub(super) generator: Spent,
}

/// What a process used during a run.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Spent {
    pub(super) cpu: Duration,
    pub(super) rss_bytes: u64,
    pub(super) rss_highest_bytes: u64,
}

impl Spent {
    /// CPU per message in µs.
    pub(super) fn micros_per(&self, messages: u64) -> f64 {
        if messages == 0 { 0.0 } else { self.cpu.as_secs_f64() * 1e6 / float(messages) }
    }
}

impl Load {
    /// Runs it and closes its connections.
    pub(super) fn run(self, stage: &mut Stage) -> Result<Outcome, PerfError> {
        let (outcome, clients) = self.run_and_keep(stage)?;
        clients.into_iter().for_each(Client::close);
        Ok(outcome)
    }

    /// Runs it; its connections are still open.
    pub(super) fn run_and_keep(
        self,
        stage: &mut Stage,
    ) -> Result<(Outcome, Vec<Client>), PerfError> {
        let mut watched = Watched::new(stage)?;
        let course = Course::new(u64::from(std::process::id()) ^ u64::from(stage.next_run()));
        let count = self.producers.len() + self.consumers.len();
        let meters: Vec<Meter> = (0..count).map(|_| Meter::new()).collect();
        let (done, ends) = channel();
        let (conducted, clients) = thread::scope(|scope| {
            let (producers, consumers) = (self.producers, self.consumers);
            let mut conductor = Conductor {
                course: &course,
                meters: &meters,
                producing: producers.len(),
                running: count,
                duration: self.duration,
                deliveries: self.deliveries,
                acks: self.acks,
                clients: Vec::new(),
            };
            for (producer, meter) in producers.into_iter().zip(&meters) {
                let (done, course) = (done.clone(), &course);
                // The conductor is gone only when it was told by everybody.
                scope.spawn(move || done.send((Role::Producer, producer.run(course, meter))));
            }
            let meters_of_consumers = &meters[conductor.producing..];
            for (consumer, meter) in consumers.into_iter().zip(meters_of_consumers) {
                let (done, course) = (done.clone(), &course);
                scope.spawn(move || done.send((Role::Consumer, consumer.run(course, meter))));
            }
            let conducted = conductor.conduct(&ends, stage, &mut watched);
            course.end();
            let conducted = conducted.and_then(|ended| conductor.drain(&ends).map(|()| ended));
            (conducted, conductor.clients)
        });
        let ended = conducted?;
        let (broker, generator) = watched.spent()?;
        watched.collect(&meters);
        let outcome = Outcome {
            totals: Totals::of(&meters, course.now_ns()),
            elapsed: course.clock.elapsed(),
            ended,
            samples: watched.samples,
            deliveries: watched.deliveries,
            confirms: watched.confirms,
            broker,
            generator,
        };
        Ok((outcome, clients))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Producer,
    Consumer,
}

type End = (Role, Result<Vec<Client>, PerfError>);

struct Conductor<'a> {
    course: &'a Course,
    meters: &'a [Meter],
    producing: usize,
    running: usize,
    duration: Option<Duration>,
    deliveries: Deliveries,
    acks: bool,
    clients: Vec<Client>,
}

impl Conductor<'_> {
    /// Looks until the run is over.
    fn conduct(
        &mut self,
        ends: &Receiver<End>,
        stage: &mut Stage,
        watched: &mut Watched,
    ) -> Result<Ended, PerfError> {
        let mut progress = Progress::default();
        let mut next_sample = stage.interval;
        let had_producers = self.producing > 0;
        loop {
            match ends.recv_timeout(TICK) {
                Ok(end) => self.take(end)?,
                // Everybody has ended, and everybody has said so.
                Err(RecvTimeoutError::Disconnected) => return Ok(Ended::Complete),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let elapsed = self.course.clock.elapsed();
            if elapsed >= next_sample {
                next_sample = elapsed + stage.interval;
                watched.sample(self.meters, elapsed, stage)?;
            }
            if stage.interrupt.is_asked() {
                return Ok(Ended::Interrupted);
            }
            let producers_done = had_producers && self.producing == 0;
            let totals = Totals::of(self.meters, self.course.now_ns());
            if self.is_complete(&totals, producers_done) {
                return Ok(Ended::Complete);
            }
            if self.duration.is_some_and(|duration| elapsed >= duration) {
                return Ok(Ended::Duration);
            }
            let waits = producers_done || matches!(self.deliveries, Deliveries::Exactly(_));
            if waits && progress.is_stalled(&totals, elapsed) {
                return Ok(Ended::Stalled);
            }
        }
    }

    fn take(&mut self, (role, end): End) -> Result<(), PerfError> {
        self.running -= 1;
        if role == Role::Producer {
            self.producing -= 1;
        }
        self.clients.extend(end?);
        Ok(())
    }

    /// Waits for everybody, after the run was declared over.
    fn drain(&mut self, ends: &Receiver<End>) -> Result<(), PerfError> {
        let mut failed = None;
        while self.running > 0 {
            match ends.recv() {
                Ok(end) => failed = failed.or(self.take(end).err()),
                Err(_) => break,
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn is_complete(&self, totals: &Totals, producers_done: bool) -> bool {
        let wanted = match self.deliveries {
            Deliveries::Any => return producers_done,
            Deliveries::PerPublish(_) if !producers_done => return false,
            Deliveries::PerPublish(copies) => {
                totals.published.saturating_sub(totals.returned) * copies
            }
            Deliveries::Exactly(count) => count,
        };
        totals.delivered >= wanted && (!self.acks || totals.acked >= wanted)
    }
}

/// Whether anything still comes.
#[derive(Default)]
struct Progress {
    seen: u64,
    at: Duration,
}

impl Progress {
    fn is_stalled(&mut self, totals: &Totals, now: Duration) -> bool {
        let seen = totals.delivered + totals.acked;
        if seen != self.seen || self.at.is_zero() {
            (self.seen, self.at) = (seen, now);
        }
        now.saturating_sub(self.at) >= STALLED_AFTER
    }
}

/// What is looked at once per interval, and at the end.
struct Watched {
    broker: Option<Process>,
    broker_start: Usage,
    broker_last: Usage,
    rss_highest_bytes: u64,
    own_start: Usage,
    last: Totals,
    last_at: Duration,
    deliveries: Latencies,
    confirms: Latencies,
    samples: Vec<Sample>,
}

impl Watched {
    fn new(stage: &Stage) -> Result<Self, PerfError> {
        let broker_start = stage.broker.map(Process::usage).transpose()?.unwrap_or_default();
        Ok(Self {
            broker: stage.broker,
            broker_start,
            broker_last: broker_start,
            rss_highest_bytes: broker_start.rss_bytes,
            own_start: Process::own().usage().unwrap_or_default(),
            last: Totals::default(),
            last_at: Duration::ZERO,
            deliveries: latencies(),
            confirms: latencies(),
            samples: Vec::new(),
        })
    }

    fn sample(
        &mut self,
        meters: &[Meter],
        at: Duration,
        stage: &mut Stage,
    ) -> Result<(), PerfError> {
        let now_ns = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        let totals = Totals::of(meters, now_ns);
        let span = at.saturating_sub(self.last_at);
        let (deliveries, confirms) = self.collect(meters);
        let shown = if deliveries.is_empty() { confirms } else { deliveries };
        let mut sample = Sample {
            at,
            publish_rate: per_second(totals.published - self.last.published, span),
            confirm_rate: per_second(totals.confirmed - self.last.confirmed, span),
            deliver_rate: per_second(totals.delivered - self.last.delivered, span),
            p50_ns: shown.value_at_quantile(0.5),
            p99_ns: shown.value_at_quantile(0.99),
            ..Sample::default()
        };
        if let Some(broker) = self.broker {
            let usage = broker.usage()?;
            let messages = (totals.published - self.last.published)
                .max(totals.delivered - self.last.delivered);
            let cpu = usage.cpu.saturating_sub(self.broker_last.cpu);
            let spent = Spent { cpu, ..Spent::default() };
            sample.cpu_us_per_message = Some(spent.micros_per(messages));
            sample.rss_bytes = Some(usage.rss_bytes);
            self.rss_highest_bytes = self.rss_highest_bytes.max(usage.rss_bytes);
            self.broker_last = usage;
        }
        (self.last, self.last_at) = (totals, at);
        stage.live.show(&sample, &totals);
        self.samples.push(sample);
        Ok(())
    }

    /// Takes what the threads recorded since the last time.
    fn collect(&mut self, meters: &[Meter]) -> (Latencies, Latencies) {
        let (mut deliveries, mut confirms) = (latencies(), latencies());
        for meter in meters {
            take_into(&mut deliveries, &mut meter.deliveries());
            take_into(&mut confirms, &mut meter.confirms());
        }
        add(&mut self.deliveries, &deliveries);
        add(&mut self.confirms, &confirms);
        (deliveries, confirms)
    }

    /// Of the broker and of this process, since the start.
    fn spent(&self) -> Result<(Option<Spent>, Spent), PerfError> {
        let own = Process::own().usage().unwrap_or_default();
        let spent = |start: Usage, end: Usage, highest: u64| Spent {
            cpu: end.cpu.saturating_sub(start.cpu),
            rss_bytes: end.rss_bytes,
            rss_highest_bytes: highest.max(end.rss_bytes),
        };
        let broker = self.broker.map(Process::usage).transpose()?;
        let broker = broker.map(|end| spent(self.broker_start, end, self.rss_highest_bytes));
        Ok((broker, spent(self.own_start, own, 0)))
    }
}

fn take_into(all: &mut Latencies, one: &mut Latencies) {
    if !one.is_empty() {
        add(all, one);
        one.reset();
    }
}

fn add(all: &mut Latencies, one: &Latencies) {
    all.add(one).expect("all histograms have the same bounds");
}

/// After the last delivery, with something missing.
const STALLED_AFTER: Duration = Duration::from_secs(10);
