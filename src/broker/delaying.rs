//! Exchanges that hold messages back until they are due (rabbitmq: the delayed message exchange plug-in).
//!
//! Behind each such exchange stands a queue that no name leads to. It is known only to the exchange's entry
//! in the routing table: nobody can declare, bind, consume from or delete it, no policy is for it, no limit
//! counts it. It comes and goes with its exchange, and survives a restart with it when that is durable.
//!
//! ```text
//!   publish -> table: x-delay > 0 ? -> queue of the exchange (machine: delayed, by moment)
//!                        |no                      | due: departs (Q16, Q11)
//!                        v                        v
//!                     bindings  <-  courier: header negated, bindings of that moment
//! ```
//!
//! * **L1** A publish is confirmed when that queue has it, so when it is as safe as in any other queue that is
//!   as durable as the exchange.
//! * **L2** A message leaves that queue when every queue it was then routed to has confirmed it. A crash in
//!   between routes it again: at least once.
//! * **L3** It is routed once, at its moment or later, never before, by the bindings that are there then. What
//!   leads to no queue then is counted and gone, as with any publish that nobody waits for.
//! * **L4** The clock of the world says when it is due after a restart, the steady one until then.
//!
//! Its places stay in RAM and count for the watermark; bodies leave RAM as those of any long queue, and do not
//! come back before they are due.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::broker::Common;
use super::courier::Lost;
use super::facts::{MessageFacts, Numbers, delay_of};
use super::payload::Payload;
use super::policy::{PolicySet, QueueEffective};
use super::sender_selected::{BCC, Selected, may_select};
use super::unique::FromLog;
use super::{Cell, Content, Edit, Envelope, Existing, HeaderParser, QueueInfo, Vhost};
use crate::base::limits::DELAYED_PAGE_MAX;
use crate::base::{ExchangeName, FieldTable, FieldValue, Message, MessageId, Millis, QueueName};
use crate::queue::{Command, Delay, DeleteCondition, Incoming, Machine};
use crate::routing::{DELAY_HEADER, Exchange, Routed};
use crate::store::{QueueNumber, RecoveredQueue};

/// What the queue of an exchange is called in the log of what happens.
const NAME_PREFIX: &str = "amq.delayed-";

/// As long as a name may be.
const NAME_BYTES_MAX: usize = 255;

/// A message that waits for its moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delayed {
    /// When it is due, in ms since 1970.
    pub due_unix_ms: u64,
    /// Its number among the messages of this exchange; they only grow.
    pub id: MessageId,
    /// Its routing key, any bytes; `None` when it cannot be read from disk.
    pub routing_key: Option<Vec<u8>>,
}

/// A place in the list of messages that wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DelayedPlace(Millis, MessageId);

/// A part of the list of messages that wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DelayedPage {
    /// By the moment at which they are due.
    pub messages: Vec<Delayed>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<DelayedPlace>,
}

impl Vhost {
    /// The cell behind a new exchange, or behind one of before: its number, and what the log has of it.
    pub(super) fn delaying_cell(
        self: &Arc<Self>,
        exchange: &Exchange,
        known: Option<(QueueNumber, Option<RecoveredQueue>)>,
    ) -> Arc<Cell> {
        let common = &self.common;
        // What is too long is cut: it is only to be read by people, and no queue of a client is called so.
        let mut name = format!("{NAME_PREFIX}{}", exchange.name);
        let mut ends = (0..=name.len().min(NAME_BYTES_MAX)).rev();
        name.truncate(ends.find(|end| name.is_char_boundary(*end)).unwrap_or(0));
        let name = QueueName::parse(name.as_bytes()).expect("it was cut to what a name may have");
        let (number, recovered) =
            known.unwrap_or_else(|| (common.next_queue_number(exchange.durable), None));
        let arguments = FieldTable::EMPTY;
        let effective = QueueEffective::new(&PolicySet::default(), name.as_str(), &arguments);
        let info = QueueInfo {
            id: common.next_queue_id(),
            name,
            durable: exchange.durable,
            exclusive: None,
            auto_delete: false,
            arguments,
            number,
            delays: Some(exchange.name.clone()),
        };
        let recovered = FromLog { messages: recovered, keys: None };
        Cell::new(info, effective, Arc::downgrade(self), Arc::clone(common), recovered)
    }

    /// Exchanges are gone, and what they delayed goes with them.
    pub(super) fn drop_delayed(&self, orphans: Vec<Arc<Cell>>) {
        for cell in orphans {
            let condition = DeleteCondition::default();
            cell.enqueue(Envelope::Tell(Command::Delete { condition, request: None }));
            cell.drive(self.common.clock.now());
        }
    }

    /// How many messages an exchange delays; `None` when it does not delay.
    #[must_use]
    pub fn messages_delayed(&self, exchange: &ExchangeName) -> Option<u64> {
        let table = self.table();
        Some(table.delay_queue(exchange.as_str())?.delayed.load(Ordering::Relaxed))
    }

    /// Messages that were delayed and dropped with their exchanges, from the start of the process.
    #[must_use]
    pub fn dropped_delayed_messages(&self) -> u64 {
        self.dropped_delayed.load(Ordering::Relaxed)
    }

