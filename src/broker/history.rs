//! What recent history exchanges remember: the last messages of each, for queues that are bound later
//! (rabbitmq: the recent history exchange plug-in).
//!
//! A message is remembered while the routing table is locked for reading, and a bind looks while it is
//! locked for writing: so a message reaches a queue by its binding or out of the history, and never both.
//! History lives in RAM, is counted as message bytes, and is gone after a restart.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::broker::Common;
use super::facts::{MessageFacts, Numbers};
use super::{Cell, Vhost};
use crate::base::limits::HISTORY_BYTES_MAX;
use crate::base::{ExchangeName, FieldValue, Message};
use crate::routing::{Binding, Destination, Exchange, Removed, Routed, Table};

/// The header of a message that is not to be remembered.
const NO_STORE: &[u8] = b"x-recent-history-no-store";

/// Histories of one virtual host.
#[derive(Default)]
pub(super) struct Histories(Mutex<BTreeMap<ExchangeName, History>>);

/// The last messages, the oldest first.
#[derive(Default)]
struct History {
    messages: VecDeque<Message>,
    bytes: u64,
}

/// Messages for queues that were bound just now.
pub(super) type Replay = Vec<(Arc<Cell>, Message)>;

impl History {
    /// Adds a message; the oldest go until length and bytes are within their bounds.
    fn push(&mut self, message: Message, length: usize, bytes_max: u64) {
        self.bytes += message.ram_bytes();
        self.messages.push_back(message);
        while self.messages.len() > length || self.bytes > bytes_max {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.ram_bytes();
        }
    }
}

impl Histories {
    /// Forgets the history of exchanges that are gone.
    pub(super) fn forget(&self, common: &Common, removed: &Removed) {
        for exchange in removed.exchanges.iter().filter(|x| x.history_length().is_some()) {
            if let Some(history) = self.lock().remove(&exchange.name) {
                common.memory.change(0, history.bytes);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExchangeName, History>> {
        // A panic between two lines of `push` would leave a wrong sum and whole messages.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vhost {
    /// Remembers a message in every history exchange on its way.
    pub(super) fn remember(
        &self,
        table: &Table<Arc<Cell>>,
        routed: &Routed<Arc<Cell>>,
        message: &Message,
    ) {
        let mut histories = table.histories(routed).peekable();
        if histories.peek().is_none() || self.is_not_to_be_remembered(message) {
            return;
        }
        for exchange in histories {
            let length = exchange.history_length().unwrap_or_default();
            let mut all = self.histories.lock();
            let history = all.entry(exchange.name.clone()).or_default();
            let before = history.bytes;
            history.push(message.clone(), length, HISTORY_BYTES_MAX);
            self.common.memory.change(history.bytes, before);
        }
    }

    /// What a new binding brings to queues at once, when its source remembers.
    pub(super) fn replay(&self, table: &Table<Arc<Cell>>, binding: &Binding) -> Replay {
        let source = table.exchange(binding.source.as_str());
        if source.and_then(Exchange::history_length).is_none() {
            return Vec::new();
        }
        let messages: Vec<Message> = {
            let all = self.histories.lock();
            let history = all.get(&binding.source);
            history.iter().flat_map(|history| history.messages.iter().cloned()).collect()
        };
        match &binding.destination {
            Destination::Queue(name) => {
                let cell = table.queue(name.as_str());
                let to = |message| cell.map(|cell| (Arc::clone(cell), message));
                messages.into_iter().filter_map(to).collect()
            }
            Destination::Exchange(name) => self.replay_to_exchange(table, name, messages),
        }
    }

    fn replay_to_exchange(
        &self,
        table: &Table<Arc<Cell>>,
        exchange: &ExchangeName,
        messages: Vec<Message>,
    ) -> Replay {
        let (mut routed, mut numbers) = (Routed::new(), Numbers::default());
        let mut replay = Vec::new();
        for message in messages {
            let (common, key) = (&*self.common, message.routing_key());
            let (message, numbers) = (&message, &mut numbers);
            let mut facts = MessageFacts { common, message, numbers, windows: None };
            // The exchange is there: it is an end of the binding.
            if table.route(exchange.as_str(), key, &mut facts, &mut routed).is_ok() {
                self.remember(table, &routed, message);
                let cells = routed.queues().iter();
                replay.extend(cells.map(|cell| (Arc::clone(cell), message.clone())));
            }
        }
        replay
    }

    fn is_not_to_be_remembered(&self, message: &Message) -> bool {
        if !message.header().has_headers {
            return false;
        }
        let headers = (self.common.parse_headers)(message.properties());
        headers.get(NO_STORE) == Some(&FieldValue::Boolean(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Body, MessageHeader};

    fn message(bytes: usize) -> Message {
        let exchange = ExchangeName::try_from("x").expect("short");
        let body = Body::One(vec![b'x'; bytes].into());
        Message::new(&exchange, b"k", b"\0\0", body, MessageHeader::default())
    }

    #[test]
    fn a_history_keeps_the_last_messages_within_length_and_bytes() {
        let mut history = History::default();
        for bytes in [1, 2, 3, 4] {
            history.push(message(bytes), 3, u64::MAX);
        }
        let lengths = |history: &History| -> Vec<usize> {
            history.messages.iter().map(|message| message.body().len()).collect()
        };
        assert_eq!(lengths(&history), [2, 3, 4]);
        let room = message(1000).ram_bytes() + message(4).ram_bytes();
        history.push(message(1000), 3, room);
        assert_eq!(lengths(&history), [4, 1000]);
        history.push(message(100_000), 3, room);
        assert_eq!(
            (lengths(&history), history.bytes),
            (Vec::new(), 0),
            "too large for any history"
        );
    }
}
