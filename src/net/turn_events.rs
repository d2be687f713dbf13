//! The events of one turn of a session: a bounded part of what its inbox holds.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::ConsumerId;
use crate::base::limits::TURN_EVENTS_MAX;
use crate::broker::{Cell, Event, Inbox};

/// Events between the inbox and the turns that work them off, and the room of their list.
#[derive(Default)]
pub(super) struct TurnEvents {
    /// Taken out of the inbox and not worked off yet.
    taken: VecDeque<Event>,
    /// How many more the turn may have.
    left: usize,
}

impl TurnEvents {
    /// A turn begins; says whether there are events for it. What one turn has no room for stays here for later
    /// ones, and while there is some nothing is taken out of the inbox, so that its bound holds.
    pub(super) fn begin(&mut self, inbox: &Inbox, held: &mut Vec<(Arc<Cell>, ConsumerId)>) -> bool {
        self.left = TURN_EVENTS_MAX;
        if self.taken.is_empty() {
            // No event is moved: an empty ring becomes a list as it is, and any list a ring.
            let mut room = Vec::from(std::mem::take(&mut self.taken));
            inbox.take(&mut room, held);
            self.taken = VecDeque::from(room);
        }
        !self.taken.is_empty()
    }

    /// The next event of the turn.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Event> {
        self.left = self.left.checked_sub(1)?;
        self.taken.pop_front()
    }

    /// How many events are for later turns, once the turn is over.
    pub(super) fn later(&self) -> usize {
        self.taken.len()
    }
}
