//! A client without a socket: what the management declares, binds, publishes, fetches and deletes on
//! behalf of a user, by the same checks and with the same refusals as a connection of that user.
//!
//! It lives for one request. Dropping it, at any moment, closes its channel: what it fetched and did not
//! settle goes back to its queue.
//!
//! rabbitmq: `rabbit_mgmt_util`. Publishing and fetching go through a direct connection there, which counts
//! against the limits of connections and channels and is refused where they are reached; everything else
//! does not. Neither hears alarms: one request brings one message, and its body is bounded.

mod moving;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use super::client::Counting;
use super::{
    Answered, Binding, Broker, Client, Content, DeclareExchange, DeclareQueue, DeliveryEvent,
    Event, Inbox, Peer, Refused, Step, Unreadable, Vhost, refuse,
};
use crate::access::{Identity, Rights};
use crate::base::limits::{ASKED_ROUNDS_MAX, FETCH_BYTES_MAX};
use crate::base::{
    ChannelCounters, ChannelId, ConnectionId, ExchangeName, HolderId, Message, MessageId,
    PublishSequence, QueueId, QueueName, ReplyCode, UserName, VhostName,
};
use crate::queue::{Attempt, Settlement};

pub use moving::{Move, MoveTo, Moved, Stopped};

/// On whose behalf.
#[derive(Clone, Debug)]
pub enum Behalf {
    /// A user, who may do what its permissions say.
    User(UserName),
    /// Somebody who is logged in.
    Identity(Identity),
    /// Whoever operates the process and needs no user: may do everything.
    Operator,
}

impl Behalf {
    pub(super) fn peer(&self, connection: ConnectionId) -> Peer {
        let identity = match self {
            Self::User(user) => Identity::of_user(user.clone()),
            Self::Identity(identity) => identity.clone(),
            Self::Operator => Identity { rights: Rights::All, ..Identity::of_user(operator()) },
        };
        Peer::of(connection, identity)
    }
}

/// What a direct client is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Declares, deletes, binds, purges: counts against no limit.
    Topology,
    /// Publishes and fetches: counts as a connection with a channel.
    Messages,
}

/// See the module.
pub struct DirectClient {
    client: Client,
    broker: Arc<Broker>,
    inbox: Arc<Inbox>,
    holder: HolderId,
    sequence: PublishSequence,
    events: VecDeque<Event>,
    counters: Arc<ChannelCounters>,
}

/// What became of a publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Published {
    /// Every queue that it was routed to has it; safe where it is to be.
    Routed,
    /// It was routed to no queue.
    Unrouted,
    /// A queue did not take it.
    Rejected,
}

/// What becomes of messages that are fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AckMode {
    /// They go back when all are fetched.
    AckRequeueTrue,
    /// They are gone.
    AckRequeueFalse,
    /// They are rejected and go back.
    RejectRequeueTrue,
    /// They are rejected: dropped, or dead-lettered.
    RejectRequeueFalse,
}

impl AckMode {
    /// The mode of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ack_requeue_true" => Self::AckRequeueTrue,
            "ack_requeue_false" => Self::AckRequeueFalse,
            "reject_requeue_true" => Self::RejectRequeueTrue,
            "reject_requeue_false" => Self::RejectRequeueFalse,
            _ => return None,
        })
    }

    /// What the messages are settled with at the end; `None` when they were handed out settled.
    fn settlement(self) -> Option<Settlement> {
        match self {
            Self::AckRequeueTrue | Self::RejectRequeueTrue => {
                Some(Settlement::Requeue(Attempt::Returned))
            }
            Self::RejectRequeueFalse => Some(Settlement::Discard),
            Self::AckRequeueFalse => None,
        }
    }
}

/// What is to be fetched.
#[derive(Clone, Copy, Debug)]
pub struct Fetch {
    /// Messages at most.
    pub count: usize,
    /// What becomes of them.
    pub ack_mode: AckMode,
    /// Bytes of each body that are wanted; `None` for all.
    pub truncate: Option<usize>,
}

