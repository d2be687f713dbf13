//! Everything there is: a disk, a broker, clients, and who watches them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use haremq::base::{FieldTable, ManualClock, UserName, VhostName};
use haremq::broker::{
    Accounts, Broker, BrokerSettings, BrokerStorage, Interceptors, Scheduler, Seeds,
};
use haremq::protocol::Settings;
use haremq::store::{
    CrashImage, LogOptions, LogStatus, MemoryMetadata, MessageLog, MetadataStore, SegmentLog,
    SimulatedLayer,
};
use haremq::wire::{headers_of, published_again};

use super::client::{Client, Habits};
use super::oracle::{Oracle, Taking};
use super::queues::by_name;
use super::random::Random;
use super::scheduler::Jobs;
use super::trace::Trace;
use super::watched_log::{Fact, Seen, WatchedLog, lock};

/// No alarm: nothing holds publishers back.
const MEMORY_WATERMARK_BYTES: u64 = 1 << 40;

/// What a power cut takes away with its world.
struct Running {
    broker: Arc<Broker>,
    log: Arc<WatchedLog>,
    jobs: Arc<Jobs>,
}

/// See the module.
pub(super) struct World {
    pub(super) random: Random,
    pub(super) trace: Trace,
    pub(super) oracle: Oracle,
    pub(super) clients: Vec<Option<Client>>,
    pub(super) crashes: usize,
    /// What a client was told last about a queue: messages and consumers.
    pub(super) counted: BTreeMap<usize, (u32, u32)>,
    /// What the clients were given since this was emptied last, in order: queue and message.
    pub(super) taken: Vec<(usize, u64)>,
    layer: SimulatedLayer,
    metadata: Arc<MemoryMetadata>,
    seen: Arc<Mutex<Seen>>,
    clock: Arc<ManualClock>,
    settings: Arc<Settings>,
    running: Running,
    /// The queues by their numbers in the log; a queue that is declared again gets another one.
    numbers: BTreeMap<u64, usize>,
    /// Up to which number they were looked up.
    numbered: u64,
    serials: u64,
    disk_full: bool,
}

impl World {
    pub(super) fn new(seed: u64, clients: usize, prints: bool) -> Result<Self, String> {
        let mut random = Random::new(seed);
        let layer = SimulatedLayer::new();
        let metadata = Arc::new(MemoryMetadata::new());
        let reader = Arc::default();
        let clock = Arc::new(ManualClock::new());
        let running = open(&layer, &metadata, &reader, &clock, random.next())?;
        Ok(Self {
            random,
            trace: Trace::new(prints),
            oracle: Oracle::default(),
            clients: (0..clients).map(|_| None).collect(),
            crashes: 0,
            counted: BTreeMap::new(),
            taken: Vec::new(),
            layer,
            metadata,
            seen: reader,
            clock,
            settings: Arc::new(Settings::default()),
            running,
            numbers: BTreeMap::new(),
            numbered: 0,
            serials: 0,
            disk_full: false,
        })
    }

    /// The client at this place connects.
    pub(super) fn connect(&mut self, at: usize, habits: Habits) -> Result<(), String> {
        self.serials += 1;
        let serial = self.serials;
        self.trace.say(&format!("client {at} connects as {serial}: {habits:?}"));
        let client = Client::connect(serial, &self.running.broker, &self.settings, habits)?;
        self.oracle.connected(serial);
        for (tag, subscription) in client.subscriptions.iter().filter(|(_, of)| of.auto) {
            self.oracle.may_take(serial, subscription.queue, Taking::Consumer(*tag));
        }
        self.clients[at] = Some(client);
        Ok(())
    }

    /// The connection of the client at this place breaks.
    pub(super) fn cut(&mut self, at: usize) {
        if let Some(client) = self.clients[at].take() {
            self.trace.say(&format!("connection {} breaks", client.serial));
            self.oracle.disconnected(client.serial);
            client.cut();
        }
    }

    /// The oracle hears what the log was told.
    pub(super) fn observe(&mut self) {
        let mut seen = lock(&self.seen);
        let newest = seen.facts.iter().map(Fact::queue).max().unwrap_or(0);
        if newest > self.numbered {
            let definitions = self.metadata.load();
            let queues = definitions.queues.values();
            let numbers = queues.filter_map(|of| Some((of.number, by_name(of.name.as_str())?)));
            self.numbers.extend(numbers);
            self.numbered = newest;
        }
        self.oracle.read_along(&mut seen, &self.numbers);
    }

    pub(super) fn jobs(&self) -> usize {
        self.running.jobs.len()
    }

    pub(super) fn run_job(&self, number: usize) {
        self.running.jobs.run(number);
    }

    /// How much work waits for the pause after a try in vain.
    pub(super) fn paused_jobs(&self) -> usize {
        self.running.jobs.paused()
    }

    /// Those pauses are over.
    pub(super) fn wake_jobs(&self) {
        self.running.jobs.wake();
    }

