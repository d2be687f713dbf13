//! Brokers are killed at random moments under traffic of every kind and started again, and nothing
//! that a client was promised may be missing, changed, out of order, or back from the dead.

use std::env;
use std::io;
use std::ops::Range;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::body::{self, Name, body};
use super::client::{Client, Confirms, Incoming, Mode};
use super::ledger::{End, Found, Ledger, Seen};
use super::random::Random;
use super::server::{Server, Starting, now, say};
use super::traffic::{
    EXCHANGE, Notes, QUEUES, Route, SPREAD, Ticks, committer, consumer, publisher,
};
use crate::support::id;
use crate::support::methods::{DURABLE, basic, exchange, queue};

/// Chooses the seed; without it every run has its own.
const SEED: &str = "HAREMQ_CRASH_SEED";

/// Lives of the broker in one run.
const ROUNDS: &str = "HAREMQ_CRASH_ROUNDS";
const ROUNDS_DEFAULT: u64 = 32;

/// Messages in a queue above which it is emptied between two lives, to keep rounds short.
const BACKLOG_MAX: usize = 5_000;

/// The source of the messages that are published between two lives.
const BETWEEN: u32 = 0;

/// How a life of the broker ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Kill,
    Stop,
    /// SIGTERM, and SIGKILL while it stops.
    KillStopping,
}

/// Everything that outlives the broker.
struct World {
    data: TempDir,
    random: Random,
    ticks: Ticks,
    ledger: Ledger,
    next_source: u32,
    between: u64,
    starts: Vec<Duration>,
}

/// What one life brought between its start and its clients.
struct Audited {
    client: Client,
    /// Tags and names by queue.
    held: Vec<Vec<(u64, Name)>>,
}

