//! Accepts connections and owns their tasks.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Duration, sleep, timeout};

use super::session::{Parts, Session};
use crate::base::limits::{CONNECTIONS_MAX, SHUTDOWN_TIMEOUT_MS};
use crate::broker::Broker;
use crate::protocol::Settings;

/// How a listener is set up.
#[derive(Clone, Copy, Debug)]
pub struct ListenerSettings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// Whether small writes go out at once.
    pub nodelay: bool,
    /// Whether the system asks silent peers if they are there.
    pub keepalive: bool,
}

/// A bound port and the sessions that came through it.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    nodelay: bool,
    broker: Arc<Broker>,
    settings: Arc<Settings>,
    sessions: JoinSet<()>,
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
        let domain = Domain::for_address(settings.address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for the old connections' TIME_WAIT.
        socket.set_reuse_address(true)?;
        // Accepted sockets inherit it.
        socket.set_keepalive(settings.keepalive)?;
        socket.set_nonblocking(true)?;
        socket.bind(&settings.address.into())?;
        socket.listen(i32::try_from(settings.backlog).unwrap_or(i32::MAX))?;
        let socket = TcpListener::from_std(socket.into())?;
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            address,
            nodelay: settings.nodelay,
            broker,
            settings: protocol,
            sessions: JoinSet::new(),
        })
    }

    /// Where it listens; the port is the real one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until `stop` is there; then nothing more is accepted, every connection is closed with
    /// 320 `broker forced connection closure with reason 'shutdown'`, and those that do not end in
    /// time are dropped.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer),
                    Err(error) => {
                        tracing::error!(error = %error, "accepting a connection failed; trying again");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = self.sessions.join_next(), if !self.sessions.is_empty() => report(ended),
            }
        }
        drop(self.socket);
        let open = self
            .broker
            .close_connections("broker forced connection closure with reason 'shutdown'");
        tracing::info!(connections = open, "closing connections");
        let rest = async {
            while let Some(ended) = self.sessions.join_next().await {
                report(ended);
            }
        };
        if timeout(Duration::from_millis(SHUTDOWN_TIMEOUT_MS), rest).await.is_err() {
            tracing::warn!(
                connections = self.sessions.len(),
                "these connections did not answer connection.close in time and are dropped"
            );
            self.sessions.shutdown().await;
        }
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        // A listener of both families shows an IPv4 peer as an IPv6 one, and 127.0.0.1 as a stranger.
        let peer = canonical(peer);
        if self.sessions.len() >= CONNECTIONS_MAX {
            tracing::warn!(peer = %peer, connections = CONNECTIONS_MAX, "connection refused: too many are open");
            return;
        }
        if let Err(error) = stream.set_nodelay(self.nodelay) {
            tracing::debug!(peer = %peer, error = %error, "the socket is gone already");
            return;
        }
        let session = Session::new(Parts {
            local: stream.local_addr().ok().map(canonical),
            stream,
            peer,
            id: self.broker.next_connection_id(),
            broker: Arc::clone(&self.broker),
            settings: Arc::clone(&self.settings),
        });
        self.sessions.spawn(session.run());
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A session never fails but by a broken invariant of ours; that ends its connection only.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(error = %error, "a connection's task broke an invariant and was ended");
    }
}
