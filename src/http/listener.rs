//! Where HTTP is spoken: a port for the network, and a socket file for who is on this machine.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener as TokioUnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::authentication::{Origin, Wire};
use super::management::Management;
use super::{metrics, service};
use crate::base::limits::{
    HTTP_CONNECTIONS_MAX, HTTP_DRAIN_MS, HTTP_HEAD_BYTES_MAX, HTTP_SILENCE_MS,
};
use crate::net::{HandshakeError, Tls};

/// How long accepting rests after the machine refused a socket (no descriptors left, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long refused connections are only counted after some were told of.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// Connections that the system may hold until they are accepted.
const BACKLOG: i32 = 128;

/// A bound port.
pub struct HttpListener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
}

/// A bound socket file; it is removed when this is dropped.
pub struct UnixListener {
    socket: TokioUnixListener,
    _file: SocketFile,
}

struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // One that is left behind is replaced by the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl HttpListener {
    /// Binds a port, for HTTPS with `tls`; nothing is accepted before [`Self::run`].
    ///
    /// # Errors
    /// As the system says: the port is taken, the address is not this machine's.
    pub fn bind(address: SocketAddr, tls: Option<Arc<Tls>>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for the old connections' TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from_std(socket.into())?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, tls })
    }

    /// Whether HTTPS is spoken.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Where it listens; the port is the real one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is there; requests that are being answered are waited for, for a while.
    pub async fn run(self, management: Arc<Management>, stop: impl Future<Output = ()>) {
        self.serve(service::router(management), stop).await;
    }

    /// As [`Self::run`], with the pages of metrics.
    pub async fn run_metrics(self, management: Arc<Management>, stop: impl Future<Output = ()>) {
        self.serve(metrics::router(management), stop).await;
    }

    async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut connections = Connections::new(router);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let origin = Origin::Network(peer.ip().to_canonical());
                        match &self.tls {
                            None => connections.serve(stream, origin, Wire::Open),
                            Some(tls) => connections.shake_hands(stream, peer, origin, tls),
                        }
                    }
                    Err(error) => pause(&error).await,
                },
                Some(_) = connections.tasks.join_next(), if !connections.tasks.is_empty() => {}
            }
        }
        drop(self.socket);
        connections.drain().await;
    }
}

impl UnixListener {
    /// Binds a socket file that only the user of this process can open. One that was left there is replaced: the
    /// data folder, in which it lies, is this process's alone.
    ///
    /// # Errors
    /// As the system says; a path of more than some hundred bytes is too long for it.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Before it has a name, so that there is no moment in which others can open it.
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::fchmod(&socket, mode)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile(path.to_owned());
        rustix::fs::chmod(path, mode)?;
        socket.listen(BACKLOG)?;
        let socket = TokioUnixListener::from_std(std::os::unix::net::UnixListener::from(
            std::os::fd::OwnedFd::from(socket),
        ))?;
        Ok(Self { socket, _file: file })
    }

    /// As [`HttpListener::run`].
    pub async fn run(self, management: Arc<Management>, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut connections = Connections::new(service::router(management));
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.serve(stream, Origin::SocketFile, Wire::Open);
                    }
                    Err(error) => pause(&error).await,
                },
                Some(_) = connections.tasks.join_next(), if !connections.tasks.is_empty() => {}
            }
        }
        connections.drain().await;
    }
}

async fn pause(error: &io::Error) {
    tracing::error!(error = %error, "accepting a management connection failed; trying again");
    sleep(ACCEPT_PAUSE).await;
}

/// The connections of one listener.
struct Connections {
    router: Router,
    tasks: JoinSet<()>,
    stopping: watch::Sender<bool>,
    refused: Refused,
}

/// Connections that were refused. A flood of them is told once in a while, so that it is none of lines.
#[derive(Default)]
struct Refused {
    untold: u64,
    told: Option<Instant>,
}

impl Refused {
    fn one_more(&mut self) {
        self.untold += 1;
        if self.told.is_none_or(|told| told.elapsed() >= REFUSED_PAUSE) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if self.untold > 0 {
            let (refused, connections) = (self.untold, HTTP_CONNECTIONS_MAX);
            tracing::warn!(
                refused,
                connections,
                "management connections refused: too many are open"
            );
            (self.untold, self.told) = (0, Some(Instant::now()));
        }
    }
}

impl Connections {
    fn new(router: Router) -> Self {
        Self {
            router,
            tasks: JoinSet::new(),
            stopping: watch::channel(false).0,
            refused: Refused::default(),
        }
    }

    fn serve<S>(&mut self, stream: S, origin: Origin, wire: Wire)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if self.has_room() {
            let (router, stopping) = (self.router.clone(), self.stopping.subscribe());
            self.tasks.spawn(connection(stream, (origin, wire), router, stopping));
        }
    }

    /// Serves a connection once it speaks TLS. It counts from now on.
    fn shake_hands(&mut self, stream: TcpStream, peer: SocketAddr, origin: Origin, tls: &Arc<Tls>) {
        if !self.has_room() {
            return;
        }
        let (router, mut stopping) = (self.router.clone(), self.stopping.subscribe());
        let (tls, keys) = (Arc::clone(tls), tls.keys());
        self.tasks.spawn(async move {
            let accepted = tokio::select! {
                accepted = tls.accept(stream) => accepted,
                // Nothing was asked yet.
                () = stopped(&mut stopping) => return,
            };
            match accepted {
                Ok(stream) => connection(stream, (origin, Wire::Tls), router, stopping).await,
                Err(error @ HandshakeError::Silent) => {
                    tracing::debug!(peer = %peer, error = %error, "management connection ended early");
                }
                Err(error) => {
                    tracing::warn!(peer = %peer, keys, error = %error, "management connection refused");
                }
            }
        });
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.tasks.len() < HTTP_CONNECTIONS_MAX;
        if !has_room {
            self.refused.one_more();
        }
        has_room
    }

    async fn drain(mut self) {
        self.refused.tell();
        self.stopping.send_replace(true);
        let rest = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(Duration::from_millis(HTTP_DRAIN_MS), rest).await.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "these management requests were not answered in time and are dropped"
            );
        }
        self.tasks.shutdown().await;
    }
}

async fn connection<S>(
    stream: S,
    (origin, wire): (Origin, Wire),
    router: Router,
    mut stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        if let Some(uri) = without_last_slash(request.uri()) {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(origin);
        request.extensions_mut().insert(wire);
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HTTP_SILENCE_MS))
        .max_buf_size(HTTP_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a management connection ended early");
    }
}

/// Waits until the listener stops; one that is gone has stopped.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// `/api/queues/` is `/api/queues`, as for RabbitMQ.
fn without_last_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty())?;
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_slash_means_nothing() {
        let without = |text: &str| {
            let uri: Uri = text.parse().expect("a good path");
            without_last_slash(&uri).map(|uri| uri.to_string())
        };
        assert_eq!(without("/api/queues/?page=1"), Some("/api/queues?page=1".to_owned()));
        assert_eq!(without("/api/queues/%2F/"), Some("/api/queues/%2F".to_owned()));
        assert_eq!(without("/api/queues"), None);
        assert_eq!(without("/"), None);
    }
}
