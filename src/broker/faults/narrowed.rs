//! What a fault is narrowed to. Pure.

use crate::base::QueueName;
use crate::broker::ConnectionInfo;

/// Only what all of these are true of; `None`: whatever it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Narrowed {
    /// The virtual host.
    pub vhost: Option<String>,
    /// The connection, by RabbitMQ's name of it (`127.0.0.1:50000 -> 127.0.0.1:5672`) or by the name that its client
    /// gave it (`connection_name`).
    pub connection: Option<String>,
    /// The exchange.
    pub exchange: Option<String>,
    /// The queue.
    pub queue: Option<String>,
}

impl Narrowed {
    /// What is given, by name.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("vhost", &self.vhost),
            ("connection", &self.connection),
            ("exchange", &self.exchange),
            ("queue", &self.queue),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)))
    }

    pub(super) fn takes_vhost(&self, name: &str) -> bool {
        self.vhost.as_deref().is_none_or(|only| only == name)
    }

    pub(super) fn takes_connection(&self, info: &ConnectionInfo) -> bool {
        let Some(only) = self.connection.as_deref() else {
            return self.takes_vhost(info.vhost.as_str());
        };
        let is_it = info.user_provided_name() == Some(only) || info.name() == only;
        is_it && self.takes_vhost(info.vhost.as_str())
    }

    pub(super) fn takes_exchange(&self, name: Option<&str>) -> bool {
        self.exchange.is_none() || self.exchange.as_deref() == name
    }

    /// Whether one of these is the queue.
    pub(super) fn takes_queue(&self, names: &[QueueName]) -> bool {
        self.queue.as_deref().is_none_or(|only| names.iter().any(|name| name.as_str() == only))
    }
}
