//! All exchanges, queue names and bindings of one virtual host.
//!
//! Every thing has a number (see [`Slab`]), and whoever refers to it does so by number. All bindings from
//! one exchange to one queue or exchange are a bundle ([`Bundle`]); an exchange lists the bundles from it
//! and to it, a queue those to it. So a bind and an unbind cost what they add or remove, and the removal
//! of a queue or an exchange costs its bundles, whatever else is in the table: their bindings fall with
//! them, and are swept up later in small parts ([`fallen`]).
//!
//! Invariants: a binding that stands is in `identities`, in one bundle and in its source's router, or
//! nowhere; both of its ends exist; the default exchange is always there and has no bindings, because it
//! finds queues by their names. A binding that has fallen is in `identities` and in a bundle of `fallen`,
//! perhaps in its source's router, and nobody outside of the table sees it.

use crate::base::limits::{
    BINDING_BYTES, BINDINGS_BYTES_MAX, REMOVED_BINDINGS_TOLD_MAX, SWEEP_STEP_BYTES,
};
use crate::base::{ExchangeName, FieldTable, QueueName, ShortStr};

use super::index::Map;
use super::key::Key;
use super::router::Router;
use super::slab::Slab;
use super::target::{BindingSlot, BundleSlot, ExchangeSlot, QueueSlot, Target};
use super::{Binding, Destination, Exchange, ExchangeKind, Removed};

use bundle::Bundles;
use fallen::Fallen;

mod bundle;
mod change;
mod explain;
mod fallen;
mod listing;
mod route;

pub use fallen::Rubble;
pub use listing::Part;

/// The routing table of a virtual host. `Q` is what the broker knows a queue by, cheap to clone.
#[derive(Clone, Debug)]
pub struct Table<Q> {
    generation: u64,
    exchanges: Slab<ExchangeEntry<Q>>,
    exchange_names: Map<Key, ExchangeSlot>,
    queues: Slab<QueueEntry<Q>>,
    queue_names: Map<Key, QueueSlot>,
    bindings: Slab<BindingEntry>,
    bundles: Bundles,
    identities: Map<Key, BindingSlot>,
    /// What fell and is not swept up.
    fallen: Fallen,
    /// What all bindings take ([`BindingEntry::ram_bytes`]), and what they may.
    binding_bytes: usize,
    binding_bytes_max: usize,
    /// How many bindings that fall together are listed, and of how many bytes they are swept up at once.
    told_max: usize,
    swept_at_once: usize,
    /// Queues of exchanges that delayed and are gone; empty but between two lines of the broker.
    orphans: Vec<Q>,
}

#[derive(Clone, Debug)]
struct ExchangeEntry<Q> {
    exchange: Exchange,
    /// Where a message goes that has nowhere to go, unless the arguments say it.
    policy_alternate: Option<ExchangeName>,
    /// Whether every message that comes is looked for among those that came.
    deduplicates: bool,
    router: Router,
    /// Where messages wait that are to be routed later.
    delay_queue: Option<Q>,
    outgoing: Vec<BundleSlot>,
    incoming: Vec<BundleSlot>,
    /// How many bindings lead from it.
    bindings: usize,
    /// Bundles that fell and whose bindings are still in the router.
    littered: u32,
    /// Whether a message may need more here than the router ([`ExchangeEntry::set_special`]).
    is_special: bool,
}

impl<Q> ExchangeEntry<Q> {
    /// To be called when anything changes that it looks at.
    fn set_special(&mut self) {
        self.is_special = self.deduplicates
            || self.delay_queue.is_some()
            || self.router.keeps_history()
            || self.littered > 0;
    }
}

#[derive(Clone, Debug)]
struct QueueEntry<Q> {
    name: QueueName,
    handle: Q,
    incoming: Vec<BundleSlot>,
}

#[derive(Clone, Debug)]
struct BindingEntry {
    source: ExchangeSlot,
    target: Target,
    routing_key: ShortStr,
    arguments: FieldTable,
    bundle: BundleSlot,
    /// The bindings before and behind it in its bundle.
    previous: Option<BindingSlot>,
    next: Option<BindingSlot>,
}

impl BindingEntry {
    /// The arguments count twice: the identity has them as well.
    fn ram_bytes(&self) -> usize {
        BINDING_BYTES + 2 * (self.routing_key.as_bytes().len() + self.arguments.ram_bytes())
    }
}

