//! Asks others who somebody is and what they may do: tokens (OAuth 2), an HTTP service, and a cache before it.
//!
//! Each is a [`Backend`](crate::access::Backend); the broker owns the order in which they are tried
//! (`broker/logins.rs`). Nothing here knows a connection. Whatever goes wrong says no, and the log says why; no secret is
//! ever logged.

mod cache;
mod http_backend;
mod oauth2;

pub use cache::{Cache, CacheSettings};
pub use http_backend::{HttpBackend, HttpBackendSettings, HttpMethod};
pub use oauth2::{
    Algorithm, KeyError, KeyServer, KeySource, Oauth2Backend, Oauth2Settings, UnknownAlgorithm,
    read_key,
};
