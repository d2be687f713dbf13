//! The windows of exchanges that drop duplicates, of one virtual host.
//!
//! A message that is published to such an exchange is a duplicate when its key is in the exchange's window.
//! Else the key is *claimed*, and the queues that the message goes to confirm to the claim, which is their
//! publisher; so a key is remembered only for a message that every one of them has.
//!
//! ```text
//!            claim            routed              all confirm                   the log has the key
//!   unknown ------> claimed --------> on its way -------------> being written ---------------------> known
//!      ^               | to no queue       | one refuses            (persistent, durable)              |
//!      +---------------+-------------------+                                                            |
//!      +----------------------------------------------- it expires, or is the oldest of too many -----+
//! ```
//!
//! * **D5** The record of a key is handed to the log after every queue has confirmed the message: a key that
//!   a crash leaves is that of a message that it leaves. Only a persistent message that a durable queue took
//!   leaves one.
//! * **D6** A publish is confirmed when its key is known; a duplicate of a key that is claimed gets the answer
//!   of the message that has claimed it. So nothing is confirmed whose only copy may still be lost.
//! * **D7** A message that no queue took, or one refused, leaves no key: its next try is no duplicate.
//! * **D8** The records of one window are handed in in the order of their ids: by one thread at a time.
//!
//! What the broker itself moves, dead letters and the history of an exchange, is nobody's publish and is
//! not looked for. A lock of its own, taken under the table's read lock (claims) and by whoever brings a
//! confirm, a cell's driver among them; nothing is locked and nobody is told while it is held.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Wake, Waker};

use super::broker::Common;
use super::dedup::DeduplicationWindow;
use super::{Event, Inbox, Vhost, key_log};
use crate::base::limits::DEDUPLICATION_KEY_BYTES_MAX;
use crate::base::{
    ChannelId, ConnectionId, ExchangeName, FieldTable, HolderId, MessageId, PublishSequence,
    VhostName,
};
use crate::queue::PublishRef;
use crate::routing::{Deduplication, Exchange, Removed};
use crate::store::{Entry, LogError, QueueNumber, RecoveredQueue, Submission};

/// See the module.
pub(super) struct Windows {
    connection: ConnectionId,
    holder: HolderId,
    /// Confirms of the queues.
    inbox: Arc<Inbox>,
    bell: Waker,
    common: Arc<Common>,
    vhost: VhostName,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    windows: BTreeMap<ExchangeName, Window>,
    /// Claims, by the number of their publish.
    claims: BTreeMap<u64, Claim>,
    last_claim: u64,
    /// What the log is to have, and the claims that wait for it.
    outbox: Vec<Outgoing>,
    /// Whether somebody is handing the outbox in.
    is_handing_in: bool,
}

struct Window {
    /// Another one for an exchange that is declared again.
    id: u64,
    settings: Deduplication,
    keys: DeduplicationWindow,
    /// Keys that are claimed, and by which claim.
    claimed: BTreeMap<Box<[u8]>, u64>,
    records: Option<Records>,
    dropped: u64,
}

struct Records {
    number: QueueNumber,
    next: MessageId,
}

#[derive(Default)]
struct Claim {
    keys: Vec<ClaimedKey>,
    /// Confirms that have not come; `None` before the message is routed.
    missing: Option<u32>,
    refused: bool,
    /// Whether the message outlives the process.
    kept: bool,
    /// Who waits: the publisher, and those of duplicates.
    waiting: Vec<(Arc<Inbox>, PublishRef)>,
}

struct ClaimedKey {
    exchange: ExchangeName,
    window: u64,
    key: Box<[u8]>,
    ttl_ms: Option<u64>,
}

struct Outgoing {
    entries: Vec<Entry>,
    claim: Option<u64>,
}

/// Who is told what, once nothing is locked.
type Answers = Vec<(Arc<Inbox>, Event)>;

/// What looking for duplicates of one message came to.
#[derive(Default)]
pub(super) struct Looked {
    /// Its keys, if they are new, are claimed under this number.
    pub(super) claim: Option<u64>,
    /// An exchange on its way has dropped it.
    pub(super) is_duplicate: bool,
    /// The claim that the message is a duplicate of.
    of: Option<u64>,
}