/// The default exchange is made first and never goes.
const DEFAULT_EXCHANGE: ExchangeSlot = ExchangeSlot(0);

/// Exchanges that are there in every virtual host (spec: 3.1.3; rabbitmq: firehose.md).
const PREDECLARED: [(&str, ExchangeKind, bool); 7] = [
    ("", ExchangeKind::Direct, false),
    ("amq.direct", ExchangeKind::Direct, false),
    ("amq.fanout", ExchangeKind::Fanout, false),
    ("amq.topic", ExchangeKind::Topic, false),
    ("amq.headers", ExchangeKind::Headers, false),
    ("amq.match", ExchangeKind::Headers, false),
    ("amq.rabbitmq.trace", ExchangeKind::Topic, true),
];

impl<Q: Clone> Default for Table<Q> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q: Clone> Table<Q> {
    /// A table with the default exchange and the predeclared ones, all durable.
    pub fn new() -> Self {
        let mut table = Self {
            generation: 1,
            exchanges: Slab::default(),
            exchange_names: Map::default(),
            queues: Slab::default(),
            queue_names: Map::default(),
            bindings: Slab::default(),
            bundles: Bundles::default(),
            identities: Map::default(),
            fallen: Fallen::default(),
            binding_bytes: 0,
            binding_bytes_max: BINDINGS_BYTES_MAX,
            told_max: REMOVED_BINDINGS_TOLD_MAX,
            swept_at_once: SWEEP_STEP_BYTES,
            orphans: Vec::new(),
        };
        for (name, kind, internal) in PREDECLARED {
            let name = ExchangeName::try_from(name).expect("the predeclared names are short");
            table.insert_exchange(Exchange {
                durable: true,
                internal,
                ..Exchange::new(name, kind)
            });
        }
        table
    }

    /// A number that grows with every change that can alter a route. Never 0.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The generation grows though no route changed: whoever keeps something by it is to look again.
    pub fn touch(&mut self) {
        self.generation += 1;
    }

    /// The exchange of this name; the empty name is the default exchange.
    pub fn exchange(&self, name: &str) -> Option<&Exchange> {
        let slot = self.exchange_slot(name.as_bytes())?;
        self.exchanges.get(slot.0).map(|entry| &entry.exchange)
    }

    /// The queue in which an exchange delays messages.
    pub fn delay_queue(&self, exchange: &str) -> Option<&Q> {
        let slot = self.exchange_slot(exchange.as_bytes())?;
        self.exchanges.get(slot.0)?.delay_queue.as_ref()
    }

    /// All queues in which exchanges delay messages.
    pub fn delay_queues(&self) -> impl Iterator<Item = &Q> {
        self.exchanges.iter().filter_map(|entry| entry.delay_queue.as_ref())
    }

    /// Whether a message to this exchange could reach anything: it has bindings, or another exchange for what
    /// has nowhere to go.
    pub fn leads_anywhere(&self, exchange: &str) -> bool {
        let slot = self.exchange_slot(exchange.as_bytes());
        let entry = slot.and_then(|slot| self.exchanges.get(slot.0));
        entry.is_some_and(|entry| !entry.outgoing.is_empty() || entry.policy_alternate.is_some())
    }

