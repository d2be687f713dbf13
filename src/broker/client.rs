//! What the broker keeps for one connection that has opened its virtual host: its channels, their
//! consumers, the queues they touch. Dropping it gives everything back, whatever ended the connection.
//!
//! A request is either answered in place or asked of a queue; then exactly one question is open, and
//! [`Client::reply`] turns the queue's answer into the request's.

mod consumers;
mod declaring;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arguments::{self, ConsumeArguments};
use super::counts::OpenChannel;
use super::direct_reply::ReplyConsumer;
use super::executor::Called;
use super::keeping::Keeper;
use super::notices::{Actor, Consumed, Occurrence};
use super::parting::{Parting, deletion};
use super::payload::Payload;
use super::questions::{Pending, Question};
use super::sweep::Sweep;
use super::{
    Answered, Broker, Cell, ChannelCredit, ConsumeRequest, Envelope, Inbox, Peer, PublishOutcome,
    Publisher, Refused, Step, Vhost, server_names,
};
use crate::access::{Identity, Rights};
use crate::base::limits::{ASKED_RECHECK_MS, PARTING_STEP_QUEUES};
use crate::base::{
    ChannelCounters, ChannelId, ConsumerId, ConsumerTag, HolderId, Message, MessageId, Millis,
    PublishSequence, QueueId, QueueName,
};
use crate::queue::{Command, Consumer, Flow, PublishRef, RequestId, Settlement};

/// See the module.
pub struct Client {
    pub(super) broker: Arc<Broker>,
    pub(super) vhost: Arc<Vhost>,
    pub(super) peer: Peer,
    pub(super) pending: Option<Pending>,
    pub(super) consumers: BTreeMap<ConsumerId, ClientConsumer>,
    /// What is told when the queue takes the consumer that it was asked to.
    pub(super) announced: Option<Box<Consumed>>,
    pub(super) publisher: Publisher,
    inbox: Arc<Inbox>,
    counting: Counting,
    /// When the judge's answers behind the publishing route are looked at again; `None` where none is asked.
    recheck_at: Option<Millis>,
    channels: BTreeMap<HolderId, Channel>,
    /// Queues that end with the connection.
    exclusive: Vec<Arc<Cell>>,
    exclusive_sweep: Sweep,
}

/// Whether the client counts against the limits of its user and its virtual host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counting {
    Counted,
    Uncounted,
}

struct Channel {
    id: ChannelId,
    /// It counts as long as this is here.
    _counting: Arc<OpenChannel>,
    credit: Arc<ChannelCredit>,
    consumers: BTreeMap<ConsumerTag, ConsumerId>,
    replies: Option<ReplyConsumer>,
    /// Queues in which this channel has consumers or may hold messages.
    cells: BTreeMap<QueueId, Arc<Cell>>,
    cells_sweep: Sweep,
}

/// A consumer, as its connection needs it to deliver.
#[derive(Clone)]
pub struct ClientConsumer {
    /// Its channel's number.
    pub channel: ChannelId,
    /// Its channel's opening.
    pub holder: HolderId,
    /// Its tag.
    pub tag: ConsumerTag,
    /// Whether deliveries must be settled.
    pub acknowledge: bool,
    pub(super) cell: Arc<Cell>,
}

impl Client {
    /// For a connection that has opened `vhost` as `peer`.
    #[must_use]
    pub fn new(broker: Arc<Broker>, vhost: Arc<Vhost>, peer: Peer, inbox: Arc<Inbox>) -> Self {
        Self::counting(Counting::Counted, broker, vhost, peer, inbox)
    }

    /// As [`Self::new`], counted or not.
    pub(super) fn counting(
        counting: Counting,
        broker: Arc<Broker>,
        vhost: Arc<Vhost>,
        peer: Peer,
        inbox: Arc<Inbox>,
    ) -> Self {
        let publisher = Publisher::new(Arc::clone(&vhost), peer.clone(), Arc::clone(&inbox));
        if counting == Counting::Counted {
            vhost.common.limits.connected(&vhost.name, &peer.user);
        }
        let recheck_at = peer.rights.asked().map(|_| Millis::default());
        Self {
            broker,
            vhost,
            recheck_at,
            peer,
            pending: None,
            consumers: BTreeMap::new(),
            announced: None,
            publisher,
            inbox,
            counting,
            channels: BTreeMap::new(),
            exclusive: Vec::new(),
            exclusive_sweep: Sweep::new(),
        }
    }

    /// The virtual host.
    #[must_use]
    pub fn vhost(&self) -> &Arc<Vhost> {
        &self.vhost
    }