impl Looked {
    /// Whether an exchange had a key to look for.
    pub(super) fn is_any(&self) -> bool {
        self.claim.is_some() || self.is_duplicate
    }
}

/// Rings when a confirm has come.
struct Bell(Weak<Windows>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(windows) = self.0.upgrade() {
            windows.collect();
        }
    }
}

impl Vhost {
    /// Messages that an exchange dropped as duplicates.
    #[must_use]
    pub fn dropped_duplicates(&self, exchange: &ExchangeName) -> u64 {
        self.windows.lock().windows.get(exchange).map_or(0, |window| window.dropped)
    }
}

impl Windows {
    pub(super) fn new(vhost: VhostName, common: Arc<Common>) -> Arc<Self> {
        let (connection, holder) = (common.next_id(), common.next_id());
        let windows = Arc::new_cyclic(|windows| Self {
            connection: ConnectionId(connection),
            holder: HolderId(holder),
            inbox: Arc::new(Inbox::new()),
            bell: Waker::from(Arc::new(Bell(Weak::clone(windows)))),
            common,
            vhost,
            state: Mutex::default(),
        });
        windows.listen();
        windows
    }

    /// An exchange is there. `number` is what the log has its keys by, when it keeps any, and `recovered`
    /// what it has from before, which is read; that blocks, at a restart only.
    pub(super) fn add(
        self: &Arc<Self>,
        exchange: &Exchange,
        number: Option<u64>,
        recovered: Option<RecoveredQueue>,
    ) {
        let Some(settings) = exchange.deduplication() else { return };
        let (keys_max, ttl_ms) = (settings.keys_max, settings.ttl_ms);
        let clock = &*self.common.clock;
        let number = number.map(QueueNumber).filter(|_| self.common.log.is_some());
        let keys = match (&self.common.log, recovered) {
            (Some(log), Some(recovered)) => {
                let entries = key_log::read(log, recovered, clock);
                DeduplicationWindow::rebuild(keys_max, ttl_ms, entries, clock.now())
            }
            _ => DeduplicationWindow::new(keys_max, ttl_ms),
        };
        self.common.memory.change(keys.ram_bytes(), 0);
        let next = recovered.map_or(MessageId(1), |recovered| recovered.next_id);
        let records = number.map(|number| Records { number, next });
        let (id, claimed) = (self.common.next_id(), BTreeMap::new());
        let window = Window { id, settings, keys, claimed, records, dropped: 0 };
        {
            let mut state = self.lock();
            state.windows.insert(exchange.name.clone(), window);
            state.drop_obsolete(&exchange.name);
        }
        self.hand_in();
    }

    /// Forgets the windows of exchanges that are gone. Called under the table's write lock.
    pub(super) fn forget(self: &Arc<Self>, removed: &Removed) {
        if removed.exchanges.is_empty() {
            return;
        }
        let mut state = self.lock();
        for exchange in &removed.exchanges {
            let Some(window) = state.windows.remove(&exchange.name) else { continue };
            self.common.memory.change(0, window.keys.ram_bytes());
            if let Some(Records { number, .. }) = window.records {
                let entries = vec![Entry::DropQueue { queue: number }];
                state.outbox.push(Outgoing { entries, claim: None });
            }
        }
        drop(state);
        self.hand_in();
    }

    /// Whether an exchange has seen the message of these headers; claims its key if not. Called for every
    /// such exchange on the message's way, and at the end of it [`Self::route`] or [`Self::withdraw`].
    pub(super) fn look(
        &self,
        exchange: &Exchange,
        headers: &FieldTable,
        looked: &mut Looked,
    ) -> bool {
        let now = self.common.clock.now();
        let mut state = self.lock();
        let state = &mut *state;
        let Some(window) = state.windows.get_mut(&exchange.name) else { return false };
        let Some((key, ttl_ms)) = window.settings.key(headers) else { return false };
        if key.len() > DEDUPLICATION_KEY_BYTES_MAX {
            tracing::debug!(exchange = %exchange.name, bytes = key.len(), "a key is too long to be looked for");
            return false;
        }
        let claimed = window.claimed.get(&key).copied();
        if claimed.is_some() || window.keys.contains(&key, now) {
            window.dropped += 1;
            looked.is_duplicate = true;
            looked.of = looked.of.or(claimed);
            tracing::debug!(vhost = %self.vhost, exchange = %exchange.name, "a duplicate was dropped");
            return true;
        }
        let claim = *looked.claim.get_or_insert_with(|| {
            state.last_claim += 1;
            state.claims.insert(state.last_claim, Claim::default());
            state.last_claim
        });
        window.claimed.insert(key.clone(), claim);
        if let Some(open) = state.claims.get_mut(&claim) {
            let (exchange, window) = (exchange.name.clone(), window.id);
            open.keys.push(ClaimedKey { exchange, window, key, ttl_ms });
        }
        false
    }

