//! What the machine of one connection asks of the world, and what the world answers.

use bytes::Bytes;

use crate::base::{
    ChannelId, ConsumerTag, ExchangeName, FieldTable, HolderId, Message, MessageId,
    PublishSequence, QueueId, QueueName, ReplyCode, ShortStr, VhostName,
};
use crate::wire::{BasicConsume, ExchangeBind, ExchangeDeclare, MethodId, QueueBind, QueueDeclare};

use super::sasl::Mechanism;

/// One thing to do. Actions are executed in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Something that is answered with [`super::Connection::answer`]. Until then the machine takes no
    /// further input, so that one connection's methods keep their order.
    /// Boxed, because nearly all actions are publishes and settlements, and those are smaller.
    Ask(Box<Ask>),
    /// A publish on an open channel; answered with [`super::Connection::published`] when
    /// `sequence` is there, and with [`super::Connection::fail`] when the broker refuses it.
    Publish(Publish),
    /// Messages of one queue are settled. Needs no answer.
    Settle(Settle),
    /// A channel is open; `holder` is what the broker knows it by.
    ChannelOpened {
        /// Its number.
        channel: ChannelId,
        /// This opening of it.
        holder: HolderId,
    },
    /// A channel is gone, by whatever cause: its consumers are to be detached and what it holds is to
    /// go back to the queues.
    ChannelClosed {
        /// Its number.
        channel: ChannelId,
        /// The opening that ended.
        holder: HolderId,
    },
    /// The credit that all consumers of a channel share (`basic.qos` with `global`); `None`: no limit.
    ShareCredit {
        /// Whose.
        holder: HolderId,
        /// From 1.
        prefetch: Option<u32>,
        /// Unsettled deliveries of the channel at this moment: so much of the credit is taken.
        used: u32,
    },
    /// Credit of [`Action::ShareCredit`] came back.
    ReturnCredit {
        /// Whose.
        holder: HolderId,
        /// How much.
        messages: u32,
    },
    /// A line for the log: what ended a channel or a connection, in RabbitMQ's words.
    Log(String),
    /// Everything in the output is to be written, and then the socket is to be closed after
    /// `pause_ms` (0: at once).
    Disconnect {
        /// RabbitMQ's slow-down of password guessing.
        pause_ms: u64,
    },
}

/// A question and the channel that waits for it; channel 0 is the connection itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// Who waits.
    pub channel: ChannelId,
    /// The channel's opening; `HolderId(0)` on channel 0.
    pub holder: HolderId,
    /// What.
    pub request: Request,
}

/// What can be asked. `nowait` of the arguments is the machine's business; the broker always answers.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// Check credentials: [`Answer::Authenticated`] or [`Answer::LoginRefused`].
    Authenticate(Credentials),
    /// `connection.open`: [`Answer::Done`].
    OpenVhost(VhostName),
    /// `connection.update-secret`: [`Answer::Done`].
    UpdateSecret(Secret),
    /// [`Answer::Done`].
    ExchangeDeclare(ExchangeDeclare),
    /// [`Answer::Done`].
    ExchangeDelete {
        /// Which.
        exchange: ExchangeName,
        /// Only when nothing is bound to it.
        if_unused: bool,
    },
    /// [`Answer::Done`].
    ExchangeBind(ExchangeBind),
    /// [`Answer::Done`].
    ExchangeUnbind(ExchangeBind),
    /// [`Answer::QueueDeclared`]. An empty name wants a name from the server.
    QueueDeclare(QueueDeclare),
    /// [`Answer::Done`]. The machine has put the last declared queue in for an empty name.
    QueueBind(QueueBind),
    /// [`Answer::Done`].
    QueueUnbind(QueueBind),
    /// [`Answer::Messages`].
    QueuePurge(QueueName),
    /// [`Answer::Messages`].
    QueueDelete {
        /// Which.
        queue: QueueName,
        /// Only without consumers.
        if_unused: bool,
        /// Only without messages.
        if_empty: bool,
    },
    /// [`Answer::Consuming`].
    Consume {
        /// As sent; an empty tag wants one from the server.
        consume: BasicConsume,
        /// Messages that may be open: the channel's prefetch per consumer at this moment, 0 for no
        /// limit.
        prefetch: u16,
    },
    /// A consumer of [`crate::base::DIRECT_REPLY_TO`] with this tag, which may be empty:
    /// [`Answer::ConsumingReplies`].
    ConsumeReplies(ConsumerTag),
    /// [`Answer::Done`]; deliveries that were under way come before it.
    Cancel(ConsumerTag),
    /// [`Answer::Got`] with the delivery handed over first, or [`Answer::Empty`].
    Get {
        /// Which queue.
        queue: QueueName,
        /// Settled at once.
        no_ack: bool,
    },
    /// Whether a publish would be refused (one within a transaction, or one that has another fault
    /// that counts less): [`Answer::Done`].
    CheckPublish {
        /// Where to.
        exchange: ExchangeName,
    },
    /// All actions before this one are executed: [`Answer::Done`], at once. The machine asks it
    /// before it writes something that must come after what the broker may have to say about a
    /// publish of the same read (a `channel.close-ok` for instance).
    Barrier,
}