    /// The connection and its user.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether the user may set another `user-id` in its messages.
    #[must_use]
    pub fn may_impersonate(&self) -> bool {
        let tag = "impersonator";
        self.peer.tags.iter().any(|own| own == tag)
            || (matches!(self.peer.rights, Rights::OfUser)
                && self.broker.has_tag(&self.peer.user, tag))
    }

    /// The same user has shown a new secret: what it may do from now on.
    pub fn renew(&mut self, identity: Identity) {
        self.peer = Peer::of(self.peer.connection, identity);
        self.publisher.renew(self.peer.clone());
    }

    /// A channel is open, which nobody counts for.
    ///
    /// # Errors
    /// As [`Self::channel_counts`].
    pub fn channel_opened(&mut self, holder: HolderId, id: ChannelId) -> Result<(), Refused> {
        self.channel_counts(holder, id, Arc::default())
    }

    /// A channel is open, and what it does is in `counters`.
    ///
    /// # Errors
    /// 530 when the user has as many channels as it may. It is not there then.
    pub fn channel_counts(
        &mut self,
        holder: HolderId,
        id: ChannelId,
        counters: Arc<ChannelCounters>,
    ) -> Result<(), Refused> {
        if self.counting == Counting::Counted {
            self.vhost.common.limits.channel_opened(&self.peer.user)?;
        }
        let connection = self.peer.connection;
        let open = Arc::new(OpenChannel { connection, channel: id, holder, counters });
        self.vhost.common.channel_tally.add(self.vhost.name.clone(), Arc::clone(&open));
        let channel = Channel {
            id,
            _counting: open,
            credit: Arc::new(ChannelCredit::new()),
            consumers: BTreeMap::new(),
            replies: None,
            cells: BTreeMap::new(),
            cells_sweep: Sweep::new(),
        };
        self.channels.insert(holder, channel);
        if self.counting == Counting::Counted {
            self.vhost.common.churn.channels_opened.one_more();
            self.tell_channel(|of| Occurrence::ChannelCreated { of, channel: id, holder });
        }
        Ok(())
    }

    /// A channel is gone: its consumers leave, and what it holds goes back to the queues.
    pub fn channel_closed(&mut self, holder: HolderId) {
        let Some(channel) = self.channels.remove(&holder) else { return };
        if self.counting == Counting::Counted {
            self.vhost.common.limits.channel_closed(&self.peer.user);
            self.vhost.common.churn.channels_closed.one_more();
        }
        for consumer in channel.consumers.values() {
            let gone = self.consumers.remove(consumer);
            gone.inspect(|gone| self.tell_consumer_gone(gone, &Actor::internal()));
        }
        if self.counting == Counting::Counted {
            let channel = channel.id;
            self.tell_channel(|of| Occurrence::ChannelClosed { of, channel, holder });
        }
        if let Some(replies) = &channel.replies {
            self.vhost.direct_replies.remove(replies);
        }
        for cell in channel.cells.values() {
            self.publisher.tell(cell, Envelope::Tell(Command::Release { holder }));
        }
        if self.pending.as_ref().is_some_and(|pending| pending.holder == holder) {
            self.pending = None;
        }
    }

    /// A publish goes into the batch of this turn.
    ///
    /// # Errors
    /// See [`Publisher::publish`].
    pub fn publish(
        &mut self,
        channel: ChannelId,
        holder: HolderId,
        message: Message,
        sequence: Option<PublishSequence>,
    ) -> Result<PublishOutcome, Refused> {
        let connection = self.peer.connection;
        let publish = sequence.map(|sequence| PublishRef { connection, channel, holder, sequence });
        self.publisher.publish(channel, message, publish)
    }

    /// The message that was published last goes back to its publisher, whom no queue has it for.
    pub fn publish_returned(&self) {
        self.publisher.returned();
    }

    /// The message that was published last and was refused is published again, as if it had not been:
    /// whether it may be was not known.
    pub fn publish_comes_again(&mut self) {
        self.publisher.comes_again();
    }

    /// Whether a publish to this exchange would be refused.
    ///
    /// # Errors
    /// See [`Publisher::publish`].
    pub fn check_publish(&self, exchange: &str) -> Result<(), Refused> {
        self.publisher.check(exchange)
    }

    /// Whether this publish would be refused, with its routing keys.
    ///
    /// # Errors
    /// See [`Publisher::publish`].
    pub fn check_message(&self, message: &Message) -> Result<(), Refused> {
        self.publisher.check_message(message)
    }

    /// Hands every queue what came for it in this turn.
    pub fn flush(&mut self, now: Millis) {
        if self.recheck_at.is_some_and(|at| now >= at) {
            self.recheck_at = Some(now.after(ASKED_RECHECK_MS));
            self.publisher.recheck();
        }
        self.publisher.flush(now);
    }

