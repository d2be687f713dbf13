//! The clients of `killed`: publishers and consumers that note what they did and what they were told,
//! until the broker is gone.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::body::{self, Name, body};
use super::client::{Client, Confirms, Delivery, Incoming, Mode, is_end_of_broker};
use super::ledger::{Commit, Ledger, Seen};
use super::random::Random;
use crate::support::id;
use crate::support::methods::{basic, tx};

/// The queues: some that are published to directly, some behind the fanout exchange, some of both.
pub(super) const QUEUES: [&str; 8] = ["q0", "q1", "q2", "q3", "f0", "f1", "t0", "t1"];

/// Bound to `f0`, `f1` and `t1`.
pub(super) const EXCHANGE: &str = "spread";

/// Where the exchange sends.
pub(super) const SPREAD: [usize; 3] = [4, 5, 7];

/// The clock of the ledger.
#[derive(Clone, Default)]
pub(super) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// Where a message goes: exchange, routing key, and the queues that get it.
#[derive(Clone, Copy)]
pub(super) enum Route {
    Direct(usize),
    Spread,
}

impl Route {
    pub(super) fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Direct(queue) => ("", QUEUES[queue]),
            Self::Spread => (EXCHANGE, "any"),
        }
    }

    pub(super) fn queues(&self) -> &[usize] {
        match self {
            Self::Direct(queue) => std::slice::from_ref(queue),
            Self::Spread => &SPREAD,
        }
    }
}

struct Sent {
    name: Name,
    at: u64,
    route: Route,
    mode: Mode,
}

/// What a publisher did and was told.
#[derive(Default)]
struct Published {
    sent: Vec<Sent>,
    confirmed: Vec<usize>,
    commits: Vec<Commit>,
    fault: Option<String>,
}

/// What a consumer saw and did, by queue.
#[derive(Default)]
struct Consumed {
    events: Vec<(usize, Name, Seen)>,
    /// Acks in the order of sending: their place among the events.
    acks: Vec<usize>,
    faults: Vec<String>,
}

/// What one client has to tell when the broker is gone.
pub(super) enum Notes {
    Publisher(Box<dyn FnOnce(&mut Ledger) + Send>),
    Consumer(Box<dyn FnOnce(&mut Ledger) + Send>),
}

impl Notes {
    /// Publishers first: what was consumed must have been published.
    pub(super) fn is_publisher(&self) -> bool {
        matches!(self, Self::Publisher(_))
    }

    pub(super) fn enter(self, ledger: &mut Ledger) {
        match self {
            Self::Publisher(enter) | Self::Consumer(enter) => enter(ledger),
        }
    }
}

/// Publishes with confirms on some channels of one connection, until the broker is gone.
pub(super) fn publisher(
    port: u16,
    sources: &[(u32, Route)],
    mut random: Random,
    ticks: &Ticks,
) -> Notes {
    let mut published = Published::default();
    let error = publish(port, sources, &mut random, ticks, &mut published).err();
    published.fault = fault_of(error);
    Notes::Publisher(Box::new(move |ledger| published.enter(ledger)))
}

fn publish(
    port: u16,
    sources: &[(u32, Route)],
    random: &mut Random,
    ticks: &Ticks,
    published: &mut Published,
) -> io::Result<()> {
    let mut client = Client::connect(port)?;
    let mut channels: Vec<Outgoing> = Vec::new();
    for (number, (source, route)) in (1..).zip(sources) {
        client.open_confirming(number)?;
        channels.push(Outgoing { source: *source, route: *route, ..Outgoing::default() });
    }
    let window = [1, 10, 100, 400][random.index(4)];
    let mut sent = Ok(());
    loop {
        let open: usize = channels.iter().map(|channel| channel.confirms.open()).sum();
        if sent.is_err() || open >= window {
            // After a failed send, what the broker said before its end still counts.
            let Incoming::Settled(settled) = client.next()? else { continue };
            let channel = &mut channels[usize::from(settled.channel) - 1];
            for number in channel.confirms.settle(settled) {
                let place = usize::try_from(number - 1).expect("a small number");
                if settled.ok {
                    published.confirmed.push(channel.places[place]);
                }
            }
            continue;
        }
        for _ in 0..=random.below(8.min((window - open) as u64)) {
            let number = random.index(channels.len());
            let channel = &mut channels[number];
            let mode = if random.percent(4) { Mode::Transient } else { Mode::Persistent };
            let name = (channel.source, channel.confirms.sent());
            channel.places.push(published.sent.len());
            let number = u16::try_from(number + 1).expect("a small number");
            let body = body(name, body_bytes(random));
            published.sent.push(Sent { name, at: ticks.next(), route: channel.route, mode });
            client.put_message(number, channel.route.place(), mode, &body);
        }
        sent = client.flush();
    }
}

