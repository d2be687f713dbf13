//! A data folder as it was left behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::CtlError;
use crate::store::{DiskLayer, FileLayer, QueueNumber, ReadOnlyDefinitions, StoreError};

/// Both stores of a folder. While this lives, no broker starts there.
pub(super) struct Folder {
    pub(super) definitions: ReadOnlyDefinitions,
    pub(super) messages: Arc<dyn FileLayer>,
}

impl Folder {
    /// Reads the definitions and takes the lock; creates nothing.
    pub(super) fn open(folder: &Path) -> Result<Self, CtlError> {
        for missing in ["definitions", "messages"] {
            if !folder.join(missing).is_dir() {
                return Err(CtlError::NoStore { folder: folder.to_path_buf(), missing });
            }
        }
        let definitions = ReadOnlyDefinitions::read(&folder.join("definitions"));
        let definitions = definitions.map_err(|error| match error {
            StoreError::Locked { .. } => CtlError::InUse { folder: folder.to_path_buf() },
            other => CtlError::Definitions(other),
        })?;
        Ok(Self { definitions, messages: Arc::new(DiskLayer::existing(&folder.join("messages"))) })
    }

    /// The durable queues, and those in which durable exchanges delay messages, by number; none when
    /// their definitions cannot be read.
    pub(super) fn queues(&self) -> BTreeMap<QueueNumber, Named> {
        let definitions = || self.definitions.definitions.iter();
        let queues = definitions().flat_map(|all| all.queues.values()).map(|queue| {
            let named = Named { vhost: queue.vhost.to_string(), name: queue.name.to_string() };
            (QueueNumber(queue.number), named)
        });
        let exchanges = definitions().flat_map(|all| all.exchanges.values());
        let delaying = exchanges.filter_map(|exchange| {
            let name = format!("amq.delayed-{}", exchange.name);
            let named = Named { vhost: exchange.vhost.to_string(), name };
            Some((QueueNumber(exchange.delay_queue?), named))
        });
        queues.chain(delaying).collect()
    }

    /// The keys that queues and exchanges remember to find duplicates: virtual host and whose they are,
    /// by number.
    pub(super) fn keys(&self) -> BTreeMap<QueueNumber, (String, String)> {
        let Some(all) = &self.definitions.definitions else { return BTreeMap::new() };
        let of_queues = all.queues.values().map(|queue| {
            let names = (queue.vhost.to_string(), format!("(keys of queue {})", queue.name));
            (QueueNumber(queue.number).keys(), names)
        });
        let of_exchanges = all.exchanges.values().filter_map(|exchange| {
            let whose = format!("(keys of exchange {})", exchange.name);
            Some((QueueNumber(exchange.number?), (exchange.vhost.to_string(), whose)))
        });
        of_queues.chain(of_exchanges).collect()
    }
}

/// What a queue is called. No client can give a queue a name that begins with `amq.`.
pub(super) struct Named {
    pub(super) vhost: String,
    pub(super) name: String,
}
