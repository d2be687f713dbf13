//! The broker's handle of a message in a queue: its bytes in RAM, its place in the log, or both.

use std::fmt;
use std::sync::Arc;

use crate::base::{Message, MessageId};
use crate::queue::Residence;
use crate::store::{LogError, MessageLog, Position, QueueNumber, Stored};

/// See the module. At least one of the two is there.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Payload {
    message: Option<Message>,
    position: Option<Position>,
}

impl Payload {
    /// A message that came in.
    pub(super) fn new(message: Message) -> Self {
        Self { message: Some(message), position: None }
    }

    /// A message that lies in the log.
    pub(super) fn stored(position: Position, message: Option<Message>) -> Self {
        Self { message, position: Some(position) }
    }

    /// The bytes, when they are in RAM.
    pub(super) fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// The log has it now; the bytes in RAM are kept or let go.
    pub(super) fn written(&mut self, position: Position, keep: bool) -> Residence {
        self.position = Some(position);
        if !keep {
            self.message = None;
        }
        self.residence()
    }

    /// Lets the bytes in RAM go, when the log has them.
    pub(super) fn cool(&mut self) -> Residence {
        if self.position.is_some() {
            self.message = None;
        }
        self.residence()
    }

    /// Where the bytes are.
    pub(super) fn residence(&self) -> Residence {
        if self.message.is_some() { Residence::Ram } else { Residence::Disk }
    }

    /// What a consumer is given: the bytes, or how to get them.
    pub(super) fn content(
        self,
        id: MessageId,
        log: Option<(&Arc<dyn MessageLog>, QueueNumber)>,
    ) -> Content {
        match (self.message, self.position, log) {
            (Some(message), ..) => Content::Ram(message),
            (None, Some(position), Some((log, queue))) => {
                let stored = Stored { queue, id, position };
                Content::Disk(Box::new((Arc::clone(log), stored)))
            }
            _ => Content::Lost,
        }
    }
}

/// The content of a delivery.
#[derive(Clone)]
pub enum Content {
    /// It is in RAM.
    Ram(Message),
    /// It is to be read; [`Content::load`] blocks. Boxed, because nearly all are in RAM.
    Disk(Box<(Arc<dyn MessageLog>, Stored)>),
    /// Neither, which the executor never makes.
    Lost,
}

impl Content {
    /// Whether [`Self::load`] reads from disk.
    #[must_use]
    pub fn is_cold(&self) -> bool {
        matches!(self, Self::Disk(..))
    }

    /// The message. Blocks while it is read.
    ///
    /// # Errors
    /// [`LogError`] when the record is damaged or cannot be read.
    pub fn load(self) -> Result<Message, LogError> {
        match self {
            Self::Ram(message) => Ok(message),
            Self::Disk(cold) => cold.0.read(&cold.1),
            Self::Lost => Err(LogError::Closed),
        }
    }

    /// Bytes that it costs its reader: what is on disk is read by the session that drains it, so it
    /// counts as if it were there.
    pub(super) fn ram_bytes(&self) -> u64 {
        match self {
            Self::Ram(message) => message.ram_bytes(),
            Self::Disk(cold) => cold.1.position.record_bytes(),
            Self::Lost => 0,
        }
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ram(a), Self::Ram(b)) => a == b,
            (Self::Disk(a), Self::Disk(b)) => a.1 == b.1,
            (Self::Lost, Self::Lost) => true,
            _ => false,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ram(message) => message.fmt(f),
            Self::Disk(cold) => cold.1.fmt(f),
            Self::Lost => f.write_str("lost"),
        }
    }
}
