//! What one connection has brought to the message log, so that it waits for the disk who fills it.
//!
//! It is a share by what is left (dynamic thresholds, A. K. Choudhury and E. L. Hahne, 1998): a connection may bring as
//! much as there is room for, so who brings much stops first, and always leaves some room.
//!
//! Invariants:
//! * W1: nobody waits while the log's pressure is normal.
//! * W2: under pressure a connection waits exactly while what it brought, and the log has not written, is at least what is
//!   left of the room.
//! * W3: what it brought counts as not written until the writer has taken twice since, which is when it is at the latest.

use crate::base::Pressure;
use crate::broker::LogLoad;

/// See the module.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct LogShare {
    /// Brought since the last look.
    fresh_bytes: u64,
    /// Brought since the writer took for the last time, as far as was looked,
    bytes: u64,
    /// and between that and the take before.
    before_bytes: u64,
    takes: u64,
}

impl LogShare {
    /// Bytes came that may be for the log.
    pub(super) fn brought(&mut self, bytes: u64) {
        self.fresh_bytes += bytes;
    }

    /// Looks at the log, before what came is handed on.
    pub(super) fn look(&mut self, load: &LogLoad) {
        if load.takes != self.takes {
            let was_last = load.takes == self.takes.wrapping_add(1);
            self.before_bytes = if was_last { self.bytes } else { 0 };
            self.bytes = 0;
            self.takes = load.takes;
        }
        self.bytes = self.bytes.saturating_add(std::mem::take(&mut self.fresh_bytes));
    }

    /// Whether the connection is to wait.
    pub(super) fn waits(mut self, load: &LogLoad) -> bool {
        if load.pressure == Pressure::Normal {
            return false;
        }
        self.look(load);
        self.bytes.saturating_add(self.before_bytes) >= load.room_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::{LOG_CHARGE_BYTES_MAX, LOG_ROOM_BYTES, LOG_WAITING_BYTES_MAX};

    /// The bytes of one read.
    const READ: u64 = 64 * 1024;

    /// A log that takes nothing, or everything at once.
    #[derive(Default)]
    struct Log {
        bytes: u64,
        charged: u64,
        takes: u64,
    }

    impl Log {
        fn load(&self) -> LogLoad {
            let is_high = self.bytes >= LOG_WAITING_BYTES_MAX;
            let pressure = if is_high { Pressure::High } else { Pressure::Normal };
            let room_bytes = LOG_ROOM_BYTES.saturating_sub(self.charged);
            LogLoad { pressure, room_bytes, takes: self.takes }
        }

        /// A read of a connection, unless it waits.
        fn reads(&mut self, share: &mut LogShare, bytes: u64) -> bool {
            let load = self.load();
            share.look(&load);
            if share.waits(&load) {
                return false;
            }
            share.brought(bytes);
            self.bytes += bytes;
            self.charged += bytes.min(LOG_CHARGE_BYTES_MAX);
            true
        }
    }

    fn fill(log: &mut Log, shares: &mut [LogShare]) {
        while shares.iter_mut().map(|share| log.reads(share, READ)).filter(|read| *read).count() > 0
        {
        }
    }

    #[test]
    fn one_that_fills_the_log_stops_where_it_always_did() {
        let mut log = Log::default();
        fill(&mut log, &mut [LogShare::default()]);
        assert_eq!(log.bytes, LOG_WAITING_BYTES_MAX, "W1 and W2");
    }

    #[test]
    fn who_brings_little_is_read_however_many_fill_the_log() {
        for heavy in [1_u32, 2, 10, 60] {
            let mut log = Log::default();
            let mut shares = vec![LogShare::default(); heavy as usize];
            let mut light = LogShare::default();
            fill(&mut log, &mut shares);
            let most = LOG_ROOM_BYTES + u64::from(heavy) * READ;
            assert!(log.bytes <= most, "{heavy} of them: {} bytes wait", log.bytes);
            for publish in 0..100 {
                let is_read = log.reads(&mut light, 100);
                assert!(is_read, "W2: {heavy} of them, publish {publish}: {:?}", log.load());
            }
            assert!(shares.iter_mut().all(|share| !log.reads(share, READ)), "they wait still");
        }
    }

    #[test]
    fn who_waits_goes_on_when_the_log_has_written_what_it_brought() {
        let (mut log, mut heavy) = (Log::default(), LogShare::default());
        fill(&mut log, std::slice::from_mut(&mut heavy));
        // Taken, and being written: somebody else keeps the pressure up.
        log.takes += 1;
        assert!(!log.reads(&mut heavy, READ), "W3: it is not written yet");
        log.takes += 1;
        assert!(log.reads(&mut heavy, READ), "W3");
        log.takes += 5;
        assert!(log.reads(&mut heavy, READ), "W3");
    }

    #[test]
    fn a_large_body_makes_its_publisher_wait_and_nobody_else() {
        let mut log = Log::default();
        let (mut large, mut light) = (LogShare::default(), LogShare::default());
        assert!(log.reads(&mut large, 100 << 20));
        assert!(!log.reads(&mut large, READ));
        assert!(log.reads(&mut light, 1000));
    }

    #[test]
    fn everybody_waits_for_a_log_that_cannot_write() {
        let load = LogLoad { pressure: Pressure::High, room_bytes: 0, takes: 3 };
        assert!(LogShare::default().waits(&load));
    }
}
