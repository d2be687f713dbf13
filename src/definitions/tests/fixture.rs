//! Brokers to import into, and stores that fail when they are told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::base::NameError;
use crate::broker::{Broker, BrokerStorage, broker_over};
use crate::definitions::{DefinitionsError, ImportOptions, Origin, Report, export, import};
use crate::store::{
    Change, Definitions, Done, MemoryLog, MemoryMetadata, MetadataStatus, MetadataStore, StoreError,
};

pub(super) fn name<T: for<'a> TryFrom<&'a str, Error = NameError>>(text: &str) -> T {
    T::try_from(text).expect("a short name")
}

pub(super) fn origin() -> Origin {
    let [product, version, cluster_name] = ["HareMQ", "4.2.0", "hares"].map(str::to_owned);
    Origin { product, version, cluster_name }
}

/// A broker and what it keeps.
pub(super) struct Site {
    pub(super) storage: BrokerStorage,
    pub(super) broker: Arc<Broker>,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::over(Arc::new(MemoryMetadata::new()))
    }

    pub(super) fn over(metadata: Arc<dyn MetadataStore>) -> Self {
        let storage = BrokerStorage { metadata, log: Arc::new(MemoryLog::new()) };
        Self { broker: broker_over(&storage), storage }
    }

    /// The same stores, another process.
    pub(super) fn restarted(self) -> Self {
        Self { broker: broker_over(&self.storage), storage: self.storage }
    }

    pub(super) fn import(&self, document: &Value) -> Result<Report, DefinitionsError> {
        self.import_with(document, &ImportOptions::default())
    }

    pub(super) fn import_with(
        &self,
        document: &Value,
        options: &ImportOptions,
    ) -> Result<Report, DefinitionsError> {
        import(&self.broker, document.to_string().as_bytes(), options)
    }

    pub(super) fn prune(&self, document: &Value) -> Report {
        let options = ImportOptions { prune: true, ..ImportOptions::default() };
        self.import_with(document, &options).expect("a good document")
    }

    /// The error text of a document that is refused.
    pub(super) fn refused(&self, document: &Value) -> String {
        self.import(document).expect_err("a bad document").to_string()
    }

    pub(super) fn export(&self) -> Value {
        export(&self.broker, None, &origin()).expect("the whole broker is there")
    }

    pub(super) fn logs_in(&self, user: &str, password: &str) -> bool {
        let local = std::net::IpAddr::from([127, 0, 0, 1]);
        self.broker.authenticate(user.as_bytes(), password.as_bytes(), local).is_ok()
    }
}

/// A store that answers nothing good when it is told to, and notes how large requests are.
#[derive(Default)]
pub(super) struct FailingStore {
    inner: MemoryMetadata,
    pub(super) fails: AtomicBool,
    pub(super) requests: Mutex<Vec<usize>>,
}

impl MetadataStore for FailingStore {
    fn load(&self) -> Definitions {
        self.inner.load()
    }

    fn apply(&self, changes: Vec<Change>, done: Done) {
        self.requests.lock().expect("whole").push(changes.len());
        if self.fails.load(Ordering::SeqCst) {
            return done(Err(StoreError::Closed { path: "the disk that fails".into() }));
        }
        self.inner.apply(changes, done);
    }

    fn status(&self) -> MetadataStatus {
        self.inner.status()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.inner.close()
    }
}
