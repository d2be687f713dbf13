//! A message log with a disk that can be told to fail, over the one in memory.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Message, MessageId, Millis};
use crate::broker::BrokerStorage;
use crate::store::{
    Damage, IndexEntry, LogError, LogLoad, LogStatus, MemoryLog, MemoryMetadata, MessageLog,
    QueueNumber, RecoveredQueue, Stored, Submission,
};

#[derive(Default)]
pub(super) struct FaultyLog {
    pub(super) log: MemoryLog,
    /// Questions to the index that fail from now on.
    pub(super) index_failures: AtomicUsize,
    /// Reads of bodies that fail from now on.
    pub(super) read_failures: AtomicUsize,
    /// Reads of bodies that were tried.
    pub(super) reads: AtomicUsize,
    damaged: Mutex<BTreeSet<MessageId>>,
    missing: Mutex<BTreeSet<MessageId>>,
}

impl FaultyLog {
    pub(super) fn storage() -> (BrokerStorage, Arc<Self>) {
        let log = Arc::new(Self::default());
        let metadata = Arc::new(MemoryMetadata::new());
        (BrokerStorage { metadata, log: Arc::clone(&log) as Arc<dyn MessageLog> }, log)
    }

    pub(super) fn damage(&self, ids: impl IntoIterator<Item = u64>) {
        self.damaged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(ids.into_iter().map(MessageId));
    }

    pub(super) fn lose(&self, ids: impl IntoIterator<Item = u64>) {
        self.missing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(ids.into_iter().map(MessageId));
    }

    fn fails(count: &AtomicUsize) -> Result<(), LogError> {
        let one_less = |left: usize| left.checked_sub(1);
        if count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            let cause = Arc::new(io::Error::from(io::ErrorKind::Interrupted));
            return Err(LogError::Io { action: "read", path: "a.segment".into(), cause });
        }
        Ok(())
    }
}

impl MessageLog for FaultyLog {
    fn submit(&self, submission: Submission) {
        self.log.submit(submission);
    }

    fn load(&self) -> LogLoad {
        self.log.load()
    }

    fn read(&self, wanted: &Stored) -> Result<Message, LogError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Self::fails(&self.read_failures)?;
        if self.damaged.lock().unwrap_or_else(PoisonError::into_inner).contains(&wanted.id) {
            let what = "the checksum of the record does not match".to_owned();
            return Err(LogError::Damaged(Damage { file: "a.segment".into(), offset: 7, what }));
        }
        self.log.read(wanted)
    }

    fn entries(
        &self,
        queue: QueueNumber,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<IndexEntry>, LogError> {
        Self::fails(&self.index_failures)?;
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = self.log.entries(queue, from, usize::MAX)?;
        entries.retain(|entry| !missing.contains(&entry.id));
        entries.truncate(limit);
        Ok(entries)
    }

    fn queues(&self) -> Vec<RecoveredQueue> {
        self.log.queues()
    }

    fn status(&self) -> LogStatus {
        self.log.status()
    }

    fn tick(&self, now: Millis) {
        self.log.tick(now);
    }

    fn close(&self) -> Result<(), LogError> {
        self.log.close()
    }
}
