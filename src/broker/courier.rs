//! The way of dead letters from a queue to those of its dead-letter exchange.
//!
//! The machine hands them out and keeps them as *departing* (Q11). They are sent on a task of their own:
//! their bytes are read if they are not in RAM, they are routed, and each queue they lead to gets them as a
//! publish that is to be confirmed. When all have confirmed, so when they are as safe as there as they were
//! here, the machine hears that they have departed. So a crash in between loses nothing, no queue is locked
//! while another one is, and a circle of dead-letter exchanges cannot lock itself up.
//!
//! Messages that an exchange delayed and that are due go the same way, as what they were
//! ([`super::delaying`]).
//!
//! What no queue takes is dropped and counted, or with `at-least-once` sent again after a pause.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Wake, Waker};

use super::counts::QueueCounters;
use super::dead_letter::{DeadMessage, Death};
use super::pages::ENTRY_BYTES;
use super::payload::Payload;
use super::queue_settings::DeadLetterTarget;
use super::spans::{Origin, PublishSpan};
use super::{Cell, Content, Envelope, Event, Inbox, Vhost};
use crate::base::limits::{DEAD_LETTER_PAUSE_MAX_MS, DEAD_LETTER_PAUSE_MIN_MS};
use crate::base::{
    ChannelId, ConnectionId, HolderId, Message, MessageId, PublishSequence, QueueId, TimeToLive,
};
use crate::queue::{Command, Incoming, PublishRef, Reason};
use crate::routing::Routed;

/// Dead letters that a queue gave up in one turn, in order.
pub struct DeadLetters {
    pub(super) letters: Vec<Letter>,
    /// How often they were sent in vain.
    pub(super) failures: u32,
}

impl DeadLetters {
    /// Whether sending them reads from disk.
    #[must_use]
    pub fn is_cold(&self) -> bool {
        self.letters.iter().any(|letter| letter.content.is_cold())
    }
}

/// A message that was given up.
#[derive(Clone)]
pub(super) struct Letter {
    /// Its id in the queue; `None` for one that the queue refused and never had.
    pub(super) id: Option<MessageId>,
    pub(super) content: Content,
    pub(super) reason: Reason,
    /// Its stay in the queue, when that was traced.
    pub(super) origin: Option<Origin>,
}

/// Dead letters that reached no queue, or not all, and are gone; by cause, from the start of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeadLetterLosses {
    /// The dead-letter exchange does not exist.
    pub no_exchange: u64,
    /// The exchange leads to no queue.
    pub unroutable: u64,
    /// They would have come back to a queue without anybody's doing.
    pub circling: u64,
    /// A queue they were sent to did not take them.
    pub refused: u64,
    /// They cannot be read from disk any more.
    pub unreadable: u64,
}

/// The publisher that a queue is for its dead letters.
pub(super) struct Courier {
    connection: ConnectionId,
    holder: HolderId,
    /// Confirms of the queues.
    inbox: Arc<Inbox>,
    bell: Waker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Letters that wait for confirms. The number of a publish is the id of its message.
    open: BTreeMap<MessageId, Open>,
    losses: DeadLetterLosses,
}

struct Open {
    /// Confirms that have not come.
    missing: u32,
    refused: bool,
    failures: u32,
    /// Kept when it may have to be sent again.
    letter: Option<Letter>,
}

/// Rings when a confirm has come.
struct Bell(Weak<Cell>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(cell) = self.0.upgrade() {
            cell.schedule();
        }
    }
}

/// Messages for each queue, in the order in which the queues were first met.
#[derive(Default)]
pub(super) struct Mail {
    groups: Vec<(Arc<Cell>, Vec<Incoming<Payload>>)>,
    index: BTreeMap<QueueId, usize>,
}

impl Mail {
    pub(super) fn add(&mut self, cell: &Arc<Cell>, message: Incoming<Payload>) {
        let groups = &mut self.groups;
        let slot = *self.index.entry(cell.info().id).or_insert_with(|| {
            groups.push((Arc::clone(cell), Vec::new()));
            groups.len() - 1
        });
        groups[slot].1.push(message);
    }

