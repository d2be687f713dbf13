//! The broker's handle of a message in a queue: its bytes in RAM, its place in the log, or both.

use std::fmt;
use std::sync::Arc;

use super::spans::PublishSpan;
use crate::base::limits::UNNEEDED_BYTES_MIN;
use crate::base::{Message, MessageId};
use crate::queue::Residence;
use crate::store::{LogError, MessageLog, Position, QueueNumber, Stored};

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Payload(Place);

/// A traced message on its way into a queue, which takes the span before the machine gets the message.
#[derive(Clone, Debug)]
struct Carried(Box<(Message, Arc<PublishSpan>)>);

impl PartialEq for Carried {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

/// A queue moves it from list to list: it is four words, and two options side by side were five.
#[derive(Clone, PartialEq, Debug)]
enum Place {
    Ram(Message),
    Both(Message, Position),
    Log(Position),
    Carried(Carried),
}

impl Payload {
    /// A message that came in.
    pub(super) fn new(message: Message) -> Self {
        Self(Place::Ram(message))
    }

    /// A message that lies in the log.
    pub(super) fn stored(position: Position, message: Option<Message>) -> Self {
        Self(match message {
            Some(message) => Place::Both(message, position),
            None => Place::Log(position),
        })
    }

    /// The bytes, when they are in RAM.
    pub(super) fn message(&self) -> Option<&Message> {
        match &self.0 {
            Place::Ram(message) | Place::Both(message, _) => Some(message),
            Place::Log(_) => None,
            Place::Carried(carried) => Some(&carried.0.0),
        }
    }

    /// The publish of this message is traced.
    pub(super) fn carry(&mut self, span: &Arc<PublishSpan>) {
        if let Some(message) = self.message() {
            let message = message.clone();
            self.0 = Place::Carried(Carried(Box::new((message, Arc::clone(span)))));
        }
    }

    /// Whether the publish of this message is traced.
    pub(super) fn carries_span(&self) -> bool {
        matches!(self.0, Place::Carried(_))
    }

    /// The span of its publish, which it lets go.
    pub(super) fn take_span(&mut self) -> Option<Arc<PublishSpan>> {
        let Place::Carried(Carried(carried)) = &self.0 else { return None };
        let (message, span) = (**carried).clone();
        self.0 = Place::Ram(message);
        Some(span)
    }

    /// The log has it now; the bytes in RAM are kept or let go.
    pub(super) fn written(
        &mut self,
        position: Position,
        keep: bool,
        unneeded: &mut Unneeded,
    ) -> Residence {
        if let Place::Ram(message) | Place::Both(message, _) =
            std::mem::replace(&mut self.0, Place::Log(position))
        {
            if keep {
                self.0 = Place::Both(message, position);
            } else {
                unneeded.add(message);
            }
        }
        self.residence()
    }

    /// Lets the bytes in RAM go, when the log has them.
    pub(super) fn cool(&mut self) -> Residence {
        if let Place::Both(_, position) = self.0 {
            self.0 = Place::Log(position);
        }
        self.residence()
    }

    /// Where the bytes are.
    pub(super) fn residence(&self) -> Residence {
        match self.0 {
            Place::Ram(_) | Place::Both(..) | Place::Carried(_) => Residence::Ram,
            Place::Log(_) => Residence::Disk,
        }
    }

    /// What a consumer is given: the bytes, or how to get them.
    #[inline]
    pub(super) fn content(
        self,
        id: MessageId,
        log: Option<(&Arc<dyn MessageLog>, QueueNumber)>,
    ) -> Content {
        match self.0 {
            Place::Ram(message) | Place::Both(message, _) => Content::Ram(message),
            Place::Log(position) => stored_content(id, position, log),
            Place::Carried(carried) => Content::Ram(carried.0.0),
        }
    }
}

#[cold]
fn stored_content(
    id: MessageId,
    position: Position,
    log: Option<(&Arc<dyn MessageLog>, QueueNumber)>,
) -> Content {
    let Some((log, queue)) = log else { return Content::Lost };
    Content::Disk(Box::new((Arc::clone(log), Stored { queue, id, position })))
}

/// Large messages that a queue does not need any more, each perhaps the last of itself: it takes the system ten
/// milliseconds to get 100 MiB back.
#[derive(Default)]
pub struct Unneeded(Vec<Message>);

impl Unneeded {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps a large one for later; a small one goes now.
    pub(super) fn add(&mut self, message: Message) {
        if message.content_bytes() >= UNNEEDED_BYTES_MIN {
            self.0.push(message);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_four_words() {
        assert_eq!(size_of::<Payload>(), 4 * size_of::<usize>());
    }
}
