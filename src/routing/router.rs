//! The bindings from one exchange, in the form in which its type finds them.

use crate::base::FieldTable;

use super::consistent_hash::ConsistentHash;
use super::direct::Direct;
use super::fanout::Fanout;
use super::headers::{Headers, MessageHeaders};
use super::modulus::Modulus;
use super::pool::Pool;
use super::target::{BindingSlot, Matches, Target};
use super::topic::{Topic, Walk};
use super::{Exchange, ExchangeKind, Facts, HashProperty};

/// One router per exchange, of the exchange's type.
#[derive(Clone, Debug)]
pub(super) enum Router {
    Direct(Direct),
    Fanout(Fanout),
    Topic(Topic),
    Headers(Headers),
    ConsistentHash(ConsistentHash),
    Random(Pool),
    Modulus(Modulus),
    /// Routes as a fanout; what it remembers is the broker's business.
    RecentHistory(Fanout),
}

/// What a router is told of a binding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route<'a> {
    pub(super) binding: BindingSlot,
    pub(super) key: &'a [u8],
    pub(super) arguments: &'a FieldTable,
    pub(super) target: Target,
    /// The name of the target.
    pub(super) name: &'a [u8],
}

impl Router {
    pub(super) fn new(exchange: &Exchange) -> Self {
        match exchange.routes_as() {
            // No exchange routes as one that delays: that is refused when it is declared.
            ExchangeKind::Direct | ExchangeKind::Delayed => Self::Direct(Direct::default()),
            ExchangeKind::Fanout | ExchangeKind::Deduplication => Self::Fanout(Fanout::default()),
            ExchangeKind::Topic => Self::Topic(Topic::default()),
            ExchangeKind::Headers => Self::Headers(Headers::default()),
            ExchangeKind::ConsistentHash => {
                Self::ConsistentHash(ConsistentHash::new(&exchange.arguments))
            }
            ExchangeKind::Random | ExchangeKind::LocalRandom => Self::Random(Pool::default()),
            ExchangeKind::ModulusHash => Self::Modulus(Modulus::default()),
            ExchangeKind::RecentHistory => Self::RecentHistory(Fanout::default()),
        }
    }

    /// Whether messages that come here are remembered.
    pub(super) fn keeps_history(&self) -> bool {
        matches!(self, Self::RecentHistory(_))
    }

    pub(super) fn add(&mut self, route: Route<'_>) {
        match self {
            Self::Direct(direct) => direct.add(route.key, route.target),
            Self::Fanout(fanout) => fanout.add(route.target),
            Self::Topic(topic) => topic.add(route.key, route.target),
            Self::Headers(headers) => headers.add(route.binding, route.arguments, route.target),
            Self::ConsistentHash(hash) => hash.add(route.binding, route.key, route.target),
            Self::Random(pool) => pool.add(route.target),
            Self::Modulus(modulus) => modulus.add(route.name, route.target),
            Self::RecentHistory(fanout) => fanout.add(route.target),
        }
    }

    pub(super) fn remove(&mut self, route: Route<'_>) {
        match self {
            Self::Direct(direct) => direct.remove(route.key, route.target),
            Self::Fanout(fanout) => fanout.remove(route.target),
            Self::Topic(topic) => topic.remove(route.key, route.target),
            Self::Headers(headers) => headers.remove(route.binding, route.arguments, route.target),
            Self::ConsistentHash(hash) => hash.remove(route.binding),
            Self::Random(pool) => pool.remove(route.target),
            Self::Modulus(modulus) => modulus.remove(route.name, route.target),
            Self::RecentHistory(fanout) => fanout.remove(route.target),
        }
    }

    /// Removes all bindings to a target, where that costs no more than one of them. False when they are
    /// found by their keys: then they are to be removed one by one.
    pub(super) fn forget(&mut self, name: &[u8], target: Target) -> bool {
        match self {
            Self::Direct(_) | Self::Topic(_) | Self::Headers(_) => return false,
            Self::Fanout(fanout) | Self::RecentHistory(fanout) => fanout.forget(target),
            Self::ConsistentHash(hash) => hash.forget(target),
            Self::Random(pool) => pool.forget(target),
            Self::Modulus(modulus) => modulus.forget(name, target),
        }
        true
    }

    /// Adds where a message with these keys goes; `facts` are asked for only when they matter.
    pub(super) fn matches(
        &self,
        keys: &[&[u8]],
        facts: &mut LazyFacts<'_>,
        walk: &mut Walk,
        matches: &mut Matches,
    ) {
        match self {
            Self::Direct(direct) => keys.iter().for_each(|key| direct.matches(key, matches)),
            Self::Fanout(fanout) | Self::RecentHistory(fanout) => fanout.matches(matches),
            Self::Topic(topic) => keys.iter().for_each(|key| topic.matches(key, walk, matches)),
            Self::Headers(router) => router.matches(facts.headers(), matches),
            Self::ConsistentHash(hash) => hash.matches(keys, facts, matches),
            Self::Random(pool) if pool.is_empty() => {}
            Self::Random(pool) => pool.matches(facts.number(), matches),
            // rabbitmq: of several routing keys the message's own one.
            Self::Modulus(modulus) => {
                modulus.matches(keys.first().copied().unwrap_or_default(), matches);
            }
        }
    }
}

/// What routers ask of the message being routed. Its headers are decoded when the first router wants them:
/// most messages never meet one.
pub(super) struct LazyFacts<'a> {
    facts: &'a mut dyn Facts,
    decoded: &'a mut MessageHeaders,
    is_decoded: bool,
    is_asked: bool,
}

impl<'a> LazyFacts<'a> {
    /// `room` is where the headers go; what is in it is another message's.
    pub(super) fn new(facts: &'a mut dyn Facts, room: &'a mut MessageHeaders) -> Self {
        Self { facts, decoded: room, is_decoded: false, is_asked: false }
    }

    /// Whether anything was asked: then another message with the same keys may go elsewhere.
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// The message itself matters, whatever is in it.
    pub(super) fn set_asked(&mut self) {
        self.is_asked = true;
    }

    /// Whether this exchange has seen the message before. Asked once for each exchange on the way.
    pub(super) fn is_duplicate(&mut self, exchange: &Exchange) -> bool {
        self.is_asked = true;
        self.facts.is_duplicate(exchange)
    }

    fn headers(&mut self) -> &MessageHeaders {
        if !self.is_decoded {
            self.decoded.fill(&self.facts.headers());
            self.is_decoded = true;
        }
        self.is_asked = true;
        self.decoded
    }

    /// The comparable value of one header.
    pub(super) fn header(&mut self, name: &[u8]) -> Option<&[u8]> {
        self.headers().value(name)
    }

    pub(super) fn property(&mut self, property: HashProperty) -> Option<Vec<u8>> {
        self.is_asked = true;
        self.facts.property(property)
    }

    fn number(&mut self) -> u64 {
        self.is_asked = true;
        self.facts.number()
    }

    /// Whether an exchange that delays has to hold the message back.
    pub(super) fn is_delayed(&mut self) -> bool {
        self.delay_ms().is_some()
    }

    /// For how long.
    pub(super) fn delay_ms(&mut self) -> Option<u32> {
        self.is_asked = true;
        self.facts.delay_ms()
    }
}
