//! Looks at the ready list that change nothing.

use std::ops::ControlFlow;

use crate::base::MessageId;

use super::backlog::Backlog;
use super::entry::Entry;
use super::levels::Levels;
use super::ready::Ready;
use super::{Next, Place, Span};

/// Shows messages until there were enough.
struct Showing<F> {
    left: usize,
    each: F,
}

impl<F> Showing<F> {
    /// `Break` names the first message that was not shown.
    fn show<P>(&mut self, place: Place, entry: &Entry<P>) -> ControlFlow<Next>
    where
        F: FnMut(Place, &Entry<P>),
    {
        if self.left == 0 {
            return ControlFlow::Break(Next::At(place));
        }
        self.left -= 1;
        (self.each)(place, entry);
        ControlFlow::Continue(())
    }
}

impl<P> Ready<P> {
    /// The lowest id that may be here.
    pub(super) fn lowest(&self) -> Option<MessageId> {
        if self.is_empty() {
            return None;
        }
        let levels = self.levels().and_then(Levels::lowest);
        let returned = self.returned().first_key_value().map(|(id, _)| *id);
        let older = [levels, returned, self.backlog().first()].into_iter().flatten().min();
        Some(older.unwrap_or(self.first_fresh_id()))
    }

    /// Messages that are away.
    pub(super) fn away_messages(&self) -> u64 {
        self.backlog().away().map_or(0, |away| away.messages)
    }

    /// Whether something that is away is on its way.
    pub(super) fn is_asked(&self) -> bool {
        self.backlog().is_asked()
    }

    /// Shows what is here from a place on, at most `limit` messages.
    pub(super) fn peek(
        &self,
        from: Place,
        limit: usize,
        each: impl FnMut(Place, &Entry<P>),
    ) -> Next {
        let mut showing = Showing { left: limit, each };
        let shown = match self.levels() {
            Some(levels) => self.peek_levels(levels, from, &mut showing),
            None => self.peek_in_order(from.id, &mut showing),
        };
        match shown {
            ControlFlow::Break(next) => next,
            ControlFlow::Continue(()) => Next::End,
        }
    }

    fn peek_in_order(
        &self,
        from: MessageId,
        showing: &mut Showing<impl FnMut(Place, &Entry<P>)>,
    ) -> ControlFlow<Next> {
        let place = |id| Place { level: 0, id };
        for (id, entry) in self.returned().range(from..) {
            showing.show(place(*id), entry)?;
        }
        for (id, entry) in self.backlog().from(from) {
            showing.show(place(id), entry)?;
        }
        if let Some(away) = away_from(self.backlog(), from) {
            return ControlFlow::Break(Next::Away(away));
        }
        let fresh = self.first_fresh_id();
        let skipped = usize::try_from(from.0.saturating_sub(fresh.0)).unwrap_or(usize::MAX);
        for (at, entry) in self.fresh().from(skipped).enumerate() {
            showing.show(place(MessageId(fresh.0 + (skipped + at) as u64)), entry)?;
        }
        ControlFlow::Continue(())
    }

    /// After a restart such a queue takes everything in before it hands anything out; until then what is
    /// away stands alone.
    fn peek_levels(
        &self,
        levels: &Levels<P>,
        from: Place,
        showing: &mut Showing<impl FnMut(Place, &Entry<P>)>,
    ) -> ControlFlow<Next> {
        if let Some(away) = away_from(self.backlog(), from.id) {
            return ControlFlow::Break(Next::Away(away));
        }
        levels.peek(from, |place, entry| showing.show(place, entry))
    }
}

fn away_from<P>(backlog: &Backlog<P>, from: MessageId) -> Option<Span> {
    let away = backlog.away().filter(|away| from <= away.last)?;
    Some(Span { first: away.first.max(from), ..away })
}
