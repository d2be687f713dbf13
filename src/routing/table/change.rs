//! Changes of the table. Each costs what it adds or removes.

use crate::base::{ExchangeName, QueueName};

use super::super::router::Route;
use super::super::{Binding, Change, Declared, Removed, RoutingError, checks, value};
use super::{
    BindingEntry, BindingSlot, DEFAULT_EXCHANGE, Destination, Exchange, ExchangeEntry,
    ExchangeSlot, Key, QueueEntry, QueueSlot, Router, Table, Target, identity,
};

impl<Q: Clone> Table<Q> {
    /// Declares an exchange, or checks that the one of this name is the same.
    pub fn declare_exchange(&mut self, exchange: Exchange) -> Result<Declared, RoutingError> {
        if let Some(current) = self.exchange(exchange.name.as_str()) {
            return current.check_equivalent(&exchange).map(|()| Declared::Existed);
        }
        exchange.check_arguments()?;
        let arguments = value::owned_table(&exchange.arguments);
        self.insert_exchange(Exchange { arguments, ..exchange });
        Ok(Declared::New)
    }

    /// Deletes an exchange with all bindings from it and to it. A missing one is no error.
    pub fn delete_exchange(
        &mut self,
        name: &str,
        if_unused: bool,
    ) -> Result<Removed, RoutingError> {
        let mut removed = Removed::default();
        let Some(slot) = self.exchange_slot(name.as_bytes()) else { return Ok(removed) };
        if slot == DEFAULT_EXCHANGE {
            return Err(RoutingError::DefaultExchange);
        }
        let is_used = self.exchanges.get(slot.0).is_some_and(|entry| !entry.outgoing.is_empty());
        if if_unused && is_used {
            return Err(RoutingError::InUse(name.to_owned()));
        }
        let mut poorer = Vec::new();
        self.drop_exchange(slot, &mut removed, &mut poorer);
        self.auto_delete(poorer, &mut removed);
        Ok(removed)
    }

    /// Says where unroutable messages of an exchange go by policy; its argument goes before
    /// (rabbitmq: ae.md). Returns whether that is a change.
    pub fn set_policy_alternate(&mut self, name: &str, alternate: Option<ExchangeName>) -> bool {
        let slot = self.exchange_slot(name.as_bytes());
        let Some(entry) = slot.and_then(|slot| self.exchanges.get_mut(slot.0)) else {
            return false;
        };
        if entry.policy_alternate == alternate {
            return false;
        }
        entry.policy_alternate = alternate;
        self.generation += 1;
        true
    }

    /// Gives an exchange that delays the queue in which it does: messages that are to wait go there and
    /// nowhere else from here. No name leads to it, and it goes with its exchange
    /// ([`Self::take_orphans`]).
    pub fn set_delay_queue(&mut self, name: &str, queue: Q) {
        let slot = self.exchange_slot(name.as_bytes());
        if let Some(entry) = slot.and_then(|slot| self.exchanges.get_mut(slot.0)) {
            self.orphans.extend(entry.delay_queue.replace(queue));
            self.generation += 1;
        }
    }

    /// Queues of exchanges that delayed and are gone, each told once.
    pub fn take_orphans(&mut self) -> Vec<Q> {
        std::mem::take(&mut self.orphans)
    }

    /// Adds a queue; the default exchange routes to it from now on. False when the name is taken,
    /// and then nothing changes.
    pub fn add_queue(&mut self, name: QueueName, queue: Q) -> bool {
        if self.queue_names.get(name.as_str().as_bytes()).is_some() {
            return false;
        }
        let key = Key::from(name.as_str().as_bytes());
        let entry = QueueEntry { name, handle: queue, incoming: Vec::new() };
        let slot = QueueSlot(self.queues.insert(entry));
        self.queue_names.entry(key, || slot);
        self.generation += 1;
        true
    }

    /// Removes a queue with all its bindings; `None` when there is none of this name.
    pub fn remove_queue(&mut self, name: &str) -> Option<Removed> {
        let slot = self.queue_names.remove(name.as_bytes())?;
        let (mut removed, mut poorer) = (Removed::default(), Vec::new());
        self.detach_incoming(Target::Queue(slot), &mut removed, &mut poorer);
        self.queues.remove(slot.0);
        self.generation += 1;
        self.auto_delete(poorer, &mut removed);
        Some(removed)
    }

