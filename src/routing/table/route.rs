//! The way of one message through the table.

use crate::base::limits::ROUTE_EXCHANGES_MAX;

use super::super::routed::Scratch;
use super::super::router::LazyFacts;
use super::super::target::Matches;
use super::super::topic::Walk;
use super::super::{Facts, Routed, RoutingError};
use super::{DEFAULT_EXCHANGE, Exchange, ExchangeEntry, ExchangeSlot, Table, Target};

impl<Q: Clone> Table<Q> {
    /// Finds the queues of a message. What was in `routed` is gone, also when there is no such
    /// exchange. The headers are asked for at most once, and only when an exchange is reached that looks
    /// at them.
    pub fn route(
        &self,
        exchange: &str,
        routing_key: &[u8],
        facts: &mut dyn Facts,
        routed: &mut Routed<Q>,
    ) -> Result<(), RoutingError> {
        self.route_keys(exchange, &[routing_key], facts, routed)
    }

    /// As [`Self::route`] for a message with several routing keys, the own one and those of the
    /// headers `CC` and `BCC` (rabbitmq: sender-selected.md): it goes wherever any of them leads.
    pub fn route_keys(
        &self,
        exchange: &str,
        routing_keys: &[&[u8]],
        facts: &mut dyn Facts,
        routed: &mut Routed<Q>,
    ) -> Result<(), RoutingError> {
        routed.clear();
        let start = self
            .exchange_slot(exchange.as_bytes())
            .ok_or_else(|| RoutingError::NoExchange(exchange.to_owned()))?;
        let scratch = &mut routed.scratch;
        routed.depends_on_message = self.walk(start, routing_keys, facts, scratch);
        scratch.matches.deduplicate();
        let found = scratch.matches.queues.iter();
        routed.queues.extend(
            found.filter_map(|slot| self.queues.get(slot.0)).map(|entry| entry.handle.clone()),
        );
        let delays = scratch.matches.delays.iter();
        let delaying = delays.filter_map(|slot| self.exchanges.get(slot.0)?.delay_queue.clone());
        let now = routed.queues.len();
        routed.queues.extend(delaying);
        routed.delaying = routed.queues.len() - now;
        routed.generation = self.generation;
        Ok(())
    }

    /// Visits every exchange that the message reaches, each once, so that circles of bindings and of
    /// alternate exchanges end. Returns whether more than the keys had a say.
    fn walk(
        &self,
        start: ExchangeSlot,
        keys: &[&[u8]],
        facts: &mut dyn Facts,
        scratch: &mut Scratch,
    ) -> bool {
        let Scratch { matches, walk, exchanges, headers: room } = scratch;
        let mut facts = LazyFacts::new(facts, room);
        matches.clear();
        exchanges.clear();
        exchanges.insert(start.0);
        let mut visited = 0;
        while let Some(slot) = exchanges.order().get(visited).copied()
            && visited < ROUTE_EXCHANGES_MAX
        {
            visited += 1;
            if slot == DEFAULT_EXCHANGE.0 {
                for queue in keys.iter().filter_map(|key| self.queue_names.get(*key)) {
                    matches.add_one(Target::Queue(*queue));
                }
                continue;
            }
            let Some(entry) = self.exchanges.get(slot) else { continue };
            let before = matches.groups;
            if entry.is_special {
                if !self.match_special(ExchangeSlot(slot), entry, keys, &mut facts, walk, matches) {
                    continue;
                }
            } else {
                entry.router.matches(keys, &mut facts, walk, matches);
            }
            for ExchangeSlot(next) in matches.exchanges.drain(..) {
                exchanges.insert(next);
            }
            if matches.groups == before
                && let Some(alternate) = self.alternate(entry)
            {
                exchanges.insert(alternate.0);
            }
        }
        facts.is_asked()
    }

    /// What the router says of an exchange at which there is more to look at. False when the message goes no
    /// further here.
    #[inline(never)]
    fn match_special(
        &self,
        slot: ExchangeSlot,
        entry: &ExchangeEntry<Q>,
        keys: &[&[u8]],
        facts: &mut LazyFacts<'_>,
        walk: &mut Walk,
        matches: &mut Matches,
    ) -> bool {
        if entry.deduplicates && facts.is_duplicate(&entry.exchange) {
            return false;
        }
        if entry.delay_queue.is_some() && facts.is_delayed() {
            matches.delays.push(slot);
            return false;
        }
        let (queues, groups) = (matches.queues.len(), matches.groups);
        entry.router.matches(keys, facts, walk, matches);
        if entry.littered > 0 {
            self.step_over(matches, queues, groups);
        }
        if entry.router.keeps_history() {
            facts.set_asked();
            matches.histories.push(slot);
        }
        true
    }

    /// The exchanges on the way of this answer that remember their messages.
    pub fn histories<'a>(
        &'a self,
        routed: &'a Routed<Q>,
    ) -> impl Iterator<Item = &'a Exchange> + use<'a, Q> {
        let slots = routed.scratch.matches.histories.iter();
        slots.filter_map(|slot| self.exchanges.get(slot.0)).map(|entry| &entry.exchange)
    }

    /// Where a message goes that this exchange has no binding for. A name without an exchange is
    /// nowhere, and may be somewhere later.
    pub(super) fn alternate(&self, entry: &ExchangeEntry<Q>) -> Option<ExchangeSlot> {
        let by_policy = || entry.policy_alternate.as_ref().map(|name| name.as_str().as_bytes());
        self.exchange_slot(entry.exchange.alternate().or_else(by_policy)?)
    }
}
