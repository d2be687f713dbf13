//! What a session is about to do, and what it does instead.

use super::{FaultId, On};
use crate::base::{QueueName, ReplyCode};
use crate::broker::ConnectionInfo;

/// Something that a session is about to do.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// What.
    pub on: On,
    /// Whose session it is.
    pub connection: &'a ConnectionInfo,
    /// The exchange that the message goes through, or that is declared.
    pub exchange: Option<&'a str>,
    /// The queues that the message goes to, the one that it comes from, or the one that is declared.
    pub queues: &'a [QueueName],
}

/// What ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Blow {
    /// The channel.
    Channel {
        /// A soft error.
        code: ReplyCode,
        /// What stands behind its name.
        text: String,
    },
    /// The connection.
    Connection {
        /// The code.
        code: ReplyCode,
        /// What stands behind its name.
        text: String,
    },
    /// The socket, without a word.
    Cut,
}

/// What becomes of a publish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublishBlow {
    /// It is not carried out; something ends.
    End(Blow),
    /// It is not carried out, and refused.
    Nack,
    /// It is carried out, and its confirm comes so many milliseconds later.
    Late {
        /// By whose order.
        fault: FaultId,
        /// How much later.
        ms: u64,
    },
    /// It is carried out, and never confirmed.
    Lost,
}
