//! Changes of the table. Each costs what it adds or removes; what goes with a queue or an exchange falls
//! (see [`super::fallen`]).

use crate::base::{ExchangeName, QueueName};

use super::super::router::Route;
use super::super::{Binding, Change, Declared, Removed, RoutingError, checks, value};
use super::{
    BindingEntry, BindingSlot, BundleSlot, DEFAULT_EXCHANGE, Destination, Exchange, ExchangeEntry,
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

    /// Deletes an exchange with all bindings from it and to it, of which many wait to be swept up
    /// ([`Self::sweep`]). A missing one is no error.
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
        let had_fallen = self.has_fallen();
        let poorer = self.drop_exchange(slot, &mut removed);
        self.auto_delete(poorer, &mut removed);
        self.sweep_little(had_fallen);
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
            entry.set_special();
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

    /// Removes a queue with all its bindings, of which many wait to be swept up ([`Self::sweep`]); `None` when there is none of this name.
    pub fn remove_queue(&mut self, name: &str) -> Option<Removed> {
        let slot = self.queue_names.remove(name.as_bytes())?;
        let (mut removed, had_fallen) = (Removed::default(), self.has_fallen());
        let end = Target::Queue(slot);
        self.list(end, self.incoming(end), &mut removed);
        let entry = self.queues.take(slot.0)?;
        let poorer = self.fall(end, name.as_bytes(), entry.incoming, None);
        self.generation += 1;
        self.auto_delete(poorer, &mut removed);
        self.sweep_little(had_fallen);
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
            bundle: BundleSlot(0),
            previous: None,
            next: None,
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
            let had_fallen = self.has_fallen();
            let source = self.detach(slot, &mut removed);
            self.generation += 1;
            self.auto_delete(source.into_iter().collect(), &mut removed);
            self.sweep_little(had_fallen);
        }
        Ok(removed)
    }

    pub(super) fn insert_exchange(&mut self, exchange: Exchange) {
        let key = Key::from(exchange.name.as_str().as_bytes());
        let router = Router::new(&exchange);
        let (outgoing, incoming) = (Vec::new(), Vec::new());
        let mut entry = ExchangeEntry {
            policy_alternate: None,
            deduplicates: exchange.deduplicates(),
            delay_queue: None,
            exchange,
            router,
            outgoing,
            incoming,
            bindings: 0,
            littered: 0,
            is_special: false,
        };
        entry.set_special();
        let slot = ExchangeSlot(self.exchanges.insert(entry));
        self.exchange_names.entry(key, || slot);
        self.generation += 1;
    }

    fn source(&self, name: &ExchangeName) -> Result<ExchangeSlot, RoutingError> {
        self.exchange_slot(name.as_str().as_bytes())
            .ok_or_else(|| RoutingError::NoExchange(name.to_string()))
    }

    /// Puts a binding into the bundle of its ends and the router.
    fn attach(&mut self, entry: BindingEntry) -> BindingSlot {
        let (source, target) = (entry.source, entry.target);
        let slot = BindingSlot(self.bindings.insert(entry));
        self.chain(slot, source, target);
        let name = self.name(target);
        if let Some(exchange) = self.exchanges.get_mut(source.0)
            && let Some(binding) = self.bindings.get(slot.0)
        {
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
        }
        self.unchain(entry.bundle, entry.previous, entry.next);
        Some(entry.source)
    }

    /// Gives the exchanges that were bound to it, which may now have no binding left.
    fn drop_exchange(&mut self, slot: ExchangeSlot, removed: &mut Removed) -> Vec<ExchangeSlot> {
        self.generation += 1;
        let Some(entry) = self.exchanges.get(slot.0) else { return Vec::new() };
        let is_its_own =
            |bundle: &BundleSlot| self.bundles.get(*bundle).is_some_and(|b| b.source == slot);
        let incoming = entry.incoming.iter().filter(|bundle| !is_its_own(bundle));
        let bundles: Vec<_> = entry.outgoing.iter().chain(incoming).copied().collect();
        self.list(Target::Exchange(slot), &bundles, removed);
        let Some(entry) = self.exchanges.take(slot.0) else { return Vec::new() };
        let name = entry.exchange.name.as_str().as_bytes();
        self.exchange_names.remove(name);
        let poorer = self.fall(Target::Exchange(slot), name, bundles, Some(entry.router));
        removed.exchanges.push(entry.exchange);
        self.orphans.extend(entry.delay_queue);
        poorer
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
                poorer.extend(self.drop_exchange(slot, removed));
            }
        }
    }

    /// What fell just now is swept up at once when it is little, as it mostly is.
    fn sweep_little(&mut self, had_fallen: bool) {
        if !had_fallen {
            drop(self.sweep(self.swept_at_once));
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
}

pub(super) fn route<'a>(
    binding: BindingSlot,
    entry: &'a BindingEntry,
    name: &'a [u8],
) -> Route<'a> {
    Route {
        binding,
        key: entry.routing_key.as_bytes(),
        arguments: &entry.arguments,
        target: entry.target,
        name,
    }
}