    /// Adds a binding, or finds it there. Of two missing ends the source is reported.
    pub fn bind(&mut self, binding: Binding) -> Result<Change, RoutingError> {
        let Binding { source, destination, routing_key, arguments } = binding;
        let from = self.source(&source)?;
        let target = self.target(&destination).ok_or_else(|| match &destination {
            Destination::Queue(name) => RoutingError::NoQueue(name.to_string()),
            Destination::Exchange(name) => RoutingError::NoExchange(name.to_string()),
        })?;
        if from == DEFAULT_EXCHANGE || target == Target::Exchange(DEFAULT_EXCHANGE) {
            return Err(RoutingError::DefaultExchange);
        }
        if let Some(entry) = self.exchanges.get(from.0) {
            let (kind, key) = (entry.exchange.routes_as(), routing_key.as_bytes());
            checks::check_binding(kind, key, &arguments, target)?;
        }
        let identity = identity(from, target, &routing_key, &arguments);
        if self.identities.get(&identity).is_some() {
            return Ok(Change::Existed);
        }
        let entry = BindingEntry {
            source: from,
            target,
            routing_key: value::owned_key(&routing_key),
            arguments: value::owned_and_sorted(&arguments),
            outgoing_at: 0,
            incoming_at: 0,
        };
        let bytes = self.binding_bytes + entry.ram_bytes();
        if bytes > self.binding_bytes_max {
            return Err(RoutingError::TooManyBindings(self.binding_bytes_max));
        }
        self.binding_bytes = bytes;
        let slot = self.attach(entry);
        self.identities.entry(identity, || slot);
        self.generation += 1;
        Ok(Change::Added)
    }

    /// Removes a binding. A missing one, or a missing end, is no error.
    pub fn unbind(&mut self, binding: &Binding) -> Result<Removed, RoutingError> {
        if binding.source.is_empty() {
            return Err(RoutingError::DefaultExchange);
        }
        let mut removed = Removed::default();
        if let Some(slot) = self.find_binding(binding) {
            let source = self.detach(slot, &mut removed);
            self.generation += 1;
            self.auto_delete(source.into_iter().collect(), &mut removed);
        }
        Ok(removed)
    }

    pub(super) fn insert_exchange(&mut self, exchange: Exchange) {
        let key = Key::from(exchange.name.as_str().as_bytes());
        let router = Router::new(&exchange);
        let (outgoing, incoming) = (Vec::new(), Vec::new());
        let entry = ExchangeEntry {
            policy_alternate: None,
            deduplicates: exchange.deduplicates(),
            delay_queue: None,
            exchange,
            router,
            outgoing,
            incoming,
        };
        let slot = ExchangeSlot(self.exchanges.insert(entry));
        self.exchange_names.entry(key, || slot);
        self.generation += 1;
    }

    fn source(&self, name: &ExchangeName) -> Result<ExchangeSlot, RoutingError> {
        self.exchange_slot(name.as_str().as_bytes())
            .ok_or_else(|| RoutingError::NoExchange(name.to_string()))
    }

    /// Puts a binding into both lists and the router.
    fn attach(&mut self, mut entry: BindingEntry) -> BindingSlot {
        entry.incoming_at = self.incoming(entry.target).len();
        let outgoing = self.exchanges.get(entry.source.0).map_or(0, |entry| entry.outgoing.len());
        entry.outgoing_at = outgoing;
        let (source, target) = (entry.source, entry.target);
        let slot = BindingSlot(self.bindings.insert(entry));
        if let Some(incoming) = self.incoming_mut(target) {
            incoming.push(slot);
        }
        let name = self.name(target);
        if let Some(exchange) = self.exchanges.get_mut(source.0)
            && let Some(binding) = self.bindings.get(slot.0)
        {
            exchange.outgoing.push(slot);
            exchange.router.add(route(slot, binding, name.as_slice()));
        }
        slot
    }

