//! The open connections as they are seen from outside: who they are, and what they say of themselves
//! when they are asked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{
    ChannelCounts, ChannelId, ConnectionId, Counted, FieldTable, HolderId, UserName, VhostName,
};
use crate::broker::{Broker, ConnectionCounters, ConnectionCounts, Event, Inbox};

/// A connection that has opened its virtual host; nothing of this changes any more.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Its id.
    pub id: ConnectionId,
    /// Where the client is.
    pub peer: SocketAddr,
    /// Where the client came in; `None` when that was no socket.
    pub local: Option<SocketAddr>,
    /// The user.
    pub user: UserName,
    /// The virtual host.
    pub vhost: VhostName,
    /// How the user was recognised.
    pub mechanism: String,
    /// What the client said of itself.
    pub client_properties: FieldTable,
    /// Since when, in ms since 1970.
    pub connected_at_ms: u64,
    /// The largest frame in bytes; 0 for no limit.
    pub frame_max: u32,
    /// How many channels may be open; 0 for no limit.
    pub channel_max: u16,
    /// Seconds between heartbeats; 0 for none.
    pub heartbeat_s: u16,
}

impl ConnectionInfo {
    /// RabbitMQ's name of it: `127.0.0.1:50000 -> 127.0.0.1:5672`.
    #[must_use]
    pub fn name(&self) -> String {
        let local = self.local.map_or_else(|| "-".to_owned(), |local| local.to_string());
        format!("{} -> {local}", self.peer)
    }

    /// The name that the client gave it, when it did.
    #[must_use]
    pub fn user_provided_name(&self) -> Option<&str> {
        self.client_properties.get(b"connection_name")?.as_text()
    }
}

/// What a connection says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConnectionReport {
    /// `running`, `blocked`, `blocking`, `closing`.
    pub state: &'static str,
    /// What went over it.
    pub counts: ConnectionCounts,
    /// Its open channels.
    pub channels: Vec<ChannelReport>,
}

/// What a connection says of one of its channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChannelReport {
    /// Its number.
    pub channel: ChannelId,
    /// This opening of it.
    pub holder: HolderId,
    /// Consumers.
    pub consumers: usize,
    /// For each consumer; 0 for no limit.
    pub prefetch: u16,
    /// For all consumers together; 0 for no limit.
    pub global_prefetch: u32,
    /// Deliveries that wait for the client's word.
    pub unacknowledged: usize,
    /// Publishes that wait for a confirm.
    pub unconfirmed: usize,
    /// Publishes that wait for a commit.
    pub uncommitted: usize,
    /// Settlements that wait for a commit.
    pub acks_uncommitted: usize,
    /// Whether publishes are confirmed.
    pub confirm: bool,
    /// Whether they wait for a commit.
    pub transactional: bool,
    /// What it did.
    pub counts: ChannelCounts,
}

/// A question to a connection; whoever takes the answer is told once, or never when the connection ends.
#[derive(Clone)]
pub struct Describe(Arc<Mutex<Option<Told>>>);

type Told = Box<dyn FnOnce(ConnectionReport) + Send>;

impl Describe {
    fn new(told: Told) -> Self {
        Self(Arc::new(Mutex::new(Some(told))))
    }

    /// Answers.
    pub fn answer(&self, report: ConnectionReport) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(told) = told {
            told(report);
        }
    }
}

impl PartialEq for Describe {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Describe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Describe")
    }
}

/// Every connection that has opened its virtual host. Bounded by the bound on connections.
#[derive(Default)]
pub(in crate::broker) struct Connections(Mutex<BTreeMap<ConnectionId, Known>>);

struct Known {
    info: Arc<ConnectionInfo>,
    inbox: Arc<Inbox>,
    counters: Arc<ConnectionCounters>,
}

impl Connections {
    /// Says whether it was there.
    pub(in crate::broker) fn forget(&self, id: ConnectionId) -> bool {
        self.lock().remove(&id).is_some()
    }

    pub(in crate::broker) fn counts(&self) -> BTreeMap<ConnectionId, ConnectionCounts> {
        self.lock().iter().map(|(id, known)| (*id, known.counters.counts())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Known>> {
        // One map operation each.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// A connection has opened its virtual host. It is forgotten with [`Broker::connection_closed`].
    /// What goes over it is in `counters`.
    pub fn connection_ready(
        &self,
        info: ConnectionInfo,
        inbox: &Arc<Inbox>,
        counters: &Arc<ConnectionCounters>,
    ) {
        let counters = Arc::clone(counters);
        self.common().connection_tally.add(info.vhost.clone(), Arc::clone(&counters));
        let known = Known { info: Arc::new(info), inbox: Arc::clone(inbox), counters };
        self.known().lock().insert(known.info.id, known);
        self.common().churn.connections_opened.one_more();
    }

    /// The open connections in the order in which they came.
    #[must_use]
    pub fn open_connections(&self) -> Vec<Arc<ConnectionInfo>> {
        self.known().lock().values().map(|known| Arc::clone(&known.info)).collect()
    }

    /// One of them.
    #[must_use]
    pub fn open_connection(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>> {
        self.known().lock().get(&id).map(|known| Arc::clone(&known.info))
    }

    /// Asks a connection about itself; says whether it is there. A connection that ends meanwhile drops
    /// `told`.
    pub fn describe_connection(
        &self,
        id: ConnectionId,
        told: impl FnOnce(ConnectionReport) + Send + 'static,
    ) -> bool {
        let inbox = self.known().lock().get(&id).map(|known| Arc::clone(&known.inbox));
        let Some(inbox) = inbox else { return false };
        inbox.push([Event::Describe { asked: Describe::new(Box::new(told)) }]);
        true
    }

    /// Tells those connections to close with 320 and this text; says how many there are.
    pub fn close_connections_of(
        &self,
        which: impl Fn(&ConnectionInfo) -> bool,
        text: &str,
    ) -> usize {
        let inboxes: Vec<_> = {
            let known = self.known().lock();
            known
                .values()
                .filter(|one| which(&one.info))
                .map(|one| Arc::clone(&one.inbox))
                .collect()
        };
        for inbox in &inboxes {
            inbox.push([Event::Close { text: text.to_owned() }]);
        }
        inboxes.len()
    }

    fn known(&self) -> &Connections {
        &self.common().connections
    }
}
