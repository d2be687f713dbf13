//! Who is asked about logins, and how.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::draft::Named;

/// Who is asked about logins, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuthenticationSettings {
    /// Who is asked, in order; empty: the users that the broker keeps. `auth_backends.*`.
    pub backends: Vec<BackendChoice>,
    /// What the backend `cache` stands before. `auth_cache.cached_backend`.
    pub cached: Option<BackendChoice>,
    /// How long it remembers, in ms. `auth_cache.cache_ttl`.
    pub cache_ttl_ms: u64,
    /// Whether it remembers a no. `auth_cache.cache_refusals`.
    pub cache_refusals: bool,
    /// The service behind the backend `http`.
    pub http: AuthHttpSettings,
    /// Tokens.
    pub oauth2: AuthOauth2Settings,
}

/// One place in the order of backends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackendChoice {
    /// Who says who somebody is.
    pub authentication: BackendName,
    /// Who says what they may do.
    pub authorisation: BackendName,
}

/// A backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackendName {
    /// The users that the broker keeps.
    Internal,
    /// An HTTP service.
    Http,
    /// Tokens.
    Oauth2,
    /// Another backend, and the memory of what it said.
    Cache,
}

/// The service behind the backend `http`. `auth_http.*`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuthHttpSettings {
    /// With a form rather than in the address. `auth_http.http_method`.
    pub is_post: bool,
    /// `auth_http.user_path`.
    pub user_path: String,
    /// `auth_http.vhost_path`.
    pub vhost_path: String,
    /// `auth_http.resource_path`.
    pub resource_path: String,
    /// `auth_http.topic_path`.
    pub topic_path: String,
    /// `auth_http.request_timeout`.
    pub request_timeout_ms: u64,
    /// `auth_http.connection_timeout`.
    pub connection_timeout_ms: u64,
    /// Who is trusted over HTTPS; `None`: whom the system trusts. `auth_http.ssl_options.cacertfile`.
    pub cacertfile: Option<PathBuf>,
}

/// Tokens. `auth_oauth2.*`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuthOauth2Settings {
    /// `auth_oauth2.resource_server_id`.
    pub resource_server_id: Option<String>,
    /// `auth_oauth2.scope_prefix`.
    pub scope_prefix: Option<String>,
    /// `auth_oauth2.additional_scopes_key`.
    pub scope_claims: Vec<String>,
    /// `auth_oauth2.preferred_username_claims.*`, in order.
    pub name_claims: Vec<String>,
    /// `auth_oauth2.scope_aliases.*`.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// `auth_oauth2.verify_aud`.
    pub verify_audience: bool,
    /// `auth_oauth2.default_key`.
    pub default_key: Option<String>,
    /// `auth_oauth2.signing_keys.*`.
    pub signing_keys: BTreeMap<String, PathBuf>,
    /// `auth_oauth2.jwks_uri`.
    pub jwks_uri: Option<String>,
    /// `auth_oauth2.issuer`.
    pub issuer: Option<String>,
    /// `auth_oauth2.discovery_endpoint_path`.
    pub discovery_path: String,
    /// Names of algorithms. `auth_oauth2.algorithms.*`.
    pub algorithms: Vec<String>,
    /// Who is trusted over HTTPS; `None`: whom the system trusts. `auth_oauth2.https.cacertfile`.
    pub cacertfile: Option<PathBuf>,
}

/// [`AuthenticationSettings`] that are not finished.
#[derive(Debug)]
pub(in crate::config) struct AuthenticationDraft {
    /// Settings that one key decides alone.
    pub plain: AuthenticationSettings,
    pub both: Named<BackendName>,
    pub authentication: Named<BackendName>,
    pub authorisation: Named<BackendName>,
    pub cached: [Option<BackendName>; 3],
    pub name_claims: Named<String>,
    pub algorithms: Named<String>,
    pub signing_keys: Named<PathBuf>,
    pub aliases: Named<Vec<String>>,
    pub alias_names: Named<String>,
    pub alias_scopes: Named<Vec<String>>,
}

impl AuthenticationDraft {
    pub(in crate::config) fn new() -> Self {
        Self {
            plain: AuthenticationSettings::default(),
            both: Named::new(),
            authentication: Named::new(),
            authorisation: Named::new(),
            cached: [None; 3],
            name_claims: Named::new(),
            algorithms: Named::new(),
            signing_keys: Named::new(),
            aliases: Named::new(),
            alias_names: Named::new(),
            alias_scopes: Named::new(),
        }
    }

    pub(in crate::config) fn finish(self) -> AuthenticationSettings {
        let mut settings = self.plain;
        let places = [&self.both, &self.authentication, &self.authorisation].map(Named::in_force);
        let mut places: Vec<&str> = places.into_iter().flatten().map(|(place, _)| place).collect();
        places.sort_by_key(|place| numbered(place));
        places.dedup();
        let of = |named: &Named<BackendName>, place: &str| {
            named.in_force().find(|(other, _)| *other == place).map(|(_, name)| *name)
        };
        settings.backends = places
            .into_iter()
            .filter_map(|place| {
                let both = of(&self.both, place);
                choice([both, of(&self.authentication, place), of(&self.authorisation, place)])
            })
            .collect();
        settings.cached = choice(self.cached);
        let oauth2 = &mut settings.oauth2;
        oauth2.name_claims = in_order(&self.name_claims);
        oauth2.algorithms = in_order(&self.algorithms);
        let keys = self.signing_keys.in_force();
        oauth2.signing_keys = keys.map(|(id, path)| (id.to_owned(), path.clone())).collect();
        let aliases = self.aliases.in_force();
        oauth2.aliases = aliases.map(|(name, all)| (name.to_owned(), all.clone())).collect();
        for (place, name) in self.alias_names.in_force() {
            let scopes = self.alias_scopes.in_force().find(|(other, _)| *other == place);
            if let Some((_, scopes)) = scopes {
                oauth2.aliases.insert(name.clone(), scopes.clone());
            }
        }
        settings
    }
}

/// One who is named for one of both does both, as for RabbitMQ.
fn choice(
    [both, authentication, authorisation]: [Option<BackendName>; 3],
) -> Option<BackendChoice> {
    let authentication = authentication.or(both).or(authorisation)?;
    let authorisation = authorisation.or(both).unwrap_or(authentication);
    Some(BackendChoice { authentication, authorisation })
}

/// RabbitMQ's files number the entries of a list: 10 comes behind 9.
fn numbered(place: &str) -> (u32, &str) {
    (place.parse().unwrap_or(u32::MAX), place)
}

fn in_order(named: &Named<String>) -> Vec<String> {
    let mut all: Vec<_> = named.in_force().collect();
    all.sort_by_key(|(place, _)| numbered(place));
    all.into_iter().map(|(_, value)| value.clone()).collect()
}