    pub(super) fn into_groups(self) -> Vec<(Arc<Cell>, Vec<Incoming<Payload>>)> {
        self.groups
    }
}

/// Why a letter goes to no queue.
#[derive(Clone, Copy)]
pub(super) enum Lost {
    Unreadable,
    NoExchange,
    Unroutable,
    Circling,
}

impl Courier {
    fn new(cell: &Arc<Cell>, connection: ConnectionId, holder: HolderId) -> Self {
        let bell = Waker::from(Arc::new(Bell(Arc::downgrade(cell))));
        let inbox = Arc::new(Inbox::new());
        let courier = Self { connection, holder, inbox, bell, state: Mutex::default() };
        courier.listen();
        courier
    }

    /// Asks to be told of the next confirm; says whether one is there already.
    fn listen(&self) -> bool {
        self.inbox.poll_filled(&mut Context::from_waker(&self.bell)).is_ready()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under this lock is a broken invariant of a map; every other letter is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Letters whose last confirm has come: those that are done, and those to be sent again.
    fn collect(&self, counters: &QueueCounters) -> (Vec<MessageId>, BTreeMap<u32, Vec<Letter>>) {
        let (mut events, mut held) = (Vec::new(), Vec::new());
        let (mut done, mut again) = (Vec::new(), BTreeMap::<u32, Vec<Letter>>::new());
        while self.listen() {
            self.inbox.take(&mut events, &mut held);
            let mut state = self.state();
            for event in events.drain(..) {
                let (first, last, refused) = match event {
                    Event::Confirm { first, last, .. } => (first, last, false),
                    Event::Refuse { sequence, .. } => (sequence, sequence, true),
                    _ => continue,
                };
                for id in (first.0..=last.0).map(MessageId) {
                    let Some(open) = state.answered(id, refused) else { continue };
                    match open.letter {
                        Some(letter) if open.refused => {
                            again.entry(open.failures).or_default().push(letter);
                        }
                        kept => {
                            state.losses.refused += u64::from(open.refused);
                            if kept.is_some() {
                                counters.dead_letters().confirmed.add(1);
                            }
                            done.push(id);
                        }
                    }
                }
            }
        }
        (done, again)
    }
}

impl State {
    /// One queue has answered; gives the letter when it was the last one.
    fn answered(&mut self, id: MessageId, refused: bool) -> Option<Open> {
        let open = self.open.get_mut(&id)?;
        open.missing = open.missing.saturating_sub(1);
        open.refused |= refused;
        if open.missing == 0 { self.open.remove(&id) } else { None }
    }
}

impl Cell {
    /// Sends dead letters of this queue. Blocks when [`DeadLetters::is_cold`]; called as
    /// [`super::Scheduler`] says.
    pub fn send_dead_letters(self: &Arc<Self>, sent: DeadLetters) {
        if self.info().delays.is_some() && self.is_deleted() {
            // They went with the exchange, and were counted.
            return;
        }
        let (settings, vhost) = (self.settings(), self.vhost());
        let (Some(target), Some(vhost)) = (&settings.dead_letter, vhost) else {
            // There is no dead-letter exchange any more.
            let gone = sent.letters.iter().filter_map(|letter| letter.id).collect();
            return self.departed(gone);
        };
        let common = self.common();
        let courier = self.courier.get_or_init(|| {
            let (connection, holder) = (common.next_id(), common.next_id());
            Courier::new(self, ConnectionId(connection), HolderId(holder))
        });
        let (mut mail, mut done, mut again) = (Mail::default(), Vec::new(), Vec::new());
        for letter in sent.letters {
            match self.send(courier, &letter, target, &vhost, sent.failures, &mut mail) {
                Ok(()) => {}
                Err(Lost::NoExchange | Lost::Unroutable)
                    if target.until_taken && letter.id.is_some() =>
                {
                    again.push(letter);
                }
                Err(lost) => {
                    courier.count(lost);
                    done.extend(letter.id);
                }
            }
        }
        let now = common.clock.now();
        for (cell, messages) in mail.groups {
            let publisher = Arc::clone(&courier.inbox);
            cell.enqueue(Envelope::Publish { messages, publisher });
            cell.drive(now);
        }
        self.departed(done);
        self.send_again(sent.failures, again);
    }

