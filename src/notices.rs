//! Opens the exchanges that the broker tells of itself by: `amq.rabbitmq.event` and, where it is asked for,
//! `amq.rabbitmq.log`.

use std::sync::Arc;

use crate::broker::Broker;
use crate::config::{Logging, Settings};

/// Parts of what waits that are published at the end; then it is enough.
const LAST_PARTS: usize = 64;

/// Declares the exchanges, and leads the lines of the log to theirs.
pub(crate) fn open(settings: &Settings, broker: &Arc<Broker>, logging: &Logging) {
    let default = &settings.default_user.vhost;
    let events = settings.event_vhost.as_ref().unwrap_or(default);
    broker.open_event_exchange(&settings.node_name, events);
    if settings.log.exchange.is_some() {
        broker.open_log_exchange(&settings.node_name, default);
        let broker = Arc::downgrade(broker);
        logging.lead_lines_to(move |level, text| {
            if let Some(broker) = broker.upgrade() {
                broker.log_line(level, || text);
            }
        });
    }
}

/// What happened at the end is published before the stores are closed.
pub(crate) fn tell_the_rest(broker: &Broker) {
    for _ in 0..LAST_PARTS {
        if !broker.publish_notices() {
            return;
        }
    }
}