    /// The log writes what waits.
    pub(super) fn write_log(&mut self) -> usize {
        let count = self.running.log.step();
        self.observe();
        count
    }

    pub(super) fn tick_log(&self) {
        self.running.log.tick(self.running.broker.clock().now());
    }

    pub(super) fn fail_next_sync(&self) {
        self.layer.fail_sync(1);
    }

    /// The disk is full, or has room again.
    pub(super) fn fill_disk(&mut self, full: bool) {
        if self.disk_full != full {
            self.trace.say(if full { "the disk is full" } else { "the disk has room again" });
            self.disk_full = full;
            self.layer.refuse_writes(full);
        }
    }

    pub(super) fn is_disk_full(&self) -> bool {
        self.disk_full
    }

    /// Whether the log takes nothing more, so that only a restart helps.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.running.log.status(), LogStatus::Failed { .. })
    }

    /// Time goes on up to the next deadline, or by a little when there is none.
    pub(super) fn pass_time(&mut self) {
        let broker = &self.running.broker;
        let now = broker.clock().now();
        let ms = broker.next_deadline().map_or(100, |at| at.since(now));
        self.trace.say(&format!("{ms} ms pass"));
        self.clock.advance(ms);
        self.wake_jobs();
        broker.due(broker.clock().now());
    }

    /// The power goes, after so many more operations of the disk when the log is just writing, and the broker
    /// starts again with what is left.
    pub(super) fn crash(&mut self, image: CrashImage, amid: Option<u64>) -> Result<(), String> {
        self.trace.say(&format!("crash: {image:?}, {amid:?} operations into a write"));
        self.crashes += 1;
        if let Some(operations) = amid {
            self.layer.crash_at(self.layer.operations() + operations);
            self.write_log();
        }
        self.observe();
        let left = self.layer.after_crash(image);
        self.oracle.crashed();
        // What its end would still tell somebody reaches nobody.
        self.layer.crash_at(0);
        for client in &mut self.clients {
            *client = None;
        }
        let salt = self.random.next();
        self.running = open(&left, &self.metadata, &self.seen, &self.clock, salt)?;
        self.layer = left;
        self.disk_full = false;
        self.numbered = 0;
        // What the old broker said at its end, and what the new one drops of queues that were not durable.
        lock(&self.seen).facts.clear();
        Ok(())
    }
}

fn open(
    layer: &SimulatedLayer,
    metadata: &Arc<MemoryMetadata>,
    seen: &Arc<Mutex<Seen>>,
    clock: &Arc<ManualClock>,
    salt: u64,
) -> Result<Running, String> {
    let options = LogOptions {
        segment_bytes: 64 * 1024,
        index_ram_bytes: 16 * 1024,
        ..LogOptions::with_salt(salt)
    };
    let listener = Arc::new(OnceLock::<Weak<Broker>>::new());
    let told = Arc::clone(&listener);
    // As the node does it: publishers are held back while the log takes nothing.
    let on_status = move |status: &LogStatus| {
        if let Some(broker) = told.get().and_then(Weak::upgrade) {
            broker.set_disk_alarm(*status != LogStatus::Healthy);
        }
    };
    let opened = SegmentLog::open_stepped(Arc::new(layer.clone()), options, Box::new(on_status));
    let (log, recovered) = opened.map_err(|error| format!("the log does not open: {error}"))?;
    if !recovered.damages.is_empty() || recovered.lost_messages > 0 {
        return Err(format!("the log was damaged: {recovered:?}"));
    }
    let log = Arc::new(WatchedLog::new(log, layer.clone(), Arc::clone(seen)));
    let vhost = VhostName::try_from("/").expect("a short name");
    let guest = UserName::try_from("guest").expect("a short name");
    let accounts = Accounts::open_to(guest, b"guest", vhost.clone());
    let jobs = Arc::new(Jobs::default());
    let broker = Broker::new(BrokerSettings {
        clock: Arc::<ManualClock>::clone(clock),
        scheduler: Arc::clone(&jobs) as Arc<dyn Scheduler>,
        accounts: accounts.map_err(|error| error.to_string())?,
        default_vhost: vhost,
        seeds: Seeds::default(),
        memory_watermark_bytes: MEMORY_WATERMARK_BYTES,
        parse_headers: headers_of,
        write_headers: published_again,
        hash_property: |_, _| None,
        list_properties: |_| FieldTable::EMPTY,
        edit_properties: |properties, _| properties.to_vec(),
        interceptors: Interceptors::default(),
        default_queue_type: None,
        consumer_timeout_ms: None,
        storage: Some(BrokerStorage {
            metadata: Arc::<MemoryMetadata>::clone(metadata),
            log: Arc::<WatchedLog>::clone(&log),
        }),
        spans: None,
    });
    listener.set(Arc::downgrade(&broker)).map_err(|_| "the listener is set once".to_owned())?;
    Ok(Running { broker, log, jobs })
}
