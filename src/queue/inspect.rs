//! Looks at a queue that are no part of its history: nothing that the machine does depends on them.
//!
//! Who pages through what waits goes from [`Place`] to [`Place`]: a place only names where a message stands in
//! the order in which the queue hands out, so it stays good while messages come and go. What is away is not
//! here: [`Next::Away`] says which ids the driver's index has, in the same order.

use crate::base::{ConsumerId, HolderId, MessageId, Millis};

use super::entry::Entry;
use super::{Consumer, Flow, Machine, Span};

/// A place in the order in which waiting messages are handed out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Priorities above that of the message here; 0 in a queue without priorities.
    pub level: u8,
    /// No message here has a lower id.
    pub id: MessageId,
}

impl Place {
    /// The head of any queue.
    pub const HEAD: Self = Self { level: 0, id: MessageId(0) };
}

/// A waiting message, as it is shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen<P> {
    /// Where it stands.
    pub place: Place,
    /// The driver's handle.
    pub payload: P,
    /// Bytes it costs.
    pub bytes: u64,
    /// How often it was handed out before.
    pub acquired_count: u16,
    /// How many of these attempts failed.
    pub delivery_count: u32,
    /// When it expires.
    pub expires: Option<Millis>,
}

/// What comes behind the messages that were shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Nothing.
    End,
    /// More, from this place on.
    At(Place),
    /// What is away, from `first` to `last` of the span; what is behind it stands from the id after `last` on.
    Away(Span),
}

/// A message that was handed out and not settled.
#[derive(Clone, PartialEq, Debug)]
pub struct Outstanding<P> {
    /// Who holds it.
    pub holder: HolderId,
    /// The consumer that was given it; `None` for a fetch, and when the consumer has left.
    pub consumer: Option<ConsumerId>,
    /// Its id.
    pub id: MessageId,
    /// When it was handed out.
    pub at: Millis,
    /// The driver's handle.
    pub payload: P,
    /// Bytes it costs.
    pub bytes: u64,
    /// How often it was handed out before this time.
    pub acquired_count: u16,
}

/// How a consumer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing<'a> {
    /// As it was attached.
    pub consumer: &'a Consumer,
    /// Unsettled messages that it was given.
    pub unsettled: u32,
    /// Whether its connection, or the credit that it shares, lets it be given any.
    pub flow: Flow,
    /// Whether another one is the single active consumer.
    pub stands_by: bool,
    /// How long it may take to settle a message, in ms.
    pub timeout: Option<u64>,
}

/// What can be told of messages in general, without a look at each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Depths {
    /// Waiting messages that are in no list in RAM.
    pub away: u64,
    /// Bytes of messages whose content lies on disk only.
    pub disk_bytes: u64,
    /// Publishes that wait for the disk.
    pub waiting_for_disk: u64,
    /// Whether something waits for messages to be paged in.
    pub waits_for_page: bool,
    /// When the first of the delayed messages is ready.
    pub next_due: Option<Millis>,
    /// When the head expires, if it is in RAM and does.
    pub head_expires: Option<Millis>,
}

impl<P: Clone> Machine<P> {
    /// The lowest id that a waiting message may have; `None` when none waits. Of what is away the lowest one
    /// may be gone.
    #[must_use]
    pub fn oldest_ready(&self) -> Option<MessageId> {
        self.ready.lowest()
    }

    /// The lowest id that a message may have which is there, waiting or held; `None` when there is none. A
    /// message that is held may have any id.
    #[must_use]
    pub fn oldest_there(&self) -> Option<MessageId> {
        let held = self.unsettled.len() + self.delayed() + self.departing();
        if held > 0 { Some(MessageId(0)) } else { self.oldest_ready() }
    }

    /// What waits from a place on, at most `limit` messages, in the order in which they are handed out.
    #[must_use]
    pub fn peek(&self, from: Place, limit: usize) -> (Vec<Seen<P>>, Next) {
        let mut seen = Vec::new();
        let next = self.ready.peek(from, limit, |place, entry| seen.push(self.seen(place, entry)));
        (seen, next)
    }

    /// Looks at what was handed out and is not settled, holder by holder, until `each` says that it has seen
    /// enough.
    pub fn outstanding(&self, mut each: impl FnMut(Outstanding<&P>) -> bool) {
        self.unsettled.each(|holder, id, handed| {
            let consumer = handed.consumer.and_then(|key| self.consumers.get(key));
            each(Outstanding {
                holder,
                consumer: consumer.map(|consumer| consumer.id),
                id,
                at: handed.at,
                payload: &handed.entry.payload,
                bytes: handed.entry.facts.bytes,
                acquired_count: handed.entry.facts.acquired_count(),
            })
        });
    }

    /// The consumers, and how each stands.
    pub fn standings(&self) -> impl Iterator<Item = Standing<'_>> {
        self.consumers.attached().map(|attached| Standing {
            consumer: &attached.consumer,
            unsettled: attached.unsettled,
            flow: attached.flow,
            stands_by: attached.stands_by,
            timeout: attached.consumer.timeout.or(self.config.consumer_timeout),
        })
    }

    /// See [`Depths`].
    #[must_use]
    pub fn depths(&self) -> Depths {
        Depths {
            away: self.ready.away_messages(),
            disk_bytes: self.disk_bytes,
            waiting_for_disk: self.waiting.len() as u64,
            waits_for_page: !self.deferred.is_empty() || self.ready.is_asked(),
            next_due: self.first_due(),
            head_expires: self.head_expiry(),
        }
    }

    fn seen(&self, place: Place, entry: &Entry<P>) -> Seen<P> {
        let facts = entry.facts;
        Seen {
            place,
            payload: entry.payload.clone(),
            bytes: facts.bytes,
            acquired_count: facts.acquired_count(),
            delivery_count: facts.delivery_count(),
            expires: if facts.expires() { self.expiries.of(place.id) } else { None },
        }
    }
}