/// A message that was fetched.
#[derive(Clone, PartialEq, Debug)]
pub struct Fetched {
    /// The exchange it was published to.
    pub exchange: String,
    /// Its routing key.
    pub routing_key: Vec<u8>,
    /// Its raw properties.
    pub properties: Vec<u8>,
    /// The body, as much of it as was wanted.
    pub body: Vec<u8>,
    /// Bytes of the whole body.
    pub body_bytes: usize,
    /// Whether it was handed out before.
    pub redelivered: bool,
    /// How often it was handed out before, where the queue tells it; else 0.
    pub delivery_count: u32,
    /// Ready messages behind it at that moment.
    pub ready: u64,
}

/// The one channel of a direct client.
const CHANNEL: ChannelId = ChannelId(1);

impl DirectClient {
    /// For one request in this virtual host.
    ///
    /// # Errors
    /// 530 when there is no such virtual host; for [`Purpose::Messages`] also when the user may not enter it
    /// or has as many connections or channels as it may.
    pub fn open(
        broker: &Arc<Broker>,
        vhost: &VhostName,
        behalf: &Behalf,
        purpose: Purpose,
    ) -> Result<Self, Refused> {
        let connection = broker.next_connection_id();
        let peer = behalf.peer(connection);
        let counted = purpose == Purpose::Messages && !peer.rights.is_all();
        let counting = if counted { Counting::Counted } else { Counting::Uncounted };
        let vhost = if counted {
            broker.open_vhost_with(vhost, &peer.user, &peer.rights)?
        } else {
            match broker.vhost(vhost) {
                Some(vhost) => vhost,
                None => {
                    return refuse(ReplyCode::NotAllowed, format!("vhost {vhost} not found"));
                }
            }
        };
        let inbox = Arc::new(Inbox::new());
        let (of_broker, events) = (Arc::clone(broker), Arc::clone(&inbox));
        let mut client = Client::counting(counting, of_broker, vhost, peer, events);
        let holder = broker.next_holder_id();
        let counters = Arc::new(ChannelCounters::default());
        counters.confirms_from.set(0);
        client.channel_counts(holder, CHANNEL, Arc::clone(&counters))?;
        let (broker, sequence) = (Arc::clone(broker), PublishSequence(0));
        let events = VecDeque::new();
        Ok(Self { client, broker, inbox, holder, sequence, events, counters })
    }

    /// The virtual host.
    #[must_use]
    pub fn vhost(&self) -> &Arc<Vhost> {
        self.client.vhost()
    }

    /// Whether the user may set another `user-id` in its messages.
    #[must_use]
    pub fn may_impersonate(&self) -> bool {
        self.client.peer().rights.is_all() || self.client.may_impersonate()
    }

    /// `queue.declare`; gives the name, and with `passive` it only looks.
    ///
    /// # Errors
    /// 403, 404, 405, 406.
    pub async fn queue_declare(&mut self, declare: DeclareQueue) -> Result<QueueName, Refused> {
        let step =
            self.attempt(|client, holder| client.queue_declare(holder, declare.clone())).await;
        match self.answered(step).await? {
            Answered::Declared { queue, .. } => Ok(queue),
            _ => unexpected(),
        }
    }

    /// `queue.delete`; gives how many messages went with it.
    ///
    /// # Errors
    /// 403, 405, 406.
    pub async fn queue_delete(
        &mut self,
        queue: &QueueName,
        if_unused: bool,
        if_empty: bool,
    ) -> Result<u64, Refused> {
        let step = self
            .attempt(|client, holder| client.queue_delete(holder, queue, if_unused, if_empty))
            .await;
        self.messages(step).await
    }

    /// `queue.purge`; gives how many messages are gone.
    ///
    /// # Errors
    /// 403, 404, 405.
    pub async fn queue_purge(&mut self, queue: &QueueName) -> Result<u64, Refused> {
        let step = self.attempt(|client, holder| client.queue_purge(holder, queue)).await;
        self.messages(step).await
    }

    /// `exchange.declare`; with `passive` it only looks.
    ///
    /// # Errors
    /// 403, 404, 406.
    pub async fn exchange_declare(&mut self, declare: DeclareExchange) -> Result<(), Refused> {
        let step =
            self.attempt(|client, holder| client.exchange_declare(holder, declare.clone())).await;
        self.answered(step).await.map(drop)
    }

