//! Accepts connections and owns their tasks.

use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc::Receiver;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Duration, sleep, timeout};

use super::caller::{Caller, CallerAddress};
use super::entrance::{Entered, EnteredStream, Entrance};
use super::gate::{Gate, Order};
use super::leaving::Leaving;
use super::session::{Parts, Session};
use super::tls::Tls;
use super::unix_socket;
use crate::base::limits::{CONNECTIONS_MAX, SHUTDOWN_LOOK_MS};
use crate::broker::Broker;
use crate::protocol::Settings;

/// How a TCP listener is set up.
#[derive(Clone)]
pub struct ListenerSettings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// Whether small writes go out at once.
    pub nodelay: bool,
    /// Whether the system asks silent peers if they are there.
    pub keepalive: bool,
    /// Whether every connection begins with the header of a proxy.
    pub proxy_protocol: bool,
    /// With what TLS is spoken; `None`: it is not.
    pub tls: Option<Arc<Tls>>,
}

/// How a listener on a Unix socket is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnixListenerSettings {
    /// Its file.
    pub path: PathBuf,
    /// The rights of the file.
    pub mode: u32,
    /// Connections that may wait to be accepted.
    pub backlog: u32,
}

/// Where a listener listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenerAddress {
    /// On a TCP port.
    Inet(SocketAddr),
    /// Behind a file.
    Unix(PathBuf),
}

/// A bound socket and the sessions that came through it.
pub struct Listener {
    /// `None` while it takes no connections.
    socket: Option<Bound>,
    /// With the real port, to bind it again.
    place: Place,
    address: ListenerAddress,
    gate: Gate,
    orders: Receiver<Order>,
    nodelay: bool,
    entrance: Entrance,
    broker: Arc<Broker>,
    configured: Arc<Settings>,
    /// What new connections are told, and the name of the cluster in it that somebody gave.
    told: (Option<String>, Arc<Settings>),
    /// Connections that do not speak AMQP yet.
    entering: JoinSet<Option<Entered>>,
    sessions: JoinSet<()>,
}

enum Place {
    Inet(ListenerSettings),
    Unix(UnixListenerSettings),
}

enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// How long accepting rests after the machine refused a socket (no descriptors left, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Listener {
    /// Binds the port; nothing is accepted before [`Self::run`].
    ///
    /// # Errors
    /// As the system says: the port is taken, the address is not this machine's.
    pub fn bind(
        settings: ListenerSettings,
        broker: Arc<Broker>,
        protocol: Arc<Settings>,
    ) -> io::Result<Self> {
        let socket = bind_tcp(&settings)?;
        let address = socket.local_addr()?;
        let place = Place::Inet(ListenerSettings { address, ..settings.clone() });
        let entrance = Entrance { proxy_protocol: settings.proxy_protocol, tls: settings.tls };
        let (nodelay, address) = (settings.nodelay, ListenerAddress::Inet(address));
        let new = Self::new(Bound::Tcp(socket), place, address, broker, protocol);
        Ok(Self { nodelay, entrance, ..new })
    }

    /// Binds a Unix socket. Who connects there counts as one of this machine.
    ///
    /// # Errors
    /// As the system says, or what is in the way.
    pub fn bind_unix(
        settings: &UnixListenerSettings,
        broker: Arc<Broker>,
        protocol: Arc<Settings>,
    ) -> io::Result<Self> {
        let place = Place::Unix(settings.clone());
        let address = ListenerAddress::Unix(settings.path.clone());
        Ok(Self::new(place.bind()?, place, address, broker, protocol))
    }

    fn new(
        socket: Bound,
        place: Place,
        address: ListenerAddress,
        broker: Arc<Broker>,
        settings: Arc<Settings>,
    ) -> Self {
        let (gate, orders) = Gate::new();
        Self {
            socket: Some(socket),
            place,
            address,
            gate,
            orders,
            nodelay: false,
            entrance: Entrance::default(),
            broker,
            told: (None, Arc::clone(&settings)),
            configured: settings,
            entering: JoinSet::new(),
            sessions: JoinSet::new(),
        }
    }

    /// To close and open it while it runs.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Where it listens; a port is the real one.
    #[must_use]
    pub fn address(&self) -> &ListenerAddress {
        &self.address
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.entrance.tls.is_some()
    }

    /// Accepts until `stop` is there; then nothing more is accepted, every connection is closed with
    /// 320 `broker forced connection closure with reason 'shutdown'`, and those that do not end in
    /// time are dropped.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(order) = self.orders.recv() => self.obey(order).await,
                accepted = accept(self.socket.as_ref()) => match accepted {
                    Ok(accepted) => self.admit(accepted),
                    Err(error) => {
                        tracing::error!(error = %error, "accepting a connection failed; trying again");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(entered) = self.entering.join_next(), if !self.entering.is_empty() => {
                    if let Some(entered) = report(entered).flatten() {
                        self.entered(entered);
                    }
                }
                Some(ended) = self.sessions.join_next(), if !self.sessions.is_empty() => {
                    report(ended);
                }
            }
        }
        self.close();
        self.end_sessions().await;
    }

    async fn obey(&mut self, order: Order) {
        // Whoever does not wait any more has hung up; what was asked for is done all the same.
        match order {
            Order::Close(done) => {
                self.close();
                let _ = done.send(());
            }
            Order::EndSessions(done) => {
                self.end_sessions().await;
                let _ = done.send(());
            }
            Order::Open(done) => {
                let _ = done.send(self.open_again());
            }
        }
    }

    /// Nobody who waits to be accepted is, and nobody else.
    fn close(&mut self) {
        if self.socket.take().is_none() {
            return;
        }
        if let ListenerAddress::Unix(path) = &self.address {
            // One that is gone already was not needed any more either.
            let _ = std::fs::remove_file(path);
        }
    }

    fn open_again(&mut self) -> io::Result<()> {
        if self.socket.is_none() {
            self.socket = Some(self.place.bind()?);
        }
        Ok(())
    }

    async fn end_sessions(&mut self) {
        self.entering.shutdown().await;
        let open = self
            .broker
            .close_connections("broker forced connection closure with reason 'shutdown'");
        tracing::info!(connections = open, "closing connections");
        if !self.all_left().await {
            tracing::warn!(
                connections = self.sessions.len(),
                "these connections did not answer connection.close in time and are dropped"
            );
            self.sessions.shutdown().await;
        }
    }

    /// Waits for the sessions, within bounds; says whether all have ended.
    async fn all_left(&mut self) -> bool {
        let broker = Arc::clone(&self.broker);
        let now = || broker.clock().real_now();
        let moved = || {
            let counts = broker.connection_counts();
            counts.values().map(|counts| counts.received_bytes + counts.sent_bytes).sum()
        };
        let mut leaving = Leaving::new(now(), moved());
        loop {
            let look = Duration::from_millis(SHUTDOWN_LOOK_MS);
            match timeout(look, self.sessions.join_next()).await {
                Ok(None) => return true,
                Ok(Some(ended)) => {
                    report(ended);
                    leaving.left(now());
                }
                Err(_) => {}
            }
            if leaving.is_over(now(), moved()) {
                return self.sessions.is_empty();
            }
        }
    }

    fn admit(&mut self, accepted: Accepted) {
        let caller = match &accepted {
            Accepted::Tcp(stream, peer) => Caller::tcp(*peer, stream.local_addr().ok()),
            Accepted::Unix(_) => Caller::plain(CallerAddress::Unix),
        };
        if self.sessions.len() + self.entering.len() >= CONNECTIONS_MAX {
            tracing::warn!(peer = %caller.address, connections = CONNECTIONS_MAX, "connection refused: too many are open");
            return;
        }
        match accepted {
            Accepted::Unix(stream) => self.open(stream, caller),
            Accepted::Tcp(stream, _) => {
                if let Err(error) = stream.set_nodelay(self.nodelay) {
                    tracing::debug!(peer = %caller.address, error = %error, "the socket is gone already");
                } else if self.entrance.is_open() {
                    self.open(stream, caller);
                } else {
                    self.entering.spawn(self.entrance.clone().enter(stream, caller));
                }
            }
        }
    }

    fn entered(&mut self, entered: Entered) {
        match entered.stream {
            EnteredStream::Plain(stream) => self.open(stream, entered.caller),
            EnteredStream::Tls(stream) => self.open(*stream, entered.caller),
        }
    }

    fn open<S>(&mut self, stream: S, caller: Caller)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let settings = self.settings();
        let session = Session::new(Parts {
            stream,
            caller,
            id: self.broker.next_connection_id(),
            broker: Arc::clone(&self.broker),
            settings,
        });
        self.sessions.spawn(session.run());
    }

    /// What a new connection is told: with the name that the cluster has now.
    fn settings(&mut self) -> Arc<Settings> {
        let name = self.broker.cluster_name();
        if self.told.0 != name {
            let settings = match &name {
                Some(name) => Arc::new(self.configured.named(name)),
                None => Arc::clone(&self.configured),
            };
            self.told = (name, settings);
        }
        Arc::clone(&self.told.1)
    }
}

fn bind_tcp(settings: &ListenerSettings) -> io::Result<TcpListener> {
    let domain = Domain::for_address(settings.address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it.
    socket.set_keepalive(settings.keepalive)?;
    socket.set_nonblocking(true)?;
    socket.bind(&settings.address.into())?;
    socket.listen(i32::try_from(settings.backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

impl Place {
    fn bind(&self) -> io::Result<Bound> {
        match self {
            Self::Inet(settings) => bind_tcp(settings).map(Bound::Tcp),
            Self::Unix(settings) => {
                let UnixListenerSettings { path, mode, backlog } = settings;
                unix_socket::bind(path, *mode, *backlog).map(Bound::Unix)
            }
        }
    }
}

/// Never ready while there is no socket.
async fn accept(socket: Option<&Bound>) -> io::Result<Accepted> {
    match socket {
        Some(socket) => socket.accept().await,
        None => pending().await,
    }
}

impl Bound {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(socket) => socket.accept().await.map(|(s, peer)| Accepted::Tcp(s, peer)),
            Self::Unix(socket) => socket.accept().await.map(|(s, _)| Accepted::Unix(s)),
        }
    }
}

impl ListenerAddress {
    /// The address, unless it is behind a file.
    #[must_use]
    pub fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The port, where there is one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.socket().map(|address| address.port())
    }
}

impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A task never fails but by a broken invariant of ours; that ends its connection only.
fn report<T>(ended: Result<T, JoinError>) -> Option<T> {
    ended
        .inspect_err(|error| {
            if error.is_panic() {
                tracing::error!(error = %error, "a connection's task broke an invariant and was ended");
            }
        })
        .ok()
}
