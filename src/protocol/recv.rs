//! From input to frames to handlers.
//!
//! - P14: input is taken frame by frame in order, and none while something is waited for.
//! - P15: how the input is cut into reads changes nothing but the number of calls.

use bytes::{Buf, Bytes, BytesMut};

use crate::base::limits::{FRAME_BYTES_MAX_BEFORE_TUNE, TURN_CHANNELS_MAX};
use crate::base::{ChannelId, HolderId, Millis};
use crate::wire::{
    ContentHeader, FRAME_HEADER_BYTES, Frame, FrameKind, Frames, Method, MethodId, ProtocolHeader,
    Snippet, WireError, decode_method, first_frame_bytes,
};

use super::action::{Action, Ask, Request, Secret};
use super::channel::Progress;
use super::channels::Slot;
use super::connection::{Connection, State};
use super::error::{Failure, ProtocolError};
use super::handshake::Handshake;
use super::turn::{Pending, Then, Turn, Waiting};

/// A failure and the channel it happened on.
type Fault = (ChannelId, Failure);

impl Connection {
    /// Takes what it can of the input and leaves partial frames in it. Takes nothing while
    /// [`Self::is_waiting`]; call it again, with whatever input there is, when that ends. Leaves whole frames
    /// too when [`TURN_CHANNELS_MAX`] channels were opened: call it again when there were actions.
    pub fn recv(&mut self, now: Millis, input: &mut BytesMut, actions: &mut Vec<Action>) {
        self.now = self.now.max(now);
        self.turn += 1;
        self.opened = 0;
        if input.len() > self.left_over {
            self.heartbeat.received(now);
        }
        while self.takes_input() && (!self.chunk.is_empty() || self.refill(input, actions)) {
            self.recv_chunk(actions);
        }
        if matches!(self.state, State::Closed) {
            input.clear();
            self.chunk = Bytes::new();
        }
        self.left_over = input.len();
        self.pace();
    }

    fn takes_input(&self) -> bool {
        matches!(self.waiting, Waiting::Nothing)
            && !matches!(self.state, State::Closed)
            && self.opened < TURN_CHANNELS_MAX
    }

    /// Moves whole frames from the input to the chunk; false when there are none.
    fn refill(&mut self, input: &mut BytesMut, actions: &mut Vec<Action>) -> bool {
        // Before the connection is open frames are taken one by one, because each may change how
        // large the next may be.
        let (taken, error) = match &self.state {
            State::Handshake { step: Handshake::ExpectHeader, .. } => {
                return self.refill_header(input, actions);
            }
            State::Handshake { .. } => {
                let window = FRAME_BYTES_MAX_BEFORE_TUNE as usize + 2 * FRAME_HEADER_BYTES;
                let window = input.get(..window).unwrap_or(input);
                let (whole, error) = self.decoder.complete_prefix(window);
                (first_frame_bytes(window).unwrap_or(0).min(whole), error)
            }
            State::Open | State::Closing { .. } => self.decoder.complete_prefix(input),
            State::Closed => return false,
        };
        if taken > 0 {
            self.chunk = input.split_to(taken).freeze();
            return true;
        }
        if let Some(error) = error {
            self.lose_sync(error, actions);
        }
        false
    }

    /// The protocol header is no frame; true when it was the right one.
    fn refill_header(&mut self, input: &mut BytesMut, actions: &mut Vec<Action>) -> bool {
        let Some(header) = ProtocolHeader::parse(input) else { return false };
        input.advance(ProtocolHeader::BYTES);
        self.recv_protocol_header(header, actions);
        // There is no chunk yet, and the loop of `recv` asks again.
        self.takes_input() && self.refill(input, actions)
    }

    fn recv_chunk(&mut self, actions: &mut Vec<Action>) {
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut frames = Frames::new(&chunk);
        let mut taken = 0;
        while self.takes_input() {
            let Some(frame) = frames.next() else { break };
            match self.recv_frame(&frame, &mut frames, actions) {
                Ok(Progress::Taken | Progress::Close) => {}
                Ok(Progress::Held) => break,
                Err((channel, failure)) => self.fail_on(channel, &failure, actions),
            }
            taken = frames.consumed();
        }
        if taken < chunk.len() {
            chunk.advance(taken);
            self.chunk = chunk;
        }
    }

