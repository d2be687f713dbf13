//! Puts the backends together that the settings ask for.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::access::Backend;
use crate::auth::{
    Cache, CacheSettings, HttpBackend, HttpBackendSettings, HttpMethod, KeyError, KeyServer,
    KeySource, Oauth2Backend, Oauth2Settings, UnknownAlgorithm, read_key,
};
use crate::base::Clock;
use crate::broker::{Authority, LoginBackend};
use crate::config::{
    AuthHttpSettings, AuthOauth2Settings, AuthenticationSettings, BackendChoice, BackendName,
};
use crate::fetch::{AuthorityError, FetchSettings, trust};

/// Why a backend is not there. Shown as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthenticationError {
    #[error(
        "auth_backends asks for oauth2, which needs auth_oauth2.resource_server_id: the name that tokens call this \
         broker by"
    )]
    NoResourceServer,
    #[error(
        "auth_backends asks for oauth2, which needs keys: set auth_oauth2.signing_keys.ID, auth_oauth2.jwks_uri or \
         auth_oauth2.issuer"
    )]
    NoKeys,
    #[error(
        "auth_oauth2.default_key = {0}: there is no auth_oauth2.signing_keys.{0}, and no key server"
    )]
    NoDefaultKey(String),
    #[error("auth_oauth2.signing_keys.{id} = {}: {error}: name a file that the broker may read", path.display())]
    KeyFile { id: String, path: PathBuf, error: io::Error },
    #[error("auth_oauth2.signing_keys.{id} = {}: {error}", path.display())]
    Key { id: String, path: PathBuf, error: KeyError },
    #[error(
        "auth_oauth2.{key} = {address}: keys that come without TLS can be anybody's: write https://, or name this machine"
    )]
    UnsafeServer { key: &'static str, address: String },
    #[error(
        "auth_backends asks for cache, which needs auth_cache.cached_backend: internal, http or oauth2"
    )]
    NoCached,
    #[error("auth_oauth2.algorithms: {0}")]
    Algorithm(#[from] UnknownAlgorithm),
    #[error("{0}")]
    Authorities(#[from] AuthorityError),
    #[error("cannot start: {0}")]
    Random(&'static str),
}

/// Everybody who is asked about logins, in order.
pub(crate) fn backends(
    settings: &AuthenticationSettings,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<LoginBackend>, AuthenticationError> {
    let mut built = Built { settings, clock, http: None, oauth2: None, caches: BTreeMap::new() };
    let internal = BackendChoice {
        authentication: BackendName::Internal,
        authorisation: BackendName::Internal,
    };
    let choices = match &settings.backends[..] {
        [] => &[internal],
        choices => choices,
    };
    choices.iter().map(|choice| built.place(*choice)).collect()
}

/// Each backend is there once, however often it is named.
struct Built<'a> {
    settings: &'a AuthenticationSettings,
    clock: &'a Arc<dyn Clock>,
    http: Option<Arc<dyn Backend>>,
    oauth2: Option<Arc<dyn Backend>>,
    caches: BTreeMap<&'static str, Arc<dyn Backend>>,
}

impl Built<'_> {
    fn place(&mut self, choice: BackendChoice) -> Result<LoginBackend, AuthenticationError> {
        let BackendChoice { authentication, authorisation } = choice;
        let (first, of_first) = self.authority(authentication, |cached| cached.authentication)?;
        let (second, of_second) = self.authority(authorisation, |cached| cached.authorisation)?;
        // One that does both is asked once.
        let authorisation = (of_first != of_second).then_some(second);
        Ok(LoginBackend { authentication: first, authorisation })
    }

    /// Who that is, the backend behind it, and whether a cache stands before it.
    fn authority(
        &mut self,
        name: BackendName,
        cached: impl Fn(BackendChoice) -> BackendName,
    ) -> Result<(Authority, (BackendName, bool)), AuthenticationError> {
        let (behind, is_cached) = match name {
            BackendName::Cache => {
                (cached(self.settings.cached.ok_or(AuthenticationError::NoCached)?), true)
            }
            name => (name, false),
        };
        let backend = match behind {
            // What is in memory already needs no memory before it.
            BackendName::Internal | BackendName::Cache => {
                return Ok((Authority::Internal, (BackendName::Internal, false)));
            }
            BackendName::Http => self.http()?,
            BackendName::Oauth2 => self.oauth2()?,
        };
        let backend = if is_cached { self.cache(backend)? } else { backend };
        Ok((Authority::Outside(backend), (behind, is_cached)))
    }

    fn cache(
        &mut self,
        backend: Arc<dyn Backend>,
    ) -> Result<Arc<dyn Backend>, AuthenticationError> {
        let name = backend.name();
        if let Some(cache) = self.caches.get(name) {
            return Ok(Arc::clone(cache));
        }
        // Tokens are looked at without asking anybody, and what a cache remembered of one would outlive it.
        if name == "oauth2" {
            return Ok(backend);
        }
        let settings = CacheSettings {
            ttl_ms: self.settings.cache_ttl_ms,
            refusals: self.settings.cache_refusals,
        };
        let cache = Cache::new(backend, settings, Arc::clone(self.clock));
        let cache: Arc<dyn Backend> = Arc::new(cache.map_err(AuthenticationError::Random)?);
        self.caches.insert(name, Arc::clone(&cache));
        Ok(cache)
    }

    fn http(&mut self) -> Result<Arc<dyn Backend>, AuthenticationError> {
        if let Some(http) = &self.http {
            return Ok(Arc::clone(http));
        }
        let AuthHttpSettings {
            is_post,
            user_path,
            vhost_path,
            resource_path,
            topic_path,
            request_timeout_ms,
            connection_timeout_ms,
            cacertfile,
        } = self.settings.http.clone();
        let paths = [&user_path, &vhost_path, &resource_path, &topic_path];
        let is_secure = paths.iter().any(|path| path.starts_with("https://"));
        let tls = || trust("auth_http.ssl_options.cacertfile", cacertfile.as_deref());
        let tls = is_secure.then(tls).transpose()?;
        let http: Arc<dyn Backend> = Arc::new(HttpBackend::new(HttpBackendSettings {
            method: if is_post { HttpMethod::Post } else { HttpMethod::Get },
            user_path,
            vhost_path,
            resource_path,
            topic_path,
            fetch: FetchSettings { tls, connection_timeout_ms, request_timeout_ms },
        }));
        self.http = Some(Arc::clone(&http));
        Ok(http)
    }

    fn oauth2(&mut self) -> Result<Arc<dyn Backend>, AuthenticationError> {
        if let Some(oauth2) = &self.oauth2 {
            return Ok(Arc::clone(oauth2));
        }
        let settings = oauth2_settings(&self.settings.oauth2)?;
        let backend = Oauth2Backend::new(settings, Arc::clone(self.clock));
        let oauth2: Arc<dyn Backend> = Arc::new(backend);
        self.oauth2 = Some(Arc::clone(&oauth2));
        Ok(oauth2)
    }
}

/// How long a key server may take; nobody configures it.
const KEY_SERVER_TIMEOUT_MS: u64 = 5_000;

fn oauth2_settings(settings: &AuthOauth2Settings) -> Result<Oauth2Settings, AuthenticationError> {
    let settings = settings.clone();
    let id = settings.resource_server_id.ok_or(AuthenticationError::NoResourceServer)?;
    let mut keys = BTreeMap::new();
    for (id, path) in settings.signing_keys {
        let bytes = fs::read(&path).map_err(|error| AuthenticationError::KeyFile {
            id: id.clone(),
            path: path.clone(),
            error,
        })?;
        let key = read_key(&bytes).map_err(|error| AuthenticationError::Key {
            id: id.clone(),
            path,
            error,
        })?;
        keys.insert(id, key);
    }
    let (key, address, source) = match (settings.jwks_uri, settings.issuer) {
        (Some(keys), _) => ("jwks_uri", keys.clone(), Some(KeySource::Keys(keys))),
        (None, Some(issuer)) => {
            let (base, path) = (issuer.trim_end_matches('/'), settings.discovery_path);
            let document = format!("{base}/{}", path.trim_start_matches('/'));
            ("issuer", issuer, Some(KeySource::Discovery(document)))
        }
        (None, None) => ("", String::new(), None),
    };
    if source.as_ref().is_some_and(|source| !source.is_safe()) {
        return Err(AuthenticationError::UnsafeServer { key, address });
    }
    if source.is_none() && keys.is_empty() {
        return Err(AuthenticationError::NoKeys);
    }
    if let Some(key) = &settings.default_key
        && source.is_none()
        && !keys.contains_key(key)
    {
        return Err(AuthenticationError::NoDefaultKey(key.clone()));
    }
    let server = source.map(|source| {
        let tls = trust("auth_oauth2.https.cacertfile", settings.cacertfile.as_deref());
        // A discovery document of this machine may name a server elsewhere, or need no TLS at all.
        let tls = if address.starts_with("https://") { Some(tls?) } else { tls.ok() };
        let (connection_timeout_ms, request_timeout_ms) =
            (KEY_SERVER_TIMEOUT_MS, KEY_SERVER_TIMEOUT_MS);
        let fetch = FetchSettings { tls, connection_timeout_ms, request_timeout_ms };
        Ok::<_, AuthenticationError>(KeyServer { source, fetch })
    });
    let algorithms = settings.algorithms.iter().map(|name| name.parse());
    Ok(Oauth2Settings {
        resource_server_id: id,
        scope_prefix: settings.scope_prefix,
        verify_audience: settings.verify_audience,
        name_claims: settings.name_claims,
        scope_claims: settings.scope_claims,
        aliases: settings.aliases,
        algorithms: algorithms.collect::<Result<_, _>>()?,
        default_key: settings.default_key,
        keys,
        server: server.transpose()?,
    })
}
