//! Where the exchanges of events and of the log are.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::{ExchangeName, VhostName};
use crate::routing::{Exchange, ExchangeKind};

/// The exchange of events (rabbitmq: event-exchange.md).
pub(in crate::broker) const EVENT_EXCHANGE: &str = "amq.rabbitmq.event";

/// The exchange of the log (rabbitmq: logging.md).
pub(super) const LOG_EXCHANGE: &str = "amq.rabbitmq.log";

/// The exchange of this name as it is declared: nobody but the broker publishes to it.
pub(in crate::broker) fn home_exchange(name: &str) -> Option<Exchange> {
    let exchange = Exchange::new(ExchangeName::try_from(name).ok()?, ExchangeKind::Topic);
    Some(Exchange { durable: true, internal: true, ..exchange })
}

/// See the module.
#[derive(Default)]
pub(in crate::broker) struct Homes(Mutex<Places>);

/// Set once, at the start.
#[derive(Clone, Default)]
pub(super) struct Places {
    /// RabbitMQ's name of this node.
    pub(super) node: String,
    pub(super) events: Option<VhostName>,
    pub(super) lines: Option<VhostName>,
}

impl Homes {
    pub(super) fn places(&self) -> Places {
        self.lock().clone()
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Places)) {
        change(&mut self.lock());
    }

    /// The exchanges that have their home in this virtual host.
    pub(in crate::broker) fn in_vhost(&self, vhost: &VhostName) -> Vec<&'static str> {
        let places = self.lock();
        let events = (places.events.as_ref() == Some(vhost)).then_some(EVENT_EXCHANGE);
        let lines = (places.lines.as_ref() == Some(vhost)).then_some(LOG_EXCHANGE);
        events.into_iter().chain(lines).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        // Names are swapped as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