/// A confirming channel of a publisher.
struct Outgoing {
    source: u32,
    route: Route,
    confirms: Confirms,
    /// Where its messages stand among all that were sent.
    places: Vec<usize>,
}

impl Default for Outgoing {
    fn default() -> Self {
        let (confirms, places) = (Confirms::default(), Vec::new());
        Self { source: 0, route: Route::Spread, confirms, places }
    }
}

/// Mostly small; some fill several reads and frames.
fn body_bytes(random: &mut Random) -> usize {
    match random.below(200) {
        0 => 220_000,
        1..=5 => random.index(30_000),
        6..=40 => random.index(4_000),
        _ => random.index(300),
    }
}

impl Published {
    fn enter(self, ledger: &mut Ledger) {
        for Sent { name, at, route, mode } in &self.sent {
            for queue in route.queues() {
                ledger.published(*queue, *name, *at, *mode);
            }
        }
        for place in self.confirmed {
            let Sent { name, route, .. } = &self.sent[place];
            for queue in route.queues() {
                ledger.confirmed(*queue, *name);
            }
        }
        for commit in self.commits {
            ledger.commit(commit);
        }
        if let Some(fault) = self.fault {
            ledger.fault(fault);
        }
    }
}

/// Publishes in transactions, until the broker is gone.
pub(super) fn committer(port: u16, source: u32, mut random: Random, ticks: &Ticks) -> Notes {
    let mut published = Published::default();
    let error = commit(port, source, &mut random, ticks, &mut published).err();
    published.fault = fault_of(error);
    Notes::Publisher(Box::new(move |ledger| published.enter(ledger)))
}

fn commit(
    port: u16,
    source: u32,
    random: &mut Random,
    ticks: &Ticks,
    published: &mut Published,
) -> io::Result<()> {
    let mut client = Client::connect(port)?;
    client.open_channel(1)?;
    client.call(1, &tx::select(), id::TX_SELECT_OK)?;
    let mut sequence = 0;
    loop {
        let first = published.sent.len();
        let mut messages = Vec::new();
        for _ in 0..=random.below(20) {
            sequence += 1;
            let route = [Route::Direct(6), Route::Direct(7), Route::Spread][random.index(3)];
            let name = (source, sequence);
            let body = body(name, body_bytes(random));
            client.put_message(1, route.place(), Mode::Persistent, &body);
            messages.push((name, route));
        }
        client.flush()?;
        if random.percent(10) {
            client.call(1, &tx::rollback(), id::TX_ROLLBACK_OK)?;
            continue;
        }
        // From here on all of it may be there.
        let mut commit = Commit::new();
        for (name, route) in messages {
            for queue in route.queues() {
                commit.entry(*queue).or_default().push(name);
            }
            let (at, mode) = (ticks.next(), Mode::Persistent);
            published.sent.push(Sent { name, at, route, mode });
        }
        published.commits.push(commit);
        client.call(1, &tx::commit(), id::TX_COMMIT_OK)?;
        published.confirmed.extend(first..published.sent.len());
    }
}

/// Consumes some queues, one channel each, and acks most of what it gets, until the broker is gone.
pub(super) fn consumer(port: u16, queues: &[usize], mut random: Random, ticks: &Ticks) -> Notes {
    let mut consumed = Consumed::default();
    let error = consume(port, queues, &mut random, ticks, &mut consumed).err();
    consumed.faults.extend(fault_of(error));
    let queues = queues.to_vec();
    Notes::Consumer(Box::new(move |ledger| consumed.enter(&queues, ledger)))
}