    /// Dead letters that have not arrived yet; `None` while somebody drives the queue.
    #[cfg(test)]
    pub(super) fn departing(&self) -> Option<u64> {
        self.core_if_free().map(|core| core.machine.departing())
    }

    /// Dead letters that were lost, by cause.
    #[must_use]
    pub fn dead_letter_losses(&self) -> DeadLetterLosses {
        self.courier.get().map_or_else(DeadLetterLosses::default, |courier| courier.state().losses)
    }

    /// Dead letters that were sent and that no queue has answered yet.
    pub(super) fn letters_under_way(&self) -> usize {
        self.courier.get().map_or(0, |courier| courier.state().open.len())
    }

    /// Looks for confirms of dead letters.
    pub(super) fn collect_confirms(self: &Arc<Self>) {
        let Some(courier) = self.courier.get() else { return };
        let (done, again) = courier.collect(&self.counters);
        self.departed(done);
        for (failures, letters) in again {
            self.send_again(failures, letters);
        }
    }

    /// Routes one letter and puts it into the mail; `Err` when it goes nowhere.
    fn send(
        &self,
        courier: &Courier,
        letter: &Letter,
        target: &DeadLetterTarget,
        vhost: &Vhost,
        failures: u32,
        mail: &mut Mail,
    ) -> Result<(), Lost> {
        let message = letter.content.clone().load().map_err(|error| {
            tracing::error!(
                queue = %self.info().name,
                error = %error,
                "a dead letter cannot be read from disk; it is dropped"
            );
            Lost::Unreadable
        })?;
        let addressed = match letter.reason {
            Reason::Due => self.address_due(&message, &target.exchange, vhost),
            reason => self.address_dead(&message, reason, target, vhost),
        };
        let (message, queues) = addressed.inspect_err(|lost| self.say_lost(target, *lost))?;
        let publish = letter.id.map(|id| PublishRef {
            connection: courier.connection,
            channel: ChannelId(0),
            holder: courier.holder,
            sequence: PublishSequence(id.0),
        });
        if let Some(id) = letter.id {
            let missing = u32::try_from(queues.len()).unwrap_or(u32::MAX);
            let letter = target.until_taken.then(|| letter.clone());
            let open = Open { missing, refused: false, failures, letter };
            courier.state().open.insert(id, open);
        }
        let span = self.span_of(letter, &message, vhost);
        span.as_ref().inspect(|span| span.routed(u32::try_from(queues.len()).unwrap_or(u32::MAX)));
        for cell in &queues {
            let bytes = ENTRY_BYTES + message.content_bytes();
            let persistent = message.header().persistent;
            let mut payload = Payload::new(message.clone());
            span.as_ref().inspect(|span| payload.carry(span));
            let header = message.header();
            let (priority, ttl, due) =
                (header.priority.unwrap_or(0), header.expiration_ms.map(TimeToLive::from_ms), None);
            mail.add(cell, Incoming { payload, bytes, persistent, publish, ttl, priority, due });
        }
        Ok(())
    }

    /// The span of a letter that goes on, when it is traced.
    fn span_of(
        &self,
        letter: &Letter,
        message: &Message,
        vhost: &Vhost,
    ) -> Option<Arc<PublishSpan>> {
        let common = self.common();
        let from = (&self.info().name, letter.reason, letter.origin.as_ref());
        let (spans, list) = (common.spans.as_ref()?, common.list_properties);
        PublishSpan::forward(spans, vhost.name.as_str(), message, list, from)
    }

