//! The open connections as they are seen from outside: who they are, and what they say of themselves
//! when they are asked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{
    ChannelCounts, ChannelId, ConnectionId, ConsumerId, Counted, FieldTable, HolderId, Millis,
    QueueName, UserName, VhostName,
};
use crate::broker::notices::{Actor, Occurrence, audit};
use crate::broker::{Broker, Choked, ConnectionCounters, ConnectionCounts, Event, Inbox};

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
    /// What it is spoken over; `None` for what anybody on the way can read.
    pub tls: Option<Arc<TlsInfo>>,
}

/// What was agreed on with TLS, in RabbitMQ's words (those of Erlang's `ssl`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsInfo {
    /// `tlsv1.3`, `tlsv1.2`.
    pub protocol: &'static str,
    /// `ecdhe_rsa`, `ecdhe_ecdsa`; `any` where the version leaves it open.
    pub key_exchange: &'static str,
    /// `aes_256_gcm` and its like.
    pub cipher: &'static str,
    /// `aead` for ciphers that need none.
    pub hash: &'static str,
    /// The client's certificate, when it has shown one.
    pub peer: Option<CertificateInfo>,
}

/// What a certificate says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateInfo {
    /// Whose it is: `CN=app,O=Example`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// From when to when: `2026-01-01T00:00:00Z - 2027-01-01T00:00:00Z`.
    pub validity: String,
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
    /// More of it, when that was asked for.
    pub insight: Option<Box<ConnectionInsight>>,
}

/// What a connection says of itself to whoever wants to know why it does not move.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConnectionInsight {
    /// Whether it ever published.
    pub has_published: bool,
    /// Since when it is told that it is blocked.
    pub blocked_since: Option<Millis>,
    /// Whether it is not read until the message log has caught up.
    pub waits_for_log: bool,
    /// Bytes that wait for its socket.
    pub unwritten_bytes: u64,
    /// When something was written last.
    pub wrote_at: Millis,
    /// When something came in last.
    pub received_at: Millis,
    /// What it asked for and is not answered yet, and since when.
    pub asked: Option<(String, Millis)>,
    /// Channels that were closed for an error, the last one last: number, moment, what the client was told.
    pub channel_failures: Vec<(ChannelId, Millis, String)>,
    /// Its consumers: the id, and the name of the queue; not all when there are very many.
    pub consumers: Vec<(ConsumerId, QueueName)>,
    /// How many consumers were left out.
    pub consumers_left_out: usize,
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
pub struct Describe {
    told: Arc<Mutex<Option<Told>>>,
    in_full: bool,
}

type Told = Box<dyn FnOnce(ConnectionReport) + Send>;

impl Describe {
    fn new(told: Told, in_full: bool) -> Self {
        Self { told: Arc::new(Mutex::new(Some(told))), in_full }
    }

    /// Whether [`ConnectionReport::insight`] is wanted.
    #[must_use]
    pub fn in_full(&self) -> bool {
        self.in_full
    }

    /// Answers.
    pub fn answer(&self, report: ConnectionReport) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(told) = told {
            told(report);
        }
    }
}

impl PartialEq for Describe {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.told, &other.told)
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
    /// Gives what it was, when it was there.
    pub(in crate::broker) fn forget(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>> {
        self.lock().remove(&id).map(|known| known.info)
    }

    /// One of them.
    pub(in crate::broker) fn find(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>> {
        self.lock().get(&id).map(|known| Arc::clone(&known.info))
    }

    /// Tells something to some of them.
    pub(in crate::broker) fn tell(
        &self,
        which: impl Fn(&ConnectionInfo) -> bool,
        what: impl Fn() -> Event,
    ) {
        let known: Vec<_> = {
            let known = self.lock();
            known.values().map(|one| (Arc::clone(&one.info), Arc::clone(&one.inbox))).collect()
        };
        for (_, inbox) in known.iter().filter(|(info, _)| which(info)) {
            inbox.push([what()]);
        }
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
        let info = Arc::new(info);
        let counters = Arc::clone(counters);
        self.common().connection_tally.add(info.vhost.clone(), Arc::clone(&counters));
        let known = Known { info: Arc::clone(&info), inbox: Arc::clone(inbox), counters };
        self.known().lock().insert(info.id, known);
        self.common().churn.connections_opened.one_more();
        let by = Actor::of_connection(&info);
        self.common().tell(&by, || Occurrence::ConnectionCreated(info));
    }

    /// The open connections in the order in which they came.
    #[must_use]
    pub fn open_connections(&self) -> Vec<Arc<ConnectionInfo>> {
        self.known().lock().values().map(|known| Arc::clone(&known.info)).collect()
    }

    /// One of them.
    #[must_use]
    pub fn open_connection(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>> {
        self.known().find(id)
    }

    /// As [`Self::close_connections_of`], for somebody who asked for it: `which` says in words which ones.
    pub fn close_connections_by(
        &self,
        by: &Actor,
        asked: &str,
        which: impl Fn(&ConnectionInfo) -> bool,
        text: &str,
    ) -> usize {
        let connections = self.close_connections_of(which, text);
        let (which, reason) = (asked.to_owned(), text.to_owned());
        let what = Occurrence::ConnectionsClosed { which, connections, reason };
        audit(by, &what);
        connections
    }

    /// Asks a connection about itself; says whether it is there and can be asked
    /// ([`Self::choked_connection`]). A connection that ends meanwhile drops `told`.
    pub fn describe_connection(
        &self,
        id: ConnectionId,
        told: impl FnOnce(ConnectionReport) + Send + 'static,
    ) -> bool {
        self.ask_connection(id, told, false)
    }

    /// As [`Self::describe_connection`], with [`ConnectionReport::insight`].
    pub fn examine_connection(
        &self,
        id: ConnectionId,
        told: impl FnOnce(ConnectionReport) + Send + 'static,
    ) -> bool {
        self.ask_connection(id, told, true)
    }

    fn ask_connection(
        &self,
        id: ConnectionId,
        told: impl FnOnce(ConnectionReport) + Send + 'static,
        in_full: bool,
    ) -> bool {
        let inbox = self.known().lock().get(&id).map(|known| Arc::clone(&known.inbox));
        let Some(inbox) = inbox.filter(|inbox| inbox.choked().is_none()) else { return false };
        inbox.push([Event::Describe { asked: Describe::new(Box::new(told), in_full) }]);
        true
    }

    /// What a connection says that cannot be asked because its client does not read.
    #[must_use]
    pub fn choked_connection(&self, id: ConnectionId) -> Option<Choked> {
        let inbox = self.known().lock().get(&id).map(|known| Arc::clone(&known.inbox))?;
        inbox.choked()
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
