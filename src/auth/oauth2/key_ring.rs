//! The keys that tokens are verified with: those of the configuration, and those of a key server.
//!
//! A key server is asked when a token names a key that is not known, at most once in [`JWKS_REFETCH_MIN_MS`] and by one
//! at a time, and when its keys are older than [`JWKS_AGE_MAX_MS`]. Keys that it no longer has are forgotten; when it
//! does not answer, those that it had stay.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::Semaphore;

use super::Key;
use super::token::TokenError;
use crate::access::ShownName;
use crate::base::limits::{JWKS_AGE_MAX_MS, JWKS_KEYS_MAX, JWKS_REFETCH_MIN_MS};
use crate::base::{Clock, Millis};
use crate::fetch::{Fetch, FetchSettings};

/// Where keys are published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeySource {
    /// At this address.
    Keys(String),
    /// Where the document at this address says (`OpenID` Connect Discovery).
    Discovery(String),
}

/// A key server.
#[derive(Clone, Debug)]
pub struct KeyServer {
    /// Where.
    pub source: KeySource,
    /// How it is asked.
    pub fetch: FetchSettings,
}

/// See the module.
pub(super) struct KeyRing {
    own: BTreeMap<String, Key>,
    server: Option<Server>,
    clock: Arc<dyn Clock>,
}

struct Server {
    source: KeySource,
    fetch: Fetch,
    /// Who has it asks.
    turn: Semaphore,
    fetched: Mutex<Fetched>,
}

#[derive(Default)]
struct Fetched {
    keys: Arc<BTreeMap<String, Key>>,
    /// When they came.
    at: Option<Millis>,
    /// When they were asked for last, and why they did not come.
    tried: Option<(Millis, Option<String>)>,
}

/// Why there is no key.
pub(super) enum NoKey {
    /// There is none of this id.
    Token(TokenError),
    /// Nobody knows.
    Server(String),
}

impl KeyRing {
    pub(super) fn new(
        own: BTreeMap<String, Key>,
        server: Option<KeyServer>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let server = server.map(|KeyServer { source, fetch }| Server {
            source,
            fetch: Fetch::new(fetch),
            turn: Semaphore::new(1),
            fetched: Mutex::default(),
        });
        Self { own, server, clock }
    }

    /// The key of this id.
    pub(super) async fn find(&self, id: &str) -> Result<Key, NoKey> {
        if let Some(key) = self.own.get(id) {
            return Ok(key.clone());
        }
        let unknown = || NoKey::Token(TokenError::UnknownKey(ShownName::new(id.as_bytes())));
        let Some(server) = &self.server else { return Err(unknown()) };
        if let Some(key) = server.fresh(id, self.clock.now()) {
            return Ok(key);
        }
        // It is never closed.
        let _turn = server.turn.acquire().await;
        let now = self.clock.now();
        // Whoever had the turn before may have brought it.
        if let Some(key) = server.fresh(id, now) {
            return Ok(key);
        }
        if server.may_ask(now) {
            let asked = server.ask().await;
            server.came(asked, now);
        }
        match server.known(id) {
            (Some(key), _) => Ok(key),
            (None, Some(cause)) => Err(NoKey::Server(cause)),
            (None, None) => Err(unknown()),
        }
    }
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, Fetched> {
        // Swapped as a whole.
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that came not too long ago.
    fn fresh(&self, id: &str, now: Millis) -> Option<Key> {
        let fetched = self.lock();
        let at = fetched.at?;
        (now.since(at) < JWKS_AGE_MAX_MS).then(|| fetched.keys.get(id).cloned())?
    }

    /// A key whenever it came, and why the server did not answer the last time.
    fn known(&self, id: &str) -> (Option<Key>, Option<String>) {
        let fetched = self.lock();
        let cause = fetched.tried.as_ref().and_then(|(_, cause)| cause.clone());
        (fetched.keys.get(id).cloned(), cause)
    }

    fn may_ask(&self, now: Millis) -> bool {
        let fetched = self.lock();
        fetched.tried.as_ref().is_none_or(|(at, _)| now.since(*at) >= JWKS_REFETCH_MIN_MS)
    }

    fn came(&self, asked: Result<BTreeMap<String, Key>, String>, now: Millis) {
        let mut fetched = self.lock();
        match asked {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "keys for tokens fetched from the key server");
                *fetched =
                    Fetched { keys: Arc::new(keys), at: Some(now), tried: Some((now, None)) };
            }
            Err(cause) => {
                tracing::error!(
                    error = cause,
                    "no keys for tokens from the key server; those it gave before stay in use"
                );
                fetched.tried = Some((now, Some(cause)));
            }
        }
    }

    async fn ask(&self) -> Result<BTreeMap<String, Key>, String> {
        let address = match &self.source {
            KeySource::Keys(address) => address.clone(),
            KeySource::Discovery(address) => {
                let document = self.document(address).await?;
                let keys = document.get("jwks_uri").and_then(Value::as_str);
                let keys = keys.ok_or("the discovery document holds no jwks_uri")?;
                if !is_safe(keys) {
                    return Err("the discovery document's jwks_uri is not https".to_owned());
                }
                keys.to_owned()
            }
        };
        let document = self.document(&address).await?;
        let keys = document.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or("the answer of the key server holds no list of keys")?;
        let mut found = BTreeMap::new();
        for jwk in keys.iter().take(JWKS_KEYS_MAX) {
            let id = jwk.get("kid").and_then(Value::as_str);
            match (id, Key::from_jwk(jwk)) {
                // Who publishes a secret lets everybody make tokens.
                (Some(_), Ok(key)) if key.is_secret() => {
                    tracing::warn!("a secret that a key server publishes is left out");
                }
                (Some(id), Ok(key)) => _ = found.insert(id.to_owned(), key),
                // Keys for encryption, for instance.
                (_, Err(error)) => {
                    tracing::debug!(error = %error, "a key of the key server is left out");
                }
                (None, _) => {
                    tracing::debug!("a key of the key server without an id is left out");
                }
            }
        }
        Ok(found)
    }

    async fn document(&self, address: &str) -> Result<Value, String> {
        let (status, body) =
            self.fetch.fetch(address, None).await.map_err(|error| error.to_string())?;
        if status != 200 {
            return Err(format!(
                "the key server answered with status {status}, and 200 is expected"
            ));
        }
        serde_json::from_slice(&body)
            .map_err(|_| "the answer of the key server is no JSON".to_owned())
    }
}

/// Whether keys from there are those of who is meant: over TLS, or from this machine.
pub(super) fn is_safe(address: &str) -> bool {
    let Ok(address) = address.parse::<hyper::Uri>() else { return false };
    match (address.scheme_str(), address.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

impl KeySource {
    /// Whether nobody in between can give other keys: over TLS, or from this machine.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        match self {
            Self::Keys(address) | Self::Discovery(address) => is_safe(address),
        }
    }
}
