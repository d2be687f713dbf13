//! All bindings from one exchange to one queue or exchange, as one thing: what goes together when either
//! end goes, however many they are.

use super::super::index::{Hashed, Map};
use super::super::slab::Slab;
use super::super::target::{BindingSlot, BundleSlot, ExchangeSlot, Target};
use super::{ExchangeEntry, Table};

/// Never empty. Its bindings are a chain in the order in which they came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bundle {
    pub(super) source: ExchangeSlot,
    pub(super) target: Target,
    pub(super) first: BindingSlot,
    pub(super) last: BindingSlot,
    pub(super) bindings: usize,
    /// The place in the source's `outgoing`.
    pub(super) outgoing_at: usize,
    /// The place in the target's `incoming`.
    pub(super) incoming_at: usize,
}

/// The bundles, by number and by their two ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Bundles {
    bundles: Slab<Bundle>,
    ends: Map<Ends, BundleSlot>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Ends {
    source: ExchangeSlot,
    target: Target,
}

impl Hashed for Ends {
    fn hashed(&self) -> u64 {
        (self.target.hashed() ^ u64::from(self.source.0)).hashed()
    }
}

impl Bundles {
    pub(super) fn get(&self, slot: BundleSlot) -> Option<&Bundle> {
        self.bundles.get(slot.0)
    }

    fn get_mut(&mut self, slot: BundleSlot) -> Option<&mut Bundle> {
        self.bundles.get_mut(slot.0)
    }

    fn find(&self, source: ExchangeSlot, target: Target) -> Option<BundleSlot> {
        self.ends.get(&Ends { source, target }).copied()
    }

    fn insert(&mut self, bundle: Bundle) -> BundleSlot {
        let slot = BundleSlot(self.bundles.insert(bundle));
        self.ends.entry(Ends { source: bundle.source, target: bundle.target }, || slot);
        slot
    }

    fn remove(&mut self, slot: BundleSlot) -> Option<Bundle> {
        let bundle = self.bundles.remove(slot.0)?;
        self.ends.remove(&Ends { source: bundle.source, target: bundle.target });
        Some(bundle)
    }
}

impl<Q: Clone> Table<Q> {
    /// Puts a binding behind the others of its two ends.
    pub(super) fn chain(&mut self, slot: BindingSlot, source: ExchangeSlot, target: Target) {
        let found = self.bundles.find(source, target);
        let previous = match found {
            None => None,
            Some(found) => self.bundles.get_mut(found).map(|bundle| {
                bundle.bindings += 1;
                std::mem::replace(&mut bundle.last, slot)
            }),
        };
        let bundle = found.unwrap_or_else(|| self.add_bundle(slot, source, target));
        if let Some(entry) = self.bindings.get_mut(slot.0) {
            (entry.bundle, entry.previous) = (bundle, previous);
        }
        if let Some(before) = previous.and_then(|before| self.bindings.get_mut(before.0)) {
            before.next = Some(slot);
        }
        if let Some(exchange) = self.exchanges.get_mut(source.0) {
            exchange.bindings += 1;
        }
    }

    /// Takes a binding, which is not among the bindings any more, out of its chain.
    pub(super) fn unchain(
        &mut self,
        slot: BundleSlot,
        previous: Option<BindingSlot>,
        next: Option<BindingSlot>,
    ) {
        if let Some(before) = previous.and_then(|before| self.bindings.get_mut(before.0)) {
            before.next = next;
        }
        if let Some(behind) = next.and_then(|behind| self.bindings.get_mut(behind.0)) {
            behind.previous = previous;
        }
        let Some(bundle) = self.bundles.get_mut(slot) else { return };
        bundle.bindings -= 1;
        if let Some(exchange) = self.exchanges.get_mut(bundle.source.0) {
            exchange.bindings -= 1;
        }
        match (previous, next) {
            (None, None) => _ = self.remove_bundle(slot),
            (Some(last), None) => bundle.last = last,
            (None, Some(first)) => bundle.first = first,
            (Some(_), Some(_)) => {}
        }
    }

    fn add_bundle(
        &mut self,
        only: BindingSlot,
        source: ExchangeSlot,
        target: Target,
    ) -> BundleSlot {
        let outgoing_at = self.exchanges.get(source.0).map_or(0, |entry| entry.outgoing.len());
        let slot = self.bundles.insert(Bundle {
            source,
            target,
            first: only,
            last: only,
            bindings: 1,
            outgoing_at,
            incoming_at: self.incoming(target).len(),
        });
        if let Some(exchange) = self.exchanges.get_mut(source.0) {
            exchange.outgoing.push(slot);
        }
        if let Some(incoming) = self.incoming_mut(target) {
            incoming.push(slot);
        }
        slot
    }

    /// Takes a bundle out of the lists of its ends, as far as they are there.
    pub(super) fn remove_bundle(&mut self, slot: BundleSlot) -> Option<Bundle> {
        let bundle = self.bundles.remove(slot)?;
        let outgoing = |entry: &mut ExchangeEntry<Q>| {
            entry.outgoing.swap_remove(bundle.outgoing_at);
            entry.outgoing.get(bundle.outgoing_at).copied()
        };
        let moved = self.exchanges.get_mut(bundle.source.0).and_then(outgoing);
        if let Some(moved) = moved.and_then(|moved| self.bundles.get_mut(moved)) {
            moved.outgoing_at = bundle.outgoing_at;
        }
        let moved = self.incoming_mut(bundle.target).and_then(|incoming| {
            incoming.swap_remove(bundle.incoming_at);
            incoming.get(bundle.incoming_at).copied()
        });
        if let Some(moved) = moved.and_then(|moved| self.bundles.get_mut(moved)) {
            moved.incoming_at = bundle.incoming_at;
        }
        Some(bundle)
    }

    fn incoming_mut(&mut self, target: Target) -> Option<&mut Vec<BundleSlot>> {
        match target {
            Target::Queue(queue) => self.queues.get_mut(queue.0).map(|entry| &mut entry.incoming),
            Target::Exchange(exchange) => {
                self.exchanges.get_mut(exchange.0).map(|entry| &mut entry.incoming)
            }
        }
    }
}
