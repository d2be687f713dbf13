//! The broker: virtual hosts, users, connections, and the numbers that are unique in the process.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use super::accounts::{Accounts, SharedAccounts};
use super::admin::{Churn, Connections};
use super::alarms::Alarms;
use super::counts::{ConnectionCounters, ExchangeCounters, OpenChannel, QueueCounters, Tally};
use super::faults::Registry;
use super::interceptors::{Existing, Interceptors};
use super::limits::Limits;
use super::logins::Logins;
use super::notices::{Actor, Notices, Occurrence};
use super::policy::QueueType;
use super::timers::Timers;
use super::{
    Cell, DeadLetters, Event, HashProperty, Inbox, PageQuestion, Parting, Refused, Seeds, Spans,
    Sweeping, Unneeded, Vhost, recovery, refuse,
};
use crate::access::{Identity, LoginError, Rights};
use crate::base::limits::DUE_QUEUES_MAX;
use crate::base::{
    Clock, ConnectionId, ConsumerId, FieldTable, FieldValue, HolderId, MemoryBudget, Millis,
    Pressure, QueueId, ReplyCode, UserName, VhostName,
};
use crate::queue::RequestId;
use crate::store::{self, LogLoad, MessageLog, MetadataStore, QueueNumber};

/// Reads the `headers` table out of a message's raw properties. The layer that knows AMQP bytes puts
/// it in.
pub type HeaderParser = fn(&[u8]) -> FieldTable;

/// Gives raw properties with these `headers` instead of their own, and without an `expiration`. Put in by
/// the same layer.
pub type HeaderWriter = fn(&[u8], &FieldTable) -> Vec<u8>;

/// Reads the bytes of one property out of a message's raw properties; `None` when it is not among them.
pub type PropertyHasher = fn(&[u8], HashProperty) -> Option<Vec<u8>>;

/// Gives what stands in a message's raw properties by RabbitMQ's names.
pub type PropertyLister = fn(&[u8]) -> FieldTable;

/// Gives the raw properties after some changes.
pub type PropertyEditor = fn(&[u8], &[Edit]) -> Vec<u8>;

