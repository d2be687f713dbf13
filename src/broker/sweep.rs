//! When a list of queues is looked through for deleted ones.

/// A connection remembers the queues it uses, and some of them are deleted meanwhile. They are looked
/// for when there may be twice as many entries as were left the last time: a connection that uses a new
/// queue for every request does not grow, and looking costs a constant per entry, however many there are.
#[derive(Debug)]
pub(super) struct Sweep {
    at: usize,
}

/// Room before the first look.
const ENTRIES_MIN: usize = 64;

impl Sweep {
    pub(super) fn new() -> Self {
        Self { at: ENTRIES_MIN }
    }

    /// Whether it is time, with so many entries.
    pub(super) fn is_due(&self, entries: usize) -> bool {
        entries > self.at
    }

    /// So many entries are left after a look.
    pub(super) fn done(&mut self, left: usize) {
        self.at = ENTRIES_MIN.max(2 * left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_costs_a_constant_per_entry() {
        let (mut sweep, mut looked_at) = (Sweep::new(), 0);
        let entries = 100_000;
        for len in 1..=entries {
            if sweep.is_due(len) {
                looked_at += len;
                sweep.done(len);
            }
        }
        assert!(looked_at <= 2 * entries, "{looked_at} entries looked at for {entries}");
    }

    #[test]
    fn a_list_whose_entries_are_deleted_stays_short() {
        let (mut sweep, mut len) = (Sweep::new(), 0);
        for _ in 0..100_000 {
            len += 1;
            if sweep.is_due(len) {
                len = 1;
                sweep.done(len);
            }
            assert!(len <= ENTRIES_MIN);
        }
    }
}
