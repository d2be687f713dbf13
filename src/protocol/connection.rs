//! The machine of one connection: what it knows, and the calls by which a session drives it.
//!
//! ```text
//! ExpectHeader -> ExpectStartOk -> ExpectAuthentication -> ExpectTuneOk -> ExpectOpen -> ExpectVhost
//!                                                                                            |
//!                    +------------------------------ Open <---------------------------------+
//!   our close        |                                |  connection.close
//!                    v                                v
//!                 Closing --close-ok, time-out--> Closed      (any state: bad input, time-out, EOF)
//! ```
//!
//! A turn of a session is: `recv`, the actions in order, what came into its inbox, `flush_confirms`,
//! write. Whatever ends the waiting (`answer`, `flush_confirms`, `fail`) is followed by `recv` again, and so is a
//! `recv` that had actions.
//!
//! - P11: actions of one call are executed in order before the next call of `recv`.
//! - P12: after [`Action::Disconnect`] nothing is written and no action follows.
//! - P13: for every `ChannelOpened` there is exactly one `ChannelClosed`.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{
    ChannelCounters, ChannelId, ConsumerTag, FieldTable, HolderId, Message, Millis,
    PublishSequence, ReplyCode, VhostName,
};
use crate::wire::{Decoder, Method, MethodId, Output};

use super::action::{Action, Answer, Delivery, Publish, Refusal};
use super::channel::Channel;
use super::channel_failures::{ChannelFailure, ChannelFailures};
use super::channels::{Channels, Slot};
use super::confirms::{Confirms, Finished};
use super::error::{Failure, ProtocolError};
use super::flow::Flow;
use super::handshake::{Client, Handshake};
use super::heartbeat::Heartbeat;
use super::info::{ChannelInfo, Initiator, Negotiated};
use super::ledger::Origin;
use super::settings::Settings;
use super::turn::{Pending, Turn, Waiting};

/// Where [`HolderId`]s come from; they are unique for the life of the process.
pub type Holders = Box<dyn FnMut() -> HolderId + Send>;

/// Where a connection is in its life; see the module's diagram.
#[derive(Debug)]
pub(super) enum State {
    /// Not open yet.
    Handshake { step: Handshake, deadline: Millis },
    /// Channels live.
    Open,
    /// Our `connection.close` is out.
    Closing { deadline: Millis },
    /// Over. Input is dropped.
    Closed,
}

/// The machine of one connection. See the module for the order of calls.
pub struct Connection {
    pub(super) settings: Arc<Settings>,
    pub(super) holders: Holders,
    pub(super) state: State,
    pub(super) decoder: Decoder,
    /// Whole frames that were not looked at yet.
    pub(super) chunk: Bytes,
    /// Octets of the input that were there at the end of the last `recv`.
    pub(super) left_over: usize,
    pub(super) output: Output,
    pub(super) channels: Channels,
    pub(super) waiting: Waiting,
    /// The channels whose confirms changed in this turn.
    pub(super) marked: Vec<ChannelId>,
    pub(super) heartbeat: Heartbeat,
    pub(super) flow: Flow,
    pub(super) client: Client,
    pub(super) negotiated: Option<Negotiated>,
    pub(super) vhost: Option<VhostName>,
    pub(super) ended_by: Option<Initiator>,
    pub(super) failures: ChannelFailures,
    /// The latest moment that was told.
    pub(super) now: Millis,
    /// The number of the last `recv`, from 1.
    pub(super) turn: u64,
    /// Channels that were opened in the last `recv`.
    pub(super) opened: usize,
}

impl Connection {
    /// A connection whose socket was just accepted.
    #[must_use]
    pub fn new(settings: Arc<Settings>, holders: Holders, now: Millis) -> Self {
        let deadline = now.after(settings.handshake_timeout_ms);
        Self {
            settings,
            holders,
            state: State::Handshake { step: Handshake::ExpectHeader, deadline },
            decoder: Decoder::new(),
            chunk: Bytes::new(),
            left_over: 0,
            output: Output::new(),
            channels: Channels::default(),
            waiting: Waiting::Nothing,
            marked: Vec::new(),
            heartbeat: Heartbeat::off(now),
            flow: Flow::default(),
            client: Client::default(),
            negotiated: None,
            vhost: None,
            ended_by: None,
            failures: ChannelFailures::default(),
            now,
            turn: 0,
            opened: 0,
        }
    }

