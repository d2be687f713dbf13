//! What waits in a queue at one moment, and how it is put back: for snapshots of a virtual host, which tests roll
//! back to.
//!
//! Handles are kept, not copies: what is in RAM anyway costs a snapshot a few words.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::envelope::Envelope;
use super::inspect::{Filter, PeekBounds};
use super::pages::ENTRY_BYTES;
use super::payload::Payload;
use super::{Cell, Inbox, Unreadable};
use crate::base::limits::{PEEK_BYTES_MAX, PEEK_LOOKED_AT_MAX};
use crate::base::{HolderId, Message, MessageId, Millis, TimeToLive};
use crate::queue::{Command, Incoming, Place, RequestId, Settlement};

/// What waited in a queue, in its order; what was handed out and not settled is among it.
#[derive(Clone, Debug, Default)]
pub struct KeptMessages {
    messages: Vec<Kept>,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct Kept {
    message: Message,
    /// What was left of its time to live.
    ttl: Option<TimeToLive>,
}

/// Why what waits in a queue cannot be kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeepError {
    /// There is more of it than is taken.
    #[error(
        "there is more in the queue '{queue}' than a snapshot takes ({messages_max} messages and {bytes_max} bytes in all queues together)"
    )]
    TooMuch {
        /// The queue.
        queue: String,
        /// Messages of all queues.
        messages_max: usize,
        /// Bytes of all queues.
        bytes_max: u64,
    },
    /// The disk does not give it.
    #[error("the messages of the queue '{queue}' cannot be read from disk: {error}")]
    Unreadable {
        /// The queue.
        queue: String,
        /// Why.
        error: Unreadable,
    },
}

/// How much may be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeepBounds {
    /// Messages.
    pub messages: usize,
    /// Bytes of them.
    pub bytes: u64,
}

impl KeptMessages {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes of their contents.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Cell {
    /// Keeps what waits, and what is held as if it waited. The queue stays as it is. What moves meanwhile may be
    /// kept or not, and never twice. Blocks on the disk.
    ///
    /// # Errors
    /// [`KeepError`].
    pub fn keep_messages(self: &Arc<Self>, most: KeepBounds) -> Result<KeptMessages, KeepError> {
        let queue = || self.info().name.to_string();
        let too_much = || KeepError::TooMuch {
            queue: queue(),
            messages_max: most.messages,
            bytes_max: most.bytes,
        };
        let now = self.common().clock.now();
        let mut found: BTreeMap<MessageId, Kept> = BTreeMap::new();
        // Held ones first: what is given back meanwhile is found once more, at the same place.
        let held = self.holdings(most.messages.saturating_add(1));
        if held.is_cut {
            return Err(too_much());
        }
        for one in held.holders.into_iter().flat_map(|holding| holding.messages) {
            let Some(message) = one.message else { continue };
            let ttl = message.header().expiration_ms.map(TimeToLive::from_ms);
            found.insert(one.id, Kept { message, ttl });
        }
        let mut from = Some(Place::HEAD);
        while let Some(place) = from {
            let bounds = PeekBounds {
                shown: PEEK_LOOKED_AT_MAX,
                looked_at: PEEK_LOOKED_AT_MAX,
                bytes: PEEK_BYTES_MAX,
            };
            let page = self.peek(place, &Filter::default(), bounds);
            let page = page.map_err(|error| KeepError::Unreadable { queue: queue(), error })?;
            for one in page.messages {
                let ttl = one.expires.map(|at: Millis| TimeToLive::from_ms(at.since(now)));
                found.insert(one.place.id, Kept { message: one.message, ttl });
            }
            if found.len() > most.messages {
                return Err(too_much());
            }
            from = page.next;
        }
        let messages: Vec<Kept> = found.into_values().collect();
        let bytes = messages.iter().map(|kept| kept.message.content_bytes()).sum();
        if messages.len() > most.messages || bytes > most.bytes {
            return Err(too_much());
        }
        Ok(KeptMessages { messages, bytes })
    }

    /// What was kept waits, and nothing else: what waits now is dropped, and so is what is held, for whose
    /// acknowledgements nobody waits any more. Consumers stay. All of it is one turn of the queue.
    pub fn put_back(self: &Arc<Self>, kept: &KeptMessages) {
        let mut held: BTreeMap<HolderId, Vec<(MessageId, MessageId)>> = BTreeMap::new();
        self.look(|core| {
            core.machine.outstanding(|one| {
                held.entry(one.holder).or_default().push((one.id, one.id));
                true
            });
        });
        for (holder, mut messages) in held {
            messages.sort_unstable();
            let settlement = Settlement::Ack;
            self.enqueue(Envelope::Tell(Command::Settle { holder, settlement, messages }));
        }
        // Nobody wants to know how many they were.
        let (request, inbox) = (RequestId(self.common().next_id()), Arc::new(Inbox::new()));
        self.enqueue(Envelope::Ask { command: Command::Purge { request }, request, inbox });
        let messages: Vec<_> = kept.messages.iter().map(Kept::incoming).collect();
        if !messages.is_empty() {
            let publisher = Arc::new(Inbox::new());
            self.enqueue(Envelope::Publish { messages, publisher });
        }
        self.drive(self.common().clock.now());
    }
}

impl Kept {
    fn incoming(&self) -> Incoming<Payload> {
        let header = self.message.header();
        Incoming {
            payload: Payload::new(self.message.clone()),
            bytes: ENTRY_BYTES + self.message.content_bytes(),
            persistent: header.persistent,
            publish: None,
            ttl: self.ttl,
            priority: header.priority.unwrap_or(0),
            due: None,
        }
    }
}