    /// A channel settles messages of one queue.
    pub fn settle(
        &mut self,
        holder: HolderId,
        queue: QueueId,
        settlement: Settlement,
        messages: Vec<(MessageId, MessageId)>,
    ) {
        if let Some(cell) = self.cell_of(holder, queue) {
            let command = Command::Settle { holder, settlement, messages };
            self.publisher.tell(&cell, Envelope::Tell(command));
        }
    }

    /// Sets the credit that the consumers of a channel share.
    /// `used` of it is taken already.
    pub fn share_credit(&mut self, holder: HolderId, prefetch: Option<u32>, used: u32) {
        let channel = self.channels.get(&holder);
        let starved = channel.is_some_and(|channel| channel.credit.set_limit(prefetch, used));
        if starved {
            self.open_consumers(holder);
        }
    }

    /// How many unsettled messages the consumers of a channel may share; 0 for no limit.
    #[must_use]
    pub fn shared_prefetch(&self, holder: HolderId) -> u32 {
        self.channels.get(&holder).map_or(0, |channel| channel.credit.limit())
    }

    /// Shared credit came back.
    pub fn return_credit(&mut self, holder: HolderId, messages: u32) {
        let starved =
            self.channels.get(&holder).is_some_and(|channel| channel.credit.give_back(messages));
        if starved {
            self.open_consumers(holder);
        }
    }

    /// Consumers that were held because this connection was slow may be given messages again.
    pub fn open_held(&mut self, held: &mut Vec<(Arc<Cell>, ConsumerId)>) {
        for (cell, consumer) in held.drain(..) {
            let command = Command::Flow { consumer, flow: Flow::Open };
            self.publisher.tell(&cell, Envelope::Tell(command));
        }
    }

    /// `basic.consume`.
    ///
    /// # Errors
    /// 403, 404, 405.
    pub fn consume(&mut self, holder: HolderId, request: ConsumeRequest) -> Result<Step, Refused> {
        let cell = self.vhost.queue_to_read(&self.peer, &request.queue)?;
        let asked = arguments::consume(&request.queue, &self.vhost.name, &request.arguments)?;
        let mut request = request;
        if request.tag.is_empty() {
            request.tag = server_names::consumer_tag()?;
        }
        self.announced = self.announcement(&cell, holder, &request);
        let tag = request.tag;
        let Some(channel) = self.channels.get_mut(&holder) else {
            return Ok(Step::Answered(Answered::Done));
        };
        let id = self.broker.next_consumer_id();
        let (credit, number) = (Arc::clone(&channel.credit), channel.id);
        channel.remember(&cell);
        channel.consumers.insert(tag.clone(), id);
        let entry = ClientConsumer {
            channel: channel.id,
            holder,
            tag: tag.clone(),
            acknowledge: !request.consume.no_ack,
            cell: Arc::clone(&cell),
        };
        self.consumers.insert(id, entry);
        let question = self.broker.next_request_id();
        self.pending = Some(Pending { request: question, holder, question: Question::Consume(id) });
        let consumer = request.consume.consumer(id, holder);
        let ConsumeArguments { priority, timeout } = asked;
        let envelope = Envelope::Attach {
            consumer: Consumer { priority, timeout, ..consumer },
            called: Called { channel: number, tag, arguments: request.arguments },
            request: question,
            connection: self.peer.connection,
            inbox: Arc::clone(&self.inbox),
            credit,
        };
        self.publisher.tell(&cell, envelope);
        Ok(Step::Waiting)
    }

    /// `basic.consume` of direct replies, on a channel that has no such consumer. An empty tag wants one from
    /// the server.
    ///
    /// # Errors
    /// 541 when the machine gives no random numbers.
    pub fn consume_replies(&mut self, holder: HolderId, tag: ConsumerTag) -> Result<Step, Refused> {
        let tag = if tag.is_empty() { server_names::consumer_tag()? } else { tag };
        let Some(channel) = self.channels.get_mut(&holder) else {
            return Ok(Step::Answered(Answered::Done));
        };
        let whose = (holder, self.broker.next_consumer_id());
        let (consumer, address) = self.vhost.direct_replies.add(tag.clone(), whose, &self.inbox)?;
        channel.replies = Some(consumer);
        Ok(Step::Answered(Answered::ConsumingReplies { tag, address }))
    }

