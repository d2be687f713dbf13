//! What goes with something: bindings, and exchanges that go with their last one.

use super::{Actor, Occurrence};
use crate::base::ExchangeName;
use crate::broker::{Binding, Vhost};
use crate::routing::Removed;

/// What somebody asked to be removed; everything else goes with it, and the broker did that.
#[derive(Clone, Copy)]
pub(in crate::broker) enum Asked<'a> {
    Exchange(&'a ExchangeName),
    Binding(&'a Binding),
}

impl Vhost {
    /// Tells what is gone from the table, which may be locked. Bindings go before what they led from or to;
    /// those of a crowd are counted as events that did not fit.
    pub(in crate::broker) fn tell_removed(
        &self,
        removed: &Removed,
        asked: Option<(&Actor, Asked<'_>)>,
    ) {
        let common = &self.common;
        if !common.notices.wants_events() {
            return;
        }
        let own = Actor::internal();
        for binding in &removed.bindings {
            let by = match asked {
                Some((by, Asked::Binding(asked))) if asked == binding => by,
                _ => &own,
            };
            let (vhost, binding) = (self.name.clone(), Box::new(binding.clone()));
            common.tell(by, || Occurrence::BindingDeleted { vhost, binding });
        }
        for crowd in &removed.crowds {
            common.notices.drop_events(crowd.bindings as u64);
        }
        for exchange in &removed.exchanges {
            let by = match asked {
                Some((by, Asked::Exchange(asked))) if *asked == exchange.name => by,
                _ => &own,
            };
            let (vhost, exchange) = (self.name.clone(), exchange.name.clone());
            common.tell(by, || Occurrence::ExchangeDeleted { vhost, exchange });
        }
    }
}