/// A change of a message's properties.
#[derive(Clone, PartialEq, Debug)]
pub enum Edit {
    /// A header is taken off.
    DropHeader(&'static str),
    /// A header is set.
    SetHeader {
        /// Its name, a short string.
        name: &'static str,
        /// Its value.
        value: FieldValue,
        /// What happens to the one that is there.
        existing: Existing,
    },
    /// The property `content-type` is set.
    SetContentType(&'static str),
    /// The property `delivery-mode` is set.
    SetDeliveryMode(u8),
    /// The property `timestamp` is set.
    SetTimestamp {
        /// Since 1970.
        seconds: u64,
        /// What happens to the one that is there.
        existing: Existing,
    },
}

/// Runs [`Cell::resume`] on a task of its own, soon.
pub trait Scheduler: Send + Sync {
    /// Never blocks, never calls back in place.
    fn resume(&self, cell: Arc<Cell>);

    /// Runs [`Cell::page_in`] on a thread that may block on the disk, after `pause_ms` milliseconds and
    /// soon. Never blocks, never calls back in place.
    fn page_in(&self, cell: Arc<Cell>, question: PageQuestion, pause_ms: u64);

    /// Runs [`Cell::send_dead_letters`] on a task of its own, after `pause_ms` milliseconds and soon; on a
    /// thread that may block on the disk when they are cold. Never blocks, never calls back in place.
    fn send_dead_letters(&self, cell: Arc<Cell>, letters: DeadLetters, pause_ms: u64);

    /// Has a routing table swept, in steps between which others have it for a moment. Called with no
    /// table locked, but perhaps other locks. Who goes on with nothing by itself does all of it at once.
    fn sweep(&self, sweeping: Sweeping) {
        sweeping.run();
    }

    /// Has the rest done for a connection that has ended, in steps between which others have their turn. Who goes
    /// on with nothing by itself does all of it at once.
    fn part(&self, parting: Parting) {
        parting.run();
    }

    /// Lets large messages go, on a thread that may take its time. Who has none does so at once.
    fn let_go(&self, unneeded: Unneeded) {
        drop(unneeded);
    }

    /// How much of it was asked for without a pause, and how much of that is done. Who goes on with nothing
    /// by itself has nothing to count.
    fn work(&self) -> WorkCounts {
        WorkCounts::default()
    }
}

/// What a [`Scheduler`] was asked to go on with, since its beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WorkCounts {
    /// Asked for, without a pause before it.
    pub begun: u64,
    /// Done.
    pub done: u64,
}

/// What the broker is built from.
pub struct BrokerSettings {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Who goes on with long turns.
    pub scheduler: Arc<dyn Scheduler>,
    /// Users and permissions.
    pub accounts: Accounts,
    /// The virtual host that a broker without any is given.
    pub default_vhost: VhostName,
    /// What new virtual hosts are given.
    pub seeds: Seeds,
    /// Message bytes in RAM at which publishers are blocked.
    pub memory_watermark_bytes: u64,
    /// See [`HeaderParser`].
    pub parse_headers: HeaderParser,
    /// See [`HeaderWriter`].
    pub write_headers: HeaderWriter,
    /// See [`PropertyHasher`].
    pub hash_property: PropertyHasher,
    /// See [`PropertyLister`].
    pub list_properties: PropertyLister,
    /// See [`PropertyEditor`].
    pub edit_properties: PropertyEditor,
    /// What is written into every message that comes in.
    pub interceptors: Interceptors,
    /// The type of queues that are declared without one in a virtual host that says nothing about it.
    pub default_queue_type: Option<QueueType>,
    /// How long a delivery may stay unsettled in a queue that says nothing about it, in ms.
    pub consumer_timeout_ms: Option<u64>,
    /// Where definitions and messages are kept; `None` keeps everything in memory.
    pub storage: Option<BrokerStorage>,
    /// Where spans of traced messages go; `None`: nothing is traced.
    pub spans: Option<Arc<Spans>>,
}

/// Where a broker keeps what must survive.
#[derive(Clone)]
pub struct BrokerStorage {
    /// The definitions.
    pub metadata: Arc<dyn MetadataStore>,
    /// The messages.
    pub log: Arc<dyn MessageLog>,
}

/// Who asks: a connection and the user it is logged in as.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The connection.
    pub connection: ConnectionId,
    /// The user.
    pub user: UserName,
    pub(super) rights: Rights,
    /// Tags that the broker does not keep.
    pub(super) tags: Arc<[String]>,
}

impl Peer {
    /// A user on a connection.
    #[must_use]
    pub fn new(connection: ConnectionId, user: UserName) -> Self {
        Self::of(connection, Identity::of_user(user))
    }

    /// Somebody who is logged in, on a connection.
    #[must_use]
    pub fn of(connection: ConnectionId, identity: Identity) -> Self {
        let Identity { name: user, rights, tags, .. } = identity;
        Self { connection, user, rights, tags }
    }

    /// Who says what it may do.
    #[must_use]
    pub fn rights(&self) -> &Rights {
        &self.rights
    }
}