    /// `basic.cancel`. An unknown tag is no error.
    pub fn cancel(&mut self, holder: HolderId, tag: &ConsumerTag) -> Step {
        let replies = self.channels.get_mut(&holder).map(|channel| &mut channel.replies);
        if let Some(replies) = replies.and_then(|all| all.take_if(|one| one.tag == *tag)) {
            self.vhost.direct_replies.remove(&replies);
            return Step::Answered(Answered::Done);
        }
        let id = self.channels.get_mut(&holder).and_then(|channel| channel.consumers.remove(tag));
        let entry = id.and_then(|id| Some((id, self.consumers.get(&id)?.cell.clone())));
        let Some((consumer, cell)) = entry else {
            return Step::Answered(Answered::Done);
        };
        self.ask(holder, &cell, Question::Cancel(consumer), |request| Command::Detach {
            consumer,
            request: Some(request),
        });
        Step::Waiting
    }

    /// `basic.get`.
    ///
    /// # Errors
    /// 403, 404, 405.
    pub fn get(
        &mut self,
        holder: HolderId,
        queue: &QueueName,
        no_ack: bool,
    ) -> Result<Step, Refused> {
        let cell = self.vhost.queue_to_read(&self.peer, queue)?;
        if let Some(channel) = self.channels.get_mut(&holder) {
            channel.remember(&cell);
        }
        self.get_from(holder, &cell, no_ack);
        Ok(Step::Waiting)
    }

    /// `basic.get` goes on behind a message that could not be read and was settled. Says whether the
    /// queue is still known to the channel.
    pub fn get_next(&mut self, holder: HolderId, queue: QueueId, no_ack: bool) -> bool {
        let cell = self.cell_of(holder, queue);
        cell.inspect(|cell| self.get_from(holder, cell, no_ack)).is_some()
    }

    /// The name of a queue that this channel uses.
    #[must_use]
    pub fn queue_name(&self, holder: HolderId, queue: QueueId) -> Option<QueueName> {
        self.cell_of(holder, queue).map(|cell| cell.info().name.clone())
    }

    fn get_from(&mut self, holder: HolderId, cell: &Arc<Cell>, no_ack: bool) {
        let question = Question::Get(Arc::clone(cell));
        self.ask(holder, cell, question, |request| Command::Get { holder, no_ack, request });
    }

    fn cell_of(&self, holder: HolderId, queue: QueueId) -> Option<Arc<Cell>> {
        self.channels.get(&holder)?.cells.get(&queue).cloned()
    }

    fn keeper(&self) -> Keeper {
        Keeper::new(self.broker.next_request_id(), Arc::clone(&self.inbox))
    }

    fn answer_when_kept(&mut self, holder: HolderId, keeper: &Keeper, answered: Answered) -> Step {
        let Some(request) = keeper.request() else { return Step::Answered(answered) };
        self.pending = Some(Pending { request, holder, question: Question::Store(answered) });
        Step::Waiting
    }

    fn ask(
        &mut self,
        holder: HolderId,
        cell: &Arc<Cell>,
        question: Question,
        command: impl FnOnce(RequestId) -> Command<Payload>,
    ) {
        let request = self.broker.next_request_id();
        self.pending = Some(Pending { request, holder, question });
        let command = command(request);
        let inbox = Arc::clone(&self.inbox);
        self.publisher.tell(cell, Envelope::Ask { command, request, inbox });
    }

    fn open_consumers(&mut self, holder: HolderId) {
        let Some(channel) = self.channels.get(&holder) else { return };
        for id in channel.consumers.values() {
            if let Some(consumer) = self.consumers.get(id) {
                let command = Command::Flow { consumer: *id, flow: Flow::Open };
                self.publisher.tell(&consumer.cell, Envelope::Tell(command));
            }
        }
    }
}

impl Channel {
    fn remember(&mut self, cell: &Arc<Cell>) {
        self.cells.entry(cell.info().id).or_insert_with(|| Arc::clone(cell));
        if self.cells_sweep.is_due(self.cells.len()) {
            self.cells.retain(|_, cell| !cell.is_deleted());
            self.cells_sweep.done(self.cells.len());
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let now = self.broker.clock().now();
        let holders: Vec<HolderId> = self.channels.keys().copied().collect();
        for holder in holders {
            self.channel_closed(holder);
        }
        self.vhost.direct_replies.are_late(self.inbox.replies().close());
        let mut exclusive = std::mem::take(&mut self.exclusive).into_iter();
        for cell in exclusive.by_ref().take(PARTING_STEP_QUEUES) {
            self.publisher.tell(&cell, deletion());
        }
        let told = self.publisher.leave_touched(PARTING_STEP_QUEUES);
        self.publisher.flush(now);
        Parting::begin(&self.vhost, told, exclusive);
        if self.counting == Counting::Counted {
            self.vhost.common.limits.disconnected(&self.vhost.name, &self.peer.user);
        }
    }
}
