//! What all requests share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::facts::Facts;
use super::node_control::NodeControl;
use super::samples::{self, Moment, Samples};
use super::sessions::Sessions;
use super::test_api::Snapshots;
use crate::base::limits::{HTTP_LARGE_BODIES_MAX, HTTP_WORKING_MAX, SCRAPES_MAX, TAILS_MAX};
use crate::broker::Broker;
use crate::config::{ManagementSettings, PrometheusSettings};

/// See the module.
pub struct Management {
    pub(super) broker: Arc<Broker>,
    pub(super) facts: Facts,
    pub(super) control: Arc<dyn NodeControl>,
    pub(super) settings: ManagementSettings,
    pub(super) metrics: PrometheusSettings,
    pub(super) sessions: Sessions,
    pub(super) samples: Samples,
    pub(super) large_bodies: Semaphore,
    /// Live tails that are open.
    pub(super) tails: Arc<Semaphore>,
    /// Requests that are worked off.
    pub(super) working: Semaphore,
    /// One import of definitions at a time: a disk that is full holds it up, and nobody else.
    pub(super) importing: Arc<Semaphore>,
    /// Scrapes of the metrics.
    pub(super) scraping: Semaphore,
    /// Of virtual hosts, for tests.
    pub(super) snapshots: Snapshots,
    changing: Mutex<()>,
}

impl Management {
    /// The management of a broker.
    #[must_use]
    pub fn new(
        broker: Arc<Broker>,
        facts: Facts,
        settings: ManagementSettings,
        metrics: PrometheusSettings,
        control: Arc<dyn NodeControl>,
    ) -> Arc<Self> {
        Arc::new(Self {
            broker,
            facts,
            control,
            settings,
            metrics,
            sessions: Sessions::default(),
            samples: Samples::default(),
            large_bodies: Semaphore::new(HTTP_LARGE_BODIES_MAX),
            tails: Arc::new(Semaphore::new(TAILS_MAX)),
            working: Semaphore::new(HTTP_WORKING_MAX),
            importing: Arc::new(Semaphore::new(1)),
            scraping: Semaphore::new(SCRAPES_MAX),
            snapshots: Snapshots::default(),
            changing: Mutex::new(()),
        })
    }

    /// For a change that is made of a look and a change.
    pub(super) fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, by both clocks.
    pub(super) fn moment(&self) -> Moment {
        let clock = self.broker.clock();
        Moment { now: clock.now(), unix_ms: clock.unix_ms() }
    }

    /// Takes samples for the rates. Never ends, unless they are switched off.
    pub async fn take_samples(self: Arc<Self>) {
        samples::run(self).await;
    }
}