    /// All exchanges, the default exchange included.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().map(|entry| &entry.exchange)
    }

    /// How many exchanges there are.
    pub fn exchange_count(&self) -> usize {
        self.exchange_names.len()
    }

    /// The queue of this name.
    pub fn queue(&self, name: &str) -> Option<&Q> {
        let slot = self.queue_names.get(name.as_bytes())?;
        self.queues.get(slot.0).map(|entry| &entry.handle)
    }

    /// All queues.
    pub fn queues(&self) -> impl Iterator<Item = (&QueueName, &Q)> {
        self.queues.iter().map(|entry| (&entry.name, &entry.handle))
    }

    /// How many queues there are.
    pub fn queue_count(&self) -> usize {
        self.queue_names.len()
    }

    /// All bindings; those of the default exchange are implied and not among them.
    pub fn bindings(&self) -> impl Iterator<Item = Binding> {
        self.bindings.iter().filter_map(|entry| self.binding(entry))
    }

    /// The bindings from this exchange.
    pub fn bindings_from<'a>(&'a self, source: &str) -> impl Iterator<Item = Binding> + use<'a, Q> {
        let slot = self.exchange_slot(source.as_bytes());
        let entry = slot.and_then(|slot| self.exchanges.get(slot.0));
        self.listed(entry.map_or(&[], |entry| &entry.outgoing))
    }

    /// The bindings to this queue or exchange.
    pub fn bindings_to<'a>(
        &'a self,
        destination: &Destination,
    ) -> impl Iterator<Item = Binding> + use<'a, Q> {
        let target = self.target(destination);
        self.listed(target.map_or(&[], |target| self.incoming(target)))
    }

    /// How many bindings there are.
    pub fn binding_count(&self) -> usize {
        self.identities.len() - self.fallen.bindings()
    }

    /// Whether this binding is there.
    pub fn is_bound(&self, binding: &Binding) -> bool {
        self.find_binding(binding).is_some()
    }

    fn listed<'a>(
        &'a self,
        bundles: &'a [BundleSlot],
    ) -> impl Iterator<Item = Binding> + use<'a, Q> {
        self.entries(bundles).filter_map(|(_, entry)| self.binding(entry))
    }

    /// The bindings of these bundles.
    fn entries<'a>(
        &'a self,
        bundles: &'a [BundleSlot],
    ) -> impl Iterator<Item = (BindingSlot, &'a BindingEntry)> + use<'a, Q> {
        let first = |bundle: &BundleSlot| self.bundles.get(*bundle).map(|bundle| bundle.first);
        bundles.iter().filter_map(first).flat_map(|first| {
            let entry = |slot: BindingSlot| Some((slot, self.bindings.get(slot.0)?));
            std::iter::successors(entry(first), move |(_, before)| entry(before.next?))
        })
    }

    fn incoming(&self, target: Target) -> &[BundleSlot] {
        let incoming = match target {
            Target::Queue(queue) => self.queues.get(queue.0).map(|entry| &entry.incoming),
            Target::Exchange(exchange) => {
                self.exchanges.get(exchange.0).map(|entry| &entry.incoming)
            }
        };
        incoming.map_or(&[], Vec::as_slice)
    }

    fn exchange_slot(&self, name: &[u8]) -> Option<ExchangeSlot> {
        self.exchange_names.get(name).copied()
    }

    fn target(&self, destination: &Destination) -> Option<Target> {
        match destination {
            Destination::Queue(name) => {
                self.queue_names.get(name.as_str().as_bytes()).copied().map(Target::Queue)
            }
            Destination::Exchange(name) => {
                self.exchange_slot(name.as_str().as_bytes()).map(Target::Exchange)
            }
        }
    }

    fn find_binding(&self, binding: &Binding) -> Option<BindingSlot> {
        let source = self.exchange_slot(binding.source.as_str().as_bytes())?;
        let target = self.target(&binding.destination)?;
        let identity = identity(source, target, &binding.routing_key, &binding.arguments);
        self.identities.get(&identity).copied()
    }

    /// The binding with names for numbers; `None` when it has fallen.
    fn binding(&self, entry: &BindingEntry) -> Option<Binding> {
        Some(Binding {
            source: self.exchanges.get(entry.source.0)?.exchange.name.clone(),
            destination: self.destination(entry.target)?,
            routing_key: entry.routing_key.clone(),
            arguments: entry.arguments.clone(),
        })
    }
}

/// The bytes that are the same for two bindings exactly when they are one.
fn identity(
    source: ExchangeSlot,
    target: Target,
    routing_key: &ShortStr,
    arguments: &FieldTable,
) -> Key {
    let key = routing_key.as_bytes();
    let mut out = Vec::with_capacity(16 + key.len());
    out.extend(source.0.to_be_bytes());
    let (kind, slot) = match target {
        Target::Queue(queue) => (b'q', queue.0),
        Target::Exchange(exchange) => (b'e', exchange.0),
    };
    out.push(kind);
    out.extend(slot.to_be_bytes());
    out.extend(key.len().to_be_bytes());
    out.extend(key);
    super::value::identity(arguments, &mut out);
    out.as_slice().into()
}

#[cfg(test)]
mod tests;
