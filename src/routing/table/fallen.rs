//! What went and is not cleared away.
//!
//! A queue or an exchange that goes takes all its bindings with it, perhaps a million, and each of them
//! stands in several maps: taking them out is seconds of work. So it falls: its name, its bundles and, where
//! a router finds things by their target, its place in the routers go at once. Its number stays taken, so
//! that what routers still find of it by binding keys leads to nothing ([`Table::step_over`]). The bindings
//! lie in a heap until somebody sweeps, a bounded step at a time; they count as bytes until then.
//!
//! Things are swept up in the order in which they fell, and give their numbers back at the end. So a
//! number that a fallen binding refers to is not given again before the binding is swept up: either it is
//! of a thing that stands, or of one that fell before, whose own heap held the binding then, or of the one
//! in whose heap it lies.

use std::collections::VecDeque;

use super::super::Crowd;
use super::super::router::Router;
use super::super::target::{BindingSlot, BundleSlot, ExchangeSlot, Matches, Target};
use super::change::route;
use super::{BindingEntry, Destination, Removed, Table, identity};

/// Everything that fell.
#[derive(Clone, Debug, Default)]
pub(super) struct Fallen {
    heaps: VecDeque<Heap>,
    bindings: usize,
}

/// What fell with one queue or exchange.
#[derive(Clone, Debug)]
struct Heap {
    end: Target,
    litter: Vec<Litter>,
    /// Of the exchange.
    router: Option<Router>,
}

/// The rest of a bundle.
#[derive(Clone, Copy, Debug)]
struct Litter {
    source: ExchangeSlot,
    next: Option<BindingSlot>,
    /// Whether the source, which stands, finds the bindings by their keys.
    is_in_router: bool,
}

/// What was swept up. Freeing it takes time as well, and needs no table.
#[derive(Debug, Default)]
pub struct Rubble {
    bindings: Vec<BindingEntry>,
    routers: Vec<Router>,
}

impl Rubble {
    /// Whether freeing it may take long.
    #[must_use]
    pub fn is_large(&self) -> bool {
        !self.routers.is_empty()
    }

    /// How many bindings are in it.
    #[must_use]
    pub fn bindings(&self) -> usize {
        self.bindings.len()
    }
}

impl Fallen {
    pub(super) fn bindings(&self) -> usize {
        self.bindings
    }
}

impl<Q: Clone> Table<Q> {
    /// Whether something is to be swept up.
    #[must_use]
    pub fn has_fallen(&self) -> bool {
        !self.fallen.heaps.is_empty()
    }

    /// Sweeps up fallen bindings of about so many bytes: one at least, unless they are none. No route changes.
    #[must_use = "freeing it takes time that the table is not to be locked for"]
    pub fn sweep(&mut self, bytes: usize) -> Rubble {
        let (mut rubble, mut left) = (Rubble::default(), bytes);
        while let Some(heap) = self.fallen.heaps.front_mut() {
            let Some(litter) = heap.litter.last_mut() else {
                self.give_back(&mut rubble);
                continue;
            };
            let Litter { source, next, is_in_router } = *litter;
            let Some(slot) = next else {
                heap.litter.pop();
                if is_in_router && let Some(exchange) = self.exchanges.get_mut(source.0) {
                    exchange.littered -= 1;
                    exchange.set_special();
                }
                continue;
            };
            if left == 0 {
                break;
            }
            let Some(entry) = self.bindings.remove(slot.0) else {
                litter.next = None;
                continue;
            };
            litter.next = entry.next;
            left = left.saturating_sub(entry.ram_bytes());
            self.sweep_one(slot, &entry, is_in_router);
            rubble.bindings.push(entry);
        }
        rubble
    }

    /// Lists what goes with a queue or an exchange, which is there, in the order of bundles and bindings.
    pub(super) fn list(&self, end: Target, bundles: &[BundleSlot], removed: &mut Removed) {
        let bindings = bundles.iter().filter_map(|slot| self.bundles.get(*slot));
        let all: usize = bindings.map(|bundle| bundle.bindings).sum();
        removed.bindings.extend(self.listed(bundles).take(self.told_max));
        if all > self.told_max
            && let Some(end) = self.destination(end)
        {
            removed.crowds.push(Crowd { end, bindings: all - self.told_max });
        }
    }

    /// These bundles of a queue or an exchange, which is not there any more and whose number is taken,
    /// fall; gives the exchanges from which they led.
    pub(super) fn fall(
        &mut self,
        end: Target,
        name: &[u8],
        bundles: Vec<BundleSlot>,
        router: Option<Router>,
    ) -> Vec<ExchangeSlot> {
        let (mut litter, mut poorer) = (Vec::with_capacity(bundles.len()), Vec::new());
        for slot in bundles {
            let Some(bundle) = self.remove_bundle(slot) else { continue };
            self.fallen.bindings += bundle.bindings;
            let mut is_in_router = false;
            if let Some(exchange) = self.exchanges.get_mut(bundle.source.0) {
                exchange.bindings -= bundle.bindings;
                is_in_router = !exchange.router.forget(name, end);
                exchange.littered += u32::from(is_in_router);
                exchange.set_special();
                poorer.push(bundle.source);
            }
            litter.push(Litter { source: bundle.source, next: Some(bundle.first), is_in_router });
        }
        self.fallen.heaps.push_back(Heap { end, litter, router });
        poorer
    }

    /// Takes out of what an exchange has just matched everything that fell: queues from this place on, and
    /// exchanges. `groups` is what there was before it.
    pub(super) fn step_over(&self, matches: &mut Matches, queues: usize, groups: u32) {
        let mut found = matches.queues.split_off(queues);
        found.retain(|queue| self.queues.get(queue.0).is_some());
        matches.queues.append(&mut found);
        matches.exchanges.retain(|exchange| self.exchanges.get(exchange.0).is_some());
        if matches.queues.len() == queues && matches.exchanges.is_empty() {
            matches.groups = groups;
        }
    }

    fn sweep_one(&mut self, slot: BindingSlot, entry: &BindingEntry, is_in_router: bool) {
        self.fallen.bindings -= 1;
        self.binding_bytes -= entry.ram_bytes();
        let identity = identity(entry.source, entry.target, &entry.routing_key, &entry.arguments);
        self.identities.remove(&identity);
        if is_in_router && let Some(exchange) = self.exchanges.get_mut(entry.source.0) {
            // Routers that want to know the name have forgotten the target.
            exchange.router.remove(route(slot, entry, &[]));
        }
    }

    /// The first heap is swept up: its number is free.
    fn give_back(&mut self, rubble: &mut Rubble) {
        let Some(heap) = self.fallen.heaps.pop_front() else { return };
        rubble.routers.extend(heap.router);
        match heap.end {
            Target::Queue(queue) => self.queues.release(queue.0),
            Target::Exchange(exchange) => self.exchanges.release(exchange.0),
        }
    }

    pub(super) fn destination(&self, end: Target) -> Option<Destination> {
        Some(match end {
            Target::Queue(queue) => Destination::Queue(self.queues.get(queue.0)?.name.clone()),
            Target::Exchange(exchange) => {
                Destination::Exchange(self.exchanges.get(exchange.0)?.exchange.name.clone())
            }
        })
    }
}
