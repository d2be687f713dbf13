//! Pages of waiting messages.

use std::sync::Arc;

use super::{Arrival, Filter};
use crate::base::limits::PEEK_STEP_MESSAGES;
use crate::base::{Message, MessageId, Millis};
use crate::broker::pages::moment;
use crate::broker::payload::{Content, Payload};
use crate::broker::{Cell, Unreadable};
use crate::queue::{Next, Place, Span};
use crate::store::IndexEntry;

/// How much one look may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeekBounds {
    /// Messages that are shown.
    pub shown: usize,
    /// Messages that are looked at.
    pub looked_at: usize,
    /// Bytes of messages that are looked at; the one that crosses the line still is.
    pub bytes: u64,
}

/// A page.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Peeked {
    /// The messages.
    pub messages: Vec<PeekedMessage>,
    /// Where to go on; `None` at the end of the queue.
    pub next: Option<Place>,
    /// How many messages were looked at.
    pub looked_at: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// How many of them cannot be read from disk.
    pub unreadable: usize,
}

/// A message of a page.
#[derive(Clone, PartialEq, Debug)]
pub struct PeekedMessage {
    /// Where it stands.
    pub place: Place,
    /// The message.
    pub message: Message,
    /// How often it was handed out before.
    pub acquired_count: u16,
    /// How many of these attempts failed.
    pub delivery_count: u32,
    /// When it expires.
    pub expires: Option<Millis>,
    /// When it came, as far as that is known.
    pub arrival: Option<Arrival>,
}

/// Something to be looked at.
struct Candidate {
    place: Place,
    content: Content,
    acquired_count: u16,
    delivery_count: u32,
    expires: Option<Millis>,
}

impl Cell {
    /// Shows waiting messages from a place on that the filter takes. They stay where they are, and nobody can
    /// tell that somebody looked. Blocks on the disk.
    ///
    /// # Errors
    /// When the index of a long queue cannot be read.
    pub fn peek(
        self: &Arc<Self>,
        from: Place,
        filter: &Filter,
        bounds: PeekBounds,
    ) -> Result<Peeked, Unreadable> {
        let (mut page, mut from) = (Peeked::default(), Some(from));
        while let Some(place) = from.take() {
            let left = bounds.looked_at.saturating_sub(page.looked_at);
            if page.is_full(bounds) {
                page.next = Some(place);
                break;
            }
            let (seen, next) =
                self.look(|core| core.machine.peek(place, left.min(PEEK_STEP_MESSAGES)));
            let here = seen.into_iter().map(|seen| Candidate {
                place: seen.place,
                content: self.content_of(seen.payload, seen.place.id),
                acquired_count: seen.acquired_count,
                delivery_count: seen.delivery_count,
                expires: seen.expires,
            });
            from = self.look_at(here.collect(), filter, bounds, &mut page);
            if from.is_some() {
                continue;
            }
            from = match next {
                Next::End => None,
                Next::At(place) => Some(place),
                Next::Away(span) if page.is_full(bounds) => {
                    Some(Place { level: 0, id: span.first })
                }
                Next::Away(span) => Some(self.look_away(span, filter, bounds, &mut page)?),
            };
        }
        self.tell_arrivals(&mut page);
        Ok(page)
    }

    /// Looks at what is away, a step of it; gives where to go on.
    fn look_away(
        &self,
        span: Span,
        filter: &Filter,
        bounds: PeekBounds,
        page: &mut Peeked,
    ) -> Result<Place, Unreadable> {
        let behind = Place { level: 0, id: span.last.next() };
        let Some(log) = &self.common().log else { return Ok(behind) };
        let left = bounds.looked_at.saturating_sub(page.looked_at).max(1);
        let count = left.min(PEEK_STEP_MESSAGES);
        let mut entries = log.entries(self.info().number, span.first, count)?;
        let is_end = entries.len() < count;
        entries.retain(|entry| entry.id <= span.last);
        let last = entries.last().map(|entry| entry.id);
        let clock = &self.common().clock;
        let (now, unix_ms) = (clock.now(), clock.unix_ms());
        let here = entries.iter().map(|entry| self.candidate(entry, now, unix_ms)).collect();
        Ok(match (self.look_at(here, filter, bounds, page), last) {
            (Some(place), _) => place,
            (None, Some(last)) if !is_end => Place { level: 0, id: last.next() },
            (None, _) => behind,
        })
    }

    fn candidate(&self, entry: &IndexEntry, now: Millis, unix_ms: u64) -> Candidate {
        Candidate {
            place: Place { level: 0, id: entry.id },
            content: self.content_of(Payload::stored(entry.position, None), entry.id),
            acquired_count: entry.deliveries,
            delivery_count: entry.failures.into(),
            expires: entry.expires_unix_ms.map(|at| moment(at, now, unix_ms)),
        }
    }

    /// Takes what is wanted; gives the place of the first that was not looked at because it was enough.
    fn look_at(
        &self,
        candidates: Vec<Candidate>,
        filter: &Filter,
        bounds: PeekBounds,
        page: &mut Peeked,
    ) -> Option<Place> {
        for candidate in candidates {
            if page.is_full(bounds) {
                return Some(candidate.place);
            }
            page.looked_at += 1;
            let message = match candidate.content.load() {
                Ok(message) => message,
                // It was settled since.
                Err(Unreadable::Gone { .. }) => continue,
                Err(_) => {
                    page.unreadable += 1;
                    continue;
                }
            };
            page.bytes += message.content_bytes();
            if filter.takes(&message, self.common().parse_headers) {
                page.messages.push(PeekedMessage {
                    place: candidate.place,
                    message,
                    acquired_count: candidate.acquired_count,
                    delivery_count: candidate.delivery_count,
                    expires: candidate.expires,
                    arrival: None,
                });
            }
        }
        None
    }

    fn tell_arrivals(self: &Arc<Self>, page: &mut Peeked) {
        self.look(|core| {
            for one in &mut page.messages {
                one.arrival = core.arrivals.of(one.place.id);
            }
        });
    }

    /// The content of a message of this queue.
    pub(super) fn content_of(&self, payload: Payload, id: MessageId) -> Content {
        let log = self.common().log.as_ref().map(|log| (log, self.info().number));
        payload.content(id, log)
    }
}

impl Peeked {
    fn is_full(&self, bounds: PeekBounds) -> bool {
        self.messages.len() >= bounds.shown
            || self.looked_at >= bounds.looked_at
            || self.bytes >= bounds.bytes
    }
}