    /// A dead letter: as it goes on, and where; never nowhere.
    fn address_dead(
        &self,
        message: &Message,
        reason: Reason,
        target: &DeadLetterTarget,
        vhost: &Vhost,
    ) -> Result<(Message, Vec<Arc<Cell>>), Lost> {
        let common = self.common();
        let (queue, unix_seconds) = (&self.info().name, common.clock.unix_seconds());
        let death = Death { queue, reason, unix_seconds };
        let headers = (common.parse_headers)(message.properties());
        let dead = DeadMessage::new(message, &headers, death, target, common.write_headers);
        let queues = route(vhost, target, &dead)?;
        Ok((dead.message, queues))
    }

    /// Says that a letter is lost; the first one loudly, because it is a mistake in the topology.
    fn say_lost(&self, target: &DeadLetterTarget, lost: Lost) {
        let before = self.dead_letter_losses();
        let queue = &self.info().name;
        match lost {
            Lost::NoExchange | Lost::Unroutable if self.info().delays.is_some() => tracing::debug!(
                exchange = %target.exchange,
                "a message that was delayed leads to no queue"
            ),
            Lost::NoExchange if before.no_exchange == 0 && !target.until_taken => tracing::warn!(
                queue = %queue,
                exchange = %target.exchange,
                "the dead-letter exchange of this queue does not exist: its dead letters are dropped, this one and all that follow"
            ),
            Lost::NoExchange | Lost::Unroutable => tracing::debug!(
                queue = %queue,
                exchange = %target.exchange,
                "a dead letter leads to no queue"
            ),
            Lost::Circling if before.circling == 0 => tracing::warn!(
                queue = %queue,
                exchange = %target.exchange,
                "a dead letter went in a circle without being rejected and is dropped, and so are all that follow"
            ),
            Lost::Circling => tracing::debug!(
                queue = %queue,
                exchange = %target.exchange,
                "a dead letter went in a circle without being rejected and is dropped"
            ),
            // It is said where it is found.
            Lost::Unreadable => {}
        }
    }

    fn departed(self: &Arc<Self>, mut ids: Vec<MessageId>) {
        if ids.is_empty() {
            return;
        }
        ids.sort_unstable();
        let mut runs: Vec<(MessageId, MessageId)> = Vec::new();
        for id in ids {
            match runs.last_mut() {
                Some((_, last)) if last.next() == id => *last = id,
                _ => runs.push((id, id)),
            }
        }
        self.enqueue(Envelope::Tell(Command::Departed { runs }));
        self.drive(self.common().clock.now());
    }

    fn send_again(self: &Arc<Self>, failures: u32, letters: Vec<Letter>) {
        if letters.is_empty() {
            return;
        }
        let doubled = DEAD_LETTER_PAUSE_MIN_MS.checked_shl(failures).unwrap_or(u64::MAX);
        let pause_ms = doubled.min(DEAD_LETTER_PAUSE_MAX_MS);
        let again = DeadLetters { letters, failures: failures.saturating_add(1) };
        self.common().scheduler.send_dead_letters(Arc::clone(self), again, pause_ms);
    }
}

impl Courier {
    fn count(&self, lost: Lost) {
        let losses = &mut self.state().losses;
        match lost {
            Lost::Unreadable => losses.unreadable += 1,
            Lost::NoExchange => losses.no_exchange += 1,
            Lost::Unroutable => losses.unroutable += 1,
            Lost::Circling => losses.circling += 1,
        }
    }
}

/// The queues that a letter goes to: never none.
fn route(
    vhost: &Vhost,
    target: &DeadLetterTarget,
    dead: &DeadMessage,
) -> Result<Vec<Arc<Cell>>, Lost> {
    let mut routed = Routed::default();
    let keys = dead.keys();
    let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
    let mut headers = || dead.headers().clone();
    let table = vhost.table();
    let exchange = target.exchange.as_str();
    table.route_keys(exchange, &keys, &mut headers, &mut routed).map_err(|_| Lost::NoExchange)?;
    drop(table);
    if routed.queues().is_empty() {
        return Err(Lost::Unroutable);
    }
    let straight = routed.queues().iter().filter(|cell| !dead.is_circling(&cell.info().name));
    let queues: Vec<_> = straight.cloned().collect();
    if queues.is_empty() { Err(Lost::Circling) } else { Ok(queues) }
}