/// What cells and vhosts share.
pub(super) struct Common {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) scheduler: Arc<dyn Scheduler>,
    pub(super) memory: MemoryBudget,
    pub(super) alarms: Alarms,
    pub(super) accounts: SharedAccounts,
    pub(super) parse_headers: HeaderParser,
    pub(super) write_headers: HeaderWriter,
    pub(super) timers: Timers,
    pub(super) faults: Registry,
    pub(super) hash_property: PropertyHasher,
    pub(super) list_properties: PropertyLister,
    pub(super) edit_properties: PropertyEditor,
    pub(super) interceptors: Interceptors,
    pub(super) default_queue_type: Option<QueueType>,
    pub(super) limits: Limits,
    pub(super) logins: Logins,
    pub(super) connections: Connections,
    pub(super) churn: Churn,
    pub(super) notices: Notices,
    pub(super) channel_tally: Tally<VhostName, OpenChannel>,
    pub(super) connection_tally: Tally<VhostName, ConnectionCounters>,
    pub(super) exchange_tally: Tally<VhostName, ExchangeCounters>,
    pub(super) queue_tally: Tally<&'static str, QueueCounters>,
    pub(super) consumer_timeout_ms: Option<u64>,
    pub(super) metadata: Option<Arc<dyn MetadataStore>>,
    pub(super) log: Option<Arc<dyn MessageLog>>,
    pub(super) spans: Option<Arc<Spans>>,
    ids: AtomicU64,
    pub(super) queue_numbers: AtomicU64,
}

/// Numbers from here on are of queues that end with the process, and far beyond them of the keys that queues
/// remember ([`QueueNumber::keys`]); the definitions never reach them.
pub(super) const PASSING_QUEUE_NUMBERS: u64 = 1 << 63;

impl Common {
    /// A number that was never given before. One counter serves every kind of id.
    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// What the log will know a new queue by.
    pub(super) fn next_queue_number(&self, stored: bool) -> QueueNumber {
        QueueNumber(if stored {
            self.queue_numbers.fetch_add(1, Ordering::Relaxed)
        } else {
            PASSING_QUEUE_NUMBERS | self.next_id()
        })
    }

    pub(super) fn next_queue_id(&self) -> QueueId {
        QueueId(self.next_id())
    }
}

/// See the module.
pub struct Broker {
    common: Arc<Common>,
    pub(super) vhosts: RwLock<BTreeMap<VhostName, Arc<Vhost>>>,
    pub(super) seeds: Seeds,
}

impl Broker {
    /// A broker as its storage has it; one without any virtual host gets the default one.
    #[must_use]
    pub fn new(settings: BrokerSettings) -> Arc<Self> {
        let common = Arc::new(Common {
            clock: settings.clock,
            scheduler: settings.scheduler,
            memory: MemoryBudget::new(settings.memory_watermark_bytes),
            alarms: Alarms::default(),
            accounts: SharedAccounts::new(settings.accounts),
            parse_headers: settings.parse_headers,
            write_headers: settings.write_headers,
            timers: Timers::default(),
            faults: Registry::default(),
            hash_property: settings.hash_property,
            list_properties: settings.list_properties,
            edit_properties: settings.edit_properties,
            interceptors: settings.interceptors,
            default_queue_type: settings.default_queue_type,
            limits: Limits::default(),
            logins: Logins::default(),
            connections: Connections::default(),
            churn: Churn::default(),
            notices: Notices::default(),
            channel_tally: Tally::default(),
            connection_tally: Tally::default(),
            exchange_tally: Tally::default(),
            queue_tally: Tally::default(),
            consumer_timeout_ms: settings.consumer_timeout_ms,
            metadata: settings.storage.as_ref().map(|storage| Arc::clone(&storage.metadata)),
            log: settings.storage.as_ref().map(|storage| Arc::clone(&storage.log)),
            spans: settings.spans,
            ids: AtomicU64::new(1),
            queue_numbers: AtomicU64::new(1),
        });
        let vhosts = recovery::recover(&common);
        let is_new = vhosts.is_empty();
        let broker = Self { common, vhosts: RwLock::new(vhosts), seeds: settings.seeds };
        if is_new {
            broker.put_default_vhost(settings.default_vhost);
        }
        Arc::new(broker)
    }

    fn put_default_vhost(&self, name: VhostName) {
        let said = |stored: Result<(), store::StoreError>| {
            if let Err(error) = stored {
                tracing::error!(error = %error, "the default virtual host was not stored");
            }
        };
        // No limit is set yet, and the seeds were checked when they were read.
        if let Err(error) =
            self.put_vhost(&Actor::internal(), store::Vhost::new(name), Box::new(said))
        {
            tracing::error!(error = %error, "there is no default virtual host");
        }
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.common.clock
    }

