//! Direct reply-to (rabbitmq: direct-reply-to.md): replies that go from the connection of a responder into
//! the inbox of a requester, without a queue.
//!
//! ```text
//! consume of the pseudo-queue -> a token in the vhost's table -> basic.cancel, the channel's end
//!                                             |
//! publish to "" with the address -> waits for the end of the responder's turn
//!                                -> the requester's inbox -> its session
//! ```
//!
//! * R1: a token stands for one consumer of one opening of a channel, is 128 random bits, and is never given
//!   again. Whoever was not told it cannot send to it.
//! * R2: a reply is delivered once or not at all. Those of one channel to one consumer keep their order.
//! * R3: what waits for one connection is at most [`DIRECT_REPLY_WAITING_BYTES_MAX`] and one reply. What is
//!   too much is dropped, counted and logged, and its publisher hears of it: `basic.nack` where it waits for
//!   a confirm, else `basic.return` where the reply was mandatory.
//! * R4: nobody waits for a requester that does not read: no reply holds back its responder.
//!
//! A publish to a token of nobody is unroutable, as one to a missing queue is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::{Answered, Event, Inbox, PublishOutcome, Refused, Vhost, refuse, server_names};
use crate::base::limits::DIRECT_REPLY_WAITING_BYTES_MAX;
use crate::base::{
    ConsumerId, ConsumerTag, DIRECT_REPLY_TO, HolderId, Message, QueueName, ReplyCode, ShortStr,
};
use crate::queue::PublishRef;

/// What the server makes up for a consumer, in base64.
type Token = [u8; server_names::RANDOM_CHARACTERS];

/// Where the replies of one consumer go.
#[derive(Clone)]
struct Requester {
    inbox: Arc<Inbox>,
    holder: HolderId,
    id: ConsumerId,
}

/// The consumer of direct replies of a channel, as its connection knows it.
pub(super) struct ReplyConsumer {
    pub(super) id: ConsumerId,
    pub(super) tag: ConsumerTag,
    token: Token,
}

/// Replies that were dropped in one virtual host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DirectReplyLosses {
    /// Too many waited for their requester.
    pub full: u64,
    /// Their consumer was cancelled, or its channel or connection ended, while they waited.
    pub late: u64,
}

/// All consumers of direct replies in one virtual host.
#[derive(Default)]
pub(super) struct DirectReplies {
    requesters: RwLock<HashMap<Token, Requester>>,
    full: AtomicU64,
    late: AtomicU64,
}

impl DirectReplies {
    /// A new consumer, and the address of its replies.
    ///
    /// # Errors
    /// 541 when the machine gives no random numbers.
    pub(super) fn add(
        &self,
        tag: ConsumerTag,
        (holder, id): (HolderId, ConsumerId),
        inbox: &Arc<Inbox>,
    ) -> Result<(ReplyConsumer, ShortStr), Refused> {
        let random = server_names::random_part()?;
        let address = format!("{DIRECT_REPLY_TO}.{random}");
        let address = ShortStr::try_from(address.as_str()).expect("44 characters are short");
        let token = Token::try_from(random.as_bytes()).expect("16 bytes have 22 characters");
        let requester = Requester { inbox: Arc::clone(inbox), holder, id };
        self.write(|requesters| requesters.insert(token, requester));
        Ok((ReplyConsumer { id, tag, token }, address))
    }

    /// A consumer is gone: from now on its address is nobody's.
    pub(super) fn remove(&self, consumer: &ReplyConsumer) {
        self.write(|requesters| requesters.remove(&consumer.token));
    }

    /// Replies that waited have lost their consumer.
    pub(super) fn are_late(&self, replies: u64) {
        self.late.fetch_add(replies, Ordering::Relaxed);
    }

    pub(super) fn losses(&self) -> DirectReplyLosses {
        DirectReplyLosses {
            full: self.full.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
        }
    }

    fn dropped(&self, requester: &Requester, vhost: &Vhost) {
        self.full.fetch_add(1, Ordering::Relaxed);
        if requester.inbox.replies().dropped() {
            tracing::warn!(
                vhost = %vhost.name,
                consumer = %requester.id,
                bytes = DIRECT_REPLY_WAITING_BYTES_MAX,
                "a requester does not read its direct replies: what comes beyond these bytes is dropped"
            );
        }
    }

    fn find(&self, token: &[u8]) -> Option<Requester> {
        let requesters = self.requesters.read().unwrap_or_else(PoisonError::into_inner);
        requesters.get(token).cloned()
    }

