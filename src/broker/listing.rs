//! What is in a virtual host, for whoever lists it: a part of the table at a time, so that declares go on.
//! Something that comes or goes meanwhile is in the list or is not; everything else is, once.

use std::sync::Arc;

use super::{Cell, Vhost};
use crate::base::limits::LISTING_STEP_MAX;
use crate::base::{ExchangeName, QueueName};
use crate::routing::{Binding, Destination, Exchange, Part, Table};

impl Vhost {
    /// Its queues, in no order.
    #[must_use]
    pub fn list_queues(&self) -> Vec<Arc<Cell>> {
        self.list(Table::queues_from)
    }

    /// Its exchanges, in no order, the default exchange among them.
    #[must_use]
    pub fn list_exchanges(&self) -> Vec<Exchange> {
        self.list(Table::exchanges_from)
    }

    /// Its bindings, in no order, without those of the default exchange, which are implied.
    #[must_use]
    pub fn list_bindings(&self) -> Vec<Binding> {
        self.list(Table::bindings_from_slot)
    }

    /// The bindings from an exchange; all at once, because they are one exchange's.
    #[must_use]
    pub fn list_bindings_from(&self, source: &ExchangeName) -> Vec<Binding> {
        self.table().bindings_from(source.as_str()).collect()
    }

    /// The bindings to a queue or an exchange, without the one from the default exchange.
    #[must_use]
    pub fn list_bindings_to(&self, destination: &Destination) -> Vec<Binding> {
        self.table().bindings_to(destination).collect()
    }

    /// Whether this binding is there.
    #[must_use]
    pub fn has_binding(&self, binding: &Binding) -> bool {
        self.table().is_bound(binding)
    }

    /// An exchange.
    #[must_use]
    pub fn exchange_of(&self, name: &ExchangeName) -> Option<Exchange> {
        self.table().exchange(name.as_str()).cloned()
    }

    /// Whether there is such a queue.
    #[must_use]
    pub fn has_queue(&self, name: &QueueName) -> bool {
        self.table().queue(name.as_str()).is_some()
    }

    fn list<T>(&self, part: impl Fn(&Table<Arc<Cell>>, u32, usize) -> Part<T>) -> Vec<T> {
        let mut all = Vec::new();
        let mut from = Some(0);
        while let Some(slot) = from {
            let (mut some, next) = part(&self.table(), slot, LISTING_STEP_MAX);
            all.append(&mut some);
            from = next;
        }
        all
    }
}