    /// Whether input is left alone until an answer, or the last confirm of a commit, is there.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !matches!(self.waiting, Waiting::Nothing)
    }

    /// The answer to the last [`Action::Ask`]. Ignored when its channel or the connection has ended
    /// since. Call [`Self::recv`] afterwards, with whatever input there is.
    pub fn answer(
        &mut self,
        now: Millis,
        channel: ChannelId,
        holder: HolderId,
        answer: Answer,
        actions: &mut Vec<Action>,
    ) {
        self.now = self.now.max(now);
        let expected = |pending: &Pending| pending.channel == channel && pending.holder == holder;
        if !matches!(&self.waiting, Waiting::Answer(pending) if expected(pending)) {
            return;
        }
        let Waiting::Answer(pending) = std::mem::replace(&mut self.waiting, Waiting::Nothing)
        else {
            return;
        };
        let answered = match answer {
            Answer::Refused(refusal) => Err(refused(refusal, pending.failed)),
            answer if channel == ChannelId(0) => {
                self.recv_connection_answer(pending.then, answer).map_err(|e| e.of(pending.failed))
            }
            answer => self
                .with_channel(channel, holder, actions, |channel, turn| {
                    channel.recv_answer(pending.then, answer, turn)
                })
                .unwrap_or(Ok(()))
                .map_err(|error| error.of(pending.failed)),
        };
        if let Err(failure) = answered {
            self.fail_on(channel, &failure, actions);
        }
        self.pace();
    }

    /// A publish was routed: so many queues will confirm or refuse it; 0: it is confirmed.
    pub fn published(&mut self, holder: HolderId, sequence: PublishSequence, queues: u32) {
        self.with_confirms(holder, |confirms| confirms.published(sequence, queues));
    }

    /// Somebody beside the queues holds the confirm of a publish back; call it before [`Self::published`], and
    /// [`Self::confirmed`] once more than there are queues.
    pub fn withheld(&mut self, holder: HolderId, sequence: PublishSequence) {
        self.with_confirms(holder, |confirms| confirms.withheld(sequence));
    }

    /// One queue has these publishes, both ends included.
    pub fn confirmed(&mut self, holder: HolderId, first: PublishSequence, last: PublishSequence) {
        self.with_confirms(holder, |confirms| confirms.confirmed(first, last));
    }

    /// One queue has refused this publish.
    pub fn refused(&mut self, holder: HolderId, sequence: PublishSequence) {
        self.with_confirms(holder, |confirms| confirms.refused(sequence));
    }

    /// A mandatory publish reached no queue: `basic.return`. The confirm comes after it.
    pub fn returned(&mut self, publish: &Publish) {
        let frame_max = self.frame_max();
        if let Some(open) = self.channels.opening(publish.channel, publish.holder) {
            open.counters.return_unroutable.add(1);
            let message = &publish.message;
            self.output.returned(publish.channel, ReplyCode::NoRoute, message, frame_max);
        }
    }

    /// A publish that is not mandatory reached no queue, and is dropped.
    pub fn dropped(&mut self, channel: ChannelId, holder: HolderId) {
        if let Some(open) = self.channels.opening(channel, holder) {
            open.counters.drop_unroutable.add(1);
        }
    }

    /// The number of the channel that is open under this holder.
    #[must_use]
    pub fn channel_of(&mut self, holder: HolderId) -> Option<ChannelId> {
        self.channels.by_holder(holder).map(|open| open.id)
    }

    /// What a channel counts in, for whoever watches it; `None` when this opening of it is not there.
    pub fn counters(
        &mut self,
        channel: ChannelId,
        holder: HolderId,
    ) -> Option<Arc<ChannelCounters>> {
        self.channels.opening(channel, holder).map(|open| Arc::clone(&open.counters))
    }

    /// `basic.deliver`. For a channel that is not open nothing is sent: the broker takes its messages
    /// back on [`Action::ChannelClosed`].
    #[inline]
    pub fn deliver(
        &mut self,
        channel: ChannelId,
        holder: HolderId,
        consumer_tag: &ConsumerTag,
        acknowledge: bool,
        delivery: &Delivery,
    ) {
        self.deliver_as(Origin::Consumer, (channel, holder), consumer_tag, acknowledge, delivery);
    }

    /// `basic.deliver` of what was delivered just now, once more and marked redelivered. The client may settle it by
    /// either tag; the first word counts. It takes no credit.
    pub fn deliver_again(
        &mut self,
        channel: ChannelId,
        holder: HolderId,
        consumer_tag: &ConsumerTag,
        acknowledge: bool,
        delivery: &Delivery,
    ) {
        let again = Delivery { redelivered: true, ..delivery.clone() };
        self.deliver_as(Origin::Again, (channel, holder), consumer_tag, acknowledge, &again);
    }

    #[inline]
    fn deliver_as(
        &mut self,
        origin: Origin,
        (channel, holder): (ChannelId, HolderId),
        consumer_tag: &ConsumerTag,
        acknowledge: bool,
        delivery: &Delivery,
    ) {
        let frame_max = self.frame_max();
        let Some(open) = self.channels.opening(channel, holder) else { return };
        let tag = open.record(delivery, acknowledge, origin);
        let (redelivered, message) = (delivery.redelivered, &delivery.message);
        self.output.deliver(channel, consumer_tag, tag, redelivered, message, frame_max);
    }

    /// `basic.deliver` of a direct reply, which is settled by being sent. For a channel that is not open
    /// nothing is sent.
    pub fn deliver_reply(
        &mut self,
        channel: ChannelId,
        holder: HolderId,
        consumer_tag: &ConsumerTag,
        reply: &Message,
    ) {
        let frame_max = self.frame_max();
        let Some(open) = self.channels.opening(channel, holder) else { return };
        open.counters.deliver_no_ack.add(1);
        let tag = open.ledger.skip();
        self.output.deliver(channel, consumer_tag, tag, false, reply, frame_max);
    }

    /// The broker has cancelled a consumer (its queue is gone): `basic.cancel`, when the client takes
    /// it.
    pub fn cancel_consumer(&mut self, channel: ChannelId, holder: HolderId, tag: &ConsumerTag) {
        let Some(open) = self.channels.opening(channel, holder) else { return };
        let was_there = open.consumers.remove(tag);
        open.count_consumers();
        if was_there && self.client.takes_cancel() {
            // rabbitmq: consumer-cancel.md; no answer is wanted.
            let cancel = Method::BasicCancel { consumer_tag: tag.clone(), nowait: true };
            self.output.method(channel, &cancel);
        }
    }

    /// Whether this opening of a channel is still there. What is left of its actions is void when it
    /// is not.
    #[must_use]
    pub fn is_open(&self, channel: ChannelId, holder: HolderId) -> bool {
        self.channels.is_open(channel, holder)
    }

    /// The broker refuses something that a channel did: the code says what ends.
    pub fn fail(
        &mut self,
        now: Millis,
        channel: ChannelId,
        holder: HolderId,
        refusal: Refusal,
        actions: &mut Vec<Action>,
    ) {
        self.now = self.now.max(now);
        if self.channels.is_open(channel, holder) {
            self.fail_on(channel, &Failure::from(refusal), actions);
            self.pace();
        }
    }

    /// Writes the confirms of this turn, and ends a commit whose publishes are all confirmed.
    pub fn flush_confirms(&mut self, actions: &mut Vec<Action>) {
        let mut marked = std::mem::take(&mut self.marked);
        for id in marked.drain(..) {
            if let Some(Slot::Open(channel)) = self.channels.find(id) {
                channel.flush_confirms(&mut self.output);
            }
        }
        self.marked = marked;
        let Waiting::Commit { channel, holder } = self.waiting else { return };
        let finished = self.channels.opening(channel, holder).and_then(Channel::commit_finished);
        let Some(finished) = finished else { return };
        self.waiting = Waiting::Nothing;
        match finished {
            Finished::Taken => self.output.method(channel, &Method::TxCommitOk),
            Finished::Refused => {
                let failure = ProtocolError::PartialCommit.of(MethodId::TX_COMMIT);
                self.fail_on(channel, &failure, actions);
            }
        }
        self.pace();
    }

    /// What waits to be written.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.output.len()
    }

    /// RabbitMQ's word for the state.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match &self.state {
            State::Handshake { step, .. } => step.name(),
            State::Open => self.flow.name(),
            State::Closing { .. } => "closing",
            State::Closed => "closed",
        }
    }

    /// Who ended it, once it ends.
    #[must_use]
    pub fn ended_by(&self) -> Option<Initiator> {
        self.ended_by
    }

    /// What the client says of itself.
    #[must_use]
    pub fn client_properties(&self) -> &FieldTable {
        self.client.properties()
    }

    /// The virtual host, once it is open.
    #[must_use]
    pub fn vhost(&self) -> Option<&VhostName> {
        self.vhost.as_ref()
    }

    /// How many channels are open.
    #[must_use]
    pub fn open_channels(&self) -> usize {
        self.channels.open_len()
    }

    /// What is to be told of the open channels, in order of their numbers.
    pub fn channels(&self) -> impl Iterator<Item = ChannelInfo> {
        self.channels.iter().map(ChannelInfo::new)
    }

    /// The channels that were closed for an error, as many as are remembered, the last one last.
    pub fn channel_failures(&self) -> impl Iterator<Item = &ChannelFailure> {
        self.failures.iter()
    }

    /// When something was received last, and when something was written last.
    #[must_use]
    pub fn last_signs(&self) -> (Millis, Millis) {
        self.heartbeat.last_signs()
    }

    /// What `tune-ok` agreed on, once it did.
    #[must_use]
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.negotiated
    }

    /// Whether `connection.close` was sent and only `close-ok` is waited for; everything else that comes
    /// is thrown away.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing { .. })
    }

    /// Whether it ever published: only publishers are held back by alarms.
    #[must_use]
    pub fn has_published(&self) -> bool {
        self.flow.has_published()
    }

    pub(super) fn frame_max(&self) -> u32 {
        self.decoder.frame_max()
    }

    /// Calls a handler of an open channel with what it may touch; `None` when it is not open.
    fn with_channel<T>(
        &mut self,
        id: ChannelId,
        holder: HolderId,
        actions: &mut Vec<Action>,
        call: impl FnOnce(&mut Channel, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let channel = self.channels.opening(id, holder)?;
        let mut turn = Turn {
            settings: &self.settings,
            output: &mut self.output,
            actions,
            waiting: &mut self.waiting,
            flow: &mut self.flow,
            frame_max: self.decoder.frame_max(),
            number: self.turn,
        };
        Some(call(channel, &mut turn))
    }

    #[inline]
    fn with_confirms(&mut self, holder: HolderId, call: impl FnOnce(&mut Confirms)) {
        let Some(channel) = self.channels.by_holder(holder) else { return };
        if let Some(confirms) = channel.confirms() {
            call(confirms);
            if !channel.is_marked {
                channel.is_marked = true;
                self.marked.push(channel.id);
            }
        }
    }
}

/// The broker's word, with the method it was asked about where it names none itself.
fn refused(mut refusal: Refusal, asked: MethodId) -> Failure {
    if refusal.failed == MethodId::default() {
        refusal.failed = asked;
    }
    Failure::from(refusal)
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("state", &self.state)
            .field("waiting", &self.waiting)
            .field("channels", &self.channels.len())
            .finish_non_exhaustive()
    }
}
