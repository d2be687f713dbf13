//! What is put into a cell's inbox.

use std::sync::Arc;

use super::executor::Called;
use super::payload::Payload;
use super::queue_settings::QueueSettings;
use super::{ChannelCredit, Inbox};
use crate::base::{ConnectionId, MessageId};
use crate::queue::{Command, Consumer, Incoming, RequestId};
use crate::store::Position;

/// Something for a queue, with what the executor needs to answer.
pub(super) enum Envelope {
    /// Messages of one publisher.
    Publish {
        /// In order.
        messages: Vec<Incoming<Payload>>,
        /// Who gets the confirms.
        publisher: Arc<Inbox>,
    },
    /// A consumer.
    Attach {
        /// The machine's side.
        consumer: Consumer,
        /// What its connection calls it.
        called: Called,
        /// The question.
        request: RequestId,
        /// Its connection.
        connection: ConnectionId,
        /// Where deliveries go.
        inbox: Arc<Inbox>,
        /// The credit of its channel.
        credit: Arc<ChannelCredit>,
    },
    /// A command that is answered.
    Ask {
        /// Carries `request`.
        command: Command<Payload>,
        /// The question.
        request: RequestId,
        /// Where the answer goes.
        inbox: Arc<Inbox>,
    },
    /// A command that is not.
    Tell(Command<Payload>),
    /// Other settings are in force.
    Configure(Arc<QueueSettings>),
    /// The log has these messages.
    Written {
        /// Which, in order.
        ids: Vec<MessageId>,
        /// Where; `None` for one that was settled before it was written.
        positions: Vec<Option<Position>>,
    },
}

impl Envelope {
    /// How many messages it brings, and their bytes.
    pub(super) fn arrivals(&self) -> (usize, u64) {
        match self {
            Self::Publish { messages, .. } => {
                (messages.len(), messages.iter().map(|message| message.bytes).sum())
            }
            _ => (0, 0),
        }
    }
}
