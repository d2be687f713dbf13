//! The bindings from one exchange, in the form in which its type finds them.

use crate::base::FieldTable;

use super::direct::Direct;
use super::fanout::Fanout;
use super::headers::{self, Headers, MessageHeaders};
use super::target::{BindingSlot, Matches, Target};
use super::topic::{Topic, Walk};
use super::{ExchangeKind, RoutingError};

/// One router per exchange, of the exchange's type.
#[derive(Clone, Debug)]
pub(super) enum Router {
    Direct(Direct),
    Fanout(Fanout),
    Topic(Topic),
    Headers(Headers),
}

/// What a router is told of a binding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route<'a> {
    pub(super) binding: BindingSlot,
    pub(super) key: &'a [u8],
    pub(super) arguments: &'a FieldTable,
    pub(super) target: Target,
}

impl Router {
    pub(super) fn new(kind: ExchangeKind) -> Self {
        match kind {
            ExchangeKind::Direct => Self::Direct(Direct::default()),
            ExchangeKind::Fanout => Self::Fanout(Fanout::default()),
            ExchangeKind::Topic => Self::Topic(Topic::default()),
            ExchangeKind::Headers => Self::Headers(Headers::default()),
        }
    }

    /// Refuses a binding that this type of exchange cannot have.
    pub(super) fn check_binding(&self, arguments: &FieldTable) -> Result<(), RoutingError> {
        match self {
            Self::Headers(_) => headers::check_arguments(arguments),
            Self::Direct(_) | Self::Fanout(_) | Self::Topic(_) => Ok(()),
        }
    }

    pub(super) fn add(&mut self, route: Route<'_>) {
        match self {
            Self::Direct(direct) => direct.add(route.key, route.target),
            Self::Fanout(fanout) => fanout.add(route.target),
            Self::Topic(topic) => topic.add(route.key, route.target),
            Self::Headers(headers) => headers.add(route.binding, route.arguments, route.target),
        }
    }

    pub(super) fn remove(&mut self, route: Route<'_>) {
        match self {
            Self::Direct(direct) => direct.remove(route.key, route.target),
            Self::Fanout(fanout) => fanout.remove(route.target),
            Self::Topic(topic) => topic.remove(route.key, route.target),
            Self::Headers(headers) => headers.remove(route.binding, route.arguments, route.target),
        }
    }

    /// Adds where a message with these keys goes; `headers` is asked for only when it matters.
    pub(super) fn matches(
        &self,
        keys: &[&[u8]],
        headers: &mut LazyHeaders<'_>,
        walk: &mut Walk,
        matches: &mut Matches,
    ) {
        match self {
            Self::Direct(direct) => keys.iter().for_each(|key| direct.matches(key, matches)),
            Self::Fanout(fanout) => fanout.matches(matches),
            Self::Topic(topic) => keys.iter().for_each(|key| topic.matches(key, walk, matches)),
            Self::Headers(router) => router.matches(headers.force(), matches),
        }
    }
}

/// The headers of the message being routed, decoded when the first headers exchange is reached: most
/// messages never meet one.
pub(super) struct LazyHeaders<'a> {
    decode: &'a mut dyn FnMut() -> FieldTable,
    decoded: &'a mut MessageHeaders,
    is_decoded: bool,
}

impl<'a> LazyHeaders<'a> {
    /// `room` is where they go; what is in it is another message's.
    pub(super) fn new(
        decode: &'a mut dyn FnMut() -> FieldTable,
        room: &'a mut MessageHeaders,
    ) -> Self {
        Self { decode, decoded: room, is_decoded: false }
    }

    pub(super) fn is_decoded(&self) -> bool {
        self.is_decoded
    }

    fn force(&mut self) -> &MessageHeaders {
        if !self.is_decoded {
            self.decoded.fill(&(self.decode)());
            self.is_decoded = true;
        }
        self.decoded
    }
}
