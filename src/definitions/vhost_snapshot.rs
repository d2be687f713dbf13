//! A virtual host as it is at one moment, and the way back to it: its definitions and what waits in its queues.

use std::collections::BTreeMap;

use super::export::{Origin, export};
use super::import::{ImportOptions, import};
use super::plan::{Action, Step};
use super::{DefinitionsError, Section};
use crate::base::limits::{SNAPSHOT_BYTES_MAX, SNAPSHOT_MESSAGES_MAX};
use crate::base::{ExchangeName, QueueName, VhostName};
use crate::broker::{Actor, Broker, KeepBounds, KeepError, KeptMessages, TogetherError};
use crate::store::Change;

/// See the module.
#[derive(Clone, Debug)]
pub struct VhostSnapshot {
    vhost: VhostName,
    /// As a document.
    definitions: Vec<u8>,
    queues: BTreeMap<QueueName, KeptMessages>,
}

/// Why a virtual host is not kept, or not as it was.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is not there.
    #[error("vhost '{0}' not found")]
    NoVhost(VhostName),
    /// What waits in it cannot be kept.
    #[error(transparent)]
    Messages(#[from] KeepError),
    /// Its definitions cannot be as they were.
    #[error(transparent)]
    Definitions(#[from] DefinitionsError),
    /// What is otherwise now cannot be deleted.
    #[error(transparent)]
    Together(#[from] TogetherError),
    /// Somebody else changed it at the same time.
    #[error("not all of it is as it was, because of a change meanwhile: {0}")]
    Changed(String),
}

impl VhostSnapshot {
    /// Keeps a virtual host: exchanges, queues, bindings, policies and parameters, and what waits in its queues;
    /// messages that are handed out and not settled count as waiting. Left out are messages that an exchange delays
    /// and dead letters on their way. Blocks on the disk.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn take(broker: &Broker, vhost: &VhostName) -> Result<Self, SnapshotError> {
        let missing = || SnapshotError::NoVhost(vhost.clone());
        let host = broker.vhost(vhost).ok_or_else(missing)?;
        let [product, version, cluster_name] = [(); 3].map(|()| String::new());
        let origin = Origin { product, version, cluster_name };
        let definitions = export(broker, Some(vhost), &origin).ok_or_else(missing)?;
        let mut left = KeepBounds { messages: SNAPSHOT_MESSAGES_MAX, bytes: SNAPSHOT_BYTES_MAX };
        let mut queues = BTreeMap::new();
        for cell in host.list_queues() {
            let kept = cell.keep_messages(left)?;
            left.messages -= kept.len();
            left.bytes -= kept.bytes();
            queues.insert(cell.info().name.clone(), kept);
        }
        let definitions = definitions.to_string().into_bytes();
        Ok(Self { vhost: vhost.clone(), definitions, queues })
    }

    /// The virtual host.
    #[must_use]
    pub fn vhost(&self) -> &VhostName {
        &self.vhost
    }

    /// How many queues it has.
    #[must_use]
    pub fn queues(&self) -> usize {
        self.queues.len()
    }

    /// How many messages wait in them.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.queues.values().map(KeptMessages::len).sum()
    }

    /// Bytes of these messages.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.queues.values().map(KeptMessages::bytes).sum()
    }

    /// Makes the virtual host what it was. Queues that are there with the same properties stay, and so do their
    /// consumers; what else came since is deleted, but for exclusive queues, which go with their connections. Waits
    /// for the disk, and can be done any number of times.
    ///
    /// # Errors
    /// [`SnapshotError`]; then some of it may be as it was.
    pub fn roll_back(&self, broker: &Broker, by: &Actor) -> Result<(), SnapshotError> {
        let missing = || SnapshotError::NoVhost(self.vhost.clone());
        let host = broker.vhost(&self.vhost).ok_or_else(missing)?;
        let options = ImportOptions {
            vhost: Some(self.vhost.clone()),
            prune: true,
            by: by.clone(),
            dry_run: true,
        };
        // An import leaves what is there under the same name as it is; here it is to be as it was.
        let planned = import(broker, &self.definitions, &options)?.plan;
        let kept = planned.steps.iter().filter(|step| step.action == Action::Keep);
        let others: Vec<Change> = kept.filter_map(|step| self.deletion(step)).collect();
        if !others.is_empty() {
            broker.change_together(by, others)?;
        }
        let done = import(broker, &self.definitions, &ImportOptions { dry_run: false, ..options })?;
        for (name, kept) in &self.queues {
            if let Some(cell) = host.queue_of(name) {
                cell.put_back(kept);
            }
        }
        if done.problems.is_empty() {
            Ok(())
        } else {
            Err(SnapshotError::Changed(done.problems.join("; ")))
        }
    }

    fn deletion(&self, step: &Step) -> Option<Change> {
        let vhost = self.vhost.clone();
        match step.section {
            Section::Queue => {
                let name = QueueName::try_from(step.name.as_str()).ok()?;
                Some(Change::DeleteQueue { vhost, name })
            }
            Section::Exchange => {
                let name = ExchangeName::try_from(step.name.as_str()).ok()?;
                Some(Change::DeleteExchange { vhost, name })
            }
            _ => None,
        }
    }
}
