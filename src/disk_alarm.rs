//! Holds publishers back when the disk has no room: the message log says that it takes nothing more, or
//! less than `disk_free_limit` is free (rabbitmq: disk-alarms.md).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::broker::Broker;

/// How often the free space is asked for. A disk of 1 GB/s loses a gigabyte meanwhile, which the log's own
/// alarm catches.
const LOOK: Duration = Duration::from_secs(1);

/// Why publishers are held back, and the broker that does it.
#[derive(Default)]
pub(crate) struct DiskAlarm {
    reasons: Mutex<Reasons>,
    free_bytes_min: AtomicU64,
    broker: OnceLock<Weak<Broker>>,
}

#[derive(Clone, Copy, Default)]
struct Reasons {
    log: bool,
    low: bool,
}

impl DiskAlarm {
    pub(crate) fn new(free_bytes_min: u64) -> Arc<Self> {
        Arc::new(Self { free_bytes_min: AtomicU64::new(free_bytes_min), ..Self::default() })
    }

    /// The broker is there: it hears of the alarm from now on.
    pub(crate) fn attach(&self, broker: &Arc<Broker>) {
        // Set once, right after the broker was built.
        let _ = self.broker.set(Arc::downgrade(broker));
        self.change(|_| {});
    }

    /// Whether the message log takes nothing more.
    pub(crate) fn set_log(&self, on: bool) {
        self.change(|reasons| reasons.log = on);
    }

    /// Asks the message log itself, under the lock: a log that recovers meanwhile says so later, and that
    /// is not overtaken by what it was before.
    pub(crate) fn ask_log(&self, takes_nothing: impl FnOnce() -> bool) {
        self.change(|reasons| reasons.log = takes_nothing());
    }

    /// Another limit; it counts from the next look on.
    pub(crate) fn set_free_bytes_min(&self, bytes: u64) {
        self.free_bytes_min.store(bytes, Ordering::Relaxed);
    }

    /// Looks at the disk of this folder now and, as long as the runtime lives, every second.
    pub(crate) fn watch(self: &Arc<Self>, folder: &Path) {
        self.look(folder);
        let (alarm, folder) = (Arc::clone(self), PathBuf::from(folder));
        drop(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(LOOK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let (alarm, folder) = (Arc::clone(&alarm), folder.clone());
                // A disk in a network may keep the question waiting.
                let looked = tokio::task::spawn_blocking(move || alarm.look(&folder));
                if looked.await.is_err() {
                    return;
                }
            }
        }));
    }

    fn look(&self, folder: &Path) {
        let limit_bytes = self.free_bytes_min.load(Ordering::Relaxed);
        let free_bytes = match rustix::fs::statvfs(folder) {
            Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
            Err(error) => {
                tracing::debug!(path = %folder.display(), error = %error, "the free space is not known");
                return;
            }
        };
        let low = free_bytes < limit_bytes;
        if let Some(broker) = self.broker.get().and_then(Weak::upgrade) {
            broker.set_disk_figures(free_bytes, limit_bytes);
        }
        if !self.change(|reasons| reasons.low = low) {
            return;
        }
        let path = folder.display();
        if low {
            tracing::warn!(
                path = %path, free_bytes, limit_bytes,
                "disk alarm: less than disk_free_limit is free, publishers are blocked until there is more"
            );
        } else {
            tracing::info!(path = %path, free_bytes, limit_bytes, "disk alarm cleared, publishers go on");
        }
    }

    /// Changes the reasons and tells the broker; says whether they changed. Both under one lock, so that
    /// two who change something cannot tell it in the wrong order.
    fn change(&self, change: impl FnOnce(&mut Reasons)) -> bool {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *reasons;
        change(&mut reasons);
        if let Some(broker) = self.broker.get().and_then(Weak::upgrade) {
            broker.set_disk_alarm(reasons.log || reasons.low);
        }
        (before.log, before.low) != (reasons.log, reasons.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{Scheduler, open_broker};

    struct Never;

    impl Scheduler for Never {
        fn resume(&self, _: Arc<crate::broker::Cell>) {}
        fn page_in(&self, _: Arc<crate::broker::Cell>, _: crate::broker::PageQuestion, _: u64) {}
        fn send_dead_letters(
            &self,
            _: Arc<crate::broker::Cell>,
            _: crate::broker::DeadLetters,
            _: u64,
        ) {
        }
    }

    #[test]
    fn either_reason_holds_publishers_back() {
        let broker = open_broker(Arc::new(Never));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let alarm = DiskAlarm::new(u64::MAX);
        alarm.look(folder.path());
        assert_eq!(broker.alarm(), None, "nobody was attached");
        alarm.attach(&broker);
        assert_eq!(broker.alarm(), Some("low on disk"));
        alarm.set_log(true);
        alarm.set_free_bytes_min(0);
        alarm.look(folder.path());
        assert_eq!(broker.alarm(), Some("low on disk"), "the log still says so");
        alarm.set_log(false);
        assert_eq!(broker.alarm(), None);
    }
}
