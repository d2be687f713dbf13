//! Where a new message goes, in a queue whose settings have a say in it.

use std::vec;

use crate::base::{MessageId, Millis, TimeToLive};

use super::confirms::ConfirmRun;
use super::entry::{Entry, Facts};
use super::{Delay, Effects, Incoming, Machine, WhenDue};

/// What a message brings along for its place in the queue.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    ttl: Option<TimeToLive>,
    priority: u8,
    due: Option<Delay>,
}

impl<P: Clone> Machine<P> {
    /// Takes messages, or what is left of a batch, where settings or a message's own TTL have a say in
    /// it. `run` is what is confirmed already.
    #[inline(never)]
    pub(super) fn enqueue_arranged(
        &mut self,
        now: Millis,
        first: Option<Incoming<P>>,
        others: vec::IntoIter<Incoming<P>>,
        mut run: ConfirmRun,
        effects: &mut Effects<P>,
    ) {
        let mut room = self.room();
        for message in first.into_iter().chain(others) {
            let Incoming { payload, bytes, persistent, publish, ttl, priority, due } = message;
            if self.refuses(&mut room, bytes) {
                self.refuse(payload, publish, effects);
                continue;
            }
            let appended = self.appends(persistent);
            let copy = appended.then(|| payload.clone());
            let entry = Entry { payload, facts: Facts::new(bytes, appended) };
            let id = self.arrange(now, entry, Arrival { ttl, priority, due });
            self.taken_in(id, copy, publish, &mut run, effects);
        }
        run.emit(effects);
        self.page_out(effects);
    }

    /// Puts a new message to its place, in a queue whose settings have a say in it; gives its id.
    fn arrange(&mut self, now: Millis, mut entry: Entry<P>, arrival: Arrival) -> MessageId {
        let Arrival { ttl, priority, due } = arrival;
        entry.facts.set_priority(priority.min(self.config.max_priority.unwrap_or(0)));
        let expires = self.expiry(now, ttl.map(TimeToLive::ms));
        if expires.is_some() {
            entry.facts.set_expires(true);
            (self.may_expire, self.plain) = (true, false);
        }
        let due = due.map(|delay| now.after(delay.ms().into()));
        let waits = match self.config.due {
            WhenDue::Ignored => None,
            WhenDue::Ready => due.filter(|due| *due > now),
            WhenDue::Forward => due,
        };
        let levelled = self.ready.is_levelled();
        let id = if let Some(until) = waits {
            let id = self.ready.reserve();
            self.delayed.insert(until, id, entry);
            id
        } else {
            self.ready.push_levelled(entry)
        };
        match expires {
            Some(at) if levelled => self.expiries.insert(id, at),
            Some(at) => self.expiries.push_fresh(id, at),
            None => {}
        }
        id
    }
}