#[test]
fn killed_brokers_lose_nothing_that_was_confirmed() {
    let seed = variable(SEED).unwrap_or_else(Random::any_seed);
    let rounds = variable(ROUNDS).unwrap_or(ROUNDS_DEFAULT);
    say(format_args!("{SEED}={seed} {ROUNDS}={rounds}"));
    let since = now();
    let mut world = World::new(seed);
    let mut server = Server::start(world.data.path());
    declare(&mut server.client()).expect("a broker that nobody kills");
    for round in 1..=rounds {
        let end = world.life(server);
        server = world.start_again();
        let mut audited = world.audit(&server, end).expect("a broker that nobody kills");
        world.check(seed, round);
        if round == rounds {
            audited.settle_all(&mut world).expect("a broker that nobody kills");
        } else {
            audited.settle(&mut world).expect("a broker that nobody kills");
        }
    }
    server.stop();
    let server = Server::start(world.data.path());
    world.audit(&server, End::Stopped).expect("a broker that nobody kills");
    world.check(seed, rounds);
    let left: usize = (0..QUEUES.len()).map(|queue| world.ledger.waiting(queue)).sum();
    assert_eq!(left, 0, "everything was acked, and the broker was stopped cleanly");
    let slowest = world.starts.iter().max().copied().unwrap_or_default();
    let sum: Duration = world.starts.iter().sum();
    let mean = sum / u32::try_from(world.starts.len().max(1)).expect("not that many");
    say(format_args!(
        "{rounds} rounds in {:.1?}, starts after {mean:.1?} (slowest {slowest:.1?}), {:?}",
        since.elapsed(),
        world.ledger.tally
    ));
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            data: TempDir::new().expect("a data directory"),
            random: Random::new(seed),
            ticks: Ticks::default(),
            ledger: Ledger::new(QUEUES.len()),
            next_source: BETWEEN + 1,
            between: 0,
            starts: Vec::new(),
        }
    }

    /// Lets all clients work on a broker until it is ended.
    fn life(&mut self, server: Server) -> End {
        let clients = self.clients(server.port());
        let ending = match self.random.below(20) {
            0..=14 => Ending::Kill,
            15..=16 => Ending::Stop,
            _ => Ending::KillStopping,
        };
        let longest = [20_000, 200_000, 500_000][self.random.index(3)];
        pause(&mut self.random, 0..longest);
        let end = match ending {
            Ending::Kill => {
                server.kill();
                End::Killed
            }
            Ending::Stop => {
                server.stop();
                End::Stopped
            }
            Ending::KillStopping => {
                server.terminate();
                pause(&mut self.random, 0..30_000);
                server.kill();
                End::Killed
            }
        };
        let mut notes: Vec<Notes> =
            clients.into_iter().map(|client| client.join().expect("a client")).collect();
        notes.sort_by_key(|notes| !notes.is_publisher());
        for notes in notes {
            notes.enter(&mut self.ledger);
        }
        end
    }

    fn clients(&mut self, port: u16) -> Vec<thread::JoinHandle<Notes>> {
        let mut clients = Vec::new();
        for _ in 0..3 {
            let routes = [self.random.index(4), self.random.index(4)].map(Route::Direct);
            let channels = routes[..=self.random.index(2)].iter();
            let sources: Vec<_> = channels.map(|route| (self.source(), *route)).collect();
            let (random, ticks) = (self.random.fork(), self.ticks.clone());
            clients.push(thread::spawn(move || publisher(port, &sources, random, &ticks)));
        }
        let spread = vec![(self.source(), Route::Spread)];
        let (random, ticks) = (self.random.fork(), self.ticks.clone());
        clients.push(thread::spawn(move || publisher(port, &spread, random, &ticks)));
        for _ in 0..2 {
            let (source, random, ticks) = (self.source(), self.random.fork(), self.ticks.clone());
            clients.push(thread::spawn(move || committer(port, source, random, &ticks)));
        }
        // Nobody consumes the last of the directs and of the others.
        for queues in [vec![0, 1], vec![2, 4], vec![6, 7]] {
            let (random, ticks) = (self.random.fork(), self.ticks.clone());
            clients.push(thread::spawn(move || consumer(port, &queues, random, &ticks)));
        }
        clients
    }

    fn source(&mut self) -> u32 {
        self.next_source += 1;
        self.next_source - 1
    }

    /// Starts the broker, after having killed it while it starts now and then.
    fn start_again(&mut self) -> Server {
        while self.random.percent(15) {
            let starting = Starting::launch(self.data.path(), &[]);
            pause(&mut self.random, 0..60_000);
            starting.kill();
        }
        let server = Server::start(self.data.path());
        self.starts.push(server.started_in());
        server
    }

    /// Reads every queue and compares it with the ledger.
    fn audit(&mut self, server: &Server, end: End) -> io::Result<Audited> {
        let mut client = server.client();
        let mut held = Vec::new();
        for (number, name) in (1..).zip(QUEUES) {
            client.open_channel(number)?;
            let count = client.ready(number, name)?;
            client.consume(number, name, 0)?;
            let (mut found, mut of_queue) = (Vec::new(), Vec::new());
            for _ in 0..count {
                let delivery = client.delivery()?;
                match body::read(&delivery.body) {
                    Ok(name) => {
                        found.push(Found { name, redelivered: delivery.redelivered });
                        of_queue.push((delivery.tag, name));
                    }
                    Err(wrong) => self.ledger.fault(format!("{name}: {wrong}")),
                }
            }
            assert_eq!(client.ready(number, name)?, 0, "{name} has more than it said");
            self.ledger.audit(held.len(), &found, end, self.ticks.next());
            held.push(of_queue);
        }
        self.ledger.next_life();
        Ok(Audited { client, held })
    }

    /// Ends the test when anything was wrong, and leaves everything that is needed to find out why.
    fn check(&mut self, seed: u64, round: u64) {
        let faults = self.ledger.faults();
        if faults.is_empty() {
            return;
        }
        let count = faults.len();
        let shown: Vec<_> = faults.iter().take(20).cloned().collect();
        self.data.disable_cleanup(true);
        panic!(
            "{count} fault(s) in round {round}; again: {SEED}={seed} {ROUNDS}={round} \
             cargo test killed_brokers -- --nocapture; the directory is kept: {}\n{}",
            self.data.path().display(),
            shown.join("\n")
        );
    }
}

