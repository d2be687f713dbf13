//! Requests to a service, and their answers: bounded in time, in size and in number.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::link::{Link, Stream};
use crate::base::limits::AUTH_REQUESTS_MAX;

/// How services are asked.
#[derive(Clone, Debug)]
pub struct FetchSettings {
    /// Who is trusted; `None` where no HTTPS is spoken.
    pub tls: Option<Arc<ClientConfig>>,
    /// How long a connection may take, TLS included, in ms.
    pub connection_timeout_ms: u64,
    /// How long all of it may take, in ms.
    pub request_timeout_ms: u64,
}

/// Asks services. See the module.
#[derive(Debug)]
pub struct Fetch {
    settings: FetchSettings,
    turns: Semaphore,
    /// There when the last connection is kept for the next request, with what it leads to. A leaf lock.
    kept: Option<Mutex<Option<(Place, Link)>>>,
}

/// Scheme and authority of an address.
type Place = (Option<String>, Option<String>);

/// Why there is no answer. Says nothing of what was asked, which may be secret.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not an address that can be asked.
    #[error("the address must begin with http:// or https:// and name a host")]
    Address,
    /// Nobody is there.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, io::Error),
    /// It takes too long.
    #[error("no {what} from {host} within {ms} ms")]
    TimedOut {
        /// What is missing.
        what: &'static str,
        /// Who is silent.
        host: String,
        /// How long it was waited.
        ms: u64,
    },
    /// What came is no HTTP.
    #[error("{0} does not speak HTTP as it should: {1}")]
    Strange(String, String),
}

/// What is sent with a POST.
#[derive(Clone, Debug)]
pub struct Sent {
    /// `content-type`.
    pub content_type: &'static str,
    /// More headers, names and values; they may be secret.
    pub headers: Arc<[(HeaderName, HeaderValue)]>,
    /// The body.
    pub body: Bytes,
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `retry-after`, when it is a number of seconds.
    pub retry_after_s: Option<u64>,
    /// The body.
    pub body: Bytes,
}

impl Fetch {
    /// Ready to ask.
    #[must_use]
    pub fn new(settings: FetchSettings) -> Self {
        Self { settings, turns: Semaphore::new(AUTH_REQUESTS_MAX), kept: None }
    }

    /// As [`Self::new`], for one service that is asked again and again: the connection stays open for the next
    /// request. A request that fails on a connection that was kept is sent once more over a new one.
    #[must_use]
    pub fn keeping_connection(settings: FetchSettings) -> Self {
        Self { kept: Some(Mutex::default()), ..Self::new(settings) }
    }

    /// Gets the answer to a GET, or with a form to a POST: its status and its body.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, uri: &str, form: Option<String>) -> Result<(u16, Bytes), FetchError> {
        let sent = form.map(|form| Sent {
            content_type: "application/x-www-form-urlencoded",
            headers: Arc::new([]),
            body: Bytes::from(form),
        });
        let answer = self.ask(uri, sent).await?;
        Ok((answer.status, answer.body))
    }

    /// Gets the answer to a GET, or to a POST when something is sent.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn ask(&self, uri: &str, sent: Option<Sent>) -> Result<Answer, FetchError> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        let uri: Uri = uri.parse().map_err(|_| FetchError::Address)?;
        let host = uri.host().ok_or(FetchError::Address)?.to_owned();
        let ms = self.settings.request_timeout_ms;
        let exchange = self.exchange(&uri, &host, sent);
        match timeout(Duration::from_millis(ms), exchange).await {
            Ok(answered) => answered,
            Err(_) => Err(FetchError::TimedOut { what: "answer", host, ms }),
        }
    }

    async fn exchange(
        &self,
        uri: &Uri,
        host: &str,
        sent: Option<Sent>,
    ) -> Result<Answer, FetchError> {
        let strange = |error: String| FetchError::Strange(host.to_owned(), error);
        let request = request(uri, sent).map_err(|error| strange(error.to_string()))?;
        if let Some(mut link) = self.kept_to(uri)
            && link.is_ready().await
            // Another failure than an answer may be the service's word that it closed the connection just now.
            && let Ok(answer) = link.ask(request.clone()).await
        {
            self.keep(uri, link);
            return Ok(answer);
        }
        let ms = self.settings.connection_timeout_ms;
        let connecting = timeout(Duration::from_millis(ms), self.connect(uri, host)).await;
        let stream = connecting.map_err(|_| FetchError::TimedOut {
            what: "connection",
            host: host.to_owned(),
            ms,
        })??;
        let mut link = Link::open(stream).await.map_err(strange)?;
        let answer = link.ask(request).await.map_err(strange)?;
        self.keep(uri, link);
        Ok(answer)
    }

    /// The connection that was kept, if it leads there; it is nobody else's meanwhile.
    fn kept_to(&self, uri: &Uri) -> Option<Link> {
        let mut kept = self.kept.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, link) = kept.take()?;
        (place == place_of(uri)).then_some(link)
    }

    /// Keeps a connection for the next request; one that was kept meanwhile is closed.
    fn keep(&self, uri: &Uri, link: Link) {
        if let Some(kept) = &self.kept
            && link.is_open()
        {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((place_of(uri), link));
        }
    }

    async fn connect(&self, uri: &Uri, host: &str) -> Result<Box<dyn Stream>, FetchError> {
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(FetchError::Address),
        };
        let failed = |error| FetchError::Connect(host.to_owned(), error);
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let stream = TcpStream::connect((name, port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        if !is_secure {
            return Ok(Box::new(stream));
        }
        let tls = self.settings.tls.as_ref().ok_or(FetchError::Address)?;
        let server = ServerName::try_from(name.to_owned()).map_err(|_| FetchError::Address)?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(server, stream).await;
        Ok(Box::new(stream.map_err(failed)?))
    }
}

fn place_of(uri: &Uri) -> Place {
    let authority = uri.authority().map(|authority| authority.as_str().to_owned());
    (uri.scheme_str().map(str::to_owned), authority)
}

fn request(uri: &Uri, sent: Option<Sent>) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder().uri(path).header("host", authority);
    match sent {
        None => request.body(Full::new(Bytes::new())),
        Some(Sent { content_type, headers, body }) => headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value))
            .method("POST")
            .header("content-type", content_type)
            .body(Full::new(body)),
    }
}