    /// Takes a binding out of everything, and returns its source, which may now have none left.
    fn detach(&mut self, slot: BindingSlot, removed: &mut Removed) -> Option<ExchangeSlot> {
        removed.bindings.push(self.binding(self.bindings.get(slot.0)?)?);
        let entry = self.bindings.remove(slot.0)?;
        self.binding_bytes -= entry.ram_bytes();
        let identity = identity(entry.source, entry.target, &entry.routing_key, &entry.arguments);
        self.identities.remove(&identity);
        let name = self.name(entry.target);
        if let Some(exchange) = self.exchanges.get_mut(entry.source.0) {
            exchange.router.remove(route(slot, &entry, name.as_slice()));
            exchange.outgoing.swap_remove(entry.outgoing_at);
            if let Some(moved) = exchange.outgoing.get(entry.outgoing_at)
                && let Some(moved) = self.bindings.get_mut(moved.0)
            {
                moved.outgoing_at = entry.outgoing_at;
            }
        }
        let incoming = self.incoming_mut(entry.target)?;
        incoming.swap_remove(entry.incoming_at);
        let moved = incoming.get(entry.incoming_at).copied();
        if let Some(moved) = moved.and_then(|moved| self.bindings.get_mut(moved.0)) {
            moved.incoming_at = entry.incoming_at;
        }
        Some(entry.source)
    }

    /// Takes out every binding to this target; their sources are added to `poorer`.
    fn detach_incoming(
        &mut self,
        target: Target,
        removed: &mut Removed,
        poorer: &mut Vec<ExchangeSlot>,
    ) {
        // From the end, so that nothing has to move into a gap.
        while let Some(slot) = self.incoming(target).last().copied() {
            poorer.extend(self.detach(slot, removed));
        }
    }

    fn drop_exchange(
        &mut self,
        slot: ExchangeSlot,
        removed: &mut Removed,
        poorer: &mut Vec<ExchangeSlot>,
    ) {
        let last = |table: &Self| table.exchanges.get(slot.0)?.outgoing.last().copied();
        while let Some(binding) = last(self) {
            self.detach(binding, removed);
        }
        self.detach_incoming(Target::Exchange(slot), removed, poorer);
        if let Some(entry) = self.exchanges.remove(slot.0) {
            self.exchange_names.remove(entry.exchange.name.as_str().as_bytes());
            removed.exchanges.push(entry.exchange);
            self.orphans.extend(entry.delay_queue);
        }
        self.generation += 1;
    }

    /// Deletes those of these exchanges that were to go with their last binding, and so on with the
    /// exchanges that were bound to them.
    fn auto_delete(&mut self, mut poorer: Vec<ExchangeSlot>, removed: &mut Removed) {
        while let Some(slot) = poorer.pop() {
            let goes = self
                .exchanges
                .get(slot.0)
                .is_some_and(|entry| entry.exchange.auto_delete && entry.outgoing.is_empty());
            if goes {
                self.drop_exchange(slot, removed, &mut poorer);
            }
        }
    }

    fn name(&self, target: Target) -> Key {
        let name = match target {
            Target::Queue(queue) => self.queues.get(queue.0).map(|entry| entry.name.as_str()),
            Target::Exchange(exchange) => {
                self.exchanges.get(exchange.0).map(|entry| entry.exchange.name.as_str())
            }
        };
        Key::from(name.unwrap_or_default().as_bytes())
    }

    fn incoming_mut(&mut self, target: Target) -> Option<&mut Vec<BindingSlot>> {
        match target {
            Target::Queue(queue) => self.queues.get_mut(queue.0).map(|entry| &mut entry.incoming),
            Target::Exchange(exchange) => {
                self.exchanges.get_mut(exchange.0).map(|entry| &mut entry.incoming)
            }
        }
    }
}

fn route<'a>(binding: BindingSlot, entry: &'a BindingEntry, name: &'a [u8]) -> Route<'a> {
    Route {
        binding,
        key: entry.routing_key.as_bytes(),
        arguments: &entry.arguments,
        target: entry.target,
        name,
    }
}
