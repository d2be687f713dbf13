//! The way of one message through the table.

use crate::base::FieldTable;
use crate::base::limits::ROUTE_EXCHANGES_MAX;

use super::super::routed::Scratch;
use super::super::router::LazyHeaders;
use super::super::{Routed, RoutingError};
use super::{DEFAULT_EXCHANGE, ExchangeEntry, ExchangeSlot, Table, Target};

impl<Q: Clone> Table<Q> {
    /// Finds the queues of a message. What was in `routed` is gone, also when there is no such
    /// exchange. `headers` is called at most once, and only when a headers exchange is reached.
    pub fn route(
        &self,
        exchange: &str,
        routing_key: &[u8],
        headers: &mut dyn FnMut() -> FieldTable,
        routed: &mut Routed<Q>,
    ) -> Result<(), RoutingError> {
        self.route_keys(exchange, &[routing_key], headers, routed)
    }

    /// As [`Self::route`] for a message with several routing keys, the own one and those of the
    /// headers `CC` and `BCC` (rabbitmq: sender-selected.md): it goes wherever any of them leads.
    pub fn route_keys(
        &self,
        exchange: &str,
        routing_keys: &[&[u8]],
        headers: &mut dyn FnMut() -> FieldTable,
        routed: &mut Routed<Q>,
    ) -> Result<(), RoutingError> {
        routed.clear();
        let start = self
            .exchange_slot(exchange.as_bytes())
            .ok_or_else(|| RoutingError::NoExchange(exchange.to_owned()))?;
        let scratch = &mut routed.scratch;
        routed.depends_on_headers = self.walk(start, routing_keys, headers, scratch);
        scratch.matches.deduplicate();
        let found = scratch.matches.queues.iter();
        routed.queues.extend(
            found.filter_map(|slot| self.queues.get(slot.0)).map(|entry| entry.handle.clone()),
        );
        routed.generation = self.generation;
        Ok(())
    }

    /// Visits every exchange that the message reaches, each once, so that circles of bindings and of
    /// alternate exchanges end. Returns whether the headers had a say.
    fn walk(
        &self,
        start: ExchangeSlot,
        keys: &[&[u8]],
        headers: &mut dyn FnMut() -> FieldTable,
        scratch: &mut Scratch,
    ) -> bool {
        let Scratch { matches, walk, exchanges, headers: room } = scratch;
        let mut headers = LazyHeaders::new(headers, room);
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
            entry.router.matches(keys, &mut headers, walk, matches);
            for ExchangeSlot(next) in matches.exchanges.drain(..) {
                exchanges.insert(next);
            }
            if matches.groups == before
                && let Some(alternate) = self.alternate(entry)
            {
                exchanges.insert(alternate.0);
            }
        }
        headers.is_decoded()
    }

    /// Where a message goes that this exchange has no binding for. A name without an exchange is
    /// nowhere, and may be somewhere later.
    fn alternate(&self, entry: &ExchangeEntry) -> Option<ExchangeSlot> {
        let by_policy = || entry.policy_alternate.as_ref().map(|name| name.as_str().as_bytes());
        self.exchange_slot(entry.exchange.alternate().or_else(by_policy)?)
    }
}
