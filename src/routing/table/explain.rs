//! The way of one message through the table, told step by step.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::FieldTable;

use super::super::explain::{headers_mismatch, topic_mismatch};
use super::super::headers::MessageHeaders;
use super::super::router::LazyFacts;
use super::super::target::{Matches, QueueSlot};
use super::super::topic::Walk;
use super::super::{
    Binding, By, ExchangeKind, ExplainBounds, Explanation, Facts, Mismatch, Outcome, RoutingError,
    Step, WayTo,
};
use super::{BindingEntry, DEFAULT_EXCHANGE, ExchangeEntry, ExchangeSlot, Table, Target};

/// The message as it is explained.
struct Told<'a> {
    keys: &'a [&'a [u8]],
    headers: &'a FieldTable,
}

/// What was found so far.
struct Tale {
    steps: Vec<Step>,
    /// Exchanges to be visited, in order, and from which step and by what.
    open: Vec<(ExchangeSlot, Option<usize>, By)>,
    known: BTreeSet<ExchangeSlot>,
    reached: BTreeMap<QueueSlot, (usize, By)>,
    bindings_left: usize,
}

impl Tale {
    fn lead_to(&mut self, exchange: ExchangeSlot, from: usize, by: By) {
        if self.known.insert(exchange) {
            self.open.push((exchange, Some(from), by));
        }
    }
}

impl<Q: Clone> Table<Q> {
    /// Tells the way of a message: the same queues as [`Self::route_keys`] finds, when the facts are the same.
    /// `headers` are those of the facts; they are needed for the reasons.
    ///
    /// # Errors
    /// When there is no such exchange.
    pub fn explain(
        &self,
        exchange: &str,
        keys: &[&[u8]],
        headers: &FieldTable,
        facts: &mut dyn Facts,
        bounds: ExplainBounds,
    ) -> Result<Explanation<Q>, RoutingError> {
        let start = self
            .exchange_slot(exchange.as_bytes())
            .ok_or_else(|| RoutingError::NoExchange(exchange.to_owned()))?;
        let (mut room, mut walk) = (MessageHeaders::default(), Walk::default());
        let mut facts = LazyFacts::new(facts, &mut room);
        let told = Told { keys, headers };
        let mut tale = Tale {
            steps: Vec::new(),
            open: vec![(start, None, By::Publisher)],
            known: BTreeSet::from([start]),
            reached: BTreeMap::new(),
            bindings_left: bounds.bindings,
        };
        while let Some((slot, from, by)) = tale.open.get(tale.steps.len()).cloned()
            && tale.steps.len() < bounds.exchanges
        {
            let Some(entry) = self.exchanges.get(slot.0) else { break };
            let step = Step {
                exchange: entry.exchange.clone(),
                from,
                by,
                outcome: Outcome::Unrouted,
                matched: Vec::new(),
                unmatched: Vec::new(),
                left_out: 0,
            };
            let step = self.tell(slot, entry, step, &told, &mut facts, &mut walk, &mut tale);
            tale.steps.push(step);
        }
        let is_cut = tale.open.len() > tale.steps.len();
        let queues = tale.reached.len();
        let reached =
            tale.reached.into_iter().take(bounds.queues).filter_map(|(slot, (step, by))| {
                let entry = self.queues.get(slot.0)?;
                Some(WayTo { name: entry.name.clone(), handle: entry.handle.clone(), step, by })
            });
        Ok(Explanation { reached: reached.collect(), steps: tale.steps, queues, is_cut })
    }

    #[expect(clippy::too_many_arguments, reason = "the state of a walk, which nobody else holds")]
    fn tell(
        &self,
        slot: ExchangeSlot,
        entry: &ExchangeEntry<Q>,
        mut step: Step,
        told: &Told<'_>,
        facts: &mut LazyFacts<'_>,
        walk: &mut Walk,
        tale: &mut Tale,
    ) -> Step {
        let at = tale.steps.len();
        if slot == DEFAULT_EXCHANGE {
            for queue in told.keys.iter().filter_map(|key| self.queue_names.get(*key)) {
                step.outcome = Outcome::Routed;
                tale.reached.entry(*queue).or_insert((at, By::QueueName));
            }
            return step;
        }
        if entry.deduplicates && facts.is_duplicate(&entry.exchange) {
            return Step { outcome: Outcome::Duplicate, ..step };
        }
        if entry.delay_queue.is_some()
            && let Some(ms) = facts.delay_ms()
        {
            return Step { outcome: Outcome::Delayed(ms), ..step };
        }
        let mut matches = Matches::default();
        entry.router.matches(told.keys, facts, walk, &mut matches);
        self.step_over(&mut matches, 0, 0);
        let ways = self.tell_bindings(entry, &mut step, told, &matches, tale);
        let by = |target: Target| By::Binding(ways.get(&target).cloned().map(Box::new));
        for queue in &matches.queues {
            tale.reached.entry(*queue).or_insert_with(|| (at, by(Target::Queue(*queue))));
        }
        for exchange in &matches.exchanges {
            tale.lead_to(*exchange, at, by(Target::Exchange(*exchange)));
        }
        step.outcome = if matches.groups > 0 {
            Outcome::Routed
        } else if let Some(alternate) = self.alternate(entry) {
            tale.lead_to(alternate, at, By::Alternate);
            Outcome::Alternate
        } else {
            Outcome::Unrouted
        };
        step
    }

    /// Looks at as many bindings as may be; gives the first that leads to each target.
    fn tell_bindings(
        &self,
        entry: &ExchangeEntry<Q>,
        step: &mut Step,
        told: &Told<'_>,
        matches: &Matches,
        tale: &mut Tale,
    ) -> BTreeMap<Target, Binding> {
        let kind = entry.exchange.routes_as();
        let looked = entry.bindings.min(tale.bindings_left);
        tale.bindings_left -= looked;
        step.left_out = entry.bindings - looked;
        let mut ways = BTreeMap::new();
        for (_, found) in self.entries(&entry.outgoing).take(looked) {
            let Some(binding) = self.binding(found) else { continue };
            if let Some(why) = why_not(kind, found, told, matches) {
                step.unmatched.push((binding, why));
            } else {
                ways.entry(found.target).or_insert_with(|| binding.clone());
                step.matched.push(binding);
            }
        }
        ways
    }
}

fn why_not(
    kind: ExchangeKind,
    entry: &BindingEntry,
    told: &Told<'_>,
    matches: &Matches,
) -> Option<Mismatch> {
    let key = entry.routing_key.as_bytes();
    match kind {
        ExchangeKind::Direct | ExchangeKind::Delayed => {
            (!told.keys.contains(&key)).then_some(Mismatch::Key)
        }
        ExchangeKind::Fanout | ExchangeKind::Deduplication | ExchangeKind::RecentHistory => None,
        ExchangeKind::Topic => {
            let mut parted = told.keys.iter().map(|told| topic_mismatch(key, told));
            let first = parted.next()??;
            if parted.any(|word| word.is_none()) { None } else { Some(Mismatch::Topic(first)) }
        }
        ExchangeKind::Headers => headers_mismatch(&entry.arguments, told.headers),
        ExchangeKind::ConsistentHash
        | ExchangeKind::Random
        | ExchangeKind::LocalRandom
        | ExchangeKind::ModulusHash => {
            let picked = match entry.target {
                Target::Queue(queue) => matches.queues.contains(&queue),
                Target::Exchange(exchange) => matches.exchanges.contains(&exchange),
            };
            (!picked).then_some(Mismatch::NotPicked(kind))
        }
    }
}
