//! How channels and connections end: the one place that writes `channel.close` and
//! `connection.close`, and that knows who began it.

use crate::base::limits::{CLOSE_TIMEOUT_MS, REFUSED_LOGIN_PAUSE_MS};
use crate::base::{ChannelId, Millis, ReplyCode};
use crate::wire::{Frame, FrameKind, Method, MethodId, WireError, decode_method};

use super::action::{Action, Refusal};
use super::connection::{Connection, State};
use super::error::{Failure, ProtocolError, Severity};
use super::handshake::Handshake;
use super::info::Initiator;
use super::turn::Waiting;

/// Channel 0 is the connection itself.
pub(super) const CONNECTION: ChannelId = ChannelId(0);

/// What a peer is told of its failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// `connection.close`.
    Frame,
    /// Nothing: it is not logged in.
    Nothing,
}

impl Connection {
    /// The broker closes the connection.
    pub fn close(&mut self, now: Millis, refusal: Refusal, actions: &mut Vec<Action>) {
        self.now = self.now.max(now);
        match &self.state {
            State::Open => self.close_connection(&Failure::from(refusal), actions),
            State::Handshake { .. } => self.disconnect(Initiator::Server, 0, actions),
            State::Closing { .. } | State::Closed => {}
        }
        self.pace();
    }

    /// The socket is gone: end of file or an error.
    pub fn peer_closed(&mut self, actions: &mut Vec<Action>) {
        if !matches!(self.state, State::Closed) {
            self.end(Initiator::Client, actions);
        }
    }

    /// Ends what the failure ends: the channel, or the connection. A soft error on channel 0 is one of
    /// the connection.
    pub(super) fn fail_on(
        &mut self,
        channel: ChannelId,
        failure: &Failure,
        actions: &mut Vec<Action>,
    ) {
        if channel == CONNECTION || failure.severity() == Severity::Hard {
            self.fail_connection(failure, actions);
        } else {
            self.close_channel(channel, failure, actions);
        }
    }

    /// Where the next frame begins is not known any more: nothing of what follows is read, not even
    /// the answer to our `connection.close`.
    pub(super) fn lose_sync(&mut self, error: WireError, actions: &mut Vec<Action>) {
        let was_closing = matches!(self.state, State::Closing { .. });
        self.fail_connection(&Failure::from(error), actions);
        if !matches!(self.state, State::Closed) {
            // rabbitmq: the pause lets the error reach the client before the socket goes.
            let pause_ms = if was_closing { 0 } else { REFUSED_LOGIN_PAUSE_MS };
            self.disconnect(Initiator::Server, pause_ms, actions);
        }
    }

    fn close_channel(&mut self, id: ChannelId, failure: &Failure, actions: &mut Vec<Action>) {
        let Some(mut channel) = self.channels.close(id) else { return };
        // What was confirmed before the error is told before it.
        channel.flush_confirms(&mut self.output);
        if self.waiting.is_for(channel.holder) {
            self.waiting = Waiting::Nothing;
        }
        self.failures.note(id, self.now, &failure.close());
        actions.push(Action::Log(failure.log_line(Severity::Soft)));
        actions.push(Action::ChannelClosed { channel: id, holder: channel.holder });
        self.output.method(id, &Method::ChannelClose(failure.close()));
    }

    fn fail_connection(&mut self, failure: &Failure, actions: &mut Vec<Action>) {
        let told = match &self.state {
            State::Open => Told::Frame,
            State::Handshake { step, .. } => self.told_at(*step, failure),
            State::Closing { .. } | State::Closed => return,
        };
        match told {
            Told::Frame => self.close_connection(failure, actions),
            Told::Nothing => {
                actions.push(Action::Log(failure.silent_log_line(self.state())));
                self.disconnect(Initiator::Server, REFUSED_LOGIN_PAUSE_MS, actions);
            }
        }
    }

    fn told_at(&self, step: Handshake, failure: &Failure) -> Told {
        let is_told = match step {
            Handshake::ExpectHeader | Handshake::ExpectStartOk => false,
            Handshake::ExpectAuthentication => {
                let is_refused = matches!(failure.error(), ProtocolError::LoginRefused { .. });
                is_refused && self.client.takes_login_refusal()
            }
            Handshake::ExpectTuneOk => failure.code() == ReplyCode::NotAllowed,
            Handshake::ExpectOpen | Handshake::ExpectVhost => true,
        };
        if is_told { Told::Frame } else { Told::Nothing }
    }

