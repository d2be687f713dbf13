//! The invariants of [`super::machine`] that can be seen from the state alone, checked in tests.

use std::collections::BTreeSet;

use super::held::Held;
use super::{Access, Acknowledge, Command, Machine, Residence};

impl<P: Clone> Machine<P> {
    /// Panics with the number of the invariant that does not hold.
    pub(super) fn check_invariants(&self) {
        self.check_messages();
        self.check_consumers();
        self.check_expiries();
        for (id, _) in self.waiting.iter() {
            let ready =
                self.ready.iter().any(|(other, entry)| other == id && entry.facts.appended());
            let mut others = self.departing.iter().chain(self.delayed.iter());
            let departs = others.any(|(other, _)| other == id);
            let mut held = self.unsettled.holders().flat_map(Held::iter);
            assert!(
                ready
                    || departs
                    || held.any(|(other, handed)| other == id && handed.entry.facts.appended()),
                "Q6: {id} waits for the disk and is not in the queue"
            );
        }
        if self.is_deleted() {
            let counts = (self.ready(), self.unsettled(), self.consumers());
            assert_eq!((self.departing(), self.delayed()), (0, 0), "Q9");
            assert_eq!(counts, (0, 0, 0), "Q9: a deleted queue holds something");
            assert_eq!(self.waiting.iter().count(), 0, "Q9: a publish waits on a deleted queue");
        }
    }

    fn check_messages(&self) {
        let ready: Vec<_> = self.ready.iter().map(|(id, _)| id).collect();
        let levelled = self.ready.is_levelled();
        assert!(
            levelled || ready.is_sorted_by(|a, b| a < b),
            "Q2: ready messages are not in order"
        );
        let mut all: BTreeSet<_> = ready.into_iter().collect();
        let mut unsettled = 0;
        let mut unsettled_bytes = 0;
        for held in self.unsettled.holders() {
            assert!(held.consumers > 0 || !held.is_empty(), "Q3: an idle holder is remembered");
            for (id, handed) in held.iter() {
                assert!(all.insert(id), "Q1: {id} is in two places");
                unsettled += 1;
                unsettled_bytes += handed.entry.facts.bytes;
            }
        }
        let mut delayed_bytes = 0;
        for (id, entry) in self.delayed.iter() {
            assert!(all.insert(id), "Q1: {id} is in two places");
            delayed_bytes += entry.facts.bytes;
        }
        assert_eq!(self.delayed_bytes(), delayed_bytes, "Q8: delayed bytes");
        let mut departing_bytes = 0;
        for (id, entry) in self.departing.iter() {
            assert!(all.insert(id), "Q1: {id} is in two places");
            departing_bytes += entry.facts.bytes;
        }
        assert_eq!(self.departing_bytes(), departing_bytes, "Q8: departing bytes");
        let held = self.unsettled.holders().flat_map(Held::iter).map(|(_, handed)| &handed.entry);
        let ready = self.ready.iter().chain(self.departing.iter()).chain(self.delayed.iter());
        let entries = held.chain(ready.map(|(_, entry)| entry));
        let in_ram: u64 = entries
            .filter(|entry| entry.facts.residence() == Residence::Ram)
            .map(|entry| entry.facts.bytes)
            .sum();
        let places = self.ready.place_bytes() + self.delayed.place_bytes();
        assert_eq!(self.ram_bytes(), in_ram + places, "Q8: bytes in RAM");
        let (away, away_bytes) = self.check_away();
        let here: u64 = self.ready.iter().map(|(_, entry)| entry.facts.bytes).sum();
        let ready_bytes = here + away_bytes;
        assert_eq!(
            self.ready() + self.unsettled() + self.departing() + self.delayed(),
            all.len() as u64 + away,
            "Q8: counts"
        );
        assert_eq!(self.unsettled(), unsettled, "Q8: unsettled");
        assert_eq!(self.ready_bytes(), ready_bytes, "Q8: ready bytes");
        assert_eq!(self.unsettled_bytes(), unsettled_bytes, "Q8: unsettled bytes");
    }

    /// What expires is known where it is, and nothing else is.
    fn check_expiries(&self) {
        let held = self.unsettled.holders().flat_map(Held::iter).map(|(id, h)| (id, &h.entry));
        let ready: Vec<_> = self.ready.iter().chain(self.delayed.iter()).collect();
        let expiring = ready.iter().copied().chain(held).filter(|(_, entry)| entry.facts.expires());
        let marked: BTreeSet<_> = expiring.map(|(id, _)| id).collect();
        for (id, _) in &ready {
            assert!(!marked.contains(id) || self.expiries.of(*id).is_some(), "Q12: {id}");
        }
        let known: BTreeSet<_> = self.expiries.others().collect();
        assert!(known.is_subset(&marked), "Q12: {known:?} of {marked:?}");
        assert!(!self.plain || marked.is_empty(), "Q12: a plain queue does not look at the time");
    }

    /// Gives the messages that are away and their bytes.
    fn check_away(&self) -> (u64, u64) {
        let first_waits = matches!(self.deferred.front(), Some(Command::Get { .. }));
        assert!(self.deferred.is_empty() || first_waits, "Q10: something waits for nothing");
        let Some((before, away)) = self.ready.away() else {
            let waits = !self.deferred.is_empty() && self.plain;
            assert!(!waits, "Q10: something waits though all is here");
            return (0, 0);
        };
        if self.ready.is_levelled() {
            return (away.messages, away.bytes);
        }
        let ids: Vec<_> = self.ready.iter().map(|(id, _)| id).collect();
        assert!(ids[..before].iter().all(|id| *id < away.first), "Q2: the head is not the head");
        assert!(ids[before..].iter().all(|id| away.last < *id), "Q2: the tail is not the tail");
        for held in self.unsettled.holders() {
            assert!(held.iter().all(|(id, _)| id < away.first), "Q1: in two places");
        }
        assert!(self.waiting.iter().all(|(id, _)| id < away.first || away.last < id), "Q10");
        assert!(self.deferred.is_empty() || before == 0, "Q10: a get waits for what is here");
        assert!(away.messages > 0 && away.messages <= away.last.0 - away.first.0 + 1, "Q8");
        (away.messages, away.bytes)
    }

    fn check_consumers(&self) {
        for (key, attached, has_turn) in self.consumers.iter() {
            let id = attached.consumer.id;
            let held = self.unsettled.holders().flat_map(Held::iter);
            let open = held.filter(|(_, handed)| handed.consumer == Some(key)).count();
            assert_eq!(open, attached.unsettled as usize, "Q5: credit of consumer {id}");
            if let Acknowledge::Manual { prefetch, .. } = attached.consumer.acknowledge {
                assert!(attached.unsettled <= prefetch, "Q5: prefetch of consumer {id}");
            }
            assert_eq!(has_turn, attached.can_take(), "Q4: turn of consumer {id}");
            let active = !self.config.single_active || self.active_consumer() == Some(id);
            assert_eq!(!attached.stands_by, active, "Q14: consumer {id}");
            if attached.consumer.access == Access::Exclusive {
                assert_eq!(self.consumers(), 1, "Q7: consumer {id} is not alone");
            }
        }
        let nobody = self.config.single_active && self.active_consumer().is_none();
        assert!(!nobody || self.consumers() == 0, "Q14: nobody is active");
        let joined: u32 = self.unsettled.holders().map(|held| held.consumers).sum();
        assert_eq!(u64::from(joined), self.consumers(), "Q3: consumers of the holders");
    }
}
