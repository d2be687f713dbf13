//! All or nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::fixture::{FailingStore, Site};

fn document() -> Value {
    json!({
        "vhosts": [{ "name": "v" }],
        "users": [{ "name": "ann", "password": "pw", "tags": [] }],
        "permissions": [
            { "user": "ann", "vhost": "v", "configure": ".*", "write": ".*", "read": ".*" },
        ],
        "policies": [
            { "vhost": "v", "name": "p", "pattern": ".*", "definition": { "expires": 60_000 } },
        ],
        "exchanges": [{ "vhost": "v", "name": "x", "type": "fanout" }],
        "queues": [{ "vhost": "v", "name": "q" }, { "vhost": "v", "name": "r", "durable": false }],
        "bindings": [
            { "vhost": "v", "source": "x", "destination": "q", "destination_type": "queue" },
            { "vhost": "v", "source": "x", "destination": "r", "destination_type": "queue" },
        ],
    })
}

#[test]
fn a_disk_that_refuses_leaves_the_broker_as_it_was() {
    let store = Arc::new(FailingStore::default());
    let site = Site::over(Arc::clone(&store) as _);
    let (before, stored) = (site.export(), store_of(&store));
    store.fails.store(true, Ordering::SeqCst);
    let text = site.refused(&document());
    assert!(text.starts_with("the definitions were not stored: "), "{text}");
    assert_eq!(site.export(), before);
    assert_eq!(store_of(&store), stored);
    assert!(!site.logs_in("ann", "pw"));
    store.fails.store(false, Ordering::SeqCst);
    site.import(&document()).expect("the disk is back");
    assert!(site.logs_in("ann", "pw"));
}

fn store_of(store: &Arc<FailingStore>) -> crate::store::Definitions {
    use crate::store::MetadataStore as _;
    store.load()
}

#[test]
fn a_document_is_one_request_to_the_disk_before_anything_is_at_work() {
    let store = Arc::new(FailingStore::default());
    let site = Site::over(Arc::clone(&store) as _);
    store.requests.lock().expect("whole").clear();
    site.import(&document()).expect("good");
    let requests = store.requests.lock().expect("whole").clone();
    // One of each list, but for the queue that ends with the process and its binding.
    assert_eq!(requests.first(), Some(&7), "{requests:?}");
}

#[test]
fn one_bad_thing_at_the_end_stops_everything_before_it() {
    let site = Site::new();
    let before = site.export();
    let mut bad = document();
    bad["bindings"][1]["destination"] = json!("gone");
    assert_eq!(site.refused(&bad), "bindings[1]: no queue 'gone' in vhost 'v'");
    assert_eq!(site.export(), before);
    let kept = site.storage.metadata.load();
    assert!(kept.users.is_empty() && kept.queues.is_empty(), "{kept:?}");
}

#[test]
fn messages_go_through_what_was_imported() {
    let site = Site::new();
    site.import(&document()).expect("good");
    let vhost = site.broker.vhost(&super::fixture::name("v")).expect("it is there");
    let cell = vhost.queue_of(&super::fixture::name("q")).expect("it is there");
    assert_eq!(cell.effective().expires_ms.value, Some(60_000), "the policy is in force");
    assert!(cell.info().number.0 > 0 && cell.info().is_stored());
    let kept = site.storage.metadata.load();
    let number = kept.queues.values().map(|queue| queue.number).collect::<Vec<_>>();
    assert_eq!(number, [cell.info().number.0], "log and definitions call it the same");
}