    /// The message of a claim goes to so many queues, at least one; `kept` when one of them keeps it over
    /// a restart. Gives whose publish it is for them; the caller's is answered by the claim.
    pub(super) fn route(
        &self,
        claim: u64,
        queues: u32,
        kept: bool,
        publisher: Option<(Arc<Inbox>, PublishRef)>,
    ) -> (PublishRef, Arc<Inbox>) {
        if let Some(open) = self.lock().claims.get_mut(&claim) {
            (open.missing, open.kept) = (Some(queues), kept);
            open.waiting.extend(publisher);
        }
        let publish = PublishRef {
            connection: self.connection,
            channel: ChannelId(0),
            holder: self.holder,
            sequence: PublishSequence(claim),
        };
        (publish, Arc::clone(&self.inbox))
    }

    /// The message of a claim went nowhere: its keys are free again (D7).
    pub(super) fn withdraw(&self, claim: u64) {
        let ended = self.lock().end(claim);
        tell(ended.map_or_else(Answers::new, |ended| answers(ended, false)));
    }

    /// A duplicate waits for the message that it is a duplicate of; says whether it has to.
    pub(super) fn wait(
        &self,
        looked: &Looked,
        publisher: Option<(Arc<Inbox>, PublishRef)>,
    ) -> bool {
        let (Some(of), Some(publisher)) = (looked.of, publisher) else { return false };
        match self.lock().claims.get_mut(&of) {
            Some(open) => {
                open.waiting.push(publisher);
                true
            }
            None => false,
        }
    }

    /// Looks for confirms of the queues.
    fn collect(self: &Arc<Self>) {
        let (mut events, mut held, mut told) = (Vec::new(), Vec::new(), Answers::new());
        while self.listen() {
            self.inbox.take(&mut events, &mut held);
            for event in events.drain(..) {
                let (first, last, refused) = match event {
                    Event::Confirm { first, last, .. } => (first, last, false),
                    Event::Refuse { sequence, .. } => (sequence, sequence, true),
                    _ => continue,
                };
                for claim in first.0..=last.0 {
                    told.extend(self.answered(claim, refused));
                }
            }
        }
        self.hand_in();
        tell(told);
    }

    /// Asks to be told of the next confirm; says whether one is there already.
    fn listen(&self) -> bool {
        self.inbox.poll_filled(&mut Context::from_waker(&self.bell)).is_ready()
    }

    /// One queue has answered.
    fn answered(&self, claim: u64, refused: bool) -> Answers {
        let mut state = self.lock();
        let Some(open) = state.claims.get_mut(&claim) else { return Answers::new() };
        open.refused |= refused;
        let missing = open.missing.map_or(0, |missing| missing.saturating_sub(1));
        open.missing = Some(missing);
        if missing > 0 {
            return Answers::new();
        }
        let refused = open.refused;
        if !refused {
            let entries = state.write(claim, &self.common);
            if !entries.is_empty() {
                state.outbox.push(Outgoing { entries, claim: Some(claim) });
                return Answers::new();
            }
        }
        state.end(claim).map_or_else(Answers::new, |ended| answers(ended, refused))
    }

    /// The log has the keys of a claim, or never will.
    fn written(&self, claim: u64, written: &Result<(), LogError>) {
        if let Err(error) = written {
            // As with messages: nothing is confirmed, and the log has said why.
            return tracing::error!(vhost = %self.vhost, error = %error, "a key was not written, and its message is not confirmed");
        }
        let ended = self.lock().end(claim);
        tell(ended.map_or_else(Answers::new, |ended| answers(ended, false)));
    }