/// An answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// It is done.
    Done,
    /// The credentials are right.
    Authenticated,
    /// They are not. The text is for `connection.close` 403, where the client can take one.
    LoginRefused(String),
    /// `queue.declare-ok`.
    QueueDeclared {
        /// The name, made by the server perhaps.
        queue: QueueName,
        /// Ready messages.
        message_count: u32,
        /// Consumers.
        consumer_count: u32,
    },
    /// `queue.purge-ok`, `queue.delete-ok`.
    Messages(u32),
    /// `basic.consume-ok`.
    Consuming(ConsumerTag),
    /// `basic.consume-ok` for a consumer of direct replies.
    ConsumingReplies {
        /// Its tag, made by the server perhaps.
        consumer_tag: ConsumerTag,
        /// What stands in the `reply-to` of this channel's requests from now on.
        address: ShortStr,
    },
    /// `basic.get-ok`.
    Got(Box<Got>),
    /// `basic.get-empty`.
    Empty,
    /// The broker refuses. Whether it ends the channel or the connection is the code's business.
    Refused(Refusal),
}

/// A message for `basic.get-ok`.
#[derive(Clone, PartialEq, Debug)]
pub struct Got {
    /// The message and where it is held.
    pub delivery: Delivery,
    /// Ready messages after it.
    pub message_count: u32,
}

/// A message on its way out.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery {
    /// Its queue.
    pub queue: QueueId,
    /// Its id there.
    pub id: MessageId,
    /// The message.
    pub message: Message,
    /// Whether it was handed out before.
    pub redelivered: bool,
}

/// A publish.
#[derive(Clone, PartialEq, Debug)]
pub struct Publish {
    /// The channel.
    pub channel: ChannelId,
    /// Its opening.
    pub holder: HolderId,
    /// Exchange, key, header and body.
    pub message: Message,
    /// Wants `basic.return` when it reaches no queue.
    pub mandatory: bool,
    /// There on a confirming channel and in a commit: somebody waits.
    pub sequence: Option<PublishSequence>,
}

/// Messages of one queue, settled by one channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settle {
    /// The opening of the channel.
    pub holder: HolderId,
    /// The queue.
    pub queue: QueueId,
    /// What becomes of them.
    pub outcome: Outcome,
    /// Runs of ids, both ends included; ids in a run are consecutive and all held by this holder.
    pub messages: Vec<(MessageId, MessageId)>,
}

/// What a client says of messages it was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// `basic.ack`.
    Ack,
    /// `basic.nack` with `requeue`, or `basic.recover`: it was given back (rabbitmq: nack.md, the two methods
    /// differ in what they say of the message).
    Requeue,
    /// `basic.reject` with `requeue`: the attempt failed.
    RequeueFailed,
    /// `basic.nack` or `basic.reject` without.
    Discard,
}

/// A refusal by the broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The code; it decides whether the channel or the connection ends.
    pub code: ReplyCode,
    /// What follows `NAME - ` in the reply text.
    pub text: String,
    /// The method that failed; 0, 0 where there is none.
    pub failed: MethodId,
}

/// A login: what was taken out of a SASL response. Never shown.
#[derive(Clone, PartialEq)]
pub struct Credentials {
    /// How the user is to be recognised.
    pub mechanism: Mechanism,
    /// As sent, perhaps not UTF-8; of the settings for `ANONYMOUS`; empty for `EXTERNAL`.
    pub user: Bytes,
    /// As the user.
    pub password: Secret,
    /// What the client says of itself.
    pub client_properties: FieldTable,
}

/// Bytes that no log line shows.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(pub Bytes);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("mechanism", &self.mechanism.name())
            .field("user", &String::from_utf8_lossy(&self.user))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_no_larger_than_a_cache_line() {
        assert!(size_of::<Action>() <= 64, "{}", size_of::<Action>());
    }
}
