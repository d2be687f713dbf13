//! The events of one turn of a session: a bounded part of what its inbox holds.

use std::sync::Arc;

use crate::base::ConsumerId;
use crate::base::limits::TURN_EVENTS_MAX;
use crate::broker::{Cell, Event, Inbox};

/// Room for this many events of later turns is kept; a burst that needed more gives it back.
const KEPT_EVENTS_MAX: usize = 4 * TURN_EVENTS_MAX;

/// Events between the inbox and the turns that work them off, and the room of their lists.
#[derive(Default)]
pub(super) struct TurnEvents {
    /// Empty while a turn has it.
    room: Vec<Event>,
    /// Events that were taken out of the inbox and are for later turns, the last first.
    later: Vec<Event>,
}

impl TurnEvents {
    /// The events of the next turn, to be given back empty. What a turn has no room for is kept apart,
    /// and while there is some nothing is taken out of the inbox, so that its bound holds.
    pub(super) fn take(
        &mut self,
        inbox: &Inbox,
        held: &mut Vec<(Arc<Cell>, ConsumerId)>,
    ) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.room);
        if self.later.is_empty() {
            inbox.take(&mut events, held);
            if events.len() > TURN_EVENTS_MAX {
                self.later.extend(events.drain(TURN_EVENTS_MAX..).rev());
            }
        } else {
            let rest = self.later.len().saturating_sub(TURN_EVENTS_MAX);
            events.extend(self.later.drain(rest..).rev());
            if rest == 0 && self.later.capacity() > KEPT_EVENTS_MAX {
                self.later = Vec::new();
            }
        }
        events
    }

    /// Takes the list back, for its room.
    pub(super) fn give_back(&mut self, events: Vec<Event>) {
        self.room = events;
    }

    /// How many events are for later turns.
    pub(super) fn later(&self) -> usize {
        self.later.len()
    }
}