fn consume(
    port: u16,
    queues: &[usize],
    random: &mut Random,
    ticks: &Ticks,
    consumed: &mut Consumed,
) -> io::Result<()> {
    let mut client = Client::connect(port)?;
    let prefetch = [0, 20, 300][random.index(3)];
    for (number, queue) in (1..).zip(queues) {
        client.open_channel(number)?;
        client.consume(number, QUEUES[*queue], prefetch)?;
    }
    let mut held: Vec<Held> = queues.iter().map(|_| Held::default()).collect();
    // Questions that were asked after acks, and how many acks: the answer says that they were read.
    let mut asked: VecDeque<usize> = VecDeque::new();
    loop {
        match client.next()? {
            Incoming::Method(_, id::BASIC_QOS_OK, _) => {
                let acks = asked.pop_front().expect("an answer belongs to a question");
                consumed.read(acks, ticks.next());
            }
            Incoming::Delivery(delivery) => {
                let place = usize::from(delivery.channel) - 1;
                let Some(name) = consumed.delivered(queues[place], &delivery, ticks) else {
                    continue;
                };
                let held = &mut held[place];
                held.messages.push((delivery.tag, name));
                if held.settle(&mut client, delivery.channel, random, |name| {
                    consumed.acks.push(consumed.events.len());
                    consumed.events.push((queues[place], name, Seen::Acked { read_by: None }));
                }) {
                    client.put(delivery.channel, &basic::qos(prefetch));
                    asked.push_back(consumed.acks.len());
                }
                client.flush()?;
            }
            _ => {}
        }
    }
}

/// Deliveries of one channel that are not settled.
#[derive(Default)]
struct Held {
    messages: Vec<(u64, Name)>,
}

impl Held {
    /// Settles some or none of it; whether the broker is to be asked if it has read that.
    fn settle(
        &mut self,
        client: &mut Client,
        channel: u16,
        random: &mut Random,
        mut acked: impl FnMut(Name),
    ) -> bool {
        let Some((tag, name)) = self.messages.last().copied() else { return false };
        match random.below(100) {
            0..=39 => {
                self.messages.pop();
                acked(name);
                client.put(channel, &basic::ack(tag));
            }
            40..=49 => {
                for (_, name) in self.messages.drain(..) {
                    acked(name);
                }
                client.put(channel, &basic::ack_up_to(tag));
                return true;
            }
            50..=51 => {
                self.messages.clear();
                client.put(channel, &basic::nack(tag, 1 | 2));
            }
            _ if self.messages.len() >= 15 => {
                self.messages.pop();
                client.put(channel, &basic::reject(tag, true));
            }
            _ => {}
        }
        random.percent(10)
    }
}

impl Consumed {
    fn delivered(&mut self, queue: usize, delivery: &Delivery, ticks: &Ticks) -> Option<Name> {
        match body::read(&delivery.body) {
            Ok(name) => {
                let (at, redelivered) = (ticks.next(), delivery.redelivered);
                self.events.push((queue, name, Seen::Delivered { at, redelivered }));
                Some(name)
            }
            Err(wrong) => {
                self.faults.push(format!("queue {queue}: {wrong}"));
                None
            }
        }
    }

    /// The broker has read the first `acks` acks.
    fn read(&mut self, acks: usize, now: u64) {
        for place in self.acks[..acks].iter().rev() {
            let Seen::Acked { read_by } = &mut self.events[*place].2 else { continue };
            if read_by.is_some() {
                // It and all before it are known from an earlier answer.
                break;
            }
            *read_by = Some(now);
        }
    }

    fn enter(self, queues: &[usize], ledger: &mut Ledger) {
        for queue in queues {
            let of_queue = self.events.iter().filter(|(of, ..)| of == queue);
            let events: Vec<_> = of_queue.map(|(_, name, seen)| (*name, *seen)).collect();
            ledger.consumed(*queue, &events);
        }
        for fault in self.faults {
            ledger.fault(fault);
        }
    }
}

/// An end of the broker is what these clients wait for; anything else is a fault.
fn fault_of(error: Option<io::Error>) -> Option<String> {
    error.filter(|error| !is_end_of_broker(error)).map(|error| format!("a client: {error}"))
}