    /// `exchange.delete`.
    ///
    /// # Errors
    /// 403, 406.
    pub async fn exchange_delete(
        &mut self,
        exchange: &ExchangeName,
        if_unused: bool,
    ) -> Result<(), Refused> {
        let step = self
            .attempt(|client, holder| client.exchange_delete(holder, exchange, if_unused))
            .await;
        self.answered(step).await.map(drop)
    }

    /// `queue.bind` and `exchange.bind`.
    ///
    /// # Errors
    /// 403, 404, 405, 406.
    pub async fn bind(&mut self, binding: &Binding) -> Result<(), Refused> {
        let step = self.attempt(|client, holder| client.bind(holder, binding)).await;
        self.answered(step).await.map(drop)
    }

    /// `queue.unbind` and `exchange.unbind`.
    ///
    /// # Errors
    /// 403, 405.
    pub async fn unbind(&mut self, binding: &Binding) -> Result<(), Refused> {
        let step = self.attempt(|client, holder| client.unbind(holder, binding)).await;
        self.answered(step).await.map(drop)
    }

    /// Publishes, and waits for the confirms of all queues.
    ///
    /// # Errors
    /// 403, 404, 406.
    pub async fn publish(&mut self, message: Message) -> Result<Published, Refused> {
        self.sequence = PublishSequence(self.sequence.0 + 1);
        let of_this = self.sequence;
        let body_bytes = message.body().len() as u64;
        let publish = |client: &mut Client, holder| {
            client.publish(CHANNEL, holder, message.clone(), Some(of_this))
        };
        let outcome = self.attempt(publish).await?;
        self.flush();
        self.counters.published(body_bytes);
        // rabbitmq: the management publishes what is mandatory.
        self.counters.return_unroutable.add(u64::from(outcome.queues == 0));
        let mut published = match outcome.queues {
            0 => Published::Unrouted,
            _ => Published::Routed,
        };
        let mut open = outcome.queues;
        while open > 0 {
            match self.next_event().await {
                Event::Confirm { first, last, .. } if (first..=last).contains(&of_this) => {
                    open -= 1;
                }
                Event::Refuse { sequence, .. } if sequence == of_this => {
                    published = Published::Rejected;
                    open -= 1;
                }
                // Of a publish before, whose caller did not wait.
                _ => {}
            }
        }
        self.counters.confirm.add(u64::from(published != Published::Rejected));
        Ok(published)
    }

    /// Fetches messages from the head of a queue, at most [`FETCH_BYTES_MAX`] of their bytes, and settles
    /// them as they are to be. `read` gives the bytes of one, and may block on the disk.
    ///
    /// # Errors
    /// 403, 404, 405; 541 when a message cannot be read now. Everything fetched before is back then,
    /// except what was to be gone.
    pub async fn fetch(
        &mut self,
        queue: &QueueName,
        fetch: Fetch,
        mut read: impl FnMut(Content) -> Result<Message, Unreadable>,
    ) -> Result<Vec<Fetched>, Refused> {
        let no_ack = fetch.ack_mode == AckMode::AckRequeueFalse;
        let mut fetched = Vec::new();
        let mut to_settle: Option<(QueueId, Vec<(MessageId, MessageId)>)> = None;
        let mut bytes = 0;
        while fetched.len() < fetch.count && bytes < FETCH_BYTES_MAX {
            let step = self.attempt(|client, holder| client.get(holder, queue, no_ack)).await;
            let Answered::Got(event, ready) = self.answered(step).await? else {
                self.counters.get_empty.add(1);
                break;
            };
            let counter = if no_ack { &self.counters.get_no_ack } else { &self.counters.get };
            counter.add(1);
            self.counters.redeliver.add(u64::from(event.redelivered));
            let DeliveryEvent { queue: id, id: message_id, until_read, .. } = *event;
            let run = (message_id, message_id);
            match read(event.content.clone()) {
                Ok(message) => {
                    if self.client.is_traced() {
                        let (holder, redelivered) = (self.holder, event.redelivered);
                        self.client.trace_got(CHANNEL, holder, id, &message, redelivered);
                        self.flush();
                    }
                    let one = Fetched::new(&message, &event, ready, fetch.truncate);
                    bytes += one.bytes();
                    fetched.push(one);
                }
                Err(error) => {
                    self.unreadable(queue, id, message_id, &error)?;
                    continue;
                }
            }
            if until_read {
                self.client.settle(self.holder, id, Settlement::Ack, vec![run]);
                self.flush();
            } else if !no_ack {
                to_settle.get_or_insert((id, Vec::new())).1.push(run);
            }
        }
        // Only now: a message that goes back at once would be the next one that is fetched.
        if let (Some((id, runs)), Some(settlement)) = (to_settle, fetch.ack_mode.settlement()) {
            self.client.settle(self.holder, id, settlement, runs);
            self.flush();
        }
        Ok(fetched)
    }