    fn write<T>(&self, change: impl FnOnce(&mut HashMap<Token, Requester>) -> T) -> T {
        // One insertion or removal each: a panic leaves no half of it.
        change(&mut self.requesters.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Vhost {
    /// Replies that were dropped here since the start.
    #[must_use]
    pub fn direct_reply_losses(&self) -> DirectReplyLosses {
        self.direct_replies.losses()
    }

    /// The answer to `queue.declare` for a name of direct reply-to; `None` for every other name. No such name
    /// is ever declared: it is there, with one consumer, or it is not, whatever the flags and arguments say
    /// (rabbitmq: direct-reply-to.md). RabbitMQ asks for no permission here.
    pub(super) fn declare_direct_reply(
        &self,
        name: &QueueName,
    ) -> Option<Result<Answered, Refused>> {
        let behind = name.as_str().strip_prefix(DIRECT_REPLY_TO)?;
        let token = behind.strip_prefix('.').map(str::as_bytes);
        let found =
            token.map_or(behind.is_empty(), |token| self.direct_replies.find(token).is_some());
        Some(if found {
            Ok(Answered::Declared { queue: name.clone(), messages: 0, consumers: 1 })
        } else {
            refuse(ReplyCode::NotFound, self.no_queue(name.as_str()))
        })
    }
}

/// What stands behind the dot in the address that this message is published to, if it is one. Only the
/// default exchange leads to requesters.
#[inline]
pub(super) fn addressee(message: &Message) -> Option<&[u8]> {
    if !message.exchange_bytes().is_empty() {
        return None;
    }
    message.routing_key().strip_prefix(DIRECT_REPLY_TO.as_bytes())?.strip_prefix(b".")
}

/// Whether nothing can be bound to this name.
pub(super) fn is_volatile(name: &QueueName) -> bool {
    let behind = name.as_str().strip_prefix(DIRECT_REPLY_TO);
    behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('.'))
}

/// The replies that one connection has published in this turn.
#[derive(Default)]
pub(super) struct Replying {
    /// The table's generation at which the peer was found to be allowed to publish to the default exchange.
    pub(super) checked: Option<u64>,
    replies: Vec<(Arc<Inbox>, Event)>,
    /// What the publisher itself is told: a requester's inbox answers nobody.
    answers: Vec<Event>,
}

impl Replying {
    /// A reply joins those of this turn, when there is a requester and it has room. `publish` is there when
    /// somebody waits for the confirm.
    pub(super) fn reply(
        &mut self,
        vhost: &Vhost,
        reply: Message,
        publish: Option<PublishRef>,
    ) -> PublishOutcome {
        let all = &vhost.direct_replies;
        let Some(requester) = addressee(&reply).and_then(|token| all.find(token)) else {
            return PublishOutcome { queues: 0, answers: 0 };
        };
        let taken = requester.inbox.replies().takes(reply.ram_bytes());
        if taken {
            let Requester { inbox, holder, id } = requester;
            self.replies.push((inbox, Event::DirectReply { holder, consumer: id, reply }));
        } else {
            all.dropped(&requester, vhost);
        }
        if let Some(PublishRef { holder, sequence, .. }) = publish {
            self.answers.push(if taken {
                Event::Confirm { holder, first: sequence, last: sequence }
            } else {
                Event::Refuse { holder, sequence }
            });
        }
        let answers = u32::from(publish.is_some());
        PublishOutcome { queues: u32::from(taken).max(answers), answers }
    }

    /// Hands the replies of this turn to their requesters.
    #[inline]
    pub(super) fn flush(&mut self, publisher: &Inbox) {
        if !self.replies.is_empty() || !self.answers.is_empty() {
            self.hand_over(publisher);
        }
    }

    fn hand_over(&mut self, publisher: &Inbox) {
        let mut replies = self.replies.drain(..).peekable();
        while let Some((inbox, first)) = replies.next() {
            let same = |(to, _): &(Arc<Inbox>, Event)| Arc::ptr_eq(to, &inbox);
            let rest = std::iter::from_fn(|| replies.next_if(same)).map(|(_, reply)| reply);
            inbox.push(std::iter::once(first).chain(rest));
        }
        if !self.answers.is_empty() {
            publisher.push(self.answers.drain(..));
        }
    }
}

/// The replies that wait in the inbox of one connection; counted beside the inbox's lock, because a
/// responder has to know at once whether its reply is taken.
#[derive(Default)]
pub(super) struct WaitingReplies {
    bytes: AtomicU64,
    messages: AtomicU64,
    /// Since there was room for the last time.
    dropped: AtomicU64,
}

/// More than any sum of replies: the connection takes none any more.
const CLOSED: u64 = 1 << 62;

impl WaitingReplies {
    /// Whether one more reply of so many bytes is taken; it counts from now on.
    fn takes(&self, bytes: u64) -> bool {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before > DIRECT_REPLY_WAITING_BYTES_MAX {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.messages.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Counts a reply that was not taken; true for the first since there was room.
    fn dropped(&self) -> bool {
        self.dropped.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// A reply came out of the inbox. How many were dropped before there is room again, when there is.
    pub(super) fn arrived(&self, bytes: u64) -> Option<u64> {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        let left = self.bytes.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        if left > 0 || self.dropped.load(Ordering::Relaxed) == 0 {
            return None;
        }
        Some(self.dropped.swap(0, Ordering::Relaxed))
    }

    /// No reply is taken any more; how many never came out.
    pub(super) fn close(&self) -> u64 {
        self.bytes.fetch_or(CLOSED, Ordering::Relaxed);
        self.messages.load(Ordering::Relaxed)
    }
}
