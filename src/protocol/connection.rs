//! The machine of one connection.

use std::sync::Arc;

use bytes::BytesMut;

use crate::base::{
    ChannelId, ConsumerTag, FieldTable, HolderId, Millis, PublishSequence, VhostName,
};
use crate::wire::Output;

use super::{Action, Answer, Delivery, Publish, Refusal, Settings};

/// Where [`HolderId`]s come from; they are unique for the life of the process.
pub type Holders = Box<dyn FnMut() -> HolderId + Send>;

/// Who ended a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initiator {
    /// The peer: it sent `connection.close`, or its socket is gone.
    Client,
    /// This side: an error, or the broker's will.
    Server,
}

/// What `connection.tune-ok` agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Negotiated {
    /// The largest frame; 0 for no limit.
    pub frame_max: u32,
    /// How many channels may be open; 0 for no limit.
    pub channel_max: u16,
    /// The heartbeat in seconds; 0 for none.
    pub heartbeat_s: u16,
}

/// The machine of one connection.
pub struct Connection {
    output: Output,
    properties: FieldTable,
}

impl Connection {
    /// A connection whose socket was just accepted.
    pub fn new(_settings: Arc<Settings>, _holders: Holders, _now: Millis) -> Self {
        Self { output: Output::new(), properties: FieldTable::EMPTY }
    }

    /// Takes what it can of the input and keeps partial frames in it. Takes nothing while
    /// [`Self::is_waiting`]; call it again (with whatever input there is) when that ends.
    /// The actions of one call are executed in order before the next call.
    pub fn recv(&mut self, _now: Millis, _input: &mut BytesMut, _actions: &mut Vec<Action>) {}

    /// Whether input is left alone until an answer, or the last confirm of a commit, is there.
    pub fn is_waiting(&self) -> bool {
        false
    }

    /// The answer to the last [`Action::Ask`]. Ignored when its channel is gone.
    pub fn answer(
        &mut self,
        _now: Millis,
        _channel: ChannelId,
        _holder: HolderId,
        _answer: Answer,
        _actions: &mut Vec<Action>,
    ) {
    }

    /// A publish was routed: so many queues will confirm it; 0: it is confirmed.
    pub fn published(&mut self, _holder: HolderId, _sequence: PublishSequence, _queues: u32) {}

    /// One queue has these publishes.
    pub fn confirmed(
        &mut self,
        _holder: HolderId,
        _first: PublishSequence,
        _last: PublishSequence,
    ) {
    }

    /// One queue has refused this publish.
    pub fn refused(&mut self, _holder: HolderId, _sequence: PublishSequence) {}

    /// A mandatory publish reached no queue: `basic.return`. Call it before [`Self::published`].
    pub fn returned(&mut self, _publish: &Publish) {}

    /// `basic.deliver`.
    pub fn deliver(
        &mut self,
        _channel: ChannelId,
        _holder: HolderId,
        _consumer_tag: &ConsumerTag,
        _acknowledge: bool,
        _delivery: &Delivery,
    ) {
    }

    /// The broker has cancelled a consumer (its queue is gone).
    pub fn cancel_consumer(&mut self, _channel: ChannelId, _holder: HolderId, _tag: &ConsumerTag) {}

    /// Whether this opening of a channel is still there. Actions of one that is not are void, its
    /// `Ask` is not to be answered.
    pub fn is_open(&self, _channel: ChannelId, _holder: HolderId) -> bool {
        false
    }

    /// The broker refuses something a channel did: it ends the channel or the connection.
    pub fn fail(
        &mut self,
        _now: Millis,
        _channel: ChannelId,
        _holder: HolderId,
        _refusal: Refusal,
        _actions: &mut Vec<Action>,
    ) {
    }

    /// The broker closes the connection.
    pub fn close(&mut self, _now: Millis, _refusal: Refusal, _actions: &mut Vec<Action>) {}

    /// `connection.blocked` with a reason, `connection.unblocked` without.
    pub fn block(&mut self, _reason: Option<&str>) {}

    /// Writes the confirms of this turn and ends a commit whose publishes are confirmed.
    pub fn flush_confirms(&mut self, _actions: &mut Vec<Action>) {}

    /// What waits to be written.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// When [`Self::tick`] is to be called.
    pub fn next_deadline(&self) -> Option<Millis> {
        None
    }

    /// Heartbeats both ways, the time-outs of handshake and close.
    pub fn tick(&mut self, _now: Millis, _actions: &mut Vec<Action>) {}

    /// Something was written to the socket.
    pub fn wrote(&mut self, _now: Millis) {}

    /// The socket is gone.
    pub fn peer_closed(&mut self, _actions: &mut Vec<Action>) {}

    /// RabbitMQ's word for the state: `starting`, `tuning`, `opening`, `running`, `closing`, `closed`.
    pub fn state(&self) -> &'static str {
        "starting"
    }

    /// Who ended it, once it is ending.
    pub fn ended_by(&self) -> Option<Initiator> {
        None
    }

    /// What the client says of itself.
    pub fn client_properties(&self) -> &FieldTable {
        &self.properties
    }

    /// The virtual host, once it is open.
    pub fn vhost(&self) -> Option<&VhostName> {
        None
    }

    /// How many channels are open.
    pub fn open_channels(&self) -> usize {
        0
    }

    /// What was agreed on, once it was.
    pub fn negotiated(&self) -> Option<Negotiated> {
        None
    }

    /// Whether it has ever begun a publish: only publishers are blocked by alarms.
    pub fn has_published(&self) -> bool {
        false
    }
}