    /// A message cannot be read. What is damaged stays so and would come back for ever: it is settled, and
    /// the next one is fetched.
    /// Does something as often as it takes to know whether it is allowed.
    async fn attempt<T>(
        &mut self,
        mut operation: impl FnMut(&mut Client, HolderId) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let mut rounds = 0;
        loop {
            let result = operation(&mut self.client, self.holder);
            let Some(asked) = self.client.asked().cloned() else { return result };
            if result.is_ok() || !asked.has_open() || rounds == ASKED_ROUNDS_MAX {
                return result;
            }
            rounds += 1;
            asked.settle().await;
        }
    }

    fn unreadable(
        &mut self,
        queue: &QueueName,
        id: QueueId,
        message: MessageId,
        error: &Unreadable,
    ) -> Result<(), Refused> {
        if matches!(error, Unreadable::Damaged(_) | Unreadable::Gone { .. }) {
            tracing::error!(queue = %queue, message = %message, error = %error, "a message is damaged on disk; it is dropped");
            self.client.settle(self.holder, id, Settlement::Discard, vec![(message, message)]);
            self.flush();
            return Ok(());
        }
        let text = format!("the message cannot be read from disk: {error}");
        refuse(ReplyCode::InternalError, text)
    }

    async fn messages(&mut self, step: Result<Step, Refused>) -> Result<u64, Refused> {
        match self.answered(step).await? {
            Answered::Messages(messages) => Ok(messages),
            _ => unexpected(),
        }
    }

    /// Runs a step to its answer.
    async fn answered(&mut self, step: Result<Step, Refused>) -> Result<Answered, Refused> {
        let mut step = step;
        loop {
            if let Step::Answered(answered) = step? {
                self.flush();
                return Ok(answered);
            }
            self.flush();
            step = loop {
                let next = match self.next_event().await {
                    Event::Reply { request, reply } => self.client.reply(request, *reply),
                    Event::Stored { request, error } => self.client.stored(request, error),
                    _ => None,
                };
                if let Some(next) = next {
                    break next;
                }
            };
        }
    }

    async fn next_event(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            poll_fn(|context| self.inbox.poll_filled(context)).await;
            let (mut events, mut held) = (Vec::new(), Vec::new());
            self.inbox.take(&mut events, &mut held);
            // It has no consumers, so none is held.
            self.events.extend(events);
        }
    }

    fn flush(&mut self) {
        self.client.flush(self.broker.clock().now());
    }
}

impl Fetched {
    fn new(message: &Message, event: &DeliveryEvent, ready: u64, truncate: Option<usize>) -> Self {
        let (body_bytes, wanted) = (message.body().len(), truncate.unwrap_or(usize::MAX));
        let mut body = Vec::with_capacity(body_bytes.min(wanted));
        for piece in message.body().pieces() {
            let room = wanted.saturating_sub(body.len()).min(piece.len());
            body.extend_from_slice(&piece[..room]);
        }
        Self {
            exchange: message.exchange().to_owned(),
            routing_key: message.routing_key().to_vec(),
            properties: message.properties().to_vec(),
            body,
            body_bytes,
            redelivered: event.redelivered,
            delivery_count: event.delivery_count,
            ready,
        }
    }

    /// What it costs to hold.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.routing_key.len() + self.properties.len() + self.body.len()
    }
}

/// How the operator is called where a user has a name.
fn operator() -> UserName {
    UserName::try_from("rmq-internal").expect("it is short")
}

/// The broker answered a request with the answer of another one.
fn unexpected<T>() -> Result<T, Refused> {
    refuse(ReplyCode::InternalError, "the broker gave an answer to another question")
}