    #[inline]
    fn recv_frame(
        &mut self,
        frame: &Frame<'_>,
        frames: &mut Frames<'_>,
        actions: &mut Vec<Action>,
    ) -> Result<Progress, Fault> {
        match (&self.state, frame.kind, frame.channel) {
            (State::Open, FrameKind::Heartbeat, _) => heartbeat(frame).map_err(on_connection)?,
            (State::Open, FrameKind::Method, ChannelId(0)) => {
                return self.recv_connection_method(frame, actions).map_err(on_connection);
            }
            // rabbitmq: a header frame without its fixed octets is of no known kind, whatever was due.
            (State::Open, FrameKind::Header, channel)
                if channel != ChannelId(0)
                    && frame.payload.len() < ContentHeader::BYTES_BEFORE_PROPERTIES =>
            {
                let snippet = Snippet::of(frame.payload);
                let error = WireError::UnknownFrame { kind: frame.kind.number(), snippet };
                return Err(on_connection(error.into()));
            }
            (State::Open, FrameKind::Header | FrameKind::Body, ChannelId(0)) => {
                return Err(on_connection(unexpected(frame)));
            }
            (State::Open, _, channel) => {
                return self
                    .recv_on_channel(frame, frames, actions)
                    .map_err(|failure| (channel, failure));
            }
            (State::Handshake { .. }, FrameKind::Heartbeat, _) => {
                heartbeat(frame).map_err(on_connection)?;
            }
            (State::Handshake { .. }, FrameKind::Method, ChannelId(0)) => {
                let handled = match decode_method(frame.payload) {
                    Ok(method) => self.recv_handshake_method(method, actions),
                    Err(error) => Err(Failure::from(error)),
                };
                handled.map_err(on_connection)?;
            }
            (State::Handshake { .. }, ..) => return Err(on_connection(unexpected(frame))),
            (State::Closing { .. }, FrameKind::Method, ChannelId(0)) => {
                self.recv_while_closing(frame, actions);
            }
            (State::Closing { .. } | State::Closed, ..) => {}
        }
        Ok(Progress::Taken)
    }

    /// Methods of channel 0 on an open connection.
    fn recv_connection_method(
        &mut self,
        frame: &Frame<'_>,
        actions: &mut Vec<Action>,
    ) -> Result<Progress, Failure> {
        let method = decode_method(frame.payload)?;
        let id = method.id();
        match method {
            Method::ConnectionClose(_) => {
                if self.channels.iter().any(|channel| channel.published_in == self.turn) {
                    self.ask(
                        MethodId::CONNECTION_CLOSE,
                        Request::Barrier,
                        Then::Reply(None),
                        actions,
                    );
                    return Ok(Progress::Held);
                }
                self.connection_close(actions);
            }
            Method::ConnectionUpdateSecret { new_secret, .. } => {
                let then = Then::Reply(Some(Method::ConnectionUpdateSecretOk));
                self.ask(id, Request::UpdateSecret(Secret(new_secret)), then, actions);
            }
            _ => return Err(ProtocolError::UnexpectedMethod { state: self.state() }.of(id)),
        }
        Ok(Progress::Taken)
    }

    /// Asks the world in the name of the connection itself.
    pub(super) fn ask(
        &mut self,
        failed: MethodId,
        request: Request,
        then: Then,
        actions: &mut Vec<Action>,
    ) {
        let (channel, holder) = (ChannelId(0), HolderId(0));
        actions.push(Action::Ask(Box::new(Ask { channel, holder, request })));
        self.waiting = Waiting::Answer(Pending { channel, holder, failed, then });
    }

    /// Frames of a channel on an open connection.
    #[inline]
    fn recv_on_channel(
        &mut self,
        frame: &Frame<'_>,
        frames: &mut Frames<'_>,
        actions: &mut Vec<Action>,
    ) -> Result<Progress, Failure> {
        let channel = match self.channels.find(frame.channel) {
            Some(Slot::Open(channel)) => channel,
            Some(Slot::Closing) => {
                self.recv_on_closing_channel(frame)?;
                return Ok(Progress::Taken);
            }
            None => {
                self.recv_on_unopened_channel(frame, actions)?;
                return Ok(Progress::Taken);
            }
        };
        let mut turn = Turn {
            settings: &self.settings,
            output: &mut self.output,
            actions,
            waiting: &mut self.waiting,
            flow: &mut self.flow,
            frame_max: self.decoder.frame_max(),
            number: self.turn,
        };
        if frame.kind != FrameKind::Method {
            channel.recv_content(frame, &mut turn)?;
            return Ok(Progress::Taken);
        }
        let progress = channel.recv_method(frame, frames, &mut turn)?;
        if progress == Progress::Close {
            self.channel_close(frame.channel, actions);
        }
        Ok(progress)
    }
}

/// Any octets are a sign of life, so there is nothing to do but to look where it stands.
fn heartbeat(frame: &Frame<'_>) -> Result<(), Failure> {
    if frame.channel == ChannelId(0) { Ok(()) } else { Err(unexpected(frame)) }
}

fn unexpected(frame: &Frame<'_>) -> Failure {
    let (kind, snippet) = (frame.kind.number(), Snippet::of(frame.payload));
    WireError::UnexpectedFrame { kind, snippet }.into()
}

fn on_connection(failure: Failure) -> Fault {
    (ChannelId(0), failure)
}
