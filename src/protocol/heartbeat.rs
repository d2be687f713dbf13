//! Heartbeats in both directions (spec: 4.2.7 Heartbeat Frames; rabbitmq: heartbeats.md).
//!
//! The client's value of `tune-ok` is the interval, 0 for none. Any octets count as a sign of life.
//! The peer is given up after two intervals of silence; our own sign goes out when nothing was
//! written for half an interval.

use crate::base::Millis;

/// The two timers of one connection.
#[derive(Debug)]
pub(super) struct Heartbeat {
    interval_s: u16,
    received_at: Millis,
    written_at: Millis,
    paused: bool,
}

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// A heartbeat frame is to be written.
    Send,
    /// The peer was silent for too long.
    PeerIsSilent,
}

impl Heartbeat {
    /// No heartbeats, until they are agreed on.
    pub(super) fn off(now: Millis) -> Self {
        Self { interval_s: 0, received_at: now, written_at: now, paused: false }
    }

    /// The interval is agreed on.
    pub(super) fn start(&mut self, interval_s: u16, now: Millis) {
        *self = Self { interval_s, ..Self::off(now) };
    }

    /// The interval in seconds; 0 for none.
    pub(super) fn interval_s(&self) -> u16 {
        self.interval_s
    }

    pub(super) fn received(&mut self, now: Millis) {
        self.received_at = self.received_at.max(now);
    }

    pub(super) fn wrote(&mut self, now: Millis) {
        self.written_at = self.written_at.max(now);
    }

    /// While the connection is not read, silence means nothing.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    /// It is read again, and what was not read in between counts as a sign of life.
    pub(super) fn resume(&mut self, now: Millis) {
        if std::mem::take(&mut self.paused) {
            self.received(now);
        }
    }

    /// When something was received last, and when something was written last.
    pub(super) fn last_signs(&self) -> (Millis, Millis) {
        (self.received_at, self.written_at)
    }

    pub(super) fn next_deadline(&self) -> Option<Millis> {
        if self.interval_s == 0 {
            return None;
        }
        let send = self.send_at();
        Some(if self.paused { send } else { send.min(self.silent_at()) })
    }

    pub(super) fn due(&self, now: Millis) -> Due {
        if self.interval_s == 0 {
            Due::Nothing
        } else if !self.paused && now >= self.silent_at() {
            Due::PeerIsSilent
        } else if now >= self.send_at() {
            Due::Send
        } else {
            Due::Nothing
        }
    }

    fn send_at(&self) -> Millis {
        self.written_at.after(u64::from(self.interval_s) * 1000 / 2)
    }

    fn silent_at(&self) -> Millis {
        self.received_at.after(u64::from(self.interval_s) * 2000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Heartbeat {
        let mut heartbeat = Heartbeat::off(Millis(0));
        heartbeat.start(10, Millis(1000));
        heartbeat
    }

    #[test]
    fn a_sign_goes_out_after_half_an_interval_without_a_write() {
        let mut heartbeat = started();
        assert_eq!(heartbeat.next_deadline(), Some(Millis(6000)));
        assert_eq!(heartbeat.due(Millis(5999)), Due::Nothing);
        assert_eq!(heartbeat.due(Millis(6000)), Due::Send);
        heartbeat.wrote(Millis(6000));
        assert_eq!(heartbeat.next_deadline(), Some(Millis(11_000)));
    }

    #[test]
    fn the_peer_is_given_up_after_two_intervals_of_silence() {
        let mut heartbeat = started();
        heartbeat.wrote(Millis(20_000));
        assert_eq!(heartbeat.due(Millis(20_999)), Due::Nothing);
        assert_eq!(heartbeat.due(Millis(21_000)), Due::PeerIsSilent);
        heartbeat.received(Millis(20_999));
        assert_eq!(heartbeat.due(Millis(21_000)), Due::Nothing);
    }

    #[test]
    fn silence_means_nothing_while_the_connection_is_not_read() {
        let mut heartbeat = started();
        heartbeat.pause();
        heartbeat.wrote(Millis(100_000));
        assert_eq!(heartbeat.due(Millis(100_000)), Due::Nothing);
        heartbeat.resume(Millis(100_000));
        assert_eq!(heartbeat.due(Millis(104_999)), Due::Nothing);
        heartbeat.wrote(Millis(119_999));
        assert_eq!(heartbeat.due(Millis(120_000)), Due::PeerIsSilent);
    }

    #[test]
    fn without_an_interval_nothing_is_ever_due() {
        let heartbeat = Heartbeat::off(Millis(0));
        assert_eq!(heartbeat.next_deadline(), None);
        assert_eq!(heartbeat.due(Millis(u64::MAX)), Due::Nothing);
    }
}