    /// The messages that an exchange delays, by the moment at which they are due, from a place on and at
    /// most `most` (and [`DELAYED_PAGE_MAX`]); `None` when it does not delay. Blocks: what is not in RAM is
    /// read. After a restart those come first whose places are read back already.
    #[must_use]
    pub fn delayed(
        &self,
        exchange: &ExchangeName,
        from: Option<DelayedPlace>,
        most: usize,
    ) -> Option<DelayedPage> {
        let cell = self.table().delay_queue(exchange.as_str()).cloned()?;
        let most = most.clamp(1, DELAYED_PAGE_MAX);
        let from = from.unwrap_or(DelayedPlace(Millis(0), MessageId(0)));
        let mut found = cell.delayed_from(from, most + 1);
        let next = found.get(most).map(|(place, _)| *place);
        found.truncate(most);
        let (now, unix_ms) = (self.common.clock.now(), self.common.clock.unix_ms());
        let messages = found.into_iter().map(|(DelayedPlace(due, id), content)| Delayed {
            due_unix_ms: unix_ms.saturating_sub(now.since(due)).saturating_add(due.since(now)),
            id,
            routing_key: content.load().ok().map(|message| message.routing_key().to_vec()),
        });
        Some(DelayedPage { messages: messages.collect(), next })
    }
}

impl Cell {
    /// Everything that is in the machine of a queue behind an exchange that delays.
    pub(super) fn messages_of(machine: &Machine<Payload>) -> u64 {
        machine.ready() + machine.delayed() + machine.departing()
    }

    /// Messages went with their exchange.
    pub(super) fn say_dropped(&self, messages: u64) {
        if let Some(vhost) = self.vhost() {
            vhost.dropped_delayed.fetch_add(messages, Ordering::Relaxed);
        }
        tracing::warn!(
            exchange = self.info().delays.as_ref().map(tracing::field::display),
            messages,
            "an exchange is deleted, and the messages that it delayed with it"
        );
    }

    fn delayed_from(
        self: &Arc<Self>,
        DelayedPlace(due, id): DelayedPlace,
        most: usize,
    ) -> Vec<(DelayedPlace, Content)> {
        if self.is_crashed() {
            return Vec::new();
        }
        let log = self.common().log.as_ref().map(|log| (log, self.info().number));
        self.look(|core| {
            let found = core.machine.delayed_from(due, id).take(most);
            found
                .map(|(due, id, payload)| (DelayedPlace(due, id), payload.clone().content(id, log)))
                .collect()
        })
    }

    /// A message is due: as it goes on, and where its exchange leads now; never nowhere.
    pub(super) fn address_due(
        &self,
        message: &Message,
        exchange: &ExchangeName,
        vhost: &Vhost,
    ) -> Result<(Message, Vec<Arc<Cell>>), Lost> {
        let common = self.common();
        let selected = if may_select(message) {
            // It was read when it was published, and was good.
            Selected::read(&(common.parse_headers)(message.properties())).unwrap_or_default()
        } else {
            Selected::default()
        };
        let message = delivered(message, &selected, common);
        let own = [message.routing_key()].into_iter();
        let keys: Vec<&[u8]> = own.chain(selected.keys.iter().map(|key| &**key)).collect();
        let (mut routed, mut numbers) = (Routed::new(), Numbers::default());
        let table = vhost.table();
        let mut facts =
            MessageFacts { common, message: &message, numbers: &mut numbers, windows: None };
        let found = table.route_keys(exchange.as_str(), &keys, &mut facts, &mut routed);
        found.map_err(|_| Lost::NoExchange)?;
        if routed.depends_on_message() {
            vhost.remember(&table, &routed, &message);
        }
        drop(table);
        let queues = routed.into_queues();
        if queues.is_empty() { Err(Lost::Unroutable) } else { Ok((message, queues)) }
    }
}

/// The message without its delay: the header says how long it was, as a negative number, which delays
/// nothing, and consumers know that it was delayed.
fn delivered(message: &Message, selected: &Selected, common: &Common) -> Message {
    let delay = -i64::from(delay_of(common.parse_headers, message).unwrap_or(0));
    let value = i32::try_from(delay).map_or(FieldValue::I64(delay), FieldValue::I32);
    let existing = Existing::Overwritten;
    let set = Edit::SetHeader { name: DELAY_HEADER, value, existing };
    let drop = selected.has_bcc.then_some(Edit::DropHeader(BCC));
    let edits: Vec<Edit> = drop.into_iter().chain([set]).collect();
    message.with_properties(&(common.edit_properties)(message.properties(), &edits))
}

/// When messages are due that come now. Their time to live begins when they are.
pub(super) fn set_due(messages: &mut [Incoming<Payload>], parse: HeaderParser) {
    for message in messages {
        let delay = message.payload.message().and_then(|message| delay_of(parse, message));
        message.due = Some(Delay::from_ms(delay.unwrap_or(0)));
        (message.ttl, message.priority) = (None, 0);
    }
}
