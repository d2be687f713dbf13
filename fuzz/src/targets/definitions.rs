//! Documents of definitions: a second import changes nothing, and what is exported makes the same broker.

use std::sync::Arc;

use haremq::base::{FieldTable, ManualClock, UserName, VhostName};
use haremq::broker::{
    Accounts, Broker, BrokerSettings, BrokerStorage, Cell, DeadLetters, Interceptors, PageQuestion,
    Scheduler, Seeds,
};
use haremq::definitions::{Document, ImportOptions, Origin, State, check, export, import, plan};
use haremq::store::{MemoryLog, MemoryMetadata};
use haremq::wire::{headers_of, published_again};

use super::memory::allocates_at_most;

/// The input is a document.
pub(super) fn run(input: &[u8]) {
    let bytes_max = input.len() as u64 * 512 + 256 * 1024;
    let parsed = allocates_at_most(bytes_max, || Document::parse(input, None));
    let checked = check(input);
    let document = match parsed {
        Ok(document) => document,
        Err(error) => {
            assert!(checked.is_err() && !error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(Document::parse(input, None).ok().as_ref(), Some(&document));
    if let Ok(first) = plan(&document, &State::default(), false) {
        let shown = first.to_json().to_string();
        assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok());
        // The plans themselves differ when a password has a new salt each time.
        let again = plan(&document, &State::default(), false).expect("as the first time");
        assert_eq!(again.to_json().to_string(), shown);
    }
    let broker = broker();
    let options = ImportOptions::default();
    let dry = import(&broker, input, &ImportOptions { dry_run: true, ..ImportOptions::default() });
    let before = exported(&broker);
    match import(&broker, input, &options) {
        Err(_) => {
            assert!(dry.is_err(), "a rehearsal finds what the import finds");
            assert_eq!(exported(&broker), before, "nothing is changed by what fails");
        }
        Ok(report) => {
            let rehearsed = dry.expect("what can be done can be rehearsed");
            assert_eq!(rehearsed.plan.steps.len(), report.plan.steps.len());
            assert!(report.problems.is_empty(), "{:?}", report.problems);
            twice(&broker, input);
        }
    }
}

fn twice(broker: &Arc<Broker>, input: &[u8]) {
    let there = exported(broker);
    let again = import(broker, input, &ImportOptions::default()).expect("as the first time");
    assert_eq!(exported(broker), there, "a second import changes nothing");
    drop(again);
    let other = self::broker();
    let options = ImportOptions { prune: true, ..ImportOptions::default() };
    import(&other, there.as_bytes(), &options).expect("what is exported can be imported");
    assert_eq!(exported(&other), there, "and makes the same broker");
}

fn exported(broker: &Broker) -> String {
    let [product, version, cluster_name] = ["HareMQ", "0", "fuzz"].map(str::to_owned);
    let origin = Origin { product, version, cluster_name };
    export(broker, None, &origin).expect("a whole broker is there").to_string()
}

/// Nothing moves in a broker without messages.
struct Still;

impl Scheduler for Still {
    fn resume(&self, _: Arc<Cell>) {}

    fn page_in(&self, cell: Arc<Cell>, _: PageQuestion, _: u64) {
        panic!("{:?} wants messages, and has none", cell.info().name);
    }

    fn send_dead_letters(&self, cell: Arc<Cell>, _: DeadLetters, _: u64) {
        panic!("{:?} has dead letters, and had no messages", cell.info().name);
    }
}

fn broker() -> Arc<Broker> {
    let vhost = VhostName::try_from("/").expect("short");
    let guest = UserName::try_from("guest").expect("short");
    let accounts = Accounts::open_to(guest, b"guest", vhost.clone());
    let storage = BrokerStorage {
        metadata: Arc::new(MemoryMetadata::new()),
        log: Arc::new(MemoryLog::new()),
    };
    Broker::new(BrokerSettings {
        clock: Arc::new(ManualClock::new()),
        scheduler: Arc::new(Still),
        accounts: accounts.expect("the system gives a salt"),
        default_vhost: vhost,
        seeds: Seeds::default(),
        memory_watermark_bytes: 1 << 40,
        parse_headers: headers_of,
        write_headers: published_again,
        hash_property: |_, _| None,
        list_properties: |_| FieldTable::EMPTY,
        edit_properties: |properties, _| properties.to_vec(),
        interceptors: Interceptors::default(),
        default_queue_type: None,
        consumer_timeout_ms: None,
        storage: Some(storage),
        spans: None,
    })
}