    /// Hands the outbox in, unless somebody else is at it, who looks again (D8).
    fn hand_in(self: &Arc<Self>) {
        let Some(log) = &self.common.log else { return };
        let mut is_first = true;
        loop {
            let outbox = {
                let mut state = self.lock();
                if is_first && state.is_handing_in {
                    return;
                }
                is_first = false;
                state.is_handing_in = !state.outbox.is_empty();
                if !state.is_handing_in {
                    return;
                }
                std::mem::take(&mut state.outbox)
            };
            for Outgoing { entries, claim } in outbox {
                let windows = Arc::clone(self);
                let done = claim.map(|claim| {
                    let done = move |written: Result<_, LogError>| {
                        windows.written(claim, &written.map(|_| ()));
                    };
                    Box::new(done) as crate::store::LogDone
                });
                let durable = done.is_some();
                log.submit(Submission { entries, durable, atomic: true, done });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under this lock is a broken invariant of a map; every other claim is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The window of a claimed key, unless the exchange was deleted since.
    fn window(&mut self, claimed: &ClaimedKey) -> Option<&mut Window> {
        let window = self.windows.get_mut(&claimed.exchange)?;
        (window.id == claimed.window).then_some(window)
    }

    /// Every queue has the message: its keys are remembered. Gives what the log is to have first; until
    /// then they stay claimed as well.
    fn write(&mut self, claim: u64, common: &Common) -> Vec<Entry> {
        let Some(open) = self.claims.get_mut(&claim) else { return Vec::new() };
        let (keys, kept) = (std::mem::take(&mut open.keys), open.kept);
        let now = common.clock.now();
        let mut entries = Vec::new();
        for claimed in &keys {
            let Some(window) = self.window(claimed) else { continue };
            let before = window.keys.ram_bytes();
            let expires = window.keys.expiry(claimed.ttl_ms, now);
            window.keys.insert(&claimed.key, claimed.ttl_ms, now);
            common.memory.change(window.keys.ram_bytes(), before);
            let obsolete = window.keys.take_obsolete();
            let Some(records) = &mut window.records else { continue };
            if kept && window.keys.set_record(&claimed.key, records.next) {
                let (number, id) = (records.number, records.next);
                records.next = id.next();
                entries.push(key_log::record(number, id, &claimed.key, expires, &*common.clock));
            }
            let obsolete = key_log::obsolete(records.number, obsolete);
            if entries.is_empty() {
                let entries = obsolete.into_iter().collect();
                self.outbox.push(Outgoing { entries, claim: None });
            } else {
                entries.extend(obsolete);
            }
        }
        if let Some(open) = self.claims.get_mut(&claim) {
            open.keys = keys;
        }
        entries
    }

    /// A claim has done its work: its keys are as safe as they will be, or free.
    fn end(&mut self, claim: u64) -> Option<Claim> {
        let ended = self.claims.remove(&claim)?;
        for claimed in &ended.keys {
            if let Some(window) = self.window(claimed) {
                window.claimed.remove(&claimed.key);
            }
        }
        Some(ended)
    }

    fn drop_obsolete(&mut self, exchange: &ExchangeName) {
        let Some(window) = self.windows.get_mut(exchange) else { return };
        let obsolete = window.keys.take_obsolete();
        if let Some(records) = &window.records {
            let entries: Vec<Entry> =
                key_log::obsolete(records.number, obsolete).into_iter().collect();
            self.outbox.push(Outgoing { entries, claim: None });
        }
    }
}

fn answers(claim: Claim, refused: bool) -> Answers {
    let answer = |(inbox, publish): (Arc<Inbox>, PublishRef)| {
        let PublishRef { holder, sequence, .. } = publish;
        let event = if refused {
            Event::Refuse { holder, sequence }
        } else {
            Event::Confirm { holder, first: sequence, last: sequence }
        };
        (inbox, event)
    };
    claim.waiting.into_iter().map(answer).collect()
}

fn tell(answers: Answers) {
    for (inbox, event) in answers {
        inbox.push([event]);
    }
}
