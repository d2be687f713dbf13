//! Time and the holding back of publishers: heartbeats, time-outs, `connection.blocked`.

use crate::base::Millis;
use crate::wire::Method;

use super::action::Action;
use super::closing::CONNECTION;
use super::connection::{Connection, State};
use super::error::short_text;
use super::heartbeat::Due;
use super::info::Initiator;
use super::turn::Waiting;

/// Whether a connection publishes, and whether an alarm holds it back.
#[derive(Debug, Default)]
pub(super) struct Flow {
    has_published: bool,
    is_blocked: bool,
}

impl Flow {
    /// A publish has begun.
    pub(super) fn publishes(&mut self) {
        self.has_published = true;
    }

    pub(super) fn has_published(&self) -> bool {
        self.has_published
    }

    /// RabbitMQ's word for the state of an open connection.
    pub(super) fn name(&self) -> &'static str {
        match (self.is_blocked, self.has_published) {
            (false, _) => "running",
            (true, false) => "blocking",
            (true, true) => "blocked",
        }
    }

    fn is_held(&self) -> bool {
        self.is_blocked && self.has_published
    }
}

impl Connection {
    /// An alarm holds publishers back (`reason`), or does so no more (`None`). The client is told
    /// once, when it takes it; who is not read is not expected to show life.
    pub fn block(&mut self, reason: Option<&str>) {
        let is_blocked = reason.is_some();
        if !matches!(self.state, State::Open) || self.flow.is_blocked == is_blocked {
            return;
        }
        self.flow.is_blocked = is_blocked;
        if self.client.takes_blocked() {
            let method = match reason {
                Some(reason) => Method::ConnectionBlocked { reason: short_text(reason) },
                None => Method::ConnectionUnblocked,
            };
            self.output.method(CONNECTION, &method);
        }
        self.pace();
    }

    /// When [`Self::tick`] is to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        let heartbeat = self.heartbeat.next_deadline();
        match &self.state {
            State::Handshake { deadline, .. } => {
                Some(heartbeat.map_or(*deadline, |heartbeat| heartbeat.min(*deadline)))
            }
            State::Open => heartbeat,
            State::Closing { deadline } => Some(*deadline),
            State::Closed => None,
        }
    }

    /// Heartbeats both ways, the time-outs of handshake and close.
    pub fn tick(&mut self, now: Millis, actions: &mut Vec<Action>) {
        self.now = self.now.max(now);
        match &self.state {
            State::Handshake { step, deadline } if now >= *deadline => {
                let line = format!("handshake timed out in state {}", step.name());
                actions.push(Action::Log(line));
                self.disconnect(Initiator::Server, 0, actions);
            }
            State::Closing { deadline } if now >= *deadline => {
                self.disconnect(Initiator::Server, 0, actions);
            }
            State::Handshake { .. } | State::Open => self.beat(actions),
            State::Closing { .. } | State::Closed => {}
        }
    }

    /// Something was written to the socket.
    pub fn wrote(&mut self, now: Millis) {
        self.now = self.now.max(now);
        self.heartbeat.wrote(now);
    }

    fn beat(&mut self, actions: &mut Vec<Action>) {
        match self.heartbeat.due(self.now) {
            Due::Nothing => {}
            Due::Send => {
                // What waits to be written is a sign of life as soon as the peer reads it.
                if self.output.is_empty() {
                    self.output.heartbeat();
                }
                self.heartbeat.wrote(self.now);
            }
            Due::PeerIsSilent => {
                let interval_s = self.heartbeat.interval_s();
                let line = format!("missed heartbeats from client, timeout: {interval_s}s");
                actions.push(Action::Log(line));
                self.disconnect(Initiator::Server, 0, actions);
            }
        }
    }

    /// The peer's silence counts only while the connection is read.
    pub(super) fn pace(&mut self) {
        if matches!(self.waiting, Waiting::Nothing) && !self.flow.is_held() {
            self.heartbeat.resume(self.now);
        } else {
            self.heartbeat.pause();
        }
    }
}