    /// Drives queues whose moment has come, a bounded number of them, and lets go of confirms that were held back
    /// until now. Says whether there may be more.
    pub fn due(&self, now: Millis) -> bool {
        let due = self.common.timers.take_due(now, DUE_QUEUES_MAX);
        for cell in &due {
            cell.timer_went_off(now);
        }
        for confirm in self.common.timers.take_late(now) {
            confirm.tell();
        }
        due.len() == DUE_QUEUES_MAX
    }

    /// When [`Self::due`] has something to do next, unless [`Self::poll_earlier_deadline`] says more.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        self.common.timers.next()
    }

    /// Ready when there is something to do before `than`; else the one task that sleeps until then is
    /// woken when that becomes so.
    pub fn poll_earlier_deadline(
        &self,
        than: Option<Millis>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        self.common.timers.poll_earlier(than, context)
    }

    /// Checks a login.
    pub fn authenticate(
        &self,
        user: &[u8],
        password: &[u8],
        peer: IpAddr,
    ) -> Result<UserName, LoginError> {
        self.common.accounts.directory(|all| all.authenticate(user, password, peer.is_loopback()))
    }

    /// The user that somebody else vouches for, by name: a client certificate.
    pub fn recognise(&self, user: &str, peer: IpAddr) -> Result<UserName, LoginError> {
        self.common.accounts.directory(|all| all.recognise(user, peer.is_loopback()))
    }

    /// The virtual host that a user opens.
    ///
    /// # Errors
    /// 530 when it is not there, has or the user has as many connections as it may, or the user has no
    /// permissions in it.
    pub fn open_vhost(&self, name: &VhostName, user: &UserName) -> Result<Arc<Vhost>, Refused> {
        self.open_vhost_with(name, user, &Rights::OfUser)
    }

    /// As [`Self::open_vhost`], for whoever has these rights.
    ///
    /// # Errors
    /// As there.
    pub fn open_vhost_with(
        &self,
        name: &VhostName,
        user: &UserName,
        rights: &Rights,
    ) -> Result<Arc<Vhost>, Refused> {
        let vhosts = self.vhosts.read().unwrap_or_else(PoisonError::into_inner);
        let Some(vhost) = vhosts.get(name) else {
            return refuse(ReplyCode::NotAllowed, format!("vhost {name} not found"));
        };
        self.common.limits.check_connection(name, user)?;
        if !self.may_enter(user, rights, name) {
            return refuse(
                ReplyCode::NotAllowed,
                format!("access to vhost '{name}' refused for user '{user}'"),
            );
        }
        Ok(Arc::clone(vhost))
    }

    /// A virtual host, for whoever administers it.
    #[must_use]
    pub fn vhost(&self, name: &VhostName) -> Option<Arc<Vhost>> {
        let vhosts = self.vhosts.read().unwrap_or_else(PoisonError::into_inner);
        vhosts.get(name).map(Arc::clone)
    }

    /// The type of queues that are declared without one in a virtual host that says nothing about it.
    #[must_use]
    pub fn default_queue_type(&self) -> Option<QueueType> {
        self.common.default_queue_type
    }

    /// How long a delivery may stay unsettled in a queue that says nothing about it, in ms.
    #[must_use]
    pub fn consumer_timeout_ms(&self) -> Option<u64> {
        self.common.consumer_timeout_ms
    }

    /// Spans of traced messages, when messages are traced.
    #[must_use]
    pub fn spans(&self) -> Option<&Arc<Spans>> {
        self.common.spans.as_ref()
    }

    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    pub(super) fn shared_common(&self) -> Arc<Common> {
        Arc::clone(&self.common)
    }

    pub(super) fn has_tag(&self, user: &UserName, tag: &str) -> bool {
        let directory = &self.common.accounts;
        directory.directory(|all| all.user(user).is_some_and(|user| user.has_tag(tag)))
    }

    /// A connection is open: it hears alarms and shutdowns from now on.
    pub fn connection_opened(&self, connection: ConnectionId, inbox: &Arc<Inbox>) {
        self.common.alarms.listen(connection, Arc::clone(inbox));
    }

    /// A connection is gone.
    pub fn connection_closed(&self, connection: ConnectionId) {
        self.common.alarms.leave(connection);
        if let Some(info) = self.common.connections.forget(connection) {
            self.common.churn.connections_closed.one_more();
            self.common.tell_of_own(|| Occurrence::ConnectionClosed(info));
        }
    }

    /// Tells every connection to close with 320 and this text; says how many there are.
    pub fn close_connections(&self, text: &str) -> usize {
        let everybody = self.common.alarms.everybody();
        for inbox in &everybody {
            inbox.push([Event::Close { text: text.to_owned() }]);
        }
        everybody.len()
    }

    /// Dead letters and delayed messages that were sent on and that no queue has answered yet. Who stops
    /// the broker before they are is given them once more after the next start.
    #[must_use]
    pub fn letters_under_way(&self) -> usize {
        let vhosts = self.vhosts.read().unwrap_or_else(PoisonError::into_inner);
        let of_vhost = |vhost: &Arc<Vhost>| {
            let table = vhost.table();
            let queues = table.queues().map(|(_, cell)| cell).chain(table.delay_queues());
            queues.map(|cell| cell.letters_under_way()).sum::<usize>()
        };
        vhosts.values().map(of_vhost).sum()
    }

    /// The message log takes nothing more, or does again: publishers are blocked meanwhile.
    pub fn set_disk_alarm(&self, on: bool) {
        if self.common.alarms.set_disk(on, self.common.clock.now()) {
            self.common.tell_of_alarm("disk", on);
        }
    }

    /// What a look at the disk found: free bytes, and the limit below which the alarm goes on.
    pub fn set_disk_figures(&self, free_bytes: u64, limit_bytes: u64) {
        self.common.alarms.disk.set(free_bytes, limit_bytes);
    }

    /// Why publishers are held back, if they are, as `connection.blocked` says it.
    #[must_use]
    pub fn alarm(&self) -> Option<&'static str> {
        self.common.alarms.reason()
    }

    /// Whether the message log asks for less: more bytes wait to be written than it likes to hold.
    #[must_use]
    pub fn log_pressure(&self) -> Pressure {
        self.log_load().pressure
    }

    /// How much the message log has to write.
    #[must_use]
    pub fn log_load(&self) -> LogLoad {
        self.common.log.as_ref().map_or(LogLoad::NONE, |log| log.load())
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.common.alarms.count()
    }

    /// Message bytes in RAM at which publishers are blocked.
    #[must_use]
    pub fn memory_watermark_bytes(&self) -> u64 {
        self.common.memory.watermark_bytes()
    }

    /// Another watermark. Publishers are blocked, or go on, before this returns.
    pub fn set_memory_watermark_bytes(&self, bytes: u64) {
        self.common.memory.set_watermark_bytes(bytes);
        self.common.look_at_memory();
    }

    /// Message bytes in RAM.
    #[must_use]
    pub fn memory_used_bytes(&self) -> u64 {
        self.common.memory.used_bytes()
    }

    /// A fresh connection id.
    #[must_use]
    pub fn next_connection_id(&self) -> ConnectionId {
        ConnectionId(self.common.next_id())
    }

    /// A fresh channel opening.
    #[must_use]
    pub fn next_holder_id(&self) -> HolderId {
        HolderId(self.common.next_id())
    }

    /// A fresh consumer.
    #[must_use]
    pub fn next_consumer_id(&self) -> ConsumerId {
        ConsumerId(self.common.next_id())
    }

    /// A fresh question.
    #[must_use]
    pub fn next_request_id(&self) -> RequestId {
        RequestId(self.common.next_id())
    }
}