impl Audited {
    /// Acks all, some or none of what the audit took from each queue, and mostly leaves a proof that
    /// it was read.
    fn settle(mut self, world: &mut World) -> io::Result<()> {
        for queue in 0..QUEUES.len() {
            let held = std::mem::take(&mut self.held[queue]);
            let choice = if held.len() > BACKLOG_MAX { 0 } else { world.random.below(3) };
            let acked: Vec<_> = held
                .into_iter()
                .filter(|_| choice == 0 || (choice == 1 && world.random.percent(50)))
                .collect();
            self.ack(world, queue, &acked)?;
            if world.random.percent(50) {
                self.prove(world, queue)?;
            }
        }
        // What is held goes back to its queues with the connection.
        if world.random.percent(50) { self.client.close() } else { Ok(()) }
    }

    fn settle_all(&mut self, world: &mut World) -> io::Result<()> {
        for queue in 0..QUEUES.len() {
            let acked = std::mem::take(&mut self.held[queue]);
            self.ack(world, queue, &acked)?;
        }
        Ok(())
    }

    fn ack(&mut self, world: &mut World, queue: usize, acked: &[(u64, Name)]) -> io::Result<()> {
        let number = channel_of(queue);
        for (tag, _) in acked {
            self.client.put(number, &basic::ack(*tag));
        }
        self.client.call(number, &basic::qos(0), id::BASIC_QOS_OK)?;
        let read_by = Some(world.ticks.next());
        let events: Vec<_> =
            acked.iter().map(|(_, name)| (*name, Seen::Acked { read_by })).collect();
        world.ledger.consumed(queue, &events);
        Ok(())
    }

    /// A confirmed message, which says that everything before it is on disk.
    fn prove(&mut self, world: &mut World, queue: usize) -> io::Result<()> {
        let number = channel_of(queue) + 100;
        self.client.open_confirming(number)?;
        world.between += 1;
        let name = (BETWEEN, world.between);
        world.ledger.published(queue, name, world.ticks.next(), Mode::Persistent);
        let mut confirms = Confirms::default();
        confirms.sent();
        let place = ("", QUEUES[queue]);
        self.client.put_message(number, place, Mode::Persistent, &body(name, 50));
        self.client.flush()?;
        while confirms.open() > 0 {
            // The audit's consumer is still there, and gets it.
            if let Incoming::Settled(settled) = self.client.next()? {
                confirms.settle(settled);
            }
        }
        world.ledger.confirmed(queue, name);
        Ok(())
    }
}

fn channel_of(queue: usize) -> u16 {
    u16::try_from(queue + 1).expect("few queues")
}

/// Durable queues and a durable exchange.
fn declare(client: &mut Client) -> io::Result<()> {
    client.open_channel(1)?;
    let fanout = exchange::declare(EXCHANGE, "fanout").with(DURABLE);
    client.call(1, &fanout, id::EXCHANGE_DECLARE_OK)?;
    for name in QUEUES {
        let declare = queue::declare(name).with(DURABLE);
        client.call(1, &declare, id::QUEUE_DECLARE_OK)?;
    }
    for place in SPREAD {
        let bind = queue::bind(QUEUES[place], EXCHANGE, "");
        client.call(1, &bind, id::QUEUE_BIND_OK)?;
    }
    Ok(())
}

/// The one place where these tests let time pass: what is tested is that any moment is good to die.
fn pause(random: &mut Random, micros: Range<u64>) {
    let micros = micros.start + random.below(micros.end - micros.start);
    thread::sleep(Duration::from_micros(micros));
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    let value = text.parse().ok();
    assert!(value.is_some(), "{name} is not a number: {text}");
    value
}

#[test]
fn a_data_directory_is_made_by_the_broker() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("not").join("yet");
    Server::start(&data).stop();
    assert!(data.is_dir());
}
