//! A broker without a data folder, a clock that stands still, and a scheduler that only notes.

use std::sync::{Arc, Mutex, PoisonError};

use haremq::base::{FieldTable, ManualClock, UserName, VhostName};
use haremq::broker::{
    Accounts, Broker, BrokerSettings, Cell, DeadLetters, Interceptors, PageQuestion, Scheduler,
    Seeds,
};
use haremq::protocol::Settings;
use haremq::wire::{headers_of, published_again};
use tokio::runtime::Runtime;

use super::client::Client;

/// No walk comes near it.
const MEMORY_WATERMARK_BYTES: u64 = 1 << 40;

/// See the module.
pub(crate) struct World {
    broker: Arc<Broker>,
    noted: Arc<Noted>,
    settings: Arc<Settings>,
    /// Sessions want a timer to be there. No deadline of an open connection without heartbeats needs
    /// it, and the runtime never runs anything.
    runtime: Runtime,
}

/// Turns that queues want to have gone on with.
#[derive(Default)]
struct Noted(Mutex<Vec<Arc<Cell>>>);

impl Scheduler for Noted {
    fn resume(&self, cell: Arc<Cell>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(cell);
    }

    fn page_in(&self, cell: Arc<Cell>, _question: PageQuestion, _pause_ms: u64) {
        panic!("{:?} wants messages from a disk that is not there", cell.info().name);
    }

    fn send_dead_letters(&self, cell: Arc<Cell>, _letters: DeadLetters, _pause_ms: u64) {
        panic!("{:?} has dead letters, and nobody configured any", cell.info().name);
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let vhost = VhostName::try_from("/").expect("a short name");
        let guest = UserName::try_from("guest").expect("a short name");
        let accounts = Accounts::open_to(guest, b"guest", vhost.clone());
        let noted = Arc::new(Noted::default());
        let broker = Broker::new(BrokerSettings {
            clock: Arc::new(ManualClock::new()),
            scheduler: Arc::clone(&noted) as Arc<dyn Scheduler>,
            accounts: accounts.expect("the system gives a salt"),
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
            storage: None,
            spans: None,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime without a socket can be built");
        Self { broker, noted, settings: Arc::new(Settings::default()), runtime }
    }

    /// A client with channel 1 open.
    pub(crate) fn connect(&self) -> Client {
        let _timer = self.runtime.enter();
        Client::connect(&self.broker, &self.settings)
    }

    /// Lets queues go on whose turn was cut short; says whether there were any.
    pub(crate) fn resume(&self) -> bool {
        let cells =
            std::mem::take(&mut *self.noted.0.lock().unwrap_or_else(PoisonError::into_inner));
        cells.iter().for_each(Cell::resume);
        !cells.is_empty()
    }
}
