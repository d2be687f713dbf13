//! What went into exchanges, and out of them into queues.
//!
//! As with RabbitMQ the exchange that a message was published to counts it, and how many queues it reached; an
//! exchange that it passed through by a binding does not.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::Vhost;
use crate::base::{Counted, ExchangeName};

/// What went through an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExchangeCounts {
    /// Messages that were published to it.
    pub publish_in: u64,
    /// The queues that they reached, added up.
    pub publish_out: u64,
}

/// The counters of one exchange. Publishers of several connections add to them, each once for what it published to
/// the exchange in one turn.
#[derive(Debug, Default)]
pub(in crate::broker) struct ExchangeCounters {
    publish_in: AtomicU64,
    publish_out: AtomicU64,
}

impl ExchangeCounters {
    /// So many messages came in, and went to so many queues, all of them together.
    pub(in crate::broker) fn add(&self, messages: u64, queues: u64) {
        self.publish_in.fetch_add(messages, Ordering::Relaxed);
        if queues > 0 {
            self.publish_out.fetch_add(queues, Ordering::Relaxed);
        }
    }
}

impl Counted for ExchangeCounters {
    type Counts = ExchangeCounts;

    fn counts(&self) -> ExchangeCounts {
        ExchangeCounts {
            publish_in: self.publish_in.load(Ordering::Relaxed),
            publish_out: self.publish_out.load(Ordering::Relaxed),
        }
    }
}

impl AddAssign for ExchangeCounts {
    fn add_assign(&mut self, other: Self) {
        self.publish_in += other.publish_in;
        self.publish_out += other.publish_out;
    }
}

/// The counters of the exchanges of a virtual host that somebody published to. A leaf lock, taken by a publisher
/// that changes its exchange. Bounded by the number of exchanges, once those that are gone are swept out.
#[derive(Debug, Default)]
pub(in crate::broker) struct Flows(Mutex<BTreeMap<ExchangeName, Arc<ExchangeCounters>>>);

impl Flows {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExchangeName, Arc<ExchangeCounters>>> {
        // One operation of a map each.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vhost {
    /// The counters of an exchange.
    pub(in crate::broker) fn flow(&self, exchange: &str) -> Arc<ExchangeCounters> {
        let mut flows = self.flows.lock();
        if let Some(counters) = flows.get(exchange) {
            return Arc::clone(counters);
        }
        let counters = Arc::new(ExchangeCounters::default());
        // The name was found in the table, so it is one.
        if let Ok(name) = ExchangeName::try_from(exchange) {
            flows.insert(name, Arc::clone(&counters));
        }
        drop(flows);
        self.common.exchange_tally.add(self.name.clone(), Arc::clone(&counters));
        counters
    }

    /// What went through its exchanges, those that nobody published to left out. Forgets exchanges that are gone.
    #[must_use]
    pub fn exchange_counts(&self) -> BTreeMap<ExchangeName, ExchangeCounts> {
        let flows: Vec<_> =
            self.flows.lock().iter().map(|(name, flow)| (name.clone(), flow.counts())).collect();
        let mut counts = BTreeMap::new();
        let mut gone = Vec::new();
        for (name, flow) in flows {
            if self.table().exchange(name.as_str()).is_some() {
                counts.insert(name, flow);
            } else {
                gone.push(name);
            }
        }
        if !gone.is_empty() {
            let mut flows = self.flows.lock();
            for name in &gone {
                flows.remove(name);
            }
        }
        counts
    }

    /// What went through one of its exchanges.
    #[must_use]
    pub fn counts_of_exchange(&self, exchange: &ExchangeName) -> ExchangeCounts {
        self.flows.lock().get(exchange).map_or_else(ExchangeCounts::default, |flow| flow.counts())
    }
}
