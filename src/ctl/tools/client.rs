//! Speaks HTTP with the management API, one request at a time, over a socket file, TCP or TLS.
//!
//! It runs on a runtime of one thread that works only while a request waits; the connection is driven
//! beside its request, so nothing is spawned.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use super::place::Place;
use super::trust::hint;
use crate::base::limits::CTL_ANSWER_BYTES_MAX;

/// Why a request has no good answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Nobody listens there.
    #[error("{place}: {reason}")]
    Unreachable { place: String, reason: String },
    #[error("no answer within {0} s")]
    TimedOut(u64),
    /// The login is not good enough.
    #[error("{0}")]
    Denied(String),
    /// There is no such thing.
    #[error("{0}")]
    Missing(String),
    /// The API says what is wrong.
    #[error("{reason}")]
    Refused { status: u16, reason: String, body: Value },
    /// The answer is none of this API.
    #[error("{0}")]
    Strange(String),
}

/// What came back: whether something new was made, and the document.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub body: Value,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub method: &'a Method,
    /// Begins behind the prefix, with `/api`.
    pub path: &'a str,
    pub body: Option<&'a Value>,
    /// Why something is closed.
    pub reason: Option<&'a str>,
    /// How long it may take, in seconds.
    pub timeout_s: u64,
}

/// A way to a broker, and what drives it.
pub(crate) struct Client {
    way: Way,
    runtime: Runtime,
}

/// A way to a broker: where it is, and the connection while there is one.
pub(crate) struct Way {
    place: Place,
    tls: Option<TlsConnector>,
    open: Option<Open>,
}

/// Both kinds of stream.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

type Wire = TokioIo<Box<dyn Stream>>;

/// A connection, and the end of it that takes requests.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    connection: Pin<Box<Connection<Wire, Full<Bytes>>>>,
}

impl Client {
    /// `tls` is what HTTPS is spoken with.
    pub(crate) fn new(place: Place, tls: Option<TlsConnector>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { way: Way { place, tls, open: None }, runtime })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.way.place
    }

    /// Asks for something.
    pub(crate) fn request(&mut self, ask: Ask<'_>) -> Result<Reply, ApiError> {
        self.runtime.block_on(self.way.request(ask))
    }

    /// For whoever does something else while a request is on its way. The way is to be driven by this
    /// runtime, and to end before it.
    pub(crate) fn into_parts(self) -> (Way, Runtime) {
        (self.way, self.runtime)
    }
}

impl Way {
    /// Asks for something.
    pub(crate) async fn request(&mut self, ask: Ask<'_>) -> Result<Reply, ApiError> {
        let request = self.written(ask)?;
        let timeout_s = ask.timeout_s;
        let (way, open) = ((&self.place, self.tls.as_ref()), &mut self.open);
        let limit = Duration::from_secs(timeout_s);
        let answered = match tokio::time::timeout(limit, exchange(way, open, request)).await {
            Ok(answered) => answered,
            Err(_) => Err(ApiError::TimedOut(timeout_s)),
        };
        if answered.is_err() {
            // What is left of a request must not be taken for the answer to the next one.
            self.open = None;
        }
        let (status, bytes) = answered?;
        read(status, &bytes)
    }

    fn written(&self, ask: Ask<'_>) -> Result<Request<Full<Bytes>>, ApiError> {
        let Ask { method, path, body, reason, .. } = ask;
        let builder = Request::builder().method(method);
        let builder = match &self.place {
            Place::Socket(_) => builder.uri(path).header("host", "localhost"),
            Place::Address(address) => {
                let login = STANDARD.encode(format!("{}:{}", address.user, address.password));
                builder
                    .uri(format!("{}{path}", address.prefix))
                    .header("host", format!("{}:{}", address.host, address.port))
                    .header("authorization", format!("Basic {login}"))
            }
        };
        let mut builder = builder.header("accept", "application/json");
        if let Some(reason) = reason {
            // A header takes bytes, but no line break.
            let one_line: String =
                reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            builder = builder.header("x-reason", one_line.as_bytes());
        }
        let (builder, bytes) = match body {
            None => (builder, Bytes::new()),
            Some(body) => {
                let builder = builder.header("content-type", "application/json");
                (builder, Bytes::from(body.to_string()))
            }
        };
        builder.body(Full::new(bytes)).map_err(|error| ApiError::Strange(error.to_string()))
    }
}

async fn exchange(
    (place, tls): (&Place, Option<&TlsConnector>),
    open: &mut Option<Open>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), ApiError> {
    let lost = |error: &dyn std::fmt::Display| ApiError::Unreachable {
        place: place.to_string(),
        reason: error.to_string(),
    };
    let open = match open {
        Some(open) if !open.sender.is_closed() => open,
        slot => {
            let stream = connect(place, tls).await.map_err(|error| lost(&error))?;
            let (sender, connection) =
                handshake(TokioIo::new(stream)).await.map_err(|error| lost(&error))?;
            slot.insert(Open { sender, connection: Box::pin(connection) })
        }
    };
    let sender = &mut open.sender;
    let answer = async {
        // A request that was never begun is given up for the reason for which the connection ended.
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| lost(&with_causes(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), CTL_ANSWER_BYTES_MAX).collect().await;
        Ok((status, body.map_err(|error| lost(&error))?.to_bytes()))
    };
    let mut answer = std::pin::pin!(answer);
    let mut ended = None;
    // The connection moves the bytes; it may end before the answer was taken out of it.
    let answered = std::future::poll_fn(|context| {
        if ended.is_none()
            && let Poll::Ready(how) = open.connection.as_mut().poll(context)
        {
            ended = Some(how);
        }
        answer.as_mut().poll(context)
    })
    .await;
    match (answered, ended) {
        // Why the connection ended says more than that the request was given up.
        (Err(ApiError::Unreachable { place, .. }), Some(Err(error))) => {
            Err(ApiError::Unreachable { place, reason: with_causes(&error) })
        }
        (answered, _) => answered,
    }
}

/// An error with everything that it comes from, and what to do about it.
fn with_causes(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    let hint = hint(&text);
    text + hint
}

async fn connect(place: &Place, tls: Option<&TlsConnector>) -> io::Result<Box<dyn Stream>> {
    Ok(match place {
        Place::Socket(path) => Box::new(UnixStream::connect(path).await?),
        Place::Address(address) => {
            let host = address.host.trim_start_matches('[').trim_end_matches(']');
            let stream = TcpStream::connect((host, address.port)).await?;
            stream.set_nodelay(true)?;
            match tls {
                None => Box::new(stream),
                Some(tls) => {
                    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                    Box::new(tls.connect(name, stream).await.map_err(|error| with_hint(&error))?)
                }
            }
        }
    })
}

fn with_hint(error: &io::Error) -> io::Error {
    let text = error.to_string();
    io::Error::other(format!("{text}{}", hint(&text)))
}

fn read(status: StatusCode, bytes: &[u8]) -> Result<Reply, ApiError> {
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        match serde_json::from_slice(bytes) {
            Ok(body) => body,
            Err(_) if !status.is_success() => Value::Null,
            Err(error) => {
                return Err(ApiError::Strange(format!("the answer is no JSON: {error}")));
            }
        }
    };
    if status.is_success() {
        return Ok(Reply { status: status.as_u16(), body });
    }
    let reason = body.get("reason").and_then(Value::as_str).unwrap_or_default();
    let reason = if reason.is_empty() { status.to_string() } else { reason.to_owned() };
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ApiError::Denied(reason),
        StatusCode::NOT_FOUND => ApiError::Missing(reason),
        _ => ApiError::Refused { status: status.as_u16(), reason, body },
    })
}