    fn close_connection(&mut self, failure: &Failure, actions: &mut Vec<Action>) {
        actions.push(Action::Log(failure.log_line(Severity::Hard)));
        self.end_channels(actions);
        self.output.method(CONNECTION, &Method::ConnectionClose(failure.close()));
        // rabbitmq: a peer that does not answer is dropped after a heartbeat, 30 s at most.
        let wait_ms = match u64::from(self.heartbeat.interval_s()) * 1000 {
            0 => CLOSE_TIMEOUT_MS,
            heartbeat_ms => heartbeat_ms.min(CLOSE_TIMEOUT_MS),
        };
        self.state = State::Closing { deadline: self.now.after(wait_ms) };
        self.ended_by = Some(Initiator::Server);
    }

    /// `connection.close` from the client.
    pub(super) fn connection_close(&mut self, actions: &mut Vec<Action>) {
        self.end_channels(actions);
        self.output.method(CONNECTION, &Method::ConnectionCloseOk);
        self.disconnect(Initiator::Client, 0, actions);
    }

    /// A method on channel 0 after our `connection.close`: nothing counts but the two closing ones.
    /// A `close` of the client that crossed ours is answered, and our own still waits.
    pub(super) fn recv_while_closing(&mut self, frame: &Frame<'_>, actions: &mut Vec<Action>) {
        match MethodId::split(frame.payload) {
            Some((MethodId::CONNECTION_CLOSE_OK, _)) => {
                self.disconnect(Initiator::Server, 0, actions);
            }
            Some((MethodId::CONNECTION_CLOSE, _)) => {
                self.output.method(CONNECTION, &Method::ConnectionCloseOk);
            }
            _ => {}
        }
    }

    /// A frame on a channel after our `channel.close`: everything is ignored until its `close-ok`,
    /// but for `channel.open`: who sends it would wait for ever (rabbitmq: the same).
    pub(super) fn recv_on_closing_channel(&mut self, frame: &Frame<'_>) -> Result<(), Failure> {
        match MethodId::split(frame.payload) {
            _ if frame.kind != FrameKind::Method => {}
            Some((MethodId::CHANNEL_CLOSE_OK, _)) => {
                self.channels.remove(frame.channel);
            }
            Some((MethodId::CHANNEL_CLOSE, _)) => {
                self.output.method(frame.channel, &Method::ChannelCloseOk);
            }
            Some((MethodId::CHANNEL_OPEN, _)) => {
                return Err(ProtocolError::ChannelOpenTwice.of(MethodId::CHANNEL_OPEN));
            }
            _ => {}
        }
        Ok(())
    }

    /// `channel.close` from the client.
    pub(super) fn channel_close(&mut self, id: ChannelId, actions: &mut Vec<Action>) {
        let Some(mut channel) = self.channels.remove(id) else { return };
        channel.flush_confirms(&mut self.output);
        actions.push(Action::ChannelClosed { channel: id, holder: channel.holder });
        self.output.method(id, &Method::ChannelCloseOk);
    }

    /// A frame on a channel number that is free: only `channel.open` is right.
    pub(super) fn recv_on_unopened_channel(
        &mut self,
        frame: &Frame<'_>,
        actions: &mut Vec<Action>,
    ) -> Result<(), Failure> {
        if frame.kind != FrameKind::Method {
            return Err(ProtocolError::ExpectedMethod.of(MethodId::default()));
        }
        let method = decode_method(frame.payload)?;
        if method != Method::ChannelOpen {
            return Err(ProtocolError::ChannelNotOpen.of(method.id()));
        }
        self.channel_open(frame.channel, actions)
    }

    /// rabbitmq: channel-max limits how many channels are open, and not their numbers; a number whose
    /// `close-ok` is due is still in use.
    fn channel_open(&mut self, id: ChannelId, actions: &mut Vec<Action>) -> Result<(), Failure> {
        let max = self.negotiated.map_or(0, |negotiated| negotiated.channel_max);
        let open = self.channels.len();
        if max != 0 && open >= usize::from(max) {
            return Err(ProtocolError::TooManyChannels { open, max }.of(MethodId::default()));
        }
        let holder = (self.holders)();
        self.channels.open(id, holder);
        self.opened += 1;
        actions.push(Action::ChannelOpened { channel: id, holder });
        self.output.method(id, &Method::ChannelOpenOk);
        Ok(())
    }

    /// The end of the socket, once everything is written.
    pub(super) fn disconnect(&mut self, by: Initiator, pause_ms: u64, actions: &mut Vec<Action>) {
        self.end(by, actions);
        actions.push(Action::Disconnect { pause_ms });
    }

    fn end(&mut self, by: Initiator, actions: &mut Vec<Action>) {
        self.end_channels(actions);
        self.state = State::Closed;
        self.ended_by.get_or_insert(by);
    }

    /// Every open channel ends, and nothing is waited for.
    fn end_channels(&mut self, actions: &mut Vec<Action>) {
        for channel in self.channels.iter() {
            let (channel, holder) = (channel.id, channel.holder);
            actions.push(Action::ChannelClosed { channel, holder });
        }
        self.channels.clear();
        self.marked.clear();
        self.waiting = Waiting::Nothing;
    }
}
