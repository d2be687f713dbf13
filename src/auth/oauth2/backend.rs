//! Users who come with a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Key;
use super::algorithm::Algorithm;
use super::claims::Reading;
use super::key_ring::{KeyRing, KeyServer, NoKey};
use super::token::{TokenError, Unverified};
use crate::access::{Answer, Backend, BackendError, Known, Login};
use crate::base::Clock;

/// What tokens must be, and what they come to.
#[derive(Clone, Debug, Default)]
pub struct Oauth2Settings {
    /// The name of this broker among those that take tokens.
    pub resource_server_id: String,
    /// What stands before its scopes; `None`: the name and a dot.
    pub scope_prefix: Option<String>,
    /// Whether the token must be for this broker.
    pub verify_audience: bool,
    /// Claims that may hold the user's name, before `sub` and `client_id`.
    pub name_claims: Vec<String>,
    /// More claims that hold scopes: paths with dots.
    pub scope_claims: Vec<String>,
    /// Scopes that stand for others.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// How tokens may be signed; empty: in every way that the keys allow.
    pub algorithms: Vec<Algorithm>,
    /// The key of tokens that name none.
    pub default_key: Option<String>,
    /// Keys by id.
    pub keys: BTreeMap<String, Key>,
    /// Where more keys are.
    pub server: Option<KeyServer>,
}

/// See the module.
pub struct Oauth2Backend {
    reading: Reading,
    algorithms: Vec<Algorithm>,
    default_key: Option<String>,
    keys: KeyRing,
    clock: Arc<dyn Clock>,
}

impl Oauth2Backend {
    /// Ready to look at tokens. No key server is asked yet.
    #[must_use]
    pub fn new(settings: Oauth2Settings, clock: Arc<dyn Clock>) -> Self {
        let id = settings.resource_server_id;
        let reading = Reading {
            scope_prefix: settings.scope_prefix.unwrap_or_else(|| format!("{id}.")),
            resource_server_id: id,
            verify_audience: settings.verify_audience,
            name_claims: settings.name_claims,
            scope_claims: settings.scope_claims,
            aliases: settings.aliases,
        };
        Self {
            reading,
            algorithms: settings.algorithms,
            default_key: settings.default_key,
            keys: KeyRing::new(settings.keys, settings.server, Arc::clone(&clock)),
            clock,
        }
    }

    async fn find(&self, login: &Login) -> Result<Known, BackendError> {
        // A certificate is no token.
        let token = login.password.as_deref().ok_or(TokenError::NoToken).map_err(refused)?;
        let token = Unverified::parse(token).map_err(refused)?;
        let key_id = token.key_id.as_ref().or(self.default_key.as_ref());
        let key_id = key_id.ok_or(TokenError::NoKeyId).map_err(refused)?;
        let key = self.keys.find(key_id).await.map_err(|error| match error {
            NoKey::Token(error) => refused(error),
            NoKey::Server(cause) => BackendError::Failed(cause),
        })?;
        let claims = token.verify(&key, key_id, &self.algorithms).map_err(refused)?;
        self.reading.read(&claims, self.clock.unix_seconds()).map_err(refused)
    }
}

impl Backend for Oauth2Backend {
    fn name(&self) -> &'static str {
        "oauth2"
    }

    fn log_in<'a>(&'a self, login: &'a Login) -> Answer<'a, Result<Known, BackendError>> {
        Box::pin(self.find(login))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn refused(error: TokenError) -> BackendError {
    BackendError::Refused(error.to_string())
}
